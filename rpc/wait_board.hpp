// What is open in a pool, since when, and what is in its way: for those who watch. Decides nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/eth_json.hpp"
#include "rpc/open_wait.hpp"

namespace plumbline::rpc {

class WaitBoard;

/// A question's entry on the board, which it leaves when the ticket is closed or goes; after that
/// nothing is noted. A question of several groups of calls gives all of them the same ticket, so
/// that its age is the question's.
class WaitTicket {
  public:
    WaitTicket(WaitBoard& board, uint64_t id) : board_{board}, id_{id} {}
    WaitTicket(const WaitTicket&) = delete;
    WaitTicket& operator=(const WaitTicket&) = delete;
    ~WaitTicket();

    /// A request for it went out.
    void on_asked(const std::string& provider, const Call& call, int64_t now_ms);
    /// One of the requests that went out to `provider` has come back, or never will.
    void on_back(const std::string& provider);
    /// `reason` as it may be shown: it was not answered, and will be asked for again.
    void on_refused(const std::string& provider, std::string_view reason);
    /// A part of it is answered: its age counts from `now_ms` on, and what was in the way is past.
    void on_progress(int64_t now_ms);
    /// The question is answered.
    void close();

  private:
    WaitBoard& board_;
    uint64_t id_;
};

/// One thread. Outlives its tickets.
class WaitBoard {
  public:
    /// Of a question about to be asked.
    [[nodiscard]] std::shared_ptr<WaitTicket> open(std::string_view method,
                                                   std::optional<evm::BlockRange> range,
                                                   int64_t now_ms);
    /// The questions without progress for at least `waiting_ms`, those that wait longest first.
    /// `reason` is empty where nobody refused.
    [[nodiscard]] std::vector<OpenWait> older_than(int64_t waiting_ms, int64_t now_ms) const;
    [[nodiscard]] size_t size() const { return entries_.size(); }
    /// When a part of a question about blocks was last answered; empty where none was.
    [[nodiscard]] std::optional<int64_t> last_progress_ms() const { return last_progress_ms_; }

  private:
    friend class WaitTicket;
    struct Entry {
        OpenWait wait;
        int64_t since_ms = 0;
        struct Out {
            std::string provider;
            int64_t sent_ms = 0;
        };
        std::vector<Out> out;  ///< requests under way, as they were sent
    };
    static void name_who_hangs(const Entry& entry, int64_t waiting_ms, int64_t now_ms,
                               OpenWait& wait);

    std::map<uint64_t, Entry> entries_;
    uint64_t next_id_ = 1;
    std::optional<int64_t> last_progress_ms_;
};

/// The blocks that `call` is about; empty where it names none.
[[nodiscard]] std::optional<evm::BlockRange> blocks_of(const Call& call);

}  // namespace plumbline::rpc
