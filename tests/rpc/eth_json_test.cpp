#include "rpc/eth_json.hpp"

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"

namespace plumbline::rpc::eth_json_test {
namespace {

const std::string kHash32 = "0x" + std::string(64, 'a');
const std::string kLog =
    R"({"address":"0x5fbdb2315678afecb367f032d93f642f64180aa3","topics":["0x000000000000000000000000000000000000000000000000000000000000000b"],)"
    R"("data":"0x0102","blockNumber":"0x10","blockHash":")" +
    kHash32 + R"(","transactionHash":")" + kHash32 +
    R"(","transactionIndex":"0x1","logIndex":"0x2","removed":false,"blockTimestamp":"0x1"})";

Bytes body_of(const std::string& text) {
    const ByteView bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

Call make_call(Call::Kind kind) {
    Call call;
    call.kind = kind;
    call.filter = std::make_shared<const LogFilter>();
    call.hash = *evm::parse_hash(kHash32);
    call.txn_hash = call.hash;
    call.txn_block = call.hash;
    call.block_num = 12;
    return call;
}

// Reads `result` as the answer to one call of `kind`.
Answer read_one(Call::Kind kind, const std::string& result) {
    AnswerReader reader;
    const std::vector<Call> calls = {make_call(kind)};
    Bytes body = body_of(R"({"jsonrpc":"2.0","id":7,"result":)" + result + "}");
    auto answers = reader.read(body, calls, 7);
    return answers ? std::move(answers->front())
                   : Answer{Answer::Malformed{answers.error().message}};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

TEST(EthJsonTest, RequestsHaveTheFormEveryNodeKnows) {
    Call call = make_call(Call::Kind::kLogs);
    call.range = {16, 255};
    EXPECT_EQ(
        write_request(std::vector{call}, 1),
        R"({"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{"fromBlock":"0x10","toBlock":"0xff"}]})");
    LogFilter filter;
    filter.addresses = {evm::Address{}};
    filter.topics0 = {evm::Hash{}, evm::Hash{}};
    call.filter = std::make_shared<const LogFilter>(filter);
    const std::string zero32 = "\"0x" + std::string(64, '0') + "\"";
    EXPECT_EQ(
        write_request(std::vector{call}, 1),
        R"({"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{"fromBlock":"0x10","toBlock":"0xff","address":"0x)" +
            std::string(40, '0') + R"(","topics":[[)" + zero32 + "," + zero32 + "]]}]}");
    filter.more_topics[1] = {evm::Hash{}};
    call.filter = std::make_shared<const LogFilter>(filter);
    EXPECT_TRUE(
        write_request(std::vector{call}, 1)
            .ends_with(R"("topics":[[)" + zero32 + "," + zero32 + "],null," + zero32 + "]}]}"));
    Call header = make_call(Call::Kind::kHeaderByNum);
    header.block_num = 0;
    EXPECT_EQ(write_request(std::vector{header, make_call(Call::Kind::kChainId)}, 5),
              R"([{"jsonrpc":"2.0","id":5,"method":"eth_getBlockByNumber","params":["0x0",false]},)"
              R"({"jsonrpc":"2.0","id":6,"method":"eth_chainId","params":[]}])");
}

TEST(EthJsonTest, ReadsALogWithEveryField) {
    const Answer answer = read_one(Call::Kind::kLogs, "[" + kLog + "]");
    const auto* batch = answer.get<evm::LogBatch>();
    ASSERT_NE(batch, nullptr);
    const evm::Log& log = batch->logs.at(0);
    EXPECT_EQ(evm::to_hex(log.address), "0x5fbdb2315678afecb367f032d93f642f64180aa3");
    EXPECT_EQ(log.topic_count, 1);
    EXPECT_EQ(log.topics[0].bytes[31], 0x0b);
    EXPECT_EQ(log.block_num, 16U);
    EXPECT_EQ(log.txn_index, 1U);
    EXPECT_EQ(log.log_index, 2U);
    EXPECT_EQ(evm::to_hex(log.block_hash), kHash32);
    EXPECT_EQ(evm::to_hex(batch->data(log)), "0x0102");
}

