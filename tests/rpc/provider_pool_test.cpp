// The pool against scripted providers: whatever they do, the engine gets the whole truth or an
// error.
#include "rpc/provider_pool.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "core/evm/bloom.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/state_sync.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::provider_pool_test {
namespace {

using namespace test;

constexpr const char* kUrlA = "http://a.example/secret-key-a";
constexpr const char* kUrlB = "http://b.example:8545/v2/secret-key-b";
constexpr const char* kUrlC = "https://user:secret-pass@c.example/?key=secret-key-c";

class ProviderPoolTest : public ::testing::Test {
  protected:
    // Every third block has logs: of our contract an asked and another event, of another contract
    // an asked event.
    static const FakeChain& base_chain() {
        static const FakeChain kChain = [] {
            FakeChain chain{1000};
            for (uint64_t num = 1; num < 1000; num += 3) {
                chain.add_log(num, 1, static_cast<uint8_t>(10 + num % 2), false);
                chain.add_log(num, 2, 10, false);
                chain.add_log(num, 1, 12, false);
            }
            chain.make_provable();
            return chain;
        }();
        return kChain;
    }
    FakeNode& add(const char* url) {
        options_.endpoints.push_back({url, {}, {}});
        return transport_.add(url, chain_);
    }
    void make() {
        pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
    }
    static constexpr size_t kManyHeaders = 200;
    /// That so many come within the time.
    void expect_many_headers(int64_t within_ms) {
        make();
        ASSERT_TRUE(heads());
        std::vector<uint64_t> nums(kManyHeaders);
        std::iota(nums.begin(), nums.end(), 700);
        const auto headers = await<std::vector<evm::Header>>(
            *pool_, within_ms, [&](auto done) { pool_->get_headers(nums, std::move(done)); });
        ASSERT_TRUE(headers) << headers.error().message;
        EXPECT_EQ(headers->size(), nums.size());
    }
    [[nodiscard]] static LogFilter filter_of_eight() {
        LogFilter out = filter();
        for (uint8_t tag = 2; tag < 9; ++tag) {
            out.addresses.push_back(make_address(tag));
        }
        return out;
    }
    [[nodiscard]] static LogFilter filter() {
        return {{make_address(1)}, {make_topic(10), make_topic(11)}};
    }

    Result<RangeLogs> range(uint64_t from, uint64_t to, bool all_headers = false,
                            LogFilter asked = filter()) {
        if (!pool_) {
            make();
        }
        return await<RangeLogs>(*pool_, 600'000, [&](auto done) {
            pool_->get_range(asked, {from, to}, all_headers, std::move(done));
        });
    }
    Result<Heads> heads() {
        if (!pool_) {
            make();
        }
        return await<Heads>(*pool_, 600'000, [&](auto done) { pool_->get_heads(std::move(done)); });
    }
    // What the chain itself has for the filter.
    void expect_truth(const Result<RangeLogs>& answer, uint64_t from, uint64_t to,
                      const LogFilter& asked = filter()) {
        ASSERT_TRUE(answer) << answer.error().message;
        std::vector<std::pair<uint64_t, uint32_t>> expected;
        for (uint64_t num = from; num <= to; ++num) {
            for (const evm::Log& log : chain_.blocks[num].logs) {
                if ((asked.addresses.empty() ||
                     std::ranges::find(asked.addresses, log.address) != asked.addresses.end()) &&
                    (asked.topics0.empty() ||
                     std::ranges::find(asked.topics0, log.topics[0]) != asked.topics0.end())) {
                    expected.emplace_back(num, log.log_index);
                }
            }
        }
        std::vector<std::pair<uint64_t, uint32_t>> got;
        for (const evm::Log& log : answer->logs.logs) {
            got.emplace_back(log.block_num, log.log_index);
            EXPECT_EQ(log.block_hash, chain_.blocks[log.block_num].header.hash);
            EXPECT_EQ(answer->logs.data(log).size(), 32U);
            EXPECT_EQ(answer->logs.data(log)[0], log.topics[0].bytes[0]);
            EXPECT_TRUE(std::ranges::any_of(answer->headers, [&](const evm::Header& header) {
                return header.hash == log.block_hash;
            }));
        }
        EXPECT_EQ(got, expected);
        ASSERT_FALSE(answer->headers.empty());
        EXPECT_EQ(answer->headers.back().block_num, to);
        EXPECT_TRUE(std::ranges::is_sorted(answer->headers, std::ranges::less_equal{},
                                           &evm::Header::block_num) ||
                    std::ranges::is_sorted(answer->headers, {}, &evm::Header::block_num));
    }
    [[nodiscard]] ProviderStats stats(size_t provider) const { return pool_->stats()[provider]; }
    [[nodiscard]] uint64_t refusals(size_t provider, RefusalClass kind) const {
        return stats(provider).refusals[static_cast<size_t>(kind)];
    }

    FakeChain chain_{base_chain()};
    ManualClock clock_;
    FakeTransport transport_{clock_};
    Recorder recorder_;
    PoolOptions options_ = wide_options();
    std::unique_ptr<ProviderPool> pool_;
};

// ---- Sizes ---------------------------------------------------------------------------------

std::function<std::optional<json>(const std::string&, const json&)> blocks_limit(uint64_t max,
                                                                                 std::string text) {
    return [max, text = std::move(text)](const std::string& method,
                                         const json& params) -> std::optional<json> {
        if (method != "eth_getLogs" || !params[0].contains("fromBlock")) {
            return std::nullopt;
        }
        const uint64_t size = std::stoull(params[0]["toBlock"].get<std::string>(), nullptr, 16) -
                              std::stoull(params[0]["fromBlock"].get<std::string>(), nullptr, 16) +
                              1;
        return size > max ? std::optional{rpc_error(-32000, text)} : std::nullopt;
    };
}

bool is_header_of_number(const std::string& method, const json& params) {
    return method == "eth_getBlockByNumber" && params[0].get<std::string>().starts_with("0x");
}

std::optional<json> three_addresses(const std::string& method, const json& params) {
    const bool too_many = method == "eth_getLogs" && params[0]["address"].is_array() &&
                          params[0]["address"].size() > 3;
    return too_many ? std::optional{rpc_error(-32000, "too many addresses, maximum is 3")}
                    : std::nullopt;
}

TEST_F(ProviderPoolTest, ARangeIsCutToTheNamedNumberOfBlocksAndJoinedInOrder) {
    FakeNode& node = add(kUrlA);
    node.answer = blocks_limit(40, "eth_getLogs is limited to a 40 blocks range");
    expect_truth(range(0, 1000), 0, 1000);
    EXPECT_EQ(refusals(0, RefusalClass::kTooManyBlocks), 1U);
    EXPECT_EQ(stats(0).blocks_cap, 40U);
}

TEST_F(ProviderPoolTest, ALimitNobodyNamesIsFound) {
    FakeNode& node = add(kUrlA);
    node.answer = blocks_limit(100, "block range is too wide");
    expect_truth(range(0, 1000), 0, 1000);
    // Pieces that are out together each learn it once.
    EXPECT_LE(refusals(0, RefusalClass::kTooManyBlocks), 20U);
}

TEST_F(ProviderPoolTest, ProvidersWithDifferentLimitsAreAskedSideBySide) {
    add(kUrlA).answer = blocks_limit(10, "max block range: 10");
    add(kUrlB).answer = blocks_limit(100, "max block range: 100");
    ASSERT_TRUE(heads());
    expect_truth(range(0, 1000), 0, 1000);
    EXPECT_GT(stats(0).requests, 2U);
    EXPECT_GT(stats(1).requests, 2U);
}

TEST_F(ProviderPoolTest, ADenseBlockIsReadFromItsReceiptsAndLeavesTheSizesOfOthersAlone) {
    for (int i = 0; i < 100; ++i) {
        chain_.add_log(500, 1, 10);
    }
    FakeNode& node = add(kUrlA);
    node.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
        if (method != "eth_getLogs" || !params[0].contains("fromBlock")) {
            return std::nullopt;
        }
        const uint64_t from = std::stoull(params[0]["fromBlock"].get<std::string>(), nullptr, 16);
        const uint64_t to = std::stoull(params[0]["toBlock"].get<std::string>(), nullptr, 16);
        return from <= 500 && 500 <= to
                   ? std::optional{rpc_error(-32005, "query returned more than 50 results")}
                   : std::nullopt;
    };
    expect_truth(range(0, 1000), 0, 1000);
    EXPECT_EQ(node.calls["eth_getBlockReceipts"], 1U);
    EXPECT_FALSE(stats(0).blocks_cap);
    EXPECT_GE(pool_->suggest_range_size(filter(), 0), 500U);
}

