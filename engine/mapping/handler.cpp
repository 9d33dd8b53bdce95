#include "engine/mapping/handler.hpp"

#include "core/evm/abi_decode.hpp"

namespace plumbline::engine {

using storage::FieldKind;

Value Value::null() {
    Value out;
    out.is_null = true;
    return out;
}
Value Value::number(const evm::U256& value) {
    return {{FieldKind::kUint, 256}, value, {}};
}
Value Value::signed_number(int64_t value) {
    const evm::U256 magnitude{value < 0 ? ~static_cast<uint64_t>(value) + 1
                                        : static_cast<uint64_t>(value)};
    return {{FieldKind::kInt, 256}, value < 0 ? evm::negate(magnitude) : magnitude, {}};
}
Value Value::decimal(const evm::U256& units, uint8_t places) {
    return {{FieldKind::kDecimal, 256, places}, units, {}};
}
Value Value::boolean(bool value) {
    return {{FieldKind::kBool, 8}, evm::U256{value ? 1U : 0U}, {}};
}
Value Value::address(const evm::Address& value) {
    return {{FieldKind::kAddress, 160}, evm::U256::from_be(value.view()), {}};
}
Value Value::hash(const evm::Hash& value) {
    return {{FieldKind::kFixedBytes, 256}, evm::U256::from_be(value.view()), {}};
}
Value Value::string(std::string_view text) {
    return {{FieldKind::kString, 0}, {}, std::string{text}};
}
Value Value::byte_string(ByteView bytes) {
    return {{FieldKind::kBytes, 0}, {}, std::string{as_chars(bytes)}};
}

evm::Address Value::as_address() const noexcept {
    return evm::to_address(word);
}
evm::Hash Value::as_hash() const noexcept {
    evm::Hash out;
    word.to_be(out.data());
    return out;
}

}  // namespace plumbline::engine
