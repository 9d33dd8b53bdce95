// Chains that leave out block numbers, against the pool: a number without a block is an empty block
// with the hash of the block before, where a later block proves it; and never a missing block.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/block_gap.hpp"
#include "core/evm/hex.hpp"
#include "rpc/gap_search.hpp"
#include "rpc/provider_pool.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::gap_test {
namespace {

using namespace test;
using testing::HasSubstr;

constexpr const char* kUrlA = "http://a.example";
constexpr const char* kUrlB = "http://b.example";

json null_answer() {
    return json{{"result", nullptr}};
}

/// What nodes answer for a number without a block.
struct Style {
    const char* name;
    json answer;
};

std::vector<Style> styles() {
    return {{"null", null_answer()},
            {"a known error", rpc_error(1, "requested epoch was a null round (7)")},
            {"an unknown error", rpc_error(12, "the round of height 7 came to nothing")},
            {"a missing block's error", rpc_error(-32000, "header not found")}};
}

class GapTest : public ::testing::Test {
  protected:
    GapTest() {
        chain_.gaps = {6, 7, 20, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40};
        chain_.seal(0);
        for (const uint64_t num : {3U, 5U, 8U, 9U, 19U, 21U, 29U, 41U, 55U}) {
            chain_.add_log(num, 1, 10, false);
        }
        chain_.seal(0);
    }
    FakeNode& add(const char* url, const json& answer) {
        options_.endpoints.push_back({url, {}, {}});
        FakeNode& node = transport_.add(url, chain_);
        node.gap_answer = answer;
        return node;
    }
    ProviderPool& pool() {
        if (!pool_) {
            pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
            EXPECT_TRUE(await<Heads>(*pool_, 60'000,
                                     [&](auto done) { pool_->get_heads(std::move(done)); }));
        }
        return *pool_;
    }
    Result<RangeLogs> range(uint64_t from, uint64_t to, bool all_headers) {
        return await<RangeLogs>(pool(), 600'000, [&](auto done) {
            pool().get_range({{make_address(1)}, {}}, {from, to}, all_headers, std::move(done));
        });
    }
    Result<std::vector<evm::Header>> headers(std::vector<uint64_t> nums) {
        return await<std::vector<evm::Header>>(
            pool(), 600'000, [&](auto done) { pool().get_headers(nums, std::move(done)); });
    }
    /// What stands for `num`, by the rule.
    [[nodiscard]] evm::Hash hash_at(uint64_t num) const {
        while (chain_.gaps.contains(num)) {
            --num;
        }
        return chain_.blocks[num].header.hash;
    }
    void expect_right(const evm::Header& header, uint64_t num) const {
        EXPECT_EQ(header.block_num, num);
        EXPECT_EQ(header.hash, hash_at(num)) << num;
        EXPECT_EQ(evm::is_gap(header), chain_.gaps.contains(num)) << num;
        if (num > 0) {
            EXPECT_EQ(header.parent_hash, hash_at(num - 1)) << num;
        }
    }
    void start_over() {
        pool_.reset();
        options_.endpoints.clear();
    }

    FakeChain chain_{60};
    ManualClock clock_;
    FakeTransport transport_{clock_};
    Recorder recorder_;
    PoolOptions options_;
    std::unique_ptr<ProviderPool> pool_;
};

TEST_F(GapTest, HeadersBelowABlockComeThroughGapsWhateverTheNodeAnswersForThem) {
    for (const Style& style : styles()) {
        SCOPED_TRACE(style.name);
        start_over();
        add(kUrlA, style.answer);
        const std::vector<uint64_t> nums{3, 7, 20, 25};
        const auto found = await<std::vector<evm::Header>>(pool(), 600'000, [&](auto done) {
            pool().get_headers_below(nums, {33, hash_at(33)}, std::move(done));
        });
        ASSERT_TRUE(found) << found.error().message;
        ASSERT_EQ(found->size(), nums.size());
        for (size_t i = 0; i < nums.size(); ++i) {
            expect_right((*found)[i], nums[i]);
        }
    }
}

TEST_F(GapTest, LinkedHeadersComeThroughGapsWhateverTheNodeAnswersForThem) {
    chain_.make_provable();
    for (const Style& style : styles()) {
        SCOPED_TRACE(style.name);
        start_over();
        add(kUrlA, style.answer);  // of a pool that has met no gap yet, as a proof's at first
        const auto found = await<std::vector<evm::Header>>(pool(), 600'000, [&](auto done) {
            pool().get_linked_headers({2, 60}, hash_at(60), std::move(done));
        });
        ASSERT_TRUE(found) << found.error().message;
        ASSERT_EQ(found->size(), 59U);
        for (uint64_t num = 2; num <= 60; ++num) {
            expect_right((*found)[num - 2], num);
        }
    }
}

