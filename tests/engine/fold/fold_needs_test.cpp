// Looking for logs without the transactions that a changed mapping names, part by part.
#include "engine/fold/fold_needs.hpp"

#include "tests/support/small_index.hpp"

namespace plumbline::engine::fold_needs_test {
namespace {

using test::acc;
using test::Mapping;
using test::num;
using test::World;

const test::Abis kAbis = {
    {"hub.json", test::abi_json({"event Put(uint256 indexed id, uint256 amount)",
                                 "event Del(uint256 indexed id)"})}};

std::string mapping_toml(std::string_view more) {
    return fmt::format(R"(
[contracts.hub]
abi = "hub.json"
address = "{}"
[entities.item]
key = {{ id = "uint256" }}
fields = {{ amount = "uint256", sender = "address" }}
[[on]]
event = "hub.Put"
upsert = "item"
key = {{ id = "id" }}
set = {{ amount = "amount"{} }}
)",
                       test::hex_of(1), more);
}

TEST(FoldNeedsTest, ReadsNoMoreThanItIsToldAtATimeAndFindsTheSame) {
    const Mapping before{mapping_toml(""), kAbis};
    const Mapping after{mapping_toml(R"(, sender = "$txn.from")"), kAbis};
    World world{before};
    for (uint64_t block = 10; block < 110; ++block) {
        world.block(block, {block < 30 || block > 90
                                ? before.emit("hub.Del", {num(block)}, block, 0)
                                : before.emit("hub.Put", {num(block), num(1)}, block, 0)});
    }
    world.commit();
    FoldNeeds scan{world.database->read_view(), *after.plan, {}, 109};
    size_t steps = 1;
    uint64_t stood = 0;
    for (;; ++steps) {
        const Result<bool> is_done = scan.step(7);
        ASSERT_TRUE(is_done.has_value()) << is_done.error().message;
        EXPECT_LE(scan.block_num(), stood + 7 + (stood == 0 ? 10U : 0U));
        stood = scan.block_num();
        if (*is_done) {
            break;
        }
        ASSERT_LT(steps, 100U);
    }
    EXPECT_EQ(steps, 15U);
    const std::optional<CoverageGap> gap = scan.gap();
    ASSERT_TRUE(gap.has_value());
    EXPECT_EQ(gap->range.from, 30U);
    EXPECT_EQ(gap->range.to, 90U);
    EXPECT_EQ(gap->sources, std::vector<uint32_t>{0});
}

/// What is stored of a transaction is not all there may be.
TEST(FoldNeedsTest, AMappingThatNamesMoreOfATransactionLacksIt) {
    const Mapping before{mapping_toml(R"(, sender = "$txn.from")"), kAbis};
    World world{before, test::Pace{.needs_txn = true}};
    world.block(10, {before.emit("hub.Put", {num(1), num(1)}, 10, 0)});
    world.commit();
    const auto lacks = [&](std::string_view more) {
        const Mapping after{mapping_toml(more), kAbis};
        FoldNeeds scan{world.database->read_view(), *after.plan, {}, 10};
        const Result<bool> is_done = scan.step(100);
        EXPECT_TRUE(is_done && *is_done);
        return scan.gap().has_value();
    };
    EXPECT_FALSE(lacks(""));
    EXPECT_FALSE(lacks(R"(, sender = "$txn.to")"));
    EXPECT_TRUE(lacks(R"~(, sender = "address(slice($txn.input, 0, 20))")~"));
    EXPECT_TRUE(lacks(R"~(, sender = "if($receipt.gas_used > 1, $txn.to, $txn.from)")~"));
}

}  // namespace
}  // namespace plumbline::engine::fold_needs_test
