#include "engine/fold/refold_start.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/logging.hpp"
#include "engine/fold/corrections.hpp"
#include "engine/fold/fold_needs.hpp"
#include "engine/mapping/block_children.hpp"
#include "engine/mapping/child_coverage.hpp"
#include "engine/mapping/source_map.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "storage/correction_store.hpp"
#include "storage/proof_names.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kLogsPerQuestion = 4'096;  ///< between two looks at `is_cancelled`

auto order_of(const storage::ChildRow& row) {
    return std::tuple{row.block_num, row.log_index, std::string_view{row.contract}, row.address};
}

/// Of each contract the earliest announcement alone.
std::vector<storage::ChildRow> earliest_of(std::vector<storage::ChildRow> rows) {
    std::sort(rows.begin(), rows.end(), [](const storage::ChildRow& a, const storage::ChildRow& b) {
        return order_of(a) < order_of(b);
    });
    std::set<std::pair<std::string_view, evm::Address>> known;
    std::vector<storage::ChildRow> out;
    for (const storage::ChildRow& row : rows) {
        if (known.emplace(row.contract, row.address).second) {
            out.push_back(row);
        }
    }
    return out;
}

/// Walks the stored log. One thread.
class StoredChildren {
  public:
    explicit StoredChildren(const Plan& plan)
        : sources_{plan.sources()},
          map_{plan.sources()},
          finder_{plan, map_, [](uint32_t /*source*/, uint64_t /*block*/) { return true; },
                  [](uint32_t /*source*/, uint64_t /*block*/) { return true; }} {}

    [[nodiscard]] Result<std::vector<storage::ChildRow>> read(const storage::ReadView& view,
                                                              const RebuildOptions& options) {
        do {
            has_new_history_ = false;
            PLUMBLINE_TRY_VOID(walk(view, options));
        } while (has_new_history_);
        return earliest_of(std::move(out_));
    }

  private:
    /// Contracts that turn up behind logs of theirs that count may have announced others in them:
    /// then it takes another walk.
    [[nodiscard]] Status walk(const storage::ReadView& view, const RebuildOptions& options) {
        const auto cursor = view.cursor();
        size_t count = 0;
        for (const auto scan = view.scan_logs(0, cursor ? cursor->block_num : 0, options.on_damage);
             true; scan->next()) {
            if (!scan->valid()) {
                PLUMBLINE_TRY_VOID(scan->status());
                break;
            }
            if (++count % kLogsPerQuestion == 0 && options.is_cancelled && options.is_cancelled()) {
                return Error{ErrorCode::kCancelled, "stopped while looking for children"};
            }
            const storage::LogRecord& record = scan->record();
            if (!block_.logs.empty() && block_.logs.front().block_num != record.log.block_num) {
                end_block();
            }
            block_.push(record.log, record.data);
        }
        end_block();
        return ok();
    }
    void end_block() {
        places_.clear();
        for (const evm::Log& log : block_.logs) {
            places_.push_back({&log, block_.data(log)});
        }
        for (const FoundChild& child : finder_.find(places_)) {
            out_.push_back(child.row);
            has_new_history_ = has_new_history_ || sources_[child.source].has_history(
                                                       {child.row.block_num, child.row.log_index});
        }
        block_.clear();
    }

    const std::vector<Source>& sources_;
    bool has_new_history_ = false;
    SourceMap map_;
    BlockChildren finder_;
    evm::LogBatch block_;  ///< logs of the block at hand
    std::vector<LogPlace> places_;
    std::vector<storage::ChildRow> out_;
};

/// All that decides whose children there are in a log.
std::set<std::pair<std::string, uint64_t>> families_of(const Plan& plan) {
    std::set<std::pair<std::string, uint64_t>> out;
    for (const Source& source : plan.sources()) {
        if (source.has_factory) {
            out.emplace(source.fingerprint, source.start_block);
        }
    }
    return out;
}

bool may_have_other_children(const storage::Database& database, const Plan& plan) {
    if (database.needs_refold()) {
        return true;
    }
    if (database.bundle().fingerprint == plan.bundle().fingerprint) {
        return false;
    }
    const auto stored = stored_plan(database);
    return !stored || families_of(**stored) != families_of(plan);
}

/// Contracts that the log announces and that the database did not know, or knew by a later log:
/// where a provider told otherwise of blocks that are stored, those behind were not asked for the
/// logs of such a contract. `known`: the rows of the time when they were asked for.
void withdraw_unasked(storage::CommitBatch& batch, const std::vector<Source>& sources,
                      const std::vector<storage::ChildRow>& fresh,
                      std::vector<storage::ChildRow> known, uint64_t last_block) {
    if (fresh.empty()) {
        return;
    }
    known = earliest_of(std::move(known));
    std::map<std::pair<std::string_view, evm::Address>, const storage::ChildRow*> by_contract;
    for (const storage::ChildRow& row : known) {
        by_contract.emplace(std::pair{std::string_view{row.contract}, row.address}, &row);
    }
    for (const storage::ChildRow& child : fresh) {
        const auto at = by_contract.find({child.contract, child.address});
        if (at == by_contract.end()) {
            withdraw_coverage(batch, sources, child, 0, last_block);
        } else if (order_of(child) < order_of(*at->second)) {
            withdraw_coverage(batch, sources, child, 0, at->second->block_num);
        }
    }
}

