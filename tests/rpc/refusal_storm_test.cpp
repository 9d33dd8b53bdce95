// However a provider refuses, it is not asked in a storm: what is refused for good is asked of
// others or in another way, and where there is none, a few times a minute.
#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "rpc/provider_pool.hpp"
#include "rpc/refusal_rules.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::refusal_storm_test {
namespace {

using namespace test;

constexpr uint64_t kHead = 120;
constexpr int64_t kMinuteMs = 60'000;
constexpr const char* kUnknown = "quite another text that nobody knows";

bool is_block_data(const std::string& method) {
    return method == "eth_getLogs" || method == "eth_getBlockReceipts" ||
           method == "eth_getTransactionReceipt";
}

class RefusalStormTest : public ::testing::Test {
  protected:
    RefusalStormTest() {
        for (uint64_t num = 1; num < kHead; num += 4) {
            chain_.add_log(num, 1, 10, false);
        }
        chain_.seal(0);
    }
    ~RefusalStormTest() override { start_anew(); }
    FakeNode& add(const std::string& url) {
        options_.endpoints.push_back({url, {}, {}});
        FakeNode& node = transport_.add(url, chain_);
        node.txn_receipts = true;
        node.latency_ms = 100;
        return node;
    }
    void start_anew() {
        pool_.reset();
        out_ = 0;
        options_.endpoints.clear();
        std::vector<HttpCompletion> left;
        while (transport_.in_flight() > 0) {
            transport_.poll(1'000, left);
        }
        refused_.clear();
    }
    /// Asks for `at_once` ranges all the time, again where they fail, as an index does.
    void ask_for(int64_t ms, int at_once) {
        if (!pool_) {
            pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
        }
        for (const int64_t end = clock_.monotonic_ms() + ms; clock_.monotonic_ms() < end;) {
            while (out_ < at_once) {
                ++out_;
                pool_->get_range({{make_address(1)}, {make_topic(10)}}, {0, kHead}, false,
                                 [this](const Result<RangeLogs>& result) {
                                     --out_;
                                     answered_ += result ? 1 : 0;
                                     EXPECT_TRUE(!result || result->logs.logs.size() == 30U);
                                 });
            }
            pool_->poll(50);
        }
    }
    json refuse(const FakeNode& node, int64_t code, const std::string& text,
                const json& data = nullptr) {
        // Calls of one request are refused at one moment.
        if (refused_.empty() ||
            refused_.back() != std::pair{node.requests, clock_.monotonic_ms()}) {
            refused_.emplace_back(node.requests, clock_.monotonic_ms());
        }
        return rpc_error(code, text, data);
    }
    size_t refused_in_the_last(int64_t ms) const {
        return static_cast<size_t>(std::ranges::count_if(
            refused_, [&](const auto& at) { return at.second > clock_.monotonic_ms() - ms; }));
    }

    FakeChain chain_{kHead};
    ManualClock clock_;
    FakeTransport transport_{clock_};
    Recorder recorder_;
    PoolOptions options_ = wide_options();
    std::unique_ptr<ProviderPool> pool_;
    std::deque<std::pair<uint64_t, int64_t>> refused_;
    int out_ = 0;
    int answered_ = 0;
};

TEST_F(RefusalStormTest, WhatIsRefusedForGoodInAnyWordsIsAskedFewerThanFiftyTimesAMinute) {
    std::vector<RefusalText> texts;
    std::set<RefusalClass> classes;
    for (const RefusalRule& rule : refusal_rules()) {
        if (classes.insert(rule.kind).second) {
            texts.push_back(rule.example);
        }
    }
    for (const int64_t code : {-32000, -32005, -32600, -32603, 0}) {
        texts.push_back({200, code, kUnknown, {}});
    }
    for (const RefusalText& text : texts) {
        start_anew();
        FakeNode& node = add("http://a.example/key");
        node.answer = [&](const std::string& method, const json&) {
            return is_block_data(method)
                       ? std::optional{refuse(node, text.code, std::string{text.message})}
                       : std::nullopt;
        };
        ask_for(6 * kMinuteMs, 4);
        EXPECT_LE(refused_in_the_last(kMinuteMs), 50U) << text.code << " " << text.message;
    }
}

// As one does that limits these methods in words that nobody knows.
TEST_F(RefusalStormTest, WhereMostIsRefusedInUnknownWordsItIsAskedSlowlyAndGoesOn) {
    int64_t locked_until_ms = 0;
    double tokens = 50;
    int64_t last_ms = 0;
    FakeNode& node = add("http://a.example/key");
    node.answer = [&](const std::string& method, const json&) -> std::optional<json> {
        if (!is_block_data(method)) {
            return std::nullopt;
        }
        const int64_t now = clock_.monotonic_ms();
        tokens = std::min(50.0, tokens + static_cast<double>(now - last_ms) * 0.012);
        last_ms = now;
        if (now >= locked_until_ms && tokens >= 1) {
            tokens -= 1;
            return std::nullopt;
        }
        locked_until_ms = std::max(locked_until_ms, now + 2'000);
        return refuse(node, -32005, kUnknown);
    };
    options_.range.blocks_initial = 16;
    ask_for(6 * kMinuteMs, 4);
    EXPECT_LE(refused_in_the_last(3 * kMinuteMs), 3 * 50U);
    EXPECT_GE(answered_, 1);
}

TEST_F(RefusalStormTest, WhoRefusesEveryLogIsAskedForThemAHandfulOfTimesWhereAnotherGivesThem) {
    for (const auto& [code, text] : std::vector<std::pair<int64_t, std::string>>{
             {-32000, "The method eth_getLogs is not supported."},
             {-32701,
              "Please specify an address in your request or, to remove restrictions, order a "
              "dedicated full node here: https://www.allnodes.com/eth/host"},
             {-32099, kUnknown}}) {
        start_anew();
        recorder_.events.clear();
        FakeNode& refusing = add("http://a.example/key");
        refusing.latency_ms = 20;
        refusing.answer = [&, code = code, text = text](const std::string& method, const json&) {
            return method == "eth_getLogs" ? std::optional{refuse(refusing, code, text)}
                                           : std::nullopt;
        };
        FakeNode& other = add("http://b.example/key");
        other.latency_ms = 60;
        options_.range.blocks_initial = 4;
        options_.range.blocks_max = 4;
        answered_ = 0;
        ask_for(2 * kMinuteMs, 4);
        EXPECT_LE(refused_.size(), 24U) << text;
        EXPECT_LE(refused_in_the_last(kMinuteMs), 3U) << text;
        EXPECT_GE(answered_, 10) << text;
        EXPECT_EQ(recorder_.count("refuses eth_getLogs time after time"), 1U) << text;
    }
}

TEST_F(RefusalStormTest, WhoGivesLogsAgainIsAskedForThemAgain) {
    bool is_refusing = true;
    FakeNode& node = add("http://a.example/key");
    node.latency_ms = 20;
    node.answer = [&](const std::string& method, const json&) {
        return is_refusing && method == "eth_getLogs"
                   ? std::optional{refuse(node, -32099, kUnknown)}
                   : std::nullopt;
    };
    add("http://b.example/key").latency_ms = 200;
    ask_for(5'000, 1);
    is_refusing = false;
    ask_for(kMinuteMs + 10'000, 1);
    const uint64_t before = node.calls["eth_getLogs"];
    ask_for(10'000, 1);
    EXPECT_GE(node.calls["eth_getLogs"] - before, 5U);
}

TEST_F(RefusalStormTest, AMethodThatIsNotTakenInBatchesIsAskedSinglyAndNoReceiptsStandForIt) {
    FakeNode& node = add("http://a.example/key");
    bool is_batch = false;
    node.http = [&](const HttpRequest& request) -> std::optional<HttpCompletion> {
        is_batch = request.body[0] == '[';
        return std::nullopt;
    };
    node.answer = [&](const std::string& method, const json&) {
        return is_batch && method == "eth_getLogs"
                   ? std::optional{refuse(
                         node, -32007,
                         "Method eth_getLogs is not permitted as part of batch requests")}
                   : std::nullopt;
    };
    ask_for(60'000, 1);
    EXPECT_GE(answered_, 1);
    EXPECT_LE(refused_.size(), 3U);
    EXPECT_EQ(node.calls["eth_getBlockReceipts"], 0U);
    EXPECT_EQ(pool_->stats()[0].batch_max, 1U);
    EXPECT_EQ(pool_->stats()[0].limitation, "");
}

TEST_F(RefusalStormTest,
       AMethodThatIsNotOnThePlanIsNoRateLimitWhateverItsStatusAndNoFaultOfBatches) {
    FakeNode& node = add("http://a.example/key");
    node.http = [&](const HttpRequest& request) -> std::optional<HttpCompletion> {
        if (request.body.find("eth_getLogs") == std::string::npos) {
            return std::nullopt;
        }
        static_cast<void>(refuse(node, 0, ""));
        return http_status(429,
                           R"({"jsonrpc":"2.0","id":null,"error":{"code":-32012,"message":)"
                           R"("cu limit exceeded; Method \"eth_getLogs\" is not available for )"
                           R"(unregistered users"}})");
    };
    ask_for(20'000, 1);
    EXPECT_GE(answered_, 1);
    EXPECT_LE(refused_.size(), 30U);
    EXPECT_GT(pool_->stats()[0].batch_max, 1U);
    EXPECT_NE(pool_->stats()[0].limitation.find("unregistered users"), std::string::npos);
}

TEST_F(RefusalStormTest, ASentenceInPlainTextMeansWhatItSaysAlsoWithStatus200) {
    FakeNode& node = add("http://a.example/key");
    int64_t until_ms = INT64_MAX;
    node.http = [&](const HttpRequest&) {
        if (until_ms == INT64_MAX) {
            until_ms = clock_.monotonic_ms() + 5'000;
        }
        return clock_.monotonic_ms() < until_ms
                   ? std::optional{http_status(200, "error code: 1015")}
                   : std::nullopt;
    };
    ask_for(3'000, 1);
    EXPECT_EQ(pool_->stats()[0].state, "rate limited");
    EXPECT_EQ(pool_->stats()[0].malformed, 0U);
    EXPECT_NE(pool_->stats()[0].last_error.find("error code: 1015"), std::string::npos);
    ask_for(20'000, 1);
    EXPECT_GE(answered_, 1);
}

}  // namespace
}  // namespace plumbline::rpc::refusal_storm_test
