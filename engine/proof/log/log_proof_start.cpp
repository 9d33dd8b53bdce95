#include "engine/proof/log/log_proof_start.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "core/base/check.hpp"

namespace plumbline::engine {

namespace {

constexpr uint64_t kAnchorSearchBlocks = 4'096;
constexpr size_t kEventBlocksTried = 2;

}  // namespace

Result<evm::BlockId> find_anchor(const storage::ReadView& view, uint64_t to) {
    const auto cursor = view.cursor();
    PLUMBLINE_CHECK(cursor && cursor->block_num >= to);
    for (uint64_t from = to; from <= cursor->block_num; from += kAnchorSearchBlocks) {
        PLUMBLINE_TRY(
            const std::vector<storage::BlockRow> rows,
            view.list_blocks(from, std::min(cursor->block_num, from + kAnchorSearchBlocks - 1)));
        for (const storage::BlockRow& row : rows) {
            if (row.level >= storage::ProofLevel::kLinked) {
                return evm::BlockId{row.block_num, row.hash};
            }
        }
    }
    evm::BlockId anchor{cursor->block_num, cursor->block_hash};
    while (anchor.block_num > to) {
        const auto row = view.get_block(anchor.block_num);
        if (!row || row->hash != anchor.hash) {
            break;
        }
        anchor = {anchor.block_num - 1, row->parent_hash};
    }
    if (anchor.hash.is_zero()) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("the hash of block {} is not known: prove again after the next "
                                 "block",
                                 anchor.block_num)};
    }
    return anchor;
}

std::vector<uint64_t> blocks_to_try(const storage::ReadView& view, const evm::BlockRange& range,
                                    uint64_t near_count) {
    std::vector<uint64_t> out;
    const uint64_t low = std::max<uint64_t>(1, range.from);
    if (range.to >= low) {
        out = {range.to, low + (range.to - low) / 2, low};
    }
    const uint64_t near = range.to - std::min(range.to - range.from, near_count - 1);
    const auto rows = view.list_blocks(near, range.to);
    if (!rows) {
        return out;  // a damaged row: the proof itself will tell
    }
    size_t taken = 0;
    for (size_t i = rows->size(); i-- > 0 && taken < kEventBlocksTried;) {
        if ((*rows)[i].event_count > 0) {
            out.push_back((*rows)[i].block_num);
            ++taken;
        }
    }
    return out;
}

}  // namespace plumbline::engine