TEST(EthJsonTest, HexIsDecodedAtEveryLengthAndInBothCases) {
    const std::string digits = "0123456789abcdefABCDEF";
    for (size_t bytes = 0; bytes < 80; ++bytes) {
        std::string text;
        for (size_t i = 0; i < 2 * bytes; ++i) {
            text += digits[(i * 7 + bytes) % digits.size()];
        }
        const Answer answer =
            read_one(Call::Kind::kLogs, "[" + replaced(kLog, "0x0102", "0x" + text) + "]");
        const auto* batch = answer.get<evm::LogBatch>();
        ASSERT_NE(batch, nullptr) << bytes;
        EXPECT_EQ(Bytes(batch->data(batch->logs[0]).begin(), batch->data(batch->logs[0]).end()),
                  *evm::parse_hex("0x" + text));
        // Every character that is no digit is found wherever it stands.
        for (size_t i = 0; i < text.size(); i += 5) {
            for (const char bad : {'g', '/', ':', '@', '`', 'G', ' ', 'x', '\x7f'}) {
                std::string broken = text;
                broken[i] = bad;
                EXPECT_NE(
                    read_one(Call::Kind::kLogs, "[" + replaced(kLog, "0x0102", "0x" + broken) + "]")
                        .get<Answer::Malformed>(),
                    nullptr);
            }
        }
    }
}

TEST(EthJsonTest, QuantitiesAreStrictButLeadingZerosPass) {
    const auto block_num = [](const std::string& json) -> std::optional<uint64_t> {
        const Answer answer =
            read_one(Call::Kind::kLogs, "[" + replaced(kLog, "\"0x10\"", json) + "]");
        const auto* batch = answer.get<evm::LogBatch>();
        return batch != nullptr ? std::optional{batch->logs[0].block_num} : std::nullopt;
    };
    EXPECT_EQ(block_num("\"0x0a\""), 10U);
    EXPECT_EQ(block_num("\"0x0\""), 0U);
    EXPECT_EQ(block_num("\"0xFf\""), 255U);
    EXPECT_EQ(block_num("\"0xffffffffffffffff\""), UINT64_MAX);
    EXPECT_EQ(block_num("\"0x00000000000000000000000000000001\""), 1U);
    EXPECT_EQ(block_num("123"), 123U);
    for (const char* bad :
         {"\"0x\"", "\"\"", "\"10\"", "\"0x10000000000000000\"", "-1", "1.5", "\"-0x1\"",
          "\" 0x1\"", "\"0X1\"", "null", "true", "[]", "{}", "\"0x1g\""}) {
        EXPECT_FALSE(block_num(bad)) << bad;
    }
}

TEST(EthJsonTest, AWrongLogIsRefused) {
    const std::vector<std::pair<std::string, std::string>> changes = {
        {"\"removed\":false", "\"removed\":true"},
        {"\"removed\":false", "\"removed\":1"},
        {"\"data\":\"0x0102\"", "\"data\":\"0x012\""},
        {"\"data\":\"0x0102\"", "\"data\":\"0102\""},
        {"\"data\":\"0x0102\"", "\"data\":null"},
        {"\"data\":\"0x0102\"", "\"data\":\"0x\\u0030\""},
        {"\"data\":\"0x0102\",", ""},
        {"\"logIndex\":\"0x2\"", "\"logIndex\":\"0x100000000\""},
        {"\"blockHash\":\"0x", "\"blockHash\":\"0xaa"},
        {"\"topics\":[", "\"topics\":[1,"},
        {"\"topics\":[", "\"topics\":[\"0x00\","},
        {"\"address\":\"0x", "\"address\":\"0x00"},
        {"\"data\":\"0x0102\"", "\"data\":\"0x01\",\"data\":\"0x02\""},
    };
    for (const auto& [from, to] : changes) {
        EXPECT_NE(read_one(Call::Kind::kLogs, "[" + replaced(kLog, from, to) + "]")
                      .get<Answer::Malformed>(),
                  nullptr)
            << to;
    }
    EXPECT_NE(read_one(Call::Kind::kLogs, "[5]").get<Answer::Malformed>(), nullptr);
    EXPECT_NE(read_one(Call::Kind::kLogs, "{}").get<Answer::Malformed>(), nullptr);
    const auto* none = read_one(Call::Kind::kLogs, "[]").get<evm::LogBatch>();
    EXPECT_NE(none, nullptr);
}

