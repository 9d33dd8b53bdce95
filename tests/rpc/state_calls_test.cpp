// eth_call and eth_getProof: what is sent, how answers and refusals are read, and what the pool
// makes of providers that differ. Texts marked "anvil" were recorded from anvil 1.7.1, the others
// come from issue reports of the clients.
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "rpc/call_refusal.hpp"
#include "rpc/error_text.hpp"
#include "rpc/eth_json.hpp"
#include "rpc/provider_pool.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::state_calls_test {
namespace {

using namespace test;

struct Text {
    int64_t code;
    const char* message;
    const char* data;
    CallRefusal meaning;
    int http = 200;
};

/// How it ends where nobody says anything else.
enum class Ending : uint8_t { kReverted, kOutOfGas, kMissing, kUnclear };

struct Sentence {
    const char* client;
    int64_t code;
    const char* message;
    const char* data;
    Ending ending;
};

// What each client says where a call reverts, stops by a fault of its own, runs out of gas or is
// about state that is gone. From their sources: revm's HaltReason and InstructionResult (anvil
// writes "EVM error" and the name), reth's rpc-eth-types/src/error and ProviderError, go-ethereum's
// core/vm/errors.go, triedb/pathdb and internal/ethapi, Nethermind's EvmExceptionType and
// EthRpcModule, Besu's ExceptionalHaltReason and RpcErrorType, erigon's core/vm/errors.go and
// HistoryReaderV3.
const Sentence kSentences[] = {
    {"anvil", 3, "execution reverted: no", "0x08c379a0", Ending::kReverted},
    {"anvil", -32603, "EVM error OutOfOffset", "", Ending::kReverted},
    {"anvil", -32603, "EVM error OpcodeNotFound", "", Ending::kReverted},
    {"anvil", -32603, "EVM error StackUnderflow", "", Ending::kReverted},
    {"anvil", -32603, "EVM error StateChangeDuringStaticCall", "", Ending::kReverted},
    {"anvil", -32603, "EVM error PrecompileError", "", Ending::kReverted},
    {"anvil", -32603, "EVM error OutOfGas", "", Ending::kOutOfGas},
    {"anvil", -32603, "EVM error MemoryOOG", "", Ending::kOutOfGas},
    {"anvil", -32603, "EVM error MemoryLimitOOG", "", Ending::kOutOfGas},
    {"anvil", -32603, "EVM error InvalidOperandOOG", "", Ending::kOutOfGas},
    {"anvil", -32603, "EVM error PrecompileOOG", "", Ending::kOutOfGas},
    {"reth", 3, "execution reverted", "0x", Ending::kReverted},
    {"reth", -32603, "EVM error: InvalidJump", "", Ending::kReverted},
    {"reth", -32603, "EVM error: OutOfOffset", "", Ending::kReverted},
    {"reth", -32603, "EVM error: NotActivated", "", Ending::kReverted},
    {"reth", -32003, "out of gas: gas required exceeds: 50000000", "", Ending::kOutOfGas},
    {"reth", -32003, "out of gas: gas required exceeds allowance: 50000000", "", Ending::kOutOfGas},
    {"reth", -32003, "out of gas: gas exhausted during memory expansion: 600000000", "",
     Ending::kOutOfGas},
    {"reth", -32003, "out of gas: gas exhausted during precompiled contract execution: 9", "",
     Ending::kOutOfGas},
    {"reth", -32003, "out of gas: invalid operand to an opcode: 50000000", "", Ending::kOutOfGas},
    {"reth", -32003, "out of memory: memory limit exceeded during memory expansion", "",
     Ending::kOutOfGas},
    {"reth", -32603, "no state found for block number 49107280", "", Ending::kMissing},
    {"reth", -32603, "no state found for block 0xab", "", Ending::kMissing},
    {"reth", -32603, "state at block #49107280 is pruned", "", Ending::kMissing},
    {"reth", -32001, "block not found: 0xab", "", Ending::kMissing},
    {"geth", 3, "execution reverted: out of gas", "0x08c379a0", Ending::kReverted},
    {"geth", -32000, "execution reverted", "", Ending::kReverted},
    {"geth", -32000, "invalid jump destination", "", Ending::kReverted},
    {"geth", -32000, "return data out of bounds", "", Ending::kReverted},
    {"geth", -32000, "write protection", "", Ending::kReverted},
    {"geth", -32000, "stack limit reached 1024 (1023)", "", Ending::kReverted},
    {"geth", -32000, "out of gas", "", Ending::kOutOfGas},
    {"geth", -32000, "gas uint64 overflow", "", Ending::kOutOfGas},
    {"geth", -32000, "missing trie node 8b16 (path ) state 0x8b16 is not available, not found", "",
     Ending::kMissing},
    {"geth", -32000, "historical state 8b16 is not available", "", Ending::kMissing},
    {"geth", -32000, "header not found", "", Ending::kMissing},
    {"geth", -32000, "execution aborted (timeout = 5s)", "", Ending::kUnclear},
    {"nethermind", -32015, "VM execution error.", "revert", Ending::kReverted},
    {"nethermind", 3, "execution reverted: no", "0x08c379a0", Ending::kReverted},
    {"nethermind", -32015, "VM execution error.", "BadInstruction", Ending::kReverted},
    {"nethermind", -32015, "VM execution error.", "BadJumpDestination", Ending::kReverted},
    {"nethermind", -32015, "VM execution error.", "AccessViolation", Ending::kReverted},
    {"nethermind", -32015, "VM execution error.", "StaticCallViolation", Ending::kReverted},
    {"nethermind", -32015, "VM execution error.", "PrecompileFailure", Ending::kReverted},
    {"nethermind", -32015, "VM execution error.", "OutOfGas", Ending::kOutOfGas},
    {"nethermind", -32002, "No state available for block 45615500 (0xab...cd)", "",
     Ending::kMissing},
    {"besu", -32000, "Execution reverted", "0x", Ending::kReverted},
    {"besu", -32000, "Bad instruction", "", Ending::kReverted},
    {"besu", -32000, "Bad jump destination", "", Ending::kReverted},
    {"besu", -32000, "Out of bounds", "", Ending::kUnclear},
    {"besu", -32000, "Out of stack", "", Ending::kReverted},
    {"besu", -32000, "Illegal state change", "", Ending::kReverted},
    {"besu", -32000, "Precompile error", "", Ending::kReverted},
    {"besu", -32000, "Out of gas", "", Ending::kOutOfGas},
    {"besu", -32000, "World state unavailable", "", Ending::kMissing},
    {"erigon", 3, "execution reverted", "0x", Ending::kReverted},
    {"erigon", -32000, "return data out of bounds", "", Ending::kReverted},
    {"erigon", -32000, "invalid opcode: opcode 0xfe not defined", "", Ending::kReverted},
    {"erigon", -32000, "out of gas", "", Ending::kOutOfGas},
    {"erigon", -32000, "old data not available due to pruning", "", Ending::kMissing},
    {"erigon", -32000, "block not found: 0xab", "", Ending::kMissing},
};

const Text kTexts[] = {
    // anvil
    {3, "execution reverted: custom error 0xdeadbeef", "0xdeadbeef", CallRefusal::kReverted},
    {3, "execution reverted", "0x", CallRefusal::kReverted},
    {-32603, "EVM error InvalidFEOpcode", "", CallRefusal::kReverted},
    {-32603, "EVM error OutOfGas", "", CallRefusal::kRefused},
    {-32603, "EVM error CreateContractStartingWithEF", "", CallRefusal::kRefused},
    {-32603, "EVM error CreateContractSizeLimit", "", CallRefusal::kRefused},
    {-32003, "max initcode size exceeded", "", CallRefusal::kRefused},
    {-32000, "intrinsic gas too high -- CallGasCostMoreThanGasLimit", "", CallRefusal::kRefused},
    {-32600, "Invalid request", "", CallRefusal::kRefused},
    {-32001, "Resource not found", "", CallRefusal::kMissingState},
    {-32602, "BlockOutOfRangeError: block height is 10 but requested was 3", "",
     CallRefusal::kMissingState},
    // geth
    {3, "execution reverted: no state available for you", "0x08c379a0", CallRefusal::kReverted},
    {-32000, "execution reverted", "", CallRefusal::kReverted},
    {-32000, "invalid opcode: INVALID", "", CallRefusal::kReverted},
    {-32000, "stack underflow (0 <=> 2)", "", CallRefusal::kReverted},
    {-32000, "out of gas", "", CallRefusal::kRefused},
    {-32000, "gas required exceeds allowance (50000000)", "", CallRefusal::kRefused},
    {-32000, "execution aborted (timeout = 5s)", "", CallRefusal::kRefused},
    {-32000,
     "missing trie node 8b1604e0d19d9be9a94cab027e74134e674bccdbf8d6a3f09a23abe52fd356fa (path ) "
     "<nil>",
     "", CallRefusal::kMissingState},
    {-32000, "required historical state unavailable (reexec=128)", "", CallRefusal::kMissingState},
    {-32000, "historical state 0x2c88 is not available", "", CallRefusal::kMissingState},
    {-32000, "header for hash not found", "", CallRefusal::kMissingState},
    {-32000, "header not found", "", CallRefusal::kMissingState},
    {-32000, "hash 0xab is not currently canonical", "", CallRefusal::kMissingState},
    // nethermind
    {-32015, "VM execution error.", "Reverted 0x7a933234", CallRefusal::kReverted},
    {-32015, "VM execution error.", "revert: UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT",
     CallRefusal::kReverted},
    {-32002, "No state available for block 0xab", "", CallRefusal::kMissingState},
    {-32602, "Incorrect parameters count, expected: 2, actual: 3", "", CallRefusal::kRefused},
    // besu, erigon, reth
    {-32000, "Execution reverted", "0x", CallRefusal::kReverted},
    {-32000, "World state unavailable", "", CallRefusal::kMissingState},
    {-32000, "old data not available due to pruning", "", CallRefusal::kMissingState},
    {-32602, "distance to target block exceeds maximum proof window", "",
     CallRefusal::kMissingState},
    {-32601, "the method eth_getProof does not exist/is not available", "", CallRefusal::kRefused},
    // gateways
    {-32005, "daily request count exceeded, request rate limited", "", CallRefusal::kOther},
    {429, "Your app has exceeded its compute units per second capacity", "", CallRefusal::kOther,
     429},
    {0, "<html>413 Request Entity Too Large</html>", "", CallRefusal::kRefused, 413},
    {0, "<html>502 Bad Gateway</html>", "", CallRefusal::kOther, 502},
};

TEST(CallRefusalTest, EveryKnownTextHasItsMeaning) {
    for (const Text& text : kTexts) {
        EXPECT_EQ(classify_call_refusal({text.http, text.code, text.message, text.data}),
                  text.meaning)
            << text.code << " " << text.message << " " << text.data;
    }
    EXPECT_EQ(revert_data("0xdeadbeef"), (Bytes{0xde, 0xad, 0xbe, 0xef}));
    EXPECT_EQ(revert_data("Reverted 0x7a933234"), (Bytes{0x7a, 0x93, 0x32, 0x34}));
    EXPECT_EQ(revert_data(R"({"data":"0x01"})"), Bytes{1});
    EXPECT_TRUE(revert_data("revert: because").empty());
}

TEST(CallRefusalTest, EveryClientsSentenceEndsACallAsItIsMeant) {
    for (const Sentence& one : kSentences) {
        RpcError error;
        error.code = one.code;
        error.message = one.message;
        error.data = one.data;
        const std::string text = error_text(error, 200);
        Ending ending = Ending::kUnclear;
        switch (classify_call_refusal({200, one.code, one.message, one.data})) {
            case CallRefusal::kReverted: ending = Ending::kReverted; break;
            case CallRefusal::kMissingState: ending = Ending::kMissing; break;
            case CallRefusal::kRefused:
                ending = names_gas(text) ? Ending::kOutOfGas : Ending::kUnclear;
                break;
            case CallRefusal::kOther: break;
        }
        EXPECT_EQ(ending, one.ending) << one.client << ": " << one.code << " " << text;
    }
}

evm::Hash hash_of(char digit) {
    return *evm::parse_hash("0x" + std::string(64, digit));
}

Call call_of(CallRequest request) {
    Call call;
    call.kind = Call::Kind::kCall;
    call.block = {{17, hash_of('a')}, false};
    call.request = std::make_shared<const CallRequest>(std::move(request));
    return call;
}

TEST(StateCallJsonTest, RequestsArePinnedAndHaveOverridesOnlyWhereAsked) {
    const std::string pin =
        R"({"blockHash":"0x)" + std::string(64, 'a') + R"(","requireCanonical":true})";
    const std::string to = "\"0x" + std::string(38, '0') + "07\"";
    CallRequest request;
    request.to = make_address(7);
    request.to->bytes = {};
    request.to->bytes[19] = 7;
    request.data = {1, 2};
    const auto params = [](const Call& call) {
        const std::string text = write_request(std::vector{call}, 1);
        return text.substr(text.find("\"params\":") + 9);
    };
    EXPECT_EQ(params(call_of(request)), R"([{"to":)" + to + R"(,"data":"0x0102"},)" + pin + "]}");
    request.gas = 255;
    request.code = std::make_shared<const Bytes>(Bytes{0x60});
    EXPECT_EQ(params(call_of(request)), R"([{"to":)" + to + R"(,"data":"0x0102","gas":"0xff"},)" +
                                            pin + ",{" + to + R"(:{"code":"0x60"}}]})");
    request.to.reset();
    EXPECT_EQ(params(call_of(request)), R"([{"data":"0x0102","gas":"0xff"},)" + pin + "]}");
    Call by_num = call_of(request);
    by_num.block.by_num = true;
    EXPECT_EQ(params(by_num), R"([{"data":"0x0102","gas":"0xff"},"0x11"]})");

    Call proof = by_num;
    proof.kind = Call::Kind::kProof;
    proof.block.by_num = false;
    proof.address.bytes[19] = 7;
    proof.slots = std::make_shared<const std::vector<evm::Hash>>(std::vector{hash_of('0')});
    EXPECT_EQ(params(proof), "[" + to + R"(,["0x)" + std::string(64, '0') + R"("],)" + pin + "]}");
}

std::string proof_text(const std::string& key, const std::string& more = "") {
    return R"({"address":"0x)" + std::string(38, '0') + R"(07","balance":"0x1","codeHash":"0x)" +
           std::string(64, 'c') + R"(","nonce":"0x2","storageHash":"0x)" + std::string(64, 'd') +
           R"(","accountProof":["0xc0","0x01"],"storageProof":[{"key":")" + key +
           R"(","value":"0x5","proof":["0xf8"]}])" + more + "}";
}

