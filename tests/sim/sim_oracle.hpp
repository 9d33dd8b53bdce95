// What is true of the simulated chain by the plainest reading of the config's rules, and whether a
// database that calls something proven is right. Shares no code with ingest, fold or proof.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"
#include "tests/sim/sim_chain.hpp"
#include "tests/sim/sim_config.hpp"

namespace plumbline::sim {

/// (block, log index)
using Places = std::set<std::pair<uint64_t, uint32_t>>;

/// The logs of `branch` that the config wants; null blocks hold none.
[[nodiscard]] Places wanted_logs(const Branch& branch, const ConfigOptions& config);

/// Holds databases against the chain. Remembers the last branch that it was asked about.
class Oracle {
  public:
    explicit Oracle(const SimChain& chain) : chain_{chain} {}

    /// Some provider of this world tells lies that reach the log: `fetched` says nothing then.
    void expect_lies() { trusts_fetched_ = false; }
    /// Some provider tells of this chain: for a while it may be the index's.
    void expect_other(const SimChain& chain) { other_ = &chain; }
    void use(const ConfigOptions& config);

    /// Whether every block is as what it is called: at `fetched` all wanted logs are stored, at
    /// `linked` its row is the chain's, at `receipts` its logs are the chain's, byte for byte, no
    /// wanted one missing and none more. Empty: all is well; else the first block where not.
    [[nodiscard]] std::string check_levels(const storage::Database& database,
                                           const engine::Plan& plan);
    /// The same of what an answer of the API says of all blocks.
    [[nodiscard]] std::string check_answer(const storage::Database& database,
                                           storage::ProofLevel level, uint64_t proven_through);
    /// Every wanted log of the whole chain is stored; whatever is stored is the chain's; with
    /// `exactly`, nothing but what is wanted.
    [[nodiscard]] std::string check_log(const storage::Database& database, bool exactly);

  private:
    /// Where a database first differs from the branch that it is on.
    struct State {
        evm::Hash head;
        uint64_t block_num = 0;
        std::vector<std::string> missing;  ///< by block; empty: nothing is
        std::vector<std::string> altered;  ///< by block: logs that are not the chain's
        std::vector<std::string> rows;     ///< by block: what its row has wrong
    };
    void look_at_branch(const storage::Cursor& cursor);
    [[nodiscard]] Result<State> compare(const storage::Database& database);
    [[nodiscard]] std::string judge(const State& state, storage::ProofLevel level, uint64_t from,
                                    uint64_t to) const;

    const SimChain& chain_;
    const SimChain* other_ = nullptr;
    ConfigOptions config_;
    bool trusts_fetched_ = true;
    bool is_fresh_ = false;  ///< `branch_` and `wanted_` are of the config in use
    evm::Hash head_;
    Branch branch_;
    Places wanted_;
};

}  // namespace plumbline::sim
