// A refusal that lasts leads somewhere else, whatever its words are: to a smaller range, to single
// calls, to receipts, to another provider; and never to a storm.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "rpc/provider_pool.hpp"
#include "rpc/refusal_rules.hpp"
#include "tests/rpc/fake_network.hpp"
#include "tests/rpc/public_refusals.hpp"

namespace plumbline::rpc::lasting_refusal_test {
namespace {

using namespace test;

constexpr const char* kUrlA = "http://a.example/key";
constexpr const char* kUrlB = "http://b.example/key";
constexpr uint64_t kHead = 120;
constexpr uint64_t kDense = 57;

class LastingRefusalTest : public ::testing::Test {
  protected:
    LastingRefusalTest() {
        for (uint64_t num = 1; num < kHead; num += 4) {
            chain_.add_log(num, 1, 10, false);
            chain_.add_log(num, 1, 10, false);
        }
        chain_.seal(0);
    }
    FakeNode& add(const char* url) {
        options_.endpoints.push_back({url, {}, {}});
        FakeNode& node = transport_.add(url, chain_);
        node.txn_receipts = true;
        return node;
    }
    void start_anew() {
        pool_.reset();
        options_.endpoints.clear();
        std::vector<HttpCompletion> left;  // to what the pool had asked
        while (transport_.in_flight() > 0) {
            transport_.poll(1'000, left);
        }
    }
    /// Asks for all logs, and for the heads once a second, as an index does; for at most `ms_max`.
    std::optional<Result<RangeLogs>> ask(int64_t ms_max) {
        if (!pool_) {
            pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
        }
        std::optional<Result<RangeLogs>> answer;
        const int64_t start = clock_.monotonic_ms();
        pool_->get_range(
            {{make_address(1)}, {make_topic(10)}}, {0, kHead}, false,
            [&answer](Result<RangeLogs> result) { answer.emplace(std::move(result)); });
        bool is_asking_heads = false;
        int64_t heads_at = start;
        while (!answer && clock_.monotonic_ms() < start + ms_max) {
            if (!is_asking_heads && clock_.monotonic_ms() >= heads_at) {
                is_asking_heads = true;
                heads_at = clock_.monotonic_ms() + 1'000;
                pool_->get_heads([&](const Result<Heads>&) { is_asking_heads = false; });
            }
            pool_->poll(50);
        }
        elapsed_ms_ = clock_.monotonic_ms() - start;
        while (is_asking_heads || (!answer && pool_->in_flight() > 0)) {
            pool_->poll(50);  // callbacks refer to this frame
        }
        return answer;
    }
    void expect_all(const std::optional<Result<RangeLogs>>& answer, const std::string& what) {
        ASSERT_TRUE(answer) << what;
        ASSERT_TRUE(*answer) << what << ": " << answer->error().message;
        std::multiset<uint64_t> got;
        for (const evm::Log& log : (*answer)->logs.logs) {
            got.insert(log.block_num);
        }
        EXPECT_EQ(got.size(), 60U) << what;
        EXPECT_EQ(got.count(kDense), 2U) << what;
    }
    std::optional<int64_t> time_until(const std::string& state, int64_t ms_max);
    [[nodiscard]] static bool covers_dense(const json& params) {
        if (!params[0].contains("fromBlock")) {
            return true;
        }
        const auto num = [&](const char* name) {
            return std::stoull(params[0][name].get<std::string>(), nullptr, 16);
        };
        return num("fromBlock") <= kDense && kDense <= num("toBlock");
    }
    uint64_t requests() const {
        uint64_t sum = 0;
        for (const ProviderStats& stats : pool_->stats()) {
            sum += stats.requests;
        }
        return sum;
    }

    FakeChain chain_{kHead};
    ManualClock clock_;
    FakeTransport transport_{clock_};
    Recorder recorder_;
    PoolOptions options_ = wide_options();
    std::unique_ptr<ProviderPool> pool_;
    int64_t elapsed_ms_ = 0;
    bool is_asking_heads_ = false;
};

// Every sentence we know, and some that nobody does, said of whatever holds one block.
TEST_F(LastingRefusalTest, ABlockWhoseLogsAreRefusedInAnyWordsIsReadWithinAMinute) {
    std::vector<RefusalText> texts;
    for (const RefusalRule& rule : refusal_rules()) {
        texts.push_back(rule.example);
    }
    for (const int64_t code : {-32000, -32001, -32005, -32600, -32602, -32603, -32046, 12, 30, 0}) {
        texts.push_back({200, code, "quite another text that nobody knows", {}});
    }
    for (const RefusalText& text : texts) {
        for (const bool has_block_receipts : {true, false}) {
            const std::string what = std::to_string(text.http_status) + " " +
                                     std::to_string(text.code) + " " + std::string{text.message} +
                                     (has_block_receipts ? "" : ", single receipts");
            start_anew();
            FakeNode& node = add(kUrlA);
            node.receipts = has_block_receipts;
            node.answer = [&](const std::string& method, const json& params) {
                return method == "eth_getLogs" && covers_dense(params)
                           ? std::optional{rpc_error(
                                 text.code, std::string{text.message},
                                 text.data.empty() ? json(nullptr) : json(text.data))}
                           : std::nullopt;
            };
            // What tells how long to wait is waited for, a few times.
            const int64_t ms_max = classify_refusal(text).retry_after_ms ? 180'000 : 60'000;
            expect_all(ask(ms_max), what);
            EXPECT_LE(requests(), 400U) << what;
        }
    }
}

/// As the provider sent it: an error object, or a page with another status.
void refuse_with(FakeNode& node, const FreshRefusal& said,
                 const std::function<bool(const std::string&, const json&)>& is_refused) {
    node.answer = [said, is_refused](const std::string& method,
                                     const json& params) -> std::optional<json> {
        if (!is_refused(method, params)) {
            return std::nullopt;
        }
        const json data = json::parse(said.data, nullptr, false);
        return rpc_error(said.code, said.message,
                         said.data.empty()     ? json(nullptr)
                         : data.is_discarded() ? json(said.data)
                                               : data);
    };
}

// Whatever class the rules give them.
TEST_F(LastingRefusalTest, NoTextOfAPublicThreadStallsABlockForMoreThanAMinute) {
    for (const char* table : kPublicTables) {
        for (const FreshRefusal& said : read_fresh_refusals(table)) {
            start_anew();
            refuse_with(add(kUrlA), said, [](const std::string& method, const json& params) {
                return method == "eth_getLogs" && covers_dense(params);
            });
            const Refusal told = classify_refusal(said.text());
            const bool names_minutes = told.retry_after_ms || told.rate_ms.value_or(0) > 1'000;
            const int64_t ms_max = names_minutes ? 180'000 : 60'000;
            expect_all(ask(ms_max), said.id);
        }
    }
}

TEST_F(LastingRefusalTest, NoTextOfAPublicThreadStallsARangeThatAnotherProviderHas) {
    for (const char* table : kPublicTables) {
        for (const FreshRefusal& said : read_fresh_refusals(table)) {
            start_anew();
            FakeNode& refusing = add(kUrlA);
            refuse_with(refusing, said, [](const std::string& method, const json&) {
                return method != "eth_chainId";
            });
            refusing.status = said.http_status;
            add(kUrlB);
            expect_all(ask(60'000), said.id);
        }
    }
}

// All that it is asked, for half a minute.
TEST_F(LastingRefusalTest, NoTextOfAPublicThreadStallsTheOnlyProviderForAMinuteAfterItIsOver) {
    for (const char* table : kPublicTables) {
        for (const FreshRefusal& said : read_fresh_refusals(table)) {
            start_anew();
            const int64_t over_ms = clock_.monotonic_ms() + 30'000;
            FakeNode& node = add(kUrlA);
            refuse_with(node, said, [&, over_ms](const std::string&, const json&) {
                return clock_.monotonic_ms() < over_ms;
            });
            std::optional<Result<RangeLogs>> answer = ask(90'000);
            // A question may end with the refusal; who asks goes on asking.
            while (answer && !*answer && clock_.monotonic_ms() < over_ms + 60'000) {
                clock_.advance(500);
                answer = ask(over_ms + 60'000 - clock_.monotonic_ms());
            }
            expect_all(answer, said.id);
        }
    }
}

TEST_F(LastingRefusalTest, AProviderThatRefusesEveryRangeInAnyWordsIsReadByReceipts) {
    for (const char* text : {"quite another text", "Internal error", "unknown block",
                             "method is not available", "limit exceeded"}) {
        start_anew();
        add(kUrlA).answer = [&](const std::string& method, const json&) {
            return method == "eth_getLogs" ? std::optional{rpc_error(-32000, text)} : std::nullopt;
        };
        expect_all(ask(600'000), text);
        EXPECT_LE(requests(), 4'000U) << text;
    }
}

// Nothing to be had of block 57 at all: the end is an error that says why, not a search without
// end and not a request for every block.
TEST_F(LastingRefusalTest, WhatCannotBeHadEndsWithAReasonAfterFewRequests) {
    for (const char* text : {"header not found", "quite another text", "Internal error"}) {
        start_anew();
        FakeNode& node = add(kUrlA);
        node.answer = [&](const std::string& method, const json&) {
            return method == "eth_getLogs" || method == "eth_getBlockReceipts" ||
                           method == "eth_getTransactionReceipt"
                       ? std::optional{rpc_error(-32000, text)}
                       : std::nullopt;
        };
        const auto answer = ask(300'000);
        ASSERT_TRUE(answer) << text;
        ASSERT_FALSE(*answer) << text;
        EXPECT_NE(answer->error().message.find(text), std::string::npos) << answer->error().message;
        EXPECT_NE(answer->error().message.find("the logs of block 1,"), std::string::npos)
            << answer->error().message;
        EXPECT_LE(requests(), 400U) << text;
    }
}

TEST_F(LastingRefusalTest, AnotherProviderIsAskedBeforeARangeIsCutApart) {
    add(kUrlA).answer = [](const std::string& method, const json&) {
        return method == "eth_getLogs" ? std::optional{rpc_error(-32099, "xyzzy")} : std::nullopt;
    };
    FakeNode& other = add(kUrlB);
    other.latency_ms = 200;
    expect_all(ask(60'000), "xyzzy");
    EXPECT_EQ(other.calls["eth_getBlockReceipts"], 0U);
    EXPECT_EQ(other.calls["eth_getTransactionReceipt"], 0U);
}

// ---- A rate of eth_getLogs alone ------------------------------------------------------------

TEST_F(LastingRefusalTest, ARateOfLogsAloneIsWaitedForAndNothingGetsSmaller) {
    struct Case {
        const char* body;
        int64_t every_ms;
        std::optional<int64_t> retry_after_ms;
    };
    for (const Case& limit : {
             Case{R"({"message":"Heavy method rate limit: 1/min for eth_getLogs"})", 60'000,
                  60'000},
             Case{R"({"error":{"code":429,"message":"Your app has exceeded its compute units per )"
                  R"(second capacity."}})",
                  1'000,
                  {}},
             Case{R"({"error":{"code":-32005,"message":"too many requests"}})", 5'000, {}},
         }) {
        start_anew();
        options_.range.blocks_initial = 16;
        FakeNode& node = add(kUrlA);
        int64_t free_ms = 0;
        uint64_t smallest = UINT64_MAX;
        uint64_t refused = 0;
        node.http = [&](const HttpRequest& request) -> std::optional<HttpCompletion> {
            const json body = json::parse(request.body);
            for (const json& call : body.is_array() ? body : json::array({body})) {
                if (call["method"] != "eth_getLogs") {
                    continue;
                }
                const json& filter = call["params"][0];
                const auto num = [&filter](const char* name) {
                    return std::stoull(filter.at(name).get<std::string>(), nullptr, 16);
                };
                if (num("toBlock") != kHead) {
                    smallest = std::min<uint64_t>(smallest, num("toBlock") - num("fromBlock") + 1);
                }
                if (clock_.monotonic_ms() < free_ms) {
                    ++refused;
                    HttpCompletion out = http_status(429, limit.body);
                    out.retry_after_ms = limit.retry_after_ms;
                    return out;
                }
                free_ms = clock_.monotonic_ms() + limit.every_ms;
            }
            return std::nullopt;
        };
        expect_all(ask(30 * limit.every_ms + 60'000), limit.body);
        EXPECT_EQ(smallest, 16U) << limit.body;
        EXPECT_LE(refused, 60U) << limit.body;
        EXPECT_GE(pool_->stats()[0].batch_max, 3U) << limit.body;
        const uint64_t size = pool_->stats()[0].blocks_cap.value_or(16);
        EXPECT_GE(size, 16U) << limit.body;
    }
}

// ---- Batches -------------------------------------------------------------------------------

TEST_F(LastingRefusalTest, ABatchRefusedInGeneralWordsGoesSinglyAndThatIsLearnt) {
    const std::vector<std::pair<int, std::string>> refusals = {
        {200, R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}})"},
        {400, R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}})"},
        {200, R"({"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"}})"},
        {400, "Bad Request"},
        {200, R"([{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid"}}])"},
        {200, "[]"},
    };
    for (const auto& [status, body] : refusals) {
        start_anew();
        FakeNode& node = add(kUrlA);
        uint64_t batches = 0;
        node.http = [&, status = status,
                     body = body](const HttpRequest& request) -> std::optional<HttpCompletion> {
            if (request.body[0] != '[') {
                return std::nullopt;
            }
            ++batches;
            return http_status(status, body);
        };
        expect_all(ask(60'000), body);
        EXPECT_LE(batches, 4U) << body;
        EXPECT_EQ(pool_->stats()[0].batch_max, 1U) << body;
        EXPECT_EQ(recorder_.count("they go one by one"), 1U) << body;
        recorder_.events.clear();
    }
}

TEST_F(LastingRefusalTest, EachCallOfABatchHasItsOwnErrorWhateverTheStatus) {
    add(kUrlA).http = [](const HttpRequest& request) -> std::optional<HttpCompletion> {
        // Alchemy's text for eth_getLogs beside good headers, all of it with HTTP 400.
        const json calls = json::parse(request.body);
        const auto too_wide = [](const json& call) {
            const auto num = [&](const char* name) {
                return std::stoull(call["params"][0][name].get<std::string>(), nullptr, 16);
            };
            return call["method"] == "eth_getLogs" && num("toBlock") - num("fromBlock") >= 50;
        };
        if (!calls.is_array() || std::ranges::none_of(calls, too_wide)) {
            return std::nullopt;
        }
        json answers = json::array();
        for (const json& call : calls) {
            json answer{{"jsonrpc", "2.0"}, {"id", call["id"]}};
            if (too_wide(call)) {
                answer["error"] = {{"code", -32600},
                                   {"message",
                                    "You can make eth_getLogs requests with up to a 50 block "
                                    "range."}};
            } else {
                answer["result"] = nullptr;
            }
            answers.push_back(answer);
        }
        return http_status(400, answers.dump());
    };
    expect_all(ask(60'000), "HTTP 400 with an array");
    EXPECT_EQ(pool_->stats()[0].blocks_cap, 50U);
}

TEST_F(LastingRefusalTest, GoodAnswersCountWhateverTheStatus) {
    for (const int status : {400, 404, 500, 503}) {
        start_anew();
        add(kUrlA).status = status;
        expect_all(ask(60'000), "all of it with HTTP " + std::to_string(status));
    }
}

// ---- Blooms and indexes --------------------------------------------------------------------

TEST_F(LastingRefusalTest, BloomsThatSayNothingAreDistrustedWhereNoReceiptsCanBeHad) {
    for (uint64_t num = 0; num <= kHead; ++num) {
        chain_.set_bloom(num, {});
    }
    for (const bool has_txn_receipts : {true, false}) {
        start_anew();
        FakeNode& node = add(kUrlA);
        node.receipts = false;
        node.txn_receipts = has_txn_receipts;
        expect_all(ask(60'000), "zero blooms");
        EXPECT_EQ(recorder_.count("not used as evidence any more"), 1U);
        recorder_.events.clear();
        const uint64_t before = requests();
        expect_all(ask(5'000), "zero blooms, once they are not trusted");
        EXPECT_LE(requests() - before, 10U);
    }
}

TEST_F(LastingRefusalTest, AnAnswerThatIsWrongAgainAndAgainIsCutDownAndSettledByReceipts) {
    FakeNode& node = add(kUrlA);
    size_t received = 0;
    node.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
        if (method != "eth_getLogs" || !covers_dense(params)) {
            return std::nullopt;
        }
        ++received;
        // A log of a block that was not asked for, always.
        return json{{"result", json::array({{{"address", "0x" + std::string(40, '1')},
                                             {"topics", json::array()},
                                             {"data", "0x"},
                                             {"blockNumber", "0xffff"},
                                             {"blockHash", "0x" + std::string(64, '2')},
                                             {"transactionHash", "0x" + std::string(64, '3')},
                                             {"transactionIndex", "0x0"},
                                             {"logIndex", "0x0"},
                                             {"removed", false}}})}};
    };
    expect_all(ask(60'000), "a log of another block");
    EXPECT_LE(received, 16U);
}

// A chain that counts logs within their transaction, or a node that does so by mistake.
TEST_F(LastingRefusalTest, LogIndexesThatComeTwiceAreSettledByProvenReceipts) {
    chain_.make_provable();
    FakeNode& node = add(kUrlA);
    node.spoil = [](std::string& text) {
        const std::string index = R"("logIndex":"0x1","removed":false)";
        const std::string in_block = R"("blockNumber":"0x39")";
        for (size_t at = text.find(in_block); at != std::string::npos;
             at = text.find(in_block, at + 1)) {
            if (const size_t log = text.find(index, at);
                log != std::string::npos && log < at + 400) {
                text[log + index.find('1')] = '0';
            }
        }
    };
    const auto answer = ask(60'000);
    expect_all(answer, "two logs with one index");
    std::vector<uint32_t> indexes;
    for (const evm::Log& log : (*answer)->logs.logs) {
        if (log.block_num == kDense) {
            indexes.push_back(log.log_index);
        }
    }
    EXPECT_EQ(indexes, (std::vector<uint32_t>{0, 1}));
    EXPECT_GE(recorder_.count("two logs with one index"), 1U);
}

// ---- Storms --------------------------------------------------------------------------------

TEST_F(LastingRefusalTest, AProviderThatFailsItsProbeIsAskedLessAndLess) {
    const std::vector<HttpCompletion> answers = {
        http_status(200, R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}})"),
        http_status(307), http_status(404, "Cannot POST /key"), http_status(200, "<html></html>"),
        transport_error(TransportError::kUnreachable)};
    for (const HttpCompletion& answer : answers) {
        start_anew();
        FakeNode& bad = add(kUrlA);
        bad.latency_ms = 1;
        bad.http = [&](const HttpRequest&) { return std::optional{answer}; };
        FakeNode& slow = add(kUrlB);
        slow.latency_ms = 5'000;
        expect_all(ask(60'000), "beside a provider that fails its probes");
        EXPECT_LE(bad.requests, 40U) << answer.status;
    }
}

TEST_F(LastingRefusalTest, TheOnlyProviderIsProbedEveryFewSecondsWhileItIsDown) {
    FakeNode& node = add(kUrlA);
    bool is_down = true;
    node.http = [&](const HttpRequest&) {
        return is_down ? std::optional{transport_error(TransportError::kUnreachable)}
                       : std::nullopt;
    };
    pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
    constexpr int64_t kDownMs = 600'000;
    bool is_asking = false;
    while (clock_.monotonic_ms() < kDownMs || is_asking) {
        if (!is_asking) {
            is_asking = true;
            pool_->get_heads([&](const Result<Heads>&) { is_asking = false; });
        }
        pool_->poll(1'000);
    }
    EXPECT_GE(node.requests, 60U);
    EXPECT_LE(node.requests, 150U);
    is_down = false;
    expect_all(ask(60'000), "once it is up");
    EXPECT_LE(elapsed_ms_, 12'000);
}

TEST_F(LastingRefusalTest, WhateverADeadPortIsAskedTheErrorNamesItAndWhatItSaidLast) {
    add(kUrlA).http = [](const HttpRequest&) {
        HttpCompletion out = transport_error(TransportError::kUnreachable);
        out.error_text = "Couldn't connect to server";
        return out;
    };
    pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
    std::set<std::string> errors;
    size_t open = 0;
    const auto tell = [&](const auto& result) {
        --open;
        ASSERT_FALSE(result.has_value());
        errors.insert(result.error().message);
    };
    while (clock_.monotonic_ms() < 300'000 || open > 0) {
        if (open == 0) {
            open = 3;
            pool_->get_heads(tell);
            pool_->get_proof(make_address(1), {}, {}, 0, tell);
            pool_->get_headers({5}, tell);
        }
        pool_->poll(500);
    }
    EXPECT_GE(errors.size(), 4U);
    EXPECT_TRUE(std::ranges::any_of(errors, [](const std::string& error) {
        return error.find("nobody to ask is up") != std::string::npos;
    }));
    for (const std::string& error : errors) {
        EXPECT_NE(error.find("http://a.example: "), std::string::npos) << error;
        EXPECT_NE(error.find("Couldn't connect to server"), std::string::npos) << error;
    }
}

/// Asks for the heads all the time, as an index does, until the first provider is called `state`:
/// after how long that is.
std::optional<int64_t> LastingRefusalTest::time_until(const std::string& state, int64_t ms_max) {
    const int64_t start = clock_.monotonic_ms();
    while (clock_.monotonic_ms() < start + ms_max) {
        if (!is_asking_heads_) {
            is_asking_heads_ = true;
            pool_->get_heads([this](const Result<Heads>&) { is_asking_heads_ = false; });
        }
        pool_->poll(100);
        if (pool_->stats().front().state == state) {
            return clock_.monotonic_ms() - start;
        }
    }
    return std::nullopt;
}

TEST_F(LastingRefusalTest, AProviderThatIsBackIsCalledSoWithinSecondsAlsoBesideARateLimit) {
    for (const bool is_other_limited : {false, true}) {
        for (const int64_t limited_ms : {0, 60'000}) {
            start_anew();
            is_asking_heads_ = false;
            const std::string what = std::to_string(static_cast<int>(is_other_limited)) + " " +
                                     std::to_string(limited_ms);
            const int64_t up_ms = clock_.monotonic_ms() + 100'000;
            add(kUrlA).http = [&, limited_ms](const HttpRequest&) -> std::optional<HttpCompletion> {
                const int64_t now = clock_.monotonic_ms();
                return now < up_ms ? std::optional{transport_error(TransportError::kUnreachable)}
                       : now < up_ms + limited_ms ? std::optional{http_status(429)}
                                                  : std::nullopt;
            };
            if (is_other_limited) {
                add(kUrlB).http = [](const HttpRequest&) { return http_status(429); };
            }
            pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
            ASSERT_TRUE(time_until("down", 10'000)) << what;
            static_cast<void>(time_until("never", up_ms - clock_.monotonic_ms()));
            if (limited_ms > 0) {
                EXPECT_LE(time_until("rate limited", 60'000).value_or(60'000), 6'000) << what;
                static_cast<void>(time_until("never", up_ms + limited_ms - clock_.monotonic_ms()));
            }
            const int64_t late = clock_.monotonic_ms() - up_ms - limited_ms;
            EXPECT_LE(late + time_until("ok", 60'000).value_or(60'000), 6'000) << what;
            EXPECT_EQ(pool_->stats().front().last_error, "") << what;
        }
    }
}

TEST_F(LastingRefusalTest, AWaitNamesWhoIsProbedWhereNothingElseIsKnown) {
    add(kUrlA).latency_ms = 1'000'000;
    pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
    bool is_answered = false;
    pool_->get_headers({5}, [&](const Result<std::vector<evm::Header>>&) { is_answered = true; });
    pool_->poll(1'000);
    const std::vector<OpenWait> waits = pool_->waits(0);
    ASSERT_FALSE(is_answered);
    ASSERT_EQ(waits.size(), 1U);
    EXPECT_EQ(waits[0].provider, "http://a.example");
    EXPECT_EQ(waits[0].attempts, 0U) << "the probe goes before it";
    EXPECT_EQ(waits[0].reason,
              "its answer to other requests, of its head first of all, has not come yet");
    pool_.reset();
}

TEST_F(LastingRefusalTest, OneWrongChainIdIsNoReasonToGiveUp) {
    options_.chain_id = 1;
    FakeNode& node = add(kUrlA);
    node.chain_id = 1;
    int told = 0;
    node.answer = [&](const std::string& method, const json&) -> std::optional<json> {
        return method == "eth_chainId" && ++told <= 2 ? std::optional{json{{"result", "0x5"}}}
                                                      : std::nullopt;
    };
    expect_all(ask(60'000), "after two wrong chain ids");
    EXPECT_EQ(recorder_.count("its chain id is asked again"), 1U);
    EXPECT_EQ(recorder_.count("is back"), 1U);
}

TEST_F(LastingRefusalTest, AProviderOfAnotherChainIsTakenBackWhenItChanges) {
    options_.chain_id = 1;
    FakeNode& node = add(kUrlA);
    node.chain_id = 5;
    const auto refused = ask(120'000);
    ASSERT_TRUE(refused);
    ASSERT_FALSE(*refused);
    EXPECT_EQ(refused->error().code, ErrorCode::kIncompatible);
    node.chain_id = 1;
    for (int i = 0; i < 600 && pool_->stats()[0].state != "ok"; ++i) {
        pool_->poll(1'000);
        clock_.advance(1'000);
    }
    expect_all(ask(60'000), "once it serves our chain");
}

TEST_F(LastingRefusalTest, AnHourThatTheOnlyProviderAsksForIsAMinute) {
    for (const int status : {429, 503}) {
        start_anew();
        FakeNode& node = add(kUrlA);
        int left = 1;
        node.http = [&, status](const HttpRequest& request) -> std::optional<HttpCompletion> {
            if (request.body.find("eth_getLogs") == std::string::npos || left == 0) {
                return std::nullopt;
            }
            --left;
            HttpCompletion out = http_status(status, "later");
            out.retry_after_ms = 3'600'000;
            return out;
        };
        expect_all(ask(100'000), std::to_string(status));
        EXPECT_GE(elapsed_ms_, 59'000) << status;  // it is obeyed
        EXPECT_LE(elapsed_ms_, 70'000) << status;
    }
}

TEST_F(LastingRefusalTest, ARedirectSaysItsStatusAndWhereItPoints) {
    HttpCompletion redirect = http_status(301);
    redirect.redirect = "https://a.example";
    add(kUrlA).http = [&](const HttpRequest&) { return std::optional{redirect}; };
    pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
    const auto heads =
        await<Heads>(*pool_, 60'000, [&](auto done) { pool_->get_heads(std::move(done)); });
    ASSERT_FALSE(heads);
    EXPECT_NE(heads.error().message.find("HTTP 301: it redirects to https://a.example"),
              std::string::npos)
        << heads.error().message;
}

TEST_F(LastingRefusalTest, AWebPageInPlaceOfJsonIsToldByItsTitle) {
    for (const int status : {200, 403, 503}) {
        start_anew();
        add(kUrlA).http = [status](const HttpRequest&) {
            return std::optional{http_status(
                status,
                "<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>")};
        };
        pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
        const auto heads =
            await<Heads>(*pool_, 60'000, [&](auto done) { pool_->get_heads(std::move(done)); });
        ASSERT_FALSE(heads);
        EXPECT_NE(heads.error().message.find("web page \"Just a moment...\""), std::string::npos)
            << status << ": " << heads.error().message;
        EXPECT_NE(pool_->stats()[0].state, "refused") << status;
    }
}

}  // namespace
}  // namespace plumbline::rpc::lasting_refusal_test
