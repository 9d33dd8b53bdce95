#include "engine/ingest/range_question.hpp"

#include <algorithm>
#include <iterator>
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

/// What the source wants of contracts at `addresses`; of none: wherever it is.
void RangeQuestion::ask_at(const Source& source, std::span<const evm::Address> addresses) {
    for (const EventFilter& filter : source.filters) {
        filtered_.push_back({{addresses.begin(), addresses.end()}, {filter.topic0}, filter.topics});
    }
    const std::vector<evm::Hash>& wanted =
        addresses.empty() && source.topics0.empty() ? source.abi_topics0 : source.topics0;
    std::vector<evm::Hash>& topics = addresses.empty() ? child_topics0_ : topics0_;
    const size_t before = topics.size();
    std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(topics),
                 [&source](const evm::Hash& topic) { return !source.is_filtered(topic); });
    // Of a source whose events are all filtered, nothing else is asked.
    if (!addresses.empty() && (wanted.empty() || topics.size() > before)) {
        every_topic_known_ = every_topic_known_ && !wanted.empty();
        addresses_.insert(addresses_.end(), addresses.begin(), addresses.end());
    }
}

void RangeQuestion::add_declared(const Source& source) {
    if (source.every_blocks != 0) {
        return;  // made of headers
    }
    if (source.any_address) {
        ask_at(source, {});
    } else if (!source.addresses.empty()) {
        ask_at(source, source.addresses);
    }
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
        ask_at(source, {});
        return true;
    }
    std::vector<evm::Address> addresses;
    for (const ChildCandidate& child : children) {
        if (is_wanted(child)) {
            addresses.push_back(child.address);
        }
    }
    ask_at(source, addresses);
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
        out.push_back({std::move(addresses_), std::move(topics0_), {}});
    }
    if (!child_topics0_.empty()) {
        sort_unique(child_topics0_);
        out.push_back({{}, std::move(child_topics0_), {}});
    }
    for (rpc::LogFilter& filter : filtered_) {
        sort_unique(filter.addresses);
        out.push_back(std::move(filter));
    }
    for (const rpc::LogFilter& filter : out) {
        PLUMBLINE_CHECK(!filter.addresses.empty() || !filter.topics0.empty());
    }
    return out;
}

}  // namespace plumbline::engine
