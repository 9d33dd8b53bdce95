#include "engine/proof/log/log_proof.hpp"

namespace plumbline::engine {

LogProofCounts& LogProofCounts::operator+=(const LogProofCounts& other) noexcept {
    blocks += other.blocks;
    by_bloom += other.by_bloom;
    by_receipts += other.by_receipts;
    unsettled += other.unsettled;
    unprovable += other.unprovable;
    bad += other.bad;
    logs += other.logs;
    ticks += other.ticks;
    outside += other.outside;
    header_calls += other.header_calls;
    receipts_calls += other.receipts_calls;
    return *this;
}

Result<LogProofInput> read_log_proof_input(const storage::Database& database) {
    // Read before the snapshot, so that it holds all that they promise.
    LogProofInput input;
    PLUMBLINE_TRY(input.coverage, database.coverage());
    PLUMBLINE_TRY(input.children, database.children());
    input.view = database.read_view();
    input.chain_id = database.identity().chain_id;
    return input;
}

LogProofOptions log_proof_options(const ProofConfig& config) {
    LogProofOptions options;
    options.level = config.level;
    options.sample = config.sample;
    options.requests_per_second = config.requests_per_second;
    options.range_blocks = config.range_blocks;
    return options;
}

}  // namespace plumbline::engine
