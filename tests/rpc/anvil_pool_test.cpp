// The pool, the curl transport and the JSON readers against a real node.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/evm/hex.hpp"
#include "rpc/curl_transport.hpp"
#include "rpc/provider_pool.hpp"
#include "tests/rpc/anvil.hpp"

namespace plumbline::rpc::anvil_pool_test {
namespace {

using test::Anvil;

class AnvilPoolTest : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(anvil_.is_running());
        emitter_ = anvil_.deploy_emitter();
        ASSERT_EQ(emitter_.size(), 42U);
        PoolOptions options;
        options.range.blocks_initial = 1'000;
        options.endpoints = {{anvil_.url(), {}, {}}};
        options.deadline_ms = 10'000;
        options.attempts_max = 4;
        source_ = make_chain_source(std::move(options));
    }
    [[nodiscard]] LogFilter filter() const {
        return {{*evm::parse_address(emitter_)}, {*evm::parse_hash(test::kEmitterTopic)}};
    }
    Result<RangeLogs> range(uint64_t from, uint64_t to, bool all_headers) {
        return await<RangeLogs>(*source_, 20'000, [&](auto done) {
            source_->get_range(filter(), {from, to}, all_headers, std::move(done));
        });
    }

    Anvil anvil_;
    std::string emitter_;
    std::unique_ptr<ChainSource> source_;
};

TEST_F(AnvilPoolTest, AnswersEveryQuestionOfTheInterface) {
    for (int i = 0; i < 20; ++i) {
        anvil_.emit(emitter_, i % 2 == 0 ? "00112233" : std::string(128, 'a'));
    }
    const auto chain_id = await<uint64_t>(
        *source_, 10'000, [&](auto done) { source_->get_chain_id(std::move(done)); });
    ASSERT_TRUE(chain_id) << chain_id.error().message;
    EXPECT_EQ(*chain_id, 31337U);

    const auto heads =
        await<Heads>(*source_, 10'000, [&](auto done) { source_->get_heads(std::move(done)); });
    ASSERT_TRUE(heads) << heads.error().message;
    EXPECT_EQ(heads->latest.block_num, 21U);
    EXPECT_EQ(evm::compute_hash(heads->latest), heads->latest.hash);
    ASSERT_TRUE(heads->finalized);
    EXPECT_EQ(heads->finalized->block_num, 0U);

    const auto logs = range(0, 21, false);
    ASSERT_TRUE(logs) << logs.error().message;
    ASSERT_EQ(logs->logs.logs.size(), 20U);
    // Those with logs, and the first.
    EXPECT_EQ(logs->headers.size(), 21U);
    EXPECT_EQ(logs->logs.data(logs->logs.logs[0]).size(), 4U);
    EXPECT_EQ(logs->logs.data(logs->logs.logs[1]).size(), 64U);
    EXPECT_EQ(logs->told_by, (std::vector<ToldBy>{{{0, 21}, anvil_.url()}}));
    EXPECT_GT(logs->received_bytes, 1000U);

    const auto all = range(0, 21, true);
    ASSERT_TRUE(all) << all.error().message;
    EXPECT_EQ(all->headers.size(), 22U);

    const auto headers = await<std::vector<evm::Header>>(*source_, 10'000, [&](auto done) {
        source_->get_headers({5, 3, 4}, std::move(done));
    });
    ASSERT_TRUE(headers) << headers.error().message;
    EXPECT_EQ((*headers)[0].block_num, 5U);
    EXPECT_EQ((*headers)[0].parent_hash, (*headers)[2].hash);

    const auto by_hash = await<evm::Header>(*source_, 10'000, [&](auto done) {
        source_->get_header_by_hash((*headers)[1].hash, std::move(done));
    });
    ASSERT_TRUE(by_hash) << by_hash.error().message;
    EXPECT_EQ(by_hash->block_num, 3U);

    const auto txns = await<std::vector<TxnInfo>>(*source_, 10'000, [&](auto done) {
        source_->get_txns({logs->logs.logs[0].txn_hash, logs->logs.logs[7].txn_hash},
                          std::move(done));
    });
    ASSERT_TRUE(txns) << txns.error().message;
    EXPECT_EQ((*txns)[1].hash, logs->logs.logs[7].txn_hash);
    ASSERT_TRUE((*txns)[1].to);
    EXPECT_EQ(evm::to_hex(*(*txns)[1].to), emitter_);
}

