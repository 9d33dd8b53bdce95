// Durations and counts as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace plumbline::engine {

/// "1,234,567"
[[nodiscard]] std::string format_count(uint64_t value);
/// "45s", "3m05s", "2h10m", "3d04h": the two largest units, cut off; from two
/// years on "3 years". Not for negative spans.
[[nodiscard]] std::string format_duration(int64_t seconds);

}  // namespace plumbline::engine
