#include "engine/ingest/commit_pipeline.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/base/check.hpp"

namespace plumbline::engine {

namespace {

/// About what a log takes in a batch besides its data.
constexpr uint64_t kLogBytes = 128;

}  // namespace

const WorkItem& CommitPipeline::next() const {
    PLUMBLINE_CHECK(!is_used_up());
    return items_[folded_.item];
}

const AppendWork& CommitPipeline::work() const {
    const auto* append = std::get_if<AppendWork>(&next().work);
    PLUMBLINE_CHECK_MSG(append != nullptr, "only blocks are folded");
    return *append;
}

void CommitPipeline::drop_next() {
    PLUMBLINE_CHECK_MSG(!has_in_hand(), "what is in hand belongs to items before it");
    PLUMBLINE_CHECK(!is_used_up() && folded_.item == 0);
    items_.pop_front();
    committed_ = sealed_end_ = folded_ = {};
}

bool CommitPipeline::joins(const std::optional<evm::BlockId>& stored) const {
    const FetchedRange& fetched = work().fetched;
    std::optional<evm::BlockId> before = stored;
    if (has_in_hand()) {
        const BlockInfo& last = open_.last ? *open_.last : *sealed_->last;
        before = evm::BlockId{last.block_num, last.hash};
    }
    if (!before) {
        return true;
    }
    return fetched.range.from == before->block_num + 1 &&
           (fetched.parent_hash.is_zero() || before->hash.is_zero() ||
            fetched.parent_hash == before->hash);
}

std::optional<BlockSpan> CommitPipeline::next_block() const {
    const FetchedRange& fetched = work().fetched;
    PLUMBLINE_CHECK(folded_.at.block < fetched.blocks.size());
    BlockSpan span{&fetched, folded_.at, folded_.at, 0};
    if (is_full_ || (span.needs_undo() && has_in_hand())) {
        return std::nullopt;
    }
    const uint64_t block_num = span.block().block_num;
    RangePos& to = span.to;
    ++to.block;
    const std::vector<evm::Log>& logs = fetched.logs.logs;
    for (; to.log < logs.size() && logs[to.log].block_num == block_num; ++to.log) {
        span.log_bytes += logs[to.log].data_size / 2 + kLogBytes;  // It is packed.
    }
    while (to.child < fetched.children.size() &&
           fetched.children[to.child].block_num == block_num) {
        ++to.child;
    }
    return span;
}

void CommitPipeline::add(const BlockSpan& span, uint64_t row_bytes) {
    const AppendWork& append = work();
    const FetchedRange& fetched = append.fetched;
    PLUMBLINE_CHECK_MSG(span.fetched == &fetched && span.from == folded_.at,
                        "blocks are folded in order");
    PLUMBLINE_CHECK_MSG(!is_full_ && !(span.needs_undo() && has_in_hand()),
                        "the open commit takes no more");
    extend_parts(span);
    const BlockInfo& block = span.block();
    open_.from = open_.parts.front().coverage.from;
    open_.last = block;
    open_.events += span.to.log - span.from.log;
    open_.log_bytes += span.log_bytes;
    open_.finalized = std::min(fetched.finalized, block.block_num);
    open_.sync = append.sync;

    const bool is_large =
        open_.events >= limits_.events_max || open_.log_bytes + row_bytes >= limits_.bytes_max;
    const bool is_whole = span.to.block == fetched.blocks.size();
    PLUMBLINE_CHECK_MSG(!is_whole || (span.to.log == fetched.logs.logs.size() &&
                                      span.to.child == fetched.children.size()),
                        "a log or a child of none of the range's blocks");
    const bool stops_here =
        is_whole ? append.sync : fetched.blocks[span.to.block].block_num > fetched.finalized;
    is_full_ = span.needs_undo() || is_large || stops_here;

    folded_ = is_whole ? WorkPos{folded_.item + 1, {}} : WorkPos{folded_.item, span.to};
    check_order();
}

/// The last part grows where it is of the same item: commits end between calls, never inside one.
void CommitPipeline::extend_parts(const BlockSpan& span) {
    const FetchedRange& fetched = *span.fetched;
    if (open_.parts.empty() || open_.parts.back().fetched != span.fetched) {
        PLUMBLINE_CHECK_MSG(open_.parts.empty() || span.from == RangePos{}, "a gap in the commit");
        const uint64_t covered_from = span.from.block == 0
                                          ? fetched.range.from
                                          : fetched.blocks[span.from.block - 1].block_num + 1;
        open_.parts.push_back({span.fetched, span.from, span.from, {covered_from, 0}});
    }
    CommitPart& part = open_.parts.back();
    PLUMBLINE_DCHECK(part.to == span.from);
    part.to = span.to;
    part.coverage.to =
        span.to.block == fetched.blocks.size() ? fetched.range.to : span.block().block_num;
}

void CommitPipeline::seal() {
    PLUMBLINE_CHECK_MSG(!sealed_, "one commit is written at a time");
    PLUMBLINE_CHECK_MSG(open_.last.has_value(), "there is nothing to commit");
    sealed_ = std::exchange(open_, {});
    sealed_end_ = folded_;
    is_full_ = false;
    check_order();
}

std::optional<uint64_t> CommitPipeline::finish_sealed() {
    PLUMBLINE_CHECK_MSG(sealed_.has_value(), "no commit is being written");
    std::optional<uint64_t> done;
    const size_t count = sealed_end_.item;
    for (size_t i = 0; i < count; ++i) {
        done = items_.front().seq;
        items_.pop_front();
    }
    folded_.item -= count;
    sealed_end_.item = 0;
    committed_ = sealed_end_;
    sealed_.reset();
    check_order();
    return done;
}

void CommitPipeline::rewind() {
    folded_ = committed_;
    sealed_end_ = committed_;
    sealed_.reset();
    open_ = {};
    is_full_ = false;
}

void CommitPipeline::clear() {
    committed_ = {};
    rewind();
    items_.clear();
}

void CommitPipeline::check_order() const {
    PLUMBLINE_CHECK(committed_.item == 0 && committed_ <= sealed_end_ && sealed_end_ <= folded_);
    PLUMBLINE_CHECK(folded_.item < items_.size() || (is_used_up() && is_at_start()));
}

}  // namespace plumbline::engine
