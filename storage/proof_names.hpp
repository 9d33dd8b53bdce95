// Which records of proofs are verdicts, and names of those that are none.
#pragma once

#include <string_view>

namespace plumbline::storage {

/// What the log proof has to do again, because nobody had the receipts: another mapping, or events
/// that came since, void a proof's verdict, and not this.
inline constexpr std::string_view kRetriesRecord = "log_retries";

/// What the config asked the log proof for: of no mapping either.
inline constexpr std::string_view kAskedRecord = "log_asked";

/// Whether a record tells what a proof found: people are shown these, and only their mismatches
/// count. The log proof's own notes (`log_frontier` and its like) tell the same once more.
[[nodiscard]] constexpr bool is_verdict(std::string_view proof) noexcept {
    return proof == "log" || proof == "replay" || proof == "state" || proof == "calls";
}

}  // namespace plumbline::storage
