// One connection: a request, its answer, the next.
//
//   1. the head comes whole and is looked at as it came (request_head.hpp), then Beast parses it;
//   2. one of the pools answers it, by what the answer costs; the sockets' threads never do;
//   3. the answer goes out, and the connection waits for the next request.
#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <fmt/format.h>

#include "api/routes/request_context.hpp"
#include "api/server/request_head.hpp"
#include "api/server/server_impl.hpp"
#include "api/stream/stream.hpp"
#include "core/base/process_memory.hpp"

namespace plumbline::api {

namespace {

using std::chrono::milliseconds;
namespace wire = beast::http;

constexpr size_t kReadBytes = 4'096;
/// A burst of connections is taken faster than those whose places it takes are closed.
constexpr size_t kSessionsPerPlace = 8;

std::string_view view(beast::string_view text) noexcept {
    return {text.data(), text.size()};
}

/// All but the body's size, and the body.
template <typename Body>
wire::response<Body> head_of(const Response& answer, const BeastRequest& request,
                             const ServerOptions& options) {
    wire::response<Body> out;
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
        out.set(wire::field::access_control_expose_headers,
                "Retry-After, Plumbline-Block, Plumbline-Proof-Level, Plumbline-Proven-Through, "
                "Plumbline-Mismatches, Plumbline-Source");
        out.set(wire::field::vary, "Origin");
    }
    out.keep_alive(request.keep_alive());
    return out;
}

BeastResponse to_beast(Response&& answer, const BeastRequest& request,
                       const ServerOptions& options) {
    BeastResponse out = head_of<wire::string_body>(answer, request, options);
    const size_t size = answer.body.size();
    if (request.method() != wire::verb::head) {
        out.body() = std::move(answer.body);
    }
    if (answer.status != 204) {  // RFC 9110, 8.6
        out.content_length(size);
    }
    return out;
}

bool has_parts(const Target& target, std::string_view first, std::string_view second) noexcept {
    return target.parts.size() == 2 && target.parts[0] == first && target.parts[1] == second;
}

/// A browser lets any page open a WebSocket anywhere and only tells whose page it is.
bool is_friendly(std::string_view origin, std::string_view host, const ServerOptions& options) {
    const size_t scheme = origin.find("://");
    return origin.empty() || is_invited(origin, options) ||
           (scheme != std::string_view::npos && origin.substr(scheme + 3) == host);
}

Response busy(unsigned status, std::string_view message) {
    Response out = fail(status, status == 429 ? "RateLimited" : "Unavailable", message);
    out.headers.emplace_back("Retry-After", "1");
    return out;
}

class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(Tcp::socket&& socket, std::shared_ptr<Shared> shared)
        : stream_{std::move(socket)},
          shared_{std::move(shared)} {
        ++shared_->sessions;
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() {
        shared_->answer_bytes -= answer_bytes_;
        --shared_->sessions;
    }

    [[nodiscard]] bool start() {
        beast::error_code error;
        peer_ = stream_.socket().remote_endpoint(error).address().to_string();
        client_ = client_name(peer_, {}, shared_->proxies);
        const auto close = [weak = weak_from_this()] {
            if (const auto self = weak.lock()) {
                asio::post(self->stream_.get_executor(), [self] { self->give_way(); });
            }
        };
        // Those that gave way and are still being answered are in no table any more.
        if (shared_->sessions.load() > kSessionsPerPlace * shared_->options.connections_max) {
            return false;
        }
        const auto id =
            shared_->connections.admit(client_, !shared_->proxies.contains(peer_), close);
        if (!id) {
            return false;
        }
        place_ = ConnectionPlace{shared_->connections, *id};
        asio::dispatch(stream_.get_executor(), [self = shared_from_this()] {
            self->read(self->shared_->options.request_ms_max);
        });
        return true;
    }

  private:
    /// Its place is another's now. Whoever has asked in the meantime still gets the answer.
    void give_way() {
        is_last_ = true;
        beast::error_code error;
        if (is_reading_ && (stream_.socket().available(error) == 0 || error)) {
            stream_.close();
        }
    }

    void read(int64_t wait_ms) {
        is_reading_ = true;
        parser_.emplace();
        parser_->header_limit(static_cast<uint32_t>(shared_->options.header_bytes_max));
        parser_->body_limit(shared_->options.body_bytes_max);
        stream_.expires_after(milliseconds{wait_ms});
        read_head_bytes();
    }

    void read_head_bytes() {
        const std::string_view bytes{static_cast<const char*>(buffer_.data().data()),
                                     buffer_.size()};
        if (const size_t size = head_size(bytes); size > 0) {
            take_head(bytes.substr(0, size));
            return;
        }
        if (is_last_) {
            close();  // What came when it had to give way was no request.
            return;
        }
        if (bytes.size() >= shared_->options.header_bytes_max) {
            on_read(wire::error::header_limit);
            return;
        }
        stream_.async_read_some(buffer_.prepare(kReadBytes),
                                [self = shared_from_this()](beast::error_code error, size_t size) {
                                    if (error) {
                                        self->close();
                                        return;
                                    }
                                    self->buffer_.commit(size);
                                    self->read_head_bytes();
                                });
    }

    void take_head(std::string_view bytes) {
        is_reading_ = false;
        const RequestHead head = api::read_head(bytes);
        if (head.fault) {
            refuse(fail(head.fault->status, "BadRequest", head.fault->message));
            return;
        }
        if (!is_own_host(head.host, shared_->options.address, shared_->options.hosts)) {
            refuse(fail(421, "MisdirectedRequest",
                        "this server is not called so: list its names as hosts in [http]"));
            return;
        }
        client_ = client_name(peer_, head.forwarded_for, shared_->proxies);
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
        place_.set_waiting(false);
        if (beast::websocket::is_upgrade(request_)) {
            upgrade();
        } else if (request_.method() == wire::verb::options &&
                   is_invited(view(request_[wire::field::origin]), shared_->options)) {
            write({.status = 204,
                   .content_type = "text/plain",
                   .body = {},
                   .headers = {{"Access-Control-Allow-Methods", "GET, POST, DELETE"},
                               {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
                               {"Access-Control-Max-Age", "600"}}});
        } else {
            answer();
        }
    }

    /// On one of the pools' threads.
    void answer() {
        const Result<Target> target = parse_target(view(request_.target()));
        if (const Status known = check_stream(target); !known) {
            write(fail(known.error()));
            return;
        }
        if (go_live(target)) {
            return;
        }
        Request asked;
        asked.method = view(request_.method_string());
        asked.target = view(request_.target());
        asked.authorization = view(request_[wire::field::authorization]);
        asked.body = std::move(request_.body());
        asked.client = client_;
        asked.takes_parts = request_.version() >= 11;  // chunks are of HTTP/1.1
        const RouteCost cost = Router::cost_of(asked.method, target);
        FairPool& pool = cost == RouteCost::kProbe   ? shared_->probes
                         : cost == RouteCost::kQuick ? shared_->quick
                         : cost == RouteCost::kRpc   ? shared_->rpc_calls
                                                     : shared_->scans;
        const bool is_bounded = cost == RouteCost::kScan || cost == RouteCost::kRpc;
        if (is_bounded && is_full_of_answers()) {
            write(full_of_answers());
            return;
        }
        const auto taken =
            pool.submit(client_, [self = shared_from_this(), is_bounded, asked = std::move(asked)] {
                // Many may have waited for a thread since they were let in.
                auto out = std::make_shared<Response>(is_bounded && self->is_full_of_answers()
                                                          ? full_of_answers()
                                                          : self->shared_->router.handle(asked));
                self->shared_->answer_bytes += out->body.size();  // until `write` counts it
                self->give_back(out->body.size());
                asio::post(self->stream_.get_executor(), [self, out] {
                    self->shared_->answer_bytes -= out->body.size();
                    self->write(std::move(*out));
                });
            });
        if (taken == FairPool::Taken::kClientFull) {
            write(busy(429, "too many requests of this address wait already; ask again"));
        } else if (taken == FairPool::Taken::kFull) {
            write(busy(503, "too many requests wait already; ask again"));
        }
    }

    [[nodiscard]] bool is_full_of_answers() const {
        return shared_->answer_bytes.load() >= shared_->options.answer_bytes_max;
    }
    /// The writer does so at each commit; many large answers may lie between two.
    void give_back(size_t made_bytes) const {
        constexpr size_t kEveryBytes = size_t{4} << 20U;
        if ((shared_->made_bytes += made_bytes) >= kEveryBytes) {
            shared_->made_bytes = 0;
            give_back_memory(shared_->options.resident_mark);
        }
    }
    static Response full_of_answers() {
        return busy(503, "clients do not take their answers fast enough; ask again");
    }

    /// A live query keeps its connection. False where it is none.
    bool go_live(const Result<Target>& target) {
        if (!target || !has_parts(*target, "sql", "live") || request_.method() != wire::verb::get ||
            shared_->hub == nullptr) {
            return false;
        }
        if (shared_->live_queries.load() >= shared_->options.live_queries_max) {
            write(busy(503, "as many live queries as may be are open; ask /sql/db"));
            return true;
        }
        std::string headers;
        if (const std::string_view origin = view(request_[wire::field::origin]);
            !origin.empty() && is_invited(origin, shared_->options)) {
            headers = fmt::format("Access-Control-Allow-Origin: {}\r\nVary: Origin\r\n", origin);
        }
        ++shared_->requests;
        stream_.expires_never();
        start_live(
            stream_.release_socket(), shared_,
            {std::string{view(request_.target())}, std::move(headers), client_, std::move(place_)});
        return true;
    }

    void upgrade() {
        const Result<Target> target = parse_target(view(request_.target()));
        Result<std::unique_ptr<StreamReader>> reader =
            Error{ErrorCode::kNotFound, "a WebSocket is taken at /v1/stream and at /rpc"};
        if (!is_friendly(view(request_[wire::field::origin]), view(request_[wire::field::host]),
                         shared_->options)) {
            write(fail(403, "Forbidden", "pages of other hosts may not follow the stream"));
            return;
        }
        if (target && target->parts == std::vector<std::string>{"rpc"}) {
            upgrade_to_rpc();
            return;
        }
        if (is_stream(target)) {
            reader = subscribe(*target);
        }
        if (!reader) {
            write(fail(reader.error()));
            return;
        }
        ++shared_->requests;
        stream_.expires_never();
        start_stream(stream_.release_socket(), shared_,
                     {*std::move(reader), std::move(request_), client_, std::move(place_)});
    }

    void upgrade_to_rpc() {
        if (shared_->rpc_sockets.load() >= shared_->options.rpc_sockets_max) {
            write(busy(503, "as many WebSockets as may be are open at /rpc; ask by HTTP"));
            return;
        }
        ++shared_->requests;
        stream_.expires_never();
        start_rpc(stream_.release_socket(), shared_,
                  {std::move(request_), client_, std::move(place_)});
    }

    static bool is_stream(const Result<Target>& target) {
        return target && has_parts(*target, "v1", "stream");
    }

    /// A client whose WebSocket was refused cannot see why; a plain request tells.
    Status check_stream(const Result<Target>& target) {
        if (!is_stream(target) || request_.method() != wire::verb::get || shared_->hub == nullptr) {
            return ok();
        }
        const auto filter = read_stream_filter(shared_->hub->plan(), *target);
        return filter ? ok() : Status{filter.error()};
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
        if (answer.rest != nullptr) {
            write_parts(std::move(answer));
            return;
        }
        response_ = to_beast(std::move(answer), request_, shared_->options);
        response_.keep_alive(response_.keep_alive() && !is_last_);
        answer_bytes_ = response_.body().size();
        shared_->answer_bytes += answer_bytes_;
        stream_.expires_after(milliseconds{shared_->options.request_ms_max});
        wire::async_write(stream_, response_,
                          [self = shared_from_this()](beast::error_code error, size_t) {
                              self->on_written(error);
                          });
    }

    void on_written(beast::error_code error) {
        shared_->answer_bytes -= std::exchange(answer_bytes_, 0);
        const bool is_done = error || is_last_ || response_.need_eof();
        response_ = {};  // Its memory is not kept for a client that may say nothing for a while.
        end_answer(is_done);
    }

    void end_answer(bool is_done) {
        if (is_done) {
            close();
        } else {
            place_.set_waiting(true);
            read(shared_->options.idle_ms_max);
        }
    }

    /// An answer whose rest is made while it goes out, a part after the other was taken.
    void write_parts(Response answer) {
        parts_ = std::make_unique<PartsAnswer>(
            std::move(answer.rest), AnswerParts::Part{std::move(answer.body), false},
            head_of<wire::empty_body>(answer, request_, shared_->options));
        parts_->head.keep_alive(parts_->head.keep_alive() && !is_last_);
        parts_->head.chunked(true);
        stream_.expires_after(milliseconds{shared_->options.request_ms_max});
        wire::async_write_header(stream_, parts_->writer,
                                 [self = shared_from_this()](beast::error_code error, size_t) {
                                     error ? self->end_parts(error) : self->write_part();
                                 });
    }

    void write_part() {
        const std::string& text = parts_->part.text;
        if (text.empty()) {  // as a chunk it would be the last one
            go_on_with_parts();
            return;
        }
        answer_bytes_ = text.size();
        shared_->answer_bytes += answer_bytes_;
        stream_.expires_after(milliseconds{shared_->options.request_ms_max});
        asio::async_write(stream_, wire::make_chunk(asio::buffer(text)),
                          [self = shared_from_this()](beast::error_code error, size_t) {
                              self->shared_->answer_bytes -= std::exchange(self->answer_bytes_, 0);
                              error ? self->end_parts(error) : self->go_on_with_parts();
                          });
    }

    void go_on_with_parts() {
        if (parts_->part.is_last) {
            asio::async_write(stream_, wire::make_chunk_last(),
                              [self = shared_from_this()](beast::error_code error, size_t) {
                                  self->end_parts(error);
                              });
            return;
        }
        stream_.expires_never();  // Nobody reads or writes here until the part is made.
        const auto taken =
            shared_->rpc_calls.submit(client_, [self = shared_from_this(), rest = parts_->rest] {
                auto part = std::make_shared<AnswerParts::Part>(rest->next());
                asio::post(self->stream_.get_executor(), [self, part] {
                    self->parts_->part = std::move(*part);
                    self->write_part();
                });
            });
        if (taken != FairPool::Taken::kYes) {
            parts_->part = parts_->rest->give_up("too many requests wait already; ask again");
            write_part();
        }
    }

    void end_parts(beast::error_code error) {
        const bool is_done = error || !parts_->head.keep_alive() || is_last_;
        parts_.reset();
        end_answer(is_done);
    }

    void close() {
        beast::error_code ignored;
        stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
        // The socket closes with the session.
    }

    beast::tcp_stream stream_;
    std::shared_ptr<Shared> shared_;
    ConnectionPlace place_;
    std::string peer_;
    std::string client_;  ///< for limits
    beast::flat_buffer buffer_;
    std::optional<wire::request_parser<wire::string_body>> parser_;
    BeastRequest request_;
    BeastResponse response_;
    /// Of an answer in parts, while it goes out.
    struct PartsAnswer {
        PartsAnswer(std::shared_ptr<AnswerParts> source, AnswerParts::Part first,
                    wire::response<wire::empty_body> response)
            : rest{std::move(source)},
              part{std::move(first)},
              head{std::move(response)} {}
        std::shared_ptr<AnswerParts> rest;
        AnswerParts::Part part;  ///< the one that is being written
        wire::response<wire::empty_body> head;
        wire::response_serializer<wire::empty_body> writer{head};
    };
    std::unique_ptr<PartsAnswer> parts_;  ///< null: none goes out
    size_t answer_bytes_ = 0;             ///< of it, as counted in `shared_`
    bool is_reading_ = false;             ///< waits for a request's head, or for the rest of one
    bool is_last_ = false;                ///< no request after this one
};

}  // namespace

bool is_invited(std::string_view origin, const ServerOptions& options) {
    return std::ranges::any_of(options.cors, [origin](const std::string& known) {
        return known == "*" || known == origin;
    });
}

bool start_session(Tcp::socket&& socket, const std::shared_ptr<Shared>& shared) {
    return std::make_shared<Session>(std::move(socket), shared)->start();
}

}  // namespace plumbline::api
