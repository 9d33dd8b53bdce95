#include "core/evm/abi_json.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/evm/abi_human.hpp"

namespace plumbline::evm {

namespace {

using Json = nlohmann::json;

constexpr size_t kJsonDepthMax = 256;

Error abi_error(std::string_view where, std::string_view what) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", where, what)};
}

/// How deep brackets nest, so that a hostile file cannot make a tree of millions of levels.
bool nests_too_deep(std::string_view json) {
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (in_string) {
            i += c == '\\' ? 1 : 0;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > kJsonDepthMax) {
                return true;
            }
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return false;
}

/// What a file with an ABI may hold it under.
constexpr std::array<std::string_view, 6> kOuterKeys{"abi",    "contracts", "output",
                                                     "result", "status",    "message"};
/// Of a compiler's output, below that; no part of an ABI has such a key.
constexpr std::array<std::string_view, 10> kBulkyKeys{
    "sources", "evm",           "metadata", "devdoc",      "userdoc",
    "ir",      "storageLayout", "ewasm",    "irOptimized", "SourceCode"};

template <size_t N>
bool is_one_of(std::string_view key, const std::array<std::string_view, N>& keys) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

Result<Json> parse_json(std::string_view text) {
    if (text.size() > kAbiJsonSizeMax) {
        return Error{ErrorCode::kTooLarge, "the ABI file is larger than 64 MiB"};
    }
    if (nests_too_deep(text)) {
        return Error{ErrorCode::kInvalidArgument, "the ABI file is nested deeper than 256 levels"};
    }
    // Only ABIs are kept: bytecode, sources and syntax trees can be most of the file.
    const auto keep = [](int depth, Json::parse_event_t event, const Json& value) {
        if (event != Json::parse_event_t::key) {
            return true;
        }
        const auto* key = value.get_ptr<const std::string*>();
        return key != nullptr &&
               (depth == 1 ? is_one_of(*key, kOuterKeys) : !is_one_of(*key, kBulkyKeys));
    };
    Json json = Json::parse(text.begin(), text.end(), keep, false);
    if (json.is_discarded()) {
        return Error{ErrorCode::kInvalidArgument, "the ABI file is not valid JSON"};
    }
    return json;
}

const Json* member(const Json& object, const char* key) {
    if (!object.is_object()) {
        return nullptr;
    }
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

const std::string* text_member(const Json& object, const char* key) {
    const Json* value = member(object, key);
    return value == nullptr ? nullptr : value->get_ptr<const std::string*>();
}

bool is_identifier(std::string_view name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
    };
    return !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9');
    });
}

/// Types that a library's own ABI may name and that no call from outside can carry: storage
/// pointers, mappings, contracts, structs and enums by name. "uint7" and "bytes33" are none.
bool is_library_type(std::string_view text) {
    if (text.find(' ') != std::string_view::npos || text.find('.') != std::string_view::npos ||
        text.starts_with("fixed") || text.starts_with("ufixed")) {
        return true;
    }
    constexpr std::string_view kElementary[] = {"uint",  "int",    "bool",     "address",
                                                "bytes", "string", "function", "tuple"};
    return is_identifier(text.substr(0, text.find('['))) &&
           std::ranges::none_of(kElementary, [text](std::string_view elementary) {
               return text.starts_with(elementary);
           });
}

/// Reads the entries of one ABI array. `skip_` is set where an error only means "leave it out".
class AbiReader {
  public:
    Result<Abi> read(const Json& entries) {
        if (entries.size() > kAbiEntriesMax) {
            return Error{ErrorCode::kTooLarge, "the ABI has more than 4096 entries"};
        }
        if (!entries.empty() && std::all_of(entries.begin(), entries.end(),
                                            [](const Json& entry) { return entry.is_string(); })) {
            return read_lines(entries);
        }
        for (size_t i = 0; i < entries.size(); ++i) {
            PLUMBLINE_TRY_VOID(read_entry(entries[i], fmt::format("abi[{}]", i)));
        }
        return std::move(abi_);
    }

