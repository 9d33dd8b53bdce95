// From what a provider answered about a range of blocks to the range as the writer takes it:
//
//   1. The logs of all answers in one order, without doubles.
//   2. Block by block: which children do its logs announce, and whose are they then? From where on
//      a child's logs count is its source's rule. A child that the range was not asked about: back
//      to asking.
//   3. The transactions of the logs that need one. Not here: back to asking.
//   4. The headers: they agree, join, and are those of the logs.
//   5. The first block follows the block before the range.
//   6. What contract calls answer that handlers of the logs name. Not here: back to asking.
//
// Nothing is asked here. What does not end in a whole range leaves the children as they were.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "core/base/result.hpp"
#include "engine/calls/call_asker.hpp"
#include "engine/calls/call_set.hpp"
#include "engine/fold/call_finder.hpp"
#include "engine/ingest/child_candidates.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/source_map.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// In `RangeAnswers::asked`: asked for by topic, so about every child.
constexpr uint32_t kAllAsked = UINT32_MAX;

/// A range with what it was asked for and what came.
struct RangeAnswers {
    evm::BlockRange range;
    std::vector<uint32_t> sources;  ///< those of the job that have started by its blocks
    std::vector<uint32_t> asked;    ///< by source: how many of its candidates, or kAllAsked
    std::vector<rpc::RangeLogs> parts;
    std::unordered_map<evm::Hash, storage::TxnFields, evm::FixedBytesHash> txns;
    std::unordered_map<evm::Hash, evm::TxnReceipt, evm::FixedBytesHash> receipts;
    /// One that was asked for and did not come is not asked for again.
    std::unordered_set<evm::Hash, evm::FixedBytesHash> txns_asked, receipts_asked;
    CallSet calls;  ///< what was asked and answered

    [[nodiscard]] bool wants(uint32_t source) const;
};

/// What all ranges of a job are built against.
struct RangeContext {
    const Plan& plan;
    SourceMap& map;                   ///< with the children announced before the range
    ChildCandidates& candidates;      ///< learns what the range announces, whatever the outcome
    const std::vector<bool>& in_job;  ///< by source
    bool has_factories = false;       ///< else no log is looked at for announcements
    bool tail = false;                ///< see FetchedRange
    uint64_t finalized = 0;
    std::optional<evm::Hash> parent_hash;  ///< of the block before the range, where it is known
    CallFinder* finder = nullptr;          ///< null: no handler has calls
    CallSource* known = nullptr;           ///< what is known of calls without asking; with `finder`
};

/// The range announces children that it must be asked about.
struct MoreChildren {};
/// Transactions that it must be asked about.
struct MoreTxns {
    std::vector<evm::Hash> hashes;
    std::vector<rpc::TxnPlace> receipts;

    [[nodiscard]] bool empty() const noexcept { return hashes.empty() && receipts.empty(); }
};
/// Contract calls whose answers its events need.
struct MoreCalls {
    std::vector<CallQuestion> questions;
};
/// The database could not be read.
struct Unreadable {
    Error error;
};
/// The answers do not fit each other: the chain changed, or a provider errs.
struct Contradiction {
    Error error;
};
/// Whole in itself, but its first block does not follow `RangeContext::parent_hash`.
struct BrokenLink {
    Error error;
};
using RangeOutcome = std::variant<FetchedRange, MoreChildren, MoreTxns, MoreCalls, Unreadable,
                                  Contradiction, BrokenLink>;

/// Takes the logs out of `answers` where the range is whole, and adds its children to the map.
[[nodiscard]] RangeOutcome build_range(RangeAnswers& answers, const RangeContext& context);

}  // namespace plumbline::engine
