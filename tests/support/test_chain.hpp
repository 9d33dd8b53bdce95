// What all made-up chains of the tests have in common: the contracts that they tell of, the events
// of these, and blocks that a prover believes: headers hash to what they claim, and bloom, gas and
// receipts root are those of the block's logs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"
#include "tests/support/made_block.hpp"

namespace plumbline::test {

inline constexpr uint64_t kChainId = 31337;

/// A hub that takes deposits, keeps notes and makes vaults.
inline constexpr const char* kHubAbi = R"([
{"type":"event","name":"Deposited","inputs":[{"name":"who","type":"address","indexed":true},{"name":"amount","type":"uint256","indexed":false}]},
{"type":"event","name":"Withdrawn","inputs":[{"name":"who","type":"address","indexed":true},{"name":"amount","type":"uint256","indexed":false}]},
{"type":"event","name":"NoteOpened","inputs":[{"name":"id","type":"uint256","indexed":true},{"name":"text","type":"string","indexed":false}]},
{"type":"event","name":"NoteClosed","inputs":[{"name":"id","type":"uint256","indexed":true}]},
{"type":"event","name":"VaultMade","inputs":[{"name":"vault","type":"address","indexed":true}]}])";
/// A vault, and a pod that a vault made.
inline constexpr const char* kChildAbi = R"([
{"type":"event","name":"Ping","inputs":[{"name":"n","type":"uint256","indexed":false}]},
{"type":"event","name":"ChildMade","inputs":[{"name":"child","type":"address","indexed":false}]}])";

/// The `number`-th address of a kind: 1 hub, 2 vaults, 3 pods, 5 people, 7 copies of the hub, 9
/// strangers.
[[nodiscard]] evm::Address make_address(uint64_t kind, uint64_t number);
[[nodiscard]] evm::Address hub_address();

/// As ABI words: numbers and addresses stand at the right end.
[[nodiscard]] evm::Hash to_word(uint64_t value);
[[nodiscard]] evm::Hash to_word(const evm::Address& address);

/// An emitted event: `log` with contract and topics, its place in the chain still open.
struct MadeLog {
    evm::Log log;
    Bytes data;
};
[[nodiscard]] MadeLog deposited(const evm::Address& contract, const evm::Address& who,
                                uint64_t amount);
[[nodiscard]] MadeLog withdrawn(const evm::Address& who, uint64_t amount);
[[nodiscard]] MadeLog note_opened(uint64_t id, std::string_view text);
[[nodiscard]] MadeLog note_closed(uint64_t id);
[[nodiscard]] MadeLog vault_made(const evm::Address& vault);
[[nodiscard]] MadeLog child_made(const evm::Address& vault, const evm::Address& child);
[[nodiscard]] MadeLog ping(const evm::Address& contract, uint64_t n);
/// An event that no ABI of the tests knows, of a contract that nobody asks for.
[[nodiscard]] MadeLog noise(const evm::Address& contract, uint64_t n);

/// Makes a block of a header that has its number, parent and time, and of logs that have their
/// place in the block: fills in all else, both ways. `salt` decides the state root and the
/// transactions' hashes, so that blocks of equal content differ. The prover only keeps memory.
void seal_block(evm::Header& header, evm::LogBatch& logs, std::string_view salt,
                evm::ReceiptsProver& prover);

}  // namespace plumbline::test
