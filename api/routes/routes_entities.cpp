// Entities: what there is, rows a page at a time.
//
// A page cursor is a place in key or index order, not a row: a row that goes away between two pages
// takes nothing with it, and rows that stay are shown exactly once.
#include <algorithm>
#include <optional>

#include "api/routes/handlers.hpp"
#include "api/routes/rows.hpp"
#include "core/evm/hex.hpp"
#include "engine/text/entity_text.hpp"

namespace plumbline::api {

namespace {

using storage::EntityLayout;

std::string index_name(const EntityLayout& layout, size_t index) {
    std::string out;
    for (const uint16_t column : layout.indexes[index]) {
        out += (out.empty() ? "" : ",") + layout.column(column).name;
    }
    return out;
}

/// By the key or the index that `order` names; without it, by whichever fits `where`.
Result<engine::Lookup> plan_scan(const EntityLayout& layout,
                                 const std::vector<engine::NamedText>& where,
                                 const std::string* order) {
    if (order == nullptr) {
        return engine::plan_lookup(layout, where);
    }
    EntityLayout narrow = layout;
    narrow.indexes.clear();
    if (*order == "key") {
        return engine::plan_lookup(narrow, where);
    }
    std::string known = "key";
    for (size_t i = 0; i < layout.indexes.size(); ++i) {
        if (index_name(layout, i) != *order) {
            known += " | " + index_name(layout, i);
            continue;
        }
        const std::vector<uint16_t>& columns = layout.indexes[i];
        std::string prefix;
        for (size_t at = 0; at < where.size(); ++at) {
            const auto found = at < columns.size()
                                   ? std::ranges::find(where, layout.column(columns[at]).name,
                                                       &engine::NamedText::first)
                                   : where.end();
            if (found == where.end()) {
                return Error{
                    ErrorCode::kInvalidArgument,
                    fmt::format("in order of {} only its first columns can be asked for", *order)};
            }
            const storage::FieldType type = layout.column(columns[at]).type;
            PLUMBLINE_TRY(const storage::KeyValue value, engine::parse_value(type, found->second));
            engine::append_key_value(prefix, type, value);
        }
        return engine::Lookup{static_cast<int>(i), std::move(prefix)};
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no order '{}' of {}; there are: {}", *order, layout.name, known)};
}

std::string cursor_text(int index, std::string_view position) {
    return fmt::format("{}.{}", index < 0 ? "k" : std::to_string(index),
                       evm::to_hex(as_bytes(position)).substr(2));
}

Result<std::string> cursor_position(const std::string& text, int index) {
    const std::string head = (index < 0 ? std::string{"k"} : std::to_string(index)) + ".";
    const auto bytes = text.starts_with(head) && text.size() > head.size()
                           ? evm::parse_hex("0x" + text.substr(head.size()))
                           : std::nullopt;
    if (!bytes) {
        return Error{ErrorCode::kInvalidArgument,
                     "cursor is not one that `next` of the same question gave"};
    }
    return std::string{as_chars(*bytes)};
}

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

}  // namespace

Response list_entities(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        json.key("entities").open_array();
        const auto& entities = snapshot.view->bundle().entities;
        for (size_t i = 0; i < entities.size(); ++i) {
            const EntityLayout& layout = entities[i];
            json.open_object().member("name", layout.name);
            json.member("rows", snapshot.view->entity_count(i));
            write_fields(json, "key", layout.name, layout.key, request.options().decimals);
            write_fields(json, "fields", layout.name, layout.fields, request.options().decimals);
            json.key("orders").open_array().value("key");
            for (size_t index = 0; index < layout.indexes.size(); ++index) {
                json.value(index_name(layout, index));
            }
            json.close_array().close_object();
        }
        json.close_array().close_object();
        return body;
    });
}

Response list_rows(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        const storage::ReadView& view = *snapshot.view;
        PLUMBLINE_TRY(const size_t entity, find_entity(view, request.part(2)));
        const EntityLayout& layout = view.bundle().entities[entity];
        PLUMBLINE_TRY(const auto where, engine::parse_named(request.target.all("where")));
        PLUMBLINE_TRY(const engine::Lookup lookup,
                      plan_scan(layout, where, request.target.find("order")));
        PLUMBLINE_TRY(const auto columns, read_columns(request, layout));
        PLUMBLINE_TRY(const uint64_t limit, request.limit());
        std::string after;
        if (const std::string* cursor = request.target.find("cursor")) {
            PLUMBLINE_TRY(after, cursor_position(*cursor, lookup.index));
        }
        const auto rows =
            lookup.index < 0
                ? view.scan_entity(entity, lookup.prefix, after)
                : view.scan_index(entity, static_cast<size_t>(lookup.index), lookup.prefix, after);
        const storage::RowCodec codec{layout};
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        json.member("entity", layout.name).key("rows").open_array();
        std::string next;
        for (uint64_t shown = 0; rows->valid() && shown < limit && !request.is_late() &&
                                 (shown == 0 || body.size() < request.options().page_bytes_max);
             ++shown) {
            json.open_object();
            PLUMBLINE_TRY_VOID(write_row(json, layout, codec, rows->key(), rows->row(), columns));
            json.close_object();
            next = rows->position();
            rows->next();
        }
        PLUMBLINE_TRY_VOID(rows->status());
        json.close_array().key("next");
        if (rows->valid() && !next.empty()) {
            json.value(cursor_text(lookup.index, next));
        } else {
            json.null();
        }
        json.close_object();
        return body;
    });
}

}  // namespace plumbline::api
