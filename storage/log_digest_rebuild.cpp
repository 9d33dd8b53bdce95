// The log's digest tree as a whole: cut at a block, or made anew from the stored bytes. Both hold
// one path of the tree at a time, however long the log is.
#include <algorithm>
#include <map>
#include <optional>

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include "storage/call_fact.hpp"
#include "storage/codec.hpp"
#include "storage/delete_tail.hpp"
#include "storage/digest_store.hpp"
#include "storage/log_codec.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr uint64_t kPagesPerTurn = 16;  ///< of 16 blocks each, between two looks at a stop
constexpr size_t kPartBytesMax = size_t{4} << 20;

/// A node or page that is missing or cannot be read counts as zero.
DigestPage page_or_zero(std::string_view value) {
    return decode_digest_page(value).value_or(DigestPage{});
}
DigestNode node_or_zero(std::string_view value) {
    return decode_digest_node(value).value_or(DigestNode{});
}

/// The sum of the stored nodes of `level` with prefixes from `from` up to (not including) `to`:
/// those below one node, so a few hundred at most.
Result<DigestNode> sum_stored(const RocksHandles& core, uint8_t level, uint64_t from, uint64_t to) {
    DigestNode sum;
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(core.family(FamilyKind::kLogDigest));
    const std::string end = log_digest_key(level, to);
    for (it->Seek(log_digest_key(level, from)); it->Valid() && it->key().compare(end) < 0;
         it->Next()) {
        sum += level == 1 ? sum_of(page_or_zero(to_view(it->value())))
                          : node_or_zero(to_view(it->value()));
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading log_digest"));
    return sum;
}

/// Walks the log, the block rows and the calls side by side, page by page.
class PageHasher {
  public:
    PageHasher(const RocksHandles& core, const Dictionaries& dictionaries, uint64_t end)
        : dictionaries_{dictionaries},
          end_{end},
          logs_{core.iterate(core.family(FamilyKind::kLog))},
          blocks_{core.iterate(core.family(FamilyKind::kBlocks))},
          calls_{core.iterate(core.family(FamilyKind::kCalls))} {
        for (rocksdb::Iterator* it : {logs_.get(), blocks_.get(), calls_.get()}) {
            it->Seek(block_key(0));
        }
    }

    /// The number of the next page that has rows; none at the end.
    [[nodiscard]] std::optional<uint64_t> next() const {
        std::optional<uint64_t> out;
        for (const rocksdb::Iterator* it : {logs_.get(), blocks_.get(), calls_.get()}) {
            if (const auto block = block_at(*it)) {
                const uint64_t page = *block / kDigestPageSize;
                out = out ? std::min(*out, page) : page;
            }
        }
        return out;
    }
    /// Reads page `number`, which must not lie below `next`.
    [[nodiscard]] DigestPage read(uint64_t number) {
        DigestPage page{};
        for (auto block = block_at(*logs_); block && *block / kDigestPageSize == number;
             logs_->Next(), block = block_at(*logs_)) {
            ++totals_.events;
            if (decode_log(to_view(logs_->key()), to_view(logs_->value()), dictionaries_[0].view(),
                           dictionaries_[1].view(), record_, buffer_)) {
                page[*block % kDigestPageSize] +=
                    {1, hash_log(record_.log, record_.data, record_.txn ? &*record_.txn : nullptr,
                                 scratch_)};
            }
        }
        for (auto block = block_at(*blocks_); block && *block / kDigestPageSize == number;
             blocks_->Next(), block = block_at(*blocks_)) {
            ++totals_.block_rows;
            if (const auto row = decode_block(to_view(blocks_->key()), to_view(blocks_->value()))) {
                page[*block % kDigestPageSize] += {0, hash_block(*row)};
            }
        }
        for (auto block = block_at(*calls_); block && *block / kDigestPageSize == number;
             calls_->Next(), block = block_at(*calls_)) {
            if (const auto fact = decode_call(to_view(calls_->key()), to_view(calls_->value()))) {
                page[*block % kDigestPageSize] += {0, hash_call(*fact)};
            }
        }
        return page;
    }
    [[nodiscard]] const LogTotals& totals() const noexcept { return totals_; }
    [[nodiscard]] Status status() const {
        PLUMBLINE_TRY_VOID(from_rocks(logs_->status(), "hashing the log"));
        PLUMBLINE_TRY_VOID(from_rocks(calls_->status(), "hashing calls"));
        return from_rocks(blocks_->status(), "hashing block rows");
    }

  private:
    /// Of the row that `it` stands on; none at the end and above it.
    [[nodiscard]] std::optional<uint64_t> block_at(const rocksdb::Iterator& it) const {
        if (!it.Valid() || it.key().size() < sizeof(uint64_t)) {
            return std::nullopt;
        }
        const uint64_t block = load_be64(it.key().data());
        return block < end_ ? std::optional{block} : std::nullopt;
    }

    const Dictionaries& dictionaries_;
    const uint64_t end_;
    std::unique_ptr<rocksdb::Iterator> logs_;
    std::unique_ptr<rocksdb::Iterator> blocks_;
    std::unique_ptr<rocksdb::Iterator> calls_;
    LogTotals totals_;
    LogRecord record_;
    Bytes buffer_;
    std::string scratch_;
};

/// Nodes above the pages: one for 4096 blocks and fewer, so they are few beside the log.
using Nodes = std::map<std::string, DigestNode>;

/// Puts the nodes that are not stored as they must be, and deletes those that must not be.
Status put_nodes(const RocksHandles& core, Nodes nodes, rocksdb::WriteBatch& writes) {
    rocksdb::ColumnFamilyHandle* family = core.family(FamilyKind::kLogDigest);
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    for (it->Seek(log_digest_key(2, 0)); it->Valid(); it->Next()) {
        const auto wanted = nodes.find(it->key().ToString());
        if (wanted == nodes.end()) {
            writes.Delete(family, it->key()).PermitUncheckedError();
        } else if (encode_digest_node(wanted->second) == to_view(it->value())) {
            nodes.erase(wanted);
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading log_digest"));
    for (const auto& [key, node] : nodes) {
        put_digest_node(writes, family, key, node);
    }
    return ok();
}

}  // namespace

Status cut_log_digest(const RocksHandles& core, uint64_t first, rocksdb::WriteBatch& writes) {
    rocksdb::ColumnFamilyHandle* family = core.family(FamilyKind::kLogDigest);
    // What lies above goes level by level; in each one node stays that has to be summed anew.
    const std::string page_key = log_digest_key(1, first / kDigestPageSize);
    PLUMBLINE_TRY(const auto stored, core.get(family, page_key));
    DigestPage page = stored ? page_or_zero(*stored) : DigestPage{};
    std::fill(page.begin() + static_cast<ptrdiff_t>(first % kDigestPageSize), page.end(),
              DigestNode{});
    DigestNode node = sum_of(page);
    for (uint8_t level = 1; level < kLogDigestRoot; ++level) {
        const std::string from = log_digest_key(level, log_digest_prefix(level, first));
        const std::string to = log_digest_key(level + 1, 0);
        if (const auto gone = delete_keys(core, family, from, to, writes); !gone) {
            return gone.error();
        }
        if (level == 1) {
            put_digest_page(writes, family, from, page);
        } else {
            put_digest_node(writes, family, from, node);
        }
        const uint64_t above = log_digest_prefix(level + 1, first);
        const uint64_t first_child =
            level + 1 == kLogDigestRoot
                ? 0
                : above << (kLogDigestShifts[level + 1] - kLogDigestShifts[level]);
        PLUMBLINE_TRY(const DigestNode siblings,
                      sum_stored(core, level, first_child, log_digest_prefix(level, first)));
        node += siblings;
    }
    put_digest_node(writes, family, log_digest_key(kLogDigestRoot, 0), node);
    return ok();
}

Result<LogTotals> rebuild_log_digest(const RocksHandles& core, const Dictionaries& dictionaries,
                                     uint64_t end, rocksdb::WriteBatch& writes,
                                     const WritePart& write_part,
                                     const std::function<bool()>& should_stop) {
    rocksdb::ColumnFamilyHandle* family = core.family(FamilyKind::kLogDigest);
    const std::string end_of_pages = log_digest_key(2, 0);
    const std::unique_ptr<rocksdb::Iterator> stored = core.iterate(family);
    const auto stored_number = [&]() -> std::optional<uint64_t> {
        if (!stored->Valid() || stored->key().compare(end_of_pages) >= 0 ||
            stored->key().size() != end_of_pages.size()) {
            return std::nullopt;
        }
        const uint64_t number = load_be64(stored->key().data() + 1);
        return number * kDigestPageSize < end ? std::optional{number} : std::nullopt;
    };
    stored->Seek(log_digest_key(1, 0));
    PageHasher hasher{core, dictionaries, end};
    Nodes nodes;
    uint64_t pages = 0;
    for (;;) {
        const std::optional<uint64_t> hashed = hasher.next();
        const std::optional<uint64_t> known = stored_number();
        if (!hashed && !known) {
            break;
        }
        const uint64_t number = std::min(hashed.value_or(UINT64_MAX), known.value_or(UINT64_MAX));
        const DigestPage page = hashed == number ? hasher.read(number) : DigestPage{};
        if (known != number || page_or_zero(to_view(stored->value())) != page) {
            put_digest_page(writes, family, log_digest_key(1, number), page);
        }
        if (known == number) {
            stored->Next();
        }
        const DigestNode sum = sum_of(page);
        for (uint8_t level = 2; level <= kLogDigestRoot && !sum.is_zero(); ++level) {
            nodes[log_digest_key(level, log_digest_prefix(level, number * kDigestPageSize))] += sum;
        }
        if (++pages % kPagesPerTurn == 0 && should_stop && should_stop()) {
            return Error{ErrorCode::kCancelled, "stopped while the log was hashed"};
        }
        if (writes.GetDataSize() > kPartBytesMax) {
            PLUMBLINE_TRY_VOID(write_part(writes));
            writes.Clear();
        }
    }
    PLUMBLINE_TRY_VOID(hasher.status());
    PLUMBLINE_TRY_VOID(from_rocks(stored->status(), "reading log_digest"));
    PLUMBLINE_TRY_VOID(put_nodes(core, std::move(nodes), writes));
    return hasher.totals();
}

}  // namespace plumbline::storage