/// A chain with state syncs, and what a node says of the one of block 500, in whose place receipts
/// are asked: `eth_getLogs` of it is refused.
class StateSyncTest : public ProviderPoolTest {
  protected:
    static constexpr uint64_t kBlock = 500;
    StateSyncTest() {
        options_.chain_id = 137;
        const evm::Hash& block = chain_.blocks[kBlock].header.hash;
        hash_ = evm::to_hex(evm::state_sync_txn_hash(kBlock, block));
        const json place{{"blockNumber", evm::to_quantity(kBlock)},
                         {"blockHash", evm::to_hex(block)},
                         {"transactionHash", hash_},
                         {"transactionIndex", "0x0"}};
        json log = place;
        log.update({{"address", evm::to_hex(make_address(1))},
                    {"topics", {evm::to_hex(make_topic(10))}},
                    {"data", "0x"},
                    {"logIndex", "0x0"}});
        receipt_ = place;
        receipt_.update({{"type", "0x0"},
                         {"status", "0x1"},
                         {"cumulativeGasUsed", "0x0"},
                         {"logs", json::array({log})}});
    }
    FakeNode& add_node(const char* url) {
        FakeNode& node = add(url);
        node.chain_id = 137;
        return node;
    }
    [[nodiscard]] static bool is_logs_of_block(const std::string& method, const json& params) {
        return method == "eth_getLogs" && params[0].contains("fromBlock") &&
               params[0]["fromBlock"] == evm::to_quantity(kBlock);
    }
    std::string hash_;
    json receipt_;
};

TEST_F(StateSyncTest, ABackendThatLacksTheBlockDoesNotSayThatThereIsNone) {
    FakeNode& node = add_node(kUrlA);
    unsigned behind = 3;  // so many requests meet a backend that is behind
    node.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
        if (is_logs_of_block(method, params)) {
            return rpc_error(-32000, "query returned more than 50 results");
        }
        if (method == "eth_getBlockByHash" && behind > 0) {
            return json{{"result", nullptr}};
        }
        if (method == "eth_getTransactionReceipt") {
            return json{{"result", behind > 0 ? (--behind, json(nullptr)) : receipt_}};
        }
        return std::nullopt;
    };
    const auto logs = range(kBlock, kBlock);
    ASSERT_TRUE(logs) << logs.error().message;
    ASSERT_EQ(logs->logs.logs.size(), 1U);
    EXPECT_EQ(evm::to_hex(logs->logs.logs[0].txn_hash), hash_);
}

TEST_F(StateSyncTest, WithoutBatchesABlockThatNamesItSaysThatItIsThere) {
    FakeNode& node = add_node(kUrlA);
    node.batch_max = 1;
    node.txn_receipts = true;
    unsigned behind = 2;
    node.answer = [&](const std::string& method, const json& /*params*/) -> std::optional<json> {
        if (method == "eth_getLogs") {
            return rpc_error(-32000, "query returned more than 50 results");
        }
        if (method == "eth_getBlockByHash") {
            json block = header_json(chain_.blocks[kBlock].header);
            block["transactions"] = json::array({hash_});
            return json{{"result", block}};
        }
        if (method == "eth_getTransactionReceipt") {
            return json{{"result", behind > 0 ? (--behind, json(nullptr)) : receipt_}};
        }
        return std::nullopt;
    };
    const auto logs = range(kBlock, kBlock);
    ASSERT_TRUE(logs) << logs.error().message;
    EXPECT_EQ(logs->logs.logs.size(), 1U);
}

TEST_F(StateSyncTest, WhoShowsTheBlockIsBelievedThatThereIsNoneWhileAnotherLacksIt) {
    for (const char* url : {kUrlA, kUrlB}) {
        FakeNode& node = add_node(url);
        node.answer = [url](const std::string& method, const json& params) -> std::optional<json> {
            if (is_logs_of_block(method, params)) {
                return rpc_error(-32000, "query returned more than 50 results");
            }
            const bool is_null = method == "eth_getTransactionReceipt" ||
                                 (method == "eth_getBlockByHash" && url == kUrlB);
            return is_null ? std::optional{json{{"result", nullptr}}} : std::nullopt;
        };
    }
    const auto logs = range(kBlock, kBlock);
    ASSERT_TRUE(logs) << logs.error().message;
    EXPECT_TRUE(logs->logs.logs.empty());
}

TEST_F(StateSyncTest, WhereNobodyShowsTheBlockThereIsNoAnswer) {
    FakeNode& node = add_node(kUrlA);
    node.answer = [](const std::string& method, const json& params) -> std::optional<json> {
        if (is_logs_of_block(method, params)) {
            return rpc_error(-32000, "query returned more than 50 results");
        }
        const bool is_null =
            method == "eth_getTransactionReceipt" || method == "eth_getBlockByHash";
        return is_null ? std::optional{json{{"result", nullptr}}} : std::nullopt;
    };
    const auto logs = range(kBlock, kBlock);
    ASSERT_FALSE(logs);
    EXPECT_NE(logs.error().message.find("state sync of block 500"), std::string::npos)
        << logs.error().message;
}

TEST_F(ProviderPoolTest, AnUnknownRefusalOfARangeIsAnsweredByAskingForLess) {
    FakeNode& node = add(kUrlA);
    node.answer = blocks_limit(64, "computer says no");
    expect_truth(range(0, 1000), 0, 1000);
}

TEST_F(ProviderPoolTest, ATimeoutShrinksTheRange) {
    FakeNode& node = add(kUrlA);
    node.http = [](const HttpRequest& request) -> std::optional<HttpCompletion> {
        const json body = json::parse(request.body);
        for (const json& call : body.is_array() ? body : json::array({body})) {
            if (call["method"] == "eth_getLogs" && call["params"][0]["fromBlock"] == "0x0" &&
                call["params"][0]["toBlock"] == "0x3e7") {
                return transport_error(TransportError::kTimeout);
            }
        }
        return std::nullopt;
    };
    expect_truth(range(0, 1000), 0, 1000);
}

TEST_F(ProviderPoolTest, LongAddressListsAreSplitAndMergedInOrder) {
    FakeNode& node = add(kUrlA);
    node.answer = three_addresses;
    const LogFilter asked = filter_of_eight();
    expect_truth(range(0, 300, false, asked), 0, 300, asked);
    EXPECT_EQ(refusals(0, RefusalClass::kTooManyAddresses), 1U);
}

/// Behind one address there are several machines: that one lacks the block shows from its header,
/// and no bloom can tell (it may be trusted by nobody, or the log may be in none).
TEST_F(ProviderPoolTest, ABackendThatIsBehindInOneRequestOfSeveralIsAskedAgain) {
    chain_.add_log(200, 8, 10);
    options_.bloom_check = BloomCheck::kOff;
    options_.batch_max = 3;
    FakeNode& node = add(kUrlA);
    bool is_behind = false;
    unsigned behind = 0;
    node.http = [&](const HttpRequest& request) -> std::optional<HttpCompletion> {
        is_behind = behind < 2 && request.body.find("0xc8") != std::string::npos &&
                    request.body.find(evm::to_hex(make_address(8))) != std::string::npos;
        behind += is_behind ? 1U : 0U;
        return std::nullopt;
    };
    node.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
        if (is_behind && method == "eth_getBlockByNumber" && params[0] == "0xc8") {
            return json{{"result", nullptr}};
        }
        if (is_behind && method == "eth_getLogs") {
            return json{{"result", json::array()}};
        }
        return three_addresses(method, params);
    };
    const LogFilter asked = filter_of_eight();
    // What its head is, is learnt from a machine that is not behind.
    expect_truth(range(0, 199, false, asked), 0, 199, asked);
    expect_truth(range(200, 200, true, asked), 200, 200, asked);
    EXPECT_EQ(behind, 2U);
}

TEST_F(ProviderPoolTest, BatchesShrinkToWhatTheProviderTakes) {
    FakeNode& node = add(kUrlA);
    node.batch_max = 3;
    expect_truth(range(0, 300), 0, 300);
    EXPECT_LE(stats(0).batch_max, 3U);
}

