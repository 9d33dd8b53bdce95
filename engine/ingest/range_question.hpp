// What a range of blocks is asked for, so that a few filters answer for all of its sources.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/evm/bytes.hpp"
#include "engine/ingest/child_candidates.hpp"
#include "engine/mapping/plan.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// Gathers what is looked for. Children of a source go by address while they are few; where they
/// are many, by the topics of their events at whatever address, and the rest is sorted out later.
class RangeQuestion {
  public:
    /// More children of one source than this are asked for by topic.
    explicit RangeQuestion(size_t child_addresses_max)
        : child_addresses_max_{child_addresses_max} {}

    /// The source's own addresses, if it has any; its events wherever they are, if any address is.
    void add_declared(const Source& source);
    /// Those of `children` that may have logs up to `last_block`. True where they are asked for by
    /// topic: that covers every child of the source, those not known yet as well.
    [[nodiscard]] bool add_children(const Source& source, std::span<const ChildCandidate> children,
                                    uint64_t last_block);
    /// By address, then by topic; none where nothing is looked for. Never one without a bound,
    /// which would ask for everything.
    [[nodiscard]] std::vector<rpc::LogFilter> filters() &&;

  private:
    void ask_at(const Source& source, std::span<const evm::Address> addresses);

    size_t child_addresses_max_;
    std::vector<evm::Address> addresses_;
    /// Events of all that have an address here...
    std::vector<evm::Hash> topics0_;
    /// ...unless one of them wants any event: then the filter by address must not name topics.
    bool every_topic_known_ = true;
    std::vector<evm::Hash> child_topics0_;
    std::vector<rpc::LogFilter> filtered_;  ///< events of which not all logs are wanted, one each
};

}  // namespace plumbline::engine
