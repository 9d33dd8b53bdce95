// JSON-RPC on a WebSocket: requests one after the other, and what the connection has subscribed to.
// A request is read only once the one before is answered, and news are looked for only once those
// before are taken: a slow client makes nothing grow.
#include <deque>
#include <string>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "api/rpc/rpc_calls.hpp"
#include "api/rpc/subscriptions.hpp"
#include "api/server/server_impl.hpp"
#include "api/server/web_socket.hpp"

namespace plumbline::api {

namespace {

namespace rpc_ws = beast::websocket;

/// What a close frame holds.
constexpr size_t kReasonMax = 120;

}  // namespace

class RpcSession final : public std::enable_shared_from_this<RpcSession>, public StreamClient {
  public:
    RpcSession(Tcp::socket&& socket, std::shared_ptr<Shared> shared, RpcStart start)
        : link_{std::move(socket)},
          shared_{std::move(shared)},
          start_{std::move(start)},
          subscriptions_{shared_->router.open_subscriptions(start_.client)} {
        ++shared_->rpc_sockets;
    }
    RpcSession(const RpcSession&) = delete;
    RpcSession& operator=(const RpcSession&) = delete;
    ~RpcSession() override {
        for (const std::string& message : outgoing_) {
            shared_->answer_bytes -= message.size();
        }
        --shared_->rpc_sockets;
    }

    void start() {
        asio::dispatch(socket_.get_executor(), [self = shared_from_this()] { self->accept(); });
    }

    void wake() override {
        asio::post(socket_.get_executor(), [self = shared_from_this()] {
            self->has_news_ = true;
            self->take_turn();
        });
    }

  private:
    void accept() {
        link_.set_limits(shared_->options, shared_->options.body_bytes_max);
        socket_.async_accept(start_.request, [self = shared_from_this()](beast::error_code error) {
            if (!error) {
                self->is_open_ = true;
                self->read();
            }
        });
    }

    void read() {
        socket_.async_read(incoming_, [self = shared_from_this()](beast::error_code error, size_t) {
            if (error) {
                self->is_open_ = false;
                return;
            }
            self->asked_ = beast::buffers_to_string(self->incoming_.data());
            self->incoming_.consume(self->incoming_.size());
            self->has_request_ = true;
            self->take_turn();
        });
    }

    /// A request before news; one job, or its messages, are under way at a time.
    void take_turn() {
        if (!is_open_ || is_busy_) {
            return;
        }
        if (has_request_) {
            answer();
        } else if (has_news_ && is_subscribed_) {
            look_for_news();
        }
    }

    void answer() {
        is_busy_ = true;
        if (shared_->answer_bytes.load() >= shared_->options.answer_bytes_max) {
            on_answer(rpc_error(rpc_code::kLimit, "clients do not take their answers fast enough"));
            return;
        }
        Request asked;
        asked.method = "POST";
        asked.target = "/rpc";
        asked.body = std::move(asked_);
        asked.client = start_.client;
        asked.subscriptions = subscriptions_.get();
        const auto taken = shared_->rpc_calls.submit(
            start_.client, [self = shared_from_this(), asked = std::move(asked)] {
                auto out = std::make_shared<std::string>(self->shared_->router.handle(asked).body);
                asio::post(self->socket_.get_executor(), [self, out] {
                    self->is_subscribed_ = !self->subscriptions_->is_empty();
                    self->has_news_ = self->is_subscribed_;
                    self->on_answer(std::move(*out));
                });
            });
        if (taken != FairPool::Taken::kYes) {
            on_answer(rpc_error(rpc_code::kLimit, "too many requests wait already; ask again"));
        }
    }

    void on_answer(std::string text) {
        has_request_ = false;
        is_reading_next_ = true;
        send(text.empty() ? std::vector<std::string>{} : std::vector<std::string>{std::move(text)});
    }

    void look_for_news() {
        is_busy_ = true;
        has_news_ = false;
        const auto taken =
            shared_->stream_readers.submit(start_.client, [self = shared_from_this()] {
                auto news = std::make_shared<Result<std::vector<std::string>>>(
                    self->shared_->router.rpc_news(*self->subscriptions_));
                asio::post(self->socket_.get_executor(),
                           [self, news] { self->on_news(std::move(*news)); });
            });
        is_busy_ = taken == FairPool::Taken::kYes;
        has_news_ = !is_busy_;
    }

    void on_news(Result<std::vector<std::string>> news) {
        if (!news) {
            is_open_ = false;
            rpc_ws::close_reason reason{rpc_ws::close_code::internal_error};
            reason.reason = news.error().message.substr(0, kReasonMax);
            socket_.async_close(reason, [self = shared_from_this()](beast::error_code) {});
            return;
        }
        has_news_ = has_news_ || !news->empty();  // One look ends somewhere.
        send(*std::move(news));
    }

    void send(std::vector<std::string> messages) {
        for (std::string& message : messages) {
            shared_->answer_bytes += message.size();
            outgoing_.push_back(std::move(message));
        }
        write();
    }

    void write() {
        if (!is_open_ || outgoing_.empty()) {
            is_busy_ = false;
            if (is_open_ && std::exchange(is_reading_next_, false)) {
                read();
            }
            take_turn();
            return;
        }
        link_.send(outgoing_.front(), shared_from_this(), [this](beast::error_code error) {
            shared_->answer_bytes -= outgoing_.front().size();
            outgoing_.pop_front();
            is_open_ = is_open_ && !error;
            write();
        });
    }

    WebSocket link_;
    WebSocket::Stream& socket_ = link_.stream();
    std::shared_ptr<Shared> shared_;
    RpcStart start_;
    std::shared_ptr<Subscriptions> subscriptions_;  ///< of the job that is under way, if one is
    beast::flat_buffer incoming_;
    std::string asked_;
    std::deque<std::string> outgoing_;
    bool is_open_ = false;
    bool is_busy_ = false;          ///< a job, or what it gave, is under way
    bool has_request_ = false;      ///< was read and is not answered
    bool is_reading_next_ = false;  ///< read once what is under way is written
    bool has_news_ = false;         ///< the index moved since somebody looked
    bool is_subscribed_ = false;
};

void start_rpc(Tcp::socket&& socket, const std::shared_ptr<Shared>& shared, RpcStart start) {
    const auto session = std::make_shared<RpcSession>(std::move(socket), shared, std::move(start));
    shared->add_client(session);
    session->start();
}

}  // namespace plumbline::api
