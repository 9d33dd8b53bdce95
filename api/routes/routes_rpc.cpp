// JSON-RPC from the stored log at /rpc.
#include <algorithm>

#include "api/routes/handlers.hpp"
#include "api/routes/proof_segments.hpp"
#include "api/rpc/log_stream.hpp"
#include "api/rpc/rpc_calls.hpp"
#include "api/rpc/subscriptions.hpp"
#include "core/base/exception_guard.hpp"
#include "engine/service/version.hpp"
#include "storage/view_coverage.hpp"

namespace plumbline::api {

namespace {

/// The list that the body leaves open: all of it, or its first part and `rest`. False where it goes
/// on and no place is free for that.
bool stream_logs(RequestContext& request, std::shared_ptr<const storage::ReadView> view,
                 uint64_t head, LogFilter filter, Response& out) {
    auto logs = std::make_shared<LogStream>(std::move(view), std::move(filter), head,
                                            request.context().clock());
    AnswerParts::Part part = logs->next();
    if (!part.is_last) {
        auto place = request.router.caches().log_streams.take(request.http.client);
        if (place == nullptr) {
            return false;
        }
        logs->hold(std::move(place));
        out.rest = std::move(logs);
    }
    out.body += part.text;
    return true;
}

}  // namespace

Response post_rpc(RequestContext& request) {
    Response out;
    Result<IndexSnapshot> snapshot = open_snapshot(request);
    if (!snapshot || !snapshot->cursor) {
        out.body = rpc_error(rpc_code::kUnavailable,
                             snapshot ? "no block is indexed yet" : snapshot.error().message);
        return out;
    }
    const std::shared_ptr<const engine::Plan> plan = request.context().plan();
    // Of the view, not of the database: a commit would show in one before the other.
    const auto coverage = storage::coverage_of(*snapshot->view);
    if (!coverage) {
        out.body = rpc_error(rpc_code::kInternal, coverage.error().message);
        return out;
    }
    const engine::ServiceStatus now = request.context().status();
    const std::shared_ptr<const storage::ReadView> view = std::move(snapshot->view);
    const LogSource source{*plan, *view, *coverage, *snapshot->cursor,
                           [&request] { return request.is_late(); }};
    RpcIndex index{source,
                   request.router.caches().filters,
                   snapshot->database->identity().chain_id,
                   now.state == engine::Lifecycle::kLive,
                   now.first_block,
                   std::max(now.target_block, snapshot->cursor->block_num),
                   engine::version(),
                   request.http.client,
                   request.context().clock().monotonic_ms(),
                   request.http.subscriptions,
                   request.options().node.get(),
                   request.options().time_max_ms,
                   request.http.takes_parts};
    RpcAnswer told = answer_rpc(index, request.http.body);
    out.body = std::move(told.body);
    if (told.logs &&
        !stream_logs(request, view, snapshot->cursor->block_num, *std::move(told.logs), out)) {
        index.may_stream = false;
        told = answer_rpc(index, request.http.body);
        out.body = std::move(told.body);
    }
    if (out.body.empty()) {  // notifications only
        out.status = 204;
        out.content_type = "text/plain";
    }
    out.headers.emplace_back("Plumbline-Block", std::to_string(snapshot->cursor->block_num));
    out.headers.emplace_back("Plumbline-Proven-Through", std::to_string(snapshot->proven_through));
    if (!snapshot->mismatches.empty()) {
        uint64_t count = 0;
        for (const KnownMismatch& one : snapshot->mismatches) {
            count += one.count;
        }
        out.headers.emplace_back("Plumbline-Mismatches", std::to_string(count));
    }
    // Nobody proves here what a node says.
    const storage::ProofLevel level = told.has_node ? storage::ProofLevel::kNone : snapshot->level;
    out.headers.emplace_back("Plumbline-Proof-Level", std::string{storage::to_string(level)});
    out.headers.emplace_back("Plumbline-Source", !told.has_node   ? "index"
                                                 : told.has_index ? "index, node"
                                                                  : "node");
    return out;
}

std::shared_ptr<Subscriptions> Router::open_subscriptions(const std::string& client) {
    return std::make_shared<Subscriptions>(caches_->filters, client);
}

Result<std::vector<std::string>> Router::rpc_news(Subscriptions& subscriptions) {
    storage::Database* database = context_.database();
    if (database == nullptr) {
        return std::vector<std::string>{};
    }
    const std::shared_ptr<const engine::Plan> plan = context_.plan();
    const std::unique_ptr<storage::ReadView> view = database->read_view();
    const std::optional<storage::Cursor> cursor = view->cursor();
    if (!cursor) {
        return std::vector<std::string>{};
    }
    PLUMBLINE_TRY(const auto coverage, storage::coverage_of(*view));
    const int64_t now_ms = context_.clock().monotonic_ms();
    const LogSource source{
        *plan,
        *view,
        coverage,
        *cursor,
        [this, now_ms] { return context_.clock().monotonic_ms() >= now_ms + options_.time_max_ms; },
        [this](const evm::Hash& hash) { return context_.find_header(hash); }};
    Result<std::vector<std::string>> out = std::vector<std::string>{};
    PLUMBLINE_TRY_VOID(catch_exceptions("/rpc", [&] { out = subscriptions.news(source, now_ms); }));
    return out;
}

}  // namespace plumbline::api
