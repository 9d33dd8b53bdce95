#include "sink/sink_module.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "core/base/backoff.hpp"
#include "core/base/clock.hpp"
#include "core/base/deadline.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"
#include "engine/config/config_text.hpp"

namespace plumbline::sink {

namespace {

constexpr size_t kRowBytesMax = size_t{16} << 20;  ///< of one commit
constexpr size_t kKeyBytesMax = size_t{64} << 20;  ///< of what waits
constexpr int64_t kIdleMs = 1'000;                 ///< looks by itself, in case nobody tells it
constexpr int64_t kSoonMs = 50;
constexpr int64_t kLastMs = 3'000;   ///< to send what is left at the end
constexpr int64_t kLastTryMs = 500;  ///< where PostgreSQL does not answer anyway
constexpr int64_t kSlowMs = 1'000;
/// Longer than a lock is waited for: an attempt that goes on then has got past what was refused.
constexpr int64_t kOutlastMs = 45'000;

void tell_loading(engine::SinkStatus& status) {
    status.state = "loading";
    status.reason.clear();
    status.is_failing = false;
}

}  // namespace

Status check_tables(const engine::Config& config, const engine::Plan& plan) {
    engine::Mistakes mistakes;
    for (const engine::SinkConfig& one : config.sinks) {
        mistakes.add(make_tables(one, plan, config.chain.id));
    }
    return mistakes.all();
}

Status add_sink_modules(engine::Service& service) {
    const engine::Plan& plan = service.indexer().plan();
    const auto all_stop = std::make_shared<SinkStop>();
    for (const engine::SinkConfig& config : service.config().sinks) {
        PLUMBLINE_TRY(const std::vector<SinkTable> tables,
                      make_tables(config, plan, service.config().chain.id));
        if (!service.has_worker()) {
            continue;
        }
        auto module =
            std::make_unique<SinkModule>(service, config, wanted_entities(tables, plan), all_stop);
        service.add_observer(module.get());
        service.add_module(std::move(module));
    }
    return ok();
}

SinkModule::SinkModule(engine::Service& service, engine::SinkConfig config,
                       std::vector<bool> wanted_entities, std::shared_ptr<SinkStop> all_stop)
    : service_{service},
      config_{std::move(config)},
      dirty_{kKeyBytesMax, std::move(wanted_entities)},
      all_stop_{std::move(all_stop)} {
    const MutexLock lock{mutex_};
    status_.name = config_.name;
    status_.state = "waiting";
}

// --- the writer's thread -------------------------------------------------------------------------

uint64_t SinkModule::commit_num() const {
    const storage::Database* database = service_.database();
    const auto cursor = database == nullptr ? std::nullopt : database->cursor();
    return cursor ? cursor->commit_num : 0;
}

void SinkModule::on_commit(const engine::CommitNotice& notice) {
    dirty_.on_commit(notice.changes, notice.range, notice.finalized, commit_num());
    wake();
}

size_t SinkModule::row_bytes_max() const {
    return kRowBytesMax;
}

void SinkModule::on_rollback(uint64_t block_num) {
    dirty_.on_rollback(block_num, commit_num());
    wake();
}

void SinkModule::on_refold() {
    dirty_.forget();
    wake();
}

void SinkModule::wake() {
    {
        const MutexLock lock{mutex_};
        has_news_ = true;
    }
    changed_.notify_one();
}

// --- the service's threads -----------------------------------------------------------------------

Status SinkModule::start(engine::Service& /*service*/) {
    thread_ = std::jthread{[this] { run(); }};
    return ok();
}

void SinkModule::stop() {
    if (!thread_.joinable()) {
        return;
    }
    {
        const MutexLock lock{mutex_};
        is_over_ = true;
        const int64_t now = system_clock().monotonic_ms();
        const bool is_hopeless = status_.is_failing || wait_->waited_ms(now) > kSlowMs;
        give_up_ms_ = all_stop_->set(now + (is_hopeless ? kLastTryMs : kLastMs));
    }
    changed_.notify_one();
    thread_.join();
}

void SinkModule::describe(engine::ServiceStatus& status) const {
    const storage::Database* database = service_.database();
    const auto cursor = database == nullptr ? std::nullopt : database->cursor();
    const MutexLock lock{mutex_};
    engine::SinkStatus out = status_;
    if (cursor) {
        const uint64_t from = out.block_num.value_or(0);
        out.lag_blocks = cursor->block_num > from ? cursor->block_num - from : 0;
    }
    // A state is told once a step is done, and one that hangs is not.
    const int64_t now = system_clock().monotonic_ms();
    const int64_t waited_ms = wait_->waited_ms(now);
    if (waited_ms >= kLongWaitMs && out.is_failing) {
        const std::string holder =
            out.reason.find(" lock held by ") == std::string::npos ? wait_->lock_holder() : "";
        out.reason += fmt::format("; tried again, without an answer for {}s{}{}", waited_ms / 1'000,
                                  holder.empty() ? "" : ", for a lock held by ", holder);
    } else if (waited_ms >= kLongWaitMs) {
        out.state = out.state == "loading" ? "loading" : "failing";
        out.reason = long_wait_text(*wait_, now);
        out.is_failing = true;
    } else if (out.is_failing && syncing_since_ms_ != 0 && now - syncing_since_ms_ >= kOutlastMs) {
        tell_loading(out);
    }
    status.sinks.push_back(std::move(out));
}

bool SinkModule::must_stop() const {
    const MutexLock lock{mutex_};
    return is_over_ && system_clock().monotonic_ms() >= give_up_ms_;
}

// --- its own thread ------------------------------------------------------------------------------

Result<std::unique_ptr<SinkWriter>> SinkModule::make_writer() {
    SinkWriter::Options options;
    options.config = config_;
    options.plan = service_.indexer().shared_plan();
    options.chain_id = service_.config().chain.id;
    options.memory = engine::plan_memory(service_.config().memory_mib, engine::MemoryUse::kService);
    options.should_stop = [this] { return must_stop(); };
    options.wait = wait_;
    options.on_sync = [this](const SinkWriter& writer) { tell_sync(writer); };
    return SinkWriter::make(std::move(options), dirty_);
}

void SinkModule::run() {
    std::unique_ptr<SinkWriter> writer;
    MutexLock lock{mutex_};
    for (;;) {
        const auto wake_at = deadline_after(std::chrono::milliseconds{wait_ms_});
        // After a failure news do not shorten the wait.
        while (!is_over_ && !(has_news_ && backoff_.is_fresh() && !is_patient_) &&
               changed_.wait_until(mutex_, wake_at)) {
        }
        const bool is_last = is_over_;
        has_news_ = false;
        lock.unlock();
        if (const Status ran = catch_exceptions("a sink", [&] { turn(writer); }); !ran) {
            logging::error(ran.error().message, {{"sink", config_.name}});
            wait_ms_ = backoff_.next();
            is_done_ = true;
        }
        lock.lock();
        if (is_last && (is_done_ || system_clock().monotonic_ms() >= give_up_ms_)) {
            return;
        }
    }
}

void SinkModule::turn(std::unique_ptr<SinkWriter>& writer) {
    const storage::Database* database = service_.database();
    wait_ms_ = kIdleMs;
    is_done_ = true;
    if (database == nullptr || (writer && writer->is_fenced())) {
        return;
    }
    if (!writer) {
        Result<std::unique_ptr<SinkWriter>> made = make_writer();
        if (!made) {
            publish(nullptr, "failing", &made.error());
            wait_ms_ = backoff_.next();
            return;
        }
        writer = *std::move(made);
    }
    // While the index catches up its rows change all the time: loading them once is enough.
    const bool may_sync = service_.indexer().progress().state.load() == engine::Lifecycle::kLive &&
                          !service_.indexer().progress().refolding.load();
    is_patient_ = !may_sync;
    if (!may_sync && must_sync_) {
        return;
    }
    const Result<SinkWriter::Step> done = writer->step(*database, may_sync);
    if (!done) {
        if (done.error().code == ErrorCode::kCancelled) {
            return;
        }
        publish(writer.get(), writer->is_fenced() ? "fenced" : "failing", &done.error());
        if (backoff_.is_fresh() || writer->is_fenced()) {
            logging::warning("a sink does not follow",
                             {{"sink", config_.name}, {"why", done.error().message}});
        }
        wait_ms_ = backoff_.next();
        return;
    }
    const bool waits = *done == SinkWriter::Step::kWait;
    must_sync_ = waits && !may_sync;
    is_done_ = !waits || must_sync_;
    wait_ms_ = is_done_ ? kIdleMs : kSoonMs;
    if (!is_done_ && !backoff_.is_fresh()) {
        return;  // Nothing was sent: what was told of the failure stands.
    }
    if (!backoff_.is_fresh()) {
        logging::info("a sink follows again", {{"sink", config_.name}});
    }
    backoff_.reset();
    publish(writer.get(), must_sync_ ? "waiting" : "following", nullptr);
}

/// PostgreSQL has answered: what was told of one that did not is over. What it refused may be
/// refused again, and is told until this attempt has got past it.
void SinkModule::tell_sync(const SinkWriter& writer) {
    const MutexLock lock{mutex_};
    syncing_since_ms_ = system_clock().monotonic_ms();
    if (status_.is_failing ? !writer.was_refused() : !status_.block_num) {
        tell_loading(status_);
    }
}

void SinkModule::publish(const SinkWriter* writer, std::string_view state, const Error* error) {
    const MutexLock lock{mutex_};
    syncing_since_ms_ = 0;
    status_.state = state;
    status_.reason = error == nullptr ? "" : error->message;
    status_.is_failing = error != nullptr;
    status_.retries += error == nullptr ? 0 : 1;
    if (writer == nullptr) {
        return;
    }
    const SinkFigures& figures = writer->figures();
    if (writer->position()) {
        status_.block_num = writer->position()->block_num;
    }
    status_.transactions = figures.transactions;
    status_.rows_upserted = figures.upserted;
    status_.rows_deleted = figures.deleted;
    status_.rows_copied = figures.copied;
    status_.tables_compared = figures.compared;
    status_.round_trips = writer->round_trips();
}

}  // namespace plumbline::sink
