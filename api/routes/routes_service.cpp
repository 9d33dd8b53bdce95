// How the service is: health, readiness, status, stats, what is proven.
#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "api/routes/caches.hpp"
#include "api/routes/handlers.hpp"
#include "api/routes/proof_segments.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/service/known_head.hpp"
#include "engine/service/readiness.hpp"
#include "engine/service/version.hpp"
#include "storage/view_coverage.hpp"

namespace plumbline::api {

namespace {

constexpr size_t kSegmentsMax = 2'000;

/// Whole ones; null where it is not known.
std::optional<int64_t> to_seconds(std::optional<int64_t> ms) {
    return ms ? std::optional{*ms / 1000} : std::nullopt;
}

void write_provider(JsonWriter& json, const rpc::ProviderStats& provider) {
    uint64_t refusals = 0;
    for (const uint64_t count : provider.refusals) {
        refusals += count;
    }
    json.open_object()
        .member("name", provider.name)
        .member("state", provider.state)
        .member("usable", provider.usable)
        .member("head", provider.head)
        .member("requests", provider.requests)
        .member("received_bytes", provider.received_bytes)
        .member("refusals", refusals)
        .member("errors", provider.transport_errors)
        .member("malformed", provider.malformed)
        .member("lies", provider.lies)
        .member("latency_ms", provider.latency_ms)
        .member("in_flight", provider.in_flight)
        .member("silent_seconds", to_seconds(provider.silent_ms))
        .member("error", provider.last_error)
        .member("blocks_cap", provider.blocks_cap)
        .close_object();
}

void write_sink(JsonWriter& json, const engine::SinkStatus& sink) {
    json.open_object()
        .member("name", sink.name)
        .member("state", sink.state)
        .member("reason", sink.reason)
        .member("block", sink.block_num)
        .member("lag", sink.lag_blocks)
        .member("transactions", sink.transactions)
        .member("rows_upserted", sink.rows_upserted)
        .member("rows_deleted", sink.rows_deleted)
        .member("rows_copied", sink.rows_copied)
        .member("tables_compared", sink.tables_compared)
        .member("retries", sink.retries)
        .close_object();
}

void write_progress(JsonWriter& json, const engine::ServiceStatus& now) {
    json.key("progress")
        .open_object()
        .member("first_block", now.first_block)
        .member("next_block", now.progress.next_block)
        .member("target_block", now.target_block)
        .member("head_block", now.progress.head_block)
        .member("finalized_block", now.progress.finalized_block)
        .member("fetched_next_block", now.progress.fetched_next)
        .member("lag", now.progress.lag)
        .member("ready_age_seconds", to_seconds(now.progress.ages.ready_ms))
        .member("head_age_seconds", to_seconds(now.progress.ages.head_ms))
        .member("events", now.progress.events)
        .member("commits", now.commits)
        .member("reorgs", now.progress.reorgs)
        .member("events_per_second", now.progress.events_per_second)
        .member("blocks_per_second", now.progress.blocks_per_second)
        .member("eta_seconds", now.progress.eta_seconds)
        .member("refolding", now.progress.is_refolding)
        .close_object();
}

}  // namespace

Response get_health(RequestContext& request) {
    const engine::ServiceStatus now = request.context().status();
    std::string body;
    JsonWriter json{body};
    json.open_object()
        .member("status", now.degraded.empty() ? "ok" : "degraded")
        .member("state", to_string(now.state))
        .member("reasons", now.degraded)
        .close_object();
    return reply(std::move(body));
}

Response get_ready(RequestContext& request) {
    const engine::ServiceStatus now = request.context().status();
    std::string body;
    JsonWriter json{body};
    json.open_object()
        .member("ready", now.is_ready())
        .member("state", to_string(now.state))
        .member("reasons", now.unready)
        .close_object();
    Response out = reply(std::move(body));
    out.status = now.is_ready() ? 200 : 503;
    return out;
}

namespace {

/// Where each receiver stands: its newest task knows.
void write_webhooks(JsonWriter& json, const RequestContext& request) {
    json.key("webhooks").open_array();
    const engine::WorkQueue* queue = request.context().queue();
    for (const std::string& name : request.options().webhooks) {
        const std::optional<engine::TaskRow> task =
            queue == nullptr ? std::nullopt : queue->newest("webhook." + name);
        json.open_object().member("name", name);
        // The task's arguments begin with the block that the receiver stands on: "309-0x..".
        uint64_t block = 0;
        const char* args = task ? task->args.data() : nullptr;
        const bool is_known =
            task && std::from_chars(args, args + task->args.size(), block).ec == std::errc{};
        json.member("delivered_block", is_known ? std::optional{block} : std::nullopt)
            .member("state", task ? storage::to_string(task->state) : "idle")
            .member("attempts", task ? task->attempts : 0)
            .member("error", task ? task->error : std::string{})
            .close_object();
    }
    json.close_array();
}

/// Status and view of one moment, near enough: a commit between the two looks is looked for again.
Result<IndexSnapshot> open_snapshot_of(RequestContext& request, engine::ServiceStatus& now) {
    constexpr int kLooksMax = 3;
    for (int look = 1;; ++look) {
        now = request.context().status();
        Result<IndexSnapshot> snapshot = open_snapshot(request);
        if (!snapshot || !snapshot->cursor) {
            return snapshot;
        }
        if (snapshot->cursor->block_num <= now.progress.head_block.value_or(0) ||
            look == kLooksMax) {
            engine::raise_head(now.progress, *snapshot->cursor,
                               request.context().clock().unix_ms());
            return snapshot;
        }
    }
}

/// The status may be a moment older than the view: all of one answer is of one moment.
void raise_to_cursor(engine::ServiceStatus& now, const storage::Cursor& cursor) {
    engine::ProgressNumbers& progress = now.progress;
    progress.next_block = std::max(progress.next_block, cursor.block_num + 1);
    if (progress.lag) {
        const uint64_t above = progress.head_block.value_or(0) + 1;
        progress.lag = above - std::min(above, progress.next_block);
    }
    now.unready = engine::find_unready(now);
}

/// Block, chain and what is proven; nulls before the database exists.
void write_index(JsonWriter& json, const Result<IndexSnapshot>& snapshot) {
    if (!snapshot) {
        json.key("block").null().key("proof").null().key("chain_id").null().key("proven").null();
        return;
    }
    write_snapshot(json, *snapshot);
    json.member("chain_id", snapshot->database->identity().chain_id).key("proven");
    if (snapshot->proven_level == storage::ProofLevel::kNone) {
        json.null();
        return;
    }
    json.open_object()
        .member("block", snapshot->proven_through)
        .member("level", storage::to_string(snapshot->proven_level))
        .close_object();
}

void write_state(JsonWriter& json, const RequestContext& request,
                 const engine::ServiceStatus& now) {
    json.member("version", engine::version())
        .member("takes_changes", !request.options().token.empty())
        .member("state", to_string(now.state))
        .member("ready", now.is_ready())
        .member("ready_changed_seconds",
                to_seconds(request.context().clock().unix_ms() - now.ready_changed_unix_ms))
        .member("uptime_ms", now.uptime_ms)
        .member("reasons", now.degraded)
        .member("not_ready", now.unready)
        .member("notes", now.notes);
}

void write_mismatches(JsonWriter& json, const engine::ServiceStatus& now) {
    json.key("mismatches").open_object();
    for (const auto& [proof, count] : now.mismatches) {
        json.member(proof, count);
    }
    json.close_object();
}

/// A list of what `write` writes of each.
template <typename Item>
void write_list(JsonWriter& json, std::string_view name, const std::vector<Item>& items,
                void (*write)(JsonWriter&, const Item&)) {
    json.key(name).open_array();
    for (const Item& item : items) {
        write(json, item);
    }
    json.close_array();
}

}  // namespace

Response get_status(RequestContext& request) {
    engine::ServiceStatus now;
    const Result<IndexSnapshot> snapshot = open_snapshot_of(request, now);
    if (snapshot && snapshot->cursor) {
        raise_to_cursor(now, *snapshot->cursor);
    }
    std::string body;
    JsonWriter json{body};
    json.open_object();
    write_index(json, snapshot);
    write_state(json, request, now);
    write_progress(json, now);
    write_list(json, "providers", now.providers, write_provider);
    write_mismatches(json, now);
    write_webhooks(json, request);
    write_list(json, "sinks", now.sinks, write_sink);
    json.close_object();
    return reply(std::move(body));
}

Response get_stats(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        json.member("events", snapshot.cursor ? snapshot.cursor->event_count : 0)
            .member("blocks", snapshot.view->block_row_count())
            .member("quarantined", snapshot.view->quarantine_count())
            .member("size_bytes", snapshot.database->size_bytes())
            .key("entities")
            .open_object();
        const auto& entities = snapshot.view->bundle().entities;
        for (size_t i = 0; i < entities.size(); ++i) {
            json.member(entities[i].name, snapshot.view->entity_count(i));
        }
        json.close_object().close_object();
        return body;
    });
}

