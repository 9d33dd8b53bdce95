// Expressions to programs. Each part is made as a fragment of its own, whose jumps are relative, so
// that the parts can be put together in the order in which they run once all their types are known.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/expression_program.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

namespace {

using storage::FieldKind;
using storage::FieldType;

constexpr FieldType kBool{FieldKind::kBool, 8};
constexpr FieldType kBytes{FieldKind::kBytes, 0};
constexpr FieldType kText{FieldKind::kString, 0};
constexpr FieldType kHash{FieldKind::kFixedBytes, 256};

struct Fragment {
    std::vector<ExprInstruction> code;
    FieldType type;
    uint32_t depth = 1;  ///< how much of the stack it needs; it leaves one value
};

bool is_bytes_like(FieldType type) noexcept {
    return type.kind == FieldKind::kBytes || type.kind == FieldKind::kFixedBytes ||
           type.kind == FieldKind::kAddress;
}

std::string name_of(FieldType type) {
    return type.is_number() ? "a number" : to_string(type);
}

/// Calls that take numbers and give one.
struct NumberCall {
    std::string_view name;
    ExprOp op;
    size_t count;
    uint8_t kind = 0;
};
constexpr auto kNumberCalls = std::to_array<NumberCall>({
    {"+", ExprOp::kAdd, 2},
    {"-", ExprOp::kSub, 2},
    {"*", ExprOp::kMul, 2},
    {"/", ExprOp::kDiv, 2},
    {"%", ExprOp::kMod, 2},
    {"**", ExprOp::kPow, 2},
    {"neg", ExprOp::kNeg, 1},
    {"abs", ExprOp::kAbs, 1},
    {"&", ExprOp::kBitAnd, 2},
    {"|", ExprOp::kBitOr, 2},
    {"^", ExprOp::kBitXor, 2},
    {"~", ExprOp::kBitNot, 1},
    {"<<", ExprOp::kShiftLeft, 2},
    {">>", ExprOp::kShiftRight, 2},
    {"year", ExprOp::kTime, 1, static_cast<uint8_t>(TimePart::kYear)},
    {"month", ExprOp::kTime, 1, static_cast<uint8_t>(TimePart::kMonth)},
    {"day", ExprOp::kTime, 1, static_cast<uint8_t>(TimePart::kDay)},
    {"hour", ExprOp::kTime, 1, static_cast<uint8_t>(TimePart::kHour)},
    {"start_of_year", ExprOp::kTime, 1, static_cast<uint8_t>(TimePart::kStartOfYear)},
    {"start_of_month", ExprOp::kTime, 1, static_cast<uint8_t>(TimePart::kStartOfMonth)},
    {"start_of_day", ExprOp::kTime, 1, static_cast<uint8_t>(TimePart::kStartOfDay)},
    {"start_of_hour", ExprOp::kTime, 1, static_cast<uint8_t>(TimePart::kStartOfHour)},
});

constexpr auto kRoundings = std::to_array<std::pair<std::string_view, Rounding>>(
    {{"down", Rounding::kDown}, {"up", Rounding::kUp}, {"half_even", Rounding::kHalfEven}});

/// One expression. One thread.
class ExpressionCompiler {
  public:
    explicit ExpressionCompiler(OperandScope& scope) : scope_{scope} {}

    [[nodiscard]] Result<std::shared_ptr<const ExpressionProgram>> run(
        const Operand& operand, std::optional<FieldType> wanted) {
        PLUMBLINE_TRY(Fragment all, part(operand, wanted));
        if (all.depth > kExpressionStackMax) {
            return mistake(operand, fmt::format("needs {} values at a time, and {} are the most",
                                                all.depth, kExpressionStackMax));
        }
        out_.code = std::move(all.code);
        out_.type = all.type;
        return std::make_shared<const ExpressionProgram>(std::move(out_));
    }

  private:
    [[nodiscard]] Error mistake(const Operand& operand, std::string_view message) const {
        return mistake_at_column(scope_.plan.config_path, operand.pos,
                                 fmt::format("{} {}", in_quotes(operand.source), message));
    }
    [[nodiscard]] Error wants(const Operand& call, const Operand& side, std::string_view what,
                              FieldType is) const {
        return mistake(
            call, fmt::format("wants {}, and {} is {}", what, in_quotes(side.source), name_of(is)));
    }

