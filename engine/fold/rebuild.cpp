#include "engine/fold/rebuild.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/background_job.hpp"
#include "core/base/process_memory.hpp"
#include "engine/calls/call_set.hpp"
#include "engine/fold/corrections.hpp"
#include "engine/fold/log_reader.hpp"
#include "engine/fold/refold_start.hpp"
#include "engine/fold/row_change.hpp"
#include "engine/mapping/stored_plan.hpp"

namespace plumbline::engine {

namespace {

//   LogReader's thread: log records -> chunks
//   calling thread:     chunks -> fold -> a batch
//   commit thread:      the batch -> database
//
// Chunks go round between the first two, one batch between the last two.

/// One run. While a commit is under way its batch belongs to `commits_`.
class Rebuild {
  public:
    Rebuild(const storage::ReadView& source, uint64_t until_block, storage::Database& target,
            std::shared_ptr<const Plan> plan, const RebuildOptions& options, BlockTeller on_block,
            const storage::Cursor& cursor)
        : options_{options},
          on_block_{std::move(on_block)},
          fold_{std::move(plan), target, FoldOptions{options.cache_bytes, true, options.trace}},
          target_{target},
          batch_{target.make_batch()},
          reader_{source, until_block, cursor.finalized, options.on_damage},
          calls_{source},
          finalized_{cursor.finalized} {
        fold_.set_calls(&calls_);
        progress_.events_total = cursor.event_count;
        if (!on_block_) {
            commits_.use_thread();  // Handing a block over takes longer than committing it.
        }
    }

    [[nodiscard]] Status run(const std::vector<storage::ChildRow>& children,
                             std::vector<storage::CorrectionRow> corrections) {
        for (const storage::ChildRow& child : children) {
            fold_.add_child(child);
        }
        corrections_ = std::move(corrections);
        for (bool is_last = false; !is_last;) {
            if (options_.is_cancelled && options_.is_cancelled()) {
                return Error{ErrorCode::kCancelled, "stopped before the log was folded"};
            }
            std::unique_ptr<LogChunk> chunk = reader_.next();
            PLUMBLINE_TRY_VOID(fold_chunk(*chunk));
            if (!chunk->status) {
                return std::move(chunk->status).error().with_context("reading the log");
            }
            is_last = chunk->is_last;
            reader_.give_back(std::move(chunk));
            report_progress();
        }
        PLUMBLINE_TRY_VOID(correct_below(UINT64_MAX));
        PLUMBLINE_TRY_VOID(flush());
        PLUMBLINE_TRY_VOID(wait_for_commit());
        report_progress();
        return ok();
    }

  private:
    [[nodiscard]] Status fold_chunk(const LogChunk& chunk) {
        size_t mark = 0;
        for (size_t i = 0; i < chunk.logs.logs.size(); ++i) {
            if (mark < chunk.marks.size() && chunk.marks[mark].first_log == i) {
                PLUMBLINE_TRY_VOID(enter(chunk.marks[mark++].block));
            }
            const evm::Log& log = chunk.logs.logs[i];
            fold_.look_ahead(chunk.logs, i);
            if (Status applied = fold_.apply(log, chunk.logs.data(log), chunk.txn(i)); !applied) {
                return explain(std::move(applied).error());
            }
            PLUMBLINE_TRY_VOID(tell_applied({log.block_num, log.log_index}, false));
        }
        return ok();
    }

    /// Applies the corrections of blocks below `block_num` that have not been.
    [[nodiscard]] Status correct_below(uint64_t block_num) {
        for (; next_correction_ < corrections_.size() &&
               corrections_[next_correction_].block_num < block_num;
             ++next_correction_) {
            const storage::CorrectionRow& correction = corrections_[next_correction_];
            if (block_.block_num != correction.block_num || !has_block_) {
                PLUMBLINE_TRY_VOID(
                    begin({correction.block_num, {}, 0, correction.block_num > finalized_}));
            }
            PLUMBLINE_TRY_VOID(fold_.apply_correction(correction));
            PLUMBLINE_TRY_VOID(tell_applied({correction.block_num, kCorrectionLogIndex}, true));
        }
        return ok();
    }

    [[nodiscard]] Status enter(const FoldBlock& block) {
        PLUMBLINE_TRY_VOID(correct_below(block.block_num));
        return begin(block);
    }

    [[nodiscard]] Status begin(const FoldBlock& block) {
        if (block_.keep_undo || block.keep_undo || on_block_) {
            PLUMBLINE_TRY_VOID(flush());
        } else if (fold_.pending_bytes() >= options_.commit_bytes) {
            PLUMBLINE_TRY_VOID(flush_cold());
        }
        block_ = block;
        has_block_ = true;
        progress_.block_num = block.block_num;
        fold_.begin_block(block);
        return ok();
    }

