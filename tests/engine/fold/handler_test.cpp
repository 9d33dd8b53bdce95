#include "engine/mapping/handler.hpp"

#include <gtest/gtest.h>

#include "engine/fold/rebuild.hpp"
#include "engine/mapping/plan_compile.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "tests/engine/item_chain.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::handler_test {
namespace {

using test::abi_json;
using test::Abis;
using test::acc;
using test::hex_of;
using test::list;
using test::Mapping;
using test::num;
using test::text;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;

const Abis kAbis{{"Hub.json", abi_json({"event Put(uint256 indexed id, address owner, string note)",
                                        "event Many(uint256[] ids)"})}};

const std::string kMapping = R"(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.item]
key = { id = "uint256" }
fields = { owner = "address", note = "string", n = "uint8" }
drop = "n == 9"
[[on]]
event = "hub.Put"
insert = "item"
key = { id = "id" }
)";

EventHandler on_put(std::function<Status(HandlerContext&)> run) {
    return {"on put", "1", "hub.Put", {"id", "owner", "note"}, false, std::move(run)};
}

TEST(HandlerTest, ReadsParametersAndWritesRowsAfterTheConfigsHandlers) {
    const auto run = [](HandlerContext& context) -> Status {
        PLUMBLINE_TRY(const Value id, context.param(0));
        PLUMBLINE_TRY(const Value owner, context.param(1));
        PLUMBLINE_TRY(const Value note, context.param(2));
        const std::array<FieldValue, 2> set{{{"owner", owner}, {"note", note}}};
        PLUMBLINE_TRY_VOID(context.update("item", std::array{id}, set));
        PLUMBLINE_TRY_VOID(context.add("item", std::array{id}, "n", Value::number(5)));
        PLUMBLINE_TRY_VOID(context.sub("item", std::array{id}, "n", Value::signed_number(-1)));
        PLUMBLINE_TRY(const Value n, context.get("item", std::array{id}, "n"));
        const std::array<Value, 1> other{Value::number(id.as_u64() + n.as_u64())};
        PLUMBLINE_TRY(const bool known, context.exists("item", other));
        return known ? ok() : context.upsert("item", other, {});
    };
    const Mapping mapping{kMapping, kAbis, {on_put(run)}};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), acc(3), text("hi")}, 1, 0)});
    EXPECT_EQ(world.row("item", "id=1"),
              fmt::format(R"({{"id":"1","owner":"{}","note":"hi","n":6}})", hex_of(3)));
    EXPECT_NE(world.row("item", "id=7"), "");
    EXPECT_THAT(world.quarantine(), ElementsAre());
}

TEST(HandlerTest, WhatItMadeIsNotFoldedAwayByAPlanWithoutIt) {
    const auto run = [](HandlerContext& context) -> Status {
        return context.upsert("item", std::array{Value::number(50)}, {});
    };
    const Mapping with{kMapping, kAbis, {on_put(run)}};
    const Mapping without{kMapping, kAbis};
    World world{with};
    world.block(1, {with.emit("hub.Put", {num(1), acc(3), text("hi")}, 1, 0)});
    world.commit();
    world.stop();
    const auto before = test::whole(*world.database);
    const Status refused = rebuild(*world.database, without.plan);
    EXPECT_ERROR(refused, ErrorCode::kIncompatible);
    EXPECT_THAT(refused.error().message, HasSubstr("with the program that has them"));
    storage::test::expect_same(test::whole(*world.database), before);
    ASSERT_OK(rebuild(*world.database, with.plan));
    storage::test::expect_same(test::whole(*world.database), before);
}

TEST(HandlerTest, ADatabaseTellsThatItHasRowsOfCppHandlersAlsoOneOfAnOlderVersion) {
    const Mapping with{kMapping, kAbis, {on_put([](HandlerContext&) { return ok(); })}};
    const Mapping without{kMapping, kAbis};
    EXPECT_TRUE(has_functions(*with.plan));
    EXPECT_FALSE(has_functions(*without.plan));
    const auto is_made_by_them = [](storage::SchemaBundle bundle) {
        const test::TempDir dir;
        storage::OpenOptions options = storage::test::create_options();
        options.bundle = std::move(bundle);
        const auto database = storage::test::must_open(dir.sub("db"), std::move(options));
        return is_made_by_functions(*database);
    };
    storage::SchemaBundle unmarked = with.plan->bundle();
    unmarked.fingerprint.resize(unmarked.fingerprint.size() - kFunctionsMark.size());
    EXPECT_TRUE(is_made_by_them(with.plan->bundle()));
    EXPECT_TRUE(is_made_by_them(unmarked));
    EXPECT_FALSE(is_made_by_them(without.plan->bundle()));
}

