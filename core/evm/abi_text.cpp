#include "core/evm/abi_text.hpp"

#include <algorithm>

#include "core/base/json_text.hpp"
#include "core/base/printable_text.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/json_integer.hpp"

namespace plumbline::evm {

namespace {

void append_hex_string(std::string& out, ByteView bytes) {
    out += "\"0x";
    append_hex(out, bytes);
    out += '"';
}

void append_word(std::string& out, const AbiType& type, const U256& word) {
    switch (type.kind) {
        case TypeKind::kUint: append_json_uint(out, word, type.bits); return;
        case TypeKind::kInt: append_json_int(out, word, type.bits); return;
        case TypeKind::kBool: out += word.is_zero() ? "false" : "true"; return;
        case TypeKind::kAddress: append_hex_string(out, to_address(word).view()); return;
        default: break;
    }
    Hash raw;
    word.to_be(raw.data());
    append_hex_string(out, raw.view().first(type.byte_count()));
}

void append_bytes(std::string& out, const AbiType& type, ByteView bytes) {
    if (type.kind == TypeKind::kString) {
        append_printable_json(out, as_chars(bytes));
    } else {
        append_hex_string(out, bytes);
    }
}

void append_key(std::string& out, const std::string& name, size_t position) {
    append_json_string(out, name.empty() ? std::to_string(position) : name);
    out += ':';
}

/// Brackets, commas and keys; `append_item` writes item `i`.
template <typename AppendItem>
void append_list(std::string& out, const AbiType& type, size_t size,
                 const AppendItem& append_item) {
    const bool tuple = type.kind == TypeKind::kTuple;
    out += tuple ? '{' : '[';
    for (size_t i = 0; i < size; ++i) {
        if (i != 0) {
            out += ',';
        }
        if (tuple) {
            append_key(out, type.names[i], i);
        }
        append_item(tuple ? type.children[i] : type.children[0], i);
    }
    out += tuple ? '}' : ']';
}

}  // namespace

std::string param_name(const AbiEvent& event, size_t param) {
    std::string out = event.inputs[param].name;
    if (!out.empty()) {
        return out;
    }
    out = "arg" + std::to_string(param);
    while (std::ranges::find(event.inputs, out, &AbiParam::name) != event.inputs.end()) {
        out += "_2";
    }
    return out;
}

void append_json(std::string& out, const AbiType& type, const AbiValue& value) {
    if (type.is_word()) {
        append_word(out, type, value.word);
    } else if (type.kind == TypeKind::kBytes || type.kind == TypeKind::kString) {
        append_bytes(out, type, value.bytes);
    } else {
        append_list(out, type, value.items.size(),
                    [&](const AbiType& part, size_t i) { append_json(out, part, value.items[i]); });
    }
}

void append_json(std::string& out, const AbiType& type, const DecodedEvent& event,
                 const Value& value) {
    switch (value.kind) {
        case ValueKind::kWord: append_word(out, type, value.word); return;
        case ValueKind::kBytes: append_bytes(out, type, value.bytes()); return;
        case ValueKind::kHashed: {
            Hash hash;
            value.word.to_be(hash.data());
            append_hex_string(out, hash.view());
            return;
        }
        case ValueKind::kList: break;
    }
    const std::span<const Value> items = event.children(value);
    append_list(out, type, items.size(),
                [&](const AbiType& part, size_t i) { append_json(out, part, event, items[i]); });
}

void append_json(std::string& out, const EventDecoder& decoder, const DecodedEvent& event) {
    const std::vector<AbiParam>& inputs = decoder.event().inputs;
    const std::span<const Value> values = event.params();
    out += '{';
    for (size_t i = 0; i < values.size(); ++i) {
        if (i != 0) {
            out += ',';
        }
        append_key(out, inputs[i].name.empty() ? param_name(decoder.event(), i) : inputs[i].name,
                   i);
        append_json(out, inputs[i].type, event, values[i]);
    }
    out += '}';
}

}  // namespace plumbline::evm
