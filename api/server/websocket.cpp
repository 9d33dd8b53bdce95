// One client of the live stream on a WebSocket.
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "api/server/server_impl.hpp"
#include "api/server/web_socket.hpp"
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
    StreamSession(Tcp::socket&& socket, std::shared_ptr<Shared> shared, StreamStart start)
        : link_{std::move(socket)},
          shared_{std::move(shared)},
          start_{std::move(start)},
          reader_{std::move(start_.reader)} {
        ++shared_->streams;
    }
    StreamSession(const StreamSession&) = delete;
    StreamSession& operator=(const StreamSession&) = delete;
    ~StreamSession() override { --shared_->streams; }

    void start() {
        asio::dispatch(socket_.get_executor(), [self = shared_from_this()] { self->accept(); });
    }

    void wake() override {
        asio::post(socket_.get_executor(), [self = shared_from_this()] { self->pump(); });
    }

  private:
    void accept() {
        link_.set_limits(shared_->options, kClientMessageMax);
        socket_.async_accept(start_.request, [self = shared_from_this()](beast::error_code error) {
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
                self->end();
                return;
            }
            self->incoming_.consume(self->incoming_.size());
            self->read();
        });
    }

    /// One message is under way at a time: what a slow client has not taken waits in the ring. It
    /// is made on one of the pool's threads, as it may take a walk through the log.
    void pump() {
        if (!is_open_ || !reader_) {
            return;
        }
        if (is_busy_) {
            has_news_ = true;
            return;
        }
        is_busy_ = true;
        has_news_ = false;
        const auto taken = shared_->stream_readers.submit(
            start_.client, [self = shared_from_this(), reader = reader_] {
                auto message = std::make_shared<std::optional<std::string>>(reader->next());
                asio::post(self->socket_.get_executor(),
                           [self, message] { self->on_message(std::move(*message)); });
            });
        is_busy_ = taken == FairPool::Taken::kYes;
    }

    void on_message(std::optional<std::string> message) {
        if (!message || !is_open_ || !reader_) {
            is_busy_ = false;
            if (has_news_) {
                pump();
            }
            return;
        }
        outgoing_ = *std::move(message);
        link_.send(outgoing_, shared_from_this(),
                   [this](beast::error_code error) { on_write(error); });
    }

    void on_write(beast::error_code error) {
        is_busy_ = false;
        outgoing_ = {};
        if (error || !reader_) {
            end();
            return;
        }
        if (reader_->is_over()) {
            end();
            ws::close_reason reason{ws::close_code::try_again_later};
            reason.reason = "see the last message";
            socket_.async_close(reason, [self = shared_from_this()](beast::error_code) {});
            return;
        }
        pump();
    }

    void end() {
        is_open_ = false;
        reader_.reset();
    }

    WebSocket link_;
    WebSocket::Stream& socket_ = link_.stream();
    std::shared_ptr<Shared> shared_;
    StreamStart start_;
    std::shared_ptr<StreamReader> reader_;  ///< shared with a job that is at it
    beast::flat_buffer incoming_;
    std::string outgoing_;
    bool is_open_ = false;
    bool is_busy_ = false;   ///< a message is made or under way
    bool has_news_ = false;  ///< was woken in the meantime
};

void start_stream(Tcp::socket&& socket, const std::shared_ptr<Shared>& shared, StreamStart start) {
    const auto session =
        std::make_shared<StreamSession>(std::move(socket), shared, std::move(start));
    shared->add_client(session);
    session->start();
}

}  // namespace plumbline::api
