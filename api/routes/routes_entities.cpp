// Entities: what there is, rows a page at a time.
//
// A page cursor is a place in key or index order, not a row: a row that goes away between two pages
// takes nothing with it, and rows that stay are shown exactly once. Of another order, as after a
// change of the config, it is refused.
#include <map>
#include <string>
#include <vector>

#include "api/routes/handlers.hpp"
#include "api/routes/row_question.hpp"
#include "api/routes/rows.hpp"
#include "engine/mapping/state_fields.hpp"
#include "engine/text/entity_text.hpp"

namespace plumbline::api {

namespace {

using storage::EntityLayout;

/// `decimals`: how a page may show a field; values are answered as they are stored.
void write_fields(JsonWriter& json, std::string_view name, const std::string& entity,
                  const std::vector<storage::Field>& fields,
                  const std::map<std::string, uint8_t>& decimals) {
    json.key(name).open_array();
    for (const storage::Field& field : fields) {
        json.open_object()
            .member("name", field.name)
            .member("type", storage::to_string(field.type));
        if (const auto shown = decimals.find(entity + "." + field.name); shown != decimals.end()) {
            json.member("decimals", shown->second);
        }
        json.close_object();
    }
    json.close_array();
}

/// Those of which the config says what of the contract they should equal, each with the fields that
/// are left out of that.
std::map<std::string, std::vector<std::string>> compared_entities(const RequestContext& request) {
    std::map<std::string, std::vector<std::string>> out;
    if (const auto plan = request.context().plan()) {
        for (const engine::StatePlan& state : plan->state_plans()) {
            out.emplace(plan->entities()[state.entity].name,
                        engine::compared_fields(*plan, state.entity).left_out);
        }
    }
    return out;
}

}  // namespace

Response list_entities(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        const auto compared = compared_entities(request);
        json.key("entities").open_array();
        const auto& entities = snapshot.view->bundle().entities;
        for (size_t i = 0; i < entities.size(); ++i) {
            const EntityLayout& layout = entities[i];
            json.open_object().member("name", layout.name);
            json.member("rows", snapshot.view->entity_count(i));
            const auto state = compared.find(layout.name);
            json.member("has_state", state != compared.end());
            json.member("fields_not_compared",
                        state == compared.end() ? std::vector<std::string>{} : state->second);
            write_fields(json, "key", layout.name, layout.key, request.options().decimals);
            write_fields(json, "fields", layout.name, layout.fields, request.options().decimals);
            json.key("orders").open_array().value("key");
            for (size_t index = 0; index < layout.indexes.size(); ++index) {
                json.value(query::path_name(layout, static_cast<int>(index)));
            }
            json.close_array().close_object();
        }
        json.close_array().close_object();
        return body;
    });
}

