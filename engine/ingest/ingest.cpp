#include "engine/ingest/ingest.hpp"

namespace plumbline::engine {

size_t WorkItem::size_bytes() const noexcept {
    if (const auto* append = std::get_if<AppendWork>(&work)) {
        return append->harvest.size_bytes();
    }
    if (const auto* fill = std::get_if<FillWork>(&work)) {
        return fill->harvest.size_bytes();
    }
    return sizeof(WorkItem);
}

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
