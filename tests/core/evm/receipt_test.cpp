#include "core/evm/receipt.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "tests/core/evm/block_files.hpp"
#include "tests/core/evm/reference_trie.hpp"

namespace plumbline::evm::receipt_test {
namespace {

std::string encoded(const ReceiptBatch& batch, size_t i = 0) {
    Bytes out;
    append_receipt(out, batch, batch.receipts.at(i));
    return std::string{as_chars(out)};
}

/// One receipt with two logs, of `type`.
ReceiptBatch sample(uint8_t type) {
    ReceiptBatch batch;
    Log log;
    log.address = Address::from(keccak256("address").view());
    batch.logs.push(log, as_bytes("data"));
    log.topic_count = 2;
    log.topics[0] = keccak256("topic 0");
    log.topics[1] = keccak256("topic 1");
    batch.logs.push(log, {});
    Receipt receipt;
    receipt.type = type;
    receipt.status = true;
    receipt.cumulative_gas_used = 21000;
    receipt.log_count = 2;
    batch.receipts.push_back(receipt);
    return batch;
}

/// The same receipt written by hand with the test's own RLP.
std::string sample_text(const std::string& outcome, const std::string& tail = "") {
    using R = ReferenceTrie;
    const ReceiptBatch batch = sample(0);
    const auto text = [](const auto& value) {
        return R::rlp_string(std::string{as_chars(value.view())});
    };
    const std::string address = text(batch.logs.logs[0].address);
    const std::string first = R::rlp_list(address + R::rlp_list("") + R::rlp_string("data"));
    const std::string second =
        R::rlp_list(address + R::rlp_list(text(keccak256("topic 0")) + text(keccak256("topic 1"))) +
                    R::rlp_string(""));
    return R::rlp_list(R::rlp_string(outcome) + R::rlp_number(21000) +
                       text(compute_bloom(batch, batch.receipts[0])) + R::rlp_list(first + second) +
                       tail);
}

TEST(ReceiptTest, LegacyHasNoTypeByte) {
    EXPECT_EQ(encoded(sample(0)), sample_text("\x01"));
}

TEST(ReceiptTest, FailedIsTheEmptyString) {
    ReceiptBatch batch = sample(0);
    batch.receipts[0].status = false;
    EXPECT_EQ(encoded(batch), sample_text(""));
}

TEST(ReceiptTest, TypedHaveTheirByteInFront) {
    // 1 to 4 Ethereum, 0x64 to 0x6a Arbitrum, the others unknown.
    for (const int type :
         {1, 2, 3, 4, 0x05, 0x32, 0x64, 0x65, 0x66, 0x68, 0x69, 0x6a, 0x71, 0x7f}) {
        EXPECT_EQ(encoded(sample(static_cast<uint8_t>(type))),
                  static_cast<char>(type) + sample_text("\x01"))
            << type;
    }
}

TEST(ReceiptTest, BeforeByzantiumTheStateRootStandsForTheStatus) {
    ReceiptBatch batch = sample(0);
    batch.receipts[0].status.reset();
    batch.receipts[0].post_state = keccak256("state");
    EXPECT_EQ(encoded(batch), sample_text(std::string{as_chars(keccak256("state").view())}));
    batch.receipts[0].status = true;
    EXPECT_EQ(encoded(batch), sample_text(std::string{as_chars(keccak256("state").view())}))
        << "some nodes add a status to old receipts";
}

TEST(ReceiptTest, WithoutStatusAndStateRootThereIsNoRoot) {
    ReceiptBatch batch = sample(0);
    batch.receipts[0].status.reset();
    EXPECT_FALSE(batch.receipts[0].is_encodable());
    EXPECT_FALSE(ReceiptsProver{}.compute(batch));
}

TEST(ReceiptTest, TypesAbove127DoNotExist) {
    const ReceiptBatch batch = sample(0x80);
    EXPECT_FALSE(batch.receipts[0].is_encodable());
    EXPECT_FALSE(ReceiptsProver{}.compute(batch));
    ReceiptBatch back;
    EXPECT_EQ(decode_receipt(as_bytes('\x80' + sample_text("\x01")), back), RlpError::kWrongValue);
}

TEST(ReceiptTest, DepositNonceCountsOnlyWithAVersion) {
    using R = ReferenceTrie;
    ReceiptBatch batch = sample(kReceiptTypeOpDeposit);
    EXPECT_EQ(encoded(batch), '\x7e' + sample_text("\x01")) << "Bedrock";
    batch.receipts[0].deposit_nonce = 4711;
    EXPECT_EQ(encoded(batch), '\x7e' + sample_text("\x01")) << "Regolith: shown, not committed to";
    batch.receipts[0].deposit_version = 1;
    EXPECT_EQ(encoded(batch), '\x7e' + sample_text("\x01", R::rlp_number(4711) + R::rlp_number(1)))
        << "Canyon";
    batch.receipts[0].deposit_nonce.reset();
    EXPECT_EQ(encoded(batch), '\x7e' + sample_text("\x01", R::rlp_number(0) + R::rlp_number(1)));
    batch.receipts[0].type = 2;
    EXPECT_EQ(encoded(batch), '\x02' + sample_text("\x01")) << "only deposits have them";
}

TEST(ReceiptTest, ClaimedBloomIsNotTrustedByDefault) {
    ReceiptBatch batch = sample(2);
    batch.receipts[0].bloom.emplace().bytes.fill(0xff);
    EXPECT_EQ(encoded(batch), '\x02' + sample_text("\x01"));
    EXPECT_EQ(find_wrong_bloom(batch), 0U);
    Bytes claimed;
    append_receipt(claimed, batch, batch.receipts[0], *batch.receipts[0].bloom);
    EXPECT_NE(std::string{as_chars(claimed)}, encoded(batch));
}

TEST(ReceiptTest, RootsAndBloomsOfRealBlocks) {
    PLUMBLINE_REQUIRE_BLOCKS();
    ReceiptsProver prover;
    for (const BlockFile& block : block_files()) {
        SCOPED_TRACE(block.name);
        Header header;
        ASSERT_EQ(decode_header(block.header_rlp, header), RlpError::kNone);
        const auto digest = prover.compute(block.receipts);
        ASSERT_TRUE(digest);
        EXPECT_EQ(digest->root, block.receipts_root);
        EXPECT_EQ(digest->bloom, header.logs_bloom);
        for (size_t i = 0; i < block.receipts_rlp.size(); ++i) {
            EXPECT_EQ(encoded(block.receipts, i), as_chars(block.receipts_rlp[i]));
        }
    }
}

TEST(ReceiptTest, AnyChangeToARealReceiptChangesTheRoot) {
    PLUMBLINE_REQUIRE_BLOCKS();
    const uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    ReceiptsProver prover;
    for (const BlockFile& block : block_files()) {
        SCOPED_TRACE(block.name);
        const auto root_of = [&prover](const ReceiptBatch& batch) {
            return prover.compute(batch)->root;
        };
        for (int round = 0; round < 4; ++round) {
            ReceiptBatch dropped = block.receipts;
            ReceiptBatch changed = block.receipts;
            Receipt& receipt = changed.receipts[random() % changed.receipts.size()];
            ++receipt.cumulative_gas_used;
            EXPECT_NE(root_of(changed), block.receipts_root);
            --receipt.cumulative_gas_used;
            *receipt.status = !*receipt.status;
            EXPECT_NE(root_of(changed), block.receipts_root);
            *receipt.status = !*receipt.status;
            changed.logs.arena[random() % changed.logs.arena.size()] ^= 1;
            EXPECT_NE(root_of(changed), block.receipts_root);
            changed.logs.arena = block.receipts.logs.arena;
            Log& log = changed.logs.logs[random() % changed.logs.logs.size()];
            log.address.bytes[random() % 20] ^= 0x20;
            EXPECT_NE(root_of(changed), block.receipts_root);

            // A log lost: the last of a receipt that has one.
            size_t victim = random() % dropped.receipts.size();
            while (dropped.receipts[victim].log_count == 0) {
                victim = (victim + 1) % dropped.receipts.size();
            }
            --dropped.receipts[victim].log_count;
            EXPECT_NE(root_of(dropped), block.receipts_root);
        }
    }
}

TEST(ReceiptTest, ProverAgreesWithItselfWhateverItSawBefore) {
    ReceiptsProver prover;
    std::mt19937_64 random{13};
    for (int round = 0; round < 50; ++round) {
        ReceiptBatch batch;
        std::vector<Bytes> values;
        for (size_t i = random() % 20; i > 0; --i) {
            Receipt receipt;
            receipt.type = static_cast<uint8_t>(random() % 5);
            receipt.status = random() % 2 == 0;
            receipt.cumulative_gas_used = random();
            receipt.log_begin = static_cast<uint32_t>(batch.logs.logs.size());
            for (receipt.log_count = random() % 4;
                 batch.logs.logs.size() < receipt.log_begin + receipt.log_count;) {
                Log log;
                log.address = Address::from(keccak256(std::to_string(random() % 3000)).view());
                log.topic_count = static_cast<uint8_t>(random() % 5);
                for (Hash& topic : log.topics) {
                    topic = keccak256(std::to_string(random() % 3000));
                    // Topics that agree with an address in their last bytes share its cache entry.
                    if (random() % 3 == 0) {
                        std::ranges::copy(log.address.bytes, topic.bytes.begin() + 12);
                    }
                }
                batch.logs.push(log, as_bytes(std::string(random() % 100, 'x')));
            }
            batch.receipts.push_back(receipt);
            append_receipt(values.emplace_back(), batch, receipt);
        }
        const auto digest = prover.compute(batch);
        ASSERT_TRUE(digest);
        EXPECT_EQ(digest->root, ordered_trie_root(values));
        EXPECT_EQ(digest->bloom, compute_bloom(batch));
    }
}

TEST(ReceiptTest, NoReceiptsGiveTheEmptyRoot) {
    const auto digest = ReceiptsProver{}.compute({});
    ASSERT_TRUE(digest);
    EXPECT_EQ(digest->root, kEmptyTrieRoot);
    EXPECT_EQ(digest->bloom, Bloom{});
}

TEST(ReceiptTest, DecodesWhatItEncodes) {
    for (const int type : {0, 1, 2, 3, 4, 0x6a, 0x7e, 0x7f}) {
        for (const bool with_version : {false, true}) {
            ReceiptBatch batch = sample(static_cast<uint8_t>(type));
            if (with_version) {
                batch.receipts[0].deposit_nonce = 9;
                batch.receipts[0].deposit_version = 1;
            }
            const std::string text = encoded(batch);
            ReceiptBatch back;
            ASSERT_EQ(decode_receipt(as_bytes(text), back), RlpError::kNone);
            ASSERT_EQ(decode_receipt(as_bytes(text), back), RlpError::kNone);
            ASSERT_EQ(back.receipts.size(), 2U);
            EXPECT_EQ(encoded(back, 0), text);
            EXPECT_EQ(encoded(back, 1), text);
            EXPECT_EQ(back.logs.logs[3].log_index, 3U);
            EXPECT_EQ(back.logs.logs[3].txn_index, 1U);
            EXPECT_EQ(back.receipts[1].type, type);
            EXPECT_EQ(back.receipts[1].deposit_version.has_value(), with_version && type == 0x7e);
        }
    }
}

TEST(ReceiptTest, DecodingRejectsWhatItWouldNotWriteAndLeavesTheBatch) {
    using R = ReferenceTrie;
    const std::string good = encoded(sample(2));
    std::vector<std::string> bad;
    for (size_t size = 0; size < good.size(); ++size) {
        bad.push_back(good.substr(0, size));
    }
    const std::string bloom = R::rlp_string(std::string(256, '\0'));
    const std::string gas = R::rlp_number(1);
    const std::string ok_status = R::rlp_number(1);
    const std::string no_logs = R::rlp_list("");
    const std::string topic = R::rlp_string(std::string(32, 't'));
    const std::string address = R::rlp_string(std::string(20, 'a'));
    bad.push_back(good + '\0');
    bad.push_back('\0' + good.substr(1));
    bad.push_back('\x02' + R::rlp_list(R::rlp_number(2) + gas + bloom + no_logs));
    bad.push_back(R::rlp_list('\0' + gas + bloom + no_logs));
    bad.push_back(R::rlp_list(R::rlp_string("ab") + gas + bloom + no_logs));
    bad.push_back(R::rlp_list(ok_status + gas + R::rlp_string(std::string(255, '\0')) + no_logs));
    bad.push_back(R::rlp_list(ok_status + gas + bloom + no_logs + gas + gas));
    bad.push_back('\x7e' + R::rlp_list(ok_status + gas + bloom + no_logs + gas));
    bad.push_back('\x7e' + R::rlp_list(ok_status + gas + bloom + no_logs + gas + gas + gas));
    const std::string five = R::rlp_list(topic + topic + topic + topic + topic);
    bad.push_back(R::rlp_list(ok_status + gas + bloom +
                              R::rlp_list(R::rlp_list(address + five + R::rlp_string("")))));
    bad.push_back(
        R::rlp_list(ok_status + gas + bloom +
                    R::rlp_list(R::rlp_list(address + no_logs + R::rlp_string("") + gas))));
    for (const std::string& text : bad) {
        ReceiptBatch batch = sample(1);
        EXPECT_NE(decode_receipt(as_bytes(text), batch), RlpError::kNone) << to_hex(as_bytes(text));
        EXPECT_EQ(batch.receipts.size(), 1U);
        EXPECT_EQ(batch.logs.logs.size(), 2U);
        EXPECT_EQ(as_chars(batch.logs.arena), "data");
    }
    ReceiptBatch batch;
    EXPECT_EQ(decode_receipt(as_bytes(R::rlp_list(ok_status + gas + bloom + no_logs)), batch),
              RlpError::kNone);
}

}  // namespace
}  // namespace plumbline::evm::receipt_test
