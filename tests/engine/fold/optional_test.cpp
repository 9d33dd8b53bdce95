// Fields that may be unset: what they are shown as, what reading one means, and that their rows,
// indexes, undo and schema know a null from a zero.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/proof/row_diff.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/key_text.hpp"
#include "storage/read_view.hpp"
#include "storage/scanner.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::optional_test {
namespace {

using test::abi_json;
using test::Abis;
using test::Mapping;
using test::num;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;

const Abis kAbis{
    {"Hub.json", abi_json({"event Put(uint256 id, uint256 a)", "event Off(uint256 id, uint256 a)",
                           "function get(uint256 id) view (uint64)"})}};

std::string with(const std::string& rest, const std::string& more = "") {
    return R"(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.item]
key = { id = "uint256" }
fields = { n = "uint64?", text = "string?", price = "decimal(6)?", kind = { enum = ["a", "b"], optional = true }, who = "address?", i = "int16?", sum = "uint256" }
index = [["n"], ["text", "i"]]
)" + more + R"(
[[on]]
event = "hub.Put"
upsert = "item"
key = { id = "id" }
)" + rest + "\n";
}

std::string refusal(const std::string& mapping) {
    return test::refusal(mapping, kAbis);
}

/// The row after one `Put` of (1, a), or why the event is in quarantine.
std::string made(const std::string& rest, uint64_t a = 0, const std::string& more = "") {
    const Mapping mapping{with(rest, more), kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), num(a)}, 1, 0)});
    return world.row_or_reason("item", "id=1");
}

TEST(OptionalTest, AnUnsetFieldIsNullAndOneSetToZeroIsNot) {
    EXPECT_EQ(made(""),
              R"({"id":"1","n":null,"text":null,"price":null,"kind":null,"who":null,"i":null,)"
              R"("sum":"0"})");
    EXPECT_EQ(made(R"~(set = { n = 0, text = "''", price = 0, kind = "'a'", )~"
                   R"~(who = "0x0000000000000000000000000000000000000000", i = 0 })~"),
              R"({"id":"1","n":0,"text":"","price":"0","kind":"a",)"
              R"("who":"0x0000000000000000000000000000000000000000","i":0,"sum":"0"})");
}

TEST(OptionalTest, NullUnsetsAFieldAloneOrAsTheResultOfIfAndOtherwise) {
    const std::string twice = R"~(set = { n = 5, text = "'x'", i = -3 }
[[on]]
event = "hub.Put"
update = "item"
key = { id = "id" }
set = { n = "null", text = "if(a == 0, null, 'y')", i = "item[a].i ?? null" })~";
    EXPECT_THAT(made(twice, 0), HasSubstr(R"("n":null,"text":null)"));
    EXPECT_THAT(made(twice, 7), HasSubstr(R"("n":null,"text":"y","price":null)"));
    EXPECT_THAT(made(twice, 7), HasSubstr(R"("i":null)"));  // there is no item 7
    EXPECT_THAT(made(twice, 1), HasSubstr(R"("i":-3)"));
    EXPECT_THAT(made(R"~(set = { price = "if(a > 0, from_units(a, 2), null)" })~", 150),
                HasSubstr(R"("price":"1.5")"));
    EXPECT_THAT(made(R"~(set = { kind = "if(a > 5, null, uint8(a))" })~", 1),
                HasSubstr(R"("kind":"b")"));
    EXPECT_THAT(made(R"~(set = { kind = "if(a > 5, null, uint8(a))" })~", 6),
                HasSubstr(R"("kind":null)"));
    // What is null before ?? is missing to it.
    EXPECT_THAT(made(R"~(set = { n = "if(a == 0, null, item[9].sum) ?? 4" })~", 0),
                HasSubstr(R"("n":4)"));
}

