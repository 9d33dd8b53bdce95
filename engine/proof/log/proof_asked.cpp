#include "engine/proof/log/proof_asked.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "storage/commit_batch.hpp"
#include "storage/proof_names.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

using storage::ProofLevel;

/// As the record keeps it: the share is no text of people.
std::string sample_text(double sample) {
    return fmt::format("{:.6f}", std::clamp(sample, 0.0, 1.0));
}

bool is_level_below(const std::string& level, ProofLevel wanted) {
    for (auto below = static_cast<int>(ProofLevel::kNone); below < static_cast<int>(wanted);
         ++below) {
        if (level == storage::to_string(static_cast<ProofLevel>(below))) {
            return true;
        }
    }
    return false;
}

}  // namespace

Status ask_for_proof(storage::Database& database, const ProofConfig& config) {
    const auto cursor = database.cursor();
    if (!cursor || config.level == ProofLevel::kNone) {
        return ok();
    }
    storage::ProofRecord asked;
    asked.proof = storage::kAskedRecord;
    asked.level = storage::to_string(config.level);
    asked.detail = sample_text(config.sample);
    const auto view = database.read_view();
    PLUMBLINE_TRY(const std::vector<storage::ProofRecord> records, view->list_proofs());
    const auto before = std::ranges::find(records, asked.proof, &storage::ProofRecord::proof);
    if (before != records.end() && before->level == asked.level && before->detail == asked.detail) {
        return ok();
    }
    const auto batch = database.make_batch();
    // An index that began without a record was proven by what its first config asked for, most
    // likely this one: of a sample not much would be below its level for another reason.
    const bool is_more = before == records.end()
                             ? config.sample >= 1.0
                             : is_level_below(before->level, config.level) ||
                                   before->detail < asked.detail;  // equally long: as the shares
    if (is_more) {
        PLUMBLINE_TRY(const std::vector<storage::CoverageRow> coverage, database.coverage());
        uint64_t rows = 0;
        for (const storage::CoverageRow& row : coverage) {
            if (row.level > ProofLevel::kFetched && row.level < config.level) {
                batch->extend_coverage({row.source, row.range, row.provider, ProofLevel::kFetched});
                ++rows;
            }
        }
        if (rows > 0) {
            logging::info(
                "the config asks the log proof for more than before: what was proven to "
                "less is proven again",
                {{"level", asked.level}, {"sample", config.sample}});
        }
    }
    batch->record_proof(asked);
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    return database.commit(*batch, storage::Durability::kSync);
}

}  // namespace plumbline::engine
