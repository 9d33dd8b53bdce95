#include "engine/ingest/stored_gaps.hpp"

#include <optional>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/logging.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kLogsPerStep = 20'000;
/// Calls of calls: a handler has at most 16.
constexpr unsigned kRoundsMax = 20;

}  // namespace

void StoredGaps::clear() {
    spans_.clear();
    next_ = 0;
}

void StoredGaps::find(const std::vector<storage::CoverageRow>& coverage,
                      const std::vector<storage::ChildRow>& children,
                      const storage::Cursor& cursor) {
    spans_ = find_missing(plan_.sources(), coverage, cursor.block_num);
    next_ = 0;
    const bool is_changed = database_.bundle().fingerprint != plan_.bundle().fingerprint;
    are_children_of_log_ = !is_changed && !database_.needs_refold();
    const auto has_calls = [this] {
        return plan_.has_calls() || database_.read_view()->scan_calls(0, UINT64_MAX)->valid();
    };
    // Logs that were mended may name other calls, too, and a fold that lacks an answer ends.
    const bool is_needed =
        is_changed ? plan_.needs_txn() || has_calls() : database_.needs_refold() && has_calls();
    if (!spans_.empty() || !is_needed) {
        is_scanned_ = false;
        rounds_ = is_needed ? rounds_ : 0;
        return;
    }
    // A changed mapping may name transactions and calls that the stored logs came without. What was
    // found before a reorganisation may lie in blocks that it took.
    if (!lacking_.empty() && lacking_.back().range.to > cursor.block_num) {
        lacking_.clear();
        is_scanned_ = false;
    }
    if (!is_scanned_) {
        scan_ =
            std::make_unique<FoldNeeds>(database_.read_view(), plan_, children, cursor.block_num);
        return;
    }
    spans_ = lacking_;
}

Result<std::vector<UnneededCall>> StoredGaps::scan() {
    PLUMBLINE_CHECK(scan_ != nullptr);
    PLUMBLINE_TRY(const bool is_done, scan_->step(kLogsPerStep));
    if (notice_.due(clock_.monotonic_ms())) {
        logging::info(
            "looking for stored logs without the transactions or calls that the mapping now names",
            {{"block", scan_->block_num()}, {"of", database_.cursor()->block_num}});
    }
    std::vector<UnneededCall> unneeded = scan_->take_unneeded();
    if (is_done) {
        if (std::optional<CoverageGap> gap = scan_->gap()) {
            lacking_ = {*std::move(gap)};
        }
        is_scanned_ = true;
        scan_.reset();
    }
    return unneeded;
}

const CoverageGap& StoredGaps::next() const {
    PLUMBLINE_CHECK(!is_done());
    return spans_[next_];
}

uint64_t StoredGaps::last_block() const {
    PLUMBLINE_CHECK(!spans_.empty());
    return spans_.back().range.to;
}

bool StoredGaps::advance() {
    PLUMBLINE_CHECK(!is_done());
    if (++next_ < spans_.size()) {
        return true;
    }
    lacking_.clear();
    // What was fetched may have other answers, and lead to other calls of later blocks.
    is_scanned_ = !plan_.has_calls() || ++rounds_ >= kRoundsMax;
    return false;
}

}  // namespace plumbline::engine
