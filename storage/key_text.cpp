#include "storage/key_text.hpp"

#include <array>

#include "core/base/printable_text.hpp"
#include "core/evm/decimal_text.hpp"
#include "core/evm/hex.hpp"
#include "storage/entity_key.hpp"

namespace plumbline::storage {

namespace {

std::string value_text(FieldType type, const KeyValue& value) {
    switch (type.kind) {
        case FieldKind::kUint: return value.word.to_decimal();
        case FieldKind::kInt: return value.word.to_decimal_signed();
        case FieldKind::kDecimal:
            return evm::decimal_text(value.word.to_decimal_signed(), type.places);
        case FieldKind::kBool: return value.word.is_zero() ? "false" : "true";
        case FieldKind::kEnum: return enum_name(type, value.word);
        case FieldKind::kBytes: return evm::to_hex(as_bytes(value.bytes));
        case FieldKind::kString: return printable_text(value.bytes, TextPlace::kKey);
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
        out += i == 0 ? "" : ",";
        out += field.name + "=" + value_text(field.type, (*values)[i]);
    }
    return out;
}

}  // namespace plumbline::storage
