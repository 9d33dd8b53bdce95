// How the index got on in the last hour: for whoever opens the page now.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace plumbline::engine {

struct ProgressSample {
    int64_t time_s = 0;  ///< unix time
    uint64_t next_block = 0;
    std::optional<uint64_t> lag;  ///< empty: unknown
    uint64_t events = 0;          ///< folded by this process so far
};

using ProgressSamples = std::vector<ProgressSample>;

/// A sample every ten seconds, the last 360 of them. One thread; what `samples` gave is never
/// changed, so any thread may read it.
class ProgressHistory {
  public:
    static constexpr int64_t kEveryMs = 10'000;
    static constexpr size_t kSamplesMax = 360;

    /// Keeps `sample` where the one before is old enough. `now_ms` is monotonic.
    void tell(int64_t now_ms, const ProgressSample& sample);
    /// The oldest first; never null.
    [[nodiscard]] std::shared_ptr<const ProgressSamples> samples() const { return samples_; }

  private:
    std::shared_ptr<const ProgressSamples> samples_ = std::make_shared<ProgressSamples>();
    std::optional<int64_t> last_ms_;
};

}  // namespace plumbline::engine
