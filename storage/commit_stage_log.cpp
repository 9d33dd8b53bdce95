// What a commit does to the log and its block rows: digests, totals and last keys. Where it only
// appends, which is nearly always, nothing has to be read for it.
#include <algorithm>
#include <set>

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>

#include "storage/codec.hpp"
#include "storage/commit_stage.hpp"
#include "storage/rocks_status.hpp"
#include "storage/table_files.hpp"

namespace plumbline::storage {

namespace {

/// All keys of a family but its watermark.
Result<uint64_t> count_keys(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family) {
    uint64_t count = 0;
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
        count += it->key().empty() ? uint64_t{0} : uint64_t{1};
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "counting rows"));
    return count;
}

/// The last stored key up to `tail` that is not taken away; empty where there is none.
template <typename IsRemoved>
Result<std::string> last_kept(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                              const std::string& tail, std::string_view doing,
                              IsRemoved is_removed) {
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    for (it->SeekForPrev(tail); it->Valid() && !it->key().empty(); it->Prev()) {
        std::string key = it->key().ToString();
        PLUMBLINE_TRY_VOID(check_key_size(key, tail.size(), family->GetName()));
        if (!is_removed(key)) {
            return key;
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), doing));
    return std::string{};
}

}  // namespace

Result<uint64_t> count_existing(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                                std::vector<std::string>& keys) {
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    uint64_t existing = 0;
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    bool placed = false;
    for (const std::string& key : keys) {
        if (placed && (!it->Valid() || to_view(it->key()) > key)) {
            continue;
        }
        if (!placed || to_view(it->key()) < key) {
            it->Seek(key);
            PLUMBLINE_TRY_VOID(from_rocks(it->status(), "looking for stored rows"));
            placed = true;
        }
        existing += it->Valid() && to_view(it->key()) == key ? uint64_t{1} : uint64_t{0};
    }
    return existing;
}

/// The log's digests, and with them how many logs there are. Pages with rows at or below the tails
/// are hashed anew from what is stored: what was there before may be damage that this mends, and
/// then it is not what the digest holds.
Status CommitStage::stage_log() {
    next_.totals.events += batch_.logs;
    next_.tails.log = batch_.log_tail;
    LogDigestOverlay overlay{{}, batch_.old_block_hashes, batch_.old_calls};
    std::set<uint64_t> pages;
    for (const CommitBatch::Impl::OldLog& log : batch_.old_logs) {
        overlay.logs[log.key] = log.hash;
        pages.insert(load_be64(log.key.data()) / kDigestPageSize);
    }
    for (const auto* rows : {&overlay.blocks, &overlay.calls}) {
        for (const auto& [key, hash] : *rows) {
            pages.insert(load_be64(key.data()) / kDigestPageSize);
        }
    }
    for (const uint64_t number : pages) {
        PLUMBLINE_TRY(const DigestPage page,
                      hash_log_page(core_, db_.now().dictionaries, number, overlay));
        PLUMBLINE_TRY(const DigestPage before, digests_.replace(number * kDigestPageSize, page));
        next_.totals.events += sum_of(page).count - sum_of(before).count;
    }
    for (const auto& [block_num, change] : batch_.log_changes) {
        PLUMBLINE_TRY_VOID(digests_.add(block_num, change));
    }
    if (!batch_.old_logs.empty()) {
        PLUMBLINE_TRY(next_.tails.log, find_log_tail(overlay));
    }
    return ok();
}

/// The last log there will be, where logs at or below the tail are removed or put.
Result<std::string> CommitStage::find_log_tail(const LogDigestOverlay& overlay) const {
    const auto is_removed = [&](const std::string& key) {
        const auto call = overlay.logs.find(key);
        return call != overlay.logs.end() && !call->second;
    };
    if (!is_removed(batch_.log_tail)) {
        return batch_.log_tail;
    }
    PLUMBLINE_TRY(std::string tail, last_kept(core_, batch_.log_family, batch_.log_tail,
                                              "looking for the last log", is_removed));
    for (const auto& [key, hash] : overlay.logs) {
        if (hash) {
            tail = std::max(tail, key);
        }
    }
    return tail;
}

bool CommitStage::is_rewritten(std::string_view block_key) const {
    return std::binary_search(batch_.old_blocks.begin(), batch_.old_blocks.end(), block_key);
}

Status CommitStage::stage_block_rows() {
    PLUMBLINE_TRY(const uint64_t existing,
                  count_existing(core_, batch_.blocks_family, batch_.old_blocks));
    next_.totals.block_rows += batch_.blocks;
    // Rows of this very batch that came twice are no new rows either.
    for (const std::string& key : batch_.old_blocks) {
        next_.totals.block_rows += key <= db_.now().facts.tails.block ? uint64_t{1} : uint64_t{0};
    }
    next_.totals.block_rows -= existing;
    next_.tails.block = batch_.block_tail;
    return batch_.old_block_hashes.empty() ? ok() : stage_old_blocks(existing);
}

/// Block rows removed, and after damage how many there are at all: a row that is put back may have
/// been counted all the time.
Status CommitStage::stage_old_blocks(uint64_t existing_puts) {
    std::vector<std::string> removed;
    uint64_t puts = 0;
    for (const auto& [key, hash] : batch_.old_block_hashes) {
        puts += hash ? 1U : 0U;
        if (!hash) {
            removed.push_back(key);
        }
    }
    PLUMBLINE_TRY(const uint64_t deleted, count_existing(core_, batch_.blocks_family, removed));
    next_.totals.block_rows -= std::min(deleted, next_.totals.block_rows);
    if (batch_.refold) {
        PLUMBLINE_TRY(const uint64_t stored, count_keys(core_, batch_.blocks_family));
        next_.totals.block_rows = stored - deleted - existing_puts + puts + batch_.blocks;
    }
    return std::ranges::binary_search(removed, batch_.block_tail) ? find_block_tail(removed) : ok();
}

/// The last block row there will be, where the last one is among those removed.
Status CommitStage::find_block_tail(const std::vector<std::string>& removed) {
    PLUMBLINE_TRY(next_.tails.block,
                  last_kept(core_, batch_.blocks_family, batch_.block_tail,
                            "looking for the last block row", [&](const std::string& key) {
                                return std::ranges::binary_search(removed, key);
                            }));
    for (const auto& [key, hash] : batch_.old_block_hashes) {
        if (hash) {
            next_.tails.block = std::max(next_.tails.block, key);
        }
    }
    return ok();
}

}  // namespace plumbline::storage
