// The messages of the live stream that are kept for clients that are behind or away, oldest first.
// Each has a number one above that of the one before, so a client's place is one number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "api/stream/stream_place.hpp"
#include "api/stream/stream_record.hpp"
#include "core/base/mutex.hpp"
#include "storage/records.hpp"

namespace plumbline::api {

/// Bounded by bytes. Thread-safe; one thread appends.
class StreamRing {
  public:
    using Record = std::shared_ptr<const StreamRecord>;

    explicit StreamRing(size_t bytes_max) : bytes_max_{bytes_max} {}

    /// A state of the database.
    struct State {
        storage::Cursor cursor;
        StreamBasis basis;
    };
    /// The state that the first record follows on; none: an empty database. Before `append`.
    void set_base(const std::optional<State>& base) PLUMBLINE_EXCLUDES(mutex_);
    /// Numbers it and keeps it. What is then too much falls out, oldest first, but never the
    /// newest.
    Record append(StreamRecord record) PLUMBLINE_EXCLUDES(mutex_);

    /// 0 = none yet.
    [[nodiscard]] uint64_t newest_seq() const PLUMBLINE_EXCLUDES(mutex_);
    /// Of the oldest record that is kept; above the newest where there is none.
    [[nodiscard]] uint64_t oldest_seq() const PLUMBLINE_EXCLUDES(mutex_);

    enum class Found : uint8_t {
        kRecord,
        kNothing,  ///< not yet
        kGone,     ///< no longer
    };
    struct Lookup {
        Found found = Found::kNothing;
        Record record;  ///< of kRecord
    };
    [[nodiscard]] Lookup find(uint64_t seq) const PLUMBLINE_EXCLUDES(mutex_);

    /// The number of the first record that a state of commit `commit_num` does not hold yet.
    [[nodiscard]] uint64_t seq_after(uint64_t commit_num) const PLUMBLINE_EXCLUDES(mutex_);

    /// Where a client goes on.
    struct Place {
        uint64_t next_seq = 0;
        uint64_t commit_num = 0;  ///< the client's copy holds this commit and all before
        friend bool operator==(const Place&, const Place&) = default;
    };
    /// For a client whose copy stands on `known`, of rows or else of the log. `now` is the
    /// database's state, read before the call, so that what is committed meanwhile is not passed
    /// over. Empty where nobody knows what has happened since `known`.
    [[nodiscard]] std::optional<Place> place_after(const StreamPlace& known, bool has_rows,
                                                   const std::optional<State>& now) const
        PLUMBLINE_EXCLUDES(mutex_);

  private:
    [[nodiscard]] uint64_t seq_after_held(uint64_t commit_num) const PLUMBLINE_REQUIRES(mutex_);

    const size_t bytes_max_;
    mutable Mutex mutex_;
    std::deque<Record> records_ PLUMBLINE_GUARDED_BY(mutex_);
    size_t bytes_ PLUMBLINE_GUARDED_BY(mutex_) = 0;
    uint64_t next_seq_ PLUMBLINE_GUARDED_BY(mutex_) = 1;
    std::optional<State> base_ PLUMBLINE_GUARDED_BY(mutex_);
};

}  // namespace plumbline::api
