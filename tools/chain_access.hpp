// A chain for the commands that work on a database: by --rpc, by --config, else as its stored
// config says.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::tools {

/// What the command line says of endpoints.
struct GivenEndpoints {
    const std::vector<std::string>& rpc;  ///< of --rpc, each a URL or env:NAME
    const std::string& config;            ///< of --config: a config file; empty: not said
};

/// What `rpc::PoolObserver` tells goes to the log from warnings on. Asks the endpoints of --rpc,
/// else those of the config file, with its headers and tokens, else those of `stored`, which has no
/// secrets any more. What is waited for is told in the log too; after `timeout_s` without any
/// answer all questions fail (`engine::PatientSource`), 0 = never. Null where nobody names one.
/// kInvalidArgument: as `engine::read_endpoints` and `engine::load_config`; the file is of another
/// chain; or all that `stored` names have lost a secret.
[[nodiscard]] Result<std::unique_ptr<rpc::ChainSource>> open_chain(const engine::Config& stored,
                                                                   const GivenEndpoints& given,
                                                                   int64_t timeout_s);

/// Tells of endpoints that `option` gives more than once (`engine::find_repeated`). `open_chain`
/// does so for --rpc and for the config file.
void warn_of_repeated(std::string_view option,
                      const std::vector<engine::EndpointConfig>& endpoints);

}  // namespace plumbline::tools
