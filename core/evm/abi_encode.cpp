#include "core/evm/abi_encode.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "core/evm/keccak.hpp"

namespace plumbline::evm {

namespace {

/// Why `value` is not one of `type` (its own layer only), or nothing.
const char* mismatch(const AbiType& type, const AbiValue& value) {
    switch (type.kind) {
        case TypeKind::kUint:
            return value.word.fits_unsigned(type.bits) ? nullptr : "the number is out of range";
        case TypeKind::kInt:
            return value.word.fits_signed(type.bits) ? nullptr : "the number is out of range";
        case TypeKind::kBool: return value.word.fits_unsigned(1) ? nullptr : "not a bool";
        case TypeKind::kAddress: return value.word.fits_unsigned(160) ? nullptr : "not an address";
        case TypeKind::kFixedBytes: {
            uint8_t raw[32];
            value.word.to_be(raw);
            for (size_t i = type.byte_count(); i < sizeof(raw); ++i) {
                if (raw[i] != 0) {
                    return "more bytes than the type has";
                }
            }
            return nullptr;
        }
        case TypeKind::kBytes:
        case TypeKind::kString:
        case TypeKind::kArray: return nullptr;
        case TypeKind::kFixedArray:
            return value.items.size() == type.length ? nullptr : "another number of elements";
        case TypeKind::kTuple:
            return value.items.size() == type.children.size() ? nullptr
                                                              : "another number of components";
    }
    return "unknown type";
}

Status check_value(const AbiType& type, const AbiValue& value) {
    if (const char* problem = mismatch(type, value)) {
        return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", to_string(type), problem)};
    }
    if (type.is_array()) {
        for (const AbiValue& item : value.items) {
            PLUMBLINE_TRY_VOID(check_value(type.children[0], item));
        }
    }
    if (type.kind == TypeKind::kTuple) {
        for (size_t i = 0; i < value.items.size(); ++i) {
            PLUMBLINE_TRY_VOID(check_value(type.children[i], value.items[i]));
        }
    }
    return ok();
}

void append_padded(Bytes& out, ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
    out.resize(out.size() + (32 - bytes.size() % 32) % 32);
}

const AbiType& part_of(const AbiType& type, size_t index) {
    return type.is_array() ? type.children[0] : type.children[index];
}

void append_value(Bytes& out, const AbiType& type, const AbiValue& value);

/// Heads side by side, then the tails of those that are dynamic. `part` gives the type of an item.
template <typename PartType>
void append_frame(Bytes& out, std::span<const AbiValue> items, const PartType& part) {
    uint64_t tail_offset = 0;
    for (size_t i = 0; i < items.size(); ++i) {
        tail_offset += part(i).head_size();
    }
    Bytes tails;
    for (size_t i = 0; i < items.size(); ++i) {
        const AbiType& type = part(i);
        if (type.is_dynamic()) {
            append_word(out, U256{tail_offset + tails.size()});
            append_value(tails, type, items[i]);
        } else {
            append_value(out, type, items[i]);
        }
    }
    out.insert(out.end(), tails.begin(), tails.end());
}

void append_value(Bytes& out, const AbiType& type, const AbiValue& value) {
    if (type.is_word()) {
        append_word(out, value.word);
        return;
    }
    if (type.kind == TypeKind::kBytes || type.kind == TypeKind::kString) {
        append_word(out, U256{value.bytes.size()});
        append_padded(out, value.bytes);
        return;
    }
    if (type.kind == TypeKind::kArray) {
        append_word(out, U256{value.items.size()});
    }
    append_frame(out, value.items, [&](size_t i) -> const AbiType& { return part_of(type, i); });
}

/// What the topic of an indexed value hashes: parts in place, padded, without lengths or offsets
/// (ABI specification, "Encoding of indexed event parameters").
void append_in_place(Bytes& out, const AbiType& type, const AbiValue& value) {
    if (type.is_word()) {
        append_word(out, value.word);
    } else if (type.kind == TypeKind::kBytes || type.kind == TypeKind::kString) {
        append_padded(out, value.bytes);
    } else {
        for (size_t i = 0; i < value.items.size(); ++i) {
            append_in_place(out, part_of(type, i), value.items[i]);
        }
    }
}

Hash topic_of(const AbiType& type, const AbiValue& value) {
    if (type.kind == TypeKind::kBytes || type.kind == TypeKind::kString) {
        return keccak256(value.bytes);
    }
    Bytes encoded;
    append_in_place(encoded, type, value);
    return type.is_word() ? Hash::from(encoded) : keccak256(encoded);
}

}  // namespace

Result<Bytes> encode_values(std::span<const AbiType> types, std::span<const AbiValue> values) {
    if (types.size() != values.size()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} values for {} types", values.size(), types.size())};
    }
    for (size_t i = 0; i < types.size(); ++i) {
        if (auto status = check_value(types[i], values[i]); !status) {
            return std::move(status).error().with_context(fmt::format("value {}", i));
        }
    }
    Bytes out;
    append_frame(out, values, [&](size_t i) -> const AbiType& { return types[i]; });
    return out;
}

Result<Bytes> encode_call(const AbiFunction& function, std::span<const AbiValue> args) {
    std::vector<AbiType> types;
    for (const AbiParam& input : function.inputs) {
        types.push_back(input.type);
    }
    auto encoded = encode_values(types, args);
    if (!encoded) {
        return std::move(encoded).error().with_context(function.signature());
    }
    const FixedBytes<4> selector = function.selector();
    Bytes out{selector.bytes.begin(), selector.bytes.end()};
    out.insert(out.end(), encoded->begin(), encoded->end());
    return out;
}

Result<EncodedEvent> encode_event(const AbiEvent& event, std::span<const AbiValue> values) {
    if (event.inputs.size() != values.size()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} values for {}", values.size(), event.signature())};
    }
    EncodedEvent out;
    if (!event.anonymous) {
        out.topics.push_back(event.topic0());
    }
    std::vector<AbiType> types;
    std::vector<AbiValue> in_data;
    for (size_t i = 0; i < values.size(); ++i) {
        const AbiType& type = event.inputs[i].type;
        if (event.inputs[i].indexed) {
            PLUMBLINE_TRY_VOID(check_value(type, values[i]));
            out.topics.push_back(topic_of(type, values[i]));
        } else {
            types.push_back(type);
            in_data.push_back(values[i]);
        }
    }
    PLUMBLINE_TRY(out.data, encode_values(types, in_data));
    return out;
}

}  // namespace plumbline::evm
