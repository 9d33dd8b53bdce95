#include "engine/fold/entity_cache.hpp"

#include <algorithm>
#include <array>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/check.hpp"
#include "core/base/key_sort.hpp"
#include "engine/fold/row_change.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

constexpr uint32_t kChunkEntries = 16384;  // 2 MiB
constexpr size_t kFirstSlots = 1024;
/// Buffers above this are given back when an entry is evicted; smaller ones are used again.
constexpr size_t kRecycledCapacityMax = 512;
/// Entries looked at in one `trim`, so that a cache full of changed rows costs no event dear.
constexpr uint32_t kTrimStepsMax = 256;
/// Of the cache's bytes, what the memory of evicted keys may take over all entities.
constexpr size_t kFilterShare = 4;
/// How far ahead of its work a flush asks for memory.
constexpr size_t kPrefetchRows = 4;

void prefetch(const void* address) noexcept {
    __builtin_prefetch(address);
}

}  // namespace

EntityCache::EntityCache(size_t entities, const storage::Database& database, size_t bytes_max,
                         bool starts_empty)
    : database_{database},
      bytes_max_{bytes_max},
      starts_empty_{starts_empty} {
    absence_.resize(entities);
    newest_.resize(entities);
    sorted_.resize(entities);
    table_.resize(kFirstSlots);
    if (starts_empty) {
        for (Absence& absence : absence_) {
            absence.complete = true;
        }
    } else {
        learn_emptiness();
    }
}

EntityCache::~EntityCache() = default;

void EntityCache::learn_emptiness() {
    const auto view = database_.read_view();
    for (size_t i = 0; i < absence_.size(); ++i) {
        const auto scanner = view->scan_entity(i, {}, {}, true);
        absence_[i].complete = !scanner->valid() && scanner->status().has_value();
    }
}

EntityCache::Entry& EntityCache::entry_at(uint32_t index) noexcept {
    PLUMBLINE_DCHECK(index < next_entry_);
    return chunks_[index / kChunkEntries][index % kChunkEntries];
}

uint32_t EntityCache::take_entry() {
    if (!free_.empty()) {
        const uint32_t index = free_.back();
        free_.pop_back();
        return index;
    }
    if (next_entry_ == chunks_.size() * kChunkEntries) {
        chunks_.emplace_back(kChunkEntries);
    }
    return next_entry_++;
}

void EntityCache::insert_slot(uint32_t tag, uint32_t index) noexcept {
    PLUMBLINE_DCHECK(live_ < table_.size());  // A free slot ends the search.
    const size_t mask = table_.size() - 1;
    size_t at = tag & mask;
    while (table_[at].index != 0) {
        at = (at + 1) & mask;
    }
    table_[at] = Slot{tag, index + 1};
}

void EntityCache::erase_slot(const Entry& entry, uint32_t index) noexcept {
    const size_t mask = table_.size() - 1;
    size_t hole = static_cast<uint32_t>(entry.hash_) & mask;
    while (table_[hole].index != index + 1) {
        PLUMBLINE_CHECK_MSG(table_[hole].index != 0, "an entry without a slot");
        hole = (hole + 1) & mask;
    }
    // Closes the gap: later slots of the run move up unless that would put them before their home.
    for (size_t at = (hole + 1) & mask; table_[at].index != 0; at = (at + 1) & mask) {
        const size_t home = table_[at].tag & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table_[hole] = table_[at];
            hole = at;
        }
    }
    table_[hole] = Slot{};
}

void EntityCache::grow_table() {
    std::vector<Slot, HugePageAllocator<Slot>> old(table_.size() * 2);
    old.swap(table_);
    for (const Slot& slot : old) {
        if (slot.index != 0) {
            insert_slot(slot.tag, slot.index - 1);
        }
    }
}

void EntityCache::recharge(Entry& entry) noexcept {
    // Strings of up to 15 bytes live inside the entry.
    const size_t row = entry.row.capacity() > 15 ? entry.row.capacity() + 17 : 0;
    const auto now =
        static_cast<uint32_t>(sizeof(Entry) + 2 * sizeof(Slot) + entry.key.heap_bytes() + row);
    PLUMBLINE_CHECK(bytes_ >= entry.charged_);
    bytes_ += now;
    bytes_ -= entry.charged_;
    if (entry.dirty_) {
        pending_bytes_ += now;
        pending_bytes_ -= entry.charged_;
    }
    entry.charged_ = now;
}

