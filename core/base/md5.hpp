// MD5, for comparing with what a SQL database can calculate itself. It protects from nothing.
#pragma once

#include <string>
#include <string_view>

namespace plumbline {

/// 16 bytes.
[[nodiscard]] std::string md5(std::string_view text);

}  // namespace plumbline
