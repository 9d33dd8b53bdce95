// The route table.
#include <algorithm>
#include <iterator>

#include "api/routes/handlers.hpp"
#include "api/routes/router.hpp"

namespace plumbline::api {

namespace {

constexpr QueryParam kLimit{"limit", "integer", "at most so many on this page"};
constexpr QueryParam kCursor{"cursor", "string", "go on where the last page's `next` says"};

// clang-format off
/// The page, metrics, and how the service is.
std::vector<Route> service_routes() {
    return {
        {"GET", "/", "page", "The page to look at", false, get_page, {}, {}},
        {"GET", "/metrics", "metrics", "Prometheus metrics", false, get_metrics, {}, {}},
        {"GET", "/v1/openapi.json", "openapi", "This document", false, get_openapi, {}, {}},
        {"GET", "/v1/health", "health", "200 while the process works", false, get_health, {}, {}},
        {"GET", "/v1/ready", "ready", "200 while live and near the head, else 503 with reasons",
         false, get_ready, {}, {}},
        {"GET", "/v1/status", "status", "Lifecycle, heads, progress, providers", false, get_status,
         {}, {}},
        {"GET", "/v1/stats", "stats", "How much is stored", false, get_stats, {}, {}},
        {"GET", "/v1/progress", "progress", "How the index got on in the last hour", false,
         get_progress, {}, {}},
        {"GET", "/v1/chain", "chain", "To which level which blocks are proven", false, get_chain,
         {{"from", "integer", "first block"}, {"to", "integer", "last block"}}, {}},
    };
}

/// Rows: lists, one, its history.
std::vector<Route> entity_routes() {
    return {
        {"GET", "/v1/entities", "entities", "Every entity with its key, fields and indexes", false,
         list_entities, {}, {}},
        {"GET", "/v1/entities/{name}", "rows", "Rows of an entity, a page at a time", false,
         list_rows,
         {{"where", "string", "field=value: the first columns of the key or of an index", true},
          {"order", "string",
           "`key`, or the first columns of an index with commas between; - before one: descending"},
          {"fields", "string", "only these fields, with commas between or given again", true},
          kLimit,
          kCursor,
          {"key", "string", "only the row of this key", true},
          {"count", "boolean", "true: also how many rows the question finds"},
          {"scan", "boolean", "true: look at row after row where no key or index serves"}},
         {},
         "FIELD=value, FIELD.gt, gte, lt, lte, ne: one value; FIELD.in: several with commas between"},
        {"GET", "/v1/entities/{name}/{key}", "row", "One row by its key", false, get_row,
         {{"fields", "string", "only these fields, with commas between or given again", true},
          {"at", "integer", "as it was after this block"}},
         {}},
        {"GET", "/v1/entities/{name}/{key}/history", "row_history",
         "Every change of one row, oldest first, with the event that made it", false,
         get_row_history,
         {{"fields", "string", "only these fields, with commas between or given again", true},
          {"to", "integer", "last block, included"},
          kLimit,
          kCursor},
         {}},
    };
}

/// The log, and what of it could not be applied.
std::vector<Route> event_routes() {
    return {
        {"GET", "/v1/events", "events", "Stored events in block and log order, or the newest first", false, list_events,
         {{"contract", "string", "only of this contract of the config"},
          {"event", "string", "only of this name"},
          {"from", "integer", "first block"},
          {"to", "integer", "last block, included"},
          {"order", R"("block"|"-block")", "`-block`: the newest first"},
          {"count", "boolean", "true: also how many events the question finds"},
          kLimit,
          kCursor},
         {},
         "param.NAME=value, param.NAME.gt, gte, lt, lte, ne: one value; param.NAME.in: several with commas between"},
        {"GET", "/v1/events/{contract}/{event}", "events_of", "Stored events of one kind", false, list_events,
         {{"from", "integer", "first block"},
          {"to", "integer", "last block, included"},
          {"order", R"("block"|"-block")", "`-block`: the newest first"},
          {"count", "boolean", "true: also how many events the question finds"},
          kLimit,
          kCursor},
         {},
         "param.NAME=value, param.NAME.gt, gte, lt, lte, ne: one value; param.NAME.in: several with commas between"},
        {"GET", "/v1/quarantine", "quarantine", "Events that could not be applied, and why", false,
         list_quarantine, {kLimit}, {}},
    };
}

/// Questions in SQL.
std::vector<Route> sql_routes() {
    return {
        {"GET", "/v1/sql", "sql_tables", "The tables that SQL sees, with their columns", false,
         list_sql_tables, {}, {}},
        {"POST", "/v1/sql", "sql", "One SELECT over one block, with a time limit", false, run_sql, {},
         R"({"sql":"select ... where id = ?","params":["1"]})"},
        {"GET", "/sql/db", "ponder_db", "One SELECT, as @ponder/client asks (docs/sql.md)", false, get_ponder_db,
         {{"sql", "string", "superjson of sql and params"}}, {}},
        {"GET", "/sql/live", "ponder_live", "The same as server-sent events, now and after each change", false,
         get_ponder_live, {{"sql", "string", "superjson of sql and params"}}, {}},
        {"GET", "/status", "ponder_status", "The indexed block, as @ponder/client asks", false, get_ponder_status, {}, {}},
    };
}

/// What proofs found, what repair did, and the reports of the config.
std::vector<Route> finding_routes() {
    return {
        {"GET", "/v1/reports", "reports", "How the newest run of each proof ended", false,
         list_reports, {}, {}},
        {"GET", "/v1/conflicts", "conflicts",
         "What differs now, and a summary of what was repaired", false, list_conflicts, {}, {}},
        {"GET", "/v1/journal", "journal", "Every repair, with its evidence", false, list_journal,
         {{"kind", "string", "only of this kind"},
          {"entity", "string", "only of this entity"},
          {"after", "integer", "go on after this `seq`, as `next` says"},
          kLimit},
         {}},
        {"GET", "/v1/analytics", "analytics", "The reports that the config declares", false,
         list_analytics, {}, {}},
        {"GET", "/v1/analytics/{report}", "analytics_report", "One report, counted now", false,
         get_analytics, {kLimit}, {}},
    };
}

/// The live stream, which the server answers itself.
std::vector<Route> stream_routes() {
    return {
        {"POST", "/rpc", "rpc",
         "JSON-RPC from the stored log: eth_getLogs, filters, eth_blockNumber (docs/rpc.md)", false,
         post_rpc, {}, R"({"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{}]})"},
        {"GET", "/v1/stream", "stream", "The live stream, on a WebSocket", false, get_stream,
         {{"entity", "string", "rows of this entity; * for all", true},
          {"key", "string", "only the row of this key; goes with one entity", true},
          {"event", "string", "events of this name: hub.VoteCast, hub.*; * for all", true},
          {"snapshot", "string", "true: all rows first, and again after a reset"},
          {"from", "integer", "events of the log from this block on first"},
          {"known", "string", "BLOCK-HASH-BASIS that the client stands on, newest first", true}},
         {}},
    };
}

