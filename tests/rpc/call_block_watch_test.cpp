// Who answers contract calls from another block than it is asked about, beside an honest one.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "rpc/block_programs.hpp"
#include "rpc/provider_pool.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::call_block_watch_test {
namespace {

using namespace test;
using ::testing::HasSubstr;

enum class Block { kAsked, kNewest, kBefore };

/// What a node does with eth_call; it answers a plain call with the number of the block it ran at.
struct Caller {
    Block block = Block::kAsked;
    bool runs_programs = true;
    uint64_t programs = 0;  ///< asked
    uint64_t plain = 0;
};

std::string word(uint64_t value) {
    Bytes out;
    evm::append_word(out, evm::U256{value});
    return evm::to_hex(out);
}

class CallBlockWatchTest : public ::testing::Test {
  protected:
    CallBlockWatchTest() { chain_.make_provable(); }

    FakeNode& add(const std::string& url, Caller& caller) {
        options_.endpoints.push_back({url, {}, {}});
        FakeNode& node = transport_.add(url, chain_);
        node.answer = [this, &caller](const std::string& method,
                                      const json& params) -> std::optional<json> {
            return method == "eth_call" ? std::optional{answer(caller, params)} : std::nullopt;
        };
        return node;
    }
    json answer(Caller& caller, const json& params) const {
        const std::string data = params[0].value("data", params[0].value("input", ""));
        const bool is_plain = params[0].contains("to") && params.size() < 3;
        ++(is_plain ? caller.plain : caller.programs);
        const FakeChain::Block* at = nullptr;
        for (const FakeChain::Block& block : chain_.blocks) {
            const bool is_asked = params[1].is_object()
                                      ? params[1]["blockHash"] == evm::to_hex(block.header.hash)
                                      : params[1] == evm::to_quantity(block.header.block_num);
            at = is_asked ? &block : at;
        }
        if (at == nullptr) {
            return rpc_error(-32000, "header not found");
        }
        if (caller.block == Block::kNewest) {
            at = &chain_.blocks.back();
        } else if (caller.block == Block::kBefore && at != &chain_.blocks.front()) {
            --at;
        }
        if (!is_plain && !caller.runs_programs) {
            return rpc_error(-32602, "invalid argument 0: missing to");
        }
        const std::string code = is_plain || params[0].contains("to") ? params.dump() : data;
        const bool is_time = code.find(kBlockTimeCode) != std::string::npos;
        return json{{"result", word(is_time ? at->header.timestamp : at->header.block_num)}};
    }
    ProviderPool& pool() {
        if (!pool_) {
            pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
            pool_->watch_call_blocks();
        }
        return *pool_;
    }
    Result<CallAnswers> call(uint64_t block_num, std::optional<size_t> provider = std::nullopt) {
        std::vector<CallRequest> requests(3);
        for (CallRequest& request : requests) {
            request.to.emplace().bytes[19] = 1;
            request.data = {7};
        }
        return await<CallAnswers>(pool(), 600'000, [&](auto done) {
            pool().call(std::move(requests),
                        {{block_num, chain_.blocks[block_num].header.hash}, false}, provider,
                        std::move(done));
        });
    }
    void expect_right(uint64_t block_num) {
        const auto answers = call(block_num);
        ASSERT_TRUE(answers) << answers.error().message;
        for (const CallResult& result : answers->results) {
            EXPECT_EQ(evm::to_hex(result.data), word(block_num)) << result.provider;
        }
    }

    FakeChain chain_{100};
    ManualClock clock_;
    FakeTransport transport_{clock_};
    Recorder recorder_;
    PoolOptions options_ = wide_options();
    std::unique_ptr<ProviderPool> pool_;
};

TEST_F(CallBlockWatchTest, WhoAnswersFromAnotherBlockGetsNoCallsAndIsNamedOnce) {
    for (const Block block : {Block::kNewest, Block::kBefore}) {
        for (const bool is_first : {true, false}) {
            options_.endpoints.clear();
            pool_.reset();
            recorder_.events.clear();
            Caller bad{block};
            Caller honest;
            FakeNode& a =
                add(is_first ? "http://bad.example" : "http://a.example", is_first ? bad : honest);
            FakeNode& b =
                add(is_first ? "http://a.example" : "http://bad.example", is_first ? honest : bad);
            (is_first ? a : b).latency_ms = 1;  // Preferred by all that is known of it.
            for (uint64_t num = 10; num <= 100; num += 3) {
                expect_right(num);
            }
            EXPECT_EQ(bad.plain, 0U);
            EXPECT_LE(bad.programs, 3U) << "a look";
            EXPECT_LE(honest.programs, 3U);
            EXPECT_EQ(recorder_.count("bad.example answers eth_call from another block than it is "
                                      "asked about"),
                      1U);
            EXPECT_EQ(recorder_.count("a.example answers eth_call from another block"), 0U);
            const std::vector<ProviderStats> stats = pool().stats();
            EXPECT_THAT(stats[is_first ? 0 : 1].oddity, HasSubstr("it gets no contract calls"));
            EXPECT_EQ(stats[is_first ? 1 : 0].oddity, "");
            const auto named = call(50, is_first ? 0 : 1);
            ASSERT_FALSE(named);
            EXPECT_EQ(named.error().code, ErrorCode::kIncompatible);
        }
    }
}

TEST_F(CallBlockWatchTest, WhoIsAwayAtTheStartIsLookedAtBeforeItIsAsked) {
    Caller bad{Block::kNewest};
    Caller honest;
    FakeNode& away = add("http://bad.example", bad);
    FakeNode& there = add("http://a.example", honest);
    away.http = [](const HttpRequest&) { return http_status(502); };
    for (uint64_t num = 10; num <= 40; ++num) {
        expect_right(num);
    }
    away.http = nullptr;
    away.latency_ms = 1;
    for (uint64_t num = 40; num <= 90; ++num) {
        clock_.advance(5'000);
        expect_right(num);
    }
    EXPECT_EQ(bad.plain, 0U);
    EXPECT_EQ(recorder_.count("bad.example answers eth_call from another block"), 1U);
    there.http = [](const HttpRequest&) { return http_status(502); };
    EXPECT_FALSE(call(50)) << "nobody is left who may be asked";
    EXPECT_EQ(bad.plain, 0U);
}

TEST_F(CallBlockWatchTest, WhereNobodyElseIsTheReasonIsToldAndNothingIsAnswered) {
    Caller bad{Block::kBefore};
    add("http://bad.example", bad);
    const auto told = call(50);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(told.error().message, HasSubstr("another block than it is asked about"));
    EXPECT_EQ(bad.plain, 0U);
    bad.block = Block::kAsked;
    clock_.advance(5'000);
    expect_right(50);
    EXPECT_EQ(recorder_.count("from the block that it is asked about now"), 1U);
}

TEST_F(CallBlockWatchTest, WhoRunsNoProgramIsAskedAllTheSame) {
    Caller plain;
    plain.runs_programs = false;
    add("http://plain.example", plain);
    for (uint64_t num = 10; num <= 90; num += 10) {
        expect_right(num);
    }
    EXPECT_LE(plain.programs, 24U);
    EXPECT_EQ(recorder_.count("another block"), 0U);
}

}  // namespace
}  // namespace plumbline::rpc::call_block_watch_test