namespace {

/// At most so many places are counted for one answer.
constexpr uint64_t kCountMax = 1'000'000;

/// "count" and "count_is_exact" of an open object: all that the question finds, whatever the page.
Status write_count(JsonWriter& json, const RequestContext& request, const storage::ReadView& view,
                   size_t entity, const RowListQuestion& asked) {
    if (asked.question.where.empty()) {
        json.member("count", view.entity_count(entity)).member("count_is_exact", true);
        return ok();
    }
    query::RowCursor rows{view,
                          entity,
                          asked.access,
                          asked.question,
                          {.after = {},
                           .keys_only = asked.access.left.empty(),
                           .should_stop = [&request] { return request.is_late(); },
                           .visits_max = kCountMax}};
    uint64_t count = 0;
    for (; rows.valid(); rows.next()) {
        ++count;
    }
    PLUMBLINE_TRY_VOID(rows.status());
    json.member("count", count).member("count_is_exact", !rows.is_stopped());
    return ok();
}

Result<std::string> show_rows(RequestContext& request, const IndexSnapshot& snapshot, size_t entity,
                              const RowListQuestion& asked) {
    const storage::ReadView& view = *snapshot.view;
    const EntityLayout& layout = view.bundle().entities[entity];
    PLUMBLINE_TRY(const auto columns, read_columns(request, layout));
    PLUMBLINE_TRY(const uint64_t limit, request.limit());
    PLUMBLINE_TRY(const bool is_counted, request.flag("count"));
    std::string body;
    JsonWriter json{body};
    json.open_object();
    write_snapshot(json, snapshot);
    json.member("entity", layout.name).key("rows").open_array();
    query::RowCursor rows{view,
                          entity,
                          asked.access,
                          asked.question,
                          {.after = asked.after,
                           .should_stop = [&request] { return request.is_late(); },
                           .visits_max = asked.access.left.empty() ? UINT64_MAX : kRowVisitsMax}};
    std::string shown_last;
    for (uint64_t shown = 0;
         rows.valid() && shown < limit &&
         (shown == 0 || (!request.is_late() && body.size() < request.options().page_bytes_max));
         ++shown) {
        json.open_object();
        PLUMBLINE_TRY_VOID(write_row(json, layout, rows.codec(), rows.key(), rows.row(), columns));
        json.close_object();
        shown_last = rows.position();
        rows.next();
    }
    PLUMBLINE_TRY_VOID(rows.status());
    const std::string last = rows.is_stopped() ? rows.position() : shown_last;
    json.close_array().key("next");
    if ((rows.valid() || rows.is_stopped()) && !last.empty()) {
        json.value(asked.cursor(layout, last));
    } else {
        json.null();
    }
    if (is_counted) {
        PLUMBLINE_TRY_VOID(write_count(json, request, view, entity, asked));
    }
    json.close_object();
    return body;
}

/// The rows of the keys that were named, in the order they were named in.
Result<std::string> show_keys(RequestContext& request, const IndexSnapshot& snapshot, size_t entity,
                              const std::vector<std::string>& keys) {
    const EntityLayout& layout = snapshot.view->bundle().entities[entity];
    for (const auto& [name, text] : request.target.query) {
        if (name != "key" && name != "fields") {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{} does not go with key: rows by their keys come whole and "
                                     "in the order of the keys",
                                     name)};
        }
    }
    if (keys.size() > request.options().page_max) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("at most {} keys in one request", request.options().page_max)};
    }
    PLUMBLINE_TRY(const auto columns, read_columns(request, layout));
    const storage::RowCodec codec{layout};
    std::vector<std::string> missing;
    std::string body;
    JsonWriter json{body};
    json.open_object();
    write_snapshot(json, snapshot);
    json.member("entity", layout.name).key("rows").open_array();
    for (const std::string& text : keys) {
        PLUMBLINE_TRY(const std::string key, engine::key_or_value_from_text(layout, text));
        const auto row = snapshot.view->get_row(entity, key);
        if (!row && row.error().code == ErrorCode::kNotFound) {
            missing.push_back(text);
            continue;
        }
        if (!row) {
            return row.error();
        }
        if (body.size() >= request.options().page_bytes_max) {
            return Error{ErrorCode::kTooLarge,
                         "the rows of these keys are too large for one "
                         "answer: ask for fewer keys or fields"};
        }
        json.open_object();
        PLUMBLINE_TRY_VOID(write_row(json, layout, codec, key, *row, columns));
        json.close_object();
    }
    json.close_array().key("next").null().member("missing", missing).close_object();
    return body;
}

}  // namespace

Response list_rows(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        PLUMBLINE_TRY(const size_t entity, find_entity(*snapshot.view, request.part(2)));
        if (const auto keys = request.target.all("key"); !keys.empty()) {
            return show_keys(request, snapshot, entity, keys);
        }
        PLUMBLINE_TRY(const RowListQuestion asked,
                      read_row_list(request, snapshot.view->bundle().entities[entity],
                                    snapshot.view->entity_count(entity)));
        return show_rows(request, snapshot, entity, asked);
    });
}

}  // namespace plumbline::api
