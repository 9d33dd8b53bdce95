// every = { blocks = N }: what such a handler may name, and the logs that stand for its blocks.
#include "engine/mapping/block_tick.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/ingest/range_question.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::block_tick_test {
namespace {

using test::abi_json;
using test::Abis;
using test::hash_of;
using test::Mapping;
using test::num;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Abis kAbis{{"Hub.json", abi_json({"event Put(uint256 id, uint256 a)"})}};

std::string with(const std::string& rest) {
    return R"(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
start_block = 7
[entities.total]
key = { id = "uint8" }
fields = { sum = "uint64" }
[entities.beat]
key = { block = "uint64" }
fields = { sum = "uint64", at = "uint64", hash = "bytes32" }
[[on]]
event = "hub.Put"
upsert = "total"
key = { id = 1 }
add = { sum = "a" }
)" + rest;
}

constexpr const char* kEvery = R"(
[[on]]
every = { blocks = 5 }
insert = "beat"
key = { block = "$block.number" }
set = { sum = "total[1].sum ?? 0", at = "$block.timestamp", hash = "$block.hash" }
)";

std::string refusal(const std::string& handler) {
    return test::refusal(with(handler), kAbis);
}

test::Emitted tick(uint64_t every, uint64_t block) {
    test::Emitted out;
    out.log = make_tick(every, block, hash_of(block));
    return out;
}

TEST(BlockTickTest, AHandlerOfBlocksRunsBehindTheBlocksLogsAndSeesTheRowsThere) {
    const Mapping mapping{with(kEvery), kAbis};
    World world{mapping};
    world.block(10, {mapping.emit("hub.Put", {num(1), num(3)}, 10, 0), tick(5, 10)});
    world.block(15, {tick(5, 15)});
    EXPECT_THAT(world.quarantine(), IsEmpty());
    EXPECT_THAT(world.row("beat", "block=10"), HasSubstr(R"("sum":3)"));
    EXPECT_THAT(world.row("beat", "block=15"), HasSubstr(evm::to_hex(hash_of(15))));
    world.commit();
    world.reopen();
    EXPECT_THAT(world.row("beat", "block=15"),
                HasSubstr(fmt::format(R"("at":{})", test::time_of(15))));
}

TEST(BlockTickTest, ItsSourceBeginsWithTheFirstContractAndAsksNobody) {
    const Mapping mapping{with(kEvery), kAbis};
    ASSERT_EQ(mapping.plan->sources().size(), 2U);
    const Source& source = mapping.plan->sources()[1];
    EXPECT_EQ(source.contract, "every 5 blocks");
    EXPECT_EQ(source.first_block, 7U);
    RangeQuestion question{10};
    question.add_declared(source);
    EXPECT_THAT(std::move(question).filters(), IsEmpty());
    std::string sixth = kEvery;
    sixth.replace(sixth.find('5'), 1, "6");
    const Mapping other{with(sixth), kAbis};
    EXPECT_NE(other.plan->sources()[1].fingerprint, source.fingerprint);
    EXPECT_NE(other.plan->bundle().fingerprint, mapping.plan->bundle().fingerprint);
}

TEST(BlockTickTest, OnlyATickIsOne) {
    const evm::Log whole = make_tick(5, 10, hash_of(1));
    EXPECT_TRUE(is_tick(whole));
    EXPECT_TRUE(is_tick(make_tick(kTickBlocksMax, 0, {})));
    const std::vector<void (*)(evm::Log&)> changes{
        [](evm::Log& log) { log.block_num = 11; },
        [](evm::Log& log) { log.log_index += 1; },
        [](evm::Log& log) { log.log_index = 3; },
        [](evm::Log& log) { log.address.bytes[0] ^= 1; },
        [](evm::Log& log) { log.topics[1].bytes[31] ^= 1; },
        [](evm::Log& log) { log.topic_count = 3; },
        [](evm::Log& log) { log.data_size = 32; },
        [](evm::Log& log) { log.txn_hash.bytes[0] = 1; }};
    for (size_t i = 0; i < changes.size(); ++i) {
        evm::Log changed = whole;
        changes[i](changed);
        EXPECT_FALSE(is_tick(changed)) << i;
    }
}

TEST(BlockTickTest, MistakesAreToldAtStart) {
    const auto handler = [](const std::string& every, const std::string& set) {
        return "[[on]]\nevery = " + every +
               "\nupsert = \"beat\"\nkey = { block = \"$block.number\" }\nset = { sum = \"" + set +
               "\" }\n";
    };
    EXPECT_EQ(refusal(handler("{ blocks = 1 }", "1")), "");
    for (const char* name : {"$txn.index", "$log.index", "a", "$receipt.gas_used"}) {
        EXPECT_THAT(refusal(handler("{ blocks = 5 }", name)), HasSubstr("belongs to an event"))
            << name;
    }
    EXPECT_THAT(refusal(handler("{ blocks = 0 }", "1")), HasSubstr("blocks"));
    EXPECT_THAT(refusal(handler("{ block = 5 }", "1")), HasSubstr("block"));
    EXPECT_THAT(refusal(handler("5", "1")), HasSubstr("every"));
    EXPECT_THAT(refusal("[[on]]\nevery = { blocks = 5 }\nevent = \"hub.Put\"\nupsert = \"beat\"\n"
                        "key = { block = 1 }\n"),
                HasSubstr("has both event and every"));
}

}  // namespace
}  // namespace plumbline::engine::block_tick_test
