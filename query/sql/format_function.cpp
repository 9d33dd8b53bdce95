// printf() and format() as SQLite has them, with widths and precisions that end: SQLite's own
// writes '%.2147483647c' a character after the other, half a minute in which nothing can end it.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "query/sql/connection.hpp"
#include "query/sql/number.hpp"
#include "query/sql/safety.hpp"

namespace plumbline::query::sql {

namespace {

/// As much as a value has bytes, nearly.
constexpr int64_t kSizeMax = 1'000'000;

/// The arguments behind the format; those that are missing are null.
class FormatArguments {
  public:
    FormatArguments(int count, sqlite3_value** values) : count_{count}, values_{values} {}
    sqlite3_value* next() { return at_ < count_ ? values_[at_++] : nullptr; }
    int64_t integer() {
        sqlite3_value* value = next();
        if (const auto number = canonical(value); number && !fits_integer(*number)) {
            refuse(fmt::format("{} {}: write %s for it", *number,
                               number->find('.') != std::string::npos ? "is not whole"
                                                                      : "does not fit in 64 bits"));
        }
        return value == nullptr ? 0 : sqlite3_value_int64(value);
    }
    double floating() {
        sqlite3_value* value = next();
        if (const auto number = canonical(value); number && !is_held(*number)) {
            refuse(
                fmt::format("{} has more digits than a floating point number: write %s for it, "
                            "decimal_div(.., '1', 2) with %s for two places, or cast(.. as "
                            "real) where floating point will do",
                            *number));
        }
        return value == nullptr ? 0 : sqlite3_value_double(value);
    }
    /// Null where the value is.
    const char* text() {
        sqlite3_value* value = next();
        return value == nullptr ? nullptr
                                : reinterpret_cast<const char*>(sqlite3_value_text(value));
    }

    /// Why a number cannot be written as its conversion says.
    [[nodiscard]] const std::optional<std::string>& refused() const noexcept { return refused_; }

  private:
    /// An integer, or a text that is a number in its one form.
    static std::optional<std::string> canonical(sqlite3_value* value) {
        const int type = value == nullptr ? SQLITE_NULL : sqlite3_value_type(value);
        if (type == SQLITE_INTEGER) {
            return std::to_string(sqlite3_value_int64(value));
        }
        const auto* text = type == SQLITE_TEXT
                               ? reinterpret_cast<const char*>(sqlite3_value_text(value))
                               : nullptr;
        return text != nullptr && is_canonical(text) ? std::optional<std::string>{text}
                                                     : std::nullopt;
    }
    /// Whether a floating point number tells it from those beside it.
    static bool is_held(std::string_view number) {
        constexpr int64_t kWholeMax = int64_t{1} << 53;
        int64_t whole = 0;
        const auto read = std::from_chars(number.data(), number.data() + number.size(), whole);
        const bool is_whole = read.ec == std::errc{} && read.ptr == number.data() + number.size();
        return is_whole ? whole >= -kWholeMax && whole <= kWholeMax : fits_double(number);
    }
    void refuse(std::string why) {
        if (!refused_) {
            refused_ = "printf: " + std::move(why);
        }
    }

    std::optional<std::string> refused_;
    int at_ = 1;
    int count_;
    sqlite3_value** values_;
};

/// "%-08.3" of a conversion, as C takes it.
struct Spec {
    std::string text{"%"};
    bool is_too_large = false;

