#include "engine/task/log_mending.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "core/base/backoff.hpp"
#include "core/base/logging.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/task/proof_task_parts.hpp"

namespace plumbline::engine {

namespace {

/// Before what could not be mended is tried again: providers change.
constexpr uint64_t kRetryS = 6 * 3'600;
constexpr size_t kLeftTold = 3;

/// What `plan` has mended may be proven, the rest of what was found waits.
Status write_down_mended(const TaskContext& context, LogRun& run, const RepairPlan& plan) {
    const uint64_t now_s = unix_time_s(context);
    for (const Finding& finding : run.wrong.findings.kept) {
        run.known.postpone({finding.block_num, finding.block_num}, now_s + kRetryS);
    }
    for (const ProvenBlock& block : plan.blocks) {
        run.known.forget({block.header.block_num, block.header.block_num});
    }
    return write_down(context, [&](storage::CommitBatch& batch) {
        run.known.write(batch, now_s);
        return ok();
    });
}

void tell(const RepairPlan& plan) {
    if (!plan.blocks.empty()) {
        logging::warning(
            "stored events are wrong, the proven ones take their place and the entities are folded "
            "again; see /v1/journal",
            {{"blocks", plan.blocks.size()}, {"lowest", plan.blocks.front().header.block_num}});
    }
    for (size_t i = 0; i < plan.left.size() && i < kLeftTold; ++i) {
        logging::warning("not mended", {{"what", plan.left[i]}});
    }
}

}  // namespace

void mend_log(TaskContext& context, TaskObserver* observer, MendingBudget& budget, LogRun& run) {
    if (context.config().repair.on_log != LogPolicy::kMend || run.wrong.findings.empty() ||
        context.should_stop()) {
        return;
    }
    const std::shared_ptr<const Plan> mapping = context.indexer().shared_plan();
    RepairPlan plan;
    plan.is_of_final = true;
    const bool is_spent = plan.add_certain_log(run.wrong, budget.blocks_left);
    if (is_spent && observer != nullptr) {
        observer->on_mending_spent();
    }
    tell(plan);
    if (!plan.is_empty()) {
        Status mended = fetch_txns(context.chain(), *mapping, plan);
        if (mended) {
            const auto view = context.database().read_view();
            mended = fetch_calls(context.chain(), *view, *mapping, plan);
        }
        if (mended) {
            mended = carry_out(context, observer, mapping, plan);
        }
        if (!mended && mended.error().code == ErrorCode::kCancelled) {
            return;  // The next start finishes what was begun, and looks again.
        }
        if (!mended) {
            logging::warning("the log could not be mended", {{"why", mended.error().message}});
            plan.blocks.clear();
        }
        budget.blocks_left -= plan.blocks.size();
    }
    if (const Status written = write_down_mended(context, run, plan); !written) {
        logging::warning("what was mended could not be written down",
                         {{"why", written.error().message}});
    }
}

Status carry_out(const TaskContext& context, TaskObserver* observer,
                 const std::shared_ptr<const Plan>& mapping, const RepairPlan& plan) {
    if (observer != nullptr) {
        for (const storage::JournalRow& entry : plan.journal) {
            observer->on_repair(entry.kind);
        }
        if (plan.renew_log_digests) {
            observer->on_repair(plan.renew_log_digests->kind);
        }
    }
    RebuildOptions options =
        rebuild_options(plan_memory(context.indexer().config().memory_mib, MemoryUse::kService));
    // Not where only the task is cancelled: the first commit is made by then, so the fold is owed.
    options.is_cancelled = [&context] { return context.is_stopping(); };
    options.on_progress = [&context,
                           notice = LogThrottle{5'000}](const RebuildProgress& progress) mutable {
        if (notice.due(context.indexer().clock().monotonic_ms())) {
            logging::info("repair: folding the log again",
                          {{"events", progress.events}, {"of", progress.events_total}});
        }
    };
    return context.indexer().run_on_writer([&](storage::Database& database) {
        return apply_repair(database, mapping, plan, context.indexer().clock(), options);
    });
}

}  // namespace plumbline::engine
