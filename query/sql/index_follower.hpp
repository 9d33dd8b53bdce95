// Reading a database whose writer is another process, again and again: the newest state that can be
// had without opening it each time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::query::sql {

/// Thread-safe. Opens read-only anew where the writer has synced a commit since, at most once a
/// second: RocksDB's own way to follow (a secondary instance) has no snapshots.
class IndexFollower {
  public:
    /// The one of that directory in this process, so that many connections share what is open.
    [[nodiscard]] static Result<std::shared_ptr<IndexFollower>> of(const std::string& path);

    /// Where the writer is too busy to be read beside, the state from before.
    [[nodiscard]] Result<std::shared_ptr<const storage::ReadView>> newest()
        PLUMBLINE_EXCLUDES(mutex_);
    /// Null where the stored config does not compile.
    [[nodiscard]] std::shared_ptr<const engine::Plan> plan() PLUMBLINE_EXCLUDES(mutex_);

  private:
    /// What changes whenever the writer has synced.
    struct Mark {
        uint64_t file = 0;
        int64_t time_ns = 0;
        friend bool operator==(const Mark&, const Mark&) = default;
    };

    explicit IndexFollower(std::string path) : path_{std::move(path)} {}
    [[nodiscard]] Mark read_mark() const;
    [[nodiscard]] Status open_again() PLUMBLINE_REQUIRES(mutex_);

    const std::string path_;
    Mutex mutex_;
    std::shared_ptr<const storage::ReadView> view_ PLUMBLINE_GUARDED_BY(mutex_);
    std::shared_ptr<const engine::Plan> plan_ PLUMBLINE_GUARDED_BY(mutex_);
    Mark mark_ PLUMBLINE_GUARDED_BY(mutex_);
    int64_t opened_ms_ PLUMBLINE_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbline::query::sql
