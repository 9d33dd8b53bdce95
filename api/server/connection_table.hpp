// Which connections there are, of whom, and whose place a new one may take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/base/mutex.hpp"

namespace plumbline::api {

/// Where all places are taken, or all of one client, a new connection takes the place of the one
/// that has waited longest for its client to say something: slow and idle ones cannot keep others
/// out. Thread-safe.
class ConnectionTable {
  public:
    struct Limits {
        size_t max = 512;
        size_t client_max = 256;
    };
    explicit ConnectionTable(Limits limits) : limits_{limits} {}

    /// A number for the new connection, which waits for its client; empty where no place can be
    /// made. `close` closes it, from any thread and at most once; it must not call the table.
    /// `has_limit`: false for a proxy, whose connections are those of many clients.
    [[nodiscard]] std::optional<uint64_t> admit(const std::string& client, bool has_limit,
                                                std::function<void()> close)
        PLUMBLINE_EXCLUDES(mutex_);
    /// It waits for its client to say something, from now on; or does not.
    void set_waiting(uint64_t id, bool is_waiting) PLUMBLINE_EXCLUDES(mutex_);
    /// It has ended. A number that is not there any more is ignored.
    void leave(uint64_t id) PLUMBLINE_EXCLUDES(mutex_);

    [[nodiscard]] size_t size() const PLUMBLINE_EXCLUDES(mutex_);

  private:
    struct Connection {
        std::string client;
        std::function<void()> close;
        std::optional<uint64_t> waits_since;  ///< counts, not a time
    };
    using Connections = std::map<uint64_t, Connection>;
    /// The longest waiting one, of `client` where not null.
    [[nodiscard]] Connections::iterator find_silent(const std::string* client)
        PLUMBLINE_REQUIRES(mutex_);
    void erase(Connections::iterator connection) PLUMBLINE_REQUIRES(mutex_);

    const Limits limits_;
    mutable Mutex mutex_;
    Connections connections_ PLUMBLINE_GUARDED_BY(mutex_);
    std::map<uint64_t, uint64_t> silent_ PLUMBLINE_GUARDED_BY(mutex_);   ///< by `waits_since`
    std::map<std::string, size_t> counts_ PLUMBLINE_GUARDED_BY(mutex_);  ///< by client
    uint64_t next_id_ PLUMBLINE_GUARDED_BY(mutex_) = 1;
    uint64_t next_wait_ PLUMBLINE_GUARDED_BY(mutex_) = 1;
};

/// A connection's place in a table, which must outlive it; given back when it goes. Moved along
/// where a connection changes hands.
class ConnectionPlace {
  public:
    ConnectionPlace() = default;
    ConnectionPlace(ConnectionTable& table, uint64_t id) : table_{&table}, id_{id} {}
    ConnectionPlace(ConnectionPlace&& other) noexcept
        : table_{std::exchange(other.table_, nullptr)},
          id_{other.id_} {}
    ConnectionPlace& operator=(ConnectionPlace&& other) noexcept {
        std::swap(table_, other.table_);
        std::swap(id_, other.id_);
        return *this;
    }
    ConnectionPlace(const ConnectionPlace&) = delete;
    ConnectionPlace& operator=(const ConnectionPlace&) = delete;
    ~ConnectionPlace() {
        if (table_ != nullptr) {
            table_->leave(id_);
        }
    }
    void set_waiting(bool is_waiting) {
        if (table_ != nullptr) {
            table_->set_waiting(id_, is_waiting);
        }
    }

  private:
    ConnectionTable* table_ = nullptr;
    uint64_t id_ = 0;
};

}  // namespace plumbline::api
