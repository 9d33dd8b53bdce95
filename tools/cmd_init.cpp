// plumbline init: a first config for a contract.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/config/config_secrets.hpp"
#include "engine/config/endpoint_text.hpp"
#include "engine/setup/init.hpp"
#include "rpc/provider_pool.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"

namespace plumbline::tools {

namespace {

namespace fs = std::filesystem;

constexpr int64_t kChainIdWaitMs = 10'000;
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

/// 0 where the endpoint does not answer in time: the config then says that the id has to be set.
uint64_t ask_chain_id(const std::string& given) {
    const auto url = engine::resolve_env(given);
    if (!url) {
        return 0;
    }
    rpc::PoolOptions options;
    options.endpoints = {{*url, {}, {}}};
    options.deadline_ms = kChainIdWaitMs;
    options.request_timeout_ms = kChainIdWaitMs;
    options.attempts_max = 2;
    const auto chain = rpc::make_chain_source(std::move(options));
    auto id = rpc::await<uint64_t>(*chain, kChainIdWaitMs,
                                   [&chain](auto done) { chain->get_chain_id(std::move(done)); });
    if (!id) {
        fmt::print(stderr,
                   "plumbline: the endpoint did not tell its chain id ({}); set it in the config\n",
                   id.error().message);
        return 0;
    }
    return *id;
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
    if (fs::exists(config_path)) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} is there already; choose another directory or remove it",
                                 config_path.string())};
    }
    engine::InitOptions options;
    const auto address = evm::parse_address(arguments.address);
    if (!address) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("'{}' is not an address: expected 0x and 40 hex digits",
                                 arguments.address)};
    }
    options.address = *address;
    PLUMBLINE_TRY(options.abi_json, read_file(arguments.abi));
    options.abi_file = arguments.abi;
    options.contract = arguments.contract;
    // Written as it was given: a variable that is not set here may be set where it runs.
    if (!arguments.rpc.starts_with("env:")) {
        PLUMBLINE_TRY_VOID(engine::read_endpoints("--rpc", {arguments.rpc}));
    }
    options.rpc_url = arguments.rpc;
    options.start_block = arguments.start_block;
    // The ABI is checked before the network is asked.
    PLUMBLINE_TRY(auto files, engine::make_config(options));
    options.chain_id = ask_chain_id(arguments.rpc);
    PLUMBLINE_TRY(files, engine::make_config(options));

    std::error_code error;
    fs::create_directories(directory, error);
    if (error) {
        return Error{ErrorCode::kIo,
                     fmt::format("cannot make {}: {}", directory.string(), error.message())};
    }
    PLUMBLINE_TRY_VOID(write_new_file(directory / files.abi_file, files.abi_json));
    PLUMBLINE_TRY_VOID(write_new_file(config_path, files.config));
    return print(fmt::format("Wrote {} and {}.\nNext: plumbline run {}\n", config_path.string(),
                             (directory / files.abi_file).string(), as_word(config_path.string())));
}

}  // namespace plumbline::tools
