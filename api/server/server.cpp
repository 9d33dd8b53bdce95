#include "api/server/server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <fmt/format.h>

#include "api/routes/request_context.hpp"
#include "api/server/server_impl.hpp"
#include "api/stream/stream.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"

namespace plumbline::api {

namespace {

using std::chrono::milliseconds;
namespace wire = beast::http;

std::string_view view(beast::string_view text) noexcept {
    return {text.data(), text.size()};
}

bool is_invited(std::string_view origin, const ServerOptions& options) {
    return std::ranges::any_of(options.cors, [origin](const std::string& known) {
        return known == "*" || known == origin;
    });
}

BeastResponse to_beast(Response&& answer, const BeastRequest& request,
                       const ServerOptions& options) {
    BeastResponse out;
    out.version(request.version());
    out.result(answer.status);
    out.set(wire::field::content_type, answer.content_type);
    out.set(wire::field::cache_control, "no-store");
    out.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : answer.headers) {
        out.set(name, value);
    }
    if (const std::string_view origin = view(request[wire::field::origin]);
        !origin.empty() && is_invited(origin, options)) {
        out.set(wire::field::access_control_allow_origin, request[wire::field::origin]);
        out.set(wire::field::vary, "Origin");
    }
    out.keep_alive(request.keep_alive());
    const size_t size = answer.body.size();
    if (request.method() != wire::verb::head) {
        out.body() = std::move(answer.body);
    }
    out.content_length(size);
    return out;
}

/// A browser lets any page open a WebSocket anywhere and only tells whose page it is.
bool is_friendly(std::string_view origin, std::string_view host, const ServerOptions& options) {
    const size_t scheme = origin.find("://");
    return origin.empty() || is_invited(origin, options) ||
           (scheme != std::string_view::npos && origin.substr(scheme + 3) == host);
}

/// One connection: a request, its answer, the next.
class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(Tcp::socket&& socket, std::shared_ptr<Shared> shared)
        : stream_{std::move(socket)},
          shared_{std::move(shared)} {
        ++shared_->connections;
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() { --shared_->connections; }

    void start() {
        asio::dispatch(stream_.get_executor(), [self = shared_from_this()] {
            self->read(self->shared_->options.request_ms_max);
        });
    }

  private:
    void read(int64_t wait_ms) {
        parser_.emplace();
        parser_->header_limit(static_cast<uint32_t>(shared_->options.header_bytes_max));
        parser_->body_limit(shared_->options.body_bytes_max);
        stream_.expires_after(milliseconds{wait_ms});
        wire::async_read(
            stream_, buffer_, *parser_,
            [self = shared_from_this()](beast::error_code error, size_t) { self->on_read(error); });
    }

    void on_read(beast::error_code error) {
        if (error == wire::error::body_limit) {
            refuse(fail(413, "TooLarge",
                        fmt::format("a body may have {} bytes", shared_->options.body_bytes_max)));
            return;
        }
        if (error == wire::error::header_limit) {
            refuse(
                fail(431, "TooLarge",
                     fmt::format("headers may have {} bytes", shared_->options.header_bytes_max)));
            return;
        }
        if (error.category() == wire::make_error_code(wire::error::end_of_stream).category() &&
            error != wire::error::end_of_stream && error != wire::error::partial_message) {
            refuse(fail(400, "BadRequest", "this is not HTTP"));
            return;
        }
        if (error) {
            close();
            return;
        }
        request_ = parser_->release();
        if (beast::websocket::is_upgrade(request_)) {
            upgrade();
            return;
        }
        if (request_.method() == wire::verb::options &&
            is_invited(view(request_[wire::field::origin]), shared_->options)) {
            write({.status = 204,
                   .content_type = "text/plain",
                   .body = {},
                   .headers = {{"Access-Control-Allow-Methods", "GET, POST, DELETE"},
                               {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
                               {"Access-Control-Max-Age", "600"}}});
            return;
        }
        Request asked;
        asked.method = view(request_.method_string());
        asked.target = view(request_.target());
        asked.authorization = view(request_[wire::field::authorization]);
        asked.body = std::move(request_.body());
        write(shared_->router.handle(asked));
    }

    void upgrade() {
        const Result<Target> target = parse_target(view(request_.target()));
        Result<std::unique_ptr<StreamReader>> reader =
            Error{ErrorCode::kNotFound, "only /v1/stream is a stream"};
        if (!is_friendly(view(request_[wire::field::origin]), view(request_[wire::field::host]),
                         shared_->options)) {
            write(fail(403, "Forbidden", "pages of other hosts may not follow the stream"));
            return;
        }
        if (target && target->parts == std::vector<std::string>{"v1", "stream"}) {
            reader = subscribe(*target);
        }
        if (!reader) {
            write(fail(reader.error()));
            return;
        }
        ++shared_->requests;
        stream_.expires_never();
        start_stream(stream_.release_socket(), shared_, *std::move(reader), std::move(request_));
    }

    Result<std::unique_ptr<StreamReader>> subscribe(const Target& target) {
        if (shared_->hub == nullptr) {
            return Error{ErrorCode::kUnavailable, "there is no live stream here"};
        }
        PLUMBLINE_TRY(StreamFilter filter, read_stream_filter(shared_->hub->plan(), target));
        return shared_->hub->subscribe(std::move(filter));
    }

    /// Says why, then closes: what comes next on this connection is not to be trusted.
    void refuse(Response answer) {
        request_ = {};
        request_.version(11);
        request_.keep_alive(false);
        write(std::move(answer));
    }

    void write(Response answer) {
        ++shared_->requests;
        if (answer.status >= 500 && answer.status != 503 && answer.status != 501) {
            ++shared_->errors;
        }
        response_ = to_beast(std::move(answer), request_, shared_->options);
        stream_.expires_after(milliseconds{shared_->options.request_ms_max});
        wire::async_write(stream_, response_,
                          [self = shared_from_this()](beast::error_code error, size_t) {
                              if (error || self->response_.need_eof()) {
                                  self->close();
                              } else {
                                  self->read(self->shared_->options.idle_ms_max);
                              }
                          });
    }

    void close() {
        beast::error_code ignored;
        stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
        // The socket closes with the session.
    }

    beast::tcp_stream stream_;
    std::shared_ptr<Shared> shared_;
    beast::flat_buffer buffer_;
    std::optional<wire::request_parser<wire::string_body>> parser_;
    BeastRequest request_;
    BeastResponse response_;
};

}  // namespace

/// Takes connections until the server stops.
class Listener : public std::enable_shared_from_this<Listener> {
  public:
    Listener(asio::io_context& io, std::shared_ptr<Shared> shared)
        : io_{io},
          acceptor_{asio::make_strand(io)},
          shared_{std::move(shared)} {}

