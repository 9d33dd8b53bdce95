// Text of contracts as people, files and other programs can take it. A Solidity `string` may hold
// any bytes; what cannot be shown as it is, is shown as `hex:` and its bytes, so that different
// texts never look the same and each is found again by what is shown.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace plumbline {

/// Where a text stands, and so what it may hold as it is.
enum class TextPlace : uint8_t {
    kValue,  ///< alone in a JSON string or a CSV field: all but what kKey names is escaped there
    kKey,    ///< in `name=text,name=text`: no comma, equals sign, quote, tab or line end either
};

/// `text` itself, or `hex:` and two lower-case digits a byte where it is not UTF-8, begins with
/// `hex:`, or holds control characters (C0 but tab and line ends, DEL, C1), line or paragraph
/// separators or what turns the direction of text (Unicode's Bidi_Control). Injective.
[[nodiscard]] std::string printable_text(std::string_view text, TextPlace place);

/// The same as a quoted JSON string, for a kValue; a text that is shown as it is is not copied
/// first.
void append_printable_json(std::string& out, std::string_view text);

/// The reverse. kInvalidArgument where `hex:` is not followed by an even number of hex digits.
[[nodiscard]] Result<std::string> parse_printable(std::string_view shown);

}  // namespace plumbline
