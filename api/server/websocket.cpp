// One client of the live stream on a WebSocket.
#include <chrono>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "api/server/server_impl.hpp"
#include "api/stream/stream.hpp"

namespace plumbline::api {

namespace {

namespace ws = beast::websocket;

/// Clients have nothing to say but pings and the end.
constexpr size_t kClientMessageMax = 4096;

}  // namespace

class StreamSession final : public std::enable_shared_from_this<StreamSession>,
                            public StreamClient {
  public:
    StreamSession(Tcp::socket&& socket, std::shared_ptr<Shared> shared,
                  std::unique_ptr<StreamReader> reader)
        : socket_{std::move(socket)},
          shared_{std::move(shared)},
          reader_{std::move(reader)} {
        ++shared_->streams;
    }
    StreamSession(const StreamSession&) = delete;
    StreamSession& operator=(const StreamSession&) = delete;
    ~StreamSession() override { --shared_->streams; }

    void start(BeastRequest request) {
        request_ = std::move(request);
        asio::dispatch(socket_.get_executor(), [self = shared_from_this()] { self->accept(); });
    }

    void wake() override {
        asio::post(socket_.get_executor(), [self = shared_from_this()] { self->pump(); });
    }

  private:
    void accept() {
        ws::stream_base::timeout timeout{};
        timeout.handshake_timeout = std::chrono::milliseconds{shared_->options.request_ms_max};
        timeout.idle_timeout = std::chrono::milliseconds{shared_->options.stream_idle_ms_max};
        timeout.keep_alive_pings = true;
        socket_.set_option(timeout);
        socket_.read_message_max(kClientMessageMax);
        socket_.async_accept(request_, [self = shared_from_this()](beast::error_code error) {
            if (!error) {
                self->is_open_ = true;
                self->read();
                self->pump();
            }
        });
    }

    void read() {
        socket_.async_read(incoming_, [self = shared_from_this()](beast::error_code error, size_t) {
            if (error) {
                self->is_open_ = false;
                self->reader_.reset();
                return;
            }
            self->incoming_.consume(self->incoming_.size());
            self->read();
        });
    }

    /// One message is under way at a time: what a slow client has not taken waits in the ring.
    void pump() {
        if (!is_open_ || is_writing_ || !reader_) {
            return;
        }
        std::optional<std::string> message = reader_->next();
        if (!message) {
            return;
        }
        outgoing_ = *std::move(message);
        is_writing_ = true;
        socket_.text(true);
        socket_.async_write(asio::buffer(outgoing_),
                            [self = shared_from_this()](beast::error_code error, size_t) {
                                self->on_write(error);
                            });
    }

    void on_write(beast::error_code error) {
        is_writing_ = false;
        if (error || !reader_) {
            is_open_ = false;
            reader_.reset();
            return;
        }
        if (reader_->is_over()) {
            is_open_ = false;
            reader_.reset();
            ws::close_reason reason{ws::close_code::try_again_later};
            reason.reason = "see the last message";
            socket_.async_close(reason, [self = shared_from_this()](beast::error_code) {});
            return;
        }
        pump();
    }

    ws::stream<beast::tcp_stream> socket_;
    std::shared_ptr<Shared> shared_;
    std::unique_ptr<StreamReader> reader_;
    BeastRequest request_;
    beast::flat_buffer incoming_;
    std::string outgoing_;
    bool is_open_ = false;
    bool is_writing_ = false;
};

void start_stream(Tcp::socket&& socket, const std::shared_ptr<Shared>& shared,
                  std::unique_ptr<StreamReader> reader, BeastRequest request) {
    const auto session =
        std::make_shared<StreamSession>(std::move(socket), shared, std::move(reader));
    {
        const MutexLock lock{shared->clients_mutex};
        std::erase_if(shared->clients, [](const auto& client) { return client.expired(); });
        shared->clients.push_back(session);
    }
    session->start(std::move(request));
}

}  // namespace plumbline::api
