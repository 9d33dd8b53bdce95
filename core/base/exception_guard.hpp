// The edge of a thread: what a library throws (memory, a format, the system) becomes an error like
// any other. We throw nothing ourselves; without this, std::terminate would end the process.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/base/result.hpp"

namespace plumbline {

/// What `work` gives, a Status or nothing; kIo with `where` and the exception's text where it
/// throws. Nothing is known of what `work` had done by then: its owner must not go on with it as if
/// it had ended.
template <typename Work>
[[nodiscard]] Status catch_exceptions(std::string_view where, Work&& work) {
    std::string what;
    try {
        if constexpr (std::is_same_v<std::invoke_result_t<Work>, Status>) {
            return std::forward<Work>(work)();
        } else {
            std::forward<Work>(work)();
            return ok();
        }
    } catch (const std::exception& error) {
        what = error.what();
    } catch (...) {
        what = "something that is no std::exception";
    }
    std::string message{where};
    message += ": unexpected: ";
    message += what;
    message += "; this is a mistake in plumbline or memory ran out: please report it";
    return Error{ErrorCode::kIo, std::move(message)};
}

}  // namespace plumbline
