// The live stream without the network: what a commit changed becomes one message, rendered once for
// all clients and kept in a ring that is bounded by bytes. Each client reads the ring at its own
// pace; one that falls out of it is told so and let go. The writer only ever copies.
//
// After each message a client's copy of what it asked for equals the database at the block that the
// message names. docs/api.md, "Live stream", tells the messages.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/http/request_target.hpp"
#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/ingest/index_observer.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/text/event_text.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::api {

struct StreamOptions {
    size_t ring_bytes_max = 32U << 20U;     ///< messages kept for clients that are behind or away
    size_t waiting_bytes_max = 16U << 20U;  ///< copies that wait to be rendered
    size_t commit_bytes_max = 1U << 20U;    ///< rows of a larger commit are not sent one by one
    uint64_t commit_events_max = 5'000;
    size_t clients_max = 256;
    size_t snapshot_rows = 200;  ///< in one message
};

/// "BLOCK-HASH": what a client's copy stands on.
[[nodiscard]] std::string to_text(const evm::BlockId& cursor);

/// What a client wants.
struct StreamFilter {
    bool has_rows = true;
    std::vector<size_t> entities;   ///< empty: all
    std::vector<std::string> keys;  ///< encoded, of the one entity; empty: all
    bool has_events = true;
    std::vector<std::string> events;  ///< "hub.VoteCast" or "hub.*"; empty: all
    bool has_proofs = true;
    bool wants_snapshot = false;
    std::optional<uint64_t> from;     ///< events of the log from this block on come first
    std::vector<evm::BlockId> known;  ///< newest first; empty: a new client
};
/// From the parameters of /v1/stream; kInvalidArgument says what they must be.
[[nodiscard]] Result<StreamFilter> read_stream_filter(const engine::Plan& plan,
                                                      const Target& target);

struct StreamRecord;
class StreamHub;

/// One client. One thread at a time. Must go before the hub.
class StreamReader {
  public:
    StreamReader(StreamHub& hub, StreamFilter filter);
    StreamReader(const StreamReader&) = delete;
    StreamReader& operator=(const StreamReader&) = delete;
    ~StreamReader();

    /// The next message; empty where there is none now. Where `is_over` holds after it, it was the
    /// last one.
    [[nodiscard]] std::optional<std::string> next();
    [[nodiscard]] bool is_over() const noexcept { return over_; }

  private:
    friend class StreamHub;
    struct Snapshot;
    struct CatchUp;

    std::string start();
    bool resume_in_ring(std::string& out);
    bool resume_in_log(std::string& out);
    std::string start_at_head(std::optional<uint64_t> from);
    std::string start_reset(std::string_view reason);
    std::string next_of_snapshot();
    std::optional<std::string> next_of_log();
    void open_log(std::unique_ptr<storage::ReadView> view, uint64_t from, evm::BlockId until);
    [[nodiscard]] bool open_range(const StreamRecord& record);
    std::string end(std::string_view reason);
    std::string render(const StreamRecord& record);
    [[nodiscard]] bool wants_row(size_t entity, std::string_view key) const;
    [[nodiscard]] bool wants_event(std::string_view contract, std::string_view event) const;

    StreamHub& hub_;
    StreamFilter filter_;
    bool started_ = false;
    bool over_ = false;
    bool stale_ = false;  ///< rows were not sent: a reset comes before the next ones
    uint64_t next_seq_ = 0;
    std::optional<uint64_t> last_sent_;  ///< the block that the client stands on
    uint64_t skip_commits_ = 0;          ///< the client's copy has these already
    std::unique_ptr<Snapshot> snapshot_;
    std::unique_ptr<CatchUp> catch_up_;
};

/// Hears of commits on the writer's thread, renders on its own (or on whoever calls `step`).
class StreamHub final : public engine::IndexObserver {
  public:
    using DatabaseGetter = std::function<storage::Database*()>;
    /// `is_live`: no more backfill to come, so that clients who missed rows may get them all.
    StreamHub(std::shared_ptr<const engine::Plan> plan, DatabaseGetter database,
              std::function<bool()> is_live, StreamOptions options);
    ~StreamHub() override;

    /// Renders on a thread of its own until `stop`. Before the first commit.
    void start();
    void stop();
    /// Renders one waiting piece; false where there is none.
    bool step();

    // On the writer's thread.
    void on_commit(const engine::CommitNotice& notice) override;
    [[nodiscard]] size_t row_bytes_max() const override { return options_.commit_bytes_max; }
    void on_rollback(uint64_t block_num) override;
    void on_refold() override;
    /// A proof ended: `json` is what clients get as "result". Any thread.
    void tell_proof(std::string json);

    /// kUnavailable before there is a database; kTooLarge with too many clients.
    [[nodiscard]] Result<std::unique_ptr<StreamReader>> subscribe(StreamFilter filter);
    /// Counts messages; 0 = none yet.
    [[nodiscard]] uint64_t newest_seq() const;
    /// `wake` is called from any thread whenever there may be news; until `remove_wake` has
    /// returned.
    uint64_t add_wake(std::function<void()> wake);
    void remove_wake(uint64_t id);

    [[nodiscard]] const engine::Plan& plan() const noexcept { return *plan_; }

  private:
    friend class StreamReader;
    struct Raw;

    void put_raw(Raw raw);
    void render_commit(const Raw& raw, StreamRecord& record);
    void apply_retract(const Raw& raw, StreamRecord& record);
    void append(std::shared_ptr<StreamRecord> record);
    void wake_all();
    void look_for_proofs();
    [[nodiscard]] std::string row_json(size_t entity, std::string_view key,
                                       std::string_view row) const;

    enum class Found : uint8_t { kRecord, kNothing, kGone };
    /// The first message that a state of `commit_num` does not hold yet.
    [[nodiscard]] uint64_t seq_after(uint64_t commit_num) const;
    Found find(uint64_t seq, std::shared_ptr<const StreamRecord>& out) const;

    std::shared_ptr<const engine::Plan> plan_;
    DatabaseGetter database_;
    std::function<bool()> is_live_;
    StreamOptions options_;

    mutable std::mutex raw_mutex_;
    std::condition_variable raw_ready_;
    std::deque<Raw> raw_;
    size_t raw_bytes_ = 0;

    // The rendering thread's own.
    std::unique_ptr<engine::EventText> text_;
    size_t children_ = 0;
    std::optional<std::vector<storage::ProofRecord>> proofs_;  ///< as last seen
    /// Records of commits that are in effect, oldest first.
    std::deque<std::shared_ptr<const StreamRecord>> canonical_;

    mutable std::mutex ring_mutex_;
    std::deque<std::shared_ptr<const StreamRecord>> ring_;
    size_t ring_bytes_ = 0;
    uint64_t next_seq_ = 1;
    /// The state that the ring's first message follows on.
    std::optional<storage::Cursor> base_;
    size_t readers_ = 0;

    std::mutex wake_mutex_;
    std::map<uint64_t, std::function<void()>> wakes_;
    uint64_t next_wake_ = 1;

    std::jthread thread_;
};

}  // namespace plumbline::api
