#include "engine/proof/log/proof_piece.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/check.hpp"
#include "core/evm/trie.hpp"
#include "engine/mapping/block_tick.hpp"

namespace plumbline::engine {

namespace {

using storage::ProofLevel;

/// splitmix64
uint64_t mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31U);
}

uint64_t word_of(const evm::Hash& hash) {
    uint64_t word = 0;
    for (size_t i = 0; i < 8; ++i) {
        word = word << 8U | hash.bytes[i];
    }
    return word;
}

using BlockLevels = std::vector<std::pair<uint64_t, ProofLevel>>;

/// `base` for all blocks but the `own` ones, ascending, which have a level of their own.
std::vector<LevelSpan> spans_of(const evm::BlockRange& range, ProofLevel base,
                                const BlockLevels& own) {
    std::vector<LevelSpan> out;
    const auto add = [&out](const evm::BlockRange& span, ProofLevel level) {
        if (!out.empty() && out.back().level == level) {
            out.back().range.to = span.to;
        } else {
            out.push_back({span, level});
        }
    };
    uint64_t next = range.from;
    for (const auto& [block_num, level] : own) {
        if (next < block_num) {
            add({next, block_num - 1}, base);
        }
        add({block_num, block_num}, level);
        next = block_num + 1;
    }
    if (next <= range.to) {
        add({next, range.to}, base);
    }
    return out;
}

}  // namespace

ProofPiece::ProofPiece(evm::BlockRange range, evm::BlockId top, const LogProofOptions& options,
                       LogJudge& judge, const ChainProfile& profile)
    : range_{range},
      top_{top},
      options_{options},
      judge_{judge},
      profile_{profile},
      first_{range.from},
      missing_{top} {
    PLUMBLINE_CHECK(range.from <= range.to && top.block_num == range.to);
}

// --- headers ---------------------------------------------------------------------------------

uint64_t ProofPiece::missing_count() const noexcept {
    return missing_ ? missing_->block_num - first() + 1 : 0;
}

uint64_t ProofPiece::missing_at_once() const noexcept {
    const uint64_t count = missing_count();
    return first() == 0 && count > 1 ? count - 1 : count;
}

void ProofPiece::do_without_block_zero() {
    PLUMBLINE_CHECK(missing_ && missing_->block_num == 0);
    missing_.reset();
    first_ = 1;
}

bool ProofPiece::leaves_block_zero_open() const {
    return range_.from < first() && !stored_.logs.empty() && stored_.logs.front().block_num == 0;
}

void ProofPiece::add_headers(std::vector<evm::Header> headers) {
    PLUMBLINE_CHECK(missing_ && !headers.empty() && headers.size() <= missing_count());
    const uint64_t lowest = missing_->block_num - headers.size() + 1;
    headers_.insert(headers_.begin(), std::make_move_iterator(headers.begin()),
                    std::make_move_iterator(headers.end()));
    missing_.reset();
    if (lowest > first()) {
        missing_ = {lowest - 1, headers_.front().parent_hash};
    }
}

evm::BlockId ProofPiece::below() const noexcept {
    return headers_.empty() || range_.from == 0
               ? evm::BlockId{}
               : evm::BlockId{range_.from - 1, headers_.front().parent_hash};
}

// --- what headers alone tell -----------------------------------------------------------------

void ProofPiece::find_log_begins() {
    log_begin_.assign(headers_.size() + 1, stored_.logs.size());
    size_t next = 0;
    for (size_t i = 0; i < stored_.logs.size(); ++i) {
        while (next < headers_.size() && first() + next <= stored_.logs[i].block_num) {
            log_begin_[next++] = i;
        }
    }
}

size_t ProofPiece::stored_count(size_t index) const {
    return log_begin_[index + 1] - log_begin_[index];
}

size_t ProofPiece::tick_count(size_t index) const {
    const auto begin = stored_.logs.begin();
    return static_cast<size_t>(std::count_if(begin + static_cast<ptrdiff_t>(log_begin_[index]),
                                             begin + static_cast<ptrdiff_t>(log_begin_[index + 1]),
                                             is_tick));
}

evm::LogBatch ProofPiece::stored_of(size_t index) const {
    evm::LogBatch out;
    for (size_t i = log_begin_[index]; i < log_begin_[index + 1]; ++i) {
        out.push(stored_.logs[i], stored_.data(stored_.logs[i]));
    }
    return out;
}

