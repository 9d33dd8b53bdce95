// The filters that clients have installed: eth_newFilter, eth_newBlockFilter, and what has changed
// since somebody asked last. A reorganisation takes logs back: they are told once more, `removed`.
// Subscriptions of a WebSocket (subscriptions.hpp) are filters too.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/rpc/log_source.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"

namespace plumbline::api {

/// Thread-safe. Filters that nobody asks for 5 minutes are gone, as nodes do it.
class FilterStore {
  public:
    static constexpr size_t kFiltersMax = 1'000;
    static constexpr size_t kFiltersAClient = 100;
    static constexpr int64_t kIdleMs = 300'000;
    /// What a filter of blocks walks in one poll; the next one goes on behind them.
    static constexpr uint64_t kBlocksMax = 10'000;
    /// `told_bytes_max`: of logs above finality that all filters together remember, to take them
    /// back.
    explicit FilterStore(size_t told_bytes_max) : told_bytes_max_{told_bytes_max} {}

    struct Wanted {
        std::optional<nlohmann::json> written{};  ///< as clients write a filter; empty: of blocks
        bool tells_heads = false;                 ///< of blocks: their headers (LogSource::head_of)
        bool lives_on = false;                    ///< until `remove`, whoever asks
    };

    /// The new filter's id. kTooLarge: there are too many, or too many of `client`, an address.
    [[nodiscard]] Result<std::string> add(const LogSource& source, Wanted wanted,
                                          std::string_view client, int64_t now_ms);
    /// What has come, and gone, since the last question, as JSON array; as much as one scan takes,
    /// so that more may be there. kNotFound: no such filter. kUnavailable: the index lacks blocks
    /// of it by now. kTooLarge: it remembers too much, and is gone. After any other error the next
    /// question gives what this one would have given.
    [[nodiscard]] Result<std::string> changes(const LogSource& source, const std::string& id,
                                              int64_t now_ms);
    /// The same, each for itself as JSON.
    [[nodiscard]] Result<std::vector<std::string>> take_changes(const LogSource& source,
                                                                const std::string& id,
                                                                int64_t now_ms);
    /// As it was written. kNotFound, also for one of blocks.
    [[nodiscard]] Result<nlohmann::json> filter_of(const std::string& id, int64_t now_ms);
    bool remove(const std::string& id);

  private:
    /// A block above finality that was told of, with what was told of it.
    struct Told {
        uint64_t block_num = 0;
        evm::Hash hash;
        std::vector<std::string> logs;  ///< open, as `ToldLog::text`
    };
    struct Filter {
        explicit Filter(std::atomic<size_t>& bytes) : all_told_bytes{bytes} {}
        Filter(const Filter&) = delete;
        Filter& operator=(const Filter&) = delete;
        ~Filter() { all_told_bytes -= told_bytes; }

        std::atomic<size_t>& all_told_bytes;  ///< the store's
        size_t told_bytes = 0;
        Wanted wanted;
        LogFilter filter;
        uint64_t first = 0;            ///< a number as fromBlock
        std::optional<uint64_t> last;  ///< a number as toBlock
        std::string client;
        uint64_t next = 0;  ///< the first block that was not told of
        std::deque<Told> told;
        int64_t used_ms = 0;
        Mutex mutex;  ///< of all above but `used_ms`, which the store's guards
    };
    /// What came, before any of it is told: a look that fails changes nothing.
    struct News {
        std::optional<uint64_t> through;  ///< up to here, whole; empty: not even the first block
        std::vector<Told> blocks;         ///< those above finality, without logs
        std::vector<ToldLog> logs;        ///< for a filter of logs
        std::vector<std::string> items;   ///< for one of blocks, as JSON
    };
    [[nodiscard]] std::shared_ptr<Filter> find(const std::string& id, int64_t now_ms);
    [[nodiscard]] static Result<size_t> count_kept(const LogSource& source, const Filter& filter);
    [[nodiscard]] static Result<News> look(const LogSource& source, const Filter& filter,
                                           uint64_t next);
    static void take_back(Filter& filter, size_t kept, std::vector<std::string>& out);
    static void tell(const LogSource& source, Filter& filter, News news,
                     std::vector<std::string>& out);
    static void count_told(Filter& filter, const std::string& log);
    static void forget_told(Filter& filter, const Told& block);
    [[nodiscard]] Status check_told_bytes() const;

    const size_t told_bytes_max_;
    std::atomic<size_t> told_bytes_{0};
    Mutex mutex_;
    std::map<std::string, std::shared_ptr<Filter>> filters_ PLUMBLINE_GUARDED_BY(mutex_);
};

}  // namespace plumbline::api
