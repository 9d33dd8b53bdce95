// A parser of one function a level of precedence. Operators and functions become `Operand`s of kind
// kCall; what is neither is what the scanner reads.
#include "engine/config/operand_parse.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/ascii.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/foreign_words.hpp"
#include "engine/config/operand_scanner.hpp"
#include "storage/layout.hpp"

namespace plumbline::engine {

namespace {

using Kind = Operand::Kind;

/// Binary operators from the loosest to the tightest; those of one level are taken from left to
/// right.
constexpr std::array<std::array<std::string_view, 3>, 8> kLevels{{
    {"or"},
    {"and"},
    {},  // `not` and the comparisons, which do not chain
    {"|"},
    {"^"},
    {"&"},
    {"<<", ">>"},
    {"+", "-"},
}};
constexpr size_t kCompareLevel = 2;
constexpr std::array<std::string_view, 3> kProducts{"*", "/", "%"};

bool is_word(std::string_view sign) {
    return is_name_start(sign.front());
}

/// One pass over one text. One thread.
class Parser {
  public:
    Parser(std::string_view text, const TextOrigin& origin) : scanner_{text, origin} {}

    [[nodiscard]] Result<Operand> whole_operand() {
        PLUMBLINE_TRY_VOID(scanner_.check_length());
        PLUMBLINE_TRY(Operand out, binary(0, 0));
        scanner_.skip_blanks();
        const bool has_words = out.kind == Kind::kName && out.path.size() == 1 &&
                               !scanner_.is_over() && is_name_start(scanner_.rest().front());
        PLUMBLINE_TRY_VOID(end(has_words ? "the end of the value (a text is written in single "
                                           "quotes)"
                                         : "the end of the value"));
        return out;
    }

    /// A comparison of two plain values keeps its form; anything else is an expression that must
    /// hold.
    [[nodiscard]] Result<Condition> whole_condition() {
        PLUMBLINE_TRY_VOID(scanner_.check_length());
        const size_t begin = start();
        const SourcePos pos = scanner_.pos_of(begin);
        PLUMBLINE_TRY(Operand all, binary(0, 0));
        const bool is_place = all.kind == Kind::kName || all.kind == Kind::kLookup;
        if (all.kind != Kind::kCall && !is_place) {
            scanner_.skip_blanks();
            if (all.kind == Kind::kBool && scanner_.is_over()) {
                return scanner_.fail(begin,
                                     all.number.is_zero()
                                         ? "it never holds: leave out what it is the condition of"
                                         : "it always holds: leave the condition out");
            }
            return scanner_.expected("one of == != < <= > >=");
        }
        PLUMBLINE_TRY_VOID(end("the end of the comparison (write several as a list)"));
        Condition out;
        out.pos = pos;
        const CompareOp* compared = find_compare_op(all.call);
        if (compared != nullptr && std::ranges::none_of(all.keys, [](const Operand& side) {
                return side.kind == Kind::kCall;
            })) {
            out.op = *compared;
            out.left = std::move(all.keys[0]);
            out.right = std::move(all.keys[1]);
            return out;
        }
        out.left = std::move(all);
        out.right.kind = Kind::kBool;
        out.right.number = evm::U256{1};
        out.right.source = "true";
        out.right.pos = pos;
        return out;
    }

  private:
    [[nodiscard]] Status end(std::string_view what) {
        scanner_.skip_blanks();
        if (const std::string_view hint = hint_for_sign(scanner_.rest()); !hint.empty()) {
            return scanner_.fail(scanner_.at(), hint);
        }
        return scanner_.is_over() ? ok() : Status{scanner_.expected(what)};
    }

