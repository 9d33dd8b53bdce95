#include "engine/service/service.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/service/sd_notify.hpp"
#include "engine/task/proof_ranges.hpp"
#include "engine/task/proof_tasks.hpp"
#include "engine/task/tasks.hpp"
#include "engine/text/duration.hpp"
#include "rpc/provider_pool.hpp"
#include "storage/maintenance.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kPublishMs = 500;
constexpr int64_t kVerdictsMs = 5'000;
/// How long the chain or the disk may keep us waiting before that is worth a word.
constexpr int64_t kWaitingMs = 10'000;
constexpr uint64_t kReadyLag = 5;

/// What runs without being asked for; [schedule] changes it.
std::vector<ScheduleEntry> default_schedule(const Config& config) {
    if (config.proof.level == storage::ProofLevel::kNone) {
        return {};
    }
    return {{"prove_log", 10'000}};
}

std::vector<ScheduleEntry> schedule_of(const Config& config) {
    std::vector<ScheduleEntry> out = default_schedule(config);
    for (const ScheduleConfig& item : config.schedules) {
        const auto known = std::ranges::find(out, item.task, &ScheduleEntry::kind);
        if (known != out.end()) {
            known->interval_ms = item.interval_ms;
        } else {
            out.push_back({item.task, item.interval_ms});
        }
    }
    return out;
}

}  // namespace

rpc::PoolOptions pool_options(const Config& config) {
    rpc::PoolOptions options;
    options.chain_id = config.chain.id;
    for (const EndpointConfig& endpoint : config.chain.rpc) {
        options.endpoints.push_back({endpoint.url, endpoint.headers, {}});
    }
    return options;
}

/// Hands what happens on to all who want to know. Filled before the indexer runs.
class Service::Observers final : public IndexObserver {
  public:
    void add(IndexObserver* observer) {
        if (observer != nullptr) {
            observers_.push_back(observer);
        }
    }
    void on_commit(const CommitNotice& notice) override {
        for (IndexObserver* observer : observers_) {
            observer->on_commit(notice);
        }
    }
    [[nodiscard]] size_t row_bytes_max() const override {
        size_t most = 0;
        for (const IndexObserver* observer : observers_) {
            most = std::max(most, observer->row_bytes_max());
        }
        return most;
    }
    void on_rollback(uint64_t block_num) override {
        for (IndexObserver* observer : observers_) {
            observer->on_rollback(block_num);
        }
    }
    void on_refold() override {
        for (IndexObserver* observer : observers_) {
            observer->on_refold();
        }
    }

  private:
    std::vector<IndexObserver*> observers_;
};

Service::Service(ServiceOptions options)
    : options_{std::move(options)},
      observers_{std::make_unique<Observers>()} {}

Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::open(ServiceOptions options) {
    std::unique_ptr<Service> service{new Service{std::move(options)}};
    ServiceOptions& own = service->options_;
    if (!own.make_source) {
        own.make_source = [pool = pool_options(own.indexer.config), observer = own.pool_observer] {
            return rpc::make_chain_source(pool, observer);
        };
    }
    IndexerOptions indexer = own.indexer;
    service->observers_->add(indexer.observer);
    indexer.observer = service->observers_.get();
    indexer.on_turn = [raw = service.get(), other = indexer.on_turn] {
        raw->on_turn();
        if (other) {
            other();
        }
    };
    add_standard_tasks(service->kinds_);
    add_proof_tasks(service->kinds_, &service->metrics_);
    service->source_ = own.make_source();
    PLUMBLINE_TRY(service->indexer_, Indexer::open(std::move(indexer), *service->source_));
    service->meter_ = std::make_unique<ProgressReporter>(
        service->indexer_->progress(), service->indexer_->clock(), ProgressMode::kQuiet);
    service->started_ms_ = service->indexer_->clock().monotonic_ms();
    {
        const MutexLock lock{service->mutex_};
        service->status_.started_unix_ms = service->indexer_->clock().unix_ms();
    }
    service->watchdog_ms_ = watchdog_interval_ms();
    if (service->database() != nullptr) {
        PLUMBLINE_TRY_VOID(service->open_queue());
    }
    return service;
}

void Service::add_module(std::unique_ptr<ServiceModule> module) {
    modules_.push_back(std::move(module));
}

void Service::add_observer(IndexObserver* observer) {
    observers_->add(observer);
}

Status Service::open_queue() {
    store_ = std::make_unique<storage::TaskStore>(*database());
    PLUMBLINE_TRY(queue_, WorkQueue::open(*store_, indexer_->clock(), options_.queue));
    scheduler_ = std::make_unique<Scheduler>(*queue_, indexer_->clock());
    scheduler_->set(schedule_of(config()));
    worker_ = std::make_unique<Worker>(
        kinds_, *queue_, *indexer_, options_.make_source,
        [this](const TaskRow& row, TaskOutcome::Kind outcome, int64_t ms) {
            metrics_.count_task(row.kind, to_string(outcome), static_cast<double>(ms) / 1000);
        });
    shown_queue_ = queue_.get();
    shown_scheduler_ = scheduler_.get();
    return ok();
}

Result<TaskAdded> Service::add_task(TaskSpec spec) {
    PLUMBLINE_TRY_VOID(kinds_.check(spec.kind));
    WorkQueue* queue = this->queue();
    if (queue == nullptr) {
        return Error{ErrorCode::kUnavailable,
                     "there is no database yet: the chain has not answered so far"};
    }
    return queue->add(std::move(spec));
}

Status Service::run(const std::stop_token& stop, ProgressReporter* reporter) {
    size_t started = 0;
    Status ended = ok();
    for (; started < modules_.size(); ++started) {
        ended = modules_[started]->start(*this);
        if (!ended) {
            break;
        }
    }
    if (ended) {
        if (queue_ && options_.has_worker) {
            worker_->start();
        }
        // The task in hand ends while the index still takes what it has to write.
        const std::stop_callback on_stop{stop, [this] {
                                             notify_service_manager("STOPPING=1");
                                             if (WorkQueue* queue = this->queue()) {
                                                 queue->wake();
                                             }
                                         }};
        ended = indexer_->run(stop, reporter);
        if (worker_) {
            worker_->stop();
        }
    } else {
        // A module that is up may wait for the writer, which will never run.
        indexer_->stop().ignore("there is nothing in hand");
    }
    publish(indexer_->clock().monotonic_ms());
    while (started > 0) {
        modules_[--started]->stop();
    }
    return ended;
}

// --- the network thread, in every turn ----------------------------------------------------------

void Service::on_turn() {
    const int64_t now = indexer_->clock().monotonic_ms();
    if (!queue_ && !queue_failed_ && database() != nullptr) {
        if (const Status opened = open_queue(); !opened) {
            queue_failed_ = true;
            logging::error("the work queue cannot be read: no tasks run",
                           {{"why", opened.error().message}});
        } else if (options_.has_worker) {
            worker_->start();
        }
    }
    if (now < next_publish_ms_) {
        return;
    }
    next_publish_ms_ = now + kPublishMs;
    read_verdicts(now);
    publish(now);
    // Proofs of a chain that is still being fetched would compete with the fetching.
    if (scheduler_ && options_.has_worker &&
        indexer_->progress().state.load() == Lifecycle::kLive) {
        scheduler_->tick([this](std::string_view kind) { return is_wanted(kind); });
    }
    tell_manager(now);
}

/// Whether a scheduled task would have something to do.
bool Service::is_wanted(std::string_view kind) const {
    if (kind != "prove_log") {
        return true;
    }
    const std::optional<storage::Cursor> cursor = database()->cursor();
    const auto coverage = database()->coverage();
    return cursor && coverage && !unproven_ranges(*coverage, cursor->finalized).empty();
}

void Service::tell_manager(int64_t now_ms) {
    if (!ready_notified_) {
        ready_notified_ = true;
        notify_service_manager("READY=1");
    }
    if (watchdog_ms_ > 0 && now_ms >= next_watchdog_ms_) {
        next_watchdog_ms_ = now_ms + watchdog_ms_;
        notify_service_manager("WATCHDOG=1");
    }
}

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
    if (const storage::Database* known = database()) {
        next.has_database = true;
        next.quarantined_rows = known->quarantine_count();
    }
    if (queue_) {
        for (const QueueCount& count : queue_->counts()) {
            switch (count.state) {
                case TaskState::kWaiting: next.tasks_waiting += count.count; break;
                case TaskState::kRunning: next.tasks_running += count.count; break;
                case TaskState::kDead: next.tasks_dead += count.count; break;
                case TaskState::kParked: next.tasks_parked += count.count; break;
                default: break;
            }
        }
    }
    next.degraded = find_reasons(next, now_ms);
    const uint64_t ready_lag = config().http ? config().http->ready_lag : kReadyLag;
    next.is_ready = next.state == Lifecycle::kLive && next.has_database &&
                    next.progress.lag <= ready_lag && !next.progress.is_refolding &&
                    !next.progress.is_filling;
    const MutexLock lock{mutex_};
    next.started_unix_ms = status_.started_unix_ms;
    status_ = std::move(next);
}

