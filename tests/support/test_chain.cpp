#include "tests/support/test_chain.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "core/base/check.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/trie.hpp"

namespace plumbline::test {

namespace {

void append(Bytes& out, const evm::Hash& word) {
    out.insert(out.end(), word.bytes.begin(), word.bytes.end());
}

template <typename... Topics>
MadeLog made_log(const evm::Address& contract, const evm::Hash& event, const Topics&... topics) {
    MadeLog out;
    out.log.address = contract;
    out.log.topic_count = 1 + sizeof...(topics);
    out.log.topics[0] = event;
    size_t next = 1;
    ((out.log.topics[next++] = topics), ...);
    return out;
}

}  // namespace

evm::Address make_address(uint64_t kind, uint64_t number) {
    return evm::Address::from(
        evm::keccak256(std::to_string(kind) + ":" + std::to_string(number)).view().first(20));
}

evm::Address hub_address() {
    static const evm::Address kHub = make_address(1, 0);
    return kHub;
}

evm::Hash to_word(uint64_t value) {
    evm::Hash word;
    for (size_t i = 0; i < 8; ++i) {
        word.bytes[31 - i] = static_cast<uint8_t>(value >> (8 * i));
    }
    return word;
}

evm::Hash to_word(const evm::Address& address) {
    evm::Hash word;
    std::ranges::copy(address.bytes, word.bytes.begin() + 12);
    return word;
}

MadeLog deposited(const evm::Address& contract, const evm::Address& who, uint64_t amount) {
    static const evm::Hash kEvent = evm::keccak256("Deposited(address,uint256)");
    MadeLog out = made_log(contract, kEvent, to_word(who));
    append(out.data, to_word(amount));
    return out;
}

MadeLog withdrawn(const evm::Address& who, uint64_t amount) {
    static const evm::Hash kEvent = evm::keccak256("Withdrawn(address,uint256)");
    MadeLog out = made_log(hub_address(), kEvent, to_word(who));
    append(out.data, to_word(amount));
    return out;
}

MadeLog note_opened(uint64_t id, std::string_view text) {
    static const evm::Hash kEvent = evm::keccak256("NoteOpened(uint256,string)");
    MadeLog out = made_log(hub_address(), kEvent, to_word(id));
    append(out.data, to_word(32));
    append(out.data, to_word(text.size()));
    out.data.insert(out.data.end(), text.begin(), text.end());
    out.data.resize((out.data.size() + 31) / 32 * 32);
    return out;
}

MadeLog note_closed(uint64_t id) {
    static const evm::Hash kEvent = evm::keccak256("NoteClosed(uint256)");
    return made_log(hub_address(), kEvent, to_word(id));
}

MadeLog vault_made(const evm::Address& vault) {
    static const evm::Hash kEvent = evm::keccak256("VaultMade(address)");
    return made_log(hub_address(), kEvent, to_word(vault));
}

MadeLog child_made(const evm::Address& vault, const evm::Address& child) {
    static const evm::Hash kEvent = evm::keccak256("ChildMade(address)");
    MadeLog out = made_log(vault, kEvent);
    append(out.data, to_word(child));
    return out;
}

MadeLog ping(const evm::Address& contract, uint64_t n) {
    static const evm::Hash kEvent = evm::keccak256("Ping(uint256)");
    MadeLog out = made_log(contract, kEvent);
    append(out.data, to_word(n));
    return out;
}

MadeLog noise(const evm::Address& contract, uint64_t n) {
    static const evm::Hash kEvent = evm::keccak256("Noise(uint256)");
    MadeLog out = made_log(contract, kEvent);
    append(out.data, to_word(n));
    return out;
}

void seal_block(evm::Header& header, evm::LogBatch& logs, std::string_view salt,
                evm::ReceiptsProver& prover) {
    header.state_root = evm::keccak256(salt);
    // Keccak of the empty list: no ommers.
    header.ommers_hash =
        *evm::parse_hash("0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    header.txns_root = evm::kEmptyTrieRoot;
    header.receipts_root = evm::kEmptyTrieRoot;
    header.gas_limit = 30'000'000;
    header.base_fee_per_gas = evm::U256{7};
    for (evm::Log& log : logs.logs) {
        log.txn_hash = evm::keccak256(std::string{salt} + "#" + std::to_string(log.txn_index));
    }
    if (!logs.logs.empty()) {
        const evm::ReceiptBatch batch = receipts_of(logs);
        const auto digest = prover.compute(batch);
        PLUMBLINE_CHECK(digest.has_value());
        header.receipts_root = digest->root;
        header.logs_bloom = digest->bloom;
        header.gas_used = batch.receipts.back().cumulative_gas_used;
    }
    header.hash = evm::compute_hash(header);
    for (evm::Log& log : logs.logs) {
        log.block_num = header.block_num;
        log.block_hash = header.hash;
    }
}

}  // namespace plumbline::test
