// A mapping tried on real events: fetched into a database that nobody keeps and folded there, with
// an account of what each handler did.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::tools {

struct DryRunOptions {
    std::optional<uint64_t> from;  ///< empty: the contracts' own start blocks
    uint64_t events_max = 100;     ///< at least 1
    size_t rows_max = 3;           ///< shown of an entity
    size_t violations_max = 10;    ///< shown
    int64_t timeout_ms = 10'000;   ///< without any answer of the chain; 0 = never
    bool is_quiet = false;         ///< nothing on standard error on the way
    std::stop_token stop;
};

struct DryRunReport {
    struct Handler {
        std::string name;       ///< "hub.VoteCast: upsert vote"
        uint32_t line = 0;      ///< of its `[[on]]`
        uint64_t ran = 0;       ///< events, or items of `each`, that it changed rows for
        uint64_t left_out = 0;  ///< by its `when`
        uint64_t refused = 0;   ///< that it ended with a rule violation, or that another one did
    };
    struct Entity {
        std::string name;
        uint64_t rows = 0;
        std::vector<std::string> shown;  ///< JSON, the first in key order
    };
    uint64_t from = 0;
    uint64_t to = 0;  ///< the last block whose events were folded
    bool is_head = false;
    uint64_t events = 0;
    uint64_t unhandled = 0;  ///< events without a handler
    uint64_t refused = 0;    ///< events in quarantine
    std::vector<std::string> violations;
    std::vector<Handler> handlers;  ///< all there are, in the order of the config
    std::vector<Entity> entities;
    /// Events that the ABI does not have, or has in another shape, and the handlers that did not
    /// run for that.
    std::vector<std::string> remarks;
    bool none_fits = false;  ///< there are logs, and no ABI knows any of them
    /// Declared addresses that have no code at the head; asked for where there was no event.
    std::vector<std::string> without_code;
    /// Where no endpoint has the state that contract calls ask: what to do. Else empty.
    std::string missing_state;
};

/// kUnavailable where the chain tells nothing for the time-out, kCancelled where it was stopped;
/// kIo where the machine's directory for temporary files takes none.
[[nodiscard]] Result<DryRunReport> dry_run(engine::Config config, rpc::ChainSource& chain,
                                           const DryRunOptions& options);

}  // namespace plumbline::tools
