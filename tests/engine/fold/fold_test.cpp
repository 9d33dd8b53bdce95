#include "engine/fold/fold.hpp"

#include <fstream>
#include <random>
#include <tuple>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/text/entity_text.hpp"
#include "storage/entity_key.hpp"
#include "storage/read_view.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::fold_test {
namespace {

using test::abi_json;
using test::Abis;
using test::AbiValue;
using test::acc;
using test::address_of;
using test::Emitted;
using test::hex_of;
using test::list;
using test::Mapping;
using test::neg;
using test::num;
using test::Pace;
using test::text;
using test::time_of;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Abis kAbis{
    {"Hub.json",
     abi_json({
         "event Put(uint256 indexed id, address indexed owner, string text, uint256 amount)",
         "event Del(uint256 indexed id)",
         "event Add(uint256 indexed id, uint256 amount, int256 delta)",
         "event Sub(uint256 indexed id, uint256 amount, int256 delta)",
         "event Range(uint256 indexed id, int256 value)",
         "event Batch(address from, uint256[] ids, uint256[] values)",
         "event Orders((uint256 id, string note)[] orders)",
         "event Policy(uint256 id, (uint8 kind, (uint64 low, string name) limits) policy)",
         "event Copy(uint256 from, uint256 to)",
         "event Named(string indexed name, bytes32)",
         "event Where(uint256 id)",
         "event Secret(uint256 indexed id, uint256 value) anonymous",
         "event Deployed(address vault)",
         "event Ignored(uint256 id)",
     })},
    {"Vault.json", abi_json({"event Paid(uint256 amount)"})},
    {"Note.json", abi_json({"event LogNote(bytes4 indexed sig, address indexed guy, uint256 wad) "
                            "anonymous",
                            "event Plain(uint256 value) anonymous", "event Known(uint256 value)"})},
};

const std::string kContracts = R"(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
)";

const std::string kItem = R"(
[entities.item]
key = { id = "uint256" }
fields = { owner = "address", text = "string", amount = "uint64", delta = "int16", seen = "uint64" }
index = [["owner"]]
)";

Emitted put(const Mapping& mapping, uint64_t id, uint64_t owner, std::string_view note,
            uint64_t amount, uint64_t block, uint32_t index) {
    return mapping.emit("hub.Put", {num(id), acc(owner), text(note), num(amount)}, block, index);
}

const std::string kOnPut = R"(
[[on]]
event = "hub.Put"
insert = "item"
key = { id = "id" }
set = { owner = "owner", text = "text", amount = "amount" }
)";

std::string item(uint64_t id, uint64_t owner, const std::string& note, uint64_t amount,
                 int64_t delta = 0, uint64_t seen = 0) {
    return fmt::format(R"({{"id":"{}","owner":"{}","text":"{}","amount":{},"delta":{},"seen":{}}})",
                       id, hex_of(owner), note, amount, delta, seen);
}

TEST(FoldTest, InsertSetsFieldsAndLeavesOthersZero) {
    const Mapping mapping{kContracts + kItem + kOnPut, kAbis};
    World world{mapping};
    world.block(1, {put(mapping, 7, 3, "hello", 40, 1, 0)});
    EXPECT_EQ(world.row("item", "id=7"), item(7, 3, "hello", 40));
    EXPECT_EQ(world.row("item", "id=8"), "");
    EXPECT_THAT(world.quarantine(), IsEmpty());
    EXPECT_EQ(world.fold->stats().events, 1U);
    EXPECT_EQ(world.fold->stats().handled, 1U);
    EXPECT_EQ(world.fold->stats().row_changes, 1U);
}

TEST(FoldTest, InsertOfAnExistingKeyIsABreachThatNamesEntityAndKey) {
    const Mapping mapping{kContracts + kItem + kOnPut, kAbis};
    World world{mapping};
    world.block(1, {put(mapping, 7, 3, "a", 1, 1, 0), put(mapping, 7, 4, "b", 2, 1, 1)});
    EXPECT_EQ(world.row("item", "id=7"), item(7, 3, "a", 1));
    EXPECT_THAT(world.quarantine(),
                ElementsAre("1/1 hub.Put: insert of 'item' (id=7): there is such a row already"));
    EXPECT_EQ(world.fold->stats().quarantined, 1U);
}

TEST(FoldTest, UpdateAndDeleteOfAMissingKeyAreBreaches) {
    const Mapping mapping{kContracts + kItem + R"(
[[on]]
event = "hub.Add"
update = "item"
key = { id = "id" }
set = { seen = 1 }
[[on]]
event = "hub.Del"
delete = "item"
key = { id = "id" }
)",
                          kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Add", {num(1), num(1), num(1)}, 1, 0),
                    mapping.emit("hub.Del", {num(1)}, 1, 1)});
    EXPECT_THAT(world.quarantine(),
                ElementsAre("1/0 hub.Add: update of 'item' (id=1): there is no such row",
                            "1/1 hub.Del: delete of 'item' (id=1): there is no such row"));
}

TEST(FoldTest, DeletedKeysMayBeInsertedAgain) {
    const Mapping mapping{kContracts + kItem + kOnPut +
                              "[[on]]\nevent = \"hub.Del\"\ndelete = \"item\"\nkey = { id = \"id\" "
                              "}\n",
                          kAbis};
    World world{mapping};
    world.block(1, {put(mapping, 7, 3, "a", 1, 1, 0)});
    world.block(2, {mapping.emit("hub.Del", {num(7)}, 2, 0)});
    EXPECT_EQ(world.row("item", "id=7"), "");
    world.block(3, {put(mapping, 7, 4, "b", 2, 3, 0)});
    EXPECT_EQ(world.row("item", "id=7"), item(7, 4, "b", 2));
    EXPECT_THAT(world.quarantine(), IsEmpty());
    EXPECT_EQ(world.database->entity_count(0), 1U);
}

TEST(FoldTest, ARowMadeAndDeletedBetweenTwoCommitsLeavesNothing) {
    const Mapping mapping{kContracts + kItem + kOnPut +
                              "[[on]]\nevent = \"hub.Del\"\ndelete = \"item\"\nkey = { id = \"id\" "
                              "}\n",
                          kAbis};
    World world{mapping};
    world.block(1, {put(mapping, 7, 3, "a", 1, 1, 0), mapping.emit("hub.Del", {num(7)}, 1, 1)});
    EXPECT_THAT(world.derived(), IsEmpty());
}

