#include "engine/service/service.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"
#include "engine/config/config_difference.hpp"
#include "engine/config/memory_plan.hpp"
#include "engine/proof/log/proof_asked.hpp"
#include "engine/service/known_head.hpp"
#include "engine/service/readiness.hpp"
#include "engine/task/backup_place.hpp"
#include "engine/task/proof_ranges.hpp"
#include "engine/task/proof_tasks.hpp"
#include "engine/task/tasks.hpp"
#include "rpc/endpoints.hpp"
#include "rpc/provider_pool.hpp"
#include "storage/maintenance.hpp"
#include "storage/read_view.hpp"
#include "storage/service_address.hpp"

namespace plumbline::engine {

namespace {

/// What the index and its mapping can never do, or have nothing of.
Status check_against_index(const TaskSpec& spec, const storage::Database& database,
                           const Plan& plan) {
    const std::vector<std::string_view> words = split_args(spec.args);
    if (spec.kind == "prove_state") {
        for (const std::string_view word : words) {
            const auto& entities = database.entities();
            const auto has_name = [&](const StatePlan& state) {
                return entities[state.entity].name == word;
            };
            if (std::ranges::none_of(plan.state_plans(), has_name)) {
                return Error{ErrorCode::kInvalidArgument,
                             fmt::format("the config says of no getter with which '{}' could be "
                                         "compared: [entities.{}.state]",
                                         word, word)};
            }
        }
    }
    if ((spec.kind == "prove_log" || spec.kind == "refetch") && !words.empty()) {
        PLUMBLINE_TRY(const evm::BlockRange range, parse_range_args(spec.args));
        const std::optional<storage::Cursor> cursor = database.cursor();
        if (!cursor || range.to > cursor->block_num) {
            return Error{ErrorCode::kInvalidArgument,
                         cursor ? fmt::format("the index holds blocks up to {}", cursor->block_num)
                                : std::string{"the index holds no block yet"}};
        }
    }
    return ok();
}

constexpr int64_t kPublishMs = 500;

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
    options.head_poll_ms = config.chain.poll_interval_ms;
    for (const EndpointConfig& endpoint : config.chain.rpc) {
        options.endpoints.push_back(
            {endpoint.url, endpoint.headers, {}, endpoint.is_host_public, endpoint.name});
    }
    options.endpoints = rpc::take_each_once(std::move(options.endpoints)).endpoints;
    const MemoryPlan memory = plan_memory(config.memory_mib, MemoryUse::kService);
    options.bodies_shared_max = memory.bodies;
    options.body_size_max = memory.body_max;
    options.range.bytes_target = std::min<uint64_t>(options.range.bytes_target, memory.bodies / 3);
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
    share_memory(indexer.config.memory_mib, indexer.ingest);
    service->observers_->add(indexer.observer);
    indexer.observer = service->observers_.get();
    indexer.on_turn = [raw = service.get(), other = indexer.on_turn] {
        raw->on_turn();
        if (other) {
            other();
        }
    };
    add_standard_tasks(service->kinds_);
    add_proof_tasks(service->kinds_, &service->task_ear_);
    service->source_ = own.make_source();
    PLUMBLINE_TRY(service->indexer_, Indexer::open(std::move(indexer), *service->source_));
    service->verdicts_.emplace(*service->indexer_, service->task_ear_);
    service->waits_.emplace(*service->indexer_, *service->source_, service->task_ear_);
    service->meter_ = std::make_unique<ProgressReporter>(
        service->indexer_->progress(), service->indexer_->clock(), ProgressMode::kQuiet);
    service->started_ms_ = service->indexer_->clock().monotonic_ms();
    {
        const MutexLock lock{service->mutex_};
        service->status_.started_unix_ms = service->indexer_->clock().unix_ms();
        service->published_ms_ = service->started_ms_;
    }
    if (service->database() != nullptr) {
        PLUMBLINE_TRY_VOID(ask_for_proof(*service->database(), service->config().proof));
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
    const auto on_ran = [this](const TaskRow& row, TaskOutcome::Kind outcome, int64_t ms) {
        metrics_.count_task(row.kind, to_string(outcome), static_cast<double>(ms) / 1000);
    };
    const auto add_worker = [&](TaskLane lane, const Worker::MakeSource& make_source) {
        workers_.push_back(
            std::make_unique<Worker>(lane, kinds_, *queue_, *indexer_, make_source, on_ran));
    };
    add_worker(TaskLane::kWork, options_.make_source);
    add_worker(TaskLane::kUpkeep, {});
    add_worker(TaskLane::kDelivery, {});
    shown_queue_ = queue_.get();
    shown_scheduler_ = scheduler_.get();
    return ok();
}

void Service::start_workers() {
    for (const std::unique_ptr<Worker>& worker : workers_) {
        if (options_.has_worker) {
            worker->start();
        }
    }
}

Result<TaskAdded> Service::add_task(TaskSpec spec) {
    PLUMBLINE_TRY_VOID(kinds_.check(spec.kind));
    WorkQueue* queue = this->queue();
    if (queue == nullptr) {
        return Error{ErrorCode::kUnavailable,
                     "there is no database yet: the chain has not answered so far"};
    }
    PLUMBLINE_TRY_VOID(check_task_args(spec.kind, spec.args, database()->entities()));
    PLUMBLINE_TRY_VOID(check_against_index(spec, *database(), indexer_->plan()));
    if (spec.kind == "backup") {
        PLUMBLINE_TRY_VOID(check_backup_named(config(), spec.args, true));
    }
    return queue->add(std::move(spec));
}

Status Service::run(const std::stop_token& stop, ProgressReporter* reporter) {
    for (const auto& [name, kind] : kinds_.all()) {
        metrics_.expect_task(name);
    }
    size_t started = 0;
    Status ended = catch_exceptions("", [&]() -> Status {
        for (; started < modules_.size(); ++started) {
            PLUMBLINE_TRY_VOID(modules_[started]->start(*this));
        }
        start_workers();
        return ok();
    });
    if (ended) {
        // The task in hand ends while the index still takes what it has to write.
        const std::stop_callback on_stop{stop, [this] {
                                             notify_service_manager("STOPPING=1");
                                             if (WorkQueue* queue = this->queue()) {
                                                 queue->wake();
                                             }
                                         }};
        ended = indexer_->run(stop, reporter);
    } else {
        // A module or a worker that is up may wait for the writer, which will never run.
        indexer_->stop().ignore("there is nothing in hand");
    }
    for (const std::unique_ptr<Worker>& worker : workers_) {
        worker->stop();
    }
    aside_.hurry();
    publish(indexer_->clock().monotonic_ms());
    if (is_address_written_) {
        storage::remove_service_address(database()->path());
    }
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
        } else {
            start_workers();
        }
    }
    if (now < next_publish_ms_) {
        // Nobody reads of a block that is stored before it can be read that it was told.
        if (indexer_->progress().head_block.told() > shown_head_) {
            publish(now);
        }
        return;
    }
    next_publish_ms_ = now + kPublishMs;
    write_address();
    verdicts_->read(queue_.get(), now);
    publish(now);
    // Proofs of a chain that is still being fetched would compete with the fetching.
    if (scheduler_ && options_.has_worker &&
        indexer_->progress().state.load() == Lifecycle::kLive) {
        scheduler_->tick([this](std::string_view kind) { return is_wanted(kind); });
    }
    manager_.on_turn(now);
}

