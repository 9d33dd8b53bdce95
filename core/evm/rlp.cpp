#include "core/evm/rlp.hpp"

#include <array>
#include <bit>

namespace plumbline::evm {
namespace {

constexpr uint8_t kStringBase = 0x80;
constexpr uint8_t kListBase = 0xc0;
/// Content up to this size has its length in the first byte.
constexpr size_t kShortSizeMax = 55;
/// First byte and at most 8 bytes of length.
constexpr size_t kHeaderSizeMax = 9;

[[nodiscard]] size_t be_size(uint64_t value) noexcept {
    return (static_cast<size_t>(std::bit_width(value)) + 7) / 8;
}

void put_be(uint8_t* out, uint64_t value, size_t size) noexcept {
    for (size_t i = 0; i < size; ++i) {
        out[i] = static_cast<uint8_t>(value >> (8 * (size - 1 - i)));
    }
}

struct ItemHeader {
    std::array<uint8_t, kHeaderSizeMax> bytes;
    size_t size;
};

[[nodiscard]] ItemHeader make_header(uint8_t base, size_t content_size) noexcept {
    ItemHeader header{};
    if (content_size <= kShortSizeMax) {
        header.bytes[0] = static_cast<uint8_t>(base + content_size);
        header.size = 1;
        return header;
    }
    const size_t length_size = be_size(content_size);
    header.bytes[0] = static_cast<uint8_t>(base + kShortSizeMax + length_size);
    put_be(&header.bytes[1], content_size, length_size);
    header.size = 1 + length_size;
    return header;
}

[[nodiscard]] bool is_single_byte(ByteView bytes) noexcept {
    return bytes.size() == 1 && bytes[0] < kStringBase;
}

/// Big-endian digits of a number into the last bytes of `out`.
[[nodiscard]] RlpError read_digits(ByteView& in, std::span<uint8_t> out) noexcept {
    ByteView rest = in;
    ByteView digits;
    PLUMBLINE_TRY_RLP(read_rlp_string(rest, digits));
    if (!digits.empty() && digits[0] == 0) {
        return RlpError::kLeadingZero;
    }
    if (digits.size() > out.size()) {
        return RlpError::kTooLarge;
    }
    std::ranges::fill(out, uint8_t{0});
    std::ranges::copy(digits, out.end() - static_cast<std::ptrdiff_t>(digits.size()));
    in = rest;
    return RlpError::kNone;
}

}  // namespace

void append_rlp(Bytes& out, ByteView bytes) {
    if (!is_single_byte(bytes)) {
        const ItemHeader header = make_header(kStringBase, bytes.size());
        out.insert(out.end(), header.bytes.begin(),
                   header.bytes.begin() + static_cast<std::ptrdiff_t>(header.size));
    }
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_rlp(Bytes& out, uint64_t value) {
    std::array<uint8_t, sizeof(value)> digits{};
    const size_t size = be_size(value);
    put_be(digits.data(), value, size);
    append_rlp(out, ByteView{digits}.first(size));
}

void append_rlp(Bytes& out, const U256& value) {
    std::array<uint8_t, 32> digits{};
    value.to_be(digits.data());
    const size_t size = (static_cast<size_t>(value.bit_length()) + 7) / 8;
    append_rlp(out, ByteView{digits}.last(size));
}

size_t begin_rlp_list(const Bytes& out) noexcept {
    return out.size();
}

void end_rlp_list(Bytes& out, size_t mark) {
    const ItemHeader header = make_header(kListBase, out.size() - mark);
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(mark), header.bytes.begin(),
               header.bytes.begin() + static_cast<std::ptrdiff_t>(header.size));
}

size_t rlp_size(ByteView bytes) noexcept {
    return bytes.size() + (is_single_byte(bytes) ? 0 : make_header(kStringBase, bytes.size()).size);
}

std::string_view to_string(RlpError error) noexcept {
    switch (error) {
        case RlpError::kNone: return "no error";
        case RlpError::kTruncated: return "the input ends inside an item";
        case RlpError::kNotCanonical: return "an item is not in its shortest form";
        case RlpError::kLeadingZero: return "a number has leading zeros";
        case RlpError::kTooLarge: return "a number is too large for its field";
        case RlpError::kNotString: return "a list stands where a string is due";
        case RlpError::kNotList: return "a string stands where a list is due";
        case RlpError::kWrongSize: return "a string has the wrong size for its field";
        case RlpError::kTrailing: return "bytes are left over after the last item";
        case RlpError::kWrongValue: return "a field has a value that it cannot have";
    }
    return "unknown error";
}

RlpError read_rlp(ByteView& in, RlpItem& out) noexcept {
    if (in.empty()) {
        return RlpError::kTruncated;
    }
    const uint8_t first = in[0];
    const bool is_list = first >= kListBase;
    size_t header_size = 1;
    size_t content_size = 0;
    if (first < kStringBase) {
        header_size = 0;
        content_size = 1;
    } else if (const auto short_size =
                   static_cast<size_t>(first - (is_list ? kListBase : kStringBase));
               short_size <= kShortSizeMax) {
        content_size = short_size;
    } else {
        const size_t length_size = short_size - kShortSizeMax;
        if (in.size() - 1 < length_size) {
            return RlpError::kTruncated;
        }
        for (size_t i = 1; i <= length_size; ++i) {
            content_size = (content_size << 8) | in[i];
        }
        if (in[1] == 0 || content_size <= kShortSizeMax) {
            return RlpError::kNotCanonical;
        }
        header_size += length_size;
    }
    if (content_size > in.size() - header_size) {
        return RlpError::kTruncated;
    }
    const ByteView payload = in.subspan(header_size, content_size);
    if (header_size == 1 && !is_list && is_single_byte(payload)) {
        return RlpError::kNotCanonical;
    }
    out = {is_list, payload, in.first(header_size + content_size)};
    in = in.subspan(header_size + content_size);
    return RlpError::kNone;
}

RlpError read_rlp_string(ByteView& in, ByteView& out) noexcept {
    ByteView rest = in;
    RlpItem item;
    PLUMBLINE_TRY_RLP(read_rlp(rest, item));
    if (item.is_list) {
        return RlpError::kNotString;
    }
    out = item.payload;
    in = rest;
    return RlpError::kNone;
}

RlpError read_rlp_list(ByteView& in, ByteView& payload) noexcept {
    ByteView rest = in;
    RlpItem item;
    PLUMBLINE_TRY_RLP(read_rlp(rest, item));
    if (!item.is_list) {
        return RlpError::kNotList;
    }
    payload = item.payload;
    in = rest;
    return RlpError::kNone;
}

RlpError read_rlp(ByteView& in, uint64_t& out) noexcept {
    std::array<uint8_t, sizeof(out)> digits{};
    PLUMBLINE_TRY_RLP(read_digits(in, digits));
    out = 0;
    for (const uint8_t digit : digits) {
        out = (out << 8) | digit;
    }
    return RlpError::kNone;
}

RlpError read_rlp(ByteView& in, U256& out) noexcept {
    std::array<uint8_t, 32> digits{};
    PLUMBLINE_TRY_RLP(read_digits(in, digits));
    out = U256::from_be(digits);
    return RlpError::kNone;
}

}  // namespace plumbline::evm
