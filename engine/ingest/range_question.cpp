#include "engine/ingest/range_question.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"

namespace plumbline::engine {

namespace {

template <typename T>
void sort_unique(std::vector<T>& values) {
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

void RangeQuestion::narrow_to(const Source& source) {
    every_topic_known_ = every_topic_known_ && !source.topics0.empty();
    topics0_.insert(topics0_.end(), source.topics0.begin(), source.topics0.end());
}

void RangeQuestion::add_declared(const Source& source) {
    if (source.addresses.empty()) {
        return;
    }
    addresses_.insert(addresses_.end(), source.addresses.begin(), source.addresses.end());
    narrow_to(source);
}

bool RangeQuestion::add_children(const Source& source, std::span<const ChildCandidate> children,
                                 uint64_t last_block) {
    const auto is_wanted = [last_block](const ChildCandidate& child) {
        return child.block_num <= last_block;
    };
    const auto count = static_cast<size_t>(std::ranges::count_if(children, is_wanted));
    if (count == 0) {
        return false;
    }
    const std::vector<evm::Hash>& topics =
        source.topics0.empty() ? source.abi_topics0 : source.topics0;
    if (count > child_addresses_max_ && !topics.empty()) {
        child_topics0_.insert(child_topics0_.end(), topics.begin(), topics.end());
        return true;
    }
    for (const ChildCandidate& child : children) {
        if (is_wanted(child)) {
            addresses_.push_back(child.address);
        }
    }
    narrow_to(source);
    return false;
}

std::vector<rpc::LogFilter> RangeQuestion::filters() && {
    std::vector<rpc::LogFilter> out;
    if (!addresses_.empty()) {
        if (!every_topic_known_) {
            topics0_.clear();
        }
        sort_unique(addresses_);
        sort_unique(topics0_);
        out.push_back({std::move(addresses_), std::move(topics0_)});
    }
    if (!child_topics0_.empty()) {
        sort_unique(child_topics0_);
        out.push_back({{}, std::move(child_topics0_)});
    }
    for (const rpc::LogFilter& filter : out) {
        PLUMBLINE_CHECK(!filter.addresses.empty() || !filter.topics0.empty());
    }
    return out;
}

}  // namespace plumbline::engine
