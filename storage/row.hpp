// The bytes of an entity row, read and changed in place: what lies on disk is what the fold
// works on, so there is no decoding step.
//
//   offset  size  what
//   0       1     format (1)
//   1       1     flags: 1 = tombstone (deleted; kept so that the state proof can ask for it)
//   2       8     block in which the row last changed, big-endian
//   10      4     log index of that change, big-endian
//   14      ...   only where fields are optional: a bit for each of them in declared order, the low
//                 bit of a byte first; set = the field has a value. What is null has the bytes of
//                 zero or of an empty text.
//   ...     ...   fixed-width fields in declared order, each `width()` bytes, big-endian
//                 (numbers: the low bytes, two's complement for int; bool 0 or 1)
//   ...     ...   for each bytes or string field, in declared order: length 4 big-endian, bytes
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/uint256.hpp"
#include "storage/entity_key.hpp"
#include "storage/layout.hpp"

namespace plumbline::storage {

constexpr uint8_t kRowFormat = 1;
constexpr uint8_t kRowTombstone = 1;

/// When a row last changed.
struct ChangedAt {
    uint64_t block_num = 0;
    uint32_t log_index = 0;
    friend auto operator<=>(const ChangedAt&, const ChangedAt&) = default;
};

/// Knows where the fields of one entity lie. Immutable, so thread-safe. `field` counts the
/// layout's `fields` (not the key). Rows handed in must have passed `check` or come from here.
class RowCodec {
  public:
    explicit RowCodec(const EntityLayout& layout);

    /// A row with every field zero or empty, or null where it may be.
    [[nodiscard]] const std::string& empty_row() const noexcept { return empty_; }
    /// kCorruption where `row` is not a row of this layout (format, flags, lengths).
    [[nodiscard]] Status check(std::string_view row) const;

    /// Fixed-width fields as a word: numbers sign-extended by their kind; bool, address as the EVM
    /// holds them; bytesN left-aligned as the EVM holds them.
    [[nodiscard]] evm::U256 word(std::string_view row, size_t field) const noexcept;
    /// Stores the word's low bytes (bytesN: its high bytes); the caller has checked that it fits.
    void set_word(std::string& row, size_t field, const evm::U256& value) const noexcept;
    /// The stored bytes of any field; valid until the row changes.
    [[nodiscard]] std::string_view raw(std::string_view row, size_t field) const noexcept;
    /// Replaces a bytes or string field.
    void set_dynamic(std::string& row, size_t field, std::string_view value) const;
    /// Never of a field that is not optional. A null field's word is zero, its bytes are empty.
    [[nodiscard]] bool is_null(std::string_view row, size_t field) const noexcept;
    /// Of an optional field; setting a value makes it one that is not null.
    void set_null(std::string& row, size_t field) const;
    /// Any field as a value of its own, and back.
    [[nodiscard]] KeyValue value(std::string_view row, size_t field) const;
    void set_value(std::string& row, size_t field, const KeyValue& value) const;

    [[nodiscard]] static ChangedAt changed_at(std::string_view row) noexcept;
    static void set_changed_at(std::string& row, ChangedAt at) noexcept;
    [[nodiscard]] static bool is_tombstone(std::string_view row) noexcept {
        return (static_cast<uint8_t>(row[1]) & kRowTombstone) != 0;
    }
    /// There is a row: `row` is neither empty, as rows that are absent are, nor a tombstone.
    [[nodiscard]] static bool is_live(std::string_view row) noexcept {
        return !row.empty() && !is_tombstone(row);
    }
    /// The row that marks a deleted key: no fields beyond the head, changed at `at`.
    [[nodiscard]] std::string make_tombstone(ChangedAt at) const;

  private:
    struct Slot {
        FieldType type;
        uint32_t offset =
            0;  ///< fixed width: where it lies; dynamic: its place among the dynamic ones
        uint16_t presence = 0;  ///< optional: where the byte with its bit lies; else 0
        uint8_t bit = 0;        ///< optional: of that byte
    };
    void set_presence(std::string& row, const Slot& slot, bool is_there) const noexcept;
    [[nodiscard]] Status check_nulls(std::string_view row) const;

    std::vector<Slot> slots_;
    uint32_t presence_end_ = 0;  ///< behind the bits of optional fields
    uint32_t dynamic_start_ = 0;
    uint32_t dynamic_count_ = 0;
    std::string empty_;
};

}  // namespace plumbline::storage
