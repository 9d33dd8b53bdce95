// What the parts of ingest hand to each other: ranges of logs made complete by the fetcher, work
// for the writer in the order it must be done, and what the writer says back.
//
//   ChainSource -> Fetcher -> Follower -> BoundedQueue<WorkItem> -> Writer -> Database
//   `---------- network thread -------'                            `- writer thread -'
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/bounded_queue.hpp"
#include "core/base/result.hpp"
#include "core/evm/log.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {
class Database;
}

namespace plumbline::engine {

struct RowChange;

/// Bounds and waits of ingest. The defaults suit a machine with two cores and 256 MiB.
struct IngestOptions {
    size_t in_flight_max = 8;               ///< requests to the chain at one time
    size_t ahead_max = 64;                  ///< ranges asked for or waiting to be handed over
    size_t ahead_bytes_max = 14U << 20U;    ///< logs held by the fetcher
    size_t queue_bytes_max = 10U << 20U;    ///< logs waiting for the writer
    uint64_t range_blocks_max = 1'000'000;  ///< of one request below finality
    uint64_t tail_blocks_max = 64;          ///< of one request with all headers
    size_t child_addresses_max = 300;       ///< more children of a contract are asked for by topic
    size_t commit_events_max = 50'000;
    size_t commit_bytes_max = 16U << 20U;
    size_t fold_cache_bytes = 64U << 20U;
    int64_t sync_interval_ms = 5'000;  ///< how much a power cut may cost while backfilling
    int64_t retry_ms_min = 500;
    int64_t retry_ms_max = 30'000;
    int64_t poll_interval_ms = 1'000;
    /// A head below ours that stays this many polls, with our block unknown to the providers, is a
    /// shortened chain and not a provider that is behind.
    unsigned lower_head_polls = 5;
    /// Blocks below the head that count as final; empty: the chain's own `finalized`.
    std::optional<uint64_t> finality_depth;
    /// For a chain that has no `finalized`, where no depth is configured.
    uint64_t finality_depth_fallback = 64;
};

/// A block as the log's index needs it.
struct BlockInfo {
    uint64_t block_num = 0;
    evm::Hash hash;
    evm::Hash parent_hash;
    uint64_t timestamp = 0;
    friend bool operator==(const BlockInfo&, const BlockInfo&) = default;
};

constexpr uint32_t kNoTxn = UINT32_MAX;

/// Everything the sources of one range of blocks want from the chain, complete and in order.
struct FetchedRange {
    evm::BlockRange range;
    evm::LogBatch logs;             ///< each wanted by at least one source
    std::vector<BlockInfo> blocks;  ///< ascending: those with logs and the last; `tail`: all
    std::vector<storage::ChildRow> children;  ///< announced in this range, in order
    std::vector<storage::TxnFields> txns;
    std::vector<uint32_t> txn_of_log;  ///< into `txns` or kNoTxn; empty where no log needs one
    std::vector<uint32_t> sources;     ///< of the plan, for which the range is now complete
    std::string provider;
    evm::Hash parent_hash;   ///< of the block before the range; zero = not known
    bool tail = false;       ///< not final: one commit a block, with undo
    uint64_t finalized = 0;  ///< as known when the range was asked for

    [[nodiscard]] const storage::TxnFields* txn(size_t log) const noexcept {
        return txn_of_log.empty() || txn_of_log[log] == kNoTxn ? nullptr : &txns[txn_of_log[log]];
    }
    /// Memory it takes, roughly.
    [[nodiscard]] size_t size_bytes() const noexcept {
        return logs.arena.capacity() + logs.logs.capacity() * sizeof(evm::Log) +
               blocks.size() * sizeof(BlockInfo) + children.size() * sizeof(storage::ChildRow) +
               txns.size() * sizeof(storage::TxnFields) + sizeof(FetchedRange);
    }
};

/// The next blocks of the index.
struct AppendWork {
    FetchedRange fetched;
    bool sync = false;  ///< on disk before the next: at the head
};
/// Blocks at or below the cursor, for sources that the database has not covered yet.
struct GapWork {
    FetchedRange fetched;
};
/// Blocks up to here became final while no block came.
struct FinalizeWork {
    uint64_t finalized = 0;
};
/// The chain left us above `target`; its hash is zero where that does not matter, below the first
/// block of the index.
struct RollbackWork {
    BlockInfo target;
};
/// Fold the log again: the mapping changed, or logs were filled in.
struct RefoldWork {
    std::string reason;
};
/// Make everything so far durable.
struct SyncWork {};

struct WorkItem {
    uint64_t seq = 0;    ///< counts items
    uint64_t epoch = 0;  ///< items of an epoch that the writer refused are dropped
    std::variant<AppendWork, GapWork, FinalizeWork, RollbackWork, RefoldWork, SyncWork> work;