Answer read_proof_answer(const std::string& text) {
    Call proof;
    proof.kind = Call::Kind::kProof;
    proof.address.bytes[19] = 7;
    evm::Hash slot;
    slot.bytes[31] = 0x1f;
    proof.slots = std::make_shared<const std::vector<evm::Hash>>(std::vector{slot});
    AnswerReader reader;
    const ByteView view = as_bytes(R"({"jsonrpc":"2.0","id":7,"result":)");
    Bytes body{view.begin(), view.end()};
    for (const char c : text + "}") {
        body.push_back(static_cast<uint8_t>(c));
    }
    auto answers = reader.read(body, std::vector{proof}, 7);
    return answers ? std::move(answers->front())
                   : Answer{Answer::Malformed{answers.error().message}};
}

TEST(StateCallJsonTest, ProofsOfOtherAccountsOrSlotsAreRefused) {
    for (const std::string& key : {std::string{"0x1f"}, "0x" + std::string(62, '0') + "1f"}) {
        const Answer answer = read_proof_answer(proof_text(key));
        const auto* proof = answer.get<AccountProof>();
        ASSERT_NE(proof, nullptr) << answer.get<Answer::Malformed>()->why;
        EXPECT_EQ(proof->account.nonce, 2U);
        EXPECT_EQ(proof->nodes.size(), 2U);
        ASSERT_EQ(proof->slots.size(), 1U);
        EXPECT_EQ(proof->slots[0].value, evm::U256{5});
        EXPECT_EQ(proof->slots[0].nodes, (std::vector<Bytes>{{0xf8}}));
    }
    EXPECT_NE(read_proof_answer(proof_text("0x20")).get<Answer::Malformed>(), nullptr);
    std::string other = proof_text("0x1f");
    other.replace(other.find("07\""), 2, "08");
    EXPECT_NE(read_proof_answer(other).get<Answer::Malformed>(), nullptr);
    std::string lacking = proof_text("0x1f");
    lacking.replace(lacking.find("storageHash"), 11, "storageCash");
    EXPECT_NE(read_proof_answer(lacking).get<Answer::Malformed>(), nullptr);
}

