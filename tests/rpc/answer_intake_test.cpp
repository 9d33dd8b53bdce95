#include "rpc/answer_intake.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace plumbline::rpc::answer_intake_test {
namespace {

/// "again NotFound, blamed, else error", "others", "settled reverted", "end too_many_results
/// TooLarge".
std::string show_fate(const CallFate& fate) {
    if (const auto* again = std::get_if<AskAgain>(&fate)) {
        std::string out = "again " + std::string{to_string(again->code)};
        out += again->blame == Blame::kProvider ? ", blamed" : "";
        if (again->fallback) {
            const auto* outcome = again->fallback->get<CallResult>();
            out += outcome == nullptr                                 ? ", else error"
                   : outcome->kind == CallResult::Kind::kMissingState ? ", else missing state"
                                                                      : ", else another outcome";
        }
        return out;
    }
    if (const auto* settled = std::get_if<Settle>(&fate)) {
        const auto* outcome = settled->answer.get<CallResult>();
        return outcome == nullptr                             ? "settled null"
               : outcome->kind == CallResult::Kind::kReverted ? "settled reverted"
               : outcome->kind == CallResult::Kind::kRefused  ? "settled refused"
                                                              : "settled otherwise";
    }
    if (const auto* end = std::get_if<EndGroup>(&fate)) {
        return "end " + std::string{to_string(end->refusal.kind)} + " " +
               std::string{to_string(end->code)};
    }
    return "others";
}

/// What is said of the provider, in words; empty: nothing.
std::string show_news(const ProviderNews& news) {
    std::string out;
    const auto add = [&out](bool is_so, const std::string& word) {
        if (is_so) {
            out += (out.empty() ? "" : " ") + word;
        }
    };
    add(news.is_ill, "ill");
    add(news.is_limited, "limited");
    add(news.retry_after_ms.has_value(),
        "retry=" + std::to_string(news.retry_after_ms.value_or(0)));
    add(news.is_malformed, "malformed");
    add(news.billing.has_value(), "billing");
    add(news.batch_limit && !news.batch_limit->told, "batch");
    add(news.batch_limit && news.batch_limit->told,
        "batch=" + std::to_string(news.batch_limit ? news.batch_limit->told.value_or(0) : 0));
    add(news.lacks_block.has_value(), "lacks=" + std::to_string(news.lacks_block.value_or(0)));
    return out;
}

Call call_of(Call::Kind kind) {
    Call call;
    call.kind = kind;
    call.block_num = 7;
    return call;
}

CallGroup needs_block(CallGroup group, uint64_t block) {
    group.block_needed = block;
    return group;
}

/// A range inside one that was refused as `kind` for good.
CallGroup after(RefusalClass kind) {
    CallGroup group = CallGroup::range();
    group.impatient_of = kind;
    return group;
}

const CallGroup kEach;
const CallGroup kRange = CallGroup::range();
const CallGroup kLenient = CallGroup::lenient();
const CallGroup kOnly = CallGroup::of_provider(0);
const CallGroup kProbe = CallGroup::head_probe(0, 1'000);

constexpr auto kLogs = Call::Kind::kLogs;
constexpr auto kHeader = Call::Kind::kHeaderByNum;
constexpr auto kReceipts = Call::Kind::kReceipts;
constexpr auto kEthCall = Call::Kind::kCall;

TEST(AnswerIntakeTest, EveryErrorHasItsVerdict) {
    const RpcError too_many{-32005, "query returned more than 10000 results", ""};
    const RpcError too_large{-32003, "response too large", ""};
    const RpcError batch{-32600, "batch too large", ""};
    const RpcError slow_down{-32005, "too many requests per second", ""};
    const RpcError no_backend{-32011, "no backend is currently healthy to serve traffic", ""};
    const RpcError upstream{-32000, "upstream unavailable, try again later", ""};
    const RpcError timeout{-32002, "request timed out", ""};
    const RpcError beyond{-32602, "block range extends beyond current head block", ""};
    const RpcError no_header{-32000, "header not found", ""};
    const RpcError scroll{-32602, "quite another text", ""};
    const RpcError puzzle{-32099, "xyzzy", ""};
    const RpcError reverted{3, "execution reverted", "0x12"};
    const RpcError no_state{-32000, "missing trie node 00 (path )", ""};
    const RpcError out_of_gas{-32000, "out of gas", ""};
    const RpcError nothing{0, "", ""};
    struct Case {
        const char* name;
        Call::Kind call;
        CallGroup group;
        size_t batch;
        uint32_t rounds;
        RpcError error;
        int status;
        const char* fate;
        const char* news;
        bool is_unclear = false;
    };
    const std::vector<Case> cases = {
        {"a range is too dense", kLogs, kRange, 3, 0, too_many, 200,
         "end too_many_results TooLarge", ""},
        {"logs nobody can cut", kLogs, kLenient, 3, 0, too_many, 200,
         "again TooLarge, blamed, else error", ""},
        {"the header beside a range", kHeader, kRange, 3, 0, too_many, 200,
         "again TooLarge, blamed", ""},
        {"a range too large to send", kLogs, kRange, 3, 0, too_large, 200,
         "end response_too_large TooLarge", ""},
        {"receipts too large to send together", kReceipts, kEach, 3, 0, too_large, 200,
         "again TooLarge", "batch"},
        {"receipts too large to send at all", kReceipts, kEach, 1, 0, too_large, 200,
         "again TooLarge, blamed", ""},
        {"too many calls", kHeader, kEach, 3, 0, batch, 200, "again TooLarge", "batch"},
        {"one call is too many", kHeader, kEach, 1, 0, batch, 200, "again TooLarge, blamed", ""},
        {"too many calls beside a range", kLogs, kRange, 3, 0, batch, 200, "again TooLarge",
         "batch"},
        {"too fast", kHeader, kEach, 3, 0, slow_down, 200, "again RateLimited", "limited"},
        {"too fast, with nothing said", kHeader, kLenient, 3, 0, nothing, 429, "again RateLimited",
         "limited"},
        {"not paid", kHeader, kLenient, 3, 0, nothing, 401, "again Unavailable, blamed", "billing"},
        {"an outage", kHeader, kLenient, 3, 0, upstream, 200, "again Unavailable, blamed", "ill"},
        {"an outage by status", kLogs, kRange, 3, 1, nothing, 502, "again Unavailable, blamed",
         "ill"},
        {"an outage that lasts", kLogs, kRange, 3, 2, nothing, 502, "end outage Unavailable",
         "ill"},
        {"an outage that lasts, of what cannot be cut", kHeader, kRange, 3, 5, nothing, 502,
         "again Unavailable, blamed", "ill"},
        {"an outage, after one of a larger range", kLogs, after(RefusalClass::kOutage), 3, 0,
         nothing, 502, "end outage Unavailable", "ill"},
        {"too fast, after a larger range was so for good", kLogs, after(RefusalClass::kRateLimit),
         3, 0, slow_down, 200, "end rate_limit RateLimited", "limited"},
        {"too fast, after another refusal of a larger range", kLogs, after(RefusalClass::kOutage),
         3, 0, slow_down, 200, "again RateLimited", "limited"},
        {"a bill for a range", kLogs, kRange, 3, 0, nothing, 401, "again Unavailable, blamed",
         "billing"},
        {"a bill for a range alone", kLogs, kRange, 3, 1, nothing, 401, "end billing Unavailable",
         "billing"},
        {"data that stays away", kLogs, kRange, 3, 2, no_header, 200, "end missing_data NotFound",
         ""},
        {"a known code with unknown words", kLogs, kRange, 3, 0, scroll, 200,
         "again InvalidArgument, blamed", "", true},
        {"an outage or a size, the first time", kLogs, kRange, 3, 0, no_backend, 200,
         "again Unavailable, blamed", "ill"},
        {"an outage or a size, again", kLogs, kRange, 3, 1, no_backend, 200,
         "end outage Unavailable", "ill"},
        {"an outage or a size of what cannot be cut", kHeader, kRange, 3, 1, no_backend, 200,
         "again Unavailable, blamed", "ill"},
        {"a range took too long", kLogs, kRange, 3, 0, timeout, 200, "end timeout Timeout", ""},
        {"something else took too long: that is no answer", kReceipts, kLenient, 3, 0, timeout, 200,
         "again Timeout, blamed", ""},
        {"not there yet", kLogs, needs_block(CallGroup::range(), 900), 3, 0, beyond, 200,
         "again NotFound, blamed", "lacks=900"},
        {"not there yet, of a group that names no block", kHeader, kEach, 3, 0, beyond, 200,
         "again NotFound, blamed", ""},
        {"what nobody understands, of a range", kLogs, kRange, 3, 0, puzzle, 200,
         "again Unavailable, blamed", "", true},
        {"what nobody understands, of a header", kHeader, kRange, 3, 0, puzzle, 200,
         "again Unavailable, blamed", ""},
        {"what nobody understands may be an answer", kHeader, kOnly, 3, 0, puzzle, 200,
         "again Unavailable, blamed, else error", ""},
        {"or that of a probe", kHeader, kProbe, 3, 0, puzzle, 200,
         "again Unavailable, blamed, else error", ""},
        {"a call that reverts has its answer", kEthCall, kEach, 3, 0, reverted, 200,
         "settled reverted", ""},
        {"state that is gone here", kEthCall, kEach, 3, 0, no_state, 200,
         "again NotFound, blamed, else missing state", ""},
        {"a call that is too much", kEthCall, kEach, 3, 0, out_of_gas, 200, "settled refused", ""},
        {"too much to send, of many calls", kEthCall, kEach, 3, 0, nothing, 413, "again TooLarge",
         "batch"},
        {"too much to send, of one call", kEthCall, kEach, 1, 0, nothing, 413, "settled refused",
         ""},
        {"calls too fast", kEthCall, kEach, 3, 0, slow_down, 200, "again RateLimited", "limited"},
    };
    for (const Case& test : cases) {
        const Call call = call_of(test.call);
        const CallVerdict verdict =
            judge_error({call, test.group, test.batch, test.rounds}, test.error, test.status);
        EXPECT_EQ(show_fate(verdict.call), test.fate) << test.name;
        EXPECT_EQ(show_news(verdict.provider), test.news) << test.name;
        EXPECT_EQ(verdict.unclear.has_value(), test.is_unclear) << test.name;
    }
}

TEST(AnswerIntakeTest, ARateLimitThatOnlyLogsMeetIsWaitedForBeforeItIsDoubted) {
    const Call call = call_of(kLogs);
    AskedCall asked{call, kRange, 1, 0};
    const RpcError error{-32000, "too many requests", ""};
    EXPECT_EQ(show_fate(judge_error(asked, error, 200).call), "again RateLimited");
    asked.limited_alone_ms = 19'999;
    EXPECT_EQ(show_fate(judge_error(asked, error, 200).call), "again RateLimited");
    asked.limited_alone_ms = 20'000;
    EXPECT_EQ(show_fate(judge_error(asked, error, 200).call), "end rate_limit RateLimited");
}

TEST(AnswerIntakeTest, ABalancerThatHasNobodyForReceiptsIsNotIll) {
    const RpcError error{12, "Can't route your request to suitable provider", ""};
    const Call receipts = call_of(kReceipts);
    const Call header = call_of(kHeader);
    EXPECT_FALSE(judge_error({receipts, kEach, 1, 0}, error, 400).provider.is_ill);
    EXPECT_TRUE(judge_error({header, kEach, 1, 0}, error, 400).provider.is_ill);
}

TEST(AnswerIntakeTest, ALimitThatNamesALongerTimeIsBelievedForLonger) {
    const Call call = call_of(kLogs);
    AskedCall asked{call, kRange, 1, 0};
    const auto fate = [&](const char* text, int64_t alone_ms, std::optional<int64_t> retry_ms) {
        asked.limited_alone_ms = alone_ms;
        asked.retry_after_ms = retry_ms;
        return show_fate(judge_error(asked, {-32000, text, ""}, 200).call);
    };
    const std::string waits = "again RateLimited";
    EXPECT_EQ(fate("too many requests", 20'000, {}), "end rate_limit RateLimited");
    EXPECT_EQ(fate("too many requests", 30'000, 60'000), waits);
    EXPECT_EQ(fate("too many requests per second", 19'999, {}), waits);
    EXPECT_EQ(fate("too many requests per second", 20'000, {}), "end rate_limit RateLimited");
    EXPECT_EQ(fate("Heavy method rate limit: 1/min for eth_getLogs", 60'000, {}), waits);
}

TEST(AnswerIntakeTest, ABatchIsDoubtedWhereNothingOfItIsAnsweredInWordsThatSayAnything) {
    const Answer value{uint64_t{1}};
    const Answer missing;
    const Answer general{RpcError{-32600, "Invalid Request", ""}};
    const Answer puzzle{RpcError{-32099, "xyzzy", ""}};
    const Answer no_method{RpcError{-32601, "Method not found", ""}};
    Answer no_array = no_method;
    no_array.get<RpcError>()->is_of_whole = true;
    const Answer slow_down{RpcError{-32005, "too many requests per second", ""}};
    const auto is_doubted = [](const std::vector<Answer>& answers) {
        return find_batch_doubt(answers, 200).has_value();
    };
    EXPECT_TRUE(is_doubted({general, general}));
    EXPECT_TRUE(is_doubted({general, puzzle}));
    EXPECT_TRUE(is_doubted({no_array, no_array}));
    EXPECT_TRUE(is_doubted({value, missing}));
    EXPECT_FALSE(is_doubted({value, general}));  // a tag that the node does not know
    EXPECT_FALSE(is_doubted({value, value}));
    EXPECT_FALSE(is_doubted({no_method, no_method}));
    EXPECT_FALSE(is_doubted({slow_down, slow_down}));
    const Answer revert{RpcError{3, "execution reverted: odd", "0x08c379a0"}};
    EXPECT_FALSE(find_batch_doubt({revert, revert}, 200, true)) << "the contract has answered";
    EXPECT_TRUE(find_batch_doubt({general, general}, 200, true));
}

TEST(AnswerIntakeTest, ARefusalIsCountedUnlessItIsTheCallsOwnAnswer) {
    const Call call = call_of(kEthCall);
    const CallVerdict outcome = judge_error({call, kEach}, {3, "execution reverted", "0x12"}, 200);
    EXPECT_FALSE(outcome.provider.refusal.has_value());
    EXPECT_EQ(std::get<Settle>(outcome.call).answer.get<CallResult>()->data, Bytes{0x12});
    const CallVerdict limited = judge_error({call, kEach}, {-32005, "too many requests", ""}, 200);
    EXPECT_EQ(limited.provider.refusal, RefusalClass::kRateLimit);
}

TEST(AnswerIntakeTest, NumbersThatAProviderNamesArePassedOn) {
    const Call call = call_of(kHeader);
    const CallVerdict batch =
        judge_error({call, kEach, 50}, {-32600, "maximum batch size is 20", ""}, 200);
    EXPECT_EQ(show_news(batch.provider), "batch=20");
    const CallVerdict later =
        judge_error({call, kEach}, {-32005, "rate limit exceeded, retry in 3s", ""}, 200);
    EXPECT_EQ(show_news(later.provider), "limited retry=3000");
}

TEST(AnswerIntakeTest, NullIsAnAnswerOnlyWhereItCanBeOne) {
    struct Case {
        const char* name;
        Call::Kind call;
        const CallGroup& group;
        const char* fate;
        const char* news;
    };
    const std::vector<Case> cases = {
        {"another may have it", kReceipts, kEach, "others", ""},
        {"another may have it, and this one's head is known", kHeader, kEach, "others", "lacks=7"},
        {"no other is to be asked", kHeader, kOnly, "settled null", "lacks=7"},
        {"a chain without finality", Call::Kind::kHeaderFinalized, kProbe, "settled null", ""},
        {"a range needs all of it", kHeader, kRange, "again NotFound, blamed", "lacks=7"},
        {"logs are never null", kLogs, kRange, "again Decode, blamed", "malformed"},
        {"a chain has an id", Call::Kind::kChainId, kProbe, "again Decode, blamed", "malformed"},
    };
    for (const Case& test : cases) {
        const Call call = call_of(test.call);
        const auto verdict = judge_answer({call, test.group}, Answer{Answer::Null{}}, 200);
        ASSERT_TRUE(verdict.has_value()) << test.name;
        EXPECT_EQ(show_fate(verdict->call), test.fate) << test.name;
        EXPECT_EQ(show_news(verdict->provider), test.news) << test.name;
    }
}

TEST(AnswerIntakeTest, AValueStandsAndAMalformedOneIsAskedElsewhere) {
    const Call call = call_of(kHeader);
    Answer value;
    value.value = evm::Header{};
    EXPECT_FALSE(judge_answer({call, kRange}, value, 200).has_value());
    const auto bad = judge_answer({call, kRange}, Answer{Answer::Malformed{"no hash"}}, 200);
    ASSERT_TRUE(bad.has_value());
    EXPECT_EQ(show_fate(bad->call), "again Decode, blamed");
    EXPECT_EQ(show_news(bad->provider), "malformed");
    EXPECT_EQ(std::get<AskAgain>(bad->call).reason, "wrong answer (no hash)");
    const auto error = judge_answer({call, kEach}, Answer{RpcError{-32099, "xyzzy", ""}}, 200);
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(std::get<AskAgain>(error->call).reason, "error -32099 \"xyzzy\"");
}

TEST(AnswerIntakeTest, EveryFailureOfTheTransportHasItsVerdict) {
    using enum TransportError;
    struct Case {
        const char* name;
        Call::Kind call;
        const CallGroup& group;
        bool has_logs;
        size_t batch;
        uint32_t rounds;
        TransportError error;
        const char* fate;
        const char* news;
    };
    const std::vector<Case> cases = {
        {"no connection", kHeader, kEach, false, 3, 9, kUnreachable, "again Unavailable, blamed",
         "ill"},
        {"too slow", kHeader, kLenient, false, 3, 9, kTimeout, "again Timeout, blamed", "ill"},
        {"a range is too slow", kHeader, kRange, true, 3, 0, kTimeout, "end timeout Timeout",
         "ill"},
        {"a probe is too slow", kHeader, kProbe, false, 3, 0, kTimeout, "again Timeout, blamed",
         "ill"},
        {"a call is too slow", kEthCall, kEach, false, 3, 0, kTimeout, "settled refused", "ill"},
        {"cut", kHeader, kRange, true, 3, 1, kCut, "again Unavailable, blamed", "ill"},
        {"cut again and again", kHeader, kRange, true, 3, 2, kCut,
         "end response_too_large TooLarge", "ill"},
        {"a call is cut", kEthCall, kEach, false, 3, 1, kCut, "again Unavailable, blamed", "ill"},
        {"a call is cut again and again", kEthCall, kEach, false, 3, 2, kCut, "settled refused",
         "ill"},
        {"headers are cut again and again", kHeader, kEach, false, 3, 2, kCut,
         "again Unavailable, blamed", "ill"},
        {"a range too large for us", kHeader, kRange, true, 3, 0, kTooLarge,
         "end response_too_large TooLarge", ""},
        {"a batch too large for us", kReceipts, kEach, false, 3, 0, kTooLarge, "again TooLarge",
         "batch"},
        {"an answer too large for us", kReceipts, kEach, false, 1, 0, kTooLarge,
         "again TooLarge, blamed", "batch"},
    };
    for (const Case& test : cases) {
        const Call call = call_of(test.call);
        const CallVerdict verdict = judge_transport_error(
            {call, test.group, test.batch, test.rounds}, test.has_logs, test.error, "why");
        EXPECT_EQ(show_fate(verdict.call), test.fate) << test.name;
        EXPECT_EQ(show_news(verdict.provider), test.news) << test.name;
    }
}

}  // namespace
}  // namespace plumbline::rpc::answer_intake_test
