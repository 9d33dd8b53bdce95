// Digests made anew from what a view shows, to hold against those that commits kept.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/digest.hpp"
#include "storage/read_view.hpp"
#include "tests/storage/storage_test_util.hpp"

namespace plumbline::storage::test {

using DigestChildren = std::vector<std::pair<uint64_t, DigestNode>>;

/// Every node under `prefix` is the sum of those below it, down to the leaves, which are gathered.
inline void gather_leaves(const ReadView& view, DigestTree tree, uint8_t level, uint64_t prefix,
                          const DigestNode& node, std::map<uint64_t, DigestNode>& leaves) {
    if (level == 0) {
        leaves[prefix] = node;
        return;
    }
    const auto children = view.digest_children(tree, level, prefix);
    ASSERT_OK(children);
    DigestNode sum;
    for (const auto& [number, child] : *children) {
        sum += child;
        gather_leaves(view, tree, static_cast<uint8_t>(level - 1), number, child, leaves);
    }
    EXPECT_EQ(sum, node) << "level " << int{level} << " prefix " << prefix;
}

inline std::map<uint64_t, DigestNode> maintained_leaves(const ReadView& view, DigestTree tree) {
    std::map<uint64_t, DigestNode> leaves;
    const auto root = view.digest_root(tree);
    EXPECT_OK(root);
    gather_leaves(view, tree, tree.root_level(), 0, *root, leaves);
    return leaves;
}

inline std::map<uint64_t, DigestNode> hashed_log(const ReadView& view) {
    std::map<uint64_t, DigestNode> leaves;
    std::string scratch;
    const auto scan = view.scan_logs(0, UINT64_MAX);
    for (; scan->valid(); scan->next()) {
        const LogRecord& record = scan->record();
        leaves[record.log.block_num] +=
            {1, hash_log(record.log, record.data, record.txn ? &*record.txn : nullptr, scratch)};
    }
    EXPECT_OK(scan->status());
    const auto blocks = view.list_blocks(0, UINT64_MAX);
    EXPECT_OK(blocks);
    for (const BlockRow& block : *blocks) {
        leaves[block.block_num] += {0, hash_block(block)};
    }
    return leaves;
}

inline std::map<uint64_t, DigestNode> hashed_rows(const ReadView& view, size_t entity) {
    EntityDigest digest;
    const auto scan = view.scan_entity(entity, {}, {}, true);
    for (; scan->valid(); scan->next()) {
        digest.change(scan->key(), "", scan->row());
    }
    EXPECT_OK(scan->status());
    std::map<uint64_t, DigestNode> leaves;
    for (uint32_t leaf = 0; leaf < kEntityDigestLeaves; ++leaf) {
        if (!digest.leaf(leaf).is_zero()) {
            leaves[leaf] = digest.leaf(leaf);
        }
    }
    return leaves;
}

/// What commits kept is what the stored bytes give.
inline void expect_digests_hold(const Database& db) {
    const auto view = db.read_view();
    EXPECT_EQ(maintained_leaves(*view, {}), hashed_log(*view));
    for (size_t entity = 0; entity < db.entities().size(); ++entity) {
        EXPECT_EQ(maintained_leaves(*view, {static_cast<int>(entity)}), hashed_rows(*view, entity))
            << "entity " << entity;
    }
    if (const auto root = view->digest_root({}); root && db.cursor()) {
        EXPECT_EQ(root->count, db.cursor()->event_count);
    }
}

}  // namespace plumbline::storage::test
