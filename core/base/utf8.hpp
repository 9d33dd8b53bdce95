// Bytes as UTF-8: the one place that knows what is well-formed.
#pragma once

#include <cstddef>
#include <string_view>

namespace plumbline {

/// Length of the well-formed UTF-8 sequence that `text` begins with (Unicode 15, table 3-7), or 0;
/// then `bad_size` is the length of the maximal bad sequence. `text` is not empty.
[[nodiscard]] size_t utf8_sequence_size(std::string_view text, size_t& bad_size);

/// The code point of a well-formed sequence of 1 to 4 bytes.
[[nodiscard]] char32_t utf8_code_point(std::string_view sequence);

}  // namespace plumbline
