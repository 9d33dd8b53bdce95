// Keeping the digest trees in the commit that changes what they are of. Internal to storage.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/digest.hpp"
#include "storage/stored_state.hpp"

namespace plumbline::storage {

/// An entity's stored digests as the writer remembers them: pages are read when first needed.
struct EntityTree {
    EntityDigest pages;
    std::bitset<kEntityDigestPages> is_loaded;
    std::optional<DigestNode> root;
};
using GenerationTrees = std::vector<EntityTree>;

/// What a commit makes of one of them. `GenerationTrees` learns it once RocksDB has the commit.
struct StagedTree {
    uint32_t entity = 0;
    DigestNode root;
    std::vector<std::pair<uint16_t, DigestPage>> pages;
};
using StagedTrees = std::vector<StagedTree>;

/// Works out which nodes of the log's tree change, and puts them into a write batch. One commit.
class LogDigestStage {
  public:
    /// Blocks above `tail_block` have no nodes yet.
    LogDigestStage(const RocksHandles& core, std::optional<uint64_t> tail_block)
        : core_{core},
          tail_block_{tail_block} {}

    [[nodiscard]] Status add(uint64_t block_num, const DigestNode& change);
    /// The page in which `block_num` lies becomes what `page` says; gives what it was.
    [[nodiscard]] Result<DigestPage> replace(uint64_t block_num, const DigestPage& page);
    [[nodiscard]] Status finish(rocksdb::WriteBatch& writes);

  private:
    struct Page {
        DigestPage before{};
        DigestPage now{};
    };
    [[nodiscard]] Result<Page*> load(uint64_t number);

    const RocksHandles& core_;
    std::optional<uint64_t> tail_block_;
    std::map<uint64_t, Page> pages_;
    uint64_t last_number_ = 0;
    Page* last_ = nullptr;
};

/// The log as it is stored, hashed page by page.
struct LogDigestOverlay {
    std::map<std::string, std::optional<Digest>> logs;    ///< by key; none = removed
    std::map<std::string, std::optional<Digest>> blocks;  ///< the same
    std::map<std::string, std::optional<Digest>> calls;   ///< the same
};
/// The page of blocks 16 * `number` to 16 * `number` + 15 from stored bytes, with `overlay` laid
/// over them. What cannot be read is left out.
[[nodiscard]] Result<DigestPage> hash_log_page(const RocksHandles& core,
                                               const Dictionaries& dictionaries, uint64_t number,
                                               const LogDigestOverlay& overlay);
/// A node or page that is zero is deleted: none is ever stored.
void put_digest_node(rocksdb::WriteBatch& writes, rocksdb::ColumnFamilyHandle* family,
                     const std::string& key, const DigestNode& node);
void put_digest_page(rocksdb::WriteBatch& writes, rocksdb::ColumnFamilyHandle* family,
                     const std::string& key, const DigestPage& page);

/// Takes away all that is of block `first` and above: a page for up to `kDigestPageSize` blocks
/// that go, and one path of the tree.
[[nodiscard]] Status cut_log_digest(const RocksHandles& core, uint64_t first,
                                    rocksdb::WriteBatch& writes);

/// Writes a part of a long change to the database and gives it room for the next.
using WritePart = std::function<Status(rocksdb::WriteBatch& part)>;
/// Puts what the tree must be into `writes` where it is not, from the stored bytes of blocks below
/// `end`; gives how many logs and block rows they are. Hands the batch to `write_part` whenever it
/// is large. What is of blocks from `end` on may be left in the tree. kCancelled where
/// `should_stop`, which may be empty, says so.
[[nodiscard]] Result<LogTotals> rebuild_log_digest(const RocksHandles& core,
                                                   const Dictionaries& dictionaries, uint64_t end,
                                                   rocksdb::WriteBatch& writes,
                                                   const WritePart& write_part,
                                                   const std::function<bool()>& should_stop);

/// Adds `changes` (one for each entity) to the stored trees of `generation`. `trees` remembers
/// pages; `staged` is what it must learn once the batch is written.
[[nodiscard]] Status stage_entity_digests(const RocksHandles& core, const Generation& generation,
                                          GenerationTrees& trees,
                                          const std::vector<EntityDigest>& changes,
                                          rocksdb::WriteBatch& writes, StagedTrees& staged);
void learn_digests(GenerationTrees& trees, const StagedTrees& staged);

}  // namespace plumbline::storage
