#include "api/server/server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "api/server/server_impl.hpp"
#include "api/stream/stream.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"

namespace plumbline::api {

using std::chrono::milliseconds;

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
            return Error{
                ErrorCode::kUnavailable,
                fmt::format("cannot listen on {}:{}: {}; give another address or port in "
                            "[http] listen",
                            shared_->options.address, shared_->options.port, error.message())};
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
            beast::error_code ignored;
            socket.set_option(Tcp::no_delay{true}, ignored);
            if (!start_session(std::move(socket), shared_)) {
                ++shared_->refused;
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
    router.set_stopping(false);
    impl->io = std::make_unique<asio::io_context>();
    impl->listener = std::make_shared<Listener>(*impl->io, impl->shared);
    PLUMBLINE_TRY_VOID(impl->listener->open());
    impl->port = impl->listener->port();
    impl->listener->accept();
    // From here on it is stopped in order, also where not all of its threads can be started.
    std::unique_ptr<Server> server{new Server{std::move(impl)}};
    Impl& own = *server->impl_;
    if (hub != nullptr) {
        own.wake = hub->add_wake([shared = own.shared.get(), io = own.io.get()] {
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
    const unsigned threads = std::max(1U, own.shared->options.threads);
    for (unsigned i = 0; i < threads; ++i) {
        own.threads.emplace_back([io = own.io.get()] {
            // A connection that broke so is lost; the others go on.
            while (!io->stopped()) {
                if (const Status ran = catch_exceptions("serving HTTP", [io] { io->run(); });
                    !ran) {
                    logging::error(ran.error().message);
                }
            }
        });
    }
    return server;
}

void Server::stop() {
    if (impl_->io == nullptr) {
        return;
    }
    if (impl_->shared->hub != nullptr) {
        impl_->shared->hub->remove_wake(impl_->wake);
    }
    impl_->listener->stop();
    impl_->shared->router.set_stopping(true);
    impl_->shared->stop_pools();
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
            shared.connections.size(), shared.streams.load(), shared.accept_failures.load()};
}

}  // namespace plumbline::api
