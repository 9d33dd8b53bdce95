// The part of RangeJob that deals with numbers for which a provider has no block.
#include <algorithm>
#include <numeric>
#include <utility>

#include "rpc/error_text.hpp"
#include "rpc/gap_search.hpp"
#include "rpc/range_job.hpp"

namespace plumbline::rpc {

namespace {

/// In the provider's words where it has any.
std::string reason_for(const GroupResult& result, uint64_t block_num) {
    for (const Answer& answer : result.answers) {
        if (const auto* error = answer.get<RpcError>()) {
            return error_text(*error, error->http_status);
        }
    }
    return "it does not have block " + std::to_string(block_num);
}

}  // namespace

/// Goes on with `next` once the piece has all of its headers: those that did not come must be gaps.
/// Logs that came with them are only good then: a backend that is behind has none.
void RangeJob::prove_gaps(RangePiece& piece, GroupResult result, Step next) {
    const std::vector<uint64_t> nums = asked_nums(piece);
    std::vector<std::optional<evm::Header>> headers;
    for (const uint64_t num : nums) {
        const auto known = piece.headers.find(num);
        headers.push_back(known == piece.headers.end() ? std::nullopt
                                                       : std::optional{known->second});
    }
    fill_linked_gaps(nums, headers);
    std::optional<uint64_t> open;
    for (size_t i = 0; i < nums.size(); ++i) {
        if (headers[i]) {
            piece.headers.try_emplace(nums[i], *std::move(headers[i]));
        } else if (!open) {
            open = nums[i];
        }
    }
    if (!open) {
        (this->*next)(piece, std::move(result));
        return;
    }
    const size_t provider = result.provider;
    auto held = std::make_shared<GroupResult>(std::move(result));
    std::make_shared<GapSearch>(dispatcher_, provider, *open,
                                [self = shared_from_this(), from = piece.range.from, open = *open,
                                 held, next](const std::optional<evm::BlockGap>& gap) {
                                    if (!self->over_) {
                                        self->on_gap(self->pieces_.at(from), open, gap,
                                                     std::move(*held), next);
                                    }
                                })
        ->start();
}

std::vector<uint64_t> RangeJob::asked_nums(const RangePiece& piece) const {
    if (!piece.by_receipts) {
        return cutter_.header_nums(piece.range);
    }
    std::vector<uint64_t> all(piece.range.size());
    std::iota(all.begin(), all.end(), piece.range.from);
    return all;
}

void RangeJob::on_gap(RangePiece& piece, uint64_t block_num,
                      const std::optional<evm::BlockGap>& gap, GroupResult result, Step next) {
    if (!gap) {
        dispatcher_.providers()[result.provider].on_behind(block_num);
        try_again(piece, result.provider, reason_for(result, block_num), Blame::kNobody);
        return;
    }
    for (const uint64_t num : asked_nums(piece)) {
        if (gap->contains(num)) {
            piece.headers.try_emplace(num, evm::make_gap_header(num, gap->before));
        }
    }
    prove_gaps(piece, std::move(result), next);
}

/// A block whose logs nobody gives, because there is none.
void RangeJob::on_dense_gap(RangePiece& piece, GroupResult result) {
    piece.provider = result.provider;
    check_piece(piece);
}

}  // namespace plumbline::rpc
