// HTTP as the provider pool sees it: submit requests, poll for completions. This is where a
// simulated network takes the place of the real one, so nothing here knows of curl or of wall time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/evm/bytes.hpp"

namespace plumbline::rpc {

/// Bytes of capacity a response body must have beyond its size, so that the JSON reader may read
/// past the end without a copy. A body with less is still read, after one reallocation.
inline constexpr size_t kBodyPadding = 64;

/// One request, nearly always a POST. `url` and `headers` may hold secrets: an implementation never
/// logs them.
struct HttpRequest {
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;  ///< without Content-Type: JSON's
    std::string body;
    std::string method = "POST";
    int64_t timeout_ms = 30'000;  ///< from submission to the last byte
    size_t body_size_max = 64U << 20U;
};

enum class TransportError : uint8_t {
    kNone,         ///< an HTTP response came, whatever its status
    kTimeout,      ///< `timeout_ms` passed
    kUnreachable,  ///< no connection: name, route, refused
    kCut,          ///< the connection broke before the response was whole
    kTooLarge,     ///< the body passed `body_size_max`
    kTls,          ///< the certificate or the handshake was not accepted
    kBadUrl,       ///< the URL cannot be used at all
};

/// What became of a request.
struct HttpCompletion {
    uint64_t id = 0;
    TransportError error = TransportError::kNone;
    std::string error_text;  ///< for people; never holds the URL's path, query or user info
    int status = 0;          ///< HTTP status; 0 without a response
    std::optional<int64_t> retry_after_ms;
    std::string redirect;  ///< where a 3xx points: scheme and host, never more
    Bytes body;            ///< decompressed
};

/// One thread.
class Transport {
  public:
    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    /// Takes a request on its way and returns its id, which is never 0 and never used again.
    virtual uint64_t submit(HttpRequest request) = 0;
    /// Appends the completions that are there, waiting for the first one for at most `wait_ms`.
    /// Each submitted request completes exactly once. With nothing on its way it still waits:
    /// a simulated transport advances its clock by what it "waited".
    virtual void poll(int64_t wait_ms, std::vector<HttpCompletion>& completions) = 0;
    /// Memory of a completion's body that is not needed any more, for a later one. Only saves time.
    virtual void give_back(Bytes&& body) { static_cast<void>(body); }
    /// Requests submitted and not completed.
    [[nodiscard]] virtual size_t in_flight() const = 0;
};

}  // namespace plumbline::rpc
