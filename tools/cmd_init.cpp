// plumbline init: a first config for a contract.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/clock.hpp"
#include "core/base/visible_text.hpp"
#include "core/evm/abi_json.hpp"
#include "core/evm/checksum.hpp"
#include "core/evm/hex.hpp"
#include "engine/config/config.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/endpoint_text.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/setup/contract_look.hpp"
#include "engine/setup/event_sample.hpp"
#include "engine/setup/init.hpp"
#include "engine/setup/state_depth.hpp"
#include "engine/setup/template.hpp"
#include "rpc/curl_transport.hpp"
#include "rpc/provider.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"

namespace plumbline::tools {

namespace {

namespace fs = std::filesystem;

constexpr int64_t kAnswerMs = 10'000;
constexpr std::string_view kConfigName = "plumbline.toml";

Result<std::string> read_file(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    std::error_code error;
    // A directory can be opened and not be read.
    if (!in || fs::is_directory(path, error)) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("cannot read {}: {}", path, std::strerror(in ? EISDIR : errno))};
    }
    return std::string{std::istreambuf_iterator<char>{in}, {}};
}

Status write_new_file(const fs::path& path, const std::string& text) {
    std::ofstream out{path, std::ios::binary};
    out << text;
    out.close();
    if (!out) {
        return Error{ErrorCode::kIo,
                     fmt::format("cannot write {}: {}", path.string(), std::strerror(errno))};
    }
    return ok();
}

/// What is asked for, once it was read: every name is looked up here and nowhere else.
struct InitRequest {
    engine::InitOptions options;           ///< of the first contract
    std::optional<engine::Template> from;  ///< in place of an ABI
    std::vector<evm::Address> addresses;   ///< one; of a template one a contract, in its order
};

/// One a contract that the config names.
Result<std::vector<evm::Address>> read_addresses(const InitArguments& arguments,
                                                 const std::optional<engine::Template>& from) {
    size_t wanted = 1;
    std::string names = "the contract";
    if (from) {
        const auto contracts = engine::contracts_of(*from);
        wanted = contracts.size();
        names.clear();
        for (const auto& contract : contracts) {
            names += (names.empty() ? "" : ", then ") + contract.name;
        }
    }
    if (arguments.addresses.size() != wanted) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("--address is needed {}, of {}",
                                 wanted == 1 ? "once" : fmt::format("{} times", wanted), names)};
    }
    std::vector<evm::Address> out;
    for (const std::string& text : arguments.addresses) {
        const auto address = evm::parse_address(text);
        if (!address) {
            return Error{
                ErrorCode::kInvalidArgument,
                fmt::format("'{}' is not an address: expected 0x and 40 hex digits", text)};
        }
        if (evm::has_wrong_checksum(text, *address)) {
            return Error{ErrorCode::kInvalidArgument, evm::wrong_checksum_text(text, *address)};
        }
        out.push_back(*address);
    }
    return out;
}

/// Of a template that of its first contract.
Result<std::string> read_abi_text(const InitArguments& arguments,
                                  const std::optional<engine::Template>& from) {
    if (arguments.abi.empty() == arguments.from_template.empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     arguments.abi.empty()
                         ? "give --abi FILE, or --template NAME"
                         : "--abi and --template are both given: a template has its own ABI, so "
                           "leave out one of them"};
    }
    if (!from && (arguments.abi.ends_with(".sol") || arguments.abi.ends_with(".vy"))) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} is a contract's source: compile it, and give the ABI or the "
                                 "artifact that the compiler writes (solc --abi, vyper -f abi, "
                                 "out/ of forge, artifacts/ of hardhat)",
                                 arguments.abi)};
    }
    return from ? Result<std::string>{std::string{engine::contracts_of(*from).front().abi_json}}
                : read_file(arguments.abi);
}

/// What can be told without the chain, all at once.
Result<InitRequest> read_arguments(const InitArguments& arguments, const fs::path& config_path) {
    engine::Mistakes mistakes;
    const auto mistake = [&mistakes](std::string text) {
        mistakes.add(Status{Error{ErrorCode::kInvalidArgument, std::move(text)}});
    };
    InitRequest request;
    engine::InitOptions& out = request.options;
    std::error_code error;
    const fs::file_status there = fs::status(config_path, error);
    if (error && there.type() == fs::file_type::none) {
        mistake(fmt::format("cannot look into {}: {}", config_path.parent_path().string(),
                            error.message()));
    }
    if (fs::exists(there)) {
        mistake(fmt::format("{} is there already; choose another directory or remove it",
                            config_path.string()));
    }
    if (!arguments.from_template.empty()) {
        if (const auto from = engine::find_template(arguments.from_template); mistakes.add(from)) {
            request.from = *from;
        }
    }
    const bool is_named = arguments.from_template.empty() || request.from;
    bool has_abi = false;
    if (is_named) {
        if (auto addresses = read_addresses(arguments, request.from); mistakes.add(addresses)) {
            request.addresses = *std::move(addresses);
            out.address = request.addresses.front();
        }
        if (auto abi = read_abi_text(arguments, request.from); mistakes.add(abi)) {
            out.abi_json = *std::move(abi);
            has_abi = true;
        }
    }
    // A variable that is not set here may be set where it runs, if nobody is asked now.
    if (arguments.chain_id == 0 || !arguments.rpc.starts_with("env:")) {
        mistakes.add(engine::read_endpoints("--rpc", {arguments.rpc}));
    }
    out.abi_file = arguments.abi;
    out.contract = arguments.contract;
    out.rpc_url = arguments.rpc;
    out.start_block = arguments.start_block.value_or(0);
    out.chain_id = arguments.chain_id;
    // The ABI is checked before the network is asked.
    if (has_abi) {
        mistakes.add(engine::make_config(out));
    }
    PLUMBLINE_TRY_VOID(mistakes.all());
    return request;
}

