// A simulated chain whose whole history is known beforehand: blocks whose headers hash, link, carry
// true blooms and true receipts roots; forks of every kind; what the chain looked like at any time.
// All of it follows from a seed.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"
#include "tests/sim/random.hpp"
#include "tests/support/test_chain.hpp"

namespace plumbline::sim {

using test::hub_address;
using test::kChainId;

/// A second hub: it announces vaults too, some of them the first one's.
[[nodiscard]] evm::Address annex_address();

/// What of a chain follows from its content the way Ethereum's does.
enum class Provability : uint8_t {
    kAll,
    kNoReceipts,  ///< roots are not those of the receipts
    kNoHeaders,   ///< headers hash by rules of their own
};

/// A block and the JSON a node sends for it.
struct SimBlock {
    evm::Header header;
    const SimBlock* parent = nullptr;
    evm::LogBatch logs;
    std::string json;                    ///< eth_getBlockByNumber, without transactions
    std::string txns_json;               ///< their hashes, as eth_getBlockByHash has them
    std::vector<std::string> logs_json;  ///< one a log
    std::string receipts_json;           ///< eth_getBlockReceipts
    std::string rooted_json;             ///< the same without what no root commits to (state syncs)
    size_t rooted_logs = 0;  ///< so many of `logs`, from the first, are in root and bloom
};

/// Blocks 0 to head, oldest first; for numbers without a block one that stands for them, of which
/// no node tells.
using Branch = std::vector<const SimBlock*>;

struct ChainOptions {
    uint64_t seed = 1;
    uint64_t blocks_at_start = 150;  ///< there when time starts
    uint64_t blocks_live = 60;       ///< come while time passes
    int64_t block_ms = 2'000;
    double reorg_chance = 0.1;  ///< a block
    uint64_t reorg_depth_max = 6;
    double deep_reorg_chance = 0;  ///< a block; below what was called final
    uint64_t finality_depth = 12;
    double empty_share = 0.3;  ///< blocks without a log
    uint64_t logs_max = 6;
    double gap_chance = 0;  ///< a number: no block has it (core/evm/block_gap.hpp)
    uint64_t chain_id = kChainId;
    Provability provability = Provability::kAll;
    uint64_t parts_at = 0;         ///< from this block on it is another chain; 0: it is not
    double annex_chance = 0;       ///< a block: the second hub and its vaults log
    uint64_t crowd = 0;            ///< so many vaults are announced in a few blocks
    double state_sync_chance = 0;  ///< a block (core/evm/state_sync.hpp); 137 and its like only
};

/// How often each kind of fork happened.
struct ForkCounts {
    uint64_t same_height = 0;
    uint64_t longer = 0;
    uint64_t shorter = 0;
    uint64_t back = 0;  ///< to a branch that was canonical before
    uint64_t deep = 0;  ///< past what was final
};

/// The chain as seen at one time.
struct ChainView {
    const Branch* branch = nullptr;
    uint64_t head = 0;
    uint64_t finalized = 0;
    [[nodiscard]] const SimBlock* at(uint64_t block_num) const {
        return block_num <= head ? (*branch)[block_num] : nullptr;
    }
    [[nodiscard]] bool has(const SimBlock& block) const {
        return at(block.header.block_num) == &block;
    }
};

class SimChain {
  public:
    explicit SimChain(const ChainOptions& options);
    SimChain(const SimChain&) = delete;
    SimChain& operator=(const SimChain&) = delete;

    [[nodiscard]] ChainView view(int64_t at_ms) const;
    /// What was ever called final until then: a fork past finality takes some of it back.
    [[nodiscard]] uint64_t most_final(int64_t at_ms) const;
    [[nodiscard]] ChainView final_view() const { return view(INT64_MAX); }
    /// When the chain stops changing.
    [[nodiscard]] int64_t end_ms() const { return states_.back().from_ms; }
    [[nodiscard]] const SimBlock* find(const evm::Hash& hash) const;
    /// The block of a transaction, and which of its logs is the first.
    [[nodiscard]] const SimBlock* find_txn(const evm::Hash& hash) const;
    /// The chain up to the block of that hash. Where `block_num` is above it, no block has the
    /// numbers between: they are null, as is all where no block has this hash.
    [[nodiscard]] Branch branch_to(const evm::Hash& hash, uint64_t block_num) const;
    [[nodiscard]] uint64_t chain_id() const { return options_.chain_id; }
    [[nodiscard]] bool has_crowd() const { return options_.crowd > 0; }
    [[nodiscard]] const ForkCounts& forks() const { return forks_; }

  private:
    struct State {
        int64_t from_ms = 0;
        size_t branch = 0;
        uint64_t head = 0;
        uint64_t finalized = 0;
    };
    const SimBlock* make_block(const SimBlock* parent);
    void grow(Branch& branch);
    void add_log(evm::LogBatch& logs);
    void push(evm::LogBatch& logs, test::MadeLog made, bool own_txn);
    void add_extra_logs(evm::LogBatch& logs);
    void add_state_sync(SimBlock& block);
    void deform(SimBlock& block) const;
    [[nodiscard]] test::MadeLog pick_log(Random& random);
    void seal(SimBlock& block);
    void fork(uint64_t depth, uint64_t blocks);
    void record(int64_t at_ms);

    ChainOptions options_;
    Random random_;
    // Of their own, so that chains without such things are what they were.
    Random gaps_;
    Random extra_;
    uint64_t crowd_made_ = 0;
    std::deque<SimBlock> blocks_;
    std::deque<Branch> branches_;
    std::vector<State> states_;
    std::unordered_map<evm::Hash, const SimBlock*, evm::FixedBytesHash> by_hash_;
    std::unordered_map<evm::Hash, const SimBlock*, evm::FixedBytesHash> by_txn_;
    Branch other_;  ///< what the last fork left
    uint64_t finalized_ = 0;
    uint64_t salt_ = 0;
    ForkCounts forks_;
    evm::ReceiptsProver prover_;
};

/// A log's JSON as eth_getLogs gives it.
[[nodiscard]] std::string log_json(const evm::Log& log, ByteView data, bool removed = false);

/// A header as a node tells it.
[[nodiscard]] std::string header_json(const evm::Header& header);

}  // namespace plumbline::sim
