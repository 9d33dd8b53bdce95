// Logs that the config's own contracts have and that do not count: whose they are, and why.
#include "engine/text/uncounted.hpp"

#include <gtest/gtest.h>

#include "engine/mapping/block_tick.hpp"
#include "tests/engine/item_chain.hpp"

namespace plumbline::engine::uncounted_test {
namespace {

using test::acc;
using test::address_of;
using test::Emitted;
using test::kAbis;
using test::kMapping;
using test::Mapping;
using test::num;

/// `kMapping` with these lines in the hub's table, and this at the end of the factory.
std::string with(const std::string& of_hub, const std::string& of_factory = "") {
    std::string out = kMapping;
    out.replace(out.find("address = \"0x"), 0, of_hub + "\n");
    out.insert(out.find(" }", out.find("factory =")), of_factory);
    return out;
}

/// "contract: why" of `log`, with a vault announced by log 3 of block 10; "" where it is of nobody.
std::string told(const std::string& toml, const evm::Log& log) {
    const Mapping mapping{toml, kAbis};
    SourceMap map{mapping.plan->sources()};
    map.reset_children({{"vault", address_of(100), 10, 3}});
    const auto found = find_uncounted(*mapping.plan, map, log);
    return found ? found->contract + ": " + found->why : "";
}

class UncountedTest : public testing::Test {
  protected:
    [[nodiscard]] evm::Log put(uint64_t id, uint64_t block_num) const {
        return mapping_.emit("hub.Put", {num(id), num(5)}, block_num, 0).log;
    }
    [[nodiscard]] evm::Log paid(uint64_t block_num, uint32_t log_index) const {
        return mapping_.emit("vault.Paid", {num(7)}, block_num, log_index, address_of(100)).log;
    }
    const Mapping mapping_{kMapping, kAbis};
};

TEST_F(UncountedTest, WhatTheConfigsOwnContractDoesNotCountIsSaidToBeThatAndWhy) {
    EXPECT_EQ(told(with("start_block = 15"), put(1, 14)), "hub: before its start_block 15");
    EXPECT_EQ(told(with("end_block = 12"), put(1, 13)), "hub: after its end_block 12");
    std::string without = with("events = [\"Put\", \"Deployed\"]");
    const std::string handler =
        "[[on]]\nevent = \"hub.Del\"\ndelete = \"item\"\nkey = { id = \"id\" }\n";
    ASSERT_NE(without.find(handler), std::string::npos);
    without.erase(without.find(handler), handler.size());
    EXPECT_EQ(told(without, mapping_.emit("hub.Del", {num(1)}, 13, 0).log),
              "hub: of an event that its `events` or `filter` does not name");
    EXPECT_EQ(
        told(with("events = [\"Put\", \"Del\", \"Deployed\"]\nfilter = { Put = { id = [\"2\"] } }"),
             put(1, 13)),
        "hub: left out by its filter");
}

TEST_F(UncountedTest, AChildsLogsBeforeItsTimeAreNotCalledThoseOfAnUnknownAddress) {
    EXPECT_EQ(told(kMapping, paid(9, 0)),
              "vault: before the block in which its factory announces it");
    EXPECT_EQ(told(with("", ", since = \"announcement\""), paid(10, 2)),
              "vault: before its factory announces it, as since = \"announcement\" wants");
    EXPECT_EQ(told(with("", ", since = 8"), paid(7, 0)), "vault: before since = 8");
}

TEST_F(UncountedTest, TicksOfAnEveryThatIsAnotherNowAreNoContracts) {
    const std::string every =
        "[[on]]\nevery = { blocks = 7 }\nupsert = \"total\"\nkey = { vault = "
        "\"0x5FbDB2315678afecb367f032d93F642f64180aa3\" }\nset = { amount = 1 }\n";
    EXPECT_EQ(told(kMapping + every, make_tick(20, 40, {})),
              "every 20 blocks: of an `every` that the config no longer has");
    EXPECT_EQ(told(kMapping + every, make_tick(7, 14, {})), "");
}

TEST_F(UncountedTest, WhatCountsAndWhatIsOfNobodyHasNoReason) {
    EXPECT_EQ(told(kMapping, put(1, 13)), "");
    EXPECT_EQ(told(kMapping, paid(10, 4)), "");
    evm::Log stranger = put(1, 13);
    stranger.address = address_of(200);
    EXPECT_EQ(told(kMapping, stranger), "");
}

}  // namespace
}  // namespace plumbline::engine::uncounted_test
