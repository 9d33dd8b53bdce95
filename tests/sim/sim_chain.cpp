#include "tests/sim/sim_chain.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/check.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/trie.hpp"

namespace plumbline::sim {

namespace {

constexpr uint64_t kGenesisTime = 1'700'000'000;

evm::Hash to_word(uint64_t value) {
    evm::Hash word;
    for (size_t i = 0; i < 8; ++i) {
        word.bytes[31 - i] = static_cast<uint8_t>(value >> (8 * i));
    }
    return word;
}

evm::Hash to_word(const evm::Address& address) {
    evm::Hash word;
    std::copy(address.bytes.begin(), address.bytes.end(), word.bytes.begin() + 12);
    return word;
}

void append(Bytes& out, const evm::Hash& word) {
    out.insert(out.end(), word.bytes.begin(), word.bytes.end());
}

struct Topics {
    evm::Hash deposited = evm::keccak256("Deposited(address,uint256)");
    evm::Hash withdrawn = evm::keccak256("Withdrawn(address,uint256)");
    evm::Hash note_opened = evm::keccak256("NoteOpened(uint256,string)");
    evm::Hash note_closed = evm::keccak256("NoteClosed(uint256)");
    evm::Hash vault_made = evm::keccak256("VaultMade(address)");
    evm::Hash ping = evm::keccak256("Ping(uint256)");
    evm::Hash child_made = evm::keccak256("ChildMade(address)");
    evm::Hash noise = evm::keccak256("Noise(uint256)");
};

const Topics& topics() {
    static const Topics kTopics;
    return kTopics;
}

void field(std::string& out, std::string_view name, std::string_view value) {
    out += out.back() == '{' ? "\"" : ",\"";
    out += name;
    out += "\":\"";
    out += value;
    out += '"';
}

std::string header_json(const evm::Header& header) {
    std::string out = "{";
    field(out, "number", evm::to_quantity(header.block_num));
    field(out, "hash", evm::to_hex(header.hash));
    field(out, "parentHash", evm::to_hex(header.parent_hash));
    field(out, "sha3Uncles", evm::to_hex(header.ommers_hash));
    field(out, "miner", evm::to_hex(header.beneficiary));
    field(out, "stateRoot", evm::to_hex(header.state_root));
    field(out, "transactionsRoot", evm::to_hex(header.txns_root));
    field(out, "receiptsRoot", evm::to_hex(header.receipts_root));
    field(out, "logsBloom", evm::to_hex(header.logs_bloom));
    field(out, "difficulty", "0x0");
    field(out, "gasLimit", evm::to_quantity(header.gas_limit));
    field(out, "gasUsed", evm::to_quantity(header.gas_used));
    field(out, "timestamp", evm::to_quantity(header.timestamp));
    field(out, "extraData", "0x");
    field(out, "mixHash", evm::to_hex(header.mix_hash));
    field(out, "nonce", "0x0000000000000000");
    field(out, "baseFeePerGas", "0x7");
    return out + ",\"uncles\":[],\"transactions\":[]}";
}

}  // namespace

evm::Address made_address(uint64_t kind, uint64_t number) {
    return evm::Address::from(
        evm::keccak256("sim:" + std::to_string(kind) + ":" + std::to_string(number))
            .view()
            .first(20));
}

evm::Address hub_address() {
    static const evm::Address kHub = made_address(1, 0);
    return kHub;
}

std::string log_json(const evm::Log& log, ByteView data, bool removed) {
    std::string out = "{";
    field(out, "address", evm::to_hex(log.address));
    out += ",\"topics\":[";
    for (size_t i = 0; i < log.topic_count; ++i) {
        out += i == 0 ? "\"" : ",\"";
        out += evm::to_hex(log.topics[i]) + "\"";
    }
    out += "]";
    field(out, "data", evm::to_hex(data));
    field(out, "blockNumber", evm::to_quantity(log.block_num));
    field(out, "blockHash", evm::to_hex(log.block_hash));
    field(out, "transactionHash", evm::to_hex(log.txn_hash));
    field(out, "transactionIndex", evm::to_quantity(log.txn_index));
    field(out, "logIndex", evm::to_quantity(log.log_index));
    out += removed ? ",\"removed\":true}" : ",\"removed\":false}";
    return out;
}

SimChain::SimChain(const ChainOptions& options) : options_{options}, random_{options.seed} {
    branches_.emplace_back();
    branches_.back().push_back(make_block(nullptr));
    for (uint64_t i = 0; i < options.blocks_at_start; ++i) {
        branches_.back().push_back(make_block(branches_.back().back()));
    }
    record(0);
    int64_t now = 0;
    for (uint64_t i = 0; i < options.blocks_live; ++i) {
        now += std::max<int64_t>(1, static_cast<int64_t>(random_.between(
                                        static_cast<uint64_t>(options.block_ms / 2),
                                        static_cast<uint64_t>(options.block_ms * 3 / 2))));
        if (random_.chance(options.deep_reorg_chance)) {
            const uint64_t head = branches_.back().size() - 1;
            const uint64_t depth =
                std::min(head - 1, options.finality_depth + random_.between(1, 12));
            fork(depth, depth + random_.below(3));
            ++forks_.deep;
        } else if (random_.chance(options.reorg_chance)) {
            const uint64_t depth = random_.between(1, options.reorg_depth_max);
            switch (random_.below(4)) {
                case 0:
                    fork(depth, depth);
                    ++forks_.same_height;
                    break;
                case 1:
                    fork(depth, depth + random_.between(1, 3));
                    ++forks_.longer;
                    break;
                case 2:
                    fork(depth, random_.below(depth));
                    ++forks_.shorter;
                    break;
                default:
                    // Back to what was canonical before the last fork, where that is still
                    // possible.
                    if (other_.size() > finalized_ + 1 &&
                        other_[finalized_] == branches_.back()[finalized_]) {
                        Branch back = other_;
                        other_ = branches_.back();
                        branches_.push_back(std::move(back));
                        ++forks_.back;
                    }
                    break;
            }
        } else {
            branches_.back().push_back(make_block(branches_.back().back()));
        }
        record(now);
    }
    // The end is a stretch of calm that makes everything so far final, so that what is left does
    // not depend on the way to it.
    for (uint64_t i = 0; i < options.finality_depth + options.reorg_depth_max + 14; ++i) {
        now += options.block_ms;
        branches_.back().push_back(make_block(branches_.back().back()));
        record(now);
    }
}

void SimChain::fork(uint64_t depth, uint64_t blocks) {
    other_ = branches_.back();
    const uint64_t head = other_.size() - 1;
    Branch branch(other_.begin(), other_.begin() + static_cast<std::ptrdiff_t>(
                                                       head - std::min(depth, head - 1) + 1));
    for (uint64_t i = 0; i < blocks; ++i) {
        branch.push_back(make_block(branch.back()));
    }
    branches_.push_back(std::move(branch));
}

void SimChain::record(int64_t at_ms) {
    State state;
    state.from_ms = at_ms;
    state.branch = branches_.size() - 1;
    state.head = branches_.back().size() - 1;
    const uint64_t finalized =
        state.head > options_.finality_depth ? state.head - options_.finality_depth : 0;
    finalized_ = std::max(finalized_, finalized);
    finalized_ = std::min(finalized_, state.head);
    state.finalized = finalized_;
    states_.push_back(state);
}

ChainView SimChain::view(int64_t at_ms) const {
    auto after = std::ranges::upper_bound(states_, at_ms, {}, &State::from_ms);
    const State& state = after == states_.begin() ? states_.front() : *std::prev(after);
    return {&branches_[state.branch], state.head, state.finalized};
}

const SimBlock* SimChain::find(const evm::Hash& hash) const {
    const auto found = by_hash_.find(hash);
    return found == by_hash_.end() ? nullptr : found->second;
}

const SimBlock* SimChain::find_txn(const evm::Hash& hash) const {
    const auto found = by_txn_.find(hash);
    return found == by_txn_.end() ? nullptr : found->second;
}

const SimBlock* SimChain::make_block(const SimBlock* parent) {
    SimBlock& block = blocks_.emplace_back();
    block.parent = parent;
    evm::Header& header = block.header;
    header.block_num = parent == nullptr ? 0 : parent->header.block_num + 1;
    header.timestamp = kGenesisTime + header.block_num * 12;
    if (parent != nullptr) {
        header.parent_hash = parent->header.hash;
    }
    if (parent != nullptr && !random_.chance(options_.empty_share)) {
        for (uint64_t left = random_.between(1, options_.logs_max); left > 0; --left) {
            add_log(block.logs, header.block_num);
        }
    }
    seal(block);
    by_hash_.emplace(header.hash, &block);
    return &block;
}

void SimChain::add_log(evm::LogBatch& logs, uint64_t block_num) {
    evm::Log log;
    log.block_num = block_num;
    log.log_index = static_cast<uint32_t>(logs.logs.size());
    log.txn_index =
        logs.logs.empty() ? 0 : logs.logs.back().txn_index + (random_.chance(0.4) ? 1 : 0);
    Bytes data;
    log.topic_count = 1;
    switch (random_.below(12)) {
        case 0:
        case 1:
        case 2:
            log.address = random_.chance(0.2) ? made_address(7, random_.below(3)) : hub_address();
            log.topics[0] = topics().deposited;
            log.topics[1] = to_word(made_address(5, random_.below(8)));
            log.topic_count = 2;
            append(data, to_word(random_.below(1000)));
            break;
        case 3:
            log.address = hub_address();
            log.topics[0] = topics().withdrawn;
            log.topics[1] = to_word(made_address(5, random_.below(8)));
            log.topic_count = 2;
            append(data, to_word(random_.below(700)));
            break;
        case 4:
        case 5: {
            log.address = hub_address();
            log.topics[0] = topics().note_opened;
            log.topics[1] = to_word(random_.below(20));
            log.topic_count = 2;
            const std::string text = "note " + std::to_string(random_.next() % 100'000);
            append(data, to_word(32));
            append(data, to_word(text.size()));
            data.insert(data.end(), text.begin(), text.end());
            data.resize((data.size() + 31) / 32 * 32);
            break;
        }
        case 6:
            log.address = hub_address();
            log.topics[0] = topics().note_closed;
            log.topics[1] = to_word(random_.below(20));
            log.topic_count = 2;
            break;
        case 7:
            log.address = hub_address();
            log.topics[0] = topics().vault_made;
            log.topics[1] = to_word(made_address(2, random_.below(8)));
            log.topic_count = 2;
            break;
        case 8:
            // A vault makes a pod: a child of a child. It may not be announced yet, or ever.
            log.address = made_address(2, random_.below(10));
            log.topics[0] = topics().child_made;
            append(data, to_word(made_address(3, random_.below(8))));
            break;
        case 9:
            log.address = made_address(9, random_.below(3));
            log.topics[0] = topics().noise;
            append(data, to_word(random_.next()));
            break;
        default:
            log.address = made_address(2 + random_.below(2), random_.below(10));
            log.topics[0] = topics().ping;
            append(data, to_word(random_.below(100)));
            break;
    }
    logs.push(log, data);
}

void SimChain::seal(SimBlock& block) {
    evm::Header& header = block.header;
    const std::string salt = std::to_string(header.block_num) + "/" + std::to_string(++salt_) +
                             "/" + std::to_string(options_.seed);
    header.state_root = evm::keccak256(salt);
    header.ommers_hash =
        *evm::parse_hash("0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    header.txns_root = evm::kEmptyTrieRoot;
    header.receipts_root = evm::kEmptyTrieRoot;
    header.gas_limit = 30'000'000;
    header.base_fee_per_gas = evm::U256{7};
    evm::ReceiptBatch batch;
    for (evm::Log& log : block.logs.logs) {
        log.txn_hash = evm::keccak256(salt + "#" + std::to_string(log.txn_index));
    }
    batch.logs = block.logs;
    for (uint32_t i = 0; i < batch.logs.logs.size(); ++i) {
        const evm::Log& log = batch.logs.logs[i];
        if (batch.receipts.empty() || batch.receipts.back().txn_index != log.txn_index) {
            evm::Receipt receipt;
            receipt.type = 2;
            receipt.status = true;
            receipt.cumulative_gas_used = uint64_t{60'000} * (batch.receipts.size() + 1);
            receipt.txn_hash = log.txn_hash;
            receipt.txn_index = log.txn_index;
            receipt.log_begin = i;
            batch.receipts.push_back(receipt);
        }
        ++batch.receipts.back().log_count;
    }
    if (!batch.receipts.empty()) {
        const auto digest = prover_.compute(batch);
        PLUMBLINE_CHECK(digest.has_value());
        header.receipts_root = digest->root;
        header.logs_bloom = digest->bloom;
    }
    header.gas_used = uint64_t{60'000} * batch.receipts.size();
    header.hash = evm::compute_hash(header);
    for (evm::Log& log : block.logs.logs) {
        log.block_hash = header.hash;
        block.logs_json.push_back(log_json(log, block.logs.data(log)));
        by_txn_.emplace(log.txn_hash, &block);
    }
    block.json = header_json(header);
    block.receipts_json = "[";
    for (const evm::Receipt& receipt : batch.receipts) {
        std::string& out = block.receipts_json;
        out += out.size() == 1 ? "{" : ",{";
        field(out, "type", "0x2");
        field(out, "status", "0x1");
        field(out, "cumulativeGasUsed", evm::to_quantity(receipt.cumulative_gas_used));
        field(out, "transactionHash", evm::to_hex(receipt.txn_hash));
        field(out, "transactionIndex", evm::to_quantity(receipt.txn_index));
        field(out, "blockHash", evm::to_hex(header.hash));
        field(out, "blockNumber", evm::to_quantity(header.block_num));
        out += ",\"logs\":[";
        for (uint32_t i = 0; i < receipt.log_count; ++i) {
            out += (i == 0 ? "" : ",") + block.logs_json[receipt.log_begin + i];
        }
        out += "]}";
    }
    block.receipts_json += "]";
}

std::vector<std::pair<uint64_t, uint32_t>> wanted_logs(const ChainView& view,
                                                       uint64_t start_block) {
    std::set<evm::Address> vaults;
    std::set<evm::Address> pods;
    std::vector<std::pair<uint64_t, uint32_t>> out;
    const auto is_one_of = [](const evm::Log& log, std::initializer_list<const evm::Hash*> wanted) {
        return std::ranges::any_of(wanted,
                                   [&](const evm::Hash* topic) { return log.topics[0] == *topic; });
    };
    for (uint64_t num = start_block; num <= view.head; ++num) {
        const SimBlock& block = *view.at(num);
        for (const evm::Log& log : block.logs.logs) {
            const bool of_hub =
                log.address == hub_address() &&
                is_one_of(log, {&topics().deposited, &topics().withdrawn, &topics().note_opened,
                                &topics().note_closed, &topics().vault_made});
            const bool of_vault = vaults.contains(log.address) &&
                                  is_one_of(log, {&topics().ping, &topics().child_made});
            const bool of_pod = pods.contains(log.address) &&
                                is_one_of(log, {&topics().ping, &topics().child_made});
            if (!of_hub && !of_vault && !of_pod) {
                continue;
            }
            out.emplace_back(log.block_num, log.log_index);
            if (of_hub && log.topics[0] == topics().vault_made) {
                vaults.insert(evm::Address::from(log.topics[1].view().subspan(12)));
            }
            if (of_vault && log.topics[0] == topics().child_made) {
                pods.insert(evm::Address::from(block.logs.data(log).subspan(12)));
            }
        }
    }
    return out;
}

}  // namespace plumbline::sim
