// The OpenAPI document, written from the route table, so that it cannot say anything else.
#include <algorithm>
#include <map>
#include <set>

#include "api/routes/answer_shapes.hpp"
#include "api/routes/handlers.hpp"
#include "api/routes/openapi_shape.hpp"
#include "core/base/ascii.hpp"
#include "core/evm/abi_decode.hpp"
#include "core/evm/abi_text.hpp"
#include "engine/service/version.hpp"
#include "query/access_plan.hpp"

namespace plumbline::api {

namespace {

/// "{name}" parts of a pattern.
std::vector<std::string_view> variables_of(std::string_view pattern) {
    std::vector<std::string_view> out;
    for (size_t open = pattern.find('{'); open != std::string_view::npos;
         open = pattern.find('{', open + 1)) {
        out.push_back(pattern.substr(open + 1, pattern.find('}', open) - open - 1));
    }
    return out;
}

/// `type`: a notation of openapi_shape.hpp.
void write_parameter(JsonWriter& json, std::string_view name, std::string_view where,
                     std::string_view type, std::string_view about, bool many) {
    json.open_object().member("name", name).member("in", where);
    if (where == "path") {
        json.member("required", true);
    }
    if (!about.empty()) {
        json.member("description", about);
    }
    json.key("schema").raw(schema_of(many ? fmt::format("[{}]", type) : std::string{type}));
    json.close_object();
}

/// What an operation answers: a schema, or for what is no JSON its type. Ponder's client shows a
/// refusal as it comes, so there it is plain text.
void write_responses(JsonWriter& json, const Route& route, std::string_view shape,
                     std::string_view content_type) {
    const bool is_refused_in_text = route.id == "ponder_db" || route.id == "ponder_live";
    const auto content = [&](std::string_view type, std::string_view schema) {
        json.key("content").open_object().key(type).open_object();
        json.key("schema").raw(schema).close_object().close_object();
    };
    json.key("responses").open_object();
    json.key(route.is_queued ? "202" : "200").open_object();
    json.member("description", route.is_queued ? "in the queue" : "done");
    if (!shape.empty()) {
        content("application/json", schema_of(shape));
    } else if (!content_type.empty()) {
        content(content_type, R"({"type":"string"})");
    }
    json.close_object();
    json.key("default").open_object().member("description", "refused, and why");
    if (is_refused_in_text) {
        content("text/plain", R"({"type":"string"})");
    } else {
        content("application/json", R"({"$ref":"#/components/schemas/Error"})");
    }
    json.close_object().close_object();
}

/// FIELD, FIELD.gt... of an entity or, with a prefix, of an event.
void write_field_parameters(JsonWriter& json, const Route& route, std::string_view prefix,
                            const std::vector<std::string>& names) {
    constexpr std::string_view kCompares[] = {"", ".gt", ".gte", ".lt", ".lte", ".ne", ".in"};
    for (const std::string& name : names) {
        for (const std::string_view compare : kCompares) {
            const std::string asked = fmt::format("{}{}{}", prefix, name, compare);
            if (route.has_param(asked)) {
                continue;  // `where` asks for it.
            }
            write_parameter(json, asked, "query", "string",
                            compare == ".in" ? "one of several, with commas between" : "", false);
        }
    }
}

/// One operation of a path. `fields`: parameters that the config knows, behind `prefix`. `types`:
/// of parameters of which the config knows more than the route.
struct Operation {
    const Route& route;
    std::string id;
    std::string shape;
    std::vector<std::string_view> variables;
    std::string_view prefix{};
    std::vector<std::string> fields{};
    std::map<std::string_view, std::string> types{};
};

void write_body(JsonWriter& json, const Route& route) {
    json.key("requestBody").open_object().member("description", route.body).key("content");
    json.open_object().key("application/json").open_object();
    json.key("schema").raw(schema_of(body_shape(route.id)));
    json.close_object().close_object().close_object();
}

void write_operation(JsonWriter& json, const Operation& operation) {
    const Route& route = operation.route;
    std::string method{route.method};
    std::ranges::transform(method, method.begin(), ascii_lower);
    json.key(method)
        .open_object()
        .member("operationId", operation.id)
        .member("summary", route.about);
    if (!route.more_params.empty()) {
        json.member("description", "Further parameters: " + std::string{route.more_params});
    }
    json.key("parameters").open_array();
    for (const std::string_view name : operation.variables) {
        write_parameter(json, name, "path", "string", {}, false);
    }
    for (const QueryParam& param : route.query) {
        const auto known = operation.types.find(param.name);
        write_parameter(json, param.name, "query",
                        known == operation.types.end() ? param.type : known->second, param.about,
                        param.many);
    }
    write_field_parameters(json, route, operation.prefix, operation.fields);
    json.close_array();
    if (!route.body.empty()) {
        write_body(json, route);
    }
    if (route.changes) {
        json.key("security").raw(R"([{"token":[]}])");
    }
    const std::string_view text = route.id == "page"          ? "text/html"
                                  : route.id == "metrics"     ? "text/plain"
                                  : route.id == "ponder_live" ? "text/event-stream"
                                                              : "";
    write_responses(json, route, operation.shape, text);
    json.close_object();
}

const Route& route_of(std::string_view id) {
    return *std::ranges::find(routes(), id, &Route::id);
}

void write_path(JsonWriter& json, const std::string& path, const Operation& operation) {
    json.key(path).open_object();
    write_operation(json, operation);
    json.close_object();
}

/// As a notation: one of them.
std::string one_of(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) {
        out += out.empty() ? "" : "|";
        append_json_string(out, name);
    }
    return out;
}

/// More than that would make types that nobody can read.
constexpr size_t kOrdersMax = 200;

/// Every `order` of an entity: columns of the key or an index that follow each other, for those
/// before them may be asked for by value; all up or all down.
std::string orders_of(const storage::EntityLayout& layout) {
    std::vector<std::string> out{"key", "-key"};
    const auto add = [&out](std::string order) {
        if (std::ranges::find(out, order) == out.end()) {
            out.push_back(std::move(order));
        }
    };
    for (const query::AccessPath& path : query::paths_of(layout)) {
        for (size_t first = 0; first < path.columns.size(); ++first) {
            std::string up;
            std::string down;
            for (size_t i = first; i < path.columns.size() && out.size() < kOrdersMax; ++i) {
                const std::string& name = layout.column(path.columns[i]).name;
                up += (up.empty() ? "" : ",") + name;
                down += (down.empty() ? "-" : ",-") + name;
                add(up);
                add(down);
            }
        }
    }
    return out.size() < kOrdersMax ? one_of(out) : "string";
}

/// As a part of a URL.
std::string in_path(std::string_view name) {
    std::string out;
    for (const char c : name) {
        const bool is_plain = is_ascii_letter(c) || is_ascii_digit(c) || c == '_' || c == '.';
        out += is_plain ? std::string{c} : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

/// A path an entity and an event, whose answers are of their own types.
void write_config_paths(JsonWriter& json, const engine::Plan& plan) {
    for (const storage::EntityLayout& layout : plan.entities()) {
        std::vector<std::string> fields;
        for (size_t i = 0; i < layout.column_count(); ++i) {
            fields.push_back(layout.column(i).name);
        }
        const std::string shown = one_of(fields);
        const std::string path = "/v1/entities/" + layout.name;
        const std::string row = "entity." + layout.name;
        write_path(json, path,
                   {route_of("rows"),
                    "rows." + layout.name,
                    list_shape(row),
                    {},
                    "",
                    fields,
                    {{"fields", shown}, {"order", orders_of(layout)}}});
        write_path(json, path + "/{key}",
                   {route_of("row"),
                    "row." + layout.name,
                    row_shape(row),
                    {"key"},
                    "",
                    {},
                    {{"fields", shown}}});
        write_path(json, path + "/{key}/history",
                   {route_of("row_history"),
                    "row_history." + layout.name,
                    history_shape(row),
                    {"key"},
                    "",
                    {},
                    {{"fields", shown}}});
    }
    std::set<std::string> seen;
    for (size_t source = 0; source < plan.sources().size(); ++source) {
        const std::string& contract = plan.sources()[source].contract;
        for (const evm::AbiEvent& event : plan.abi(source).events) {
            const std::string name = contract + "." + event.name;
            if (!evm::EventDecoder::compile(event) || !seen.insert(name).second) {
                continue;
            }
            std::vector<std::string> params;
            for (size_t i = 0; i < event.inputs.size(); ++i) {
                params.push_back(evm::param_name(event, i));
            }
            write_path(json, "/v1/events/" + in_path(contract) + "/" + in_path(event.name),
                       {route_of("events_of"),
                        schema_name("events." + name),
                        events_shape(schema_name("event." + name)),
                        {},
                        "param.",
                        params});
        }
    }
}

void write_components(JsonWriter& json, const engine::Plan& plan) {
    json.key("components").open_object();
    json.key("securitySchemes").raw(R"({"token":{"type":"http","scheme":"bearer"}})");
    json.key("schemas").open_object();
    for (const auto& shapes : {shared_shapes(), config_shapes(plan)}) {
        for (const auto& [name, shape] : shapes) {
            json.key(name).raw(schema_of(shape));
        }
    }
    json.close_object().close_object();
}

}  // namespace

std::string write_openapi(const engine::Plan& plan) {
    std::string body;
    JsonWriter json{body};
    json.open_object()
        .member("openapi", "3.1.0")
        .key("info")
        .open_object()
        .member("title", "plumbline")
        .member("version", engine::version())
        .close_object();
    write_components(json, plan);
    json.key("paths").open_object();
    std::string_view open_path;
    for (const Route& route : routes()) {
        if (route.pattern != open_path) {
            if (!open_path.empty()) {
                json.close_object();
            }
            open_path = route.pattern;
            json.key(route.pattern).open_object();
        }
        write_operation(json, {route, std::string{route.id}, std::string{answer_shape(route.id)},
                               variables_of(route.pattern)});
    }
    json.close_object();
    write_config_paths(json, plan);
    json.close_object().close_object();
    return body;
}

Response get_openapi(RequestContext& request) {
    return reply(write_openapi(*request.context().plan()));
}

}  // namespace plumbline::api
