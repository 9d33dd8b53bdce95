// The project's version, as `plumbline --version` and the database tell it.
#pragma once

#include <string_view>

namespace plumbline::engine {

[[nodiscard]] std::string_view version() noexcept;

}  // namespace plumbline::engine
