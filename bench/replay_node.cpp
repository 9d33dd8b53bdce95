// A JSON-RPC node over a generated chain in memory, fast enough not to be the bottleneck of what is
// measured against it: answers to eth_getLogs are slices of text made at start.
// usage: replay_node [--story community|token] [--events N] [--per-block N] [--burst N] [--quiet N]
//                    [--seed N] [--port P] [--receipts] [--max-blocks N] [--max-results N]
// Prints one JSON line with its url when it is ready; ends on SIGTERM.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "bench/community_story.hpp"
#include "bench/replay_rpc.hpp"
#include "bench/token_story.hpp"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using plumbline::bench::ReplayBody;
using plumbline::bench::ReplayChain;
using plumbline::bench::ReplayRpc;

/// One keep-alive connection: reads a request, writes its answer, again.
class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(tcp::socket socket, ReplayRpc& node) : socket_{std::move(socket)}, node_{node} {
        boost::system::error_code ignored;
        socket_.set_option(tcp::no_delay{true}, ignored);
    }

    void read() {
        parser_.emplace();
        parser_->body_limit(size_t{16} << 20);
        http::async_read(socket_, buffer_, *parser_,
                         [self = shared_from_this()](beast::error_code error, size_t /*size*/) {
                             if (!error) {
                                 self->write();
                             }
                         });
    }

  private:
    void write() {
        body_ = {};
        node_.answer(parser_->get().body(), body_);
        head_ = fmt::format(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body_.size());
        std::vector<asio::const_buffer> buffers{asio::buffer(head_)};
        for (const std::string_view part : body_.parts) {
            buffers.emplace_back(part.data(), part.size());
        }
        asio::async_write(
            socket_, buffers,
            [self = shared_from_this()](boost::system::error_code error, size_t /*size*/) {
                if (!error) {
                    self->read();
                }
            });
    }

    tcp::socket socket_;
    ReplayRpc& node_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::string head_;
    ReplayBody body_;
};

void accept(tcp::acceptor& acceptor, ReplayRpc& node) {
    acceptor.async_accept([&acceptor, &node](boost::system::error_code error, tcp::socket socket) {
        if (!error) {
            std::make_shared<Session>(std::move(socket), node)->read();
        }
        accept(acceptor, node);
    });
}

std::unique_ptr<plumbline::bench::Story> make_story(const std::string& name, uint64_t seed) {
    if (name == "token") {
        return std::make_unique<plumbline::bench::TokenStory>(seed);
    }
    return std::make_unique<plumbline::bench::CommunityStory>(seed);
}

}  // namespace

int main(int argc, char** argv) {
    plumbline::bench::ChainOptions options;
    plumbline::bench::ReplayLimits limits;
    std::string story_name = "community";
    uint64_t seed = 1;
    uint16_t port = 0;
    CLI::App app{"Serves a generated chain by JSON-RPC from memory"};
    app.add_option("--story", story_name, "Whose life: examples/community, or a token's")
        ->capture_default_str()
        ->check(CLI::IsMember({"community", "token"}));
    app.add_option("--events", options.events, "How many events the chain has")
        ->capture_default_str();
    app.add_option("--per-block", options.events_per_block, "Events a block")
        ->capture_default_str()
        ->check(CLI::Range(1, 100000));
    app.add_option("--burst", options.burst, "So many of the events in one block, in the middle");
    app.add_option("--quiet", options.quiet, "Blocks without events after the last event");
    app.add_option("--seed", seed, "Another seed, another chain")->capture_default_str();
    app.add_option("--port", port, "Where to listen on 127.0.0.1; 0 = any free one");
    app.add_flag("--receipts", options.receipts, "True receipts roots and eth_getBlockReceipts");
    app.add_option("--max-blocks", limits.max_blocks, "Refuse wider ranges");
    app.add_option("--max-results", limits.max_results, "Refuse answers with more logs");
    CLI11_PARSE(app, argc, argv);

    const auto story = make_story(story_name, seed);
    const ReplayChain chain{*story, options};
    ReplayRpc node{chain, limits};
    asio::io_context io{1};
    boost::system::error_code error;
    tcp::acceptor acceptor{io};
    const tcp::endpoint endpoint{asio::ip::address_v4::loopback(), port};
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address{true});
    acceptor.bind(endpoint, error);
    if (error) {
        fmt::print(stderr, "replay_node: cannot listen on 127.0.0.1:{}: {}\n", port,
                   error.message());
        return 3;
    }
    acceptor.listen();
    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&io](auto, auto) { io.stop(); });
    accept(acceptor, node);
    fmt::print(
        "{{\"url\":\"http://127.0.0.1:{}\",\"head\":{},\"last_event_block\":{},\"events\":{},"
        "\"address\":\"{}\"}}\n",
        acceptor.local_endpoint().port(), chain.head(), chain.last_event_block(),
        chain.event_count(), plumbline::bench::kContractAddress);
    std::fflush(stdout);
    io.run();
    return 0;
}
