// Numbers in a statement that SQLite would round in silence.
#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "query/sql/session.hpp"

namespace plumbline::query::sql {

namespace {

bool is_name_part(char c) noexcept {
    return is_ascii_letter(c) || is_ascii_digit(c) || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// Behind what is quoted by `quote` from `at` on; a doubled quote stands for itself.
size_t skip_quoted(std::string_view sql, size_t at, char quote) {
    for (++at; at < sql.size(); ++at) {
        if (sql[at] == quote) {
            if (at + 1 < sql.size() && sql[at + 1] == quote) {
                ++at;
                continue;
            }
            return at + 1;
        }
    }
    return at;
}

size_t skip_to(std::string_view sql, size_t at, std::string_view end) {
    const size_t found = sql.find(end, at);
    return found == std::string_view::npos ? sql.size() : found + end.size();
}

Status check_number(std::string_view text) {
    constexpr std::string_view kMost = "9223372036854775807";
    constexpr size_t kDoubleDigits = 15;
    const std::string_view mantissa = text.substr(0, text.find_first_of("eE"));
    const bool is_whole = mantissa.size() == text.size() && text.find('.') == text.npos;
    std::string digits;
    for (const char c : mantissa) {
        if (is_ascii_digit(c) && (c != '0' || !digits.empty())) {
            digits += c;
        }
    }
    const bool is_exact = is_whole ? digits.size() < kMost.size() ||
                                         (digits.size() == kMost.size() && digits <= kMost)
                                   : digits.size() <= kDoubleDigits;
    if (is_exact) {
        return ok();
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} is more than SQL's numbers hold and would be rounded: write it as "
                             "text, '{}'",
                             text, text)};
}

/// The number at `at`, which is a digit or a point before one.
std::string_view number_at(std::string_view sql, size_t at) {
    size_t end = at;
    while (end < sql.size()) {
        const char c = sql[end];
        const bool is_sign =
            (c == '+' || c == '-') && end > at && (sql[end - 1] == 'e' || sql[end - 1] == 'E');
        if (!is_name_part(c) && c != '.' && !is_sign) {
            break;
        }
        ++end;
    }
    return sql.substr(at, end - at);
}

}  // namespace

Status check_literals(std::string_view sql) {
    for (size_t at = 0; at < sql.size();) {
        const char c = sql[at];
        const bool before_digit = at + 1 < sql.size() && is_ascii_digit(sql[at + 1]);
        if (c == '\'' || c == '"' || c == '`') {
            at = skip_quoted(sql, at, c);
        } else if (c == '[') {
            at = skip_to(sql, at, "]");
        } else if (sql.substr(at, 2) == "--") {
            at = skip_to(sql, at, "\n");
        } else if (sql.substr(at, 2) == "/*") {
            at = skip_to(sql, at + 2, "*/");
        } else if (is_ascii_digit(c) || (c == '.' && before_digit)) {
            const std::string_view number = number_at(sql, at);
            // SQLite itself refuses hexadecimal numbers that do not fit.
            if (!starts_with_ignoring_case(number, "0x")) {
                PLUMBLINE_TRY_VOID(check_number(number));
            }
            at += number.size();
        } else if (is_name_part(c) || c == '?' || c == ':' || c == '@') {
            // A name or a parameter: its digits are no number.
            for (++at; at < sql.size() && is_name_part(sql[at]); ++at) {
            }
        } else {
            ++at;
        }
    }
    return ok();
}

}  // namespace plumbline::query::sql