    /// The operator of `signs` that stands here, which it passes; empty where there is none.
    [[nodiscard]] std::string_view take(std::span<const std::string_view> signs) {
        scanner_.skip_blanks();
        for (const std::string_view sign : signs) {
            if (sign.empty() || !scanner_.rest().starts_with(sign)) {
                continue;
            }
            const std::string_view after = scanner_.rest().substr(sign.size());
            const char next = after.empty() ? ' ' : after.front();
            const bool is_longer =
                is_word(sign)
                    ? is_name_start(next) || is_ascii_digit(next) || next == '$' || next == '.'
                    : (sign == "*" || sign == "&" || sign == "|") && next == sign.front();
            if (!is_longer) {
                scanner_.go_to(scanner_.at() + sign.size());
                return sign;
            }
        }
        return {};
    }

    [[nodiscard]] Operand make_call(std::string_view name, size_t begin,
                                    std::vector<Operand> arguments) const {
        Operand out;
        out.kind = Kind::kCall;
        out.call = std::string{name};
        out.keys = std::move(arguments);
        std::string_view source = scanner_.from(begin);
        while (source.ends_with(' ')) {  // before the operator that ended it
            source.remove_suffix(1);
        }
        out.source = std::string{source};
        out.pos = scanner_.pos_of(begin);
        return out;
    }
    [[nodiscard]] Operand make_unary(std::string_view sign, size_t begin, Operand side) const {
        std::vector<Operand> sides;
        sides.push_back(std::move(side));
        return make_call(sign, begin, std::move(sides));
    }
    [[nodiscard]] Operand make_binary(std::string_view sign, size_t begin, Operand left,
                                      Operand right) const {
        std::vector<Operand> sides;
        sides.push_back(std::move(left));
        sides.push_back(std::move(right));
        return make_call(sign, begin, std::move(sides));
    }

    [[nodiscard]] size_t start() {
        scanner_.skip_blanks();
        return scanner_.at();
    }

    [[nodiscard]] Result<Operand> binary(size_t level, int depth) {
        if (level == kCompareLevel) {
            return negation(depth);
        }
        if (level == kLevels.size()) {
            return chain(kProducts, level, depth);
        }
        return chain(kLevels[level], level, depth);
    }

    /// Operators of one level, from left to right.
    [[nodiscard]] Result<Operand> chain(std::span<const std::string_view> signs, size_t level,
                                        int depth) {
        const size_t begin = start();
        const auto side = [&] {
            return level == kLevels.size() ? sign(depth) : binary(level + 1, depth);
        };
        PLUMBLINE_TRY(Operand left, side());
        for (std::string_view op = take(signs); !op.empty(); op = take(signs)) {
            PLUMBLINE_TRY(Operand right, side());
            left = make_binary(op, begin, std::move(left), std::move(right));
        }
        return left;
    }

    [[nodiscard]] Result<Operand> negation(int depth) {
        const size_t begin = start();
        static constexpr std::array<std::string_view, 1> kNot{"not"};
        if (!take(kNot).empty()) {
            scanner_.skip_blanks();
            const char next = scanner_.is_over() ? ' ' : scanner_.rest().front();
            if (is_name_start(next) || is_ascii_digit(next) || next == '(' || next == '$' ||
                next == '\'' || next == '-' || next == '~') {
                PLUMBLINE_TRY_VOID(check_depth(depth));
                PLUMBLINE_TRY(Operand side, negation(depth + 1));
                return make_unary("not", begin, std::move(side));
            }
            scanner_.go_to(begin);  // a parameter of that name
        }
        return comparison(depth);
    }

    /// The sign of a comparison that stands here; empty where there is none.
    [[nodiscard]] std::string_view comparing_sign() {
        scanner_.skip_blanks();
        const auto* const found = std::ranges::find_if(kCompareOps, [this](const auto& known) {
            return scanner_.rest().starts_with(known.first);
        });
        return found == kCompareOps.end() ? std::string_view{} : found->first;
    }

