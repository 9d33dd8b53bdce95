// The OpenAPI document, written from the route table, so that it cannot say anything else.
#include <algorithm>

#include "api/routes/handlers.hpp"
#include "engine/service/version.hpp"

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

void write_parameter(JsonWriter& json, std::string_view name, std::string_view where,
                     std::string_view type, std::string_view about, bool many) {
    json.open_object().member("name", name).member("in", where);
    if (where == "path") {
        json.member("required", true);
    }
    if (!about.empty()) {
        json.member("description", about);
    }
    json.key("schema").open_object();
    if (many) {
        json.member("type", "array").key("items").open_object().member("type", type).close_object();
    } else {
        json.member("type", type);
    }
    json.close_object().close_object();
}

void write_response(JsonWriter& json, std::string_view status, std::string_view about) {
    json.key(status).open_object().member("description", about).close_object();
}

void write_operation(JsonWriter& json, const Route& route) {
    std::string method{route.method};
    std::ranges::transform(method, method.begin(),
                           [](char c) { return static_cast<char>(c | 0x20); });
    json.key(method)
        .open_object()
        .member("operationId", route.id)
        .member("summary", route.about)
        .key("parameters")
        .open_array();
    for (const std::string_view name : variables_of(route.pattern)) {
        write_parameter(json, name, "path", "string", {}, false);
    }
    for (const QueryParam& param : route.query) {
        write_parameter(json, param.name, "query", param.type, param.about, param.many);
    }
    json.close_array();
    if (!route.body.empty()) {
        json.key("requestBody")
            .open_object()
            .member("description", route.body)
            .key("content")
            .open_object()
            .key("application/json")
            .open_object()
            .key("schema")
            .open_object()
            .member("type", "object")
            .close_object()
            .close_object()
            .close_object()
            .close_object();
    }
    if (route.changes) {
        json.key("security")
            .open_array()
            .open_object()
            .key("token")
            .open_array()
            .close_array()
            .close_object()
            .close_array();
    }
    json.key("responses").open_object();
    write_response(json, "default", "done, or {\"error\":{\"code\",\"message\"}}");
    json.close_object().close_object();
}

}  // namespace

Response get_openapi(RequestContext& /*request*/) {
    std::string body;
    JsonWriter json{body};
    json.open_object()
        .member("openapi", "3.0.3")
        .key("info")
        .open_object()
        .member("title", "plumbline")
        .member("version", engine::version())
        .close_object()
        .key("components")
        .raw(R"({"securitySchemes":{"token":{"type":"http","scheme":"bearer"}}})")
        .key("paths")
        .open_object();
    std::string_view open_path;
    for (const Route& route : routes()) {
        if (route.pattern != open_path) {
            if (!open_path.empty()) {
                json.close_object();
            }
            open_path = route.pattern;
            json.key(route.pattern).open_object();
        }
        write_operation(json, route);
    }
    json.close_object().close_object().close_object();
    return reply(std::move(body));
}

}  // namespace plumbline::api
