// Which blocks rest on the word of providers that were proven to lie.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/evm/log.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// True where one of `names`, joined by ", " as coverage has them, is in `liars`.
[[nodiscard]] bool is_told_by(std::string_view names, const std::set<std::string>& liars);

/// Ascending and apart: blocks that one of `liars` told and that receipts have not proven since.
/// Spans that lie near each other are joined, at most at the cost of as many blocks again.
[[nodiscard]] std::vector<evm::BlockRange> blocks_told_by(
    const std::vector<storage::CoverageRow>& coverage, const std::set<std::string>& liars);

}  // namespace plumbline::engine
