// Where ingest stands, in numbers that any thread may read while it works.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"

namespace plumbline::engine {

/// What the index is doing; only ever told forwards, except that a reorg past finality or a
/// provider that was away may lead from live back to backfilling.
enum class Lifecycle : uint8_t { kStarting, kBackfilling, kLive, kDraining, kStopped };
[[nodiscard]] std::string_view to_string(Lifecycle state) noexcept;

/// A text that one thread sets and others read. Thread-safe.
class SharedText {
  public:
    void set(std::string text) {
        const MutexLock lock{mutex_};
        text_ = std::move(text);
    }
    [[nodiscard]] std::string get() const {
        const MutexLock lock{mutex_};
        return text_;
    }

  private:
    mutable Mutex mutex_;
    std::string text_ PLUMBLINE_GUARDED_BY(mutex_);
};

/// A block's number that is not known until it is set: 0 is a block too. Thread-safe.
class ToldBlock {
  public:
    ToldBlock& operator=(uint64_t block_num) noexcept {
        value_ = block_num;
        return *this;
    }
    /// Empty until it was set.
    [[nodiscard]] std::optional<uint64_t> told() const noexcept {
        const uint64_t value = value_;
        return value == kNone ? std::nullopt : std::optional{value};
    }
    /// 0 until it was set: to compare with what was told.
    // NOLINTNEXTLINE(google-explicit-constructor): as std::atomic.
    operator uint64_t() const noexcept { return told().value_or(0); }

  private:
    static constexpr uint64_t kNone = UINT64_MAX;
    std::atomic<uint64_t> value_{kNone};
};

/// Numbers for people and metrics. Written by ingest, read from any thread. Times that end in `_ms`
/// are monotonic, but for those called unix.
struct IngestProgress {
    std::atomic<Lifecycle> state{Lifecycle::kStarting};
    std::atomic<uint64_t> first_block{0};   ///< where the index starts
    std::atomic<uint64_t> next_block{0};    ///< the first that is not committed
    std::atomic<uint64_t> fetched_next{0};  ///< the first that is not on its way to the writer
    std::atomic<uint64_t> asked_next{0};    ///< the first that was not asked for
    std::atomic<uint64_t> target_block{0};  ///< where this run goes to: head, or --until
    ToldBlock head_block;                   ///< of the chain, as last told
    std::atomic<uint64_t> finalized_block{0};
    std::atomic<uint64_t> events{0};          ///< committed by this run
    std::atomic<uint64_t> fetched_events{0};  ///< committed or on their way
    std::atomic<uint64_t> commits{0};
    std::atomic<uint64_t> commit_ms{0};         ///< spent writing them
    std::atomic<uint64_t> quarantined{0};       ///< by this run
    std::atomic<uint64_t> quarantined_rows{0};  ///< in the database, as of the end of the run
    std::atomic<uint64_t> unknown{0};           ///< events of no ABI, folded by this run
    std::atomic<uint64_t> misfits{0};           ///< of these: of a topic0 that an ABI has
    std::atomic<uint64_t> reorgs{0};
    std::atomic<uint64_t> fill_next{0};  ///< filling older blocks: the next one; 0 = not
    std::atomic<uint64_t> fill_to{0};
    std::atomic<bool> refolding{false};
    std::atomic<int64_t> waiting_since_ms{-1};  ///< for the chain; -1 = not
    /// The head that is told, where it is below our last block: that is waited for; 0 = it is not.
    std::atomic<uint64_t> lower_head{0};
    std::atomic<int64_t> disk_waiting_since_ms{-1};  ///< for the disk; -1 = not
    SharedText disk_error;                           ///< why, as of then
    std::atomic<bool> has_trouble{false};            ///< it waits because a question failed
    SharedText waiting_for;                          ///< of the chain: what, and why it waits

    /// When a provider last told its head, or ingest began.
    std::atomic<int64_t> heads_told_ms{0};
    std::atomic<int64_t> ready_age_max_ms{0};  ///< 0 = no limit
    /// When the head was made, by this machine's clock; -1 = unknown.
    std::atomic<int64_t> head_unix_ms{-1};
    std::atomic<int64_t> head_age_max_ms{0};  ///< 0 = no limit
    /// When the chain's head was last told to be higher than before; -1 = never.
    std::atomic<int64_t> head_risen_ms{-1};
    /// The last answer that ingest got on by, or when it last waited for something else.
    std::atomic<int64_t> answered_ms{0};
};

/// How much can be said of the chain's head.
struct HeadAges {
    int64_t ready_ms = 0;             ///< since a provider last told its head
    int64_t ready_max_ms = 0;         ///< 0 = no limit
    std::optional<int64_t> head_ms;   ///< since it was made; empty: unknown
    int64_t head_max_ms = 0;          ///< 0 = no limit
    std::optional<int64_t> risen_ms;  ///< since the head was last higher than before
    /// Blocks come, and are too old when they come: a head that was young then has grown old since,
    /// by no fault of a clock.
    [[nodiscard]] bool is_rising_old() const noexcept {
        const int64_t lately = std::min(head_max_ms, std::max<int64_t>(60'000, head_max_ms / 4));
        return risen_ms && *risen_ms < lately && head_ms.value_or(0) - *risen_ms > head_max_ms;
    }
    [[nodiscard]] bool is_silent() const noexcept {
        return ready_max_ms > 0 && ready_ms > ready_max_ms;
    }
    [[nodiscard]] bool is_stale() const noexcept {
        return head_max_ms > 0 && head_ms.value_or(0) > head_max_ms;
    }
    /// It was old when it was told, and has not only grown old since because nobody told a newer
    /// one: the chain stands still then, and not who tells of it.
    [[nodiscard]] bool is_told_old() const noexcept {
        return is_stale() && head_ms.value_or(0) - ready_ms > head_max_ms;
    }
    /// How far the index is behind says nothing where the head itself is old.
    [[nodiscard]] bool is_old() const noexcept { return is_silent() || is_stale(); }
};
[[nodiscard]] HeadAges read_head_ages(const IngestProgress& progress, const Clock& clock);

}  // namespace plumbline::engine
