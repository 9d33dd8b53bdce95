#include "core/base/hmac.hpp"

#include <string>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"

namespace plumbline::hmac_test {
namespace {

std::string tag_of(std::string_view key, std::string_view text) {
    std::string out;
    evm::append_hex(out, hmac_sha256(key, text));
    return out;
}

// RFC 4231, test cases 1, 2 and 6.
TEST(Hmac, MatchesThePublishedVectors) {
    EXPECT_EQ(tag_of(std::string(20, '\x0b'), "Hi There"),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(tag_of("Jefe", "what do ya want for nothing?"),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(
        tag_of(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace plumbline::hmac_test
