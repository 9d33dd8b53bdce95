// A JSON-RPC node over a generated chain in memory, fast enough not to be the bottleneck of what is
// measured against it: answers to eth_getLogs are slices of text made at start.
// usage: replay_node [--events N] [--per-block N] [--seed N] [--port P] [--receipts]
//                    [--max-blocks N] [--max-results N]
// Prints one JSON line with its url when it is ready; ends on SIGTERM.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/community_chain.hpp"
#include "core/evm/hex.hpp"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using nlohmann::json;
using plumbline::bench::CommunityChain;

struct Limits {
    uint64_t max_blocks = UINT64_MAX;
    uint64_t max_results = UINT64_MAX;
};

/// An answer's body: text made for it and slices of the chain's own memory, in order.
struct Body {
    std::deque<std::string> owned;  // a deque keeps the strings where they are
    std::vector<std::string_view> parts;

    void add(std::string text) {
        owned.push_back(std::move(text));
        parts.emplace_back(owned.back());
    }
    void add_slice(std::string_view text) { parts.push_back(text); }
};

class Node {
  public:
    Node(const CommunityChain& chain, Limits limits) : chain_{chain}, limits_{limits} {}

    void answer(const std::string& request_text, Body& body) const {
        const json request = json::parse(request_text, nullptr, false);
        if (request.is_object()) {
            answer_one(request, body);
        } else if (request.is_array() && !request.empty()) {
            body.add("[");
            for (size_t i = 0; i < request.size(); ++i) {
                if (i > 0) {
                    body.add(",");
                }
                answer_one(request[i], body);
            }
            body.add("]");
        } else {
            body.add(
                R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}})");
        }
    }

  private:
    void answer_one(const json& request, Body& body) const {
        const std::string id = request.value("id", json(nullptr)).dump();
        const std::string method = request.value("method", "");
        const json params = request.value("params", json::array());
        body.add("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":");
        const size_t mark = body.parts.size() - 1;
        if (const auto error = result(method, params, body)) {
            body.parts.resize(mark);
            body.add("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"error\":" + *error);
        }
        body.add("}");
    }

    static std::string refuse(int code, std::string_view message) {
        return json{{"code", code}, {"message", message}}.dump();
    }

    /// Appends the result; an error object's text instead where it cannot.
    std::optional<std::string> result(const std::string& method, const json& params,
                                      Body& body) const {
        if (method == "eth_chainId") {
            body.add(
                fmt::format("\"{}\"", plumbline::evm::to_quantity(plumbline::bench::kChainId)));
        } else if (method == "net_version") {
            body.add(fmt::format("\"{}\"", plumbline::bench::kChainId));
        } else if (method == "web3_clientVersion") {
            body.add("\"plumbline-replay/1\"");
        } else if (method == "eth_blockNumber") {
            body.add(fmt::format("\"{}\"", plumbline::evm::to_quantity(chain_.head())));
        } else if (method == "eth_getBlockByNumber" || method == "eth_getBlockByHash") {
            const auto num = block_of(params.empty() ? json() : params[0]);
            body.add(num ? chain_.block_json(*num) : "null");
        } else if (method == "eth_getBlockReceipts") {
            const auto num = block_of(params.empty() ? json() : params[0]);
            body.add(num ? chain_.receipts_json(*num) : "null");
        } else if (method == "eth_getLogs") {
            return logs(params.empty() ? json::object() : params[0], body);
        } else {
            return refuse(-32601, "the method " + method + " does not exist");
        }
        return std::nullopt;
    }

    std::optional<std::string> logs(const json& filter, Body& body) const {
        uint64_t from = 0;
        uint64_t to = chain_.head();
        if (filter.contains("blockHash")) {
            const auto num = block_of(filter["blockHash"]);
            if (!num) {
                return refuse(-32000, "unknown block");
            }
            from = to = *num;
        } else {
            from = block_of(filter.value("fromBlock", json("latest"))).value_or(chain_.head() + 1);
            to = std::min(block_of(filter.value("toBlock", json("latest"))).value_or(chain_.head()),
                          chain_.head());
        }
        if (from > chain_.head()) {
            return refuse(-32602, "block range extends beyond current head block");
        }
        if (from > to) {
            return refuse(-32602, "invalid block range params");
        }
        if (to - from + 1 > limits_.max_blocks) {
            return refuse(-32602,
                          fmt::format("query exceeds max block range {}", limits_.max_blocks));
        }
        if (chain_.log_count(from, to) > limits_.max_results) {
            return refuse(-32005,
                          fmt::format("query returned more than {} results", limits_.max_results));
        }
        body.add("[");
        if (wants_hub(filter.value("address", json()))) {
            body.add_slice(chain_.logs_json(from, to));
        }
        body.add("]");
        return std::nullopt;
    }

    static bool wants_hub(const json& address) {
        if (address.is_null()) {
            return true;
        }
        for (const json& one : address.is_array() ? address : json::array({address})) {
            std::string text = one.is_string() ? one.get<std::string>() : "";
            for (char& c : text) {
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            }
            if (text == plumbline::bench::kHubAddress) {
                return true;
            }
        }
        return false;
    }

    /// A number, tag, hash or {"blockHash": ...}; empty where there is no such block.
    std::optional<uint64_t> block_of(const json& value) const {
        if (value.is_object()) {
            return block_of(value.value("blockHash", json()));
        }
        if (!value.is_string()) {
            return std::nullopt;
        }
        const std::string text = value.get<std::string>();
        if (text == "latest" || text == "pending") {
            return chain_.head();
        }
        if (text == "finalized" || text == "safe") {
            return chain_.head() > 32 ? chain_.head() - 32 : 0;
        }
        if (text == "earliest") {
            return 0;
        }
        if (const auto hash = plumbline::evm::parse_hash(text)) {
            for (uint64_t num = chain_.head() + 1; num-- > 0;) {
                if (chain_.header(num).hash == *hash) {
                    return num;
                }
            }
            return std::nullopt;
        }
        const auto number = plumbline::evm::parse_quantity(text);
        return number && *number <= chain_.head() ? number : std::nullopt;
    }

    const CommunityChain& chain_;
    Limits limits_;
};

