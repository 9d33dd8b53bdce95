// What a proof of blocks rests on. A proof takes a while, and what it has not seen it says nothing
// of: what a changed config fills in beside it, what is fetched again because a liar had told it,
// contracts that are announced with logs from before.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/evm/log.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// Of `range`: what is covered, by whose word, which blocks have how many events, and which
/// contracts of a factory have logs there that count though they are announced elsewhere
/// (`children` are looked at where the plan has a source that `has_history`). As one number:
/// another one says that a proof by the first is not one of what is stored now. In memory only.
[[nodiscard]] uint64_t basis_of(const Plan& plan, const std::vector<storage::CoverageRow>& coverage,
                                const std::vector<storage::ChildRow>& children,
                                std::span<const storage::BlockRow> blocks,
                                const evm::BlockRange& range);

}  // namespace plumbline::engine
