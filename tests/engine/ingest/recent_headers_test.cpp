// Headers of the newest blocks: found by what they hash to, bounded in bytes.
#include "engine/ingest/recent_headers.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::recent_headers_test {
namespace {

evm::Header header_of(uint64_t block_num, size_t extra_bytes = 0) {
    evm::Header header;
    header.block_num = block_num;
    header.extra_data.assign(extra_bytes, 7);
    header.base_fee_per_gas = evm::U256{9};
    header.hash = evm::compute_hash(header);
    return header;
}

TEST(RecentHeadersTest, AHeaderIsFoundByItsHash) {
    RecentHeaders headers;
    headers.add({header_of(1), header_of(2)});
    headers.add({header_of(3)});
    for (uint64_t n = 1; n <= 3; ++n) {
        const auto found = headers.find(header_of(n).hash);
        ASSERT_TRUE(found.has_value());
        EXPECT_EQ(found->block_num, n);
        EXPECT_EQ(found->base_fee_per_gas, evm::U256{9});
    }
    EXPECT_FALSE(headers.find(header_of(4).hash).has_value());
}

TEST(RecentHeadersTest, WhatOnlyClaimsAHashIsNotFoundByIt) {
    evm::Header lie = header_of(1);
    lie.gas_used = 5;
    RecentHeaders headers;
    headers.add({lie});
    EXPECT_FALSE(headers.find(lie.hash).has_value());
    headers.add({header_of(1)});
    headers.add({lie});
    EXPECT_EQ(headers.find(lie.hash)->gas_used, 0U) << "whoever told it first or last";
}

TEST(RecentHeadersTest, TheOldestGoWhereTheyTakeTooMuch) {
    constexpr size_t kExtra = 100'000;
    RecentHeaders headers;
    for (uint64_t n = 0; n < 30; ++n) {
        headers.add({header_of(n, kExtra)});
    }
    constexpr uint64_t kKept = RecentHeaders::kBytesMax / (kExtra + sizeof(evm::Header));
    for (uint64_t n = 0; n < 30; ++n) {
        EXPECT_EQ(headers.find(header_of(n, kExtra).hash).has_value(), n >= 30 - kKept) << n;
    }
    headers.add({header_of(30, RecentHeaders::kBytesMax)});
    EXPECT_FALSE(headers.find(header_of(30, RecentHeaders::kBytesMax).hash).has_value())
        << "one that is larger than all may be";
    headers.add({header_of(31)});
    EXPECT_TRUE(headers.find(header_of(31).hash).has_value());
}

}  // namespace
}  // namespace plumbline::engine::recent_headers_test
