// Always-on checks for broken invariants. A failed check prints and aborts: user input must never
// reach one (bad input is an `Error`).
#pragma once

namespace plumbline {

/// Prints what was broken and where to standard error, then aborts.
[[noreturn]] void check_failed(const char* what, const char* detail, const char* file, int line);

}  // namespace plumbline

#define PLUMBLINE_CHECK(condition)                                         \
    do {                                                                   \
        if (!(condition)) [[unlikely]] {                                   \
            ::plumbline::check_failed(#condition, "", __FILE__, __LINE__); \
        }                                                                  \
    } while (false)

#define PLUMBLINE_CHECK_MSG(condition, detail)                                   \
    do {                                                                         \
        if (!(condition)) [[unlikely]] {                                         \
            ::plumbline::check_failed(#condition, (detail), __FILE__, __LINE__); \
        }                                                                        \
    } while (false)

#ifdef NDEBUG
#define PLUMBLINE_DCHECK(condition) static_cast<void>(0)
#else
#define PLUMBLINE_DCHECK(condition) PLUMBLINE_CHECK(condition)
#endif
