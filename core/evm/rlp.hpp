// RLP as Ethereum hashes it (Yellow Paper appendix B). The writer appends to a buffer that the
// caller reuses; the reader is strict: it takes exactly the bytes a canonical writer would give.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/evm/bytes.hpp"
#include "core/evm/uint256.hpp"

namespace plumbline::evm {

/// Appends the string `bytes`.
void append_rlp(Bytes& out, ByteView bytes);
/// Appends an unsigned number: big-endian without leading zeros, zero as the empty string.
void append_rlp(Bytes& out, uint64_t value);
void append_rlp(Bytes& out, const U256& value);
template <size_t N>
void append_rlp(Bytes& out, const FixedBytes<N>& value) {
    append_rlp(out, value.view());
}

/// Opens a list: what is appended until `end_rlp_list` is called with the returned mark is its
/// content. Lists nest. The header is put in front on closing, which moves the content once.
[[nodiscard]] size_t begin_rlp_list(const Bytes& out) noexcept;
void end_rlp_list(Bytes& out, size_t mark);

/// Size of a string's encoding, header included.
[[nodiscard]] size_t rlp_size(ByteView bytes) noexcept;

/// Why bytes are not the canonical RLP of what was expected. 0 is success.
enum class RlpError : uint8_t {
    kNone,
    kTruncated,     ///< the input ends inside an item
    kNotCanonical,  ///< a longer length form or a wrapped single byte where the short form exists
    kLeadingZero,   ///< a number with zero bytes in front
    kTooLarge,      ///< a number or a count beyond what its type holds
    kNotString,     ///< a list where a string is due
    kNotList,       ///< a string where a list is due
    kWrongSize,     ///< a string of another size than the fixed one
    kTrailing,      ///< bytes left over after the last item
    kWrongValue,    ///< well-formed, but not a value of the field
};

[[nodiscard]] std::string_view to_string(RlpError error) noexcept;

/// One item of an input; both views point into it.
struct RlpItem {
    bool is_list = false;
    ByteView payload;  ///< without the header
    ByteView whole;    ///< with the header
};

// Each reader takes one item off the front of `in`. On an error neither `in` nor `out` has changed.
// A list's items are not looked at until they are read themselves.

[[nodiscard]] RlpError read_rlp(ByteView& in, RlpItem& out) noexcept;
[[nodiscard]] RlpError read_rlp_string(ByteView& in, ByteView& out) noexcept;
[[nodiscard]] RlpError read_rlp_list(ByteView& in, ByteView& payload) noexcept;
[[nodiscard]] RlpError read_rlp(ByteView& in, uint64_t& out) noexcept;
[[nodiscard]] RlpError read_rlp(ByteView& in, U256& out) noexcept;
template <size_t N>
[[nodiscard]] RlpError read_rlp(ByteView& in, FixedBytes<N>& out) noexcept {
    ByteView rest = in;
    ByteView bytes;
    if (const RlpError error = read_rlp_string(rest, bytes); error != RlpError::kNone) {
        return error;
    }
    if (bytes.size() != N) {
        return RlpError::kWrongSize;
    }
    out = FixedBytes<N>::from(bytes);
    in = rest;
    return RlpError::kNone;
}
/// kTrailing unless `in` is used up.
[[nodiscard]] inline RlpError expect_rlp_end(ByteView in) noexcept {
    return in.empty() ? RlpError::kNone : RlpError::kTrailing;
}

}  // namespace plumbline::evm

/// Returns the error of an RLP reader, else goes on.
#define PLUMBLINE_TRY_RLP(expression)                                  \
    do {                                                               \
        if (const ::plumbline::evm::RlpError rlp_error = (expression); \
            rlp_error != ::plumbline::evm::RlpError::kNone) {          \
            return rlp_error;                                          \
        }                                                              \
    } while (false)
