#include "engine/proof/diff.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/proof/answer_text.hpp"
#include "engine/proof/raw_join.hpp"
#include "engine/proof/row_diff.hpp"
#include "storage/codec.hpp"
#include "storage/key_text.hpp"
#include "storage/log_codec.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

using storage::DigestNode;
using storage::DigestTree;

/// Nodes that keep no old blocks do not tell block 0: then the chain id alone must do.
bool is_same_chain(const storage::ChainIdentity& a, const storage::ChainIdentity& b) {
    return a.chain_id == b.chain_id && (a.genesis_hash.is_zero() || b.genesis_hash.is_zero() ||
                                        a.genesis_hash == b.genesis_hash);
}

std::string describe_chain(const storage::ChainIdentity& identity) {
    return fmt::format(
        "chain {}, block 0 is {}", identity.chain_id,
        identity.genesis_hash.is_zero() ? "not known" : evm::to_hex(identity.genesis_hash));
}

class Diff {
  public:
    Diff(const storage::Database& a, const storage::Database& b, const DiffOptions& options)
        : a_{a},
          b_{b},
          view_a_{a.read_view()},
          view_b_{b.read_view()},
          options_{options} {}

    [[nodiscard]] Result<DiffReport> run() {
        if (!is_same_chain(a_.identity(), b_.identity())) {
            add({DifferenceKind::kIdentity,
                 {},
                 {},
                 {},
                 0,
                 0,
                 describe_chain(a_.identity()),
                 describe_chain(b_.identity())});
            return std::move(report_);
        }
        compare_heads();
        PLUMBLINE_TRY_VOID(compare_logs());
        const auto& entities_a = view_a_->bundle().entities;
        const auto& entities_b = view_b_->bundle().entities;
        for (size_t i = 0; i < entities_a.size(); ++i) {
            const auto twin =
                std::ranges::find(entities_b, entities_a[i].name, &storage::EntityLayout::name);
            if (twin == entities_b.end() || !is_same_shape(entities_a[i], *twin)) {
                add({DifferenceKind::kSchema,
                     entities_a[i].name,
                     {},
                     {},
                     0,
                     0,
                     "declared",
                     twin == entities_b.end() ? "" : "declared otherwise"});
                continue;
            }
            PLUMBLINE_TRY_VOID(compare_entity(i, static_cast<size_t>(twin - entities_b.begin())));
        }
        for (const storage::EntityLayout& layout : entities_b) {
            if (std::ranges::find(entities_a, layout.name, &storage::EntityLayout::name) ==
                entities_a.end()) {
                add({DifferenceKind::kSchema, layout.name, {}, {}, 0, 0, "", "declared"});
            }
        }
        return std::move(report_);
    }

  private:
    void add(Difference difference) {
        ++report_.total;
        if (report_.listed.size() < options_.limit) {
            report_.listed.push_back(std::move(difference));
        }
    }

    static bool is_same_shape(const storage::EntityLayout& a, const storage::EntityLayout& b) {
        return a.key == b.key && a.fields == b.fields;
    }

    void compare_heads() {
        const auto text = [](const std::optional<storage::Cursor>& cursor) {
            return cursor ? fmt::format("block {} {}", cursor->block_num,
                                        evm::to_hex(cursor->block_hash))
                          : std::string{"no block"};
        };
        const auto a = view_a_->cursor();
        const auto b = view_b_->cursor();
        if (text(a) != text(b)) {
            add({DifferenceKind::kHead, {}, {}, {}, 0, 0, text(a), text(b)});
        }
    }

    /// Leaves under a node that differ. Only children of nodes that differ are read.
    [[nodiscard]] Status descend(DigestTree tree_a, DigestTree tree_b, uint8_t level,
                                 uint64_t prefix, std::vector<uint64_t>& leaves) {
        PLUMBLINE_TRY(const auto of_a, view_a_->digest_children(tree_a, level, prefix));
        PLUMBLINE_TRY(const auto of_b, view_b_->digest_children(tree_b, level, prefix));
        std::map<uint64_t, std::pair<DigestNode, DigestNode>> children;
        for (const auto& [number, node] : of_a) {
            children[number].first = node;
        }
        for (const auto& [number, node] : of_b) {
            children[number].second = node;
        }
        report_.nodes_compared += children.size();
        for (const auto& [number, nodes] : children) {
            if (nodes.first == nodes.second) {
                continue;
            }
            if (level == 1) {
                leaves.push_back(number);
            } else {
                PLUMBLINE_TRY_VOID(
                    descend(tree_a, tree_b, static_cast<uint8_t>(level - 1), number, leaves));
            }
        }
        return ok();
    }