    void add_number(int64_t number) {
        is_too_large = is_too_large || number > kSizeMax || number < -kSizeMax;
        text += std::to_string(number);
    }
};

/// A number or `*`; -1: none.
int64_t read_number(std::string_view format, size_t& at, FormatArguments& arguments) {
    if (at < format.size() && format[at] == '*') {
        ++at;
        return arguments.integer();
    }
    const size_t from = at;
    int64_t out = 0;
    for (; at < format.size() && is_ascii_digit(format[at]); ++at) {
        out = out > kSizeMax ? out : out * 10 + (format[at] - '0');
    }
    return at == from ? -1 : out;
}

/// Behind the `%`, up to the conversion's letter.
Spec read_spec(std::string_view format, size_t& at, FormatArguments& arguments) {
    Spec out;
    constexpr std::string_view kFlags = "-+ 0#!,";
    for (; at < format.size() && kFlags.find(format[at]) != std::string_view::npos; ++at) {
        out.text += format[at];
    }
    const bool has_width = at < format.size() && (format[at] == '*' || is_ascii_digit(format[at]));
    if (const int64_t width = read_number(format, at, arguments); has_width) {
        out.add_number(width);  // A negative one is the flag and a width.
    }
    if (at < format.size() && format[at] == '.') {
        ++at;
        const int64_t precision = read_number(format, at, arguments);
        out.text += '.';
        // As SQLite: a negative one counts as positive, a missing one as 0.
        out.add_number(precision == -1 ? 0 : precision < 0 ? -precision : precision);
    }
    while (at < format.size() && format[at] == 'l') {
        ++at;
    }
    return out;
}

/// The first character; 0: none.
unsigned first_character(const char* text) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(text);
    if (text == nullptr || bytes[0] < 0xc0) {
        return text == nullptr ? 0 : bytes[0];
    }
    unsigned out = bytes[0] & (bytes[0] >= 0xf0 ? 0x07U : bytes[0] >= 0xe0 ? 0x0fU : 0x1fU);
    for (size_t i = 1; (bytes[i] & 0xc0U) == 0x80U && i < 4; ++i) {
        out = out << 6U | (bytes[i] & 0x3fU);
    }
    return out;
}

/// False at a letter that means nothing: the rest is left out, as SQLite does.
bool append_conversion(sqlite3_str* out, Spec spec, char letter, FormatArguments& arguments) {
    switch (letter) {
        case 'd':
        case 'i':
        case 'u':
        case 'x':
        case 'X':
        case 'o':
        case 'r':
        case 'p':
            spec.text += "ll";
            spec.text += letter == 'p' ? 'X' : letter;
            sqlite3_str_appendf(out, spec.text.c_str(), sqlite3_int64{arguments.integer()});
            return true;
        case 'f':
        case 'e':
        case 'E':
        case 'g':
        case 'G':
            spec.text += letter;
            sqlite3_str_appendf(out, spec.text.c_str(), arguments.floating());
            return true;
        case 's':
        case 'z':
        case 'q':
        case 'Q':
        case 'w':
            spec.text += letter == 'z' ? 's' : letter;
            sqlite3_str_appendf(out, spec.text.c_str(), arguments.text());
            return true;
        case 'c':
            spec.text += 'c';
            if (const unsigned character = first_character(arguments.text()); character != 0) {
                sqlite3_str_appendf(out, spec.text.c_str(), character);
            }
            return true;
        case '%':
            spec.text += '%';
            sqlite3_str_appendf(out, spec.text.c_str());
            return true;
        case 'n': return true;
        default: return false;
    }
}

void run_format(sqlite3_context* context, int count, sqlite3_value** values) {
    const char* given =
        count == 0 ? nullptr : reinterpret_cast<const char*>(sqlite3_value_text(values[0]));
    if (given == nullptr) {
        return sqlite3_result_null(context);
    }
    const std::string_view format{given};
    FormatArguments arguments{count, values};
    sqlite3_str* out = sqlite3_str_new(sqlite3_context_db_handle(context));
    bool is_too_large = false;
    for (size_t at = 0; at < format.size() && !is_too_large;) {
        const size_t percent = std::min(format.find('%', at), format.size());
        sqlite3_str_append(out, format.data() + at, static_cast<int>(percent - at));
        if (percent == format.size()) {
            break;
        }
        at = percent + 1;
        Spec spec = read_spec(format, at, arguments);
        is_too_large = spec.is_too_large;
        if (at >= format.size()) {
            if (percent + 1 == format.size()) {
                sqlite3_str_appendchar(out, 1, '%');
            }
            break;
        }
        if (!is_too_large && !append_conversion(out, std::move(spec), format[at++], arguments)) {
            break;
        }
    }
    if (const auto& why = arguments.refused()) {
        sqlite3_free(sqlite3_str_finish(out));
        return sqlite3_result_error(context, why->data(), static_cast<int>(why->size()));
    }
    is_too_large = is_too_large || sqlite3_str_errcode(out) == SQLITE_TOOBIG;
    const int size = sqlite3_str_length(out);
    char* text = sqlite3_str_finish(out);
    if (is_too_large) {
        sqlite3_free(text);
        return sqlite3_result_error_toobig(context);
    }
    if (text == nullptr) {
        return sqlite3_result_text(context, "", 0, SQLITE_STATIC);
    }
    sqlite3_result_text(context, text, size, sqlite3_free);
}

}  // namespace

Status add_format_functions(sqlite3* db) {
    constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    for (const char* name : {"printf", "format"}) {
        if (sqlite3_create_function_v2(db, name, -1, kFlags, nullptr, run_format, nullptr, nullptr,
                                       nullptr) != SQLITE_OK) {
            return sqlite_error(db, "setting SQLite up");
        }
    }
    return ok();
}

}  // namespace plumbline::query::sql
