// The running service in one object: the index that follows the chain, the work queue and its
// worker, the schedules, and what is told of all that. `plumbline run` is this and a signal
// handler.
//
//     auto service = Service::open(std::move(options));
//     (*service)->add_module(std::make_unique<MyServer>(...));
//     Status ended = (*service)->run(stop_token, nullptr);
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/service/aside_news.hpp"
#include "engine/service/metrics.hpp"
#include "engine/service/proof_verdicts.hpp"
#include "engine/service/sd_notify.hpp"
#include "engine/service/service_status.hpp"
#include "engine/service/task_ear.hpp"
#include "engine/service/wait_watch.hpp"
#include "engine/task/schedule.hpp"
#include "engine/task/work_queue.hpp"
#include "engine/task/worker.hpp"
#include "rpc/chain_source.hpp"
#include "rpc/pool_options.hpp"
#include "storage/database.hpp"
#include "storage/task_store.hpp"

namespace plumbline::engine {

class Service;

/// Something that runs beside the index and shows or sends what it does: an HTTP server, webhooks.
class ServiceModule {
  public:
    ServiceModule() = default;
    ServiceModule(const ServiceModule&) = delete;
    ServiceModule& operator=(const ServiceModule&) = delete;
    virtual ~ServiceModule() = default;

    /// Before anything runs. An error, also a thrown one, ends the service: it leaves nothing up.
    [[nodiscard]] virtual Status start(Service& service) = 0;
    /// After the index has stopped; nothing of the service may be used once it returns.
    virtual void stop() = 0;
    /// Adds what it has to say of itself; any thread, while it runs.
    virtual void describe(ServiceStatus& /*status*/) const {}
};

struct ServiceOptions {
    IndexerOptions indexer;
    /// For the network thread and for the worker; empty: a pool over the config's endpoints.
    std::function<std::unique_ptr<rpc::ChainSource>()> make_source;
    rpc::PoolObserver* pool_observer = nullptr;  ///< must outlive the service
    WorkQueueOptions queue;
    /// The endpoints are not the config's: a reload leaves them alone.
    bool has_own_endpoints = false;
    /// Whether tasks are run; without, the queue can still be looked at and filled.
    bool has_worker = true;
    /// What modules say of a config that is read again, before any of it counts; empty: nothing.
    std::function<Status(const Config&, const Plan&)> check_config;
    /// Sets the level of the log to what a config says that is read again, which may be none
    /// (empty); false where another one counts. Empty: as the config says.
    std::function<bool(const std::string& level)> set_log_level;
};

/// What a reload did: one line each.
struct ReloadReport {
    std::vector<std::string> applied;
    std::vector<std::string> needs_restart;
};

class Service {
  public:
    /// kInvalidArgument: the config. kIncompatible: the database is another chain's.
    [[nodiscard]] static Result<std::unique_ptr<Service>> open(ServiceOptions options);
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    ~Service();

    // --- before `run` ---------------------------------------------------------------------------

    /// Started in the order added, stopped in the reverse.
    void add_module(std::unique_ptr<ServiceModule> module);
    /// Told of every commit, rollback and refold, on the writer thread. Must outlive the service or
    /// belong to one of its modules.
    void add_observer(IndexObserver* observer);
    /// Registers a kind of task, or replaces one.
    void add_task_kind(TaskKind kind) { kinds_.add(std::move(kind)); }

    /// Until done (`IndexerOptions::until`), told to stop, or unable to go on. Being stopped is no
    /// error. Before it returns the task and the commit in hand are finished.
    [[nodiscard]] Status run(const std::stop_token& stop, ProgressReporter* reporter);

    // --- from any thread, while it runs ----------------------------------------------------------

