// What `doctor` says of an endpoint whose headers are not those of their hashes.
#include "engine/setup/doctor.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <tuple>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "engine/setup/call_blocks.hpp"
#include "rpc/block_programs.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::engine::doctor_test {
namespace {

using rpc::test::FakeChain;
using rpc::test::FakeNode;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kUrl = "http://node.example";

/// What a node says of a call that answers on every chain.
std::optional<nlohmann::json> identity_of(const nlohmann::json& params) {
    const nlohmann::json& call = params.at(0);
    return call.value("to", "") == "0x0000000000000000000000000000000000000004"
               ? std::optional{nlohmann::json{{"result", call.at("data")}}}
               : std::nullopt;
}

class DoctorTest : public ::testing::Test {
  protected:
    DoctorTest() : node_{transport_.add(kUrl, chain_)} {
        node_.latency_ms = 1;
        node_.answer = [](const std::string& method,
                          const nlohmann::json& params) -> std::optional<nlohmann::json> {
            if (method == "eth_call") {
                return identity_of(params);
            }
            const bool is_state = method == "eth_getBalance" || method == "eth_getTransactionCount";
            return is_state ? std::optional{nlohmann::json{{"result", "0x0"}}} : std::nullopt;
        };
    }

    /// Logs in these blocks only; the head has none.
    void add_logs(const std::vector<uint64_t>& block_nums) {
        for (const uint64_t num : block_nums) {
            chain_.add_log(num, 1, 10, false);
        }
        chain_.make_provable();
    }
    /// Every header says that its block has no logs.
    void empty_blooms() {
        node_.spoil = [](std::string& body) {
            const std::string key = "\"logsBloom\":\"0x";
            for (size_t at = body.find(key); at != std::string::npos; at = body.find(key, at)) {
                at += key.size();
                body.replace(at, 512, 512, '0');
            }
        };
    }
    DoctorReport examine() {
        DoctorOptions options;
        options.patience.timeout_ms = 5'000;
        options.patience.silence_ms_max = 8'000;
        auto report = examine_endpoint({kUrl, {}, {}}, transport_, clock_, options);
        EXPECT_TRUE(report) << report.error().message;
        return report ? *std::move(report) : DoctorReport{};
    }
    static CheckResult result_of(const DoctorReport& report, const std::string& name) {
        for (const DoctorCheck& check : report.checks) {
            if (check.name == name) {
                return check.result;
            }
        }
        return CheckResult::kSkipped;
    }

