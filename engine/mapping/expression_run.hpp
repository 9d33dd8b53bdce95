// Runs compiled expressions. What they make of bytes and text lies in buffers of the runner's,
// which keep their memory, so that an event allocates nothing once they have grown.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "core/evm/int512.hpp"
#include "engine/mapping/expression_program.hpp"
#include "engine/mapping/value_math.hpp"

namespace plumbline::engine {

/// A value may have as many bytes.
inline constexpr size_t kExpressionBytesMax = size_t{1} << 20;

/// A value on its way. Numbers are in `number`; bool, address and bytesN are words in its low half,
/// as the EVM holds them; bytes and text are in `bytes`.
struct ExprValue {
    evm::Int512 number;
    std::string_view bytes;
};

/// What is known of the event and the entities.
class ExprLeaves {
  public:
    enum class State : uint8_t {
        kOk,
        kMissing,  ///< a row that it looks up is not there, or the field is not set
        kFailed,   ///< the reader knows why
    };
    ExprLeaves() = default;
    ExprLeaves(const ExprLeaves&) = delete;
    ExprLeaves& operator=(const ExprLeaves&) = delete;
    virtual ~ExprLeaves() = default;

    /// `is_tolerated`: what is missing is no violation, so nobody needs the reason.
    [[nodiscard]] virtual State read(const PlanOperand& leaf, bool is_tolerated,
                                     ValueView& out) = 0;
    [[nodiscard]] virtual State exists(const PlanOperand& row, bool is_tolerated, bool& out) = 0;
    [[nodiscard]] virtual State elements(const PlanOperand& list, uint64_t& out) = 0;
};

/// One thread. A leaf that is read may run another expression in between.
class ExpressionRunner {
  public:
    enum class Outcome : uint8_t {
        kOk,
        kViolation,  ///< `reason` says which rule
        kNull,       ///< not set; only where the program was compiled for an optional field
        kMissing,    ///< a look-up without ?? found no row, and the leaves were told to tolerate it
        kFailed,     ///< the leaves know why
    };
    /// `is_tolerated`: somebody around catches a missing row.
    [[nodiscard]] Outcome run(const ExpressionProgram& program, ExprLeaves& leaves,
                              bool is_tolerated, ExprValue& out);
    [[nodiscard]] std::string& reason() noexcept { return reason_; }
    /// Nobody looks at the bytes of earlier results any more.
    void forget() noexcept { texts_used_ = 0; }

  private:
    struct Frame;

    [[nodiscard]] Outcome run_code(Frame& frame);
    [[nodiscard]] Outcome read_leaf(Frame& frame, const ExprInstruction& now, bool& is_missing);
    [[nodiscard]] bool calculate(Frame& frame, const ExprInstruction& now);
    [[nodiscard]] bool divide(Frame& frame, const ExprInstruction& now);
    [[nodiscard]] bool mul_div(Frame& frame, const ExprInstruction& now);
    [[nodiscard]] bool power_or_shift(Frame& frame, const ExprInstruction& now);
    [[nodiscard]] bool convert(Frame& frame, const ExprInstruction& now);
    [[nodiscard]] bool of_bytes(Frame& frame, const ExprInstruction& now);
    [[nodiscard]] bool slice(Frame& frame, const ExprInstruction& now);
    [[nodiscard]] bool abi_encode(Frame& frame, const ExprInstruction& now);
    [[nodiscard]] bool fail(const Frame& frame, const ExprInstruction& now, std::string_view why);
    [[nodiscard]] std::string& next_text();

    /// Programs inside each other: a look-up's key may be one, four deep.
    static constexpr size_t kNested = 5;
    std::array<ExprValue, kNested * kExpressionStackMax> stack_;
    size_t stack_used_ = 0;
    std::deque<std::string> texts_;
    size_t texts_used_ = 0;
    std::string reason_;
};

/// The number as a word of `type`, or nothing where it is none of that type's.
[[nodiscard]] bool number_to_word(const evm::Int512& number, storage::FieldType type,
                                  evm::U256& out) noexcept;

}  // namespace plumbline::engine
