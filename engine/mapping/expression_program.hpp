// A compiled expression: a flat program for a stack of values, made once by engine/mapping and run
// by engine/mapping/expression_run for each event.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/evm/uint256.hpp"
#include "engine/mapping/compiled_plan.hpp"
#include "storage/layout.hpp"

namespace plumbline::engine {

/// How deep a program's stack may be; what needs more is refused when it is compiled.
inline constexpr uint32_t kExpressionStackMax = 64;

/// What takes n values takes them off the stack and puts its result there. "Bytes-like" are bytesN,
/// address and bytes.
enum class ExprOp : uint8_t {
    kLeaf,        ///< pushes `leaves[at]`
    kElements,    ///< pushes how many elements the array parameter `leaves[at]` has
    kExists,      ///< pushes whether the row of the look-up `leaves[at]` is there
    kIsSet,       ///< pushes whether the optional field `leaves[at]` has a value
    kLiteral,     ///< pushes `literals[at]`
    kNull,        ///< inside a kTry as a missing row; else the program ends with a null
    kJump,        ///< goes on `at` instructions further
    kJumpUnless,  ///< takes a bool; where it is false goes on `at` instructions further
    kAnd,         ///< where the bool on top is false goes on `at` further; else takes it
    kOr,          ///< where the bool on top is true goes on `at` further; else takes it
    kTry,     ///< until kEndTry, a missing row or an unset field drops what was pushed since and
              ///< goes on `at` further
    kEndTry,  ///< ends the innermost kTry and goes on `at` further
    kNot,
    // Numbers.
    kAdd,
    kSub,
    kMul,
    kDiv,
    kMod,
    kPow,
    kNeg,
    kAbs,
    kMin,
    kMax,
    kBitAnd,
    kBitOr,
    kBitXor,
    kBitNot,
    kShiftLeft,
    kShiftRight,
    kMulDiv,   ///< a * b / c; `kind` is a `Rounding`
    kCompare,  ///< of two numbers; `kind` is a `CompareOp`
    kSameWord,
    kSameBytes,  ///< ==, or != where `kind` is 1
    kFit,        ///< the number is one of `type`
    kTime,       ///< of seconds since 1970; `kind` is a `TimePart`
    // From type to type; `type` is what is taken or, for those to a number or a word, given.
    kBoolToNumber,
    kWordToNumber,
    kBytesToNumber,
    kNumberToWord,
    kBytesToWord,
    kWordToBytes,
    kToText,  ///< a value of `type` as text
    // Bytes and text.
    kConcat,  ///< of `at` values
    kLower,
    kLength,
    kSlice,  ///< of `type`: bytes or string
    kKeccak,
    kAbiEncode,  ///< of the `at` last values, whose types are `types[kind...]`
};

enum class Rounding : uint8_t { kDown, kUp, kHalfEven };
enum class TimePart : uint8_t {
    kYear,
    kMonth,
    kDay,
    kHour,
    kStartOfYear,
    kStartOfMonth,
    kStartOfDay,
    kStartOfHour
};

struct ExprInstruction {
    ExprOp op = ExprOp::kLiteral;
    uint8_t kind = 0;
    uint16_t source = 0;  ///< in `sources`: what it calculates, for messages
    uint32_t at = 0;
    storage::FieldType type;
};

struct ExprLiteral {
    evm::U256 word;
    bool is_signed = false;  ///< a number in two's complement
    bool is_number = false;
    std::string bytes;
};

struct ExpressionProgram {
    std::vector<ExprInstruction> code;
    std::vector<PlanOperand> leaves;
    std::vector<ExprLiteral> literals;
    std::vector<storage::FieldType> types;
    std::vector<std::string> sources;
    /// Of the result; a number of any size is `any_number`.
    storage::FieldType type;
};

/// What arithmetic makes: an integer of up to 512 bits, which counts units of 10^-places.
[[nodiscard]] constexpr storage::FieldType any_number(unsigned places) noexcept {
    return {places == 0 ? storage::FieldKind::kInt : storage::FieldKind::kDecimal, 512,
            static_cast<uint8_t>(places)};
}
inline constexpr storage::FieldType kAnyNumber = any_number(0);
/// Decimal places that a value on its way may have: those of a product of two fields.
inline constexpr unsigned kCalculatedPlacesMax = 2 * storage::kDecimalPlacesMax;

}  // namespace plumbline::engine
