// What the provider pool is told (endpoints, limits) and what it tells back (events, statistics).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rpc/range_controller.hpp"
#include "rpc/refusal.hpp"

namespace plumbline::rpc {

/// One provider. Everything but the scheme, host and port of `url` is treated as a secret, and of
/// the host what may be one (core/base/url_parts.hpp) unless `is_host_public`.
struct Endpoint {
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string bearer_token{};  ///< sent as "Authorization: Bearer ..." when not empty
    bool is_host_public = false;
    /// By which people know it, and nothing secret; empty: by its host, as `take_each_once` says.
    std::string name{};
};

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

/// Hears what people should know. Messages never hold secrets. Called from within the pool's calls;
/// must not call the pool.
class PoolObserver {
  public:
    PoolObserver() = default;
    PoolObserver(const PoolObserver&) = delete;
    PoolObserver& operator=(const PoolObserver&) = delete;
    virtual ~PoolObserver() = default;
    virtual void on_event(LogLevel level, const std::string& message) = 0;
    /// What becomes of one of the providers, as a sentence behind its name.
    virtual void on_provider(LogLevel level, const std::string& provider, const std::string& what) {
        on_event(level, "provider " + provider + " " + what);
    }
};

/// Which bloom evidence makes an answer suspicious enough for a second opinion.
enum class BloomCheck : uint8_t {
    kOff,
    kEmptyBlocks,  ///< the bloom has a match, the answer has no log of the block
    /// Also: of one asked event or address the bloom has a match and the answer none. Such doubts
    /// are common (other contracts emit the same events); in backfill only another provider is
    /// asked about them, receipts are not fetched.
    kEveryEvent,
};

struct PoolOptions {
    /// Each is asked once and has one vote, however often it is given; the first 64 are asked.
    std::vector<Endpoint> endpoints;
    /// Providers of another chain are asked for nothing but their chain id. Learnt from the first
    /// answer when empty.
    std::optional<uint64_t> chain_id;
    uint64_t seed = 1;  ///< of the jitter

    uint32_t in_flight_max = 32;              ///< HTTP requests, overall
    uint32_t in_flight_per_provider_max = 8;  ///< shrinks on rate limits, grows back
    int64_t request_timeout_ms = 30'000;
    int64_t head_timeout_ms = 8'000;
    size_t body_size_max = 64U << 20U;
    size_t bodies_shared_max = 20U << 20U;  ///< `CurlOptions::bodies_shared_max`
    uint32_t attempts_max = 8;              ///< of one question's part, over all providers
    int64_t deadline_ms = 120'000;          ///< of one question's part without any progress
    int64_t backoff_ms_first = 200;         ///< full jitter: 0 to first * 2^n
    int64_t backoff_ms_max = 15'000;
    uint32_t breaker_failures = 3;     ///< failures in a row that stop asking
    int64_t breaker_ms_first = 1'000;  ///< until the first probe; doubles
    int64_t breaker_ms_max = 60'000;
    uint32_t chain_strikes_believed = 4;   ///< wrong chain ids in a row that are believed
    int64_t chain_probe_ms_max = 300'000;  ///< and after which one is asked again all the same
    int64_t billing_park_ms = 600'000;
    int64_t lie_park_ms = 300'000;  ///< after `lies_tolerated` proven lies
    uint32_t lies_tolerated = 2;
    int64_t retry_after_ms_max = 3'600'000;
    int64_t alone_wait_ms_max =
        60'000;                      ///< of all waits and parking, where nobody else can be asked
    int64_t head_stale_ms = 3'000;   ///< older head knowledge is asked again when it matters
    int64_t head_poll_ms = 1'000;    ///< how often heads are asked for: a block that was told as
                                     ///< one and is lacking is asked for again within that
    int64_t heads_grace_ms = 400;    ///< get_heads waits this long for the slower ones
    uint32_t batch_max = 50;         ///< calls a batch, until learnt otherwise
    uint32_t addresses_max = 1'000;  ///< a filter, until learnt otherwise
    BloomCheck bloom_check = BloomCheck::kEveryEvent;
    /// Filters with more addresses match nearly every bloom; it then says nothing.
    uint32_t bloom_addresses_max = 32;
    RangeOptions range;
};

/// A provider's record. `name` is scheme://host[:port], without what may be a secret, and "#2" and
/// so on behind it where it is not the first one of that (core/base/endpoint_identity.hpp).
struct ProviderStats {
    std::string name;
    std::optional<uint64_t> chain_id;
    std::optional<uint64_t> head;
    uint64_t requests = 0;
    uint64_t received_bytes = 0;
    std::array<uint64_t, static_cast<size_t>(RefusalClass::kUnknown) + 1> refusals{};  ///< by class
    uint64_t transport_errors = 0;
    uint64_t malformed = 0;  ///< answers that could not be read or that failed a check
    uint64_t lies = 0;       ///< answers proven wrong
    double latency_ms = 0;   ///< moving average
    uint32_t in_flight = 0;
    double window = 0;  ///< requests at once allowed now
    uint64_t batch_max = 0;
    std::optional<uint64_t> blocks_cap;  ///< learnt, of the filter asked last
    bool usable = true;                  ///< false while parked or broken
    /// "ok", "starting", "rate limited", "down", "refused" (key, token or plan), "lied",
    /// "other chain".
    std::string state;
    /// Its own last text, or what became of the last request to it, while it does not work; may be
    /// shown. Empty while it works.
    std::string last_error;
    /// "eth_getLogs: its own last text", of the method that it refused last and has not answered
    /// since, whatever else it answers; may be shown.
    std::string last_refusal;
    /// What it does not give of some blocks though it works, with its own text; may be shown.
    std::string limitation;
    /// How its answers contradict themselves, so that others, or receipts, take the place of its
    /// logs; may be shown. Empty while they do not.
    std::string oddity;
    /// How long it has been asked without an answer to anything; empty where nothing is open.
    std::optional<int64_t> silent_ms;
};

}  // namespace plumbline::rpc