// The real network, with one log cut out of every answer to eth_getLogs that spans the tip.
class DroppingTransport final : public Transport {
  public:
    uint64_t submit(HttpRequest request) override { return inner_.submit(std::move(request)); }
    void poll(int64_t wait_ms, std::vector<HttpCompletion>& completions) override {
        inner_.poll(wait_ms, completions);
        for (HttpCompletion& done : completions) {
            auto body = nlohmann::json::parse(as_chars(done.body));
            if (!body.is_array()) {
                continue;
            }
            for (auto& answer : body) {
                auto& logs = answer["result"];
                if (logs.is_array() && !logs.empty() && logs[0].contains("topics")) {
                    logs.erase(logs.size() - 1);
                }
            }
            const std::string text = body.dump();
            done.body.assign(text.begin(), text.end());
        }
    }
    [[nodiscard]] size_t in_flight() const override { return inner_.in_flight(); }

  private:
    CurlTransport inner_;
};

TEST_F(AnvilPoolTest, ALogLeftOutIsRestoredFromReceiptsThatMatchTheHeader) {
    for (int i = 0; i < 5; ++i) {
        anvil_.emit(emitter_, "0011");
    }
    DroppingTransport transport;
    PoolOptions options;
    options.range.blocks_initial = 1'000;
    options.endpoints = {{anvil_.url(), {}, {}}};
    ProviderPool pool{std::move(options), transport, system_clock()};
    const auto answer = await<RangeLogs>(pool, 20'000, [&](auto done) {
        pool.get_range(filter(), {0, 6}, true, std::move(done));
    });
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->logs.logs.size(), 5U);
    EXPECT_EQ(pool.stats()[0].lies, 1U);
}

TEST_F(AnvilPoolTest, ReceiptsHaveTheRootOfTheirHeader) {
    anvil_.emit(emitter_, "0011");
    const auto headers = await<std::vector<evm::Header>>(*source_, 10'000, [&](auto done) {
        source_->get_headers({1, 2}, std::move(done));
    });
    ASSERT_TRUE(headers) << headers.error().message;
    for (const evm::Header& header : *headers) {
        const auto receipts = await<evm::ReceiptBatch>(*source_, 10'000, [&](auto done) {
            source_->get_receipts(header.hash, std::move(done));
        });
        ASSERT_TRUE(receipts) << receipts.error().message;
        const auto digest = evm::ReceiptsProver{}.compute(*receipts);
        ASSERT_TRUE(digest);
        EXPECT_EQ(digest->root, header.receipts_root);
        EXPECT_EQ(digest->bloom, header.logs_bloom);
    }
}

TEST_F(AnvilPoolTest, ABlockThatIsNotThereIsNotFound) {
    const auto headers = await<std::vector<evm::Header>>(*source_, 10'000, [&](auto done) {
        source_->get_headers({1, 999}, std::move(done));
    });
    ASSERT_FALSE(headers);
    EXPECT_EQ(headers.error().code, ErrorCode::kNotFound);
    const auto by_hash = await<evm::Header>(*source_, 10'000, [&](auto done) {
        source_->get_header_by_hash(evm::Hash{}, std::move(done));
    });
    ASSERT_FALSE(by_hash);
    EXPECT_EQ(by_hash.error().code, ErrorCode::kNotFound);
}

TEST_F(AnvilPoolTest, ARangeBeyondTheHeadIsNeverEmpty) {
    // anvil itself answers such a range with what there is.
    const auto logs = range(0, 50, false);
    ASSERT_FALSE(logs);
}

}  // namespace
}  // namespace plumbline::rpc::anvil_pool_test