/// One that somebody killed left behind would send people to whoever listens there now.
void Service::write_address() {
    if (is_address_written_ || database() == nullptr) {
        return;
    }
    is_address_written_ = true;
    if (address_.empty()) {
        storage::remove_service_address(database()->path());
        return;
    }
    if (const Status written = storage::write_service_address(database()->path(), address_);
        !written) {
        logging::warning("commands will not find this service by its database",
                         {{"why", written.error().message}});
    }
}

ServiceStatus Service::status() const {
    ServiceStatus out;
    {
        const MutexLock lock{mutex_};
        out = status_;
        // The head's number and its age are of one look: those of now may be of two blocks.
        grow_older(out.progress, indexer_->clock().monotonic_ms() - published_ms_);
    }
    // Of this nobody should hear late.
    out.state = indexer_->progress().state;
    out.unready = find_unready(out);
    if (const Scheduler* const known = scheduler()) {
        out.schedule = known->entries();
    }
    return out;
}

BackupAge Service::backup_age() const {
    BackupAge out;
    const WorkQueue* queue = this->queue();
    const Scheduler* scheduler = this->scheduler();
    if (queue == nullptr || scheduler == nullptr) {
        return out;
    }
    for (const ScheduleEntry& entry : scheduler->entries()) {
        out.max_ms = entry.kind == "backup" ? 2 * entry.interval_ms : out.max_ms;
    }
    for (const TaskRow& row : queue->list(TaskState::kDone, "backup")) {
        const int64_t age_ms = indexer_->clock().unix_ms() - row.finished_ms;
        out.ms = std::min(out.ms.value_or(age_ms), age_ms);
    }
    return out;
}

