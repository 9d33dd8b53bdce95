// Numbers that SQL finds in texts: in the lists and tuples of events, and where functions make
// texts of wide columns.
#include "query/sql/json_kinds.hpp"
#include "tests/query/asked_session.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::query::sql::made_text_test {

namespace {

using namespace plumbline::engine::test;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kMost =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";

/// Event lot_Batch: ids 9 and 2^256-1, then 100; p.a 9, then 100; p.n 9, then 10; p.s "x", "b";
/// times 9, 10. Entity `item` has the amounts 9 and 100.
class MadeTextTest : public ::testing::Test {
  protected:
    MadeTextTest() {
        const auto batch = [&](std::vector<AbiValue> ids, uint64_t a, uint64_t n, const char* s,
                               uint64_t block) {
            return mapping_.emit(
                "lot.Batch",
                {list(std::move(ids)), list({num(a), num(n), text(s), list({num(a)})}),
                 list({num(n)}), list({list({num(a), num(n), text(s), acc(n)})})},
                block, 0);
        };
        world_.block(1, {batch({num(9), neg(1)}, 9, 9, "x", 1),
                         mapping_.emit("lot.Put", {num(1), num(9)}, 1, 1)});
        world_.block(2, {batch({num(100)}, 100, 10, "b", 2),
                         mapping_.emit("lot.Put", {num(2), num(100)}, 2, 1)});
        world_.commit();
        asked_.open(world_.database->read_view(), mapping_.plan);
    }
    std::string ask(const std::string& sql, std::vector<Value> parameters = {}) {
        return asked_.ask(sql, std::move(parameters));
    }

    Mapping mapping_{
        R"(
[contracts.lot]
abi = "lot.json"
address = "0x00000000000000000000000000000000000000a1"
[entities.item]
key = { id = "uint256" }
fields = { amount = "uint256" }
[[on]]
event = "lot.Put"
insert = "item"
key = { id = "id" }
set = { amount = "amount" }
)",
        {{"lot.json", abi_json({"event Put(uint256 id, uint256 amount)",
                                "event Batch(uint256[] ids, (uint256 a, uint8 n, string s, "
                                "uint256[] more) p, uint32[] times, (uint256 a, uint8 n, string s, "
                                "address who)[] parts)"})}}};
    World world_{mapping_};
    test::AskedSession asked_;
};

TEST_F(MadeTextTest, WideNumbersInListsAndTuplesAreNotOrderedByTheirBytes) {
    for (const char* wrong : {
             "select max(value) from lot_Batch, json_each(ids)",
             "select value from lot_Batch, json_each(ids) order by value",
             "select max(q.v) from (select value v from lot_Batch, json_each(ids)) q",
             "select max(atom) from lot_Batch, json_tree(ids)",
             "select max(value) from lot_Batch, json_each(p)",
             "select max(value) from lot_Batch, json_each(p, '$.more')",
             "select count(*) from lot_Batch, json_each(ids) where value > '10'",
             "select max(json_extract(p, '$.a')) from lot_Batch",
             "select max(json_extract(ids, '$[0]')) from lot_Batch",
             "select max(ids->>0) from lot_Batch",
             "select max(p->'a') from lot_Batch",
             "select max(p->>'$.more[0]') from lot_Batch",
             "select max(p->'more'->>0) from lot_Batch",
             "select max(parts->0->>'a') from lot_Batch",
             "select max(value->>'a') from lot_Batch, json_each(parts)",
             "select _block from lot_Batch order by p->>'a'",
             "select _block from lot_Batch order by p->>('a' || '')",
             "select count(*) from lot_Batch where p->>'a' between '5' and '50'",
             "select max(json_extract(json_array(amount), '$[0]')) from item",
             "select max(value) from (select json_group_array(amount) l from item), json_each(l)",
         }) {
        EXPECT_THAT(ask(wrong), AllOf(HasSubstr("refused"), HasSubstr("collate u256"))) << wrong;
    }
    EXPECT_THAT(ask("select _block from lot_Batch order by p->>?", {std::string{"a"}}),
                HasSubstr("refused"));
    const std::string most = std::string{kMost} + ";";
    EXPECT_EQ(ask("select max(value collate u256) from lot_Batch, json_each(ids)"), most);
    EXPECT_EQ(ask("select max(json_extract(p, '$.a') collate u256) from lot_Batch"), "100;");
    EXPECT_EQ(ask("select p->>'a' from lot_Batch order by p->>'a' collate u256"), "9;100;");
    EXPECT_EQ(ask("select sum(value) from lot_Batch, json_each(ids) where value < '1000' collate "
                  "u256"),
              "109;");
    EXPECT_EQ(ask("select max(u256_add(value->>'a', 0) collate u256) from lot_Batch, "
                  "json_each(parts)"),
              "100;");
}

