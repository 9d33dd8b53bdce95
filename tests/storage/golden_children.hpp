// What lies in tests/storage/golden/v1_children: an index with contracts that a factory announced,
// proven in part. Written by the last program of format version 1.
#pragma once

#include "storage/commit_batch.hpp"
#include "storage/database.hpp"
#include "tests/storage/storage_test_util.hpp"

namespace plumbline::storage::test {

constexpr uint64_t kChildrenBlocks = 40;

/// Fills an empty database; no level is above `level_max`. Without `has_verdicts` no proof has run,
/// without `has_children` nothing was announced.
inline void fill_with_children(Database& db, ProofLevel level_max, bool has_verdicts,
                               bool has_children = true) {
    const auto at_most = [level_max](ProofLevel level) { return std::min(level, level_max); };
    const RowCodec user{test_bundle().entities[0]};
    for (uint64_t block = 1; block <= kChildrenBlocks; ++block) {
        const auto batch = db.make_batch();
        BlockRow row = make_block(block, 2);
        row.level = at_most(block % 3 == 0   ? ProofLevel::kBloom
                            : block % 3 == 1 ? ProofLevel::kReceipts
                                             : ProofLevel::kFetched);
        batch->append_block(row);
        for (uint32_t i = 0; i < 2; ++i) {
            const TestLog log = make_log(block, i);
            batch->append_log(log.log, log.data);
        }
        batch->change_row(0, user_key(block), "",
                          user_row(user, block, "user", static_cast<int64_t>(block), {block, 0}),
                          block);
        if (has_children && (block == 7 || block == 19)) {
            batch->append_child({"vault", address_of(block), block, 1});
        }
        for (const char* source : {"hub", "vault"}) {
            const ProofLevel level = block <= 12   ? ProofLevel::kReceipts
                                     : block <= 20 ? ProofLevel::kFetched
                                     : block <= 30 ? ProofLevel::kLinked
                                                   : ProofLevel::kReceipts;
            batch->extend_coverage({source, {block, block}, "node", at_most(level)});
        }
        if (has_verdicts && block == kChildrenBlocks) {
            for (const char* proof : {"log", "replay", "state"}) {
                ProofRecord record;
                record.proof = proof;
                record.entity = record.proof == "state" ? "user" : "";
                record.block_num = block;
                record.is_equal = true;
                record.checked = block;
                record.level = "receipts";
                batch->record_proof(record);
            }
        }
        batch->set_cursor(block, hash_of(block), make_block(block, 0).timestamp);
        ASSERT_OK(db.commit(*batch, Durability::kSync));
    }
}

}  // namespace plumbline::storage::test