    [[nodiscard]] Result<std::vector<uint64_t>> find_differing(DigestTree tree_a,
                                                               DigestTree tree_b) {
        std::vector<uint64_t> leaves;
        PLUMBLINE_TRY(const DigestNode root_a, view_a_->digest_root(tree_a));
        PLUMBLINE_TRY(const DigestNode root_b, view_b_->digest_root(tree_b));
        ++report_.nodes_compared;
        if (root_a != root_b) {
            PLUMBLINE_TRY_VOID(descend(tree_a, tree_b, tree_a.root_level(), 0, leaves));
        }
        return leaves;
    }

    [[nodiscard]] Status compare_logs() {
        PLUMBLINE_TRY(const auto blocks, find_differing({}, {}));
        for (const uint64_t block_num : blocks) {
            PLUMBLINE_TRY_VOID(compare_block(block_num));
        }
        return ok();
    }

    /// A log's hash and what people see of it, by log index.
    using Logs = std::map<uint32_t, std::pair<storage::Digest, std::string>>;

    [[nodiscard]] Result<Logs> read_logs(const storage::ReadView& view, uint64_t block_num) {
        Logs logs;
        std::string scratch;
        const auto scan = view.scan_logs(block_num, block_num);
        for (; scan->valid(); scan->next()) {
            ++report_.records_read;
            const storage::LogRecord& record = scan->record();
            const evm::Log& log = record.log;
            std::string text = fmt::format(
                "{} {} {}", evm::to_hex(log.address),
                log.topic_count > 0 ? evm::to_hex(log.topics[0]) : std::string{"no topic"},
                evm::to_hex(record.data.first(std::min<size_t>(record.data.size(), 64))));
            logs[log.log_index] = {
                storage::hash_log(log, record.data, record.txn ? &*record.txn : nullptr, scratch),
                std::move(text)};
        }
        PLUMBLINE_TRY_VOID(scan->status());
        return logs;
    }

    [[nodiscard]] Status compare_block(uint64_t block_num) {
        PLUMBLINE_TRY(Logs logs_a, read_logs(*view_a_, block_num));
        PLUMBLINE_TRY(Logs logs_b, read_logs(*view_b_, block_num));
        std::set<uint32_t> indexes;
        for (const Logs* logs : {&logs_a, &logs_b}) {
            for (const auto& [index, log] : *logs) {
                indexes.insert(index);
            }
        }
        for (const uint32_t index : indexes) {
            const auto a = logs_a.find(index);
            const auto b = logs_b.find(index);
            const bool is_same =
                a != logs_a.end() && b != logs_b.end() && a->second.first == b->second.first;
            if (!is_same) {
                add({DifferenceKind::kLog,
                     {},
                     {},
                     {},
                     block_num,
                     index,
                     a == logs_a.end() ? std::string{} : a->second.second,
                     b == logs_b.end() ? std::string{} : b->second.second});
            }
        }
        PLUMBLINE_TRY_VOID(compare_calls(block_num));
        PLUMBLINE_TRY(const auto row_a, read_row(*view_a_, block_num));
        PLUMBLINE_TRY(const auto row_b, read_row(*view_b_, block_num));
        if (row_a != row_b) {
            add({DifferenceKind::kBlock, {}, {}, {}, block_num, 0, row_a, row_b});
        }
        return ok();
    }

    /// What calls answered, by storage::call_key.
    [[nodiscard]] Result<std::map<std::string, storage::CallFact>> read_calls(
        const storage::ReadView& view, uint64_t block_num) {
        std::map<std::string, storage::CallFact> calls;
        const auto scan = view.scan_calls(block_num, block_num);
        for (; scan->valid(); scan->next()) {
            ++report_.records_read;
            calls[storage::call_key(block_num, scan->fact().call)] = scan->fact();
        }
        PLUMBLINE_TRY_VOID(scan->status());
        return calls;
    }

