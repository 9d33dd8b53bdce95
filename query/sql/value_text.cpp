#include "query/sql/value_text.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "core/base/printable_text.hpp"
#include "core/evm/hex.hpp"
#include "query/sql/number.hpp"

namespace plumbline::query::sql {

namespace {

struct AppendJson {
    std::string& out;
    void operator()(std::monostate /*null*/) const { out += "null"; }
    void operator()(int64_t number) const {
        constexpr int64_t kJavaScriptMax = 9'007'199'254'740'991;
        const bool is_exact = number <= kJavaScriptMax && number >= -kJavaScriptMax;
        const std::string_view quote = is_exact ? "" : "\"";
        fmt::format_to(std::back_inserter(out), "{}{}{}", quote, number, quote);
    }
    void operator()(double number) const {
        if (std::isfinite(number)) {
            fmt::format_to(std::back_inserter(out), "{}", number);
        } else {
            out += "null";
        }
    }
    void operator()(const std::string& text) const { append_printable_json(out, text); }
    void operator()(const Blob& blob) const {
        out += '"' + evm::to_hex(as_bytes(blob.bytes)) + '"';
    }
};

struct ToText {
    std::string operator()(std::monostate /*null*/) const { return {}; }
    std::string operator()(int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
    std::string operator()(const std::string& text) const {
        return printable_text(text, TextPlace::kValue);
    }
    std::string operator()(const Blob& blob) const { return evm::to_hex(as_bytes(blob.bytes)); }
};

}  // namespace

void append_json(std::string& out, const Value& value) {
    std::visit(AppendJson{out}, value);
}

std::string to_text(const Value& value) {
    return std::visit(ToText{}, value);
}

Value parameter_of(std::string_view text) {
    int64_t number = 0;
    if (!is_canonical(text) || !fits_integer(text)) {
        return std::string{text};
    }
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace plumbline::query::sql
