// What the providers' heads are asked for, and what is learnt from the answers: the chain id, which
// must be the same everywhere, and how far each provider is. Neither clock nor network.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "rpc/call_group.hpp"
#include "rpc/provider_set.hpp"

namespace plumbline::rpc {

/// What a probe told of its provider.
struct HeadReport {
    enum class Fault : uint8_t {
        kNone,
        kNoAnswer,    ///< the probe's group ended with an error
        kIncomplete,  ///< no chain id or no head in the answers: as good as an outage
        kOtherChain,
    };
    Fault fault = Fault::kNone;
    std::string reason;  ///< of kIncomplete and kOtherChain; may be shown
    std::optional<uint64_t> chain_id;
    std::optional<uint64_t> head;  ///< only without a fault
};

/// Of one pool's providers. One thread.
class HeadWatch {
  public:
    /// The answers of a probe, by their place.
    static constexpr size_t kChainIdAt = 0;
    static constexpr size_t kLatestAt = 1;
    static constexpr size_t kFinalizedAt = 2;

    /// Without `chain_id` the first answer says which chain it is.
    explicit HeadWatch(std::optional<uint64_t> chain_id) : chain_id_{chain_id} {}

    [[nodiscard]] std::optional<uint64_t> chain_id() const { return chain_id_; }
    /// A probe of it is on its way.
    [[nodiscard]] bool is_probing(size_t provider) const { return probing_.contains(provider); }
    /// The group to send; its `done` is the caller's to set, and must lead to `finish`.
    [[nodiscard]] CallGroup start(size_t provider, int64_t timeout_ms);
    /// Takes the result of `start`'s group. The first chain id that is told becomes the pool's.
    [[nodiscard]] HeadReport finish(size_t provider, const GroupResult& result);

    /// The highest head that a provider showed to be there, 0 at first.
    [[nodiscard]] uint64_t head_shown() const { return head_shown_; }
    void on_head_shown(uint64_t block_num) { head_shown_ = std::max(head_shown_, block_num); }
    /// It told a head that it does not show. True the first time: people are to be told.
    [[nodiscard]] bool on_vain_head(size_t provider);
    void forget_vain_head(size_t provider) { vain_.erase(provider); }

  private:
    std::optional<uint64_t> chain_id_;
    ProviderSet probing_;  ///< so that many groups that need one head ask once
    uint64_t head_shown_ = 0;
    ProviderSet vain_;  ///< told heads that they do not show, the last time
};

}  // namespace plumbline::rpc
