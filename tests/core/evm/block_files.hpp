// Real blocks for tests, read from the folder in PLUMBLINE_BLOCKS or ../shared/data/blocks beside
// the sources. Tests that need them skip with a notice where there is none.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/evm/header.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/receipt.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::evm {

struct BlockFile {
    std::string name;
    Hash hash;
    Hash receipts_root;
    Bytes header_rlp;
    std::optional<Header> json_header;  ///< where the file has one, as a node sends it
    ReceiptBatch receipts;
    std::vector<Bytes> receipts_rlp;  ///< where the file has them raw
};

inline Bytes hex_bytes(const std::string& text) {
    auto bytes = parse_hex(text);
    EXPECT_TRUE(bytes.has_value()) << text.substr(0, 80);
    return bytes.value_or(Bytes{});
}
template <size_t N>
FixedBytes<N> fixed(const nlohmann::json& value) {
    const auto text = value.get<std::string>();
    const auto out = parse_fixed<N>(text);
    EXPECT_TRUE(out.has_value()) << text;
    return out.value_or(FixedBytes<N>{});
}
inline uint64_t quantity(const nlohmann::json& value) {
    const auto text = value.get<std::string>();
    const auto out = parse_quantity(text);
    EXPECT_TRUE(out.has_value()) << text;
    return out.value_or(0);
}

/// Calls `set` with a member that is there and not null.
template <typename Set>
void if_present(const nlohmann::json& object, const char* name, Set set) {
    if (object.contains(name) && !object.at(name).is_null()) {
        set(object.at(name));
    }
}

inline Header header_from_json(const nlohmann::json& json) {
    Header header;
    header.hash = fixed<32>(json.at("hash"));
    header.parent_hash = fixed<32>(json.at("parentHash"));
    header.ommers_hash = fixed<32>(json.at("sha3Uncles"));
    header.beneficiary = fixed<20>(json.at("miner"));
    header.state_root = fixed<32>(json.at("stateRoot"));
    header.txns_root = fixed<32>(json.at("transactionsRoot"));
    header.receipts_root = fixed<32>(json.at("receiptsRoot"));
    header.logs_bloom = fixed<256>(json.at("logsBloom"));
    header.difficulty = U256::parse(json.at("difficulty").get<std::string>()).value();
    header.block_num = quantity(json.at("number"));
    header.gas_limit = quantity(json.at("gasLimit"));
    header.gas_used = quantity(json.at("gasUsed"));
    header.timestamp = quantity(json.at("timestamp"));
    header.extra_data = hex_bytes(json.at("extraData").get<std::string>());
    header.mix_hash = fixed<32>(json.at("mixHash"));
    for (const uint8_t byte : fixed<8>(json.at("nonce")).bytes) {
        header.nonce = header.nonce << 8 | byte;
    }
    using Json = nlohmann::json;
    if_present(json, "baseFeePerGas",
               [&](const Json& v) { header.base_fee_per_gas = U256::parse(v.get<std::string>()); });
    if_present(json, "withdrawalsRoot",
               [&](const Json& v) { header.withdrawals_root = fixed<32>(v); });
    if_present(json, "blobGasUsed", [&](const Json& v) { header.blob_gas_used = quantity(v); });
    if_present(json, "excessBlobGas", [&](const Json& v) { header.excess_blob_gas = quantity(v); });
    if_present(json, "parentBeaconBlockRoot",
               [&](const Json& v) { header.parent_beacon_root = fixed<32>(v); });
    if_present(json, "requestsHash", [&](const Json& v) { header.requests_hash = fixed<32>(v); });
    return header;
}

inline void push_receipt(ReceiptBatch& batch, const nlohmann::json& json) {
    using Json = nlohmann::json;
    Receipt receipt;
    receipt.cumulative_gas_used = quantity(json.at("cumulativeGasUsed"));
    receipt.bloom = fixed<256>(json.at("logsBloom"));
    if_present(json, "type",
               [&](const Json& v) { receipt.type = static_cast<uint8_t>(quantity(v)); });
    if_present(json, "status", [&](const Json& v) { receipt.status = quantity(v) == 1; });
    if_present(json, "root", [&](const Json& v) { receipt.post_state = fixed<32>(v); });
    receipt.log_begin = static_cast<uint32_t>(batch.logs.logs.size());
    for (const Json& log_json : json.at("logs")) {
        Log log;
        log.address = fixed<20>(log_json.at("address"));
        for (const Json& topic : log_json.at("topics")) {
            log.topics.at(log.topic_count++) = fixed<32>(topic);
        }
        batch.logs.push(log, hex_bytes(log_json.at("data").get<std::string>()));
        ++receipt.log_count;
    }
    batch.receipts.push_back(receipt);
}

inline BlockFile read_block_file(const std::filesystem::path& path) {
    std::ifstream in{path};
    const auto json = nlohmann::json::parse(in);
    BlockFile block;
    block.name = path.filename().string();
    block.hash = fixed<32>(json.at("hash"));
    block.receipts_root = fixed<32>(json.at("receiptsRoot"));
    block.header_rlp = hex_bytes(json.at("headerRlp").get<std::string>());
    if_present(json, "header", [&](const auto& v) { block.json_header = header_from_json(v); });
    if_present(json, "receipts", [&](const auto& list) {
        for (const auto& receipt : list) {
            push_receipt(block.receipts, receipt);
        }
    });
    if_present(json, "receiptsRlp", [&](const auto& list) {
        for (const auto& text : list) {
            block.receipts_rlp.push_back(hex_bytes(text.template get<std::string>()));
            EXPECT_EQ(decode_receipt(block.receipts_rlp.back(), block.receipts), RlpError::kNone);
        }
    });
    return block;
}

[[nodiscard]] inline std::filesystem::path block_folder() {
    // Read once before any thread of a test starts.
    const char* from_env = std::getenv("PLUMBLINE_BLOCKS");  // NOLINT(concurrency-mt-unsafe)
    return from_env != nullptr ? std::filesystem::path{from_env}
                               : std::filesystem::path{source_dir()} / "../shared/data/blocks";
}

/// All block files in the order of their names; read once. Empty where there are none.
[[nodiscard]] inline const std::vector<BlockFile>& block_files() {
    static const std::vector<BlockFile> kFiles = [] {
        std::vector<std::filesystem::path> paths;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator{block_folder(), error}) {
            if (entry.path().extension() == ".json") {
                paths.push_back(entry.path());
            }
        }
        std::ranges::sort(paths);
        std::vector<BlockFile> files;
        files.reserve(paths.size());
        for (const auto& path : paths) {
            files.push_back(read_block_file(path));
        }
        return files;
    }();
    return kFiles;
}

}  // namespace plumbline::evm

/// At the start of a test that needs real blocks.
#define PLUMBLINE_REQUIRE_BLOCKS()                                                            \
    do {                                                                                      \
        if (::plumbline::evm::block_files().empty()) {                                        \
            GTEST_SKIP() << "no real blocks in " << ::plumbline::evm::block_folder().string() \
                         << "; set PLUMBLINE_BLOCKS to a folder with them";                   \
        }                                                                                     \
    } while (false)
