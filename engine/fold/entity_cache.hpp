// The rows that the fold works on: a bounded write-back cache over the database's entity families.
// Rows are the bytes that lie on disk, changed in place; what changed is emitted by `flush`.
//
// Layout. The fold waits for memory more than for anything else, so a look-up touches four cache
// lines: a slot, both lines of an entry, the row's bytes where they are too many for the string.
//
//   table_    slots of 8 bytes, a power of two of them: the hash's low half and an entry's index.
//             Open addressing, linear probing, at most 3/5 full. Taking a slot out closes the gap,
//             so the table needs no marks for deleted ones.
//   chunks_   entries of 128 bytes, 16,384 a chunk: one huge page of 2 MiB. Chunks are never moved,
//             so an entry's address stays. `free_` and `next_entry_` say which are not in use.
//   before_   what each changed row was at the last flush, one behind the other: `flush` compares
//             with it, and it becomes the undo.
//   journal_  what each row that the event under way touched was before the event, in the same way;
//             `rollback_event` puts it back.
//
// A row is clean (as the database has it, or as the batch under way writes it) or dirty (in
// `dirty_`, with its bytes in `before_`). Only clean ones are evicted, the least recently used by
// the clock algorithm (`hand_`, `referenced_`), and only once the batch that holds them is
// committed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/huge_pages.hpp"
#include "core/base/result.hpp"
#include "engine/fold/key_filter.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

struct RowChanges;

/// One thread. Two journals: one for the event under way, so that a rule violation takes back all
/// it did, and one for the flush, which holds each row as the database has it.
///
/// A batch that `flush` filled must be committed before the next `flush` fills another: until then
/// its rows are not evicted, so that no read finds the older row on disk.
class EntityCache {
  public:
    /// Bytes that change only as a whole; up to a number and an address lie inside.
    class Key {
      public:
        Key() = default;
        Key(const Key&) = delete;
        Key& operator=(const Key&) = delete;
        ~Key() { clear(); }
        operator std::string_view() const noexcept {  // NOLINT(google-explicit-constructor)
            return {size_ <= kInline ? bytes_.data() : outside(), size_};
        }
        void assign(std::string_view bytes) {
            clear();
            char* to = bytes_.data();
            if (bytes.size() > kInline) {
                to = std::make_unique_for_overwrite<char[]>(bytes.size()).release();
                std::memcpy(bytes_.data(), &to, sizeof(to));
            }
            std::memcpy(to, bytes.data(), bytes.size());
            size_ = static_cast<uint32_t>(bytes.size());
        }
        void clear() noexcept {
            if (size_ > kInline) {
                delete[] outside();
            }
            size_ = 0;
        }
        /// Bytes besides its own.
        [[nodiscard]] size_t heap_bytes() const noexcept {
            return size_ <= kInline ? 0 : size_ + 17;
        }

      private:
        static constexpr size_t kInline = 52;
        [[nodiscard]] char* outside() const noexcept {
            char* at = nullptr;
            std::memcpy(&at, bytes_.data(), sizeof(at));
            return at;
        }
        std::array<char, kInline> bytes_{};  ///< or the address of a longer key's bytes
        uint32_t size_ = 0;
    };

    /// A key and its row; empty = there is none (a tombstone is a row). The address is stable until
    /// `trim`, `reset` or the end of the cache.
    class alignas(64) Entry {
      private:
        friend class EntityCache;
        uint64_t hash_ = 0;    ///< `hash_of`: compared before the key, which is another line
        uint16_t entity_ = 0;  ///< keys are unique within an entity only
        bool used_ = false;    ///< it has a slot; else it is in `free_`
        bool dirty_ = false;   ///< in `dirty_`: changed since the last flush, perhaps back again
        bool referenced_ = false;  ///< looked up since the clock's hand came by
        /// Events that changed it, halved with each flush: which rows `flush_cold` leaves.
        uint8_t heat_ = 0;
        /// Where `journal_` may have it: it does if that entry of the journal points here. Never
        /// reset, so that the end of an event costs nothing a row.
        uint32_t journal_slot_ = 0;
        /// The flush (`flush_count_`) that last emitted it. Until the next one its batch may not be
        /// committed: a read would find the older row on disk, so it is not evicted.
        uint32_t flushed_in_ = 0;
        /// What `bytes_` counts for it, so that it can be taken off again whatever the row is now.
        uint32_t charged_ = 0;
        // Where `before_` has the row as it was when it became dirty.
        uint32_t before_size_ = 0;
        size_t before_offset_ = 0;

      public:
        std::string row;
        Key key;
    };
    static_assert(sizeof(Entry) == 128);

    /// `database` must outlive it. `starts_empty`: the generation
    /// being written has no rows yet, so what is neither cached nor was evicted does not exist;
    /// without it the published generation is asked once for each entity.
    EntityCache(size_t entities, const storage::Database& database, size_t bytes_max,
                bool starts_empty);
    EntityCache(const EntityCache&) = delete;
    EntityCache& operator=(const EntityCache&) = delete;
    ~EntityCache();

    /// The entry of `key`, read from the database where the cache does not know. Null: storage
    /// trouble, told by `error`.
    [[nodiscard]] Entry* find(size_t entity, std::string_view key) {
        return find(entity, key, hash_of(entity, key));
    }
    [[nodiscard]] Entry* find(size_t entity, std::string_view key, uint64_t hash);
    [[nodiscard]] static uint64_t hash_of(size_t entity, std::string_view key) noexcept;
    [[nodiscard]] const Error& error() const noexcept { return error_; }

