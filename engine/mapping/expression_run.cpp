// 1. `run` gives a program its part of the stack and goes through its instructions.
// 2. Jumps, leaves and missing rows are handled there; all else by kind: numbers here, bytes and
//    text in expression_bytes.cpp.
#include "engine/mapping/expression_run.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "engine/config/config_text.hpp"
#include "engine/mapping/civil_time.hpp"
#include "engine/mapping/expression_frame.hpp"

namespace plumbline::engine {

namespace {

using evm::Int512;
using storage::FieldKind;
using storage::FieldType;

Int512 bitwise(ExprOp op, const Int512& a, const Int512& b) noexcept {
    Int512 out;
    for (size_t i = 0; i < out.limb.size(); ++i) {
        switch (op) {
            case ExprOp::kBitAnd: out.limb[i] = a.limb[i] & b.limb[i]; break;
            case ExprOp::kBitOr: out.limb[i] = a.limb[i] | b.limb[i]; break;
            default: out.limb[i] = a.limb[i] ^ b.limb[i]; break;
        }
    }
    return out;
}

void set_bool(ExprValue& value, bool is) noexcept {
    value.number = Int512{is ? 1 : 0};
}

}  // namespace

bool number_to_word(const Int512& number, FieldType type, evm::U256& out) noexcept {
    out = number.low_word();
    if (type.kind == FieldKind::kEnum) {
        return number.fits_u64() && number.limb[0] < type.names->size();
    }
    return type.is_signed() ? number.fits_signed(type.bits) : number.fits_unsigned(type.bits);
}

std::string& ExpressionRunner::next_text() {
    if (texts_used_ == texts_.size()) {
        texts_.emplace_back();
    }
    std::string& text = texts_[texts_used_++];
    text.clear();
    return text;
}

bool ExpressionRunner::fail(const Frame& frame, const ExprInstruction& now, std::string_view why) {
    reason_ = fmt::format("{}: {}", in_quotes(frame.program.sources[now.source]), why);
    return false;
}

ExpressionRunner::Outcome ExpressionRunner::run(const ExpressionProgram& program,
                                                ExprLeaves& leaves, bool is_tolerated,
                                                ExprValue& out) {
    const size_t begin = stack_used_;
    // Look-ups lie four deep in each other at most, and so do the programs of their keys.
    PLUMBLINE_CHECK(begin + kExpressionStackMax <= stack_.size());
    stack_used_ += kExpressionStackMax;
    Frame frame{program, leaves, stack_.data() + begin};
    frame.is_tolerated = is_tolerated;
    const Outcome outcome = run_code(frame);
    stack_used_ = begin;
    if (outcome == Outcome::kOk) {
        out = frame.stack[0];
    }
    return outcome;
}

ExpressionRunner::Outcome ExpressionRunner::run_code(Frame& frame) {
    const std::vector<ExprInstruction>& code = frame.program.code;
    for (size_t at = 0; at < code.size(); ++at) {
        const ExprInstruction& now = code[at];
        switch (now.op) {
            case ExprOp::kLeaf:
            case ExprOp::kElements:
            case ExprOp::kExists:
            case ExprOp::kIsSet: {
                bool is_missing = false;
                const Outcome outcome = read_leaf(frame, now, is_missing);
                if (is_missing && frame.try_count > 0) {
                    const Frame::Try& caught = frame.tries[--frame.try_count];
                    frame.size = caught.size;
                    at = caught.at;
                } else if (outcome != Outcome::kOk) {
                    return outcome;
                }
                break;
            }
            case ExprOp::kLiteral: frame.push(frame.program.literals[now.at]); break;
            case ExprOp::kJump: at += now.at; break;
            case ExprOp::kJumpUnless:
                if (frame.pop().number.is_zero()) {
                    at += now.at;
                }
                break;
            case ExprOp::kAnd:
            case ExprOp::kOr:
                if (frame.top().number.is_zero() == (now.op == ExprOp::kAnd)) {
                    at += now.at;
                } else {
                    frame.pop();
                }
                break;
            case ExprOp::kNull:
                if (frame.try_count == 0) {
                    return Outcome::kNull;
                }
                {
                    const Frame::Try& caught = frame.tries[--frame.try_count];
                    frame.size = caught.size;
                    at = caught.at;
                }
                break;
            case ExprOp::kTry: frame.tries[frame.try_count++] = {at + now.at, frame.size}; break;
            case ExprOp::kEndTry:
                --frame.try_count;
                at += now.at;
                break;
            default:
                if (!calculate(frame, now)) {
                    return Outcome::kViolation;
                }
        }
    }
    PLUMBLINE_DCHECK(frame.size == 1);
    return Outcome::kOk;
}

ExpressionRunner::Outcome ExpressionRunner::read_leaf(Frame& frame, const ExprInstruction& now,
                                                      bool& is_missing) {
    const PlanOperand& leaf = frame.program.leaves[now.at];
    const bool is_tolerated = frame.is_tolerated || frame.try_count > 0;
    ExprLeaves::State state = ExprLeaves::State::kOk;
    // In its place already: what another program does in between lies behind this one's part.
    ExprValue& value = frame.stack[frame.size];
    value.bytes = {};
    if (now.op == ExprOp::kExists) {
        bool is_there = false;
        state = frame.leaves.exists(leaf, is_tolerated, is_there);
        set_bool(value, is_there);
    } else if (now.op == ExprOp::kElements) {
        uint64_t count = 0;
        state = frame.leaves.elements(leaf, count);
        value.number = Int512{static_cast<int64_t>(count)};
    } else {
        ValueView read;
        state = frame.leaves.read(leaf, is_tolerated, read);
        value.number = now.type.is_signed() ? Int512::from_signed(read.word)
                                            : Int512::from_unsigned(read.word);
        value.bytes = read.bytes;
        if (now.op == ExprOp::kIsSet) {
            set_bool(value, !read.is_null);
        }
    }
    is_missing = state == ExprLeaves::State::kMissing;
    if (state != ExprLeaves::State::kOk) {
        return is_missing && is_tolerated ? Outcome::kMissing : Outcome::kFailed;
    }
    ++frame.size;
    return Outcome::kOk;
}

bool ExpressionRunner::calculate(Frame& frame, const ExprInstruction& now) {
    constexpr std::string_view kTooLarge = "the result needs more than 512 bits";
    switch (now.op) {
        case ExprOp::kNot: set_bool(frame.top(), frame.top().number.is_zero()); return true;
        case ExprOp::kNeg:
            return evm::negate(frame.top().number, frame.top().number) ||
                   fail(frame, now, kTooLarge);
        case ExprOp::kAbs:
            return !frame.top().number.is_negative() ||
                   evm::negate(frame.top().number, frame.top().number) ||
                   fail(frame, now, kTooLarge);
        case ExprOp::kBitNot:
            for (uint64_t& limb : frame.top().number.limb) {
                limb = ~limb;
            }
            return true;
        case ExprOp::kFit: {
            evm::U256 word;
            return number_to_word(frame.top().number, now.type, word) ||
                   fail(frame, now,
                        fmt::format("{} is no {}", frame.top().number.to_decimal(),
                                    to_string(now.type)));
        }
        case ExprOp::kTime: {
            Int512& time = frame.top().number;
            if (!time.fits_u64() || time.limb[0] >= kCivilTimeEnd) {
                return fail(frame, now,
                            fmt::format("{} is no time between the years 1970 and 9999",
                                        time.to_decimal()));
            }
            time = Int512{
                static_cast<int64_t>(civil_time(static_cast<TimePart>(now.kind), time.limb[0]))};
            return true;
        }
        case ExprOp::kDiv:
        case ExprOp::kMod: return divide(frame, now);
        case ExprOp::kMulDiv: return mul_div(frame, now);
        case ExprOp::kPow:
        case ExprOp::kShiftLeft:
        case ExprOp::kShiftRight: return power_or_shift(frame, now);
        case ExprOp::kAdd:
        case ExprOp::kSub:
        case ExprOp::kMul:
        case ExprOp::kMin:
        case ExprOp::kMax:
        case ExprOp::kBitAnd:
        case ExprOp::kBitOr:
        case ExprOp::kBitXor:
        case ExprOp::kCompare:
        case ExprOp::kSameWord:
        case ExprOp::kSameBytes: break;
        default: return convert(frame, now);
    }
    const ExprValue& right = frame.pop();
    ExprValue& left = frame.top();
    Int512& number = left.number;
    bool fits = true;
    switch (now.op) {
        case ExprOp::kAdd: fits = evm::add(number, right.number, number); break;
        case ExprOp::kSub: fits = evm::sub(number, right.number, number); break;
        case ExprOp::kMul: fits = evm::mul(number, right.number, number); break;
        case ExprOp::kMin: number = std::min(number, right.number); break;
        case ExprOp::kMax: number = std::max(number, right.number); break;
        case ExprOp::kCompare:
            set_bool(left, is_in_order(static_cast<CompareOp>(now.kind), number <=> right.number));
            break;
        case ExprOp::kSameWord: set_bool(left, (number == right.number) == (now.kind == 0)); break;
        case ExprOp::kSameBytes:
            set_bool(left, (left.bytes == right.bytes) == (now.kind == 0));
            break;
        default: number = bitwise(now.op, number, right.number); break;
    }
    return fits || fail(frame, now, kTooLarge);
}

bool ExpressionRunner::divide(Frame& frame, const ExprInstruction& now) {
    const Int512 by = frame.pop().number;
    Int512& number = frame.top().number;
    if (by.is_zero()) {
        return fail(frame, now, "division by zero");
    }
    if (now.op == ExprOp::kMod && by == Int512{-1}) {
        number = Int512{0};  // whatever becomes of the quotient
        return true;
    }
    Int512 quotient;
    Int512 remainder;
    if (!evm::div_mod(number, by, quotient, remainder)) {
        return fail(frame, now, "the result needs more than 512 bits");
    }
    number = now.op == ExprOp::kDiv ? quotient : remainder;
    return true;
}

bool ExpressionRunner::mul_div(Frame& frame, const ExprInstruction& now) {
    const Int512 by = frame.pop().number;
    const Int512 factor = frame.pop().number;
    Int512& number = frame.top().number;
    if (by.is_zero()) {
        return fail(frame, now, "division by zero");
    }
    Int512 product;
    Int512 quotient;
    Int512 rest;
    if (!evm::mul(number, factor, product) || !evm::div_mod(product, by, quotient, rest)) {
        return fail(frame, now, "the result needs more than 512 bits");
    }
    // The quotient is cut towards zero; a rest says how the true value lies beyond it.
    const bool is_below = product.is_negative() != by.is_negative();
    int step = 0;
    if (!rest.is_zero()) {
        switch (static_cast<Rounding>(now.kind)) {
            case Rounding::kDown: step = is_below ? -1 : 0; break;
            case Rounding::kUp: step = is_below ? 0 : 1; break;
            case Rounding::kHalfEven: {
                // Compared as negatives, of which there are no fewer.
                const auto lowered = [](Int512 value) {
                    if (!value.is_negative()) {
                        value = evm::negate(value, value) ? value : Int512{0};
                    }
                    return value;
                };
                Int512 beyond;
                const bool fits = evm::sub(lowered(by), lowered(rest), beyond);
                const auto order = beyond <=> lowered(rest);
                const bool is_odd = (quotient.limb[0] & 1) != 0;
                if (fits && (order > 0 || (order == 0 && is_odd))) {
                    step = is_below ? -1 : 1;
                }
            }
        }
    }
    return evm::add(quotient, Int512{step}, number) ||
           fail(frame, now, "the result needs more than 512 bits");
}

bool ExpressionRunner::power_or_shift(Frame& frame, const ExprInstruction& now) {
    const Int512 by = frame.pop().number;
    Int512& number = frame.top().number;
    if (now.op == ExprOp::kPow) {
        if (by.is_negative()) {
            return fail(frame, now, "the exponent is negative");
        }
        const uint64_t exponent = by.fits_u64() ? by.limb[0] : UINT64_MAX - 1 + (by.limb[0] & 1);
        return evm::pow(number, exponent, number) ||
               fail(frame, now, "the result needs more than 512 bits");
    }
    if (!by.fits_u64() || by.limb[0] > 511) {
        return fail(frame, now,
                    fmt::format("a shift is by 0 to 511 bits, not {}", by.to_decimal()));
    }
    const auto bits = static_cast<unsigned>(by.limb[0]);
    if (now.op == ExprOp::kShiftRight) {
        number = evm::shift_right(number, bits);
        return true;
    }
    return evm::shift_left(number, bits, number) ||
           fail(frame, now, "the result needs more than 512 bits");
}

}  // namespace plumbline::engine
