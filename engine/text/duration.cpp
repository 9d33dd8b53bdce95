#include "engine/text/duration.hpp"

#include <fmt/format.h>

namespace plumbline::engine {

std::string format_count(uint64_t value) {
    std::string digits = fmt::format("{}", value);
    for (size_t i = digits.size(); i > 3; i -= 3) {
        digits.insert(i - 3, ",");
    }
    return digits;
}

std::string count_of(uint64_t count, std::string_view one, std::string_view several) {
    return fmt::format("{} {}", count, count == 1 ? one : several);
}

std::string format_progress(std::string_view what, std::string_view part, uint64_t done,
                            uint64_t total) {
    return fmt::format("{}: {} {}{}", what, part, format_count(done),
                       total == 0 ? std::string{} : " of " + format_count(total));
}

namespace {

constexpr int64_t kYear = 31'556'952;  // Gregorian

}  // namespace

std::string format_duration(int64_t seconds) {
    if (seconds < 60) {
        return fmt::format("{}s", seconds);
    }
    if (seconds < 3600) {
        return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
    }
    if (seconds < 86'400) {
        return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
    }
    if (const int64_t years = seconds / kYear; years >= 2) {
        return fmt::format("{} years", years);
    }
    return fmt::format("{}d{:02}h", seconds / 86'400, seconds % 86'400 / 3600);
}

}  // namespace plumbline::engine
