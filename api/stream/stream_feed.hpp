// What the hub and its readers share: the ring, and the index that stands behind it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "api/stream/stream_place.hpp"
#include "api/stream/stream_ring.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"

namespace plumbline::api {

struct StreamOptions {
    size_t ring_bytes_max = 32U << 20U;     ///< messages kept for clients that are behind or away
    size_t waiting_bytes_max = 16U << 20U;  ///< copies that wait to be rendered
    size_t commit_bytes_max = 1U << 20U;    ///< rows of a larger commit are not sent one by one
    uint64_t commit_events_max = 5'000;
    size_t clients_max = 256;
    size_t snapshot_rows = 200;               ///< in one message
    size_t snapshot_bytes_max = 256U << 10U;  ///< a message ends with the row that passes it
};

/// How many clients follow at a time. Thread-safe; must outlive the places it gave.
class ClientLimit {
  public:
    explicit ClientLimit(size_t max) : max_{max} {}

    /// One client's place, given back when it ends.
    class Place {
      public:
        explicit Place(std::atomic<size_t>& taken) : taken_{&taken} {}
        Place(Place&& other) noexcept : taken_{std::exchange(other.taken_, nullptr)} {}
        Place& operator=(Place&&) = delete;
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place() {
            if (taken_ != nullptr) {
                --*taken_;
            }
        }

      private:
        std::atomic<size_t>* taken_;
    };
    /// Empty where all are taken.
    [[nodiscard]] std::optional<Place> take() {
        for (size_t taken = taken_.load(); taken < max_;) {
            if (taken_.compare_exchange_weak(taken, taken + 1)) {
                return std::optional<Place>{std::in_place, taken_};
            }
        }
        return std::nullopt;
    }
    [[nodiscard]] size_t max() const noexcept { return max_; }

  private:
    const size_t max_;
    std::atomic<size_t> taken_{0};
};

/// All of it may be used from any thread.
struct StreamFeed {
    StreamFeed(std::shared_ptr<const engine::Plan> the_plan,
               std::function<storage::Database*()> the_database, std::function<bool()> is_it_live,
               StreamOptions the_options)
        : plan{std::move(the_plan)},
          abis{abis_of(*plan)},
          database{std::move(the_database)},
          is_live{std::move(is_it_live)},
          options{the_options},
          ring{options.ring_bytes_max},
          clients{options.clients_max} {}

    const std::shared_ptr<const engine::Plan> plan;
    const uint64_t abis;                                 ///< for `basis_of`
    const std::function<storage::Database*()> database;  ///< null until there is one
    /// No more backfill to come, so that clients who missed rows may get them all.
    const std::function<bool()> is_live;
    const StreamOptions options;
    StreamRing ring;
    ClientLimit clients;
};

}  // namespace plumbline::api
