// Any body at /rpc, by HTTP and on a WebSocket, over an index that covers its one contract: each
// request has one answer with its id, and logs that are told are those that a plain reading of the
// filter, as the specification has it, picks out of all.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/rpc/rpc_calls.hpp"
#include "core/base/ascii.hpp"
#include "tests/api/api_world.hpp"

namespace {

using nlohmann::json;
using plumbline::api::Request;
using plumbline::api::test::ApiWorld;

constexpr uint64_t kHead = 12;

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), plumbline::ascii_lower);
    return text;
}

struct Covered {
    ApiWorld api;
    json all;  ///< logs, in order
    Covered() {
        plumbline::storage::Database& database = *api.world.database;
        const auto cursor = *database.cursor();
        const auto batch = database.make_batch();
        batch->extend_coverage({api.mapping.plan->sources()[0].fingerprint,
                                {0, kHead},
                                "one",
                                plumbline::storage::ProofLevel::kFetched});
        batch->set_cursor(cursor.block_num, cursor.block_hash, cursor.timestamp);
        PLUMBLINE_CHECK(database.commit(*batch, plumbline::storage::Durability::kSync).has_value());
        all = ask(R"({"id":1,"method":"eth_getLogs","params":[{"fromBlock":"0x1","address":)"
                  R"("0x00000000000000000000000000000000000000aa"}]})")["result"];
        PLUMBLINE_CHECK(all.size() == 22);
    }
    json ask(std::string_view body) {
        return json::parse(api.send("POST", "/rpc", {}, std::string{body}).body);
    }
};

/// A number or tag as a block; empty for what is neither.
std::optional<uint64_t> block_of(const json& filter, const char* name, uint64_t finalized) {
    const json value = filter.value(name, json{});
    const std::string text = value.is_null() ? "latest" : value.get<std::string>();
    if (text == "latest" || text == "pending") {
        return kHead;
    }
    if (text == "earliest") {
        return 0;
    }
    if (text == "finalized" || text == "safe") {
        return finalized;
    }
    return std::stoull(text, nullptr, 16);
}

/// `wanted`: null for any, one, or a list.
bool is_one_of(const std::string& text, const json& wanted) {
    if (wanted.is_string()) {
        return lower(wanted) == text;
    }
    return wanted.empty() || std::ranges::any_of(wanted, [&](const json& one) {
               return one.is_null() || lower(one) == text;
           });
}

bool matches(const json& filter, const json& log, uint64_t finalized) {
    const json topics = filter.value("topics", json{});
    for (size_t i = 0; i < topics.size(); ++i) {
        if (i >= log["topics"].size() || !is_one_of(log["topics"][i], topics[i])) {
            return false;
        }
    }
    if (!is_one_of(log["address"], filter.value("address", json{}))) {
        return false;
    }
    if (const json hash = filter.value("blockHash", json{}); !hash.is_null()) {
        return lower(hash) == log["blockHash"];
    }
    const uint64_t at = std::stoull(log["blockNumber"].get<std::string>(), nullptr, 16);
    return at >= block_of(filter, "fromBlock", finalized) &&
           at <= block_of(filter, "toBlock", finalized);
}

void check_answer(Covered& covered, const json& request, const json& answer) {
    PLUMBLINE_CHECK(answer["jsonrpc"] == "2.0");
    PLUMBLINE_CHECK(answer.contains("result") != answer.contains("error"));
    const json id = request.is_object() ? request.value("id", json{}) : json{};
    PLUMBLINE_CHECK(answer.at("id") == (id.is_string() || id.is_number() ? id : json{}));
    if (answer.contains("error")) {
        PLUMBLINE_CHECK(answer["error"]["code"].is_number_integer() &&
                        answer["error"]["message"].is_string());
    } else if (request["method"] == "eth_getLogs") {
        json expected = json::array();
        const uint64_t finalized = covered.api.world.database->cursor()->finalized;
        for (const json& log : covered.all) {
            if (matches(request["params"][0], log, finalized)) {
                expected.push_back(log);
            }
        }
        PLUMBLINE_CHECK(answer["result"] == expected);
    }
}

/// `text`: the answers to `body`, which is JSON or is not.
void check(Covered& covered, const json& body, const std::string& text) {
    if (!body.is_array() || body.empty() || body.size() > plumbline::api::kRpcBatchMax) {
        const bool is_notification =
            body.is_object() && body.contains("method") && !body.contains("id");
        PLUMBLINE_CHECK(is_notification == text.empty());
        if (!is_notification) {
            check_answer(covered, body.is_discarded() ? json{} : body, json::parse(text));
        }
        return;
    }
    std::vector<json> asked;
    std::ranges::copy_if(body, std::back_inserter(asked), [](const json& one) {
        return !one.is_object() || !one.contains("method") || one.contains("id");
    });
    const json answers = text.empty() ? json::array() : json::parse(text);
    if (answers.is_object()) {  // all refused as one: they are too much
        PLUMBLINE_CHECK(answers["error"]["code"] == plumbline::api::rpc_code::kLimit);
        return;
    }
    PLUMBLINE_CHECK(answers.size() == asked.size());
    for (size_t i = 0; i < asked.size(); ++i) {
        check_answer(covered, asked[i], answers[i]);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Covered covered;
    Request request;
    request.method = "POST";
    request.target = "/rpc";
    request.body = {reinterpret_cast<const char*>(data), size};
    const json body = json::parse(request.body, nullptr, false);
    plumbline::api::Router& router = covered.api.router;
    check(covered, body, router.handle(request).body);
    // The same on a connection, which may subscribe. Its filters go with it.
    const auto subscriptions = router.open_subscriptions("fuzz");
    request.subscriptions = subscriptions.get();
    check(covered, body, router.handle(request).body);
    if (const auto news = router.rpc_news(*subscriptions)) {
        PLUMBLINE_CHECK(news->empty());  // Nothing has come.
    }
    return 0;
}