/// What the newest proofs found; they change seldom.
void Service::read_verdicts(int64_t now_ms) {
    // Proofs do not run while backfilling; and a view given back makes RocksDB rewrite files.
    const bool is_known =
        next_verdicts_ms_ > 0 && indexer_->progress().state.load() == Lifecycle::kBackfilling;
    if (database() == nullptr || now_ms < next_verdicts_ms_ || is_known) {
        return;
    }
    next_verdicts_ms_ = now_ms + kVerdictsMs;
    const auto records = database()->read_view()->list_proofs();
    if (!records) {
        return;
    }
    verdicts_.clear();
    for (const storage::ProofRecord& record : *records) {
        const bool is_proof =
            record.proof == "log" || record.proof == "replay" || record.proof == "state";
        if (is_proof && record.mismatches > 0) {
            verdicts_.push_back(fmt::format("the {} proof{} found {} mismatches at block {}",
                                            record.proof,
                                            record.entity.empty() ? "" : " of " + record.entity,
                                            record.mismatches, record.block_num));
        }
    }
}

std::vector<std::string> Service::find_reasons(const ServiceStatus& status, int64_t now_ms) const {
    const IngestProgress& progress = indexer_->progress();
    std::vector<std::string> reasons;
    const auto waiting = [now_ms](int64_t since_ms) {
        return since_ms >= 0 && now_ms - since_ms >= kWaitingMs;
    };
    if (const int64_t since = progress.waiting_since_ms; waiting(since)) {
        reasons.push_back(fmt::format("the chain does not answer since {}",
                                      format_duration((now_ms - since) / 1000)));
    }
    if (const int64_t since = progress.disk_waiting_since_ms; waiting(since)) {
        reasons.push_back(fmt::format("the disk takes no writes since {}",
                                      format_duration((now_ms - since) / 1000)));
    }
    if (const std::optional<Error> failed = indexer_->failure()) {
        reasons.push_back(fmt::format("indexing cannot go on: {}", failed->message));
    }
    if (queue_failed_) {
        reasons.emplace_back("the work queue cannot be read");
    }
    for (const rpc::ProviderStats& provider : status.providers) {
        if (!provider.usable) {
            reasons.push_back(
                fmt::format("provider {} is not asked: {}", provider.name, provider.state));
        }
    }
    if (status.progress.is_refolding) {
        reasons.emplace_back("the log is folded again: entities are those of before");
    }
    reasons.insert(reasons.end(), verdicts_.begin(), verdicts_.end());
    if (status.quarantined_rows > 0) {
        reasons.push_back(fmt::format("{} events are in quarantine", status.quarantined_rows));
    }
    if (status.tasks_dead > 0) {
        reasons.push_back(fmt::format("{} tasks have failed for good", status.tasks_dead));
    }
    if (status.tasks_parked > 0) {
        reasons.push_back(fmt::format("{} tasks are parked", status.tasks_parked));
    }
    return reasons;
}