    [[nodiscard]] Status compare_calls(uint64_t block_num) {
        PLUMBLINE_TRY(const auto calls_a, read_calls(*view_a_, block_num));
        PLUMBLINE_TRY(const auto calls_b, read_calls(*view_b_, block_num));
        std::map<std::string, std::pair<const storage::CallFact*, const storage::CallFact*>> all;
        for (const auto& [key, fact] : calls_a) {
            all[key].first = &fact;
        }
        for (const auto& [key, fact] : calls_b) {
            all[key].second = &fact;
        }
        const auto show = [](const storage::CallFact* fact, const storage::CallFact* other) {
            return fact == nullptr ? std::string{}
                                   : fmt::format("{} {}: {}", evm::to_hex(fact->call.to),
                                                 evm::to_hex(as_bytes(fact->call.input)),
                                                 answer_text(*fact, other));
        };
        const auto is_of_head = [](const storage::CallFact* fact) {
            return fact != nullptr && fact->pin == storage::CallPin::kHead;
        };
        for (const auto& [key, both] : all) {
            if (is_of_head(both.first) || is_of_head(both.second)) {
                continue;  // Another index, made at another time, asked another block.
            }
            const bool is_same =
                both.first != nullptr && both.second != nullptr &&
                storage::hash_call(*both.first) == storage::hash_call(*both.second);
            if (!is_same) {
                add({DifferenceKind::kCall,
                     {},
                     {},
                     {},
                     block_num,
                     0,
                     show(both.first, both.second),
                     show(both.second, both.first)});
            }
        }
        return ok();
    }

    /// Empty for a block that has no row or no events.
    [[nodiscard]] Result<std::string> read_row(const storage::ReadView& view, uint64_t block_num) {
        ++report_.records_read;
        const auto row = view.get_block(block_num);
        if (!row && row.error().code != ErrorCode::kNotFound) {
            return row.error();
        }
        return row && row->event_count > 0
                   ? fmt::format("{} at {} with {} events, parent {}", evm::to_hex(row->hash),
                                 row->timestamp, row->event_count, evm::to_hex(row->parent_hash))
                   : std::string{};
    }

    [[nodiscard]] Status compare_entity(size_t entity_a, size_t entity_b) {
        PLUMBLINE_TRY(const auto leaves,
                      find_differing({static_cast<int>(entity_a)}, {static_cast<int>(entity_b)}));
        if (leaves.empty()) {
            return ok();
        }
        const std::set<uint64_t> differing{leaves.begin(), leaves.end()};
        const storage::EntityLayout& layout = view_a_->bundle().entities[entity_a];
        const storage::RowCodec codec{layout};
        const auto rows_a = storage::scan_raw_rows(*view_a_, entity_a);
        const auto rows_b = storage::scan_raw_rows(*view_b_, entity_b);
        using Row = std::optional<std::string_view>;
        return join_raw(*rows_a, *rows_b, [&](std::string_view key, Row a, Row b) -> Status {
            report_.records_read += (a ? 1U : 0U) + (b ? 1U : 0U);
            const uint32_t leaf = storage::entity_digest_leaf(storage::hash_key(key));
            if (a == b || !differing.contains(leaf)) {
                return ok();
            }
            for (const Row& row : {a, b}) {
                if (row) {
                    PLUMBLINE_TRY_VOID(codec.check(*row));
                }
            }
            add_row(layout, codec, key, a, b);
            return ok();
        });
    }

    void add_row(const storage::EntityLayout& layout, const storage::RowCodec& codec,
                 std::string_view key, std::optional<std::string_view> a,
                 std::optional<std::string_view> b) {
        const auto is_live = [](const std::optional<std::string_view>& row) {
            return row && !storage::RowCodec::is_tombstone(*row);
        };
        const std::string shown = storage::key_text(layout, key);
        if (is_live(a) && is_live(b)) {
            for (FieldDifference& field : compare_rows(layout, codec, key, *a, *b)) {
                add({DifferenceKind::kRow, layout.name, shown, std::move(field.field), 0, 0,
                     std::move(field.left), std::move(field.right)});
            }
            return;
        }
        const auto text = [&](const std::optional<std::string_view>& row) {
            return is_live(row) ? row_summary(layout, codec, key, *row)
                   : row        ? std::string{"deleted"}
                                : std::string{};
        };
        add({DifferenceKind::kRow, layout.name, shown, {}, 0, 0, text(a), text(b)});
    }

    const storage::Database& a_;
    const storage::Database& b_;
    std::unique_ptr<storage::ReadView> view_a_;
    std::unique_ptr<storage::ReadView> view_b_;
    const DiffOptions& options_;
    DiffReport report_;
};

}  // namespace

std::string_view to_string(DifferenceKind kind) noexcept {
    switch (kind) {
        case DifferenceKind::kIdentity: return "chain";
        case DifferenceKind::kHead: return "head";
        case DifferenceKind::kSchema: return "schema";
        case DifferenceKind::kLog: return "event";
        case DifferenceKind::kBlock: return "block";
        case DifferenceKind::kRow: return "row";
        case DifferenceKind::kCall: return "call";
    }
    return "unknown";
}

Result<DiffReport> diff(const storage::Database& a, const storage::Database& b,
                        const DiffOptions& options) {
    return Diff{a, b, options}.run();
}

}  // namespace plumbline::engine