/// True where something was put into the batch.
bool add_difference(storage::CommitBatch& batch, const std::vector<Source>& sources,
                    std::vector<storage::ChildRow> before, std::vector<storage::ChildRow> after,
                    uint64_t last_block) {
    const auto is_less = [](const storage::ChildRow& a, const storage::ChildRow& b) {
        return order_of(a) < order_of(b);
    };
    std::sort(before.begin(), before.end(), is_less);
    std::sort(after.begin(), after.end(), is_less);
    std::vector<storage::ChildRow> gone;
    std::vector<storage::ChildRow> fresh;
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                        std::back_inserter(gone), is_less);
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                        std::back_inserter(fresh), is_less);
    for (const storage::ChildRow& row : gone) {
        batch.remove_child(row);
    }
    for (const storage::ChildRow& row : fresh) {
        batch.append_child(row);
    }
    if (!gone.empty() || !fresh.empty()) {
        logging::info("the log has other children of factories by this config",
                      {{"gone", gone.size()}, {"new", fresh.size()}});
    }
    withdraw_unasked(batch, sources, fresh, std::move(before), last_block);
    return !gone.empty() || !fresh.empty();
}

Status forget_other_families(storage::CommitBatch& batch, const storage::Database& database,
                             const Plan& plan) {
    PLUMBLINE_TRY(const std::vector<storage::CoverageRow> coverage, database.coverage());
    std::set<std::string> others;
    for (const storage::CoverageRow& row : coverage) {
        if (row.source.ends_with(kChildrenMark) &&
            std::ranges::find(plan.sources(), row.source, &Source::fingerprint) ==
                plan.sources().end()) {
            others.insert(row.source);
        }
    }
    for (const std::string& source : others) {
        batch.remove_coverage(source);
    }
    return ok();
}

/// While it is known which mapping whole rows of older versions are of.
Status name_corrections(storage::CommitBatch& batch, const storage::ReadView& view) {
    PLUMBLINE_TRY(const std::vector<storage::CorrectionRow> stored, view.list_corrections());
    PLUMBLINE_TRY(const std::vector<storage::CorrectionRow> named, list_named_corrections(view));
    for (size_t i = 0; i < named.size(); ++i) {
        if (named[i] != stored[i]) {
            storage::rewrite_correction(batch, named[i]);
        }
    }
    return ok();
}

}  // namespace

Status start_refold(storage::Database& database, const Plan& plan, const RebuildOptions& options) {
    const auto cursor = database.cursor();
    if (!cursor) {
        return ok();
    }
    const auto batch = database.make_batch();
    const auto view = database.read_view();
    if (may_have_other_children(database, plan)) {
        PLUMBLINE_TRY(std::vector<storage::ChildRow> before, view->list_children());
        std::vector<storage::ChildRow> after;
        if (!families_of(plan).empty()) {
            PLUMBLINE_TRY(after, StoredChildren{plan}.read(*view, options));
        }
        if (add_difference(*batch, plan.sources(), std::move(before), std::move(after),
                           cursor->block_num)) {
            batch->require_refold();
        }
    }
    PLUMBLINE_TRY_VOID(forget_other_families(*batch, database, plan));
    PLUMBLINE_TRY_VOID(name_corrections(*batch, *view));
    if (database.bundle().fingerprint != plan.bundle().fingerprint) {
        PLUMBLINE_TRY_VOID(void_proofs(*batch, *view));
    }
    if (!batch->empty()) {
        batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
        PLUMBLINE_TRY_VOID(database.commit(*batch, storage::Durability::kSync));
    }
    const bool is_other =
        database.needs_refold() || database.bundle().fingerprint != plan.bundle().fingerprint;
    if (!is_other || options.on_damage != storage::OnDamage::kStop) {
        return ok();
    }
    PLUMBLINE_TRY(const auto children, database.children());
    return drop_unneeded_calls(database, plan, children, options.is_cancelled);
}

Status void_proofs(storage::CommitBatch& batch, const storage::ReadView& view, uint64_t from) {
    PLUMBLINE_TRY(const std::vector<storage::ProofRecord> records, view.list_proofs());
    for (const storage::ProofRecord& record : records) {
        if (record.block_num >= from && record.proof != storage::kRetriesRecord &&
            record.proof != storage::kAskedRecord) {
            batch.remove_proof(record);
        }
    }
    return ok();
}

}  // namespace plumbline::engine
