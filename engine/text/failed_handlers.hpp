// Which handlers an event in quarantine may have failed in: what its row tells, held against the
// config.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/mapping/plan.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// The lines of the `[[on]]`, in ascending order: those of the event that the reason does not rule
/// out. Empty where it was no handler's failure, as of a log that does not decode, and where the
/// config handles no such event.
[[nodiscard]] std::vector<uint32_t> failed_handler_lines(const Plan& plan,
                                                         const storage::QuarantineRow& row);

}  // namespace plumbline::engine
