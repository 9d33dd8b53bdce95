// What is not kept of blocks that are final: their undo, and their rows where they have no events.
#include <algorithm>

#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include "storage/codec.hpp"
#include "storage/commit_stage.hpp"
#include "storage/log_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

Status CommitStage::stage_final(uint64_t finalized) {
    const uint64_t before = db_.now().facts.finalized();
    if (finalized > before) {
        PLUMBLINE_TRY_VOID(drop_eventless(before, finalized));
    }
    for (const Generation* generation : {db_.now().published.get(), db_.now().building.get()}) {
        if (generation != nullptr) {
            PLUMBLINE_TRY_VOID(drop_undo(*generation, finalized));
        }
    }
    for (const auto& [block_num, sequence] : batch_.undo_keys) {
        if (block_num <= finalized) {
            std::string key;
            append_undo_key(key, block_num, sequence);
            writes_.Delete(batch_.generation->undo->get(), key).PermitUncheckedError();
        }
    }
    return drop_eventless_of_batch(finalized);
}

/// Stored rows from block `from` up to (not including) `finalized`.
Status CommitStage::drop_eventless(uint64_t from, uint64_t finalized) {
    const std::unique_ptr<rocksdb::Iterator> it = core_.iterate(batch_.blocks_family);
    for (it->Seek(block_key(from)); it->Valid(); it->Next()) {
        if (it->key().empty()) {
            continue;
        }
        PLUMBLINE_TRY(const BlockRow row, decode_block(to_view(it->key()), to_view(it->value())));
        if (row.block_num >= finalized) {
            break;
        }
        // A row that the batch writes anew is the batch's own business.
        if (row.event_count == 0 && !is_rewritten(to_view(it->key()))) {
            PLUMBLINE_TRY_VOID(drop_block_row(row.block_num, to_view(it->key()), hash_block(row)));
        }
    }
    return from_rocks(it->status(), "reading block rows");
}

/// Rows of the batch itself that are final already: put and deleted in one go.
Status CommitStage::drop_eventless_of_batch(uint64_t finalized) {
    for (const auto& [block_num, hash] : batch_.eventless_blocks) {
        if (block_num >= finalized) {
            break;
        }
        PLUMBLINE_TRY_VOID(drop_block_row(block_num, block_key(block_num), hash));
    }
    return ok();
}

Status CommitStage::drop_block_row(uint64_t block_num, std::string_view key, const Digest& hash) {
    writes_.Delete(batch_.blocks_family, to_slice(key)).PermitUncheckedError();
    --next_.totals.block_rows;
    DigestNode change;
    change.sum -= hash;
    return digests_.add(block_num, change);
}

/// Stored undo of a generation up to `finalized`.
Status CommitStage::drop_undo(const Generation& generation, uint64_t finalized) {
    const uint64_t floor = db_.now().facts.facts_of(generation).undo_floor;
    if (finalized > floor) {
        std::string from;
        append_undo_key(from, floor, 0);
        const std::unique_ptr<rocksdb::Iterator> it = core_.iterate(generation.undo->get());
        for (it->Seek(from); it->Valid(); it->Next()) {
            if (it->key().size() != kLogKeySize) {
                continue;
            }
            if (load_be64(it->key().data()) > finalized) {
                break;
            }
            writes_.Delete(generation.undo->get(), it->key()).PermitUncheckedError();
        }
        PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading undo rows"));
    }
    GenerationFacts& facts = next_.facts_of(generation);
    facts.undo_floor = std::max(facts.undo_floor, finalized);
    return ok();
}

}  // namespace plumbline::storage
