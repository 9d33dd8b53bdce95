// What the journal says of a finding that was mended: repair writes it, and a later proof reads
// there who had told a log wrongly that stands as the chain has it by now.
#pragma once

#include <string>
#include <string_view>

#include "engine/proof/finding.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// Without a time.
[[nodiscard]] storage::JournalRow journal_of(const Finding& finding, std::string kind,
                                             std::string evidence);

/// What mends a finding of the log: "log inserted", "log replaced"...
[[nodiscard]] std::string_view action_of(FindingKind kind) noexcept;

/// Who had answered wrongly: one, or several of whom one had ("a, b"), as `Finding::provider` has
/// it.
[[nodiscard]] std::string providers_of(const storage::JournalRow& row);

}  // namespace plumbline::engine