TEST_F(ProviderPoolTest, AProviderWithoutBatchesStillServes) {
    FakeNode& node = add(kUrlA);
    node.batch_max = 1;
    expect_truth(range(0, 100, true), 0, 100);
}

/// Lets `rate` calls a second through, `rate` at once at most.
class CallRate {
  public:
    CallRate(const Clock& clock, double rate) : clock_{clock}, rate_{rate}, left_{rate} {}
    bool take() {
        const int64_t now = clock_.monotonic_ms();
        left_ = std::min(rate_, left_ + rate_ * static_cast<double>(now - at_ms_) / 1'000);
        at_ms_ = now;
        left_ -= left_ >= 1 ? 1 : 0;
        return std::exchange(last_, left_) != left_;
    }

  private:
    const Clock& clock_;
    double rate_;
    double left_;
    double last_ = left_;
    int64_t at_ms_ = 0;
};

size_t calls_of(const HttpRequest& request) {
    const json body = json::parse(request.body);
    return body.is_array() ? body.size() : 1;
}

TEST_F(ProviderPoolTest, ABatchThatTheRateCanNeverLetThroughGetsSmallerUntilItDoes) {
    for (const bool is_by_item : {false, true}) {
        SetUp();
        options_.endpoints.clear();
        pool_.reset();
        FakeNode& node = add(is_by_item ? kUrlA : kUrlB);
        auto rate = std::make_shared<CallRate>(clock_, 8.0);
        if (is_by_item) {
            node.answer = [rate](const std::string&, const json&) -> std::optional<json> {
                return rate->take()
                           ? std::nullopt
                           : std::optional{rpc_error(-32007, "25/second request limit reached")};
            };
        } else {
            node.http = [rate](const HttpRequest& request) -> std::optional<HttpCompletion> {
                bool is_let = true;
                for (size_t i = 0; i < calls_of(request); ++i) {
                    is_let = rate->take() && is_let;
                }
                return is_let ? std::nullopt
                              : std::optional{http_status(
                                    429, R"({"error":{"code":429,"message":"Your app has )"
                                         R"(exceeded its compute units per second capacity."}})")};
            };
        }
        const int64_t asked_ms = clock_.monotonic_ms();
        expect_truth(range(0, 300, true), 0, 300);
        EXPECT_LE(clock_.monotonic_ms() - asked_ms, 180'000) << "by item: " << is_by_item;
        EXPECT_LE(stats(0).batch_max, 16U) << "by item: " << is_by_item;
    }
}

