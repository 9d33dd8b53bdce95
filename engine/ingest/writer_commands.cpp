#include "engine/ingest/writer_commands.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/clock.hpp"
#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "engine/fold/fold_needs.hpp"
#include "engine/fold/refold_start.hpp"
#include "engine/ingest/head_facts.hpp"
#include "engine/ingest/log_rows.hpp"
#include "engine/ingest/replace_range.hpp"
#include "engine/mapping/child_coverage.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/mapping/left_coverage.hpp"
#include "storage/asked_blocks.hpp"
#include "storage/commit_batch.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

WriterCommands::WriterCommands(storage::Database& database, const Plan& plan,
                               IngestProgress& progress, const Clock& clock, SyncTimer& sync_timer,
                               Refold refold, IndexObserver* observer)
    : database_{database},
      plan_{plan},
      progress_{progress},
      clock_{clock},
      sync_timer_{sync_timer},
      refold_{std::move(refold)},
      observer_{observer} {}

Status WriterCommands::fill_gap(const FetchedRange& fetched) {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor || fetched.range.to > cursor->block_num) {
        return Error{ErrorCode::kReorg, "the index ends below the range that was filled in"};
    }
    if (!database_.needs_refold()) {
        // The fold must be repeated, also where the config is taken back before it is: say so where
        // a crash keeps it.
        PLUMBLINE_TRY_VOID(database_.truncate_log(cursor->block_num));
    }
    const auto batch = database_.make_batch();
    const auto view = database_.read_view();
    PLUMBLINE_TRY_VOID(append_missing(*view, *batch, fetched));
    PLUMBLINE_TRY_VOID(add_calls(*view, *batch, fetched));
    PLUMBLINE_TRY(const auto coverage, database_.coverage());
    lower_left_coverage(*batch, coverage, fetched.range);
    extend_coverage(*batch, plan_.sources(), fetched, fetched.range,
                    find_unsure(plan_.sources(), coverage, fetched.range.to, cursor->block_num));
    for (const storage::ChildRow& child : fetched.children) {
        PLUMBLINE_TRY(const bool is_known, view->has_child(child));
        if (!is_known) {
            batch->append_child(child);
            withdraw_coverage(*batch, plan_.sources(), child, fetched.range.to + 1,
                              cursor->block_num);
        }
    }
    PLUMBLINE_TRY_VOID(void_proofs(*batch, *view));
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    PLUMBLINE_TRY_VOID(database_.commit(*batch, storage::Durability::kBuffered));
    sync_timer_.on_buffered_write();
    ++progress_.commits;
    progress_.events += fetched.logs.logs.size();
    progress_.fill_next = fetched.range.to + 1;
    return ok();
}

namespace {

/// The stored logs of one block, read when first asked for.
class StoredBlock {
  public:
    StoredBlock(const storage::ReadView& view, uint64_t block_num)
        : view_{view},
          block_num_{block_num} {}
    /// Empty where the log is not stored; else whether it is stored as `log` and `data` have it.
    [[nodiscard]] Result<std::optional<bool>> has(const evm::Log& log, ByteView data) {
        PLUMBLINE_TRY(const bool is_stored, view_.has_log(block_num_, log.log_index));
        if (!is_stored) {
            return std::optional<bool>{};
        }
        if (logs_.logs.empty()) {
            const auto scan = view_.scan_logs(block_num_, block_num_);
            for (; scan->valid(); scan->next()) {
                logs_.push(scan->record().log, scan->record().data);
            }
            PLUMBLINE_TRY_VOID(scan->status());
        }
        const auto at = std::ranges::find(logs_.logs, log.log_index, &evm::Log::log_index);
        return std::optional<bool>{at != logs_.logs.end() &&
                                   is_same_log(*at, logs_.data(*at), log, data)};
    }

  private:
    const storage::ReadView& view_;
    uint64_t block_num_;
    evm::LogBatch logs_;
};

}  // namespace