void note(const std::string& text) {
    print_error(fmt::format("plumbline: {}\n", visible_lines(text)));
}

Error mistake(std::string text) {
    return {ErrorCode::kInvalidArgument, std::move(text)};
}

/// The topic0 of those events that a template's config indexes, of each of its contracts; none:
/// all.
Result<std::vector<std::vector<evm::Hash>>> topics_of(const InitRequest& request) {
    std::vector<std::vector<evm::Hash>> out(request.addresses.size());
    if (!request.from) {
        return out;
    }
    const std::string text =
        engine::fill_template(*request.from, {1, "http://localhost", request.addresses, 0});
    const auto read_file_of = [&](const std::string& name) -> Result<std::string> {
        const auto& files = request.from->files;
        const auto file = std::ranges::find(files, name, &engine::TemplateFile::name);
        return file == files.end() ? Result<std::string>{mistake("no file " + name)}
                                   : std::string{file->text};
    };
    PLUMBLINE_TRY(const engine::Config config,
                  engine::parse_config(text, std::string{kConfigName}, read_file_of));
    PLUMBLINE_TRY(const auto plan, engine::Plan::compile(config));
    const auto contracts = engine::contracts_of(*request.from);
    for (size_t i = 0; i < out.size(); ++i) {
        if (const int source = plan->find_source(contracts[i].name); source >= 0) {
            out[i] = plan->sources()[static_cast<size_t>(source)].topics0;
        }
    }
    return out;
}

/// The ABI against what is at the address.
Status hold_abi(engine::EndpointClient& client, const engine::InitOptions& options,
                const std::vector<evm::Hash>& topics0, const engine::ContractLook& look,
                uint64_t head) {
    PLUMBLINE_TRY(const evm::Abi abi, evm::read_abi(options.abi_json, options.contract));
    const std::string address = evm::to_checksum(options.address);
    const std::string of_proxy =
        look.proxy.empty()
            ? std::string{}
            : fmt::format("{} is an {} of {}: give the ABI of that contract, with this address",
                          address, look.proxy, evm::to_checksum(look.implementation));
    if (abi.events.empty()) {
        return mistake("the ABI has no events, so there is nothing to index" +
                       (of_proxy.empty() ? std::string{": give the ABI of the contract that emits "
                                                       "them"}
                                         : "; " + of_proxy));
    }
    const auto sample =
        engine::sample_events(client, options.address, {abi, topics0}, options.start_block, head);
    if (sample && sample->events == 0 && of_proxy.empty()) {
        note(fmt::format("{}: {}: is it the contract that emits what is to be indexed?", address,
                         describe_silence(*sample)));
    }
    if (sample && sample->unknown > 0) {
        const std::string text = describe(*sample);
        // The proxy's own events are in no ABI of what it stands for.
        if (sample->unknown + (of_proxy.empty() ? 0 : sample->of_proxies) >= sample->events) {
            return mistake(text + "; " +
                           (of_proxy.empty() ? "is it the ABI of another contract?" : of_proxy));
        }
        note(text + "; " + fate_of_unknown(*sample));
    }
    if (!of_proxy.empty()) {
        note(fmt::format(
            "{} is an {} of {}; {}", address, look.proxy, evm::to_checksum(look.implementation),
            !sample || sample->events == 0
                ? "it has no events yet that the ABI could be held against"
            : sample->unknown == 0 ? "the ABI knows its events"
                                   : "is that contract's ABI the one that was given?"));
    }
    return ok();
}