TEST(FoldTest, UpsertStartsFromZeroAndKeepsWhatIsThere) {
    const Mapping mapping{kContracts + kItem + kOnPut +
                              "[[on]]\nevent = \"hub.Add\"\nupsert = \"item\"\nkey = { id = \"id\" "
                              "}\nadd = { amount = \"amount\" }\n",
                          kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Add", {num(1), num(5), num(0)}, 1, 0),
                    put(mapping, 2, 3, "x", 40, 1, 1),
                    mapping.emit("hub.Add", {num(2), num(5), num(0)}, 1, 2)});
    EXPECT_THAT(world.row("item", "id=1"), HasSubstr("\"amount\":5"));
    EXPECT_EQ(world.row("item", "id=2"), item(2, 3, "x", 45));
}

TEST(FoldTest, OpsApplyInTheOrderSetAddSubMinMax) {
    const Mapping mapping{kContracts + kItem + R"(
[[on]]
event = "hub.Add"
upsert = "item"
key = { id = "id" }
max = { amount = 6 }
min = { amount = 50 }
sub = { amount = 30 }
add = { amount = "amount" }
set = { amount = 20 }
)",
                          kAbis};
    World world{mapping};
    // 20 + 100 - 30 = 90, at most 50, at least 6.
    world.block(1, {mapping.emit("hub.Add", {num(1), num(100), num(0)}, 1, 0)});
    EXPECT_THAT(world.row("item", "id=1"), HasSubstr("\"amount\":50"));
    // 20 + 0 - 30 wraps before `max` could mend it.
    world.block(2, {mapping.emit("hub.Add", {num(1), num(0), num(0)}, 2, 0)});
    EXPECT_THAT(world.quarantine(),
                ElementsAre("2/0 hub.Add: sub of 'item' (id=1): 'amount' is 20: subtracting 30 "
                            "leaves the range of uint64"));
}

TEST(FoldTest, AddAndSubStayInsideTheFieldsOwnWidth) {
    const Mapping mapping{kContracts + kItem + R"(
[[on]]
event = "hub.Add"
upsert = "item"
key = { id = "id" }
add = { amount = "amount", delta = "delta" }
[[on]]
event = "hub.Sub"
upsert = "item"
key = { id = "id" }
sub = { amount = "amount", delta = "delta" }
)",
                          kAbis};
    World world{mapping};
    const uint64_t max = UINT64_MAX;
    uint32_t at = 0;
    const auto add = [&](uint64_t amount, const test::AbiValue& delta) {
        return mapping.emit("hub.Add", {num(1), num(amount), delta}, 1, at++);
    };
    const auto sub = [&](uint64_t amount, const test::AbiValue& delta) {
        return mapping.emit("hub.Sub", {num(1), num(amount), delta}, 1, at++);
    };
    world.block(1, {
                       add(max, num(32767)),  // 0: both at their top
                       add(1, num(0)),        // 1: wraps uint64
                       add(0, num(1)),        // 2: wraps int16
                       add(0, neg(65535)),    // 3: 32767 - 65535 = -32768
                       add(0, neg(1)),        // 4: wraps below
                       sub(0, num(1)),        // 5: wraps below
                       sub(0, neg(65535)),    // 6: back at the top
                       sub(max, num(0)),      // 7: amount is 0
                       sub(1, num(0)),        // 8: wraps below
                   });
    EXPECT_THAT(world.row("item", "id=1"), HasSubstr("\"amount\":0,\"delta\":32767"));
    EXPECT_THAT(world.quarantine(),
                ElementsAre(HasSubstr("1/1 hub.Add: add of 'item' (id=1): 'amount' is "
                                      "18446744073709551615: adding 1 leaves the range of uint64"),
                            HasSubstr("1/2 "), HasSubstr("1/4 "), HasSubstr("1/5 "),
                            HasSubstr("1/8 hub.Sub: sub of 'item' (id=1): 'amount' is 0: "
                                      "subtracting 1")));
}

TEST(FoldTest, ASignedAmountMovesAnUnsignedFieldBothWays) {
    const Mapping mapping{kContracts + kItem + R"(
[[on]]
event = "hub.Add"
upsert = "item"
key = { id = "id" }
add = { amount = "delta" }
)",
                          kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Add", {num(1), num(0), num(10)}, 1, 0),
                    mapping.emit("hub.Add", {num(1), num(0), neg(4)}, 1, 1),
                    mapping.emit("hub.Add", {num(1), num(0), neg(7)}, 1, 2)});
    EXPECT_THAT(world.row("item", "id=1"), HasSubstr("\"amount\":6"));
    EXPECT_THAT(world.quarantine(), ElementsAre(HasSubstr("'amount' is 6: adding -7 leaves")));
}

TEST(FoldTest, MinAndMaxCompareByValueAcrossSigns) {
    const Mapping mapping{kContracts + kItem + R"(
[[on]]
event = "hub.Range"
upsert = "item"
key = { id = "id" }
min = { delta = "value" }
max = { seen = "value" }
)",
                          kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Range", {num(1), neg(5)}, 1, 0),
                    mapping.emit("hub.Range", {num(1), num(9)}, 1, 1),
                    mapping.emit("hub.Range", {num(1), neg(40000)}, 1, 2)});
    EXPECT_THAT(world.row("item", "id=1"), HasSubstr("\"delta\":-5,\"seen\":9"));
    EXPECT_THAT(world.quarantine(), ElementsAre(HasSubstr("min of 'item' (id=1): 'delta' is int16, "
                                                          "which cannot hold -40000")));
}

TEST(FoldTest, AValueThatDoesNotFitIsABreach) {
    const Mapping mapping{kContracts + kItem + kOnPut, kAbis};
    World world{mapping};
    world.block(1,
                {mapping.emit("hub.Put",
                              {num(7), acc(1), text("t"),
                               test::AbiValue::number(*evm::U256::parse("18446744073709551616"))},
                              1, 0)});
    EXPECT_EQ(world.row("item", "id=7"), "");
    EXPECT_THAT(world.quarantine(),
                ElementsAre("1/0 hub.Put: insert of 'item' (id=7): field 'amount': 'amount' is "
                            "18446744073709551616, which uint64 cannot hold"));
}

