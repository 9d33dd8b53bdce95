// The edge of a thread: what a library throws (memory, a format, the system) becomes an error like
// any other. We throw nothing ourselves; without this, std::terminate would end the process.
#pragma once

#include <exception>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/base/result.hpp"

namespace plumbline {

/// kIo: what was thrown `where`, which may be empty, and what the user can do. `thrown`: null where
/// it is no std::exception.
[[nodiscard]] Error describe_exception(std::string_view where, const std::exception* thrown);

/// What `work` gives, a Status or nothing; `describe_exception` where it throws. Nothing is known
/// of what `work` had done by then: its owner must not go on with it as if it had ended.
template <typename Work>
[[nodiscard]] Status catch_exceptions(std::string_view where, Work&& work) {
    try {
        if constexpr (std::is_same_v<std::invoke_result_t<Work>, Status>) {
            return std::forward<Work>(work)();
        } else {
            std::forward<Work>(work)();
            return ok();
        }
    } catch (const std::exception& error) {
        return describe_exception(where, &error);
    } catch (...) {
        return describe_exception(where, nullptr);
    }
}

}  // namespace plumbline
