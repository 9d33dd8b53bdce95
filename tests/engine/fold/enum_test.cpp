#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/fold/rebuild.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/commit_batch.hpp"
#include "storage/key_text.hpp"
#include "storage/read_view.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::enum_test {
namespace {

using test::abi_json;
using test::Abis;
using test::Mapping;
using test::num;
using test::World;
using testing::HasSubstr;

const Abis kAbis{{"Hub.json", abi_json({"event Put(uint256 id, uint8 a)"})}};

std::string with(const std::string& rest,
                 const std::string& names = R"(["open", "closed", "void"])") {
    return R"(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.item]
key = { id = "uint256" }
fields = { status = { enum = )" +
           names + R"( }, n = "uint64", note = "string" }
index = [["status"]]
[[on]]
event = "hub.Put"
upsert = "item"
key = { id = "id" }
)" + rest + "\n";
}

std::string refusal(const std::string& mapping) {
    return test::refusal(mapping, kAbis);
}

std::string made(const std::string& rest, uint64_t a) {
    const Mapping mapping{with(rest), kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), num(a)}, 1, 0)});
    return world.row_or_reason("item", "id=1");
}

TEST(EnumTest, AValueIsWrittenAndShownByItsName) {
    EXPECT_THAT(made("", 0), HasSubstr(R"("status":"open")"));
    EXPECT_THAT(made(R"~(set = { status = "'closed'" })~", 0), HasSubstr(R"("status":"closed")"));
    EXPECT_THAT(made(R"~(set = { status = "if(a > 1, 'void', 'closed')" })~", 2),
                HasSubstr(R"("status":"void")"));
}

TEST(EnumTest, ACorrectionWhoseNameIsGoneGoesToQuarantine) {
    const Mapping three{with(""), kAbis};
    const Mapping two{with("", R"(["open", "closed"])"), kAbis};
    World world{three};
    world.block(1, {three.emit("hub.Put", {num(1), num(0)}, 1, 0)});
    world.commit();
    world.stop();
    std::string row = three.plan->codec(0).empty_row();
    three.plan->codec(0).set_word(row, 0, evm::U256{2});
    const auto batch = world.database->make_batch();
    batch->append_correction(
        {1, 0, "item", *key_from_text(three.plan->entities()[0], "id=1"), row, "test"});
    batch->require_refold();
    ASSERT_OK(world.database->commit(*batch, storage::Durability::kSync));
    for (const Mapping* mapping : {&three, &two, &three}) {
        ASSERT_OK(rebuild(*world.database, mapping->plan));
        const auto refused = world.database->read_view()->list_quarantine(10);
        ASSERT_TRUE(refused.has_value());
        ASSERT_EQ(refused->size(), mapping == &two ? 1U : 0U);
        if (mapping == &two) {
            EXPECT_THAT(refused->front().reason,
                        HasSubstr("status = void, as the contract told, has no place: 'status' is "
                                  "enum(open, closed) now"));
        }
    }
}

TEST(EnumTest, ANumberIsThePlaceOfANameAndAnyOtherIsAViolation) {
    EXPECT_THAT(made(R"~(set = { status = "a" })~", 2), HasSubstr(R"("status":"void")"));
    EXPECT_THAT(made(R"~(set = { status = "a" })~", 3),
                HasSubstr("'a': 3 is no enum(open, closed, void)"));
    EXPECT_THAT(made(R"~(set = { status = "a - 1" })~", 0), HasSubstr("-1 is no enum("));
}

TEST(EnumTest, ConditionsAndTextKnowTheNames) {
    const std::string rest = R"~(set = { status = "a" }
[[on]]
event = "hub.Put"
when = "item[id].status == 'closed'"
update = "item"
key = { id = "id" }
set = { n = "uint8(item[id].status) + 6", note = "concat('it is ', text(item[id].status))" })~";
    EXPECT_THAT(made(rest, 1), HasSubstr(R"("n":7,"note":"it is closed")"));
    EXPECT_THAT(made(rest, 2), HasSubstr(R"("n":0,"note":"")"));
}

TEST(EnumTest, MistakesAreToldAtStart) {
    EXPECT_THAT(refusal(with(R"~(set = { status = "'shut'" })~")),
                HasSubstr("enum(open, closed, void): write one of its names in single quotes"));
    EXPECT_THAT(refusal(with(R"~(when = "item[id].status == 1")~")), HasSubstr("one of its names"));
    EXPECT_THAT(refusal(with(R"~(when = "item[id].status > 'open'")~")),
                HasSubstr("only == and !="));
    EXPECT_THAT(refusal(with(R"~(add = { status = 1 })~")), HasSubstr("numbers only"));
    EXPECT_THAT(refusal(with("", "[]")), HasSubstr("empty list"));
    EXPECT_THAT(refusal(with("", R"(["a", "a"])")), HasSubstr("'a' is there twice"));
    EXPECT_THAT(refusal(with("", R"(["in progress"])")), HasSubstr("cannot name a value"));
    EXPECT_THAT(refusal(with("", "3")), HasSubstr("enum"));
}

/// A contract may have learnt a status more than the config knows.
TEST(EnumTest, AValueWithoutANameIsShownByItsNumber) {
    const storage::FieldType type{storage::FieldKind::kEnum, 8, 0, false,
                                  storage::intern_enum({"open", "closed"})};
    EXPECT_EQ(value_to_text(type, {evm::U256{1}, {}}), "closed");
    EXPECT_EQ(value_to_text(type, {evm::U256{2}, {}}), "2");
    EXPECT_EQ(value_to_text(type, {evm::negate(evm::U256{1}), {}}).size(), 78U);
    EXPECT_FALSE(parse_value(type, "2"));
    EXPECT_FALSE(parse_value(type, "shut"));
}

TEST(EnumTest, RowsIndexesAndTheSchemaSurviveAReopen) {
    const Mapping mapping{with(R"~(set = { status = "a" })~"), kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), num(2)}, 1, 0),
                    mapping.emit("hub.Put", {num(2), num(0)}, 1, 1)});
    world.commit();
    world.reopen();
    EXPECT_THAT(world.row("item", "id=1"), HasSubstr(R"("status":"void")"));
    const auto view = world.database->read_view();
    const storage::EntityLayout& layout = view->bundle().entities[0];
    EXPECT_EQ(to_string(layout.fields[0].type), "enum(open, closed, void)");
    EXPECT_EQ(layout, mapping.plan->entities()[0]);
}

}  // namespace
}  // namespace plumbline::engine::enum_test
