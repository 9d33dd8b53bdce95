#include "engine/proof/replay/stored_damage.hpp"

#include <map>

#include "engine/proof/replay/scrub.hpp"

namespace plumbline::engine {

namespace {

bool is_told_by_providers(FindingKind kind) noexcept {
    return kind == FindingKind::kLogMissing || kind == FindingKind::kLogInvented ||
           kind == FindingKind::kLogAltered || kind == FindingKind::kBlockDiffers;
}

bool is_damaged(const storage::ReadView& view, uint64_t block_num) {
    ScrubOptions options;
    options.with_entities = false;
    options.from = block_num;
    options.to = block_num;
    const Result<ScrubReport> report = scrub(view, options);
    return report && !report->damaged_blocks.empty();
}

}  // namespace

void mark_damage(const storage::ReadView& view, std::vector<Finding>& findings) {
    std::map<uint64_t, bool> damaged;
    for (Finding& finding : findings) {
        if (!is_told_by_providers(finding.kind) || finding.is_damage) {
            continue;
        }
        const auto [at, is_new] = damaged.try_emplace(finding.block_num, false);
        if (is_new) {
            at->second = is_damaged(view, finding.block_num);
        }
        if (at->second) {
            finding.is_damage = true;
            finding.provider.clear();
            finding.detail += finding.detail.empty() ? "" : ", ";
            finding.detail += "stored bytes changed after they were committed";
        }
    }
}

}  // namespace plumbline::engine
