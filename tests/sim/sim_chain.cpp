#include "tests/sim/sim_chain.hpp"

#include <algorithm>
#include <utility>

#include "core/evm/block_gap.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/state_sync.hpp"
#include "core/evm/trie.hpp"

namespace plumbline::sim {

using test::append_member;
using test::make_address;

namespace {

/// A day before the simulated clock begins: no block is made in its future.
constexpr uint64_t kGenesisTime = 1'699'900'000;

std::string receipts_text(const evm::LogBatch& logs, const SimBlock& block) {
    std::string out = "[";
    const evm::ReceiptBatch batch = test::receipts_of(logs);
    for (const evm::Receipt& receipt : batch.receipts) {
        out += out.size() == 1 ? "{" : ",{";
        append_member(out, "type", "0x2");
        append_member(out, "status", "0x1");
        append_member(out, "cumulativeGasUsed", evm::to_quantity(receipt.cumulative_gas_used));
        append_member(out, "transactionHash", evm::to_hex(receipt.txn_hash));
        append_member(out, "transactionIndex", evm::to_quantity(receipt.txn_index));
        append_member(out, "blockHash", evm::to_hex(block.header.hash));
        append_member(out, "blockNumber", evm::to_quantity(block.header.block_num));
        out += ",\"logs\":[";
        for (uint32_t i = 0; i < receipt.log_count; ++i) {
            out += (i == 0 ? "" : ",") + block.logs_json[receipt.log_begin + i];
        }
        out += "]}";
    }
    return out + "]";
}

}  // namespace

evm::Address annex_address() {
    return make_address(8, 1);
}

std::string header_json(const evm::Header& header) {
    return test::open_block_json(header) + ",\"uncles\":[],\"transactions\":[]}";
}

std::string log_json(const evm::Log& log, ByteView data, bool removed) {
    std::string out = "{";
    append_member(out, "address", evm::to_hex(log.address));
    out += ",\"topics\":[";
    for (size_t i = 0; i < log.topic_count; ++i) {
        out += i == 0 ? "\"" : ",\"";
        out += evm::to_hex(log.topics[i]) + "\"";
    }
    out += "]";
    append_member(out, "data", evm::to_hex(data));
    append_member(out, "blockNumber", evm::to_quantity(log.block_num));
    append_member(out, "blockHash", evm::to_hex(log.block_hash));
    append_member(out, "transactionHash", evm::to_hex(log.txn_hash));
    append_member(out, "transactionIndex", evm::to_quantity(log.txn_index));
    append_member(out, "logIndex", evm::to_quantity(log.log_index));
    out += removed ? ",\"removed\":true}" : ",\"removed\":false}";
    return out;
}

SimChain::SimChain(const ChainOptions& options)
    : options_{options},
      random_{options.seed},
      gaps_{options.seed ^ 0x9a95},
      extra_{options.seed ^ 0xe874} {
    branches_.emplace_back();
    branches_.back().push_back(make_block(nullptr));
    for (uint64_t i = 0; i < options.blocks_at_start; ++i) {
        grow(branches_.back());
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
            grow(branches_.back());
        }
        record(now);
    }
    // The end is a stretch of calm that makes everything so far final, so that what is left does
    // not depend on the way to it.
    for (uint64_t i = 0; i < options.finality_depth + options.reorg_depth_max + 14; ++i) {
        now += options.block_ms;
        grow(branches_.back());
        record(now);
    }
}

/// One block, and perhaps numbers without one before it.
void SimChain::grow(Branch& branch) {
    while (options_.gap_chance > 0 && gaps_.chance(options_.gap_chance)) {
        const SimBlock* before = branch.back();
        SimBlock& gap = blocks_.emplace_back();
        gap.parent = before;
        gap.header = evm::make_gap_header(before->header.block_num + 1, before->header);
        branch.push_back(&gap);
    }
    branch.push_back(make_block(branch.back()));
}

