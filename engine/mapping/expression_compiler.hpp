// Expressions to programs. Each part is made as a fragment of its own, whose jumps are relative, so
// that the parts can be put together in the order in which they run once all their types are known.
//
// The compiler's parts: plan_expression.cpp (values, choices, look-ups),
// plan_expression_numbers.cpp (arithmetic, decimal places), plan_expression_bytes.cpp (casts, bytes
// and text), plan_constants.cpp (what needs no event). Only they include it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/evm/int512.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/expression_program.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

struct ExprFragment {
    std::vector<ExprInstruction> code;
    storage::FieldType type;
    uint32_t depth = 1;    ///< how much of the stack it needs; it leaves one value
    bool is_hash = false;  ///< an indexed parameter of which the log holds only the hash
};

/// Which of two sides only some events reach.
struct LazySides {
    bool first = false;
    bool second = false;
};

/// One expression. One thread.
class ExpressionCompiler {
  public:
    explicit ExpressionCompiler(OperandScope& scope) : scope_{scope} {}

    [[nodiscard]] Result<std::shared_ptr<const ExpressionProgram>> run(
        const Operand& operand, std::optional<storage::FieldType> wanted);

  private:
    using FieldType = storage::FieldType;
    using Fragment = ExprFragment;
    using Wanted = std::optional<FieldType>;

    static constexpr FieldType kBool{storage::FieldKind::kBool, 8};
    static constexpr FieldType kBytes{storage::FieldKind::kBytes, 0};
    static constexpr FieldType kText{storage::FieldKind::kString, 0};
    static constexpr FieldType kHash{storage::FieldKind::kFixedBytes, 256};

    /// How much of the program's tables there is.
    struct TableSizes {
        size_t literals = 0;
        size_t types = 0;
    };

    [[nodiscard]] Error mistake(const Operand& operand, std::string_view message) const;
    [[nodiscard]] Error wants(const Operand& call, const Operand& side, std::string_view what,
                              FieldType is) const;
    [[nodiscard]] Status count_is(const Operand& call, size_t least, size_t most) const;

    [[nodiscard]] ExprInstruction instruction(ExprOp op, const Operand& of, uint32_t at = 0,
                                              uint8_t kind = 0, FieldType type = {});
    /// `parts` one after the other, and then `last`, which takes all their values.
    [[nodiscard]] static Fragment joined(std::vector<Fragment> parts, const ExprInstruction& last,
                                         FieldType type);
    [[nodiscard]] static Fragment joined(Fragment left, Fragment right, const ExprInstruction& last,
                                         FieldType type);
    [[nodiscard]] static Fragment then(Fragment part, const ExprInstruction& last, FieldType type);

    /// `wanted`: what the place takes, for literals, which have no type of their own.
    /// `is_result`: what it gives is what the whole expression gives.
    [[nodiscard]] Result<Fragment> part(const Operand& operand, Wanted wanted = {},
                                        bool is_result = false);
    [[nodiscard]] Result<Fragment> literal(const Operand& operand, Wanted wanted);
    [[nodiscard]] Result<Fragment> call(const Operand& call, Wanted wanted, bool is_result);
    [[nodiscard]] Result<Fragment> null(const Operand& operand, Wanted wanted, bool is_result);
    /// Two values of one type, or two numbers; a literal takes the type of the other.
    /// `are_results`: one of them is what the whole expression gives.
    [[nodiscard]] Result<std::pair<Fragment, Fragment>> alike(const Operand& call, const Operand& a,
                                                              const Operand& b, Wanted wanted,
                                                              bool are_results = false,
                                                              LazySides lazy = {});
    [[nodiscard]] Result<Fragment> truth(const Operand& call, const Operand& side);
    [[nodiscard]] Result<Fragment> comparison(const Operand& call, CompareOp op);
    [[nodiscard]] Result<Fragment> both_or_either(const Operand& call);
    [[nodiscard]] Result<Fragment> choice(const Operand& call, Wanted wanted, bool is_result);
    [[nodiscard]] Result<Fragment> otherwise(const Operand& call, Wanted wanted, bool is_result);
    [[nodiscard]] Result<Fragment> exists(const Operand& call);

