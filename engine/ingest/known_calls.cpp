#include "engine/ingest/known_calls.hpp"

#include <utility>

#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kLearntMax = 20'000;

}  // namespace

void KnownCalls::refresh() {
    view_.reset();
    if (database_ == nullptr) {
        return;
    }
    const std::optional<storage::Cursor> cursor = database_->cursor();
    stored_to_ = cursor ? std::optional{cursor->block_num} : std::nullopt;
    if (learnt_.size() > kLearntMax && stored_to_) {
        std::erase_if(learnt_,
                      [this](const auto& item) { return item.second.block_num <= *stored_to_; });
    }
}

void KnownCalls::learn(const CallSet& calls) {
    for (const storage::CallFact* fact : calls.all_new()) {
        if (fact->is_once) {
            learnt_.insert_or_assign(storage::once_key(fact->call), *fact);
        }
    }
}

void KnownCalls::forget() {
    learnt_.clear();
    view_.reset();
    stored_to_.reset();
}

Result<const storage::CallFact*> KnownCalls::find(const storage::CallKey& call, uint64_t block_num,
                                                  bool is_once) {
    if (is_once) {
        const auto learnt = learnt_.find(storage::once_key(call));
        if (learnt != learnt_.end() && learnt->second.block_num <= block_num) {
            return &learnt->second;
        }
    }
    if (!stored_to_ || (!is_once && block_num > *stored_to_)) {
        return nullptr;
    }
    if (!view_) {
        view_ = database_->read_view();
    }
    PLUMBLINE_TRY(found_, is_once ? view_->get_once(call) : view_->get_call(block_num, call));
    const bool is_known =
        found_ && found_->block_num <= block_num &&
        (found_->block_num < distrusted_from_ || !distrusted_.contains(found_->provider));
    return is_known ? &*found_ : nullptr;
}

}  // namespace plumbline::engine