TEST(OptionalTest, ReadingANullIsARuleViolationUnlessADefaultIsWritten) {
    const std::string read = R"~(set = { sum = "item[id].n" })~";
    EXPECT_THAT(made(read), HasSubstr("look-up of 'item[id].n': it is null in 'item' (id=1)"));
    EXPECT_THAT(made(R"~(set = { sum = "item[id].n + 1" })~"), HasSubstr("it is null in 'item'"));
    EXPECT_THAT(made(R"~(set = { sum = "(item[id].n ?? 41) + 1" })~"), HasSubstr(R"("sum":"42")"));
    EXPECT_THAT(made(R"~(set = { n = 7, sum = "(item[id].n ?? 41) + 1" })~"),
                HasSubstr(R"("sum":"8")"));
    EXPECT_THAT(made(R"~(when = "item[id].n == 0")~"), HasSubstr("there is no 'item'"));
    EXPECT_THAT(made(R"~(add = { n = 1 })~"),
                HasSubstr("add of 'item' (id=1): 'n' is null: set it"));
    EXPECT_THAT(made("", 0, R"~(drop = "n == 0")~"),
                HasSubstr("drop of 'item' (id=1): 'n' is null"));
    EXPECT_EQ(made("", 0, R"~(drop = "(n ?? 0) == 0")~"), "");
}

TEST(OptionalTest, MinAndMaxOfAnUnsetFieldTakeTheValue) {
    EXPECT_THAT(made(R"~(min = { n = "a" }
max = { i = -2 })~",
                     9),
                HasSubstr(R"("n":9,)"));
    EXPECT_THAT(made(R"~(max = { i = -2 })~"), HasSubstr(R"("i":-2)"));
    EXPECT_THAT(made(R"~(set = { n = 3 }
min = { n = "a" })~",
                     9),
                HasSubstr(R"("n":3,)"));
}

TEST(OptionalTest, ExistsTellsWhetherAFieldIsSet) {
    EXPECT_THAT(made(R"~(set = { n = 0, sum = "if(exists(item[id].n), 1, 2)" })~"),
                HasSubstr(R"("sum":"1")"));
    EXPECT_THAT(made(R"~(set = { sum = "if(exists(item[id].n), 1, 2)" })~"),
                HasSubstr(R"("sum":"2")"));
    EXPECT_THAT(made(R"~(set = { sum = "if(exists(item[9].n), 1, 2)" })~"),
                HasSubstr(R"("sum":"2")"));
    EXPECT_EQ(made("", 0, R"~(drop = "not exists(n)")~"), "");
    EXPECT_THAT(made("set = { n = 0 }", 0, R"~(drop = "not exists(n)")~"), HasSubstr(R"("n":0)"));
}

TEST(OptionalTest, MistakesAreToldAtStart) {
    EXPECT_THAT(refusal(with(R"~(set = { sum = "null" })~")),
                HasSubstr("is uint256: only an optional field, as of type \"uint256?\", may be"));
    EXPECT_THAT(refusal(with(R"~(set = { sum = "if(a == 0, null, 5)" })~")),
                HasSubstr("'null' fits only an optional field"));
    EXPECT_THAT(refusal(with(R"~(set = { n = "1 + null" })~")),
                HasSubstr("'null' has no value to calculate with"));
    EXPECT_THAT(refusal(with(R"~(set = { n = "if(a == 0, null, 5) + 1" })~")),
                HasSubstr("'null' has no value to calculate with"));
    EXPECT_THAT(refusal(with(R"~(add = { n = "null" })~")), HasSubstr("null is set"));
    EXPECT_THAT(refusal(with(R"~(when = "item[id].n == null")~")),
                HasSubstr("null can be set and nothing else: exists(entity[key].field)"));
    EXPECT_THAT(refusal(with("", R"~(drop = "n == null")~")), HasSubstr("null can be set"));
    EXPECT_THAT(refusal(with(R"~(when = "exists(item[id].sum)")~")),
                HasSubstr("'item[id].sum' is set wherever there is the row"));
    EXPECT_THAT(refusal(with(R"~(when = "exists(a)")~")), HasSubstr("'a' is always there"));
    EXPECT_THAT(refusal(with("", R"~(drop = "(sum ?? 0) == 0")~")), HasSubstr("never missing"));
    const auto typed = [](const std::string& type) {
        return refusal(with("") + R"([entities.x]
key = { id = "uint256" }
fields = { n = )" + type +
                       " }\n");
    };
    EXPECT_THAT(typed("\"uint64??\""), HasSubstr("one question mark"));
    EXPECT_THAT(typed(R"({ enum = ["null"], optional = true })"), HasSubstr("null cannot name"));
    EXPECT_THAT(typed(R"({ enum = ["a"], optional = 1 })"), HasSubstr("true or false"));
    EXPECT_THAT(refusal(with("") + "[entities.x]\nkey = { id = \"uint256?\" }\n"),
                HasSubstr("a part of the key is always set"));
}