    [[nodiscard]] ExprInstruction instruction(ExprOp op, const Operand& of, uint32_t at = 0,
                                              uint8_t kind = 0, FieldType type = {}) {
        if (out_.sources.empty() || out_.sources.back() != of.source) {
            out_.sources.push_back(of.source);
        }
        return {op, kind, static_cast<uint16_t>(out_.sources.size() - 1), at, type};
    }

    /// `parts` one after the other, and then `last`, which takes all their values.
    [[nodiscard]] static Fragment joined(std::vector<Fragment> parts, const ExprInstruction& last,
                                         FieldType type) {
        Fragment out;
        out.type = type;
        for (size_t i = 0; i < parts.size(); ++i) {
            out.depth = std::max(out.depth, static_cast<uint32_t>(i) + parts[i].depth);
            out.code.insert(out.code.end(), parts[i].code.begin(), parts[i].code.end());
        }
        out.code.push_back(last);
        return out;
    }
    [[nodiscard]] static Fragment then(Fragment part, const ExprInstruction& last, FieldType type) {
        part.code.push_back(last);
        part.type = type;
        return part;
    }

    /// `wanted`: what the place takes, for literals, which have no type of their own.
    [[nodiscard]] Result<Fragment> part(const Operand& operand,
                                        std::optional<FieldType> wanted = {}) {
        if (is_literal(operand)) {
            return literal(operand, wanted);
        }
        if (operand.kind == Operand::Kind::kCall) {
            return call(operand, wanted);
        }
        PLUMBLINE_TRY(PlanOperand leaf, compile_leaf(scope_, operand));
        Fragment out;
        out.type = leaf.type;
        out_.leaves.push_back(std::move(leaf));
        out.code.push_back(instruction(ExprOp::kLeaf, operand,
                                       static_cast<uint32_t>(out_.leaves.size() - 1), 0, out.type));
        return out;
    }

    [[nodiscard]] Result<Fragment> literal(const Operand& operand,
                                           std::optional<FieldType> wanted) {
        ExprLiteral value;
        FieldType type = kAnyNumber;
        if (operand.kind == Operand::Kind::kNumber ||
            (operand.kind == Operand::Kind::kHex && wanted && wanted->is_number())) {
            if (operand.kind == Operand::Kind::kHex && operand.bytes.size() > 32) {
                return mistake(operand, "is longer than the 32 bytes of a number");
            }
            value.word = operand.kind == Operand::Kind::kHex ? evm::U256::from_be(operand.bytes)
                                                             : operand.number;
            value.is_number = true;
            value.is_signed = operand.negative;
        } else {
            if (!wanted || wanted->is_number() || operand.kind == Operand::Kind::kString) {
                wanted = operand.kind == Operand::Kind::kBool  ? kBool
                         : operand.kind == Operand::Kind::kHex ? kBytes
                                                               : kText;
            }
            PLUMBLINE_TRY(const PlanOperand plain,
                          compile_literal(scope_.plan, operand, *wanted, "what stands here"));
            value.word = plain.word;
            value.bytes = plain.bytes;
            type = *wanted;
        }
        Fragment out;
        out.type = type;
        out_.literals.push_back(std::move(value));
        out.code.push_back(instruction(ExprOp::kLiteral, operand,
                                       static_cast<uint32_t>(out_.literals.size() - 1)));
        return out;
    }

    [[nodiscard]] Status count_is(const Operand& call, size_t least, size_t most) const {
        if (call.keys.size() >= least && call.keys.size() <= most) {
            return ok();
        }
        return mistake(call, least == most ? fmt::format("takes {} value{}, not {}", least,
                                                         least == 1 ? "" : "s", call.keys.size())
                                           : fmt::format("takes {} to {} values, not {}", least,
                                                         most, call.keys.size()));
    }

    [[nodiscard]] Result<Fragment> number(const Operand& call, const Operand& side) {
        PLUMBLINE_TRY(Fragment out, part(side, kAnyNumber));
        if (!out.type.is_number()) {
            return wants(call, side, "numbers", out.type);
        }
        return out;
    }
    [[nodiscard]] Result<Fragment> truth(const Operand& call, const Operand& side) {
        PLUMBLINE_TRY(Fragment out, part(side, kBool));
        if (out.type != kBool) {
            return wants(call, side, "true or false", out.type);
        }
        return out;
    }
    [[nodiscard]] Result<std::vector<Fragment>> numbers(const Operand& call) {
        std::vector<Fragment> out;
        for (const Operand& side : call.keys) {
            PLUMBLINE_TRY(Fragment fragment, number(call, side));
            out.push_back(std::move(fragment));
        }
        return out;
    }

