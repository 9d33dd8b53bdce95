// Durations and counts as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace plumbline::engine {

/// "1,234,567"
[[nodiscard]] std::string format_count(uint64_t value);
/// "1 event", "2 events": with `one` where it is one.
[[nodiscard]] std::string count_of(uint64_t count, std::string_view one, std::string_view several);
/// "log: blocks 1,200 of 5,063", and without a total (0) "state: quest 1,200"
[[nodiscard]] std::string format_progress(std::string_view what, std::string_view part,
                                          uint64_t done, uint64_t total);
/// "45s", "3m05s", "2h10m", "3d04h": the two largest units, cut off; from two
/// years on "3 years". Not for negative spans.
[[nodiscard]] std::string format_duration(int64_t seconds);

}  // namespace plumbline::engine
