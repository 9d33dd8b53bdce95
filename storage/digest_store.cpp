#include "storage/digest_store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include "storage/call_fact.hpp"
#include "storage/codec.hpp"
#include "storage/log_codec.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

/// A node or page that is missing or cannot be read counts as zero: the scrub tells of it, and the
/// index goes on meanwhile.
template <typename T, typename Decode>
Result<T> read_or_zero(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                       const std::string& key, Decode decode) {
    PLUMBLINE_TRY(const auto value, core.get(family, key));
    if (value) {
        if (Result<T> decoded = decode(*value)) {
            return decoded;
        }
    }
    return T{};
}

using Nodes = std::map<std::pair<uint8_t, uint64_t>, DigestNode>;

/// Adds what changed in a page to every node above it.
void add_above(Nodes& nodes, uint64_t page_number, const DigestNode& change) {
    const uint64_t block_num = page_number * kDigestPageSize;
    for (uint8_t level = 2; level <= kLogDigestRoot; ++level) {
        nodes[{level, log_digest_prefix(level, block_num)}] += change;
    }
}

constexpr size_t kAnySize = SIZE_MAX;

/// Calls `each(key, value)` for the rows of blocks of one page.
template <typename Each>
Status for_page(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family, uint64_t number,
                size_t key_size, Each&& each) {
    const uint64_t first = number * kDigestPageSize;
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    for (it->Seek(block_key(first)); it->Valid(); it->Next()) {
        const std::string_view key = to_view(it->key());
        if (key.size() < sizeof(uint64_t) || load_be64(key.data()) - first >= kDigestPageSize) {
            break;
        }
        if (key.size() == key_size || key_size == kAnySize) {
            each(key, to_view(it->value()));
        }
    }
    return from_rocks(it->status(), "reading " + family->GetName());
}

DigestNode& leaf_of(DigestPage& page, std::string_view key) {
    return page[load_be64(key.data()) % kDigestPageSize];
}

}  // namespace

void put_digest_node(rocksdb::WriteBatch& writes, rocksdb::ColumnFamilyHandle* family,
                     const std::string& key, const DigestNode& node) {
    if (node.is_zero()) {
        writes.Delete(family, key).PermitUncheckedError();
    } else {
        writes.Put(family, key, encode_digest_node(node)).PermitUncheckedError();
    }
}

void put_digest_page(rocksdb::WriteBatch& writes, rocksdb::ColumnFamilyHandle* family,
                     const std::string& key, const DigestPage& page) {
    if (page == DigestPage{}) {
        writes.Delete(family, key).PermitUncheckedError();
    } else {
        writes.Put(family, key, encode_digest_page(page)).PermitUncheckedError();
    }
}

Result<LogDigestStage::Page*> LogDigestStage::load(uint64_t number) {
    if (last_ != nullptr && last_number_ == number) {
        return last_;
    }
    const auto [at, is_new] = pages_.try_emplace(number);
    if (is_new && tail_block_ && number <= *tail_block_ / kDigestPageSize) {
        auto stored = read_or_zero<DigestPage>(core_, core_.family(FamilyKind::kLogDigest),
                                               log_digest_key(1, number), decode_digest_page);
        if (!stored) {
            pages_.erase(at);
            return std::move(stored).error();
        }
        at->second = {*stored, *stored};
    }
    last_number_ = number;
    last_ = &at->second;
    return last_;
}

Status LogDigestStage::add(uint64_t block_num, const DigestNode& change) {
    PLUMBLINE_TRY(Page * page, load(block_num / kDigestPageSize));
    page->now[block_num % kDigestPageSize] += change;
    return ok();
}

Result<DigestPage> LogDigestStage::replace(uint64_t block_num, const DigestPage& page) {
    PLUMBLINE_TRY(Page * at, load(block_num / kDigestPageSize));
    at->now = page;
    return at->before;
}

Status LogDigestStage::finish(rocksdb::WriteBatch& writes) {
    rocksdb::ColumnFamilyHandle* family = core_.family(FamilyKind::kLogDigest);
    Nodes nodes;
    for (const auto& [number, page] : pages_) {
        if (page.now == page.before && page.now != DigestPage{}) {
            continue;
        }
        put_digest_page(writes, family, log_digest_key(1, number), page.now);
        DigestNode change = sum_of(page.now);
        change -= sum_of(page.before);
        add_above(nodes, number, change);
    }
    for (const auto& [place, change] : nodes) {
        const std::string key = log_digest_key(place.first, place.second);
        PLUMBLINE_TRY(DigestNode node,
                      read_or_zero<DigestNode>(core_, family, key, decode_digest_node));
        node += change;
        put_digest_node(writes, family, key, node);
    }
    return ok();
}

