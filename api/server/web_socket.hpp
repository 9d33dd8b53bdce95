// A WebSocket by the rules that all of them keep to here. Internal to api.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "api/server/server_impl.hpp"

namespace plumbline::api {

/// Used on its executor only. Handlers keep alive whom it belongs to.
class WebSocket {
  public:
    using Stream = beast::websocket::stream<beast::tcp_stream>;

    explicit WebSocket(Tcp::socket&& socket) : stream_{std::move(socket)} {}

    [[nodiscard]] Stream& stream() noexcept { return stream_; }

    /// Before it is accepted. `message_bytes_max`: of what the client says.
    void set_limits(const ServerOptions& options, size_t message_bytes_max) {
        beast::websocket::stream_base::timeout timeout{};
        timeout.handshake_timeout = std::chrono::milliseconds{options.request_ms_max};
        timeout.idle_timeout = std::chrono::milliseconds{options.stream_idle_ms_max};
        timeout.keep_alive_pings = true;
        stream_.set_option(timeout);
        stream_.read_message_max(message_bytes_max);
        send_time_ = std::chrono::milliseconds{options.stream_send_ms_max};
    }

    /// One text at a time, which lives until `done(error)`. Pings keep a connection open; only what
    /// is taken in time keeps it here.
    template <typename Owner, typename Done>
    void send(const std::string& text, std::shared_ptr<Owner> owner, Done done) {
        timer_.expires_after(send_time_);
        timer_.async_wait([this, owner, number = ++sent_](beast::error_code error) {
            if (!error && sent_ == number && is_sending_) {
                beast::get_lowest_layer(stream_).close();
            }
        });
        is_sending_ = true;
        stream_.text(true);
        stream_.async_write(asio::buffer(text),
                            [this, owner, done = std::move(done)](beast::error_code error, size_t) {
                                is_sending_ = false;
                                timer_.cancel();
                                done(error);
                            });
    }

  private:
    Stream stream_;
    asio::steady_timer timer_{stream_.get_executor()};
    std::chrono::milliseconds send_time_{};
    uint64_t sent_ = 0;
    bool is_sending_ = false;
};

}  // namespace plumbline::api
