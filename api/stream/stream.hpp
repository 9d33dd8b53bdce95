// The live stream without the network. The way of a commit:
//
//   1. the writer's thread copies what changed into a queue (stream_input) and goes on;
//   2. the hub's thread renders it once for all clients (stream_renderer) and puts the record into
//      the ring (stream_ring), which is bounded by bytes;
//   3. each client reads the ring at its own pace (stream_reader); one that falls out of it is told
//      so and let go.
//
// After each message a client's copy of what it asked for equals the database at the block that the
// message names. docs/api.md, "Live stream", tells the messages.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/stream/stream_feed.hpp"
#include "api/stream/stream_filter.hpp"
#include "api/stream/stream_input.hpp"
#include "api/stream/stream_place.hpp"
#include "api/stream/stream_reader.hpp"
#include "api/stream/stream_renderer.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/ingest/index_observer.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::api {

/// Hears of commits on the writer's thread, renders on its own (or on whoever calls `step`).
class StreamHub final : public engine::IndexObserver {
  public:
    using DatabaseGetter = std::function<storage::Database*()>;
    /// `is_live`: no more backfill to come, so that clients who missed rows may get them all. Both
    /// are called from any thread.
    StreamHub(std::shared_ptr<const engine::Plan> plan, DatabaseGetter database,
              std::function<bool()> is_live, StreamOptions options);
    StreamHub(const StreamHub&) = delete;
    StreamHub& operator=(const StreamHub&) = delete;
    ~StreamHub() override;

    /// Renders on a thread of its own until `stop`. Before the first commit, and once.
    void start();
    void stop();
    /// Renders one waiting piece; false where there is none. Not while the thread runs.
    bool step();

    // On the writer's thread.
    void on_commit(const engine::CommitNotice& notice) override;
    [[nodiscard]] size_t row_bytes_max() const override { return feed_.options.commit_bytes_max; }
    void on_rollback(uint64_t block_num) override;
    void on_refold() override;
    /// A proof ended: `json` is what clients get as "result". Any thread.
    void on_proof(std::string json);

    /// kUnavailable before there is a database; kRateLimited with too many clients. The reader must
    /// go before the hub. Any thread, as all below.
    [[nodiscard]] Result<std::unique_ptr<StreamReader>> subscribe(StreamFilter filter);
    /// Counts messages; 0 = none yet.
    [[nodiscard]] uint64_t newest_seq() const { return feed_.ring.newest_seq(); }
    /// `wake` is called from any thread whenever there may be news; until `remove_wake` has
    /// returned.
    uint64_t add_wake(std::function<void()> wake) PLUMBLINE_EXCLUDES(wake_mutex_);
    void remove_wake(uint64_t id) PLUMBLINE_EXCLUDES(wake_mutex_);

    [[nodiscard]] const engine::Plan& plan() const noexcept { return *feed_.plan; }

  private:
    [[nodiscard]] std::optional<storage::Cursor> cursor() const;
    [[nodiscard]] StreamBasis basis() const;
    void wake_all() PLUMBLINE_EXCLUDES(wake_mutex_);
    void look_for_proofs();

    StreamFeed feed_;
    StreamInputQueue inputs_;

    // The rendering thread's own.
    StreamRenderer renderer_;
    std::optional<std::vector<storage::ProofRecord>> proofs_;  ///< as last seen
    uint64_t proofs_looked_at_ = 0;                            ///< after which commit

    Mutex wake_mutex_;
    std::map<uint64_t, std::function<void()>> wakes_ PLUMBLINE_GUARDED_BY(wake_mutex_);
    uint64_t next_wake_ PLUMBLINE_GUARDED_BY(wake_mutex_) = 1;

    std::jthread thread_;
};

}  // namespace plumbline::api