class StateCallPoolTest : public ::testing::Test {
  protected:
    FakeNode& add(const char* url) {
        options_.endpoints.push_back({url, {}, {}});
        return transport_.add(url, chain_);
    }
    Result<CallAnswers> call(size_t count, std::optional<size_t> provider = std::nullopt) {
        if (!pool_) {
            pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
        }
        std::vector<CallRequest> requests(count);
        for (size_t i = 0; i < count; ++i) {
            requests[i].to.emplace().bytes[19] = 1;
            requests[i].data = {static_cast<uint8_t>(i)};
        }
        return await<CallAnswers>(*pool_, 600'000, [&](auto done) {
            pool_->call(std::move(requests), {{90, chain_.blocks[90].header.hash}, false}, provider,
                        std::move(done));
        });
    }
    static std::optional<json> echo(const std::string& method, const json& params) {
        return method == "eth_call" ? std::optional{json{{"result", params[0]["data"]}}}
                                    : std::nullopt;
    }
    static auto error_for_calls(int64_t code, const std::string& message) {
        return [=](const std::string& method, const json&) {
            return method == "eth_call" ? std::optional{rpc_error(code, message)} : std::nullopt;
        };
    }

    FakeChain chain_{100};
    ManualClock clock_;
    FakeTransport transport_{clock_};
    Recorder recorder_;
    PoolOptions options_;
    std::unique_ptr<ProviderPool> pool_;
};

