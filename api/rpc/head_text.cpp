#include "api/rpc/head_text.hpp"

#include <fmt/format.h>

#include "core/base/json_writer.hpp"
#include "core/evm/hex.hpp"

namespace plumbline::api {

namespace {

std::string field_text(const evm::Hash& hash) {
    return evm::to_hex(hash);
}
std::string field_text(uint64_t number) {
    return evm::to_quantity(number);
}
std::string field_text(const evm::U256& number) {
    evm::FixedBytes<32> bytes;
    number.to_be(bytes.bytes.data());
    const std::string digits = evm::to_hex(bytes);
    const size_t first = digits.find_first_not_of('0', 2);
    return first == std::string::npos ? "0x0" : "0x" + digits.substr(first);
}

template <typename T>
void add_if_there(JsonWriter& json, std::string_view name, const std::optional<T>& field) {
    if (field) {
        json.member(name, field_text(*field));
    }
}

}  // namespace

std::string head_text(const evm::Header& header) {
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("number", field_text(header.block_num))
        .member("hash", field_text(header.hash))
        .member("parentHash", field_text(header.parent_hash))
        .member("timestamp", field_text(header.timestamp))
        .member("sha3Uncles", field_text(header.ommers_hash))
        .member("miner", evm::to_hex(header.beneficiary))
        .member("stateRoot", field_text(header.state_root))
        .member("transactionsRoot", field_text(header.txns_root))
        .member("receiptsRoot", field_text(header.receipts_root))
        .member("logsBloom", evm::to_hex(header.logs_bloom))
        .member("difficulty", field_text(header.difficulty))
        .member("gasLimit", field_text(header.gas_limit))
        .member("gasUsed", field_text(header.gas_used))
        .member("extraData", evm::to_hex(header.extra_data))
        .member("mixHash", field_text(header.mix_hash))
        .member("nonce", fmt::format("0x{:016x}", header.nonce));
    add_if_there(json, "baseFeePerGas", header.base_fee_per_gas);
    add_if_there(json, "withdrawalsRoot", header.withdrawals_root);
    add_if_there(json, "blobGasUsed", header.blob_gas_used);
    add_if_there(json, "excessBlobGas", header.excess_blob_gas);
    add_if_there(json, "parentBeaconBlockRoot", header.parent_beacon_root);
    add_if_there(json, "requestsHash", header.requests_hash);
    add_if_there(json, "blockAccessListHash", header.block_access_list_hash);
    add_if_there(json, "slotNumber", header.slot_number);
    json.close_object();
    return out;
}

std::string head_text(const storage::BlockRow& block) {
    std::string out;
    JsonWriter{out}
        .open_object()
        .member("number", field_text(block.block_num))
        .member("hash", field_text(block.hash))
        .member("parentHash", field_text(block.parent_hash))
        .member("timestamp", field_text(block.timestamp))
        .close_object();
    return out;
}

}  // namespace plumbline::api
