#include "rpc/refused_blocks.hpp"

#include <algorithm>

namespace plumbline::rpc {

bool RefusedBlocks::on_refused(uint64_t block_num, std::optional<uint64_t> first_kept,
                               int64_t now_ms) {
    const bool was_known = is_known();
    if (was_known && block_num > through_) {
        reach_ = std::min(2 * reach_, kReachMax);
    }
    highest_ = std::max(highest_, block_num);
    in_row_ = std::min(in_row_ + 1, believed_);
    through_ = first_kept && *first_kept > block_num ? *first_kept - 1
                                                     : std::max(through_, highest_ + reach_);
    if (answered_ && *answered_ > highest_) {
        through_ = std::min(through_, *answered_ - 1);
    } else {
        answered_.reset();  // That was another backend.
    }
    if (is_known() && now_ms >= until_ms_) {
        until_ms_ = now_ms + believed_ms_;
        believed_ms_ = std::min(2 * believed_ms_, kBelievedMsMax);
    }
    return is_known() && !was_known;
}

void RefusedBlocks::on_answered(uint64_t block_num) {
    if (in_row_ == 0) {
        return;
    }
    if (block_num <= highest_ || (!is_known() && block_num <= through_)) {
        *this = RefusedBlocks{believed_};
    } else if (!answered_ || block_num < *answered_) {
        answered_ = block_num;
        through_ = std::min(through_, block_num - 1);
    }
}

}  // namespace plumbline::rpc