const std::string kHeader =
    R"({"number":"0x10","hash":")" + kHash32 + R"(","parentHash":"0x)" + std::string(64, '2') +
    R"(","timestamp":"0x5","logsBloom":"0x)" + std::string(512, '0') +
    R"(","difficulty":"0x400000000","nonce":"0x0000000000000042","extraData":"0x11bb","baseFeePerGas":"0x7","withdrawalsRoot":null,"miner":"0x5fbdb2315678afecb367f032d93f642f64180aa3","transactions":["0x1"],"uncles":[]})";

TEST(EthJsonTest, ReadsHeadersWithAndWithoutTheFieldsOfLaterForks) {
    const Answer answer = read_one(Call::Kind::kHeaderByHash, kHeader);
    const auto* header = answer.get<evm::Header>();
    ASSERT_NE(header, nullptr);
    EXPECT_EQ(header->block_num, 16U);
    EXPECT_EQ(header->nonce, 0x42U);
    EXPECT_EQ(header->difficulty, evm::U256{0x400000000});
    EXPECT_EQ(header->base_fee_per_gas, evm::U256{7});
    EXPECT_FALSE(header->withdrawals_root);
    EXPECT_FALSE(header->blob_gas_used);
    EXPECT_EQ(header->extra_data, (Bytes{0x11, 0xbb}));
}

TEST(EthJsonTest, AHeaderMayLeaveOutWhatOnlyItsHashNeeds) {
    std::string tron = replaced(kHeader, "\"parentHash\":\"0x" + std::string(64, '2') + "\"",
                                R"("parentHash":"0x")");
    tron = replaced(tron, "\"nonce\":\"0x0000000000000042\"", "\"nonce\":null");
    tron = replaced(tron, "\"uncles\":[]",
                    R"("stateRoot":"0x","sha3Uncles":null,"mixHash":"0x","gasUsed":"0x")");
    const Answer answer = read_one(Call::Kind::kHeaderByHash, tron);
    const auto* header = answer.get<evm::Header>();
    ASSERT_NE(header, nullptr) << answer.get<Answer::Malformed>()->why;
    EXPECT_TRUE(header->parent_hash.is_zero());
    EXPECT_TRUE(header->state_root.is_zero());
    EXPECT_EQ(header->block_num, 16U);
    for (const char* needed : {"hash", "number", "timestamp"}) {
        std::string without = kHeader;
        const size_t at =
            without.find("\"" + std::string{needed} + "\":\"") + std::string{needed}.size() + 4;
        without.replace(at, without.find('"', at) - at, "0x");
        EXPECT_NE(read_one(Call::Kind::kHeaderLatest, without).get<Answer::Malformed>(), nullptr)
            << needed;
    }
}

TEST(EthJsonTest, ABlockThatIsItsOwnParentIsRefused) {
    const std::string header =
        replaced(kHeader, "\"parentHash\":\"0x" + std::string(64, '2') + "\"",
                 "\"parentHash\":\"" + kHash32 + "\"");
    EXPECT_NE(read_one(Call::Kind::kHeaderByHash, header).get<Answer::Malformed>(), nullptr);
}

TEST(EthJsonTest, TheBlockBeforeInPlaceOfTheOneAskedForIsNoBlock) {
    const auto with_num = [](const std::string& num) {
        return read_one(Call::Kind::kHeaderByNum,
                        replaced(kHeader, "\"number\":\"0x10\"", "\"number\":\"" + num + "\""));
    };
    const uint64_t asked = make_call(Call::Kind::kHeaderByNum).block_num;
    ASSERT_GT(asked, 0U);
    EXPECT_NE(with_num(evm::to_quantity(asked)).get<evm::Header>(), nullptr);
    EXPECT_NE(with_num(evm::to_quantity(asked - 1)).get<Answer::Null>(), nullptr);
    EXPECT_NE(with_num(evm::to_quantity(asked + 1)).get<Answer::Malformed>(), nullptr);
}

