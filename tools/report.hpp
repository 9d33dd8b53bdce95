// Findings and proofs as the commands show them: sentences for people, stable names for scripts.
#pragma once

#include <string>

#include "core/base/json_writer.hpp"
#include "engine/proof/finding.hpp"
#include "storage/records.hpp"

namespace plumbline::tools {

/// "total":N,"findings":[...] of an open object, at most `limit` of them.
void write_with_total(JsonWriter& json, const engine::Findings& findings, size_t limit);
/// A line each, indented, at most `limit`, then how many more there are.
void append_lines(std::string& out, const engine::Findings& findings, size_t limit);

/// An object; what does not apply is left out.
void write_proof(JsonWriter& json, const storage::ProofRecord& record);

/// "block 5, log 2  hub.VoteCast: why"; a correction is of no log.
[[nodiscard]] std::string quarantine_text(const storage::QuarantineRow& row);

/// 1234567 -> "1,234,567"
[[nodiscard]] std::string with_commas(uint64_t number);
/// "2026-01-31 12:00:00 UTC"
[[nodiscard]] std::string utc_time(uint64_t unix_s);

}  // namespace plumbline::tools
