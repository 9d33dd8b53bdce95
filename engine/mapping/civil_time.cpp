#include "engine/mapping/civil_time.hpp"

#include <chrono>

namespace plumbline::engine {

uint64_t civil_time(TimePart part, uint64_t seconds) noexcept {
    using std::chrono::days;
    constexpr uint64_t kDay = 86'400;
    constexpr uint64_t kHour = 3'600;
    const std::chrono::sys_days day{days{static_cast<days::rep>(seconds / kDay)}};
    const std::chrono::year_month_day civil{day};
    const auto start_of = [](std::chrono::sys_days date) {
        return static_cast<uint64_t>(date.time_since_epoch().count()) * kDay;
    };
    switch (part) {
        case TimePart::kYear: return static_cast<uint64_t>(static_cast<int>(civil.year()));
        case TimePart::kMonth: return static_cast<unsigned>(civil.month());
        case TimePart::kDay: return static_cast<unsigned>(civil.day());
        case TimePart::kHour: return seconds % kDay / kHour;
        case TimePart::kStartOfYear: return start_of(civil.year() / std::chrono::January / 1);
        case TimePart::kStartOfMonth: return start_of(civil.year() / civil.month() / 1);
        case TimePart::kStartOfDay: return seconds - seconds % kDay;
        case TimePart::kStartOfHour: return seconds - seconds % kHour;
    }
    return 0;
}

}  // namespace plumbline::engine
