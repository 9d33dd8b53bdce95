#include "core/evm/abi_decode.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/abi_encode.hpp"
#include "core/evm/abi_value.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "tests/core/evm/abi_random.hpp"

namespace plumbline::evm::abi_decode_test {
namespace {

AbiParam param(std::string name, std::string_view type, bool indexed = false) {
    return AbiParam{std::move(name), parse_type(type).value(), indexed};
}

AbiEvent event(std::vector<AbiParam> inputs) {
    AbiEvent out;
    out.name = "E";
    out.inputs = std::move(inputs);
    return out;
}

EventDecoder compile(AbiEvent of) {
    return EventDecoder::compile(std::move(of)).value();
}

/// Words in hex with spaces between; "=..." stands for bytes as they are.
Bytes words(const std::string& text) {
    Bytes out;
    std::string part;
    for (const char c : text + " ") {
        if (c != ' ') {
            part += c;
        } else if (!part.empty()) {
            const std::string digits =
                part.front() == '=' ? part.substr(1) : std::string(64 - part.size(), '0') + part;
            const Bytes bytes = parse_hex("0x" + digits).value();
            out.insert(out.end(), bytes.begin(), bytes.end());
            part.clear();
        }
    }
    return out;
}

/// Decodes `data` as the only, unindexed, parameters of an event.
AbiError decode_as(std::initializer_list<const char*> types, const std::string& data,
                   std::string* shown = nullptr) {
    AbiEvent made = event({});
    for (const char* type : types) {
        made.inputs.push_back(param("", type));
    }
    const EventDecoder decoder = compile(made);
    DecodedEvent out;
    const Bytes bytes = words(data);
    const AbiError error = decoder.decode(std::vector{decoder.topic0()}, bytes, out);
    EXPECT_EQ(out.params().size(), error == AbiError::kNone ? types.size() : 0U);
    if (shown != nullptr && error == AbiError::kNone) {
        *shown = std::string{as_chars(out.params().back().bytes())};
    }
    return error;
}

Hash topic(const std::string& digits) {
    return Hash::from(words(digits));
}

const std::string kOnes(64, 'f');

TEST(AbiDecodeTest, DecodesTransfer) {
    const EventDecoder decoder = compile(AbiEvent{
        "Transfer",
        {param("from", "address", true), param("to", "address", true), param("value", "uint256")},
        false});
    EXPECT_EQ(to_hex(decoder.topic0()),
              "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
    DecodedEvent out;
    const Bytes data = words("de0b6b3a7640000");
    ASSERT_EQ(decoder.decode(std::vector{decoder.topic0(), topic("aa"), topic("bb")}, data, out),
              AbiError::kNone);
    ASSERT_EQ(out.params().size(), 3U);
    EXPECT_EQ(to_hex(to_address(out.params()[0].word)),
              "0x00000000000000000000000000000000000000aa");
    EXPECT_EQ(out.params()[1].word, U256{0xbb});
    EXPECT_EQ(out.params()[2].word.to_decimal(), "1000000000000000000");
    EXPECT_EQ(out.get(decoder.compile_path("value").value())->word, out.params()[2].word);
}

TEST(AbiDecodeTest, TakesALogOfABatch) {
    const EventDecoder decoder = compile(event({param("a", "string"), param("b", "bool", true)}));
    LogBatch batch;
    Log log;
    log.topic_count = 2;
    log.topics[0] = decoder.topic0();
    log.topics[1] = topic("1");
    batch.push(log, words("20 2 =6869"));
    DecodedEvent out;
    ASSERT_EQ(decoder.decode(batch.logs[0], batch.data(batch.logs[0]), out), AbiError::kNone);
    EXPECT_EQ(as_chars(out.params()[0].bytes()), "hi");
    EXPECT_EQ(out.params()[1].word, U256{1});
}

TEST(AbiDecodeTest, TopicsMustBeAsManyAsDeclared) {
    const EventDecoder decoder = compile(event({param("a", "bool", true), param("b", "bool")}));
    DecodedEvent out;
    const Bytes data = words("1");
    const std::vector<Hash> topics{decoder.topic0(), topic("1"), topic("1"), topic("1")};
    for (size_t count = 0; count <= topics.size(); ++count) {
        EXPECT_EQ(decoder.decode(std::span{topics}.first(count), data, out),
                  count == 2 ? AbiError::kNone : AbiError::kTopicCount);
    }
    EXPECT_EQ(decoder.decode(std::vector{topic("1"), topic("1")}, data, out),
              AbiError::kWrongEvent);
}

TEST(AbiDecodeTest, AnonymousEventsHaveNoTopic0) {
    AbiEvent made = event({param("a", "uint8", true), param("b", "uint8", true),
                           param("c", "uint8", true), param("d", "uint8", true)});
    made.anonymous = true;
    const EventDecoder decoder = compile(made);
    EXPECT_EQ(decoder.topic_count(), 4U);
    DecodedEvent out;
    ASSERT_EQ(decoder.decode(std::vector{topic("1"), topic("2"), topic("3"), topic("4")}, {}, out),
              AbiError::kNone);
    EXPECT_EQ(out.params()[0].word, U256{1});
    EXPECT_EQ(out.params()[3].word, U256{4});
}

TEST(AbiDecodeTest, IndexedWordsAreCheckedLikeOthers) {
    const EventDecoder decoder = compile(event({param("x", "bool"), param("a", "address", true)}));
    DecodedEvent out;
    const Bytes data = words("1");
    EXPECT_EQ(
        decoder.decode(std::vector{decoder.topic0(), topic("1" + std::string(40, '0'))}, data, out),
        AbiError::kBadAddress);
    EXPECT_EQ(out.failed_param(), 1U);
    EXPECT_TRUE(out.params().empty());
    EXPECT_EQ(out.get(decoder.compile_path("x").value()), nullptr);
}

TEST(AbiDecodeTest, IndexedDynamicValuesAreTheirHash) {
    const EventDecoder decoder =
        compile(event({param("s", "string", true), param("t", "(bool,bool)", true),
                       param("u", "uint8[2]", true)}));
    DecodedEvent out;
    ASSERT_EQ(decoder.decode(
                  std::vector{decoder.topic0(), keccak256("a"), topic(kOnes), topic("2")}, {}, out),
              AbiError::kNone);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(decoder.is_hashed(i));
        EXPECT_EQ(out.params()[i].kind, ValueKind::kHashed);
    }
    EXPECT_EQ(out.params()[0].word, U256::from_be(keccak256("a").view()));
}

TEST(AbiDecodeTest, WordsMustBeInTheirTypesRange) {
    struct Case {
        const char* type;
        std::string word;
        AbiError error;
    };
    const std::string low_ones(40, 'f');
    for (const Case& item : std::initializer_list<Case>{
             {"uint8", "ff", AbiError::kNone},
             {"uint8", "100", AbiError::kBadUint},
             {"uint8", "8" + std::string(63, '0'), AbiError::kBadUint},
             {"uint248", std::string(62, 'f'), AbiError::kNone},
             {"uint248", "1" + std::string(62, '0'), AbiError::kBadUint},
             {"uint256", kOnes, AbiError::kNone},
             {"int8", "7f", AbiError::kNone},
             {"int8", "80", AbiError::kBadInt},
             {"int8", std::string(62, 'f') + "80", AbiError::kNone},
             {"int8", std::string(62, 'f') + "7f", AbiError::kBadInt},
             {"int8", "0" + std::string(61, 'f') + "80", AbiError::kBadInt},
             {"int256", "8" + std::string(63, '0'), AbiError::kNone},
             {"bool", "0", AbiError::kNone},
             {"bool", "1", AbiError::kNone},
             {"bool", "2", AbiError::kBadBool},
             {"bool", kOnes, AbiError::kBadBool},
             {"address", low_ones, AbiError::kNone},
             {"address", "1" + low_ones, AbiError::kBadAddress},
             {"bytes1", "ff" + std::string(62, '0'), AbiError::kNone},
             {"bytes1", "ff01" + std::string(60, '0'), AbiError::kBadFixedBytes},
             {"bytes31", std::string(62, 'f') + "00", AbiError::kNone},
             {"bytes31", "1", AbiError::kBadFixedBytes},
             {"bytes32", kOnes, AbiError::kNone},
             {"function", std::string(48, 'f') + std::string(16, '0'), AbiError::kNone},
             {"function", std::string(49, 'f') + std::string(15, '0'), AbiError::kBadFixedBytes},
         }) {
        EXPECT_EQ(decode_as({item.type}, item.word), item.error) << item.type << " " << item.word;
        EXPECT_EQ(
            decode_as({"(bool,bytes,uint8[])", item.type}, "40 " + item.word + " 0 60 80 0 0"),
            item.error)
            << item.type << " " << item.word;
    }
}

TEST(AbiDecodeTest, EachWayToBeMalformedHasItsError) {
    struct Case {
        std::initializer_list<const char*> types;
        std::string data;
        AbiError error;
        const char* why;
    };
    const std::string huge = "1" + std::string(16, '0');
    for (const Case& item : std::initializer_list<Case>{
             {{"uint8"}, "", AbiError::kTruncated, "no data"},
             {{"uint8"}, "=" + std::string(62, '0'), AbiError::kTruncated, "31 bytes"},
             {{"uint8", "uint8"}, "1", AbiError::kTruncated, "half of a head"},
             {{"uint8[3]"}, "1 2", AbiError::kTruncated, "part of a static array"},
             {{"string"}, "20", AbiError::kTruncated, "no length"},
             {{"string"}, "20 =00", AbiError::kTruncated, "part of a length"},
             {{"string"}, "40", AbiError::kOffsetOutside, "behind the data"},
             {{"string"}, "21", AbiError::kOffsetOutside, "one behind the data"},
             {{"string"}, kOnes, AbiError::kOffsetOutside, "minus one"},
             {{"string"}, huge + " 0", AbiError::kOffsetOutside, "2^64"},
             {{"string"}, std::string(16, 'f') + " 0", AbiError::kOffsetOutside, "2^64 - 1"},
             {{"string"}, "0 0", AbiError::kOffsetInHead, "itself"},
             {{"string"}, "1f 0", AbiError::kOffsetInHead, "last byte of the head"},
             {{"uint8", "string"},
              "1 20 0",
              AbiError::kOffsetInHead,
              "the second word of the head"},
             {{"string", "string"}, "40 40 0", AbiError::kOverlap, "one tail for two"},
             {{"string", "string"}, "60 40 0 0", AbiError::kOverlap, "tails out of order"},
             {{"string", "string"},
              "40 60 1 0",
              AbiError::kOverlap,
              "a tail inside the content before"},
             {{"string"}, "20 1", AbiError::kLength, "one byte that is not there"},
             {{"string"}, "20 3 =6162", AbiError::kLength, "one byte too few"},
             {{"string"}, "20 " + kOnes, AbiError::kLength, "2^256 - 1"},
             {{"string"}, "20 " + huge, AbiError::kLength, "2^64"},
             {{"string"}, "20 " + std::string(16, 'f'), AbiError::kLength, "2^64 - 1"},
             {{"uint8[]"}, "20 2 1", AbiError::kLength, "one element too few"},
             {{"uint8[]"}, "20 " + kOnes, AbiError::kLength, "2^256 - 1 elements"},
             {{"uint8[]"}, "20 800000000000000 1", AbiError::kLength, "length times 32 wraps"},
             {{"string[]"}, "20 ffffffff", AbiError::kLength, "4 G of offsets"},
             {{"string[2]"}, "20 40", AbiError::kTruncated, "an inner head cut off"},
             {{"string[2147483648]"}, "20 40", AbiError::kTruncated, "a head of 64 GiB"},
             {{"string[]"}, "20 1 0", AbiError::kOffsetInHead, "an inner offset to itself"},
             {{"string[]"}, "20 1 40", AbiError::kOffsetOutside, "an inner offset behind the data"},
             {{"string[]"}, "20 2 40 40 0", AbiError::kOverlap, "two elements in one place"},
             {{"uint8[][]"}, "20 2 40 40 0", AbiError::kOverlap, "two arrays in one place"},
             {{"(string)", "string"},
              "40 60 20 0",
              AbiError::kOverlap,
              "a tail inside a tuple before"},
             {{"(uint8,string)"}, "20 1 20 0", AbiError::kOffsetInHead, "into the tuple's head"},
             {{"(uint8[],bool)[]"}, "20 1 20 40 2 0", AbiError::kBadBool, "deep inside"},
         }) {
        EXPECT_EQ(decode_as(item.types, item.data), item.error) << item.why;
    }
}

TEST(AbiDecodeTest, ToleratesWhatSoliditysDecoderTolerates) {
    std::string shown;
    EXPECT_EQ(decode_as({"string"}, "20 2 =6869", &shown), AbiError::kNone) << "no padding";
    EXPECT_EQ(shown, "hi");
    EXPECT_EQ(decode_as({"string"}, "20 2 6869" + std::string(60, 'f'), &shown), AbiError::kNone)
        << "dirt";
    EXPECT_EQ(shown, "hi");
    EXPECT_EQ(decode_as({"string"}, "20 0 1 2 3", &shown), AbiError::kNone) << "trailing bytes";
    EXPECT_EQ(shown, "");
    EXPECT_EQ(decode_as({"string"}, "40 " + kOnes + " 1 =7a", &shown), AbiError::kNone) << "a gap";
    EXPECT_EQ(shown, "z");
    EXPECT_EQ(decode_as({"string"}, "21 =00 1 =7a", &shown), AbiError::kNone) << "an odd offset";
    EXPECT_EQ(shown, "z");
    EXPECT_EQ(decode_as({}, "1 2"), AbiError::kNone) << "data where none is declared";
    EXPECT_EQ(decode_as({"uint8[]", "string[]"}, "40 60 0 0"), AbiError::kNone) << "empty arrays";
}

TEST(AbiDecodeTest, PathsReachEveryPart) {
    AbiType order = parse_type("(address,(uint64,string)[],uint8[2])").value();
    order.names = {"maker", "items", "flags"};
    order.children[1].children[0].names = {"id", ""};
    AbiType orders;
    orders.kind = TypeKind::kArray;
    orders.bits = 0;
    orders.children = {order};
    const AbiEvent made =
        event({param("", "bool", true), AbiParam{"orders", orders, false}, param("ids", "uint8[]"),
               AbiParam{"best", order, false}, param("memo", "string", true)});
    const EventDecoder decoder = compile(made);
    const auto number = [](uint64_t value) { return AbiValue::number(U256{value}); };
    const auto make_order = [&](uint64_t base) {
        return AbiValue::list(
            {number(base),
             AbiValue::list({AbiValue::list({number(base + 1), AbiValue::text("x")}),
                             AbiValue::list({number(base + 2), AbiValue::text("yz")})}),
             AbiValue::list({number(base + 3), number(base + 4)})});
    };
    const auto encoded =
        encode_event(made, std::vector{number(1), AbiValue::list({make_order(10), make_order(20)}),
                                       AbiValue::list({number(7), number(8)}), make_order(30),
                                       AbiValue::text("m")});
    ASSERT_TRUE(encoded.has_value()) << encoded.error().message;
    DecodedEvent out;
    ASSERT_EQ(decoder.decode(encoded->topics, encoded->data, out), AbiError::kNone);

    const std::vector<std::string> none;
    const std::vector<std::string> each{"orders", "ids"};
    const std::vector<std::string> inner{"best.items"};
    struct Case {
        const char* path;
        const std::vector<std::string>& each;
        uint32_t index;
        const char* type;
        uint64_t word;
    };
    for (const Case& item : std::initializer_list<Case>{
             {"$arg.0", none, 0, "bool", 1},
             {"orders[1].maker", none, 0, "address", 20},
             {"$arg.1[1].items[0].id", none, 0, "uint64", 21},
             {"orders[0].0", none, 0, "address", 10},
             {"best.maker", none, 0, "address", 30},
             {"best.flags[1]", none, 0, "uint8", 34},
             {"best.items[1].0", none, 0, "uint64", 32},
             {"orders.maker", each, 1, "address", 20},
             {"orders.items[1].id", each, 0, "uint64", 12},
             {"$arg.1.flags[0]", each, 1, "uint8", 23},
             {"ids", each, 1, "uint8", 8},
             {"best.maker", each, 1, "address", 30},
             {"best.items.id", inner, 1, "uint64", 32},
         }) {
        const auto path = decoder.compile_path(item.path, item.each);
        ASSERT_TRUE(path.has_value()) << item.path << " " << path.error().message;
        EXPECT_EQ(to_string(path->type), item.type) << item.path;
        EXPECT_EQ(path->is_each(), !item.each.empty() && item.path != std::string{"best.maker"})
            << item.path;
        const Value* value = out.get(*path, item.index);
        ASSERT_NE(value, nullptr) << item.path;
        EXPECT_EQ(value->word, U256{item.word}) << item.path;
    }
    EXPECT_EQ(out.get(decoder.compile_path("orders").value())->size, 2U);
    EXPECT_EQ(as_chars(out.get(decoder.compile_path("best.items[1].1").value())->bytes()), "yz");
    EXPECT_EQ(out.get(decoder.compile_path("orders[2].maker").value()), nullptr)
        << "shorter than the index";
    EXPECT_EQ(out.get(decoder.compile_path("ids", each).value(), 2), nullptr);
    const auto memo = decoder.compile_path("memo").value();
    EXPECT_TRUE(memo.hashed);
    EXPECT_EQ(to_string(memo.type), "bytes32");
    EXPECT_EQ(out.get(memo)->word, U256::from_be(keccak256("m").view()));
}

TEST(AbiDecodeTest, PathMistakesListWhatThereIs) {
    AbiType pair = parse_type("(bool,uint8[2])").value();
    pair.names = {"ok", "xs"};
    const EventDecoder decoder = compile(event({param("a", "uint8"), AbiParam{"p", pair, false},
                                                param("", "bool"), param("s", "string[]", true)}));
    struct Case {
        const char* path;
        const char* message;
    };
    for (const Case& item : std::initializer_list<Case>{
             {"", "\"\": a name is missing"},
             {"b", "\"b\": no parameter \"b\"; there are: a, p, 2 (unnamed), s"},
             {"4", "\"4\": no parameter 4; there are 4"},
             {"$arg.x", "\"$arg.x\": a position is expected after \"$arg.\""},
             {"$arg.", "\"$arg.\": a position is expected after \"$arg.\""},
             {"p.no", "\"p.no\": no component \"no\"; there are: ok, xs"},
             {"p.2", "\"p.2\": no component 2; there are 2"},
             {"p.", "\"p.\": a name is missing"},
             {".p", "\".p\": a name is missing"},
             {"p..ok", "\"p..ok\": a name is missing"},
             {"a.b", "\"a.b\": uint8 has no components"},
             {"a[0]", "\"a[0]\": uint8 is not an array"},
             {"p.xs[2]", "\"p.xs[2]\": uint8[2] has no element 2"},
             {"p.xs[]", "\"p.xs[]\": an index is written [0]"},
             {"p.xs[0", "\"p.xs[0\": an index is written [0]"},
             {"p.xs[-1]", "\"p.xs[-1]\": an index is written [0]"},
             {"p.xs[0]x", "\"p.xs[0]x\": \".\" is expected after \"]\""},
             {"s[0]",
              "\"s[0]\": an indexed array, tuple, string or bytes is in the log only as its hash"},
         }) {
        const auto path = decoder.compile_path(item.path);
        ASSERT_FALSE(path.has_value()) << item.path;
        EXPECT_EQ(path.error().message, item.message);
    }
    EXPECT_EQ(decoder.compile_path("a", std::vector<std::string>{"a"}).error().message,
              "\"a\": is not an array");
    EXPECT_EQ(decoder.compile_path("a", std::vector<std::string>{"s"}).error().message,
              "\"s\": an indexed array is in the log only as its hash");
}

TEST(AbiDecodeTest, CompileRefusesTypesOutOfBounds) {
    AbiEvent made = event({AbiParam{"a", AbiType{TypeKind::kTuple, false, 0, 0, {}, {}}, false}});
    EXPECT_FALSE(EventDecoder::compile(made).has_value());
    made = event(std::vector<AbiParam>(4, param("", "bool", true)));
    EXPECT_FALSE(EventDecoder::compile(made).has_value());
    made = event(std::vector<AbiParam>(257, param("", "bool")));
    EXPECT_FALSE(EventDecoder::compile(made).has_value());
}

TEST(AbiDecodeTest, ValuesAreCountedUpToTheLimit) {
    const EventDecoder decoder = compile(event({param("a", "uint8[]")}));
    DecodedEvent out;
    Bytes data(64 + 32 * size_t{kEventValuesMax});
    data[31] = 32;
    const auto decode_with = [&](uint32_t length) {
        U256{length}.to_be(data.data() + 32);
        return decoder.decode(std::vector{decoder.topic0()}, data, out);
    };
    EXPECT_EQ(decode_with(kEventValuesMax - 1), AbiError::kNone);
    EXPECT_EQ(decode_with(kEventValuesMax), AbiError::kTooManyValues);
    EXPECT_TRUE(out.params().empty());
}

TEST(AbiDecodeTest, ReuseLeavesNothingBehind) {
    const EventDecoder large = compile(event({param("a", "string[]"), param("b", "uint8[]")}));
    const EventDecoder small = compile(event({param("a", "uint8")}));
    DecodedEvent out;
    const Bytes first = words("40 a1 1 20 1 =7a 2 1 2");
    const Bytes second = words("5");
    for (int i = 0; i < 3; ++i) {
        EXPECT_NE(large.decode(std::vector{large.topic0()}, second, out), AbiError::kNone);
        EXPECT_TRUE(out.params().empty());
        EXPECT_EQ(large.decode(std::vector{large.topic0()}, first, out), AbiError::kNone);
        EXPECT_EQ(out.children(out.params()[1]).size(), 2U);
        ASSERT_EQ(small.decode(std::vector{small.topic0()}, second, out), AbiError::kNone);
        EXPECT_EQ(out.params().size(), 1U);
        EXPECT_EQ(out.params()[0].word, U256{5});
        EXPECT_TRUE(out.children(out.params()[0]).empty());
    }
}

TEST(AbiDecodeTest, EveryErrorHasAText) {
    for (uint8_t i = 0; i <= static_cast<uint8_t>(AbiError::kBadFixedBytes); ++i) {
        EXPECT_NE(to_string(static_cast<AbiError>(i)), "unknown error") << int{i};
    }
    EXPECT_EQ(to_string(static_cast<AbiError>(200)), "unknown error");
}

/// One event, encoded, decoded by both decoders: equal, whatever was done to the bytes.
void compare_decoders(uint64_t seed, bool damaged) {
    std::mt19937_64 source{seed};
    test::AbiRandom random{source};
    AbiEvent made = event({});
    std::vector<AbiType> types;
    std::vector<AbiValue> values;
    for (uint64_t i = 1 + random.below(4); i > 0; --i) {
        types.push_back(random.type());
        made.inputs.push_back(AbiParam{"", types.back(), false});
        values.push_back(random.value(types.back()));
    }
    Bytes data = encode_values(types, values).value();
    if (damaged) {
        random.damage(data);
    }
    const EventDecoder decoder = compile(made);
    DecodedEvent out;
    const AbiError error = decoder.decode(std::vector{decoder.topic0()}, data, out);
    const auto slow = decode_values(types, data);
    ASSERT_EQ(error == AbiError::kNone, slow.has_value())
        << "--seed=" << seed << " " << to_string(error) << " / "
        << (slow ? "" : slow.error().message) << "\n"
        << made.signature() << "\n"
        << to_hex(data);
    if (!damaged) {
        ASSERT_EQ(error, AbiError::kNone) << "--seed=" << seed;
        ASSERT_EQ(*slow, values) << "--seed=" << seed;
    }
    for (size_t i = 0; error == AbiError::kNone && i < types.size(); ++i) {
        ASSERT_EQ(to_abi_value(out, out.params()[i]), (*slow)[i]) << "--seed=" << seed;
    }
}

TEST(AbiDecodeTest, DecodingGivesBackWhatWasEncoded) {
    for (uint64_t seed = 0; seed < 3000; ++seed) {
        compare_decoders(seed, false);
    }
}

TEST(AbiDecodeTest, DamagedDataIsReadAlikeByBothDecoders) {
    for (uint64_t seed = 0; seed < 20'000; ++seed) {
        compare_decoders(seed, true);
    }
}

}  // namespace
}  // namespace plumbline::evm::abi_decode_test