    FakeChain chain_{400};
    ManualClock clock_;
    rpc::test::FakeTransport transport_{clock_};
    FakeNode& node_;
};

TEST_F(DoctorTest, AnHonestNodesLogsCanBeProven) {
    add_logs({100, 350});
    const DoctorReport report = examine();
    EXPECT_EQ(result_of(report, "headers"), CheckResult::kGood);
    EXPECT_EQ(result_of(report, "blooms"), CheckResult::kGood);
    EXPECT_THAT(report.verdict, HasSubstr("logs can be proven to receipts"));
}

TEST_F(DoctorTest, OneHeaderThatDoesNotHashIsAFailureThoughAllOthersDo) {
    add_logs({351});  // not among the blocks that are looked at first
    empty_blooms();
    const DoctorReport report = examine();
    EXPECT_FALSE(report.is_fine());
    EXPECT_EQ(result_of(report, "headers"), CheckResult::kBad);
    EXPECT_THAT(report.verdict, HasSubstr("not to be trusted"));
    EXPECT_THAT(report.profile.reason, HasSubstr("does not hash to the hash it claims"));
}

TEST_F(DoctorTest, WithoutABlockWithLogsNothingIsSaidOfProvingThem) {
    add_logs({});
    const DoctorReport report = examine();
    EXPECT_TRUE(report.is_fine());
    EXPECT_THAT(report.verdict, Not(HasSubstr("logs can be proven")));
}

TEST_F(DoctorTest, FinalityAboveTheHeadIsNotBelieved) {
    add_logs({100, 350});
    node_.answer = [](const std::string& method,
                      const nlohmann::json& params) -> std::optional<nlohmann::json> {
        if (method == "eth_getBlockByNumber" && params[0] == "finalized") {
            return nlohmann::json{{"result", {{"number", "0x1c2"}}}};
        }
        return std::nullopt;
    };
    const DoctorReport report = examine();
    EXPECT_EQ(result_of(report, "finality"), CheckResult::kBad);
    EXPECT_FALSE(report.is_fine());
}

TEST_F(DoctorTest, WhatComesInPlaceOfAnAnswerIsToldWithItsStatusAndItsText) {
    const auto reason = [&](int status, const std::string& body) {
        node_.status = status;
        node_.spoil = [body](std::string& out) { out = body; };
        DoctorOptions options;
        options.patience.timeout_ms = 5'000;
        options.patience.silence_ms_max = 8'000;
        const auto report = examine_endpoint({kUrl, {}, {}}, transport_, clock_, options);
        return report ? std::string{} : report.error().message;
    };
    EXPECT_THAT(reason(200, "<html><title>Sign in</title></html>"),
                HasSubstr("HTTP 200 with a web page \"Sign in\""));
    EXPECT_THAT(reason(401, R"({"error":"invalid api key"})"),
                HasSubstr("invalid api key, HTTP 401"));
    EXPECT_THAT(reason(403, R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}})"),
                HasSubstr("no, HTTP 403"));
    EXPECT_THAT(reason(429, R"({"message":"slow down"})"), HasSubstr("slow down"));
    EXPECT_THAT(reason(302, ""), HasSubstr("HTTP 302: it redirects"));
    EXPECT_THAT(reason(500, ""), HasSubstr("HTTP 500 without a text"));
}

