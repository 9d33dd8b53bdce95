#include "engine/ingest/missing_txns.hpp"

#include <utility>

namespace plumbline::engine {

MissingTxnScan::MissingTxnScan(std::unique_ptr<storage::ReadView> view, const Plan& plan,
                               const std::vector<storage::ChildRow>& children, uint64_t cursor)
    : plan_{plan},
      map_{plan.sources()},
      member_(plan.sources().size(), false),
      view_{std::move(view)},
      scanner_{view_->scan_logs(0, cursor)} {
    map_.reset_children(children);
}

Result<bool> MissingTxnScan::step(size_t logs_max) {
    for (size_t left = logs_max; left > 0 && scanner_->valid(); --left, scanner_->next()) {
        const storage::LogRecord& record = scanner_->record();
        block_num_ = record.log.block_num;
        const storage::TxnFields* const txn = record.txn ? &*record.txn : nullptr;
        map_.for_each_source(record.log, [&](uint32_t source) {
            if (!plan_.txn_needs(source, record.log).met_by(txn)) {
                member_[source] = true;
                range_ = {range_ ? range_->from : block_num_, block_num_};
            }
        });
    }
    if (scanner_->valid()) {
        return false;
    }
    PLUMBLINE_TRY_VOID(scanner_->status());
    return true;
}

std::optional<CoverageGap> MissingTxnScan::gap() const {
    if (!range_) {
        return std::nullopt;
    }
    std::vector<bool> member = member_;
    add_families(member, plan_.sources());
    CoverageGap gap{*range_, {}};
    for (uint32_t source = 0; source < member.size(); ++source) {
        if (member[source]) {
            gap.sources.push_back(source);
        }
    }
    return gap;
}

}  // namespace plumbline::engine
