#include "engine/mapping/block_tick.hpp"

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/evm/abi_human.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::engine {

namespace {

/// Behind the logs of any block; corrections come last.
constexpr uint32_t kFirstIndex = uint32_t{1} << 31U;

const evm::Address& tick_address() {
    static const evm::Address kAddress =
        evm::Address::from(evm::keccak256("plumbline: ticks of blocks").view().last(20));
    return kAddress;
}

const evm::Hash& tick_topic() {
    static const evm::Hash kTopic = tick_abi().events.front().topic0();
    return kTopic;
}

evm::Hash word_of(uint64_t number) {
    evm::Hash out;
    evm::U256{number}.to_be(out.data());
    return out;
}

}  // namespace

std::string tick_contract(uint64_t blocks) {
    return blocks == 1 ? std::string{"every block"} : fmt::format("every {} blocks", blocks);
}

const evm::Abi& tick_abi() {
    static const evm::Abi kAbi = [] {
        auto abi = evm::read_human_abi("event Tick(uint256 indexed blocks)");
        PLUMBLINE_CHECK(abi.has_value());
        return *std::move(abi);
    }();
    return kAbi;
}

Source make_tick_source(uint64_t blocks) {
    Source out;
    out.contract = tick_contract(blocks);
    out.addresses = {tick_address()};
    out.every_blocks = blocks;
    out.topics0 = {tick_topic()};
    out.abi_topics0 = out.topics0;
    EventFilter filter;
    filter.topic0 = tick_topic();
    filter.topic_count = 2;
    filter.topics[0] = {word_of(blocks)};
    out.filters = {filter};
    return out;
}

evm::Log make_tick(uint64_t blocks, uint64_t block_num, const evm::Hash& block_hash) {
    evm::Log out;
    out.block_num = block_num;
    out.block_hash = block_hash;
    // Those of one block go by how often they come; no other config gives the place to another.
    out.log_index = kFirstIndex + static_cast<uint32_t>(blocks);
    out.address = tick_address();
    out.topic_count = 2;
    out.topics[0] = tick_topic();
    out.topics[1] = word_of(blocks);
    return out;
}

bool is_tick_index(uint32_t log_index) noexcept {
    return log_index > kFirstIndex;
}

bool is_tick(const evm::Log& log) noexcept {
    if (!is_tick_index(log.log_index) || log.address != tick_address()) {
        return false;
    }
    const uint64_t blocks = log.log_index - kFirstIndex;
    const evm::Log tick = make_tick(blocks, log.block_num, {});
    return blocks <= kTickBlocksMax && log.block_num % blocks == 0 && log.topic_count == 2 &&
           log.topics[0] == tick.topics[0] && log.topics[1] == tick.topics[1] &&
           log.data_size == 0 && log.txn_index == 0 && log.txn_hash == evm::Hash{};
}

}  // namespace plumbline::engine
