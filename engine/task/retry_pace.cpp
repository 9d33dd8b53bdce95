#include "engine/task/retry_pace.hpp"

#include <algorithm>

namespace plumbline::engine {

namespace {

constexpr int64_t kFirstMs = 60'000;
constexpr int64_t kMostMs = 6 * 3'600'000;
constexpr int64_t kFactor = 4;

}  // namespace

int64_t wait_after_dead_ms(size_t dead_in_a_row) noexcept {
    int64_t wait = dead_in_a_row == 0 ? 0 : kFirstMs;
    for (size_t i = 1; i < dead_in_a_row && wait < kMostMs; ++i) {
        wait *= kFactor;
    }
    return std::min(wait, kMostMs);
}

size_t dead_in_a_row(const std::vector<storage::TaskRow>& newest_first) noexcept {
    size_t count = 0;
    for (const storage::TaskRow& row : newest_first) {
        if (row.state != storage::TaskState::kDead) {
            break;
        }
        ++count;
    }
    return count;
}

}  // namespace plumbline::engine
