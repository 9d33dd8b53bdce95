// An entity's key as people read and write it. One text everywhere: in messages and findings, as
// `plumbline get` and `--after` take it, and in the API's paths.
#pragma once

#include <string>
#include <string_view>

#include "storage/layout.hpp"

namespace plumbline::storage {

/// "id=7,user=0x...": each field's name and value, in the key's order; strings as
/// core/base/printable_text.hpp shows them in keys. The encoded key in 0x hex where the bytes are
/// no key of the layout.
[[nodiscard]] std::string key_text(const EntityLayout& layout, std::string_view key);

}  // namespace plumbline::storage
