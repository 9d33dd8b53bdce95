#include "rpc/piece_cutter.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"

namespace plumbline::rpc {

namespace {

/// Without batches each request may meet another backend, and logs by number come without a header
/// that shows that it has the blocks: one that is behind leaves them out without a word. So far
/// below the head all are taken to have them; above, each block is asked for by its hash.
constexpr uint64_t kBackendLagMax = 64;

}  // namespace

PieceCutter::PieceCutter(std::shared_ptr<const LogFilter> filter, bool all_headers)
    : filter_{std::move(filter)},
      all_headers_{all_headers} {}

size_t PieceCutter::count_log_calls(size_t addresses_max) const {
    const size_t addresses = filter_->addresses.size();
    const size_t chunk = std::max<size_t>(1, addresses_max);
    return addresses == 0 ? 1 : (addresses + chunk - 1) / chunk;
}

uint64_t PieceCutter::request_size(const evm::BlockRange& piece,
                                   const RequestLimits& limits) const {
    uint64_t size = std::min(piece.size(), std::max<uint64_t>(1, limits.blocks_max));
    if (all_headers_) {
        const size_t log_calls = count_log_calls(limits.addresses_max);
        size = std::min<uint64_t>(size,
                                  limits.batch_max > log_calls ? limits.batch_max - log_calls : 1);
    }
    if (limits.batch_max == 1 && limits.head) {
        const uint64_t sure = *limits.head - std::min(*limits.head, kBackendLagMax);
        size = piece.from > sure ? 1 : std::min(size, sure - piece.from + 1);
    }
    if (limits.head && *limits.head >= piece.from) {
        size = std::min(size, *limits.head - piece.from + 1);
    }
    return size;
}

std::vector<uint64_t> PieceCutter::header_nums(const evm::BlockRange& piece) const {
    std::vector<uint64_t> nums;
    const uint64_t step = all_headers_ ? 1 : std::max<uint64_t>(1, piece.size() - 1);
    for (uint64_t i = 0; i < piece.size(); i += step) {
        nums.push_back(piece.from + i);
    }
    return nums;
}

std::vector<Call> PieceCutter::write_calls(const evm::BlockRange& piece,
                                           const RequestLimits& limits) const {
    std::vector<Call> calls;
    const auto add_header = [&](uint64_t block_num) {
        Call& call = calls.emplace_back();
        call.kind = Call::Kind::kHeaderByNum;
        call.block_num = block_num;
    };
    for (const uint64_t block_num : header_nums(piece)) {
        add_header(block_num);
    }
    if (asks_by_hash(piece, limits)) {
        return calls;
    }
    const size_t addresses = filter_->addresses.size();
    const size_t chunk = std::max<size_t>(1, limits.addresses_max);
    for (size_t i = 0; i < count_log_calls(limits.addresses_max); ++i) {
        if (limits.batch_max > 1 && calls.size() % limits.batch_max == 0) {
            // A further request may meet a backend that is behind and has no logs for that reason:
            // this header, which it would lack as well, tells the two apart.
            add_header(piece.to);
        }
        Call& call = calls.emplace_back();
        call.kind = Call::Kind::kLogs;
        call.range = piece;
        call.filter = filter_;
        call.address_begin = i * chunk;
        call.address_end = std::min(addresses, (i + 1) * chunk);
    }
    return calls;
}

std::vector<Call> PieceCutter::write_header_calls(const evm::BlockRange& piece) {
    std::vector<Call> calls(piece.size());
    for (size_t i = 0; i < calls.size(); ++i) {
        calls[i].kind = Call::Kind::kHeaderByNum;
        calls[i].block_num = piece.from + i;
    }
    return calls;
}

std::vector<Call> PieceCutter::write_calls_of_block(const evm::Hash& block_hash,
                                                    size_t addresses_max) const {
    std::vector<Call> calls;
    const size_t addresses = filter_->addresses.size();
    const size_t chunk = std::max<size_t>(1, addresses_max);
    for (size_t i = 0; i < count_log_calls(addresses_max); ++i) {
        Call& call = calls.emplace_back();
        call.kind = Call::Kind::kLogsOfBlock;
        call.hash = block_hash;
        call.filter = filter_;
        call.address_begin = i * chunk;
        call.address_end = std::min(addresses, (i + 1) * chunk);
    }
    return calls;
}

RefusalStep choose_step(const Refusal& refusal, const evm::BlockRange& piece,
                        size_t addresses_asked, bool others_left) {
    if (refusal.kind == RefusalClass::kTooManyAddresses && addresses_asked > 1) {
        return RefusalStep::kFewerAddresses;
    }
    if (piece.size() > 1) {
        // A limit on blocks that this piece keeps is not what is in the way.
        const bool is_kept = refusal.blocks_max && *refusal.blocks_max >= piece.size();
        return refusal.kind == RefusalClass::kTooManyBlocks && !is_kept ? RefusalStep::kShorterRange
                                                                        : RefusalStep::kSplit;
    }
    // Ask another one first where the block may not be the reason.
    const bool is_dense = refusal.kind == RefusalClass::kTooManyResults ||
                          refusal.kind == RefusalClass::kResponseTooLarge;
    return others_left && (!is_dense || refusal.ambiguous) ? RefusalStep::kAskAnother
                                                           : RefusalStep::kReceipts;
}

PieceCut find_cut(const Refusal& refusal, const evm::BlockRange& piece) {
    PLUMBLINE_CHECK_MSG(piece.size() > 1, "a single block cannot be cut");
    PieceCut cut{piece.size() / 2, false};
    if (refusal.range_hint && refusal.range_hint->from == piece.from &&
        refusal.range_hint->to < piece.to) {
        cut = {refusal.range_hint->size(), true};
    } else if (refusal.blocks_max && *refusal.blocks_max < piece.size()) {
        cut = {*refusal.blocks_max, true};
    }
    cut.first_size = std::clamp<uint64_t>(cut.first_size, 1, piece.size() - 1);
    return cut;
}

}  // namespace plumbline::rpc
