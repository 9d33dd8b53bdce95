#include "rpc/header_trust.hpp"

#include <algorithm>

#include "core/evm/block_gap.hpp"

namespace plumbline::rpc {

namespace {

/// A chain has one layout a fork, and each client may add fields of its own.
constexpr size_t kLayoutsMax = 256;
constexpr size_t kOddMax = 1'024;

void add_layout(std::set<uint64_t>& layouts, uint64_t layout) {
    if (layouts.size() < kLayoutsMax) {
        layouts.insert(layout);
    }
}

}  // namespace

HeaderTrust::Verdict HeaderTrust::judge(const ToldHeader& told) {
    if (evm::is_gap(told.header)) {
        return Verdict::kBelieved;
    }
    if (told.header.block_num == 0) {
        return judge_block_zero(told);
    }
    if (evm::check_hash(told.header) == evm::HeaderCheck::kMatches) {
        add_layout(hashing_, told.layout);
        expose(told.layout);
        return Verdict::kBelieved;
    }
    if (hashing_.empty()) {
        remember_early(told);
        return Verdict::kBelieved;
    }
    if (other_.contains(told.layout)) {
        return Verdict::kBelieved;
    }
    const bool must_hash = hashing_.contains(told.layout);
    if (is_confirmed(told, evm::compute_hash(told.header))) {
        return Verdict::kBelieved;
    }
    if (must_hash) {
        return Verdict::kLie;
    }
    return told.others_can_tell ? Verdict::kDoubted : Verdict::kBelieved;
}

/// Development nodes give it fields of forks that it is not of. Nobody makes a wrong one hash.
HeaderTrust::Verdict HeaderTrust::judge_block_zero(const ToldHeader& told) {
    if (evm::check_hash(told.header) == evm::HeaderCheck::kMatches) {
        zero_hash_ = told.header.hash;
        return Verdict::kBelieved;
    }
    if (zero_hash_ == told.header.hash) {
        return Verdict::kLie;
    }
    const evm::Hash computed = evm::compute_hash(told.header);
    if (!zero_odd_) {
        zero_odd_ = Odd{told.provider, told.layout, computed, false};
    }
    // Clients name fields of their own as they like: of these the claim alone can be the same.
    const bool is_second = zero_odd_->provider != told.provider &&
                           (zero_odd_->computed == computed || zero_odd_->layout != told.layout);
    zero_odd_->is_confirmed = zero_odd_->is_confirmed || is_second;
    const bool is_alone = !zero_odd_->is_confirmed && told.others_can_tell;
    return is_alone ? Verdict::kDoubted : Verdict::kBelieved;
}

/// Headers that no other provider confirms, the first of each hash.
void HeaderTrust::remember_early(const ToldHeader& told) {
    const evm::Hash computed = evm::compute_hash(told.header);
    const auto known = early_.find(told.header.hash);
    if (known == early_.end()) {
        if (early_.size() < kOddMax) {
            early_.emplace(told.header.hash, Odd{told.provider, told.layout, computed, false});
        }
    } else if (known->second.provider != told.provider && known->second.computed == computed) {
        known->second.is_confirmed = true;
    }
}

void HeaderTrust::expose(uint64_t layout) {
    for (auto at = early_.begin(); at != early_.end();) {
        if (at->second.layout != layout) {
            ++at;
            continue;
        }
        const Odd& odd = at->second;
        const bool is_known =
            std::find(exposed_.begin(), exposed_.end(), odd.provider) != exposed_.end();
        if (!odd.is_confirmed && !is_known) {
            exposed_.push_back(odd.provider);
        }
        at = early_.erase(at);
    }
}

/// Two that are of one mind about a block do not both lie. Clients name fields of their own as they
/// like, so that of a header unlike those that hash only the claimed hash must be the same.
bool HeaderTrust::is_confirmed(const ToldHeader& told, const evm::Hash& computed) {
    if (odd_.size() >= kOddMax && !odd_.contains(told.header.hash)) {
        odd_.clear();
    }
    const auto [at, is_new] =
        odd_.try_emplace(told.header.hash, Odd{told.provider, told.layout, computed, false});
    Odd& known = at->second;
    if (is_new) {
        return false;
    }
    const bool is_same = known.computed == computed;
    if (known.is_confirmed) {
        return is_same;
    }
    if (known.provider == told.provider) {
        known = {told.provider, told.layout, computed, false};
        return false;
    }
    if (hashing_.contains(told.layout) || hashing_.contains(known.layout)) {
        known = {told.provider, told.layout, computed, is_same};
        return is_same;
    }
    add_layout(other_, told.layout);
    add_layout(other_, known.layout);
    odd_.erase(at);
    return true;
}

}  // namespace plumbline::rpc
