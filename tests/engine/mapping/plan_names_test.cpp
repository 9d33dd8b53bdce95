// What a name in a value means, and that what may mean two things is refused.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/small_index.hpp"

namespace plumbline::engine::plan_names_test {
namespace {

using test::abi_json;
using test::Abis;
using test::list;
using test::Mapping;
using test::num;
using test::World;
using testing::HasSubstr;

const Abis kNamesAbis{
    {"Hub.json", abi_json({
                     "event Nested(uint256 id, (uint256 x, uint256 y)[] ps, uint256[] ns)",
                 })}};

std::string names_mapping(const std::string& set, const std::string& more = "",
                          const std::string& event = "Nested") {
    return R"(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.out]
key = { id = "uint64" }
fields = { x = "uint256", y = "uint256?", ok = "bool" }
)" + more + "[[on]]\nevent = \"hub." +
           event + "\"\nupsert = \"out\"\nkey = { id = \"id\" }\nset = { " + set + " }\n";
}

/// An entity with the name of the parameter `ps`, with or without a field `x`.
std::string rows_called_ps(const std::string& key, const std::string& field = "x") {
    return "[entities.ps]\nkey = { a = \"" + key + "\" }\nfields = { " + field +
           " = \"uint256?\" }\n";
}

std::string names_refusal(const std::string& set, const std::string& more = "",
                          const std::string& event = "Nested") {
    return test::refusal(names_mapping(set, more, event), kNamesAbis);
}

TEST(PlanNamesTest, AParameterAndAnEntityOfOneNameAreNotTakenForEachOther) {
    EXPECT_EQ(names_refusal("x = \"ps[0].x\""), "");
    const std::string both =
        "'ps[0].x': both a parameter of hub.Nested and an entity are called 'ps': write "
        "$arg.1[0].x for the parameter, ps[uint256(0)].x for the row";
    EXPECT_THAT(names_refusal("x = \"ps[0].x\"", rows_called_ps("uint64")), HasSubstr(both));
    EXPECT_THAT(names_refusal("x = \"1 + ps[0].x\"", rows_called_ps("int8")), HasSubstr(both));
    EXPECT_THAT(names_refusal("x = \"ps[0].x ?? 5\"", rows_called_ps("uint64")), HasSubstr(both));
    // Where no row can be meant, only the parameter's way out is told.
    EXPECT_THAT(names_refusal("x = \"ps[0].x\"", rows_called_ps("address")),
                testing::EndsWith("are called 'ps': write $arg.1[0].x for the parameter"));
    EXPECT_THAT(names_refusal("x = \"ps[0].x\"", rows_called_ps("uint64", "z")),
                HasSubstr("(of an event's array of that name: $arg.N[0].x)"));
}

TEST(PlanNamesTest, WhatCanMeanOneThingOnlyIsThat) {
    const std::string rows = rows_called_ps("uint64");
    EXPECT_EQ(names_refusal("x = \"$arg.1[0].x\"", rows), "");
    EXPECT_EQ(names_refusal("x = \"ps[uint256(0)].x\"", rows), "");
    EXPECT_EQ(names_refusal("ok = \"exists(ps[0].x) or exists(ps[0])\"", rows), "");
    // `x` is no part of a number, and `z` no component: rows.
    EXPECT_EQ(names_refusal("x = \"ns[0].x\"",
                            "[entities.ns]\nkey = { a = \"uint64\" }\nfields = "
                            "{ x = \"uint256\" }\n"),
              "");
    EXPECT_EQ(names_refusal("x = \"ps[0].z\"", rows_called_ps("uint64", "z")), "");
}

TEST(PlanNamesTest, BothWaysOutGiveWhatTheySay) {
    const std::string first =
        "[[on]]\nevent = \"hub.Nested\"\nupsert = \"ps\"\nkey = { a = 0 }\nset = { x = 77 }\n";
    const Mapping mapping{names_mapping("x = \"$arg.1[0].x\", y = \"ps[uint256(0)].x\"",
                                        rows_called_ps("uint64") + first),
                          kNamesAbis};
    World world{mapping};
    world.block(
        1, {mapping.emit("hub.Nested", {num(5), list({list({num(1), num(2)})}), list({})}, 1, 0)});
    EXPECT_THAT(world.row_or_reason("out", "id=5"), HasSubstr(R"("x":"1","y":"77")"));
}

TEST(PlanNamesTest, AnElementOfAParameterIsNeverMissing) {
    EXPECT_THAT(names_refusal("x = \"ps[0].x ?? 5\""), HasSubstr("'ps[0].x' is never missing"));
}

}  // namespace
}  // namespace plumbline::engine::plan_names_test