ServiceStatus Service::status() const {
    ServiceStatus out;
    {
        const MutexLock lock{mutex_};
        out = status_;
    }
    // Of these nobody should hear late.
    out.state = indexer_->progress().state;
    out.is_ready = out.is_ready && out.state == Lifecycle::kLive;
    return out;
}

std::string Service::metrics_text() const {
    const ServiceStatus now = status();
    MetricsInput input;
    input.status = &now;
    if (const WorkQueue* queue = this->queue()) {
        input.queue = queue->counts();
    }
    if (const storage::Database* known = database()) {
        input.storage = storage::storage_figures(*known);
        input.database_bytes = known->size_bytes();
        if (const auto coverage = known->coverage()) {
            input.proven_through = proven_through(*coverage);
        }
        const std::vector<storage::EntityLayout>& entities = known->entities();
        for (size_t i = 0; i < entities.size(); ++i) {
            input.entity_rows.emplace_back(entities[i].name, known->entity_count(i));
        }
    }
    return metrics_.text(input);
}

// --- reload -------------------------------------------------------------------------------------

Result<ReloadReport> Service::reload() {
    const MutexLock lock{reload_mutex_};
    PLUMBLINE_TRY(const Config fresh, load_config(config().path));
    PLUMBLINE_TRY(const std::shared_ptr<const Plan> plan,
                  Plan::compile(fresh, options_.indexer.handlers));
    ReloadReport report;
    const Config& running = config();
    if (!fresh.log_level.empty()) {
        logging::set_level(logging::parse_level(fresh.log_level));
        report.applied.push_back("log level: " + fresh.log_level);
    }
    if (Scheduler* const scheduler = this->scheduler()) {
        const std::vector<ScheduleEntry> entries = schedule_of(fresh);
        if (entries != scheduler->entries()) {
            scheduler->set(entries);
            report.applied.emplace_back("schedules");
        }
    }
    if (plan->bundle().fingerprint != indexer_->plan().bundle().fingerprint) {
        report.needs_restart.emplace_back("contracts, entities or handlers");
    }
    const auto same_endpoint = [](const EndpointConfig& a, const EndpointConfig& b) {
        return a.url == b.url && a.headers == b.headers;
    };
    if (fresh.chain.id != running.chain.id ||
        fresh.chain.finality_depth != running.chain.finality_depth ||
        fresh.chain.poll_interval_ms != running.chain.poll_interval_ms ||
        (!options_.has_own_endpoints &&
         !std::ranges::equal(fresh.chain.rpc, running.chain.rpc, same_endpoint))) {
        report.needs_restart.emplace_back("[chain]");
    }
    if (fresh.db_path != running.db_path || fresh.memory_mib != running.memory_mib) {
        report.needs_restart.emplace_back("[database]");
    }
    if (fresh.http != running.http) {
        report.needs_restart.emplace_back("[http]");
    }
    if (fresh.webhooks != running.webhooks) {
        report.needs_restart.emplace_back("[webhooks]");
    }
    return report;
}

}  // namespace plumbline::engine
