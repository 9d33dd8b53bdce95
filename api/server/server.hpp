// The network side of the API: connections, limits, timeouts. Boost stays in the .cpp files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/routes/router.hpp"
#include "core/base/result.hpp"

namespace plumbline::api {

struct ServerOptions {
    std::string address = "127.0.0.1";
    uint16_t port = 0;     ///< 0: any free one
    unsigned threads = 2;  ///< for sockets; those that answer come on top (Shared)
    size_t header_bytes_max = 8U << 10U;
    size_t body_bytes_max = 64U << 10U;
    size_t connections_max = 512;
    int64_t request_ms_max = 15'000;      ///< to send a request, or to take the answer
    int64_t idle_ms_max = 60'000;         ///< between two requests
    int64_t stream_idle_ms_max = 60'000;  ///< a stream's client that answers no ping
    int64_t accept_rest_ms = 100;         ///< between two tries while no connection can be taken
    std::vector<std::string> cors{};   ///< whose pages may read besides our own; "*": everybody's
    std::vector<std::string> hosts{};  ///< names that it is called by, besides addresses
    std::vector<std::string> trusted_proxies{};  ///< whose X-Forwarded-For is believed
    size_t client_connections_max = 256;         ///< of one address
    size_t rpc_sockets_max = 256;                ///< JSON-RPC on WebSockets
    size_t live_queries_max = 1'000;
    int64_t stream_send_ms_max = 30'000;   ///< for a stream's client to take a message
    size_t answer_bytes_max = 64U << 20U;  ///< on their way to clients; beyond it scans are refused
    /// Where the process has more, what answers have freed goes back to the system.
    size_t resident_mark = SIZE_MAX;
};

class StreamHub;

/// Since the start, where nothing else is said.
struct ServerStats {
    uint64_t requests = 0;
    uint64_t errors = 0;           ///< answers of 500 and above
    uint64_t refused = 0;          ///< connections that no place could be made for
    uint64_t connections = 0;      ///< open now
    uint64_t streams = 0;          ///< open now
    uint64_t accept_failures = 0;  ///< tries that found no descriptor or memory
};

/// Runs threads of its own. Everything it was given must outlive it.
class Server {
  public:
    /// kUnavailable where the address cannot be listened on.
    /// `hub` may be null: no stream then.
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(Router& router, StreamHub* hub,
                                                               ServerOptions options);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    /// Stops.
    ~Server();

    /// Accepts nothing more, closes what is open, ends its threads.
    void stop();
    [[nodiscard]] uint16_t port() const noexcept;
    [[nodiscard]] ServerStats stats() const noexcept;

    struct Impl;

  private:
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace plumbline::api