TEST_F(ProviderPoolTest, AConnectionThatBreaksByTheSizeOfABatchMakesBatchesSmallerAndNobodyIll) {
    FakeNode& node = add(kUrlA);
    ASSERT_TRUE(heads());
    node.http = [](const HttpRequest& request) -> std::optional<HttpCompletion> {
        return calls_of(request) > 4 ? std::optional{transport_error(TransportError::kCut)}
                                     : std::nullopt;
    };
    const int64_t asked_ms = clock_.monotonic_ms();
    expect_truth(range(0, 300, true), 0, 300);
    EXPECT_LE(clock_.monotonic_ms() - asked_ms, 60'000);
    EXPECT_LE(stats(0).batch_max, 4U);
    EXPECT_EQ(recorder_.count("is not asked for a while"), 0U);
}

TEST_F(ProviderPoolTest, AProviderThatBreaksEveryConnectionIsIllAllTheSame) {
    FakeNode& node = add(kUrlA);
    add(kUrlB);
    ASSERT_TRUE(heads());
    node.http = [](const HttpRequest&) { return transport_error(TransportError::kCut); };
    while (clock_.monotonic_ms() < 300'000) {
        expect_truth(range(0, 60), 0, 60);
        clock_.advance(1'000);
    }
    EXPECT_EQ(recorder_.count("is not asked for a while"), 1U);
}

TEST_F(ProviderPoolTest, WithoutBatchesABackendThatIsBehindIsNotReadAsABlockWithoutLogs) {
    FakeNode& node = add(kUrlA);
    node.batch_max = 1;
    unsigned asked = 0;
    unsigned by_number = 0;
    node.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
        if (method != "eth_getLogs") {
            return std::nullopt;
        }
        const bool is_by_hash = params[0].contains("blockHash");
        by_number += is_by_hash ? 0 : 1;
        if (++asked % 3 != 0) {
            return std::nullopt;
        }
        return is_by_hash ? rpc_error(-32000, "unknown block") : json{{"result", json::array()}};
    };
    expect_truth(range(0, 40, true), 0, 40);
    EXPECT_EQ(by_number, 0U);
    EXPECT_GT(asked, 40U);
}

TEST_F(ProviderPoolTest, WithoutBatchesARangeNearTheHeadIsNotReadOfABackendThatIsBehind) {
    FakeNode& node = add(kUrlA);
    node.batch_max = 1;
    unsigned asked = 0;
    node.answer = [&](const std::string& method, const json& /*params*/) -> std::optional<json> {
        const bool is_behind = method == "eth_getLogs" && ++asked % 2 == 0;
        node.head = is_behind ? std::optional<uint64_t>{980} : std::nullopt;
        return std::nullopt;
    };
    expect_truth(range(900, 1000), 900, 1000);
    expect_truth(range(0, 1000), 0, 1000);
}

TEST_F(ProviderPoolTest, AllHeadersOfTheTipComeLinked) {
    add(kUrlA);
    const auto answer = range(900, 1000, true);
    expect_truth(answer, 900, 1000);
    EXPECT_EQ(answer->headers.size(), 101U);
}

// ---- Pace ----------------------------------------------------------------------------------

TEST_F(ProviderPoolTest, RetryAfterIsObeyed) {
    FakeNode& node = add(kUrlA);
    int left = 2;
    node.http = [&](const HttpRequest&) -> std::optional<HttpCompletion> {
        if (left-- > 0) {
            HttpCompletion limited = http_status(429);
            limited.retry_after_ms = 7'000;
            return limited;
        }
        return std::nullopt;
    };
    expect_truth(range(0, 50), 0, 50);
    EXPECT_GE(clock_.monotonic_ms(), 14'000);
    EXPECT_EQ(node.requests - 2, stats(0).requests - 2);
}

TEST_F(ProviderPoolTest, ARateLimitInsideAGoodAnswerIsSeen) {
    FakeNode& node = add(kUrlA);
    int left = 3;
    node.answer = [&](const std::string& method, const json&) -> std::optional<json> {
        return method == "eth_getLogs" && left-- > 0
                   ? std::optional{rpc_error(
                         429, "Your app has exceeded its compute units per second capacity")}
                   : std::nullopt;
    };
    expect_truth(range(0, 50), 0, 50);
    EXPECT_EQ(refusals(0, RefusalClass::kRateLimit), 3U);
}

TEST_F(ProviderPoolTest, ManyCallsEndAtWhateverRateIsLeftForNoneIsAskedTwice) {
    FakeNode& node = add(kUrlA);
    node.batch_max = 1;
    unsigned asked = 0;
    unsigned answered = 0;
    node.answer = [&](const std::string& method, const json&) -> std::optional<json> {
        if (method != "eth_getBlockByNumber" || ++asked < 20) {
            return std::nullopt;
        }
        if (asked % 3 != 0) {
            return rpc_error(-32005, "Rate limit exceeded");
        }
        ++answered;
        return std::nullopt;
    };
    ASSERT_TRUE(heads());
    std::vector<uint64_t> nums;
    for (uint64_t n = 0; n < 300; ++n) {
        nums.push_back(n);
    }
    const auto headers = await<std::vector<evm::Header>>(
        *pool_, 7'200'000, [&](auto done) { pool_->get_headers(nums, std::move(done)); });
    ASSERT_TRUE(headers) << headers.error().message;
    EXPECT_EQ(headers->size(), 300U);
    EXPECT_LE(answered, 310U);
    EXPECT_GE(refusals(0, RefusalClass::kRateLimit), 65U);
}

TEST_F(ProviderPoolTest, RequestsOnTheirWayAreBounded) {
    options_.in_flight_per_provider_max = 3;
    options_.in_flight_max = 5;
    options_.range.blocks_initial = 5;
    options_.range.logs_target = 8;
    add(kUrlA);
    add(kUrlB);
    make();
    int answered = 0;
    for (uint64_t from = 0; from < 1000; from += 50) {
        pool_->get_range(filter(), {from, from + 49}, false,
                         [&](const Result<RangeLogs>& result) { answered += result ? 1 : 0; });
    }
    while (pool_->in_flight() > 0) {
        pool_->poll(100);
    }
    EXPECT_EQ(answered, 20);
    EXPECT_LE(transport_.in_flight_seen_max, 7U);  // two head probes may come on top
}

// ---- Outages -------------------------------------------------------------------------------

TEST_F(ProviderPoolTest, AProviderThatIsDownForAnHourComesBackByItself) {
    FakeNode& node = add(kUrlA);
    FakeNode& other = add(kUrlB);
    ASSERT_TRUE(heads());
    node.http = [this](const HttpRequest&) -> std::optional<HttpCompletion> {
        return clock_.monotonic_ms() < 3'600'000
                   ? std::optional{transport_error(TransportError::kUnreachable)}
                   : std::nullopt;
    };
    while (clock_.monotonic_ms() < 3'700'000) {
        const int64_t asked_ms = clock_.monotonic_ms();
        expect_truth(range(0, 60), 0, 60);
        EXPECT_LT(clock_.monotonic_ms() - asked_ms, 2'000);
        clock_.advance(5'000);
    }
    EXPECT_EQ(stats(0).state, "ok");
    EXPECT_LT(stats(0).transport_errors, 200U);
    EXPECT_EQ(recorder_.count("is not asked for a while"), 1U);
    EXPECT_EQ(recorder_.count("is back"), 1U);
    EXPECT_GT(other.requests, 1'400U);
}

TEST_F(ProviderPoolTest, AnOutageOfTheOnlyProviderIsAnErrorThatSaysWhyAndHealsLater) {
    options_.deadline_ms = 20'000;
    FakeNode& node = add(kUrlA);
    bool down = true;
    node.http = [&](const HttpRequest&) -> std::optional<HttpCompletion> {
        return down ? std::optional{http_status(503, "<html>down</html>")} : std::nullopt;
    };
    const auto failed = range(0, 10);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::kTimeout) << failed.error().message;
    down = false;
    clock_.advance(120'000);
    expect_truth(range(0, 10), 0, 10);
}

TEST_F(ProviderPoolTest, ABillingRefusalIsToldOnceAndTheOthersServe) {
    FakeNode& node = add(kUrlA);
    add(kUrlB);
    ASSERT_TRUE(heads());
    node.http = [](const HttpRequest&) -> std::optional<HttpCompletion> {
        return http_status(
            402, R"({"error":{"code":-32000,"message":"Monthly capacity limit exceeded"}})");
    };
    for (int i = 0; i < 20; ++i) {
        expect_truth(range(0, 100), 0, 100);
    }
    EXPECT_EQ(recorder_.count("key, token or plan"), 1U);
    EXPECT_EQ(stats(0).state, "refused");
    EXPECT_LE(refusals(0, RefusalClass::kBilling), 10U);
    EXPECT_EQ(recorder_.count("is back"), 0U);
    node.http = {};
    clock_.advance(options_.billing_park_ms);
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(heads());
        expect_truth(range(0, 100), 0, 100);
    }
    EXPECT_EQ(recorder_.count("is back"), 1U);
    EXPECT_NE(stats(0).state, "refused");
}

TEST_F(ProviderPoolTest, ABillWithHttp429IsNoRateLimitAndKeepsItsText) {
    FakeNode& node = add(kUrlA);
    node.http = [](const HttpRequest&) -> std::optional<HttpCompletion> {
        return http_status(429,
                           R"({"error":{"code":429,"message":"Monthly capacity limit exceeded"}})");
    };
    EXPECT_FALSE(heads());
    EXPECT_EQ(stats(0).state, "refused");
    EXPECT_NE(stats(0).last_error.find("Monthly capacity"), std::string::npos);
}

// ---- What a provider does not have ---------------------------------------------------------

std::function<std::optional<json>(const std::string&, const json&)> refuse_below(
    uint64_t block_num, std::set<std::string> methods, json error, uint64_t& count) {
    return [=, &count](const std::string& method, const json& params) -> std::optional<json> {
        if (!methods.contains(method)) {
            return std::nullopt;
        }
        const json at = method == "eth_getLogs" ? params[0].value("fromBlock", json()) : params[0];
        const std::string text = at.is_string() ? at.get<std::string>() : "latest";
        if (!text.starts_with("0x") || std::stoull(text, nullptr, 16) >= block_num) {
            return std::nullopt;
        }
        ++count;
        return error;
    };
}

TEST_F(ProviderPoolTest, WhoHasPrunedABlockIsNotAskedForOldOnesWhileAnotherCanBe) {
    uint64_t refused = 0;
    add(kUrlA).answer = refuse_below(900, {"eth_getBlockByNumber", "eth_getLogs"},
                                     rpc_error(4444, "pruned history unavailable"), refused);
    add(kUrlB).latency_ms = 40;
    for (uint64_t from = 1; from < 880; from += 20) {
        expect_truth(range(from, from + 19), from, from + 19);
    }
    EXPECT_LE(refused, 60U);
    EXPECT_NE(stats(0).limitation.find("pruned history unavailable"), std::string::npos);
    EXPECT_EQ(recorder_.count("does not have old blocks"), 1U);
}

TEST_F(ProviderPoolTest, WhoHasPrunedABlockIsSearchedForNoGapAndTheErrorHasItsText) {
    uint64_t refused = 0;
    options_.deadline_ms = 20'000;
    add(kUrlA).answer = refuse_below(900, {"eth_getBlockByNumber", "eth_getLogs"},
                                     rpc_error(4444, "pruned history unavailable"), refused);
    ASSERT_TRUE(heads());
    const auto answer = range(1, 20);
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().message.find("pruned history unavailable"), std::string::npos)
        << answer.error().message;
    EXPECT_LE(refused, 120U);
}

TEST_F(ProviderPoolTest, WhoRefusesTheLogsOfBlockAfterBlockIsReadByReceiptsAndThatIsToldOnce) {
    uint64_t refused = 0;
    FakeNode& node = add(kUrlA);
    node.answer =
        refuse_below(UINT64_MAX, {"eth_getLogs"}, rpc_error(-32005, "limit exceeded"), refused);
    const uint64_t before = node.requests;
    for (uint64_t from = 0; from < 1'000; from += 50) {
        expect_truth(range(from, from + 49), from, from + 49);
    }
    EXPECT_LE(refused, 60U);
    EXPECT_LE(node.requests - before, 700U) << "two for eight blocks, and some before that";
    EXPECT_EQ(recorder_.count("refuses eth_getLogs of single blocks"), 1U);
    EXPECT_NE(stats(0).limitation.find("limit exceeded"), std::string::npos);
    EXPECT_EQ(pool_->suggest_range_size(filter(), 500), 64U);
    node.answer = {};
    clock_.advance(600'000);
    expect_truth(range(0, 999), 0, 999);
    EXPECT_EQ(stats(0).limitation, "");
}

/// Changes every list of logs that `node` gives.
void spoil_logs(FakeNode& node, void (*change)(json& list)) {
    node.spoil = [change](std::string& body) {
        json answers = json::parse(body);
        const auto spoil_one = [change](json& answer) {
            json& list = answer["result"];
            if (list.is_array() && !list.empty() && list[0].contains("logIndex")) {
                change(list);
            }
        };
        if (answers.is_array()) {
            std::ranges::for_each(answers, spoil_one);
        } else {
            spoil_one(answers);
        }
        body = answers.dump();
    };
}

class OddLogsTest : public ProviderPoolTest,
                    public ::testing::WithParamInterface<void (*)(json& list)> {};

TEST_P(OddLogsTest, LogsThatContradictThemselvesEachTimeAreReadByReceiptsAndToldOnce) {
    FakeNode& node = add(kUrlA);
    spoil_logs(node, GetParam());
    for (uint64_t from = 0; from < 1'000; from += 50) {
        expect_truth(range(from, from + 49), from, from + 49);
    }
    EXPECT_LE(node.requests, 700U) << "two for eight blocks, and some before that";
    EXPECT_EQ(recorder_.count("that is not used"), 1U);
    EXPECT_EQ(recorder_.count("contradict themselves"), 1U);
    EXPECT_NE(stats(0).oddity.find("contradict themselves"), std::string::npos);
    EXPECT_EQ(stats(0).limitation, "");
    node.spoil = nullptr;
    clock_.advance(600'000);
    expect_truth(range(0, 999), 0, 999);
    EXPECT_EQ(stats(0).oddity, "") << "asked again after a while, it gives them";
}

INSTANTIATE_TEST_SUITE_P(DoubledAndReversed, OddLogsTest,
                         ::testing::Values([](json& list) { list.push_back(list.back()); },
                                           [](json& list) {
                                               const json first = list.front();
                                               list.erase(0);
                                               list.push_back(first);
                                           }));

TEST_F(ProviderPoolTest, AProviderOfAnotherChainIsNeverAsked) {
    options_.chain_id = 1;
    FakeNode& node = add(kUrlA);
    node.chain_id = 5;
    add(kUrlB);
    expect_truth(range(0, 100), 0, 100);
    EXPECT_EQ(node.calls["eth_getLogs"], 0U);
    EXPECT_EQ(recorder_.count("serves chain 5"), 1U);
}

TEST_F(ProviderPoolTest, OnlyProvidersOfAnotherChainIsAnErrorThatSaysSo) {
    options_.chain_id = 1;
    add(kUrlA).chain_id = 5;
    const auto answer = range(0, 100);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kIncompatible);
}

TEST_F(ProviderPoolTest, TheHeadOfAnotherChainIsNoHeadHoweverOftenItIsAsked) {
    options_.chain_id = 1;
    add(kUrlA).chain_id = 5;
    const auto ask_for_s = [&](int seconds) {
        ErrorCode last = ErrorCode::kUnavailable;
        for (int i = 0; i < seconds; ++i) {
            const auto answer = heads();
            EXPECT_FALSE(answer);
            EXPECT_NE(answer.error().message.find("serves chain 5, not 1"), std::string::npos);
            last = answer.error().code;
            clock_.advance(1'000);
        }
        return last;
    };
    EXPECT_EQ(ask_for_s(2), ErrorCode::kUnavailable);  // once or twice may be an accident
    EXPECT_EQ(ask_for_s(15), ErrorCode::kIncompatible);
    EXPECT_LE(stats(0).requests, 8U);
    const auto chain =
        await<uint64_t>(*pool_, 600'000, [&](auto done) { pool_->get_chain_id(std::move(done)); });
    ASSERT_FALSE(chain);
    EXPECT_EQ(chain.error().code, ErrorCode::kIncompatible);
}

TEST_F(ProviderPoolTest, ADownProviderBesideOneOfAnotherChainIsWaitedFor) {
    options_.chain_id = 1;
    add(kUrlA).chain_id = 5;
    add(kUrlB).http = [](const HttpRequest&) {
        return transport_error(TransportError::kUnreachable);
    };
    for (int i = 0; i < 4; ++i) {
        const auto answer = heads();
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable) << answer.error().message;
    }
}

// ---- Lag -----------------------------------------------------------------------------------

TEST_F(ProviderPoolTest, ALaggingProviderIsNotAskedAndItsSilenceIsNotEmptiness) {
    FakeNode& behind = add(kUrlA);
    behind.head = 400;
    behind.latency_ms = 1;  // and it is the fast one
    add(kUrlB);
    ASSERT_TRUE(heads());
    expect_truth(range(380, 1000), 380, 1000);
    for (const auto& [from, to] : behind.ranges) {
        EXPECT_LE(to, 400U);
    }
}

TEST_F(ProviderPoolTest, AProviderThatFallsBackBetweenTwoAnswersIsNotBelieved) {
    FakeNode& behind = add(kUrlA);
    behind.latency_ms = 1;
    add(kUrlB);
    ASSERT_TRUE(heads());
    behind.head = 400;
    expect_truth(range(380, 1000), 380, 1000);
}

TEST_F(ProviderPoolTest, HeadsAreThoseOfTheHighestProvider) {
    add(kUrlA).head = 400;
    add(kUrlB);
    const auto answer = heads();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->latest.block_num, 1000U);
    ASSERT_TRUE(answer->finalized);
    EXPECT_EQ(answer->finalized->block_num, 500U);
    EXPECT_EQ(stats(0).head, 400U);
}

TEST_F(ProviderPoolTest, AChainWithoutFinalityHasNone) {
    FakeNode& node = add(kUrlA);
    node.finalized = false;
    const auto answer = heads();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_FALSE(answer->finalized);
    EXPECT_EQ(node.calls["eth_chainId"], 1U);
}

TEST_F(ProviderPoolTest, MissingDataIsAskedElsewhere) {
    FakeNode& pruned = add(kUrlA);
    pruned.latency_ms = 1;
    pruned.answer = [](const std::string& method, const json&) -> std::optional<json> {
        return method == "eth_getLogs"
                   ? std::optional{rpc_error(4444, "pruned history unavailable")}
                   : std::nullopt;
    };
    add(kUrlB);
    expect_truth(range(0, 500), 0, 500);
}

TEST_F(ProviderPoolTest, MissingDataEverywhereIsAnErrorAndNeverEmpty) {
    FakeNode& pruned = add(kUrlA);
    pruned.answer = [](const std::string& method, const json&) -> std::optional<json> {
        return method == "eth_getLogs" ? std::optional{rpc_error(-32000, "header not found")}
                                       : std::nullopt;
    };
    pruned.receipts = false;
    const auto answer = range(0, 10);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
    EXPECT_NE(answer.error().message.find("header not found"), std::string::npos);
}

// ---- Wrong answers -------------------------------------------------------------------------

struct Spoiler {
    const char* name;
    std::function<void(json& logs)> change;
};

std::vector<Spoiler> spoilers() {
    return {
        {"a doubled log", [](json& logs) { logs.push_back(logs.back()); }},
        {"logs out of order", [](json& logs) { std::swap(logs.front(), logs.back()); }},
        {"a log of another block", [](json& logs) { logs[0]["blockNumber"] = "0xffff"; }},
        {"a log of another address",
         [](json& logs) { logs[0]["address"] = "0x9999999999999999999999999999999999999999"; }},
        {"a log of another event", [](json& logs) { logs[0]["topics"][0] = logs[0]["blockHash"]; }},
        {"a removed log", [](json& logs) { logs[0]["removed"] = true; }},
        {"a log without topics array", [](json& logs) { logs[0]["topics"] = "0x"; }},
        {"a log with five topics",
         [](json& logs) {
             logs[0]["topics"] =
                 json::array({logs[0]["topics"][0], logs[0]["topics"][0], logs[0]["topics"][0],
                              logs[0]["topics"][0], logs[0]["topics"][0]});
         }},
        {"data with a half byte", [](json& logs) { logs[0]["data"] = "0x123"; }},
        {"a field that is missing", [](json& logs) { logs[0].erase("logIndex"); }},
        {"a field of another type", [](json& logs) { logs[0]["transactionHash"] = 5; }},
        {"a block hash that is not the header's",
         [](json& logs) { logs[0]["blockHash"] = logs[0]["transactionHash"]; }},
        {"logs that are no list", [](json& logs) { logs = json::object(); }},
        {"null for logs", [](json& logs) { logs = nullptr; }},
        {"an invented log",
         [](json& logs) {
             json extra = logs.back();
             extra["topics"][1] = extra["blockHash"];
             extra["logIndex"] = "0x77";
             extra["transactionIndex"] = "0x77";
             logs.push_back(extra);
         }},
    };
}

TEST_F(ProviderPoolTest, AWrongAnswerIsRefusedCountedAndAnotherProviderAsked) {
    for (const Spoiler& spoiler : spoilers()) {
        SCOPED_TRACE(spoiler.name);
        options_.endpoints.clear();
        FakeNode& liar = add(kUrlA);
        liar.latency_ms = 1;
        liar.answer = nullptr;
        liar.spoil = [&](std::string& text) {
            json body = json::parse(text);
            for (json& answer : body) {
                if (answer.is_object() && answer.contains("result") &&
                    answer["result"].is_array() && !answer["result"].empty()) {
                    spoiler.change(answer["result"]);
                }
            }
            text = body.dump();
        };
        add(kUrlB);
        make();
        expect_truth(range(0, 400), 0, 400);
        EXPECT_GE(stats(0).malformed + stats(0).lies +
                      (std::string{spoiler.name}.find("block hash") != std::string::npos ? 1 : 0),
                  1U);
        EXPECT_EQ(stats(1).malformed + stats(1).lies, 0U);
    }
}

TEST_F(ProviderPoolTest, AnEnvelopeThatIsBrokenIsRefused) {
    const std::vector<std::pair<const char*, std::function<void(std::string&)>>> cases = {
        {"truncated", [](std::string& text) { text.resize(text.size() / 2); }},
        {"not json", [](std::string& text) { text = "<html></html>"; }},
        {"empty", [](std::string& text) { text.clear(); }},
        {"wrong id",
         [](std::string& text) {
             json body = json::parse(text);
             body[0]["id"] = 123456789;
             text = body.dump();
         }},
        {"doubled id",
         [](std::string& text) {
             json body = json::parse(text);
             body[0]["id"] = body[1]["id"];
             text = body.dump();
         }},
        {"an answer missing",
         [](std::string& text) {
             json body = json::parse(text);
             body.erase(0);
             text = body.dump();
         }},
        {"no result",
         [](std::string& text) {
             json body = json::parse(text);
             body[0].erase("result");
             text = body.dump();
         }},
        {"only one object",
         [](std::string& text) {
             json body = json::parse(text);
             text = body[0].dump();
         }},
    };
    for (const auto& [name, change] : cases) {
        SCOPED_TRACE(name);
        options_.endpoints.clear();
        FakeNode& broken = add(kUrlA);
        broken.latency_ms = 1;
        add(kUrlB);
        make();
        ASSERT_TRUE(heads());
        broken.spoil = [&, spoil = change](std::string& text) {
            if (text[0] == '[') {
                spoil(text);
            }
        };
        expect_truth(range(0, 400), 0, 400);
        EXPECT_GE(stats(0).malformed, 1U);
    }
}

TEST_F(ProviderPoolTest, WhereAllAnswersAreBadTheErrorNamesEveryProviderAndWhyButNoSecret) {
    for (const char* url : {kUrlA, kUrlB, kUrlC}) {
        FakeNode& node = add(url);
        node.answer = [](const std::string& method, const json&) -> std::optional<json> {
            return method == "eth_getLogs" ? std::optional{json{{"result", "0x"}}} : std::nullopt;
        };
    }
    const auto answer = range(0, 10);
    ASSERT_FALSE(answer);
    for (const char* name : {"http://a.example", "http://b.example:8545", "https://c.example"}) {
        EXPECT_NE(answer.error().message.find(name), std::string::npos) << answer.error().message;
    }
    EXPECT_NE(answer.error().message.find("not an array"), std::string::npos)
        << answer.error().message;
    EXPECT_EQ(answer.error().message.find("secret"), std::string::npos) << answer.error().message;
}

TEST_F(ProviderPoolTest, SecretsAreSentButNeverTold) {
    options_.endpoints = {{kUrlC, {{"X-Api-Key", "secret-header"}}, "secret-token"}};
    FakeNode& node = transport_.add(kUrlC, chain_);
    node.receipts = false;
    node.answer = [](const std::string& method, const json&) -> std::optional<json> {
        return method == "eth_getLogs"
                   ? std::optional{rpc_error(-32000, std::string{"bad call to "} + kUrlC)}
                   : std::nullopt;
    };
    const auto answer = range(0, 10);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().message.find("secret"), std::string::npos) << answer.error().message;
    for (const auto& [level, message] : recorder_.events) {
        EXPECT_EQ(message.find("secret"), std::string::npos) << message;
    }
    EXPECT_EQ(stats(0).name, "https://c.example");
    ASSERT_FALSE(node.seen.empty());
    EXPECT_EQ(node.seen[0].headers.size(), 2U);
    EXPECT_EQ(node.seen[0].headers[1].second, "Bearer secret-token");
}

// ---- Blooms --------------------------------------------------------------------------------

TEST_F(ProviderPoolTest, ALogLeftOutIsFoundByTheBloomAndTheProviderNamed) {
    FakeNode& liar = add(kUrlA);
    liar.latency_ms = 1;
    liar.drops = [](const evm::Log& log) {
        return log.block_num == 997 && log.topics[0] == make_topic(11);
    };
    add(kUrlB);
    ASSERT_TRUE(heads());
    expect_truth(range(980, 1000, true), 980, 1000);
    EXPECT_EQ(stats(0).lies, 1U);
    EXPECT_EQ(stats(1).lies, 0U);
    EXPECT_EQ(recorder_.count("provider http://a.example answered wrongly for block 997"), 1U);
}

TEST_F(ProviderPoolTest, ALogLeftOutOfABlockWithOthersIsFoundWhereTheBloomCanTell) {
    FakeNode& liar = add(kUrlA);
    liar.latency_ms = 1;
    liar.drops = [](const evm::Log& log) {
        return log.block_num == 997 && log.topics[0] == make_topic(12);
    };
    add(kUrlB);
    ASSERT_TRUE(heads());
    LogFilter asked = filter();
    asked.topics0.push_back(make_topic(12));
    expect_truth(range(980, 1000, true, asked), 980, 1000, asked);
    EXPECT_EQ(stats(0).lies, 1U);
}

TEST_F(ProviderPoolTest, TheOnlyProviderIsCheckedAgainstItsOwnReceipts) {
    FakeNode& liar = add(kUrlA);
    liar.drops = [](const evm::Log& log) { return log.block_num == 997; };
    expect_truth(range(980, 1000, true), 980, 1000);
    EXPECT_EQ(stats(0).lies, 1U);
}

TEST_F(ProviderPoolTest, WithoutReceiptsTheSecondProviderSettlesItAndNobodyIsConvicted) {
    FakeNode& liar = add(kUrlA);
    liar.latency_ms = 1;
    liar.receipts = false;
    liar.drops = [](const evm::Log& log) { return log.block_num == 997; };
    add(kUrlB).receipts = false;
    ASSERT_TRUE(heads());
    expect_truth(range(980, 1000, true), 980, 1000);
    EXPECT_EQ(stats(0).lies + stats(1).lies, 0U);
    EXPECT_EQ(recorder_.count("two providers tell different logs of block 997"), 1U);
    EXPECT_TRUE(pool_->take_convicted().empty());
}

// ---- Proven lies ---------------------------------------------------------------------------

TEST_F(ProviderPoolTest, EachPartOfARangeNamesWhoToldIt) {
    add(kUrlA).answer = blocks_limit(40, "block range too large, max 40");
    add(kUrlB).answer = blocks_limit(40, "block range too large, max 40");
    ASSERT_TRUE(heads());
    const auto answer = range(1, 400);
    expect_truth(answer, 1, 400);
    ASSERT_FALSE(answer->told_by.empty());
    uint64_t next = 1;
    std::set<std::string> names;
    for (const ToldBy& part : answer->told_by) {
        EXPECT_EQ(part.range.from, next);
        next = part.range.to + 1;
        names.insert(part.provider);
    }
    EXPECT_EQ(next, 401U);
    EXPECT_EQ(names, (std::set<std::string>{"http://a.example", "http://b.example:8545"}));
}

TEST_F(ProviderPoolTest, AConvictionIsTakenOnceAndItsLogsAreAskedOfOthers) {
    FakeNode& liar = add(kUrlA);
    liar.latency_ms = 1;
    liar.drops = [](const evm::Log& log) { return log.block_num == 997; };
    add(kUrlB);
    ASSERT_TRUE(heads());
    expect_truth(range(980, 1000, true), 980, 1000);
    EXPECT_EQ(pool_->take_convicted(), (std::vector<std::string>{"http://a.example"}));
    EXPECT_TRUE(pool_->take_convicted().empty());
    const size_t asked = liar.ranges.size();
    const auto later = range(1, 100);
    expect_truth(later, 1, 100);
    EXPECT_EQ(liar.ranges.size(), asked);
    EXPECT_EQ(later->told_by, (std::vector<ToldBy>{{{1, 100}, "http://b.example:8545"}}));
}

/// A header of `node`'s chain with another time and the hash of the true one, where `is_asked`.
std::function<std::optional<json>(const std::string&, const json&)> lying_time(
    const FakeChain& chain, std::function<bool(const std::string& block)> is_asked) {
    return [&chain, is_asked = std::move(is_asked)](const std::string& method,
                                                    const json& params) -> std::optional<json> {
        if (method != "eth_getBlockByNumber" && method != "eth_getBlockByHash") {
            return std::nullopt;
        }
        const auto text = params[0].get<std::string>();
        if (!is_asked(text)) {
            return std::nullopt;
        }
        for (const auto& block : chain.blocks) {
            if (evm::to_quantity(block.header.block_num) == text ||
                evm::to_hex(block.header.hash) == text) {
                json out = header_json(block.header);
                out["timestamp"] = "0xffffffffffffffff";
                return json{{"result", out}};
            }
        }
        return std::nullopt;
    };
}

TEST_F(ProviderPoolTest, AHeaderThatDoesNotHashIsRefusedAndAskedElsewhere) {
    FakeNode& liar = add(kUrlA);
    liar.latency_ms = 1;
    liar.answer = lying_time(
        chain_, [](const std::string& block) { return block != "latest" && block != "finalized"; });
    add(kUrlB);
    ASSERT_TRUE(heads());
    const auto answer = range(900, 1000, true);
    expect_truth(answer, 900, 1000);
    for (const evm::Header& header : answer->headers) {
        EXPECT_EQ(header.timestamp, 1'700'000'000 + header.block_num);
    }
    EXPECT_GE(stats(0).lies, 1U);
    EXPECT_EQ(stats(1).lies, 0U);
    EXPECT_EQ(pool_->take_convicted(), (std::vector<std::string>{"http://a.example"}));
    EXPECT_EQ(std::ranges::count_if(recorder_.events,
                                    [](const auto& event) {
                                        return event.first == LogLevel::kWarning &&
                                               event.second.find("does not hash") !=
                                                   std::string::npos;
                                    }),
              1)
        << "told once a minute";
}

TEST_F(ProviderPoolTest, AHeaderThatDoesNotHashIsNotTakenOfTheOnlyProviderEither) {
    bool is_lying = true;
    FakeNode& liar = add(kUrlA);
    liar.answer = lying_time(chain_, [&](const std::string& block) {
        return is_lying && block != "latest" && block != "finalized";
    });
    ASSERT_TRUE(heads());
    const auto refused = range(900, 1000);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("does not hash to the hash it claims"),
              std::string::npos)
        << refused.error().message;
    EXPECT_TRUE(pool_->take_convicted().empty()) << "there is nobody else to ask";
    is_lying = false;
    expect_truth(range(900, 1000), 900, 1000);
}

TEST_F(ProviderPoolTest, HeadersBelowABlockMustHashAndAreElseAskedOfAnother) {
    FakeNode& liar = add(kUrlA);
    liar.latency_ms = 1;
    liar.answer = lying_time(chain_, [](const std::string& block) {
        return block != "latest" && block != "finalized" && block != evm::to_quantity(60);
    });
    add(kUrlB);
    ASSERT_TRUE(heads());
    const auto headers = await<std::vector<evm::Header>>(*pool_, 60'000, [&](auto done) {
        pool_->get_headers_below({10, 20, 30}, {60, chain_.blocks[60].header.hash},
                                 std::move(done));
    });
    ASSERT_TRUE(headers) << headers.error().message;
    ASSERT_EQ(headers->size(), 3U);
    for (const evm::Header& header : *headers) {
        EXPECT_EQ(header.timestamp, 1'700'000'000 + header.block_num);
    }
    EXPECT_EQ(pool_->take_convicted(), (std::vector<std::string>{"http://a.example"}));
    EXPECT_EQ(stats(1).lies, 0U);
}

TEST_F(ProviderPoolTest, WhereNobodyAnswersForHeadersBelowABlockNothingIsSaidOfTheChain) {
    for (const char* url : {kUrlA, kUrlB}) {
        add(url).http = [](const HttpRequest&) {
            return std::optional{transport_error(TransportError::kUnreachable)};
        };
    }
    ASSERT_FALSE(heads());
    const auto headers = await<std::vector<evm::Header>>(*pool_, 60'000, [&](auto done) {
        pool_->get_headers_below({10}, {60, chain_.blocks[60].header.hash}, std::move(done));
    });
    ASSERT_FALSE(headers);
    EXPECT_EQ(headers.error().code, ErrorCode::kUnavailable);
    const std::string& said = headers.error().message;
    EXPECT_EQ(said.find("no provider answers for block 60; "), 0U) << said;
    EXPECT_EQ(said.find("of the chain"), std::string::npos) << said;
    for (const char* name : {"http://a.example: ", "http://b.example:8545: "}) {
        EXPECT_NE(said.find(name), std::string::npos) << said;
    }
}

TEST_F(ProviderPoolTest, EveryProviderSaysWhichBlockHasANumber) {
    FakeChain fork{1000, 7};
    fork.make_provable();
    add(kUrlA);
    add(kUrlB);
    transport_.add(kUrlB, fork);
    add(kUrlC).head = 10;
    ASSERT_TRUE(heads());
    const auto words = await<std::vector<BlockWord>>(
        *pool_, 60'000, [&](auto done) { pool_->get_block_words(500, std::move(done)); });
    ASSERT_TRUE(words) << words.error().message;
    std::map<std::string, std::optional<evm::Hash>> told;
    for (const BlockWord& word : *words) {
        told[word.provider] = word.hash;
    }
    ASSERT_EQ(told.size(), 3U);
    EXPECT_EQ(told["http://a.example"], chain_.blocks[500].header.hash);
    EXPECT_EQ(told["http://b.example:8545"], fork.blocks[500].header.hash);
    EXPECT_EQ(told["https://c.example"], std::nullopt);
}

// ---- Blooms that say too much --------------------------------------------------------------

TEST_F(ProviderPoolTest, WhoIsSetApartIsAskedForNothingButItsWordOfABlock) {
    FakeChain longer{1005, 1};
    longer.make_provable();
    FakeNode& other = add(kUrlA);
    other.chain = &longer;
    other.latency_ms = 1;
    add(kUrlB);
    add(kUrlC);
    make();
    ASSERT_EQ(heads()->latest.block_num, 1005U);
    pool_->set_apart({"http://a.example"});
    const auto asked = other.calls;
    EXPECT_EQ(heads()->latest.block_num, 1000U);
    expect_truth(range(0, 1000), 0, 1000);
    EXPECT_EQ(other.calls, asked);
    EXPECT_FALSE(stats(0).usable);
    EXPECT_EQ(stats(0).state, "other chain");

    const auto words = await<std::vector<BlockWord>>(
        *pool_, 60'000, [&](auto done) { pool_->get_block_words(500, std::move(done)); });
    ASSERT_TRUE(words) << words.error().message;
    std::map<std::string, evm::Hash> told;
    for (const BlockWord& word : *words) {
        told[word.provider] = word.hash.value_or(evm::Hash{});
    }
    EXPECT_EQ(told.at("http://a.example"), longer.blocks[500].header.hash);
    EXPECT_EQ(told.size(), 3U);

    pool_->set_apart({});
    EXPECT_EQ(heads()->latest.block_num, 1005U);
}

TEST_F(ProviderPoolTest, OneThatIsSetApartAndWasDownSaysItsWordOnceItIsUp) {
    FakeNode& other = add(kUrlA);
    add(kUrlB);
    make();
    ASSERT_TRUE(heads().has_value());
    pool_->set_apart({"http://a.example"});
    bool is_down = true;
    other.http = [&](const HttpRequest& /*request*/) -> std::optional<HttpCompletion> {
        return is_down ? std::optional{transport_error(TransportError::kUnreachable)}
                       : std::nullopt;
    };
    const auto count = [&] {
        const auto words = await<std::vector<BlockWord>>(
            *pool_, 60'000, [&](auto done) { pool_->get_block_words(500, std::move(done)); });
        return words ? words->size() : 0;
    };
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(count(), 1U);
    }
    is_down = false;
    size_t told = 0;
    for (int i = 0; i < 20 && told < 2; ++i) {
        clock_.advance(60'000);
        told = count();
    }
    EXPECT_EQ(told, 2U);
}

TEST_F(ProviderPoolTest, AFalsePositiveOfTheBloomIsSettledOnceAndNobodyBlamed) {
    // Another contract's log of our event, and our contract's log of another event.
    chain_.add_log(998, 1, 12);
    chain_.add_log(998, 2, 10);
    FakeNode& a = add(kUrlA);
    FakeNode& b = add(kUrlB);
    ASSERT_TRUE(heads());
    expect_truth(range(998, 1000, true), 998, 1000);
    EXPECT_EQ(stats(0).lies + stats(1).lies, 0U);
    EXPECT_LE(a.calls["eth_getLogs"] + b.calls["eth_getLogs"], 2U);
}

TEST_F(ProviderPoolTest, AFalsePositiveWithNobodyElseAndNoReceiptsIsAccepted) {
    chain_.add_log(998, 1, 12);
    chain_.add_log(998, 2, 10);
    add(kUrlA).receipts = false;
    expect_truth(range(998, 1000, true), 998, 1000);
    EXPECT_EQ(stats(0).lies, 0U);
}

TEST_F(ProviderPoolTest, AChainWhoseBloomsAreEmptyIsStillRead) {
    for (uint64_t num = 0; num <= 1000; ++num) {
        chain_.set_bloom(num, {});
    }
    chain_.seal(0);
    add(kUrlA);
    add(kUrlB);
    expect_truth(range(900, 1000, true), 900, 1000);
    expect_truth(range(0, 1000), 0, 1000);
    EXPECT_EQ(stats(0).lies + stats(1).lies, 0U);
    EXPECT_EQ(recorder_.count("not used as evidence"), 1U);
}

TEST_F(ProviderPoolTest, AProviderOnAnotherForkIsNotMixedIn) {
    FakeChain fork{1000, 7};
    for (uint64_t num = 1; num < 1000; num += 3) {
        fork.add_log(num, 1, 10, false);
    }
    fork.seal(0);
    FakeNode& other = add(kUrlA);
    other.latency_ms = 1;
    add(kUrlB);
    ASSERT_TRUE(heads());
    // Its logs are of one fork, its headers of the other.
    other.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
        if (method == "eth_getBlockByHash") {
            return json{{"result", nullptr}};
        }
        if (method != "eth_getBlockByNumber" || params[0] == "latest" || params[0] == "finalized") {
            return std::nullopt;
        }
        const auto& header =
            fork.blocks[std::stoull(params[0].get<std::string>(), nullptr, 16)].header;
        return json{{"result",
                     {{"number", params[0]},
                      {"hash", evm::to_hex(header.hash)},
                      {"parentHash", evm::to_hex(header.parent_hash)},
                      {"timestamp", "0x1"}}}};
    };
    expect_truth(range(900, 1000), 900, 1000);
}

// ---- The rest of the interface ---------------------------------------------------------------

TEST_F(ProviderPoolTest, TheSameSeedGivesTheSameRun) {
    std::vector<int64_t> times;
    for (int run = 0; run < 2; ++run) {
        ManualClock clock;
        FakeTransport transport{clock};
        FakeNode& node = transport.add(kUrlA, chain_);
        int calls = 0;
        node.http = [&](const HttpRequest&) -> std::optional<HttpCompletion> {
            return ++calls % 3 == 0 ? std::optional{http_status(429)} : std::nullopt;
        };
        PoolOptions options;
        options.endpoints = {{kUrlA, {}, {}}};
        options.seed = 42;
        ProviderPool pool{options, transport, clock};
        const auto answer = await<RangeLogs>(pool, 600'000, [&](auto done) {
            pool.get_range(filter(), {0, 900}, false, std::move(done));
        });
        ASSERT_TRUE(answer) << answer.error().message;
        times.push_back(clock.monotonic_ms());
    }
    EXPECT_EQ(times[0], times[1]);
}

TEST_F(ProviderPoolTest, HeadersComeInTheOrderAskedWhateverTheBatches) {
    FakeNode& node = add(kUrlA);
    node.batch_max = 7;
    make();
    std::vector<uint64_t> nums;
    for (uint64_t i = 0; i < 100; ++i) {
        nums.push_back((i * 37) % 1000);
    }
    const auto headers = await<std::vector<evm::Header>>(
        *pool_, 60'000, [&](auto done) { pool_->get_headers(nums, std::move(done)); });
    ASSERT_TRUE(headers) << headers.error().message;
    for (size_t i = 0; i < nums.size(); ++i) {
        EXPECT_EQ((*headers)[i].block_num, nums[i]);
    }
}

/// A block that one machine behind the address lacks says nothing of the blocks not yet asked for.
TEST_F(ProviderPoolTest, WithoutBatchesManyHeadersComeFromMachinesThatLackSomeNowAndThen) {
    FakeNode& node = add(kUrlA);
    node.batch_max = 1;
    unsigned asked = 0;
    node.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
        return is_header_of_number(method, params) && ++asked % 7 == 0
                   ? std::optional{json{{"result", nullptr}}}
                   : std::nullopt;
    };
    expect_many_headers(60'000);
    EXPECT_LE(asked, 2 * kManyHeaders);
}

/// What counts is how often nobody could answer anything, not how often something was in the way.
TEST_F(ProviderPoolTest, WithoutBatchesManyHeadersComeFromAProviderThatFailsNowAndThen) {
    for (const bool is_http : {true, false}) {
        FakeNode& node = add(is_http ? kUrlA : kUrlB);
        node.batch_max = 1;
        unsigned asked = 0;
        node.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
            return !is_http && is_header_of_number(method, params) && ++asked % 5 == 0
                       ? std::optional{rpc_error(-32603, "internal error")}
                       : std::nullopt;
        };
        node.http = [&](const HttpRequest& request) -> std::optional<HttpCompletion> {
            if (!is_http ||
                request.body.find("eth_getBlockByNumber\",\"params\":[\"0x") == std::string::npos ||
                ++asked % 5 != 0) {
                return std::nullopt;
            }
            return http_status(502, "<html>bad gateway</html>");
        };
        expect_many_headers(600'000);
        EXPECT_LE(asked, 2 * kManyHeaders);
        options_.endpoints.clear();
    }
}

TEST_F(ProviderPoolTest, HeadersBelowABlockAreAllOfTheChainThatHasItAndNobodyElseIsBlamed) {
    FakeChain other{1000, 1};
    other.make_provable();
    FakeNode& foreign = add(kUrlA);
    foreign.chain = &other;
    foreign.latency_ms = 1;
    FakeNode& ours = add(kUrlB);
    ours.batch_max = 3;
    ASSERT_TRUE(heads());
    const auto below = [&](std::vector<uint64_t> nums, const evm::BlockId& end) {
        return await<std::vector<evm::Header>>(*pool_, 60'000, [&](auto done) {
            pool_->get_headers_below(nums, end, std::move(done));
        });
    };
    for (const FakeChain* chain : std::initializer_list<const FakeChain*>{&chain_, &other}) {
        const auto headers = below({10, 20, 30, 40, 50}, {60, chain->blocks[60].header.hash});
        ASSERT_TRUE(headers) << headers.error().message;
        ASSERT_EQ(headers->size(), 5U);
        for (const evm::Header& header : *headers) {
            EXPECT_EQ(header.hash, chain->blocks[header.block_num].header.hash);
        }
    }
    const auto nobody = below({10}, {60, make_topic(7)});
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().code, ErrorCode::kReorg);
    EXPECT_NE(nobody.error().message.find("http://a.example: its block 60 is 0x"),
              std::string::npos)
        << nobody.error().message;
    const auto beyond = below({10}, {5000, make_topic(7)});
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().code, ErrorCode::kNotFound) << beyond.error().message;
    EXPECT_TRUE(pool_->take_convicted().empty());
    EXPECT_EQ(stats(0).lies + stats(1).lies, 0U);
    EXPECT_TRUE(pool_->waits(0).empty());
}

TEST_F(ProviderPoolTest, ABlockOneProviderLacksIsAskedOfTheOther) {
    FakeNode& behind = add(kUrlA);
    behind.head = 10;
    behind.latency_ms = 1;
    add(kUrlB);
    make();
    const auto headers = await<std::vector<evm::Header>>(*pool_, 60'000, [&](auto done) {
        pool_->get_headers({5, 900}, std::move(done));
    });
    ASSERT_TRUE(headers) << headers.error().message;
    const auto none = await<std::vector<evm::Header>>(
        *pool_, 60'000, [&](auto done) { pool_->get_headers({5000}, std::move(done)); });
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
}

TEST_F(ProviderPoolTest, QuestionsWithoutContentAreAnswered) {
    add(kUrlA);
    make();
    const auto headers = await<std::vector<evm::Header>>(
        *pool_, 1'000, [&](auto done) { pool_->get_headers({}, std::move(done)); });
    ASSERT_TRUE(headers);
    EXPECT_TRUE(headers->empty());
}

TEST_F(ProviderPoolTest, NoEndpointIsAnError) {
    const auto answer = range(0, 1);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace plumbline::rpc::provider_pool_test
