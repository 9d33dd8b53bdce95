// The endpoints of a pool before it asks them: each of them once, and by a name.
#pragma once

#include <string>
#include <vector>

#include "rpc/pool_options.hpp"

namespace plumbline::rpc {

struct DistinctEndpoints {
    std::vector<Endpoint> endpoints;    ///< all of them named
    std::vector<std::string> repeated;  ///< their names, once for each time that one was left out
};

/// An endpoint is the same however it is written (core/base/endpoint_identity.hpp): asked twice it
/// would have two votes. The first of them stays. Who has no name gets one of its own, by its place
/// among those of one host.
[[nodiscard]] DistinctEndpoints take_each_once(std::vector<Endpoint> endpoints);

}  // namespace plumbline::rpc
