// Collecting a commit: everything that does not depend on what is stored goes straight into the
// write batch; the rest is noted and settled by `Database::commit`.
#include <algorithm>

#include "core/base/check.hpp"
#include "storage/asked_blocks.hpp"
#include "storage/commit_batch_impl.hpp"
#include "storage/log_codec.hpp"
#include "storage/rocks_options.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr size_t kBatchReserve = size_t{1} << 20;

}  // namespace

CommitBatch::CommitBatch(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
CommitBatch::~CommitBatch() = default;

CommitBatch::Impl::Impl(Database::Impl& database)
    : db{database},
      core{database.core},
      writes{kBatchReserve, 0, kBatchProtectionBytes, 0} {
    reset();
}

void CommitBatch::Impl::reset() {
    db.writer.assert_taken();
    generation = db.now().writing();
    log_family = db.core->family(FamilyKind::kLog);
    blocks_family = db.core->family(FamilyKind::kBlocks);
    writes.Clear();
    for (size_t kind = 0; kind < kDictKinds; ++kind) {
        dict_base[kind] = db.now().dictionaries[kind].size();
        dict_new[kind].clear();
        dict_lowered[kind].clear();
        dict_places[kind].clear();
    }
    has_last_address = false;
    logs = 0;
    log_tail = db.now().facts.tails.log;
    old_logs.clear();
    old_calls.clear();
    last_block = tail_block(db.now().facts.tails);
    log_changes.clear();
    old_block_hashes.clear();
    last_block_hash = {};
    row_changes.resize(generation->plans.size());
    for (EntityDigest& changes : row_changes) {
        changes.clear();
    }
    blocks = 0;
    block_tail = db.now().facts.tails.block;
    old_blocks.clear();
    eventless_blocks.clear();
    coverage.clear();
    removed_coverage.clear();
    levels.clear();
    journal.clear();
    corrections.clear();
    refold = false;
    quarantine_keys.clear();
    row_deltas.assign(generation->plans.size(), 0);
    index_changes.resize(generation->plans.size());
    for (size_t entity = 0; entity < generation->plans.size(); ++entity) {
        const std::vector<FamilyPtr>& families = generation->entities[entity].indexes;
        index_changes[entity].resize(families.size());
        for (size_t i = 0; i < families.size(); ++i) {
            IndexChanges& changes = index_changes[entity][i];
            changes.family = families[i]->get();
            changes.keys.clear();
            changes.rows.clear();
        }
    }
    index_bytes = 0;
    undo_keys.clear();
    const GenerationFacts& of = db.now().facts.facts_of(*generation);
    undo_block = of.undo_block;
    undo_next = of.undo_next;
    undo_rows.clear();
    unlogged_block = 0;
    unlogged_delete = false;
    lowest_block = UINT64_MAX;
    cursor.reset();
    finalized.reset();
    anything = false;
}

std::optional<uint32_t> CommitBatch::Impl::dict_id(DictKind kind, const DictValue& value,
                                                   uint64_t block_num) {
    const auto place = static_cast<size_t>(kind);
    const auto stored = db.now().dictionaries[place].find(value);
    if (stored && stored->block_num <= block_num) {
        return stored->id;
    }
    std::vector<DictRow>& rows = stored ? dict_lowered[place] : dict_new[place];
    if (const auto known = dict_places[place].find(value); known != dict_places[place].end()) {
        DictRow& row = rows[known->second];
        row.block_num = std::min(row.block_num, block_num);
        return row.id;
    }
    const auto id = stored ? stored->id : static_cast<uint32_t>(dict_base[place] + rows.size());
    if (id >= kDictSizeMax) {
        return std::nullopt;
    }
    dict_places[place].emplace(value, rows.size());
    rows.push_back({kind, id, block_num, value});
    return id;
}

void CommitBatch::Impl::add_log_change(uint64_t block_num, const DigestNode& change) {
    if (log_changes.empty() || log_changes.back().first != block_num) {
        log_changes.emplace_back(block_num, DigestNode{});
    }
    log_changes.back().second += change;
}

void CommitBatch::append_log(const evm::Log& log, ByteView data, const TxnFields* txn) {
    Impl& my = *impl_;
    my.db.writer.assert_idle();
    PLUMBLINE_CHECK(log.topic_count <= 4);
    if (!my.has_last_address || my.last_address != log.address ||
        log.block_num < my.last_address_block) {
        my.last_address = log.address;
        my.last_address_block = log.block_num;
        my.last_address_id = my.dict_id(DictKind::kAddress, dict_value(log.address), log.block_num);
        my.has_last_address = true;
    }
    LogDictIds ids{my.last_address_id, std::nullopt};
    if (log.topic_count > 0) {
        ids.topic = my.dict_id(DictKind::kTopic, log.topics[0], log.block_num);
    }
    my.key_scratch.clear();
    append_log_key(my.key_scratch, log.block_num, log.log_index);
    my.value_scratch.clear();
    append_log_value(my.value_scratch, log, data, txn, ids);
    my.writes.Put(my.log_family, to_slice(my.key_scratch), to_slice(my.value_scratch))
        .PermitUncheckedError();
    const Digest hash = hash_log(log, data, txn, my.other_scratch);
    if (my.key_scratch > my.log_tail) {
        my.add_log_change(log.block_num, {1, hash});
        my.log_tail.assign(my.key_scratch);
        ++my.logs;
    } else {
        PLUMBLINE_CHECK_MSG(my.key_scratch <= my.db.now().facts.tails.log,
                            "logs come in ascending order");
        my.old_logs.push_back({my.key_scratch, hash});
    }
    my.lowest_block = std::min(my.lowest_block, log.block_num);
    my.anything = true;
}

void CommitBatch::append_block(const BlockRow& block) {
    Impl& my = *impl_;
    my.db.writer.assert_idle();
    const std::string key = block_key(block.block_num);
    my.writes.Put(my.blocks_family, to_slice(key), encode_block(block)).PermitUncheckedError();
    const Digest hash = hash_block(block);
    if (key > my.db.now().facts.tails.block) {
        DigestNode change{0, hash};
        if (key > my.block_tail) {
            my.block_tail = key;
            ++my.blocks;
        } else {
            PLUMBLINE_CHECK_MSG(key == my.block_tail, "blocks come in ascending order");
            my.old_blocks.push_back(key);
            change.sum -= my.last_block_hash;
        }
        my.last_block_hash = hash;
        my.add_log_change(block.block_num, change);
    } else {
        my.old_blocks.push_back(key);
        my.old_block_hashes[key] = hash;
    }
    if (block.event_count == 0) {
        my.eventless_blocks[block.block_num] = hash;
    } else {
        my.eventless_blocks.erase(block.block_num);
    }
    my.lowest_block = std::min(my.lowest_block, block.block_num);
    my.anything = true;
}

void CommitBatch::append_child(const ChildRow& child) {
    impl_->writes
        .Put(impl_->db.core->family(FamilyKind::kChildren), child_key(child), encode_child(child))
        .PermitUncheckedError();
    impl_->lowest_block = std::min(impl_->lowest_block, child.block_num);
    impl_->anything = true;
}

void CommitBatch::remove_child(const ChildRow& child) {
    impl_->writes.Delete(impl_->db.core->family(FamilyKind::kChildren), child_key(child))
        .PermitUncheckedError();
    impl_->lowest_block = std::min(impl_->lowest_block, child.block_num);
    impl_->anything = true;
}

void CommitBatch::put_call(const CallFact& fact) {
    Impl& my = *impl_;
    my.db.writer.assert_idle();
    PLUMBLINE_CHECK(fact.call.input.size() <= kCallInputMax && fact.data.size() <= kCallDataMax);
    const std::string key = call_key(fact.block_num, fact.call);
    my.writes.Put(my.db.core->family(FamilyKind::kCalls), key, encode_call(fact))
        .PermitUncheckedError();
    if (fact.is_once) {
        my.writes
            .Put(my.db.core->family(FamilyKind::kCallsOnce), once_key(fact.call),
                 encode_once(fact.block_num))
            .PermitUncheckedError();
    }
    if (fact.pin == CallPin::kHead && !is_in_doubt(fact)) {
        my.writes.Put(my.db.core->meta(), asked_key(fact.asked), encode_asked(fact.asked))
            .PermitUncheckedError();
    }
    if (!my.last_block || fact.block_num > *my.last_block) {
        my.add_log_change(fact.block_num, {0, hash_call(fact)});
    } else {
        my.old_calls[key] = hash_call(fact);
    }
    my.lowest_block = std::min(my.lowest_block, fact.block_num);
    my.anything = true;
}

void CommitBatch::remove_call(const CallFact& fact) {
    Impl& my = *impl_;
    my.db.writer.assert_idle();
    std::string key = call_key(fact.block_num, fact.call);
    my.writes.Delete(my.db.core->family(FamilyKind::kCalls), key).PermitUncheckedError();
    if (fact.is_once) {
        my.writes.Delete(my.db.core->family(FamilyKind::kCallsOnce), once_key(fact.call))
            .PermitUncheckedError();
    }
    my.old_calls[std::move(key)] = std::nullopt;
    my.lowest_block = std::min(my.lowest_block, fact.block_num);
    my.anything = true;
}

void CommitBatch::change_row(size_t entity, std::string_view key, std::string_view before,
                             std::string_view after, std::optional<uint64_t> undo_block) {
    Impl& my = *impl_;
    PLUMBLINE_CHECK_MSG(!key.empty(), "the empty key belongs to the watermark");
    PLUMBLINE_CHECK(entity < my.generation->plans.size());
    PLUMBLINE_CHECK_MSG(my.undo_keys.empty() || !undo_block || *undo_block >= my.undo_block,
                        "undo comes in ascending order of blocks");
    if (before == after) {
        return;
    }
    my.anything = true;
    my.row_changes[entity].change(key, before, after);
    const EntityStorage& plan = my.generation->plans[entity];
    put_or_delete(my.writes, my.generation->entities[entity].rows->get(), key, after,
                  !after.empty());
    my.row_deltas[entity] +=
        for_index_changes(plan, {key, before, after}, my.key_scratch, my.other_scratch,
                          [&](size_t index, std::string_view index_key, bool is_put) {
                              my.index_changes[entity][index].add(index_key, is_put);
                              my.index_bytes += index_key.size() + sizeof(IndexChanges::Row);
                          });
    if (!undo_block) {
        if (after.empty()) {
            my.unlogged_delete = true;
        } else {
            my.unlogged_block = std::max(my.unlogged_block, RowCodec::changed_at(after).block_num);
        }
        return;
    }
    if (*undo_block != my.undo_block) {
        my.undo_block = *undo_block;
        my.undo_next = 0;
        my.undo_rows.clear();
    }
    // What a row was before the block is known once; a second undo row would never be read.
    PLUMBLINE_DCHECK(my.note_undo(entity, key));
    my.key_scratch.clear();
    append_undo_key(my.key_scratch, my.undo_block, my.undo_next);
    my.value_scratch.clear();
    append_undo_value(my.value_scratch, entity, key, before);
    my.writes.Put(my.generation->undo->get(), to_slice(my.key_scratch), to_slice(my.value_scratch))
        .PermitUncheckedError();
    my.undo_keys.emplace_back(my.undo_block, my.undo_next++);
}

void CommitBatch::quarantine(const QuarantineRow& row) {
    Impl& my = *impl_;
    std::string key = quarantine_key(row.block_num, row.log_index);
    my.writes.Put(my.generation->quarantine->get(), to_slice(key), encode_quarantine(row))
        .PermitUncheckedError();
    my.quarantine_keys.push_back(std::move(key));
    my.anything = true;
}

void CommitBatch::extend_coverage(const CoverageRow& row) {
    PLUMBLINE_CHECK_MSG(row.range.from <= row.range.to, "a range of coverage holds a block");
    PLUMBLINE_CHECK(row.level > ProofLevel::kNone && row.level <= ProofLevel::kReceipts);
    impl_->coverage.push_back(row);
    impl_->anything = true;
}

void CommitBatch::remove_coverage(const std::string& source) {
    impl_->removed_coverage.push_back(source);
    impl_->anything = true;
}

void CommitBatch::remove_coverage(const std::string& source, evm::BlockRange range) {
    PLUMBLINE_CHECK_MSG(range.from <= range.to, "a range of coverage holds a block");
    impl_->coverage.push_back({source, range, {}, ProofLevel::kNone});
    impl_->anything = true;
}

void CommitBatch::set_block_level(uint64_t block_num, ProofLevel level) {
    PLUMBLINE_CHECK(level <= ProofLevel::kReceipts);
    impl_->levels[block_num] = level;
    impl_->anything = true;
}

void CommitBatch::remove_log(uint64_t block_num, uint32_t log_index) {
    Impl& my = *impl_;
    my.db.writer.assert_idle();
    std::string key;
    append_log_key(key, block_num, log_index);
    PLUMBLINE_CHECK_MSG(my.logs == 0 || key <= my.db.now().facts.tails.log || key > my.log_tail,
                        "what lies beyond the stored logs is appended last");
    my.writes.Delete(my.log_family, to_slice(key)).PermitUncheckedError();
    my.old_logs.push_back({std::move(key), std::nullopt});
    my.lowest_block = std::min(my.lowest_block, block_num);
    my.anything = true;
}

void CommitBatch::remove_block(uint64_t block_num) {
    Impl& my = *impl_;
    my.db.writer.assert_idle();
    std::string key = block_key(block_num);
    PLUMBLINE_CHECK_MSG(
        my.blocks == 0 || key <= my.db.now().facts.tails.block || key > my.block_tail,
        "what lies beyond the stored blocks is appended last");
    my.writes.Delete(my.blocks_family, to_slice(key)).PermitUncheckedError();
    std::erase(my.old_blocks, key);
    my.eventless_blocks.erase(block_num);
    my.old_block_hashes[std::move(key)] = std::nullopt;
    my.lowest_block = std::min(my.lowest_block, block_num);
    my.anything = true;
}

void CommitBatch::require_refold() {
    impl_->refold = true;
    impl_->anything = true;
}

void CommitBatch::append_correction(const CorrectionRow& row) {
    impl_->corrections.push_back(row);
    impl_->anything = true;
}

void CommitBatch::append_journal(const JournalRow& row) {
    impl_->journal.push_back(row);
    impl_->anything = true;
}

void CommitBatch::record_proof(const ProofRecord& record) {
    impl_->writes
        .Put(impl_->db.core->meta(), proof_key(record.proof, record.entity), encode_proof(record))
        .PermitUncheckedError();
    impl_->anything = true;
}

void CommitBatch::remove_proof(const ProofRecord& record) {
    impl_->writes.Delete(impl_->db.core->meta(), proof_key(record.proof, record.entity))
        .PermitUncheckedError();
    impl_->anything = true;
}

void CommitBatch::set_finalized(uint64_t block_num) {
    impl_->finalized = std::max(impl_->finalized.value_or(0), block_num);
    impl_->anything = true;
}

void CommitBatch::set_cursor(uint64_t block_num, const evm::Hash& block_hash, uint64_t timestamp) {
    Cursor cursor;
    cursor.block_num = block_num;
    cursor.block_hash = block_hash;
    cursor.timestamp = timestamp;
    impl_->cursor = cursor;
    impl_->anything = true;
}

size_t CommitBatch::size_bytes() const noexcept {
    return impl_->writes.GetDataSize() + impl_->index_bytes;
}

bool CommitBatch::empty() const noexcept {
    return !impl_->anything;
}

void CommitBatch::clear() {
    const WriterScope role{impl_->db.writer};
    impl_->reset();
}

}  // namespace plumbline::storage
