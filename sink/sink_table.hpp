// An entity as a table of PostgreSQL: which columns of which types, and every statement about it.
//
//   uint, int      integer, bigint or numeric by width     bool      boolean
//   decimal(S)     numeric(78,S)                            enum      text, the value's name
//   address,       bytea                                    string    text as the API shows it
//   bytesN, bytes                                                     (core/base/printable_text),
//                                                                     or bytea
//
// The last columns are `_block` and `_log`: where the row last changed. A key with `bytes` or
// `string` in it may be longer than PostgreSQL indexes, so such a table has `_key` for its key: the
// Keccak-256 of the stored key.
//
// Its history is a table beside it, NAME_history: every version that a row has had at the end of a
// block, with `_block` in the key, and `_to`: the first block at whose end it was no more, null
// while it is the row.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/abi_decode.hpp"
#include "engine/config/config.hpp"
#include "storage/layout.hpp"
#include "storage/row.hpp"

namespace plumbline::sink {

/// What the comment of a sink's own table begins with.
inline constexpr std::string_view kTableMark = "plumbline sink";

enum class CellKind : uint8_t {
    kPlain,  ///< numbers and booleans: digits and letters only
    kBytes,  ///< cells hold its hex digits
    kText,
};

struct SinkColumn {
    std::string name;
    std::string type;  ///< as PostgreSQL's format_type writes it
    CellKind kind = CellKind::kPlain;
    bool is_key = false;  ///< of the primary key
};

/// One row as text, a cell a column. Kept from row to row, so that its strings keep their room.
using Cells = std::vector<std::string>;
/// The cell of a field that is not set: no text has a NUL, and bytes are hex digits.
inline constexpr std::string_view kNullCell{"\0", 1};

/// Letters that a name may have: NAMEDATALEN - 1.
constexpr size_t kSqlNameMax = 63;

/// "name" in double quotes.
[[nodiscard]] std::string quote_name(std::string_view name);
/// An array of words that need no escapes; an empty one is null.
[[nodiscard]] std::string to_array(const std::vector<std::string>& words);
/// 'text', standard-conforming.
[[nodiscard]] std::string quote_text(std::string_view text);
/// Appends a line of COPY's text format.
void append_copy_line(std::string& out, const std::vector<SinkColumn>& columns, const Cells& cells);

/// Array literals of columns, one a column, for unnest: rows go in until they are taken.
class RowArrays {
  public:
    /// Those of the columns that `keys_only` asks for.
    RowArrays(const std::vector<SinkColumn>& columns, bool keys_only);
    void add(const Cells& cells);
    [[nodiscard]] size_t rows() const noexcept { return rows_; }
    [[nodiscard]] size_t bytes() const noexcept { return bytes_; }
    /// "{..}" a column; then it is empty.
    [[nodiscard]] std::vector<std::string> take();

  private:
    struct Part {
        size_t column;
        CellKind kind;
        std::string text;
    };
    std::vector<Part> parts_;
    size_t rows_ = 0;
    size_t bytes_ = 0;
};

/// Buckets of a table's digest in SQL, by the first bits of the MD5 of the key.
constexpr size_t kSqlBuckets = 4096;

/// How a message begins that a statement of ours makes PostgreSQL say.
inline constexpr std::string_view kTriggerKeeps = "a trigger or a rule of ";

/// Immutable once made.
class SinkTable {
  public:
    /// kInvalidArgument for names that PostgreSQL cannot have.
    [[nodiscard]] static Result<SinkTable> make(const storage::EntityLayout& layout, size_t entity,
                                                const engine::SinkConfig& config,
                                                uint64_t chain_id);

    /// The versions of such an entity's rows.
    [[nodiscard]] static Result<SinkTable> make_history(const storage::EntityLayout& layout,
                                                        size_t entity,
                                                        const engine::SinkConfig& config,
                                                        uint64_t chain_id);

    /// An event as a table: where its logs are, then its parameters. `name` is the table's.
    [[nodiscard]] static Result<SinkTable> make_event(const std::string& name,
                                                      const evm::AbiEvent& event,
                                                      const engine::SinkConfig& config,
                                                      uint64_t chain_id);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] bool is_event() const noexcept { return layout_ == nullptr; }
    [[nodiscard]] bool is_history() const noexcept { return is_history_; }
    /// The rows of an entity as they are.
    [[nodiscard]] bool is_entity() const noexcept { return !is_event() && !is_history(); }
    /// Of an entity's table, and of its history: its place in the plan.
    [[nodiscard]] size_t entity() const noexcept { return entity_; }
    [[nodiscard]] bool keeps_tombstones() const noexcept { return layout_->keep_tombstones; }
    [[nodiscard]] const std::vector<SinkColumn>& columns() const noexcept { return columns_; }
    /// Of all that decides how a stored row is shown.
    [[nodiscard]] const std::string& tag() const noexcept { return tag_; }
    /// "schema"."name"
    [[nodiscard]] const std::string& full_name() const noexcept { return full_name_; }

