// Text of others in one line that a terminal or a log can take: nothing in it acts, all of it is
// seen. For keys and rows, which are read back from what is shown, there is
// core/base/printable_text.hpp.
#pragma once

#include <string>
#include <string_view>

namespace plumbline {

/// Control characters (C0, DEL, C1), line and paragraph separators and what turns the direction of
/// text (Unicode's Bidi_Control) become `\n`, `\t`, `\r` or `\u{1b}`; bytes that are no UTF-8
/// become `\x9b`. All else stays. A text is cut before it passes `size_max` bytes, never within a
/// character.
[[nodiscard]] std::string visible_text(std::string_view text,
                                       size_t size_max = std::string_view::npos);

/// The same for text of several lines, as messages and reports of ours are: `\n` and `\t` stay.
[[nodiscard]] std::string visible_lines(std::string_view text);

/// For those who show a single character of a UTF-8 text themselves.
[[nodiscard]] bool acts_on_terminals(char32_t c) noexcept;

}  // namespace plumbline
