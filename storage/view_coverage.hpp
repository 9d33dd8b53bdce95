// Which blocks are covered, of the state that a view shows. `Database::coverage` tells of memory,
// which may be one commit behind a view that was just opened: for a moment the view's own newest
// block would look as if nobody had fetched it.
#pragma once

#include <vector>

#include "core/base/result.hpp"
#include "storage/read_view.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {

/// Of every source, in the order of their names and blocks. kCorruption: a record is damaged.
[[nodiscard]] Result<std::vector<CoverageRow>> coverage_of(const ReadView& view);

}  // namespace plumbline::storage
