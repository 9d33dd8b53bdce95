// Numbers in a statement that SQLite would round in silence.
#include <algorithm>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "query/sql/number_prefix.hpp"
#include "query/sql/session.hpp"
#include "query/sql/statement_words.hpp"

namespace plumbline::query::sql {

namespace {

/// Whether a number at `at` has a minus of its own: what stands before that can have no value.
bool is_negative(std::string_view sql, size_t at) {
    constexpr std::string_view kBlanks = " \t\r\n\f";
    constexpr std::string_view kWords[] = {"select", "where", "and",  "or",   "not",     "on",
                                           "having", "when",  "then", "else", "case",    "between",
                                           "is",     "by",    "from", "all",  "distinct"};
    size_t end = sql.find_last_not_of(kBlanks, at - 1);
    if (at == 0 || end == std::string_view::npos || sql[end] != '-') {
        return false;
    }
    end = end == 0 ? std::string_view::npos : sql.find_last_not_of(kBlanks, end - 1);
    if (end == std::string_view::npos) {
        return true;
    }
    if (std::string_view{"(,=<>"}.find(sql[end]) != std::string_view::npos) {
        return true;
    }
    size_t first = end + 1;
    while (first > 0 && is_name_part(sql[first - 1])) {
        --first;
    }
    std::string word{sql.substr(first, end + 1 - first)};
    std::ranges::transform(word, word.begin(), ascii_lower);
    return std::ranges::find(kWords, word) != std::end(kWords);
}

}  // namespace

Status check_number(std::string_view written) {
    const auto number = number_prefix(written);
    if (!number || is_held(*number)) {
        return ok();
    }
    const auto digits = canonical_text(*number);
    return Error{ErrorCode::kInvalidArgument,
                 digits
                     ? fmt::format("{} is more than SQL's numbers hold and would be rounded: "
                                   "write it as text, '{}'",
                                   written, *digits)
                     : fmt::format("{} is beyond SQL's numbers, and those of any column", written)};
}

namespace {

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
        if (const size_t end = skip_quoted_or_comment(sql, at); end > at) {
            at = end;
        } else if (is_ascii_digit(c) || (c == '.' && before_digit)) {
            const std::string_view number = number_at(sql, at);
            // SQLite itself refuses hexadecimal numbers that do not fit.
            if (!starts_with_ignoring_case(number, "0x")) {
                PLUMBLINE_TRY_VOID(
                    check_number((is_negative(sql, at) ? "-" : "") + std::string{number}));
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