    // Constants.

    [[nodiscard]] TableSizes table_sizes() const noexcept {
        return {out_.literals.size(), out_.types.size()};
    }
    /// What needs no event becomes a literal where one can hold it; where it fails, and all events
    /// reach it, it is a mistake. `before`: the tables' sizes before `part` was made.
    [[nodiscard]] Result<Fragment> folded(const Operand& of, Fragment part,
                                          const TableSizes& before);
    [[nodiscard]] std::optional<evm::Int512> constant_number(const Fragment& part);
    [[nodiscard]] std::optional<bool> constant_truth(const Fragment& part) const;
    /// A right side with which `op` fails whatever its left side is; `side` is how it is written.
    [[nodiscard]] Status check_right(const Operand& call, const Operand& side, ExprOp op,
                                     const Fragment& right);

    // Numbers.

    [[nodiscard]] Result<Fragment> number(const Operand& call, const Operand& side);
    /// A written number that `to` cannot hold is a mistake even where no event reaches it.
    [[nodiscard]] Status may_fit(const Operand& call, FieldType to) const;
    [[nodiscard]] Result<Fragment> integer(const Operand& call, const Operand& side);
    /// Nothing where `call` is no operator or function of numbers.
    [[nodiscard]] Result<std::optional<Fragment>> of_numbers(const Operand& call);
    [[nodiscard]] Result<Fragment> of_integers(const Operand& call, ExprOp op, uint8_t kind);
    [[nodiscard]] Result<Fragment> sum(const Operand& call, ExprOp op);
    [[nodiscard]] Result<Fragment> product(const Operand& call);
    [[nodiscard]] Result<Fragment> extreme(const Operand& call);
    [[nodiscard]] Result<Fragment> mul_div(const Operand& call);
    [[nodiscard]] Result<Fragment> divided(const Operand& call);
    [[nodiscard]] Result<Fragment> rounded(const Operand& call, Rounding rounding);
    [[nodiscard]] Result<Fragment> units(const Operand& call);
    [[nodiscard]] Result<Rounding> rounding_of(const Operand& call, size_t at) const;
    /// The decimal places that the argument `at` of `call` names.
    [[nodiscard]] Result<unsigned> places_of(const Operand& call, size_t at) const;
    [[nodiscard]] Fragment number_literal(const Operand& of, const evm::Int512& value);
    /// The same number in units of 10^-places, of which it has no more now.
    [[nodiscard]] Fragment in_places(const Operand& of, Fragment part, unsigned places);
    /// Both with as many places as the one that has more.
    void align(const Operand& of, Fragment& a, Fragment& b);

    // Bytes and text.

    [[nodiscard]] Result<Fragment> cast(const Operand& call, FieldType to);
    [[nodiscard]] Result<Fragment> cast_to_number(const Operand& call, Fragment from, FieldType to);
    /// Whoever writes a function of an indexed text means the text, of which there is the hash
    /// only.
    [[nodiscard]] Status refuse_hash(const Operand& call, const Operand& side,
                                     const Fragment& part) const;
    [[nodiscard]] Result<Fragment> text_or_bytes(const Operand& call, const Operand& side);
    [[nodiscard]] Result<Fragment> of_bytes(const Operand& call);
    [[nodiscard]] Result<Fragment> slice(const Operand& call);
    [[nodiscard]] Result<Fragment> length(const Operand& call);
    [[nodiscard]] Result<Fragment> concat(const Operand& call);
    [[nodiscard]] Result<Fragment> abi_encode(const Operand& call);

    OperandScope& scope_;
    ExpressionProgram out_;
    bool takes_null_ = false;  ///< the result may be a null
};

/// Bytes, bytesN and addresses.
[[nodiscard]] constexpr bool is_bytes_like(storage::FieldType type) noexcept {
    return type.kind == storage::FieldKind::kBytes ||
           type.kind == storage::FieldKind::kFixedBytes ||
           type.kind == storage::FieldKind::kAddress;
}
/// "a number", "a number with 6 decimal places", "address".
[[nodiscard]] std::string describe_type(storage::FieldType type);

}  // namespace plumbline::engine
