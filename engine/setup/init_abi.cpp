#include "engine/setup/init_abi.hpp"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace plumbline::engine {

namespace {

using Json = nlohmann::ordered_json;

std::string to_text(const Json& abi) {
    return abi.is_array() ? abi.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : "";
}

/// `value` itself where it is an array, or what its text says (old compilers).
Json abi_value(const Json& value) {
    return value.is_string() ? Json::parse(value.get_ref<const std::string&>(), nullptr, false)
                             : value;
}

std::string text_member(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// The name in the metadata that Foundry keeps in an artifact.
std::string compilation_target(const Json& artifact) {
    const Json::json_pointer where{"/metadata/settings/compilationTarget"};
    if (!artifact.contains(where)) {
        return "";
    }
    const Json& target = artifact.at(where);
    if (!target.is_object() || target.size() != 1 || !target.begin()->is_string()) {
        return "";
    }
    return target.begin()->get<std::string>();
}

/// Of an explorer's getabi, or of its getsourcecode.
FoundAbi of_explorer(const Json& result) {
    if (!result.is_array() || result.size() != 1 || !result[0].is_object() ||
        !result[0].contains("ABI")) {
        return {"", to_text(abi_value(result))};
    }
    return {text_member(result[0], "ContractName"), to_text(abi_value(result[0]["ABI"]))};
}

}  // namespace

FoundAbi find_abi(const InitOptions& options) {
    const Json root = Json::parse(options.abi_json, nullptr, false);
    if (root.is_array()) {
        return {"", to_text(root)};
    }
    if (!root.is_object()) {
        return {};
    }
    if (const auto abi = root.find("abi"); abi != root.end()) {
        const std::string name = text_member(root, "contractName");
        return {name.empty() ? compilation_target(root) : name, to_text(abi_value(*abi))};
    }
    if (const auto result = root.find("result"); result != root.end()) {
        return of_explorer(*result);
    }
    const auto output = root.find("output");  // Hardhat's build-info
    const Json& compiled = output != root.end() && output->is_object() ? *output : root;
    const auto contracts = compiled.find("contracts");
    if (contracts == compiled.end() || !contracts->is_object()) {
        return {};
    }
    std::vector<std::pair<std::string, FoundAbi>> all;
    const auto collect = [&all](const std::string& path, const std::string& name,
                                const Json& contract) {
        const auto abi = contract.find("abi");
        if (abi == contract.end()) {
            return false;
        }
        if (const Json value = abi_value(*abi); !value.empty()) {
            all.emplace_back(path + ":" + name, FoundAbi{name, to_text(value)});
        }
        return true;
    };
    for (const auto& [file, content] : contracts->items()) {
        if (!content.is_object()) {
            continue;
        }
        const size_t colon = file.rfind(':');
        const bool has_colon = colon != std::string::npos;
        if (collect(file.substr(0, has_colon ? colon : 0),
                    has_colon ? file.substr(colon + 1) : file, content)) {
            continue;
        }
        for (const auto& [name, contract] : content.items()) {
            if (contract.is_object()) {
                collect(file, name, contract);
            }
        }
    }
    if (all.size() == 1) {
        return all.front().second;
    }
    for (auto& [path, found] : all) {
        if (path == options.contract || found.name == options.contract) {
            return found;
        }
    }
    return {};
}

}  // namespace plumbline::engine