TEST_F(StateCallPoolTest, BatchesComeBackInOrderWithTheirTraffic) {
    options_.batch_max = 7;
    add("http://a.example").answer = echo;
    const auto answers = call(30);
    ASSERT_TRUE(answers) << answers.error().message;
    ASSERT_EQ(answers->results.size(), 30U);
    for (size_t i = 0; i < 30; ++i) {
        EXPECT_EQ(answers->results[i].kind, CallResult::Kind::kAnswered);
        EXPECT_EQ(answers->results[i].data, Bytes{static_cast<uint8_t>(i)});
    }
    EXPECT_EQ(answers->traffic.requests, 5U);
    EXPECT_GT(answers->traffic.sent, 30U * 150);
    EXPECT_GT(answers->traffic.received, 30U * 20);
}

TEST_F(StateCallPoolTest, RevertsAndRefusalsAreAnswersOfTheFirstWhoIsAsked) {
    FakeNode& a = add("http://a.example");
    a.answer = [](const std::string& method, const json& params) -> std::optional<json> {
        if (method != "eth_call") {
            return std::nullopt;
        }
        const std::string data = params[0]["data"];
        return data == "0x00"   ? json{{"result", "0x"}}
               : data == "0x01" ? rpc_error(3, "execution reverted", "0x1234")
                                : rpc_error(-32000, "out of gas");
    };
    const auto answers = call(3);
    ASSERT_TRUE(answers) << answers.error().message;
    EXPECT_EQ(answers->results[0].kind, CallResult::Kind::kAnswered);
    EXPECT_EQ(answers->results[1].kind, CallResult::Kind::kReverted);
    EXPECT_EQ(answers->results[1].data, (Bytes{0x12, 0x34}));
    EXPECT_EQ(answers->results[2].kind, CallResult::Kind::kRefused);
    EXPECT_NE(answers->results[2].why.find("out of gas"), std::string::npos);
    EXPECT_EQ(a.calls["eth_call"], 3U);
}

