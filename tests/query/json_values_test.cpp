// What the JSON of an event's lists and tuples holds is compared as its type says, or refused: no
// answer is wrong, or empty, in silence.
#include <algorithm>
#include <cctype>

#include "query/sql/json_kinds.hpp"
#include "query/sql/value_kind.hpp"
#include "tests/query/asked_session.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::query::sql::json_values_test {

namespace {

using namespace plumbline::engine::test;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kLower = "'" + hex_of(0xab) + "'";
/// The same address in other letters.
const std::string kMixed = [] {
    std::string out = kLower;
    std::transform(out.begin() + 3, out.end(), out.begin() + 3,
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return out;
}();

/// One event lot_All: us 2^64-1, 5, 2^53, 2^53-1; t.x 2^55, t.y -2^62, t.s "10"; ad 0xab; by
/// 0x00ff; hs two hashes in h.two; ns "b", "10", "0xAB"; ks 3, 200; fs true, false. Entity `item`
/// has n = 10 and 2^64 - 1, wide 9 and 10, who 0xab.
class JsonValuesTest : public ::testing::Test {
  protected:
    JsonValuesTest() {
        const std::string ff(32, '\xff');
        world_.block(
            1, {mapping_.emit("lot.All",
                              {list({num(UINT64_MAX), num(5), num(uint64_t{1} << 53),
                                     num((uint64_t{1} << 53) - 1)}),
                               list({num(uint64_t{1} << 55), neg(uint64_t{1} << 62), text("10")}),
                               list({acc(0xab)}), list({text(std::string_view{"\x00\xff", 2})}),
                               list({list({AbiValue::fixed_bytes(as_bytes(ff))})}),
                               list({text("b"), text("10"), text("0xAB")}),
                               list({num(3), num(200)}), list({num(1), num(0)})},
                              1, 0),
                mapping_.emit("lot.Put", {num(1), num(10), num(9), acc(0xab)}, 1, 1),
                mapping_.emit("lot.Put", {num(2), num(UINT64_MAX), num(10), acc(0xab)}, 1, 2)});
        world_.commit();
        asked_.open(world_.database->read_view(), mapping_.plan);
    }
    std::string ask(const std::string& sql) { return asked_.ask(sql); }

    Mapping mapping_{
        R"(
[contracts.lot]
abi = "lot.json"
address = "0x00000000000000000000000000000000000000a1"
[entities.item]
key = { id = "uint256" }
fields = { n = "uint64", wide = "uint256", who = "address" }
[[on]]
event = "lot.Put"
insert = "item"
key = { id = "id" }
set = { n = "n", wide = "wide", who = "who" }
)",
        {{"lot.json",
          abi_json({"event Put(uint256 id, uint64 n, uint256 wide, address who)",
                    "event All(uint64[] us, (uint56 x, int64 y, string s) t, address[] ad, bytes[] "
                    "by, (bytes32[] two) h, string[] ns, uint8[] ks, bool[] fs)"})}}};
    World world_{mapping_};
    test::AskedSession asked_;
};

TEST_F(JsonValuesTest, AnIntegerThatIsATextFrom2To53OnMeetsNoLargeNumber) {
    const std::string each = " from lot_All, json_each(us)";
    const std::string all = " from lot_All";
    for (const std::string& wrong :
         {"select count(*)" + each + " where value < 10000000000000000",
          "select count(*)" + each + " where value = 9007199254740992",
          "select count(*)" + each + " where value in (5, 9007199254740992)",
          "select count(*)" + each + " where value between 5 and 9007199254740993",
          "select count(*)" + each + " where value < (select max(n) from item)",
          "select count(*)" + each + " where value = '9007199254740992'",
          "select count(*)" + each + " where value < 5.5",
          "select us->>2 > 9223372036854775806" + all,
          "select json_extract(us, '$[2]') < 9007199254740993" + all,
          "select case when us->>2 < 10000000000000000 then 1 else 2 end" + all,
          "select max(us->>2, 10000000000000000)" + all,
          "select value" + each + " order by value",
          "select max(value)" + each,
          "select value + 1" + each,
          "select t->>'x' = 36028797018963968" + all,
          "select t->>'x' < 100000000000000000" + all,
          "select t->>'y' < 0" + all,
          "select t->>'y' > 5" + all,
          "select max(t->>'y', 0)" + all,
          "select value" + each + " union select n from item"}) {
        EXPECT_THAT(ask(wrong), AllOf(StartsWith("refused: "), HasSubstr("u256"))) << wrong;
    }
    EXPECT_EQ(ask("select count(*)" + each + " where u256_cmp(value, 10000000000000000) < 0"),
              "3;");
    EXPECT_EQ(ask("select count(*)" + each + " where u256_cmp(value, 9007199254740992) = 0"), "1;");
    EXPECT_EQ(ask("select u256_cmp(t->>'x', 36028797018963968), u256_cmp(t->>'y', 0)" + all),
              "0,-1;");
    EXPECT_EQ(ask("select max(u256_add(value, 0) collate u256)" + each), "18446744073709551615;");
}

TEST_F(JsonValuesTest, WhatNoSuchTextMayBeIsComparedRightly) {
    const std::string each = " from lot_All, json_each(us)";
    EXPECT_EQ(ask("select count(*)" + each + " where value = 5"), "1;");
    EXPECT_EQ(ask("select count(*)" + each + " where value > 5"), "3;");
    EXPECT_EQ(ask("select count(*)" + each + " where value in (5, 7, 9007199254740991)"), "2;");
    EXPECT_EQ(ask("select count(*)" + each + " where value <= 9007199254740991"), "2;");
    EXPECT_EQ(ask("select count(*)" + each + " where value = '18446744073709551615'"), "1;");
    EXPECT_EQ(ask("select t->>'y' = 5 from lot_All"), "0;");
    EXPECT_EQ(ask("select value, count(*)" + each +
                  " group by value order by value collate u256 "
                  "limit 2"),
              "5,1;9007199254740991,1;");
    EXPECT_EQ(ask("select value" + each + " order by value collate u256 desc limit 1"),
              "18446744073709551615;");
    EXPECT_EQ(ask("select sum(value), count(distinct value)" + each), "18464758472219033603,4;");
}

TEST_F(JsonValuesTest, JsonMadeOfAUint64IsNotOrderedByItsBytes) {
    for (const char* wrong : {
             "select max(json_array(n)->>0) from item",
             "select count(*) from item where json_array(n)->>0 = 9007199254740993",
             "select max(json_extract(json_array(n), '$[0]')) from item",
             "select max(value) from (select json_group_array(n) j from item), json_each(j)",
             "select value from (select json_group_array(n) j from item), json_each(j) order by 1",
             "select max(json_object('n', n)->>'n') from item",
             "select max(json_quote(wide)) from item",
             "select json_quote(wide) q from item order by q",
             "select max(json_array(wide)) from item",
         }) {
        EXPECT_THAT(ask(wrong), AllOf(StartsWith("refused: "), HasSubstr("collate u256"))) << wrong;
    }
    EXPECT_EQ(ask("select json_group_array(n), max(u256_add(json_array(id)->>0, 0) collate u256) "
                  "from item"),
              R"([10,"18446744073709551615"],2;)");
    EXPECT_EQ(ask("select json(us) from lot_All order by json(us)"), ask("select us from lot_All"));
}

TEST_F(JsonValuesTest, HexInListsIsTakenInLowerCaseAndElseRefused) {
    const std::vector<std::string> places = {
        "select count(*) from lot_All, json_each(ad) where value = ",
        "select count(*) from lot_All where ad->>0 = ",
        "select count(*) from lot_All where json_extract(ad, '$[0]') = ",
        "select count(*) from lot_All, json_each(ad) where atom = ",
    };
    for (const std::string& place : places) {
        EXPECT_EQ(ask(place + kLower), "1;") << place;
        EXPECT_EQ(ask(place + kMixed + " collate nocase"), "1;") << place;
        EXPECT_THAT(ask(place + kMixed), AllOf(StartsWith("refused: "), HasSubstr("in lower case"),
                                               HasSubstr("collate nocase")))
            << place;
    }
    for (const char* right :
         {"select count(*) from lot_All where by->>0 = '0x00ff'",
          "select count(*) from lot_All, json_each(by) where value in ('0x', '0x00ff')",
          "select count(*) from lot_All a join item i on a.ad->>0 = i.who where i.id = 1",
          "select count(*) from lot_All, json_each(h, '$.two') where value = "
          "'0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'"}) {
        EXPECT_EQ(ask(right), "1;") << right;
    }
    for (const std::string& wrong :
         {std::string{"select count(*) from lot_All where by->>0 = '0x00FF'"},
          std::string{"select count(*) from lot_All, json_each(h, '$.two') where value = '0xFF'"},
          std::string{"select count(*) from lot_All, json_tree(ad) where value = "} + kMixed,
          std::string{"select count(*) from item where json_array(who)->>0 = "} + kMixed}) {
        EXPECT_THAT(ask(wrong), AllOf(StartsWith("refused: "), HasSubstr("in lower case")))
            << wrong;
    }
}

TEST_F(JsonValuesTest, TextsInListsAreAskedForByWhatTheyAre) {
    const std::string each = "select count(*) from lot_All, json_each(ns) where value = ";
    for (const char* one : {"'b'", "'10'", "'0xAB'"}) {
        EXPECT_EQ(ask(each + one), "1;") << one;
    }
    EXPECT_EQ(ask(each + "'0xab'"), "0;");
    EXPECT_EQ(ask("select count(*) from lot_All where ns->>1 = '10' and t->>'s' = '10'"), "1;");
}

TEST_F(JsonValuesTest, SmallNumbersInListsAreCalculatedWith) {
    EXPECT_EQ(ask("select sum(value * 2), max(value) from lot_All, json_each(ks)"), "406,200;");
    EXPECT_EQ(ask("select ks->>1 << 4, count(*) from lot_All where ks->>0 = 3"), "3200,1;");
    EXPECT_EQ(ask("select sum(atom * 2) from lot_All, json_tree(ks)"), "406;");
    EXPECT_EQ(ask("select count(*) from lot_All, json_each(fs) where value = 1"), "1;");
    EXPECT_THAT(ask("select count(*) from lot_All, json_each(ks) where value = '3'"),
                HasSubstr("write it without quotes"));
}

TEST_F(JsonValuesTest, InfinityIsNoAnswer) {
    for (const char* wrong : {"select cast('1e999' as real)", "select 1e308 * 10",
                              "select exp(1000)", "select -1e308 * 10"}) {
        EXPECT_THAT(ask(wrong), AllOf(StartsWith("refused: "), HasSubstr("1.8e308"))) << wrong;
    }
    EXPECT_EQ(ask("select 1e308"), "1e+308;");
}

TEST_F(JsonValuesTest, ANumberThatIsTooLargeIsCalledThatAndCutWithAMark) {
    EXPECT_THAT(ask("select u256_mul('" + std::string(155, '9') + "', '2')"),
                AllOf(StartsWith("refused: "), HasSubstr(std::string(80, '9') + "..'"),
                      HasSubstr("too large: numbers are from -2^511 to 2^511 - 1")));
    EXPECT_THAT(ask("select u256_add('x', 1)"), HasSubstr("'x' is no integer"));
}

TEST(JsonKindsTest, IntegersOf54To64BitsAreNumbersOrTexts) {
    const auto kinds = [](const char* type) {
        return kinds_of_json(evm::parse_type(type).value());
    };
    EXPECT_EQ(kinds("uint48"), kInteger);
    EXPECT_EQ(kinds("int48"), kInteger);
    EXPECT_EQ(kinds("uint56"), kJsonUint);
    EXPECT_EQ(kinds("uint64"), kJsonUint);
    EXPECT_EQ(kinds("int64"), kJsonInt);
    EXPECT_EQ(kinds("uint72"), kWide);
    EXPECT_EQ(kinds("address[]"), kText | kHexJson);
}

}  // namespace

}  // namespace plumbline::query::sql::json_values_test
