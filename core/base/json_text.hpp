// Writing JSON text by appending, for streams of rows and events where a document tree would cost
// an allocation a value. The rules are the project's: see docs/config.md, "Values as JSON".
#pragma once

#include <string>
#include <string_view>

#include "core/evm/uint256.hpp"

namespace plumbline {

/// A quoted JSON string. What is not UTF-8 shows as U+FFFD, one for each maximal bad sequence.
void append_json_string(std::string& out, std::string_view text);

/// An integer of a type with `bits`: up to 64 bits as a number, where its magnitude is at most
/// 2^53 - 1, else as a decimal string; wider types always as a decimal string.
void append_json_integer(std::string& out, const evm::U256& word, bool is_signed, unsigned bits);

/// A CSV field (RFC 4180): quoted where it holds a comma, quote, CR or LF.
void append_csv_field(std::string& out, std::string_view text);

}  // namespace plumbline
