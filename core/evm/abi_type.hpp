// Solidity types as a tree: parsed from their canonical text, sizes of their encoding, limits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace plumbline::evm {

enum class TypeKind : uint8_t {
    kUint,
    kInt,
    kBool,
    kAddress,
    kFixedBytes,  ///< bytes1 to bytes32, and `function`, which is a bytes24
    kBytes,
    kString,
    kFixedArray,  ///< T[k]
    kArray,       ///< T[]
    kTuple,
};

/// Arrays and tuples inside one another, counted from the outermost.
inline constexpr uint32_t kAbiDepthMax = 16;
/// Parameters of one event or function, components of one tuple.
inline constexpr uint32_t kAbiComponentsMax = 256;
inline constexpr uint32_t kAbiArrayLengthMax = uint32_t{1} << 31;
/// Bytes a type may take in a head; more could never be in a log or a call.
inline constexpr uint64_t kAbiHeadSizeMax = uint64_t{1} << 32;

/// One type. Those made by `parse_type` and `read_abi` keep all limits above and have no part of
/// size zero: Solidity knows neither T[0] nor empty structs, so both are refused, and every
/// value of a type is backed by at least 32 bytes of its encoding.
struct AbiType {
    TypeKind kind = TypeKind::kUint;
    bool is_function = false;        ///< a bytes24 that signatures spell "function"
    uint16_t bits = 256;             ///< integers: 8 to 256; fixed bytes: 8 times their size
    uint32_t length = 0;             ///< of a fixed array
    std::vector<AbiType> children;   ///< an array's element, a tuple's components
    std::vector<std::string> names;  ///< a tuple's component names, "" where it has none

    /// Its size depends on its value: bytes, string, T[] and all that contain one of them.
    [[nodiscard]] bool is_dynamic() const noexcept;
    /// Encoded as one word in place: integers, bool, address, fixed bytes.
    [[nodiscard]] bool is_word() const noexcept { return kind <= TypeKind::kFixedBytes; }
    [[nodiscard]] bool is_array() const noexcept {
        return kind == TypeKind::kFixedArray || kind == TypeKind::kArray;
    }
    /// Bytes it takes where it stands: 32 (the offset) when dynamic, else the whole value.
    [[nodiscard]] uint64_t head_size() const noexcept;
    /// The value's own size for fixed bytes, in bytes.
    [[nodiscard]] uint16_t byte_count() const noexcept { return static_cast<uint16_t>(bits / 8); }

    friend bool operator==(const AbiType&, const AbiType&) = default;
};

/// The canonical text that signatures are made of: "(address,uint256[])[2]"; no component names.
[[nodiscard]] std::string to_string(const AbiType& type);

/// Parses canonical text. "uint" and "int" mean 256 bits, "byte" is bytes1, "function" a bytes24.
/// No spaces, no names. `fixed` and `ufixed` are refused: Solidity itself cannot encode them.
[[nodiscard]] Result<AbiType> parse_type(std::string_view text);

/// Parses "tuple", "tuple[]", "tuple[2][]" as ABI JSON writes them; `tuple` is the type that
/// its `components` gave.
[[nodiscard]] Result<AbiType> parse_tuple_type(std::string_view text, AbiType tuple);

/// Checks the limits of a tuple put together by hand.
[[nodiscard]] Status check_type(const AbiType& type);

}  // namespace plumbline::evm
