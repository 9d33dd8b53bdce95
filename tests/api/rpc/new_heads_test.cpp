// What eth_subscribe tells of a new head: all of its header where it is known, else what is stored.
#include "api/rpc/subscriptions.hpp"
#include "tests/api/api_world.hpp"

namespace plumbline::api::test::new_heads_test {
namespace {

using nlohmann::json;

constexpr uint64_t kNext = 13;  ///< the first block behind those of ApiWorld

evm::Hash word_of(uint8_t byte) {
    evm::Hash out;
    out.bytes.fill(byte);
    return out;
}

/// What block `kNext` has: each field another value.
evm::Header whole_header() {
    evm::Header header;
    header.hash = storage::test::hash_of(kNext, 0);
    header.parent_hash = storage::test::hash_of(kNext - 1, 0);
    header.block_num = kNext;
    header.timestamp = 0x65;
    header.ommers_hash = word_of(1);
    header.beneficiary.bytes.fill(2);
    header.state_root = word_of(3);
    header.txns_root = word_of(4);
    header.receipts_root = word_of(5);
    header.logs_bloom.bytes.fill(6);
    header.difficulty = evm::U256{0};
    header.gas_limit = 30'000'000;
    header.gas_used = 21'000;
    header.extra_data = {0xd8, 0x3a};
    header.mix_hash = word_of(8);
    header.nonce = 0x42;
    return header;
}

class NewHeadsTest : public testing::Test {
  protected:
    NewHeadsTest() { EXPECT_EQ(ask(R"("newHeads")").size(), 34U); }
    std::string ask(const std::string& params) {
        Request request{"POST", "/rpc", "",
                        R"({"id":1,"method":"eth_subscribe","params":[)" + params + "]}"};
        request.subscriptions = subscriptions.get();
        return json::parse(api.router.handle(request).body)["result"];
    }
    /// The only head that is told of since the last call.
    json head() {
        const auto news = api.router.rpc_news(*subscriptions);
        EXPECT_TRUE(news.has_value());
        EXPECT_EQ(news->size(), 1U);
        return json::parse(news->at(0))["params"]["result"];
    }
    json stored_head(uint64_t n) {
        return {{"number", evm::to_quantity(n)},
                {"hash", evm::to_hex(storage::test::hash_of(n, 0))},
                {"parentHash", evm::to_hex(storage::test::hash_of(n - 1, 0))},
                {"timestamp",
                 evm::to_quantity(api.world.database->read_view()->get_block(n)->timestamp)}};
    }
    void commit(uint64_t block_num) {
        api.world.block(block_num, {});
        api.world.commit();
    }

    ApiWorld api;
    std::shared_ptr<Subscriptions> subscriptions = api.router.open_subscriptions("somebody");
};

TEST_F(NewHeadsTest, AHeadIsToldWithAllOfItsHeader) {
    api.context.headers.push_back(whole_header());
    commit(kNext);
    const auto repeat = [](const char* byte, size_t count) {
        std::string out = "0x";
        for (size_t i = 0; i < count; ++i) {
            out += byte;
        }
        return out;
    };
    const json expected = {{"number", "0xd"},
                           {"hash", evm::to_hex(storage::test::hash_of(kNext, 0))},
                           {"parentHash", evm::to_hex(storage::test::hash_of(kNext - 1, 0))},
                           {"timestamp", "0x65"},
                           {"sha3Uncles", repeat("01", 32)},
                           {"miner", repeat("02", 20)},
                           {"stateRoot", repeat("03", 32)},
                           {"transactionsRoot", repeat("04", 32)},
                           {"receiptsRoot", repeat("05", 32)},
                           {"logsBloom", repeat("06", 256)},
                           {"difficulty", "0x0"},
                           {"gasLimit", "0x1c9c380"},
                           {"gasUsed", "0x5208"},
                           {"extraData", "0xd83a"},
                           {"mixHash", repeat("08", 32)},
                           {"nonce", "0x0000000000000042"}};
    EXPECT_EQ(head(), expected) << "a header from before London has no fields of later forks";
}

TEST_F(NewHeadsTest, FieldsOfForksAreToldWhereTheHeaderHasThem) {
    evm::Header header = whole_header();
    header.difficulty = evm::U256::from_be(word_of(0x0f).view());
    header.base_fee_per_gas = evm::U256{0x3b9aca00};
    header.withdrawals_root = word_of(9);
    header.blob_gas_used = 0;
    header.excess_blob_gas = 0x20000;
    header.parent_beacon_root = word_of(10);
    header.requests_hash = word_of(11);
    header.block_access_list_hash = word_of(12);
    header.slot_number = 77;
    api.context.headers.push_back(header);
    commit(kNext);
    const json told = head();
    EXPECT_EQ(told.size(), 24U);
    EXPECT_EQ(told["difficulty"], "0x" + evm::to_hex(word_of(0x0f)).substr(3));
    EXPECT_EQ(told["baseFeePerGas"], "0x3b9aca00");
    EXPECT_EQ(told["withdrawalsRoot"], evm::to_hex(word_of(9)));
    EXPECT_EQ(told["blobGasUsed"], "0x0");
    EXPECT_EQ(told["excessBlobGas"], "0x20000");
    EXPECT_EQ(told["parentBeaconBlockRoot"], evm::to_hex(word_of(10)));
    EXPECT_EQ(told["requestsHash"], evm::to_hex(word_of(11)));
    EXPECT_EQ(told["blockAccessListHash"], evm::to_hex(word_of(12)));
    EXPECT_EQ(told["slotNumber"], "0x4d");
}

TEST_F(NewHeadsTest, AHeadWhoseHeaderIsNotKnownIsToldAsFarAsItIsStored) {
    commit(kNext);
    EXPECT_EQ(head(), stored_head(kNext));
}

TEST_F(NewHeadsTest, ANumberWithoutABlockIsNotToldAsTheBlockBefore) {
    evm::Header before = whole_header();
    before.block_num = kNext - 1;
    api.context.headers.push_back(before);  // A gap has the hash of the block before it.
    commit(kNext);
    EXPECT_EQ(head(), stored_head(kNext));
}

}  // namespace
}  // namespace plumbline::api::test::new_heads_test
