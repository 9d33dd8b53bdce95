// Values that SQL gives, as JSON and as plain text: as everywhere else in plumbline.
#pragma once

#include <string>
#include <string_view>

#include "query/sql/session.hpp"

namespace plumbline::query::sql {

/// Integers as numbers up to 2^53 - 1, above as strings; texts as core/base/printable_text.hpp
/// shows them; blobs as 0x hex; what is no finite number as null.
void append_json(std::string& out, const Value& value);

/// The same without quotes; nothing for null.
[[nodiscard]] std::string to_text(const Value& value);

/// Of a parameter that is given in words: the one form of a number of 64 bits (no zeros in front,
/// no "-0", no blanks) as that number, all else as the text that it is.
[[nodiscard]] Value parameter_of(std::string_view text);

}  // namespace plumbline::query::sql
