#include "engine/ingest/ingest_progress.hpp"

namespace plumbline::engine {

std::string_view to_string(Lifecycle state) noexcept {
    switch (state) {
        case Lifecycle::kStarting: return "starting";
        case Lifecycle::kBackfilling: return "backfilling";
        case Lifecycle::kLive: return "live";
        case Lifecycle::kDraining: return "draining";
        case Lifecycle::kStopped: return "stopped";
    }
    return "unknown";
}

}  // namespace plumbline::engine
