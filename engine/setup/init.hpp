// Writes a first config for a contract: one entity for each event, and comments on how to go on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/evm/bytes.hpp"

namespace plumbline::engine {

/// Where the page and the API of a first config are.
inline constexpr std::string_view kFirstPage = "http://127.0.0.1:8080/";
/// The lines of a first config that put them there.
inline constexpr std::string_view kHttpSection =
    "[http]\n"
    "listen = \"127.0.0.1:8080\"  # the page, the API and the metrics, for this machine alone\n"
    "# token = \"env:PLUMBLINE_TOKEN\" lets who sends it change things: tasks, repairs.\n";

struct InitOptions {
    std::string abi_json;  ///< of any kind that `evm::read_abi` takes
    std::string abi_file;  ///< its path: names the contract where the content does not
    std::string contract;  ///< which one, where the file holds several; may be empty
    evm::Address address;
    std::string rpc_url;  ///< a URL or env:NAME
    uint64_t start_block = 0;
    bool is_start_found = false;  ///< by asking for code, not told by a person
    uint64_t chain_id = 0;
};

struct InitFiles {
    std::string contract;  ///< the name it has in the config: "community_hub"
    std::string config;    ///< the text for plumbline.toml
    std::string abi_file;  ///< "community_hub.json": what the config names
    std::string abi_json;  ///< the plain ABI, out of its artifact; or its lines, as they came
};

/// A config that runs as it is. Parameters that do not fit a field (arrays) are left out with a
/// comment that shows how to store them. kInvalidArgument or kDecode where the ABI cannot be read.
[[nodiscard]] Result<InitFiles> make_config(const InitOptions& options);

/// "MemberJoined" -> "member_joined", "tokenURI" -> "token_uri", "ERC20" -> "erc20"; always an
/// identifier of the config language, "unnamed" where nothing is left.
[[nodiscard]] std::string to_snake_case(std::string_view name);

}  // namespace plumbline::engine
