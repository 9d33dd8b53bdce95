#include "api/rpc/log_source.hpp"

#include <algorithm>

#include "api/rpc/head_text.hpp"
#include "api/rpc/log_coverage.hpp"
#include "engine/mapping/coverage_gaps.hpp"

namespace plumbline::api {

namespace {

constexpr uint64_t kRowsLooked = 10'000;

/// Empty where the database keeps no row of it: that it cannot be read is an error.
Result<std::optional<storage::BlockRow>> find_block(const storage::ReadView& view,
                                                    uint64_t block_num) {
    Result<storage::BlockRow> row = view.get_block(block_num);
    if (!row && row.error().code != ErrorCode::kNotFound) {
        return row.error();
    }
    return row ? std::optional{*std::move(row)} : std::nullopt;
}

}  // namespace

BlockTags LogSource::tags() const {
    return {engine::first_block_of(plan_.sources()), cursor_.block_num, cursor_.finalized};
}

Result<std::optional<evm::Hash>> LogSource::hash_of(uint64_t block_num) const {
    if (block_num == cursor_.block_num) {
        return std::optional{cursor_.block_hash};
    }
    PLUMBLINE_TRY(const std::optional<storage::BlockRow> row, find_block(view_, block_num));
    return row ? std::optional{row->hash} : std::nullopt;
}

Result<std::optional<std::string>> LogSource::head_of(uint64_t block_num) const {
    PLUMBLINE_TRY(const std::optional<evm::Hash> hash, hash_of(block_num));
    const auto header = hash && header_of_ ? header_of_(*hash) : std::nullopt;
    // A number without a block has the hash of the block before it.
    if (header && header->block_num == block_num) {
        return std::optional{head_text(*header)};
    }
    PLUMBLINE_TRY(const std::optional<storage::BlockRow> row, find_block(view_, block_num));
    return row ? std::optional{head_text(*row)} : std::nullopt;
}

Result<std::optional<uint64_t>> LogSource::block_of(const evm::Hash& hash) const {
    if (hash == cursor_.block_hash) {
        return std::optional{cursor_.block_num};
    }
    const uint64_t head = cursor_.block_num;
    PLUMBLINE_TRY(const std::vector<storage::BlockRow> rows,
                  view_.list_blocks(head - std::min(head, kRowsLooked - 1), head));
    const auto found = std::ranges::find(rows, hash, &storage::BlockRow::hash);
    return found == rows.end() ? std::nullopt : std::optional{found->block_num};
}

Result<std::optional<std::string>> LogSource::find_uncovered(const LogFilter& filter, uint64_t from,
                                                             uint64_t to) const {
    std::vector<storage::ChildRow> children;
    const auto has_factory = [](const engine::Source& source) { return source.has_factory; };
    if (std::ranges::any_of(plan_.sources(), has_factory)) {
        PLUMBLINE_TRY(children, view_.list_children());
    }
    return api::find_uncovered({plan_, coverage_, children}, filter, from,
                               std::min(to, cursor_.block_num));
}

Result<LogScan> LogSource::scan(const LogFilter& filter, uint64_t from, uint64_t to) const {
    LogScan out;
    to = std::min(to, cursor_.block_num);
    if (from > to) {
        out.is_whole = true;
        out.through = to;
        return out;
    }
    size_t bytes = 0;
    size_t whole = 0;  ///< logs of blocks that are through
    uint64_t block_num = from;
    LogWalk walk{view_, filter, from, to};
    for (;;) {
        PLUMBLINE_TRY(const LogWalk::Step step, walk.next(is_late_));
        if (step == LogWalk::Step::kEnd) {
            break;
        }
        if (walk.block_num() != block_num) {
            whole = out.logs.size();
            block_num = walk.block_num();
        }
        if (block_num > from) {
            out.through = block_num - 1;
        }
        if (step == LogWalk::Step::kLate || out.logs.size() >= kLogsMax || bytes >= kBytesMax) {
            out.logs.resize(whole);
            return out;
        }
        out.logs.push_back({block_num, walk.text()});
        bytes += walk.text().size();
    }
    out.through = to;
    out.is_whole = true;
    return out;
}

}  // namespace plumbline::api