void SimChain::fork(uint64_t depth, uint64_t blocks) {
    other_ = branches_.back();
    const uint64_t head = other_.size() - 1;
    Branch branch(other_.begin(), other_.begin() + static_cast<std::ptrdiff_t>(
                                                       head - std::min(depth, head - 1) + 1));
    while (evm::is_gap(branch.back()->header)) {
        branch.pop_back();  // The head is a block.
    }
    for (uint64_t i = 0; i < blocks; ++i) {
        grow(branch);
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

uint64_t SimChain::most_final(int64_t at_ms) const {
    uint64_t most = 0;
    for (const State& state : states_) {
        if (state.from_ms <= at_ms) {
            most = std::max(most, state.finalized);
        }
    }
    return most;
}

const SimBlock* SimChain::find(const evm::Hash& hash) const {
    const auto found = by_hash_.find(hash);
    return found == by_hash_.end() ? nullptr : found->second;
}

Branch SimChain::branch_to(const evm::Hash& hash, uint64_t block_num) const {
    Branch out(block_num + 1, nullptr);
    const SimBlock* block = find(hash);
    for (; block != nullptr && block->header.block_num <= block_num; block = block->parent) {
        out[block->header.block_num] = block;
    }
    return out;
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
    if (options_.parts_at > 0 && header.block_num == options_.parts_at) {
        random_ = Random{options_.seed ^ 0xf0e1};
        ++header.timestamp;
    }
    if (parent != nullptr && !random_.chance(options_.empty_share)) {
        for (uint64_t left = random_.between(1, options_.logs_max); left > 0; --left) {
            add_log(block.logs);
        }
    }
    if (parent != nullptr) {
        add_extra_logs(block.logs);
    }
    seal(block);
    by_hash_.emplace(header.hash, &block);
    return &block;
}

void SimChain::push(evm::LogBatch& logs, test::MadeLog made, bool own_txn) {
    made.log.log_index = static_cast<uint32_t>(logs.logs.size());
    made.log.txn_index = logs.logs.empty() ? 0 : logs.logs.back().txn_index + (own_txn ? 1 : 0);
    logs.push(made.log, made.data);
}

void SimChain::add_log(evm::LogBatch& logs) {
    const bool own_txn = !logs.logs.empty() && random_.chance(0.4);
    push(logs, pick_log(random_), own_txn);
}

/// What only some worlds have: a second hub, and a crowd of vaults.
void SimChain::add_extra_logs(evm::LogBatch& logs) {
    if (options_.annex_chance > 0 && extra_.chance(options_.annex_chance)) {
        const evm::Address vault = make_address(2, extra_.below(12));
        if (extra_.chance(0.5)) {
            push(logs, test::ping(vault, extra_.below(100)), true);
        }
        test::MadeLog made = test::vault_made(vault);
        made.log.address = annex_address();
        push(logs, std::move(made), extra_.chance(0.5));
        push(logs, test::child_made(vault, make_address(3, extra_.below(12))), false);
        push(logs, test::deposited(annex_address(), make_address(5, extra_.below(8)), 7), true);
    }
    if (options_.crowd == 0) {
        return;
    }
    if (crowd_made_ < options_.crowd && extra_.chance(0.2)) {
        for (uint64_t left = std::min<uint64_t>(options_.crowd - crowd_made_, 250); left > 0;
             --left) {
            push(logs, test::vault_made(make_address(4, crowd_made_++)), left % 20 == 0);
        }
    }
    for (uint64_t left = extra_.below(4); left > 0; --left) {
        const evm::Address member = make_address(4, extra_.below(options_.crowd));
        push(logs, test::ping(member, extra_.below(100)), true);
        if (extra_.chance(0.2)) {
            push(logs, test::child_made(member, make_address(3, extra_.below(12))), false);
        }
    }
}

test::MadeLog SimChain::pick_log(Random& random) {
    switch (random.below(12)) {
        case 0:
        case 1:
        case 2: {
            const evm::Address contract =
                random.chance(0.2) ? make_address(7, random.below(3)) : hub_address();
            const evm::Address who = make_address(5, random.below(8));
            return test::deposited(contract, who, random.below(1000));
        }
        case 3: {
            const evm::Address who = make_address(5, random.below(8));
            return test::withdrawn(who, random.below(700));
        }
        case 4:
        case 5: {
            const uint64_t id = random.below(20);
            return test::note_opened(id, "note " + std::to_string(random.next() % 100'000));
        }
        case 6: return test::note_closed(random.below(20));
        case 7: return test::vault_made(make_address(2, random.below(8)));
        case 8: {
            // A vault makes a pod: a child of a child. It may not be announced yet, or ever.
            const evm::Address vault = make_address(2, random.below(10));
            return test::child_made(vault, make_address(3, random.below(8)));
        }
        case 9: {
            const evm::Address stranger = make_address(9, random.below(3));
            return test::noise(stranger, random.next());
        }
        default: {
            const uint64_t number = random.below(10);
            const evm::Address contract = make_address(2 + random.below(2), number);
            return test::ping(contract, random.below(100));
        }
    }
}

/// A chain on which headers, or receipts, do not follow from their content as Ethereum's do.
void SimChain::deform(SimBlock& block) const {
    evm::Header& header = block.header;
    switch (options_.provability) {
        case Provability::kAll: return;
        case Provability::kNoReceipts:
            if (header.receipts_root == evm::kEmptyTrieRoot) {
                return;
            }
            header.receipts_root = evm::keccak256(header.receipts_root.view());
            header.hash = evm::compute_hash(header);
            break;
        case Provability::kNoHeaders: header.hash = evm::keccak256(header.hash.view()); break;
    }
    for (evm::Log& log : block.logs.logs) {
        log.block_hash = header.hash;
    }
}

/// Behind all that the block's root and bloom are of.
void SimChain::add_state_sync(SimBlock& block) {
    if (options_.state_sync_chance == 0 || block.parent == nullptr ||
        !extra_.chance(options_.state_sync_chance)) {
        return;
    }
    const evm::Header& header = block.header;
    for (uint64_t left = extra_.between(1, 3), first = left; left > 0; --left) {
        push(block.logs, pick_log(extra_), left == first);
        evm::Log& log = block.logs.logs.back();
        log.txn_hash = evm::state_sync_txn_hash(header.block_num, header.hash);
        log.block_num = header.block_num;
        log.block_hash = header.hash;
    }
}

void SimChain::seal(SimBlock& block) {
    const evm::Header& header = block.header;
    const std::string salt = std::to_string(header.block_num) + "/" + std::to_string(++salt_) +
                             "/" + std::to_string(options_.seed);
    test::seal_block(block.header, block.logs, salt, prover_);
    deform(block);
    const evm::LogBatch rooted = block.logs;
    block.rooted_logs = rooted.logs.size();
    add_state_sync(block);
    for (const evm::Log& log : block.logs.logs) {
        block.logs_json.push_back(log_json(log, block.logs.data(log)));
        if (by_txn_.emplace(log.txn_hash, &block).second) {
            block.txns_json += block.txns_json.empty() ? "\"" : ",\"";
            block.txns_json += evm::to_hex(log.txn_hash) + "\"";
        }
    }
    block.json = header_json(header);
    block.rooted_json = receipts_text(rooted, block);
    block.receipts_json = receipts_text(block.logs, block);
}

}  // namespace plumbline::sim
