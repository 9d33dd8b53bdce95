#include "api/routes/answer_shapes.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "api/routes/openapi_shape.hpp"
#include "core/evm/abi_decode.hpp"
#include "core/evm/abi_text.hpp"

namespace plumbline::api {

namespace {

// What every answer that reads the index begins with.
#define PLUMBLINE_SNAPSHOT "block: Block|null, proof: Proof"

struct RouteShape {
    std::string_view id;
    std::string_view shape;
};

constexpr std::string_view kTaskAnswer = "{task: Task}";

constexpr RouteShape kShapes[] = {
    {"openapi", "any"},
    {"health", R"({status: "ok"|"degraded", state: string, reasons: [string]})"},
    {"ready", "{ready: boolean, state: string, reasons: [string]}"},
    {"status",
     "{block: Block|null, proof: Proof|null, chain_id: integer|null, proven: {block: integer, "
     "level: Level}|null, version: string, takes_changes: boolean, "
     "state: string, ready: boolean, uptime_ms: integer, reasons: [string], not_ready: [string], "
     "notes: "
     "[string], progress: Progress, providers: [Provider], ready_changed_seconds: integer|null, "
     "mismatches: {*: integer}, webhooks: [{name: string, delivered_block: integer|null, state: "
     "string, attempts: integer, error: string}], sinks: [Sink]}"},
    {"rpc", "any"},
    {"stats", "{" PLUMBLINE_SNAPSHOT ", events: integer, blocks: integer, quarantined: integer, "
              "size_bytes: integer, entities: {*: integer}}"},
    {"progress",
     "{samples: [{time: integer, next_block: integer, lag: integer|null, events: "
     "integer}]}"},
    {"chain", "{" PLUMBLINE_SNAPSHOT ", from: integer, to: integer, complete: boolean, segments: "
              "[{from: integer, to: integer, level: Level}]}"},
    {"entities", "{" PLUMBLINE_SNAPSHOT ", entities: [{name: string, rows: integer, has_state: "
                 "boolean, fields_not_compared: [string], key: [Column], fields: [Column], orders: "
                 "[string]}]}"},
    {"quarantine", "{" PLUMBLINE_SNAPSHOT ", total: integer, events: [{block: integer, log_index: "
                   "integer, event: string, reason: string}]}"},
    {"sql_tables", "{" PLUMBLINE_SNAPSHOT ", tables: [{name: string, columns: [{name: string, "
                   "type: string, hidden: boolean}]}]}"},
    {"sql", "{" PLUMBLINE_SNAPSHOT ", columns: [string], rows: [[string|number|null]], is_whole: "
            "boolean, visited: integer}"},
    {"ponder_db", "{rows: [{*: any}]}"},
    {"ponder_status", "{*: {id: integer, block: {number: integer, timestamp: integer}}}"},
    {"reports", "{" PLUMBLINE_SNAPSHOT ", reports: [ProofReport]}"},
    {"conflicts",
     "{" PLUMBLINE_SNAPSHOT ", conflicts: [Conflict], summary: {mismatches: "
     "integer, quarantined: integer, refused_corrections: integer, journal_entries: "
     "integer, by_kind: {*: integer}, by_provider: {*: integer}}, repair: RepairRun|null, plan: "
     "RepairRun|null}"},
    {"journal", "{" PLUMBLINE_SNAPSHOT ", entries: [JournalEntry], next: integer|null}"},
    {"analytics", "{reports: [{name: string, about: string, metric: string}]}"},
    {"analytics_report", "{" PLUMBLINE_SNAPSHOT ", report: string, about: string, metric: string, "
                         "decimals: integer|null, "
                         "scanned: integer, total: integer, groups: [{by: any, value: any}]}"},
    {"tasks",
     "{total: integer, tasks: [Task], schedule: [{kind: string, interval_ms: "
     "integer}]}"},
    {"add_task", kTaskAnswer},
    {"retry_task", kTaskAnswer},
    {"cancel_task", kTaskAnswer},
    {"prove", kTaskAnswer},
    {"sync", kTaskAnswer},
    {"reconcile", kTaskAnswer},
    {"clear_tasks", "{cleared: integer}"},
};

constexpr RouteShape kBodies[] = {
    {"rpc", "any"},
    {"sql", "{sql: string, params?: [string|number|boolean|null]|{*: string|number|boolean|null}}"},
    {"add_task", "{kind: string, args?: string, priority?: integer}"},
    {"prove", R"({proof: "log"|"state"|"replay", entity?: string, from?: integer, to?: integer})"},
    {"sync", "{entity?: string}"},
    {"reconcile", "{entity?: string}"},
};

std::string any_row() {
    return "{*: any}";
}

std::string event_shape(const evm::EventDecoder& decoder, std::string_view contract) {
    std::string params;
    const auto& inputs = decoder.event().inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
        params += fmt::format("{}{}: {}", i == 0 ? "" : ", ",
                              shape_name(evm::param_name(decoder.event(), i)),
                              decoder.is_hashed(i) ? "bytes32" : shape_of(inputs[i].type));
    }
    return fmt::format(
        "{{block: integer, log_index: integer, txn_index: integer, txn_hash: bytes32, address: "
        "address, contract: {}, event: {}, params: {{{}}}}}",
        shape_name(contract), shape_name(decoder.event().name), params);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> shared_shapes() {
    return {
        {"Error", R"({block?: Block|null, proof?: Proof, error: {code: string, message: string}})"},
        {"Block", "{number: integer, hash: bytes32, timestamp: integer, finalized: integer}"},
        {"Level", R"("none"|"fetched"|"linked"|"bloom"|"receipts")"},
        {"Proof",
         "{level: Level, proven_through: integer, mismatches?: [{proof: string, entity?: "
         "string, block: integer, count: integer}]}"},
        {"ChangedAt", "{block: integer, log_index: integer}"},
        {"At", "{number: integer, hash: bytes32|null, timestamp: integer|null}"},
        {"Column", "{name: string, type: string, decimals?: integer}"},
        {"Conflict",
         "{proof: string, entity: string, block: integer, hash: bytes32, time: "
         "integer, equal: boolean, checked: integer, mismatches: integer, level: "
         "string, detail: string, not_looked_at: string, cause: string, remedy: string, findings: "
         "[Finding]}"},
        {"RepairRun",
         "{task: integer, state: string, entity: string, time: integer, whole: boolean, steps: "
         "[string], left: [string], error: string}"},
        {"Finding",
         "{kind: string, entity?: string, key?: string, field?: string, stored?: string, "
         "expected?: string, block?: integer, log_index?: integer, provider?: string, damage?: "
         "boolean, detail?: string, text: string}"},
        {"Sink",
         "{name: string, state: string, reason: string, block: integer|null, lag: integer|null, "
         "transactions: integer, rows_upserted: integer, rows_deleted: integer, rows_copied: "
         "integer, tables_compared: integer, retries: integer}"},
        {"Event",
         "{block: integer, log_index: integer, txn_index: integer, txn_hash: bytes32, "
         "address: address, contract: string|null, event: string|null, params?: {*: "
         "any}, topics?: [bytes32], data?: bytes}"},
        {"ProofReport",
         "{proof: string, entity: string, block: integer, hash: bytes32, time: "
         "integer, equal: boolean, checked: integer, mismatches: integer, level: "
         "string, detail: string, not_looked_at: string}"},
        {"JournalEntry",
         "{seq: integer, time: integer, kind: string, entity: string, key: "
         "string, block: integer, log_index: integer, before: string, after: "
         "string, reason: string, provider: string, evidence: string}"},
        {"Task",
         "{id: integer, state: string, kind: string, args: string, name: string, origin: "
         "string, priority: integer, due_ms: integer, attempts: integer, attempts_max: "
         "integer, created_ms: integer, started_ms: integer, finished_ms: integer, "
         "error: string, result: string, progress: string}"},
        {"Provider",
         "{name: string, state: string, usable: boolean, head: integer|null, requests: "
         "integer, received_bytes: integer, refusals: integer, errors: integer, "
         "malformed: integer, lies: integer, latency_ms: number, in_flight: integer, "
         "silent_seconds: integer|null, error: string, blocks_cap: integer|null}"},
        {"Progress",
         "{first_block: integer, next_block: integer, target_block: integer, head_block: "
         "integer|null, "
         "finalized_block: integer, fetched_next_block: integer, lag: integer|null, "
         "ready_age_seconds: integer|null, head_age_seconds: integer|null, events: integer, "
         "commits: integer, reorgs: integer, events_per_second: number, blocks_per_second: "
         "number, eta_seconds: number|null, refolding: boolean}"},
    };
}

std::string_view answer_shape(std::string_view route_id) noexcept {
    static const std::string kList = list_shape(any_row());
    static const std::string kRow = row_shape(any_row());
    static const std::string kHistory = history_shape(any_row());
    static const std::string kEvents = events_shape("Event");
    const std::pair<std::string_view, const std::string*> made[] = {{"rows", &kList},
                                                                    {"row", &kRow},
                                                                    {"row_history", &kHistory},
                                                                    {"events", &kEvents},
                                                                    {"events_of", &kEvents}};
    for (const auto& [id, shape] : made) {
        if (id == route_id) {
            return *shape;
        }
    }
    const auto found = std::ranges::find(kShapes, route_id, &RouteShape::id);
    return found == std::end(kShapes) ? std::string_view{} : found->shape;
}

std::string_view body_shape(std::string_view route_id) noexcept {
    const auto found = std::ranges::find(kBodies, route_id, &RouteShape::id);
    return found == std::end(kBodies) ? std::string_view{} : found->shape;
}

std::vector<std::pair<std::string, std::string>> config_shapes(const engine::Plan& plan) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const storage::EntityLayout& layout : plan.entities()) {
        std::string members;
        for (size_t i = 0; i < layout.column_count(); ++i) {
            const storage::Field& field = layout.column(i);
            members += fmt::format("{}{}: {}", i == 0 ? "" : ", ", shape_name(field.name),
                                   shape_of(field.type));
        }
        out.emplace_back("entity." + layout.name, "{" + members + "}");
    }
    for (size_t source = 0; source < plan.sources().size(); ++source) {
        const std::string& contract = plan.sources()[source].contract;
        for (const evm::AbiEvent& event : plan.abi(source).events) {
            const auto decoder = evm::EventDecoder::compile(event);
            if (!decoder) {
                continue;
            }
            const std::string name = schema_name("event." + contract + "." + event.name);
            const auto known = std::ranges::find(out, name, &decltype(out)::value_type::first);
            if (known == out.end()) {
                out.emplace_back(name, event_shape(*decoder, contract));
            } else {
                known->second += "|" + event_shape(*decoder, contract);
            }
        }
    }
    return out;
}

std::string list_shape(std::string_view row) {
    return fmt::format("{{" PLUMBLINE_SNAPSHOT
                       ", entity: string, rows: [{{key: string, "
                       "changed_at: ChangedAt, row: {}}}], next: string|null, count?: integer, "
                       "count_is_exact?: boolean, missing?: [string]}}",
                       row);
}

std::string row_shape(std::string_view row) {
    return fmt::format("{{" PLUMBLINE_SNAPSHOT
                       ", at?: At, entity: string, key: string, "
                       "changed_at: ChangedAt, row: {}}}",
                       row);
}

std::string history_shape(std::string_view row) {
    return fmt::format("{{" PLUMBLINE_SNAPSHOT
                       ", at: At, entity: string, key: string, versions: "
                       "[{{changed_at: ChangedAt, row: {}|null, event: Event|null, repaired: "
                       "boolean}}], next: string|null}}",
                       row);
}

std::string events_shape(std::string_view event) {
    return fmt::format("{{" PLUMBLINE_SNAPSHOT
                       ", events: [{}], next: string|null, count?: integer, "
                       "count_is_exact?: boolean}}",
                       event);
}

#undef PLUMBLINE_SNAPSHOT

}  // namespace plumbline::api
