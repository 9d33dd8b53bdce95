// Events of the log up to one state, a block to a message: for clients that follow events only, and
// so can be told again whatever the log holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/stream/stream_filter.hpp"
#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/text/event_text.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"
#include "storage/scanner.hpp"

namespace plumbline::api {

/// One thread. `filter` must outlive it.
class LogReader {
  public:
    /// Events of the blocks `from` to `until`, which `view` holds.
    LogReader(const std::shared_ptr<const engine::Plan>& plan, const StreamFilter& filter,
              std::unique_ptr<storage::ReadView> view, uint64_t from, const evm::BlockId& until);

    /// "block" for each block with events that are wanted, "wait" where a bounded piece of the log
    /// had none, and at the end "ready". An error ends the stream; its message is the reason for
    /// the client.
    [[nodiscard]] Result<std::string> next();
    /// "ready" was the last one.
    [[nodiscard]] bool is_done() const noexcept { return is_done_; }
    [[nodiscard]] const evm::BlockId& until() const noexcept { return until_; }

  private:
    [[nodiscard]] std::optional<std::string> next_block();

    const StreamFilter& filter_;
    std::unique_ptr<storage::ReadView> view_;
    uint64_t from_;
    evm::BlockId until_;
    engine::EventText text_;
    std::unique_ptr<storage::LogScanner> logs_;
    bool is_done_ = false;
};

}  // namespace plumbline::api