    /// Two values of one type, or two numbers; a literal takes the type of the other.
    [[nodiscard]] Result<std::pair<Fragment, Fragment>> alike(const Operand& call, const Operand& a,
                                                              const Operand& b,
                                                              std::optional<FieldType> wanted) {
        // Beside a number, 0x.. is one too.
        const bool a_waits =
            is_literal(a) &&
            (!is_literal(b) || (a.kind == Operand::Kind::kHex && b.kind == Operand::Kind::kNumber));
        PLUMBLINE_TRY(Fragment first, part(a_waits ? b : a, wanted));
        PLUMBLINE_TRY(Fragment second, part(a_waits ? a : b, first.type));
        if (first.type != second.type && !(first.type.is_number() && second.type.is_number())) {
            return mistake(call,
                           fmt::format("wants two values of one type, and {} is {}, {} is {}",
                                       in_quotes((a_waits ? b : a).source), name_of(first.type),
                                       in_quotes((a_waits ? a : b).source), name_of(second.type)));
        }
        if (a_waits) {
            std::swap(first, second);
        }
        if (first.type.is_number()) {
            first.type = kAnyNumber;
        }
        return std::pair{std::move(first), std::move(second)};
    }

    [[nodiscard]] Result<Fragment> call(const Operand& call, std::optional<FieldType> wanted) {
        const auto of_numbers = std::ranges::find(kNumberCalls, call.call, &NumberCall::name);
        if (of_numbers != kNumberCalls.end()) {
            PLUMBLINE_TRY_VOID(count_is(call, of_numbers->count, of_numbers->count));
            PLUMBLINE_TRY(std::vector<Fragment> parts, numbers(call));
            return joined(std::move(parts), instruction(of_numbers->op, call, 0, of_numbers->kind),
                          kAnyNumber);
        }
        if (const CompareOp* op = find_compare_op(call.call)) {
            return comparison(call, *op);
        }
        if (call.call == "and" || call.call == "or") {
            return both_or_either(call);
        }
        if (call.call == "not") {
            PLUMBLINE_TRY(Fragment side, truth(call, call.keys[0]));
            return then(std::move(side), instruction(ExprOp::kNot, call), kBool);
        }
        if (call.call == "if") {
            return choice(call, wanted);
        }
        if (call.call == "??") {
            return otherwise(call, wanted);
        }
        if (call.call == "exists") {
            return exists(call);
        }
        if (call.call == "min" || call.call == "max") {
            return extreme(call);
        }
        if (call.call == "mul_div") {
            return mul_div(call);
        }
        if (const auto type = storage::parse_field_type(call.call); type) {
            return cast(call, *type);
        }
        return of_bytes(call);
    }

    [[nodiscard]] Result<Fragment> comparison(const Operand& call, CompareOp op) {
        PLUMBLINE_TRY(auto sides, alike(call, call.keys[0], call.keys[1], {}));
        const FieldType type = sides.first.type;
        const bool is_equality = op == CompareOp::kEq || op == CompareOp::kNe;
        if (!type.is_number() && !is_equality) {
            return mistake(call,
                           fmt::format("compares {}: only == and != do that", to_string(type)));
        }
        const uint8_t kind = type.is_number() ? static_cast<uint8_t>(op)
                                              : static_cast<uint8_t>(op == CompareOp::kNe);
        const ExprOp code = type.is_number()    ? ExprOp::kCompare
                            : type.is_dynamic() ? ExprOp::kSameBytes
                                                : ExprOp::kSameWord;
        std::vector<Fragment> parts;
        parts.push_back(std::move(sides.first));
        parts.push_back(std::move(sides.second));
        return joined(std::move(parts), instruction(code, call, 0, kind), kBool);
    }