TEST_F(MadeTextTest, WideNumbersInJsonMeetNoNumbers) {
    for (const char* wrong :
         {"select count(*) from lot_Batch, json_each(ids) where value = 9",
          "select count(*) from lot_Batch where p->>'a' = 9",
          "select count(*) from lot_Batch where p->>'a' > 9", "select p->>'a' + 1 from lot_Batch",
          "select cast(p->>'a' as integer) from lot_Batch"}) {
        EXPECT_THAT(ask(wrong), AllOf(HasSubstr("refused"), HasSubstr("text"))) << wrong;
    }
    EXPECT_EQ(ask("select count(*) from lot_Batch, json_each(ids) where value = '9'"), "1;");
    EXPECT_EQ(ask("select count(*) from lot_Batch b join item i on i.amount = b.p->>'a'"), "2;");
    EXPECT_EQ(ask("select u256_add(p->>'a', 1) from lot_Batch order by _block"), "10;101;");
}

TEST_F(MadeTextTest, WhatElseIsInThemIsAsBefore) {
    EXPECT_EQ(ask("select p->>'n' from lot_Batch order by p->>'n' desc"), "10;9;");
    EXPECT_EQ(ask("select p->>'s' from lot_Batch order by p->>'s'"), "b;x;");
    EXPECT_EQ(ask("select max(json_extract(p, '$.n')) + 1 from lot_Batch"), "11;");
    EXPECT_EQ(ask("select count(*) from lot_Batch where p->>'n' > 9 and p->>'s' < 'c'"), "1;");
    EXPECT_EQ(ask("select max(value) from lot_Batch, json_each(times)"), "10;");
    EXPECT_EQ(ask("select key, count(*) from lot_Batch, json_each(ids) group by key order by key"),
              "0,2;1,1;");
    EXPECT_EQ(ask("select max(json_array_length(ids)) from lot_Batch"), "2;");
    EXPECT_EQ(ask("select value, count(*) from lot_Batch, json_each(ids) group by value order by "
                  "value collate u256 limit 1"),
              "9,1;");
    EXPECT_EQ(ask("select ids from lot_Batch order by ids"),
              "[\"100\"];[\"9\",\"" + std::string{kMost} + "\"];");
}

TEST_F(MadeTextTest, WhatATupleInAListHoldsIsWhatItsTypeSays) {
    for (const char* each : {"json_each(parts) e", "json_each(p, '$') q, json_each(parts) e"}) {
        const auto of = [&](const std::string& head, const std::string& tail) {
            return ask(head + " from lot_Batch, " + each + " " + tail);
        };
        EXPECT_THAT(of("select max(e.value->>'a')", ""),
                    AllOf(HasSubstr("refused"), HasSubstr("collate u256")));
        EXPECT_THAT(of("select e.value->>'a' + 1", ""), HasSubstr("refused"));
    }
    const std::string from = " from lot_Batch, json_each(parts) e ";
    EXPECT_EQ(ask("select e.value->>'s', count(*)" + from + "group by 1 order by 1"), "b,1;x,1;");
    EXPECT_EQ(ask("select count(distinct e.value->>'s')" + from), "2;");
    EXPECT_EQ(ask("select count(*) from (select distinct e.value->>'who'" + from + ")"), "2;");
    EXPECT_EQ(ask("select max(e.value->>'s'), max(e.value->>'n') + 1" + from), "x,11;");
    EXPECT_EQ(ask("select e.value->>'s'" + from + "where e.value->>'s' > 'c'"), "x;");
    EXPECT_THAT(ask("select count(*)" + from +
                    "where e.value->>'who' = '0x00000000000000000000000000000000000000FF'"),
                HasSubstr("collate nocase"));
    // json_tree() goes further down, so that nothing is known of its values.
    EXPECT_THAT(
        ask("select e.value->>'s', count(*) from lot_Batch, json_tree(parts) e group by 1"),
        AllOf(HasSubstr("refused"), HasSubstr("cast(.. as text) where no number is meant")));
    EXPECT_THAT(ask("select max(e.value->>'s') from lot_Batch, json_tree(parts) e"),
                HasSubstr("refused"));
}

