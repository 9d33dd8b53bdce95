#include "core/evm/rlp.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "tests/core/evm/reference_trie.hpp"

namespace plumbline::evm::rlp_test {
namespace {

Bytes bytes(std::string_view digits) {
    return parse_hex("0x" + std::string{digits}).value();
}

template <typename T>
std::string encoded(const T& value) {
    Bytes out;
    append_rlp(out, value);
    return to_hex(out).substr(2);
}
std::string encoded_text(std::string_view text) {
    return encoded(as_bytes(text));
}

template <typename T>
RlpError decode(std::string_view digits, T& out) {
    const Bytes input = bytes(digits);
    ByteView in{input};
    const RlpError error = read_rlp(in, out);
    EXPECT_EQ(in.size(), error == RlpError::kNone ? 0 : input.size());
    return error;
}
RlpError decode_item(std::string_view digits) {
    RlpItem item;
    return decode(digits, item);
}

TEST(RlpTest, EncodesTheSpecStrings) {
    EXPECT_EQ(encoded_text(""), "80");
    EXPECT_EQ(encoded_text(std::string_view{"\0", 1}), "00");
    EXPECT_EQ(encoded_text("\x7f"), "7f");
    EXPECT_EQ(encoded_text("\x80"), "8180");
    EXPECT_EQ(encoded_text("dog"), "83646f67");
    EXPECT_EQ(encoded_text(std::string(55, 'a')).substr(0, 4), "b761");
    EXPECT_EQ(encoded_text(std::string(56, 'a')).substr(0, 6), "b83861");
    EXPECT_EQ(encoded_text(std::string(1024, 'a')).substr(0, 8), "b9040061");
    EXPECT_EQ(encoded_text("Lorem ipsum dolor sit amet, consectetur adipisicing elit"),
              "b8384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e736563746574757220"
              "6164697069736963696e6720656c6974");
}

TEST(RlpTest, EncodesTheSpecNumbers) {
    EXPECT_EQ(encoded(uint64_t{0}), "80");
    EXPECT_EQ(encoded(uint64_t{15}), "0f");
    EXPECT_EQ(encoded(uint64_t{127}), "7f");
    EXPECT_EQ(encoded(uint64_t{128}), "8180");
    EXPECT_EQ(encoded(uint64_t{1024}), "820400");
    EXPECT_EQ(encoded(~uint64_t{0}), "88ffffffffffffffff");
    EXPECT_EQ(encoded(U256{0}), "80");
    EXPECT_EQ(encoded(U256{127}), "7f");
    EXPECT_EQ(encoded(*U256::parse("0x102030405060708090a0b0c0d0e0f2")),
              "8f102030405060708090a0b0c0d0e0f2");
    EXPECT_EQ(encoded(*U256::parse("0x100020003000400050006000700080009000a000b000c000d000e01")),
              "9c0100020003000400050006000700080009000a000b000c000d000e01");
}

TEST(RlpTest, EncodesTheSpecLists) {
    Bytes empty;
    end_rlp_list(empty, begin_rlp_list(empty));
    EXPECT_EQ(to_hex(empty), "0xc0");

    Bytes cat_dog;
    const size_t mark = begin_rlp_list(cat_dog);
    append_rlp(cat_dog, as_bytes("cat"));
    append_rlp(cat_dog, as_bytes("dog"));
    end_rlp_list(cat_dog, mark);
    EXPECT_EQ(to_hex(cat_dog), "0xc88363617483646f67");

    // The set theoretical representation of three: [ [], [[]], [ [], [[]] ] ], after other bytes.
    Bytes three = bytes("ff");
    const auto list = [&three](auto content) {
        const size_t begin = begin_rlp_list(three);
        content();
        end_rlp_list(three, begin);
    };
    const auto zero = [&] { list([] {}); };
    const auto one = [&] { list(zero); };
    list([&] {
        zero();
        one();
        list([&] {
            zero();
            one();
        });
    });
    EXPECT_EQ(to_hex(three), "0xffc7c0c1c0c3c0c1c0");
}

TEST(RlpTest, ListHeaderGrowsWithTheContent) {
    for (const size_t size : {55U, 56U, 255U, 256U, 65535U, 65536U, 16777216U}) {
        Bytes out;
        const size_t mark = begin_rlp_list(out);
        out.insert(out.end(), size, 0x01);
        end_rlp_list(out, mark);
        const std::string expected = ReferenceTrie::rlp_list(std::string(size, '\x01'));
        EXPECT_EQ(as_chars(out), expected) << size;
        ByteView in{out};
        ByteView payload;
        ASSERT_EQ(read_rlp_list(in, payload), RlpError::kNone);
        EXPECT_EQ(payload.size(), size);
    }
}

TEST(RlpTest, SizeIsThatOfTheEncoding) {
    for (size_t size = 0; size < 300; ++size) {
        for (const uint8_t fill : {uint8_t{0x00}, uint8_t{0x7f}, uint8_t{0x80}}) {
            const Bytes value(size, fill);
            Bytes out;
            append_rlp(out, ByteView{value});
            EXPECT_EQ(rlp_size(value), out.size());
        }
    }
}

TEST(RlpTest, DecodesWhatItEncodes) {
    const uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    for (int round = 0; round < 2000; ++round) {
        const uint64_t number = random() >> (random() % 64);
        const U256 word =
            U256::from_be(keccak256(std::to_string(number)).view().first(random() % 33));
        const Bytes text(random() % 70, static_cast<uint8_t>(random()));
        Bytes out;
        append_rlp(out, number);
        append_rlp(out, word);
        append_rlp(out, ByteView{text});
        EXPECT_EQ(as_chars(out).substr(0, ReferenceTrie::rlp_number(number).size()),
                  ReferenceTrie::rlp_number(number));
        ByteView in{out};
        uint64_t number_back = 0;
        U256 word_back;
        ByteView text_back;
        ASSERT_EQ(read_rlp(in, number_back), RlpError::kNone);
        ASSERT_EQ(read_rlp(in, word_back), RlpError::kNone);
        ASSERT_EQ(read_rlp_string(in, text_back), RlpError::kNone);
        EXPECT_EQ(expect_rlp_end(in), RlpError::kNone);
        EXPECT_EQ(number_back, number);
        EXPECT_EQ(word_back, word);
        EXPECT_TRUE(equal(text_back, text));
    }
}

TEST(RlpTest, RejectsTruncatedInput) {
    for (const char* digits :
         {"", "81", "83646f", "b8", "b838", "b90400", "bfffffffffffffffff", "c1", "c883636174",
          "f8", "f838", "ffffffffffffffffff", "ff0100000000000000"}) {
        EXPECT_EQ(decode_item(digits), RlpError::kTruncated) << digits;
    }
    const std::string long_text = encoded_text(std::string(300, 'x'));
    for (size_t size = 0; size < long_text.size(); size += 2) {
        EXPECT_EQ(decode_item(std::string_view{long_text}.substr(0, size)), RlpError::kTruncated);
    }
}

TEST(RlpTest, RejectsLongerFormsThanNeeded) {
    for (const std::string& digits :
         {std::string{"8100"}, std::string{"817f"}, "b837" + std::string(110, '0'),
          "b800" + std::string(2, '0'), "b90038" + std::string(112, '0'),
          "f837" + std::string(110, '0'), "f90038" + std::string(112, '0'), std::string{"b800"}}) {
        EXPECT_EQ(decode_item(digits), RlpError::kNotCanonical) << digits;
    }
    EXPECT_EQ(decode_item("8180"), RlpError::kNone);
}

TEST(RlpTest, RejectsBadNumbers) {
    uint64_t number = 7;
    U256 word{7};
    EXPECT_EQ(decode("00", number), RlpError::kLeadingZero);
    EXPECT_EQ(decode("820001", number), RlpError::kLeadingZero);
    EXPECT_EQ(decode("89010000000000000000", number), RlpError::kTooLarge);
    EXPECT_EQ(decode("c0", number), RlpError::kNotString);
    EXPECT_EQ(decode("00", word), RlpError::kLeadingZero);
    EXPECT_EQ(decode("a1" + std::string(66, '1'), word), RlpError::kTooLarge);
    EXPECT_EQ(decode("c0", word), RlpError::kNotString);
    EXPECT_EQ(number, 7U) << "unchanged on an error";
    EXPECT_EQ(word, U256{7});
    EXPECT_EQ(decode("80", number), RlpError::kNone);
    EXPECT_EQ(number, 0U);
    EXPECT_EQ(decode("a0" + std::string(64, 'f'), word), RlpError::kNone);
    EXPECT_EQ(word.bit_length(), 256);
}

TEST(RlpTest, RejectsWrongKindAndSize) {
    Address address;
    EXPECT_EQ(decode("93" + std::string(38, '1'), address), RlpError::kWrongSize);
    EXPECT_EQ(decode("95" + std::string(42, '1'), address), RlpError::kWrongSize);
    EXPECT_EQ(decode("80", address), RlpError::kWrongSize);
    EXPECT_EQ(decode("d4" + std::string(40, '1'), address), RlpError::kNotString);
    EXPECT_EQ(decode("94" + std::string(40, '1'), address), RlpError::kNone);
    const Bytes text = bytes("83646f67");
    ByteView in{text};
    ByteView payload;
    EXPECT_EQ(read_rlp_list(in, payload), RlpError::kNotList);
    EXPECT_EQ(expect_rlp_end(in), RlpError::kTrailing);
}

TEST(RlpTest, EveryErrorHasAText) {
    std::vector<std::string_view> seen;
    for (int i = 0; i <= static_cast<int>(RlpError::kWrongValue); ++i) {
        const std::string_view text = to_string(static_cast<RlpError>(i));
        EXPECT_NE(text, "unknown error");
        EXPECT_EQ(std::ranges::count(seen, text), 0);
        seen.push_back(text);
    }
}

}  // namespace
}  // namespace plumbline::evm::rlp_test
