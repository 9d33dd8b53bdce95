// What a fold of the stored log would look for beside it, where the mapping changed or logs were
// mended: which logs lack their transactions or the answers of contract calls, and which answers
// no log names any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_set>
#include <vector>

#include "core/base/result.hpp"
#include "engine/calls/call_set.hpp"
#include "engine/fold/call_finder.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/source_map.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"
#include "storage/records.hpp"
#include "storage/scanner.hpp"

namespace plumbline::engine {

/// A stored fact that is not what the mapping would store now.
struct UnneededCall {
    storage::CallFact fact;
    /// A log of its block names it, but it is nobody's `once` call any more.
    bool is_plain = false;
    /// It is named, and to be asked again: better than none where nobody can be asked.
    bool is_in_doubt = false;
};

/// Beside the facts that `view` shows. Of a `once` call the fact of the first log that names it
/// counts: one of another block is good for plain calls of its own block at most.
[[nodiscard]] Status put_first(const storage::ReadView& view, const storage::CallFact& fact,
                               storage::CommitBatch& batch);
/// In one commit, after which a fold is owed (`Database::needs_refold`). Facts that are not stored
/// any more are passed over.
[[nodiscard]] Status drop_unneeded(storage::Database& database,
                                   const std::vector<UnneededCall>& calls);

/// Looks through the whole log and all facts, a part at a time. Between two steps its owner may do
/// other work, or drop it: on a large database all of it takes minutes. Holds one view, and of the
/// log nothing that grows with it. One thread; `plan` must outlive it.
class FoldNeeds {
  public:
    FoldNeeds(std::unique_ptr<storage::ReadView> view, const Plan& plan,
              const std::vector<storage::ChildRow>& children, uint64_t cursor);

    /// Reads up to `logs_max` logs on. True once there are no more. Fails as the scanners do
    /// (kCorruption, kIo).
    [[nodiscard]] Result<bool> step(size_t logs_max);
    /// Where it stands.
    [[nodiscard]] uint64_t block_num() const noexcept { return block_num_; }
    /// Facts found since this was last asked for: to be asked for after each step, for no step goes
    /// on beyond a few thousand.
    [[nodiscard]] std::vector<UnneededCall> take_unneeded();
    /// For which blocks and sources to fetch again, once `step` was true; empty: nothing is
    /// missing.
    [[nodiscard]] std::optional<CoverageGap> gap() const;

  private:
    [[nodiscard]] Result<bool> lacks_call(uint32_t source, const storage::LogRecord& record);
    [[nodiscard]] Result<bool> is_known(const NeededCall& need);
    [[nodiscard]] Status judge_facts_below(uint64_t block_num);
    void note(uint32_t source);

    const Plan& plan_;
    SourceMap map_;
    std::vector<bool> member_;  ///< by source: a log of it lacks something
    std::optional<evm::BlockRange> range_;
    uint64_t block_num_ = 0;
    std::unique_ptr<storage::ReadView> view_;
    std::unique_ptr<CallFinder> finder_;  ///< null where no handler has calls
    StoredCalls calls_;
    std::vector<NeededCall> needed_;
    FoldBlock block_;
    /// What logs of `block_num_` name; true: as a `once` call that is stored for that block.
    std::map<storage::CallKey, bool> named_;
    std::set<storage::CallKey> in_doubt_;  ///< what they name, whose fact is to be asked again
    std::vector<UnneededCall> unneeded_;
    /// Hashes of `once` calls whose fact goes: another one is needed where a later log names it.
    std::unordered_set<uint64_t> gone_once_;
    // Of the view, so they go first.
    std::unique_ptr<storage::LogScanner> scanner_;
    std::unique_ptr<storage::CallScanner> facts_;
};

/// Drops all facts that a fold by `plan` would find unneeded, but those in doubt. kCancelled where
/// `is_cancelled`, asked now and then, says so.
[[nodiscard]] Status drop_unneeded_calls(storage::Database& database, const Plan& plan,
                                         const std::vector<storage::ChildRow>& children,
                                         const std::function<bool()>& is_cancelled);

}  // namespace plumbline::engine