TEST(FoldTest, ABreachTakesBackAllThatTheEventsHandlersDid) {
    const Mapping mapping{kContracts + kItem + kOnPut + R"(
[[on]]
event = "hub.Add"
update = "item"
key = { id = "id" }
set = { text = "'a longer text than there was, in its own allocation'" }
add = { amount = 1 }
[[on]]
event = "hub.Add"
upsert = "item"
key = { id = "amount" }
[[on]]
event = "hub.Add"
update = "item"
key = { id = 999 }
set = { seen = 1 }
)",
                          kAbis};
    World world{mapping};
    world.block(1, {put(mapping, 7, 3, "hello", 40, 1, 0)});
    const auto before = world.derived(false);
    world.block(2, {mapping.emit("hub.Add", {num(7), num(12), num(0)}, 2, 0)});
    EXPECT_THAT(world.quarantine(), SizeIs(1));
    EXPECT_EQ(world.row("item", "id=7"), item(7, 3, "hello", 40));
    EXPECT_EQ(world.row("item", "id=12"), "");
    EXPECT_EQ(world.derived(false).size(), before.size() + 1);  // the quarantine row
}

TEST(FoldTest, ABreachInOneCommitKeepsTheEventsBeforeIt) {
    const Mapping mapping{kContracts + kItem + kOnPut + R"(
[[on]]
event = "hub.Add"
update = "item"
key = { id = "id" }
add = { amount = 1 }
[[on]]
event = "hub.Add"
update = "item"
key = { id = "amount" }
set = { seen = 0 }
)",
                          kAbis};
    World world{mapping, Pace{.blocks_per_commit = 100}};
    world.block(1, {put(mapping, 7, 3, "hello", 40, 1, 0),
                    mapping.emit("hub.Add", {num(7), num(7), num(0)}, 1, 1),
                    mapping.emit("hub.Add", {num(7), num(8), num(0)}, 1, 2)});
    EXPECT_EQ(world.row("item", "id=7"), item(7, 3, "hello", 41));
}

TEST(FoldTest, WhenAsksForEveryCondition) {
    const Mapping mapping{kContracts + kItem + R"(
[[on]]
event = "hub.Put"
when = ["amount > 10", "owner != 0x0000000000000000000000000000000000000000", "text == 'yes'"]
insert = "item"
key = { id = "id" }
)",
                          kAbis};
    World world{mapping};
    const auto zero = test::AbiValue::address(evm::Address{});
    world.block(1, {put(mapping, 1, 1, "yes", 11, 1, 0), put(mapping, 2, 1, "yes", 10, 1, 1),
                    put(mapping, 3, 1, "no", 11, 1, 2),
                    mapping.emit("hub.Put", {num(4), zero, text("yes"), num(11)}, 1, 3)});
    EXPECT_NE(world.row("item", "id=1"), "");
    EXPECT_EQ(world.database->entity_count(0), 1U);
    EXPECT_THAT(world.quarantine(), IsEmpty());
}

const std::string kBalance = R"(
[entities.balance]
key = { owner = "address", id = "uint256" }
fields = { amount = "uint256", order = "uint64" }
drop = "amount == 0"
)";

TEST(FoldTest, EachWalksArraysTogetherAndKnowsItsIndex) {
    const Mapping mapping{kContracts + kBalance + R"(
[[on]]
event = "hub.Batch"
each = ["ids", "values"]
upsert = "balance"
key = { owner = "from", id = "ids" }
add = { amount = "values" }
set = { order = "$each.index" }
)",
                          kAbis};
    World world{mapping};
    world.block(
        1, {mapping.emit(
                "hub.Batch",
                {acc(1), list({num(5), num(6), num(5)}), list({num(10), num(20), num(30)})}, 1, 0),
            mapping.emit("hub.Batch", {acc(1), list({}), list({})}, 1, 1)});
    EXPECT_THAT(world.row("balance", "owner=" + hex_of(1) + ",id=5"),
                HasSubstr("\"amount\":\"40\",\"order\":2"));
    EXPECT_THAT(world.row("balance", "owner=" + hex_of(1) + ",id=6"),
                HasSubstr("\"amount\":\"20\",\"order\":1"));
}

TEST(FoldTest, UnequalLengthsOfEachAreABreach) {
    const Mapping mapping{kContracts + kBalance + R"(
[[on]]
event = "hub.Batch"
each = ["ids", "values"]
upsert = "balance"
key = { owner = "from", id = "ids" }
add = { amount = "values" }
)",
                          kAbis};
    World world{mapping};
    world.block(
        1, {mapping.emit("hub.Batch", {acc(1), list({num(5)}), list({num(1), num(2)})}, 1, 0)});
    EXPECT_THAT(world.quarantine(),
                ElementsAre("1/0 hub.Batch: each: 'ids' has 1 element, but 'values' has 2"));
    EXPECT_EQ(world.database->entity_count(0), 0U);
}

TEST(FoldTest, LookingAheadIntoLongArraysChangesNothing) {
    const Mapping mapping{kContracts + kBalance + R"(
[[on]]
event = "hub.Batch"
each = ["ids", "values"]
upsert = "balance"
key = { owner = "from", id = "ids" }
add = { amount = "values" }
set = { order = "$each.index" }
[[on]]
event = "hub.Batch"
each = ["values"]
upsert = "balance"
key = { owner = "from", id = "$each.index" }
add = { amount = 1 }
)",
                          kAbis};
    std::vector<std::string> wanted;
    for (const bool look_ahead : {false, true}) {
        World world{mapping, test::Pace{.look_ahead = look_ahead}};
        for (uint64_t block = 1; block <= 5; ++block) {
            std::vector<Emitted> events;
            for (uint32_t i = 0; i < 10; ++i) {
                std::vector<test::AbiValue> ids;
                std::vector<test::AbiValue> values;
                for (uint64_t k = 0; k < i * i; ++k) {
                    ids.push_back(num(k * block % 37));
                    values.push_back(num(k % 3));
                }
                if (i == 7) {
                    ids.pop_back();  // a rule violation
                }
                events.push_back(mapping.emit(
                    "hub.Batch", {acc(i % 2), list(std::move(ids)), list(std::move(values))}, block,
                    i));
            }
            world.block(block, events);
        }
        if (!look_ahead) {
            wanted = world.derived();
        } else {
            storage::test::expect_same(world.derived(), wanted);
        }
    }
}

