// HMAC-SHA256 (RFC 2104), for signatures of what is sent to others.
#pragma once

#include <string>
#include <string_view>

namespace plumbline {

/// 64 lower-case hex digits.
[[nodiscard]] std::string hmac_sha256_hex(std::string_view key, std::string_view text);

}  // namespace plumbline