TEST(HandlerTest, ADatabaseOfFormatOneWithAFactoryIsNotTakenForOneOfCppHandlers) {
    const Mapping mapping{R"(
[contracts.hub]
abi = "hub.json"
address = "0x00000000000000000000000000000000000000aa"
start_block = 1
[contracts.child]
abi = "child.json"
factory = { event = "hub.Made", address = "child" }
[entities.item]
key = { id = "uint256" }
fields = { n = "uint64" }
[[on]]
event = "child.Put"
upsert = "item"
key = { id = "id" }
add = { n = 1 }
)",
                          {{"hub.json", test::abi_json({"event Made(address indexed child)"})},
                           {"child.json", test::abi_json({"event Put(uint256 id)"})}}};
    storage::SchemaBundle bundle = mapping.plan->bundle();
    // As a program of 0.1 wrote it for this config.
    const std::string by_format_one =
        "e1b53b558d18b057dc6088aae51544cbed4796a337f4c6f8cb061cf41578d458";
    ASSERT_NE(bundle.fingerprint, by_format_one);
    bundle.fingerprint = by_format_one;
    const test::TempDir dir;
    storage::OpenOptions options = storage::test::create_options();
    options.bundle = bundle;
    const auto database = storage::test::must_open(dir.sub("db"), std::move(options));
    EXPECT_FALSE(is_made_by_functions(*database));
    EXPECT_OK(check_functions(*database, *mapping.plan));
}

TEST(HandlerTest, ItsErrorTakesBackTheConfigsHandlersToo) {
    const auto run = [](HandlerContext& context) -> Status {
        PLUMBLINE_TRY_VOID(context.upsert("item", std::array{Value::number(50)}, {}));
        return Error{ErrorCode::kInvalidArgument, "not on my watch"};
    };
    const Mapping mapping{kMapping, kAbis, {on_put(run)}};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), acc(3), text("hi")}, 1, 0)});
    EXPECT_EQ(world.row("item", "id=1"), "");
    EXPECT_EQ(world.row("item", "id=50"), "");
    EXPECT_THAT(world.quarantine(), ElementsAre("1/0 hub.Put: on put: not on my watch"));
}

TEST(HandlerTest, TheRulesOfTheConfigHoldForItToo) {
    std::vector<std::string> messages;
    const auto run = [&messages](HandlerContext& context) -> Status {
        const std::array<Value, 1> key{Value::number(1)};
        const std::array<Value, 1> missing{Value::number(2)};
        const auto note = [&messages](const Status& status) {
            messages.push_back(status ? "" : status.error().message);
        };
        note(context.insert("item", key, {}));
        note(context.update("item", missing, {}));
        note(context.erase("item", missing));
        note(context.sub("item", key, "n", Value::number(1)));
        note(context.add("item", key, "owner", Value::number(1)));
        note(context.update("itm", key, {}));
        note(context.update("item", key, std::array{FieldValue{"m", Value::number(1)}}));
        note(context.update("item", key, std::array{FieldValue{"n", Value::number(256)}}));
        note(context.update("item", key, std::array{FieldValue{"note", Value::number(1)}}));
        note(context.update("item", {}, {}));
        const auto found = context.get("item", missing, "n");
        messages.push_back(found.error().message);
        return ok();
    };
    const Mapping mapping{kMapping, kAbis, {on_put(run)}};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), acc(3), text("hi")}, 1, 0)});
    EXPECT_THAT(
        messages,
        ElementsAre("insert of 'item' (id=1): there is such a row already",
                    "update of 'item' (id=2): there is no such row",
                    "delete of 'item' (id=2): there is no such row",
                    "sub of 'item' (id=1): 'n' is 0: subtracting 1 leaves the range of uint8",
                    "field 'item.owner' is address, the amount is uint256: both must be "
                    "numbers",
                    "unknown entity 'itm'; did you mean 'item'? known: item",
                    "'item' has no field 'm'; known: owner, note, n",
                    "field 'item.n': it is uint8, which cannot hold 256",
                    "field 'item.note': it is string, not uint256",
                    "the key of 'item' has 1 fields, not 0", "there is no 'item' (id=2)"));
}

const std::string kOptional = R"~(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.item]
key = { id = "uint256" }
[entities.item.fields]
n = "uint8?"
text = "string?"
price = "decimal(2)?"
kind = { enum = ["open", "closed"], optional = true }
sum = "uint8"
[[on]]
event = "hub.Put"
insert = "item"
key = { id = "id" }
)~";