TEST(FoldTest, EachReachesIntoTuples) {
    const Mapping mapping{kContracts + kItem + R"(
[[on]]
event = "hub.Orders"
each = ["orders"]
insert = "item"
key = { id = "orders.id" }
set = { text = "orders.note", seen = "$each.index" }
)",
                          kAbis};
    World world{mapping};
    world.block(
        1, {mapping.emit("hub.Orders",
                         {list({list({num(4), text("four")}), list({num(5), text("")})})}, 1, 0)});
    EXPECT_THAT(world.row("item", "id=4"), HasSubstr("\"text\":\"four\""));
    EXPECT_THAT(world.row("item", "id=5"), HasSubstr("\"seen\":1"));
}

TEST(FoldTest, HandlersRunInConfigOrderEachOverItsWholeArray) {
    const Mapping mapping{kContracts + kBalance + kItem + R"(
[[on]]
event = "hub.Batch"
each = ["ids", "values"]
upsert = "balance"
key = { owner = "from", id = "ids" }
add = { amount = "values" }
[[on]]
event = "hub.Batch"
each = ["ids"]
upsert = "item"
key = { id = "ids" }
set = { seen = "balance[from, ids].amount" }
)",
                          kAbis};
    World world{mapping};
    world.block(
        1, {mapping.emit("hub.Batch", {acc(1), list({num(5), num(5)}), list({num(10), num(20)})}, 1,
                         0)});
    // Had the handlers taken turns, the first look-up would have seen 10.
    EXPECT_THAT(world.row("item", "id=5"), HasSubstr("\"seen\":30"));
}

TEST(FoldTest, RowsAreDroppedAsSoonAsTheConditionHolds) {
    const Mapping mapping{kContracts + kBalance + R"(
[[on]]
event = "hub.Batch"
each = ["ids", "values"]
upsert = "balance"
key = { owner = "from", id = "ids" }
set = { amount = "values" }
)",
                          kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Batch", {acc(1), list({num(5)}), list({num(1)})}, 1, 0)});
    EXPECT_EQ(world.database->entity_count(0), 1U);
    world.block(2, {mapping.emit("hub.Batch", {acc(1), list({num(5)}), list({num(0)})}, 2, 0)});
    EXPECT_EQ(world.database->entity_count(0), 0U);
    world.block(3, {mapping.emit("hub.Batch", {acc(1), list({num(6)}), list({num(0)})}, 3, 0)});
    EXPECT_THAT(world.derived(), IsEmpty());
}

TEST(FoldTest, LookUpsReadWhatTheFoldHasJustWritten) {
    const Mapping mapping{kContracts + kItem + kOnPut + R"(
[[on]]
event = "hub.Copy"
insert = "item"
key = { id = "to" }
set = { owner = "item[from].owner", text = "item[from].text", amount = "item[item[from].amount].amount" }
)",
                          kAbis};
    World world{mapping, Pace{.blocks_per_commit = 10}};
    world.block(1, {put(mapping, 1, 3, "a text", 2, 1, 0), put(mapping, 2, 4, "", 77, 1, 1),
                    mapping.emit("hub.Copy", {num(1), num(9)}, 1, 2),
                    mapping.emit("hub.Copy", {num(2), num(10)}, 1, 3)});
    EXPECT_EQ(world.row("item", "id=9"), item(9, 3, "a text", 77));
    EXPECT_EQ(world.row("item", "id=10"), "");
    EXPECT_THAT(world.quarantine(),
                ElementsAre("1/3 hub.Copy: insert of 'item' (id=10): field 'amount': look-up of "
                            "'item[item[from].amount].amount': there is no 'item' (id=77)"));
}

TEST(FoldTest, NestedMembersAndUnnamedParametersResolve) {
    const Mapping mapping{kContracts + R"(
[entities.item]
key = { name = "bytes32" }
fields = { value = "bytes32" }
[entities.policy]
key = { id = "uint256", name = "string" }
fields = { kind = "uint8", low = "uint256" }
[[on]]
event = "hub.Named"
insert = "item"
key = { name = "name" }
set = { value = "$arg.1" }
[[on]]
event = "hub.Policy"
insert = "policy"
key = { id = "id", name = "policy.limits.name" }
set = { kind = "policy.kind", low = "$arg.1.limits.low" }
)",
                          kAbis};
    World world{mapping};
    const evm::Hash value = test::hash_of(1);
    world.block(
        1,
        {mapping.emit("hub.Named", {text("abc"), test::AbiValue::fixed_bytes(value.view())}, 1, 0),
         mapping.emit("hub.Policy", {num(1), list({num(2), list({num(3), text("x")})})}, 1, 1)});
    EXPECT_EQ(world.row("item", "name=" + evm::to_hex(evm::keccak256("abc"))),
              fmt::format(R"({{"name":"{}","value":"{}"}})", evm::to_hex(evm::keccak256("abc")),
                          evm::to_hex(value)));
    EXPECT_EQ(world.row("policy", "id=1,name=x"), R"({"id":"1","name":"x","kind":2,"low":"3"})");
}

TEST(FoldTest, BlockTransactionAndLogAreValuesToo) {
    const Mapping mapping{kContracts + R"(
[entities.seen]
key = { id = "uint256" }
[entities.seen.fields]
bn = "uint64"
bh = "bytes32"
bt = "uint64"
th = "bytes32"
ti = "uint32"
li = "uint32"
la = "address"
tf = "address"
tt = "address"
tv = "uint256"
yes = "bool"
blob = "bytes"
note = "string"
[[on]]
event = "hub.Where"
insert = "seen"
key = { id = "id" }
[on.set]
bn = "$block.number"
bh = "$block.hash"
bt = "$block.timestamp"
th = "$txn.hash"
ti = "$txn.index"
li = "$log.index"
la = "$log.address"
tf = "$txn.from"
tt = "$txn.to"
tv = "$txn.value"
yes = true
blob = "0xdead"
note = "'it''s'"
)",
                          kAbis};
    World world{mapping, Pace{.needs_txn = true}};
    const Emitted event = mapping.emit("hub.Where", {num(1)}, 5, 3);
    world.block(5, {event});
    EXPECT_EQ(
        world.row("seen", "id=1"),
        fmt::format(R"({{"id":"1","bn":5,"bh":"{}","bt":{},"th":"{}","ti":1,"li":3,"la":"{}",)"
                    R"("tf":"{}","tt":"0x0000000000000000000000000000000000000000","tv":"77",)"
                    R"("yes":true,"blob":"0xdead","note":"it's"}})",
                    evm::to_hex(test::hash_of(5)), time_of(5), evm::to_hex(event.log.txn_hash),
                    evm::to_hex(event.log.address), hex_of(9)));
}