    [[nodiscard]] Result<Operand> comparison(int depth) {
        const size_t begin = start();
        PLUMBLINE_TRY(Operand left, binary(kCompareLevel + 1, depth));
        const std::string_view sign = comparing_sign();
        if (sign.empty()) {
            return left;
        }
        scanner_.go_to(scanner_.at() + sign.size());
        PLUMBLINE_TRY(Operand right, binary(kCompareLevel + 1, depth));
        if (!comparing_sign().empty()) {
            return scanner_.fail(scanner_.at(),
                                 "comparisons do not chain: put one of them in brackets, or join "
                                 "two by 'and'");
        }
        return make_binary(sign, begin, std::move(left), std::move(right));
    }

    /// Whether the minus here belongs to the number behind it.
    [[nodiscard]] bool is_negative_number() const {
        const std::string_view after = scanner_.rest().substr(1);
        constexpr std::string_view kOthers = "($-~ ";
        return after.empty() ||
               !(is_name_start(after.front()) ||
                 kOthers.find(after.front()) != std::string_view::npos || after.starts_with("0x"));
    }

    /// `-x`, `~x`, and what binds tighter. A minus right before digits belongs to them.
    [[nodiscard]] Result<Operand> sign(int depth) {
        const size_t begin = start();
        const bool is_minus = scanner_.peek('-');
        if (!is_minus && !scanner_.peek('~')) {
            return power(depth);
        }
        PLUMBLINE_TRY_VOID(check_depth(depth));
        if (is_minus && is_negative_number()) {
            Operand literal;
            PLUMBLINE_TRY_VOID(scanner_.number(literal));
            literal.source = std::string{scanner_.from(begin)};
            literal.pos = scanner_.pos_of(begin);
            const size_t behind = scanner_.at();
            scanner_.skip_blanks();
            if (!scanner_.rest().starts_with("**")) {
                scanner_.go_to(behind);
                return literal;
            }
            scanner_.go_to(begin);  // -2 ** 2 is -(2 ** 2), as in mathematics
        }
        scanner_.go_to(begin + 1);
        PLUMBLINE_TRY(Operand side, sign(depth + 1));
        return make_unary(is_minus ? "neg" : "~", begin, std::move(side));
    }

    /// `a ** b`, from right to left.
    [[nodiscard]] Result<Operand> power(int depth) {
        const size_t begin = start();
        PLUMBLINE_TRY(Operand left, otherwise(depth));
        static constexpr std::array<std::string_view, 1> kPower{"**"};
        if (take(kPower).empty()) {
            return left;
        }
        PLUMBLINE_TRY_VOID(check_depth(depth));
        PLUMBLINE_TRY(Operand right, sign(depth + 1));
        return make_binary("**", begin, std::move(left), std::move(right));
    }

    /// `look-up ?? value`, from right to left.
    [[nodiscard]] Result<Operand> otherwise(int depth) {
        const size_t begin = start();
        PLUMBLINE_TRY(Operand left, value(depth));
        static constexpr std::array<std::string_view, 1> kOtherwise{"??"};
        if (take(kOtherwise).empty()) {
            return left;
        }
        PLUMBLINE_TRY_VOID(check_depth(depth));
        scanner_.skip_blanks();
        PLUMBLINE_TRY(Operand right, scanner_.peek('-') ? sign(depth + 1) : otherwise(depth + 1));
        return make_binary("??", begin, std::move(left), std::move(right));
    }

    [[nodiscard]] Status check_depth(int depth) {
        if (depth < kMaxExpressionDepth) {
            return ok();
        }
        return scanner_.fail(
            scanner_.at(),
            fmt::format("values may be at most {} inside each other", kMaxExpressionDepth));
    }

