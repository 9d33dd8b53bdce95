#include "core/evm/keccak.hpp"

#include <string>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"

namespace plumbline::evm::keccak_test {
namespace {

TEST(KeccakTest, UsesTheOriginalPadding) {
    EXPECT_EQ(to_hex(keccak256("")),
              "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    EXPECT_EQ(to_hex(keccak256("abc")),
              "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

TEST(KeccakTest, KnowsTheWellKnownSignatures) {
    EXPECT_EQ(to_hex(keccak256("Transfer(address,address,uint256)")),
              "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
    EXPECT_EQ(to_hex(keccak256("Approval(address,address,uint256)")),
              "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925");
    EXPECT_EQ(to_hex(keccak256(as_bytes("\x80"))),  // the RLP of nothing: the empty trie's root
              "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
}

TEST(KeccakTest, HashesAcrossTheBlockSize) {
    // 135, 136 and 137 bytes: one below, at and one above the sponge's rate.
    EXPECT_NE(keccak256(std::string(135, 'a')), keccak256(std::string(136, 'a')));
    EXPECT_EQ(to_hex(keccak256(std::string(136, 'a'))),
              "0xa6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e");
}

}  // namespace
}  // namespace plumbline::evm::keccak_test
