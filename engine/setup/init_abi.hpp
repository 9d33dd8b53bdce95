// Takes the plain ABI and the contract's name out of an artifact. Private to `make_config`.
#pragma once

#include <string>

#include "engine/setup/init.hpp"

namespace plumbline::engine {

struct FoundAbi {
    std::string name;  ///< empty where the file does not tell it
    std::string json;  ///< the ABI alone; empty where it was not found
};

/// For text that `evm::read_abi` accepts; of other text it gives nothing.
[[nodiscard]] FoundAbi find_abi(const InitOptions& options);

}  // namespace plumbline::engine
