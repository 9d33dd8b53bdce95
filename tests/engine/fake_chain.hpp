// A chain in memory and a node that tells of it, for driving ingest on one thread: forks, factories
// of factories, logs of contracts nobody asked for; answers late, in any order, or refused.
// Everything follows from a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "rpc/chain_source.hpp"
#include "tests/support/test_chain.hpp"

namespace plumbline::test {

struct FakeBlock {
    evm::Header header;
    evm::LogBatch logs;
};

/// The canonical chain and every block that ever was. Blocks are true (`seal_block`).
class FakeChain {
  public:
    /// Changes a sealed header, hash included: for chains whose headers are not Ethereum's.
    using Spoil = std::function<void(evm::Header&)>;

    explicit FakeChain(uint64_t seed, Spoil spoil = {});

    [[nodiscard]] const std::vector<std::shared_ptr<FakeBlock>>& blocks() const { return blocks_; }
    [[nodiscard]] uint64_t head() const { return blocks_.size() - 1; }
    [[nodiscard]] const FakeBlock* find(const evm::Hash& hash) const;
    [[nodiscard]] bool is_canonical(const FakeBlock& block) const;
    /// Blocks with logs by chance.
    void mine(size_t count);
    /// One block with these logs, two to a transaction.
    void mine_logs(const std::vector<MadeLog>& logs);
    /// From now on so many of a hundred numbers have no block (core/evm/block_gap.hpp). In
    /// `blocks` something stands for them; nodes tell of none. The head is always a block.
    void leave_out(unsigned percent) { gap_percent_ = percent; }
    /// Blocks above `block_num` are gone.
    void cut(uint64_t block_num);
    void reorg(uint64_t depth, size_t new_blocks);
    /// Goes to another branch that once was, by its block list.
    void adopt(std::vector<std::shared_ptr<FakeBlock>> branch) { blocks_ = std::move(branch); }

  private:
    uint64_t pick(uint64_t below) { return random_() % below; }
    [[nodiscard]] std::vector<MadeLog> pick_logs();
    [[nodiscard]] MadeLog pick_log();

    std::mt19937_64 random_;
    std::mt19937_64 gaps_;  ///< its own, so that chains without gaps are what they were
    unsigned gap_percent_ = 0;
    Spoil spoil_;
    std::vector<std::shared_ptr<FakeBlock>> blocks_;
    std::unordered_map<evm::Hash, std::shared_ptr<FakeBlock>, evm::FixedBytesHash> by_hash_;
    evm::ReceiptsProver prover_;
};

struct FakeNodeOptions {
    uint64_t seed = 0;  ///< 0: answers at once, in order
    unsigned refusal_percent = 0;
    uint64_t finality_depth = 12;
    bool is_down = false;
    uint64_t lag = 0;  ///< blocks that the node is behind
    /// Blocks that the second highest head is below the highest; empty: nobody tells another.
    std::optional<uint64_t> second_lag = {};
    bool keeps_side_blocks = false;
    uint64_t chain_id = kChainId;
    bool knows_genesis = true;
    uint64_t range_max = 16;
    std::string name = "fake";
    /// Logs that it leaves out of ranges.
    std::function<bool(const evm::Log&)> drops = {};
    /// Its head is told as another block than it is.
    bool is_head_false = false;
    /// Where set, it stands for two providers, or for `providers`, which say this of a block.
    std::function<std::vector<rpc::BlockWord>(uint64_t block_num)> words = {};
    /// What contracts answer at a block; empty: it runs no calls.
    std::function<rpc::CallResult(const FakeBlock& block, const evm::Address& to, ByteView input)>
        contracts = {};
    /// Names of providers that it stands for, and what one of them makes of an answer.
    std::vector<std::string> providers = {};
    std::function<void(size_t provider, const FakeBlock& block, ByteView input,
                       rpc::CallResult& result)>
        spoils = {};
    bool runs_programs = true;                        ///< else it refuses creations and overrides
    bool takes_hashes = true;                         ///< of the block that calls are made at
    std::set<size_t> refuse_hashes = {};              ///< providers that do not
    std::map<size_t, std::string> refuse_calls = {};  ///< providers that run none, in their words
    /// Providers that have no state of blocks so far below the head.
    std::map<size_t, uint64_t> state_depths = {};
    /// True: that provider, asked by name, does not answer questions with a call at that block.
    std::function<bool(size_t provider, uint64_t block_num)> is_silent_at = {};
    std::set<size_t> off_block = {};     ///< those that answer calls from the newest block always
    std::set<size_t> block_before = {};  ///< and from the block before the one that is asked about
    /// Blocks so far below the head have no state any more.
    uint64_t state_depth = UINT64_MAX;
};

/// Answers from the chain as it is when the answer is given, as a node does.
class FakeNode final : public rpc::ChainSource {
  public:
    FakeNode(const FakeChain& chain, ManualClock& clock, FakeNodeOptions node_options)
        : options{node_options},
          chain_{chain},
          clock_{clock},
          random_{node_options.seed} {}

