// What to do about what PostgreSQL says, by SQLSTATE: its texts may be in any language.
#pragma once

#include <string_view>

namespace plumbline::sink {

/// About a statement that was refused; empty where there is nothing to say.
[[nodiscard]] std::string_view pg_advice(std::string_view sqlstate);
/// About a connection that was.
[[nodiscard]] std::string_view pg_connect_advice(std::string_view sqlstate);

}  // namespace plumbline::sink
