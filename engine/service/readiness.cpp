#include "engine/service/readiness.hpp"

#include <fmt/format.h>

namespace plumbline::engine {

namespace {

/// Empty where it is live.
std::string describe_state(const ServiceStatus& status) {
    switch (status.state) {
        case Lifecycle::kStarting: return "starting: the chain has not answered so far";
        case Lifecycle::kBackfilling:
            if (status.target_block == 0 && !status.progress.lag) {
                return "backfilling: the chain's head has not been told so far";
            }
            return fmt::format("backfilling: blocks below {} of {} are indexed",
                               status.progress.next_block, status.target_block);
        case Lifecycle::kLive: return status.has_database ? "" : "there is no database yet";
        case Lifecycle::kDraining:
        case Lifecycle::kStopped: return "shutting down";
    }
    return "";
}

/// Of one that is live.
std::vector<std::string> find_lacks(const ServiceStatus& status) {
    const ProgressNumbers& progress = status.progress;
    std::vector<std::string> out;
    if (!progress.lag) {
        out.emplace_back("how far behind the head the index is is not known");
    } else if (*progress.lag > status.ready_lag) {
        out.push_back(fmt::format("{} blocks behind the head (ready_lag: {})", *progress.lag,
                                  status.ready_lag));
    }
    if (progress.is_refolding) {
        out.emplace_back("the log is folded again: entities are those of before");
    }
    if (progress.is_filling) {
        out.emplace_back("older blocks are still filled in");
    }
    return out;
}

}  // namespace

std::vector<std::string> find_unready(const ServiceStatus& status) {
    std::vector<std::string> out;
    if (std::string state = describe_state(status); !state.empty()) {
        out.push_back(std::move(state));
    } else {
        out = find_lacks(status);
    }
    if (!out.empty()) {
        out.insert(out.end(), status.waits.begin(), status.waits.end());
    }
    return out;
}

}  // namespace plumbline::engine
