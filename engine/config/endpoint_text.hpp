// Endpoints as people write them: the same rules for a config and for a command line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"

namespace plumbline::engine {

inline constexpr size_t kEndpointsMax = 32;

/// http:// or https:// with a host, printable ASCII without white space and quotes.
[[nodiscard]] bool is_endpoint_url(std::string_view url);

/// What may be wrong with one that is none, without showing it; begins with a space where it says
/// anything.
[[nodiscard]] std::string_view url_hint(std::string_view url);

/// What `option` ("--rpc") was given, each text a URL or env:NAME. kInvalidArgument names the one
/// that is wrong without showing it, as it may hold a key.
[[nodiscard]] Result<std::vector<EndpointConfig>> read_endpoints(
    std::string_view option, const std::vector<std::string>& texts);

/// Gives each its public name (core/base/endpoint_identity.hpp), by their order.
void name_endpoints(std::vector<EndpointConfig>& endpoints);

inline constexpr std::string_view kRpcOfChain = "rpc of [chain]";

/// A sentence for each endpoint that is given more than once, by its places in `option` ("--rpc",
/// `kRpcOfChain`); whoever asks asks it once.
[[nodiscard]] std::vector<std::string> find_repeated(std::string_view option,
                                                     const std::vector<EndpointConfig>& endpoints);

}  // namespace plumbline::engine