Result<DigestPage> hash_log_page(const RocksHandles& core, const Dictionaries& dictionaries,
                                 uint64_t number, const LogDigestOverlay& overlay) {
    DigestPage page{};
    LogRecord record;
    Bytes buffer;
    std::string scratch;
    PLUMBLINE_TRY_VOID(for_page(
        core, core.family(FamilyKind::kLog), number, kLogKeySize,
        [&](std::string_view key, std::string_view value) {
            if (!overlay.logs.contains(std::string{key}) &&
                decode_log(key, value, dictionaries[0].view(), dictionaries[1].view(), record,
                           buffer)) {
                leaf_of(page, key) += {1, hash_log(record.log, record.data,
                                                   record.txn ? &*record.txn : nullptr, scratch)};
            }
        }));
    PLUMBLINE_TRY_VOID(for_page(core, core.family(FamilyKind::kBlocks), number, sizeof(uint64_t),
                                [&](std::string_view key, std::string_view value) {
                                    if (overlay.blocks.contains(std::string{key})) {
                                        return;
                                    }
                                    if (const auto row = decode_block(key, value)) {
                                        leaf_of(page, key) += {0, hash_block(*row)};
                                    }
                                }));
    PLUMBLINE_TRY_VOID(for_page(core, core.family(FamilyKind::kCalls), number, kAnySize,
                                [&](std::string_view key, std::string_view value) {
                                    if (overlay.calls.contains(std::string{key})) {
                                        return;
                                    }
                                    if (const auto fact = decode_call(key, value)) {
                                        leaf_of(page, key) += {0, hash_call(*fact)};
                                    }
                                }));
    const std::string first = block_key(number * kDigestPageSize);
    const std::string last = block_key(number * kDigestPageSize + kDigestPageSize - 1);
    for (const auto& [rows, weight] :
         {std::pair{&overlay.logs, 1U}, {&overlay.blocks, 0U}, {&overlay.calls, 0U}}) {
        for (auto at = rows->lower_bound(first);
             at != rows->end() && at->first.compare(0, sizeof(uint64_t), last) <= 0; ++at) {
            if (at->second) {
                leaf_of(page, at->first) += {weight, *at->second};
            }
        }
    }
    return page;
}

Status stage_entity_digests(const RocksHandles& core, const Generation& generation,
                            GenerationTrees& trees, const std::vector<EntityDigest>& changes,
                            rocksdb::WriteBatch& writes, StagedTrees& staged) {
    staged.clear();
    rocksdb::ColumnFamilyHandle* family = generation.digest->get();
    trees.resize(changes.size());
    for (uint32_t entity = 0; entity < changes.size(); ++entity) {
        if (changes[entity].empty()) {
            continue;
        }
        EntityTree& tree = trees[entity];
        const std::string root_key = entity_digest_key(entity, kEntityDigestRoot, 0);
        if (!tree.root) {
            PLUMBLINE_TRY(tree.root,
                          read_or_zero<DigestNode>(core, family, root_key, decode_digest_node));
        }
        StagedTree next;
        next.entity = entity;
        next.root = *tree.root;
        for (const uint16_t number : changes[entity].touched()) {
            const std::string key = entity_digest_key(entity, 1, number);
            DigestPage& known = tree.pages.touch_page(number);
            if (!tree.is_loaded[number]) {
                PLUMBLINE_TRY(known,
                              read_or_zero<DigestPage>(core, family, key, decode_digest_page));
                tree.is_loaded.set(number);
            }
            DigestPage page = known;
            const DigestPage& change = *changes[entity].page(number);
            for (size_t i = 0; i < kDigestPageSize; ++i) {
                page[i] += change[i];
            }
            if (page == known) {
                continue;
            }
            next.root += sum_of(change);
            put_digest_page(writes, family, key, page);
            next.pages.emplace_back(number, page);
        }
        put_digest_node(writes, family, root_key, next.root);
        staged.push_back(std::move(next));
    }
    return ok();
}

void learn_digests(GenerationTrees& trees, const StagedTrees& staged) {
    for (const StagedTree& tree : staged) {
        trees[tree.entity].root = tree.root;
        for (const auto& [number, page] : tree.pages) {
            trees[tree.entity].pages.touch_page(number) = page;
        }
    }
}

}  // namespace plumbline::storage