TEST(FoldTest, MissingTransactionFieldsAreAnErrorAndNoQuarantine) {
    const Mapping mapping{kContracts + kItem +
                              "[[on]]\nevent = \"hub.Where\"\nupsert = \"item\"\nkey = { id = "
                              "\"id\" }\nset = { owner = \"$txn.from\" }\n",
                          kAbis};
    World world{mapping};
    const Emitted event = mapping.emit("hub.Where", {num(1)}, 1, 0);
    world.fold->begin_block({1, {}, 0, false});
    const Status applied = world.fold->apply(event.log, event.data, nullptr);
    EXPECT_ERROR(applied, ErrorCode::kNotFound);
    EXPECT_EQ(world.fold->stats().quarantined, 0U);
}

TEST(FoldTest, WhatTransactionsAndReceiptsSayIsThereWhereItIsNamed) {
    const Mapping mapping{kContracts + R"~([entities.seen]
key = { id = "uint256" }
fields = { nonce = "uint64", gas = "uint64", kind = "uint8", input = "bytes", used = "uint64", status = "uint8", price = "uint256" }
[[on]]
event = "hub.Where"
insert = "seen"
key = { id = "id" }
set = { nonce = "$txn.nonce", gas = "$txn.gas", kind = "$txn.type", input = "slice($txn.input, 0, 4)", used = "$receipt.gas_used", status = "$receipt.status", price = "$receipt.effective_gas_price + 1" }
)~",
                          kAbis};
    EXPECT_EQ(mapping.plan->txn_needs(0, mapping.emit("hub.Where", {num(1)}, 1, 0).log),
              (storage::TxnNeeds{true, true, true}));
    World world{mapping};
    const Emitted event = mapping.emit("hub.Where", {num(1)}, 1, 0);
    storage::TxnFields txn;
    txn.body = evm::TxnBody{7, 21'000, 2, "abcdef"};
    world.fold->begin_block({1, {}, 0, false});
    EXPECT_ERROR(world.fold->apply(event.log, event.data, &txn), ErrorCode::kNotFound);
    txn.receipt = evm::TxnReceipt{20'000, 1, evm::U256{99}};
    ASSERT_OK(world.fold->apply(event.log, event.data, &txn));
    std::string key;
    storage::append_key_word(key, {storage::FieldKind::kUint, 256}, evm::U256{1});
    const auto row = world.fold->peek(0, key);
    ASSERT_OK(row);
    std::string shown;
    ASSERT_OK(
        append_row_json(shown, mapping.plan->entities()[0], mapping.plan->codec(0), key, *row));
    EXPECT_EQ(shown, R"({"id":"1","nonce":7,"gas":21000,"kind":2,"input":"0x61626364",)"
                     R"("used":20000,"status":1,"price":"100"})");
}

TEST(FoldTest, WhatCannotBeDecodedGoesToQuarantine) {
    const Mapping mapping{kContracts + kItem + kOnPut, kAbis};
    World world{mapping};
    Emitted event = put(mapping, 7, 3, "hello", 40, 1, 0);
    event.data.resize(50);
    world.block(1, {event});
    EXPECT_THAT(world.quarantine(),
                ElementsAre(HasSubstr("1/0 hub.Put: cannot be decoded as "
                                      "Put(uint256,address,string,uint256): the data ends")));
}

TEST(FoldTest, UnknownEventsAndContractsAreCountedAndLeftAlone) {
    const Mapping mapping{kContracts + kItem + kOnPut, kAbis};
    World world{mapping};
    Emitted unknown = mapping.emit("hub.Ignored", {num(1)}, 1, 1);
    unknown.data.clear();  // nobody decodes it
    Emitted other = put(mapping, 7, 3, "hello", 40, 1, 2);
    other.log.topics[0] = test::hash_of(5);
    Emitted fewer = put(mapping, 7, 3, "hello", 40, 1, 3);
    fewer.log.topic_count = 2;
    world.block(1,
                {mapping.emit("hub.Put", {num(7), acc(1), text(""), num(1)}, 1, 0, address_of(1)),
                 unknown, other, fewer});
    EXPECT_EQ(world.fold->stats().events, 4U);
    EXPECT_EQ(world.fold->stats().handled, 0U);
    // Not a foreign address, not an event of the ABI without a handler.
    EXPECT_EQ(world.fold->stats().unknown, 2U);
    EXPECT_THAT(world.quarantine(), IsEmpty());
    EXPECT_EQ(world.database->entity_count(0), 0U);
}

/// Rows of LogNote by its function selector, two handlers with a `when` each unless others are
/// said.
std::string notes(const std::string& contract, const std::string& when = "") {
    std::string out =
        "[contracts.note]\nabi = \"Note.json\"\naddress = "
        "\"0x00000000000000000000000000000000000000ab\"\n" +
        contract + "[entities.note]\nkey = { log = \"uint32\" }\n" +
        "fields = { kind = \"uint8\", wad = \"uint256\" }\n";
    for (const auto& [sig, kind] : {std::pair{"0x01020304", "1"}, {"0x0a0b0c0d", "2"}}) {
        out += "[[on]]\nevent = \"note.LogNote\"\n" +
               (when.empty() ? std::string{"when = \"sig == "} + sig + "\"\n" : when) +
               "upsert = \"note\"\nkey = { log = \"$log.index\" }\nset = { wad = \"wad\", kind = " +
               kind + " }\n";
    }
    return out;
}

/// An event of no ABI as an upgraded proxy has it: with as many topics as LogNote.
Emitted unknown_of_two_topics(const Mapping& mapping, uint32_t index) {
    Emitted out = mapping.emit("note.Known", {num(1234)}, 1, index);
    out.log.topics[0] = test::hash_of(77);
    out.log.topics[1] = evm::Hash{};
    out.log.topic_count = 2;
    return out;
}

AbiValue selector(std::vector<uint8_t> bytes) {
    return AbiValue::fixed_bytes(bytes);
}

TEST(FoldTest, AnonymousEventsAreThoseThatAHandlersConditionSays) {
    const Mapping mapping{notes(""), kAbis};
    World world{mapping};
    const auto emit = [&](std::vector<uint8_t> sig, uint32_t index) {
        return mapping.emit("note.LogNote", {selector(std::move(sig)), acc(3), num(40 + index)}, 1,
                            index);
    };
    world.block(1, {emit({1, 2, 3, 4}, 0), emit({10, 11, 12, 13}, 1), emit({9, 9, 9, 9}, 2)});
    EXPECT_THAT(world.row("note", "log=0"), AllOf(HasSubstr("\"kind\":1"), HasSubstr("\"40\"")));
    EXPECT_THAT(world.row("note", "log=1"), HasSubstr("\"kind\":2"));
    EXPECT_EQ(world.row("note", "log=2"), "");
    EXPECT_THAT(world.quarantine(), IsEmpty());
    EXPECT_EQ(world.fold->stats().handled, 2U);
    EXPECT_EQ(world.fold->stats().unknown, 1U) << "nobody says that it is a LogNote";
}

TEST(FoldTest, AnEventThatTheAbiDoesNotKnowIsNeverTakenForAnAnonymousOne) {
    // The second condition holds for any topic but one, but this log's topics are no LogNote's.
    for (const std::string& mapping_text : {notes(""), notes("", "when = \"sig != 0x01020304\"\n"),
                                            notes("anonymous = [\"LogNote\"]\n", " ")}) {
        const Mapping mapping{mapping_text, kAbis};
        World world{mapping};
        world.block(
            1, {unknown_of_two_topics(mapping, 0), mapping.emit("note.Known", {num(5)}, 1, 1)});
        EXPECT_EQ(world.database->entity_count(0), 0U) << mapping_text;
        EXPECT_THAT(world.quarantine(), IsEmpty());
        EXPECT_EQ(world.fold->stats().unknown, 1U) << mapping_text;
    }
}

TEST(FoldTest, ANamedAnonymousEventIsEveryUnknownLogOfItsTopicCount) {
    const Mapping mapping{notes("anonymous = [\"LogNote\", \"Plain\"]\n", " ") +
                              "[[on]]\nevent = \"note.Plain\"\nupsert = \"note\"\nkey = { log = "
                              "\"$log.index\" }\nset = { wad = \"value\" }\n",
                          kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("note.LogNote", {selector({9, 9, 9, 9}), acc(3), num(6)}, 1, 0),
                    mapping.emit("note.Plain", {num(7)}, 1, 1)});
    EXPECT_THAT(world.row("note", "log=0"), HasSubstr("\"wad\":\"6\""));
    EXPECT_THAT(world.row("note", "log=1"), HasSubstr("\"wad\":\"7\""));
    EXPECT_EQ(world.fold->stats().unknown, 0U);
}

