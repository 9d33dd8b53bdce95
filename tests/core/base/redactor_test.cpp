#include "core/base/redactor.hpp"

#include <cstdint>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/secret_words.hpp"
#include "core/base/url_parts.hpp"

namespace plumbline::redactor_test {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kKey = "a9Zx/+key~Q7";

std::string percent_encoded(std::string_view text, bool all) {
    std::string out;
    for (const char c : text) {
        const bool is_plain =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        out += is_plain && !all ? std::string{c} : fmt::format("%{:02X}", static_cast<uint8_t>(c));
    }
    return out;
}

std::string json_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += fmt::format("\\u{:04x}", static_cast<uint8_t>(c));
    }
    return out;
}

std::string html_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += fmt::format("&#x{:x};", static_cast<uint8_t>(c));
    }
    return out;
}

std::string upper(std::string text) {
    for (char& c : text) {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
    return text;
}

std::string to_base64(std::string_view bytes) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t word = 0;
        for (size_t n = 0; n < 3; ++n) {
            word = word << 8 | (i + n < bytes.size() ? static_cast<uint8_t>(bytes[i + n]) : 0U);
        }
        for (size_t n = 0; n < 4; ++n) {
            out += i + n > bytes.size() ? '=' : kDigits[word >> (18 - 6 * n) & 63];
        }
    }
    return out;
}

// What is echoed of `Authorization: Basic`, at all three places that a secret may begin and end at.
TEST(RedactorTest, NothingIsLeftOfASecretInBase64HoweverItIsAligned) {
    for (const std::string secret : {"s3cretPass", "s3cretPassw", "s3cretPasswo"}) {
        Redactor redactor;
        redactor.add(secret);
        for (const std::string before : {"", "a", "ab", "abc"}) {
            for (const std::string after : {"", "x", "xy", "xyz"}) {
                const std::string text = to_base64(before + secret + after);
                const std::string shown = redactor.redact("[Basic " + text + "]");
                // Digits whose six bits are all of what stands before, or behind.
                const size_t whole_before = before.size() * 8 / 6;
                const size_t first_behind = ((before.size() + secret.size()) * 8 + 5) / 6;
                EXPECT_EQ(shown, "[Basic " + text.substr(0, whole_before) + "(redacted)" +
                                     (after.empty() ? "" : text.substr(first_behind)) + "]")
                    << before << secret << after;
            }
        }
    }
    for (const std::string password : {"pw-12345", "pw-123456", "pw-1234567"}) {
        Redactor redactor;
        redactor.add_url("https://user:" + password + "@host.example", true);
        EXPECT_EQ(redactor.redact("Authorization: Basic " + to_base64("user:" + password) + "."),
                  "Authorization: Basic (redacted).");
    }
}

// Every place of an endpoint, every way of writing: what is left says nothing of the secret.
TEST(RedactorTest, ASecretIsFoundWhereverItCameFromAndHoweverItIsWritten) {
    const Headers headers{{"Authorization", "Bearer tokenTOKEN77"}, {"X-Api-Key", "hdr-Key-5150"}};
    const std::string url = "https://us3r:p4ssw0rd@k3ylabel.host.example:8545/v2/" +
                            percent_encoded("pathKEY/1234", false) +
                            "/shortk8y?chain=1&apikey=qu3ryK3Y&z9z9z9z9#frag-m3nt";
    const Redactor redactor{SecretEndpoint{url, headers}};
    for (const std::string secret :
         {"us3r", "p4ssw0rd", "k3ylabel", "pathKEY/1234", "shortk8y", "qu3ryK3Y", "z9z9z9z9",
          "frag-m3nt", "tokenTOKEN77", "hdr-Key-5150"}) {
        for (const std::string& written :
             {secret, upper(secret), percent_encoded(secret, false), percent_encoded(secret, true),
              json_escaped(secret), html_escaped(secret),
              json_escaped(percent_encoded(secret, true)),
              percent_encoded(percent_encoded(secret, true), true)}) {
            const std::string said = redactor.redact("Cannot POST /v2/" + written + " now");
            EXPECT_EQ(said, "Cannot POST /v2/(redacted) now") << secret << " as " << written;
        }
    }
    EXPECT_EQ(redactor.redact("rate limit of eth_getLogs on chain 1 reached for v2"),
              "rate limit of eth_getLogs on chain 1 reached for v2");
}

// Names, padded numbers, and numbers without a semicolon: servers write all of these.
TEST(RedactorTest, ASecretIsFoundInEveryFormOfAnHtmlReference) {
    Redactor redactor;
    redactor.add("p+w/yC2&<\"Z=|{9");
    for (const char* written : {
             "p&plus;w&sol;yC2&amp;&lt;&quot;Z&equals;&vert;&lcub;9",
             "p&PLUS;w&Sol;yC2&AMP&LT&QUOT;Z&equals;&VerticalLine;&lbrace;9",
             "&#000112;+w/yC2&<\"&#x00000000005A;=|{9",
             "&#112&#43&#119&#47&#121&#67&#50&#38&#60&#34&#90&#61&#124&#123&#57",
             "&#x70&#x2b&#x77&#x2f&#x79&#x43&#x32&#x26&#x3c&#x22&#x5a&#x3d&#x7c&#x7b&#x39",
             "p&amp;plus;w/yC2&<\"Z=|{9",
         }) {
        EXPECT_EQ(redactor.redact(fmt::format("(tried {})", written)), "(tried (redacted))")
            << written;
    }
    EXPECT_EQ(redactor.redact("&#; &#x; &nosuch; &#999999; & &&"),
              "&#; &#x; &nosuch; &#999999; & &&");
}