/// Another source may have brought some of the logs already: those stay, and only get transaction
/// fields that they lack. Each is looked up: the range may hold any number of other sources' logs.
/// Where it was told otherwise then, what is told now counts, for it is who tells it now that
/// coverage names; but receipts that have proven a block outweigh anybody's word.
Status WriterCommands::append_missing(const storage::ReadView& view, storage::CommitBatch& batch,
                                      const FetchedRange& fetched) {
    const std::vector<evm::Log>& logs = fetched.logs.logs;
    size_t at = 0;
    for (const BlockInfo& block : fetched.blocks) {
        const Result<storage::BlockRow> row = view.get_block(block.block_num);
        if (!row && row.error().code != ErrorCode::kNotFound) {
            return row.error();
        }
        if (row && row->hash != block.hash) {
            return Error{ErrorCode::kReorg,
                         fmt::format("block {} is another one now", block.block_num)};
        }
        const bool is_proven = row && row->level >= storage::ProofLevel::kReceipts;
        StoredBlock stored{view, block.block_num};
        size_t added = 0;
        size_t changed = 0;
        for (; at < logs.size() && logs[at].block_num == block.block_num; ++at) {
            const storage::TxnFields* txn = fetched.txn(at);
            const ByteView data = fetched.logs.data(logs[at]);
            PLUMBLINE_TRY(const std::optional<bool> is_same, stored.has(logs[at], data));
            const bool is_other = is_same.has_value() && !*is_same;
            if (!is_same || (is_other ? !is_proven : txn != nullptr)) {
                batch.append_log(logs[at], data, txn);
            }
            added += is_same ? 0U : 1U;
            changed += is_other ? 1U : 0U;
        }
        if (added > 0) {
            batch.append_block(to_row(block, added + (row ? row->event_count : 0)));
        }
        if (changed > 0) {
            logging::warning("a provider tells stored events otherwise than another had",
                             {{"block", block.block_num},
                              {"events", changed},
                              {"kept", is_proven ? "the proven ones" : "what is told now"}});
        }
    }
    return ok();
}

namespace {

/// Of a call that a provider had answered which was proven to lie.
void note_other_answer(const storage::CallFact& before, const storage::CallFact& now,
                       uint64_t time_s, storage::CommitBatch& batch) {
    storage::JournalRow row;
    row.time_s = time_s;
    row.kind = "call asked again";
    row.key = fmt::format("call to {} with {}", evm::to_hex(now.call.to),
                          evm::to_hex(as_bytes(now.call.input)));
    row.block_num = now.block_num;
    row.before = evm::to_hex(as_bytes(before.data));
    row.after = evm::to_hex(as_bytes(now.data));
    row.reason = "a provider that was proven to lie had told it";
    row.provider = before.provider;
    row.evidence = "as " + now.provider + " tells it";
    batch.append_journal(row);
    batch.require_refold();
}

}  // namespace

/// For the journal.
uint64_t WriterCommands::now_s() const {
    return static_cast<uint64_t>(clock_.unix_ms() / 1000);
}

Status WriterCommands::add_calls(const storage::ReadView& view, storage::CommitBatch& batch,
                                 const FetchedRange& fetched) const {
    if (!fetched.calls) {
        return ok();
    }
    for (const storage::CallFact* fact : fetched.calls->all_new()) {
        PLUMBLINE_TRY(const auto stored, view.get_call(fact->block_num, fact->call));
        if (stored && (stored->outcome != fact->outcome || stored->data != fact->data)) {
            note_other_answer(*stored, *fact, now_s(), batch);
        }
        PLUMBLINE_TRY_VOID(put_first(view, *fact, batch));
    }
    return ok();
}

Status WriterCommands::drop_calls(const std::vector<UnneededCall>& calls) {
    PLUMBLINE_TRY_VOID(drop_unneeded(database_, calls));
    sync_timer_.on_buffered_write();
    ++progress_.commits;
    return ok();
}

Status WriterCommands::replace(const FetchedRange& fetched, const std::string& liar) {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor || fetched.range.to > cursor->block_num) {
        return Error{ErrorCode::kReorg, "the index ends below the range that was fetched again"};
    }
    const auto batch = database_.make_batch();
    PLUMBLINE_TRY(const size_t changed,
                  replace_range(database_, plan_, fetched, liar, now_s(), *batch));
    PLUMBLINE_TRY_VOID(add_calls(*database_.read_view(), *batch, fetched));
    PLUMBLINE_TRY(const auto coverage, database_.coverage());
    extend_coverage(*batch, plan_.sources(), fetched, fetched.range,
                    find_unsure(plan_.sources(), coverage, fetched.range.to, cursor->block_num));
    PLUMBLINE_TRY_VOID(withdraw_histories(database_, plan_, fetched, *batch));
    if (changed > 0) {
        logging::warning("other providers tell blocks otherwise than the one that lied: replaced",
                         {{"provider", liar},
                          {"from", fetched.range.from},
                          {"to", fetched.range.to},
                          {"blocks", changed}});
        PLUMBLINE_TRY_VOID(void_proofs(*batch, *database_.read_view()));
    }
    PLUMBLINE_TRY_VOID(database_.commit(*batch, storage::Durability::kBuffered));
    sync_timer_.on_buffered_write();
    ++progress_.commits;
    progress_.fill_next = fetched.range.to + 1;
    return ok();
}

