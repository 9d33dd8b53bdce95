#include "engine/service/progress_history.hpp"

#include <utility>

namespace plumbline::engine {

void ProgressHistory::tell(int64_t now_ms, const ProgressSample& sample) {
    if (last_ms_ && now_ms - *last_ms_ < kEveryMs) {
        return;
    }
    last_ms_ = now_ms;
    const size_t dropped = samples_->size() < kSamplesMax ? 0 : 1;
    auto next = std::make_shared<ProgressSamples>(
        samples_->begin() + static_cast<ptrdiff_t>(dropped), samples_->end());
    next->push_back(sample);
    samples_ = std::move(next);
}

}  // namespace plumbline::engine
