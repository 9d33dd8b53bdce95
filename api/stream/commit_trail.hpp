// What the commits in effect changed, as far back as the ring reaches: from it a rollback is told
// row by row, without asking the database for what it no longer has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/stream/stream_record.hpp"

namespace plumbline::api {

/// One thread.
class CommitTrail {
  public:
    /// The next commit; records of other kinds change no blocks and are not kept.
    void push(std::shared_ptr<const StreamRecord> record);
    /// Those that the ring no longer keeps: memory is bounded with it.
    void drop_before(uint64_t seq);
    void clear() { commits_.clear(); }

    /// By entity and encoded key: the stored row before; empty = there was none.
    using RowsBefore = std::map<std::pair<size_t, std::string>, std::string>;
    /// Takes the commits above block `block_num` off, and says what their rows were before. Empty
    /// where that is not known: a commit was too large to keep its rows, reaches across
    /// `block_num`, or is older than the trail. Then the trail is empty too.
    [[nodiscard]] std::optional<RowsBefore> retract(uint64_t block_num);

  private:
    std::deque<std::shared_ptr<const StreamRecord>> commits_;  ///< oldest first
};

}  // namespace plumbline::api