/// Asks the chain about all that would otherwise end in an empty index.
Status look_before(const InitArguments& arguments, const std::vector<evm::Hash>& topics0,
                   engine::InitOptions& options) {
    PLUMBLINE_TRY(const auto endpoints, engine::read_endpoints("--rpc", {arguments.rpc}));
    const rpc::Endpoint endpoint{endpoints.front().url, {}, {}};
    rpc::CurlTransport transport;
    engine::EndpointPatience patience;
    patience.timeout_ms = kAnswerMs;
    patience.silence_ms_max = kAnswerMs;
    engine::EndpointClient client{endpoint, transport, system_clock(), patience};
    const std::string name = rpc::display_name(endpoint.url, false);
    const std::string hint = "; with --chain-id N the config is written without asking";
    const auto chain = engine::look_at_chain(client);
    if (!chain) {
        return Error{chain.error().code,
                     fmt::format("{} {}: check the URL, and that the node runs{}", name,
                                 chain.error().message, hint)};
    }
    options.chain_id = chain->chain_id;
    if (options.start_block > chain->head) {
        return mistake(
            fmt::format("--start-block {} is above the chain's head, block {}: the "
                        "block of the deployment is meant; without the option it is "
                        "looked for",
                        options.start_block, chain->head));
    }
    const bool is_searched = !arguments.start_block.has_value();
    const auto look = engine::look_at_contract(client, options.address, *chain, is_searched);
    if (!look) {
        note(fmt::format("{} could not be looked at: {}", evm::to_checksum(options.address),
                         look.error().message));
        return ok();
    }
    if (!look->has_code) {
        return mistake(fmt::format(
            "there is no contract code at {} at block {} of chain {}: check "
            "the address, and whether {} is a node of its chain{}",
            evm::to_checksum(options.address), chain->head, chain->chain_id, name, hint));
    }
    if (look->deployed_in) {
        options.start_block = *look->deployed_in;
        options.is_start_found = true;
    } else if (!is_searched && options.start_block > 0) {
        if (engine::had_code(client, options.address, options.start_block - 1).value_or(false)) {
            note(
                fmt::format("{} had code before --start-block {}: what it emitted before that is "
                            "left out, and rows that count or add up begin there; without the "
                            "option the block of the deployment is looked for",
                            evm::to_checksum(options.address), options.start_block));
        }
    } else if (is_searched) {
        const auto depth = engine::find_state_depth(client, chain->head, 1);
        note(fmt::format(
            "{} has {}, so the block of the deployment could not be found: put it into "
            "start_block, which saves a long search. Contract calls of older events need an "
            "archive node; for what never changes write once = true, state = \"head\"",
            name,
            depth.since ? fmt::format("state since block {} only", *depth.since)
                        : std::string{"no state"}));
    }
    return hold_abi(client, options, topics0, *look, chain->head);
}

/// The same for a template's further contracts; indexing starts where the oldest was deployed.
Status look_at_others(const InitArguments& arguments, const engine::InitOptions& first,
                      const std::vector<std::vector<evm::Hash>>& topics, InitRequest& request) {
    engine::InitOptions& options = request.options;
    for (size_t i = 1; i < request.addresses.size(); ++i) {
        engine::InitOptions other = first;
        other.address = request.addresses[i];
        other.abi_json = engine::contracts_of(*request.from)[i].abi_json;
        PLUMBLINE_TRY_VOID(look_before(arguments, topics[i], other));
        options.start_block = std::min(options.start_block, other.start_block);
        options.is_start_found = options.is_start_found && other.is_start_found;
    }
    return ok();
}

}  // namespace

Status run_init(const InitArguments& arguments) {
    const fs::path directory{arguments.directory};
    const fs::path config_path = directory / kConfigName;
    PLUMBLINE_TRY(InitRequest request, read_arguments(arguments, config_path));
    engine::InitOptions& options = request.options;
    if (options.chain_id == 0) {
        const engine::InitOptions first = options;
        PLUMBLINE_TRY(const auto topics, topics_of(request));
        PLUMBLINE_TRY_VOID(look_before(arguments, topics.front(), options));
        PLUMBLINE_TRY_VOID(look_at_others(arguments, first, topics, request));
    }
    std::vector<std::pair<std::string, std::string>> files;
    if (!request.from) {
        PLUMBLINE_TRY(auto made, engine::make_config(options));
        files.emplace_back(made.abi_file, made.abi_json);
        files.emplace_back(kConfigName, made.config);
    } else {
        for (const engine::TemplateFile& file : request.from->files) {
            files.emplace_back(file.name, file.text);
        }
        const auto config = std::ranges::find(
            files, kConfigName, [](const auto& file) { return std::string_view{file.first}; });
        config->second = engine::fill_template(
            *request.from,
            {options.chain_id, options.rpc_url, request.addresses, options.start_block});
        std::rotate(config, config + 1, files.end());  // the config last: it says that all is there
    }

    std::error_code error;
    fs::create_directories(directory, error);
    if (error) {
        return Error{ErrorCode::kIo,
                     fmt::format("cannot make {}: {}", directory.string(), error.message())};
    }
    std::string others;
    for (const auto& [name, text] : files) {
        PLUMBLINE_TRY_VOID(write_new_file(directory / name, text));
        if (name != kConfigName) {
            others += (others.empty() ? "" : ", ") + (directory / name).string();
        }
    }
    return print(fmt::format(
        "Wrote {} and {}.\n{}Next: plumbline run {}\nIts page is then at {}\n",
        config_path.string(), others,
        options.is_start_found
            ? fmt::format("The contract was deployed in block {}: indexing starts there.\n",
                          options.start_block)
            : std::string{},
        as_word(config_path.string()), engine::kFirstPage));
}

}  // namespace plumbline::tools
