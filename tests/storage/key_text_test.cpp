#include "storage/key_text.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "storage/entity_key.hpp"

namespace plumbline::storage::key_text_test {
namespace {

constexpr FieldType kUint{FieldKind::kUint, 256};
constexpr FieldType kInt{FieldKind::kInt, 16};
constexpr FieldType kBool{FieldKind::kBool, 8};
constexpr FieldType kAddress{FieldKind::kAddress, 160};
constexpr FieldType kBytes4{FieldKind::kFixedBytes, 32};
constexpr FieldType kBytes{FieldKind::kBytes, 0};
constexpr FieldType kString{FieldKind::kString, 0};

std::string key_of_string(std::string_view text) {
    std::string key;
    append_key_dynamic(key, text);
    return key;
}

TEST(KeyTextTest, EachTypeHasItsText) {
    struct Case {
        FieldType type;
        evm::U256 word;
        const char* text;
    };
    const evm::U256 three{3};
    const std::vector<Case> cases = {
        {kUint, evm::U256{0}, "0"},
        {kUint, *evm::U256::parse("123456789012345678901234567890"),
         "123456789012345678901234567890"},
        {kInt, evm::negate(three), "-3"},
        {kBool, evm::U256{1}, "true"},
        {kBool, evm::U256{0}, "false"},
        {kAddress, three, "0x0000000000000000000000000000000000000003"},
    };
    for (const Case& item : cases) {
        EntityLayout layout;
        layout.key = {{"k", item.type}};
        std::string key;
        append_key_word(key, item.type, item.word);
        EXPECT_EQ(key_text(layout, key), std::string{"k="} + item.text);
    }
}

TEST(KeyTextTest, FixedBytesAreLeftAlignedAndDynamicOnesAreHex) {
    EntityLayout layout;
    layout.key = {{"tag", kBytes4}, {"blob", kBytes}};
    std::string key;
    const Bytes word =
        *evm::parse_hex("0xdeadbeef00000000000000000000000000000000000000000000000000000000");
    append_key_word(key, kBytes4, evm::U256::from_be(word));
    append_key_dynamic(key, std::string_view{"\0\xff", 2});
    EXPECT_EQ(key_text(layout, key), "tag=0xdeadbeef,blob=0x00ff");
}

TEST(KeyTextTest, StringsThatCouldNotBeReadBackAreHex) {
    EntityLayout layout;
    layout.key = {{"name", kString}};
    for (const std::string_view plain : {"", "alice", "two words", "0x41", "gr\xc3\xbc\xc3\x9f"}) {
        EXPECT_EQ(key_text(layout, key_of_string(plain)), "name=" + std::string{plain});
    }
    for (const std::string_view special :
         {"a,b", "a=b", "it's", "hex:00", "line\nbreak", "tab\t", "\x7f", "\xff"}) {
        std::string digits = evm::to_hex(as_bytes(special));
        EXPECT_EQ(key_text(layout, key_of_string(special)), "name=hex:" + digits.substr(2));
    }
}

TEST(KeyTextTest, BytesThatAreNoKeyAreHex) {
    EntityLayout layout;
    layout.key = {{"id", kUint}};
    EXPECT_EQ(key_text(layout, "ab"), "0x6162");
}

}  // namespace
}  // namespace plumbline::storage::key_text_test