  private:
    static Result<Abi> read_lines(const Json& entries) {
        std::vector<AbiLine> lines;
        for (size_t i = 0; i < entries.size(); ++i) {
            lines.push_back({fmt::format("abi[{}]", i), *entries[i].get_ptr<const std::string*>()});
        }
        return read_human_abi(lines);
    }

    Status read_entry(const Json& entry, const std::string& where) {
        if (!entry.is_object()) {
            return abi_error(where, "expected an object");
        }
        const Json* type = member(entry, "type");
        if (type != nullptr && !type->is_string()) {
            return abi_error(where + ".type", "expected a string");
        }
        // The specification lets "type" be left out for functions.
        const std::string kind =
            type == nullptr ? "function" : *type->get_ptr<const std::string*>();
        if (kind == "event") {
            return read_event(entry, where);
        }
        if (kind == "function") {
            return read_function(entry, where);
        }
        if (kind == "constructor" || kind == "fallback" || kind == "receive" || kind == "error") {
            return ok();
        }
        return abi_error(where + ".type", fmt::format("unknown kind of entry \"{}\"", kind));
    }

    Status read_event(const Json& entry, const std::string& where) {
        skip_ = false;
        auto event = read_event_body(entry, where);
        if (event) {
            abi_.add(*std::move(event));
            return ok();
        }
        const std::string* name = text_member(entry, "name");
        if (!skip_ || name == nullptr) {
            return std::move(event).error();
        }
        abi_.skipped_events.emplace_back(*name, event.error().message);
        return ok();
    }

    Result<AbiEvent> read_event_body(const Json& entry, const std::string& where) {
        AbiEvent event;
        PLUMBLINE_TRY(event.name, read_name(entry, where));
        PLUMBLINE_TRY(event.anonymous, read_flag(entry, "anonymous", where));
        PLUMBLINE_TRY(event.inputs, read_params(entry, "inputs", where, true));
        const auto indexed =
            static_cast<size_t>(std::ranges::count(event.inputs, true, &AbiParam::indexed));
        const size_t limit = event.anonymous ? 4 : 3;
        if (indexed > limit) {
            return abi_error(
                where + ".inputs",
                fmt::format("{} indexed parameters, at most {} are possible", indexed, limit));
        }
        return event;
    }

    Status read_function(const Json& entry, const std::string& where) {
        skip_ = false;
        auto function = read_function_body(entry, where);
        if (!function) {
            if (!skip_) {
                return std::move(function).error();
            }
            abi_.skipped.push_back(function.error().message);
            return ok();
        }
        abi_.add(*std::move(function));
        return ok();
    }

    Result<AbiFunction> read_function_body(const Json& entry, const std::string& where) {
        AbiFunction function;
        PLUMBLINE_TRY(function.name, read_name(entry, where));
        PLUMBLINE_TRY(const bool constant, read_flag(entry, "constant", where));
        PLUMBLINE_TRY(function.inputs, read_params(entry, "inputs", where, false));
        PLUMBLINE_TRY(function.outputs, read_params(entry, "outputs", where, false));
        const std::string* mutability = text_member(entry, "stateMutability");
        function.read_only =
            mutability == nullptr ? constant : *mutability == "view" || *mutability == "pure";
        return function;
    }

    static Result<std::string> read_name(const Json& entry, const std::string& where) {
        const std::string* name = text_member(entry, "name");
        if (name == nullptr) {
            return abi_error(where + ".name", "expected a string");
        }
        if (!is_identifier(*name)) {
            return abi_error(where + ".name", fmt::format("\"{}\" is not an identifier", *name));
        }
        return *name;
    }

    static Result<bool> read_flag(const Json& entry, const char* key, const std::string& where) {
        const Json* value = member(entry, key);
        if (value == nullptr) {
            return false;
        }
        if (!value->is_boolean()) {
            return abi_error(fmt::format("{}.{}", where, key), "expected true or false");
        }
        return *value->get_ptr<const bool*>();
    }