TEST(HandlerTest, WritesAndReadsNullsAndKnowsThemFromZeros) {
    std::vector<bool> nulls;
    const auto run = [&nulls](HandlerContext& context) -> Status {
        const std::array<Value, 1> key{Value::number(1)};
        const std::array<FieldValue, 4> zeros{{{"n", Value::number(0)},
                                               {"text", Value::string("")},
                                               {"price", Value::decimal(evm::U256{}, 2)},
                                               {"kind", Value::number(0)}}};
        const auto note = [&]() -> Status {
            for (const char* field : {"n", "text", "price", "kind", "sum"}) {
                PLUMBLINE_TRY(const Value value, context.get("item", key, field));
                nulls.push_back(value.is_null);
            }
            return ok();
        };
        PLUMBLINE_TRY_VOID(note());
        PLUMBLINE_TRY_VOID(context.update("item", key, zeros));
        PLUMBLINE_TRY_VOID(note());
        PLUMBLINE_TRY(const Value kind, context.get("item", key, "kind"));
        PLUMBLINE_TRY(const Value price, context.get("item", key, "price"));
        // What was read can be written again, a null too.
        const std::array<FieldValue, 3> other{
            {{"kind", kind}, {"price", price}, {"text", Value::string("null")}}};
        PLUMBLINE_TRY_VOID(context.upsert("item", std::array{Value::number(2)}, other));
        PLUMBLINE_TRY(const Value unset, context.get("item", std::array{Value::number(2)}, "n"));
        const std::array<FieldValue, 2> taken{{{"n", unset}, {"text", Value::null()}}};
        return context.update("item", key, taken);
    };
    const Mapping mapping{kOptional, kAbis, {on_put(run)}};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), acc(3), text("hi")}, 1, 0)});
    EXPECT_THAT(world.quarantine(), ElementsAre());
    EXPECT_THAT(nulls,
                ElementsAre(true, true, true, true, false, false, false, false, false, false));
    EXPECT_EQ(world.row("item", "id=1"),
              R"({"id":"1","n":null,"text":null,"price":"0","kind":"open","sum":0})");
    EXPECT_EQ(world.row("item", "id=2"),
              R"({"id":"2","n":null,"text":"null","price":"0","kind":"open","sum":0})");
}

TEST(HandlerTest, ANullFitsNoRequiredFieldNoKeyAndNoSum) {
    std::vector<std::string> messages;
    const auto run = [&messages](HandlerContext& context) -> Status {
        const std::array<Value, 1> key{Value::number(1)};
        const auto note = [&messages](const Status& status) {
            messages.push_back(status ? "" : status.error().message);
        };
        note(context.update("item", key, std::array{FieldValue{"sum", Value::null()}}));
        note(context.upsert("item", std::array{Value::null()}, {}));
        note(context.add("item", key, "sum", Value::null()));
        note(context.add("item", key, "n", Value::number(1)));
        note(context.update("item", key, std::array{FieldValue{"kind", Value::number(2)}}));
        return ok();
    };
    const Mapping mapping{kOptional, kAbis, {on_put(run)}};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), acc(3), text("hi")}, 1, 0)});
    EXPECT_THAT(messages, ElementsAre("field 'item.sum': it is uint8, which is never null",
                                      "key field 'item.id': it is uint256, which is never null",
                                      "field 'item.sum': the amount is null",
                                      "add of 'item' (id=1): 'n' is null: set it first",
                                      HasSubstr("has no name 2")));
}

TEST(HandlerTest, ArraysAreReadElementByElementAndDropHolds) {
    const auto run = [](HandlerContext& context) -> Status {
        PLUMBLINE_TRY(const size_t size, context.array_size(0));
        for (size_t i = 0; i < size; ++i) {
            PLUMBLINE_TRY(const Value id, context.element(0, i));
            const std::array<FieldValue, 1> set{{{"n", Value::number(8 + i)}}};
            PLUMBLINE_TRY_VOID(context.insert("item", std::array{id}, set));
        }
        EXPECT_FALSE(context.element(0, size).has_value());
        EXPECT_FALSE(context.param(0).has_value());
        EXPECT_FALSE(context.param(1).has_value());
        return ok();
    };
    const Mapping mapping{kMapping, kAbis, {{"many", "1", "hub.Many", {"ids"}, false, run}}};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Many", {list({num(4), num(5)})}, 1, 0)});
    EXPECT_THAT(world.row("item", "id=4"), HasSubstr("\"n\":8"));
    EXPECT_EQ(world.row("item", "id=5"), "");  // 9 is dropped
}

TEST(HandlerTest, OtherErrorsAreTroubleThatStopsTheFold) {
    const auto run = [](HandlerContext&) -> Status { return Error{ErrorCode::kUnavailable, "no"}; };
    const Mapping mapping{kMapping, kAbis, {on_put(run)}};
    World world{mapping};
    const auto event = mapping.emit("hub.Put", {num(1), acc(3), text("hi")}, 1, 0);
    world.fold->begin_block({1, {}, 0, false});
    const Status applied = world.fold->apply(event.log, event.data, nullptr);
    EXPECT_ERROR(applied, ErrorCode::kUnavailable);
    EXPECT_EQ(world.fold->stats().quarantined, 0U);
}

TEST(HandlerTest, ValuesKeepWhatTheyAreMadeOf) {
    EXPECT_EQ(Value::number(7).as_u64(), 7U);
    EXPECT_EQ(Value::signed_number(-3).word, evm::negate(evm::U256{3}));
    EXPECT_TRUE(Value::boolean(true).as_bool());
    EXPECT_EQ(Value::address(test::address_of(4)).as_address(), test::address_of(4));
    EXPECT_EQ(Value::hash(test::hash_of(4)).as_hash(), test::hash_of(4));
    EXPECT_EQ(Value::string("x").bytes, "x");
}

}  // namespace
}  // namespace plumbline::engine::handler_test