TEST_F(StateCallPoolTest, MissingStateIsAskedOfAnotherAndToldWhenAllLackIt) {
    FakeNode& a = add("http://a.example");
    FakeNode& b = add("http://b.example");
    a.answer = error_for_calls(-32000, "missing trie node 00 (path )");
    b.answer = echo;
    const auto answers = call(2);
    ASSERT_TRUE(answers) << answers.error().message;
    EXPECT_EQ(answers->results[1].kind, CallResult::Kind::kAnswered);
    b.answer = error_for_calls(-32000, "header not found");
    const auto none = call(2);
    ASSERT_TRUE(none) << none.error().message;
    EXPECT_EQ(none->results[0].kind, CallResult::Kind::kMissingState);
    EXPECT_EQ(none->results[1].kind, CallResult::Kind::kMissingState);
}

TEST_F(StateCallPoolTest, OnlyTheNamedProviderIsAsked) {
    FakeNode& a = add("http://a.example");
    FakeNode& b = add("http://b.example");
    a.answer = echo;
    b.answer = error_for_calls(-32000, "missing trie node 00 (path )");
    for (int i = 0; i < 5; ++i) {
        const auto answers = call(1, 1);
        ASSERT_TRUE(answers) << answers.error().message;
        EXPECT_EQ(answers->results[0].kind, CallResult::Kind::kMissingState);
    }
    EXPECT_EQ(a.calls["eth_call"], 0U);
    EXPECT_EQ(pool_->provider_names(),
              (std::vector<std::string>{"http://a.example", "http://b.example"}));
}

