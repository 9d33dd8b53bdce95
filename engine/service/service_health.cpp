// What the service says of itself: how it is and what is not as it should be; and whether a
// scheduled task has anything to do.
#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/fold/corrections.hpp"
#include "engine/proof/log/log_proof_record.hpp"
#include "engine/service/known_head.hpp"
#include "engine/service/readiness.hpp"
#include "engine/service/service.hpp"
#include "engine/service/task_ear.hpp"
#include "engine/task/proof_ranges.hpp"
#include "engine/task/retry_pace.hpp"
#include "engine/text/duration.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kLookToProveMs = 5'000;
/// Heads are told at different moments, and a fast chain makes many blocks between them.
constexpr uint64_t kFarBehindBlocks = 128;
constexpr int64_t kQuarantineLineMs = 60'000;

/// A question may take its time: only who has answered nothing for longer is called silent, and
/// then everywhere.
void forget_short_silence(std::vector<rpc::ProviderStats>& providers, const HeadAges& ages) {
    const int64_t shortest =
        ages.is_silent() ? std::min(kWaitToTellMs, ages.ready_ms / 2) : kWaitToTellMs;
    for (rpc::ProviderStats& provider : providers) {
        if (provider.silent_ms && *provider.silent_ms < shortest) {
            provider.silent_ms.reset();
        }
    }
}

}  // namespace

/// Whether a scheduled task would have something to do.
bool Service::is_wanted(std::string_view kind) {
    const int64_t now_ms = indexer_->clock().unix_ms();
    std::vector<TaskRow> runs = queue_->list(std::nullopt, kind);
    std::erase_if(runs, [kind](const TaskRow& row) { return row.name != kind; });
    if (const size_t dead = dead_in_a_row(runs);
        dead > 0 && now_ms - runs.front().finished_ms < wait_after_dead_ms(dead)) {
        return false;
    }
    if (kind != "prove_log") {
        return true;
    }
    // Looking reads the database; where it was in vain, it is not due again at once.
    const int64_t now = indexer_->clock().monotonic_ms();
    if (now < next_to_prove_ms_) {
        return false;
    }
    const bool is_wanted = has_to_prove(now_ms);
    next_to_prove_ms_ = is_wanted ? 0 : now + kLookToProveMs;
    return is_wanted;
}

/// Final blocks that are neither proven nor known to be in vain.
bool Service::has_to_prove(int64_t unix_ms) const {
    const std::optional<storage::Cursor> cursor = database()->cursor();
    const auto coverage = database()->coverage();
    if (!cursor || !coverage) {
        return false;
    }
    const std::vector<evm::BlockRange> open =
        unproven_ranges(indexer_->plan().sources(), *coverage, cursor->finalized);
    const auto known =
        KnownRanges::read(*database()->read_view(), static_cast<uint64_t>(unix_ms / 1000));
    return known && !ranges_due(*known, open, config().repair.on_log == LogPolicy::kMend,
                                static_cast<uint64_t>(unix_ms / 1000))
                         .empty();
}

namespace {

/// Which, why, and what to do.
void add_stuck_tasks(const GivenUp& tasks, std::string_view one, std::string_view several,
                     std::string_view advice, std::vector<std::string>& reasons) {
    if (tasks.newest) {
        reasons.push_back(fmt::format("{}: {}{} (task {}): {}; {}",
                                      count_of(tasks.count, one, several),
                                      tasks.count > 1 ? "the newest is " : "", tasks.newest->name,
                                      tasks.newest->id, tasks.newest->error, advice));
    }
}

}  // namespace

