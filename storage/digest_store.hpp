// Keeping the digest trees in the commit that changes what they are of. Internal to storage.
#pragma once

#include <bitset>
#include <cstdint>
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
    /// Takes away all that is of `first` and the blocks above.
    [[nodiscard]] Status remove_from(uint64_t first);
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
};
/// The page of blocks 16 * `number` to 16 * `number` + 15 from stored bytes, with `overlay` laid
/// over them. What cannot be read is left out.
[[nodiscard]] Result<DigestPage> hash_log_page(const RocksHandles& core,
                                               const Dictionaries& dictionaries, uint64_t number,
                                               const LogDigestOverlay& overlay);
/// Puts the whole tree anew, from the stored bytes of blocks below `end`; gives how many logs and
/// block rows they are.
[[nodiscard]] Result<LogTotals> rebuild_log_digest(const RocksHandles& core,
                                                   const Dictionaries& dictionaries, uint64_t end,
                                                   rocksdb::WriteBatch& writes);

/// Adds `changes` (one for each entity) to the stored trees of `generation`. `trees` remembers
/// pages; `staged` is what it must learn once the batch is written.
[[nodiscard]] Status stage_entity_digests(const RocksHandles& core, const Generation& generation,
                                          GenerationTrees& trees,
                                          const std::vector<EntityDigest>& changes,
                                          rocksdb::WriteBatch& writes, StagedTrees& staged);
void learn_digests(GenerationTrees& trees, const StagedTrees& staged);

}  // namespace plumbline::storage
