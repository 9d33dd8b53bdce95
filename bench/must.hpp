// For programs that end where something fails.
#pragma once

#include <utility>

#include "core/base/check.hpp"
#include "core/base/result.hpp"

namespace plumbline::bench {

/// The value, or the end of the program with the error's message.
template <typename T>
T must(Result<T> result) {
    PLUMBLINE_CHECK_MSG(result.has_value(),
                        result.has_value() ? "" : result.error().message.c_str());
    return *std::move(result);
}
inline void must_do(const Status& status) {
    PLUMBLINE_CHECK_MSG(status.has_value(), status ? "" : status.error().message.c_str());
}

}  // namespace plumbline::bench