    /// Key and row as the database has them, into `cells`. kCorruption where they are none of the
    /// layout. With an empty `row` the key's cells only.
    [[nodiscard]] Status to_cells(const storage::RowCodec& codec, std::string_view key,
                                  std::string_view row, Cells& cells) const;
    /// The same of a version: `end` is its `_to`.
    [[nodiscard]] Status to_cells(const storage::RowCodec& codec, std::string_view key,
                                  std::string_view row, std::optional<uint64_t> end,
                                  Cells& cells) const;
    /// A log of the event as `event` has it decoded, in a block of that time.
    void to_cells(const evm::Log& log, uint64_t timestamp, const evm::EventDecoder& decoder,
                  const evm::DecodedEvent& event, Cells& cells) const;
    /// The key for people, out of cells.
    [[nodiscard]] std::string key_text(const Cells& cells) const;

    /// Without its key: COPY is faster so.
    [[nodiscard]] std::string create_sql() const;
    /// Says that it is a sink's (table_look.hpp).
    [[nodiscard]] std::string mark_sql() const;
    [[nodiscard]] std::string primary_key_sql() const;
    /// The same where it has another; `name` is that one's, quoted.
    [[nodiscard]] std::string replace_key_sql(std::string_view name) const;
    /// Rows of several chains stand in it.
    [[nodiscard]] bool has_chain_id() const noexcept { return !chain_id_.empty(); }
    struct Index {
        std::string name;
        std::string other_name;  ///< where something else has the name
        std::string columns;     ///< quoted, by ", "
    };
    /// Makes it, by one of its names.
    [[nodiscard]] std::string index_sql(const Index& index, std::string_view name) const;
    [[nodiscard]] std::vector<Index> indexes() const;
    /// Indexes whose names are `taken` get others; those of all are taken then.
    void name_indexes(std::set<std::string>& taken);
    /// "note, owner": those of the mapping that PostgreSQL has not, because a value of `string` or
    /// `bytes` may be longer than it indexes.
    [[nodiscard]] std::vector<std::string> indexes_left_out() const;
    [[nodiscard]] std::string copy_in_sql() const;
    /// $1...: the columns' arrays.
    [[nodiscard]] std::string upsert_sql() const;
    /// $1...: the key columns' arrays; fails where a row stays.
    [[nodiscard]] std::string delete_sql() const;
    /// The same of rows that are there: fails also where one of them is not.
    [[nodiscard]] std::string delete_all_sql() const;
    /// bucket, count, sums of both halves of the rows' MD5.
    [[nodiscard]] std::string digest_sql() const;
    /// COPY ... TO STDOUT of buckets: the key's MD5, the row's MD5, the key's cells.
    [[nodiscard]] std::string fetch_sql(const std::vector<uint32_t>& buckets) const;
    /// $1...: the key columns' arrays; every column's cell of these rows, those of the key first as
    /// `columns` has them; null where a column is null.
    [[nodiscard]] std::string cells_sql() const;
    /// $1: rows of blocks above it go; of an event's table, and of a history. Fails where one
    /// stays.
    [[nodiscard]] std::string delete_above_sql() const;
    /// $1: versions that ended above it are what they were before: open; of a history. Fails where
    /// one is kept from it.
    [[nodiscard]] std::string reopen_above_sql() const;
    /// This chain's rows: "true", or "chain_id" = 1.
    [[nodiscard]] const std::string& condition() const noexcept { return condition_; }

  private:
    SinkTable() = default;
    [[nodiscard]] static Result<SinkTable> make_rows(const storage::EntityLayout& layout,
                                                     size_t entity,
                                                     const engine::SinkConfig& config,
                                                     uint64_t chain_id, bool is_history);
    [[nodiscard]] bool fits_index(const std::vector<uint16_t>& index) const;
    [[nodiscard]] std::vector<std::string> field_names(const std::vector<uint16_t>& index) const;
    [[nodiscard]] Index make_index(const std::vector<std::string>& fields) const;
    [[nodiscard]] Status check_names(std::string_view what, const engine::SinkConfig& config) const;
    void name_it(std::string name, const engine::SinkConfig& config, uint64_t chain_id);
    void tag_it(std::string shape);
    [[nodiscard]] std::string cell_sql(const SinkColumn& column, std::string_view of) const;
    [[nodiscard]] std::string gone_sql() const;
    [[nodiscard]] std::string all_of_sql(std::string_view change, std::string_view where,
                                         std::string_view what) const;
    [[nodiscard]] std::string must_be_all_sql(std::string_view all, std::string_view what) const;
    [[nodiscard]] std::string joined_cells_sql(bool keys_only) const;
    [[nodiscard]] std::string unnest_sql(bool keys_only) const;
    [[nodiscard]] std::string names(bool keys_only, std::string_view of = {}) const;

    const storage::EntityLayout* layout_ = nullptr;
    size_t entity_ = 0;
    std::string name_;
    std::string schema_;
    std::string full_name_;
    std::string tag_;
    std::string condition_ = "true";
    std::string chain_id_;                ///< empty: no such column
    std::set<std::string> shared_names_;  ///< indexes of other tables have them
    bool is_history_ = false;
    bool has_hashed_key_ = false;
    bool strings_as_bytes_ = false;
    std::vector<SinkColumn> columns_;
};

/// MD5 of cells as `digest_sql` and `fetch_sql` take it: the key's and the row's, 16 bytes each.
struct CellDigest {
    std::string key;
    std::string row;
    [[nodiscard]] uint32_t bucket() const noexcept;
};
[[nodiscard]] CellDigest digest_cells(const std::vector<SinkColumn>& columns, const Cells& cells,
                                      std::string& scratch);

}  // namespace plumbline::sink
