// `slots`: where a contract keeps values, as the file says it.
#pragma once

#include <string_view>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/config/config_section.hpp"

namespace plumbline::engine {

/// A list of operands, each with its place.
[[nodiscard]] Result<std::vector<Operand>> read_operands(const Section& section,
                                                         const TomlValue& value,
                                                         std::string_view key);
/// `slots = { field = { base = 3, keys = ["id"], word = 0, offset = 0 } }`
[[nodiscard]] Status read_slots(const Section& section, const TomlValue& value,
                                std::vector<SlotConfig>& out);

}  // namespace plumbline::engine