void ProofPiece::examine(StoredRange stored) {
    PLUMBLINE_CHECK(has_headers() && !is_examined_);
    is_examined_ = true;
    stored_ = std::move(stored.logs);
    find_log_begins();
    blocks_.resize(headers_.size());
    auto row = std::ranges::lower_bound(stored.rows, first(), {}, &storage::BlockRow::block_num);
    for (size_t i = 0; i < headers_.size(); ++i) {
        const bool has_row = row != stored.rows.end() && row->block_num == first() + i;
        judge_.judge_row(headers_[i], has_row ? &*row : nullptr, stored_count(i),
                         blocks_[i].row_findings);
        if (has_row) {
            blocks_[i].stored_hash = row->hash;
        }
        row += has_row ? 1 : 0;
        examine_block(i);
    }
    add_spot_checks();
}

void ProofPiece::examine_block(size_t index) {
    const evm::Header& header = headers_[index];
    Block& block = blocks_[index];
    if (options_.level < ProofLevel::kBloom || !profile_.receipts) {
        return;
    }
    if (header.receipts_root == evm::kEmptyTrieRoot) {
        settle(index, judge_.judge_empty(header, stored_of(index)));
        return;
    }
    if (profile_.blooms) {
        block.level = ProofLevel::kBloom;
        if (stored_count(index) == 0 && !judge_.may_hold(header)) {
            block.outcome = Outcome::kByBloom;
            return;
        }
        block.outside = judge_.judge_bloom(header, stored_of(index), block.log_findings);
        block.level = block.outside > 0 ? ProofLevel::kLinked : ProofLevel::kBloom;
    }
    want_receipts(index);
}

void ProofPiece::want_receipts(size_t index) {
    Block& block = blocks_[index];
    if (options_.level < ProofLevel::kReceipts || block.receipts == Receipts::kWanted ||
        (block.log_findings.empty() && !is_sampled(headers_[index]))) {
        return;
    }
    block.receipts = Receipts::kWanted;
    due_.push_back(index);
}

bool ProofPiece::is_sampled(const evm::Header& header) const noexcept {
    if (options_.sample >= 1.0) {
        return true;
    }
    const uint64_t word = mix(word_of(header.hash) ^ mix(options_.seed));
    return static_cast<double>(word >> 11U) * 0x1.0p-53 < options_.sample;
}

/// A few of the blocks that blooms have settled, always the same ones for a seed.
void ProofPiece::add_spot_checks() {
    if (options_.level < ProofLevel::kReceipts || !profile_.receipts || !profile_.blooms) {
        return;
    }
    std::vector<std::pair<uint64_t, size_t>> order;
    for (size_t i = 0; i < blocks_.size(); ++i) {
        if (blocks_[i].outcome == Outcome::kByBloom) {
            order.emplace_back(mix(word_of(headers_[i].hash) ^ options_.seed), i);
        }
    }
    const size_t count = std::min<size_t>(order.size(), options_.spot_checks);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                      order.end());
    for (size_t i = 0; i < count; ++i) {
        blocks_[order[i].second].receipts = Receipts::kWanted;
        due_.push_back(order[i].second);
    }
}

// --- receipts --------------------------------------------------------------------------------

std::vector<size_t> ProofPiece::take_due(size_t count) {
    const auto end = due_.begin() + static_cast<std::ptrdiff_t>(std::min(count, due_.size()));
    std::vector<size_t> out{due_.begin(), end};
    due_.erase(due_.begin(), end);
    return out;
}

std::vector<storage::ChildRow> ProofPiece::accept(size_t index, const evm::ReceiptBatch& receipts) {
    BlockVerdict verdict = judge_.judge(headers_[index], receipts, stored_of(index));
    std::vector<storage::ChildRow> children = std::move(verdict.new_children);
    settle(index, std::move(verdict));
    new_children_.insert(new_children_.end(), children.begin(), children.end());
    return children;
}

void ProofPiece::settle(size_t index, BlockVerdict verdict) {
    Block& block = blocks_[index];
    block.outcome = Outcome::kByReceipts;
    block.receipts = Receipts::kTold;
    // The block's receipts say nothing of logs outside of their root, nor of how many there are.
    block.outside = verdict.outside;
    block.level = block.outside > 0 ? ProofLevel::kLinked : ProofLevel::kReceipts;
    block.has_truth = true;
    block.log_findings = std::move(verdict.findings);
    block.truth.clear();
    if (block.is_bad()) {
        block.truth = std::move(verdict.truth);
    }
}

bool ProofPiece::refuse(size_t index, ErrorCode code) {
    Block& block = blocks_[index];
    block.receipts = Receipts::kTold;
    if (code == ErrorCode::kNotFound && block.outcome == Outcome::kByBloom) {
        return false;  // a spot check that cannot be made takes nothing from the bloom's evidence
    }
    block.outcome = Outcome::kUnprovable;
    if (code == ErrorCode::kIncompatible) {
        // The bloom stands or falls with the receipts that it is checked by.
        block.level = ProofLevel::kLinked;
        block.log_findings.clear();
    }
    return true;
}

