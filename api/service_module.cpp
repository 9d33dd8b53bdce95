#include "api/service_module.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "api/routes/api_context.hpp"
#include "api/routes/openapi_shape.hpp"
#include "api/routes/router.hpp"
#include "api/rpc/node_forward.hpp"
#include "api/server/server.hpp"
#include "api/stream/stream.hpp"
#include "api/webhooks.hpp"
#include "core/base/logging.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/memory_plan.hpp"
#include "engine/task/backup_place.hpp"
#include "engine/text/event_names.hpp"

namespace plumbline::api {

namespace {

engine::MemoryPlan service_memory(const engine::Service& service) {
    return engine::plan_memory(service.config().memory_mib, engine::MemoryUse::kService);
}

class ServiceContext final : public ApiContext {
  public:
    explicit ServiceContext(engine::Service& service) : service_{service} {}

    [[nodiscard]] storage::Database* database() const override { return service_.database(); }
    [[nodiscard]] std::shared_ptr<const engine::Plan> plan() const override {
        return service_.indexer().shared_plan();
    }
    [[nodiscard]] engine::ServiceStatus status() const override { return service_.status(); }
    [[nodiscard]] std::optional<evm::Header> find_header(const evm::Hash& hash) const override {
        return service_.indexer().headers().find(hash);
    }
    [[nodiscard]] std::string metrics_text() const override {
        if (const Server* server = server_.load()) {
            service_.metrics().set_stream_clients(server->stats().streams);
        }
        return service_.metrics_text();
    }
    /// Its streams are counted in the metrics.
    void set_server(const Server* server) noexcept { server_ = server; }
    [[nodiscard]] engine::WorkQueue* queue() const override { return service_.queue(); }
    [[nodiscard]] Result<engine::TaskAdded> add_task(engine::TaskSpec spec) const override {
        if (spec.kind == "backup") {
            PLUMBLINE_TRY_VOID(engine::check_backup_place(service_.config(), spec.args));
        }
        return service_.add_task(std::move(spec));
    }
    [[nodiscard]] const Clock& clock() const override { return service_.indexer().clock(); }

  private:
    engine::Service& service_;
    std::atomic<const Server*> server_{nullptr};
};

/// What the commits changed, for all who want to hear of it. Before them in the service.
class StreamModule final : public engine::ServiceModule {
  public:
    explicit StreamModule(engine::Service& service)
        : hub_{service.indexer().shared_plan(), [&service] { return service.database(); },
               [&service] {
                   return service.indexer().progress().state.load() == engine::Lifecycle::kLive;
               },
               stream_options(service)} {}

    [[nodiscard]] StreamHub& hub() noexcept { return hub_; }

    [[nodiscard]] Status start(engine::Service& /*service*/) override {
        hub_.start();
        return ok();
    }
    void stop() override { hub_.stop(); }

  private:
    static StreamOptions stream_options(const engine::Service& service) {
        const engine::Config& config = service.config();
        const engine::MemoryPlan memory = service_memory(service);
        StreamOptions out;
        out.ring_bytes_max = memory.stream_ring;
        out.waiting_bytes_max = memory.stream_waiting;
        out.clients_max = config.webhooks.size();
        if (config.http) {
            out.clients_max += config.http->stream_clients_max;
        }
        return out;
    }
    StreamHub hub_;
};

class HttpModule final : public engine::ServiceModule {
  public:
    HttpModule(engine::Service& service, StreamHub& hub, std::vector<Report> reports,
               HttpModuleOptions options)
        : config_{*service.config().http},
          memory_{service_memory(service)},
          options_{std::move(options)},
          context_{service},
          hub_{hub},
          router_{context_, router_options(service, config_, std::move(reports))} {}