    [[nodiscard]] Result<Fragment> both_or_either(const Operand& call) {
        PLUMBLINE_TRY(Fragment left, truth(call, call.keys[0]));
        PLUMBLINE_TRY(Fragment right, truth(call, call.keys[1]));
        left.code.push_back(instruction(call.call == "and" ? ExprOp::kAnd : ExprOp::kOr, call,
                                        static_cast<uint32_t>(right.code.size())));
        left.code.insert(left.code.end(), right.code.begin(), right.code.end());
        left.depth = std::max(left.depth, right.depth);
        return left;
    }

    [[nodiscard]] Result<Fragment> choice(const Operand& call, std::optional<FieldType> wanted) {
        PLUMBLINE_TRY_VOID(count_is(call, 3, 3));
        PLUMBLINE_TRY(Fragment out, truth(call, call.keys[0]));
        PLUMBLINE_TRY(auto ways, alike(call, call.keys[1], call.keys[2], wanted));
        Fragment& yes = ways.first;
        const Fragment& no = ways.second;
        yes.code.push_back(instruction(ExprOp::kJump, call, static_cast<uint32_t>(no.code.size())));
        out.code.push_back(
            instruction(ExprOp::kJumpUnless, call, static_cast<uint32_t>(yes.code.size())));
        out.code.insert(out.code.end(), yes.code.begin(), yes.code.end());
        out.code.insert(out.code.end(), no.code.begin(), no.code.end());
        out.depth = std::max({out.depth, yes.depth, no.depth});
        out.type = yes.type;
        return out;
    }

    [[nodiscard]] static bool has_lookup(const Operand& operand) {
        return operand.kind == Operand::Kind::kLookup ||
               std::ranges::any_of(operand.keys, has_lookup);
    }

    [[nodiscard]] Result<Fragment> otherwise(const Operand& call, std::optional<FieldType> wanted) {
        if (!has_lookup(call.keys[0])) {
            return mistake(call, fmt::format("has no look-up before ??: {} never lacks a row",
                                             in_quotes(call.keys[0].source)));
        }
        PLUMBLINE_TRY(auto ways, alike(call, call.keys[0], call.keys[1], wanted));
        Fragment& there = ways.first;
        const Fragment& missing = ways.second;
        there.code.push_back(
            instruction(ExprOp::kEndTry, call, static_cast<uint32_t>(missing.code.size())));
        Fragment out;
        out.code.push_back(
            instruction(ExprOp::kTry, call, static_cast<uint32_t>(there.code.size())));
        out.code.insert(out.code.end(), there.code.begin(), there.code.end());
        out.code.insert(out.code.end(), missing.code.begin(), missing.code.end());
        out.depth = std::max(there.depth, missing.depth);
        out.type = there.type;
        return out;
    }

    [[nodiscard]] Result<Fragment> exists(const Operand& call) {
        if (scope_.row != nullptr) {
            return mistake(call, "looks at other rows; drop looks at the row itself only");
        }
        PLUMBLINE_TRY(PlanOperand row, compile_row(scope_, call.keys[0]));
        out_.leaves.push_back(std::move(row));
        Fragment out;
        out.type = kBool;
        out.code.push_back(
            instruction(ExprOp::kExists, call, static_cast<uint32_t>(out_.leaves.size() - 1)));
        return out;
    }

    [[nodiscard]] Result<Fragment> extreme(const Operand& call) {
        PLUMBLINE_TRY_VOID(count_is(call, 2, kMaxArguments));
        const ExprOp op = call.call == "min" ? ExprOp::kMin : ExprOp::kMax;
        PLUMBLINE_TRY(Fragment out, number(call, call.keys[0]));
        for (size_t i = 1; i < call.keys.size(); ++i) {
            PLUMBLINE_TRY(Fragment next, number(call, call.keys[i]));
            std::vector<Fragment> sides;
            sides.push_back(std::move(out));
            sides.push_back(std::move(next));
            out = joined(std::move(sides), instruction(op, call), kAnyNumber);
        }
        return out;
    }

