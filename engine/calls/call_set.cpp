#include "engine/calls/call_set.hpp"

#include <algorithm>
#include <utility>

namespace plumbline::engine {

namespace {

/// Facts of `once` calls that are kept in memory; all go once there are more.
constexpr size_t kOnceKeptMax = 50'000;
/// A gap that is searched from the front and not walked through.
constexpr uint64_t kWalkedBlocksMax = 64;

}  // namespace

std::string answer_key(const storage::CallKey& call, uint64_t block_num, bool is_once) {
    return is_once ? storage::once_key(call) : storage::call_key(block_num, call);
}

void CallSet::add(storage::CallFact fact, bool is_new) {
    const size_t bytes = sizeof(Entry) + 2 * fact.call.input.size() + fact.data.size() + 64;
    const bool is_once = fact.is_once;
    std::string key = storage::call_key(fact.block_num, fact.call);
    const auto [at, is_added] = facts_.try_emplace(std::move(key), Entry{std::move(fact), is_new});
    if (is_new && is_once && !at->second.fact.is_once) {
        at->second.is_new = true;  // Stored as a plain call's: it is to be stored for good.
    }
    at->second.fact.is_once = at->second.fact.is_once || is_once;
    if (is_added) {
        bytes_ += bytes;
    }
    if (is_once) {
        const uint64_t block_num = at->second.fact.block_num;
        const auto [first, is_first] =
            once_.try_emplace(storage::once_key(at->second.fact.call), block_num);
        first->second = std::min(first->second, block_num);
    }
}

Result<const storage::CallFact*> CallSet::find(const storage::CallKey& call, uint64_t block_num,
                                               bool is_once) {
    if (is_once) {
        const auto first = once_.find(storage::once_key(call));
        if (first == once_.end() || first->second > block_num) {
            return nullptr;
        }
        block_num = first->second;
    }
    const auto found = facts_.find(storage::call_key(block_num, call));
    return found == facts_.end() ? nullptr : &found->second.fact;
}

std::vector<const storage::CallFact*> CallSet::new_of(uint64_t block_num) const {
    std::vector<const storage::CallFact*> out;
    for (auto at = facts_.lower_bound(storage::call_key(block_num, {}));
         at != facts_.end() && at->second.fact.block_num == block_num; ++at) {
        if (at->second.is_new) {
            out.push_back(&at->second.fact);
        }
    }
    return out;
}

std::vector<const storage::CallFact*> CallSet::all_new() const {
    std::vector<const storage::CallFact*> out;
    for (const auto& [key, entry] : facts_) {
        if (entry.is_new) {
            out.push_back(&entry.fact);
        }
    }
    return out;
}

Result<const storage::CallFact*> StoredCalls::find(const storage::CallKey& call, uint64_t block_num,
                                                   bool is_once) {
    if (!is_once) {
        PLUMBLINE_TRY_VOID(read_block(block_num));
        const auto found = block_.find(call);
        return found == block_.end() ? nullptr : &found->second;
    }
    std::string key = storage::once_key(call);
    auto found = once_.find(key);
    if (found == once_.end()) {
        PLUMBLINE_TRY(auto fact, view_.get_once(call));
        if (!fact) {
            return nullptr;
        }
        if (once_.size() >= kOnceKeptMax) {
            once_.clear();
        }
        found = once_.emplace(std::move(key), *std::move(fact)).first;
    }
    return found->second.block_num <= block_num ? &found->second : nullptr;
}

Status StoredCalls::read_block(uint64_t block_num) {
    if (scan_ && block_num == block_num_) {
        return ok();
    }
    block_.clear();
    const bool is_behind = scan_ && block_num > block_num_ &&
                           (!scan_->valid() || scan_->fact().block_num >= block_num ||
                            block_num - scan_->fact().block_num <= kWalkedBlocksMax);
    if (!is_behind) {
        scan_ = view_.scan_calls(block_num, UINT64_MAX);
    }
    block_num_ = block_num;
    for (; scan_->valid() && scan_->fact().block_num <= block_num; scan_->next()) {
        if (scan_->fact().block_num == block_num) {
            block_.emplace(scan_->fact().call, scan_->fact());
        }
    }
    return scan_->status();
}

}  // namespace plumbline::engine
