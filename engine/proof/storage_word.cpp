#include "engine/proof/storage_word.hpp"

#include <algorithm>
#include <array>

#include "core/evm/keccak.hpp"

namespace plumbline::engine {

evm::ProofError prove_word(const evm::Hash& storage_root, const evm::Hash& slot,
                           std::span<const Bytes> nodes, evm::U256& word) {
    const evm::ProofError error = evm::verify_storage_proof(storage_root, slot, nodes, word);
    if (error != evm::ProofError::kBadValue) {
        return error;
    }
    evm::ProofValue value;
    constexpr uint8_t kRlpZero = 0x80;
    if (evm::verify_proof(storage_root, evm::keccak256(slot.view()), nodes, value) ==
            evm::ProofError::kNone &&
        value.is_present && value.value.size() == 1 && value.value[0] == kRlpZero) {
        word = {};
        return evm::ProofError::kNone;
    }
    return error;
}

evm::U256 unpack_word(const evm::U256& word, storage::FieldType type, size_t offset) {
    std::array<uint8_t, 32> bytes{};
    word.to_be(bytes.data());
    const size_t width = type.width();
    const ByteView part = ByteView{bytes}.subspan(32 - offset - width, width);
    if (type.is_signed()) {
        return evm::U256::from_be_signed(part);
    }
    if (type.kind == storage::FieldKind::kFixedBytes) {
        std::array<uint8_t, 32> left{};
        std::ranges::copy(part, left.begin());
        return evm::U256::from_be(left);
    }
    return evm::U256::from_be(part);
}

evm::Hash mapping_place(Bytes key, const evm::Hash& mapping) {
    key.insert(key.end(), mapping.bytes.begin(), mapping.bytes.end());
    return evm::keccak256(ByteView{key});
}

evm::Hash place_behind(const evm::Hash& place, uint16_t words) {
    bool carry = false;
    evm::Hash out;
    evm::add(evm::U256::from_be(place.view()), evm::U256{words}, carry).to_be(out.data());
    return out;
}

}  // namespace plumbline::engine
