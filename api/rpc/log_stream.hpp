// The rest of a list of logs that is too long to be made at once: read while it goes out, of one
// state of the index. What ends it early is told in it, as a JSON-RPC error after the list; it is
// never cut in silence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/http/message.hpp"
#include "api/rpc/log_filter.hpp"
#include "api/rpc/log_walk.hpp"
#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "storage/read_view.hpp"

namespace plumbline::api {

/// How many long answers go out at a time: each holds a state of the database. Thread-safe.
class LogStreamPlaces {
  public:
    static constexpr size_t kMax = 16;
    static constexpr size_t kClientMax = 4;

    /// One of the places, free again with its owner.
    class Place {
      public:
        Place(LogStreamPlaces& places, std::string client)
            : places_{places},
              client_{std::move(client)} {}
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place() { places_.leave(client_); }

      private:
        LogStreamPlaces& places_;
        std::string client_;
    };
    /// Null where all are taken, or this client has its share. Must outlive the place.
    [[nodiscard]] std::unique_ptr<Place> take(const std::string& client) PLUMBLINE_EXCLUDES(mutex_);

  private:
    void leave(const std::string& client) PLUMBLINE_EXCLUDES(mutex_);

    Mutex mutex_;
    std::map<std::string, size_t> clients_ PLUMBLINE_GUARDED_BY(mutex_);
    size_t count_ PLUMBLINE_GUARDED_BY(mutex_) = 0;
};

struct LogStreamLimits {
    size_t part_bytes = 1U << 20U;  ///< and one log more
    int64_t part_ms = 250;
    uint64_t bytes_max = 4ULL << 30U;
    int64_t time_ms_max = 600'000;
};

/// Begins behind the open bracket of `"result":[` and ends with the answer's last bracket.
class LogStream final : public AnswerParts {
  public:
    /// Blocks of `filter` up to `head`, of the state `view`.
    LogStream(std::shared_ptr<const storage::ReadView> view, LogFilter filter, uint64_t head,
              const Clock& clock, LogStreamLimits limits = {});

    /// It goes on beyond its first part.
    void hold(std::unique_ptr<LogStreamPlaces::Place> place) { place_ = std::move(place); }
    [[nodiscard]] Part next() override;
    [[nodiscard]] Part give_up(std::string_view why) override;

  private:
    /// Logs until the part is full. True at the end.
    [[nodiscard]] Result<bool> fill(std::string& out);
    /// Which one, in words; empty: none.
    [[nodiscard]] std::string passed_limit() const;
    [[nodiscard]] std::string end_with_error(int code, std::string_view why) const;

    std::shared_ptr<const storage::ReadView> view_;
    LogFilter filter_;
    std::optional<LogWalk> walk_;  ///< empty: no block was asked for
    const Clock& clock_;
    const LogStreamLimits limits_;
    const int64_t start_ms_;
    uint64_t bytes_ = 0;
    bool is_first_ = true;  ///< no log was told
    std::unique_ptr<LogStreamPlaces::Place> place_;
};

}  // namespace plumbline::api
