#include "engine/config/operand_parse.hpp"

#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"

namespace plumbline::engine::operand_parse_test {
namespace {

using Kind = Operand::Kind;

Operand parsed(std::string_view text) {
    auto out = parse_operand(text, {"file", {7, 10}, true});
    EXPECT_TRUE(out.has_value()) << text << ": " << out.error().message;
    return out.has_value() ? *std::move(out) : Operand{};
}

TEST(OperandParseTest, ReadsNames) {
    EXPECT_EQ(parsed("owner").kind, Kind::kName);
    EXPECT_EQ(parsed("owner").path, (std::vector<std::string>{"owner"}));
    EXPECT_EQ(parsed("policy.limits.max").path,
              (std::vector<std::string>{"policy", "limits", "max"}));
    EXPECT_EQ(parsed("_x$1").path, (std::vector<std::string>{"_x$1"}));
    EXPECT_EQ(parsed("$arg.3").path, (std::vector<std::string>{"$arg", "3"}));
    EXPECT_EQ(parsed("$arg.0.amount").path, (std::vector<std::string>{"$arg", "0", "amount"}));
    EXPECT_EQ(parsed("$arg.3").kind, Kind::kName);
    EXPECT_EQ(parsed("trueish").kind, Kind::kName);
}

TEST(OperandParseTest, ReadsBuiltins) {
    const std::vector<std::pair<std::string, Kind>> known{
        {"$block.number", Kind::kBlockNumber},
        {"$block.hash", Kind::kBlockHash},
        {"$block.timestamp", Kind::kBlockTimestamp},
        {"$txn.hash", Kind::kTxnHash},
        {"$txn.index", Kind::kTxnIndex},
        {"$txn.from", Kind::kTxnFrom},
        {"$txn.to", Kind::kTxnTo},
        {"$txn.value", Kind::kTxnValue},
        {"$log.index", Kind::kLogIndex},
        {"$log.address", Kind::kLogAddress},
        {"$each.index", Kind::kEachIndex}};
    for (const auto& [text, kind] : known) {
        EXPECT_EQ(parsed(text).kind, kind) << text;
    }
}

TEST(OperandParseTest, ReadsNumbersOfTheWholeRange) {
    EXPECT_EQ(parsed("0").number, evm::U256{});
    EXPECT_EQ(parsed("18446744073709551616").number.to_decimal(), "18446744073709551616");
    const std::string max =
        "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    EXPECT_EQ(parsed(max).number.to_decimal(), max);
    const std::string min =
        "-57896044618658097711785492504343953926634992332820282019728792003956564819968";
    EXPECT_EQ(parsed(min).number.to_decimal_signed(), min);
    EXPECT_TRUE(parsed("-1").negative);
    EXPECT_EQ(parsed("-1").number.to_decimal_signed(), "-1");
    EXPECT_FALSE(parsed("-0").negative);
    EXPECT_FALSE(parsed("5").negative);
}

TEST(OperandParseTest, ReadsLiterals) {
    EXPECT_EQ(parsed("true").kind, Kind::kBool);
    EXPECT_EQ(parsed("true").number, evm::U256{1});
    EXPECT_EQ(parsed("false").number, evm::U256{0});
    EXPECT_EQ(parsed("0x00fF").kind, Kind::kHex);
    EXPECT_EQ(evm::to_hex(parsed("0x00fF").bytes), "0x00ff");
    EXPECT_TRUE(parsed("0x").bytes.empty());
    EXPECT_EQ(parsed("'some text'").text, "some text");
    EXPECT_EQ(parsed("'it''s'").text, "it's");
    EXPECT_EQ(parsed("''''").text, "'");
    EXPECT_EQ(parsed("''").text, "");
    EXPECT_EQ(parsed(R"('back\slash')").text, R"(back\slash)");
    EXPECT_EQ(parsed("'\xC3\xA9'").text, "\xC3\xA9");
}

TEST(OperandParseTest, ReadsLookups) {
    const Operand one = parsed("question[questionId].community_id");
    EXPECT_EQ(one.kind, Kind::kLookup);
    EXPECT_EQ(one.entity, "question");
    EXPECT_EQ(one.field, "community_id");
    ASSERT_EQ(one.keys.size(), 1U);
    EXPECT_EQ(one.keys[0].path, (std::vector<std::string>{"questionId"}));
    EXPECT_TRUE(one.path.empty());
    const Operand deep = parsed(" a [ b[c[d[e].f].g].h , $log.address , 'x,]' ] .i ");
    ASSERT_EQ(deep.keys.size(), 3U);
    EXPECT_EQ(deep.field, "i");
    EXPECT_EQ(deep.keys[2].text, "x,]");
    EXPECT_EQ(deep.keys[0].keys[0].keys[0].entity, "d");
}

TEST(OperandParseTest, KeepsSourceAndPlace) {
    const Operand lookup = parsed("  item[ owner ].n ");
    EXPECT_EQ(lookup.source, "item[ owner ].n");
    EXPECT_EQ(lookup.pos.line, 7U);
    EXPECT_EQ(lookup.pos.column, 12U);
    EXPECT_EQ(lookup.keys[0].source, "owner");
    EXPECT_EQ(lookup.keys[0].pos.column, 18U);
    // Columns count characters, not bytes.
    EXPECT_EQ(parsed("item['\xC3\xA9', b].n").keys[1].pos.column, 20U);
}

TEST(OperandParseTest, ReadsConditions) {
    const std::vector<std::pair<std::string, CompareOp>> ops{
        {"==", CompareOp::kEq}, {"!=", CompareOp::kNe}, {"<", CompareOp::kLt},
        {"<=", CompareOp::kLe}, {">", CompareOp::kGt},  {">=", CompareOp::kGe}};
    for (const auto& [sign, op] : ops) {
        for (const std::string& text : {"a.b" + sign + "-3", " a.b " + sign + " -3 "}) {
            const auto condition = parse_condition(text, {"file", {1, 1}, true});
            ASSERT_TRUE(condition.has_value()) << text << ": " << condition.error().message;
            EXPECT_EQ(condition->op, op);
            EXPECT_EQ(condition->left.path, (std::vector<std::string>{"a", "b"}));
            EXPECT_TRUE(condition->right.negative);
        }
    }
    const auto quoted = parse_condition("'a == b' != item[x].name", {"file", {1, 1}, true});
    ASSERT_TRUE(quoted.has_value());
    EXPECT_EQ(quoted->left.text, "a == b");
    EXPECT_EQ(quoted->right.kind, Kind::kLookup);
}

TEST(OperandParseTest, MessagesWithoutAFileHaveNoLine) {
    const auto out = parse_operand("a b", {"state", {}, false});
    ASSERT_FALSE(out.has_value());
    EXPECT_EQ(
        out.error().message,
        "state: in 'a b': expected the end of the value (a text is written in single quotes), "
        "found 'b'");
}

TEST(OperandParseTest, SourceParsesToTheSame) {
    for (const std::string_view text :
         {"a.b", "$arg.1.c", "0x12", "'q''q'", "-12", "item[a, $each.index].f", "true"}) {
        const Operand first = parsed(text);
        const Operand second = parsed(first.source);
        EXPECT_EQ(first.kind, second.kind);
        EXPECT_EQ(first.source, second.source);
        EXPECT_EQ(first.path, second.path);
        EXPECT_EQ(first.bytes, second.bytes);
    }
}

TEST(OperandParseTest, AnyTextEndsInAValueOrAMessage) {
    constexpr std::string_view kAlphabet = "ab.[],'$x0- =<>!\t\xC3";
    std::mt19937_64 random{20240501};  // NOLINT(cert-msc51-cpp): the same inputs every time
    for (int i = 0; i < 20000; ++i) {
        std::string text;
        for (size_t n = random() % 24; n > 0; --n) {
            text += kAlphabet[random() % kAlphabet.size()];
        }
        const auto operand = parse_operand(text, {"file", {1, 1}, true});
        if (!operand.has_value()) {
            EXPECT_TRUE(operand.error().message.starts_with("file:1:")) << text;
        }
        parse_condition(text, {"file", {1, 1}, true}).ignore("only that it returns");
    }
}

}  // namespace
}  // namespace plumbline::engine::operand_parse_test
