// Opening a database for the commands that mend its files.
#pragma once

#include "tools/command.hpp"

namespace plumbline::tools {

/// As `open_to_write`, by `storage::open_to_mend`.
[[nodiscard]] Result<std::unique_ptr<storage::Database>> open_to_mend(const std::string& path,
                                                                      std::string_view meanwhile);

}  // namespace plumbline::tools