    [[nodiscard]] Status start(engine::Service& service) override {
        ServerOptions options;
        options.address = config_.host;
        options.port = config_.port;
        options.connections_max = config_.connections_max;
        options.body_bytes_max = config_.body_kib_max << 10U;
        options.request_ms_max = config_.timeout_ms;
        options.cors = config_.cors;
        options.hosts = config_.hosts;
        options.trusted_proxies = config_.trusted_proxies;
        options.client_connections_max = config_.client_connections_max;
        options.answer_bytes_max = memory_.answers;
        options.resident_mark = memory_.resident_mark;
        PLUMBLINE_TRY(server_, Server::start(router_, &hub_, std::move(options)));
        context_.set_server(server_.get());
        const bool is_v6 = config_.host.find(':') != std::string::npos;
        const std::string url = fmt::format(
            "http://{}:{}", is_v6 ? "[" + config_.host + "]" : config_.host, server_->port());
        logging::info("the API listens", {{"url", url}});
        service.set_address(url);
        if (options_.on_listening) {
            options_.on_listening(url);
        }
        return ok();
    }
    void stop() override {
        if (server_) {
            server_->stop();
        }
    }

  private:
    static RouterOptions router_options(engine::Service& service, const engine::HttpConfig& config,
                                        std::vector<Report> reports) {
        RouterOptions out;
        for (const engine::WebhookConfig& webhook : service.config().webhooks) {
            out.webhooks.push_back(webhook.name);
        }
        for (const engine::EntityConfig& entity : service.config().entities) {
            for (const auto& [field, places] : entity.decimals) {
                out.decimals[entity.name + "." + field] = places;
            }
        }
        out.is_drift_written = service.config().repair.on_drift == engine::DriftPolicy::kChain;
        out.on_answer = [&service](std::string_view route, unsigned status, double seconds) {
            service.metrics().count_http(route, status, seconds);
        };
        out.token = config.token;
        out.memory = service_memory(service);
        out.page_max = config.page_rows_max;
        out.page_default = std::min(out.page_default, out.page_max);
        out.history_events_max = config.history_events_max;
        out.sql_ms_max = static_cast<int64_t>(config.sql_ms_max);
        out.reports = std::move(reports);
        if (!config.rpc_forward.empty()) {
            out.node = std::make_shared<NodeForward>(NodeForward::Options{
                config.rpc_forward, service.config().chain.rpc, config.rpc_forward_per_second});
        }
        return out;
    }

    engine::HttpConfig config_;
    engine::MemoryPlan memory_;
    HttpModuleOptions options_;
    ServiceContext context_;
    StreamHub& hub_;
    Router router_;
    std::unique_ptr<Server> server_;
};

/// Events that webhooks name and no ABI has.
Status check_webhook_events(const engine::Config& config, const engine::Plan& plan) {
    engine::Mistakes mistakes;
    for (const engine::WebhookConfig& webhook : config.webhooks) {
        for (const std::string& name : webhook.events) {
            const Status known = name == "*" ? ok() : engine::check_event_pattern(plan, name);
            if (!known) {
                mistakes.add(Status{engine::mistake_at(
                    config.path, webhook.pos,
                    fmt::format("[webhooks.{}]: {}", webhook.name, known.error().message))});
            }
        }
    }
    return mistakes.all();
}

/// The reports, once they and the webhooks name what there is.
Result<std::vector<Report>> read_named(const engine::Config& config, const engine::Plan& plan) {
    engine::Mistakes mistakes;
    auto reports = read_reports(config.text, config.path, plan);
    mistakes.add(reports);
    mistakes.add(check_webhook_events(config, plan));
    PLUMBLINE_TRY_VOID(mistakes.all());
    return reports;
}

}  // namespace

Status check_names(const engine::Config& config, const engine::Plan& plan) {
    const auto reports = read_named(config, plan);
    return reports ? ok() : Status{reports.error()};
}

std::string openapi_document(const engine::Plan& plan) {
    return write_openapi(plan);
}

Status add_http_modules(engine::Service& service, HttpModuleOptions options) {
    const engine::Config& config = service.config();
    // Wrong names are told at the start, whoever will ask for them.
    PLUMBLINE_TRY(std::vector<Report> reports, read_named(config, service.indexer().plan()));
    leave_unnamed_webhooks(service);
    if (!config.http && config.webhooks.empty()) {
        return ok();
    }
    auto stream = std::make_unique<StreamModule>(service);
    StreamHub& hub = stream->hub();
    service.add_observer(&hub);
    service.add_module(std::move(stream));
    if (config.http) {
        service.add_module(
            std::make_unique<HttpModule>(service, hub, std::move(reports), std::move(options)));
    }
    if (!config.webhooks.empty()) {
        service.add_module(std::make_unique<WebhookModule>(service, hub));
    }
    return ok();
}

}  // namespace plumbline::api
