#include "bench/replay_chain.hpp"

#include <algorithm>

#include "core/base/check.hpp"
#include "core/evm/bloom.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/receipt.hpp"
#include "tests/support/made_block.hpp"

namespace plumbline::bench {

namespace {

constexpr uint64_t kBlockSeconds = 12;

/// Bloom bits of topics seen before: users, questions and event ids repeat.
class BloomCache {
  public:
    void add(evm::Bloom& bloom, const evm::Log& log) {
        add(bloom, log.address.view(), address_);
        for (uint8_t i = 0; i < log.topic_count; ++i) {
            auto [found, fresh] = topics_.try_emplace(log.topics[i]);
            if (fresh) {
                found->second = evm::bloom_bits(log.topics[i].view());
            }
            evm::add(bloom, found->second);
        }
    }

  private:
    static void add(evm::Bloom& bloom, ByteView bytes, std::optional<evm::BloomBits>& cached) {
        if (!cached) {
            cached = evm::bloom_bits(bytes);
        }
        evm::add(bloom, *cached);
    }
    std::optional<evm::BloomBits> address_;
    std::unordered_map<evm::Hash, evm::BloomBits, evm::FixedBytesHash> topics_;
};

evm::Header make_header(const evm::Header* parent, const evm::LogBatch& logs,
                        const evm::Bloom& bloom) {
    evm::Header header;
    header.block_num = parent == nullptr ? 0 : parent->block_num + 1;
    header.timestamp = kGenesisTime + kBlockSeconds * header.block_num;
    if (parent != nullptr) {
        header.parent_hash = parent->hash;
    }
    header.ommers_hash =
        *evm::parse_hash("0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    const auto empty =
        *evm::parse_hash("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    header.txns_root = empty;
    header.receipts_root = empty;
    header.state_root = made_up<32>(0x7374617465, header.block_num);
    header.logs_bloom = bloom;
    header.gas_limit = 30'000'000;
    header.gas_used =
        logs.logs.empty() ? 0 : test::kGasPerTxn * (uint64_t{logs.logs.back().txn_index} + 1);
    header.base_fee_per_gas = evm::U256{7};
    return header;
}

/// How many logs each block after the genesis has.
std::vector<uint32_t> count_per_block(const ChainOptions& options) {
    const auto burst = static_cast<uint32_t>(std::min<uint64_t>(options.burst, options.events));
    std::vector<uint32_t> out;
    for (uint64_t left = options.events - burst; left > 0; left -= out.back()) {
        out.push_back(static_cast<uint32_t>(std::min<uint64_t>(left, options.events_per_block)));
    }
    if (burst > 0) {
        out.insert(out.begin() + static_cast<std::ptrdiff_t>(out.size() / 2), burst);
    }
    out.resize(out.size() + options.quiet);
    return out;
}

}  // namespace

ReplayChain::ReplayChain(Story& story, const ChainOptions& options) : receipts_{options.receipts} {
    BloomCache blooms;
    evm::ReceiptsProver prover;
    logs_.reserve(options.events * 640);
    log_offset_ = log_ordinal_ = txn_ordinal_ = {0};
    evm::LogBatch batch;
    append_block(batch, make_header(nullptr, batch, {}));
    for (const uint32_t count : count_per_block(options)) {
        batch.clear();
        story.append_block(headers_.size(), count, batch);
        evm::Bloom bloom;
        for (const evm::Log& log : batch.logs) {
            blooms.add(bloom, log);
        }
        evm::Header header = make_header(&headers_.back(), batch, bloom);
        if (receipts_ && count > 0) {
            const auto digest = prover.compute(test::receipts_of(batch));
            PLUMBLINE_CHECK(digest && digest->bloom == bloom);
            header.receipts_root = digest->root;
        }
        append_block(batch, header);
    }
}

void ReplayChain::append_block(const evm::LogBatch& batch, evm::Header header) {
    header.hash = evm::compute_hash(header);
    const uint64_t first_txn = txns_.size();
    uint64_t ordinal = log_ordinal_.back();
    for (evm::Log log : batch.logs) {
        log.block_hash = header.hash;
        append_log_json(log, batch.data(log));
        if (first_txn + log.txn_index == txns_.size()) {
            if (receipts_) {
                txn_places_.emplace(log.txn_hash, txns_.size());
            }
            txns_.push_back({log.txn_hash, ordinal});
        }
        txns_.back().log_end = ++ordinal;
    }
    if (!batch.logs.empty()) {
        last_event_block_ = header.block_num;
    }
    numbers_.emplace(header.hash, header.block_num);
    headers_.push_back(header);
    log_offset_.push_back(logs_.size());
    log_ordinal_.push_back(ordinal);
    txn_ordinal_.push_back(txns_.size());
}

std::optional<uint64_t> ReplayChain::find_block(const evm::Hash& hash) const {
    const auto found = numbers_.find(hash);
    return found == numbers_.end() ? std::nullopt : std::optional{found->second};
}

void ReplayChain::append_log_json(const evm::Log& log, ByteView data) {
    if (!logs_.empty()) {
        logs_ += ',';
    }
    logs_ += "{\"address\":\"0x";
    evm::append_hex(logs_, log.address.view());
    logs_ += "\",\"topics\":[";
    for (uint8_t i = 0; i < log.topic_count; ++i) {
        logs_ += i == 0 ? "\"0x" : ",\"0x";
        evm::append_hex(logs_, log.topics[i].view());
        logs_ += '"';
    }
    logs_ += "],\"data\":\"0x";
    evm::append_hex(logs_, data);
    logs_ += "\",\"blockHash\":\"0x";
    evm::append_hex(logs_, log.block_hash.view());
    logs_ += "\",\"blockNumber\":\"" + evm::to_quantity(log.block_num);
    logs_ += "\",\"transactionHash\":\"0x";
    evm::append_hex(logs_, log.txn_hash.view());
    logs_ += "\",\"transactionIndex\":\"" + evm::to_quantity(log.txn_index);
    logs_ += "\",\"logIndex\":\"" + evm::to_quantity(log.log_index);
    logs_ += "\",\"removed\":false}";
    if (receipts_) {
        log_ends_.push_back(logs_.size());
    }
}

std::string_view ReplayChain::logs_json(uint64_t from, uint64_t to) const {
    // Logs are stored with a comma before each but the first: cut it off.
    size_t begin = log_offset_[from];
    const size_t end = log_offset_[to + 1];
    if (begin < end && logs_[begin] == ',') {
        ++begin;
    }
    return std::string_view{logs_}.substr(begin, end - begin);
}

uint64_t ReplayChain::log_count(uint64_t from, uint64_t to) const {
    return log_ordinal_[to + 1] - log_ordinal_[from];
}

std::string ReplayChain::block_json(uint64_t block_num, bool with_transactions) const {
    std::string out = test::open_block_json(headers_[block_num]);
    test::append_member(out, "size", "0x400");
    out += ",\"uncles\":[],\"transactions\":[";
    for (uint64_t i = txn_ordinal_[block_num]; i < txn_ordinal_[block_num + 1]; ++i) {
        out += out.back() == '[' ? "" : ",";
        out += with_transactions ? transaction_json(block_num, i - txn_ordinal_[block_num])
                                 : '"' + evm::to_hex(txns_[i].hash) + '"';
    }
    out += "]}";
    return out;
}

std::string ReplayChain::transaction_json(uint64_t block_num, uint64_t index) const {
    const Transaction& txn = txns_[txn_ordinal_[block_num] + index];
    const std::string made = evm::to_hex(made_up<32>(block_num, index + 0x10000));
    std::string out = "{";
    test::append_member(out, "type", "0x2");
    test::append_member(out, "chainId", evm::to_quantity(kChainId));
    test::append_member(out, "hash", evm::to_hex(txn.hash));
    test::append_member(out, "nonce", evm::to_quantity(txn_ordinal_[block_num] + index));
    test::append_member(out, "blockHash", evm::to_hex(headers_[block_num].hash));
    test::append_member(out, "blockNumber", evm::to_quantity(block_num));
    test::append_member(out, "transactionIndex", evm::to_quantity(index));
    test::append_member(out, "from", kDeployerAddress);
    test::append_member(out, "to", kContractAddress);
    test::append_member(out, "value", "0x0");
    test::append_member(out, "gas", evm::to_quantity(test::kGasPerTxn));
    test::append_member(out, "gasPrice", "0x7");
    test::append_member(out, "maxFeePerGas", "0x7");
    test::append_member(out, "maxPriorityFeePerGas", "0x0");
    test::append_member(out, "input", "0xa9059cbb" + made.substr(2) + made.substr(2));
    test::append_member(out, "r", made);
    test::append_member(out, "s", made);
    test::append_member(out, "v", "0x1");
    test::append_member(out, "yParity", "0x1");
    out += ",\"accessList\":[]}";
    return out;
}

std::string ReplayChain::receipt_json(uint64_t block_num, uint64_t index) const {
    PLUMBLINE_CHECK(receipts_);
    const uint64_t at = txn_ordinal_[block_num] + index;
    const uint64_t first_log = at == 0 ? 0 : txns_[at - 1].log_end;
    const uint64_t begin = first_log == 0 ? 0 : log_ends_[first_log - 1] + 1;  // after the comma
    std::string out = "{";
    test::append_member(out, "type", "0x2");
    test::append_member(out, "status", "0x1");
    test::append_member(out, "cumulativeGasUsed", evm::to_quantity(test::kGasPerTxn * (index + 1)));
    test::append_member(out, "gasUsed", evm::to_quantity(test::kGasPerTxn));
    test::append_member(out, "effectiveGasPrice", "0x7");
    test::append_member(out, "transactionHash", evm::to_hex(txns_[at].hash));
    test::append_member(out, "transactionIndex", evm::to_quantity(index));
    test::append_member(out, "blockHash", evm::to_hex(headers_[block_num].hash));
    test::append_member(out, "blockNumber", evm::to_quantity(block_num));
    test::append_member(out, "to", kContractAddress);
    test::append_member(out, "from", kDeployerAddress);
    out += ",\"contractAddress\":null,\"logs\":[";
    out += std::string_view{logs_}.substr(begin, log_ends_[txns_[at].log_end - 1] - begin);
    out += "]}";
    return out;
}

std::string ReplayChain::receipts_json(uint64_t block_num) const {
    std::string out = "[";
    for (uint64_t i = 0; i < txn_ordinal_[block_num + 1] - txn_ordinal_[block_num]; ++i) {
        out += i == 0 ? "" : ",";
        out += receipt_json(block_num, i);
    }
    out += ']';
    return out;
}

std::string ReplayChain::receipt_json(const evm::Hash& txn_hash) const {
    const auto found = txn_places_.find(txn_hash);
    if (found == txn_places_.end()) {
        return "null";
    }
    const auto after = std::ranges::upper_bound(txn_ordinal_, found->second);
    const auto block_num = static_cast<uint64_t>(after - txn_ordinal_.begin()) - 1;
    return receipt_json(block_num, found->second - txn_ordinal_[block_num]);
}

}  // namespace plumbline::bench