void Service::publish(int64_t now_ms) {
    const IngestProgress& progress = indexer_->progress();
    ServiceStatus next;
    next.state = progress.state;
    next.progress = meter_->read();
    next.uptime_ms = now_ms - started_ms_;
    next.commits = progress.commits;
    next.commit_ms = progress.commit_ms;
    next.first_block = progress.first_block;
    next.target_block = progress.target_block;
    next.providers = source_->stats();
    forget_short_silence(next.providers, next.progress.ages);
    if (const storage::Database* known = database()) {
        const std::optional<storage::Cursor> stored = known->cursor();
        if (stored && next.progress.head_block) {
            raise_head(next.progress, *stored, indexer_->clock().unix_ms());
            doubt_lag(next.progress, now_ms);
        }
        next.has_database = true;
        next.quarantined_rows = known->quarantine_count();
        next.refused_corrections = count_refused_corrections(*known, next.quarantined_rows);
    }
    if (queue_) {
        for (const QueueCount& count : queue_->counts()) {
            switch (count.state) {
                case TaskState::kWaiting: next.tasks_waiting += count.count; break;
                case TaskState::kRunning: next.tasks_running += count.count; break;
                default: break;
            }
        }
    }
    const GivenUp dead = queue_ ? queue_->given_up(TaskState::kDead) : GivenUp{};
    const GivenUp parked = queue_ ? queue_->given_up(TaskState::kParked) : GivenUp{};
    next.tasks_dead = dead.count;
    next.tasks_parked = parked.count;
    next.waits = find_waits(next.providers, now_ms);
    next.progress.is_waiting = next.progress.is_waiting || !next.waits.empty();
    add_head_waits(next, next.waits);
    add_limitations(next.providers, next.waits);
    add_disk_wait(now_ms, next.waits);
    std::vector<std::string> others = find_reasons(next);
    const auto retry = [this](const GivenUp& tasks) {
        return fmt::format("`plumbline task retry {} {}`", indexer_->db_path(),
                           tasks.newest ? tasks.newest->id : 0);
    };
    add_stuck_tasks(dead, "task has failed for good", "tasks have failed for good",
                    retry(dead) + " once its reason is gone", others);
    add_stuck_tasks(parked, "task is parked", "tasks are parked",
                    "if the log from then names another cause: " + retry(parked) +
                        "; what the schedule adds is tried again after an hour",
                    others);
    next.degraded = find_grave_reasons();
    next.degraded.insert(next.degraded.end(), next.waits.begin(), next.waits.end());
    next.degraded.insert(next.degraded.end(), others.begin(), others.end());
    next.address = address_;
    std::tie(next.proven_level, next.proven_block) = proven_;
    next.notes = notes_;
    next.mismatches = mismatches_;
    tell_quarantine(next.quarantined_rows, next.refused_corrections, now_ms);
    if (next.state > Lifecycle::kBackfilling) {
        tell_unknown(next.progress);
    }
    for (const std::unique_ptr<ServiceModule>& module : modules_) {
        module->describe(next);
    }
    for (const SinkStatus& sink : next.sinks) {
        if (sink.is_failing) {
            // Where it stands nobody knows before PostgreSQL has said so.
            const std::string lag =
                sink.block_num ? fmt::format(", {} blocks behind", sink.lag_blocks) : "";
            next.degraded.push_back(fmt::format("sink {}{}: {}", sink.name, lag, sink.reason));
        }
    }
    next.ready_lag = config().http ? config().http->ready_lag : next.ready_lag;
    next.unready = find_unready(next);
    history_.tell(now_ms, {indexer_->clock().unix_ms() / 1'000, next.progress.next_block,
                           next.progress.lag, next.progress.events});
    next.history = history_.samples();
    shown_head_ = next.progress.head_block;
    const MutexLock lock{mutex_};
    next.started_unix_ms = status_.started_unix_ms;
    next.ready_changed_unix_ms = next.is_ready() == status_.is_ready()
                                     ? std::max(status_.ready_changed_unix_ms, next.started_unix_ms)
                                     : indexer_->clock().unix_ms();
    status_ = std::move(next);
    published_ms_ = now_ms;
}

/// Once.
void Service::tell_unknown(const ProgressNumbers& progress) {
    if (is_unknown_told_ || progress.unknown == 0) {
        return;
    }
    is_unknown_told_ = true;
    const std::string see = fmt::format("plumbline status {} --events", indexer_->db_path());
    if (progress.unknown > progress.misfits) {
        logging::warning("events are in no ABI: they are stored, and nothing is made of them",
                         {{"events", progress.unknown - progress.misfits}, {"see", see}});
    }
    if (progress.misfits > 0) {
        logging::warning(
            "events have other parameters indexed, or other values, than the ABI's event of their "
            "topic0: they are stored, and nothing is made of them",
            {{"events", progress.misfits}, {"see", see}});
    }
}

