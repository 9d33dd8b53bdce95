// Looks at a contract before one indexes it: whether there is one, what it is, since when.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "core/evm/bytes.hpp"
#include "engine/setup/endpoint_client.hpp"

namespace plumbline::engine {

struct ChainLook {
    uint64_t chain_id = 0;
    uint64_t head = 0;
};
/// Two questions. kUnavailable: what of it the endpoint "does not tell", and what it said.
[[nodiscard]] Result<ChainLook> look_at_chain(EndpointClient& client);

struct ContractLook {
    bool has_code = false;
    /// Of a proxy: "EIP-1967 proxy", "EIP-1967 beacon proxy", "EIP-1167 clone"; else empty.
    std::string proxy;
    evm::Address implementation;  ///< of a proxy
    /// The first block with code; empty where the node keeps no state of old blocks.
    std::optional<uint64_t> deployed_in;
};
/// Up to some 70 questions, most of them for `deployed_in` (a binary search, only if asked for).
[[nodiscard]] Result<ContractLook> look_at_contract(EndpointClient& client,
                                                    const evm::Address& address,
                                                    const ChainLook& chain, bool with_deployment);

/// Whether there was code at the end of `block_num`; empty where the node keeps no state of then.
[[nodiscard]] std::optional<bool> had_code(EndpointClient& client, const evm::Address& address,
                                           uint64_t block_num);

}  // namespace plumbline::engine
