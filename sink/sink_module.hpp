// What [sinks.NAME] of the config says, as parts of the running service: a thread a sink that
// follows the committed index. It never holds the index up: the writer's thread only notes the keys
// of what it changed, within a bound, and a sink that cannot keep up compares later.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/base/backoff.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "engine/ingest/index_observer.hpp"
#include "engine/service/service.hpp"
#include "sink/dirty_rows.hpp"
#include "sink/sink_writer.hpp"

namespace plumbline::sink {

/// One for each sink of the config, if the service is one that goes on; of others only the names
/// are checked. kInvalidArgument where PostgreSQL cannot have a table as the config wants it.
[[nodiscard]] Status add_sink_modules(engine::Service& service);

/// Whether PostgreSQL can have the tables of all sinks of `config`; kInvalidArgument where not.
[[nodiscard]] Status check_tables(const engine::Config& config, const engine::Plan& plan);

/// When the sinks of a service that ends give up, as the first of them that is stopped says.
class SinkStop {
  public:
    [[nodiscard]] int64_t set(int64_t give_up_ms) noexcept {
        int64_t none = 0;
        return give_up_ms_.compare_exchange_strong(none, give_up_ms) ? give_up_ms
                                                                     : std::min(none, give_up_ms);
    }

  private:
    std::atomic<int64_t> give_up_ms_{0};
};

class SinkModule final : public engine::ServiceModule, public engine::IndexObserver {
  public:
    SinkModule(engine::Service& service, engine::SinkConfig config,
               std::vector<bool> wanted_entities, std::shared_ptr<SinkStop> all_stop);
    SinkModule(const SinkModule&) = delete;
    SinkModule& operator=(const SinkModule&) = delete;
    ~SinkModule() override { stop(); }

    [[nodiscard]] Status start(engine::Service& service) override;
    /// Sends what is left first, for a few seconds at most.
    void stop() override PLUMBLINE_EXCLUDES(mutex_);
    void describe(engine::ServiceStatus& status) const override PLUMBLINE_EXCLUDES(mutex_);

    void on_commit(const engine::CommitNotice& notice) override;
    [[nodiscard]] size_t row_bytes_max() const override;
    void on_rollback(uint64_t block_num) override;
    void on_refold() override;

  private:
    void run() PLUMBLINE_EXCLUDES(mutex_);
    void turn(std::unique_ptr<SinkWriter>& writer) PLUMBLINE_EXCLUDES(mutex_);
    [[nodiscard]] bool must_stop() const PLUMBLINE_EXCLUDES(mutex_);
    void wake() PLUMBLINE_EXCLUDES(mutex_);
    void publish(const SinkWriter* writer, std::string_view state, const Error* error)
        PLUMBLINE_EXCLUDES(mutex_);
    [[nodiscard]] uint64_t commit_num() const;
    [[nodiscard]] Result<std::unique_ptr<SinkWriter>> make_writer();
    void tell_sync(const SinkWriter& writer) PLUMBLINE_EXCLUDES(mutex_);

    engine::Service& service_;
    const engine::SinkConfig config_;
    DirtyRows dirty_;
    const std::shared_ptr<SinkStop> all_stop_;
    const std::shared_ptr<PgWait> wait_ = std::make_shared<PgWait>();
    Backoff backoff_{250, 30'000};  ///< the thread's own, as the next two
    int64_t wait_ms_ = 0;
    bool is_patient_ = false;  ///< while the index catches up, news do not wake it
    bool must_sync_ = false;   ///< nothing can be done before the index is live
    bool is_done_ = false;     ///< nothing is left to be sent

    mutable Mutex mutex_;
    CondVar changed_;
    bool has_news_ PLUMBLINE_GUARDED_BY(mutex_) = true;
    bool is_over_ PLUMBLINE_GUARDED_BY(mutex_) = false;
    int64_t give_up_ms_ PLUMBLINE_GUARDED_BY(mutex_) = 0;  ///< once it is over
    /// That tables are loaded or compared; 0: they are not. Monotonic.
    int64_t syncing_since_ms_ PLUMBLINE_GUARDED_BY(mutex_) = 0;
    engine::SinkStatus status_ PLUMBLINE_GUARDED_BY(mutex_);
    std::jthread thread_;
};

}  // namespace plumbline::sink
