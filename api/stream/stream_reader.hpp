// One client's way through the live stream. A reader goes through these, and through the last three
// again whenever it has to start over:
//
//   1. start: resume in the ring behind what the client knows; or, for events only, in the log; or
//      from the head; or with a reset;
//   2. a snapshot of all rows, or events of the log, where the client asked for it;
//   3. live: record after record of the ring;
//   4. a reset (back to 2), where rows were not told one by one or blocks were taken back that
//      nobody remembers; or the end, where the client falls out of the ring.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/stream/log_reader.hpp"
#include "api/stream/snapshot_reader.hpp"
#include "api/stream/stream_feed.hpp"
#include "api/stream/stream_filter.hpp"
#include "api/stream/stream_record.hpp"

namespace plumbline::api {

/// One thread at a time. `feed` must outlive it, with a database in it.
class StreamReader {
  public:
    StreamReader(const StreamFeed& feed, StreamFilter filter, ClientLimit::Place place);
    StreamReader(const StreamReader&) = delete;
    StreamReader& operator=(const StreamReader&) = delete;
    ~StreamReader() = default;

    /// The next message; empty where there is none now. Where `is_over` holds after it, it was the
    /// last one.
    [[nodiscard]] std::optional<std::string> next();
    [[nodiscard]] bool is_over() const noexcept { return is_over_; }

  private:
    [[nodiscard]] std::string start();
    [[nodiscard]] std::optional<std::string> resume_in_ring();
    [[nodiscard]] std::optional<std::string> resume_in_log();
    [[nodiscard]] std::string start_at_head();
    [[nodiscard]] std::string start_reset(std::string_view reason);
    [[nodiscard]] StreamPlace place_of(const storage::ReadView& view,
                                       const storage::Cursor& cursor) const;
    void stand_on(const std::optional<storage::Cursor>& cursor);
    [[nodiscard]] Status open_log(std::unique_ptr<storage::ReadView> view, uint64_t from,
                                  const evm::BlockId& until);
    [[nodiscard]] Result<bool> open_range(const StreamRecord& record);

    [[nodiscard]] std::string next_of_snapshot();
    [[nodiscard]] std::string next_of_log();
    [[nodiscard]] std::optional<std::string> next_of_ring();
    [[nodiscard]] std::optional<std::string> message_for(const StreamRecord& record);
    [[nodiscard]] std::string end(std::string_view reason);

    const ClientLimit::Place place_;
    const StreamFeed& feed_;
    const StreamFilter filter_;
    bool is_started_ = false;
    bool is_over_ = false;
    bool is_stale_ = false;              ///< rows were not sent: a reset comes before the next ones
    uint64_t next_seq_ = 0;              ///< of the ring
    std::optional<uint64_t> last_sent_;  ///< the block that the client stands on
    uint64_t skip_commits_ = 0;          ///< the client's copy holds this commit and all before
    std::unique_ptr<SnapshotReader> snapshot_;  ///< while there is more of it
    std::unique_ptr<LogReader> log_;            ///< the same
};

}  // namespace plumbline::api