    [[nodiscard]] Result<Fragment> mul_div(const Operand& call) {
        PLUMBLINE_TRY_VOID(count_is(call, 3, 4));
        auto rounding = kRoundings[0];
        if (call.keys.size() == 4) {
            const auto found = std::ranges::find(kRoundings, std::string_view{call.keys[3].text},
                                                 &std::pair<std::string_view, Rounding>::first);
            if (call.keys[3].kind != Operand::Kind::kString || found == kRoundings.end()) {
                return mistake(call, fmt::format("rounds 'down', 'up' or 'half_even', not {}",
                                                 call.keys[3].source));
            }
            rounding = *found;
        }
        std::vector<Fragment> parts;
        for (size_t i = 0; i < 3; ++i) {
            PLUMBLINE_TRY(Fragment side, number(call, call.keys[i]));
            parts.push_back(std::move(side));
        }
        return joined(std::move(parts),
                      instruction(ExprOp::kMulDiv, call, 0, static_cast<uint8_t>(rounding.second)),
                      kAnyNumber);
    }

    [[nodiscard]] Result<Fragment> cast(const Operand& call, FieldType to) {
        PLUMBLINE_TRY_VOID(count_is(call, 1, 1));
        const Operand& side = call.keys[0];
        // A literal is read as what it becomes, but for numbers, which are checked as all are.
        const bool is_hex_for_text =
            to.kind == FieldKind::kString && side.kind == Operand::Kind::kHex;
        PLUMBLINE_TRY(Fragment from, part(side, is_hex_for_text ? kBytes : to));
        const FieldType is = from.type;
        if (is == to) {
            return from;
        }
        const auto as = [&](ExprOp op, FieldType type) {
            return then(std::move(from), instruction(op, call, 0, 0, type), to);
        };
        if (to.is_number()) {
            if (is.kind == FieldKind::kBool) {
                from = then(std::move(from), instruction(ExprOp::kBoolToNumber, call), kAnyNumber);
            } else if (is_bytes_like(is)) {
                const ExprOp op = is.is_dynamic() ? ExprOp::kBytesToNumber : ExprOp::kWordToNumber;
                from = then(std::move(from), instruction(op, call, 0, 0, is), kAnyNumber);
            } else if (!is.is_number()) {
                return wants(call, side, "a number, true or false, or bytes", is);
            }
            return as(ExprOp::kFit, to);
        }
        if (to.kind == FieldKind::kFixedBytes || to.kind == FieldKind::kAddress) {
            if (is.is_number()) {
                return as(ExprOp::kNumberToWord, to);
            }
            if (is.kind == FieldKind::kBytes) {
                return as(ExprOp::kBytesToWord, to);
            }
            if (is_bytes_like(is) && is.width() == to.width()) {
                from = then(std::move(from), instruction(ExprOp::kWordToBytes, call, 0, 0, is),
                            kBytes);
                return as(ExprOp::kBytesToWord, to);
            }
            return wants(call, side, "a number, or as many bytes", is);
        }
        if (to.kind == FieldKind::kBytes && is_bytes_like(is)) {
            return as(ExprOp::kWordToBytes, is);
        }
        if (to.kind == FieldKind::kString && is_bytes_like(is) && !is.is_dynamic()) {
            return as(ExprOp::kWordToBytes, is);
        }
        if (to.is_dynamic() && is.is_dynamic()) {
            from.type = to;
            return from;
        }
        return wants(call, side,
                     to.kind == FieldKind::kBool ? "a comparison, as in x != 0," : "bytes or text",
                     is);
    }

    /// Text as it is, bytes-like as bytes.
    [[nodiscard]] Result<Fragment> text_or_bytes(const Operand& call, const Operand& side) {
        PLUMBLINE_TRY(Fragment out, part(side));
        if (out.type == kText || out.type == kBytes) {
            return out;
        }
        if (!is_bytes_like(out.type)) {
            return wants(call, side, "text or bytes", out.type);
        }
        const FieldType is = out.type;
        return then(std::move(out), instruction(ExprOp::kWordToBytes, call, 0, 0, is), kBytes);
    }

