// Whether the index has every log that a filter can match. It has the logs of its config's
// contracts, as far as they were fetched, and of no other: an answer from less would be missing
// logs that the chain has, and nobody could see it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/rpc/log_filter.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/records.hpp"

namespace plumbline::api {

struct CoveredBy {
    const engine::Plan& plan;
    const std::vector<storage::CoverageRow>& coverage;
    const std::vector<storage::ChildRow>& children;
};

/// Why blocks `from` to `to` are not wholly covered for `filter`, and what is; empty where they
/// are. `from` > `to`: nothing is asked for.
[[nodiscard]] std::optional<std::string> find_uncovered(const CoveredBy& by,
                                                        const LogFilter& filter, uint64_t from,
                                                        uint64_t to);

}  // namespace plumbline::api