TEST_F(StateCallPoolTest, WhoIsNamedAndTellsEverybodyToWaitGivesWayToAnother) {
    FakeNode& a = add("http://a.example");
    add("http://b.example").answer = echo;
    a.answer = [](const std::string& method, const json& params) -> std::optional<json> {
        return method == "eth_call" ? std::optional{rpc_error(-32005, "too many requests")}
                                    : echo(method, params);
    };
    ASSERT_TRUE(call(1, 1));  // Both are known to be there.
    const int64_t start = clock_.monotonic_ms();
    const auto answers = call(1, 0);
    ASSERT_FALSE(answers);
    EXPECT_LT(clock_.monotonic_ms() - start, 10'000);
    EXPECT_NE(answers.error().message.find("http://a.example: rate limited"), std::string::npos)
        << answers.error().message;
}

TEST_F(StateCallPoolTest, WhoIsNamedAndHasNotGotThatFarGivesWayToAnother) {
    FakeNode& a = add("http://a.example");
    add("http://b.example").answer = echo;
    a.answer = echo;
    a.head = 80;
    const int64_t start = clock_.monotonic_ms();
    const auto answers = call(1, 0);
    ASSERT_FALSE(answers);
    EXPECT_LT(clock_.monotonic_ms() - start, 10'000);
    EXPECT_NE(answers.error().message.find("http://a.example: its head is below block 90"),
              std::string::npos)
        << answers.error().message;
    ASSERT_TRUE(call(1, 1));
}

TEST_F(StateCallPoolTest, RateLimitsAndOutagesAreWaitedOut) {
    FakeNode& a = add("http://a.example");
    int bad = 3;
    a.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
        if (method == "eth_call" && --bad >= 0) {
            return bad == 1 ? rpc_error(-32000, "upstream unavailable, try again later")
                            : rpc_error(-32005, "too many requests per second");
        }
        return echo(method, params);
    };
    const auto answers = call(1);
    ASSERT_TRUE(answers) << answers.error().message;
    EXPECT_EQ(answers->results[0].kind, CallResult::Kind::kAnswered);
}

TEST_F(StateCallPoolTest, NoAnswerInTimeIsARefusalSoThatTheNextCallAsksForLess) {
    FakeNode& a = add("http://a.example");
    a.http = [](const HttpRequest& request) -> std::optional<HttpCompletion> {
        return request.body.find("eth_call") == std::string::npos
                   ? std::nullopt
                   : std::optional{transport_error(TransportError::kTimeout)};
    };
    const auto answers = call(2);
    ASSERT_TRUE(answers) << answers.error().message;
    EXPECT_EQ(answers->results[0].kind, CallResult::Kind::kRefused);
    EXPECT_EQ(answers->results[1].kind, CallResult::Kind::kRefused);
    a.http = [](const HttpRequest& request) -> std::optional<HttpCompletion> {
        return request.body.find("eth_call") == std::string::npos
                   ? std::nullopt
                   : std::optional{http_status(413, "<html>too large</html>")};
    };
    const auto large = call(1);
    ASSERT_TRUE(large) << large.error().message;
    EXPECT_EQ(large->results[0].kind, CallResult::Kind::kRefused);
}

TEST_F(StateCallPoolTest, WhatOneProviderWillNotRunIsAskedOfOthersAndOfThoseFirstFromThenOn) {
    FakeNode& a = add("http://a.example");
    FakeNode& b = add("http://b.example");
    a.answer = error_for_calls(-32601, "the method eth_call does not exist/is not available");
    b.answer = echo;
    options_.batch_max = 1;
    const auto answers = call(40);
    ASSERT_TRUE(answers) << answers.error().message;
    for (const CallResult& result : answers->results) {
        EXPECT_EQ(result.kind, CallResult::Kind::kAnswered);
        EXPECT_EQ(result.provider, "http://b.example");
    }
    const uint64_t vain = a.calls["eth_call"];
    EXPECT_GT(vain, 0U);
    ASSERT_TRUE(call(40));
    EXPECT_EQ(a.calls["eth_call"], vain);
    clock_.advance(61'000);  // After a while it is tried again.
    ASSERT_TRUE(call(1));
    EXPECT_EQ(a.calls["eth_call"], vain + 1);
}

TEST_F(StateCallPoolTest, WhereEverybodyRefusesEachCallHasTheRefusalForItsAnswer) {
    options_.batch_max = 1;
    options_.in_flight_per_provider_max = 2;
    for (const char* url : {"http://a.example", "http://b.example"}) {
        add(url).answer = error_for_calls(-32601, "the method eth_call does not exist");
    }
    const auto answers = call(60);  // Many more than there are rounds.
    ASSERT_TRUE(answers) << answers.error().message;
    for (const CallResult& result : answers->results) {
        EXPECT_EQ(result.kind, CallResult::Kind::kRefused);
    }
}

TEST_F(StateCallPoolTest, WhatTheOnlyProviderRefusesIsAnAnswerAndToldOfIt) {
    options_.batch_max = 1;
    add("http://a.example").answer = error_for_calls(-32603, "VM execution error.");
    const auto answers = call(1);
    ASSERT_TRUE(answers) << answers.error().message;
    EXPECT_EQ(answers->results.at(0).kind, CallResult::Kind::kRefused);
    EXPECT_NE(pool_->stats().at(0).last_refusal.find("VM execution error."), std::string::npos)
        << pool_->stats().at(0).last_refusal;
}

TEST_F(StateCallPoolTest, AProviderThatHangsIsNamedWhileItIsWaitedForAndThenPassedOver) {
    FakeNode& a = add("http://a.example");
    FakeNode& b = add("http://b.example");
    a.http = [](const HttpRequest& request) -> std::optional<HttpCompletion> {
        return request.body.find("eth_call") == std::string::npos
                   ? std::nullopt
                   : std::optional{transport_error(TransportError::kTimeout)};
    };
    b.answer = echo;
    pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
    std::optional<Result<CallAnswers>> answers;
    const int64_t start = clock_.monotonic_ms();
    std::vector<CallRequest> requests(3);
    for (CallRequest& request : requests) {
        request.to.emplace().bytes[19] = 1;
        request.data = {7};
    }
    pool_->call(std::move(requests), {{90, chain_.blocks[90].header.hash}, false}, std::nullopt,
                [&](Result<CallAnswers> result) { answers.emplace(std::move(result)); });
    std::vector<OpenWait> told;
    while (!answers && clock_.monotonic_ms() - start < 120'000) {
        pool_->poll(500);
        if (told.empty()) {
            told = pool_->waits(3'000);
            EXPECT_TRUE(!told.empty() || clock_.monotonic_ms() - start < 4'500);
        }
    }
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].method, "eth_call");
    EXPECT_EQ(told[0].provider, "http://a.example");
    ASSERT_TRUE(answers && *answers);
    EXPECT_LT(clock_.monotonic_ms() - start, 10'000);
    for (const CallResult& result : (*answers)->results) {
        EXPECT_EQ(result.kind, CallResult::Kind::kAnswered);
    }
    const size_t seen = a.seen.size();
    ASSERT_TRUE(call(2));
    EXPECT_EQ(a.seen.size(), seen);
}

TEST_F(StateCallPoolTest, AnswersOfABatchGivenToTheWrongCallsAreNoticedByTheirMarks) {
    FakeNode& a = add("http://a.example");
    a.answer = echo;
    a.spoil = [](std::string& text) {
        json body = json::parse(text);
        if (body.is_array() && body.size() > 1 && body[0]["result"].is_string() &&
            body[1]["result"].is_string()) {
            std::swap(body[0]["id"], body[1]["id"]);
            text = body.dump();
        }
    };
    pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
    const auto ask = [&] {
        std::vector<CallRequest> requests(5);
        for (size_t i = 0; i < requests.size(); ++i) {
            AnswerMark mark{{0, 2}, 2, {}};
            mark.bytes[7] = static_cast<uint8_t>(i);
            requests[i].to.emplace().bytes[19] = 1;
            requests[i].data = {0, 2};
            requests[i].data.insert(requests[i].data.end(), mark.bytes.begin(), mark.bytes.end());
            requests[i].mark = mark;
        }
        return await<CallAnswers>(*pool_, 600'000, [&](auto done) {
            pool_->call(std::move(requests), {{90, chain_.blocks[90].header.hash}, false},
                        std::nullopt, std::move(done));
        });
    };
    for (int round = 0; round < 2; ++round) {
        const auto answers = ask();
        ASSERT_TRUE(answers) << answers.error().message;
        for (size_t i = 0; i < 5; ++i) {
            EXPECT_EQ(answers->results[i].kind, CallResult::Kind::kAnswered);
            EXPECT_EQ(answers->results[i].data.back(), i);
        }
    }
    EXPECT_EQ(recorder_.count("answers of a batch to the wrong calls"), 1U);
}

}  // namespace
}  // namespace plumbline::rpc::state_calls_test
