// What storage tests share: a directory that goes away, a small schema, and made-up chain content.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/keccak.hpp"
#include "storage/database.hpp"
#include "storage/entity_key.hpp"
#include "storage/inspect.hpp"
#include "storage/row.hpp"
#include "tests/support/temp_dir.hpp"

#define ASSERT_OK(expression)                                          \
    do {                                                               \
        const auto& assert_ok_result = (expression);                   \
        ASSERT_TRUE(assert_ok_result.has_value())                      \
            << plumbline::storage::test::message_of(assert_ok_result); \
    } while (false)
#define EXPECT_OK(expression)                                          \
    do {                                                               \
        const auto& expect_ok_result = (expression);                   \
        EXPECT_TRUE(expect_ok_result.has_value())                      \
            << plumbline::storage::test::message_of(expect_ok_result); \
    } while (false)
#define EXPECT_ERROR(expression, wanted)                    \
    do {                                                    \
        const auto& expect_error_result = (expression);     \
        ASSERT_FALSE(expect_error_result.has_value());      \
        EXPECT_EQ(expect_error_result.error().code, wanted) \
            << expect_error_result.error().message;         \
    } while (false)

namespace plumbline::storage::test {

template <typename T>
std::string message_of(const Result<T>& result) {
    return result.has_value() ? std::string{} : result.error().message;
}

using plumbline::test::TempDir;

/// The seed of a random test: from the environment to replay a failure, else as given.
inline uint64_t test_seed(uint64_t fallback) {
    const char* text = std::getenv("PLUMBLINE_SEED");
    return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

inline evm::Hash hash_of(uint64_t number, uint64_t fork = 0) {
    return evm::keccak256(std::to_string(number) + "/" + std::to_string(fork));
}
inline evm::Address address_of(uint64_t number) {
    const evm::Hash hash = hash_of(number, 77);
    return evm::Address::from(hash.view().first(20));
}

inline Field field(std::string name, std::string_view type) {
    return {std::move(name), *parse_field_type(type)};
}

/// user: one key, numbers and text, two indexes. vote: two keys, keeps tombstones.
inline SchemaBundle test_bundle() {
    SchemaBundle bundle;
    bundle.fingerprint = "fp-1";
    bundle.config_text = "[chain]\nid = 31337\n";
    bundle.abis = {{"Hub.json", "[]"}};
    EntityLayout user;
    user.name = "user";
    user.key = {field("id", "uint256")};
    user.fields = {field("owner", "address"), field("name", "string"), field("score", "int64"),
                   field("banned", "bool")};
    user.indexes = {{1}, {3, 0}};
    EntityLayout vote;
    vote.name = "vote";
    vote.key = {field("question", "string"), field("voter", "address")};
    vote.fields = {field("weight", "uint64"), field("tag", "bytes4")};
    vote.indexes = {{0, 2}};
    vote.keep_tombstones = true;
    bundle.entities = {user, vote};
    return bundle;
}

inline ChainIdentity test_identity() {
    return {31337, hash_of(0, 4711)};
}

inline OpenOptions create_options() {
    OpenOptions options;
    options.create = true;
    options.identity = test_identity();
    options.bundle = test_bundle();
    options.memory_bytes = size_t{16} << 20;
    options.tiny_buffers = true;
    return options;
}

inline OpenOptions open_options(bool read_only = false) {
    OpenOptions options;
    options.read_only = read_only;
    options.memory_bytes = size_t{16} << 20;
    options.tiny_buffers = true;
    return options;
}

inline std::string user_key(uint64_t id) {
    std::string key;
    append_key_word(key, *parse_field_type("uint256"), evm::U256{id});
    return key;
}
inline std::string user_row(const RowCodec& codec, uint64_t owner, std::string_view name,
                            int64_t score, ChangedAt at) {
    std::string row = codec.empty_row();
    codec.set_word(row, 0, evm::U256::from_be(address_of(owner).view()));
    codec.set_dynamic(row, 1, name);
    evm::U256 word{static_cast<uint64_t>(score < 0 ? -score : score)};
    codec.set_word(row, 2, score < 0 ? evm::negate(word) : word);
    RowCodec::set_changed_at(row, at);
    return row;
}

struct TestLog {
    evm::Log log;
    Bytes data;
};
/// A log like those of a community contract: an id, an address, two words, perhaps a text.
inline TestLog make_log(uint64_t block_num, uint32_t log_index, uint64_t fork = 0) {
    TestLog out;
    const uint64_t mixed = block_num * 1000 + log_index + fork * 7919;
    out.log.block_num = block_num;
    out.log.log_index = log_index;
    out.log.txn_index = log_index / 2;
    out.log.txn_hash = hash_of(mixed, 5);
    out.log.address = address_of(block_num / 10 + fork * 100);
    out.log.topic_count = static_cast<uint8_t>(mixed % 5);
    for (uint8_t i = 0; i < out.log.topic_count; ++i) {
        out.log.topics[i] = i == 0 ? hash_of(mixed % 7, 9) : evm::Hash{};
        if (i > 0) {
            out.log.topics[i].bytes[31] = static_cast<uint8_t>(mixed);
            out.log.topics[i].bytes[30] = static_cast<uint8_t>(mixed >> 8);
        }
    }
    out.data.assign(64 + mixed % 40, 0);
    out.data[31] = static_cast<uint8_t>(mixed % 251);
    const std::string text = "text " + std::to_string(mixed);
    std::copy(text.begin(), text.end(), out.data.begin() + 32);
    return out;
}

inline BlockRow make_block(uint64_t block_num, uint32_t event_count, uint64_t fork = 0) {
    return {block_num,
            hash_of(block_num, fork),
            hash_of(block_num == 0 ? 0 : block_num - 1, fork),
            1'600'000'000 + block_num * 12,
            event_count,
            ProofLevel::kFetched};
}

inline std::unique_ptr<Database> must_open(const std::string& path, OpenOptions options) {
    auto database = Database::open(path, std::move(options));
    EXPECT_TRUE(database.has_value()) << message_of(database);
    PLUMBLINE_CHECK(database.has_value());
    return *std::move(database);
}

/// Compares two dumps; says only where they first differ.
inline void expect_same(const std::vector<std::string>& found,
                        const std::vector<std::string>& wanted) {
    EXPECT_EQ(found.size(), wanted.size());
    for (size_t i = 0; i < std::min(found.size(), wanted.size()); ++i) {
        if (found[i] != wanted[i]) {
            ADD_FAILURE() << "line " << i << "\n found: " << found[i] << "\nwanted: " << wanted[i];
            return;
        }
    }
}

}  // namespace plumbline::storage::test
