#include "storage/commit_stage.hpp"

#include <algorithm>
#include <map>

#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include "storage/codec.hpp"
#include "storage/log_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

CommitStage::CommitStage(Database::Impl& db, CommitBatch::Impl& batch)
    : db_{db},
      batch_{batch},
      core_{*db.core},
      writes_{batch.writes},
      next_{db.now().facts},
      digests_{*db.core, tail_block(db.now().facts.tails)} {}

Result<StagedCommit> CommitStage::run() {
    db_.writer.assert_taken();
    const StoredState& facts = db_.now().facts;
    next_.watermark.commit_num += 1;
    const bool fills = facts.cursor && batch_.lowest_block <= facts.cursor->block_num;
    if (fills) {
        next_.watermark.last_fill = next_.watermark.commit_num;
    }
    const uint64_t finalized = std::max(facts.finalized(), batch_.finalized.value_or(0));
    if (batch_.cursor) {
        PLUMBLINE_CHECK_MSG(!facts.cursor || batch_.cursor->block_num >= facts.cursor->block_num,
                            "only a rollback takes the cursor back");
        next_.cursor = batch_.cursor;
    }
    if (next_.cursor) {
        next_.cursor->finalized = finalized;
    }
    for (std::vector<IndexChanges>& indexes : batch_.index_changes) {
        for (IndexChanges& index : indexes) {
            index.put_into(writes_);
        }
    }
    PLUMBLINE_TRY_VOID(stage_log());
    PLUMBLINE_TRY_VOID(stage_block_rows());
    PLUMBLINE_TRY_VOID(stage_counts());
    PLUMBLINE_TRY_VOID(stage_levels());
    PLUMBLINE_TRY_VOID(stage_records());
    PLUMBLINE_TRY_VOID(stage_final(finalized));
    PLUMBLINE_TRY_VOID(digests_.finish(writes_));
    StagedTrees trees;
    PLUMBLINE_TRY_VOID(stage_entity_digests(core_, *batch_.generation,
                                            db_.trees[batch_.generation->number],
                                            batch_.row_changes, writes_, trees));
    stage_coverage();
    stage_dictionary();
    next_.settle_cursor();
    db_.put_facts(writes_, next_, fills);
    return StagedCommit{std::move(next_), std::move(trees)};
}

Status CommitStage::stage_counts() {
    GenerationFacts& facts = next_.facts_of(*batch_.generation);
    for (size_t i = 0; i < batch_.row_deltas.size(); ++i) {
        facts.counts.rows[i] += static_cast<uint64_t>(batch_.row_deltas[i]);
    }
    if (!batch_.quarantine_keys.empty()) {
        PLUMBLINE_TRY(
            const uint64_t known,
            count_existing(core_, batch_.generation->quarantine->get(), batch_.quarantine_keys));
        facts.counts.quarantined += batch_.quarantine_keys.size() - known;
    }
    facts.undo_block = batch_.undo_block;
    facts.undo_next = batch_.undo_next;
    facts.undo_floor = std::max(facts.undo_floor, batch_.unlogged_block);
    if (batch_.unlogged_delete && batch_.cursor && !db_.now().building) {
        facts.undo_floor = std::max(facts.undo_floor, batch_.cursor->block_num);
    }
    return ok();
}

/// Of stored block rows; those that the batch writes itself have theirs.
Status CommitStage::stage_levels() {
    const std::string& tail = db_.now().facts.tails.block;
    for (const auto& [block_num, level] : batch_.levels) {
        const std::string key = block_key(block_num);
        if (key > tail || is_rewritten(key)) {
            continue;
        }
        PLUMBLINE_TRY(const auto value, core_.get(batch_.blocks_family, key));
        if (!value) {
            continue;
        }
        PLUMBLINE_TRY(BlockRow row, decode_block(key, *value));
        row.level = level;
        writes_.Put(batch_.blocks_family, key, encode_block(row)).PermitUncheckedError();
    }
    return ok();
}

/// Journal entries and corrections get their numbers here.
Status CommitStage::stage_records() {
    put_journal(core_, batch_.journal, next_, writes_);
    rocksdb::ColumnFamilyHandle* family = core_.family(FamilyKind::kCorrections);
    std::map<uint64_t, uint32_t> next_seq;
    for (const CorrectionRow& row : batch_.corrections) {
        if (!next_seq.contains(row.block_num)) {
            const std::unique_ptr<rocksdb::Iterator> it = core_.iterate(family);
            it->SeekForPrev(correction_key(row.block_num, UINT32_MAX));
            const bool has_older = it->Valid() && it->key().size() == kLogKeySize &&
                                   load_be64(it->key().data()) == row.block_num;
            next_seq[row.block_num] = has_older ? load_be32(it->key().data() + 8) + 1 : 0;
            PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading corrections"));
        }
        writes_
            .Put(family, correction_key(row.block_num, next_seq[row.block_num]++),
                 encode_correction(row))
            .PermitUncheckedError();
    }
    if (batch_.refold) {
        next_.needs_refold = true;
        writes_.Put(core_.meta(), to_slice(kMetaRefold), encode_number(1)).PermitUncheckedError();
    }
    return ok();
}

void CommitStage::stage_coverage() {
    const auto& stored = db_.now().facts.coverage;
    const auto stored_of = [&stored](const std::string& source) -> CoverageRanges {
        const auto at = stored.find(source);
        return at == stored.end() ? CoverageRanges{} : *at->second;
    };
    std::map<std::string, CoverageRanges> changed;
    for (const std::string& source : batch_.removed_coverage) {
        changed.emplace(source, CoverageRanges{});
    }
    for (const CoverageRow& row : batch_.coverage) {
        auto at = changed.find(row.source);
        if (at == changed.end()) {
            at = changed.emplace(row.source, stored_of(row.source)).first;
        }
        if (row.level == ProofLevel::kNone) {
            lift_coverage(at->second, row.range);
        } else {
            lay_coverage(at->second, row);
        }
    }
    for (auto& [source, ranges] : changed) {
        put_coverage(core_, source, stored_of(source), ranges, writes_);
        if (ranges.empty()) {
            next_.coverage.erase(source);
            continue;
        }
        next_.coverage[source] = std::make_shared<const CoverageRanges>(std::move(ranges));
    }
}

void CommitStage::stage_dictionary() {
    rocksdb::ColumnFamilyHandle* family = core_.family(FamilyKind::kDict);
    for (size_t kind = 0; kind < kDictKinds; ++kind) {
        uint32_t id = batch_.dict_base[kind];
        for (const DictRow& row : batch_.dict_new[kind]) {
            PLUMBLINE_CHECK_MSG(row.id == id++, "ids of a dictionary leave no gap");
        }
        for (const auto* rows : {&batch_.dict_new[kind], &batch_.dict_lowered[kind]}) {
            for (const DictRow& row : *rows) {
                writes_.Put(family, dict_key(row.kind, row.id), encode_dict(row))
                    .PermitUncheckedError();
            }
        }
    }
}

}  // namespace plumbline::storage
