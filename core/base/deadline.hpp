// When a wait that begins now is over. For the time of waiting only: what the program decides by
// comes from `Clock`.
#pragma once

#include <chrono>

namespace plumbline {

/// For a loop around `CondVar::wait_until`.
[[nodiscard]] inline std::chrono::steady_clock::time_point deadline_after(
    std::chrono::milliseconds time) {
    return std::chrono::steady_clock::now() + time;
}

}  // namespace plumbline
