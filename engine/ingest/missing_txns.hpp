// Which logs were stored without the transactions, or the answers of contract calls, that a changed
// mapping now names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/result.hpp"
#include "engine/calls/call_set.hpp"
#include "engine/fold/call_finder.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/source_map.hpp"
#include "storage/read_view.hpp"
#include "storage/records.hpp"
#include "storage/scanner.hpp"

namespace plumbline::engine {

/// Looks through the whole log, a part at a time, for the span of those logs up to block `cursor`
/// and the sources to fetch again for it. Between two steps its owner may do other work, or drop
/// it: on a large database all of it takes minutes. Holds one view and nothing that grows with the
/// log. One thread; `plan` must outlive it.
class MissingTxnScan {
  public:
    MissingTxnScan(std::unique_ptr<storage::ReadView> view, const Plan& plan,
                   const std::vector<storage::ChildRow>& children, uint64_t cursor);

    /// Reads up to `logs_max` logs on. True once there are no more. Fails as the scanner does
    /// (kCorruption, kIo).
    [[nodiscard]] Result<bool> step(size_t logs_max);
    /// Where it stands.
    [[nodiscard]] uint64_t block_num() const noexcept { return block_num_; }
    /// What was found once `step` was true; empty: none is missing.
    [[nodiscard]] std::optional<CoverageGap> gap() const;

  private:
    [[nodiscard]] Result<bool> lacks_call(uint32_t source, const storage::LogRecord& record);
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
    std::unique_ptr<storage::LogScanner> scanner_;  ///< of the view, so it goes first
};

}  // namespace plumbline::engine