    Result<std::vector<AbiParam>> read_params(const Json& entry, const char* key,
                                              const std::string& where, bool of_event) {
        std::vector<AbiParam> out;
        const std::string list = fmt::format("{}.{}", where, key);
        const Json* params = member(entry, key);
        if (params == nullptr && !of_event) {
            return out;
        }
        if (params == nullptr || !params->is_array()) {
            return abi_error(list, "expected an array");
        }
        if (params->size() > kAbiComponentsMax) {
            return abi_error(list, "more than 256 parameters");
        }
        std::set<std::string_view> names;
        for (size_t i = 0; i < params->size(); ++i) {
            const Json& item = (*params)[i];
            const std::string at = fmt::format("{}[{}]", list, i);
            PLUMBLINE_TRY(AbiParam param, read_param(item, at, 0));
            if (of_event) {
                PLUMBLINE_TRY(param.indexed, read_flag(item, "indexed", at));
                const std::string* name = text_member(item, "name");
                if (name != nullptr && !name->empty() && !names.insert(*name).second) {
                    return abi_error(at + ".name", fmt::format("\"{}\" is used twice", *name));
                }
            }
            out.push_back(std::move(param));
        }
        return out;
    }

    Result<AbiParam> read_param(const Json& item, const std::string& where, uint32_t depth) {
        if (!item.is_object()) {
            return abi_error(where, "expected an object");
        }
        AbiParam param;
        if (const Json* name = member(item, "name")) {
            const std::string* text = name->get_ptr<const std::string*>();
            if (text == nullptr) {
                return abi_error(where + ".name", "expected a string");
            }
            if (!text->empty() && !is_identifier(*text)) {
                return abi_error(where + ".name",
                                 fmt::format("\"{}\" is not an identifier", *text));
            }
            param.name = *text;
        }
        const std::string* type = text_member(item, "type");
        if (type == nullptr) {
            return abi_error(where + ".type", "expected a string");
        }
        auto parsed = type->starts_with("tuple") ? read_tuple(item, *type, where, depth)
                                                 : parse_elementary(*type, where);
        if (!parsed) {
            return std::move(parsed).error();
        }
        param.type = *std::move(parsed);
        return param;
    }

    Result<AbiType> parse_elementary(const std::string& text, const std::string& where) {
        auto type = parse_type(text);
        if (!type) {
            skip_ = is_library_type(text);
            return std::move(type).error().with_context(where + ".type");
        }
        return type;
    }

    Result<AbiType> read_tuple(const Json& item, const std::string& text, const std::string& where,
                               uint32_t depth) {
        const Json* components = member(item, "components");
        const std::string list = where + ".components";
        if (components == nullptr || !components->is_array()) {
            return abi_error(list, "a tuple needs an array of components");
        }
        if (components->size() > kAbiComponentsMax) {
            return abi_error(list, "more than 256 components");
        }
        if (depth >= kAbiDepthMax) {
            return abi_error(list, "nested deeper than 16 levels");
        }
        AbiType tuple;
        tuple.kind = TypeKind::kTuple;
        tuple.bits = 0;
        for (size_t i = 0; i < components->size(); ++i) {
            const std::string at = fmt::format("{}[{}]", list, i);
            PLUMBLINE_TRY(AbiParam child, read_param((*components)[i], at, depth + 1));
            if (!child.name.empty() &&
                std::ranges::find(tuple.names, child.name) != tuple.names.end()) {
                return abi_error(at + ".name", fmt::format("\"{}\" is used twice", child.name));
            }
            tuple.children.push_back(std::move(child.type));
            tuple.names.push_back(std::move(child.name));
        }
        auto type = parse_tuple_type(text, std::move(tuple));
        if (!type) {
            return std::move(type).error().with_context(where + ".type");
        }
        return type;
    }

    Abi abi_;
    bool skip_ = false;
};

/// Reads the value of an "abi" key: an array, or its text as old compilers write it.
Result<Abi> read_abi_value(const Json& value) {
    if (value.is_array()) {
        return AbiReader{}.read(value);
    }
    if (const auto* text = value.get_ptr<const std::string*>()) {
        PLUMBLINE_TRY(const Json inner, parse_json(*text));
        if (inner.is_array()) {
            return AbiReader{}.read(inner);
        }
    }
    return Error{ErrorCode::kInvalidArgument, "\"abi\": expected an array"};
}