uint64_t EntityCache::hash_of(size_t entity, std::string_view key) noexcept {
    return XXH3_64bits_withSeed(key.data(), key.size(), entity);
}

/// By its tag only: good enough for a hint. It is not looked into.
const EntityCache::Entry* EntityCache::first_of_tag(uint64_t hash) const noexcept {
    const auto tag = static_cast<uint32_t>(hash);
    const size_t mask = table_.size() - 1;
    for (size_t at = tag & mask; table_[at].index != 0; at = (at + 1) & mask) {
        if (table_[at].tag == tag) {
            const uint32_t index = table_[at].index - 1;
            return &chunks_[index / kChunkEntries][index % kChunkEntries];
        }
    }
    return nullptr;
}

void EntityCache::prefetch_slot(uint64_t hash) const noexcept {
    prefetch(&table_[static_cast<uint32_t>(hash) & (table_.size() - 1)]);
}

void EntityCache::prefetch_entry(size_t entity, uint64_t hash) const noexcept {
    if (const Entry* entry = first_of_tag(hash); entry != nullptr) {
        prefetch(entry);
        prefetch(reinterpret_cast<const char*>(entry) + 64);
    } else if (absence_[entity].complete) {
        absence_[entity].evicted.prefetch(hash);
    }
}

void EntityCache::prefetch_row(size_t entity, uint64_t hash) const noexcept {
    if (const Entry* entry = first_of_tag(hash);
        entry != nullptr && entry->hash_ == hash && entry->entity_ == entity) {
        prefetch(entry->row.data());
        prefetch(entry->row.data() + entry->row.size());
    }
}

EntityCache::Entry* EntityCache::find(size_t entity, std::string_view key, uint64_t hash) {
    PLUMBLINE_DCHECK(entity < newest_.size());
    // An event names the same row in several handlers.
    if (Entry* last = newest_[entity]; last != nullptr && last->used_ && last->hash_ == hash &&
                                       last->entity_ == entity &&
                                       std::string_view{last->key} == key) {
        last->referenced_ = true;
        return last;
    }
    const auto tag = static_cast<uint32_t>(hash);
    const size_t mask = table_.size() - 1;
    for (size_t at = tag & mask; table_[at].index != 0; at = (at + 1) & mask) {
        if (table_[at].tag == tag) {
            Entry& entry = entry_at(table_[at].index - 1);
            prefetch(reinterpret_cast<const char*>(&entry) + 64);
            if (entry.hash_ == hash && entry.entity_ == entity &&
                std::string_view{entry.key} == key) {
                prefetch(entry.row.data());
                entry.referenced_ = true;
                newest_[entity] = &entry;
                return &entry;
            }
        }
    }

    const uint32_t index = take_entry();
    Entry& entry = entry_at(index);
    PLUMBLINE_CHECK(!entry.used_);
    entry.row.clear();
    const Absence& absence = absence_[entity];
    if (!absence.complete || absence.evicted.may_contain(hash)) {
        ++database_reads_;
        auto found = database_.latest_row(entity, key, entry.row);
        if (!found || !*found) {
            entry.row.clear();
        }
        if (!found) {
            error_ = std::move(found).error();
            free_.push_back(index);
            return nullptr;
        }
    }
    entry.key.assign(key);
    entry.hash_ = hash;
    entry.entity_ = static_cast<uint16_t>(entity);
    entry.used_ = true;
    entry.dirty_ = false;
    entry.heat_ = 0;
    entry.referenced_ = true;
    entry.flushed_in_ = 0;
    entry.charged_ = 0;
    recharge(entry);
    ++live_;
    if (live_ * 5 > table_.size() * 3) {
        grow_table();
    }
    insert_slot(tag, index);
    newest_[entity] = &entry;
    return &entry;
}

void EntityCache::touch(Entry& entry) {
    PLUMBLINE_CHECK_MSG(entry.used_, "a row that was evicted");
    if (entry.journal_slot_ < journal_.size() && journal_[entry.journal_slot_].entry == &entry) {
        return;
    }
    entry.journal_slot_ = static_cast<uint32_t>(journal_.size());
    if (entry.heat_ < UINT8_MAX) {
        ++entry.heat_;
    }
    const auto size = static_cast<uint32_t>(entry.row.size());
    journal_.push_back({&entry, journal_bytes_.size(), size, entry.dirty_});
    journal_bytes_.append(entry.row);
    if (!entry.dirty_) {
        entry.dirty_ = true;
        entry.before_offset_ = before_.size();
        entry.before_size_ = size;
        before_.append(entry.row);
        dirty_.push_back(&entry);
        pending_bytes_ += entry.charged_;
    }
}

