#include "rpc/heads_job.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::heads_job_test {
namespace {

using namespace test;

std::vector<ToldHeads> heads_of(const std::vector<uint64_t>& block_nums) {
    std::vector<ToldHeads> told;
    for (const uint64_t block_num : block_nums) {
        told.emplace_back().heads.latest.block_num = block_num;
    }
    return told;
}

TEST(BelievedHeadsTest, TheHighestThatIsNotFarAboveAllOthers) {
    constexpr uint64_t kFar = kHeadOutlierBlocks + 1;
    struct Case {
        const char* name;
        std::vector<uint64_t> told;
        uint64_t expected;
    };
    const std::vector<Case> cases = {
        {"one", {100}, 100},
        {"the highest", {100, 103, 101}, 103},
        {"of two nobody can say which is wrong", {100, 100 + kFar}, 100 + kFar},
        {"three, one far above", {100, 100 + kFar, 99}, 100},
        {"as far as may be", {100, 100 + kHeadOutlierBlocks, 99}, 100 + kHeadOutlierBlocks},
        {"two that are far above agree", {100, 100 + kFar, 101 + kFar}, 101 + kFar},
        {"two far above, each alone", {100, 99, 100 + kFar, 100 + 2 * kFar}, 100},
        {"two are left: the higher of them", {100, 100 + kFar, 100 + 2 * kFar}, 100 + kFar},
    };
    for (const Case& test : cases) {
        const std::vector<ToldHeads> told = heads_of(test.told);
        EXPECT_EQ(told[find_believed(told)].heads.latest.block_num, test.expected) << test.name;
    }
}

TEST(BelievedHeadsTest, AHeadFarAboveAllThatIsKnownHasToBeShown) {
    struct Case {
        const char* name;
        std::vector<uint64_t> told;  // the first is the one to believe
        uint64_t shown;
        std::optional<uint64_t> expected;
    };
    const std::vector<Case> cases = {
        {"as far as the network takes", {100 + kHeadLeadBlocks, 100}, 0, std::nullopt},
        {"farther", {101 + kHeadLeadBlocks, 100}, 0, 100},
        {"another is near", {1'000'000, 100, 999'990}, 0, std::nullopt},
        {"another was behind before", {1'000'010, 100}, 1'000'000, std::nullopt},
        {"it goes on above what was shown", {1'000'100, 100}, 1'000'000, 1'000'000},
        {"alone at first", {1'000'000}, 0, 0},
        {"alone, a little higher", {1'000'000}, 1'000'000 - kHeadOutlierBlocks, std::nullopt},
        {"alone, a leap", {1'000'000}, 999'999 - kHeadOutlierBlocks, 999'999 - kHeadOutlierBlocks},
        {"alone, back", {50}, 1'000'000, std::nullopt},
        {"alone, a new chain", {kHeadOutlierBlocks}, 0, std::nullopt},
    };
    for (const Case& test : cases) {
        EXPECT_EQ(must_show_above(heads_of(test.told), 0, test.shown), test.expected) << test.name;
    }
}

class HeadsJobTest : public ::testing::Test {
  protected:
    HeadsJobTest() {
        options_.endpoints = {{"http://odd.example", {}, {}}, {"http://fair.example", {}, {}}};
    }
    FakeNode& add_odd() { return transport_.add("http://odd.example", chain_); }
    FakeNode& add_fair() { return transport_.add("http://fair.example", chain_); }
    /// Tells `number` as that of the head, which is as it is otherwise.
    void tell_head(FakeNode& node, const std::string& number) {
        node.answer = [this, number](const std::string& method,
                                     const json& params) -> std::optional<json> {
            if (method != "eth_getBlockByNumber" || params[0] != "latest") {
                return std::nullopt;
            }
            const evm::Header& head = chain_.blocks.back().header;
            return json{{"result",
                         {{"number", number},
                          {"hash", evm::to_hex(head.hash)},
                          {"parentHash", evm::to_hex(head.parent_hash)},
                          {"timestamp", "0x1"}}}};
        };
    }
    Result<Heads> ask() {
        if (!dispatcher_) {
            dispatcher_.emplace(options_, transport_, clock_, &recorder_);
        }
        std::optional<Result<Heads>> answer;
        std::make_shared<HeadsJob>(*dispatcher_, [&](Result<Heads> heads) {
            answer.emplace(std::move(heads));
        })->start();
        while (!answer) {
            dispatcher_->poll(100);
        }
        return *std::move(answer);
    }

    FakeChain chain_{100};
    ManualClock clock_;
    FakeTransport transport_{clock_};
    Recorder recorder_;
    PoolOptions options_;
    std::optional<Dispatcher> dispatcher_;
};

TEST_F(HeadsJobTest, AHeadThatIsNotThereIsNotBelievedBesideAnother) {
    // 117 is the lowest that has to be shown; the last two are no numbers of blocks at all.
    for (const char* number : {"0x75", "0x3b9aca64", "0x20000000000000", "0x7fffffffffffffff",
                               "0xffffffffffffffff", "0x10000000000000000", "0x"}) {
        dispatcher_.reset();
        tell_head(add_odd(), number);
        add_fair();
        for (int i = 0; i < 5; ++i) {
            const Result<Heads> heads = ask();
            ASSERT_TRUE(heads) << number << ": " << heads.error().message;
            EXPECT_EQ(heads->latest.block_num, 100U) << number;
            clock_.advance(1'000);
        }
    }
    EXPECT_EQ(recorder_.count("http://odd.example tells block 117 as its head"), 1U);
}

TEST_F(HeadsJobTest, AnOnlyProviderThatDoesNotShowItsHeadIsAnErrorThatSaysSo) {
    options_.endpoints.resize(1);
    FakeNode& node = add_odd();
    tell_head(node, "0x3b9aca64");
    const Result<Heads> heads = ask();
    ASSERT_FALSE(heads);
    EXPECT_NE(heads.error().message.find("http://odd.example tells block 1000000100 as its head "
                                         "and does not show it"),
              std::string::npos)
        << heads.error().message;
    node.answer = nullptr;
    ASSERT_TRUE(ask());
}

TEST_F(HeadsJobTest, AHeadThatIsFarAheadAndThereIsBelieved) {
    add_odd();
    add_fair().head = 20;
    const Result<Heads> heads = ask();
    ASSERT_TRUE(heads);
    EXPECT_EQ(heads->latest.block_num, 100U);
}

TEST_F(HeadsJobTest, OneThatHasToWaitToShowItsHeadKeepsNobodyWaiting) {
    FakeNode& node = add_odd();
    tell_head(node, "0x3b9aca64");
    node.http = [](const HttpRequest& request) -> std::optional<HttpCompletion> {
        if (request.body.find("\"latest\"") != std::string::npos) {
            return std::nullopt;
        }
        HttpCompletion out = http_status(429, "later");
        out.retry_after_ms = 3'600'000;
        return out;
    };
    add_fair();
    const int64_t start = clock_.monotonic_ms();
    const Result<Heads> heads = ask();
    ASSERT_TRUE(heads);
    EXPECT_EQ(heads->latest.block_num, 100U);
    EXPECT_LE(clock_.monotonic_ms() - start, options_.head_timeout_ms + 1'000);
}

// A gap of the chain where the block is asked for by number, or a backend that is behind.
TEST_F(HeadsJobTest, AHeadIsShownByItsHashAsWell) {
    options_.endpoints.resize(1);
    FakeChain longer{1000};
    longer.gaps = {992};
    longer.seal(0);
    transport_.add("http://odd.example", longer);
    const Result<Heads> heads = ask();
    ASSERT_TRUE(heads) << heads.error().message;
    EXPECT_EQ(heads->latest.block_num, 1000U);
}

TEST_F(HeadsJobTest, AProbeThatIsAnsweredWronglyIsRepeatedAfterPauses) {
    FakeNode& node = add_odd();
    node.latency_ms = 1;
    tell_head(node, "0x");
    add_fair();
    const int64_t start = clock_.monotonic_ms();
    while (clock_.monotonic_ms() < start + 60'000) {
        ASSERT_TRUE(ask());
        dispatcher_->poll(200);
    }
    EXPECT_LE(node.requests, 40U);
}

TEST(BelievedHeadsTest, FinalIsWhatTwoProvidersCallSo) {
    struct Told {
        uint64_t latest;
        std::optional<uint64_t> finalized;
    };
    struct Case {
        const char* name;
        std::vector<Told> told;
        std::optional<uint64_t> expected;
    };
    const std::vector<Case> cases = {
        {"one", {{100, 36}}, 36},
        {"one without", {{100, std::nullopt}}, std::nullopt},
        {"one of two without", {{100, std::nullopt}, {100, 36}}, 36},
        {"one of two says block 0", {{100, 0}, {100, 36}}, 36},
        {"all say block 0", {{100, 0}, {100, 0}}, 0},
        {"one calls the head final", {{100, 100}, {100, 36}}, 36},
        {"the second highest of three", {{100, 100}, {100, 36}, {100, 35}}, 36},
        {"who is far behind does not count", {{1'000, 936}, {100, 36}}, 936},
    };
    for (const Case& test : cases) {
        std::vector<ToldHeads> told;
        for (const Told& one : test.told) {
            Heads& heads = told.emplace_back().heads;
            heads.latest.block_num = one.latest;
            if (one.finalized) {
                heads.finalized.emplace().block_num = *one.finalized;
            }
        }
        const auto agreed = agreed_finality(told, find_believed(told));
        EXPECT_EQ(agreed ? std::optional{agreed->block_num} : std::nullopt, test.expected)
            << test.name;
    }
}

TEST(BelievedHeadsTest, ADepthOfFinalityCountsFromWhatTwoProvidersReach) {
    struct Case {
        const char* name;
        std::vector<uint64_t> told;
        uint64_t expected;
    };
    const std::vector<Case> cases = {
        {"one", {100}, 90},
        {"the lower of two", {100, 97}, 87},
        {"the second highest of three", {97, 120, 99}, 89},
        {"two at the head", {100, 100, 50}, 90},
        {"who is far behind does not count", {1'000, 100}, 990},
        {"one far above is passed over", {1'000, 100, 99}, 89},
        {"a chain that has just begun", {5, 4}, 0},
    };
    for (const Case& test : cases) {
        const std::vector<ToldHeads> told = heads_of(test.told);
        const size_t best = find_believed(told);
        Heads heads = told[best].heads;
        heads.second_num = second_head(told, best);
        EXPECT_EQ(heads.agreed_below(10), test.expected) << test.name;
    }
}

/// Asks once; the node tells `finalized` heads, of which the last one is told for ever.
Heads ask_heads(const FakeChain& chain, std::vector<uint64_t> finalized, uint64_t& probes) {
    ManualClock clock;
    FakeTransport transport{clock};
    PoolOptions options;
    options.endpoints = {{"http://a.example", {}, {}}};
    FakeNode& node = transport.add("http://a.example", chain);
    node.head = 60;
    size_t told = 0;
    node.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
        if (method != "eth_getBlockByNumber" || params[0] != "finalized") {
            return std::nullopt;
        }
        const uint64_t num = finalized[std::min(told++, finalized.size() - 1)];
        return json{{"result", header_json(chain.blocks[num].header)}};
    };
    Dispatcher dispatcher{options, transport, clock, nullptr};
    std::optional<Result<Heads>> answer;
    std::make_shared<HeadsJob>(dispatcher, [&](Result<Heads> heads) {
        answer.emplace(std::move(heads));
    })->start();
    while (!answer) {
        dispatcher.poll(100);
    }
    probes = told;
    return **std::move(answer);
}

TEST(HeadsJobLateTest, FinalAboveTheHeadIsAskedAgainAndNeverKept) {
    const FakeChain chain{100};
    uint64_t probes = 0;
    const Heads two_backends = ask_heads(chain, {80, 30}, probes);
    EXPECT_EQ(probes, 2U);
    ASSERT_TRUE(two_backends.finalized);
    EXPECT_EQ(two_backends.finalized->block_num, 30U);
    const Heads always = ask_heads(chain, {80}, probes);
    EXPECT_EQ(probes, 2U);
    EXPECT_EQ(always.latest.block_num, 60U);
    EXPECT_FALSE(always.finalized);
}

TEST(HeadsJobLateTest, AProbeThatFailsAfterTheAnswerDoesNotAnswerAgain) {
    const FakeChain chain{100};
    ManualClock clock;
    FakeTransport transport{clock};
    PoolOptions options;
    options.endpoints = {{"http://fast.example", {}, {}}, {"http://slow.example", {}, {}}};
    transport.add("http://fast.example", chain);
    FakeNode& slow = transport.add("http://slow.example", chain);
    slow.latency_ms = 3 * options.heads_grace_ms;
    slow.answer = [](const std::string&, const json&) {
        return std::optional{rpc_error(-32000, "not ready")};
    };
    Dispatcher dispatcher{options, transport, clock, nullptr};
    std::vector<Result<Heads>> answers;
    std::make_shared<HeadsJob>(dispatcher, [&](Result<Heads> heads) {
        answers.push_back(std::move(heads));
    })->start();
    while (slow.requests == 0 || transport.in_flight() > 0) {
        dispatcher.poll(100);
    }
    dispatcher.poll(0);
    ASSERT_EQ(answers.size(), 1U);
    ASSERT_TRUE(answers[0]);
    EXPECT_EQ(answers[0]->latest.block_num, 100U);
}

}  // namespace
}  // namespace plumbline::rpc::heads_job_test