bool has_entries(const Json& abi) {
    if (const auto* text = abi.get_ptr<const std::string*>()) {
        return *text != "[]";
    }
    return abi.is_array() && !abi.empty();
}

/// A contract in compiler output: where it was declared, and its "abi".
struct NamedAbi {
    std::string path;  ///< "contracts/Hub.sol:Hub"
    const Json* abi = nullptr;
};

Result<Abi> read_compiler_output(const Json& contracts, std::string_view wanted) {
    std::vector<NamedAbi> found;
    for (const auto& [file, content] : contracts.items()) {
        if (const Json* abi = member(content, "abi")) {  // --combined-json: "file:Name"
            found.push_back(NamedAbi{file, abi});
            continue;
        }
        if (!content.is_object()) {
            continue;
        }
        for (const auto& [name, contract] : content.items()) {  // --standard-json: file, Name
            if (const Json* abi = member(contract, "abi")) {
                found.push_back(NamedAbi{fmt::format("{}:{}", file, name), abi});
            }
        }
    }
    std::erase_if(found, [&](const NamedAbi& item) {
        const std::string_view path = item.path;
        const size_t colon = path.rfind(':');
        return wanted.empty() ? !has_entries(*item.abi)
                              : path != wanted && path.substr(colon + 1) != wanted;
    });
    if (found.size() == 1) {
        return read_abi_value(*found.front().abi);
    }
    if (found.empty()) {
        return Error{ErrorCode::kNotFound,
                     wanted.empty() ? "no contract in the file has an ABI"
                                    : fmt::format("no contract \"{}\" in the file", wanted)};
    }
    std::string names;
    for (const NamedAbi& item : found) {
        names += names.empty() ? "" : ", ";
        names += item.path;
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the file holds several contracts, say which one: {}", names)};
}

/// {"status": "1", "message": "OK", "result": ..}: of getabi the ABI's text, of getsourcecode a
/// list with one object that has it.
Result<Abi> read_explorer_answer(const Json& root, const Json& result) {
    const Json* abi = &result;
    if (result.is_array() && result.size() == 1 && member(result[0], "ABI") != nullptr) {
        abi = member(result[0], "ABI");
    }
    const auto* text = abi->get_ptr<const std::string*>();
    const bool is_abi = abi->is_array() || (text != nullptr && text->starts_with('['));
    if (is_abi) {
        return read_abi_value(*abi);
    }
    const std::string* message = text_member(root, "message");
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the explorer's answer holds no ABI: {}",
                             text != nullptr      ? text->substr(0, 200)
                             : message != nullptr ? message->substr(0, 200)
                                                  : "its \"result\" is something else")};
}

/// Whether the text starts as a line of a human-readable ABI does, rather than as JSON.
bool is_declaration(std::string_view text) {
    return text.starts_with("//") || text.starts_with("/*") || text.starts_with("#") ||
           (text.front() >= 'a' && text.front() <= 'z' && text.find('(') != std::string_view::npos);
}

}  // namespace

Result<Abi> read_abi(std::string_view text, std::string_view contract) {
    const size_t first = text.find_first_not_of("\xEF\xBB\xBF \t\r\n");
    if (first != std::string_view::npos && text.size() <= kAbiJsonSizeMax &&
        is_declaration(text.substr(first))) {
        return read_human_abi(text.substr(first));
    }
    PLUMBLINE_TRY(const Json root, parse_json(text));
    if (root.is_array()) {
        return AbiReader{}.read(root);
    }
    if (const Json* abi = member(root, "abi")) {
        return read_abi_value(*abi);
    }
    const Json* output = member(root, "output");  // Hardhat's build-info
    if (const Json* contracts = member(output == nullptr ? root : *output, "contracts");
        contracts != nullptr && contracts->is_object()) {
        return read_compiler_output(*contracts, contract);
    }
    if (const Json* result = member(root, "result")) {
        return read_explorer_answer(root, *result);
    }
    return Error{
        ErrorCode::kInvalidArgument,
        "expected an array of ABI entries, an artifact with an \"abi\" array, a "
        "compiler's output, an explorer's answer, or lines like \"event Name(type name)\""};
}

}  // namespace plumbline::evm
