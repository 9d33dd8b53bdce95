// What SQL's functions and aggregates give, as far as kinds of values go. Internal to query/sql.
#pragma once

#include <cstdint>
#include <string_view>

namespace plumbline::query::sql {

enum class Gives : uint8_t {
    kUnknown,
    kSame,   ///< one of its arguments
    kFirst,  ///< the first of them
    kAbs,    ///< the same, of a text that is no number a floating point number
    kWide,
    kDecimal,
    kInteger,
    kReal,
    kUpper,
    kText,
    kMade,      ///< a text made of its arguments
    kJson,      ///< JSON made of them
    kJsonPart,  ///< what the second one finds in the first
};

/// sum() is no one's but its argument's: `ValueFlow`.
[[nodiscard]] Gives what_gives(std::string_view function);

}  // namespace plumbline::query::sql