/// The work queue, and work that is forced into it.
std::vector<Route> task_routes() {
    return {
        {"GET", "/v1/tasks", "tasks", "The work queue", false, list_tasks,
         {{"state", "string", "only in this state"},
          {"kind", "string", "only of this kind"},
          kLimit},
         {}},
        {"POST", "/v1/tasks", "add_task", "Put a task into the queue", true, add_task, {},
         R"({"kind":"...","args":"...","priority":0})", {}, true},
        {"POST", "/v1/tasks/clear", "clear_tasks", "Forget finished tasks", true, clear_tasks,
         {{"state", "string", "only in this state: done, dead, parked or cancelled"}}, {}},
        {"POST", "/v1/tasks/{id}/retry", "retry_task", "Try a dead or parked task again", true,
         retry_task, {}, {}},
        {"DELETE", "/v1/tasks/{id}", "cancel_task", "Take a task back", true, cancel_task, {}, {}},
        {"POST", "/v1/prove", "prove", "Prove the log, the state or the replay now", true,
         force_prove, {}, R"({"proof":"log|state|replay","entity":"...","from":0,"to":9})", {}, true},
        {"POST", "/v1/sync", "sync", "Compare one entity, or all, with the contract now", true,
         force_sync, {}, R"({"entity":"..."})", {}, true},
        {"POST", "/v1/reconcile", "reconcile",
         "Find and repair what differs in one entity, or all", true, force_reconcile, {},
         R"({"entity":"..."})", {}, true},
    };
}

// clang-format on

std::vector<Route> make_routes() {
    std::vector<Route> out;
    for (const auto part : {service_routes, entity_routes, event_routes, sql_routes, finding_routes,
                            stream_routes, task_routes}) {
        std::ranges::move(part(), std::back_inserter(out));
    }
    return out;
}

}  // namespace

std::span<const Route> routes() {
    static const std::vector<Route> kRoutes = make_routes();
    return kRoutes;
}

}  // namespace plumbline::api
