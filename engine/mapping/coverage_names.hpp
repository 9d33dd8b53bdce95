// Older databases keep of a factory's children's coverage only whose children they are: all events
// of theirs were asked for, those that the ABI does not know too, where they were few.
#pragma once

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// Gives such coverage the name that the plan has for it, so that nothing is fetched again. Before
/// anything else is written by the plan; usually there is none.
[[nodiscard]] Status rename_coverage(storage::Database& database, const Plan& plan);

}  // namespace plumbline::engine
