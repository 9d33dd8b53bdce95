#include "engine/task/worker.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/backoff.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"
#include "core/base/near_name.hpp"
#include "core/base/sleep.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kIdleWaitMs = 500;
/// A pool asks whom it has parked again within a minute where there is nobody else.
constexpr int64_t kFindOutMs = 120'000;

}  // namespace

Status TaskKinds::check(std::string_view name) const {
    const TaskKind* const asked = find(name);
    if (asked != nullptr && asked->lane != TaskLane::kDelivery) {
        return ok();
    }
    std::vector<std::string> known;
    for (const auto& [name_of, kind] : kinds_) {
        if (kind.lane != TaskLane::kDelivery) {
            known.push_back(name_of);
        }
    }
    return Error{ErrorCode::kInvalidArgument,
                 asked == nullptr
                     ? fmt::format("there is no task '{}'{}", name, suggest(name, known))
                     : fmt::format("the service itself adds '{}' when there is something to "
                                   "deliver; to be added are: {}",
                                   name, fmt::join(known, ", "))};
}

/// A kind that is not known any more is work, so that somebody ends its tasks.
Worker::Worker(TaskLane lane, const TaskKinds& kinds, WorkQueue& queue, Indexer& indexer,
               MakeSource make_source, OnRan on_ran)
    : kinds_{kinds},
      queue_{queue},
      indexer_{indexer},
      lane_{[&kinds, lane](const TaskRow& row) {
          const TaskKind* kind = kinds.find(row.kind);
          return (kind == nullptr ? TaskLane::kWork : kind->lane) == lane;
      }},
      make_source_{std::move(make_source)},
      on_ran_{std::move(on_ran)} {}

void Worker::start() {
    thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
}

void Worker::stop() {
    if (thread_.joinable()) {
        thread_.request_stop();
        queue_.wake();
        thread_.join();
    }
    chain_.reset();
}

void Worker::run(const std::stop_token& stop) {
    LogThrottle notice;
    while (!stop.stop_requested() && !is_draining(indexer_)) {
        Result<bool> ran = false;
        if (const Status went = catch_exceptions("taking a task", [&] { ran = run_one(stop); });
            !went) {
            ran = went.error();
        }
        if (!ran) {
            // The disk refuses: ingest says so too and waits.
            if (notice.due(indexer_.clock().monotonic_ms())) {
                logging::warning("the work queue does not work", {{"why", ran.error().message}});
            }
            sleep_ms(kIdleWaitMs);
            continue;
        }
        if (*ran) {
            continue;
        }
        const int64_t due = queue_.next_due_ms(lane_);
        const int64_t wait =
            due < 0 ? kIdleWaitMs
                    : std::clamp<int64_t>(due - indexer_.clock().unix_ms(), 1, kIdleWaitMs);
        queue_.wait(wait);
    }
}

namespace {

/// The same reason again is no news before it was the last attempt. Who tries without end tells
/// what changes itself.
void tell_failure(const TaskRow& row, const TaskOutcome& outcome) {
    const bool is_last =
        outcome.kind == TaskOutcome::Kind::kHopeless || row.attempts >= row.attempts_max;
    const bool is_news =
        is_last || (row.error != outcome.text && row.attempts_max != kAttemptsUnlimited);
    logging::write(is_news ? logging::Level::kWarning : logging::Level::kDebug, "task failed",
                   {{"id", row.id},
                    {"name", row.name},
                    {"attempt", row.attempts},
                    {"of", row.attempts_max},
                    {"why", outcome.text}});
}

}  // namespace

Result<bool> Worker::run_one(const std::stop_token& stop) {
    PLUMBLINE_TRY(const std::optional<TaskRow> row, queue_.take(lane_));
    if (!row) {
        return false;
    }
    logging::debug("task starts", {{"id", row->id}, {"name", row->name}});
    const int64_t before = indexer_.clock().monotonic_ms();
    TaskOutcome outcome = run_task(*row, stop);
    if (on_ran_) {
        on_ran_(*row, outcome.kind, indexer_.clock().monotonic_ms() - before);
    }
    switch (outcome.kind) {
        case TaskOutcome::Kind::kFailed:
        case TaskOutcome::Kind::kHopeless: tell_failure(*row, outcome); break;
        case TaskOutcome::Kind::kDone:
            logging::debug("task done", {{"id", row->id}, {"name", row->name}});
            break;
        case TaskOutcome::Kind::kAway:
            logging::debug("task waits for the chain",
                           {{"id", row->id}, {"name", row->name}, {"why", outcome.text}});
            break;
        case TaskOutcome::Kind::kMore:
        case TaskOutcome::Kind::kInterrupted: break;
    }
    // What was done must not be done again because the disk was full just now.
    for (;;) {
        const Status finished = queue_.finish(row->id, outcome);
        if (finished || stop.stop_requested() || is_draining(indexer_) ||
            finished.error().code != ErrorCode::kIo) {
            PLUMBLINE_TRY_VOID(finished);
            return true;
        }
        sleep_ms(kIdleWaitMs);
    }
}

/// The index waits for the chain as well, or did until lately and this lane's pool has not found
/// out yet that somebody answers again.
bool Worker::is_chain_away() {
    if (!chain_) {
        return false;
    }
    const int64_t now = indexer_.clock().monotonic_ms();
    if (indexer_.progress().waiting_since_ms.load() >= 0) {
        away_ms_ = now;
        return true;
    }
    const std::vector<rpc::ProviderStats> providers = chain_->stats();
    return away_ms_ && now - *away_ms_ < kFindOutMs && !providers.empty() &&
           std::ranges::none_of(providers, [](const auto& one) { return one.usable; });
}

TaskOutcome Worker::run_task(const TaskRow& row, const std::stop_token& stop) {
    const TaskKind* kind = kinds_.find(row.kind);
    if (kind == nullptr) {
        return {TaskOutcome::Kind::kHopeless, kinds_.check(row.kind).error().message, {}, 0};
    }
    if (!chain_ && make_source_) {
        chain_ = make_source_();
    }
    TaskContext context{row, indexer_, queue_, chain_.get(), stop, lane_};
    TaskOutcome outcome;
    const Status ran = catch_exceptions("running the task", [&] { outcome = kind->run(context); });
    if (!ran) {
        outcome = TaskOutcome::from(ran.error());
        chain_.reset();
        return outcome;
    }
    if (outcome.kind == TaskOutcome::Kind::kInterrupted && !context.should_stop()) {
        // It would be due again at once, with no attempt counted: for ever.
        outcome.kind = TaskOutcome::Kind::kFailed;
    }
    if (outcome.kind == TaskOutcome::Kind::kFailed && is_chain_away()) {
        outcome.kind = TaskOutcome::Kind::kAway;
    }
    // Questions that a task left open must not be answered in the middle of the next.
    if (chain_ && chain_->in_flight() > 0) {
        chain_.reset();
    }
    return outcome;
}

}  // namespace plumbline::engine