TEST(RedactorTest, ABackslashThatIsNotEscapedBesideEscapesHidesNothing) {
    Redactor redactor;
    redactor.add(R"(bvMFwiEx%' \x8KQ8C)");
    for (const char* written : {R"(b\u0076MF\u0077iE\u0078%\u0027 \\u0078\u0038K\u0051\u0038C)",
                                R"(bvMFwiEx%' \\x8KQ8C)", R"(bvMFwiEx%' \u005cx8KQ8C)"}) {
        EXPECT_EQ(redactor.redact(fmt::format("pg={};", written)), "pg=(redacted);") << written;
    }
}

TEST(RedactorTest, ASecretIsFoundInBase64AndHexWhereverItBegins) {
    Redactor redactor;
    redactor.add("PATHsekretKEY0123456789");
    // "url=/v3/" and "x" and "" before it: three ways to stand in groups of three bytes.
    for (const char* text : {"dXJsPS92My9QQVRIc2VrcmV0S0VZMDEyMzQ1Njc4OT9hcGlrZXk9",
                             "eFBBVEhzZWtyZXRLRVkwMTIzNDU2Nzg5", "UEFUSHNla3JldEtFWTAxMjM0NTY3ODk=",
                             "5041544873656b7265744b455930313233343536373839"}) {
        const std::string shown = redactor.redact(text);
        EXPECT_NE(shown.find("(redacted)"), std::string::npos) << text << " -> " << shown;
        EXPECT_EQ(shown.find("c2VrcmV0"), std::string::npos) << shown;
        EXPECT_EQ(shown.find("zZWtyZX"), std::string::npos) << shown;
    }
}

TEST(RedactorTest, BasicCredentialsAreFoundInBase64AndTheirPartsPlain) {
    const Headers none;
    const Redactor of_url{SecretEndpoint{"https://alice:wonder%2Fland@host.example/", none}};
    // base64("alice:wonder/land")
    EXPECT_EQ(of_url.redact("got Basic YWxpY2U6d29uZGVyL2xhbmQ="), "got Basic (redacted)");
    EXPECT_EQ(of_url.redact("user alice, wonder/land"), "user (redacted), (redacted)");
    const Headers basic{{"Authorization", "Basic YWxpY2U6d29uZGVyL2xhbmQ="}};
    const Redactor of_header{SecretEndpoint{"https://host.example/", basic}};
    EXPECT_EQ(of_header.redact("user alice, wonder/land"), "user (redacted), (redacted)");
    EXPECT_EQ(of_header.redact("YWxpY2U6d29uZGVyL2xhbmQ"), "(redacted)");
}

TEST(RedactorTest, TheBeginningOfALongSecretIsASecretToo) {
    Redactor redactor;
    redactor.add("0123456789abcdef0123456789abcdef");
    EXPECT_EQ(redactor.redact("key 0123456789abcd..."), "key (redacted)...");
    EXPECT_EQ(redactor.redact("key 01234567..."), "key 01234567...");
}

// A cut must not leave the first half of a secret, nor one that only fits after others shrank.
TEST(RedactorTest, ASecretAcrossTheCutIsTakenOutWhole) {
    Redactor redactor;
    redactor.add(kKey);
    const std::string text = std::string{"1234567890"} + kKey + " and more";
    for (size_t size = 0; size < text.size(); ++size) {
        const std::string said = redactor.redact(text, size);
        EXPECT_EQ(said.find("a9Z"), std::string::npos) << size << ": " << said;
        EXPECT_LE(said.size(), size + 10) << size;
    }
}

TEST(RedactorTest, AShortSecretIsNoPartOfAWord) {
    Redactor redactor;
    redactor.add("able");
    redactor.add("abc");
    EXPECT_EQ(redactor.redact("unable to serve abc, able=able"),
              "unable to serve abc, (redacted)=(redacted)");
}

TEST(RedactorTest, WithoutSecretsATextStaysAsItIs) {
    EXPECT_EQ(Redactor{}.redact("a%41\\u0041", 4), "a%41");
}

TEST(SecretWordsTest, NamesOfChainsAndPathsArePublicAndKeysAreNot) {
    for (const char* word : {"v2", "rpc", "eth-mainnet", "base-sepolia", "arb1", "g", "mainnet2",
                             "MAINNET", "ext", "C", "polygon-zkevm"}) {
        EXPECT_EQ(is_public_word(word), std::string_view{word} != "polygon-zkevm") << word;
    }
    for (const char* word :
         {"shortk8y", "abcd", "alien-frequent-frog", "1234", "eth-mainnet-k3y9", "a-b-c-d-e"}) {
        EXPECT_FALSE(is_public_word(word)) << word;
    }
}

TEST(UrlPartsTest, APublicUrlKeepsNothingThatMayBeAKey) {
    const struct {
        const char* url;
        const char* shown;
    } rows[] = {
        {"https://u:p@k3yk3y.eth-mainnet.prov.example:1/v2/abc123def/rpc?k=v#f",
         "https://redacted.eth-mainnet.prov.example:1/v2/redacted/rpc"},
        {"http://127.0.0.1:8545", "http://127.0.0.1:8545"},
        {"http://[::1]:8545/k3yk3y", "http://[::1]:8545/redacted"},
        {"http://geth:8545/", "http://geth:8545/"},
        {"https://host?key=secret@evil", "https://host"},
        {"https://mainnet.infura.io/v3/0123", "https://mainnet.infura.io/v3/redacted"},
        {"no url", ""},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(public_url(row.url, false), row.shown) << row.url;
    }
    EXPECT_EQ(public_url("https://k3y.mine.example/", true), "https://k3y.mine.example/");
}

}  // namespace
}  // namespace plumbline::redactor_test
