// Which findings of the log proof come from the disk and not from a provider: the digests that the
// commits kept say what had been stored.
#pragma once

#include <vector>

#include "engine/proof/finding.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

/// Marks each finding of the log whose block is no longer stored as it was committed: `is_damage`,
/// and nobody is named for it. `view` is the state in which they were found. Reads those blocks and
/// their digests again; what cannot be read is left as it is.
void mark_damage(const storage::ReadView& view, std::vector<Finding>& findings);

}  // namespace plumbline::engine