/// The text "null" is not a null.
TEST(OptionalTest, TextsAreReadBackAsTheyAreShown) {
    storage::FieldType text = *storage::parse_field_type("string?");
    EXPECT_EQ(to_string(text), "string?");
    EXPECT_EQ(value_to_text(text, {{}, {}, true}), "null");
    EXPECT_EQ(value_to_text(text, {{}, "null"}), "hex:6e756c6c");
    EXPECT_TRUE(parse_value(text, "null")->is_null);
    EXPECT_EQ(parse_value(text, "hex:6e756c6c")->bytes, "null");
    EXPECT_EQ(value_to_text(text.required(), {{}, "null"}), "null");
    EXPECT_FALSE(parse_value(text.required(), "null")->is_null);
    EXPECT_TRUE(parse_value(*storage::parse_field_type("uint64?"), "null")->is_null);
    EXPECT_FALSE(parse_value(*storage::parse_field_type("uint64"), "null"));
}

std::vector<std::string> ids_where(World& world, const std::string& field,
                                   const std::string& value) {
    const auto view = world.database->read_view();
    const storage::EntityLayout& layout = view->bundle().entities[0];
    std::vector<std::string> out;
    size_t index = 0;
    while (layout.column(layout.indexes[index].front()).name != field) {
        ++index;
    }
    const storage::FieldType type = layout.column(layout.indexes[index].front()).type;
    const auto asked = parse_value(type, value);
    EXPECT_TRUE(asked) << (asked ? "" : asked.error().message);
    std::string prefix;
    append_key_value(prefix, type, *asked);
    auto rows = view->scan_index(0, index, prefix, "");
    for (; rows->valid(); rows->next()) {
        out.push_back(storage::key_text(layout, rows->key()));
    }
    return out;
}

TEST(OptionalTest, RowsIndexesAndTheSchemaSurviveAReopen) {
    const std::string rest =
        R"~(set = { n = "if(a == 99, null, a)", text = "if(a == 99, null, '')" })~";
    const Mapping mapping{with(rest), kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), num(99)}, 1, 0),
                    mapping.emit("hub.Put", {num(2), num(0)}, 1, 1),
                    mapping.emit("hub.Put", {num(3), num(5)}, 1, 2),
                    mapping.emit("hub.Put", {num(3), num(99)}, 1, 3)});
    world.commit();
    world.reopen();
    EXPECT_THAT(world.row("item", "id=1"), HasSubstr(R"("n":null,"text":null)"));
    EXPECT_THAT(world.row("item", "id=2"), HasSubstr(R"("n":0,"text":"")"));
    EXPECT_THAT(world.row("item", "id=3"), HasSubstr(R"("n":null,"text":null)"));
    EXPECT_THAT(ids_where(world, "n", "null"), ElementsAre("id=1", "id=3"));
    EXPECT_THAT(ids_where(world, "n", "0"), ElementsAre("id=2"));
    EXPECT_THAT(ids_where(world, "n", "5"), ElementsAre());
    EXPECT_THAT(ids_where(world, "text", "null"), ElementsAre("id=1", "id=3"));
    EXPECT_THAT(ids_where(world, "text", ""), ElementsAre("id=2"));
    const auto view = world.database->read_view();
    const storage::EntityLayout& layout = view->bundle().entities[0];
    EXPECT_EQ(to_string(layout.fields[0].type), "uint64?");
    EXPECT_EQ(to_string(layout.fields[3].type), "enum(a, b)?");
    EXPECT_EQ(layout, mapping.plan->entities()[0]);
}

