#include "api/stream/stream_ring.hpp"

#include <algorithm>
#include <utility>

namespace plumbline::api {

namespace {

/// After these a client's copy stands on `to`.
bool leads_to_block(const StreamRecord& record) noexcept {
    return record.kind == StreamRecord::Kind::kCommit ||
           record.kind == StreamRecord::Kind::kRange || record.kind == StreamRecord::Kind::kRetract;
}

bool is_at(const std::optional<StreamRing::State>& state, const StreamPlace& known,
           bool has_rows) noexcept {
    return state && known.is_same({{state->cursor.block_num, state->cursor.block_hash},
                                   state->basis.of(has_rows)});
}

}  // namespace

void StreamRing::set_base(const std::optional<State>& base) {
    const MutexLock lock{mutex_};
    base_ = base;
}

StreamRing::Record StreamRing::append(StreamRecord record) {
    const MutexLock lock{mutex_};
    record.seq = next_seq_++;
    auto kept = std::make_shared<const StreamRecord>(std::move(record));
    bytes_ += kept->size_bytes();
    records_.push_back(kept);
    while (records_.size() > 1 && bytes_ > bytes_max_) {
        bytes_ -= records_.front()->size_bytes();
        records_.pop_front();
    }
    return kept;
}

uint64_t StreamRing::newest_seq() const {
    const MutexLock lock{mutex_};
    return next_seq_ - 1;
}

uint64_t StreamRing::oldest_seq() const {
    const MutexLock lock{mutex_};
    return records_.empty() ? next_seq_ : records_.front()->seq;
}

StreamRing::Lookup StreamRing::find(uint64_t seq) const {
    const MutexLock lock{mutex_};
    if (seq >= next_seq_) {
        return {Found::kNothing, nullptr};
    }
    if (records_.empty() || seq < records_.front()->seq) {
        return {Found::kGone, nullptr};
    }
    return {Found::kRecord, records_[static_cast<size_t>(seq - records_.front()->seq)]};
}

uint64_t StreamRing::seq_after(uint64_t commit_num) const {
    const MutexLock lock{mutex_};
    return seq_after_held(commit_num);
}

uint64_t StreamRing::seq_after_held(uint64_t commit_num) const {
    for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
        // Proofs belong to no commit.
        if ((*record)->commit_num <= commit_num && (*record)->kind != StreamRecord::Kind::kProof) {
            return (*record)->seq + 1;
        }
    }
    return records_.empty() ? next_seq_ : records_.front()->seq;
}

std::optional<StreamRing::Place> StreamRing::place_after(const StreamPlace& known, bool has_rows,
                                                         const std::optional<State>& now) const {
    const MutexLock lock{mutex_};
    const auto found = std::find_if(records_.rbegin(), records_.rend(), [&](const Record& record) {
        return leads_to_block(*record) &&
               known.is_same({{record->to, record->hash}, record->basis.of(has_rows)});
    });
    if (found != records_.rend()) {
        return Place{(*found)->seq + 1, (*found)->commit_num};
    }
    if (is_at(now, known, has_rows)) {
        return Place{seq_after_held(now->cursor.commit_num),
                     now->cursor.commit_num};  // Nothing happened since.
    }
    const bool has_all = records_.empty() || records_.front()->seq == 1;
    if (has_all && is_at(base_, known, has_rows)) {
        return Place{1, base_->cursor.commit_num};
    }
    return std::nullopt;
}

}  // namespace plumbline::api
