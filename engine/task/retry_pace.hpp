// How long a schedule leaves a kind of task alone whose tasks have died one after the other: what
// cannot succeed must not be tried all day long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/task_store.hpp"

namespace plumbline::engine {

/// 0 for none; then 1, 4, 16... minutes, at most 6 hours.
[[nodiscard]] int64_t wait_after_dead_ms(size_t dead_in_a_row) noexcept;

/// Of `newest_first`, how many have died since the last that did not.
[[nodiscard]] size_t dead_in_a_row(const std::vector<storage::TaskRow>& newest_first) noexcept;

}  // namespace plumbline::engine
