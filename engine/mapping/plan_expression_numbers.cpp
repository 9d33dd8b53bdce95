// Expressions: arithmetic. A number is an integer that counts units of 10^-places; how many places
// it has is known when it is compiled, so that running it is integer arithmetic alone.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/mapping/expression_compiler.hpp"

namespace plumbline::engine {

namespace {

using evm::Int512;

/// Calls that take whole numbers and give one.
struct IntegerCall {
    std::string_view name;
    ExprOp op;
    uint8_t kind = 0;
};
constexpr auto kIntegerCalls = std::to_array<IntegerCall>({
    {"/", ExprOp::kDiv},
    {"%", ExprOp::kMod},
    {"**", ExprOp::kPow},
    {"&", ExprOp::kBitAnd},
    {"|", ExprOp::kBitOr},
    {"^", ExprOp::kBitXor},
    {"~", ExprOp::kBitNot},
    {"<<", ExprOp::kShiftLeft},
    {">>", ExprOp::kShiftRight},
    {"year", ExprOp::kTime, static_cast<uint8_t>(TimePart::kYear)},
    {"month", ExprOp::kTime, static_cast<uint8_t>(TimePart::kMonth)},
    {"day", ExprOp::kTime, static_cast<uint8_t>(TimePart::kDay)},
    {"hour", ExprOp::kTime, static_cast<uint8_t>(TimePart::kHour)},
    {"start_of_year", ExprOp::kTime, static_cast<uint8_t>(TimePart::kStartOfYear)},
    {"start_of_month", ExprOp::kTime, static_cast<uint8_t>(TimePart::kStartOfMonth)},
    {"start_of_day", ExprOp::kTime, static_cast<uint8_t>(TimePart::kStartOfDay)},
    {"start_of_hour", ExprOp::kTime, static_cast<uint8_t>(TimePart::kStartOfHour)},
});

constexpr auto kRoundings = std::to_array<std::pair<std::string_view, Rounding>>(
    {{"down", Rounding::kDown}, {"up", Rounding::kUp}, {"half_even", Rounding::kHalfEven}});
constexpr std::string_view kRoundPrefix = "round_";

/// Powers of ten up to this one are words.
constexpr unsigned kWordPowerMax = 77;

bool is_binary(ExprOp op) noexcept {
    return op != ExprOp::kTime && op != ExprOp::kBitNot;
}

}  // namespace

Result<ExprFragment> ExpressionCompiler::number(const Operand& call, const Operand& side) {
    PLUMBLINE_TRY(Fragment out, part(side, kAnyNumber));
    if (!out.type.is_number()) {
        const bool joins = call.call == "+" && out.type.is_dynamic();
        return wants(call, side, joins ? "numbers (concat(a, b) joins texts)" : "numbers",
                     out.type);
    }
    return out;
}

Result<ExprFragment> ExpressionCompiler::integer(const Operand& call, const Operand& side) {
    PLUMBLINE_TRY(Fragment out, number(call, side));
    if (out.type.places == 0) {
        return out;
    }
    return wants(call, side,
                 call.call == "/" || call.call == "mul_div"
                     ? "whole numbers (div(a, b, places, 'down') divides others)"
                     : "whole numbers",
                 out.type);
}

Status ExpressionCompiler::may_fit(const Operand& call, FieldType to) const {
    Operand written = call.keys[0];
    if (written.kind == Operand::Kind::kCall && written.call == "neg") {
        Operand positive = written.keys[0];
        if (positive.kind == Operand::Kind::kNumber && !positive.negative) {
            positive.negative = !positive.number.is_zero();
            positive.number = evm::negate(positive.number);
            written = std::move(positive);
        }
    }
    if (written.kind != Operand::Kind::kNumber || written.places > 0 ||
        compile_literal(scope_.plan, written, to, "")) {
        return ok();
    }
    return mistake(call,
                   fmt::format("is {}, which {} cannot hold", call.keys[0].source, to_string(to)));
}

Result<std::optional<ExprFragment>> ExpressionCompiler::of_numbers(const Operand& call) {
    const std::string_view name = call.call;
    const auto found = std::ranges::find(kIntegerCalls, name, &IntegerCall::name);
    const auto rounding = name.starts_with(kRoundPrefix)
                              ? std::ranges::find(kRoundings, name.substr(kRoundPrefix.size()),
                                                  &std::pair<std::string_view, Rounding>::first)
                              : kRoundings.end();
    Result<Fragment> out = Fragment{};
    if (found != kIntegerCalls.end()) {
        out = of_integers(call, found->op, found->kind);
    } else if (rounding != kRoundings.end()) {
        out = rounded(call, rounding->second);
    } else if (name == "+" || name == "-") {
        out = sum(call, name == "+" ? ExprOp::kAdd : ExprOp::kSub);
    } else if (name == "*") {
        out = product(call);
    } else if (name == "neg" || name == "abs") {
        PLUMBLINE_TRY_VOID(count_is(call, 1, 1));
        PLUMBLINE_TRY(Fragment side, number(call, call.keys[0]));
        const auto type = any_number(side.type.places);
        out = then(std::move(side), instruction(name == "neg" ? ExprOp::kNeg : ExprOp::kAbs, call),
                   type);
    } else if (name == "min" || name == "max") {
        out = extreme(call);
    } else if (name == "mul_div") {
        out = mul_div(call);
    } else if (name == "div") {
        out = divided(call);
    } else if (name == "from_units" || name == "to_units") {
        out = units(call);
    } else {
        return std::optional<Fragment>{};
    }
    if (!out) {
        return std::move(out).error();
    }
    return std::optional<Fragment>{*std::move(out)};
}

Result<ExprFragment> ExpressionCompiler::of_integers(const Operand& call, ExprOp op, uint8_t kind) {
    const size_t count = is_binary(op) ? 2 : 1;
    PLUMBLINE_TRY_VOID(count_is(call, count, count));
    std::vector<Fragment> parts;
    for (const Operand& side : call.keys) {
        PLUMBLINE_TRY(Fragment fragment, integer(call, side));
        parts.push_back(std::move(fragment));
    }
    PLUMBLINE_TRY_VOID(check_right(call, call.keys.back(), op, parts.back()));
    return joined(std::move(parts), instruction(op, call, 0, kind), kAnyNumber);
}

Result<ExprFragment> ExpressionCompiler::sum(const Operand& call, ExprOp op) {
    PLUMBLINE_TRY(Fragment left, number(call, call.keys[0]));
    PLUMBLINE_TRY(Fragment right, number(call, call.keys[1]));
    align(call, left, right);
    const FieldType type = left.type;
    return joined(std::move(left), std::move(right), instruction(op, call), type);
}

Result<ExprFragment> ExpressionCompiler::product(const Operand& call) {
    PLUMBLINE_TRY(Fragment left, number(call, call.keys[0]));
    PLUMBLINE_TRY(Fragment right, number(call, call.keys[1]));
    const unsigned places = unsigned{left.type.places} + right.type.places;
    if (places > kCalculatedPlacesMax) {
        return mistake(call, fmt::format("has {} decimal places, and {} are the most: round a part "
                                         "of it first",
                                         places, kCalculatedPlacesMax));
    }
    return joined(std::move(left), std::move(right), instruction(ExprOp::kMul, call),
                  any_number(places));
}

Result<ExprFragment> ExpressionCompiler::extreme(const Operand& call) {
    PLUMBLINE_TRY_VOID(count_is(call, 2, kMaxArguments));
    const ExprOp op = call.call == "min" ? ExprOp::kMin : ExprOp::kMax;
    PLUMBLINE_TRY(Fragment out, number(call, call.keys[0]));
    for (size_t i = 1; i < call.keys.size(); ++i) {
        PLUMBLINE_TRY(Fragment next, number(call, call.keys[i]));
        align(call, out, next);
        const FieldType type = out.type;
        out = joined(std::move(out), std::move(next), instruction(op, call), type);
    }
    return out;
}

Result<Rounding> ExpressionCompiler::rounding_of(const Operand& call, size_t at) const {
    if (call.keys.size() <= at) {
        return Rounding::kDown;
    }
    const auto found = std::ranges::find(kRoundings, std::string_view{call.keys[at].text},
                                         &std::pair<std::string_view, Rounding>::first);
    if (call.keys[at].kind != Operand::Kind::kString || found == kRoundings.end()) {
        return mistake(
            call, fmt::format("rounds 'down', 'up' or 'half_even', not {}", call.keys[at].source));
    }
    return found->second;
}

Result<unsigned> ExpressionCompiler::places_of(const Operand& call, size_t at) const {
    const Operand& places = call.keys[at];
    if (places.kind != Operand::Kind::kNumber || places.places > 0 || places.negative ||
        !places.number.fits_u64() || places.number.limb[0] > storage::kDecimalPlacesMax) {
        return mistake(call, fmt::format("wants how many decimal places, written as a number from "
                                         "0 to {}, and not {}",
                                         storage::kDecimalPlacesMax, in_quotes(places.source)));
    }
    return static_cast<unsigned>(places.number.limb[0]);
}

Result<ExprFragment> ExpressionCompiler::mul_div(const Operand& call) {
    PLUMBLINE_TRY_VOID(count_is(call, 3, 4));
    PLUMBLINE_TRY(const Rounding rounding, rounding_of(call, 3));
    std::vector<Fragment> parts;
    for (size_t i = 0; i < 3; ++i) {
        PLUMBLINE_TRY(Fragment side, integer(call, call.keys[i]));
        parts.push_back(std::move(side));
    }
    PLUMBLINE_TRY_VOID(check_right(call, call.keys[2], ExprOp::kMulDiv, parts[2]));
    return joined(std::move(parts),
                  instruction(ExprOp::kMulDiv, call, 0, static_cast<uint8_t>(rounding)),
                  kAnyNumber);
}

/// a / b to so many places is a * 10^n / b of their units, or a / (b * 10^n).
Result<ExprFragment> ExpressionCompiler::divided(const Operand& call) {
    PLUMBLINE_TRY_VOID(count_is(call, 3, 4));
    PLUMBLINE_TRY(const unsigned places, places_of(call, 2));
    PLUMBLINE_TRY(const Rounding rounding, rounding_of(call, 3));
    PLUMBLINE_TRY(Fragment left, number(call, call.keys[0]));
    PLUMBLINE_TRY(Fragment right, number(call, call.keys[1]));
    PLUMBLINE_TRY_VOID(check_right(call, call.keys[1], ExprOp::kMulDiv, right));
    const unsigned above = places + right.type.places;
    const unsigned below = left.type.places;
    std::vector<Fragment> parts;
    parts.push_back(std::move(left));
    parts.push_back(
        in_places(call, number_literal(call, Int512{1}), above > below ? above - below : 0));
    parts.push_back(
        in_places(call, std::move(right), right.type.places + (below > above ? below - above : 0)));
    return joined(std::move(parts),
                  instruction(ExprOp::kMulDiv, call, 0, static_cast<uint8_t>(rounding)),
                  any_number(places));
}

Result<ExprFragment> ExpressionCompiler::rounded(const Operand& call, Rounding rounding) {
    PLUMBLINE_TRY_VOID(count_is(call, 2, 2));
    PLUMBLINE_TRY(const unsigned places, places_of(call, 1));
    PLUMBLINE_TRY(Fragment side, number(call, call.keys[0]));
    if (side.type.places <= places) {
        return in_places(call, std::move(side), places);
    }
    const unsigned fewer = side.type.places - places;
    std::vector<Fragment> parts;
    parts.push_back(std::move(side));
    parts.push_back(number_literal(call, Int512{1}));
    parts.push_back(number_literal(call, evm::power_of_ten(fewer)));
    return joined(std::move(parts),
                  instruction(ExprOp::kMulDiv, call, 0, static_cast<uint8_t>(rounding)),
                  any_number(places));
}

Result<ExprFragment> ExpressionCompiler::units(const Operand& call) {
    PLUMBLINE_TRY_VOID(count_is(call, 2, 2));
    PLUMBLINE_TRY(const unsigned places, places_of(call, 1));
    if (call.call == "from_units") {
        PLUMBLINE_TRY(Fragment out, integer(call, call.keys[0]));
        out.type = any_number(places);
        return out;
    }
    PLUMBLINE_TRY(Fragment out, number(call, call.keys[0]));
    if (out.type.places > places) {
        return wants(call, call.keys[0], fmt::format("at most {} decimal places", places),
                     out.type);
    }
    out = in_places(call, std::move(out), places);
    out.type = kAnyNumber;
    return out;
}

ExprFragment ExpressionCompiler::number_literal(const Operand& of, const Int512& value) {
    ExprLiteral literal;
    literal.word = value.low_word();
    literal.is_number = true;
    literal.is_signed = value.is_negative();
    out_.literals.push_back(std::move(literal));
    Fragment out;
    out.type = kAnyNumber;
    out.code.push_back(
        instruction(ExprOp::kLiteral, of, static_cast<uint32_t>(out_.literals.size() - 1)));
    return out;
}

ExprFragment ExpressionCompiler::in_places(const Operand& of, Fragment part, unsigned places) {
    unsigned more = places - part.type.places;
    if (part.code.size() == 1 && part.code[0].op == ExprOp::kLiteral) {
        ExprLiteral& literal = out_.literals[part.code[0].at];
        Int512 value = literal.is_signed ? Int512::from_signed(literal.word)
                                         : Int512::from_unsigned(literal.word);
        const unsigned now = std::min(more, kWordPowerMax);
        if (evm::mul(value, evm::power_of_ten(now), value) &&
            (literal.is_signed ? value.fits_signed(256) : value.fits_unsigned(256))) {
            literal.word = value.low_word();
            more -= now;
        }
    }
    for (; more > 0; more -= std::min(more, kWordPowerMax)) {
        part = joined(std::move(part),
                      number_literal(of, evm::power_of_ten(std::min(more, kWordPowerMax))),
                      instruction(ExprOp::kMul, of), kAnyNumber);
    }
    part.type = any_number(places);
    return part;
}

void ExpressionCompiler::align(const Operand& of, Fragment& a, Fragment& b) {
    const unsigned places = std::max(a.type.places, b.type.places);
    a = in_places(of, std::move(a), places);
    b = in_places(of, std::move(b), places);
}

}  // namespace plumbline::engine
