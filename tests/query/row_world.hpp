// A database with rows that a test makes up, given as the text of their values; and the same rows
// at hand, to hold answers against.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "core/evm/hex.hpp"
#include "engine/text/entity_text.hpp"
#include "query/row_cursor.hpp"
#include "storage/commit_batch.hpp"
#include "tests/storage/storage_test_util.hpp"

namespace plumbline::query::test {

using storage::EntityLayout;

/// A row's columns, key fields first, as text.
using TextRow = std::vector<std::string>;
/// In a TextRow: the field has no value.
inline const std::string kNull = "(null)";

inline std::string encode_text(storage::FieldType type, const std::string& text) {
    return encode_value(type, engine::parse_value(type, text).value());
}

/// The text of a random value out of few, so that values meet; the ends of the type among them.
template <typename Random>
std::string random_text(Random& random, storage::FieldType type) {
    using storage::FieldKind;
    const uint64_t pick = random() % 8;
    const std::string digits = std::to_string(pick * pick * pick % 101);
    switch (type.kind) {
        case FieldKind::kUint:
            if (pick == 7) {
                evm::U256 most;
                for (size_t bit = 0; bit < type.bits; ++bit) {
                    most.limb[bit / 64] |= uint64_t{1} << (bit % 64);
                }
                return most.to_decimal();
            }
            return pick == 6 && type.bits > 120 ? "1" + std::string(30, '0') : digits;
        case FieldKind::kInt:
            if (pick == 7) {
                return type.bits > 160 ? "-1" + std::string(40, '0') : "-128";
            }
            return pick % 2 == 0 || digits == "0" ? digits : "-" + digits;
        case FieldKind::kDecimal:
            return (pick % 3 == 0 && digits != "0" ? "-" : "") + digits + (pick == 5 ? ".25" : "");
        case FieldKind::kBool: return pick % 2 == 0 ? "true" : "false";
        case FieldKind::kEnum: return (*type.names)[pick % type.names->size()];
        case FieldKind::kAddress: return evm::to_hex(storage::test::address_of(pick));
        case FieldKind::kFixedBytes: {
            const evm::Hash hash = storage::test::hash_of(pick % 4);
            return evm::to_hex(hash.view().first(type.width()));
        }
        case FieldKind::kBytes:
            return pick == 0 ? "0x" : pick == 1 ? "0x00" : "0x0" + std::to_string(pick) + "ff";
        case FieldKind::kString: {
            constexpr const char* kWords[] = {"",    "a", "ab", "b", "Zed", "\xc3\xa4rger",
                                              "a b", "10"};
            return kWords[pick];
        }
    }
    return {};
}

/// One thread.
class RowWorld {
  public:
    explicit RowWorld(std::vector<EntityLayout> layouts) : layouts_{std::move(layouts)} {
        storage::OpenOptions options = storage::test::create_options();
        options.bundle->entities = layouts_;
        auto opened = storage::Database::open(dir.sub("db"), options);
        EXPECT_OK(opened);
        database = *std::move(opened);
        rows.resize(layouts_.size());
    }

    /// Adds or replaces a row; call `commit` to store.
    void put(size_t entity, const TextRow& row) {
        if (batch_ == nullptr) {
            batch_ = database->make_batch();
            ++block_;
        }
        const EntityLayout& layout = layouts_[entity];
        const storage::RowCodec codec{layout};
        std::string key;
        for (size_t i = 0; i < layout.key.size(); ++i) {
            key += encode_text(layout.key[i].type, row[i]);
        }
        std::string bytes = codec.empty_row();
        storage::RowCodec::set_changed_at(bytes, {block_, 0});
        for (size_t i = 0; i < layout.fields.size(); ++i) {
            const storage::FieldType type = layout.fields[i].type;
            const std::string& text = row[layout.key.size() + i];
            if (text == kNull) {
                codec.set_null(bytes, i);
                continue;
            }
            const auto value = engine::parse_value(type, text).value();
            if (type.is_dynamic()) {
                codec.set_dynamic(bytes, i, value.bytes);
            } else {
                codec.set_word(bytes, i, value.word);
            }
        }
        batch_->change_row(entity, key, {}, bytes, block_);
        rows[entity].push_back(row);
    }
    void commit() {
        batch_->append_block({block_, storage::test::hash_of(block_),
                              storage::test::hash_of(block_ - 1), 1'600'000'000 + block_ * 12, 0,
                              storage::ProofLevel::kLinked});
        batch_->set_cursor(block_, storage::test::hash_of(block_), 1'600'000'000 + block_ * 12);
        EXPECT_OK(database->commit(*batch_, storage::Durability::kBuffered));
        batch_.reset();
    }

    /// `count` random rows with keys that differ.
    void fill(size_t entity, std::mt19937_64& random, size_t count) {
        const EntityLayout& layout = layouts_[entity];
        for (size_t tried = 0; rows[entity].size() < count && tried < count * 20; ++tried) {
            TextRow row;
            for (size_t i = 0; i < layout.column_count(); ++i) {
                const storage::FieldType type = layout.column(i).type;
                const bool is_null = type.optional && random() % 4 == 0;
                row.push_back(is_null ? kNull : random_text(random, type));
            }
            const auto key_size = static_cast<std::ptrdiff_t>(layout.key.size());
            const bool is_new = std::ranges::none_of(rows[entity], [&](const TextRow& other) {
                return std::equal(row.begin(), row.begin() + key_size, other.begin());
            });
            if (is_new) {
                put(entity, row);
            }
        }
        commit();
    }

    [[nodiscard]] const std::vector<EntityLayout>& layouts() const noexcept { return layouts_; }

    storage::test::TempDir dir;
    std::unique_ptr<storage::Database> database;
    std::vector<std::vector<TextRow>> rows;  ///< of each entity

  private:
    std::vector<EntityLayout> layouts_;
    std::unique_ptr<storage::CommitBatch> batch_;
    uint64_t block_ = 0;
};

}  // namespace plumbline::query::test
