// An entity's key as people read and write it. One text everywhere: in messages and findings, as
// `plumbline get` and `--after` take it, and in the API's paths.
#pragma once

#include <string>
#include <string_view>

#include "storage/layout.hpp"

namespace plumbline::storage {

/// "id=7,user=0x...": each field's name and value, in the key's order. The encoded key in 0x hex
/// where that could not be read back: bytes that are no key of the layout, and strings that hold a
/// comma, '=' or a control character.
[[nodiscard]] std::string key_text(const EntityLayout& layout, std::string_view key);

}  // namespace plumbline::storage