/// One keep-alive connection: reads a request, writes its answer, again.
class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(tcp::socket socket, const Node& node) : socket_{std::move(socket)}, node_{node} {
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
        size_t size = 0;
        for (const std::string_view part : body_.parts) {
            size += part.size();
        }
        head_ = fmt::format(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            size);
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
    const Node& node_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::string head_;
    Body body_;
};

void accept(tcp::acceptor& acceptor, const Node& node) {
    acceptor.async_accept([&acceptor, &node](boost::system::error_code error, tcp::socket socket) {
        if (!error) {
            std::make_shared<Session>(std::move(socket), node)->read();
        }
        accept(acceptor, node);
    });
}

}  // namespace

int main(int argc, char** argv) {
    plumbline::bench::ChainOptions options;
    Limits limits;
    uint16_t port = 0;
    CLI::App app{"Serves a generated community chain by JSON-RPC from memory"};
    app.add_option("--events", options.events, "How many events the chain has")
        ->capture_default_str();
    app.add_option("--per-block", options.events_per_block, "Events a block")
        ->capture_default_str()
        ->check(CLI::Range(1, 100000));
    app.add_option("--seed", options.seed, "Another seed, another chain")->capture_default_str();
    app.add_option("--port", port, "Where to listen on 127.0.0.1; 0 = any free one");
    app.add_flag("--receipts", options.receipts, "True receipts roots and eth_getBlockReceipts");
    app.add_option("--max-blocks", limits.max_blocks, "Refuse wider ranges");
    app.add_option("--max-results", limits.max_results, "Refuse answers with more logs");
    CLI11_PARSE(app, argc, argv);

    const CommunityChain chain{options};
    const Node node{chain, limits};
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
    fmt::print("{{\"url\":\"http://127.0.0.1:{}\",\"head\":{},\"events\":{},\"address\":\"{}\"}}\n",
               acceptor.local_endpoint().port(), chain.head(), chain.event_count(),
               plumbline::bench::kHubAddress);
    std::fflush(stdout);
    io.run();
    return 0;
}
