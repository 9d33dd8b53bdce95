// address = "*": the events of whoever emits them, and what strangers cannot do with that.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/fold/quarantine_bound.hpp"
#include "engine/ingest/range_question.hpp"
#include "engine/mapping/source_map.hpp"
#include "storage/read_view.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::anywhere_test {
namespace {

using test::abi_json;
using test::Abis;
using test::AbiValue;
using test::acc;
using test::address_of;
using test::hex_of;
using test::Mapping;
using test::num;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const Abis kAbis{
    {"T.json", abi_json({"event Transfer(address indexed from, address indexed to, uint256 value)",
                         "event Other(uint256 a)", "function balanceOf(address a) view (uint256)",
                         "function count() view (uint256)"})},
    {"N.json",
     abi_json({"event Transfer(address indexed from, address indexed to, uint256 indexed id)"})},
    {"A.json", abi_json({"event Note(uint256 a) anonymous"})}};

std::string with(const std::string& contract, const std::string& more = "") {
    return R"(
[contracts.any]
abi = "T.json"
address = "*"
)" + contract +
           R"(
[entities.sum]
key = { token = "address" }
fields = { amount = "uint64" }
)" + more + R"(
[[on]]
event = "any.Transfer"
upsert = "sum"
key = { token = "$log.address" }
add = { amount = "value" }
)";
}

std::string refusal(const std::string& mapping) {
    return test::refusal(mapping, kAbis);
}

/// A transfer that `token` emits.
test::Emitted transfer(const Mapping& mapping, uint64_t token, uint64_t amount, uint64_t block,
                       uint32_t index) {
    return mapping.emit("any.Transfer", {acc(1), acc(2), num(amount)}, block, index,
                        address_of(token));
}

TEST(AnywhereTest, EventsCountWhoeverEmitsThem) {
    const Mapping mapping{with(""), kAbis};
    World world{mapping};
    world.block(1, {transfer(mapping, 50, 3, 1, 0), transfer(mapping, 51, 4, 1, 1),
                    transfer(mapping, 50, 5, 1, 2)});
    EXPECT_THAT(world.row("sum", "token=" + hex_of(50)), HasSubstr(R"("amount":8)"));
    EXPECT_THAT(world.row("sum", "token=" + hex_of(51)), HasSubstr(R"("amount":4)"));
}

TEST(AnywhereTest, AForeignShapeIsPassedOverAndCounted) {
    const Mapping mapping{with(""), kAbis};
    const Mapping nft{R"([contracts.nft]
abi = "N.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
)",
                      kAbis};
    World world{mapping};
    test::Emitted cut = transfer(mapping, 52, 9, 1, 1);
    cut.data.resize(31);
    cut.log.data_size = 31;
    world.block(1, {nft.emit("nft.Transfer", {acc(1), acc(2), num(7)}, 1, 0), cut,
                    transfer(mapping, 50, 3, 1, 2)});
    EXPECT_THAT(world.quarantine(), ElementsAre());
    EXPECT_EQ(world.fold->stats().unknown, 2U);
    EXPECT_THAT(world.row("sum", "token=" + hex_of(50)), HasSubstr(R"("amount":3)"));
}

/// A sum that does not fit is the emitter's choice, and so is how often.
TEST(AnywhereTest, OfOneContractOnlySoManyStayInQuarantine) {
    const Mapping mapping{with(""), kAbis};
    World world{mapping};
    const auto hostile = [&](uint64_t token, uint64_t block, uint32_t count) {
        std::vector<test::Emitted> events;
        for (uint32_t i = 0; i < count; ++i) {
            events.push_back(mapping.emit(
                "any.Transfer", {acc(1), acc(2), AbiValue::number(evm::negate(evm::U256{1}))},
                block, i, address_of(token)));
        }
        world.block(block, events);
        world.commit();
    };
    hostile(60, 1, kQuarantinePerAddressMax - 1);
    hostile(61, 2, 5);
    world.reopen();  // and so counts from what is stored
    hostile(60, 3, 7);
    hostile(61, 4, 2);
    EXPECT_EQ(world.fold->stats().quarantined, 9U);
    EXPECT_EQ(world.fold->stats().dropped, 6U);
    const std::vector<std::string> rows = world.quarantine();
    EXPECT_THAT(rows, SizeIs(kQuarantinePerAddressMax + 7));
    EXPECT_THAT(rows[0], HasSubstr("emitted by " + hex_of(60)));
    EXPECT_THAT(rows[kQuarantinePerAddressMax + 4], HasSubstr("further ones of this contract"));
}