/// What docs/config.md says of a look-up of a row that is not there.
TEST(FoldTest, ALookUpOfAMissingRowIsARuleViolationWhereverItStandsAsTheGuideSays) {
    std::ifstream in{source_dir() + "/docs/config.md"};
    const std::string guide{std::istreambuf_iterator<char>{in}, {}};
    EXPECT_THAT(guide,
                HasSubstr("`entity[key, key].field` | a field of another row; where there is "
                          "no such row it is a rule violation"));
    for (const std::string rest :
         {"set = { amount = \"item[from].amount\" }", "add = { amount = \"item[from].amount\" }",
          "when = \"item[from].amount == 0\"", "when = \"item[from].amount != 0\""}) {
        const Mapping mapping{kContracts + kItem +
                                  "[[on]]\nevent = \"hub.Copy\"\nupsert = \"item\"\nkey = { id = "
                                  "\"to\" }\n" +
                                  rest + "\n",
                              kAbis};
        World world{mapping};
        world.block(1, {mapping.emit("hub.Copy", {num(1), num(9)}, 1, 0)});
        EXPECT_EQ(world.database->entity_count(0), 0U) << rest;
        EXPECT_THAT(world.quarantine(),
                    ElementsAre(AllOf(HasSubstr("1/0 hub.Copy: "),
                                      HasSubstr("look-up of 'item[from].amount': there is no "
                                                "'item' (id=1)"))))
            << rest;
    }
}

Mapping vault_mapping(const std::string& since) {
    return {kContracts + R"(
[contracts.vault]
abi = "Vault.json"
factory = { event = "hub.Deployed", address = "vault")" +
                since + R"( }
[entities.total]
key = { vault = "address" }
fields = { amount = "uint256" }
[[on]]
event = "vault.Paid"
upsert = "total"
key = { vault = "$log.address" }
add = { amount = "amount" }
)",
            kAbis};
}

TEST(FoldTest, ChildrenCountFromTheirBlockOrFromTheirAnnouncementOn) {
    for (const auto& [since, first, second] :
         {std::tuple{"", "11", "111"}, std::tuple{", since = \"block\"", "11", "111"},
          std::tuple{", since = \"announcement\"", "10", "110"}}) {
        SCOPED_TRACE(since);
        const Mapping mapping = vault_mapping(since);
        World world{mapping};
        const auto paid = [&](uint64_t amount, uint32_t index) {
            return mapping.emit("vault.Paid", {num(amount)}, 1, index, address_of(5));
        };
        world.block(1, {paid(1, 0), mapping.emit("hub.Deployed", {acc(5)}, 1, 1), paid(10, 2)});
        EXPECT_THAT(world.row("total", "vault=" + hex_of(5)),
                    HasSubstr(fmt::format("\"amount\":\"{}\"", first)));
        world.reopen();
        Emitted late = paid(100, 0);
        late.log.block_num = 2;
        world.block(2, {late});
        EXPECT_THAT(world.row("total", "vault=" + hex_of(5)),
                    HasSubstr(fmt::format("\"amount\":\"{}\"", second)));
    }
}

