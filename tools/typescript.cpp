#include "tools/typescript.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/json_writer.hpp"
#include "core/evm/abi_json.hpp"
#include "core/evm/checksum.hpp"

namespace plumbline::tools {

namespace {

using Json = nlohmann::ordered_json;

/// A JSON string is one of TypeScript's, too.
std::string in_quotes(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

/// Null where it has none; no copy.
const Json& member_of(const Json& object, const char* name) {
    static const Json kNone;
    const auto found = object.find(name);
    return found == object.end() ? kNone : *found;
}

std::string type_of(const Json& schema);

std::string object_type(const Json& schema) {
    std::string out = "{ ";
    const Json& required = member_of(schema, "required");
    for (const auto& [name, of] : member_of(schema, "properties").items()) {
        const bool is_required = std::ranges::find(required, Json(name)) != required.end();
        out += fmt::format("{}{}: {}; ", in_quotes(name), is_required ? "" : "?", type_of(of));
    }
    if (const Json& others = member_of(schema, "additionalProperties"); others.is_object()) {
        out += fmt::format("[key: string]: {}; ", type_of(others));
    }
    return out + "}";
}

std::string union_of(const Json& all, const auto& each) {
    std::string out;
    for (const Json& one : all) {
        out += (out.empty() ? "" : " | ") + each(one);
    }
    return all.size() > 1 ? "(" + out + ")" : out;
}

/// Formats are left to the reader: TypeScript has no words for them.
std::string type_of(const Json& schema) {
    if (!schema.is_object()) {
        return "unknown";
    }
    if (const auto ref = schema.find("$ref"); ref != schema.end()) {
        const auto path = ref->get<std::string>();
        return fmt::format("components[\"schemas\"][{}]",
                           in_quotes(path.substr(path.rfind('/') + 1)));
    }
    if (const auto all = schema.find("oneOf"); all != schema.end()) {
        return union_of(*all, type_of);
    }
    if (const auto all = schema.find("enum"); all != schema.end()) {
        return union_of(*all, [](const Json& one) { return one.dump(); });
    }
    const std::string type = schema.value("type", "");
    if (type == "array") {
        return type_of(member_of(schema, "items")) + "[]";
    }
    if (type == "object") {
        return object_type(schema);
    }
    return type.empty() ? "unknown" : type == "integer" ? "number" : type;
}

/// Those of `place` ("query", "path").
std::string parameters_type(const Json& all, std::string_view place) {
    std::string out;
    bool is_required = false;
    for (const Json& one : all) {
        if (one.value("in", "") == place) {
            const bool needed = one.value("required", false);
            is_required = is_required || needed;
            out += fmt::format("{}{}: {}; ", in_quotes(one.value("name", "")), needed ? "" : "?",
                               type_of(one["schema"]));
        }
    }
    return out.empty() ? fmt::format("{}?: never; ", place)
                       : fmt::format("{}{}: {{ {}}}; ", place, is_required ? "" : "?", out);
}

std::string content_type(const Json& of) {
    std::string out;
    for (const auto& [mime, content] : member_of(of, "content").items()) {
        out += fmt::format("{}: {}; ", in_quotes(mime), type_of(content["schema"]));
    }
    return out.empty() ? "content?: never; " : "content: { " + out + "}; ";
}

std::string operation_type(const Json& operation) {
    const Json& parameters = member_of(operation, "parameters");
    std::string out = "{ parameters: { " + parameters_type(parameters, "query") +
                      "header?: never; " + parameters_type(parameters, "path") +
                      "cookie?: never; }; ";
    const auto body = operation.find("requestBody");
    out += body == operation.end() ? "requestBody?: never; "
                                   : "requestBody?: { " + content_type(*body) + "}; ";
    out += "responses: { ";
    for (const auto& [status, answer] : member_of(operation, "responses").items()) {
        out += fmt::format("{}: {{ headers: {{ [name: string]: unknown }}; {}}}; ", status,
                           content_type(answer));
    }
    return out + "} }";
}

std::string path_type(const Json& path) {
    constexpr std::string_view kMethods[] = {"get",     "put",  "post",  "delete",
                                             "options", "head", "patch", "trace"};
    std::string out =
        "{\n    parameters: { query?: never; header?: never; path?: never; cookie?: never };\n";
    for (const std::string_view method : kMethods) {
        const auto operation = path.find(method);
        if (operation == path.end()) {
            out += fmt::format("    {}?: never;\n", method);
            continue;
        }
        // A summary is text of our own, without an end of a comment in it.
        out += fmt::format("    /** {} */\n    {}: {};\n", operation->value("summary", ""), method,
                           operation_type(*operation));
    }
    return out + "  }";
}

/// As an ABI file spells it: "uint256[2][]", "tuple[]".
std::string abi_spelling(const evm::AbiType& type) {
    if (type.is_array()) {
        return abi_spelling(type.children[0]) +
               (type.kind == evm::TypeKind::kArray ? "[]" : fmt::format("[{}]", type.length));
    }
    return type.kind == evm::TypeKind::kTuple ? "tuple" : to_string(type);
}

/// Behind an opening bracket: name, type, and a tuple's components.
void write_param(JsonWriter& json, std::string_view name, const evm::AbiType& type) {
    json.member("name", name).member("type", abi_spelling(type));
    const evm::AbiType* inner = &type;
    while (inner->is_array()) {
        inner = &inner->children[0];
    }
    if (inner->kind == evm::TypeKind::kTuple) {
        json.key("components").open_array();
        for (size_t i = 0; i < inner->children.size(); ++i) {
            json.open_object();
            write_param(json, inner->names[i], inner->children[i]);
            json.close_object();
        }
        json.close_array();
    }
}

void write_params(JsonWriter& json, std::string_view key, const std::vector<evm::AbiParam>& params,
                  bool is_event) {
    json.key(key).open_array();
    for (const evm::AbiParam& param : params) {
        json.open_object();
        write_param(json, param.name, param.type);
        if (is_event) {
            json.member("indexed", param.indexed);
        }
        json.close_object();
    }
    json.close_array();
}

void write_abi(JsonWriter& json, const evm::Abi& abi) {
    json.open_array();
    for (const evm::AbiEvent& event : abi.events) {
        json.open_object().member("type", "event").member("name", event.name);
        json.member("anonymous", event.anonymous);
        write_params(json, "inputs", event.inputs, true);
        json.close_object();
    }
    for (const evm::AbiFunction& function : abi.functions) {
        // Of others it is not kept whether they are payable.
        if (function.read_only) {
            json.open_object().member("type", "function").member("name", function.name);
            json.member("stateMutability", "view");
            write_params(json, "inputs", function.inputs, false);
            write_params(json, "outputs", function.outputs, false);
            json.close_object();
        }
    }
    json.close_array();
}

void write_address(JsonWriter& json, const std::vector<evm::Address>& addresses) {
    if (addresses.size() == 1) {
        json.member("address", evm::to_checksum(addresses[0]));
    } else if (!addresses.empty()) {
        std::vector<std::string> texts;
        std::ranges::transform(addresses, std::back_inserter(texts), evm::to_checksum);
        json.member("address", texts);
    }
}

}  // namespace

Result<std::string> typescript_types(const std::string& document) {
    const Json read = Json::parse(document, nullptr, false);
    if (!read.is_object() || !read.contains("paths") || !read.contains("components")) {
        return Error{ErrorCode::kDecode, "this is no OpenAPI document"};
    }
    std::string out = "export interface paths {\n";
    for (const auto& [path, of] : read["paths"].items()) {
        out += fmt::format("  {}: {};\n", in_quotes(path), path_type(of));
    }
    out += "}\n\nexport interface components {\n  schemas: {\n";
    for (const auto& [name, of] : read["components"]["schemas"].items()) {
        out += fmt::format("    {}: {};\n", in_quotes(name), type_of(of));
    }
    return out + "  };\n}\n";
}

std::string typescript_contracts(const engine::Config& config, const engine::Plan& plan) {
    std::string out = "export const contracts = ";
    JsonWriter json{out, JsonWriter::Layout::kIndented};
    json.open_object();
    for (const engine::ContractConfig& contract : config.contracts) {
        const int source = plan.find_source(contract.name);
        json.key(contract.name).open_object();
        write_address(json, contract.addresses);
        json.key("abi");
        if (source >= 0) {
            write_abi(json, plan.abi(static_cast<size_t>(source)));
        } else {
            json.open_array().close_array();
        }
        json.close_object();
    }
    json.close_object();
    return out + " as const;\n";
}

}  // namespace plumbline::tools
