// Events that are stored and that no ABI knows: nothing is made of them, so whoever asks whether
// the index is right should hear of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/text/uncounted.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

struct UnknownEvents {
    uint64_t total = 0;
    uint64_t seen = 0;  ///< of contracts, known ones too: not plumbline's own ticks of `every`
    /// Of contracts that the config names, where it says that these do not count: before their
    /// start_block, left out by a filter.
    std::map<Uncounted, uint64_t> uncounted;
    /// Of addresses that no contract of the config has, as those of a contract that it named once:
    /// the first few, and of how many others.
    std::map<evm::Address, uint64_t> unnamed;
    uint64_t unnamed_others = 0;
    /// One that an ABI knows in another shape: the topic0 is its signature's, the rest does not
    /// fit.
    struct OtherShape {
        std::string contract;
        std::string event;  ///< its signature
        std::string why;    ///< "4 topics, this ABI's 3: other parameters are indexed"
        auto operator<=>(const OtherShape&) const = default;
    };
    std::map<OtherShape, uint64_t> other_shapes;
    /// Of contracts that the config names, and that count: all others.
    [[nodiscard]] uint64_t of_no_abi() const noexcept;
};

/// Walks and decodes the whole log of `view`. What is in quarantine is told there. kCancelled where
/// `is_cancelled`, which may be empty, says so.
[[nodiscard]] Result<UnknownEvents> count_unknown_events(const storage::ReadView& view,
                                                         const std::shared_ptr<const Plan>& plan,
                                                         const std::function<bool()>& is_cancelled);

}  // namespace plumbline::engine
