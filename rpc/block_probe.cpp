#include "rpc/block_probe.hpp"

#include <memory>
#include <utility>

#include "core/evm/hex.hpp"
#include "rpc/block_programs.hpp"

namespace plumbline::rpc {

CallRequest make_block_probe(const char* code, const evm::BlockId& block, const ProbeWay& way) {
    CallRequest out;
    Bytes bytes = evm::parse_hex(code).value_or(Bytes{});
    if (way.has_code_at) {
        out.to = evm::parse_address(kNowhere);
        out.code = std::make_shared<const Bytes>(std::move(bytes));
    } else {
        out.data = std::move(bytes);
    }
    out.block = StateBlock{block, way.by_num};
    return out;
}

std::optional<uint64_t> probe_word_of(const CallResult& result) {
    return result.kind == CallResult::Kind::kAnswered ? block_word_of(result.data) : std::nullopt;
}

std::string describe_off_block(const ProbedBlock& older, const ProbedBlock& newer,
                               const ProbeWords& words) {
    const auto& [time, number, own] = words;
    std::string ran_at;
    if (time && older.timestamp < newer.timestamp && *time >= newer.timestamp) {
        ran_at = "of time " + std::to_string(older.timestamp) + ", as at " + std::to_string(*time);
    } else if (number && own && is_own_number(*own, newer.id.block_num) &&
               is_other_block(*number, older.id.block_num, newer.id.block_num)) {
        ran_at = "as at block " + std::to_string(*number);
    } else {
        return {};
    }
    return "answers eth_call from another block than it is asked about (block " +
           std::to_string(older.id.block_num) + ", " + ran_at + ")";
}

}  // namespace plumbline::rpc
