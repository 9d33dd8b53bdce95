#include "engine/mapping/coverage_names.hpp"

#include <algorithm>

#include "storage/commit_batch.hpp"

namespace plumbline::engine {

Status rename_coverage(storage::Database& database, const Plan& plan) {
    PLUMBLINE_TRY(const std::vector<storage::CoverageRow> coverage, database.coverage());
    const auto batch = database.make_batch();
    for (const storage::CoverageRow& row : coverage) {
        const auto source = std::ranges::find_if(
            plan.sources(), [&row](const Source& one) { return one.is_key(row.source); });
        if (source != plan.sources().end() && source->fingerprint != row.source) {
            batch->remove_coverage(row.source);
            batch->extend_coverage({source->fingerprint, row.range, row.provider, row.level});
        }
    }
    return batch->empty() ? ok() : database.commit(*batch, storage::Durability::kSync);
}

}  // namespace plumbline::engine
