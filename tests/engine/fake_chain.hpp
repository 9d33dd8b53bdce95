// A chain in memory and a node that tells of it, for driving ingest on one thread: forks, factories
// of factories, logs of contracts nobody asked for; answers late, in any order, or refused.
// Everything follows from a seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::test {

inline constexpr const char* kFactoryAbi = R"([
{"type":"event","name":"Deposited","inputs":[{"name":"who","type":"address","indexed":true},{"name":"amount","type":"uint256","indexed":false}]},
{"type":"event","name":"VaultMade","inputs":[{"name":"vault","type":"address","indexed":true}]}])";
inline constexpr const char* kChildAbi = R"([
{"type":"event","name":"Ping","inputs":[{"name":"n","type":"uint256","indexed":false}]},
{"type":"event","name":"ChildMade","inputs":[{"name":"child","type":"address","indexed":false}]}])";

inline evm::Address make_address(uint64_t kind, uint64_t n) {
    return evm::Address::from(
        evm::keccak256(std::to_string(kind) + ":" + std::to_string(n)).view().first(20));
}
inline evm::Hash to_word(uint64_t value) {
    evm::Hash word;
    for (size_t i = 0; i < 8; ++i) {
        word.bytes[31 - i] = static_cast<uint8_t>(value >> (8 * i));
    }
    return word;
}
inline evm::Hash to_word(const evm::Address& address) {
    evm::Hash word;
    std::copy(address.bytes.begin(), address.bytes.end(), word.bytes.begin() + 12);
    return word;
}
inline evm::Address hub_address() {
    return make_address(1, 0);
}

struct FakeBlock {
    evm::Header header;
    evm::LogBatch logs;
};

/// The canonical chain and every block that ever was.
class FakeChain {
  public:
    explicit FakeChain(uint64_t seed) : random_{seed} { mine_block(); }

    [[nodiscard]] const std::vector<std::shared_ptr<FakeBlock>>& blocks() const { return blocks_; }
    [[nodiscard]] uint64_t head() const { return blocks_.size() - 1; }
    [[nodiscard]] const FakeBlock* find(const evm::Hash& hash) const {
        const auto found = by_hash_.find(hash);
        return found == by_hash_.end() ? nullptr : found->second.get();
    }
    [[nodiscard]] bool is_canonical(const FakeBlock& block) const {
        return block.header.block_num < blocks_.size() &&
               blocks_[block.header.block_num]->header.hash == block.header.hash;
    }
    void mine(size_t count) {
        for (size_t i = 0; i < count; ++i) {
            mine_block();
        }
    }
    /// Blocks above `block_num` are gone.
    void cut(uint64_t block_num) { blocks_.resize(block_num + 1); }
    void reorg(uint64_t depth, size_t new_blocks) {
        cut(head() - std::min(depth, head()));
        mine(new_blocks);
    }
    /// Goes to another branch that once was, by its block list.
    void adopt(std::vector<std::shared_ptr<FakeBlock>> branch) { blocks_ = std::move(branch); }

  private:
    uint64_t pick(uint64_t below) { return random_() % below; }

    void mine_block() {
        auto block = std::make_shared<FakeBlock>();
        evm::Header& header = block->header;
        header.block_num = blocks_.size();
        header.timestamp = 1'700'000'000 + header.block_num * 12;
        if (!blocks_.empty()) {
            header.parent_hash = blocks_.back()->header.hash;
        }
        header.nonce = random_();
        header.hash =
            evm::keccak256(evm::to_hex(header.parent_hash) + std::to_string(header.block_num) +
                           "/" + std::to_string(header.nonce));
        if (header.block_num > 0 && pick(3) != 0) {
            const uint64_t count = pick(6);
            for (uint64_t i = 0; i < count; ++i) {
                add_log(*block);
            }
        }
        by_hash_[header.hash] = block;
        blocks_.push_back(std::move(block));
    }

