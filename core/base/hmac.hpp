// HMAC-SHA256 (RFC 2104), for signatures of what is sent to others.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace plumbline {

/// The 32 bytes of the tag. A key of any length.
[[nodiscard]] std::array<uint8_t, 32> hmac_sha256(std::string_view key, std::string_view text);

}  // namespace plumbline