    [[nodiscard]] size_t size_bytes() const noexcept;
};

/// What a call on the writer thread changes, so that the writer knows what to forget.
enum class WriterEffect : uint8_t {
    kRows,  ///< logs, children or rows of entities: the fold starts from the disk again
    kNone,  ///< anything else, such as proof levels
};

/// Work of other threads that must be done by the one thread that writes.
struct WriterCall {
    std::function<Status(storage::Database&)> work;
    WriterEffect effect = WriterEffect::kRows;
    std::promise<Status> done;
};

/// Thread-safe.
class WriterCalls {
  public:
    /// False where nobody will ever run it.
    [[nodiscard]] bool push(WriterCall& call) {
        const std::scoped_lock lock{mutex_};
        if (is_closed_) {
            return false;
        }
        calls_.push_back(std::move(call));
        count_.store(calls_.size());
        return true;
    }
    [[nodiscard]] bool empty() const noexcept { return count_.load() == 0; }
    [[nodiscard]] std::optional<WriterCall> try_pop() {
        const std::scoped_lock lock{mutex_};
        if (calls_.empty()) {
            return std::nullopt;
        }
        std::optional<WriterCall> call{std::move(calls_.front())};
        calls_.pop_front();
        count_.store(calls_.size());
        return call;
    }
    /// Refuses what waits and all that comes.
    void close(const Error& why) {
        std::deque<WriterCall> refused;
        {
            const std::scoped_lock lock{mutex_};
            is_closed_ = true;
            refused.swap(calls_);
            count_.store(0);
        }
        for (WriterCall& call : refused) {
            call.done.set_value(why);
        }
    }

  private:
    std::atomic<size_t> count_{0};
    std::mutex mutex_;
    std::deque<WriterCall> calls_;
    bool is_closed_ = false;
};

/// Between the network thread and the writer thread. Thread-safe.
struct IngestChannel {
    explicit IngestChannel(size_t queue_bytes_max) : queue{queue_bytes_max} {}

    BoundedQueue<WorkItem> queue;
    WriterCalls calls;
    /// The last item that is wholly in the database (or was dropped).
    std::atomic<uint64_t> done_seq{0};
    /// Items of this epoch are refused: what they hold does not join what is stored. The follower
    /// looks at the chain again and goes on in a new epoch. 0 = none.
    std::atomic<uint64_t> refused_epoch{0};
    /// Set once by the writer: it cannot go on.
    void fail(Error error) {
        const std::scoped_lock lock{mutex_};
        if (!failure_) {
            failure_ = std::move(error);
        }
        failed_.store(true);
        calls.close(*failure_);
    }
    [[nodiscard]] bool has_failed() const noexcept { return failed_.load(); }
    [[nodiscard]] std::optional<Error> failure() const {
        const std::scoped_lock lock{mutex_};
        return failure_;
    }

  private:
    std::atomic<bool> failed_{false};
    mutable std::mutex mutex_;
    std::optional<Error> failure_;
};

/// What the index is doing; only ever told forwards, except that a reorg past finality or a
/// provider that was away may lead from live back to backfilling.
enum class Lifecycle : uint8_t { kStarting, kBackfilling, kLive, kDraining, kStopped };
[[nodiscard]] std::string_view to_string(Lifecycle state) noexcept;

/// Logs of a fetched, `from` included, `to` not.
struct LogSpan {
    const FetchedRange* fetched = nullptr;
    size_t from = 0;
    size_t to = 0;
};

/// A commit with what it brought. Everything pointed to is valid during the call only.
struct CommitNotice {
    evm::BlockRange range;
    evm::Hash block_hash;  ///< of the last block
    uint64_t timestamp = 0;
    uint64_t finalized = 0;
    uint64_t events = 0;
    /// Null where more changed than `row_bytes_max` allows.
    const std::vector<RowChange>* changes = nullptr;
    std::span<const LogSpan> logs;  ///< all `events`, in order
};

/// Told of what happened to the index, on the writer thread, after it is in the database. Must not
/// block for long and must not write to the database.
class IndexObserver {
  public:
    IndexObserver() = default;
    IndexObserver(const IndexObserver&) = delete;
    IndexObserver& operator=(const IndexObserver&) = delete;
    virtual ~IndexObserver() = default;

    /// Blocks `range` are in; `events` logs came with them.
    virtual void on_commit(evm::BlockRange range, uint64_t events) = 0;
    /// The same commit with its rows and logs; comes just before `on_commit`, and only where
    /// `row_bytes_max` is above 0.
    virtual void on_rows(const CommitNotice& notice) { static_cast<void>(notice); }
    /// How much may be copied for `on_rows`. Asked whenever a fold starts.
    [[nodiscard]] virtual size_t row_bytes_max() const { return 0; }
    /// Everything above `block_num` is taken back.
    virtual void on_rollback(uint64_t block_num) = 0;
    /// The entities were folded again from the whole log: forget what was known of them.
    virtual void on_refold() = 0;
};

/// Numbers for people and metrics. Written by ingest, read from any thread.
struct IngestProgress {
    std::atomic<Lifecycle> state{Lifecycle::kStarting};
    std::atomic<uint64_t> first_block{0};   ///< where the index starts
    std::atomic<uint64_t> next_block{0};    ///< the first that is not committed
    std::atomic<uint64_t> target_block{0};  ///< where this run goes to: head, or --until
    std::atomic<uint64_t> head_block{0};    ///< of the chain, as last told
    std::atomic<uint64_t> finalized_block{0};
    std::atomic<uint64_t> events{0};  ///< committed by this run
    std::atomic<uint64_t> commits{0};
    std::atomic<uint64_t> commit_ms{0};    ///< spent writing them
    std::atomic<uint64_t> quarantined{0};  ///< by this run
    std::atomic<uint64_t> reorgs{0};
    std::atomic<uint64_t> fill_next{0};  ///< filling older blocks: the next one; 0 = not
    std::atomic<uint64_t> fill_to{0};
    std::atomic<bool> refolding{false};
    std::atomic<int64_t> waiting_since_ms{-1};       ///< for the chain; -1 = not
    std::atomic<int64_t> disk_waiting_since_ms{-1};  ///< for the disk; -1 = not
};

}  // namespace plumbline::engine
