// plumbline init: a first config for a contract.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/clock.hpp"
#include "core/base/visible_text.hpp"
#include "core/evm/abi_json.hpp"
#include "core/evm/checksum.hpp"
#include "core/evm/hex.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/endpoint_text.hpp"
#include "engine/setup/contract_look.hpp"
#include "engine/setup/init.hpp"
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
    if (!in) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("cannot read {}: {}", path, std::strerror(errno))};
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

/// What can be told without the chain, all at once.
Result<engine::InitOptions> read_arguments(const InitArguments& arguments,
                                           const fs::path& config_path) {
    engine::Mistakes mistakes;
    const auto mistake = [&mistakes](std::string text) {
        mistakes.add(Status{Error{ErrorCode::kInvalidArgument, std::move(text)}});
    };
    engine::InitOptions out;
    if (fs::exists(config_path)) {
        mistake(fmt::format("{} is there already; choose another directory or remove it",
                            config_path.string()));
    }
    if (const auto address = evm::parse_address(arguments.address); !address) {
        mistake(fmt::format("'{}' is not an address: expected 0x and 40 hex digits",
                            arguments.address));
    } else if (evm::has_wrong_checksum(arguments.address, *address)) {
        mistake(
            fmt::format("the letter case of {} is no valid checksum, so a character may be "
                        "wrong; it would be {}, or all lower case",
                        arguments.address, evm::to_checksum(*address)));
    } else {
        out.address = *address;
    }
    // A variable that is not set here may be set where it runs, if nobody is asked now.
    if (arguments.chain_id == 0 || !arguments.rpc.starts_with("env:")) {
        mistakes.add(engine::read_endpoints("--rpc", {arguments.rpc}));
    }
    if (auto abi = read_file(arguments.abi); mistakes.add(abi)) {
        out.abi_json = *std::move(abi);
    }
    out.abi_file = arguments.abi;
    out.contract = arguments.contract;
    out.rpc_url = arguments.rpc;
    out.start_block = arguments.start_block.value_or(0);
    out.chain_id = arguments.chain_id;
    // The ABI is checked before the network is asked.
    if (!out.abi_json.empty()) {
        mistakes.add(engine::make_config(out));
    }
    PLUMBLINE_TRY_VOID(mistakes.all());
    return out;
}

void note(const std::string& text) {
    fmt::print(stderr, "plumbline: {}\n", visible_lines(text));
}

Error mistake(std::string text) {
    return {ErrorCode::kInvalidArgument, std::move(text)};
}

/// The ABI against what is at the address.
Status hold_abi(engine::EndpointClient& client, const engine::InitOptions& options,
                const engine::ContractLook& look, uint64_t head) {
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
        engine::sample_events(client, options.address, abi, options.start_block, head);
    if (sample && sample->unknown > 0) {
        const std::string text = describe(*sample);
        if (sample->unknown == sample->events) {
            return mistake(text + "; " +
                           (of_proxy.empty() ? "is it the ABI of another contract?" : of_proxy));
        }
        note(text + "; they are stored, and nothing is made of them");
    }
    if (!of_proxy.empty()) {
        note(fmt::format("{} is an {} of {}; the ABI knows its events", address, look.proxy,
                         evm::to_checksum(look.implementation)));
    }
    return ok();
}

/// Asks the chain about all that would otherwise end in an empty index.
Status look_before(const InitArguments& arguments, engine::InitOptions& options) {
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
        return Error{chain.error().code, fmt::format("{} does not tell its chain: {}{}", name,
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
        note(fmt::format("{} could not be looked at: {}", arguments.address, look.error().message));
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
    } else if (is_searched) {
        note(
            fmt::format("{} keeps no state of old blocks, so the block of the deployment could "
                        "not be found: put it into start_block, which saves a long search",
                        name));
    }
    return hold_abi(client, options, *look, chain->head);
}

/// As few paths need: plain, where the shell takes it for one word as it is.
std::string as_word(const std::string& path) {
    const bool is_plain = path.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "/._-+") == std::string::npos;
    return is_plain ? path : shell_quoted(path);
}

}  // namespace

Status run_init(const InitArguments& arguments) {
    const fs::path directory{arguments.directory};
    const fs::path config_path = directory / kConfigName;
    PLUMBLINE_TRY(engine::InitOptions options, read_arguments(arguments, config_path));
    if (options.chain_id == 0) {
        PLUMBLINE_TRY_VOID(look_before(arguments, options));
    }
    PLUMBLINE_TRY(const auto files, engine::make_config(options));

    std::error_code error;
    fs::create_directories(directory, error);
    if (error) {
        return Error{ErrorCode::kIo,
                     fmt::format("cannot make {}: {}", directory.string(), error.message())};
    }
    PLUMBLINE_TRY_VOID(write_new_file(directory / files.abi_file, files.abi_json));
    PLUMBLINE_TRY_VOID(write_new_file(config_path, files.config));
    return print(fmt::format(
        "Wrote {} and {}.\n{}Next: plumbline run {}\n", config_path.string(),
        (directory / files.abi_file).string(),
        options.is_start_found
            ? fmt::format("The contract was deployed in block {}: indexing starts there.\n",
                          options.start_block)
            : std::string{},
        as_word(config_path.string())));
}

}  // namespace plumbline::tools
