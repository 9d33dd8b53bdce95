#include "engine/ingest/range_end_check.hpp"

#include <algorithm>

#include "core/base/check.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kBlocksPerQuestion = 64;

}  // namespace

void RangeEndCheck::start(const std::optional<evm::BlockId>& good) {
    ends_.clear();
    checked_ = 0;
    good_ = good;
}

void RangeEndCheck::add(const evm::BlockId& end) {
    PLUMBLINE_CHECK(ends_.empty() || ends_.back().block_num < end.block_num);
    ends_.push_back(end);
}

size_t RangeEndCheck::question_size() const noexcept {
    return std::min(kBlocksPerQuestion, ends_.size() - checked_);
}

std::vector<uint64_t> RangeEndCheck::next_question() const {
    std::vector<uint64_t> block_nums;
    for (size_t i = 0; i < question_size(); ++i) {
        block_nums.push_back(ends_[checked_ + i].block_num);
    }
    return block_nums;
}

bool RangeEndCheck::take_headers(std::span<const evm::Header> headers) {
    PLUMBLINE_CHECK(headers.size() == question_size());
    for (const evm::Header& header : headers) {
        const evm::BlockId& end = ends_[checked_];
        if (header.hash != end.hash) {
            return false;
        }
        good_ = end;
        ++checked_;
    }
    return true;
}

}  // namespace plumbline::engine
