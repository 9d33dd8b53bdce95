// Writes JSON by appending; commas come by themselves.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "core/base/json_text.hpp"

namespace plumbline::engine::http {

class JsonWriter {
  public:
    explicit JsonWriter(std::string& out) : out_{out} {}

    JsonWriter& open_object() { return open('{'); }
    JsonWriter& close_object() { return close('}'); }
    JsonWriter& open_array() { return open('['); }
    JsonWriter& close_array() { return close(']'); }
    JsonWriter& key(std::string_view name) {
        separate();
        append_json_string(out_, name);
        out_ += ':';
        fresh_ = true;
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
    JsonWriter& value(double number) {
        separate();
        fmt::format_to(std::back_inserter(out_), "{:.6g}", number);
        return *this;
    }
    template <typename T>
    JsonWriter& value(const std::optional<T>& maybe) {
        return maybe ? value(*maybe) : null();
    }
    JsonWriter& null() { return raw("null"); }
    /// JSON that is written already.
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
    void separate() {
        if (!fresh_) {
            out_ += ',';
        }
        fresh_ = false;
    }
    JsonWriter& open(char bracket) {
        separate();
        out_ += bracket;
        fresh_ = true;
        return *this;
    }
    JsonWriter& close(char bracket) {
        out_ += bracket;
        fresh_ = false;
        return *this;
    }

    std::string& out_;
    bool fresh_ = true;
};

}  // namespace plumbline::engine::http