    Status open() {
        beast::error_code error;
        const auto address = asio::ip::make_address(shared_->options.address, error);
        if (error) {
            return Error{
                ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no IP address to listen on", shared_->options.address)};
        }
        const Tcp::endpoint place{address, shared_->options.port};
        acceptor_.open(place.protocol(), error);
        if (!error) {
            acceptor_.set_option(asio::socket_base::reuse_address{true}, error);
        }
        if (!error) {
            acceptor_.bind(place, error);
        }
        if (!error) {
            acceptor_.listen(asio::socket_base::max_listen_connections, error);
        }
        if (error) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("cannot listen on {}:{}: {}", shared_->options.address,
                                     shared_->options.port, error.message())};
        }
        return ok();
    }
    [[nodiscard]] uint16_t port() const {
        beast::error_code ignored;
        return acceptor_.local_endpoint(ignored).port();
    }
    void accept() {
        acceptor_.async_accept(
            asio::make_strand(io_),
            [self = shared_from_this()](beast::error_code error, Tcp::socket socket) {
                self->on_accept(error, std::move(socket));
            });
    }
    void stop() {
        asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
            beast::error_code ignored;
            self->acceptor_.close(ignored);
            self->rest_.cancel();
        });
    }

  private:
    void on_accept(beast::error_code error, Tcp::socket socket) {
        if (error == asio::error::operation_aborted || !acceptor_.is_open()) {
            return;
        }
        if (error && error != asio::error::connection_aborted) {
            rest(error);
            return;
        }
        if (!error) {
            is_starved_ = false;
            if (shared_->connections.load() >= shared_->options.connections_max) {
                ++shared_->refused;  // The socket closes here.
            } else {
                beast::error_code ignored;
                socket.set_option(Tcp::no_delay{true}, ignored);
                std::make_shared<Session>(std::move(socket), shared_)->start();
            }
        }
        accept();
    }

    /// Out of descriptors or memory: asking again at once would only burn the processor.
    void rest(beast::error_code why) {
        if (!is_starved_) {
            is_starved_ = true;
            logging::warning("the API can take no more connections for now",
                             {{"why", why.message()}});
        }
        ++shared_->accept_failures;
        rest_.expires_after(milliseconds{shared_->options.accept_rest_ms});
        rest_.async_wait([self = shared_from_this()](beast::error_code error) {
            if (!error) {
                self->accept();
            }
        });
    }

    asio::io_context& io_;
    Tcp::acceptor acceptor_;
    asio::steady_timer rest_{acceptor_.get_executor()};
    bool is_starved_ = false;
    std::shared_ptr<Shared> shared_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

