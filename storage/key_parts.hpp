// Cutting entity keys and index keys into their fields without decoding them. For storage and
// query.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "storage/layout.hpp"

namespace plumbline::storage {

constexpr size_t kBadKeyPart = static_cast<size_t>(-1);

/// Bytes that a field of `type` takes at the front of `key`, its end mark included; kBadKeyPart
/// where the key does not hold one.
[[nodiscard]] size_t key_part_size(std::string_view key, FieldType type) noexcept;
/// The text of a bytes or string part as `key_part_size` cut it.
[[nodiscard]] std::string decode_key_text(std::string_view part);

}  // namespace plumbline::storage
