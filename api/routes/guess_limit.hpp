// How often a client may send a wrong token. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "core/base/mutex.hpp"

namespace plumbline::api {

/// A client has so many guesses a minute; then nothing of it is compared any more until the minute
/// is over, so that a token is not found by trying.
class GuessLimit {
  public:
    static constexpr uint32_t kGuessesMax = 10;
    static constexpr int64_t kWindowMs = 60'000;
    static constexpr size_t kClientsMax = 4'096;  ///< remembered

    /// How long the client must wait before it is heard again; 0 = it is heard.
    [[nodiscard]] int64_t wait_ms(const std::string& client, int64_t now_ms) const
        PLUMBLINE_EXCLUDES(mutex_) {
        const MutexLock lock{mutex_};
        const auto found = clients_.find(client);
        return found == clients_.end() || found->second.wrong < kGuessesMax ||
                       now_ms >= found->second.until_ms
                   ? 0
                   : found->second.until_ms - now_ms;
    }

    /// It sent a wrong token.
    void on_wrong(const std::string& client, int64_t now_ms) PLUMBLINE_EXCLUDES(mutex_) {
        const MutexLock lock{mutex_};
        if (clients_.size() >= kClientsMax && !clients_.contains(client)) {
            std::erase_if(clients_,
                          [&](const auto& entry) { return now_ms >= entry.second.until_ms; });
            if (clients_.size() >= kClientsMax) {
                clients_.erase(clients_.begin());
            }
        }
        Guesses& guesses = clients_[client];
        if (now_ms >= guesses.until_ms) {
            guesses = {0, now_ms + kWindowMs};
        }
        ++guesses.wrong;
    }

  private:
    struct Guesses {
        uint32_t wrong = 0;
        int64_t until_ms = 0;
    };
    mutable Mutex mutex_;
    std::map<std::string, Guesses> clients_ PLUMBLINE_GUARDED_BY(mutex_);
};

}  // namespace plumbline::api
