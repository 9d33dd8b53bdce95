// What verify and repair tell: for people first, and the same as JSON with stable names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/repair/verify.hpp"

namespace plumbline::tools {

/// Indented, with a newline at the end.
[[nodiscard]] std::string to_json(const engine::VerifyReport& report);
[[nodiscard]] std::string to_text(const engine::VerifyReport& report, const std::string& db_path);
[[nodiscard]] std::string to_json(const engine::RepairOutcome& outcome, bool dry_run);
[[nodiscard]] std::string to_text(const engine::RepairOutcome& outcome, bool dry_run,
                                  const std::string& db_path);

/// Puts what a long proof is at into the terminal's status line.
void show_progress(std::string_view proof, std::string_view part, uint64_t done, uint64_t total);

}  // namespace plumbline::tools