    void add_log(FakeBlock& block) {
        evm::Log log;
        log.block_num = block.header.block_num;
        log.block_hash = block.header.hash;
        // Other contracts' logs stand between.
        log.log_index = static_cast<uint32_t>(
            block.logs.logs.empty() ? pick(3) : block.logs.logs.back().log_index + 1 + pick(3));
        log.txn_index = log.log_index / 2;
        log.txn_hash = evm::keccak256(evm::to_hex(log.block_hash) + std::to_string(log.txn_index));
        evm::Hash data = to_word(pick(1000));
        const auto set_event = [&log](const char* signature) {
            log.topics[0] = evm::keccak256(signature);
            log.topic_count = 1;
        };
        bool has_data = true;
        switch (pick(8)) {
            case 0:
            case 1:
            case 2:
                log.address = pick(5) == 0 ? make_address(7, pick(3)) : hub_address();
                set_event("Deposited(address,uint256)");
                log.topics[1] = to_word(make_address(5, pick(6)));
                log.topic_count = 2;
                break;
            case 3:
                log.address = hub_address();
                set_event("VaultMade(address)");
                log.topics[1] = to_word(make_address(2, pick(8)));
                log.topic_count = 2;
                has_data = false;
                break;
            case 4:
                // A vault makes a pod: a child of a child. It may not be announced yet, or ever.
                log.address = make_address(2, pick(10));
                set_event("ChildMade(address)");
                data = to_word(make_address(3, pick(8)));
                break;
            default:
                log.address = make_address(2 + pick(2), pick(10));
                set_event("Ping(uint256)");
                break;
        }
        block.logs.push(log, has_data ? data.view() : ByteView{});
    }

    std::mt19937_64 random_;
    std::vector<std::shared_ptr<FakeBlock>> blocks_;
    std::unordered_map<evm::Hash, std::shared_ptr<FakeBlock>, evm::FixedBytesHash> by_hash_;
};

struct FakeNodeOptions {
    uint64_t seed = 0;  ///< 0: answers at once, in order
    unsigned refusal_percent = 0;
    uint64_t finality_depth = 12;
    bool is_down = false;
    uint64_t lag = 0;  ///< blocks that the node is behind
    bool keeps_side_blocks = false;
    uint64_t chain_id = 31337;
    bool knows_genesis = true;
    uint64_t range_max = 16;
};

/// Answers from the chain as it is when the answer is given, as a node does.
class FakeNode final : public rpc::ChainSource {
  public:
    FakeNode(const FakeChain& chain, ManualClock& clock, FakeNodeOptions node_options)
        : options{node_options},
          chain_{chain},
          clock_{clock},
          random_{node_options.seed} {}

    FakeNodeOptions options;
    size_t range_asks = 0;
    std::vector<std::pair<rpc::LogFilter, evm::BlockRange>> asked;

