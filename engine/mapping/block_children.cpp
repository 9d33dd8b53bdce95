#include "engine/mapping/block_children.hpp"

#include <algorithm>
#include <utility>

namespace plumbline::engine {

BlockChildren::BlockChildren(const Plan& plan, SourceMap& map, Filter factories, Filter children)
    : plan_{plan},
      map_{map},
      factories_{std::move(factories)},
      children_{std::move(children)} {}

std::span<const FoundChild> BlockChildren::find(std::span<const LogPlace> logs) {
    fresh_.clear();
    for (bool has_new = true; has_new;) {
        has_new = false;
        for (const LogPlace& place : logs) {
            has_new |= read(place);
        }
    }
    std::ranges::stable_sort(fresh_, {},
                             [](const FoundChild& child) { return child.row.log_index; });
    return fresh_;
}

/// True where somebody new came up, or an earlier announcement of somebody.
bool BlockChildren::read(const LogPlace& place) {
    const evm::Log& log = *place.log;
    found_.clear();
    map_.for_each_source(log, [&](uint32_t source) {
        if (factories_(source, log.block_num)) {
            plan_.find_children(source, log, place.data, found_);
        }
    });
    bool has_new = false;
    for (const ChildAnnouncement& child : found_) {
        if (!children_(child.source, log.block_num) ||
            map_.has_child(child.source, child.address, {log.block_num, log.log_index})) {
            continue;
        }
        has_new = true;
        map_.add_child(child.source, child.address, log.block_num, log.log_index);
        const auto known = std::ranges::find_if(fresh_, [&](const FoundChild& other) {
            return other.source == child.source && other.row.address == child.address;
        });
        if (known != fresh_.end()) {
            known->row.log_index = log.log_index;
        } else {
            fresh_.push_back({child.source,
                              {plan_.sources()[child.source].contract, child.address, log.block_num,
                               log.log_index}});
        }
    }
    return has_new;
}

}  // namespace plumbline::engine
