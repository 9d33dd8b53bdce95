// Names of records beside those of proofs that are no verdict.
#pragma once

#include <string_view>

namespace plumbline::storage {

/// What the log proof has to do again, because nobody had the receipts: another mapping, or events
/// that came since, void a proof's verdict, and not this.
inline constexpr std::string_view kRetriesRecord = "log_retries";

}  // namespace plumbline::storage