/// Only a fold of the whole log refuses them, and only a rollback takes some away.
uint64_t Service::count_refused_corrections(const storage::Database& known, uint64_t rows) {
    if (rows == 0) {
        return 0;
    }
    const auto view = known.read_view();
    const std::pair of{rows, view->generation()};
    if (refused_corrections_of_ != of) {
        const auto refused = refused_corrections(*view);
        if (!refused) {
            return 0;
        }
        refused_corrections_of_ = of;
        refused_corrections_ = refused->size();
    }
    return refused_corrections_;
}

/// A change is a line, at most one a minute: a backfill may put away an event a block.
void Service::tell_quarantine(uint64_t rows, uint64_t corrections, int64_t now_ms) {
    if (rows == quarantined_told_ || now_ms < next_quarantine_ms_) {
        return;
    }
    next_quarantine_ms_ = now_ms + kQuarantineLineMs;
    const std::string see = fmt::format("plumbline quarantine {}", indexer_->db_path());
    if (rows == 0) {
        logging::info("nothing is in quarantine any more");
    }
    if (rows > corrections) {
        logging::warning(
            "events are in quarantine: no handler could apply them",
            {{"events", rows - corrections}, {"before", quarantined_told_}, {"see", see}});
    }
    if (corrections > 0) {
        logging::warning("corrections are in quarantine: the mapping has no place for them",
                         {{"blocks", corrections}, {"see", see}});
    }
    quarantined_told_ = rows;
}

/// What no waiting mends: the index stands still for good, or is wrong.
std::vector<std::string> Service::find_grave_reasons() const {
    std::vector<std::string> reasons;
    if (const std::optional<Error> failed = indexer_->failure()) {
        reasons.push_back(fmt::format("indexing cannot go on: {}", failed->message));
    }
    reasons.insert(reasons.end(), verdicts_.begin(), verdicts_.end());
    if (queue_failed_) {
        reasons.emplace_back("the work queue cannot be read");
    }
    return reasons;
}

std::vector<std::string> Service::find_reasons(const ServiceStatus& status) const {
    std::vector<std::string> reasons;
    uint64_t best = 0;
    for (const rpc::ProviderStats& provider : status.providers) {
        best = std::max(best, provider.usable ? provider.head.value_or(0) : 0);
    }
    for (const rpc::ProviderStats& provider : status.providers) {
        if (provider.usable && provider.head && *provider.head + kFarBehindBlocks < best) {
            reasons.push_back(
                fmt::format("provider {} tells block {} as its head, {} below the others: what two "
                            "must agree on, as on what is final, waits for it",
                            provider.name, *provider.head, best - *provider.head));
        }
        if (!provider.usable) {
            reasons.push_back(fmt::format("provider {} is not asked: {}{}{}", provider.name,
                                          provider.state, provider.last_error.empty() ? "" : ": ",
                                          provider.last_error));
        }
    }
    if (status.progress.is_refolding) {
        reasons.emplace_back("the log is folded again: entities are those of before");
    }
    if (status.quarantined_rows > status.refused_corrections) {
        reasons.push_back(fmt::format(
            "{} in quarantine: no handler could apply them; `plumbline quarantine {}` shows why",
            count_of(status.quarantined_rows - status.refused_corrections, "event is",
                     "events are"),
            indexer_->db_path()));
    }
    if (status.refused_corrections > 0) {
        reasons.push_back(fmt::format(
            "corrections of {} are in quarantine: the mapping has no place for what a repair wrote "
            "there; `plumbline quarantine {}` shows what",
            count_of(status.refused_corrections, "block", "blocks"), indexer_->db_path()));
    }
    return reasons;
}

}  // namespace plumbline::engine
