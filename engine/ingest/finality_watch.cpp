#include "engine/ingest/finality_watch.hpp"

#include <algorithm>

namespace plumbline::engine {

void FinalityWatch::on_stored(uint64_t finalized) noexcept {
    finalized_ = is_known_ ? std::min(finalized_, finalized) : finalized;
    is_known_ = true;
}

FinalityWatch::Outcome FinalityWatch::on_told(uint64_t latest, uint64_t finalized, int64_t now_ms) {
    finalized = std::min(finalized, latest);
    const uint64_t distance = latest - finalized;
    // Half of it: two backends of one provider are rarely at the same block.
    const bool is_near = distance_min_ && distance < *distance_min_ / 2;
    if (finalized > finalized_ && is_near) {
        if (!is_told_often(Outcome::kJumpDoubted, finalized, now_ms)) {
            return Outcome::kJumpDoubted;
        }
        finalized = std::max(finalized_, doubt_.finalized);
    } else if (finalized < finalized_) {
        if (!is_told_often(Outcome::kBackDoubted, finalized, now_ms)) {
            return Outcome::kBackDoubted;
        }
        finalized_ = doubt_.finalized;
        // What was learnt from a lie is no measure.
        distance_min_ = latest - std::min(latest, finalized_);
        doubt_ = {};
        return Outcome::kTakenBack;
    }
    doubt_ = {};
    finalized_ = finalized;
    is_known_ = true;
    // Of a chain that has just begun nothing is final yet.
    if (finalized > 0) {
        distance_min_ = std::min(distance_min_.value_or(distance), distance);
    }
    return Outcome::kBelieved;
}

/// The answers in between must all have been of the same kind.
bool FinalityWatch::is_told_often(Outcome kind, uint64_t finalized, int64_t now_ms) {
    if (doubt_.kind != kind) {
        doubt_ = {kind, 0, now_ms, finalized};
    }
    ++doubt_.times;
    doubt_.finalized = kind == Outcome::kJumpDoubted ? std::min(doubt_.finalized, finalized)
                                                     : std::max(doubt_.finalized, finalized);
    return doubt_.times >= kTimesBelieved && now_ms - doubt_.since_ms >= kBelievedAfterMs;
}

}  // namespace plumbline::engine
