// Seconds since 1970 as the civil calendar (UTC, Gregorian) tells them.
#pragma once

#include <cstdint>

#include "engine/mapping/expression_program.hpp"

namespace plumbline::engine {

/// The first second of the year 10000: times before it, from 1970 on, have parts.
inline constexpr uint64_t kCivilTimeEnd = 253'402'300'800;

/// `seconds` is below `kCivilTimeEnd`.
[[nodiscard]] uint64_t civil_time(TimePart part, uint64_t seconds) noexcept;

}  // namespace plumbline::engine
