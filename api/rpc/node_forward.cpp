#include "api/rpc/node_forward.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "api/rpc/rpc_calls.hpp"
#include "core/base/clock.hpp"
#include "core/base/url_parts.hpp"
#include "core/base/visible_text.hpp"
#include "core/evm/hex.hpp"
#include "rpc/curl_transport.hpp"
#include "rpc/foreign_text.hpp"

namespace plumbline::api {

namespace {

using Json = nlohmann::json;

constexpr size_t kIdleMax = 4;
constexpr size_t kShownMax = 300;
constexpr int kNoNode = -32011;

std::string request_body(const std::vector<const Json*>& calls) {
    Json out = Json::array();
    for (size_t i = 0; i < calls.size(); ++i) {
        const Json& call = *calls[i];
        Json one = {{"jsonrpc", "2.0"}, {"id", i}, {"method", call["method"]}};
        const auto params = call.find("params");
        one["params"] = params == call.end() || params->is_null() ? Json::array() : *params;
        out.push_back(std::move(one));
    }
    const Json& whole = calls.size() == 1 ? out[0] : out;
    return whole.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<NodeAnswer> all_fail(size_t count, int code, const std::string& message) {
    return std::vector<NodeAnswer>(count, NodeAnswer{{}, code, message, {}});
}

bool is_hex(std::string_view text) {
    return text.starts_with("0x") &&
           text.substr(2).find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

}  // namespace

NodeForward::NodeForward(Options options)
    : options_{std::move(options)},
      tokens_{static_cast<double>(2 * options_.calls_per_second)} {
    for (const engine::EndpointConfig& endpoint : options_.endpoints) {
        nodes_.push_back({endpoint,
                          Redactor{{endpoint.url, endpoint.headers, endpoint.is_host_public}},
                          public_url(endpoint.url, endpoint.is_host_public)});
    }
}
NodeForward::~NodeForward() = default;

bool NodeForward::takes(std::string_view method) const noexcept {
    return std::find(options_.methods.begin(), options_.methods.end(), method) !=
           options_.methods.end();
}

bool NodeForward::take_tokens(size_t calls, int64_t now_ms) {
    const MutexLock lock{mutex_};
    const auto rate = static_cast<double>(options_.calls_per_second);
    const double passed = filled_ms_ == 0 ? 0 : static_cast<double>(now_ms - filled_ms_) / 1'000;
    filled_ms_ = now_ms;
    tokens_ = std::min(2 * rate, tokens_ + rate * std::max(0.0, passed));
    if (tokens_ < static_cast<double>(calls)) {
        return false;
    }
    tokens_ -= static_cast<double>(calls);
    return true;
}

std::unique_ptr<rpc::Transport> NodeForward::take_transport() {
    const MutexLock lock{mutex_};
    if (idle_.empty()) {
        return std::make_unique<rpc::CurlTransport>();
    }
    std::unique_ptr<rpc::Transport> out = std::move(idle_.back());
    idle_.pop_back();
    return out;
}

void NodeForward::give_back(std::unique_ptr<rpc::Transport> transport) {
    const MutexLock lock{mutex_};
    if (transport->in_flight() == 0 && idle_.size() < kIdleMax) {
        idle_.push_back(std::move(transport));
    }
}

/// False where the node did not answer what it was asked.
bool NodeForward::read_answers(const Node& node, const Json& body, std::vector<NodeAnswer>& out) {
    const Json list = body.is_array() ? body : Json::array({body});
    std::vector<bool> seen(out.size());
    for (const Json& one : list) {
        const auto id = one.is_object() ? one.find("id") : one.end();
        if (!one.is_object() || id == one.end() || !id->is_number_unsigned() ||
            id->get<size_t>() >= out.size()) {
            return false;
        }
        const auto place = id->get<size_t>();
        NodeAnswer& answer = out[place];
        seen[place] = true;
        if (const auto result = one.find("result"); result != one.end()) {
            answer = {result->dump(-1, ' ', false, Json::error_handler_t::replace), 0, {}, {}};
            continue;
        }
        const auto error = one.find("error");
        if (error == one.end() || !error->is_object()) {
            return false;
        }
        const auto code = error->find("code");
        const auto message = error->find("message");
        const auto data = error->find("data");
        const bool is_code = code != error->end() && code->is_number_integer();
        answer.code = is_code && code->get<int64_t>() != 0 ? static_cast<int>(code->get<int64_t>())
                                                           : rpc_code::kInternal;
        answer.message = message != error->end() && message->is_string()
                             ? visible_text(node.redactor.redact(
                                   message->get_ref<const std::string&>(), kShownMax))
                             : "the node gives no reason";
        if (data != error->end() && data->is_string() &&
            is_hex(data->get_ref<const std::string&>())) {
            answer.data = data->get<std::string>();
        }
    }
    return std::find(seen.begin(), seen.end(), false) == seen.end();
}

std::vector<NodeAnswer> NodeForward::ask(const std::vector<const Json*>& calls, int64_t now_ms,
                                         int64_t timeout_ms) {
    if (!take_tokens(calls.size(), now_ms)) {
        return all_fail(calls.size(), rpc_code::kLimit,
                        fmt::format("too many calls to the node: {} a second are passed on; ask "
                                    "again later, or ask a node of your own",
                                    options_.calls_per_second));
    }
    const std::string body = request_body(calls);
    const int64_t end_ms = system_clock().monotonic_ms() + timeout_ms;
    std::string why = "the config has no endpoint";
    for (const Node& node : nodes_) {
        const int64_t left_ms = end_ms - system_clock().monotonic_ms();
        if (left_ms <= 0) {
            break;
        }
        rpc::HttpRequest request;
        request.url = node.endpoint.url;
        request.headers = node.endpoint.headers;
        request.body = body;
        request.timeout_ms = left_ms;
        request.body_size_max = kBytesMax;
        std::unique_ptr<rpc::Transport> transport = take_transport();
        transport->submit(std::move(request));
        std::vector<rpc::HttpCompletion> done;
        while (done.empty()) {
            transport->poll(1'000, done);
        }
        rpc::HttpCompletion& answer = done.front();
        rpc::redact(node.redactor, answer);
        if (answer.error != rpc::TransportError::kNone) {
            why = fmt::format("{}: {}", node.name, answer.error_text);
        } else if (answer.status != 200) {
            why = fmt::format("{} answers HTTP {}", node.name, answer.status);
        } else {
            const char* text = reinterpret_cast<const char*>(answer.body.data());
            const Json read = Json::parse(text, text + answer.body.size(), nullptr, false);
            std::vector<NodeAnswer> out(calls.size());
            if (!read.is_discarded() && read_answers(node, read, out)) {
                give_back(std::move(transport));
                return out;
            }
            why = fmt::format("{} does not answer what it was asked", node.name);
        }
        give_back(std::move(transport));
    }
    return all_fail(calls.size(), kNoNode, "no node answered: " + why);
}

}  // namespace plumbline::api
