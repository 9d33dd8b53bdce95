// plumbline status: where the index stands.
#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/json_writer.hpp"
#include "core/evm/hex.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/proof/state/state_record.hpp"
#include "engine/task/proof_ranges.hpp"
#include "engine/text/event_text.hpp"
#include "storage/proof_names.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/report.hpp"
#include "tools/service_client.hpp"
#include "tools/starting_mark.hpp"

namespace plumbline::tools {

namespace {

/// An event by its contract and name; one that no ABI knows by its first topic, which may be empty.
struct EventName {
    std::string contract;  ///< empty: the config has none at that address
    std::string event;     ///< empty: no ABI knows it
    std::string topic0;    ///< hex, only where no ABI knows it
    std::string why;       ///< where the config says that it does not count
    std::string misfit;    ///< where an ABI has that topic: which event, and how it differs
    auto operator<=>(const EventName&) const = default;
};
using EventCounts = std::map<EventName, uint64_t>;

std::string to_text(const EventName& name) {
    if (!name.event.empty()) {
        return name.contract + "." + name.event;
    }
    if (!name.why.empty()) {
        return fmt::format("of {}, {}{}{}", name.contract, name.why, name.topic0.empty() ? "" : " ",
                           name.topic0);
    }
    if (!name.misfit.empty()) {
        return fmt::format("{} {}", name.contract, name.misfit);
    }
    return fmt::format("{}{}{}",
                       name.contract.empty() ? "of an address that the config does not name"
                                             : name.contract + " unknown",
                       name.topic0.empty() ? "" : " ", name.topic0);
}

/// Walks the whole log. Beyond `kNamesMax` different ones, those of no ABI are counted together.
Result<EventCounts> count_events(const storage::Database& database, const storage::ReadView& view) {
    constexpr size_t kNamesMax = 10'000;
    PLUMBLINE_TRY(const auto plan, engine::stored_plan(database));
    PLUMBLINE_TRY(const auto children, view.list_children());
    engine::EventText text{plan, children};
    EventCounts out;
    const auto logs = view.scan_logs(0, UINT64_MAX);
    for (; logs->valid(); logs->next()) {
        const storage::LogRecord& record = logs->record();
        const engine::EventText::Name found = text.name(record);
        EventName name{found.contract == nullptr ? "" : *found.contract,
                       found.event == nullptr ? "" : *found.event,
                       {},
                       {},
                       {}};
        if (found.contract == nullptr) {
            if (auto left_out = text.uncounted(record.log)) {
                name.contract = std::move(left_out->contract);
                name.why = std::move(left_out->why);
            }
        }
        if (found.event == nullptr && record.log.topic_count > 0 && out.size() < kNamesMax) {
            name.topic0 = evm::to_hex(record.log.topics[0]);
            if (const auto misfit = text.misfit(record.log)) {
                name.misfit = fmt::format("{} with {}", misfit->event, misfit->why);
            }
        }
        ++out[std::move(name)];
    }
    PLUMBLINE_TRY_VOID(logs->status());
    return out;
}

struct IndexStatus {
    uint64_t chain_id = 0;
    std::string path;
    std::optional<ServiceSeen> service;        ///< none where nobody writes to it
    std::optional<std::string> ended_service;  ///< of one that was killed
    std::optional<storage::Cursor> cursor;     ///< none before the first commit
    uint64_t blocks = 0;
    uint64_t quarantined = 0;
    std::vector<std::pair<std::string, uint64_t>> entities;  ///< with their rows
    uint64_t size_bytes = 0;
    /// By level, weakest first: up to where the log is proven from its first block on.
    std::vector<std::pair<std::string, uint64_t>> proven_through;
    std::vector<storage::ProofRecord> proofs;  ///< how the newest of each kind ended
    bool with_events = false;
    EventCounts by_event;  ///< with `with_events`
};

Result<IndexStatus> read_status(const storage::Database& database, bool with_events) {
    const auto view = database.read_view();
    IndexStatus out;
    out.chain_id = database.identity().chain_id;
    out.path = database.path();
    out.service = look_at_service(out.path);
    if (!out.service) {
        out.ended_service = find_ended_service(out.path);
    }
    out.cursor = database.cursor();
    out.blocks = view->block_row_count();
    out.quarantined = database.quarantine_count();
    for (size_t i = 0; i < database.entities().size(); ++i) {
        out.entities.emplace_back(database.entities()[i].name, database.entity_count(i));
    }
    out.size_bytes = database.size_bytes();
    PLUMBLINE_TRY(const auto coverage, database.coverage());
    if (const auto plan = engine::stored_plan(database)) {  // Of another version: nothing is said.
        out.proven_through = engine::proven_through((*plan)->sources(), coverage);
    }
    PLUMBLINE_TRY(out.proofs, view->list_proofs());
    std::erase_if(out.proofs,
                  [](const storage::ProofRecord& one) { return !storage::is_verdict(one.proof); });
    out.with_events = with_events;
    if (with_events) {
        PLUMBLINE_TRY(out.by_event, count_events(database, *view));
    }
    return out;
}

void write_events(JsonWriter& json, const EventCounts& counts) {
    json.open_array();
    for (const auto& [name, count] : counts) {
        json.open_object().member("contract", name.contract).key("event");
        if (name.event.empty()) {
            json.null().member("topic0", name.topic0);
            if (!name.why.empty()) {
                json.member("not_counted", name.why);
            }
            if (!name.misfit.empty()) {
                json.member("misfit", name.misfit);
            }
        } else {
            json.value(name.event);
        }
        json.member("count", count).close_object();
    }
    json.close_array();
}

/// `null` where nobody writes; all but `url` is null where no answer came.
void write_service(JsonWriter& json, const std::optional<ServiceSeen>& service) {
    if (!service) {
        json.null();
        return;
    }
    const auto if_any = [&json](const char* name, const auto& value) {
        json.key(name);
        if (value) {
            json.value(*value);
        } else {
            json.null();
        }
    };
    const bool is_known = !service->state.empty();
    json.open_object();
    if_any("url", service->url.empty() ? std::nullopt : std::optional{service->url});
    if_any("state", is_known ? std::optional{service->state} : std::nullopt);
    if_any("ready", is_known ? std::optional{service->is_ready} : std::nullopt);
    if_any("head_block", service->head);
    if_any("lag", service->lag);
    json.key("reasons").open_array();
    for (const std::string& reason : service->reasons) {
        json.value(reason);
    }
    json.close_array().close_object();
}

/// "http://127.0.0.1:8080: live, ready; the chain's head is block 74, 0 blocks behind"
std::string service_text(const ServiceSeen& service) {
    if (service.url.empty()) {
        return "another process writes to it, and has no address";
    }
    if (!service.silence.empty()) {
        return service.silence;
    }
    return fmt::format("{}: {}, {}; the chain's head is {}, {}", service.url, service.state,
                       service.is_ready ? "ready" : "not ready",
                       service.head ? fmt::format("block {}", *service.head) : "not told yet",
                       service.lag ? fmt::format("{} behind", *service.lag) : "lag unknown");
}

/// Of a database that is not there yet: what the service says that is to make it.
Error with_starting_service(Error error, const std::string& db_path) {
    const std::optional<std::string> url = find_starting_mark(db_path);
    if (error.code != ErrorCode::kUnavailable || !url || url->empty()) {
        return error;
    }
    const ServiceSeen seen = ask_service(*url);
    error.message += fmt::format("\n{}", service_text(seen));
    for (const std::string& reason : seen.reasons) {
        error.message += "\n" + reason;
    }
    return error;
}

std::string for_programs(const IndexStatus& status) {
    const std::optional<storage::Cursor>& cursor = status.cursor;
    std::string out;
    JsonWriter json{out};
    json.open_object().member("chain_id", status.chain_id);
    if (cursor) {
        json.member("block", cursor->block_num)
            .member("block_hash", evm::to_hex(cursor->block_hash))
            .member("finalized_block", cursor->finalized);
    } else {
        json.key("block").null().key("block_hash").null().key("finalized_block").null();
    }
    write_service(json.key("service"), status.service);
    if (status.ended_service) {
        json.member("ended_service", *status.ended_service);
    }
    json.member("events", cursor ? cursor->event_count : 0)
        .member("blocks", status.blocks)
        .member("quarantined", status.quarantined)
        .key("entities")
        .open_object();
    for (const auto& [name, rows] : status.entities) {
        json.member(name, rows);
    }
    json.close_object().member("size_bytes", status.size_bytes).key("proven_through").open_object();
    for (const auto& [level, block] : status.proven_through) {
        json.member(level, block);
    }
    json.close_object().key("proofs").open_array();
    for (const storage::ProofRecord& proof : status.proofs) {
        write_proof(json, proof);
    }
    json.close_array();
    if (status.with_events) {
        write_events(json.key("by_event"), status.by_event);
    }
    json.close_object();
    return out + "\n";
}

/// A proof of state counts rows, the others count what they compare; what found nothing and is not
/// equal has not looked at all.
std::string failed_text(const storage::ProofRecord& proof) {
    const bool is_one = proof.mismatches == 1;
    if (proof.mismatches == 0) {
        const std::string why = engine::unproven_text(proof);
        return "not all proven" + (why.empty() ? "" : " (" + why + ")");
    }
    return proof.proof == "state" ? "FAILED: " + engine::difference_text(proof)
                                  : fmt::format("FAILED: {} {}", proof.mismatches,
                                                is_one ? "difference" : "differences");
}

/// "receipts through block 73, linked through block 90": what the newest proof reached somewhere
/// says less. Empty where nothing is proven from the first block on.
std::string reached_text(const IndexStatus& status) {
    std::string out;
    uint64_t best = 0;
    for (auto it = status.proven_through.rbegin(); it != status.proven_through.rend(); ++it) {
        const auto& [level, block] = *it;
        if (level != to_string(storage::ProofLevel::kFetched) && block > best) {
            out += fmt::format("{}{} through block {}", out.empty() ? "" : ", ", level, block);
            best = block;
        }
    }
    return out;
}

/// "replay         holds at block 73, 2026-01-31 12:00:00 UTC"
std::string proof_line(const IndexStatus& status, const storage::ProofRecord& proof) {
    const std::string name = proof.proof + (proof.entity.empty() ? "" : " ") + proof.entity;
    if (proof.level == to_string(storage::ProofLevel::kNone)) {
        return fmt::format("  {:<20} nothing reached, {}: {}\n", name, utc_time(proof.time_s),
                           proof.detail);
    }
    std::string told = proof.is_equal ? std::string{"holds"} : failed_text(proof);
    if (proof.proof != "log") {
        told += fmt::format(" at block {}", proof.block_num);
    } else if (const std::string reached = reached_text(status); !reached.empty()) {
        told += ": " + reached;
    } else {
        told = (proof.is_equal ? "" : told + ": ") + "nothing is proven from the first block on";
    }
    return fmt::format("  {:<20} {}, {}\n", name, told, utc_time(proof.time_s));
}

std::string for_people(const IndexStatus& status) {
    const std::optional<storage::Cursor>& cursor = status.cursor;
    std::string out;
    // Names of entities and events are as long as they like.
    size_t width = 16;
    for (const auto& [name, rows] : status.entities) {
        width = std::max(width, name.size() + 2);
    }
    const auto line = [&out, width](std::string_view name, const auto& value) {
        out += fmt::format("{:<{}} {}\n", name, width, value);
    };
    const auto known = [&cursor](const auto& value) {
        return cursor ? fmt::format("{}", value(*cursor)) : std::string{"none yet"};
    };
    line("chain_id", status.chain_id);
    if (status.service) {
        line("service", service_text(*status.service));
        for (const std::string& reason : status.service->reasons) {
            line("attention", reason);
        }
    }
    if (status.ended_service) {
        line("service",
             fmt::format("none runs; it was at {}, and was killed or crashed: start it again with "
                         "`plumbline run CONFIG --db {}`",
                         *status.ended_service, as_word(status.path)));
    }
    line("block", known([](const storage::Cursor& at) { return at.block_num; }));
    line("block_hash", known([](const storage::Cursor& at) { return evm::to_hex(at.block_hash); }));
    line("finalized_block", known([](const storage::Cursor& at) { return at.finalized; }));
    line("events", cursor ? cursor->event_count : 0);
    for (const auto& [name, count] : status.by_event) {
        line("  " + to_text(name), count);
    }
    line("blocks", status.blocks);
    line("quarantined", status.quarantined);
    for (const auto& [name, rows] : status.entities) {
        line("  " + name, rows);
    }
    line("size_bytes", status.size_bytes);
    if (status.proofs.empty()) {
        line("proven", "nothing yet; see `plumbline verify`");
        return out;
    }
    out += "proven\n";
    for (const storage::ProofRecord& proof : status.proofs) {
        out += proof_line(status, proof);
    }
    return out;
}

}  // namespace

ExitCode run_status(const StatusArguments& arguments) {
    auto database = open_to_read(arguments.path);
    if (!database) {
        return fail(with_starting_service(database.error(), arguments.path));
    }
    const auto status = read_status(**database, arguments.events);
    if (!status) {
        return fail(status.error());
    }
    const std::string text = arguments.json ? for_programs(*status) : for_people(*status);
    if (auto printed = print(text); !printed) {
        return fail(printed.error());
    }
    return ExitCode::kDone;
}

}  // namespace plumbline::tools
