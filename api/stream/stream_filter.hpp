// What a client of the live stream asked for: the parameters of /v1/stream, read and checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/request_target.hpp"
#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/mapping/plan.hpp"

namespace plumbline::api {

struct StreamFilter {
    bool has_rows = true;
    std::vector<size_t> entities;   ///< empty: all
    std::vector<std::string> keys;  ///< encoded, of the one entity; empty: all
    bool has_events = true;
    std::vector<std::string> events;  ///< "hub.VoteCast" or "hub.*"; empty: all
    bool has_proofs = true;
    bool wants_snapshot = false;
    std::optional<uint64_t> from;     ///< events of the log from this block on come first
    std::vector<evm::BlockId> known;  ///< newest first; empty: a new client

    [[nodiscard]] bool wants_entity(size_t entity) const;
    [[nodiscard]] bool wants_row(size_t entity, std::string_view key) const;
    /// Empty names are those of an event that no ABI knows.
    [[nodiscard]] bool wants_event(std::string_view contract, std::string_view event) const;
};

/// From the parameters of /v1/stream; kInvalidArgument says what they must be.
[[nodiscard]] Result<StreamFilter> read_stream_filter(const engine::Plan& plan,
                                                      const Target& target);

/// "BLOCK-HASH": how `known` names the block that a client's copy stands on.
[[nodiscard]] std::string to_text(const evm::BlockId& cursor);

}  // namespace plumbline::api
