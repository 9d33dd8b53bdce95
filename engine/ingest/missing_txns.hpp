// Which logs were stored without the transactions that a changed mapping now names.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/result.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {
class ReadView;
}

namespace plumbline::engine {

/// The span of those logs up to block `cursor` and the sources to fetch again for it; empty: none
/// is missing. Fails as the scanner does (kCorruption, kIo).
///
/// Reads the whole log on the caller's thread, without a pause and without a way to cancel it: on a
/// large database that takes minutes. It depends on its arguments only, so it may run anywhere.
[[nodiscard]] Result<std::optional<CoverageGap>> find_missing_txns(
    const storage::ReadView& view, const Plan& plan, const SourceParents& parents,
    const std::vector<storage::ChildRow>& children, uint64_t cursor);

}  // namespace plumbline::engine