TEST(EthJsonTest, AWrongHeaderIsRefused) {
    EXPECT_NE(read_one(Call::Kind::kHeaderLatest,
                       replaced(kHeader, "\"hash\":\"" + kHash32 + "\"", "\"hash\":null"))
                  .get<Answer::Malformed>(),
              nullptr);
    EXPECT_NE(read_one(Call::Kind::kHeaderLatest,
                       replaced(kHeader, "\"number\":\"0x10\"", "\"number\":null"))
                  .get<Answer::Malformed>(),
              nullptr);
    EXPECT_NE(read_one(Call::Kind::kHeaderLatest, replaced(kHeader, "0x00000000", "0x0000000"))
                  .get<Answer::Malformed>(),
              nullptr);
    // Another block than the one asked for.
    EXPECT_NE(read_one(Call::Kind::kHeaderByNum, kHeader).get<Answer::Malformed>(), nullptr);
    EXPECT_NE(
        read_one(Call::Kind::kHeaderByHash, replaced(kHeader, "\"hash\":\"0xaa", "\"hash\":\"0xbb"))
            .get<Answer::Malformed>(),
        nullptr);
    EXPECT_NE(read_one(Call::Kind::kHeaderByHash, "null").get<Answer::Null>(), nullptr);
}

TEST(EthJsonTest, ReceiptsMustBelongToTheBlockAskedForAndComeInOrder) {
    const std::string receipt =
        R"({"type":"0x2","status":"0x1","root":null,"cumulativeGasUsed":"0x5208","transactionIndex":"0x0","transactionHash":")" +
        kHash32 + R"(","blockHash":")" + kHash32 + R"(","logsBloom":"0x)" + std::string(512, '0') +
        R"(","logs":[)" + kLog + "," + kLog + "]}";
    const std::string next =
        replaced(receipt, "\"transactionIndex\":\"0x0\"", "\"transactionIndex\":\"0x3\"");
    const Answer answer = read_one(Call::Kind::kReceipts, "[" + receipt + "," + next + "]");
    const auto* batch = answer.get<evm::ReceiptBatch>();
    ASSERT_NE(batch, nullptr) << answer.get<Answer::Malformed>()->why;
    EXPECT_EQ(batch->logs.logs.size(), 4U);
    EXPECT_EQ(batch->receipts[1].log_begin, 2U);
    EXPECT_EQ(batch->receipts[1].txn_index, 3U);
    EXPECT_EQ(batch->receipts[0].type, 2);
    EXPECT_EQ(batch->receipts[0].status, true);
    EXPECT_EQ(batch->receipts[0].cumulative_gas_used, 21'000U);
    EXPECT_TRUE(batch->receipts[0].bloom);
    for (const std::string& bad :
         {replaced(receipt, "\"blockHash\":\"0xaa", "\"blockHash\":\"0xbb"),
          replaced(receipt, "\"status\":\"0x1\"", "\"status\":\"0x2\""),
          replaced(receipt, "\"type\":\"0x2\"", "\"type\":\"0x100\""), receipt + "," + receipt,
          std::string{R"({"logs":[]})"}}) {
        EXPECT_NE(read_one(Call::Kind::kReceipts, "[" + bad + "]").get<Answer::Malformed>(),
                  nullptr)
            << bad;
    }
}

