#include "engine/mapping/source_map.hpp"

#include <algorithm>

namespace plumbline::engine {

bool EventFilter::allows(const evm::Log& log) const noexcept {
    if (log.topic_count != topic_count) {
        return false;
    }
    for (size_t i = 0; i < topics.size(); ++i) {
        if (!topics[i].empty() &&
            std::find(topics[i].begin(), topics[i].end(), log.topics[i + 1]) == topics[i].end()) {
            return false;
        }
    }
    return true;
}

namespace {

bool has_event(const std::vector<evm::Hash>& topics0, const evm::Log& log) {
    return log.topic_count > 0 &&
           std::find(topics0.begin(), topics0.end(), log.topics[0]) != topics0.end();
}

}  // namespace

bool Source::wants_event(const evm::Log& log) const noexcept {
    return topics0.empty() || has_event(topics0, log);
}

bool Source::is_unknown_of_child(const evm::Log& log) const noexcept {
    return wants_abi_of_children() && !has_event(abi_topics0, log);
}

bool Source::wants(const evm::Log& log) const noexcept {
    if (topics0.empty()) {
        return true;
    }
    if (!wants_event(log)) {
        return false;
    }
    return !is_filtered(log.topics[0]) ||
           std::any_of(filters.begin(), filters.end(), [&](const EventFilter& filter) {
               return filter.topic0 == log.topics[0] && filter.allows(log);
           });
}

SourceMap::SourceMap(const std::vector<Source>& sources) : sources_{&sources} {
    reset_children({});
}

void SourceMap::reset_children(const std::vector<storage::ChildRow>& children) {
    owners_.clear();
    anywhere_.clear();
    announced_.clear();
    is_in_order_ = true;
    for (uint32_t i = 0; i < sources_->size(); ++i) {
        const Source& source = (*sources_)[i];
        for (const evm::Address& address : source.addresses) {
            add_owner(address, {i, false, {source.start_block, 0}, source.end_block, {}});
        }
        if (source.any_address) {
            anywhere_.push_back({i, false, {source.start_block, 0}, source.end_block, {}});
        }
    }
    for (const storage::ChildRow& child : children) {
        if (const int source = find_source(child.contract); source >= 0) {
            add_child(static_cast<uint32_t>(source), child.address, child.block_num,
                      child.log_index);
        }
    }
}

void SourceMap::add_owner(const evm::Address& address, const Owner& owner) {
    std::vector<Owner>& owners = owners_[address];
    const auto behind = std::ranges::find_if(
        owners, [&](const Owner& other) { return other.source > owner.source; });
    owners.insert(behind, owner);
}

int SourceMap::find_source(std::string_view contract) const noexcept {
    for (size_t i = 0; i < sources_->size(); ++i) {
        if ((*sources_)[i].contract == contract) {
            return static_cast<int>(i);
        }
    }
    return -1;
}

bool SourceMap::has_child(uint32_t source, const evm::Address& address) const noexcept {
    const auto found = owners_.find(address);
    return found != owners_.end() && std::ranges::any_of(found->second, [&](const Owner& owner) {
               return owner.is_child && owner.source == source;
           });
}

bool SourceMap::has_child(uint32_t source, const evm::Address& address,
                          LogPosition announced) const noexcept {
    const auto found = owners_.find(address);
    return found != owners_.end() && std::ranges::any_of(found->second, [&](const Owner& owner) {
               return owner.is_child && owner.source == source && owner.announced <= announced;
           });
}

void SourceMap::add_child(uint32_t source, const evm::Address& address, uint64_t block_num,
                          uint32_t log_index) {
    const LogPosition announced{block_num, log_index};
    if (has_child(source, address, announced)) {
        return;
    }
    remove_child(source, address);
    const Source& its = (*sources_)[source];
    add_owner(address, {source, true, its.counts_from(announced), its.end_block, announced});
    is_in_order_ = is_in_order_ && (announced_.empty() || announced_.back().block_num <= block_num);
    announced_.push_back({block_num, source, address});
}

void SourceMap::remove_children_above(uint64_t block_num) {
    if (!is_in_order_) {
        std::ranges::stable_sort(announced_, {}, &Announced::block_num);
        is_in_order_ = true;
    }
    while (!announced_.empty() && announced_.back().block_num > block_num) {
        const Announced& last = announced_.back();
        if (!has_child(last.source, last.address, {block_num, UINT32_MAX})) {
            remove_child(last.source, last.address);
        }
        announced_.pop_back();
    }
}

void SourceMap::remove_child(uint32_t source, const evm::Address& address) {
    const auto found = owners_.find(address);
    if (found == owners_.end()) {
        return;
    }
    std::erase_if(found->second,
                  [&](const Owner& owner) { return owner.is_child && owner.source == source; });
    if (found->second.empty()) {
        owners_.erase(found);
    }
}

bool SourceMap::wants(const Owner& owner, const evm::Log& log) const noexcept {
    const Source& its = (*sources_)[owner.source];
    return owner.counts(log) && (owner.is_child ? its.wants_of_child(log) : its.wants(log));
}

SourceMap::LeftOut::Why SourceMap::why_left_out(const Owner& owner, const evm::Log& log) const {
    using Why = LeftOut::Why;
    const Source& its = (*sources_)[owner.source];
    if (log.block_num > owner.last_block) {
        return Why::kEnd;
    }
    if (!owner.counts(log)) {
        return log.block_num < its.start_block ? Why::kStart : Why::kAnnouncement;
    }
    if (!its.wants_event(log)) {
        return Why::kEvents;
    }
    return owner.is_child && its.is_unknown_of_child(log) ? Why::kAbi : Why::kFilter;
}

std::optional<SourceMap::LeftOut> SourceMap::left_out(const evm::Log& log) const {
    std::optional<LeftOut> out;
    bool is_wanted = false;
    for_each_owner(log, [&](const Owner& owner) {
        const Source& its = (*sources_)[owner.source];
        if (wants(owner, log)) {
            is_wanted = true;
        } else if (!out && (!its.any_address || its.wants_event(log))) {
            out = {owner.source, why_left_out(owner, log)};
        }
        return false;
    });
    return is_wanted ? std::nullopt : out;
}

}  // namespace plumbline::engine
