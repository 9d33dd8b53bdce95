#include "core/evm/header.hpp"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/trie.hpp"
#include "tests/core/evm/block_files.hpp"
#include "tests/core/evm/reference_trie.hpp"

namespace plumbline::evm::header_test {
namespace {

Hash hash(std::string_view text) {
    return parse_hash(text).value();
}

/// keccak256(rlp([])): no ommers.
const char* const kNoOmmers = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";

Header genesis_header() {
    Header header;
    header.hash = hash("0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3");
    header.ommers_hash = hash(kNoOmmers);
    header.state_root = hash("0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544");
    header.txns_root = kEmptyTrieRoot;
    header.receipts_root = kEmptyTrieRoot;
    header.difficulty = U256{0x400000000};
    header.gas_limit = 5000;
    header.extra_data =
        *parse_hex("0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa");
    header.nonce = 0x42;
    return header;
}

Header first_header() {
    Header header = genesis_header();
    header.parent_hash = header.hash;
    header.hash = hash("0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6");
    header.beneficiary = parse_address("0x05a56e2d52c817161883f50c441c3228cfe54d9f").value();
    header.state_root = hash("0xd67e4d450343046425ae4271474353857ab860dbc0a1dde64b41b5cd3a532bf3");
    header.difficulty = U256{0x3ff800000};
    header.block_num = 1;
    header.timestamp = 0x55ba4224;
    header.extra_data = *parse_hex("0x476574682f76312e302e302f6c696e75782f676f312e342e32");
    header.mix_hash = hash("0x969b900de27b6ac6a67742365dd65f55a0526c41fd18e1b16f1a1215c2e66f59");
    header.nonce = 0x539bd4979fef1ec4;
    return header;
}

/// All tail fields set.
Header full_header() {
    Header header = first_header();
    header.base_fee_per_gas = U256{7};
    header.withdrawals_root = kEmptyTrieRoot;
    header.blob_gas_used = 0;
    header.excess_blob_gas = 0x4780000;
    header.parent_beacon_root = Hash{};
    header.requests_hash =
        hash("0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    header.block_access_list_hash = keccak256("list");
    header.slot_number = 12345678;
    return header;
}

const std::vector<std::function<void(Header&)>>& tail_resets() {
    static const std::vector<std::function<void(Header&)>> kResets = {
        [](Header& h) { h.base_fee_per_gas.reset(); },
        [](Header& h) { h.withdrawals_root.reset(); },
        [](Header& h) { h.blob_gas_used.reset(); },
        [](Header& h) { h.excess_blob_gas.reset(); },
        [](Header& h) { h.parent_beacon_root.reset(); },
        [](Header& h) { h.requests_hash.reset(); },
        [](Header& h) { h.block_access_list_hash.reset(); },
        [](Header& h) { h.slot_number.reset(); },
    };
    return kResets;
}

/// The header with its first `count` tail fields.
Header header_with_tail(size_t count) {
    Header header = full_header();
    for (size_t i = count; i < tail_resets().size(); ++i) {
        tail_resets()[i](header);
    }
    return header;
}

void expect_same_fields(const Header& a, const Header& b) {
    Bytes encoded_a;
    Bytes encoded_b;
    append_rlp(encoded_a, a);
    append_rlp(encoded_b, b);
    EXPECT_EQ(encoded_a, encoded_b);
    EXPECT_EQ(a.base_fee_per_gas, b.base_fee_per_gas);
    EXPECT_EQ(a.withdrawals_root, b.withdrawals_root);
    EXPECT_EQ(a.slot_number, b.slot_number);
    EXPECT_EQ(a.nonce, b.nonce);
    EXPECT_EQ(a.extra_data, b.extra_data);
}

TEST(HeaderTest, HashesTheGenesisHeader) {
    EXPECT_EQ(to_hex(compute_hash(genesis_header())), to_hex(genesis_header().hash));
    EXPECT_EQ(check_hash(genesis_header()), HeaderCheck::kMatches);
}

TEST(HeaderTest, HashesTheFirstBlock) {
    EXPECT_EQ(to_hex(compute_hash(first_header())), to_hex(first_header().hash));
}

TEST(HeaderTest, HashesRealHeadersFromTheirRlp) {
    PLUMBLINE_REQUIRE_BLOCKS();
    for (const BlockFile& block : block_files()) {
        SCOPED_TRACE(block.name);
        Header header;
        ASSERT_EQ(decode_header(block.header_rlp, header), RlpError::kNone);
        EXPECT_EQ(header.hash, block.hash);
        EXPECT_EQ(header.receipts_root, block.receipts_root);
        EXPECT_EQ(check_hash(header), HeaderCheck::kMatches);
        Bytes again;
        append_rlp(again, header);
        EXPECT_EQ(again, block.header_rlp);
    }
}

TEST(HeaderTest, HashesRealHeadersFromTheirFields) {
    PLUMBLINE_REQUIRE_BLOCKS();
    size_t count = 0;
    for (const BlockFile& block : block_files()) {
        if (!block.json_header) {
            continue;
        }
        ++count;
        EXPECT_EQ(check_hash(*block.json_header), HeaderCheck::kMatches) << block.name;
    }
    EXPECT_GT(count, 0U);
}

TEST(HeaderTest, EachForkAddsItsFieldsToTheRlp) {
    std::vector<Hash> seen;
    for (size_t count = 0; count <= tail_resets().size(); ++count) {
        const Header header = header_with_tail(count);
        EXPECT_TRUE(is_recomputable(header));
        Bytes encoded;
        append_rlp(encoded, header);
        ByteView in{encoded};
        ByteView fields;
        ASSERT_EQ(read_rlp_list(in, fields), RlpError::kNone);
        size_t field_count = 0;
        for (RlpItem item; !fields.empty(); ++field_count) {
            ASSERT_EQ(read_rlp(fields, item), RlpError::kNone);
        }
        EXPECT_EQ(field_count, 15 + count);
        EXPECT_EQ(std::ranges::count(seen, compute_hash(header)), 0);
        seen.push_back(compute_hash(header));

        Header back;
        ASSERT_EQ(decode_header(encoded, back), RlpError::kNone);
        expect_same_fields(back, header);
        EXPECT_EQ(back.hash, compute_hash(header));
    }
}

TEST(HeaderTest, ATailWithAGapIsNotRecomputable) {
    for (size_t i = 0; i + 1 < tail_resets().size(); ++i) {
        Header header = full_header();
        tail_resets()[i](header);
        EXPECT_FALSE(is_recomputable(header)) << i;
        header.hash = compute_hash(header);
        EXPECT_EQ(check_hash(header), HeaderCheck::kNotRecomputable)
            << "never a match, even where the shorter header hashes";
    }
}

TEST(HeaderTest, EveryFieldIsInTheHash) {
    const std::vector<std::function<void(Header&)>> changes = {
        [](Header& h) { h.parent_hash.bytes[31] ^= 1; },
        [](Header& h) { h.ommers_hash.bytes[0] ^= 1; },
        [](Header& h) { h.beneficiary.bytes[19] ^= 1; },
        [](Header& h) { h.state_root.bytes[5] ^= 1; },
        [](Header& h) { h.txns_root.bytes[5] ^= 1; },
        [](Header& h) { h.receipts_root.bytes[5] ^= 1; },
        [](Header& h) { h.logs_bloom.bytes[255] ^= 1; },
        [](Header& h) { h.difficulty = U256{1}; },
        [](Header& h) { ++h.block_num; },
        [](Header& h) { ++h.gas_limit; },
        [](Header& h) { ++h.gas_used; },
        [](Header& h) { ++h.timestamp; },
        [](Header& h) { h.extra_data.push_back(0); },
        [](Header& h) { h.mix_hash.bytes[31] ^= 1; },
        [](Header& h) { ++h.nonce; },
        [](Header& h) { h.base_fee_per_gas = U256{8}; },
        [](Header& h) { h.withdrawals_root->bytes[0] ^= 1; },
        [](Header& h) { ++*h.blob_gas_used; },
        [](Header& h) { ++*h.excess_blob_gas; },
        [](Header& h) { h.parent_beacon_root->bytes[31] ^= 1; },
        [](Header& h) { h.requests_hash->bytes[31] ^= 1; },
        [](Header& h) { h.block_access_list_hash->bytes[31] ^= 1; },
        [](Header& h) { ++*h.slot_number; },
    };
    Header header = full_header();
    header.hash = compute_hash(header);
    for (size_t i = 0; i < changes.size(); ++i) {
        Header changed = header;
        changes[i](changed);
        EXPECT_EQ(check_hash(changed), HeaderCheck::kDiffers) << i;
    }
}

TEST(HeaderTest, DecodingRejectsEveryTruncationAndTrailingBytes) {
    Bytes encoded;
    append_rlp(encoded, full_header());
    Header out;
    for (size_t size = 0; size < encoded.size(); ++size) {
        EXPECT_NE(decode_header(ByteView{encoded}.first(size), out), RlpError::kNone) << size;
    }
    encoded.push_back(0);
    EXPECT_EQ(decode_header(encoded, out), RlpError::kTrailing);
}

TEST(HeaderTest, DecodingRejectsMoreFieldsThanKnown) {
    Bytes encoded;
    append_rlp(encoded, full_header());
    ByteView in{encoded};
    ByteView fields;
    ASSERT_EQ(read_rlp_list(in, fields), RlpError::kNone);
    const std::string more = ReferenceTrie::rlp_list(std::string{as_chars(fields)} + '\x05');
    Header out;
    EXPECT_EQ(decode_header(as_bytes(more), out), RlpError::kTrailing);
}

TEST(HeaderTest, DecodingForgetsTheTailOfAnEarlierHeader) {
    Bytes encoded;
    append_rlp(encoded, first_header());
    Header out = full_header();
    ASSERT_EQ(decode_header(encoded, out), RlpError::kNone);
    EXPECT_FALSE(out.base_fee_per_gas);
    EXPECT_FALSE(out.slot_number);
    EXPECT_EQ(check_hash(out), HeaderCheck::kMatches);
}

TEST(HeaderTest, AnyFlippedByteOfARealHeaderIsSeen) {
    Bytes encoded;
    append_rlp(encoded, first_header());
    for (size_t i = 0; i < encoded.size(); ++i) {
        Bytes changed = encoded;
        changed[i] ^= 0x10;
        Header out;
        if (decode_header(changed, out) == RlpError::kNone) {
            EXPECT_NE(out.hash, first_header().hash) << i;
        }
    }
}

}  // namespace
}  // namespace plumbline::evm::header_test