TEST(AnywhereTest, ADeclaredContractBesideItKeepsItsWholeQuarantine) {
    const std::string both = with("") + R"(
[contracts.one]
abi = "T.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.seen]
key = { value = "uint8" }
[[on]]
event = "one.Transfer"
upsert = "seen"
key = { value = "value" }
)";
    const Mapping mapping{both, kAbis};
    SourceMap map{mapping.plan->sources()};
    std::vector<uint32_t> owners;
    const auto owners_of = [&](const test::Emitted& event) {
        owners.clear();
        map.for_each_source(event.log, [&](uint32_t source) { owners.push_back(source); });
        return owners;
    };
    EXPECT_THAT(owners_of(mapping.emit("one.Transfer", {acc(1), acc(2), num(1)}, 1, 0)),
                ElementsAre(0U, 1U));
    EXPECT_THAT(owners_of(transfer(mapping, 50, 1, 1, 0)), ElementsAre(0U));
    EXPECT_THAT(owners_of(mapping.emit("one.Other", {num(1)}, 1, 0)), ElementsAre(0U, 1U));
}

TEST(AnywhereTest, NodesAreAskedForTopicsAlone) {
    const Mapping mapping{with("events = [\"Transfer\"]\nstart_block = 5\nend_block = 9"), kAbis};
    RangeQuestion question{10};
    const Source& source = mapping.plan->sources()[0];
    question.add_declared(source);
    const auto filters = std::move(question).filters();
    ASSERT_THAT(filters, SizeIs(1));
    EXPECT_THAT(filters[0].addresses, SizeIs(0));
    EXPECT_THAT(filters[0].topics0, SizeIs(1));
    SourceMap map{mapping.plan->sources()};
    for (const uint64_t block : {4U, 5U, 9U, 10U}) {
        size_t count = 0;
        map.for_each_source(transfer(mapping, 50, 1, block, 0).log,
                            [&](uint32_t /*source*/) { ++count; });
        EXPECT_EQ(count, block >= 5 && block <= 9 ? 1U : 0U) << block;
    }
    const Mapping filtered{with("filter = { Transfer = { to = \"" + hex_of(2) + "\" } }"), kAbis};
    RangeQuestion narrow{10};
    narrow.add_declared(filtered.plan->sources()[0]);
    const auto narrowed = std::move(narrow).filters();
    ASSERT_THAT(narrowed, SizeIs(1));
    EXPECT_THAT(narrowed[0].addresses, SizeIs(0));
    EXPECT_THAT(narrowed[0].more_topics[1], SizeIs(1));
    EXPECT_NE(filtered.plan->sources()[0].fingerprint, source.fingerprint);
}

TEST(AnywhereTest, MistakesAreToldAtStart) {
    EXPECT_EQ(refusal(with("")), "");
    EXPECT_THAT(
        refusal(with(
            "",
            R"(state = { call = "any.balanceOf", args = ["token"], returns = ["amount"], at = "token" })")),
        HasSubstr("what such contracts tell of themselves proves nothing"));
    EXPECT_THAT(refusal(with("", R"(count = "any.count")")), HasSubstr("proves nothing"));
    EXPECT_THAT(refusal(with("factory = { event = \"any.Transfer\", address = \"to\" }")),
                HasSubstr("is every contract already"));
    EXPECT_THAT(refusal("[contracts.a]\nabi = \"A.json\"\naddress = \"*\"\n"),
                HasSubstr("only events with a topic of their own"));
    EXPECT_THAT(
        refusal("[contracts.a]\nabi = \"A.json\"\naddress = [\"*\", \"" + hex_of(1) + "\"]\n"),
        HasSubstr("no other stands beside it"));
}

}  // namespace
}  // namespace plumbline::engine::anywhere_test
