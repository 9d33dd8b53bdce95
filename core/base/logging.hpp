// What the program tells people and scripts while it runs: text or JSON lines on standard error,
// and one status line that stays below them on a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

namespace plumbline::logging {

enum class Level : uint8_t { kDebug, kInfo, kWarning, kError, kOff };
enum class Format : uint8_t { kText, kJson };

/// A named fact beside the message: `name=value` in text, a member in JSON. Without a name it is
/// left out.
struct Field {
    template <typename T>
    Field(std::string_view field_name, const T& field_value)  // NOLINT(google-explicit-constructor)
        : name{field_name},
          value{fmt::format("{}", field_value)},
          is_number{std::is_arithmetic_v<T> && !std::is_same_v<T, bool>} {}

    std::string_view name;
    std::string value;
    bool is_number;
};

/// Sets what is told and how; at start, before other threads log. Default: info, text.
void configure(Level level, Format format);
/// Thread-safe.
void set_level(Level level);
/// "debug", "info", "warning", "error"; info for anything else.
[[nodiscard]] Level parse_level(std::string_view name) noexcept;
[[nodiscard]] Format format() noexcept;
[[nodiscard]] bool is_enabled(Level level) noexcept;

/// Thread-safe. One line each.
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});
inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::kDebug, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::kInfo, message, fields);
}
inline void warning(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::kWarning, message, fields);
}
inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::kError, message, fields);
}

/// True where standard error is a terminal that moves its cursor, so that a status line makes
/// sense.
[[nodiscard]] bool is_terminal() noexcept;
/// Characters that a line of that terminal takes; a large number where it is none.
[[nodiscard]] size_t terminal_columns() noexcept;
/// Keeps `text` (newlines between lines) at the end of the terminal; empty removes it. Thread-safe.
void set_status_line(std::string_view text);

}  // namespace plumbline::logging
