// What a contract call answered, for people who look for the difference.
#pragma once

#include <string>

#include "storage/call_fact.hpp"

namespace plumbline::engine {

/// Outcome and data. Of long data a window, around the first byte in which that of `other` (null:
/// nobody's) is another; in front of it stands which byte it begins with.
[[nodiscard]] std::string answer_text(const storage::CallFact& fact,
                                      const storage::CallFact* other);

}  // namespace plumbline::engine
