// Whatever a provider says, and however it quotes what it was called by: nothing that leaves the
// pool holds a secret of the endpoint.
#include "rpc/foreign_text.hpp"

#include <cstdint>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "rpc/provider.hpp"
#include "rpc/provider_pool.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::foreign_text_test {
namespace {

using namespace test;

// All hold the word that is looked for, which is in no message of ours.
constexpr const char* kUrl =
    "https://zanziUSER:zanziPASS@zanzilabel.host.example:8545/v2/zanziPATH%2F99/"
    "zanzi4?k=zanziQUERY";
constexpr const char* kWord = "zanzi";

std::vector<std::string> secrets() {
    return {"zanziUSER", "zanziPASS",  "zanzilabel",  "zanziPATH/99",
            "zanzi4",    "zanziQUERY", "zanziHEADER", "zanziTOKEN"};
}

std::string hex_escaped(std::string_view text, std::string_view before, const char* format) {
    std::string out;
    for (const char c : text) {
        out += before;
        out += fmt::format(fmt::runtime(format), static_cast<uint8_t>(c));
    }
    return out;
}

/// Each way a text may write `secret`.
std::vector<std::string> written(const std::string& secret) {
    std::string upper = secret;
    for (char& c : upper) {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
    return {secret, upper, hex_escaped(secret, "%", "{:02X}"),
            hex_escaped(secret, "\\u", "{:04x}")};
}

bool holds_secret(std::string text) {
    for (char& c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    return text.find(kWord) != std::string::npos ||
           text.find(hex_escaped(kWord, "%", "{:02x}")) != std::string::npos ||
           text.find("\\u007a\\u0061") != std::string::npos;
}

/// Each way an answer may carry a text.
std::vector<HttpCompletion> answers(const std::string& text) {
    const std::string quoted = json(text).dump();
    std::vector<HttpCompletion> out;
    for (const std::string& body :
         {R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":)" + quoted + "}}",
          R"({"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"no","data":)" + quoted + "}}",
          R"({"jsonrpc":"2.0","id":1,"error":{"code":0,"message":"HTTP )" + quoted.substr(1) + "}}",
          R"({"error":{"data":{"url":[)" + quoted + "]}}}", R"({"error":)" + quoted + "}",
          "<!DOCTYPE html><html><body><pre>Cannot POST /" + text + "</pre></body></html>",
          "<html><title>" + text + "</title></html>", text, "{\"broken\": \"" + text}) {
        for (const int status : {200, 404, 429, 500}) {
            out.push_back(http_status(status, body));
        }
    }
    HttpCompletion redirect = http_status(301);
    redirect.redirect = "https://" + text;
    out.push_back(redirect);
    HttpCompletion cut = transport_error(TransportError::kCut);
    cut.error_text = "broken while talking to " + text;
    out.push_back(cut);
    return out;
}

/// All that the pool tells while its one provider gives that answer.
std::string all_told(const HttpCompletion& answer, const Endpoint& endpoint) {
    ManualClock clock;
    const FakeChain chain{20};
    FakeTransport transport{clock};
    transport.add(endpoint.url, chain).http = [&](const HttpRequest&) {
        return std::optional{answer};
    };
    Recorder recorder;
    PoolOptions options;
    options.endpoints = {endpoint};
    options.attempts_max = 2;
    options.deadline_ms = 20'000;
    ProviderPool pool{options, transport, clock, &recorder};
    std::string told;
    bool is_done = false;
    pool.get_heads([&](Result<Heads> heads) { told += heads ? "" : heads.error().message; });
    pool.get_range({}, {0, 10}, true, [&](Result<RangeLogs> logs) {
        told += logs ? "" : "\n" + logs.error().message;
        is_done = true;
    });
    for (int turn = 0; turn < 2'000 && !is_done; ++turn) {
        pool.poll(100);
        for (const OpenWait& wait : pool.waits(0)) {
            told += "\n" + wait.provider + wait.reason;
        }
        for (const ProviderStats& stats : pool.stats()) {
            told += "\n" + stats.name + " " + stats.last_error;
        }
    }
    for (const auto& [level, message] : recorder.events) {
        told += "\n" + message;
    }
    return told;
}

Endpoint guarded() {
    return {kUrl, {{"X-Key", "zanziHEADER"}}, "zanziTOKEN"};
}

TEST(ForeignTextTest, NoTextOfAProviderLeavesThePoolWithASecret) {
    for (const std::string& secret : secrets()) {
        for (const std::string& text : written(secret)) {
            for (const HttpCompletion& answer : answers("v2 " + text + " x")) {
                const std::string told = all_told(answer, guarded());
                EXPECT_FALSE(holds_secret(told))
                    << text << " in HTTP " << answer.status << " " << as_chars(answer.body) << "\n"
                    << told;
                ASSERT_FALSE(told.empty());
            }
        }
    }
}

// The canary: an endpoint that has none of these secrets shows the very texts.
TEST(ForeignTextTest, WithoutTheRedactorTheTextsWouldShowIt) {
    size_t shown = 0;
    for (const HttpCompletion& answer : answers("v2 zanziPATH x")) {
        shown += holds_secret(all_told(answer, {"http://127.0.0.1:1", {}, {}})) ? 1U : 0U;
    }
    EXPECT_GE(shown, 20U);
}

// What the user must read and what refusals are told by stays.
TEST(ForeignTextTest, WordsOfChainsAndRefusalsAreNoSecrets) {
    const Redactor redactor =
        make_redactor({"https://eth-mainnet.g.alchemy.com/v2/range/zanziPATH", {}, {}});
    RpcError error;
    error.message = "eth_getLogs: block range of eth-mainnet is too large at v2/zanziPATH";
    redact(redactor, error);
    EXPECT_EQ(error.message,
              "eth_getLogs: block range of eth-mainnet is too large at v2/(redacted)");
}

TEST(ForeignTextTest, ASecretThatTheReaderCutInHalfIsGone) {
    const Redactor redactor = make_redactor({"https://host.example/zanziPATHlong", {}, {}});
    RpcError error;
    error.message = std::string(2'040, 'x') + "zanziPAT";
    redact(redactor, error);
    EXPECT_FALSE(holds_secret(error.message));
}

}  // namespace
}  // namespace plumbline::rpc::foreign_text_test
