// Webhooks: what the live stream tells is posted to the config's URLs, signed, in order, and again
// until it is taken. Each webhook is a task of the work queue that carries how far its receiver has
// come, so deliveries survive restarts, and reorgs arrive as retractions. docs/api.md, "Webhooks".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api/stream/stream.hpp"
#include "api/webhook_tasks.hpp"
#include "api/webhook_troubles.hpp"
#include "core/base/mutex.hpp"
#include "engine/service/service.hpp"

namespace plumbline::api {

class WebhookModule final : public engine::ServiceModule {
  public:
    /// Before the service runs; registers a kind of task for each webhook. `hub` must outlive it.
    WebhookModule(engine::Service& service, StreamHub& hub);
    WebhookModule(const WebhookModule&) = delete;
    WebhookModule& operator=(const WebhookModule&) = delete;
    ~WebhookModule() override { stop(); }

    [[nodiscard]] Status start(engine::Service& service) override;
    void stop() override;
    void describe(engine::ServiceStatus& status) const override;

  private:
    void run() PLUMBLINE_EXCLUDES(mutex_);
    [[nodiscard]] bool add_tasks();
    void recall_troubles(const engine::WorkQueue& queue) PLUMBLINE_EXCLUDES(mutex_);
    void tell(const std::string& webhook, const Status& posted, int64_t begun_ms)
        PLUMBLINE_EXCLUDES(mutex_);
    [[nodiscard]] engine::TaskOutcome deliver(engine::TaskContext& context,
                                              const engine::WebhookConfig& webhook);

    engine::Service& service_;
    StreamHub& hub_;
    uint64_t wake_ = 0;  ///< at the hub
    mutable Mutex mutex_;
    CondVar changed_;
    bool has_news_ PLUMBLINE_GUARDED_BY(mutex_) = true;
    bool is_over_ PLUMBLINE_GUARDED_BY(mutex_) = false;
    WebhookTroubles troubles_ PLUMBLINE_GUARDED_BY(mutex_);
    bool is_recalled_ = false;  ///< the thread's own
    WebhookTasks tasks_;        ///< the thread's own
    std::jthread thread_;
};

/// The kind and the name of a webhook's task.
[[nodiscard]] std::string webhook_task(std::string_view webhook);

/// Before the service runs: what waits for webhooks that the config does not name any more, or died
/// of that, is cancelled. Put back into the config, one goes on where its receiver stood.
void leave_unnamed_webhooks(engine::Service& service);

/// For a database that was restored from a backup: its receivers may have taken more since, so each
/// is told first what to take back.
[[nodiscard]] Status doubt_receivers(storage::Database& database);

}  // namespace plumbline::api
