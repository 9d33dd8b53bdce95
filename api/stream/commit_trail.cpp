#include "api/stream/commit_trail.hpp"

#include <limits>

namespace plumbline::api {

void CommitTrail::push(std::shared_ptr<const StreamRecord> record) {
    if (record->kind == StreamRecord::Kind::kCommit || record->kind == StreamRecord::Kind::kRange) {
        commits_.push_back(std::move(record));
    }
}

void CommitTrail::drop_before(uint64_t seq) {
    while (!commits_.empty() && commits_.front()->seq < seq) {
        commits_.pop_front();
    }
}

std::optional<CommitTrail::RowsBefore> CommitTrail::retract(uint64_t block_num) {
    constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();
    RowsBefore rows;
    bool is_known = true;
    uint64_t reached = kNone;  // the first block taken back
    while (!commits_.empty() && commits_.back()->to > block_num) {
        const StreamRecord& deleted = *commits_.back();
        is_known =
            is_known && deleted.kind == StreamRecord::Kind::kCommit && deleted.from > block_num;
        for (const StreamRecord::Row& row : deleted.rows) {
            rows[{row.entity, row.key}] = row.before;  // Going back: the oldest one stays.
        }
        reached = deleted.from;
        commits_.pop_back();
    }
    const bool is_joined = reached == kNone ? !commits_.empty() && commits_.back()->to == block_num
                                            : reached == block_num + 1;
    if (!is_known || !is_joined) {
        commits_.clear();
        return std::nullopt;
    }
    return rows;
}

}  // namespace plumbline::api
