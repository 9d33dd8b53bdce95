// A filter of eth_getLogs, eth_newFilter and eth_subscribe, as clients write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/base/result.hpp"
#include "core/evm/bytes.hpp"
#include "core/evm/log.hpp"

namespace plumbline::api {

/// What "latest", "finalized" and the like mean now.
struct BlockTags {
    uint64_t earliest = 0;
    uint64_t latest = 0;
    uint64_t finalized = 0;
};

struct LogFilter {
    static constexpr size_t kAddressesMax = 1'024;
    static constexpr size_t kTopicsMax = 1'024;  ///< in one position

    std::vector<evm::Address> addresses;  ///< empty: any
    /// By position; an empty list allows any topic there, as null does.
    std::vector<std::vector<evm::Hash>> topics;
    uint64_t from = 0;
    uint64_t to = 0;                      ///< included; below `from`: nothing
    std::optional<evm::Hash> block_hash;  ///< in place of `from` and `to`

    [[nodiscard]] bool matches(const evm::Log& log) const noexcept;
};

/// kInvalidArgument says what is wrong with it. `pending` is the latest block: there is no other.
[[nodiscard]] Result<LogFilter> parse_log_filter(const nlohmann::json& filter,
                                                 const BlockTags& tags);
/// A block number or a tag.
[[nodiscard]] Result<uint64_t> parse_block(const nlohmann::json& value, const BlockTags& tags);

}  // namespace plumbline::api