std::string Service::metrics_text() const {
    const ServiceStatus now = status();
    MetricsInput input;
    input.status = &now;
    if (const WorkQueue* queue = this->queue()) {
        input.queue = queue->counts();
    }
    input.backup = backup_age();
    if (const storage::Database* known = database()) {
        input.storage = storage::storage_figures(*known);
        input.database_bytes = known->size_bytes();
        std::error_code error;
        if (const auto disk = std::filesystem::space(known->path(), error); !error) {
            input.disk_free_bytes = disk.available;
            input.disk_size_bytes = disk.capacity;
        }
        if (const auto coverage = known->coverage()) {
            input.proven_through = proven_through(indexer_->plan().sources(), *coverage);
        }
        const std::vector<storage::EntityLayout>& entities = known->entities();
        for (size_t i = 0; i < entities.size(); ++i) {
            input.entity_rows.emplace_back(entities[i].name, known->entity_count(i));
        }
    }
    return metrics_.text(input);
}

// --- reload -------------------------------------------------------------------------------------

/// Whether the log has another level now, by a config that says `level`.
bool Service::take_log_level(const std::string& level) {
    const std::string before = log_level_.value_or(config().log_level);
    log_level_ = level;
    if (level == before) {
        return false;
    }
    if (options_.set_log_level) {
        return options_.set_log_level(level);
    }
    logging::set_level(logging::parse_level(level));
    return true;
}

Result<ReloadReport> Service::reload() {
    const MutexLock lock{reload_mutex_};
    PLUMBLINE_TRY(Config fresh, load_config(config().path));
    PLUMBLINE_TRY(const std::shared_ptr<const Plan> plan,
                  Plan::compile(fresh, options_.indexer.handlers));
    if (options_.check_config) {
        PLUMBLINE_TRY_VOID(options_.check_config(fresh, *plan));
    }
    ReloadReport report;
    if (take_log_level(fresh.log_level)) {
        report.applied.push_back("log level: " +
                                 (fresh.log_level.empty() ? std::string{"info"} : fresh.log_level));
    }
    if (Scheduler* const scheduler = this->scheduler()) {
        const std::vector<ScheduleEntry> entries = schedule_of(fresh);
        if (entries != scheduler->entries()) {
            scheduler->set(entries);
            report.applied.emplace_back("schedules");
        }
    }
    if (options_.has_own_endpoints) {
        fresh.chain.rpc = config().chain.rpc;
    }
    report.needs_restart = differing_sections(config(), fresh);
    return report;
}

}  // namespace plumbline::engine