Status WriterCommands::finalize(uint64_t finalized) {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor || finalized <= cursor->finalized) {
        return ok();
    }
    const auto batch = database_.make_batch();
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    batch->set_finalized(std::min(finalized, cursor->block_num));
    PLUMBLINE_TRY_VOID(database_.commit(*batch, storage::Durability::kSync));
    sync_timer_.on_synced();
    progress_.finalized_block = std::min(finalized, cursor->block_num);
    return ok();
}

/// Undo does not reach what contracts that are announced above `target` had logged below it.
Result<bool> WriterCommands::withdraws_history(uint64_t target) const {
    const std::vector<Source>& sources = plan_.sources();
    if (!has_history(sources)) {
        return false;
    }
    PLUMBLINE_TRY(const std::vector<storage::ChildRow> children, database_.children());
    return std::ranges::any_of(children, [&](const storage::ChildRow& child) {
        const auto source = std::ranges::find(sources, child.contract, &Source::contract);
        return child.block_num > target && source != sources.end() &&
               source->has_history({child.block_num, child.log_index});
    });
}

Status WriterCommands::ask_again_from(uint64_t from) {
    PLUMBLINE_TRY(const bool is_any, doubt_head_facts(database_, from));
    if (!is_any) {
        PLUMBLINE_TRY(const auto asked,
                      storage::list_asked(*database_.read_view(), from, UINT64_MAX, SIZE_MAX));
        return come_past(asked);
    }
    PLUMBLINE_TRY_VOID(owe_refold(database_, from));
    sync_timer_.on_synced();
    return ok();
}

Status WriterCommands::come_past(const std::vector<evm::BlockId>& asked) {
    const auto batch = database_.make_batch();
    for (const evm::BlockId& block : asked) {
        storage::forget_asked(*batch, block);
    }
    PLUMBLINE_TRY_VOID(database_.commit(*batch, storage::Durability::kBuffered));
    sync_timer_.on_buffered_write();
    return ok();
}

Result<bool> WriterCommands::roll_back(const BlockInfo& target) {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    bool is_in_doubt = false;
    if (cursor && target.block_num < cursor->block_num) {
        PLUMBLINE_TRY(const bool is_asked, is_asked_above(database_, plan_, target.block_num));
        if (is_asked) {
            PLUMBLINE_TRY(is_in_doubt, doubt_head_facts(database_, target.block_num + 1));
        }
        if (target.block_num < cursor->finalized) {
            // What was proven of blocks that were final says nothing of those in their place.
            const auto batch = database_.make_batch();
            PLUMBLINE_TRY_VOID(void_proofs(*batch, *database_.read_view(), target.block_num + 1));
            PLUMBLINE_TRY_VOID(database_.commit(*batch, storage::Durability::kBuffered));
        }
        const storage::BlockRow known = to_row(target, 0);
        const storage::BlockRow* row = target.hash.is_zero() ? nullptr : &known;
        PLUMBLINE_TRY(const bool has_history, withdraws_history(target.block_num));
        const Status undone = has_history ? ok() : database_.rollback(target.block_num, row);
        if (!undone && undone.error().code != ErrorCode::kNotFound) {
            return undone.error();
        }
        if (has_history) {
            PLUMBLINE_TRY_VOID(database_.truncate_log(target.block_num, row));
        } else if (!undone) {
            logging::warning(fmt::format(
                "the chain was reorganised down to block {}, {} blocks below what it "
                "had called final: the entities are folded again from the log",
                target.block_num,
                cursor->finalized > target.block_num ? cursor->finalized - target.block_num : 0));
            PLUMBLINE_TRY_VOID(database_.truncate_log(target.block_num, row));
        }
    }
    sync_timer_.on_synced();
    progress_.next_block = target.block_num + 1;
    if (observer_ != nullptr) {
        observer_->on_rollback(target.block_num);
    }
    // Where the log was cut below what undo reaches, the follower looks for what a fold needs and
    // orders it: a changed config's calls and transactions may not be there yet.
    bool is_undone = !database_.needs_refold();
    if (is_in_doubt) {
        logging::warning(
            "the chain left blocks that contract calls with state = \"head\" were asked of: they "
            "are asked again");
        PLUMBLINE_TRY_VOID(owe_refold(database_, target.block_num + 1));
        is_undone = false;
    }
    return is_undone;
}

Status WriterCommands::refold(const std::string& reason) {
    logging::info("folding the whole log again", {{"reason", reason}});
    progress_.refolding = true;
    const Status folded = refold_(database_);
    progress_.refolding = false;
    PLUMBLINE_TRY_VOID(folded);
    sync_timer_.on_synced();
    if (observer_ != nullptr) {
        observer_->on_refold();
    }
    logging::info("folded");
    return ok();
}

}  // namespace plumbline::engine