void ProofPiece::recheck(const storage::ChildRow& child) {
    if (!is_examined_) {
        return;  // `examine` will know the contract
    }
    const uint64_t from = judge_.first_block_of(child);
    for (size_t i = 0; i < headers_.size(); ++i) {
        Block& block = blocks_[i];
        if (first() + i < from || block.receipts == Receipts::kWanted ||
            headers_[i].receipts_root == evm::kEmptyTrieRoot ||
            (profile_.blooms && !LogJudge::may_hold(headers_[i], child.address))) {
            continue;
        }
        block.reopen();
        want_receipts(i);
    }
}

void ProofPiece::distrust_blooms() {
    for (size_t i = 0; i < blocks_.size(); ++i) {
        Block& block = blocks_[i];
        if (block.outcome == Outcome::kByReceipts) {
            continue;  // its evidence stands by itself
        }
        block.reopen();
        block.level = ProofLevel::kLinked;
        block.log_findings.clear();
        // What was asked for in vain is not asked for again, unless a bloom made up for it.
        if (block.outcome == Outcome::kOpen) {
            want_receipts(i);
        }
    }
}

// --- the end ---------------------------------------------------------------------------------

LogProofPiece ProofPiece::finish() {
    PLUMBLINE_CHECK(is_examined_ && due_.empty());
    LogProofPiece out;
    out.range = range_;
    out.top = top_;
    out.below = below();
    out.counts.blocks = range_.size();
    out.new_children = std::move(new_children_);
    ProofLevel base = options_.level;
    BlockLevels own;
    if (range_.from < first()) {
        finish_block_zero(out);
        if (leaves_block_zero_open()) {
            own.emplace_back(0, ProofLevel::kFetched);
        }
    }
    for (size_t i = 0; i < blocks_.size(); ++i) {
        const Block& block = blocks_[i];
        out.counts.by_bloom += block.outcome == Outcome::kByBloom ? 1U : 0U;
        out.counts.by_receipts += block.outcome == Outcome::kByReceipts ? 1U : 0U;
        out.counts.unprovable += block.outcome == Outcome::kUnprovable ? 1U : 0U;
        out.counts.unsettled += block.outcome == Outcome::kOpen ? 1U : 0U;
        if (block.is_bad()) {
            own.emplace_back(first() + i, ProofLevel::kFetched);
            finish_bad(i, out);
            continue;
        }
        if (block.outside > 0) {
            own.emplace_back(first() + i, std::min(block.level, options_.level));
            finish_good(i, out);
            continue;
        }
        base = std::min(base, block.is_settled() ? options_.level : block.level);
        finish_good(i, out);
    }
    out.spans = spans_of(range_, base, own);
    return out;
}

/// Nothing happens in block 0, so no log can be of it.
void ProofPiece::finish_block_zero(LogProofPiece& out) const {
    for (const evm::Log& log : stored_.logs) {
        if (log.block_num > 0) {
            break;
        }
        if (is_tick(log)) {
            ++out.counts.ticks;
            continue;
        }
        Finding finding;
        finding.kind = FindingKind::kLogInvented;
        finding.log_index = log.log_index;
        finding.provider = judge_.provider_of(log);
        finding.detail = "block 0 has no transactions";
        out.findings.push_back(std::move(finding));
    }
    ++out.counts.by_receipts;
}

void ProofPiece::finish_good(size_t index, LogProofPiece& out) const {
    const Block& block = blocks_[index];
    const size_t count = stored_count(index);
    const uint64_t ticks = block.has_truth ? tick_count(index) : 0U;
    out.counts.ticks += ticks;
    out.counts.logs += block.has_truth ? count - block.outside - ticks : 0U;
    out.counts.outside += block.outside;
    if (count > 0) {
        out.blocks.emplace_back(first() + index, std::min(block.level, options_.level));
    }
}

void ProofPiece::finish_bad(size_t index, LogProofPiece& out) {
    Block& block = blocks_[index];
    ++out.counts.bad;
    if (block.has_truth) {
        // Where a log is missing or too many, a row that counts the true ones is right.
        const std::string count = std::to_string(block.truth.logs.size());
        std::erase_if(block.row_findings, [&count](const Finding& finding) {
            return finding.field == "event_count" && finding.stored == count;
        });
    }
    std::ranges::move(block.row_findings, std::back_inserter(out.findings));
    std::ranges::move(block.log_findings, std::back_inserter(out.findings));
    out.proven.push_back(
        {std::move(headers_[index]), std::move(block.truth), block.has_truth, block.stored_hash});
}

}  // namespace plumbline::engine
