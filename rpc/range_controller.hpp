// How many blocks the next eth_getLogs to one endpoint for one kind of filter should span.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/clock.hpp"

namespace plumbline::rpc {

struct RangeOptions {
    /// Nothing is known yet, and a block may hold 10 MB of logs: what comes back says how far to
    /// go.
    uint64_t blocks_initial = 2;
    uint64_t blocks_max = 2'000'000;
    /// What a good answer weighs at most. Beyond it ranges get shorter, below half they grow.
    uint64_t logs_target = 8'000;
    uint64_t bytes_target = 6U << 20U;
    int64_t answer_ms_target = 5'000;
    double growth = 4.0;  ///< most that one success may multiply the size by
    /// A learnt cap is tried again after this long (doubled each time it proves true)...
    int64_t cap_expiry_ms = 600'000;
    int64_t cap_expiry_ms_max = 6 * 3'600'000;
    /// ...or after this many good answers at the cap.
    uint32_t cap_successes = 500;
};

/// Sizes follow the weight of answers (logs, bytes, time); a provider's cap on blocks is kept apart
/// from density, so that a dense place never leaves a mark on the cap. One thread.
class RangeController {
  public:
    RangeController(RangeOptions options, const Clock& clock);

    /// The size to ask for now; at least 1. When a cap is due to be tried again this one request
    /// probes above it, so call it once for each request that is really sent.
    [[nodiscard]] uint64_t take_size();
    /// The same without probing.
    [[nodiscard]] uint64_t size() const;

    void on_success(uint64_t blocks, uint64_t logs, uint64_t bytes, int64_t elapsed_ms);
    /// "Too many blocks": learns the cap, by the number in the text or by halving.
    void on_too_many_blocks(uint64_t blocks, std::optional<uint64_t> blocks_max);
    /// Too many results, too many bytes, too slow: this place is dense. Only for requests whose
    /// size came from here, not for the pieces of one that was split already.
    void on_too_dense(uint64_t blocks);

    [[nodiscard]] std::optional<uint64_t> cap() const;

  private:
    static constexpr int64_t kProbeMs = 60'000;
    struct Cap {
        uint64_t blocks = 0;
        uint64_t refused = 0;  // smallest size known to be refused
        [[nodiscard]] bool is_vague() const { return !told && refused > blocks + blocks / 8 + 1; }
        bool told = false;  // the provider named the number
        int64_t expires_ms = 0;
        int64_t expiry_ms = 0;
        uint32_t successes = 0;
        int64_t probing_until_ms = 0;  // a request above the cap is on its way
    };

    RangeOptions options_;
    const Clock& clock_;
    double wanted_;
    std::optional<Cap> cap_;
};

}  // namespace plumbline::rpc
