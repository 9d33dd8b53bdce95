// Events of the log up to one state, a block to a message: for clients that follow events only, and
// so can be told again whatever the log holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/stream/stream_feed.hpp"
#include "api/stream/stream_filter.hpp"
#include "api/stream/stream_place.hpp"
#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/text/event_text.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"
#include "storage/scanner.hpp"

namespace plumbline::api {

/// One thread. `filter` must outlive it.
class LogReader {
  public:
    /// Which logs to tell, and how much at once.
    struct Range {
        uint64_t from = 0;
        evm::BlockId until;
        size_t message_bytes_max = 0;  ///< a message ends with the event that passes it
    };
    /// Events of the blocks of `range`, which `view` holds. An error where contracts that the log
    /// announces cannot be read: their events would have no names.
    [[nodiscard]] static Result<std::unique_ptr<LogReader>> open(
        const StreamFeed& feed, const StreamFilter& filter, std::unique_ptr<storage::ReadView> view,
        const Range& range);

    /// "block" for each block with events that are wanted (a block of many comes in parts, of which
    /// all but the last have "more" and no hash), "wait" where a bounded piece of the log
    /// had none, and at the end "ready". An error ends the stream; its message is the reason for
    /// the client.
    [[nodiscard]] Result<std::string> next();
    /// "ready" was the last one.
    [[nodiscard]] bool is_done() const noexcept { return is_done_; }
    /// Where the client stands then.
    [[nodiscard]] const evm::BlockId& until() const noexcept { return range_.until; }

  private:
    LogReader(const StreamFeed& feed, const StreamFilter& filter,
              std::unique_ptr<storage::ReadView> view, const Range& range,
              const std::vector<storage::ChildRow>& children);
    [[nodiscard]] Result<std::optional<std::string>> next_block();
    void pass();
    [[nodiscard]] uint64_t basis() const { return logs_before_ ? basis_.after(*logs_before_) : 0; }

    const StreamFilter& filter_;
    std::unique_ptr<storage::ReadView> view_;
    Range range_;
    engine::EventText text_;
    std::unique_ptr<storage::LogScanner> logs_;
    LogBasis basis_;
    Result<uint64_t>
        logs_before_;  ///< what stands before the scanner's place, from the first block
    bool is_done_ = false;
};

}  // namespace plumbline::api