    [[nodiscard]] Result<Operand> value(int depth) {
        scanner_.skip_blanks();
        PLUMBLINE_TRY_VOID(check_depth(depth));
        const size_t begin = scanner_.at();
        if (scanner_.is_over()) {
            return scanner_.expected("a value");
        }
        const char first = scanner_.rest().front();
        if (first == '(') {
            scanner_.go_to(begin + 1);
            PLUMBLINE_TRY(Operand inner, binary(0, depth + 1));
            scanner_.skip_blanks();
            if (!scanner_.peek(')')) {
                return scanner_.expected("')'");
            }
            scanner_.go_to(scanner_.at() + 1);
            return inner;
        }
        Operand out;
        Status parsed;
        if (first == '\'') {
            parsed = scanner_.string_literal(out);
        } else if (is_ascii_digit(first)) {
            parsed = scanner_.number(out);
        } else if (first == '$') {
            parsed = scanner_.builtin(out);
        } else if (is_name_start(first)) {
            parsed = name(out, depth);
        } else if (first == '!') {
            return scanner_.fail(begin, "write 'not' for !");
        } else {
            return scanner_.expected(depth == 0 && begin == 0
                                         ? "a value (a text is written in single quotes)"
                                         : "a value");
        }
        if (!parsed) {
            return std::move(parsed).error();
        }
        out.source = std::string{scanner_.from(begin)};
        out.pos = scanner_.pos_of(begin);
        return out;
    }

    [[nodiscard]] Status name(Operand& out, int depth) {
        const size_t begin = scanner_.at();
        const std::string_view first = scanner_.name_chars();
        if (first == "true" || first == "false") {
            out.kind = Kind::kBool;
            out.number = evm::U256{first == "true" ? 1U : 0U};
            return ok();
        }
        if (first == "null") {
            out.kind = Kind::kNull;
            return ok();
        }
        out.kind = Kind::kName;
        out.path = {std::string{first}};
        if (is_element_path()) {
            return scanner_.path_rest(out);
        }
        const size_t behind_first = scanner_.at();
        scanner_.skip_blanks();
        if (scanner_.peek('[')) {
            return lookup(out, begin, depth);
        }
        scanner_.go_to(behind_first);
        PLUMBLINE_TRY_VOID(scanner_.path_rest(out));
        const size_t behind = scanner_.at();
        scanner_.skip_blanks();
        if (scanner_.peek('(')) {
            return call(out, begin, depth);
        }
        if (scanner_.peek('[')) {
            return scanner_.fail(begin, "a look-up starts with an entity: entity[key].field");
        }
        scanner_.go_to(behind);
        return ok();
    }

    /// Whether `[2]` here belongs to a parameter: `list[2]`, `list[2].a.b`, `list[2][3]`. What
    /// looks like a row's one field, `name[2].field`, is left to whoever knows the entities.
    [[nodiscard]] bool is_element_path() {
        const size_t begin = scanner_.at();
        bool is_path = !scanner_.element_index().empty();
        if (is_path && scanner_.peek('.')) {
            scanner_.go_to(scanner_.at() + 1);
            const std::string_view part = scanner_.name_chars();
            is_path = part.empty() || is_ascii_digit(part.front()) || scanner_.peek('.') ||
                      scanner_.peek('[');
        }
        scanner_.go_to(begin);
        return is_path;
    }

    /// The arguments, up to `close`; at least one.
    [[nodiscard]] Status arguments(Operand& out, char close, size_t count_max, int depth) {
        do {
            scanner_.go_to(scanner_.at() + 1);  // the bracket or ','
            PLUMBLINE_TRY(Operand argument, binary(0, depth + 1));
            out.keys.push_back(std::move(argument));
            if (out.keys.size() > count_max) {
                return scanner_.fail(
                    scanner_.at(),
                    close == ']' ? fmt::format("a key has at most {} fields", count_max)
                                 : fmt::format("a function takes at most {} values", count_max));
            }
            scanner_.skip_blanks();
        } while (scanner_.peek(','));
        if (!scanner_.peek(close)) {
            return scanner_.expected(fmt::format("',' or '{}'", close));
        }
        scanner_.go_to(scanner_.at() + 1);
        return ok();
    }

