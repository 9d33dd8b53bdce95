// One row: as it is, as it was after an earlier block, and all that became of it.
#include <mutex>

#include "api/routes/caches.hpp"
#include "api/routes/handlers.hpp"
#include "api/routes/log_cursor.hpp"
#include "api/routes/past.hpp"
#include "api/routes/rows.hpp"
#include "core/evm/hex.hpp"
#include "engine/fold/row_history.hpp"
#include "engine/text/entity_text.hpp"
#include "engine/text/event_text.hpp"

namespace plumbline::api {

namespace {

/// Which row of which state is asked for.
struct RowQuestion {
    IndexSnapshot snapshot;
    size_t entity = 0;
    std::vector<size_t> columns;
    std::string key;

    [[nodiscard]] const storage::EntityLayout& layout() const {
        return snapshot.view->bundle().entities[entity];
    }
    [[nodiscard]] uint64_t head() const { return snapshot.cursor ? snapshot.cursor->block_num : 0; }
};

Result<RowQuestion> read_question(RequestContext& request) {
    RowQuestion out;
    PLUMBLINE_TRY(out.snapshot, open_snapshot(request));
    PLUMBLINE_TRY(out.entity, find_entity(*out.snapshot.view, request.part(2)));
    PLUMBLINE_TRY(out.columns, read_columns(request, out.layout()));
    PLUMBLINE_TRY(out.key, engine::key_or_value_from_text(out.layout(), request.part(3)));
    return out;
}

Response not_there(const RequestContext& request, const RowQuestion& question, uint64_t block_num) {
    return fail(
        question.snapshot,
        Error{ErrorCode::kNotFound, fmt::format("no {} with {} at block {}", question.layout().name,
                                                request.part(3), block_num)});
}

Response beyond_head(const RowQuestion& question, uint64_t block_num) {
    return fail(question.snapshot,
                Error{ErrorCode::kNotFound,
                      fmt::format("block {} is not indexed yet; the index stands at block {}",
                                  block_num, question.head())});
}

/// "at":{...}: the block that the row is of. Blocks that left no trace have no known hash.
void write_at(JsonWriter& json, const IndexSnapshot& snapshot, uint64_t block_num) {
    json.key("at").open_object().member("number", block_num);
    const auto block = snapshot.view->get_block(block_num);
    if (block) {
        json.member("hash", evm::to_hex(block->hash)).member("timestamp", block->timestamp);
    } else if (snapshot.cursor && snapshot.cursor->block_num == block_num) {
        json.member("hash", evm::to_hex(snapshot.cursor->block_hash))
            .member("timestamp", snapshot.cursor->timestamp);
    } else {
        json.key("hash").null().key("timestamp").null();
    }
    json.close_object();
}

Response show_row(const RowQuestion& question, std::string_view row,
                  std::optional<uint64_t> block_num) {
    return answer([&]() -> Result<std::string> {
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, question.snapshot);
        if (block_num) {
            write_at(json, question.snapshot, *block_num);
        }
        json.member("entity", question.layout().name);
        PLUMBLINE_TRY_VOID(write_row(json, question.layout(), storage::RowCodec{question.layout()},
                                     question.key, row, question.columns));
        json.close_object();
        return body;
    });
}

Response fail_in_past(const IndexSnapshot& snapshot, const Error& error) {
    return with_retry_after(fail(snapshot, told_of_past(error)), error);
}

Response get_row_at(RequestContext& request, const RowQuestion& question, uint64_t block_num) {
    if (block_num > question.head()) {
        return beyond_head(question, block_num);
    }
    std::unique_lock<std::mutex> turn;
    if (const Status taken = take_history_turn(request, turn); !taken) {
        return fail(taken.error());
    }
    const auto row =
        row_at(*question.snapshot.view, request.context().plan(), question.entity, question.key,
               block_num, history_options(request, *question.snapshot.database));
    if (!row) {
        return fail_in_past(question.snapshot, row.error());
    }
    return *row ? show_row(question, (*row)->row, block_num)
                : not_there(request, question, block_num);
}

/// The event that made a version, as /v1/events shows it; null where a repair did.
Status write_event(JsonWriter& json, const storage::ReadView& view, engine::EventText& text,
                   const storage::ChangedAt& at) {
    const auto logs = view.scan_logs(at.block_num, at.block_num);
    while (logs->valid() && logs->record().log.log_index < at.log_index) {
        logs->next();
    }
    PLUMBLINE_TRY_VOID(logs->status());
    if (logs->valid() && logs->record().log.log_index == at.log_index) {
        text.append_json(json.raw_value(), logs->record());
    } else {
        json.null();
    }
    return ok();
}

/// A page of at most about `bytes_max`.
Result<std::string> show_history(const RowQuestion& question, const engine::RowHistory& history,
                                 engine::EventText& text, uint64_t to, size_t bytes_max) {
    const storage::EntityLayout& layout = question.layout();
    const storage::RowCodec codec{layout};
    PLUMBLINE_TRY(const std::string key, engine::key_to_text(layout, question.key));
    std::string body;
    JsonWriter json{body};
    json.open_object();
    write_snapshot(json, question.snapshot);
    write_at(json, question.snapshot, to);
    json.member("entity", layout.name).member("key", key).key("versions").open_array();
    std::optional<storage::ChangedAt> last;
    bool is_whole = history.is_whole;
    for (const engine::RowVersion& version : history.versions) {
        if (last && body.size() >= bytes_max) {
            is_whole = false;
            break;
        }
        last = version.at;
        json.open_object();
        write_changed_at(json, version.at);
        json.key("row");
        if (version.row.empty()) {
            json.null();
        } else {
            PLUMBLINE_TRY_VOID(engine::append_row_json(
                json.raw_value(), layout, codec, question.key, version.row, question.columns));
        }
        json.key("event");
        PLUMBLINE_TRY_VOID(write_event(json, *question.snapshot.view, text, version.at));
        json.member("repaired", version.is_correction).close_object();
    }
    json.close_array().key("next");
    if (is_whole || !last) {
        json.null();
    } else {
        json.value(log_cursor_text(*question.snapshot.view, {last->block_num, last->log_index}));
    }
    json.close_object();
    return body;
}

}  // namespace

