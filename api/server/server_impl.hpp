// What server.cpp and websocket.cpp share. Internal to api.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

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
    Mutex clients_mutex;
    std::vector<std::weak_ptr<StreamClient>> clients PLUMBLINE_GUARDED_BY(clients_mutex);
    std::atomic<uint64_t> requests{0};
    std::atomic<uint64_t> errors{0};
    std::atomic<uint64_t> refused{0};
    std::atomic<uint64_t> connections{0};
    std::atomic<uint64_t> streams{0};
    std::atomic<uint64_t> accept_failures{0};

    Shared(Router& routes, StreamHub* stream_hub, ServerOptions server_options)
        : router{routes},
          hub{stream_hub},
          options{std::move(server_options)} {}
};

/// Turns a connection that asked for it into a stream.
void start_stream(Tcp::socket&& socket, const std::shared_ptr<Shared>& shared,
                  std::unique_ptr<StreamReader> reader, BeastRequest request);

struct Server::Impl {
    std::shared_ptr<Shared> shared;
    std::unique_ptr<asio::io_context> io;
    uint64_t wake = 0;  ///< at the hub
    std::shared_ptr<Listener> listener;
    std::vector<std::jthread> threads;
    uint16_t port = 0;
};

}  // namespace plumbline::api
