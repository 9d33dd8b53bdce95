// The one writer of JSON: appends to a text, and commas come by themselves. What is not UTF-8 shows
// as U+FFFD, so that no name or message from outside can make an answer unwritable.
//
//     JsonWriter json{body};
//     json.open_object().member("block", 5).key("rows").open_array().close_array().close_object();
#pragma once

#include <concepts>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/base/json_text.hpp"

namespace plumbline {

/// Who calls it keeps the order: a key before each value of an object, each bracket closed.
class JsonWriter {
  public:
    enum class Layout : uint8_t {
        kCompact,   ///< one line, no blanks: the API, JSON lines, task results
        kIndented,  ///< two blanks a level: what a command shows to people
    };

    /// `out` must outlive the writer; what it holds already stays before the first value.
    explicit JsonWriter(std::string& out, Layout layout = Layout::kCompact)
        : out_{out},
          is_indented_{layout == Layout::kIndented} {}

    JsonWriter& open_object() { return open('{'); }
    JsonWriter& close_object() { return close('}'); }
    JsonWriter& open_array() { return open('['); }
    JsonWriter& close_array() { return close(']'); }
    JsonWriter& key(std::string_view name) {
        separate();
        append_json_string(out_, name);
        out_ += is_indented_ ? std::string_view{": "} : std::string_view{":"};
        next_ = Next::kMemberValue;
        return *this;
    }
    JsonWriter& value(std::string_view text) {
        separate();
        append_json_string(out_, text);
        return *this;
    }
    JsonWriter& value(const char* text) { return value(std::string_view{text}); }
    JsonWriter& value(const std::string& text) { return value(std::string_view{text}); }
    JsonWriter& value(bool flag) { return raw(flag ? "true" : "false"); }
    template <std::integral T>
    JsonWriter& value(T number) {
        separate();
        fmt::format_to(std::back_inserter(out_), "{}", number);
        return *this;
    }
    /// Six significant digits.
    JsonWriter& value(double number) {
        separate();
        fmt::format_to(std::back_inserter(out_), "{:.6g}", number);
        return *this;
    }
    /// null where there is none.
    template <typename T>
    JsonWriter& value(const std::optional<T>& maybe) {
        return maybe ? value(*maybe) : null();
    }
    /// An array of strings.
    JsonWriter& value(const std::vector<std::string>& texts) {
        open_array();
        for (const std::string& text : texts) {
            value(text);
        }
        return close_array();
    }
    JsonWriter& null() { return raw("null"); }
    /// JSON that is written already; it keeps its own layout.
    JsonWriter& raw(std::string_view json) {
        separate();
        out_ += json;
        return *this;
    }
    template <typename T>
    JsonWriter& member(std::string_view name, const T& content) {
        return key(name).value(content);
    }
    /// For code that appends a value to the text itself.
    [[nodiscard]] std::string& raw_value() {
        separate();
        return out_;
    }

  private:
    enum class Next : uint8_t {
        kFirst,        ///< nothing is in this bracket yet
        kFurther,      ///< needs a comma
        kMemberValue,  ///< follows its key
    };

    void separate() {
        if (next_ == Next::kFurther) {
            out_ += ',';
        }
        if (is_indented_ && next_ != Next::kMemberValue && depth_ > 0) {
            break_line();
        }
        next_ = Next::kFurther;
    }
    JsonWriter& open(char bracket) {
        separate();
        out_ += bracket;
        next_ = Next::kFirst;
        ++depth_;
        return *this;
    }
    JsonWriter& close(char bracket) {
        --depth_;
        if (is_indented_ && next_ == Next::kFurther) {
            break_line();
        }
        out_ += bracket;
        next_ = Next::kFurther;
        return *this;
    }
    void break_line() {
        out_ += '\n';
        out_.append(depth_ * 2, ' ');
    }

    std::string& out_;
    size_t depth_ = 0;
    Next next_ = Next::kFirst;
    bool is_indented_;
};

}  // namespace plumbline
