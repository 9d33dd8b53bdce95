// What the service says of itself: how it is and what is not as it should be; and whether a
// scheduled task has anything to do.
#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "engine/service/known_head.hpp"
#include "engine/service/readiness.hpp"
#include "engine/service/service.hpp"
#include "engine/task/retry_pace.hpp"
#include "engine/text/duration.hpp"

namespace plumbline::engine {

namespace {

/// Heads are told at different moments, and a fast chain makes many blocks between them.
constexpr uint64_t kFarBehindBlocks = 128;

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
    return kind != "prove_log" || verdicts_->has_to_prove();
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

void add_failing_sinks(ServiceStatus& status) {
    for (const SinkStatus& sink : status.sinks) {
        if (sink.is_failing) {
            // Where it stands nobody knows before PostgreSQL has said so.
            const std::string lag =
                sink.block_num ? fmt::format(", {} blocks behind", sink.lag_blocks) : "";
            status.degraded.push_back(fmt::format("sink {}{}: {}", sink.name, lag, sink.reason));
        }
    }
}

}  // namespace

/// The index, its providers and its database.
void Service::add_index(ServiceStatus& out, int64_t now_ms) {
    const IngestProgress& progress = indexer_->progress();
    out.state = progress.state;
    out.progress = meter_->read();
    out.uptime_ms = now_ms - started_ms_;
    out.commits = progress.commits;
    out.commit_ms = progress.commit_ms;
    out.first_block = progress.first_block;
    out.target_block = progress.target_block;
    out.providers = source_->stats();
    forget_short_silence(out.providers, out.progress.ages);
    if (const storage::Database* known = database()) {
        const std::optional<storage::Cursor> stored = known->cursor();
        if (stored && out.progress.head_block) {
            raise_head(out.progress, *stored, indexer_->clock().unix_ms());
            waits_->doubt_lag(out.progress, now_ms);
        }
        out.has_database = true;
        out.quarantined_rows = known->quarantine_count();
        out.refused_corrections = aside_.count_corrections(*known, out.quarantined_rows);
    }
    std::tie(out.proven_level, out.proven_block) = verdicts_->proven();
    out.notes = verdicts_->notes();
    out.mismatches = verdicts_->mismatches();
}

/// Tasks, and into `reasons` those that nobody takes on any more.
void Service::add_tasks(ServiceStatus& out, std::vector<std::string>& reasons) const {
    if (!queue_) {
        return;
    }
    for (const QueueCount& count : queue_->counts()) {
        switch (count.state) {
            case TaskState::kWaiting: out.tasks_waiting += count.count; break;
            case TaskState::kRunning: out.tasks_running += count.count; break;
            default: break;
        }
    }
    const GivenUp dead = queue_->given_up(TaskState::kDead);
    const GivenUp parked = queue_->given_up(TaskState::kParked);
    out.tasks_dead = dead.count;
    out.tasks_parked = parked.count;
    const auto retry = [this](const GivenUp& tasks) {
        return fmt::format("`plumbline task retry {} {}`", indexer_->db_path(),
                           tasks.newest ? tasks.newest->id : 0);
    };
    add_stuck_tasks(dead, "task has failed for good", "tasks have failed for good",
                    retry(dead) + " once its reason is gone", reasons);
    add_stuck_tasks(parked, "task is parked", "tasks are parked",
                    "if the log from then names another cause: " + retry(parked) +
                        "; what the schedule adds is tried again after an hour",
                    reasons);
}

void Service::publish(int64_t now_ms) {
    ServiceStatus next;
    add_index(next, now_ms);
    waits_->find(next, now_ms);
    std::vector<std::string> others = find_reasons(next);
    add_tasks(next, others);
    next.degraded = find_grave_reasons();
    next.degraded.insert(next.degraded.end(), next.waits.begin(), next.waits.end());
    next.degraded.insert(next.degraded.end(), others.begin(), others.end());
    next.address = address_;
    aside_.tell_quarantine(indexer_->db_path(), next.quarantined_rows, next.refused_corrections,
                           now_ms);
    if (next.state > Lifecycle::kBackfilling) {
        aside_.tell_unknown(indexer_->db_path(), next.progress);
    }
    for (const std::unique_ptr<ServiceModule>& module : modules_) {
        module->describe(next);
    }
    add_failing_sinks(next);
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

/// What no waiting mends: the index stands still for good, or is wrong.
std::vector<std::string> Service::find_grave_reasons() const {
    std::vector<std::string> reasons;
    if (const std::optional<Error> failed = indexer_->failure()) {
        reasons.push_back(fmt::format("indexing cannot go on: {}", failed->message));
    }
    reasons.insert(reasons.end(), verdicts_->found().begin(), verdicts_->found().end());
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