TEST(OptionalTest, ADifferenceOfNullAndZeroIsOne) {
    const Mapping mapping{with(""), kAbis};
    const storage::EntityLayout& layout = mapping.plan->entities()[0];
    const storage::RowCodec codec{layout};
    const std::string null = codec.empty_row();
    std::string zero = null;
    codec.set_word(zero, 0, evm::U256{0});
    const std::string key(32, '\0');
    const auto found = compare_rows(layout, codec, key, null, zero);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].field, "n");
    EXPECT_EQ(found[0].left, "null");
    EXPECT_EQ(found[0].right, "0");
}

TEST(OptionalTest, ARowWithAValueInANullOrABitOfNoFieldIsDamaged) {
    const Mapping mapping{with(""), kAbis};
    const storage::RowCodec codec{mapping.plan->entities()[0]};
    const std::string null = codec.empty_row();
    EXPECT_TRUE(codec.check(null));
    std::string bad = null;
    bad[14] = static_cast<char>(0x40);  // six fields are optional
    EXPECT_THAT(codec.check(bad).error().message, HasSubstr("a value of no field"));
    bad = null;
    codec.set_word(bad, 0, evm::U256{3});
    EXPECT_TRUE(codec.check(bad));
    bad[14] = 0;
    EXPECT_THAT(codec.check(bad).error().message, HasSubstr("a null with a value"));
    bad = null;
    codec.set_dynamic(bad, 1, "text");
    codec.set_word(bad, 5, evm::negate(evm::U256{1}));
    EXPECT_FALSE(codec.is_null(bad, 1));
    codec.set_null(bad, 1);
    codec.set_null(bad, 5);
    EXPECT_EQ(bad, null);
}

/// A getter cannot tell null from zero.
TEST(OptionalTest, AStateOfAnOptionalFieldIsTaken) {
    EXPECT_EQ(refusal(with("", R"(state = { call = "hub.get", args = ["id"], returns = ["n"] })")),
              "");
}

TEST(OptionalTest, HandlersInCppReadAndSetNulls) {
    EventHandler handler;
    handler.name = "h";
    handler.version = "1";
    handler.event = "hub.Put";
    handler.params = {"id"};
    handler.run = [](HandlerContext& context) -> Status {
        PLUMBLINE_TRY(const Value id, context.param(0));
        const std::vector<Value> key{id};
        const std::vector<FieldValue> set{{"n", Value::number(evm::U256{3})}};
        PLUMBLINE_TRY_VOID(context.upsert("item", key, set));
        PLUMBLINE_TRY(const Value n, context.get("item", key, "n"));
        PLUMBLINE_TRY(const Value i, context.get("item", key, "i"));
        EXPECT_FALSE(n.is_null);
        EXPECT_EQ(to_string(n.type), "uint64");
        EXPECT_TRUE(i.is_null);
        const std::vector<FieldValue> unset{{"n", Value::null()}};
        PLUMBLINE_TRY_VOID(context.update("item", key, unset));
        const std::vector<FieldValue> wrong{{"sum", Value::null()}};
        const Status refused = context.update("item", key, wrong);
        EXPECT_THAT(refused.error().message, HasSubstr("it is uint256, which is never null"));
        return ok();
    };
    const std::string toml = with("");
    const Mapping mapping{toml.substr(0, toml.find("[[on]]")), kAbis, {handler}};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), num(0)}, 1, 0)});
    EXPECT_THAT(world.quarantine(), ElementsAre());
    EXPECT_THAT(world.row("item", "id=1"), HasSubstr(R"("n":null)"));
}

}  // namespace
}  // namespace plumbline::engine::optional_test
