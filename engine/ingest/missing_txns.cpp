#include "engine/ingest/missing_txns.hpp"

#include <utility>

namespace plumbline::engine {

MissingTxnScan::MissingTxnScan(std::unique_ptr<storage::ReadView> view, const Plan& plan,
                               const std::vector<storage::ChildRow>& children, uint64_t cursor)
    : plan_{plan},
      map_{plan.sources()},
      member_(plan.sources().size(), false),
      view_{std::move(view)},
      finder_{plan.has_calls() ? std::make_unique<CallFinder>(plan) : nullptr},
      calls_{*view_},
      scanner_{view_->scan_logs(0, cursor)} {
    map_.reset_children(children);
}

Result<bool> MissingTxnScan::step(size_t logs_max) {
    for (size_t left = logs_max; left > 0 && scanner_->valid(); --left, scanner_->next()) {
        const storage::LogRecord& record = scanner_->record();
        block_num_ = record.log.block_num;
        const storage::TxnFields* const txn = record.txn ? &*record.txn : nullptr;
        Status read;
        map_.for_each_source(record.log, [&](uint32_t source) {
            if (!plan_.txn_needs(source, record.log).met_by(txn)) {
                note(source);
            } else if (finder_ && read) {
                const Result<bool> lacks = lacks_call(source, record);
                read = lacks ? ok() : Status{lacks.error()};
                if (lacks && *lacks) {
                    note(source);
                }
            }
        });
        PLUMBLINE_TRY_VOID(read);
    }
    if (scanner_->valid()) {
        return false;
    }
    PLUMBLINE_TRY_VOID(scanner_->status());
    return true;
}

void MissingTxnScan::note(uint32_t source) {
    member_[source] = true;
    range_ = {range_ ? range_->from : block_num_, block_num_};
}

Result<bool> MissingTxnScan::lacks_call(uint32_t source, const storage::LogRecord& record) {
    if (block_.block_num != block_num_ || block_.hash.is_zero()) {
        PLUMBLINE_TRY(const storage::BlockRow row, view_->get_block(block_num_));
        block_ = {block_num_, row.hash, row.timestamp};
    }
    needed_.clear();
    PLUMBLINE_TRY_VOID(finder_->find(source, record.log, record.data, block_,
                                     record.txn ? &*record.txn : nullptr, calls_, needed_));
    for (const NeededCall& need : needed_) {
        PLUMBLINE_TRY(const storage::CallFact* fact,
                      calls_.find(need.key, block_num_, need.call->is_once));
        if (fact == nullptr) {
            return true;
        }
    }
    return false;
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