    FakeNodeOptions options;             ///< may change between two polls
    std::vector<std::string> convicted;  ///< for `take_convicted`
    std::set<std::string> apart;         ///< as was told last
    size_t range_asks = 0;
    size_t call_asks = 0;   ///< eth_calls
    size_t calls_made = 0;  ///< by contracts, those inside of programs too

    void get_chain_id(Callback<uint64_t> done) override;
    void get_heads(Callback<rpc::Heads> done) override;
    void get_headers(std::vector<uint64_t> block_nums,
                     Callback<std::vector<evm::Header>> done) override;
    void get_header_by_hash(evm::Hash hash, Callback<evm::Header> done) override;
    void get_range(rpc::LogFilter filter, evm::BlockRange range, bool all_headers,
                   Callback<rpc::RangeLogs> done) override;
    void get_txns(std::vector<evm::Hash> hashes, Callback<std::vector<rpc::TxnInfo>> done) override;
    void get_receipts(evm::Hash block_hash, Callback<evm::ReceiptBatch> done) override;
    void get_block_words(uint64_t block_num, Callback<std::vector<rpc::BlockWord>> done) override;
    void call(std::vector<rpc::CallRequest> requests, rpc::StateBlock block,
              std::optional<size_t> provider, Callback<rpc::CallAnswers> done) override;
    std::vector<std::string> provider_names() const override {
        return options.words && options.providers.empty() ? std::vector<std::string>{"one", "two"}
                                                          : options.providers;
    }
    void set_apart(const std::set<std::string>& names) override { apart = names; }
    std::vector<std::string> take_convicted() override { return std::exchange(convicted, {}); }
    uint64_t suggest_range_size(const rpc::LogFilter&, uint64_t) override {
        return options.seed == 0 ? options.range_max : 1 + random_() % options.range_max;
    }
    size_t poll(int64_t wait_ms) override;
    size_t in_flight() const override { return open_.size(); }

  private:
    [[nodiscard]] uint64_t head() const {
        return block_below(chain_.head() > options.lag ? chain_.head() - options.lag : 0);
    }
    /// The number, or the next one below it that has a block.
    [[nodiscard]] uint64_t block_below(uint64_t block_num) const;
    /// Null where the node does not know it, or no longer.
    [[nodiscard]] const FakeBlock* find(const evm::Hash& hash) const;
    [[nodiscard]] Result<rpc::RangeLogs> read_range(const rpc::LogFilter& filter,
                                                    evm::BlockRange range, bool all_headers) const;
    [[nodiscard]] rpc::CallResult run_call(const rpc::CallRequest& request,
                                           const rpc::StateBlock& state, size_t provider);
    [[nodiscard]] rpc::CallResult ask_contract(const FakeBlock& block, const evm::Address& to,
                                               ByteView input, size_t provider);
    /// `answer` is worked out when the node gets to it, unless it refuses.
    template <typename T>
    void ask(Callback<T> done, std::function<Result<T>()> answer);

    const FakeChain& chain_;
    ManualClock& clock_;
    std::mt19937_64 random_;
    std::vector<std::function<void()>> open_;
};

}  // namespace plumbline::test
