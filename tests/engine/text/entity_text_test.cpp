#include "engine/text/entity_text.hpp"

#include <map>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/evm/hex.hpp"

namespace plumbline::engine::entity_text_test {
namespace {

using storage::Field;
using storage::FieldKind;
using storage::FieldType;

constexpr FieldType kU256{FieldKind::kUint, 256};
constexpr FieldType kU64{FieldKind::kUint, 64};
constexpr FieldType kI8{FieldKind::kInt, 8};
constexpr FieldType kBool{FieldKind::kBool, 8};
constexpr FieldType kAddress{FieldKind::kAddress, 160};
constexpr FieldType kBytes4{FieldKind::kFixedBytes, 32};
constexpr FieldType kBytes{FieldKind::kBytes, 0};
constexpr FieldType kString{FieldKind::kString, 0};
constexpr const char* kAlice = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

storage::EntityLayout sample() {
    storage::EntityLayout layout;
    layout.name = "thing";
    layout.key = {{"id", kU64}, {"owner", kAddress}};
    layout.fields = {{"amount", kU256}, {"delta", kI8},    {"open", kBool},
                     {"tag", kBytes4},  {"note", kString}, {"blob", kBytes}};
    layout.indexes = {{1}, {4, 0}};  // by owner; by open, id
    return layout;
}

struct SampleRow {
    storage::EntityLayout layout = sample();
    storage::RowCodec codec{layout};
    std::string key;
    std::string row = codec.empty_row();

    SampleRow() {
        auto encoded = encode_key(layout, {{"id", "7"}, {"owner", kAlice}});
        key = encoded.value();
        codec.set_word(row, 0, *evm::U256::parse("123456789012345678901234567890"));
        codec.set_word(row, 1, evm::negate(evm::U256{3}));
        codec.set_word(row, 2, evm::U256{1});
        codec.set_word(row, 3, parse_value(kBytes4, "0xdeadbeef").value().word);
        codec.set_dynamic(row, 4, "hi, \"you\"");
        codec.set_dynamic(row, 5, std::string_view{"\0\xff", 2});
    }
};

TEST(EntityTextTest, JsonShowsKeyThenFieldsAsDeclared) {
    const SampleRow sample;
    std::string out;
    ASSERT_TRUE(append_row_json(out, sample.layout, sample.codec, sample.key, sample.row));
    EXPECT_EQ(out, std::string{R"({"id":7,"owner":")"} + kAlice +
                       R"(","amount":"123456789012345678901234567890","delta":-3,"open":true,)"
                       R"("tag":"0xdeadbeef","note":"hi, \"you\"","blob":"0x00ff"})");
}

TEST(EntityTextTest, CsvHasTheSameColumnsAsItsHeader) {
    const SampleRow sample;
    std::string header;
    append_csv_header(header, sample.layout);
    EXPECT_EQ(header, "id,owner,amount,delta,open,tag,note,blob");
    std::string out;
    ASSERT_TRUE(append_row_csv(out, sample.layout, sample.codec, sample.key, sample.row));
    EXPECT_EQ(out,
              std::string{"7,"} + kAlice +
                  ",123456789012345678901234567890,-3,true,0xdeadbeef,\"hi, \"\"you\"\"\",0x00ff");
}

TEST(EntityTextTest, ATextThatASpreadsheetWouldRunIsGuardedWhereAskedForAndNumbersStay) {
    SampleRow sample;
    for (const char* text : {"=HYPERLINK(1)", "+cmd|' /C calc'!A0", "@SUM(1+1)", "-2+3", "\t=1"}) {
        sample.codec.set_dynamic(sample.row, 4, text);
        std::string plain;
        std::string guarded;
        ASSERT_TRUE(append_row_csv(plain, sample.layout, sample.codec, sample.key, sample.row));
        ASSERT_TRUE(append_row_csv(guarded, sample.layout, sample.codec, sample.key, sample.row,
                                   CsvFormulas::kGuarded));
        EXPECT_NE(plain.find(std::string{","} + text), std::string::npos) << plain;
        EXPECT_NE(guarded.find(std::string{",'"} + text), std::string::npos) << guarded;
        EXPECT_NE(guarded.find(",-3,"), std::string::npos) << guarded;
    }
}

TEST(EntityTextTest, DamagedRowIsCorruptionNotGarbage) {
    const SampleRow sample;
    std::string out;
    const auto status = append_row_json(out, sample.layout, sample.codec, sample.key,
                                        sample.row.substr(0, sample.row.size() - 1));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kCorruption);
}

TEST(EntityTextTest, KeyFieldsMayComeInAnyOrderButAllMustCome) {
    const auto layout = sample();
    const auto a = encode_key(layout, {{"id", "7"}, {"owner", kAlice}});
    const auto b = encode_key(layout, {{"owner", kAlice}, {"id", "0x7"}});
    ASSERT_TRUE(a);
    ASSERT_TRUE(b);
    EXPECT_EQ(*a, *b);
    const auto missing = encode_key(layout, {{"id", "7"}});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message, "thing needs owner=...; its key is (id, owner)");
    EXPECT_FALSE(encode_key(layout, {{"id", "7"}, {"owner", kAlice}, {"open", "true"}}));
}

