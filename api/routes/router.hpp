// The HTTP API as one function: finds the route, checks the token and the parameters, answers.
// Routes stand in one table that the OpenAPI document and the tests read too.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.hpp"
#include "api/http/request_target.hpp"
#include "api/report/report.hpp"
#include "api/routes/api_context.hpp"
#include "engine/config/memory_plan.hpp"

namespace plumbline::api {

class NodeForward;
class Router;
struct RequestContext;

struct QueryParam {
    std::string_view name;
    std::string_view type;  ///< as openapi_shape.hpp writes it: integer, string, "a"|"b"
    std::string_view about;
    bool many = false;  ///< may be given several times
};

struct Route {
    std::string_view method;
    std::string_view pattern;  ///< "/v1/entities/{name}/{key}"
    std::string_view id;       ///< operationId
    std::string_view about;
    bool changes = false;  ///< needs the token
    Response (*handle)(RequestContext& request) = nullptr;
    std::vector<QueryParam> query;
    std::string_view body;  ///< what the JSON body holds, for people; empty: no body
    /// For people: parameters that only the config knows, such as FIELD.gt; the handler reads them.
    std::string_view more_params{};
    bool is_queued = false;  ///< answers 202: what was asked for is done later

    [[nodiscard]] bool has_param(std::string_view name) const noexcept;
    /// With commas between; "none".
    [[nodiscard]] std::string param_names() const;
};

/// What an answer costs, and so who must not wait for whom.
enum class RouteCost : uint8_t {
    kProbe,  ///< how the service is, for those who watch it
    kQuick,  ///< a look or a few
    kRpc,    ///< JSON-RPC: a scan, or a node's answer is waited for
    kScan,   ///< reads as many rows or events as there are, until its limits
};

/// All routes, the page and the document included; /v1/stream is answered by the server itself.
[[nodiscard]] std::span<const Route> routes();

struct RouterOptions {
    std::string token{};  ///< empty: nothing can be changed
    uint64_t page_max = 1'000;
    uint64_t page_default = 100;
    uint64_t history_events_max = 1'000'000;  ///< folded for one question about the past
    /// Its shares bound what answers take while they are made.
    engine::MemoryPlan memory = engine::plan_memory(256, engine::MemoryUse::kService);
    int64_t time_max_ms = 5'000;          ///< one request may scan so long
    int64_t sql_ms_max = 500;             ///< a statement may take so long; 0: none are taken
    uint64_t sql_rows_max = 10'000;       ///< an answer to a statement ends there
    size_t page_bytes_max = 4U << 20U;    ///< a page ends with the row that passes it
    std::vector<Report> reports{};        ///< [reports.NAME]
    std::vector<std::string> webhooks{};  ///< names of [webhooks.NAME]
    /// "entity.field" to the decimal places that pages show.
    std::map<std::string, uint8_t> decimals{};
    /// Whom /rpc asks for what the index does not have; null: nobody.
    std::shared_ptr<NodeForward> node{};
    bool is_drift_written = false;  ///< [repair] on_drift = "chain"
    /// Told of every answer: the route's pattern ("other" where there is none). May be empty.
    std::function<void(std::string_view route, unsigned status, double seconds)> on_answer{};
};

/// Thread-safe.
class Router {
  public:
    /// `context` must outlive it.
    Router(const ApiContext& context, RouterOptions options);
    Router(const Router&) = delete;
    Router& operator=(const Router&) = delete;
    ~Router();

    [[nodiscard]] Response handle(const Request& request);
    /// Of what is asked; kQuick where there is no such route.
    [[nodiscard]] static RouteCost cost(std::string_view method, std::string_view target);
    [[nodiscard]] static RouteCost cost_of(std::string_view method, const Result<Target>& asked);
    [[nodiscard]] const ApiContext& context() const noexcept { return context_; }
    [[nodiscard]] const RouterOptions& options() const noexcept { return options_; }

    /// Of a new WebSocket at /rpc; the router must outlive it.
    [[nodiscard]] std::shared_ptr<Subscriptions> open_subscriptions(const std::string& client);
    /// Notifications of what has come and gone since the last call, each a message; see
    /// Subscriptions::news. Not while a request of the same connection is handled.
    [[nodiscard]] Result<std::vector<std::string>> rpc_news(Subscriptions& subscriptions);

    /// While it is set, whatever scans or folds for a request ends as if it were late. Any thread.
    void set_stopping(bool is_stopping) noexcept { is_stopping_ = is_stopping; }
    [[nodiscard]] bool is_stopping() const noexcept { return is_stopping_; }

    struct Caches;
    [[nodiscard]] Caches& caches() noexcept { return *caches_; }

  private:
    [[nodiscard]] Response dispatch(const Request& request, std::string_view& pattern);
    [[nodiscard]] Response check_token(const Request& request);
    const ApiContext& context_;
    RouterOptions options_;
    std::atomic<bool> is_stopping_ = false;
    std::unique_ptr<Caches> caches_;
};

/// Takes the same time wherever the two differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view given, std::string_view secret) noexcept;

}  // namespace plumbline::api
