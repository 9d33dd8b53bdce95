#include "engine/ingest/missing_txns.hpp"

#include "engine/mapping/source_map.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

Result<std::optional<CoverageGap>> find_missing_txns(const storage::ReadView& view,
                                                     const Plan& plan, const SourceParents& parents,
                                                     const std::vector<storage::ChildRow>& children,
                                                     uint64_t cursor) {
    SourceMap map{plan.sources()};
    map.reset_children(children);
    std::vector<bool> member(plan.sources().size(), false);
    std::optional<evm::BlockRange> range;
    const auto scanner = view.scan_logs(0, cursor);
    for (; scanner->valid(); scanner->next()) {
        const storage::LogRecord& record = scanner->record();
        if (record.txn) {
            continue;
        }
        map.for_each_source(record.log, [&](uint32_t source) {
            if (plan.needs_txn(source, record.log)) {
                member[source] = true;
                range = {range ? range->from : record.log.block_num, record.log.block_num};
            }
        });
    }
    PLUMBLINE_TRY_VOID(scanner->status());
    if (!range) {
        return std::optional<CoverageGap>{};
    }
    add_families(member, parents);
    CoverageGap gap{*range, {}};
    for (uint32_t source = 0; source < member.size(); ++source) {
        if (member[source]) {
            gap.sources.push_back(source);
        }
    }
    return std::optional<CoverageGap>{std::move(gap)};
}

}  // namespace plumbline::engine
