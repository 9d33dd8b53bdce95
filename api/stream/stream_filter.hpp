// What a client of the live stream asked for: the parameters of /v1/stream, read and checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/request_target.hpp"
#include "api/stream/stream_place.hpp"
#include "core/base/result.hpp"
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
    std::optional<uint64_t> from;    ///< events of the log from this block on come first
    std::vector<StreamPlace> known;  ///< newest first; empty: a new client
    /// The client may have come further than `known`: it is told what to take back first.
    bool may_have_more = false;

    [[nodiscard]] bool wants_entity(size_t entity) const;
    [[nodiscard]] bool wants_row(size_t entity, std::string_view key) const;
    /// What a client of this question is told of it.
    [[nodiscard]] uint64_t basis(const StreamBasis& basis) const noexcept {
        return basis.of(has_rows);
    }
    /// Empty names are those of an event that no ABI knows.
    [[nodiscard]] bool wants_event(std::string_view contract, std::string_view event) const;
};

/// From the parameters of /v1/stream; kInvalidArgument says what they must be.
[[nodiscard]] Result<StreamFilter> read_stream_filter(const engine::Plan& plan,
                                                      const Target& target);

}  // namespace plumbline::api