    void get_chain_id(Callback<uint64_t> done) override {
        ask([this, done] { done(options.chain_id); }, [done](Error error) { done(error); });
    }
    void get_heads(Callback<rpc::Heads> done) override {
        ask(
            [this, done] {
                rpc::Heads heads;
                heads.latest = chain_.blocks()[head()]->header;
                heads.finalized =
                    chain_
                        .blocks()[head() > options.finality_depth ? head() - options.finality_depth
                                                                  : 0]
                        ->header;
                done(std::move(heads));
            },
            [done](Error error) { done(error); });
    }
    void get_headers(std::vector<uint64_t> block_nums,
                     Callback<std::vector<evm::Header>> done) override {
        ask(
            [this, block_nums, done] {
                std::vector<evm::Header> headers;
                for (const uint64_t n : block_nums) {
                    if (n > head() || (n == 0 && !options.knows_genesis)) {
                        done(Error{ErrorCode::kNotFound, "no such block"});
                        return;
                    }
                    headers.push_back(chain_.blocks()[n]->header);
                }
                done(std::move(headers));
            },
            [done](Error error) { done(error); });
    }
    void get_header_by_hash(evm::Hash hash, Callback<evm::Header> done) override {
        ask(
            [this, hash, done] {
                const FakeBlock* block = chain_.find(hash);
                if (block == nullptr ||
                    (!options.keeps_side_blocks &&
                     (!chain_.is_canonical(*block) || block->header.block_num > head()))) {
                    done(Error{ErrorCode::kNotFound, "no such block"});
                    return;
                }
                done(block->header);
            },
            [done](Error error) { done(error); });
    }
    void get_range(rpc::LogFilter filter, evm::BlockRange range, bool all_headers,
                   Callback<rpc::RangeLogs> done) override {
        ++range_asks;
        asked.emplace_back(filter, range);
        ask(
            [this, filter, range, all_headers, done] {
                if (range.to > head()) {
                    done(Error{ErrorCode::kNotFound, "beyond the head"});
                    return;
                }
                rpc::RangeLogs out;
                out.range = range;
                out.provider = "fake";
                for (uint64_t n = range.from; n <= range.to; ++n) {
                    const FakeBlock& block = *chain_.blocks()[n];
                    bool has_logs = false;
                    for (const evm::Log& log : block.logs.logs) {
                        const bool by_address = filter.addresses.empty() ||
                                                std::ranges::find(filter.addresses, log.address) !=
                                                    filter.addresses.end();
                        const bool by_topic = filter.topics0.empty() ||
                                              (log.topic_count > 0 &&
                                               std::ranges::find(filter.topics0, log.topics[0]) !=
                                                   filter.topics0.end());
                        if (by_address && by_topic) {
                            out.logs.push(log, block.logs.data(log));
                            has_logs = true;
                        }
                    }
                    if (has_logs || all_headers || n == range.from || n == range.to) {
                        out.headers.push_back(block.header);
                    }
                }
                done(std::move(out));
            },
            [done](Error error) { done(error); });
    }
    void get_txns(std::vector<evm::Hash> hashes,
                  Callback<std::vector<rpc::TxnInfo>> done) override {
        ask(
            [hashes, done] {
                std::vector<rpc::TxnInfo> out;
                for (const evm::Hash& hash : hashes) {
                    out.push_back({hash, evm::Address::from(hash.view().first(20)), std::nullopt,
                                   evm::U256{hash.bytes[0]}});
                }
                done(std::move(out));
            },
            [done](Error error) { done(error); });
    }
    uint64_t suggest_range_size(const rpc::LogFilter&, uint64_t) override {
        return options.seed == 0 ? options.range_max : 1 + random_() % options.range_max;
    }
    size_t poll(int64_t wait_ms) override {
        if (open_.empty()) {
            clock_.advance(std::max<int64_t>(wait_ms, 1));
            return 0;
        }
        if (options.seed == 0) {
            const auto answer = std::move(open_.front());
            open_.erase(open_.begin());
            answer();
            return 1;
        }
        clock_.advance(static_cast<int64_t>(random_() % 20));
        size_t count = random_() % 3;
        size_t ran = 0;
        for (; count > 0 && !open_.empty(); --count, ++ran) {
            const size_t i = random_() % open_.size();
            const auto answer = std::move(open_[i]);
            open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
            answer();
        }
        return ran;
    }
    size_t in_flight() const override { return open_.size(); }

  private:
    [[nodiscard]] uint64_t head() const {
        return chain_.head() > options.lag ? chain_.head() - options.lag : 0;
    }
    void ask(std::function<void()> answer, std::function<void(Error)> refuse) {
        open_.emplace_back([this, answer = std::move(answer), refuse = std::move(refuse)] {
            if (options.is_down) {
                refuse({ErrorCode::kUnavailable, "connection refused"});
            } else if (options.refusal_percent > 0 && random_() % 100 < options.refusal_percent) {
                refuse({ErrorCode::kTimeout, "no answer in time"});
            } else {
                answer();
            }
        });
    }

    const FakeChain& chain_;
    ManualClock& clock_;
    std::mt19937_64 random_;
    std::vector<std::function<void()>> open_;
};

}  // namespace plumbline::test
