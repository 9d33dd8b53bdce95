// Findings and proofs as the commands show them: sentences for people, stable names for scripts.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "engine/proof/finding.hpp"
#include "storage/records.hpp"

namespace plumbline::tools {

/// {"total":N,"findings":[...]}, at most `limit` of them.
[[nodiscard]] nlohmann::ordered_json with_total(const engine::Findings& findings, size_t limit);
/// A line each, indented, at most `limit`, then how many more there are.
void append_lines(std::string& out, const engine::Findings& findings, size_t limit);

[[nodiscard]] nlohmann::ordered_json to_json(const storage::ProofRecord& record);

/// 1234567 -> "1,234,567"
[[nodiscard]] std::string with_commas(uint64_t number);
/// "2026-01-31 12:00:00 UTC"
[[nodiscard]] std::string utc_time(uint64_t unix_s);

}  // namespace plumbline::tools
