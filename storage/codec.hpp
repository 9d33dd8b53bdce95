// Bytes in and out of keys and values: big-endian integers, varints, length-prefixed text.
// Keys use only the fixed-width forms, because varints do not sort.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/evm/bytes.hpp"

namespace plumbline::storage {

inline void store_be32(char* out, uint32_t value) noexcept {
    value = __builtin_bswap32(value);
    std::memcpy(out, &value, sizeof(value));
}
inline void store_be64(char* out, uint64_t value) noexcept {
    value = __builtin_bswap64(value);
    std::memcpy(out, &value, sizeof(value));
}
[[nodiscard]] inline uint32_t load_be32(const char* in) noexcept {
    uint32_t value = 0;
    std::memcpy(&value, in, sizeof(value));
    return __builtin_bswap32(value);
}
[[nodiscard]] inline uint64_t load_be64(const char* in) noexcept {
    uint64_t value = 0;
    std::memcpy(&value, in, sizeof(value));
    return __builtin_bswap64(value);
}

inline void put_u8(std::string& out, uint8_t value) {
    out.push_back(static_cast<char>(value));
}
inline void put_be32(std::string& out, uint32_t value) {
    char bytes[4];
    store_be32(bytes, value);
    out.append(bytes, sizeof(bytes));
}
inline void put_be64(std::string& out, uint64_t value) {
    char bytes[8];
    store_be64(bytes, value);
    out.append(bytes, sizeof(bytes));
}
inline void put_bytes(std::string& out, ByteView bytes) {
    out.append(as_chars(bytes));
}
/// LEB128: seven bits a byte, least significant first, the shortest form only.
inline void put_varint(std::string& out, uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<char>((value & 0x7f) | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<char>(value));
}
/// A varint length, then the bytes.
inline void put_text(std::string& out, std::string_view text) {
    put_varint(out, text.size());
    out.append(text);
}

/// Takes values off the front of bytes that somebody else owns. After the first failure every
/// read fails and gives zeros; ask `done` once at the end.
class Reader {
  public:
    explicit Reader(std::string_view bytes) noexcept
        : at_{bytes.data()},
          end_{bytes.data() + bytes.size()} {}

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    /// Everything was read and nothing failed.
    [[nodiscard]] bool done() const noexcept { return ok_ && at_ == end_; }
    [[nodiscard]] size_t left() const noexcept { return static_cast<size_t>(end_ - at_); }
    void fail() noexcept {
        ok_ = false;
        at_ = end_;
    }

    [[nodiscard]] uint8_t u8() noexcept {
        if (at_ == end_) [[unlikely]] {
            fail();
            return 0;
        }
        return static_cast<uint8_t>(*at_++);
    }
    [[nodiscard]] uint32_t be32() noexcept {
        const char* bytes = take(4);
        return bytes == nullptr ? 0 : load_be32(bytes);
    }
    [[nodiscard]] uint64_t be64() noexcept {
        const char* bytes = take(8);
        return bytes == nullptr ? 0 : load_be64(bytes);
    }
    [[nodiscard]] uint64_t varint() noexcept {
        uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const uint8_t byte = u8();
            value |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) {
                // A last byte of zero, or bits beyond the 64th, would be a second spelling.
                if ((byte == 0 && shift != 0) || (shift == 63 && byte > 1)) {
                    break;
                }
                return value;
            }
        }
        fail();
        return 0;
    }
    [[nodiscard]] uint32_t varint32() noexcept {
        const uint64_t value = varint();
        if (value > UINT32_MAX) {
            fail();
            return 0;
        }
        return static_cast<uint32_t>(value);
    }
    /// The next `size` bytes in place, or nullptr.
    [[nodiscard]] const char* take(size_t size) noexcept {
        if (left() < size) [[unlikely]] {
            fail();
            return nullptr;
        }
        const char* bytes = at_;
        at_ += size;
        return bytes;
    }
    [[nodiscard]] std::string_view view(size_t size) noexcept {
        const char* bytes = take(size);
        return bytes == nullptr ? std::string_view{} : std::string_view{bytes, size};
    }
    [[nodiscard]] std::string_view text() noexcept { return view(varint()); }
    template <size_t N>
    [[nodiscard]] evm::FixedBytes<N> fixed() noexcept {
        evm::FixedBytes<N> out;
        if (const char* bytes = take(N); bytes != nullptr) {
            std::memcpy(out.data(), bytes, N);
        }
        return out;
    }
    /// Reads one byte and fails unless it is `wanted`.
    void expect(uint8_t wanted) noexcept {
        if (u8() != wanted) {
            fail();
        }
    }

  private:
    const char* at_;
    const char* end_;
    bool ok_ = true;
};

}  // namespace plumbline::storage