Server::~Server() {
    stop();
}

Result<std::unique_ptr<Server>> Server::start(Router& router, StreamHub* hub,
                                              ServerOptions options) {
    auto impl = std::make_unique<Impl>();
    impl->shared = std::make_shared<Shared>(router, hub, std::move(options));
    impl->io = std::make_unique<asio::io_context>();
    impl->listener = std::make_shared<Listener>(*impl->io, impl->shared);
    PLUMBLINE_TRY_VOID(impl->listener->open());
    impl->port = impl->listener->port();
    impl->listener->accept();
    if (hub != nullptr) {
        impl->wake = hub->add_wake([shared = impl->shared.get(), io = impl->io.get()] {
            asio::post(*io, [shared] {
                const MutexLock lock{shared->clients_mutex};
                for (const auto& client : shared->clients) {
                    if (const auto open = client.lock()) {
                        open->wake();
                    }
                }
            });
        });
    }
    const unsigned threads = std::max(1U, impl->shared->options.threads);
    for (unsigned i = 0; i < threads; ++i) {
        impl->threads.emplace_back([io = impl->io.get()] {
            // A connection that broke so is lost; the others go on.
            while (!io->stopped()) {
                if (const Status ran = catch_exceptions("serving HTTP", [io] { io->run(); });
                    !ran) {
                    logging::error(ran.error().message);
                }
            }
        });
    }
    return std::unique_ptr<Server>{new Server{std::move(impl)}};
}

void Server::stop() {
    if (impl_->threads.empty()) {
        return;
    }
    if (impl_->shared->hub != nullptr) {
        impl_->shared->hub->remove_wake(impl_->wake);
    }
    impl_->listener->stop();
    impl_->io->stop();
    impl_->threads.clear();  // Joins.
    // Connections go now, with all they have read from.
    impl_->listener.reset();
    impl_->io.reset();
}

uint16_t Server::port() const noexcept {
    return impl_->port;
}

ServerStats Server::stats() const noexcept {
    const Shared& shared = *impl_->shared;
    return {shared.requests.load(),    shared.errors.load(),  shared.refused.load(),
            shared.connections.load(), shared.streams.load(), shared.accept_failures.load()};
}

}  // namespace plumbline::api
