// What the stored log lacks by the plan, at or below its last block: blocks that were never asked
// for a source, and, where the mapping changed or logs were mended, transactions and answers of
// contract calls that stored logs came without. Asks nobody anything but the database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/backoff.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/fold/fold_needs.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// `find`; while it `is_scanning`, `scan` until it is not, and `find` again; then the spans, one
/// after the other: `next` is to be fetched, `advance` says that it is stored. One thread. What is
/// given must outlive it.
class StoredGaps {
  public:
    StoredGaps(const storage::Database& database, const Plan& plan, const Clock& clock)
        : database_{database},
          plan_{plan},
          clock_{clock} {}

    /// By what is stored now: all that is given is the database's. What was found before is
    /// forgotten.
    void find(const std::vector<storage::CoverageRow>& coverage,
              const std::vector<storage::ChildRow>& children, const storage::Cursor& cursor);
    /// Nothing is stored.
    void clear();

    /// The log has to be walked before it is known what it lacks.
    [[nodiscard]] bool is_scanning() const noexcept { return scan_ != nullptr; }
    /// Walks a part of it: the thread answers the service manager, signals and the network too.
    /// Facts that are not needed any more, to be dropped; all that was found is known once
    /// `is_scanning` is false.
    [[nodiscard]] Result<std::vector<UnneededCall>> scan();

    /// Found, fetched or not.
    [[nodiscard]] bool empty() const noexcept { return spans_.empty(); }
    [[nodiscard]] bool is_done() const noexcept { return next_ >= spans_.size(); }
    /// Not where `is_done`.
    [[nodiscard]] const CoverageGap& next() const;
    [[nodiscard]] bool is_at_first() const noexcept { return next_ == 0; }
    /// The last block of all spans; not where `empty`.
    [[nodiscard]] uint64_t last_block() const;
    /// `next` is stored. True: there is another one. False: that was the last one, and what is
    /// missing by now is to be found again.
    [[nodiscard]] bool advance();

    /// The children that were stored when the spans were found are those that the log announces.
    [[nodiscard]] bool are_children_of_log() const noexcept { return are_children_of_log_; }

  private:
    const storage::Database& database_;
    const Plan& plan_;
    const Clock& clock_;
    std::vector<CoverageGap> spans_;
    size_t next_ = 0;  ///< index in `spans_`
    bool are_children_of_log_ = false;
    bool is_scanned_ = false;           ///< that walks the whole log: before each fold
    unsigned rounds_ = 0;               ///< of fetching and walking, before this fold
    std::unique_ptr<FoldNeeds> scan_;   ///< while it does
    std::vector<CoverageGap> lacking_;  ///< logs that came without what they name, when it was done
    LogThrottle notice_{5'000};
};

}  // namespace plumbline::engine