    [[nodiscard]] Status call(Operand& out, size_t begin, int depth) {
        out.kind = Kind::kCall;
        out.call = join_path(out.path);
        out.path.clear();
        const std::span<const std::string_view> known = function_names();
        if (std::ranges::find(known, out.call) == known.end() &&
            !storage::parse_field_type(out.call)) {
            std::vector<std::string> names{known.begin(), known.end()};
            for (const std::string_view type :
                 {"uint256", "int256", "uint64", "address", "bytes32", "bytes", "string"}) {
                names.emplace_back(type);
            }
            std::string hint = hint_for_function(out.call);
            return scanner_.fail(begin,
                                 fmt::format("unknown function {}{}", in_quotes(out.call),
                                             hint.empty() ? suggest(out.call, names) : hint));
        }
        if (out.call == "exists") {
            return exists(out, depth);
        }
        return arguments(out, ')', kMaxArguments, depth);
    }

    /// `(entity[key])`, a look-up of the row itself; `(entity[key].field)`, `($call.NAME)`, or
    /// `(field)` where a row is at hand: whether that is set.
    [[nodiscard]] Status exists(Operand& out, int depth) {
        scanner_.go_to(scanner_.at() + 1);
        const size_t begin = start();
        Operand row;
        row.path = {std::string{scanner_.name_chars()}};
        if (row.path.front() == "$call" && scanner_.peek('.')) {
            PLUMBLINE_TRY_VOID(scanner_.path_rest(row));
        }
        scanner_.skip_blanks();
        if (row.path.front().empty() || !(scanner_.peek('[') || scanner_.peek(')'))) {
            return scanner_.expected("a row, as in exists(entity[key])");
        }
        row.kind = Kind::kName;
        if (scanner_.peek('[')) {
            PLUMBLINE_TRY_VOID(row_of(row, begin, depth));
            if (scanner_.peek('.')) {
                PLUMBLINE_TRY_VOID(field_of(row));
            }
        }
        row.source = std::string{scanner_.from(begin)};
        row.pos = scanner_.pos_of(begin);
        scanner_.skip_blanks();
        if (!scanner_.peek(')')) {
            return scanner_.expected("')'");
        }
        scanner_.go_to(scanner_.at() + 1);
        out.keys.push_back(std::move(row));
        return ok();
    }

    [[nodiscard]] Status row_of(Operand& out, size_t begin, int depth) {
        if (lookups_ >= kMaxLookupDepth) {
            return scanner_.fail(begin,
                                 fmt::format("look-ups may be at most {} deep", kMaxLookupDepth));
        }
        out.kind = Kind::kLookup;
        out.entity = std::move(out.path.front());
        out.path.clear();
        ++lookups_;
        PLUMBLINE_TRY_VOID(arguments(out, ']', kMaxKeyFields, depth));
        --lookups_;
        return ok();
    }

    [[nodiscard]] Status lookup(Operand& out, size_t begin, int depth) {
        PLUMBLINE_TRY_VOID(row_of(out, begin, depth));
        scanner_.skip_blanks();
        if (!scanner_.peek('.')) {
            return scanner_.expected(
                "'.' and a field of that row (an element of an array is name[NUMBER], a number "
                "that is written out, from 0 on)");
        }
        return field_of(out);
    }

    /// `.field`
    [[nodiscard]] Status field_of(Operand& out) {
        scanner_.go_to(scanner_.at() + 1);
        if (scanner_.is_over() || !is_name_start(scanner_.rest().front())) {
            return scanner_.expected("a field");
        }
        out.field = std::string{scanner_.name_chars()};
        if (scanner_.peek('.')) {
            return scanner_.expected("the end of the look-up (a field has no parts)");
        }
        return ok();
    }

    OperandScanner scanner_;
    int lookups_ = 0;  ///< around this place
};

}  // namespace

Result<Operand> parse_operand(std::string_view text, const TextOrigin& origin) {
    return Parser{text, origin}.whole_operand();
}

Result<Condition> parse_condition(std::string_view text, const TextOrigin& origin) {
    return Parser{text, origin}.whole_condition();
}

}  // namespace plumbline::engine
