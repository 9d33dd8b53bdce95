// One list of fields a record, for both directions: a list is a generic lambda over `to` (which
// writes or reads) and the record, and names each field once.
//
//   constexpr auto kTotalsFields = [](auto& to, auto& totals) {
//       to.varint(totals.events);
//       to.varint(totals.block_rows);
//   };
//   encode_record(kTotalsFields, totals);         // format byte, then the fields
//   decode_record(kTotalsFields, value, totals);  // the reverse
//
// Internal to storage.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/check.hpp"
#include "storage/codec.hpp"

namespace plumbline::storage {

/// The first byte of every value but logs' and rows'.
constexpr uint8_t kRecordFormat = 1;

/// Appends each field that a list names.
class FieldWriter {
  public:
    explicit FieldWriter(std::string& out) noexcept : out_{out} {}

    void be32(uint32_t value) { put_be32(out_, value); }
    void be64(uint64_t value) { put_be64(out_, value); }
    void varint(uint64_t value) { put_varint(out_, value); }
    /// Unix milliseconds; never negative.
    void time_ms(int64_t value) { put_varint(out_, static_cast<uint64_t>(value)); }
    void flag(bool value) { put_u8(out_, value ? 1 : 0); }
    /// An enum of one byte. The list says which values it has, by `require`.
    template <typename Enum>
    void code(Enum value) {
        static_assert(sizeof(Enum) == 1);
        put_u8(out_, static_cast<uint8_t>(value));
    }
    void text(std::string_view value) { put_text(out_, value); }
    template <size_t N>
    void fixed(const evm::FixedBytes<N>& value) {
        put_bytes(out_, value.view());
    }
    /// Only its first `size` bytes; the others are zero.
    template <size_t N>
    void fixed(const evm::FixedBytes<N>& value, size_t size) {
        put_bytes(out_, value.view().first(size));
    }
    /// Whatever follows up to the end of the value.
    void rest(std::string_view value) { out_.append(value); }
    /// A count, then every item by `each`.
    template <typename Item, typename Each>
    void list(const std::vector<Item>& items, Each each) {
        put_varint(out_, items.size());
        for (const Item& item : items) {
            each(item);
        }
    }
    /// What a reader refuses is not written in the first place.
    void require(bool holds) const {
        PLUMBLINE_DCHECK(holds);
        static_cast<void>(holds);
    }

  private:
    std::string& out_;
};

/// Reads each field that a list names. After the first failure all that follows reads as zero.
class FieldReader {
  public:
    /// Begins with the format byte.
    explicit FieldReader(std::string_view value) noexcept : in_{value} {
        in_.expect(kRecordFormat);
    }
    /// Every byte was read and every requirement held.
    [[nodiscard]] bool done() const noexcept { return in_.done(); }

    void be32(uint32_t& value) noexcept { value = in_.be32(); }
    void be64(uint64_t& value) noexcept { value = in_.be64(); }
    /// A number too large for its field is a failure.
    template <typename Number>
    void varint(Number& value) noexcept {
        static_assert(std::is_unsigned_v<Number>);
        const uint64_t wide = in_.varint();
        value = static_cast<Number>(wide);
        require(value == wide);
    }
    void time_ms(int64_t& value) noexcept {
        const uint64_t wide = in_.varint();
        value = static_cast<int64_t>(wide);
        require(value >= 0);
    }
    void flag(bool& value) noexcept {
        const uint8_t byte = in_.u8();
        value = byte == 1;
        require(byte <= 1);
    }
    template <typename Enum>
    void code(Enum& value) noexcept {
        static_assert(sizeof(Enum) == 1);
        value = static_cast<Enum>(in_.u8());
    }
    void text(std::string& value) { value = in_.text(); }
    template <size_t N>
    void fixed(evm::FixedBytes<N>& value) noexcept {
        value = in_.fixed<N>();
    }
    template <size_t N>
    void fixed(evm::FixedBytes<N>& value, size_t size) noexcept {
        if (const char* bytes = in_.take(size); bytes != nullptr) {
            std::memcpy(value.data(), bytes, size);
        }
    }
    void rest(std::string& value) { value = in_.view(in_.left()); }
    template <typename Item, typename Each>
    void list(std::vector<Item>& items, Each each) {
        uint64_t left = 0;
        varint(left);
        // A count beyond what follows ends at the first item that is not there.
        for (; left > 0 && in_.ok(); --left) {
            each(items.emplace_back());
        }
    }
    void require(bool holds) noexcept {
        if (!holds) {
            in_.fail();
        }
    }

  private:
    Reader in_;
};

template <typename List, typename Record>
[[nodiscard]] std::string encode_record(List list, const Record& record) {
    std::string out(1, static_cast<char>(kRecordFormat));
    FieldWriter to{out};
    list(to, record);
    return out;
}

/// False for anything that `encode_record` does not write; `record` is then of no use.
template <typename List, typename Record>
[[nodiscard]] bool decode_record(List list, std::string_view value, Record& record) {
    FieldReader from{value};
    list(from, record);
    return from.done();
}

}  // namespace plumbline::storage
