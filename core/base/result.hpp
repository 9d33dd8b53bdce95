// Errors as values: `Result<T>` holds a value or an `Error`, `Status` is `Result<void>`.
// Member names follow std::expected, which g++ 12 does not have in C++20.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/check.hpp"

namespace plumbline {

/// What kind of failure it was; decides the exit code and whether a retry makes sense.
enum class ErrorCode : uint8_t {
    kInvalidArgument,  ///< the caller's or the user's input is wrong; retrying does not help
    kNotFound,         ///< the thing asked for does not exist
    kDecode,           ///< bytes or text that do not follow their format
    kCorruption,       ///< stored data is damaged; never retried, never fixed silently
    kIo,               ///< file system or device refused
    kTimeout,          ///< a deadline passed
    kUnavailable,      ///< a remote party is down or refuses for now
    kRateLimited,      ///< a remote party asks for fewer requests
    kTooLarge,         ///< a limit was exceeded; ask for less
    kReorg,            ///< the chain changed under the request
    kCancelled,        ///< stopped on request
    kIncompatible,     ///< another format version, chain or schema
};

/// The code's fixed name: "InvalidArgument", "NotFound"...
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

/// A failure: its kind and a message for people that says what, where, and what can be done.
struct [[nodiscard]] Error {
    ErrorCode code = ErrorCode::kInvalidArgument;
    std::string message;

    /// The same error with `context` put before the message: "reading block 123: ...".
    [[nodiscard]] Error with_context(std::string_view context) && {
        std::string text{context};
        text += ": ";
        text += message;
        return Error{code, std::move(text)};
    }
    [[nodiscard]] Error with_context(std::string_view context) const& {
        return Error{*this}.with_context(context);
    }
    friend bool operator==(const Error&, const Error&) = default;
};

/// A value of type `T` or an `Error`. Reading the wrong one is a broken invariant and aborts.
template <typename T>
class [[nodiscard]] Result {
  public:
    using value_type = T;

    Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}      // NOLINT
    Result(Error error) : state_{std::in_place_index<1>, std::move(error)} {}  // NOLINT

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    T& value() & {
        require();
        return *std::get_if<0>(&state_);
    }
    const T& value() const& {
        require();
        return *std::get_if<0>(&state_);
    }
    T&& value() && {
        require();
        return std::move(*std::get_if<0>(&state_));
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    T value_or(T fallback) && {
        return has_value() ? std::move(*std::get_if<0>(&state_)) : std::move(fallback);
    }

    const Error& error() const& {
        PLUMBLINE_CHECK(!has_value());
        return *std::get_if<1>(&state_);
    }
    Error&& error() && {
        PLUMBLINE_CHECK(!has_value());
        return std::move(*std::get_if<1>(&state_));
    }

    /// Drops the result on purpose; `reason` is for the reader.
    void ignore(std::string_view /*reason*/) && {}

  private:
    void require() const {
        if (!has_value()) {
            check_failed("Result holds an error", std::get_if<1>(&state_)->message.c_str(),
                         __FILE__, __LINE__);
        }
    }
    std::variant<T, Error> state_;
};

/// Success or an `Error`. A default-made one is success.
template <>
class [[nodiscard]] Result<void> {
  public:
    using value_type = void;

    Result() = default;
    Result(Error error) : error_{std::move(error)} {}  // NOLINT

    [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }
    void value() const {
        if (error_) {
            check_failed("Status holds an error", error_->message.c_str(), __FILE__, __LINE__);
        }
    }
    const Error& error() const& {
        PLUMBLINE_CHECK(error_.has_value());
        return *error_;
    }
    Error&& error() && {
        PLUMBLINE_CHECK(error_.has_value());
        return std::move(*error_);
    }
    void ignore(std::string_view /*reason*/) && {}

  private:
    std::optional<Error> error_;
};

using Status = Result<void>;

/// A success, for `return ok();`.
[[nodiscard]] inline Status ok() {
    return {};
}

}  // namespace plumbline

#define PLUMBLINE_CONCAT_INNER(a, b) a##b
#define PLUMBLINE_CONCAT(a, b) PLUMBLINE_CONCAT_INNER(a, b)
// NOLINTBEGIN(bugprone-macro-parentheses): these names are declared here, not computed with
/// TRY(auto header, decode(view)); declares `header` or returns the error.
#define PLUMBLINE_TRY(declaration, expression) \
    PLUMBLINE_TRY_INNER(PLUMBLINE_CONCAT(try_result_, __LINE__), declaration, expression)
#define PLUMBLINE_TRY_INNER(name, declaration, expression) \
    auto name = (expression);                              \
    if (!name) {                                           \
        return std::move(name).error();                    \
    }                                                      \
    declaration = *std::move(name)
// NOLINTEND(bugprone-macro-parentheses)
/// Returns the error of a Status expression, else goes on.
#define PLUMBLINE_TRY_VOID(expression)                     \
    do {                                                   \
        if (auto try_status = (expression); !try_status) { \
            return std::move(try_status).error();          \
        }                                                  \
    } while (false)
