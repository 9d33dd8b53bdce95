// What the router keeps between requests; each part has its own lock. Internal to api.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/routes/guess_limit.hpp"
#include "api/routes/router.hpp"
#include "api/rpc/filter_store.hpp"
#include "api/rpc/log_stream.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "query/sql/session.hpp"
#include "storage/records.hpp"

namespace plumbline::api {

/// What a proof has found wrong in what is stored, and nobody has mended yet.
struct KnownMismatch {
    std::string proof;       ///< "log", "replay", "state"
    std::string entity;      ///< empty: all that is made of the log
    uint64_t block_num = 0;  ///< the first that is wrong; else the block that was proven
    uint64_t count = 0;
};

/// What is proven of all blocks up to the cursor.
struct ProofSummary {
    uint64_t commit_num = 0;
    storage::ProofLevel level = storage::ProofLevel::kNone;
    uint64_t proven_through = 0;  ///< up to here every block is at `bloom` or better; 0 = none
    /// Of these blocks, all of which are at it or better; kNone where there is none.
    storage::ProofLevel proven_level = storage::ProofLevel::kNone;
    std::vector<KnownMismatch> mismatches;
};

/// The summary of the newest commit that was asked for. Thread-safe.
class ProofSummaryCache {
  public:
    /// `compute` gives a Result<ProofSummary>; others wait for it.
    template <typename Compute>
    [[nodiscard]] Result<ProofSummary> get(uint64_t commit_num, Compute compute)
        PLUMBLINE_EXCLUDES(mutex_) {
        const MutexLock lock{mutex_};
        if (!newest_ || newest_->commit_num != commit_num) {
            PLUMBLINE_TRY(newest_, compute());
        }
        return *newest_;
    }

  private:
    Mutex mutex_;
    std::optional<ProofSummary> newest_ PLUMBLINE_GUARDED_BY(mutex_);
};

/// Each report as last counted. One is counted at a time, because counting reads all rows.
/// Thread-safe.
class ReportCache {
  public:
    using Counted = std::shared_ptr<const ReportResult>;
    /// As of commit `commit_num` (0: before the first, never kept). `count` gives a
    /// Result<ReportResult>. kUnavailable while another request counts.
    template <typename Count>
    [[nodiscard]] Result<Counted> get(const std::string& report, uint64_t commit_num, Count count)
        PLUMBLINE_EXCLUDES(mutex_) {
        if (!mutex_.try_lock()) {
            return Error{ErrorCode::kUnavailable, "another report is being counted; try again"};
        }
        const TakenLock lock{mutex_};
        return get_held(report, commit_num, std::move(count));
    }

  private:
    /// Lets go of what `try_lock` has taken however the scope ends: a count may throw.
    class PLUMBLINE_SCOPED_CAPABILITY TakenLock {
      public:
        explicit TakenLock(Mutex& mutex) PLUMBLINE_REQUIRES(mutex) : mutex_{mutex} {}
        TakenLock(const TakenLock&) = delete;
        TakenLock& operator=(const TakenLock&) = delete;
        ~TakenLock() PLUMBLINE_RELEASE() { mutex_.unlock(); }

      private:
        Mutex& mutex_;
    };
    struct Entry {
        uint64_t commit_num = 0;
        Counted result;
    };
    template <typename Count>
    [[nodiscard]] Result<Counted> get_held(const std::string& report, uint64_t commit_num,
                                           Count count) PLUMBLINE_REQUIRES(mutex_) {
        Entry& entry = reports_[report];
        if (entry.commit_num != commit_num || commit_num == 0) {
            PLUMBLINE_TRY(ReportResult result, count());
            entry = {commit_num, std::make_shared<const ReportResult>(std::move(result))};
        }
        return entry.result;
    }

    Mutex mutex_;
    std::map<std::string, Entry> reports_ PLUMBLINE_GUARDED_BY(mutex_);
};

/// SQL sessions that nobody uses now. Thread-safe.
class SqlSessions {
  public:
    using Held = std::unique_ptr<query::sql::Session>;
    /// One that fits; empty where there is none.
    [[nodiscard]] Held take(const storage::ReadView& view,
                            const std::shared_ptr<const engine::Plan>& plan)
        PLUMBLINE_EXCLUDES(mutex_) {
        const MutexLock lock{mutex_};
        // Those that no longer fit belong to an earlier generation and never will again.
        std::erase_if(idle_, [&](const Held& session) { return !session->fits(view, plan); });
        if (idle_.empty()) {
            return nullptr;
        }
        Held out = std::move(idle_.back());
        idle_.pop_back();
        return out;
    }
    void give_back(Held session) PLUMBLINE_EXCLUDES(mutex_) {
        constexpr size_t kIdleMax = 4;
        const MutexLock lock{mutex_};
        if (idle_.size() < kIdleMax) {
            idle_.push_back(std::move(session));
        }
    }

  private:
    Mutex mutex_;
    std::vector<Held> idle_ PLUMBLINE_GUARDED_BY(mutex_);
};

struct Router::Caches {
    explicit Caches(size_t filter_bytes_max) : filters{filter_bytes_max} {}
    SqlSessions sql;
    ProofSummaryCache proof;
    ReportCache reports;
    GuessLimit guesses;
    FilterStore filters;
    LogStreamPlaces log_streams;
    std::mutex history_turn;  ///< guards no data: one question about the past at a time
};

}  // namespace plumbline::api
