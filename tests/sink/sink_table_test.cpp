// What becomes of values and names on their way into PostgreSQL.
#include "sink/sink_table.hpp"

#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_table_test {
namespace {

using ::testing::HasSubstr;

class SinkValuesTest : public SinkTest {
  protected:
    [[nodiscard]] Emitted put(uint64_t id, const AbiValue& amount, const AbiValue& delta,
                              const std::string& note, const Bytes& data, uint32_t index) const {
        return mapping_.emit("hub.Put",
                             {num(id), acc(1), amount, delta, text(note), AbiValue::blob(data),
                              num(1), AbiValue::number(evm::U256{UINT64_MAX}), num(0)},
                             block_, index);
    }
    uint64_t block_ = 1;
};

evm::U256 power_of_two(int bits) {
    evm::U256 out;
    out.limb[static_cast<size_t>(bits / 64)] = uint64_t{1} << (bits % 64);
    return out;
}

TEST_F(SinkValuesTest, EveryValueIsKeptWholeWhicheverWayItGoes) {
    const evm::U256 least = power_of_two(255);  // -2^255 as int256
    const evm::U256 most = evm::negate(evm::U256{1});
    const std::string long_text(300'000, 'x');
    const Bytes long_bytes(300'000, uint8_t{0xab});
    const auto fill = [&](SinkWorld& sink) {
        sink.world.block(
            block_,
            {put(1, AbiValue::number(most), AbiValue::number(least), std::string("a\0b", 3), {}, 0),
             put(2, num(0), AbiValue::number(most), "\xff\xfe bad", long_bytes, 1),
             put(3, num(1), num(1), "tab\tline\nback\\slash 'quote' \"double\" {a,b} \\x41",
                 {0x00, 0xff}, 2),
             put(4, num(1), num(1), long_text, {}, 3), put(5, num(1), num(1), "", {}, 4),
             put(6, num(1), num(1), "hex:00", {}, 5), put(7, num(1), num(1), "NULL", {}, 6),
             put(8, num(1), num(1), "\xf0\x9f\x90\x8d \xe2\x80\xae turned", {}, 7),
             sink.named(std::string("n\0m", 3), 1, block_, 8), sink.named(long_text, 2, block_, 9),
             sink.named("", 3, block_, 10)});
    };
    const auto check = [&](SinkWorld& sink) {
        const std::string of = sink.config.schema + ".item";
        EXPECT_EQ(sink.sql("select amount, delta, note from " + of + " where id = 1"),
                  most.to_decimal() + "|" + least.to_decimal_signed() + "|hex:610062");
        EXPECT_EQ(sink.sql("select delta, note, octet_length(data), \"when\" from " + of +
                           " where id = 2"),
                  "-1|hex:fffe20626164|300000|18446744073709551615");
        EXPECT_EQ(sink.sql("select note = E'tab\\tline\\nback\\\\slash ''quote'' \"double\" {a,b} "
                           "\\\\x41', encode(data, 'hex') from " +
                           of + " where id = 3"),
                  "t|00ff");
        EXPECT_EQ(sink.sql("select length(note) from " + of + " where id = 4"), "300000");
        EXPECT_EQ(sink.sql("select note = '', data = '' from " + of + " where id = 5"), "t|t");
        EXPECT_EQ(sink.sql("select note from " + of + " where id = 6"), "hex:6865783a3030");
        EXPECT_EQ(sink.sql("select note from " + of + " where id = 7"), "NULL");
        EXPECT_EQ(sink.sql("select string_agg(left(name, 9), ',' order by value) from " +
                           sink.config.schema + ".named"),
                  "hex:6e006,xxxxxxxxx,");
        EXPECT_EQ(sink.sql("select amount, delta, note, octet_length(data) from " +
                           sink.config.schema + ".\"hub_Put\" where id < 3 order by id"),
                  most.to_decimal() + "|" + least.to_decimal_signed() + "|hex:610062|0\n0|-1|" +
                      "hex:fffe20626164|300000");
        EXPECT_EQ(sink.differences(), 0U);
    };
    SinkWorld copied{"values_copied", mapping_};
    SinkWorld upserted{"values_upserted", mapping_};
    for (SinkWorld* sink : {&copied, &upserted}) {
        sink->config.events = {"*"};
        sink->config.has_history = true;
    }
    fill(copied);
    ASSERT_OK(copied.settle(*copied.make_writer()));
    check(copied);

    // As differences from a table that was emptied.
    copied.sql("truncate values_copied.item, values_copied.named, values_copied.\"hub_Put\"");
    const auto compares = copied.make_writer();
    ASSERT_OK(copied.settle(*compares));
    EXPECT_EQ(compares->figures().upserted, 19U);
    check(copied);

    upserted.world.block(1, {});
    block_ = 2;
    const auto writer = upserted.make_writer();
    ASSERT_OK(upserted.settle(*writer));
    fill(upserted);
    ASSERT_OK(upserted.settle(*writer));
    EXPECT_EQ(writer->figures().upserted, 33U) << "rows, their versions, and events";
    check(upserted);

    SinkWorld as_bytes{"values_as_bytes", mapping_};
    as_bytes.config.strings_as_bytes = true;
    fill(as_bytes);
    ASSERT_OK(as_bytes.settle(*as_bytes.make_writer()));
    EXPECT_EQ(as_bytes.sql("select encode(note, 'hex') from values_as_bytes.item where id = 1"),
              "610062");
    EXPECT_EQ(as_bytes.differences(), 0U);
}

TEST_F(SinkValuesTest, ListsAndTuplesOfEventsAreJsonAndHashesStandForIndexedTexts) {
    const Abis abis{
        {"hub.json",
         abi_json({"event Mixed(uint256[] ids, (string name, int256 low)[] pairs, bytes[2] parts, "
                   "string indexed title)"})}};
    const Mapping mapping{
        fmt::format("[contracts.hub]\nabi = \"hub.json\"\naddress = \"{}\"\n", hex_of(1)), abis};
    const AbiValue most = AbiValue::number(evm::negate(evm::U256{1}));
    const AbiValue least = AbiValue::number(power_of_two(255));
    SinkWorld sink{"lists", mapping};
    sink.config.entities = {};
    sink.config.events = {"*"};
    sink.world.block(
        1, {mapping.emit("hub.Mixed",
                         {list({most, num(0)}),
                          list({list({text(std::string("a\0b", 3)), least}),
                                list({text("\xff \"quote\" \\ \n"), neg(1)})}),
                          list({AbiValue::blob(Bytes{}), AbiValue::blob(Bytes{0x00, 0xff})}),
                          text("a title")},
                         1, 0),
            mapping.emit(
                "hub.Mixed",
                {list({}), list({}),
                 list({AbiValue::blob(Bytes{}), AbiValue::blob(Bytes(300'000, 0xab))}), text("")},
                1, 1)});
    ASSERT_OK(sink.settle(*sink.make_writer()));
    const std::string of = "lists.\"hub_Mixed\" where _log = ";
    EXPECT_EQ(sink.sql("select ids->>0, ids->>1, json_array_length(pairs), pairs->0->>'name', "
                       "pairs->0->>'low', pairs->1->>'name', pairs->1->>'low', parts->>0, "
                       "parts->>1 from " +
                       of + "0"),
              evm::negate(evm::U256{1}).to_decimal() + "|0|2|hex:610062|" +
                  power_of_two(255).to_decimal_signed() + "|" + "hex:ff202271756f7465" +
                  "22205c200a|-1|0x|0x00ff");
    EXPECT_EQ(sink.sql("select ids, pairs, length(parts->>1) from " + of + "1"), "[]|[]|600002");
    EXPECT_EQ(sink.sql("select encode(title, 'hex') from " + of + "0"),
              evm::to_hex(evm::keccak256(as_bytes("a title"))).substr(2));
    EXPECT_EQ(sink.differences(), 0U);
}

storage::EntityLayout layout_of(const std::string& entity, const std::string& field) {
    storage::EntityLayout out;
    out.name = entity;
    out.key = {{"id", {storage::FieldKind::kUint, 256}}};
    out.fields = {{field, {storage::FieldKind::kUint, 64}}};
    return out;
}

TEST(SinkNamesTest, NamesThatPostgresqlCannotHaveAreRefusedWithASentence) {
    engine::SinkConfig config;
    config.name = "main";
    const auto refusal = [&](const std::string& entity, const std::string& field) {
        const storage::EntityLayout layout = layout_of(entity, field);
        const auto made = SinkTable::make(layout, 0, config, 1);
        return made ? std::string{} : made.error().message;
    };
    const std::string longest(63, 'a');
    EXPECT_EQ(refusal(longest, longest), "");
    EXPECT_THAT(refusal(longest + "a", "x"), HasSubstr("has 64 letters"));
    EXPECT_THAT(refusal("x", longest + "a"), HasSubstr("has 64 letters"));
    EXPECT_THAT(refusal("x", "xmin"), HasSubstr("PostgreSQL has a column of that name"));
    EXPECT_THAT(refusal("x", "_block"), HasSubstr("the sink has a column of that name"));
    EXPECT_THAT(refusal("plumbline_cursor", "x"), HasSubstr("the sink's own"));
    EXPECT_EQ(refusal("x", "oid"), "");
    EXPECT_EQ(refusal("select", "order"), "") << "reserved words are quoted";
}

TEST_F(SinkTest, NamesOf63LettersAreWholeInPostgresql) {
    const std::string entity(63, 'e');
    const std::string field(63, 'f');
    const std::string event(59, 'V');  // "hub_" stands before it.
    const std::string param(63, 'p');
    const Abis abis{
        {"hub.json", abi_json({fmt::format("event {}(uint256 id, uint64 {})", event, param)})}};
    const Mapping mapping{fmt::format(R"(
[contracts.hub]
abi = "hub.json"
address = "{}"
[entities.{}]
key = {{ id = "uint256" }}
fields = {{ {} = "uint64" }}
index = [["{}"]]
[[on]]
event = "hub.{}"
upsert = "{}"
key = {{ id = "id" }}
set = {{ {} = "{}" }}
)",
                                      hex_of(1), entity, field, field, event, entity, field, param),
                          abis};
    SinkWorld sink{"long_names", mapping, {1, size_t{1} << 20, 0}};
    sink.config.entities = {entity};
    sink.config.events = {"*"};
    for (uint64_t block = 1; block <= 2; ++block) {
        sink.world.block(block, {mapping.emit("hub." + event, {num(7), num(block)}, block, 0)});
        const auto writer = sink.make_writer();
        ASSERT_OK(sink.settle(*writer));
        EXPECT_EQ(writer->figures().compared, 0U) << "it finds its tables and indexes again";
    }
    EXPECT_EQ(sink.sql(fmt::format("select {} from long_names.{}", field, entity)), "2");
    EXPECT_EQ(
        sink.sql(fmt::format("select {} from long_names.\"hub_{}\" order by _block", param, event)),
        "1\n2");
    EXPECT_EQ(sink.sql("select count(*) from pg_indexes where schemaname = 'long_names' and "
                       "tablename = '" +
                       entity + "'"),
              "2");
    EXPECT_EQ(sink.differences(), 0U);
    sink.config.has_history = true;
    const auto refused = make_tables(sink.config, *mapping.plan, 1);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("has 71 letters"));
}

TEST_F(SinkTest, FieldsMayHaveTheNamesOfTheCatalogsColumns) {
    const Abis abis{
        {"hub.json", abi_json({"event Put(uint256 oid, uint64 relname, uint64 excluded)"})}};
    const Mapping mapping{fmt::format(R"(
[contracts.hub]
abi = "hub.json"
address = "{}"
[entities.t]
key = {{ oid = "uint256" }}
fields = {{ relname = "uint64", excluded = "uint64" }}
index = [["relname"]]
[[on]]
event = "hub.Put"
upsert = "t"
key = {{ oid = "oid" }}
set = {{ relname = "relname", excluded = "excluded" }}
[entities.c]
key = {{ relname = "uint64" }}
fields = {{ oid = "uint256" }}
[[on]]
event = "hub.Put"
upsert = "c"
key = {{ relname = "relname" }}
set = {{ oid = "oid" }}
)",
                                      hex_of(1)),
                          abis};
    SinkWorld sink{"catalogs", mapping, {1, size_t{1} << 20, 0}};
    sink.config.entities = {"t", "c"};
    sink.config.events = {"*"};
    sink.config.has_history = true;
    const auto writer = sink.make_writer();
    for (uint64_t block = 1; block <= 3; ++block) {
        sink.world.block(block,
                         {mapping.emit("hub.Put", {num(7), num(block % 2), num(block)}, block, 0)});
        ASSERT_OK(sink.settle(*writer));
        ASSERT_EQ(sink.differences(), 0U);
    }
    sink.rollback(2);
    sink.world.block(3, {mapping.emit("hub.Put", {num(8), num(0), num(9)}, 3, 0)}, 1);
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(sink.sql("select oid, relname, excluded from catalogs.t order by oid"),
              "7|0|2\n8|0|9");
    EXPECT_EQ(sink.sql("select oid from catalogs.c where relname = 0"), "8");
    EXPECT_EQ(sink.sql("select oid from catalogs.\"hub_Put\" order by _block"), "7\n7\n8");
    EXPECT_EQ(sink.differences(), 0U);
    sink.sql("update catalogs.t set relname = 5 where oid = 7; delete from catalogs.c");
    const auto mended = sink.check(sink.check_options(true));
    ASSERT_TRUE(mended.has_value()) << mended.error().message;
    EXPECT_EQ(mended->mended, 3U);
    EXPECT_EQ(sink.differences(), 0U);
}

TEST(SinkNamesTest, AnIndexOfAValueThatMayBeTooLongIsLeftOutAndNamed) {
    std::string toml = sink_toml();
    const std::string one = R"(index = [["owner"]])";
    toml.replace(toml.find(one), one.size(),
                 R"(index = [["owner"], ["note"], ["flag", "data"], ["when"]])");
    const Mapping mapping{toml, sink_abis()};
    engine::SinkConfig config;
    config.name = "main";
    config.schema = "s";
    config.entities = {"item", "named"};
    config.has_history = true;
    const auto tables = make_tables(config, *mapping.plan, 1).value();
    std::vector<std::string> made;
    std::vector<std::string> left_out;
    for (const SinkTable& table : tables) {
        for (const SinkTable::Index& index : table.indexes()) {
            made.push_back(index.name);
        }
        for (const std::string& fields : table.indexes_left_out()) {
            left_out.push_back(table.name() + ": " + fields);
        }
    }
    EXPECT_THAT(left_out, ::testing::ElementsAre("item: note", "item: flag, data"));
    EXPECT_THAT(made, ::testing::IsSupersetOf({"item_owner_idx", "item_when_idx"}));
    EXPECT_THAT(made, ::testing::Not(::testing::Contains("item_note_idx")));
}

/// Entities by name and index, each with the fields that these name.
std::string entities_toml(const std::vector<std::pair<std::string, std::string>>& entities) {
    std::string out =
        fmt::format("[contracts.hub]\nabi = \"hub.json\"\naddress = \"{}\"\n", hex_of(1));
    for (const auto& [entity, field] : entities) {
        out += fmt::format(
            "[entities.{0}]\nkey = {{ id = \"uint256\" }}\nfields = {{ {1} = \"uint64\" }}\n"
            "index = [[\"{1}\"]]\n[[on]]\nevent = \"hub.Put\"\nupsert = \"{0}\"\nkey = {{ id = "
            "\"id\" }}\nset = {{ {1} = \"value\" }}\n",
            entity, field);
    }
    return out;
}

const Abis& put_abis() {
    static const Abis kAbis{{"hub.json", abi_json({"event Put(uint256 id, uint64 value)"})}};
    return kAbis;
}

TEST_F(SinkTest, IndexesThatWouldHaveOneNameAreBothMade) {
    const Mapping mapping{entities_toml({{"a", "b_c"}, {"a_b", "c"}}), put_abis()};
    SinkWorld sink{"one_name", mapping, {1, size_t{1} << 20, 0}};
    sink.config.entities = {"a", "a_b"};
    for (uint64_t block = 1; block <= 2; ++block) {
        sink.world.block(block, {mapping.emit("hub.Put", {num(7), num(block)}, block, 0)});
        ASSERT_EQ(failure(sink), "");
    }
    EXPECT_EQ(sink.sql("select tablename, count(*) from pg_indexes where schemaname = 'one_name' "
                       "and tablename in ('a', 'a_b') group by 1 order by 1"),
              "a|2\na_b|2");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkTest, AnIndexIsMadeWhereSomethingElseHasItsNameAndNotWhereTheUserHasOne) {
    const Mapping mapping{entities_toml({{"a", "b"}, {"c", "d"}}), put_abis()};
    SinkWorld sink{"others_name", mapping, {1, size_t{1} << 20, 0}};
    sink.config.entities = {"a", "c"};
    const auto count = [&] {
        return sink.sql(
            "select tablename, count(*) from pg_indexes where schemaname = 'others_name' and "
            "tablename in ('a', 'c') group by 1 order by 1");
    };
    sink.sql("create schema others_name");
    sink.sql("create table others_name.mine (x int)");
    sink.sql("create index a_b_idx on others_name.mine (x)");
    sink.sql("create view others_name.c_d_idx as select 1");
    sink.world.block(1, {mapping.emit("hub.Put", {num(7), num(1)}, 1, 0)});
    ASSERT_EQ(failure(sink), "");
    EXPECT_EQ(count(), "a|2\nc|2");

    sink.sql("drop index others_name." +
             sink.sql("select indexname from pg_indexes where schemaname = 'others_name' and "
                      "tablename = 'a' and indexname not like '%pkey'"));
    sink.sql("create index own on others_name.a (b, id)");
    sink.world.block(2, {mapping.emit("hub.Put", {num(8), num(2)}, 2, 0)});
    ASSERT_EQ(failure(sink), "");
    EXPECT_EQ(count(), "a|2\nc|2");

    sink.sql("drop index others_name.own");
    sink.sql("create index own on others_name.a (b) where b > 5");
    sink.world.block(3, {mapping.emit("hub.Put", {num(9), num(3)}, 3, 0)});
    ASSERT_EQ(failure(sink), "");
    EXPECT_EQ(count(), "a|3\nc|2");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST(SinkNamesTest, ATableWithTheNameOfAnIndexIsRefused) {
    for (const char* name : {"a_b_idx", "a_pkey"}) {
        const Mapping mapping{entities_toml({{"a", "b"}, {name, "c"}}), put_abis()};
        engine::SinkConfig config;
        config.name = "main";
        config.entities = {"a", name};
        const auto refused = make_tables(config, *mapping.plan, 1);
        ASSERT_FALSE(refused.has_value());
        EXPECT_THAT(refused.error().message,
                    HasSubstr(fmt::format("the table {} would have the name of an index", name)));
    }
}

TEST(SinkNamesTest, IntegersTakeTheNarrowestTypeThatHoldsThem) {
    engine::SinkConfig config;
    for (const auto& [kind, bits, type] :
         std::vector<std::tuple<storage::FieldKind, uint16_t, std::string>>{
             {storage::FieldKind::kUint, 24, "integer"},
             {storage::FieldKind::kUint, 32, "bigint"},
             {storage::FieldKind::kInt, 32, "integer"},
             {storage::FieldKind::kInt, 64, "bigint"},
             {storage::FieldKind::kUint, 56, "bigint"},
             {storage::FieldKind::kUint, 64, "numeric(78,0)"},
             {storage::FieldKind::kInt, 256, "numeric(78,0)"}}) {
        storage::EntityLayout layout = layout_of("x", "value");
        layout.fields[0].type = {kind, bits};
        const auto table = SinkTable::make(layout, 0, config, 1);
        ASSERT_TRUE(table.has_value());
        EXPECT_EQ(table->columns()[1].type, type) << bits;
    }
}

}  // namespace
}  // namespace plumbline::sink::test::sink_table_test