    // Hints for a coming `find`, to be given one after the other with some other work in between:
    // each asks memory for what the next one and then `find` look at.
    void prefetch_slot(uint64_t hash) const noexcept;
    void prefetch_entry(size_t entity, uint64_t hash) const noexcept;
    void prefetch_row(size_t entity, uint64_t hash) const noexcept;

    /// Call before every change of `entry.row`: keeps what it was. `entry` must not have been
    /// evicted.
    void touch(Entry& entry);
    /// Rows touched since the last `commit_event` or `rollback_event`.
    [[nodiscard]] size_t event_rows() const noexcept { return journal_.size(); }
    /// The event is done: its changes stay.
    void commit_event();
    /// Takes back every change since the last `commit_event` or `rollback_event`.
    void rollback_event();
    /// Evicts clean rows until the cache is within its bound; entries may go away. Only between
    /// events.
    void trim();

    /// Emits every row that differs from what the database has, in the order of entity and key, so
    /// that nothing depends on what happened to be cached. All rows are clean afterwards. Only
    /// between events.
    void flush(storage::CommitBatch& batch, std::optional<uint64_t> undo_block,
               RowChanges* kept = nullptr);

    /// The same of some of these rows, which have half of their bytes: those that the fewest
    /// events have changed lately. The others stay as they are. For a generation that nobody
    /// reads before all is flushed: a row that many events change is then written once.
    void flush_cold(storage::CommitBatch& batch);

    [[nodiscard]] bool is_clean() const noexcept { return dirty_.empty(); }
    /// Bytes of changed rows and of what they were before.
    [[nodiscard]] size_t pending_bytes() const noexcept { return pending_bytes_ + before_.size(); }
    [[nodiscard]] size_t size_bytes() const noexcept { return bytes_ + filter_bytes_; }
    [[nodiscard]] size_t size() const noexcept { return live_; }
    /// How often the database had to be asked.
    [[nodiscard]] uint64_t database_reads() const noexcept { return database_reads_; }
    /// Rows that flushes have emitted.
    [[nodiscard]] uint64_t rows_written() const noexcept { return rows_written_; }
    /// Forgets everything.
    void reset();

  private:
    /// A row as it was before the event.
    struct JournalRow {
        Entry* entry;
        size_t offset;  ///< in `journal_bytes_`
        uint32_t size;
        bool was_dirty;  ///< an earlier event since the flush had changed it
    };
    /// What is known of rows that are not in the cache.
    struct Absence {
        bool complete = false;  ///< every row is cached or was evicted and is in `evicted`
        KeyFilter evicted;
    };
    struct Slot {
        uint32_t tag = 0;    ///< low half of the hash; also decides the home position
        uint32_t index = 0;  ///< entry index + 1; 0 = free
    };

    [[nodiscard]] Entry& entry_at(uint32_t index) noexcept;
    [[nodiscard]] const Entry* first_of_tag(uint64_t hash) const noexcept;
    [[nodiscard]] uint32_t take_entry();
    void insert_slot(uint32_t tag, uint32_t index) noexcept;
    void erase_slot(const Entry& entry, uint32_t index) noexcept;
    void grow_table();
    void recharge(Entry& entry) noexcept;
    void evict(Entry& entry, uint32_t index);
    void learn_emptiness();
    void begin_flush();
    void flush_selected(storage::CommitBatch& batch, std::optional<uint64_t> undo_block,
                        RowChanges* kept);
    void flush_sorted(const std::vector<Entry*>& entries, storage::CommitBatch& batch,
                      std::optional<uint64_t> undo_block, RowChanges* kept);
    [[nodiscard]] bool books_balance() const;

    const storage::Database& database_;
    size_t bytes_max_;
    bool starts_empty_;
    Error error_;

    std::vector<std::vector<Entry, HugePageAllocator<Entry>>> chunks_;
    std::vector<uint32_t> free_;  ///< entries below `next_entry_` that are not in use
    uint32_t next_entry_ = 0;     ///< the first that never was
    uint32_t hand_ = 0;           ///< the entry that `trim` looks at next
    /// Entries that `trim` passed over since it last found one to evict; past all of them it rests
    /// until a flush.
    size_t passed_over_ = 0;
    std::vector<Slot, HugePageAllocator<Slot>> table_;
    std::vector<Entry*> newest_;  ///< by entity: what the last look-up gave, or null
    size_t live_ = 0;             ///< entries in use
    size_t bytes_ = 0;            ///< of all of them: the sum of `charged_`
    size_t filter_bytes_ = 0;     ///< of all `Absence::evicted`

    std::vector<Entry*> dirty_;
    std::vector<std::vector<Entry*>> sorted_;  ///< by entity; only used within `flush`
    std::string before_;
    std::string before_kept_;   ///< only used within `flush_cold`, for its memory
    size_t pending_bytes_ = 0;  ///< of dirty entries: the sum of their `charged_`
    uint32_t flush_count_ = 1;  ///< so that no row that came from the disk has that of a flush

    std::vector<JournalRow> journal_;
    std::string journal_bytes_;
    // Sizes of `dirty_` and `before_` when the event began: it only appends to them.
    size_t event_dirty_mark_ = 0;
    size_t event_before_mark_ = 0;

    std::vector<Absence> absence_;
    uint64_t database_reads_ = 0;
    uint64_t rows_written_ = 0;
};

}  // namespace plumbline::engine