TEST(EthJsonTest, ATransactionsReceiptMustBeTheOneAskedFor) {
    const std::string receipt =
        R"({"type":"0x2","status":"0x1","cumulativeGasUsed":"0x5208","transactionIndex":"0x4","transactionHash":")" +
        kHash32 + R"(","blockHash":")" + kHash32 + R"(","logs":[)" + kLog + "]}";
    const Answer answer = read_one(Call::Kind::kTxnReceipt, receipt);
    const auto* batch = answer.get<evm::ReceiptBatch>();
    ASSERT_NE(batch, nullptr) << answer.get<Answer::Malformed>()->why;
    ASSERT_EQ(batch->receipts.size(), 1U);
    EXPECT_EQ(batch->logs_of(batch->receipts[0]).size(), 1U);
    for (const char* field : {"\"blockHash\":\"0x", "\"transactionHash\":\"0x"}) {
        const std::string other =
            replaced(receipt, field + std::string{"aa"}, field + std::string{"bb"});
        EXPECT_NE(read_one(Call::Kind::kTxnReceipt, other).get<Answer::Malformed>(), nullptr)
            << field;
    }
    EXPECT_NE(read_one(Call::Kind::kTxnReceipt, "null").get<Answer::Null>(), nullptr);
}

TEST(EthJsonTest, ABlocksTransactionsAreHashes) {
    const std::string block = R"({"hash":")" + kHash32 + R"(","transactions":[")" + kHash32 +
                              R"(",")" + kHash32 + R"("],"number":"0x10"})";
    const Answer answer = read_one(Call::Kind::kBlockTxns, block);
    const auto* hashes = answer.get<std::vector<evm::Hash>>();
    ASSERT_NE(hashes, nullptr);
    EXPECT_EQ(hashes->size(), 2U);
    for (const std::string& bad :
         {replaced(block, "\"hash\":\"0xaa", "\"hash\":\"0xbb"),
          std::string{R"({"transactions":[]})"}, std::string{R"({"hash":")" + kHash32 + R"("})"},
          replaced(block, "\"transactions\":[\"0x", "\"transactions\":[\"")}) {
        EXPECT_NE(read_one(Call::Kind::kBlockTxns, bad).get<Answer::Malformed>(), nullptr) << bad;
    }
}

TEST(EthJsonTest, ReadsTransactions) {
    const std::string txn =
        R"({"hash":")" + kHash32 +
        R"(","from":"0x5fbdb2315678afecb367f032d93f642f64180aa3","to":null,"value":"0xde0b6b3a7640000"})";
    const Answer answer = read_one(Call::Kind::kTxn, txn);
    ASSERT_NE(answer.get<TxnInfo>(), nullptr);
    EXPECT_FALSE(answer.get<TxnInfo>()->to);
    EXPECT_EQ(answer.get<TxnInfo>()->value.to_decimal(), "1000000000000000000");
    EXPECT_NE(read_one(Call::Kind::kTxn, replaced(txn, "0xaa", "0xbb")).get<Answer::Malformed>(),
              nullptr);
    EXPECT_FALSE(answer.get<TxnInfo>()->body) << "without its nonce";
    const std::string whole =
        replaced(txn, "\"to\":null",
                 R"("to":null,"nonce":"0x7","gas":"0x5208","type":"0x2","input":"0x00ff")");
    const Answer more = read_one(Call::Kind::kTxn, whole);
    ASSERT_NE(more.get<TxnInfo>(), nullptr) << more.get<Answer::Malformed>()->why;
    EXPECT_EQ(more.get<TxnInfo>()->body, (evm::TxnBody{7, 21'000, 2, std::string{"\0\xff", 2}}));
    const Answer old = read_one(Call::Kind::kTxn, replaced(whole, "\"type\":\"0x2\",", ""));
    ASSERT_NE(old.get<TxnInfo>(), nullptr);
    EXPECT_EQ(old.get<TxnInfo>()->body->type, 0);
    for (const std::string& bad :
         {replaced(whole, "\"0x7\"", "\"7x\""), replaced(whole, "\"0x2\"", "\"0x100\""),
          replaced(whole, "\"0x00ff\"", "\"0x0\"")}) {
        EXPECT_NE(read_one(Call::Kind::kTxn, bad).get<Answer::Malformed>(), nullptr) << bad;
    }
}

TEST(EthJsonTest, WhatAReceiptSaysOfGasIsOfTheBlockAskedFor) {
    const std::string receipt =
        R"({"status":"0x1","gasUsed":"0x5208","effectiveGasPrice":"0x3b9aca00","transactionHash":")" +
        kHash32 + R"(","blockHash":")" + kHash32 + R"(","logs":[]})";
    const Answer answer = read_one(Call::Kind::kTxnGas, receipt);
    ASSERT_NE(answer.get<TxnReceiptInfo>(), nullptr) << answer.get<Answer::Malformed>()->why;
    EXPECT_EQ(answer.get<TxnReceiptInfo>()->receipt,
              (evm::TxnReceipt{21'000, 1, evm::U256{1'000'000'000}}));
    // Before Byzantium; logs tell that it succeeded.
    const Answer old = read_one(Call::Kind::kTxnGas, replaced(receipt, "\"status\":\"0x1\",", ""));
    ASSERT_NE(old.get<TxnReceiptInfo>(), nullptr);
    EXPECT_EQ(old.get<TxnReceiptInfo>()->receipt.status, 1);
    const std::string elsewhere = replaced(receipt, "\"blockHash\":\"0xaa", "\"blockHash\":\"0xbb");
    EXPECT_NE(read_one(Call::Kind::kTxnGas, elsewhere).get<Answer::Null>(), nullptr)
        << "the transaction moved";
    for (const std::string& bad :
         {replaced(receipt, "\"transactionHash\":\"0xaa", "\"transactionHash\":\"0xbb"),
          replaced(receipt, "\"gasUsed\":\"0x5208\",", ""),
          replaced(receipt, "\"effectiveGasPrice\":\"0x3b9aca00\",", ""),
          replaced(receipt, "\"status\":\"0x1\"", "\"status\":\"0x2\"")}) {
        EXPECT_NE(read_one(Call::Kind::kTxnGas, bad).get<Answer::Malformed>(), nullptr) << bad;
    }
}