TEST_F(GapTest, LinkedHeadersComeThroughGapsThoughAnotherProviderTellsBlocksThere) {
    chain_.make_provable();
    FakeChain other{60, 1};
    other.make_provable();
    const auto invent = [this](const std::string& method,
                               const json& params) -> std::optional<json> {
        for (const uint64_t gap : chain_.gaps) {
            if (method == "eth_getBlockByNumber" && params[0] == evm::to_quantity(gap)) {
                evm::Header header = chain_.blocks[1].header;
                header.block_num = gap;
                return json{{"result", header_json(header)}};
            }
        }
        return std::nullopt;
    };
    for (const bool is_liar : {false, true}) {
        for (const Style& style : styles()) {
            SCOPED_TRACE(std::string{style.name} + (is_liar ? ", a liar" : ", another chain"));
            start_over();
            options_.endpoints.push_back({kUrlA, {}, {}});
            FakeNode& a = transport_.add(kUrlA, is_liar ? chain_ : other);
            a.answer = is_liar ? invent : decltype(FakeNode::answer){};
            add(kUrlB, style.answer);
            const auto found = await<std::vector<evm::Header>>(pool(), 600'000, [&](auto done) {
                pool().get_linked_headers({2, 60}, hash_at(60), std::move(done));
            });
            ASSERT_TRUE(found) << found.error().message;
            ASSERT_EQ(found->size(), 59U);
            for (uint64_t num = 2; num <= 60; ++num) {
                expect_right((*found)[num - 2], num);
            }
        }
    }
}

TEST_F(GapTest, RangesThatBeginEndOrLieInAGapComeWholeWhateverTheNodeAnswersForIt) {
    for (const Style& style : styles()) {
        SCOPED_TRACE(style.name);
        start_over();
        add(kUrlA, style.answer);
        for (const bool all_headers : {false, true}) {
            for (const auto& [from, to] : std::vector<std::pair<uint64_t, uint64_t>>{{0, 60},
                                                                                     {1, 6},
                                                                                     {1, 7},
                                                                                     {6, 7},
                                                                                     {6, 12},
                                                                                     {7, 7},
                                                                                     {7, 20},
                                                                                     {33, 34},
                                                                                     {35, 50}}) {
                SCOPED_TRACE(std::to_string(from) + " to " + std::to_string(to));
                const auto answer = range(from, to, all_headers);
                ASSERT_TRUE(answer) << answer.error().message;
                size_t logs = 0;
                for (uint64_t num = from; num <= to; ++num) {
                    logs += chain_.blocks[num].logs.size();
                }
                EXPECT_EQ(answer->logs.logs.size(), logs);
                EXPECT_EQ(answer->headers.front().block_num, from);
                EXPECT_EQ(answer->headers.back().block_num, to);
                for (const evm::Header& header : answer->headers) {
                    expect_right(header, header.block_num);
                }
                if (all_headers) {
                    EXPECT_EQ(answer->headers.size(), to - from + 1);
                }
            }
        }
    }
}

TEST_F(GapTest, ANodeWithoutBatchesServesAChainWithGaps) {
    add(kUrlA, null_answer()).batch_max = 1;
    for (const bool all_headers : {false, true}) {
        const auto answer = range(1, 60, all_headers);
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(answer->logs.logs.size(), 9U);
    }
}

TEST_F(GapTest, HeadersByNumberAreThoseOfTheBlocksBefore) {
    for (const Style& style : styles()) {
        SCOPED_TRACE(style.name);
        start_over();
        add(kUrlA, style.answer);
        const std::vector<uint64_t> asked{7, 5, 31, 8, 40, 20, 60};
        const auto answer = headers(asked);
        ASSERT_TRUE(answer) << answer.error().message;
        for (size_t i = 0; i < asked.size(); ++i) {
            expect_right((*answer)[i], asked[i]);
        }
    }
}

TEST_F(GapTest, TheErrorOfAnEndpointIsLearntOnceProven) {
    add(kUrlA, rpc_error(12, "the round of height 7 came to nothing"));
    ASSERT_TRUE(headers({7}));
    EXPECT_EQ(recorder_.count("has an error for numbers without a block"), 1U);
    ASSERT_TRUE(headers({20}));
    EXPECT_EQ(recorder_.count("has an error for numbers without a block"), 1U);
}

TEST_F(GapTest, TwoKindsOfEndpointsServeSideBySide) {
    add(kUrlA, null_answer());
    add(kUrlB, rpc_error(1, "requested epoch was a null round (7)"));
    const auto answer = range(0, 60, true);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->headers.size(), 61U);
    EXPECT_EQ(answer->logs.logs.size(), 9U);
}

