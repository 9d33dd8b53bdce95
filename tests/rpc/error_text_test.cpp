#include "rpc/error_text.hpp"

#include <gtest/gtest.h>

namespace plumbline::rpc::error_text_test {
namespace {

TEST(ErrorTextTest, AnAddressThatNoReaderCanLookAtIsNotShown) {
    EXPECT_EQ(shown_text("see https://host/v2/secret-key for more"), "see (url) for more");
    EXPECT_EQ(shown_text("<a href=\"http://host/secret\">x</a>"), "<a href=\"(url)\">x</a>");
    EXPECT_EQ(shown_text("http://host/secret"), "(url)");
    EXPECT_EQ(shown_text("https://"), "(url)");
    EXPECT_EQ(shown_text("HTTPS://host/secret wss://host.example/v2/secret"), "(url) (url)");
    EXPECT_EQ(shown_text("http://10.0.0.1/a http://n.example:8545/ https://me:pw@n.example/"),
              "(url) (url) (url)");
    EXPECT_EQ(shown_text("https://(redacted).example.com/v2/x"), "(url)");
}

TEST(ErrorTextTest, ALinkToAPageStays) {
    for (const char* link :
         {"https://app.conduit.xyz/rpc-keys", "https://www.allnodes.com/eth/host",
          "https://dashboard.alchemy.com/settings/billing", "https://meganode.nodereal.io/",
          "https://docs.alchemy.com/v2/docs"}) {
        EXPECT_EQ(shown_text(std::string{"visit "} + link + ", please (" + link + ")."),
                  std::string{"visit "} + link + ", please (" + link + ").");
    }
    EXPECT_EQ(shown_text("upgrade here: https://www.1rpc.io/#pricing?key=abc"),
              "upgrade here: https://www.1rpc.io/");
}

TEST(ErrorTextTest, OfALinkThatMayHoldAKeyTheHostIsLeft) {
    EXPECT_EQ(shown_text("https://eth-mainnet.g.alchemy.com/v2/aBcD1234efGh"),
              "https://eth-mainnet.g.alchemy.com");
    EXPECT_EQ(shown_text("https://cool-dry-night.quiknode.pro/"), "https://redacted.quiknode.pro/");
    EXPECT_EQ(shown_text("https://www.example.com/qWeRtYuIoP"), "https://www.example.com");
    EXPECT_EQ(shown_text("https://www.example.com/abcdefabcdefabcdefabcdef"),
              "https://www.example.com");
    EXPECT_EQ(shown_text("https://www.example.com/v2/(redacted)/more"), "https://www.example.com");
    EXPECT_EQ(shown_text("https://www.example.com/?key=qwerty"), "https://www.example.com/");
}

TEST(ErrorTextTest, WhereNothingIsAtTheUrlItIsSaid) {
    RpcError whole{0, "Not Found", ""};
    EXPECT_NE(error_text(whole, 404).find("URL may be wrong"), std::string::npos);
    EXPECT_NE(error_text({}, 410).find("URL may be wrong"), std::string::npos);
    EXPECT_NE(error_text({-32000, "this network is deprecated", ""}, 410).find("endpoint gone"),
              std::string::npos);
    EXPECT_NE(odd_answer_text(404, "", "<title>404</title>").find("URL may be wrong"),
              std::string::npos);
    EXPECT_EQ(error_text({-32000, "header not found", ""}, 404),
              "error -32000 \"header not found\", HTTP 404");
}

TEST(ErrorTextTest, AShownTextIsOneLineOfBoundedLength) {
    EXPECT_EQ(shown_text("a\nb\tc\r"), "a b c ");
    EXPECT_EQ(shown_text(std::string(5'000, 'x')).size(), kShownTextMax);
    EXPECT_LE(shown_text(std::string(kShownTextMax - 1, 'x') + "http://host/secret").size(),
              kShownTextMax);
}

TEST(ErrorTextTest, WhatActsOnATerminalIsShown) {
    EXPECT_EQ(shown_text("\x1b[31m \xc2\x9b \xe2\x80\xae \xff"),
              "\\u{1b}[31m \\u{9b} \\u{202e} \\xff");
    // A cut leaves no half a character behind.
    const std::string cut = shown_text(std::string(kShownTextMax - 1, 'x') + "\xc3\xbc");
    EXPECT_EQ(cut, std::string(kShownTextMax - 1, 'x'));
}

TEST(ErrorTextTest, DataAndStatusAreThereWhereTheySaySomething) {
    EXPECT_EQ(error_text({-32000, "header not found", ""}, 200),
              "error -32000 \"header not found\"");
    EXPECT_EQ(error_text({3, "reverted", "0x12"}, 200), "error 3 \"reverted\" (0x12)");
    EXPECT_EQ(error_text({0, "busy", "try https://x/secret"}, 503),
              "HTTP 503 \"busy\" (try (url))");
    EXPECT_EQ(error_text({0, "busy", ""}, 200), "error \"busy\"");
}

TEST(ErrorTextTest, AProviderIsNamedOnceWhateverItsTextBeginsWith) {
    EXPECT_EQ(named_text("http://a:1", "down"), "http://a:1: down");
    EXPECT_EQ(named_text("http://a:1", "http://a:1: down"), "http://a:1: down");
    EXPECT_EQ(named_text("http://a:1", "http://a:12: down"), "http://a:1: http://a:12: down");
    EXPECT_EQ(own_words("a", "a: down; b: down"), "down; b: down");
    EXPECT_EQ(own_words("", ": x"), ": x");
}

}  // namespace
}  // namespace plumbline::rpc::error_text_test
