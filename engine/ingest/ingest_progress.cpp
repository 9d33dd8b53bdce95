#include "engine/ingest/ingest_progress.hpp"

#include <algorithm>

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

HeadAges read_head_ages(const IngestProgress& progress, const Clock& clock) {
    HeadAges out;
    out.ready_ms = std::max<int64_t>(0, clock.monotonic_ms() - progress.heads_told_ms);
    out.ready_max_ms = progress.ready_age_max_ms;
    if (const int64_t made = progress.head_unix_ms; made >= 0) {
        out.head_ms = std::max<int64_t>(0, clock.unix_ms() - made);
    }
    out.head_max_ms = progress.head_age_max_ms;
    if (const int64_t risen = progress.head_risen_ms; risen >= 0) {
        out.risen_ms = std::max<int64_t>(0, clock.monotonic_ms() - risen);
    }
    return out;
}

}  // namespace plumbline::engine
