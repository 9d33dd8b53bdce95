#include "engine/mapping/coverage_names.hpp"

#include "storage/commit_batch.hpp"

namespace plumbline::engine {

Status rename_coverage(storage::Database& database, const Plan& plan) {
    PLUMBLINE_TRY(const std::vector<storage::CoverageRow> coverage, database.coverage());
    const auto batch = database.make_batch();
    for (const storage::CoverageRow& row : coverage) {
        const Source* source = source_of_key(plan.sources(), row.source);
        if (source != nullptr && source->fingerprint != row.source) {
            batch->remove_coverage(row.source);
            batch->extend_coverage({source->fingerprint, row.range, row.provider, row.level});
        }
    }
    return batch->empty() ? ok() : database.commit(*batch, storage::Durability::kSync);
}

}  // namespace plumbline::engine
