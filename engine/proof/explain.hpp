// What a mismatch means and what can be done: one sentence each, for the API and the page.
#pragma once

#include <optional>
#include <string_view>

#include "engine/proof/finding.hpp"

namespace plumbline::engine {

/// Where it comes from, mostly. `is_left`: a repair has proven events and rows since, and could not
/// mend it. `is_damage`: of a finding that has it.
[[nodiscard]] std::string_view cause_of(FindingKind kind, bool is_left = false,
                                        bool is_damage = false) noexcept;
/// What `plumbline repair` would do about it. `writes_drift`: [repair] on_drift = "chain".
[[nodiscard]] std::string_view remedy_of(FindingKind kind, bool writes_drift,
                                         bool is_left = false) noexcept;
/// The kind that `to_string` gives that name.
[[nodiscard]] std::optional<FindingKind> parse_finding_kind(std::string_view name) noexcept;

}  // namespace plumbline::engine
