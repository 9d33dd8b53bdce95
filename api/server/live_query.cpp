// A live query of @ponder/client: server-sent events, the answer now and again whenever it has
// changed. One question or one message is under way at a time, so a slow client is told the newest
// answer only.
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "api/server/server_impl.hpp"

namespace plumbline::api {

namespace {

/// A line that says nothing: a client that is gone is noticed by it, and proxies keep the
/// connection.
constexpr std::string_view kStillHere = ":\n\n";
constexpr std::chrono::milliseconds kStillHereEvery{15'000};
constexpr std::chrono::milliseconds kAskAgainAfter{100};

}  // namespace

class LiveQuery final : public std::enable_shared_from_this<LiveQuery>, public StreamClient {
  public:
    LiveQuery(Tcp::socket&& socket, std::shared_ptr<Shared> shared, LiveStart start)
        : socket_{std::move(socket)},
          shared_{std::move(shared)},
          start_{std::move(start)} {
        ++shared_->live_queries;
    }
    LiveQuery(const LiveQuery&) = delete;
    LiveQuery& operator=(const LiveQuery&) = delete;
    ~LiveQuery() override { --shared_->live_queries; }

    void start() {
        asio::dispatch(socket_.get_executor(), [self = shared_from_this()] {
            self->watch();
            self->ask();
        });
    }
    void wake() override {
        asio::post(socket_.get_executor(), [self = shared_from_this()] {
            self->has_news_ = true;
            self->ask();
        });
    }

  private:
    /// Clients have nothing to say but the end.
    void watch() {
        socket_.async_read_some(asio::buffer(&heard_, 1),
                                [self = shared_from_this()](beast::error_code error, size_t) {
                                    if (error) {
                                        self->end();
                                    } else {
                                        self->watch();
                                    }
                                });
    }

    void ask() {
        if (is_over_ || is_busy_ || !has_news_) {
            return;
        }
        is_busy_ = true;
        has_news_ = false;
        still_here_.cancel();
        Request asked;
        asked.target = start_.target;
        asked.client = start_.client;
        const auto taken = shared_->scans.submit(
            start_.client, [self = shared_from_this(), asked = std::move(asked)] {
                auto out = std::make_shared<Response>(self->shared_->router.handle(asked));
                asio::post(self->socket_.get_executor(), [self, out] { self->on_answer(*out); });
            });
        if (taken != FairPool::Taken::kYes) {
            is_busy_ = false;
            has_news_ = true;
            rest(kAskAgainAfter);
        }
    }

    void on_answer(const Response& answer) {
        if (answer.status != 200) {
            is_last_ = true;
            if (is_started_) {  // It connects again, and is told why then.
                end();
                return;
            }
            outgoing_ = fmt::format(
                "HTTP/1.1 {} Refused\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}"
                "Connection: close\r\n\r\n{}",
                answer.status, answer.content_type, answer.body.size(), start_.headers,
                answer.body);
        } else if (answer.body != told_) {
            told_ = answer.body;
            outgoing_ = is_started_ ? told_
                                    : fmt::format(
                                          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                          "Cache-Control: no-store\r\nX-Content-Type-Options: "
                                          "nosniff\r\n{}Connection: close\r\n\r\n{}",
                                          start_.headers, told_);
            is_started_ = true;
        } else {
            is_busy_ = false;
            rest(kStillHereEvery);
            ask();
            return;
        }
        write();
    }

    void write() {
        deadline_.expires_after(std::chrono::milliseconds{shared_->options.stream_send_ms_max});
        deadline_.async_wait([self = shared_from_this()](beast::error_code error) {
            if (!error) {
                self->end();
            }
        });
        asio::async_write(socket_, asio::buffer(outgoing_),
                          [self = shared_from_this()](beast::error_code error, size_t) {
                              self->deadline_.cancel();
                              self->is_busy_ = false;
                              if (error || self->is_last_) {
                                  self->end();
                                  return;
                              }
                              self->rest(kStillHereEvery);
                              self->ask();
                          });
    }

    /// Until there is something to say, or to ask where too many wait already.
    void rest(std::chrono::milliseconds time) {
        still_here_.expires_after(time);
        still_here_.async_wait([self = shared_from_this()](beast::error_code error) {
            if (error || self->is_over_ || self->is_busy_) {
                return;
            }
            if (self->has_news_ || !self->is_started_) {
                self->ask();
                return;
            }
            self->is_busy_ = true;
            self->outgoing_ = kStillHere;
            self->write();
        });
    }

    void end() {
        is_over_ = true;
        still_here_.cancel();
        deadline_.cancel();
        beast::error_code ignored;
        socket_.shutdown(Tcp::socket::shutdown_send, ignored);
        socket_.close(ignored);
    }

    Tcp::socket socket_;
    std::shared_ptr<Shared> shared_;
    LiveStart start_;
    asio::steady_timer still_here_{socket_.get_executor()};
    asio::steady_timer deadline_{socket_.get_executor()};
    std::string told_;
    std::string outgoing_;
    char heard_ = '\0';
    bool is_over_ = false;
    bool is_busy_ = false;  ///< an answer is made or under way
    bool has_news_ = true;  ///< nobody has looked since the index moved
    bool is_started_ = false;
    bool is_last_ = false;
};

void start_live(Tcp::socket&& socket, const std::shared_ptr<Shared>& shared, LiveStart start) {
    const auto session = std::make_shared<LiveQuery>(std::move(socket), shared, std::move(start));
    shared->add_client(session);
    session->start();
}

}  // namespace plumbline::api
