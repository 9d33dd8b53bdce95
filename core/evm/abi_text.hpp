// ABI values as JSON text: integers of up to 64 bits as numbers (as decimal strings past 2^53 - 1),
// wider ones as decimal strings, addresses and bytes as lower-case 0x hex, strings as
// core/base/printable_text.hpp shows them, arrays as arrays, tuples as objects (a component without
// a name goes by its position, "0"; an event's parameter by "arg0").
#pragma once

#include <string>

#include "core/evm/abi_decode.hpp"
#include "core/evm/abi_type.hpp"
#include "core/evm/abi_value.hpp"

namespace plumbline::evm {

/// What an event's parameter goes by where it is shown or asked for: its name; "arg0" where it has
/// none, with "_2" behind it as often as another one is named so.
[[nodiscard]] std::string param_name(const AbiEvent& event, size_t param);

/// `value` must be one of `type`, as `decode_values` returns it.
void append_json(std::string& out, const AbiType& type, const AbiValue& value);

/// `value` of `event`, read at a place of type `type`. A kHashed one is written as the hash.
void append_json(std::string& out, const AbiType& type, const DecodedEvent& event,
                 const Value& value);

/// All parameters of an event that `decoder` decoded, in order of declaration:
/// {"from":"0x..","value":"1"}.
void append_json(std::string& out, const EventDecoder& decoder, const DecodedEvent& event);

}  // namespace plumbline::evm