TEST_F(MadeTextTest, TextsMadeOfWideNumbersAreNotOrderedByTheirBytes) {
    for (const char* wrong :
         {"select max(trim(amount)) from item", "select max(ltrim(amount, ' ')) from item",
          "select max(substr(amount, 1)) from item", "select id from item order by amount || ''",
          "select id from item order by '' || amount desc",
          "select max(printf('%s', amount)) from item",
          "select max(format('%d %s', 1, amount)) from item",
          "select max(replace(amount, ' ', '')) from item", "select max(lower(amount)) from item",
          "select max(upper(amount)) from item", "select max(quote(amount)) from item",
          "select g from (select group_concat(amount) g from item group by id) order by g",
          "select t from (select trim(amount) t from item) order by t",
          "select max(trim(trim(amount))) from item",
          "select count(*) from item where trim(amount) > '5'",
          "select count(*) from item a join item b on trim(a.amount) < trim(b.amount)",
          "select rank() over (order by amount || '') from item"}) {
        EXPECT_THAT(ask(wrong), AllOf(HasSubstr("refused"), HasSubstr("collate u256"),
                                      HasSubstr("cast(.. as text)")))
            << wrong;
    }
    EXPECT_THAT(ask("select trim(amount) + 1 from item"), HasSubstr("u256_add"));
    EXPECT_THAT(ask("select count(*) from item where trim(amount) = 9"), HasSubstr("is a text"));
    EXPECT_EQ(ask("select max(trim(amount) collate u256) from item"), "100;");
    EXPECT_EQ(ask("select amount || '' from item order by amount || '' collate u256"), "9;100;");
    EXPECT_EQ(ask("select id from item order by cast(trim(amount) as text)"), "2;1;");
    EXPECT_EQ(ask("select trim(amount), amount || ' wei', printf('%s', amount) from item where id "
                  "= 1"),
              "9,9 wei,9;");
    EXPECT_EQ(ask("select count(distinct trim(amount)) from item where trim(amount) <> '9'"), "1;");
    EXPECT_EQ(ask("select max(hex(amount)), max(length(amount)) from item"), "39,3;");
}

TEST(JsonKindsTest, PathsLeadToTheirTypes) {
    const auto type = evm::parse_type("(uint256,uint8[],(int128,string)[2])").value();
    const auto kinds = [&](std::string_view path) -> Kinds {
        const evm::AbiType* const part = json_part(type, path);
        return part == nullptr ? Kinds{0} : kinds_of_json(*part);
    };
    EXPECT_EQ(kinds("$.0"), kWide);
    EXPECT_EQ(kinds("0"), kWide);
    EXPECT_EQ(kinds("$.\"0\""), kWide);
    EXPECT_EQ(kinds("$.1"), kText);
    EXPECT_EQ(kinds("$.1[7]"), kInteger);
    EXPECT_EQ(kinds("$.1[#-1]"), kInteger);
    EXPECT_EQ(kinds("$.2[0].0"), kWide);
    EXPECT_EQ(kinds("$.2[0].1"), kText);
    EXPECT_EQ(kinds("$"), kText | kWideJson);
    for (const char* nowhere : {"$.3", "$[0]", "$.1.0", "$x", "3", "$.1[", "", "$.2[0].1.0"}) {
        static_cast<void>(kinds(nowhere));
    }
    EXPECT_EQ(kinds("$.3"), 0);
    EXPECT_EQ(kinds("$[0]"), 0);
    EXPECT_EQ(kinds("$x"), 0);
    EXPECT_TRUE(has_wide_parts(type));
    EXPECT_FALSE(has_wide_parts(evm::parse_type("(uint32,string,bool)[]").value()));
}

}  // namespace

}  // namespace plumbline::query::sql::made_text_test
