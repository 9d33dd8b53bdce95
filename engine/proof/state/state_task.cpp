#include "engine/proof/state/state_task.hpp"

#include <algorithm>

#include "storage/row.hpp"

namespace plumbline::engine {

void add_unproven(EntityState& state, const std::string& reason, uint64_t count) {
    if (count == 0) {
        return;
    }
    const auto found = std::ranges::find(state.unproven, reason, &EntityState::Unproven::reason);
    if (found != state.unproven.end()) {
        found->count += count;
        return;
    }
    // Reasons may hold a key or a text of the node: not one line for each of a million rows.
    constexpr size_t kReasonsMax = 20;
    if (state.unproven.size() < kReasonsMax) {
        state.unproven.push_back({reason, count});
    } else {
        state.unproven.back().count += count;
    }
}

void count_rows(const storage::ReadView& view, EntityState& state) {
    auto rows = view.scan_entity(state.entity, {}, {}, true);
    for (; rows->valid(); rows->next()) {
        (storage::RowCodec::is_tombstone(rows->row()) ? state.deleted : state.rows)++;
    }
    if (!rows->status()) {
        add_unproven(state, "rows cannot be read: " + rows->status().error().message);
    }
}

void doubt_findings(Findings& findings, const std::string& entity, const std::string& why) {
    for (Finding& finding : findings.kept) {
        if (finding.kind == FindingKind::kStateDiffers && finding.entity == entity &&
            finding.is_certain) {
            finding.is_certain = false;
            finding.detail += (finding.detail.empty() ? "" : "; ") + why;
        }
    }
}

}  // namespace plumbline::engine
