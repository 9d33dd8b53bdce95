// All rows of one state, a few to a message: how a client without a copy gets one.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "api/stream/stream_feed.hpp"
#include "api/stream/stream_filter.hpp"
#include "api/stream/stream_place.hpp"
#include "core/base/result.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"
#include "storage/scanner.hpp"

namespace plumbline::api {

/// One thread. `feed` and `filter` must outlive it.
class SnapshotReader {
  public:
    /// `view` is the state at `at`.
    SnapshotReader(const StreamFeed& feed, const StreamFilter& filter,
                   std::unique_ptr<storage::ReadView> view, const StreamPlace& at);

    /// "rows" until there are no more, then "ready". An error ends the stream; its message is the
    /// reason for the client.
    [[nodiscard]] Result<std::string> next();
    /// "ready" was the last one.
    [[nodiscard]] bool is_done() const noexcept { return is_done_; }

  private:
    [[nodiscard]] std::string rows_message(size_t entity);

    const StreamFeed& feed_;
    const StreamFilter& filter_;
    std::unique_ptr<storage::ReadView> view_;
    StreamPlace at_;
    std::vector<size_t> entities_;               ///< those still to come, the next one last
    std::unique_ptr<storage::RowScanner> rows_;  ///< of the next entity; null before its first row
    bool is_done_ = false;
};

}  // namespace plumbline::api