    [[nodiscard]] Status wait_for_commit() {
        commits_.wait();
        return committed_;
    }

    [[nodiscard]] Status flush() {
        PLUMBLINE_TRY_VOID(wait_for_commit());
        changes_.clear();
        PLUMBLINE_TRY_VOID(fold_.flush(*batch_, on_block_ ? &changes_ : nullptr));
        if (!changes_.rows.empty()) {
            PLUMBLINE_TRY_VOID(on_block_(block_.block_num, changes_));
        }
        start_commit();
        return ok();
    }

    [[nodiscard]] Status flush_cold() {
        PLUMBLINE_TRY_VOID(wait_for_commit());
        PLUMBLINE_TRY_VOID(fold_.flush_cold(*batch_));
        start_commit();
        return ok();
    }

    void start_commit() {
        if (!batch_->empty()) {
            commits_.start([this] {
                committed_ = target_.commit(*batch_, storage::Durability::kBulk);
                give_back_memory(options_.resident_mark);
            });
        }
    }

    [[nodiscard]] Status tell_applied(storage::ChangedAt at, bool is_correction) {
        return options_.on_applied ? options_.on_applied(fold_, at, is_correction) : ok();
    }

    [[nodiscard]] static Error explain(Error error) {
        if (error.code == ErrorCode::kNotFound) {
            error.message +=
                "; the log was fetched by a config that did not name them: "
                "plumbline run fetches them";
        }
        return error;
    }

    void report_progress() {
        progress_.stats = fold_.stats();
        progress_.events = progress_.stats.events;
        if (options_.on_progress) {
            options_.on_progress(progress_);
        }
    }

    const RebuildOptions& options_;
    const BlockTeller on_block_;  ///< may be empty
    Fold fold_;
    storage::Database& target_;
    std::unique_ptr<storage::CommitBatch> batch_;
    Status committed_;  ///< how the last commit ended
    BackgroundJob commits_;
    LogReader reader_;
    RebuildProgress progress_;
    FoldBlock block_;
    bool has_block_ = false;
    RowChanges changes_{SIZE_MAX, 0, {}};  ///< of the block that is flushed
    StoredCalls calls_;
    const uint64_t finalized_;
    std::vector<storage::CorrectionRow> corrections_;
    size_t next_correction_ = 0;
};

}  // namespace

RebuildOptions rebuild_options(const MemoryPlan& plan) {
    RebuildOptions out;
    out.cache_bytes = plan.fold_cache;
    out.commit_bytes = plan.refold_commit;
    out.resident_mark = plan.resident_mark;
    return out;
}

Status fold_log(const storage::ReadView& source, uint64_t until_block, storage::Database& target,
                std::shared_ptr<const Plan> plan, const RebuildOptions& options) {
    return fold_log_by_block(source, until_block, target, std::move(plan), options, {});
}

Status fold_log_by_block(const storage::ReadView& source, uint64_t until_block,
                         storage::Database& target, std::shared_ptr<const Plan> plan,
                         const RebuildOptions& options, BlockTeller on_block) {
    const auto cursor = source.cursor();
    if (!cursor) {
        return ok();
    }
    PLUMBLINE_TRY(const std::vector<storage::ChildRow> children, source.list_children());
    PLUMBLINE_TRY(std::vector<storage::CorrectionRow> corrections, list_named_corrections(source));
    until_block = std::min(until_block, cursor->block_num);
    std::erase_if(corrections, [until_block](const storage::CorrectionRow& row) {
        return row.block_num > until_block;
    });
    PLUMBLINE_TRY(corrections, without_replaced(std::move(corrections), *plan));
    Rebuild run{source,  until_block,         target, std::move(plan),
                options, std::move(on_block), *cursor};
    return run.run(children, std::move(corrections));
}

Status rebuild(storage::Database& database, std::shared_ptr<const Plan> plan,
               const RebuildOptions& options) {
    PLUMBLINE_TRY_VOID(check_functions(database, *plan));
    PLUMBLINE_TRY_VOID(start_refold(database, *plan, options));
    PLUMBLINE_TRY_VOID(database.start_generation(plan->bundle()));
    const Status folded =
        fold_log(*database.read_view(), UINT64_MAX, database, std::move(plan), options);
    if (!folded) {
        database.abandon_generation();
        return folded;
    }
    return database.publish_generation();
}

}  // namespace plumbline::engine
