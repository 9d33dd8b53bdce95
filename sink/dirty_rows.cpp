#include "sink/dirty_rows.hpp"

#include <algorithm>
#include <utility>

namespace plumbline::sink {

namespace {

constexpr size_t kRollbacksMax = 64;

size_t bytes_of(const RowName& name) {
    constexpr size_t kNodeBytes = 128;
    return kNodeBytes + name.second.size();
}

}  // namespace

storage::DigestNode row_digest(std::string_view key, std::string_view row) noexcept {
    return row.empty() ? storage::DigestNode{}
                       : storage::DigestNode{1, storage::hash_row(storage::hash_key(key), row)};
}

void DirtyRows::drop_all() {
    is_whole_ = false;
    rows_.clear();
    recent_.clear();
    bytes_ = 0;
}

void DirtyRows::forget() {
    const MutexLock lock{mutex_};
    drop_all();
    recent_floor_ = kUnknown;
    is_log_known_ = false;
}

/// What the table holds is known from the first touch on; later ones change only what is to be
/// sent.
void DirtyRows::touch(RowName name, const storage::DigestNode& held, uint64_t commit_num) {
    const size_t bytes = bytes_of(name);
    const auto [at, is_new] = rows_.try_emplace(std::move(name), DirtyRow{held, commit_num, 0});
    at->second.last_commit = std::max(at->second.last_commit, commit_num);
    bytes_ += is_new ? bytes : 0;
}

void DirtyRows::on_commit(const std::vector<engine::RowChange>* changes, evm::BlockRange blocks,
                          uint64_t finalized, uint64_t commit_num) {
    const MutexLock lock{mutex_};
    while (!recent_.empty() && recent_.front().last_block <= finalized) {
        for (const Change& change : recent_.front().changes) {
            bytes_ -= std::min(bytes_, bytes_of(change.name));
        }
        recent_.pop_front();
    }
    if (recent_floor_ == kUnknown) {
        recent_floor_ = blocks.from == 0 ? 0 : blocks.from - 1;
    }
    const bool may_go_back = blocks.to > finalized;
    Recent recent{blocks.to, {}};
    if (changes == nullptr) {
        drop_all();
    } else if (is_whole_) {
        for (const engine::RowChange& change : *changes) {
            if (change.entity >= is_wanted_.size() || !is_wanted_[change.entity]) {
                continue;
            }
            RowName name{change.entity, change.key};
            if (may_go_back) {
                bytes_ += bytes_of(name);
                recent.changes.push_back({name, row_digest(change.key, change.after)});
            }
            touch(std::move(name), row_digest(change.key, change.before), commit_num);
        }
        if (bytes_ > bytes_max_) {
            drop_all();
        }
    }
    if (is_whole_ && may_go_back) {
        recent_.push_back(std::move(recent));
    } else {
        recent_floor_ = std::max(recent_floor_, blocks.to);
    }
}

void DirtyRows::on_rollback(uint64_t block_num, uint64_t commit_num) {
    const MutexLock lock{mutex_};
    if (rollbacks_.size() == kRollbacksMax) {
        rollbacks_[0].second = std::min(rollbacks_[0].second, rollbacks_[1].second);
        rollbacks_[0].first = rollbacks_[1].first;
        rollbacks_.erase(rollbacks_.begin() + 1);
    }
    rollbacks_.emplace_back(commit_num, block_num);
    if (is_whole_ && block_num < recent_floor_) {
        drop_all();  // Some of what goes was never noted.
    }
    while (!recent_.empty() && recent_.back().last_block > block_num) {
        // Newest first: of a row that is not waiting the table holds what its newest commit left.
        for (Change& change : recent_.back().changes) {
            bytes_ -= std::min(bytes_, bytes_of(change.name));
            touch(std::move(change.name), change.after, commit_num);
        }
        recent_.pop_back();
    }
    recent_floor_ = recent_floor_ == kUnknown ? kUnknown : std::min(recent_floor_, block_num);
}

std::optional<DirtyState> DirtyRows::peek(uint64_t commit_num) const {
    const MutexLock lock{mutex_};
    if (!is_whole_) {
        return std::nullopt;
    }
    DirtyState out;
    for (const auto& [name, row] : rows_) {
        if (row.first_commit <= commit_num) {
            out.rows.emplace_hint(out.rows.end(), name, row);
        }
    }
    for (const auto& [commit, block] : rollbacks_) {
        // One that the view may not have yet does no harm: its blocks are sent again.
        out.rollback_to = std::min(out.rollback_to.value_or(block), block);
    }
    return out;
}

void DirtyRows::on_sent(const std::map<RowName, storage::DigestNode>& sent, uint64_t commit_num) {
    const MutexLock lock{mutex_};
    std::erase_if(rollbacks_, [&](const auto& one) { return one.first <= commit_num; });
    for (const auto& [name, held] : sent) {
        const auto at = rows_.find(name);
        if (at == rows_.end()) {
            continue;
        }
        if (at->second.last_commit <= commit_num) {
            bytes_ -= std::min(bytes_, bytes_of(name));
            rows_.erase(at);
        } else {
            at->second.held = held;
            at->second.first_commit = std::min(commit_num + 1, at->second.last_commit);
        }
    }
}

void DirtyRows::seed(const std::map<RowName, storage::DigestNode>& held, uint64_t commit_num) {
    const MutexLock lock{mutex_};
    if (!is_whole_) {
        return;
    }
    for (const auto& [name, node] : held) {
        touch(name, node, commit_num);
        // What was noted since knows only what the row was by then.
        DirtyRow& row = rows_.at(name);
        row.held = node;
        row.first_commit = std::min(row.first_commit, commit_num);
    }
    if (bytes_ > bytes_max_) {
        drop_all();
    }
}

bool DirtyRows::begin() {
    const MutexLock lock{mutex_};
    for (const auto& [name, row] : rows_) {
        bytes_ -= std::min(bytes_, bytes_of(name));
    }
    rows_.clear();
    is_whole_ = true;
    return std::exchange(is_log_known_, true);
}

std::vector<RowName> DirtyRows::touched() const {
    const MutexLock lock{mutex_};
    std::vector<RowName> out;
    out.reserve(rows_.size());
    for (const auto& [name, row] : rows_) {
        out.push_back(name);
    }
    return out;
}

}  // namespace plumbline::sink
