#include "engine/setup/template.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "core/evm/checksum.hpp"
#include "engine/setup/init.hpp"

namespace plumbline::engine {

namespace {

constexpr std::string_view kConfig = "plumbline.toml";
constexpr std::string_view kContractHead = "[contracts.";

std::string_view file_of(const Template& from, std::string_view name) {
    const auto file = std::ranges::find(from.files, name, &TemplateFile::name);
    return file == from.files.end() ? std::string_view{} : file->text;
}

/// What stands in quotes behind `key = `, where the line begins with that.
std::string_view quoted_value(std::string_view line, std::string_view key) {
    if (!line.starts_with(key) || !line.substr(key.size()).starts_with(" = \"")) {
        return {};
    }
    line.remove_prefix(key.size() + std::string_view{" = \""}.size());
    return line.substr(0, line.find('"'));
}

std::string_view next_line(std::string_view& text) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

}  // namespace

Result<Template> find_template(std::string_view name) {
    std::string names;
    for (const Template& one : templates()) {
        if (one.name == name) {
            return one;
        }
        names += (names.empty() ? "" : ", ") + std::string{one.name};
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("there is no template '{}'; there are {}", name, names)};
}

std::vector<TemplateContract> contracts_of(const Template& from) {
    std::vector<TemplateContract> out;
    std::string_view text = file_of(from, kConfig);
    std::string contract;
    std::string_view abi;
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        if (line.starts_with(kContractHead)) {
            contract = line.substr(kContractHead.size(), line.find(']') - kContractHead.size());
        } else if (const std::string_view file = quoted_value(line, "abi"); !file.empty()) {
            abi = file_of(from, file);
        } else if (!quoted_value(line, "address").empty()) {
            out.push_back({contract, abi});
        }
    }
    return out;
}

std::string fill_template(const Template& from, const TemplateValues& values) {
    std::string out;
    std::string_view text = file_of(from, kConfig);
    size_t next = 0;
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        if (line.starts_with("id = ")) {
            fmt::format_to(std::back_inserter(out), "id = {}", values.chain_id);
        } else if (line.starts_with("rpc = ")) {
            fmt::format_to(std::back_inserter(out), "rpc = \"{}\"", values.rpc_url);
        } else if (line.starts_with("start_block = ")) {
            fmt::format_to(std::back_inserter(out), "start_block = {}", values.start_block);
        } else if (!quoted_value(line, "address").empty() && next < values.addresses.size()) {
            fmt::format_to(std::back_inserter(out), "address = \"{}\"",
                           evm::to_checksum(values.addresses[next++]));
        } else {
            out += line;
        }
        out += '\n';
    }
    if (out.find("[http]") == std::string::npos) {
        out += fmt::format("\n{}", kHttpSection);
    }
    return out;
}

}  // namespace plumbline::engine
