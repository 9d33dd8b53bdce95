// Writing JSON and CSV text by appending, for streams of rows and events where a document tree
// would cost an allocation a value. Objects and arrays: core/base/json_writer.hpp; integers of
// Solidity's types: core/evm/json_integer.hpp.
#pragma once

#include <string>
#include <string_view>

namespace plumbline {

/// A quoted JSON string. What is not UTF-8 shows as U+FFFD, one for each maximal bad sequence. What
/// acts on a terminal (core/base/visible_text.hpp) is escaped: the same text to a parser.
void append_json_string(std::string& out, std::string_view text);

/// A CSV field (RFC 4180): quoted where it holds a comma, quote, CR or LF.
void append_csv_field(std::string& out, std::string_view text);

}  // namespace plumbline
