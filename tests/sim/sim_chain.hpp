// A simulated chain whose whole history is known beforehand: blocks whose headers hash, link, carry
// true blooms and true receipts roots; forks of every kind; what the chain looked like at any time.
// All of it follows from a seed.
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"
#include "tests/support/test_chain.hpp"

namespace plumbline::sim {

/// Repeatable on every machine, unlike the standard distributions.
class Random {
  public:
    explicit Random(uint64_t seed) : engine_{seed} {}
    uint64_t below(uint64_t bound) { return bound == 0 ? 0 : engine_() % bound; }
    uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
    bool chance(double probability) {
        return static_cast<double>(engine_() >> 11U) * 0x1.0p-53 < probability;
    }
    uint64_t next() { return engine_(); }

  private:
    std::mt19937_64 engine_;
};

using test::hub_address;
using test::kChainId;

/// A block and the JSON a node sends for it.
struct SimBlock {
    evm::Header header;
    const SimBlock* parent = nullptr;
    evm::LogBatch logs;
    std::string json;                    ///< eth_getBlockByNumber
    std::vector<std::string> logs_json;  ///< one a log
    std::string receipts_json;           ///< eth_getBlockReceipts
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
    [[nodiscard]] ChainView final_view() const { return view(INT64_MAX); }
    /// When the chain stops changing.
    [[nodiscard]] int64_t end_ms() const { return states_.back().from_ms; }
    [[nodiscard]] const SimBlock* find(const evm::Hash& hash) const;
    /// The block of a transaction, and which of its logs is the first.
    [[nodiscard]] const SimBlock* find_txn(const evm::Hash& hash) const;
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
    [[nodiscard]] test::MadeLog pick_log();
    void seal(SimBlock& block);
    void fork(uint64_t depth, uint64_t blocks);
    void record(int64_t at_ms);

    ChainOptions options_;
    Random random_;
    Random gaps_;  ///< its own, so that chains without gaps are what they were
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

/// The logs that the config of the simulation wants from a branch, by the plainest reading of the
/// rule: walk the chain once from the start block on. (block, log index) in order.
[[nodiscard]] std::vector<std::pair<uint64_t, uint32_t>> wanted_logs(const ChainView& view,
                                                                     uint64_t start_block);

}  // namespace plumbline::sim