void EntityCache::commit_event() {
    for (const JournalRow& row : journal_) {
        recharge(*row.entry);
    }
    journal_.clear();
    journal_bytes_.clear();
    event_dirty_mark_ = dirty_.size();
    event_before_mark_ = before_.size();
}

void EntityCache::rollback_event() {
    PLUMBLINE_CHECK(dirty_.size() >= event_dirty_mark_ && before_.size() >= event_before_mark_);
    for (const JournalRow& row : journal_) {
        row.entry->row.assign(journal_bytes_, row.offset, row.size);
        recharge(*row.entry);
        if (!row.was_dirty) {
            row.entry->dirty_ = false;
            pending_bytes_ -= row.entry->charged_;
        }
    }
    dirty_.resize(event_dirty_mark_);
    before_.resize(event_before_mark_);
    journal_.clear();
    journal_bytes_.clear();
}

void EntityCache::evict(Entry& entry, uint32_t index) {
    PLUMBLINE_CHECK(entry.used_ && !entry.dirty_ && entry.flushed_in_ != flush_count_);
    if (!entry.row.empty() && absence_[entry.entity_].complete) {
        KeyFilter& evicted = absence_[entry.entity_].evicted;
        filter_bytes_ -= evicted.size_bytes();
        const size_t share = bytes_max_ / kFilterShare;
        const size_t taken = filter_bytes_ + evicted.size_bytes();
        evicted.add(entry.hash_, taken < share ? share - taken : 0);
        filter_bytes_ += evicted.size_bytes();
    }
    erase_slot(entry, index);
    bytes_ -= entry.charged_;
    entry.charged_ = 0;
    entry.used_ = false;
    entry.key.clear();
    entry.row.clear();
    if (entry.row.capacity() > kRecycledCapacityMax) {
        entry.row.shrink_to_fit();
    }
    free_.push_back(index);
    --live_;
}

void EntityCache::trim() {
    PLUMBLINE_CHECK_MSG(journal_.empty(), "trim inside an event");
    // Twice round: the first time takes the marks of use away.
    const size_t enough = size_t{2} * next_entry_;
    for (uint32_t step = 0; step < kTrimStepsMax && size_bytes() > bytes_max_; ++step) {
        if (passed_over_ >= enough) {
            return;  // All rows wait for a commit.
        }
        if (hand_ >= next_entry_) {
            hand_ = 0;
        }
        const uint32_t index = hand_++;
        Entry& entry = entry_at(index);
        if (!entry.used_ || entry.dirty_ || entry.flushed_in_ == flush_count_) {
            ++passed_over_;
        } else if (entry.referenced_) {
            entry.referenced_ = false;
            ++passed_over_;
        } else {
            evict(entry, index);
            passed_over_ = 0;
        }
    }
}

void EntityCache::begin_flush() {
    PLUMBLINE_CHECK_MSG(journal_.empty(), "flush inside an event");
    PLUMBLINE_DCHECK(books_balance());
    ++flush_count_;
    passed_over_ = 0;
}

/// Emits what lies in `sorted_`, in any order, and empties it.
void EntityCache::flush_selected(storage::CommitBatch& batch, std::optional<uint64_t> undo_block,
                                 RowChanges* kept) {
    for (std::vector<Entry*>& entries : sorted_) {
        // Sorted keys go into RocksDB's skip lists several times faster than those in random order.
        sort_by_key(entries, [](const Entry* entry) -> std::string_view { return entry->key; });
        flush_sorted(entries, batch, undo_block, kept);
        entries.clear();
    }
}

