// Expressions: parts without any input. They are worked out when they are compiled, by the program
// that would run for each event, so that they give the very same.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/mapping/expression_compiler.hpp"
#include "engine/mapping/expression_run.hpp"

namespace plumbline::engine {

namespace {

using evm::Int512;

/// A constant reads none.
class NoLeaves final : public ExprLeaves {
  public:
    [[nodiscard]] State read(const PlanOperand& /*leaf*/, bool /*is_tolerated*/,
                             ValueView& /*out*/) override {
        return State::kFailed;
    }
    [[nodiscard]] State exists(const PlanOperand& /*row*/, bool /*is_tolerated*/,
                               bool& /*out*/) override {
        return State::kFailed;
    }
    [[nodiscard]] State elements(const PlanOperand& /*list*/, uint64_t& /*out*/) override {
        return State::kFailed;
    }
};

struct Outcome {
    bool is_value = false;
    ExprValue value;  ///< its bytes are the runner's or the program's
    std::string failure;
};

Outcome run_constant(const ExpressionProgram& program, ExpressionRunner& runner) {
    NoLeaves none;
    Outcome out;
    const auto outcome = runner.run(program, none, false, out.value);
    out.is_value = outcome == ExpressionRunner::Outcome::kOk;
    if (outcome == ExpressionRunner::Outcome::kViolation) {
        out.failure = std::move(runner.reason());
    }
    return out;
}

/// Nothing for a number that 256 bits do not hold.
std::optional<ExprLiteral> as_literal(const ExprValue& value, storage::FieldType type) {
    ExprLiteral out;
    if (type.is_dynamic()) {
        out.bytes = value.bytes;
        return out;
    }
    out.is_number = type.is_number();
    out.is_signed = value.number.is_negative();
    out.word = value.number.low_word();
    const bool fits =
        out.is_signed ? value.number.fits_signed(256) : value.number.fits_unsigned(256);
    return fits ? std::optional{std::move(out)} : std::nullopt;
}

/// Nothing of the event, the block or any row goes into it.
bool is_constant(std::span<const ExprInstruction> code) noexcept {
    constexpr std::array kInputs{ExprOp::kLeaf, ExprOp::kElements, ExprOp::kExists, ExprOp::kIsSet,
                                 ExprOp::kNull};
    return std::ranges::none_of(code, [&](const ExprInstruction& now) {
        return std::ranges::find(kInputs, now.op) != kInputs.end();
    });
}

bool is_one_literal(std::span<const ExprInstruction> code) noexcept {
    return code.size() == 1 && code.front().op == ExprOp::kLiteral;
}

}  // namespace

std::optional<Int512> constant_number(const ExpressionProgram& program) {
    if (!program.type.is_number() || !is_constant(program.code)) {
        return std::nullopt;
    }
    const auto runner = std::make_unique<ExpressionRunner>();
    const Outcome outcome = run_constant(program, *runner);
    return outcome.is_value ? std::optional{outcome.value.number} : std::nullopt;
}

std::optional<Int512> ExpressionCompiler::constant_number(const Fragment& part) {
    if (part.depth > kExpressionStackMax) {
        return std::nullopt;
    }
    out_.code = part.code;
    out_.type = part.type;
    return engine::constant_number(out_);
}

Result<ExprFragment> ExpressionCompiler::folded(const Operand& of, Fragment part,
                                                const TableSizes& before) {
    if (is_one_literal(part.code) || !is_constant(part.code) || part.depth > kExpressionStackMax) {
        return part;
    }
    out_.code = part.code;
    const auto runner = std::make_unique<ExpressionRunner>();
    const Outcome outcome = run_constant(out_, *runner);
    if (!outcome.failure.empty() && !scope_.is_lazy()) {
        return mistake_at(scope_.plan.config_path, of.pos,
                          "fails whatever the event: " + outcome.failure);
    }
    std::optional<ExprLiteral> literal;
    if (outcome.is_value) {
        literal = as_literal(outcome.value, part.type);
    }
    if (!literal) {
        return part;
    }
    // Nothing but the part itself names what was added for it.
    out_.literals.resize(before.literals);
    out_.types.resize(before.types);
    out_.literals.push_back(*std::move(literal));
    part.code = {
        instruction(ExprOp::kLiteral, of, static_cast<uint32_t>(out_.literals.size() - 1))};
    part.depth = 1;
    return part;
}

std::optional<bool> ExpressionCompiler::constant_truth(const Fragment& part) const {
    return is_one_literal(part.code) && part.type == kBool
               ? std::optional{!out_.literals[part.code[0].at].word.is_zero()}
               : std::nullopt;
}

Status ExpressionCompiler::check_right(const Operand& call, const Operand& side, ExprOp op,
                                       const Fragment& right) {
    const Operand* written = &side;
    while (written->kind == Operand::Kind::kCall && written->call == "neg") {
        written = written->keys.data();
    }
    const bool is_written = written->kind == Operand::Kind::kNumber;
    const auto value = is_written || !scope_.is_lazy() ? constant_number(right) : std::nullopt;
    if (!value) {
        return ok();
    }
    switch (op) {
        case ExprOp::kDiv:
        case ExprOp::kMod:
        case ExprOp::kMulDiv:
            return value->is_zero() ? Status{mistake(call, "divides by zero")} : ok();
        case ExprOp::kPow:
            return value->is_negative() && !scope_.is_lazy()
                       ? Status{mistake(call, fmt::format("has the negative exponent {}",
                                                          value->to_decimal()))}
                       : ok();
        case ExprOp::kShiftLeft:
        case ExprOp::kShiftRight:
            return (!value->fits_u64() || value->limb[0] > 511) && !scope_.is_lazy()
                       ? Status{mistake(call, fmt::format("shifts by 0 to 511 bits, not {}",
                                                          value->to_decimal()))}
                       : ok();
        default: return ok();
    }
}

}  // namespace plumbline::engine
