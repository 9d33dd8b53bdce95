// Runs the tasks of a work queue by the functions registered for their kinds: those of one lane,
// one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/result.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/task/work_queue.hpp"
#include "engine/text/duration.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// The index takes no more work.
[[nodiscard]] inline bool is_draining(const Indexer& indexer) {
    return indexer.progress().state.load() >= Lifecycle::kDraining;
}

/// What a running task may lean on. Lives for one run, on the worker's thread.
class TaskContext {
  public:
    /// `chain` may be null where no task of the lane asks the chain.
    TaskContext(const TaskRow& row, Indexer& indexer, WorkQueue& queue, rpc::ChainSource* chain,
                const std::stop_token& stop, const TaskFilter& lane)
        : row_{row},
          indexer_{indexer},
          queue_{queue},
          chain_{chain},
          stop_{stop},
          lane_{lane} {}

    [[nodiscard]] const TaskRow& row() const noexcept { return row_; }
    [[nodiscard]] Indexer& indexer() const noexcept { return indexer_; }
    [[nodiscard]] const Config& config() const noexcept { return indexer_.config(); }
    [[nodiscard]] WorkQueue& queue() const noexcept { return queue_; }
    /// The worker's own source; nobody else polls it.
    [[nodiscard]] rpc::ChainSource& chain() const noexcept {
        PLUMBLINE_CHECK(chain_ != nullptr);
        return *chain_;
    }
    /// There is one: tasks only run once the database exists.
    [[nodiscard]] storage::Database& database() const noexcept { return *indexer_.database(); }
    /// Cancelled, or the service stops: end with kCancelled soon.
    [[nodiscard]] bool should_stop() const { return is_stopping() || queue_.is_cancelled(row_.id); }
    /// The service stops: the part of `should_stop` that even what must be finished obeys.
    [[nodiscard]] bool is_stopping() const {
        return stop_.stop_requested() || is_draining(indexer_);
    }
    /// Something more urgent waits: a long task may end with `TaskOutcome::Kind::kMore`.
    [[nodiscard]] bool should_yield() const { return queue_.should_yield(row_.id, lane_); }

    /// Of what is under way ("log", "blocks"): so much of `total`, where that is known (0: not).
    void tell_progress(std::string_view what, std::string_view part, uint64_t done,
                       uint64_t total) const {
        queue_.tell_progress(row_.id, format_progress(what, part, done, total));
    }

  private:
    const TaskRow& row_;
    Indexer& indexer_;
    WorkQueue& queue_;
    rpc::ChainSource* chain_;
    const std::stop_token& stop_;
    const TaskFilter& lane_;
};

using TaskFunction = std::function<TaskOutcome(TaskContext& context)>;

/// Tasks of different lanes do not wait for each other.
enum class TaskLane : uint8_t {
    kWork,      ///< proofs and repairs: may take hours, may wait for the chain
    kUpkeep,    ///< of what is stored: asks nobody
    kDelivery,  ///< tells others what is new: due at once, and may wait for them
};

/// What can be put into the queue.
struct TaskKind {
    std::string name;
    std::string args_help;  ///< "[FROM TO]"; empty: takes none
    std::string summary;
    TaskFunction run;
    TaskLane lane = TaskLane::kWork;
};

/// By name; told once, before any worker runs.
class TaskKinds {
  public:
    void add(TaskKind kind) { kinds_[kind.name] = std::move(kind); }
    [[nodiscard]] const TaskKind* find(std::string_view name) const {
        const auto found = kinds_.find(name);
        return found == kinds_.end() ? nullptr : &found->second;
    }
    [[nodiscard]] const std::map<std::string, TaskKind, std::less<>>& all() const noexcept {
        return kinds_;
    }
    /// Whether somebody may put it into the queue: not what the service delivers by itself.
    /// kInvalidArgument lists what may.
    [[nodiscard]] Status check(std::string_view name) const;

  private:
    std::map<std::string, TaskKind, std::less<>> kinds_;
};

/// One thread of its own between `start` and `stop`, which both are the owner's to call; what it
/// shares with others is the queue, which has its own lock. All references must outlive it.
class Worker {
  public:
    /// Made on first use, so that nothing connects before there is something to ask. Empty: the
    /// lane's tasks ask nobody.
    using MakeSource = std::function<std::unique_ptr<rpc::ChainSource>()>;
    /// Told after each run; may be empty.
    using OnRan = std::function<void(const TaskRow&, TaskOutcome::Kind, int64_t ms)>;

    Worker(TaskLane lane, const TaskKinds& kinds, WorkQueue& queue, Indexer& indexer,
           MakeSource make_source, OnRan on_ran);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() { stop(); }

    void start();
    /// Asks the running task to end and waits for it. It goes on at the next start.
    void stop();
    /// Runs the lane's most urgent task that is due, on the calling thread; false where there was
    /// none.
    [[nodiscard]] Result<bool> run_one(const std::stop_token& stop);

  private:
    void run(const std::stop_token& stop);
    [[nodiscard]] TaskOutcome run_task(const TaskRow& row, const std::stop_token& stop);
    [[nodiscard]] bool is_chain_away();

    const TaskKinds& kinds_;
    WorkQueue& queue_;
    Indexer& indexer_;
    const TaskFilter lane_;
    MakeSource make_source_;
    OnRan on_ran_;
    /// No lock: whoever runs tasks has it alone, and `stop` drops it once the thread has ended.
    /// Kept between tasks for its connections and what it knows of its providers.
    std::unique_ptr<rpc::ChainSource> chain_;
    std::optional<int64_t> away_ms_;  ///< when a task last failed while the index waited for it
    std::jthread thread_;
};

}  // namespace plumbline::engine