TEST(FoldTest, OneAddressMayBelongToSeveralContracts) {
    const Mapping mapping{kContracts + R"(
[contracts.proxy]
abi = "Hub.json"
address = "0x0000000000000000000000000000000000000001"
)" + kItem + kOnPut + R"(
[[on]]
event = "proxy.Put"
update = "item"
key = { id = "id" }
set = { seen = 1 }
)",
                          kAbis,
                          {},
                          [](Config& config) {
                              config.contracts[1].addresses = config.contracts[0].addresses;
                          }};
    World world{mapping};
    world.block(1, {put(mapping, 7, 3, "a", 1, 1, 0)});
    EXPECT_EQ(world.row("item", "id=7"), item(7, 3, "a", 1, 0, 1));
}

TEST(FoldTest, TombstonesStayWhereTheStateProofAsksForThem) {
    const Abis abis{
        {"Hub.json", abi_json({"event In(uint256 id)", "event Out(uint256 id)",
                               "function items(uint256 id) view (uint64 n)"})},
    };
    const Mapping mapping{kContracts + R"(
[entities.item]
key = { id = "uint256" }
fields = { n = "uint64" }
state = { call = "hub.items", args = ["id"], returns = ["n"], deleted = [0] }
[[on]]
event = "hub.In"
insert = "item"
key = { id = "id" }
set = { n = 5 }
[[on]]
event = "hub.Out"
delete = "item"
key = { id = "id" }
)",
                          abis};
    World world{mapping};
    world.block(1,
                {mapping.emit("hub.In", {num(1)}, 1, 0), mapping.emit("hub.Out", {num(1)}, 1, 1)});
    EXPECT_EQ(world.row("item", "id=1"), "");
    EXPECT_EQ(world.database->entity_count(0), 0U);
    {
        const auto view = world.database->read_view();
        const auto scan = view->scan_entity(0, {}, {}, true);
        ASSERT_TRUE(scan->valid());
        EXPECT_EQ(storage::RowCodec::changed_at(scan->row()), (storage::ChangedAt{1, 1}));
    }
    world.block(2,
                {mapping.emit("hub.Out", {num(1)}, 2, 0), mapping.emit("hub.In", {num(1)}, 2, 1)});
    EXPECT_EQ(world.row("item", "id=1"), R"({"id":"1","n":5})");
    EXPECT_THAT(world.quarantine(), ElementsAre(HasSubstr("there is no such row")));
}

// --- against a model -------------------------------------------------------------------------

const std::string kRandomMapping = kContracts + R"(
[entities.item]
key = { id = "uint256" }
fields = { owner = "address", text = "string", amount = "uint64", delta = "int16", seen = "uint64" }
index = [["owner"], ["amount", "text"]]
drop = "amount == 13"
[entities.owner]
key = { account = "address" }
fields = { items = "uint32", total = "uint256", best = "uint64" }
[[on]]
event = "hub.Put"
insert = "item"
key = { id = "id" }
set = { owner = "owner", text = "text", amount = "amount" }
[[on]]
event = "hub.Put"
upsert = "owner"
key = { account = "owner" }
add = { items = 1, total = "amount" }
max = { best = "amount" }
[[on]]
event = "hub.Del"
when = "item[id].amount != 5"
update = "owner"
key = { account = "item[id].owner" }
sub = { items = 1, total = "item[id].amount" }
[[on]]
event = "hub.Del"
delete = "item"
key = { id = "id" }
[[on]]
event = "hub.Add"
update = "item"
key = { id = "id" }
add = { amount = "amount", delta = "delta" }
set = { seen = "$block.number" }
[[on]]
event = "hub.Add"
update = "owner"
key = { account = "item[id].owner" }
add = { total = "amount" }
)";

struct ModelItem {
    uint64_t owner = 0;
    std::string text;
    uint64_t amount = 0;
    int64_t delta = 0;
    uint64_t seen = 0;
};
struct ModelOwner {
    uint64_t items = 0;
    uint64_t total = 0;
    uint64_t best = 0;
};

/// The mapping above by hand. `apply` functions return false on a rule violation.
struct Model {
    std::map<uint64_t, ModelItem> items;
    std::map<uint64_t, ModelOwner> owners;

    bool put(uint64_t id, uint64_t owner, const std::string& note, uint64_t amount) {
        if (items.contains(id)) {
            return false;
        }
        items[id] = {owner, note, amount, 0, 0};
        if (amount == 13) {
            items.erase(id);
        }
        ModelOwner& of = owners[owner];
        ++of.items;
        of.total += amount;
        of.best = std::max(of.best, amount);
        return true;
    }
    bool del(uint64_t id) {
        const auto found = items.find(id);
        if (found == items.end()) {
            return false;
        }
        if (found->second.amount != 5) {
            ModelOwner& of = owners[found->second.owner];
            if (of.items == 0 || of.total < found->second.amount) {
                return false;
            }
            --of.items;
            of.total -= found->second.amount;
        }
        items.erase(found);
        return true;
    }
    bool add(uint64_t id, uint64_t amount, int64_t delta, uint64_t block) {
        const auto found = items.find(id);
        if (found == items.end()) {
            return false;
        }
        ModelItem changed = found->second;
        if (changed.amount > UINT64_MAX - amount) {
            return false;
        }
        changed.amount += amount;
        changed.delta += delta;
        if (changed.delta > 32767 || changed.delta < -32768) {
            return false;
        }
        changed.seen = block;
        if (changed.amount == 13) {
            return false;  // dropped, so the second handler's look-up finds nothing
        }
        found->second = changed;
        owners[changed.owner].total += amount;
        return true;
    }
};