TEST(EntityTextTest, ValuesOutsideTheirTypeAreRefused) {
    EXPECT_FALSE(parse_value(kU64, "18446744073709551616"));
    EXPECT_TRUE(parse_value(kU64, "18446744073709551615"));
    EXPECT_FALSE(parse_value(kU64, "-1"));
    EXPECT_FALSE(parse_value(kU64, ""));
    EXPECT_FALSE(parse_value(kU64, "1 "));
    EXPECT_FALSE(parse_value(kI8, "128"));
    EXPECT_FALSE(parse_value(kI8, "-129"));
    EXPECT_TRUE(parse_value(kI8, "-128"));
    EXPECT_FALSE(parse_value(kBool, "1"));
    EXPECT_FALSE(parse_value(kAddress, "0x12"));
    EXPECT_FALSE(parse_value(kAddress, "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"));
    EXPECT_FALSE(parse_value(kBytes4, "0xdeadbeef00"));
    EXPECT_FALSE(parse_value(kBytes, "0xabc"));
    // A huge magnitude must not slip in by wrapping to a small negative number.
    EXPECT_FALSE(parse_value(FieldType{FieldKind::kInt, 256},
                             "115792089237316195423570985008687907853269984665640564039457584007913"
                             "129639935"));
}

TEST(EntityTextTest, KeyTextReadsBack) {
    const SampleRow sample;
    const auto text = key_to_text(sample.layout, sample.key);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, std::string{"id=7,owner="} + kAlice);
    EXPECT_EQ(key_from_text(sample.layout, *text).value(), sample.key);

    storage::EntityLayout named;
    named.name = "named";
    named.key = {{"name", kString}};
    const std::string tricky = encode_key(named, {{"name", "a,b=c"}}).value();
    EXPECT_EQ(key_to_text(named, tricky).value(), "name=hex:612c623d63");
    EXPECT_EQ(key_from_text(named, "name=hex:612c623d63").value(), tricky);
    EXPECT_EQ(key_from_text(named, evm::to_hex(as_bytes(tricky))).value(), tricky);
    EXPECT_FALSE(key_from_text(named, "0x"));
    EXPECT_FALSE(key_from_text(named, "0xzz"));
    EXPECT_FALSE(key_from_text(named, "name=hex:0"));
}

TEST(EntityTextTest, AKeyOfOneFieldMayBeItsValueAlone) {
    storage::EntityLayout layout;
    layout.name = "item";
    layout.key = {{"id", kString}};
    const std::string plain = encode_key(layout, {{"id", "n5"}}).value();
    EXPECT_EQ(key_or_value_from_text(layout, "n5").value(), plain);
    EXPECT_EQ(key_or_value_from_text(layout, "id=n5").value(), plain);
    EXPECT_EQ(key_or_value_from_text(layout, "a,b").value(),
              encode_key(layout, {{"id", "a,b"}}).value());
    EXPECT_THAT(key_or_value_from_text(layout, "k=v").error().message,
                testing::HasSubstr("is written hex: and its bytes"));
    layout.key = {{"id", {storage::FieldKind::kUint, 256}}};
    EXPECT_EQ(key_or_value_from_text(layout, "7").value(),
              encode_key(layout, {{"id", "7"}}).value());
    const SampleRow two;
    EXPECT_EQ(key_or_value_from_text(two.layout, std::string{"owner="} + kAlice + ",id=7").value(),
              two.key);
    EXPECT_FALSE(key_or_value_from_text(two.layout, "7")) << "of two fields";
}

TEST(EntityTextTest, EveryKeyIsFoundByItsTextAndNoTwoLookTheSame) {
    storage::EntityLayout layout;
    layout.name = "named";
    layout.key = {{"name", kString}, {"id", kU64}, {"tag", kString}};
    const uint32_t seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random{seed};
    const std::vector<std::string> pieces = {"a",
                                             ",",
                                             "=",
                                             "\"",
                                             "'",
                                             "hex:",
                                             "0x41",
                                             "\xff",
                                             "\xfe",
                                             "\n",
                                             std::string{"\0", 1},
                                             "\xe2\x80\xae",
                                             "\xc2\x9b",
                                             "\xed\xa0\x80",
                                             "\xf0\x9f\x98\x80",
                                             " ",
                                             "\\",
                                             "%",
                                             "\x7f",
                                             "name=x,id=1"};
    const auto text = [&] {
        std::string out;
        for (size_t left = random() % 4; left > 0; --left) {
            out += pieces[random() % pieces.size()];
        }
        return out;
    };
    std::map<std::string, std::string> key_of;
    for (int i = 0; i < 20'000; ++i) {
        std::string key;
        append_key_value(key, kString, {{}, text()});
        append_key_value(key, kU64, {evm::U256{random() % 3}, {}});
        append_key_value(key, kString, {{}, text()});
        const std::string shown = key_to_text(layout, key).value();
        ASSERT_EQ(key_from_text(layout, shown).value(), key) << shown;
        ASSERT_EQ(key_of.emplace(shown, key).first->second, key) << shown;
    }
}

TEST(EntityTextTest, JsonAndCsvShowTheSameTextAndItReadsBack) {
    for (const std::string& text :
         {std::string{"plain, with 'quotes' and\na line"}, std::string{"\xff"},
          std::string{"hex:00"}, std::string{"a\0b", 3}, std::string{"\xe2\x80\xaetxt"},
          std::string{}}) {
        const storage::KeyValue value{{}, text};
        const std::string shown = value_to_text(kString, value);
        EXPECT_EQ(parse_value(kString, shown).value().bytes, text);
        std::string json;
        append_value_json(json, kString, value);
        EXPECT_EQ(nlohmann::json::parse(json).get<std::string>(), shown);
    }
}

TEST(EntityTextTest, ArgumentsNeedAnEqualsSign) {
    EXPECT_FALSE(parse_named({"id"}));
    EXPECT_FALSE(parse_named({"=5"}));
    EXPECT_EQ(parse_named({"note=a=b"}).value(), (std::vector<NamedText>{{"note", "a=b"}}));
}

}  // namespace
}  // namespace plumbline::engine::entity_text_test
