#include "api/server/connection_table.hpp"

#include <utility>

namespace plumbline::api {

std::optional<uint64_t> ConnectionTable::admit(const std::string& client, bool has_limit,
                                               std::function<void()> close) {
    std::function<void()> close_other;
    uint64_t id = 0;
    {
        const MutexLock lock{mutex_};
        const auto count = counts_.find(client);
        const bool is_client_full =
            has_limit && count != counts_.end() && count->second >= limits_.client_max;
        if (is_client_full || connections_.size() >= limits_.max) {
            const auto silent = find_silent(is_client_full ? &client : nullptr);
            if (silent == connections_.end()) {
                return std::nullopt;
            }
            close_other = std::move(silent->second.close);
            erase(silent);
        }
        id = next_id_++;
        const uint64_t wait = next_wait_++;
        connections_.emplace(id, Connection{client, std::move(close), wait});
        silent_.emplace(wait, id);
        ++counts_[client];
    }
    if (close_other) {
        close_other();
    }
    return id;
}

void ConnectionTable::set_waiting(uint64_t id, bool is_waiting) {
    const MutexLock lock{mutex_};
    const auto found = connections_.find(id);
    if (found == connections_.end()) {
        return;
    }
    Connection& connection = found->second;
    if (connection.waits_since) {
        silent_.erase(*connection.waits_since);
        connection.waits_since.reset();
    }
    if (is_waiting) {
        connection.waits_since = next_wait_++;
        silent_.emplace(*connection.waits_since, id);
    }
}

void ConnectionTable::leave(uint64_t id) {
    std::function<void()> unused;  // Goes without the lock.
    const MutexLock lock{mutex_};
    if (const auto found = connections_.find(id); found != connections_.end()) {
        unused = std::move(found->second.close);
        erase(found);
    }
}

size_t ConnectionTable::size() const {
    const MutexLock lock{mutex_};
    return connections_.size();
}

ConnectionTable::Connections::iterator ConnectionTable::find_silent(const std::string* client) {
    for (const auto& [wait, id] : silent_) {
        const auto found = connections_.find(id);
        if (client == nullptr || found->second.client == *client) {
            return found;
        }
    }
    return connections_.end();
}

void ConnectionTable::erase(Connections::iterator connection) {
    if (connection->second.waits_since) {
        silent_.erase(*connection->second.waits_since);
    }
    if (const auto count = counts_.find(connection->second.client); --count->second == 0) {
        counts_.erase(count);
    }
    connections_.erase(connection);
}

}  // namespace plumbline::api
