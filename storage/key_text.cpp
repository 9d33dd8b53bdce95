#include "storage/key_text.hpp"

#include <algorithm>
#include <array>

#include "core/evm/hex.hpp"
#include "storage/entity_key.hpp"

namespace plumbline::storage {

namespace {

/// Would end a field's text early, or a line.
bool is_special(char c) {
    const auto byte = static_cast<uint8_t>(c);
    return c == ',' || c == '=' || byte < 0x20 || byte == 0x7F;
}

std::string value_text(FieldType type, const KeyValue& value) {
    switch (type.kind) {
        case FieldKind::kUint: return value.word.to_decimal();
        case FieldKind::kInt: return value.word.to_decimal_signed();
        case FieldKind::kBool: return value.word.is_zero() ? "false" : "true";
        case FieldKind::kBytes: return evm::to_hex(as_bytes(value.bytes));
        case FieldKind::kString: return value.bytes;
        case FieldKind::kAddress:
        case FieldKind::kFixedBytes: break;
    }
    std::array<uint8_t, 32> word{};
    value.word.to_be(word.data());
    const ByteView bytes{word};
    return evm::to_hex(type.kind == FieldKind::kAddress ? bytes.last(20)
                                                        : bytes.first(type.width()));
}

}  // namespace

std::string key_text(const EntityLayout& layout, std::string_view key) {
    const auto values = decode_key(key, layout.key);
    if (!values) {
        return evm::to_hex(as_bytes(key));
    }
    std::string out;
    for (size_t i = 0; i < values->size(); ++i) {
        const Field& field = layout.key[i];
        if (field.type.kind == FieldKind::kString &&
            std::ranges::any_of((*values)[i].bytes, is_special)) {
            return evm::to_hex(as_bytes(key));
        }
        out += i == 0 ? "" : ",";
        out += field.name + "=" + value_text(field.type, (*values)[i]);
    }
    return out;
}

}  // namespace plumbline::storage