TEST(EthJsonTest, ErrorsAreReadHoweverTheyAreNested) {
    AnswerReader reader;
    const std::vector<Call> calls = {make_call(Call::Kind::kLogs)};
    const auto read = [&](const std::string& error) {
        Bytes body = body_of(R"({"id":1,"jsonrpc":"2.0","error":)" + error + "}");
        auto answers = reader.read(body, calls, 1);
        EXPECT_TRUE(answers);
        const auto* found = answers ? answers->front().get<RpcError>() : nullptr;
        EXPECT_NE(found, nullptr) << error;
        return found != nullptr ? *found : RpcError{};
    };
    const RpcError nested =
        read(R"({"code":-32602,"message":"invalid params","data":{"payload":"range 5 > 2"}})");
    EXPECT_EQ(nested.code, -32602);
    EXPECT_EQ(nested.data, R"({"payload":"range 5 > 2"})");
    EXPECT_EQ(read(R"({"code":"429","message":"slow \"down\""})").code, 429);
    EXPECT_EQ(read(R"({"code":"429","message":"slow \"down\""})").message, "slow \"down\"");
    EXPECT_EQ(read(R"("just text")").message, "just text");
    EXPECT_EQ(read(R"({"message":"no code","data":["a","b"]})").data, R"(["a","b"])");
    EXPECT_EQ(read(R"({"code":1e30,"message":null})").code, 0);
}

TEST(EthJsonTest, BatchAnswersAreMatchedByIdInAnyOrder) {
    AnswerReader reader;
    const std::vector<Call> calls = {make_call(Call::Kind::kChainId), make_call(Call::Kind::kLogs),
                                     make_call(Call::Kind::kChainId)};
    Bytes body = body_of(
        R"([{"result":"0x3","id":12,"jsonrpc":"2.0"},{"jsonrpc":"2.0","error":{"code":1,"message":"no"},"id":11},{"jsonrpc":"2.0","id":10,"result":"0x1"}])");
    const auto answers = reader.read(body, calls, 10);
    ASSERT_TRUE(answers) << answers.error().message;
    EXPECT_EQ(*(*answers)[0].get<uint64_t>(), 1U);
    EXPECT_EQ((*answers)[1].get<RpcError>()->message, "no");
    EXPECT_EQ(*(*answers)[2].get<uint64_t>(), 3U);
}

