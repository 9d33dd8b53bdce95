// A question that has not been answered yet, as people are to see it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/evm/block_id.hpp"
#include "core/evm/log.hpp"

namespace plumbline::rpc {

/// Everything in it may be shown: no URL, no key.
struct OpenWait {
    std::string method;  ///< the JSON-RPC method that is asked now, or was asked last
    /// The blocks it is about, where they are known.
    std::optional<evm::BlockRange> range;
    std::string provider;   ///< who said `reason`; or whose answer is waited for; may be empty
    std::string reason;     ///< the provider's own last text, or what is in the way; never empty
    uint64_t attempts = 0;  ///< requests sent for it so far
    std::optional<int64_t> out_ms;  ///< since its oldest request that is under way was sent
    bool has_progressed = false;    ///< a part of it was answered
    int64_t waiting_ms = 0;         ///< since it was asked, or since a part of it was last answered
};

}  // namespace plumbline::rpc
