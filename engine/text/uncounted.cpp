#include "engine/text/uncounted.hpp"

#include <fmt/format.h>

#include "core/evm/uint256.hpp"
#include "engine/mapping/block_tick.hpp"

namespace plumbline::engine {

namespace {

std::string reason(const Source& source, SourceMap::LeftOut::Why why) {
    using Why = SourceMap::LeftOut::Why;
    switch (why) {
        case Why::kStart: return fmt::format("before its start_block {}", source.start_block);
        case Why::kAnnouncement:
            switch (source.since) {
                case ChildSince::kBlock:
                    return "before the block in which its factory announces it";
                case ChildSince::kAnnouncement:
                    return "before its factory announces it, as since = \"announcement\" wants";
                case ChildSince::kNumber:
                    return fmt::format("before since = {}", source.since_block);
            }
            break;
        case Why::kEnd: return fmt::format("after its end_block {}", source.end_block);
        case Why::kEvents: return "of an event that its `events` or `filter` does not name";
        case Why::kFilter: return "left out by its filter";
        case Why::kAbi: return "of an event that its ABI does not know, of a factory's child";
    }
    return "not wanted";
}

}  // namespace

std::optional<Uncounted> find_uncounted(const Plan& plan, const SourceMap& map,
                                        const evm::Log& log) {
    // All ticks have one address, whichever blocks they are of.
    if (is_tick(log)) {
        const std::string contract =
            tick_contract(evm::U256::from_be(log.topics[1].view()).limb[0]);
        const int source = map.find_source(contract);
        if (source < 0) {
            return Uncounted{contract, "of an `every` that the config no longer has"};
        }
    }
    const std::optional<SourceMap::LeftOut> found = map.left_out(log);
    if (!found) {
        return std::nullopt;
    }
    const Source& source = plan.sources()[found->source];
    return Uncounted{source.contract, reason(source, found->why)};
}

}  // namespace plumbline::engine
