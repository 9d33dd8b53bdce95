// What ingest waits for of the chain, told to people: in `IngestProgress` as long as it lasts, in
// the log once a reason. The same reason again is no news, a different one is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/ingest/ingest_progress.hpp"
#include "rpc/open_wait.hpp"

namespace plumbline::engine {

/// What is the same each time that a reason is told: without its numbers, hashes and ids.
[[nodiscard]] std::string reason_key(std::string_view reason);

/// Which reasons are news. Remembers a bounded number. One thread.
class ReasonLog {
  public:
    /// By its `reason_key`: false where that was seen in the last ten minutes, and now again.
    [[nodiscard]] bool is_new(std::string key, int64_t now_ms);
    void forget() { seen_.clear(); }

  private:
    std::map<std::string, int64_t> seen_;  ///< key and when last
};

/// When a wait is another one than that before, and its reasons are news again. One thread.
class Calm {
  public:
    /// So long nothing was waited for between two outages; less is one that comes and goes.
    static constexpr int64_t kMs = 3'000;
    /// `since_ms`: since when is waited; empty: for nothing. True where that begins after a calm.
    [[nodiscard]] bool ends(std::optional<int64_t> since_ms, int64_t now_ms);

  private:
    std::optional<int64_t> since_ms_;  ///< of the calm that is on
};

/// One thread. `progress` and `clock` must outlive it.
class ChainWait {
  public:
    ChainWait(IngestProgress& progress, const Clock& clock) : progress_{progress}, clock_{clock} {}

    /// A question failed and is asked again: a line at once where the reason is new.
    void trouble(const Error& error, std::string_view doing);
    /// Waits, since then, for what `text` says; no line. For what may be over in a moment.
    void wait(int64_t since_ms, std::string text);
    /// Ingest got on, whether it had waited or not.
    void over();

  private:
    IngestProgress& progress_;
    const Clock& clock_;
    ReasonLog reasons_;
    bool is_told_ = false;
};

/// "http://node: eth_getLogs of blocks 5 to 9, for 34s, asked 3 times: the provider's text"
[[nodiscard]] std::string describe_wait(const rpc::OpenWait& wait);

/// Longer than that, whatever waits is worth a word.
constexpr int64_t kWaitToTellMs = 10'000;

}  // namespace plumbline::engine