void EntityCache::flush_cold(storage::CommitBatch& batch) {
    begin_flush();
    std::array<size_t, UINT8_MAX + 1> bytes{};
    for (const Entry* entry : dirty_) {
        bytes[entry->heat_] += entry->charged_;
    }
    size_t colder = 0;
    size_t warmest = 0;
    while ((colder + bytes[warmest]) * 2 < pending_bytes_) {
        colder += bytes[warmest++];
    }
    // Of the warmest that go, those that were changed first, so that a batch is half and not all.
    size_t of_warmest = (pending_bytes_ + 1) / 2 - colder;
    for (Entry* entry : dirty_) {
        if (entry->heat_ < warmest) {
            sorted_[entry->entity_].push_back(entry);
        } else if (entry->heat_ == warmest && of_warmest > 0) {
            sorted_[entry->entity_].push_back(entry);
            of_warmest -= std::min<size_t>(of_warmest, entry->charged_);
        }
    }
    flush_selected(batch, std::nullopt, nullptr);
    std::erase_if(dirty_, [](const Entry* entry) { return !entry->dirty_; });
    before_kept_.clear();
    pending_bytes_ = 0;
    for (Entry* entry : dirty_) {
        const size_t offset = before_kept_.size();
        before_kept_.append(before_, entry->before_offset_, entry->before_size_);
        entry->before_offset_ = offset;
        entry->heat_ /= 2;
        pending_bytes_ += entry->charged_;
    }
    before_.swap(before_kept_);
    event_dirty_mark_ = dirty_.size();
    event_before_mark_ = before_.size();
}

void EntityCache::flush(storage::CommitBatch& batch, std::optional<uint64_t> undo_block,
                        RowChanges* kept) {
    begin_flush();
    for (Entry* entry : dirty_) {
        sorted_[entry->entity_].push_back(entry);
    }
    flush_selected(batch, undo_block, kept);
    dirty_.clear();
    before_.clear();
    pending_bytes_ = 0;
    event_dirty_mark_ = 0;
    event_before_mark_ = 0;
}

void EntityCache::flush_sorted(const std::vector<Entry*>& entries, storage::CommitBatch& batch,
                               std::optional<uint64_t> undo_block, RowChanges* kept) {
    for (size_t i = 0; i < entries.size(); ++i) {
        // The rows lie all over memory: without this, waiting for them is most of the work.
        if (i + 2 * kPrefetchRows < entries.size()) {
            prefetch(entries[i + 2 * kPrefetchRows]);
            prefetch(reinterpret_cast<const char*>(entries[i + 2 * kPrefetchRows]) + 64);
        }
        if (i + kPrefetchRows < entries.size()) {
            const Entry& ahead = *entries[i + kPrefetchRows];
            prefetch(ahead.row.data());
            prefetch(before_.data() + ahead.before_offset_);
        }
        Entry& entry = *entries[i];
        PLUMBLINE_CHECK(entry.dirty_ &&
                        entry.before_offset_ + entry.before_size_ <= before_.size());
        const std::string_view before{before_.data() + entry.before_offset_, entry.before_size_};
        if (before != entry.row) {
            batch.change_row(entry.entity_, entry.key, before, entry.row, undo_block);
            if (kept != nullptr) {
                kept->add(entry.entity_, entry.key, before, entry.row);
            }
            entry.flushed_in_ = flush_count_;
            ++rows_written_;
        }
        entry.dirty_ = false;
        entry.heat_ /= 2;
    }
}

/// What is counted as it changes, counted anew. As dear as the cache is large.
bool EntityCache::books_balance() const {
    size_t live = 0;
    size_t bytes = 0;
    size_t dirty = 0;
    size_t pending = 0;
    for (uint32_t i = 0; i < next_entry_; ++i) {
        const Entry& entry = chunks_[i / kChunkEntries][i % kChunkEntries];
        if (entry.used_) {
            ++live;
            bytes += entry.charged_;
            dirty += entry.dirty_ ? 1U : 0U;
            pending += entry.dirty_ ? entry.charged_ : 0U;
        }
    }
    const auto slots = static_cast<size_t>(
        std::ranges::count_if(table_, [](const Slot& slot) { return slot.index != 0; }));
    return live == live_ && live == slots && live + free_.size() == next_entry_ &&
           bytes == bytes_ && dirty == dirty_.size() && pending == pending_bytes_;
}

void EntityCache::reset() {
    std::ranges::fill(newest_, nullptr);
    chunks_.clear();
    free_.clear();
    next_entry_ = 0;
    hand_ = 0;
    passed_over_ = 0;
    table_.assign(kFirstSlots, Slot{});
    live_ = 0;
    bytes_ = 0;
    dirty_.clear();
    before_.clear();
    pending_bytes_ = 0;
    journal_.clear();
    journal_bytes_.clear();
    event_dirty_mark_ = 0;
    event_before_mark_ = 0;
    filter_bytes_ = 0;
    for (Absence& absence : absence_) {
        absence.complete = false;
        absence.evicted.clear();
    }
    // An unpublished generation cannot be asked whether it is still empty.
    if (!starts_empty_) {
        learn_emptiness();
    }
    error_ = Error{};
}

}  // namespace plumbline::engine
