#include "engine/setup/endpoint_client.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/visible_text.hpp"
#include "core/evm/hex.hpp"
#include "rpc/error_text.hpp"
#include "rpc/provider.hpp"
#include "rpc/refusal.hpp"

namespace plumbline::engine {

using nlohmann::json;

namespace {

constexpr int64_t kPollWaitMs = 50;
/// Of a text that is looked through for secrets; the rest is cut.
constexpr size_t kTextMax = 4096;
/// Longer than that, whatever waits is worth a word.
constexpr int64_t kStillWaitingMs = 10'000;
constexpr const char* kStopped = "stopped";
/// A question is asked again so often where it is limited, and where it fails for a moment.
constexpr unsigned kTurnsMax = 5;
constexpr unsigned kFailuresMax = 2;

}  // namespace

Reply run_code(EndpointClient& client, const char* code, nlohmann::json block, bool is_override) {
    using nlohmann::json;
    json params = json::array({{{"data", code}}, std::move(block)});
    if (is_override) {
        params.at(0) = json::object({{"to", rpc::kNowhere}, {"data", "0x"}});
        params.push_back(json::object({{rpc::kNowhere, json::object({{"code", code}})}}));
    }
    return client.ask("eth_call", std::move(params));
}

std::string clipped(std::string text) {
    constexpr size_t kMax = 160;
    std::ranges::replace_if(
        text, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    return visible_text(rpc::without_secret_links(text), kMax);
}

EndpointClient::EndpointClient(const rpc::Endpoint& endpoint, rpc::Transport& transport,
                               const Clock& clock, EndpointPatience patience)
    : endpoint_{endpoint},
      transport_{transport},
      clock_{clock},
      patience_{std::move(patience)},
      redactor_{rpc::make_redactor(endpoint)} {}

Reply EndpointClient::ask(const std::string& method, json params) {
    const json body{
        {"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}};
    for (unsigned turn = 0;; ++turn) {
        const Posted posted = post(method, body.dump());
        Reply reply = read(posted.answer, posted);
        if (reply.result || !pause(posted, reply, turn)) {
            return reply;
        }
    }
}

/// True: it is worth asking again, and time for it. Otherwise a limit is told in the reply.
bool EndpointClient::pause(const Posted& posted, Reply& reply, unsigned turn) {
    const rpc::Refusal refusal =
        rpc::classify_refusal({posted.http_status, reply.code, reply.error, {}});
    const bool is_limit = refusal.kind == rpc::RefusalClass::kRateLimit;
    const bool is_to_come = refusal.kind == rpc::RefusalClass::kHeadRace;
    const bool is_failure = refusal.kind == rpc::RefusalClass::kOutage || is_to_come;
    if (silent_since_ms_ || (!is_limit && !is_failure)) {
        return false;
    }
    const int64_t wait_ms = std::max({int64_t{1'000} << turn, posted.retry_after_ms.value_or(0),
                                      refusal.retry_after_ms.value_or(0)});
    const bool is_vain = turn >= (is_limit ? kTurnsMax : kFailuresMax) ||
                         paused_ms_ + wait_ms > patience_.pauses_ms_max;
    if (is_vain) {
        if (is_limit) {
            reply.error = "rate limited: " + reply.error;
        }
        if (is_limit || is_to_come) {
            limit_ = reply.error;
        }
        return false;
    }
    paused_ms_ += wait_ms;
    std::vector<rpc::HttpCompletion> none;
    for (const int64_t until_ms = clock_.monotonic_ms() + wait_ms;
         clock_.monotonic_ms() < until_ms;) {
        if (patience_.should_stop && patience_.should_stop()) {
            return false;
        }
        transport_.poll(std::min(kPollWaitMs, until_ms - clock_.monotonic_ms()), none);
    }
    return true;
}

std::string EndpointClient::ask_batch(uint64_t count) {
    json body = json::array();
    for (uint64_t i = 0; i < count; ++i) {
        body.push_back({{"jsonrpc", "2.0"},
                        {"id", i + 1},
                        {"method", "eth_chainId"},
                        {"params", json::array()}});
    }
    // A batch that the rate never lets through is asked once more and no oftener.
    for (const unsigned turn : {0U, kTurnsMax}) {
        const Posted posted = post("a batch", body.dump());
        const json& answer = posted.answer;
        json refused = answer;
        for (const json& one : answer.is_array() ? answer : json::array()) {
            if (!read(one, posted).result) {
                refused = one;
                break;
            }
        }
        if (refused.is_array()) {
            return refused.size() == count ? "" : "it left answers out";
        }
        Reply reply = read(refused, posted);
        if (!pause(posted, reply, turn)) {
            return reply.error;
        }
    }
    return "";
}

rpc::HttpCompletion EndpointClient::await(uint64_t id, const std::string& method,
                                          int64_t start_ms) {
    std::vector<rpc::HttpCompletion> completions;
    bool is_told = !patience_.on_wait;
    for (;;) {
        transport_.poll(kPollWaitMs, completions);
        const auto done = std::ranges::find(completions, id, &rpc::HttpCompletion::id);
        if (done != completions.end()) {
            return std::move(*done);
        }
        if (patience_.should_stop && patience_.should_stop()) {
            rpc::HttpCompletion stopped;
            stopped.id = id;
            stopped.error = rpc::TransportError::kTimeout;
            stopped.error_text = kStopped;
            return stopped;
        }
        const int64_t waiting_ms = clock_.monotonic_ms() - start_ms;
        if (!is_told && waiting_ms >= kStillWaitingMs) {
            is_told = true;
            patience_.on_wait(fmt::format("{}: {}, for {} s: no answer yet",
                                          rpc::display_name(endpoint_), method,
                                          waiting_ms / 1'000));
        }
    }
}

EndpointClient::Posted EndpointClient::post(const std::string& method, std::string body) {
    Posted posted;
    if (has_given_up()) {
        posted.error = fmt::format("not asked: it has not answered for {} s", silent_ms() / 1'000);
        return posted;
    }
    rpc::HttpRequest request;
    request.url = endpoint_.url;
    request.headers = endpoint_.headers;
    if (!endpoint_.bearer_token.empty()) {
        request.headers.emplace_back("Authorization", "Bearer " + endpoint_.bearer_token);
    }
    request.body = std::move(body);
    request.timeout_ms = patience_.timeout_ms;
    request.body_size_max = patience_.body_size_max;
    if (patience_.silence_ms_max > 0) {
        request.timeout_ms = std::min(request.timeout_ms, patience_.silence_ms_max - silent_ms());
    }
    const int64_t start_ms = clock_.monotonic_ms();
    const int64_t timeout_ms = request.timeout_ms;
    const rpc::HttpCompletion done = await(transport_.submit(std::move(request)), method, start_ms);
    if (done.error != rpc::TransportError::kNone) {
        silent_since_ms_ = silent_since_ms_.value_or(start_ms);
        posted.error = done.error == rpc::TransportError::kTimeout && done.error_text != kStopped
                           ? fmt::format("no answer within {} s", (timeout_ms + 999) / 1'000)
                       : done.error_text.empty() ? "no answer"
                                                 : redactor_.redact(done.error_text);
        return posted;
    }
    silent_since_ms_.reset();
    posted.http_status = done.status;
    posted.retry_after_ms = done.retry_after_ms;
    posted.answer = json::parse(done.body.begin(), done.body.end(), nullptr, false);
    const bool is_status_all =
        done.status != 200 && posted.answer.is_object() && !posted.answer.contains("error");
    if (posted.answer.is_discarded() || is_status_all) {
        posted.answer = {};
        posted.error = odd_answer(done);
    }
    return posted;
}

/// What came in place of an answer.
std::string EndpointClient::odd_answer(const rpc::HttpCompletion& done) const {
    const std::string body = redactor_.redact(
        {reinterpret_cast<const char*>(done.body.data()), done.body.size()}, kTextMax);
    std::string out = rpc::odd_answer_text(done.status, done.redirect, body);
    if (out.empty()) {
        const std::string text = clipped(rpc::body_text(body));
        out = text.empty() ? fmt::format("HTTP {} without a text", done.status)
                           : fmt::format("HTTP {} with something that is not an answer: {}",
                                         done.status, text) +
                                 std::string{rpc::gone_hint(done.status)};
    }
    return out;
}

Reply EndpointClient::read(const json& answer, const Posted& posted) const {
    Reply reply;
    reply.error = posted.error.empty() ? "not a JSON-RPC answer" : posted.error;
    if (!answer.is_object()) {
        return reply;
    }
    if (const auto refused = answer.find("error"); refused != answer.end() && !refused->is_null()) {
        reply.is_rpc_error = true;
        if (const auto code = refused->find("code");
            refused->is_object() && code != refused->end() && code->is_number_integer()) {
            reply.code = code->get<int64_t>();
        }
        const std::string data = text_of(*refused, "data");
        reply.has_data = !data.empty() && data != "0x";
        const std::string text =
            refused->is_string() ? refused->get<std::string>() : text_of(*refused, "message");
        reply.error = text.empty() ? "an error" : clipped(redactor_.redact(text, kTextMax));
        if (posted.http_status != 200) {
            reply.error += fmt::format(", HTTP {}", posted.http_status);
        }
    } else if (const auto result = answer.find("result"); result != answer.end()) {
        reply.result = *result;
        if (result->is_string() && !result->get_ref<const std::string&>().starts_with("0x")) {
            reply.result = redactor_.redact(result->get_ref<const std::string&>(), kTextMax);
        }
        reply.error.clear();
    }
    return reply;
}

std::string text_of(const json& object, const char* key) {
    if (!object.is_object()) {
        return "";
    }
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<uint64_t> quantity_of(const json& value) {
    return value.is_string() ? evm::parse_quantity(value.get<std::string>()) : std::nullopt;
}

std::optional<uint64_t> quantity_of(const json& object, const char* key) {
    return object.is_object() && object.contains(key) ? quantity_of(object.at(key)) : std::nullopt;
}

}  // namespace plumbline::engine