    /// As of the last half second, and not before a head that was told since.
    [[nodiscard]] ServiceStatus status() const;
    [[nodiscard]] Indexer& indexer() noexcept { return *indexer_; }
    [[nodiscard]] const Indexer& indexer() const noexcept { return *indexer_; }
    [[nodiscard]] const Config& config() const noexcept { return indexer_->config(); }
    /// Null until there is one; from then on it stays.
    [[nodiscard]] storage::Database* database() const noexcept { return indexer_->database(); }
    /// Null until there is a database; from then on it stays.
    [[nodiscard]] WorkQueue* queue() const noexcept { return shown_queue_.load(); }
    [[nodiscard]] bool has_worker() const noexcept { return options_.has_worker; }
    [[nodiscard]] const TaskKinds& task_kinds() const noexcept { return kinds_; }
    /// Where the API listens, which is kept beside the database's lock while this service holds it,
    /// for commands that want to ask it. At start, from a module.
    void set_address(std::string url) { address_ = std::move(url); }
    /// Empty: the API does not listen, or not yet.
    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    /// Adds a task of a known kind. kUnavailable before there is a database.
    [[nodiscard]] Result<TaskAdded> add_task(TaskSpec spec);
    [[nodiscard]] Metrics& metrics() noexcept { return metrics_; }
    /// Prometheus text.
    [[nodiscard]] std::string metrics_text() const;
    [[nodiscard]] Scheduler* scheduler() const noexcept { return shown_scheduler_.load(); }
    /// Reads the config file again, applies what can be changed while running, and tells what else
    /// the config that runs says differently. On an error nothing has changed.
    [[nodiscard]] Result<ReloadReport> reload();

  private:
    class Observers;

    explicit Service(ServiceOptions options);

    [[nodiscard]] bool take_log_level(const std::string& level) PLUMBLINE_REQUIRES(reload_mutex_);
    void on_turn();
    [[nodiscard]] Status open_queue();
    void start_workers();
    void write_address();
    [[nodiscard]] bool is_wanted(std::string_view kind);
    void publish(int64_t now_ms);
    void add_index(ServiceStatus& out, int64_t now_ms);
    void add_tasks(ServiceStatus& out, std::vector<std::string>& reasons) const;
    [[nodiscard]] std::vector<std::string> find_grave_reasons() const;
    [[nodiscard]] std::vector<std::string> find_reasons(const ServiceStatus& status) const;
    [[nodiscard]] BackupAge backup_age() const;

    ServiceOptions options_;
    std::unique_ptr<Observers> observers_;
    std::unique_ptr<rpc::ChainSource> source_;
    std::unique_ptr<Indexer> indexer_;
    std::unique_ptr<ProgressReporter> meter_;  ///< only for its numbers
    Metrics metrics_;
    TaskEar task_ear_{metrics_};
    TaskKinds kinds_;
    std::unique_ptr<storage::TaskStore> store_;
    std::unique_ptr<WorkQueue> queue_;
    std::unique_ptr<Scheduler> scheduler_;
    std::atomic<WorkQueue*> shown_queue_{nullptr};
    std::atomic<Scheduler*> shown_scheduler_{nullptr};
    std::vector<std::unique_ptr<Worker>> workers_;  ///< one a lane, once there is a queue
    std::vector<std::unique_ptr<ServiceModule>> modules_;
    std::string address_;

    // The network thread's own.
    int64_t next_publish_ms_ = 0;
    std::optional<uint64_t> shown_head_;     ///< in what was last published
    std::optional<ProofVerdicts> verdicts_;  ///< once there is an indexer
    std::optional<WaitWatch> waits_;         ///< as well
    AsideNews aside_;
    ManagerNews manager_;
    ProgressHistory history_;
    bool is_address_written_ = false;
    bool queue_failed_ = false;
    int64_t started_ms_ = 0;

    mutable Mutex mutex_;
    ServiceStatus status_ PLUMBLINE_GUARDED_BY(mutex_);      ///< as last published
    int64_t published_ms_ PLUMBLINE_GUARDED_BY(mutex_) = 0;  ///< when that was
    Mutex reload_mutex_;  ///< one reload at a time: it compares what runs and then changes it
    /// Of the config that was read last; the start's before.
    std::optional<std::string> log_level_ PLUMBLINE_GUARDED_BY(reload_mutex_);
};

/// Endpoints and chain id of a config, as a provider pool takes them.
[[nodiscard]] rpc::PoolOptions pool_options(const Config& config);

}  // namespace plumbline::engine