TEST(EthJsonTest, AnIdMayComeBackAsAString) {
    AnswerReader reader;
    const std::vector<Call> two = {make_call(Call::Kind::kChainId),
                                   make_call(Call::Kind::kChainId)};
    Bytes body = body_of(R"([{"id":"8","result":"0x2"},{"id":"7","result":"0x1"}])");
    const auto answers = reader.read(body, two, 7);
    ASSERT_TRUE(answers) << answers.error().message;
    EXPECT_EQ(*(*answers)[0].get<uint64_t>(), 1U);
    EXPECT_EQ(*(*answers)[1].get<uint64_t>(), 2U);
}

TEST(EthJsonTest, ABrokenEnvelopeIsAnError) {
    AnswerReader reader;
    const std::vector<Call> two = {make_call(Call::Kind::kChainId),
                                   make_call(Call::Kind::kChainId)};
    for (const char* text :
         {"", " ", "nope", "5", "\"x\"", "[", "[1]", "[{}]",
          R"([{"id":1,"result":"0x1"},{"id":1,"result":"0x1"}])",
          R"([{"id":1,"result":"0x1"},{"id":3,"result":"0x1"}])",
          R"([{"id":"x","result":"0x1"},{"id":2,"result":"0x1"}])",
          R"([{"id":"","result":"0x1"},{"id":2,"result":"0x1"}])",
          R"([{"id":"1","result":"0x1"},{"id":1,"result":"0x1"}])",
          R"([{"id":1,"result":"0x1"},{"id":2,"result":"0x1"})", R"({"id":1,"result":"0x1"})",
          R"([{"id":null,"result":"0x1"}])", R"([{"id":-1,"result":"0x1"}])",
          R"([{"id":1.5,"result":"0x1"}])", "[{\"id\":1,\"result\":\"0x1"}) {
        Bytes body = body_of(text);
        EXPECT_FALSE(reader.read(body, two, 1)) << text;
    }
    Bytes missing = body_of(R"([{"id":2,"result":"0x1"}])");
    const auto answers = reader.read(missing, two, 1);
    ASSERT_TRUE(answers);
    EXPECT_NE((*answers)[0].get<Answer::Malformed>(), nullptr);
    Bytes array_for_one = body_of(R"([{"id":1,"result":"0x1"}])");
    EXPECT_FALSE(reader.read(array_for_one, std::span{two}.first(1), 1));
}

TEST(EthJsonTest, EveryTruncationIsAnErrorAndNeverLessLogs) {
    AnswerReader reader;
    const std::vector<Call> calls = {make_call(Call::Kind::kLogs)};
    const std::string whole = R"({"jsonrpc":"2.0","id":1,"result":[)" + kLog + "," + kLog + "]}";
    for (size_t size = 0; size < whole.size(); ++size) {
        Bytes body = body_of(whole.substr(0, size));
        const auto answers = reader.read(body, calls, 1);
        EXPECT_TRUE(!answers || answers->front().get<Answer::Malformed>() != nullptr)
            << whole.substr(0, size);
    }
}

TEST(EthJsonTest, AnErrorForTheWholeBatchAnswersEveryCall) {
    AnswerReader reader;
    const std::vector<Call> two = {make_call(Call::Kind::kChainId),
                                   make_call(Call::Kind::kChainId)};
    Bytes body = body_of(
        R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch too large"}})");
    const auto answers = reader.read(body, two, 1);
    ASSERT_TRUE(answers);
    EXPECT_EQ((*answers)[1].get<RpcError>()->message, "batch too large");
    Bytes http = body_of(R"({"error":{"code":-32000,"message":"paid plan"}})");
    EXPECT_EQ(reader.read_error(http)->message, "paid plan");
    for (const char* text : {"", "<html>", "[]", "{}", "[1]", "null", R"({"error":null})"}) {
        Bytes none = body_of(text);
        EXPECT_FALSE(reader.read_error(none)) << text;
    }
}

}  // namespace
}  // namespace plumbline::rpc::eth_json_test