Response get_row(RequestContext& request) {
    const Result<RowQuestion> question = read_question(request);
    if (!question) {
        return fail(question.error());
    }
    const auto at = request.integer("at", 0, UINT64_MAX);
    if (!at) {
        return fail(at.error());
    }
    if (*at) {
        return get_row_at(request, *question, **at);
    }
    const Result<std::string> row =
        question->snapshot.view->get_row(question->entity, question->key);
    if (!row && row.error().code == ErrorCode::kNotFound) {
        return not_there(request, *question, question->head());
    }
    return row ? show_row(*question, *row, std::nullopt) : fail(row.error());
}

Response get_row_history(RequestContext& request) {
    const Result<RowQuestion> question = read_question(request);
    if (!question) {
        return fail(question.error());
    }
    const auto to = request.integer("to", 0, UINT64_MAX);
    const auto limit = request.limit();
    const auto after = read_log_cursor(*question->snapshot.view, request.target.find("cursor"));
    if (!to || !limit || !after) {
        return fail(!to ? to.error() : !limit ? limit.error() : after.error());
    }
    const uint64_t last = to->value_or(question->head());
    if (last > question->head()) {
        return beyond_head(*question, last);
    }
    std::unique_lock<std::mutex> turn;
    if (const Status taken = take_history_turn(request, turn); !taken) {
        return fail(taken.error());
    }
    engine::RowHistoryOptions options = history_options(request, *question->snapshot.database);
    options.versions_max = *limit;
    if (*after) {
        options.after = storage::ChangedAt{(*after)->block_num, (*after)->log_index};
    }
    const auto plan = request.context().plan();
    const auto history =
        row_history(*question->snapshot.view, plan, question->entity, question->key, last, options);
    if (!history) {
        return fail_in_past(question->snapshot, history.error());
    }
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const auto children, question->snapshot.view->list_children());
        engine::EventText text{plan, children};
        return show_history(*question, *history, text, last, request.options().page_bytes_max);
    });
}

}  // namespace plumbline::api
