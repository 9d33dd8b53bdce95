#include "rpc/range_piece.hpp"

#include <set>
#include <utility>

#include "core/base/check.hpp"
#include "rpc/answer_check.hpp"

namespace plumbline::rpc {

void RangePiece::clear_answer() {
    headers.clear();
    logs.clear();
    disputes.clear();
    told_by_others.clear();
    second_provider.reset();
}

evm::LogBatch RangePiece::logs_of(uint64_t block_num) const {
    evm::LogBatch out;
    append_logs(logs, {block_num, block_num}, out);
    return out;
}

void RangePiece::replace_logs_of(uint64_t block_num, const evm::LogBatch& replacement,
                                 size_t told_by) {
    PLUMBLINE_CHECK(block_num >= range.from && block_num <= range.to);
    told_by_others[block_num] = told_by;
    evm::LogBatch out;
    if (block_num > range.from) {
        append_logs(logs, {range.from, block_num - 1}, out);
    }
    append_logs(replacement, {block_num, block_num}, out);
    if (block_num < range.to) {
        append_logs(logs, {block_num + 1, range.to}, out);
    }
    logs = std::move(out);
}

PieceMap::PieceMap(evm::BlockRange whole) : whole_{whole} {
    PLUMBLINE_CHECK(whole.from <= whole.to);
    start_over();
}

void PieceMap::start_over() {
    pieces_.clear();
    settled_ = 0;
    pieces_[whole_.from].piece.range = whole_;
}

RangePiece& PieceMap::at(uint64_t from) {
    const auto found = pieces_.find(from);
    PLUMBLINE_CHECK_MSG(found != pieces_.end(), "no piece starts there");
    PLUMBLINE_CHECK_MSG(!found->second.seal, "the piece is settled");
    return found->second.piece;
}

RangePiece& PieceMap::cut(uint64_t from, uint64_t first_size) {
    RangePiece& first = at(from);
    PLUMBLINE_CHECK_MSG(first_size >= 1 && first_size < first.range.size(),
                        "both parts must have blocks");
    const evm::BlockRange rest{from + first_size, first.range.to};
    const auto [added, is_new] = pieces_.try_emplace(rest.from);
    PLUMBLINE_CHECK_MSG(is_new, "another piece starts there");
    first.range.to = rest.from - 1;
    added->second.piece.range = rest;
    return added->second.piece;
}

void PieceMap::settle(uint64_t from) {
    const Seal seal = seal_of(at(from));
    pieces_.at(from).seal = seal;
    ++settled_;
}

PieceMap::Seal PieceMap::seal_of(const RangePiece& piece) {
    return {piece.range, piece.logs.logs.size(), piece.headers.size()};
}

void PieceMap::check_cover() const {
    const RangePiece* before = nullptr;
    for (const auto& [from, entry] : pieces_) {
        const evm::BlockRange& range = entry.piece.range;
        PLUMBLINE_CHECK_MSG(range.from == from && range.from <= range.to, "a piece has moved");
        PLUMBLINE_CHECK_MSG(from == (before == nullptr ? whole_.from : before->range.to + 1),
                            "the pieces do not cover the range exactly once and in order");
        before = &entry.piece;
    }
    PLUMBLINE_CHECK_MSG(before != nullptr && before->range.to == whole_.to,
                        "the pieces do not cover the range exactly once and in order");
}

bool PieceMap::is_linked() const {
    const evm::Header* before = nullptr;
    for (const auto& [from, entry] : pieces_) {
        for (const auto& [num, header] : entry.piece.headers) {
            if (before != nullptr && before->block_num + 1 == num &&
                before->hash != header.parent_hash && !header.parent_hash.is_zero()) {
                return false;
            }
            before = &header;
        }
    }
    return true;
}

std::vector<std::pair<evm::BlockRange, size_t>> PieceMap::tellers() const {
    std::vector<std::pair<evm::BlockRange, size_t>> out;
    const auto add = [&out](const evm::BlockRange& range, size_t provider) {
        if (range.from > range.to) {
            return;
        }
        if (!out.empty() && out.back().second == provider) {
            out.back().first.to = range.to;
        } else {
            out.emplace_back(range, provider);
        }
    };
    for (const auto& [from, entry] : pieces_) {
        const RangePiece& piece = entry.piece;
        uint64_t next = piece.range.from;
        for (const auto& [block_num, provider] : piece.told_by_others) {
            if (block_num > next) {
                add({next, block_num - 1}, piece.provider);
            }
            add({block_num, block_num}, provider);
            next = block_num + 1;
        }
        add({next, piece.range.to}, piece.provider);
    }
    return out;
}

Result<RangeLogs> PieceMap::join(bool all_headers) && {
    PLUMBLINE_CHECK(all_settled());
    check_cover();
    size_t data_bytes = 0;
    for (const auto& [from, entry] : pieces_) {
        PLUMBLINE_CHECK_MSG(entry.seal == seal_of(entry.piece), "a settled piece has changed");
        data_bytes += entry.piece.logs.arena.size();
    }
    if (data_bytes > UINT32_MAX) {
        return Error{ErrorCode::kTooLarge, "more than 4 GB of event data in one range"};
    }
    RangeLogs out;
    out.range = whole_;
    std::set<uint64_t> with_logs;
    for (auto& [from, entry] : pieces_) {
        RangePiece& piece = entry.piece;
        for (const evm::Log& log : piece.logs.logs) {
            with_logs.insert(with_logs.end(), log.block_num);
        }
        out.received_bytes += piece.received_bytes;
        if (out.logs.logs.empty()) {
            out.logs = std::move(piece.logs);
        } else {
            const auto base = static_cast<uint32_t>(out.logs.arena.size());
            out.logs.arena.insert(out.logs.arena.end(), piece.logs.arena.begin(),
                                  piece.logs.arena.end());
            for (evm::Log log : piece.logs.logs) {
                log.data_offset += base;
                out.logs.logs.push_back(log);
            }
        }
        for (auto& [num, header] : piece.headers) {
            if (all_headers || num == whole_.from || num == whole_.to || with_logs.contains(num)) {
                out.headers.push_back(std::move(header));
            }
        }
    }
    pieces_.clear();
    settled_ = 0;
    return out;
}

}  // namespace plumbline::rpc
