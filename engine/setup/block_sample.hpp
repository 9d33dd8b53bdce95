// Some blocks of an endpoint's chain, and whether its two ways to tell a block's logs say the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/setup/endpoint_client.hpp"

namespace plumbline::engine {

struct BlockSample {
    std::vector<uint64_t> blocks;  ///< ascending; none where there is only block 0
    size_t with_logs = 0;          ///< that many of them are there for their logs
};

/// Up to `wanted` recent blocks with logs where there are any, the head, and some from all of
/// history. `logs_range`: as many blocks may be asked for logs at once.
[[nodiscard]] BlockSample choose_blocks(EndpointClient& client, const nlohmann::json& head,
                                        unsigned wanted, uint64_t logs_range);

struct LogsCompared {
    bool are_same = false;
    std::string wrong;  ///< what is not the same; empty too where one of the two cannot be had
};

/// By eth_getLogs and by the receipts.
[[nodiscard]] LogsCompared compare_logs(EndpointClient& client, uint64_t block);

}  // namespace plumbline::engine