/// Lets so many calls a second through, and as many at once.
void limit_rate(FakeNode& node, const ManualClock& clock, double rate) {
    node.http = [&clock, rate, left = rate,
                 at_ms = int64_t{0}](const rpc::HttpRequest& request) mutable {
        const nlohmann::json body = nlohmann::json::parse(request.body);
        const double calls = body.is_array() ? static_cast<double>(body.size()) : 1.0;
        left =
            std::min(rate, left + rate * static_cast<double>(clock.monotonic_ms() - at_ms) / 1'000);
        at_ms = clock.monotonic_ms();
        const bool is_let = left >= calls;
        left = is_let ? left - calls : 0;
        return is_let ? std::nullopt
                      : std::optional{rpc::test::http_status(
                            429, R"({"error":{"code":-32016,"message":"over rate limit"}})")};
    };
}

TEST_F(DoctorTest, WhereItIsToldToSlowDownItWaitsAndItsVerdictIsTheSame) {
    add_logs({100, 350});
    limit_rate(node_, clock_, 12);
    const DoctorReport report = examine();
    EXPECT_TRUE(report.is_fine()) << report.verdict;
    EXPECT_EQ(report.batch, 10U);
    EXPECT_EQ(result_of(report, "logs range"), CheckResult::kGood);
    EXPECT_EQ(result_of(report, "history"), CheckResult::kGood);
}

TEST_F(DoctorTest, WhatTheRateLeftUnansweredIsNoVerdict) {
    add_logs({100, 350});
    node_.answer = [](const std::string& method,
                      const nlohmann::json&) -> std::optional<nlohmann::json> {
        return method == "eth_getLogs"
                   ? std::optional{rpc::test::rpc_error(-32016, "over rate limit")}
                   : std::nullopt;
    };
    const DoctorReport report = examine();
    EXPECT_EQ(result_of(report, "logs range"), CheckResult::kSkipped);
    EXPECT_TRUE(std::ranges::any_of(report.checks, [](const DoctorCheck& check) {
        return check.name == "logs range" && check.found == "rate limited: over rate limit";
    }));
}

TEST_F(DoctorTest, BatchesOfLessThanTenCallsAreFound) {
    add_logs({100, 350});
    node_.batch_max = 3;
    EXPECT_EQ(examine().batch, 3U);
}

/// The block that is asked.
uint64_t number_of(const FakeChain& chain, const nlohmann::json& params) {
    const auto asked = std::ranges::find_if(chain.blocks, [&](const FakeChain::Block& block) {
        return params.at(1).is_string()
                   ? params.at(1) == evm::to_quantity(block.header.block_num)
                   : params.at(1).at("blockHash") == evm::to_hex(block.header.hash);
    });
    return asked->header.block_num;
}

/// What a node says whose calls run at the time of `block_of` the block that is asked.
std::optional<nlohmann::json> answer_call(const FakeChain& chain, const nlohmann::json& params,
                                          const std::function<uint64_t(uint64_t)>& block_of) {
    const std::string code = params.size() > 2 ? params.at(2).begin()->value("code", "")
                                               : params.at(0).value("data", "");
    if (code != "0x4260005260206000f3") {
        return nlohmann::json{{"result", "0x" + std::string(62, '0') + "2a"}};
    }
    const uint64_t block_num = block_of(number_of(chain, params));
    return nlohmann::json{
        {"result", fmt::format("0x{:064x}", chain.blocks.at(block_num).header.timestamp)}};
}

TEST_F(DoctorTest, WhoAnswersCallsFromTheNewestBlockWhateverIsAskedIsNotToBeUsed) {
    add_logs({100, 350});
    for (const bool is_honest : {true, false}) {
        node_.answer = [this, is_honest](
                           const std::string& method,
                           const nlohmann::json& params) -> std::optional<nlohmann::json> {
            if (method == "eth_getBalance") {
                return nlohmann::json{{"result", "0x0"}};
            }
            return method != "eth_call" ? std::nullopt
                                        : answer_call(chain_, params, [&](uint64_t block) {
                                              return is_honest ? block : chain_.blocks.size() - 1;
                                          });
        };
        const DoctorReport report = examine();
        EXPECT_EQ(result_of(report, "call blocks"),
                  is_honest ? CheckResult::kGood : CheckResult::kBad)
            << report.verdict;
    }
}

TEST_F(DoctorTest, WhoAnswersNoCallIsBadForCalls) {
    add_logs({100, 350});
    enum class Mode : uint8_t { kByHash, kByNumber, kNothing, kRefuses };
    for (const auto& [mode, result, found] :
         {std::tuple{Mode::kByHash, CheckResult::kGood, "at a block's hash"},
          std::tuple{Mode::kByNumber, CheckResult::kNote, "none at a block's hash: by number only"},
          std::tuple{Mode::kNothing, CheckResult::kBad,
                     "answers nothing to a call that returns a word"},
          std::tuple{Mode::kRefuses, CheckResult::kBad, "not available on your plan"}}) {
        node_.answer = [how = mode](const std::string& method,
                                    const nlohmann::json& params) -> std::optional<nlohmann::json> {
            if (method == "eth_getBalance") {
                return nlohmann::json{{"result", "0x0"}};
            }
            const auto refused = [](const char* why) {
                return nlohmann::json{{"error", {{"code", -32601}, {"message", why}}}};
            };
            if (method != "eth_call") {
                return std::nullopt;
            }
            if (how == Mode::kRefuses) {
                return refused("method eth_call is not available on your plan");
            }
            if (how == Mode::kNothing) {
                return nlohmann::json{{"result", "0x"}};
            }
            if (how == Mode::kByNumber && !params.at(1).is_string()) {
                return refused("by number only");
            }
            const auto identity = identity_of(params);
            return identity ? identity : refused("no programs");
        };
        const DoctorReport report = examine();
        const auto check = std::ranges::find(report.checks, "calls", &DoctorCheck::name);
        ASSERT_NE(check, report.checks.end());
        EXPECT_EQ(check->result, result) << check->found;
        EXPECT_THAT(check->found, HasSubstr(found));
        EXPECT_EQ(report.is_fine(), result != CheckResult::kBad) << report.verdict;
    }
}

TEST_F(DoctorTest, WhoseCallsRunElsewhereIsFoundInWhicheverWayItRunsCode) {
    for (const bool is_honest : {true, false}) {
        node_.answer = [this, is_honest](
                           const std::string& method,
                           const nlohmann::json& params) -> std::optional<nlohmann::json> {
            return method != "eth_call" ? std::nullopt
                                        : answer_call(chain_, params, [&](uint64_t block) {
                                              return is_honest ? block : chain_.blocks.size() - 1;
                                          });
        };
        const rpc::Endpoint endpoint{kUrl, {}, {}};
        EndpointClient client{endpoint, transport_, clock_, {}};
        const Reply head =
            client.ask("eth_getBlockByNumber", nlohmann::json::array({"latest", false}));
        for (const bool with_code_at : {false, true}) {
            EXPECT_EQ(look_at_call_blocks(client, *head.result, 20, with_code_at).wrong.empty(),
                      is_honest);
        }
    }
}

TEST_F(DoctorTest, WhoseCallsRunAtAnotherNumberIsFoundWhereBlocksShareASecond) {
    enum class Runs : uint8_t { kThere, kBetween, kNewest, kBefore, kOtherChains };
    for (const bool share_a_second : {false, true}) {
        for (const auto& [runs, is_wrong] :
             {std::pair{Runs::kThere, false}, std::pair{Runs::kBetween, false},
              std::pair{Runs::kNewest, true}, std::pair{Runs::kBefore, true},
              std::pair{Runs::kOtherChains, false}}) {
            node_.answer = [&, how = runs](
                               const std::string& method,
                               const nlohmann::json& params) -> std::optional<nlohmann::json> {
                if (method != "eth_call") {
                    return std::nullopt;
                }
                const uint64_t newest = chain_.blocks.size() - 1;
                const auto block_of = [&](uint64_t block) {
                    return how == Runs::kBetween  ? block + 1
                           : how == Runs::kNewest ? newest
                           : how == Runs::kBefore ? block - 1
                                                  : block;
                };
                if (params.at(0).value("data", "") == rpc::kBlockTimeCode) {
                    return answer_call(chain_, params, [&](uint64_t block) {
                        return std::min(newest, block_of(block));
                    });
                }
                const uint64_t asked = number_of(chain_, params);
                const uint64_t told =
                    how == Runs::kOtherChains ? 20'000'000 + asked / 8 : block_of(asked);
                return nlohmann::json{{"result", fmt::format("0x{:064x}", told)}};
            };
            const rpc::Endpoint endpoint{kUrl, {}, {}};
            EndpointClient client{endpoint, transport_, clock_, {}};
            Reply head =
                client.ask("eth_getBlockByNumber", nlohmann::json::array({"latest", false}));
            if (share_a_second) {
                (*head.result)["timestamp"] = "0x0";  // No block's time is below it.
            }
            const CallBlocks seen = look_at_call_blocks(client, *head.result, 20, false);
            EXPECT_EQ(!seen.wrong.empty(), is_wrong) << static_cast<int>(runs) << seen.wrong;
        }
    }
}

TEST_F(DoctorTest, ACallThatRunsBetweenTwoBlocksIsNotHeldAgainstAnybody) {
    add_logs({100, 350});
    node_.answer = [this](const std::string& method,
                          const nlohmann::json& params) -> std::optional<nlohmann::json> {
        if (method == "eth_getBalance") {
            return nlohmann::json{{"result", "0x0"}};
        }
        return method != "eth_call"
                   ? std::nullopt
                   : answer_call(chain_, params, [](uint64_t block) { return block + 1; });
    };
    EXPECT_NE(result_of(examine(), "call blocks"), CheckResult::kBad);
}

}  // namespace
}  // namespace plumbline::engine::doctor_test
