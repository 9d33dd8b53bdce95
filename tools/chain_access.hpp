// A chain for the commands that work on a database: by --rpc, else as its stored config says.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::tools {

/// What `rpc::PoolObserver` tells goes to the log from warnings on. Null where neither `given` (of
/// --rpc) nor `config` names an endpoint. kInvalidArgument: as `engine::read_endpoints`.
[[nodiscard]] Result<std::unique_ptr<rpc::ChainSource>> open_chain(
    const engine::Config& config, const std::vector<std::string>& given);

}  // namespace plumbline::tools
