// Which contracts the logs of one block announce, wherever in the block they and their factories
// stand: ingest, the proof and the fold of the stored log must agree about it to the log.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/evm/log.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/source_map.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// A log where it lies.
struct LogPlace {
    const evm::Log* log = nullptr;
    ByteView data;
};

/// A child, and which source it belongs to.
struct FoundChild {
    uint32_t source = 0;
    storage::ChildRow row;
};

/// One thread. `plan` and `map` must outlive it.
class BlockChildren {
  public:
    /// Whether a source takes part; of factories, and of those that children belong to.
    using Filter = std::function<bool(uint32_t source, uint64_t block_num)>;

    BlockChildren(const Plan& plan, SourceMap& map, Filter factories, Filter children);

    /// `logs`: all of one block that may be wanted, ascending. Adds to the map whom they announce
    /// and it does not know by them or by earlier logs. A contract may be announced behind its own
    /// announcements, so the block is read until nobody new comes up: at most once for each.
    /// Ascending by log index; valid until the next call.
    [[nodiscard]] std::span<const FoundChild> find(std::span<const LogPlace> logs);

  private:
    bool read(const LogPlace& place);

    const Plan& plan_;
    SourceMap& map_;
    Filter factories_;
    Filter children_;
    std::vector<FoundChild> fresh_;
    std::vector<ChildAnnouncement> found_;  ///< scratch: those of one log
};

}  // namespace plumbline::engine