TEST_F(GapTest, ABlockThatTheOnlyNodeHasLostIsNoGap) {
    FakeNode& node = add(kUrlA, null_answer());
    node.answer = [](const std::string& method, const json& params) -> std::optional<json> {
        if (method == "eth_getBlockByNumber" && params[0] == "0xa") {
            return null_answer();
        }
        return std::nullopt;
    };
    const auto answer = range(10, 12, false);
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error().message, HasSubstr("it does not have block 10"));
    const auto header = headers({10});
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().code, ErrorCode::kNotFound);
    // By its hash as well: there is no proof of a gap in what it does not know.
    node.answer = [this](const std::string& method, const json& params) -> std::optional<json> {
        const bool is_lost =
            (method == "eth_getBlockByNumber" && params[0] == "0xa") ||
            (method == "eth_getBlockByHash" && params[0] == evm::to_hex(hash_at(10)));
        return is_lost ? std::optional{null_answer()} : std::nullopt;
    };
    EXPECT_FALSE(headers({10}));
    EXPECT_FALSE(range(10, 12, true));
}

TEST_F(GapTest, ABlockThatOneNodeHasLostIsTakenFromTheOther) {
    add(kUrlA, null_answer()).answer = [](const std::string& method,
                                          const json& params) -> std::optional<json> {
        if (method == "eth_getBlockByNumber" && params[0] == "0xa") {
            return null_answer();
        }
        return std::nullopt;
    };
    add(kUrlB, null_answer()).latency_ms = 200;
    const auto answer = range(10, 12, true);
    ASSERT_TRUE(answer) << answer.error().message;
    for (const evm::Header& header : answer->headers) {
        expect_right(header, header.block_num);
    }
}

TEST_F(GapTest, AMissingBlockAtTheHeadIsStillAwaited) {
    FakeNode& node = add(kUrlA, null_answer());
    unsigned asked = 0;
    node.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
        // The head is told before the block is there, as by a backend behind another.
        if (method == "eth_getBlockByNumber" && params[0] == "0x3c" && ++asked < 3) {
            return null_answer();
        }
        return std::nullopt;
    };
    const auto answer = range(58, 60, true);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->headers.back().hash, hash_at(60));
    EXPECT_GE(asked, 3U);
}

TEST_F(GapTest, AGapAtTheEndOfWhatAProviderHasIsNotBelievedBeforeALaterBlockShows) {
    FakeNode& node = add(kUrlA, null_answer());
    node.head = 29;
    node.gap_answer = null_answer();
    ASSERT_TRUE(headers({29}));
    EXPECT_FALSE(headers({30}));
}

TEST_F(GapTest, AGapAboveTheHeadThatWasLastHeardOfIsProvenByTheHeadOfNow) {
    FakeNode& node = add(kUrlA, null_answer());
    node.head = 29;
    pool();  // Heads are asked for once, as by a pool that only proofs use.
    node.head.reset();
    const auto answer = headers({30});
    ASSERT_TRUE(answer) << answer.error().message;
    expect_right(answer->front(), 30);
}

TEST(LinkedGapsTest, AnsweredHeadersProveTheGapsBetweenThem) {
    FakeChain chain{10};
    chain.gaps = {4, 5, 8};
    chain.seal(0);
    const auto fill = [&](std::vector<uint64_t> nums, std::set<uint64_t> lost) {
        std::vector<std::optional<evm::Header>> headers;
        for (const uint64_t num : nums) {
            headers.push_back(chain.gaps.contains(num) || lost.contains(num)
                                  ? std::nullopt
                                  : std::optional{chain.blocks[num].header});
        }
        fill_linked_gaps(nums, headers);
        std::string out;
        for (const auto& header : headers) {
            out += !header ? '-' : evm::is_gap(*header) ? 'g' : 'b';
        }
        return out;
    };
    EXPECT_EQ(fill({2, 3, 4, 5, 6, 7, 8, 9}, {}), "bbggbbgb");
    EXPECT_EQ(fill({3, 5, 6}, {}), "b-b") << "a number between was not asked for";
    EXPECT_EQ(fill({4, 5, 6}, {}), "--b") << "the block before is not there";
    EXPECT_EQ(fill({3, 4, 5}, {}), "b--") << "the block after is not there";
    EXPECT_EQ(fill({1, 2, 3}, {2}), "b-b") << "a lost block is no gap";
    EXPECT_EQ(fill({3, 4, 5, 6, 7}, {6}), "b---b");
    EXPECT_EQ(fill({}, {}), "");
}

}  // namespace
}  // namespace plumbline::rpc::gap_test
