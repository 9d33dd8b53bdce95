// What server.cpp, session.cpp and websocket.cpp share. Internal to api.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "api/server/client_address.hpp"
#include "api/server/connection_table.hpp"
#include "api/server/fair_pool.hpp"
#include "api/server/server.hpp"
#include "api/stream/stream.hpp"
#include "core/base/mutex.hpp"

namespace plumbline::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Tcp = asio::ip::tcp;
using BeastRequest = beast::http::request<beast::http::string_body>;
using BeastResponse = beast::http::response<beast::http::string_body>;

class Listener;

/// A stream's connection, to be told that there may be news. Thread-safe.
class StreamClient {
  public:
    StreamClient() = default;
    StreamClient(const StreamClient&) = delete;
    StreamClient& operator=(const StreamClient&) = delete;
    virtual ~StreamClient() = default;
    virtual void wake() = 0;
};

/// What connections share with the server; lives as long as the last of them.
struct Shared {
    Router& router;
    StreamHub* hub;
    ServerOptions options;
    TrustedProxies proxies;
    ConnectionTable connections;
    // Threads that answer, so that nobody waits for what others asked: who watches the service for
    // those who read it, who looks for who scans, and the live stream for both.
    FairPool probes{{.threads = 1, .client_waiting_max = 64}};
    FairPool quick{{.threads = 2, .client_running_max = 2, .client_waiting_max = 64}};
    FairPool scans{{.threads = 2, .niceness = kScanNiceness}};
    /// Of their own, because some wait for a node.
    FairPool rpc_calls{{.threads = 4, .niceness = kScanNiceness}};
    /// At most one job a stream.
    FairPool stream_readers{
        {.threads = 2, .client_waiting_max = SIZE_MAX, .waiting_max = SIZE_MAX}};
    Mutex clients_mutex;
    std::vector<std::weak_ptr<StreamClient>> clients PLUMBLINE_GUARDED_BY(clients_mutex);
    std::atomic<uint64_t> requests{0};
    std::atomic<uint64_t> errors{0};
    std::atomic<uint64_t> refused{0};
    std::atomic<uint64_t> streams{0};
    std::atomic<uint64_t> rpc_sockets{0};
    std::atomic<uint64_t> live_queries{0};
    std::atomic<uint64_t> accept_failures{0};
    std::atomic<size_t> sessions{0};      ///< connections that are no streams
    std::atomic<size_t> answer_bytes{0};  ///< of answers that clients have not taken yet
    std::atomic<size_t> made_bytes{0};    ///< of answers since freed memory was given back

    Shared(Router& routes, StreamHub* stream_hub, ServerOptions server_options)
        : router{routes},
          hub{stream_hub},
          options{std::move(server_options)},
          proxies{options.trusted_proxies},
          connections{{options.connections_max, options.client_connections_max}} {}

    /// From now on it is told of news, as long as it lives.
    void add_client(const std::shared_ptr<StreamClient>& client) {
        const MutexLock lock{clients_mutex};
        std::erase_if(clients, [](const auto& one) { return one.expired(); });
        clients.push_back(client);
    }

    /// Jobs that wait are dropped, those that run end.
    void stop_pools() {
        for (FairPool* pool : {&probes, &quick, &scans, &rpc_calls, &stream_readers}) {
            pool->stop();
        }
    }

  private:
    /// Scans give way to the index and to everybody else.
    static constexpr int kScanNiceness = 10;
};

/// Reads requests from a new connection and answers them. False where no place could be made for
/// it: it is closed.
[[nodiscard]] bool start_session(Tcp::socket&& socket, const std::shared_ptr<Shared>& shared);

/// A stream that is about to begin.
struct StreamStart {
    std::shared_ptr<StreamReader> reader;
    BeastRequest request;
    std::string client;
    ConnectionPlace place;
};
/// Turns a connection that asked for it into a stream.
void start_stream(Tcp::socket&& socket, const std::shared_ptr<Shared>& shared, StreamStart start);

/// JSON-RPC on a WebSocket that is about to begin.
struct RpcStart {
    BeastRequest request;
    std::string client;
    ConnectionPlace place;
};
void start_rpc(Tcp::socket&& socket, const std::shared_ptr<Shared>& shared, RpcStart start);

/// A live query that is about to begin.
struct LiveStart {
    std::string target;   ///< of the question that it asks again and again
    std::string headers;  ///< of the answer, whole lines; may be empty
    std::string client;
    ConnectionPlace place;
};
void start_live(Tcp::socket&& socket, const std::shared_ptr<Shared>& shared, LiveStart start);

/// Whose pages may read, besides our own.
[[nodiscard]] bool is_invited(std::string_view origin, const ServerOptions& options);

struct Server::Impl {
    std::shared_ptr<Shared> shared;
    std::unique_ptr<asio::io_context> io;
    uint64_t wake = 0;  ///< at the hub
    std::shared_ptr<Listener> listener;
    std::vector<std::jthread> threads;
    uint16_t port = 0;
};

}  // namespace plumbline::api