    [[nodiscard]] Result<Fragment> of_bytes(const Operand& call) {
        if (call.call == "concat") {
            return concat(call);
        }
        if (call.call == "abi.encode") {
            return abi_encode(call);
        }
        if (call.call == "slice") {
            PLUMBLINE_TRY_VOID(count_is(call, 3, 3));
            std::vector<Fragment> parts(1);
            PLUMBLINE_TRY(parts[0], text_or_bytes(call, call.keys[0]));
            const FieldType type = parts[0].type;
            for (size_t i = 1; i < 3; ++i) {
                PLUMBLINE_TRY(Fragment side, number(call, call.keys[i]));
                parts.push_back(std::move(side));
            }
            return joined(std::move(parts), instruction(ExprOp::kSlice, call, 0, 0, type), type);
        }
        PLUMBLINE_TRY_VOID(count_is(call, 1, 1));
        const Operand& side = call.keys[0];
        if (call.call == "text") {
            PLUMBLINE_TRY(Fragment out, part(side));
            const FieldType is = out.type;
            return is == kText
                       ? std::move(out)
                       : then(std::move(out), instruction(ExprOp::kToText, call, 0, 0, is), kText);
        }
        if (call.call == "len") {
            return length(call);
        }
        PLUMBLINE_TRY(Fragment out, text_or_bytes(call, side));
        if (call.call == "keccak256") {
            return then(std::move(out), instruction(ExprOp::kKeccak, call), kHash);
        }
        const bool is_lower = call.call == "lower";
        if ((out.type == kText) != is_lower) {
            return wants(call, side, is_lower ? "text" : "bytes", out.type);
        }
        return then(std::move(out),
                    is_lower ? instruction(ExprOp::kLower, call)
                             : instruction(ExprOp::kToText, call, 0, 0, kBytes),
                    kText);
    }

    [[nodiscard]] Result<Fragment> length(const Operand& call) {
        const Operand& side = call.keys[0];
        if (side.kind == Operand::Kind::kName && scope_.event != nullptr) {
            const auto path = scope_.event->decoder.compile_path(join_path(side.path), scope_.each);
            if (path && path->type.is_array() && !path->hashed) {
                PlanOperand leaf;
                leaf.kind = PlanOperand::Kind::kParam;
                leaf.path = *path;
                leaf.source = side.source;
                out_.leaves.push_back(std::move(leaf));
                Fragment out;
                out.type = kAnyNumber;
                out.code.push_back(instruction(ExprOp::kElements, call,
                                               static_cast<uint32_t>(out_.leaves.size() - 1)));
                return out;
            }
        }
        PLUMBLINE_TRY(Fragment out, text_or_bytes(call, side));
        return then(std::move(out), instruction(ExprOp::kLength, call), kAnyNumber);
    }

    [[nodiscard]] Result<Fragment> concat(const Operand& call) {
        PLUMBLINE_TRY_VOID(count_is(call, 2, kMaxArguments));
        std::vector<Fragment> parts;
        for (const Operand& side : call.keys) {
            PLUMBLINE_TRY(Fragment next, text_or_bytes(call, side));
            parts.push_back(std::move(next));
            if (parts.back().type != parts.front().type) {
                return wants(call, side,
                             fmt::format("{} all through", to_string(parts.front().type)),
                             parts.back().type);
            }
        }
        const FieldType type = parts.front().type;
        return joined(
            std::move(parts),
            instruction(ExprOp::kConcat, call, static_cast<uint32_t>(call.keys.size()), 0, type),
            type);
    }

    [[nodiscard]] Result<Fragment> abi_encode(const Operand& call) {
        std::vector<Fragment> parts;
        std::vector<FieldType> types;
        for (const Operand& side : call.keys) {
            PLUMBLINE_TRY(Fragment next, part(side));
            types.push_back(next.type);
            parts.push_back(std::move(next));
        }
        const auto first = static_cast<uint8_t>(out_.types.size());
        if (out_.types.size() + types.size() > UINT8_MAX) {
            return mistake(call, "is one of too many abi.encode in one value");
        }
        out_.types.insert(out_.types.end(), types.begin(), types.end());
        return joined(
            std::move(parts),
            instruction(ExprOp::kAbiEncode, call, static_cast<uint32_t>(call.keys.size()), first),
            kBytes);
    }

    OperandScope& scope_;
    ExpressionProgram out_;
};

}  // namespace

Result<PlanOperand> compile_expression(OperandScope& scope, const Operand& operand,
                                       std::optional<FieldType> wanted) {
    PlanOperand out;
    out.kind = PlanOperand::Kind::kExpression;
    out.source = operand.source;
    PLUMBLINE_TRY(out.program, ExpressionCompiler{scope}.run(operand, wanted));
    out.type = out.program->type;
    out.target = out.type;
    return out;
}

}  // namespace plumbline::engine
