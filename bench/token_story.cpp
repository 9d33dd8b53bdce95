#include "bench/token_story.hpp"

#include <algorithm>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::bench {

namespace {

constexpr uint32_t kLogsPerTransaction = 4;
constexpr uint64_t kSpenders = 64;  ///< routers and the like, that holders approve

const evm::Hash kTransfer = evm::keccak256("Transfer(address,address,uint256)");
const evm::Hash kApproval = evm::keccak256("Approval(address,address,uint256)");

evm::Address holder_address(uint32_t holder) {
    return holder == 0 ? *evm::parse_address(kDeployerAddress) : made_up<20>(0x686f6c64, holder);
}

evm::Hash address_topic(const evm::Address& address) {
    evm::Hash out{};
    std::ranges::copy(address.bytes, out.bytes.begin() + 12);
    return out;
}

}  // namespace

TokenStory::TokenStory(uint64_t seed) : state_{mix(seed)} {}

uint64_t TokenStory::random() {
    state_ += 0x9E3779B97F4A7C15ULL;
    return mix(state_);
}

/// Half of the draws fall on the first eighth.
uint32_t TokenStory::draw_holder() {
    const uint64_t all = balances_.size();
    return static_cast<uint32_t>(below(2) == 0 ? below(all / 8 + 1) : below(all));
}

void TokenStory::emit(const evm::Hash& topic0, const evm::Address& first,
                      const evm::Address& second, Amount value) {
    log_.topic_count = 3;
    log_.topics[0] = topic0;
    log_.topics[1] = address_topic(first);
    log_.topics[2] = address_topic(second);
    data_.assign(32, 0);
    for (size_t i = 0; i < sizeof(value); ++i) {
        data_[31 - i] = static_cast<uint8_t>(value >> (8 * i));
    }
    batch_->push(log_, data_);
}

void TokenStory::transfer() {
    const uint32_t from = draw_holder();
    const bool to_somebody_new = below(16) == 0;
    const auto to = to_somebody_new ? static_cast<uint32_t>(balances_.size()) : draw_holder();
    if (to_somebody_new) {
        balances_.push_back(0);
    }
    // One in 32 moves all: holders with nothing left are part of the story.
    const Amount value =
        below(32) == 0 ? balances_[from] : balances_[from] / (2 + below(1000)) + below(2);
    const Amount moved = std::min(value, balances_[from]);
    balances_[from] -= moved;
    balances_[to] += moved;
    emit(kTransfer, holder_address(from), holder_address(to), moved);
}

void TokenStory::approve() {
    const uint32_t owner = draw_holder();
    const evm::Address spender = made_up<20>(0x7370656e, below(kSpenders));
    const Amount value = below(4) == 0 ? Amount{0} : Amount{random()} * (1 + below(1'000'000));
    emit(kApproval, holder_address(owner), spender, value);
}

void TokenStory::append_block(uint64_t block_num, uint32_t count, evm::LogBatch& batch) {
    batch_ = &batch;
    log_.address = *evm::parse_address(kContractAddress);
    log_.block_num = block_num;
    for (uint32_t i = 0; i < count; ++i) {
        log_.log_index = i;
        log_.txn_index = i / kLogsPerTransaction;
        log_.txn_hash = made_up<32>(block_num, log_.txn_index);
        if (balances_.empty()) {
            balances_.push_back(Amount{1'000'000'000} * 1'000'000'000'000'000'000U);
            emit(kTransfer, {}, holder_address(0), balances_[0]);
        } else if (below(20) < 17) {
            transfer();
        } else {
            approve();
        }
    }
    batch_ = nullptr;
}

}  // namespace plumbline::bench