/// Random events over few keys, so that violations are common.
struct RandomChain {
    RandomChain(const Mapping& mapping, uint64_t seed, uint64_t blocks) {
        std::mt19937_64 random{seed};
        for (uint64_t block = 1; block <= blocks; ++block) {
            std::vector<Emitted> events;
            const uint64_t count = random() % 6;
            for (uint32_t i = 0; i < count; ++i) {
                events.push_back(one(mapping, random, block, i * 3));
            }
            chain.push_back(std::move(events));
        }
    }
    Emitted one(const Mapping& mapping, std::mt19937_64& random, uint64_t block, uint32_t index) {
        const uint64_t id = random() % 40;
        const uint64_t amount = random() % 20;
        switch (random() % 4) {
            case 0:
            case 1: {
                const uint64_t owner = random() % 7;
                const std::string note(random() % 60, static_cast<char>('a' + id % 26));
                if (!model.put(id, owner, note, amount)) {
                    ++violations;
                }
                return mapping.emit("hub.Put", {num(id), acc(owner), text(note), num(amount)},
                                    block, index);
            }
            case 2:
                if (!model.del(id)) {
                    ++violations;
                }
                return mapping.emit("hub.Del", {num(id)}, block, index);
            default: {
                const auto delta = static_cast<int64_t>(random() % 20'000) - 10'000;
                if (!model.add(id, amount, delta, block)) {
                    ++violations;
                }
                const auto size = static_cast<uint64_t>(delta < 0 ? -delta : delta);
                return mapping.emit("hub.Add",
                                    {num(id), num(amount), delta < 0 ? neg(size) : num(size)},
                                    block, index);
            }
        }
    }

    Model model;
    uint64_t violations = 0;
    std::vector<std::vector<Emitted>> chain;
};

void follow(World& world, const RandomChain& random, uint64_t from = 1) {
    for (uint64_t block = from; block <= random.chain.size(); ++block) {
        world.block(block, random.chain[block - 1]);
    }
    world.commit();
}

TEST(FoldTest, WhatWasWorkedOutAheadOfAnotherLogInTheSamePlaceIsNotUsed) {
    const Mapping mapping{kRandomMapping, kAbis};
    World world{mapping};
    const auto put = [&](uint64_t id, uint64_t fork, evm::LogBatch& logs) {
        const Emitted event = mapping.emit("hub.Put", {num(id), acc(1), text("x"), num(3)}, 1, 0);
        logs.clear();
        logs.push(event.log, event.data);
        logs.logs[0].block_hash = test::hash_of(1, fork);
    };
    evm::LogBatch logs;
    put(7, 0, logs);
    world.fold->begin_block({1, test::hash_of(1, 1), test::time_of(1), false});
    world.fold->look_ahead(logs, 0);
    put(8, 1, logs);
    ASSERT_OK(world.fold->apply(logs.logs[0], logs.data(logs.logs[0]), nullptr));
    ASSERT_OK(world.fold->flush(*world.batch));
    ASSERT_OK(world.database->commit(*world.batch, storage::Durability::kBuffered));
    EXPECT_EQ(world.row("item", "id=7"), "");
    EXPECT_NE(world.row("item", "id=8"), "");
}

class FoldPropertyTest : public testing::TestWithParam<uint64_t> {
  protected:
    uint64_t seed_ = test::test_seed(GetParam());
    testing::ScopedTrace trace_{__FILE__, __LINE__, fmt::format("PLUMBLINE_SEED={}", seed_)};
    Mapping mapping_{kRandomMapping, kAbis};
};

TEST_P(FoldPropertyTest, RowsAreThoseOfAModel) {
    const RandomChain random{mapping_, seed_, 120};
    World world{mapping_, Pace{.blocks_per_commit = 7}};
    follow(world, random);
    EXPECT_EQ(world.database->entity_count(0), random.model.items.size());
    EXPECT_EQ(world.database->entity_count(1), random.model.owners.size());
    EXPECT_EQ(world.quarantine().size(), random.violations);
    for (const auto& [id, found] : random.model.items) {
        EXPECT_EQ(world.row("item", fmt::format("id={}", id)),
                  item(id, found.owner, found.text, found.amount, found.delta, found.seen));
    }
    for (const auto& [owner, found] : random.model.owners) {
        EXPECT_EQ(world.row("owner", "account=" + hex_of(owner)),
                  fmt::format(R"({{"account":"{}","items":{},"total":"{}","best":{}}})",
                              hex_of(owner), found.items, found.total, found.best));
    }
}

TEST_P(FoldPropertyTest, BytesDoNotDependOnBatchesOrCache) {
    const RandomChain random{mapping_, seed_, 120};
    const uint64_t finalized = 100;
    std::vector<std::string> wanted;
    for (const uint64_t batch : {uint64_t{1}, uint64_t{3}, uint64_t{1000}}) {
        for (const size_t cache : {size_t{1}, size_t{8'000}, size_t{1} << 20}) {
            World world{
                mapping_,
                Pace{.blocks_per_commit = batch, .cache_bytes = cache, .finalized = finalized}};
            follow(world, random);
            const auto found = world.derived();
            if (wanted.empty()) {
                wanted = found;
            }
            SCOPED_TRACE(fmt::format("{} blocks a commit, {} bytes of cache", batch, cache));
            storage::test::expect_same(found, wanted);
        }
    }
}

TEST_P(FoldPropertyTest, LookingAheadChangesNothing) {
    const RandomChain random{mapping_, seed_, 120};
    for (const size_t cache : {size_t{1}, size_t{1} << 20}) {
        World plain{mapping_, Pace{.blocks_per_commit = 7, .cache_bytes = cache}};
        follow(plain, random);
        World ahead{mapping_,
                    Pace{.blocks_per_commit = 7, .cache_bytes = cache, .look_ahead = true}};
        follow(ahead, random);
        storage::test::expect_same(ahead.derived(), plain.derived());
    }
}

TEST_P(FoldPropertyTest, RollbackAndFoldAgainIsAFreshFold) {
    RandomChain old_branch{mapping_, seed_, 60};
    const RandomChain new_branch{mapping_, seed_ + 1'000'000, 60};
    RandomChain joined = new_branch;
    std::copy_n(old_branch.chain.begin(), 40, joined.chain.begin());

    const Pace pace{.blocks_per_commit = 5, .finalized = 35};
    World world{mapping_, pace};
    follow(world, old_branch);
    world.stop();
    ASSERT_OK(world.database->rollback(40));
    world.start();
    follow(world, joined, 41);
    World fresh{mapping_, pace};
    follow(fresh, joined);
    storage::test::expect_same(world.derived(), fresh.derived());
}

TEST_P(FoldPropertyTest, AFoldThatIsStartedAnewInBetweenGoesOnTheSame) {
    const RandomChain random{mapping_, seed_, 60};
    World straight{mapping_};
    follow(straight, random);
    World broken{mapping_};
    for (uint64_t block = 1; block <= random.chain.size(); ++block) {
        broken.block(block, random.chain[block - 1]);
        if (block % 9 == 0) {
            broken.reopen();
        }
    }
    storage::test::expect_same(broken.derived(), straight.derived());
}

INSTANTIATE_TEST_SUITE_P(Seeds, FoldPropertyTest, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace plumbline::engine::fold_test