Response get_progress(RequestContext& request) {
    std::string body;
    JsonWriter json{body};
    json.open_object().key("samples").open_array();
    const auto history = request.context().status().history;
    for (const engine::ProgressSample& sample : *history) {
        json.open_object()
            .member("time", sample.time_s)
            .member("next_block", sample.next_block)
            .member("lag", sample.lag)
            .member("events", sample.events)
            .close_object();
    }
    json.close_array().close_object();
    return reply(std::move(body));
}

Response get_chain(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        PLUMBLINE_TRY(const auto asked_from, request.integer("from", 0, UINT64_MAX));
        PLUMBLINE_TRY(const auto asked_to, request.integer("to", 0, UINT64_MAX));
        const auto plan = request.context().plan();
        const auto& sources = plan->sources();
        const uint64_t first = engine::first_block_of(sources);
        const uint64_t last = snapshot.cursor ? snapshot.cursor->block_num : 0;
        const uint64_t from = asked_from.value_or(std::min(first, last));
        const uint64_t to = std::min(asked_to.value_or(last), last);
        if (asked_from && asked_to && *asked_from > *asked_to) {
            return Error{ErrorCode::kInvalidArgument, "from is above to"};
        }
        PLUMBLINE_TRY(const auto coverage, storage::coverage_of(*snapshot.view));
        const std::vector<ProofSegment> segments = snapshot.cursor && from <= to
                                                       ? proof_segments(sources, coverage, from, to)
                                                       : std::vector<ProofSegment>{};
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        json.member("from", from)
            .member("to", to)
            .member("complete", segments.size() <= kSegmentsMax)
            .key("segments")
            .open_array();
        for (size_t i = 0; i < std::min(segments.size(), kSegmentsMax); ++i) {
            json.open_object()
                .member("from", segments[i].from)
                .member("to", segments[i].to)
                .member("level", storage::to_string(segments[i].level))
                .close_object();
        }
        json.close_array().close_object();
        return body;
    });
}

Response get_metrics(RequestContext& request) {
    Response out;
    out.content_type = "text/plain; version=0.0.4";
    out.body = request.context().metrics_text();
    return out;
}

}  // namespace plumbline::api
