// "BLOCK-INDEX": the cursor of whatever goes along the log. Internal to api.
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "core/base/result.hpp"

namespace plumbline::api {

struct LogCursor {
    uint64_t block_num = 0;
    uint32_t log_index = 0;
    friend auto operator<=>(const LogCursor&, const LogCursor&) = default;
};

[[nodiscard]] inline std::string log_cursor_text(const LogCursor& place) {
    return fmt::format("{}-{}", place.block_num, place.log_index);
}

/// Null: empty. kInvalidArgument for what `log_cursor_text` does not write.
[[nodiscard]] inline Result<std::optional<LogCursor>> read_log_cursor(const std::string* text) {
    if (text == nullptr) {
        return std::optional<LogCursor>{};
    }
    LogCursor out;
    const char* end = text->data() + text->size();
    const auto [dash, error] = std::from_chars(text->data(), end, out.block_num);
    const bool has_dash = error == std::errc{} && dash != end && *dash == '-';
    const auto [last, index_error] = std::from_chars(has_dash ? dash + 1 : end, end, out.log_index);
    if (!has_dash || index_error != std::errc{} || last != end) {
        return Error{ErrorCode::kInvalidArgument, "cursor is not one that `next` gave"};
    }
    return std::optional{out};
}

}  // namespace plumbline::api
