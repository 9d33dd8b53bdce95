// What the parts that make values share, besides plan_compile.hpp: plan_operand.cpp (values),
// plan_literal.cpp, plan_names.cpp (parameters), plan_lookup.cpp (rows), plan_condition.cpp. Only
// they and the expressions' compiler include it.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

/// As it was written.
[[nodiscard]] std::string show_literal(const Operand& operand);
/// `$call.NAME` and what of its answer is meant.
[[nodiscard]] bool names_call(const Operand& operand) noexcept;
/// Whether it names an indexed parameter of a type that does not fit a word.
[[nodiscard]] bool is_hash_name(const OperandScope& scope, const Operand& operand);
/// Why `operand`, which stands where a row or a field may be missing, is no such thing: it is
/// nothing at all, or it is always there.
[[nodiscard]] Error never_missing(OperandScope& scope, const Operand& operand,
                                  std::string_view message);
/// Reads the row at hand, as `drop` does.
[[nodiscard]] Result<PlanOperand> compile_field(const OperandScope& scope, const Operand& operand);
/// `exists` asks for rows only.
enum class LookupOf : uint8_t { kRow, kRowOrElement };
[[nodiscard]] Result<PlanOperand> compile_lookup(OperandScope& scope, const Operand& operand,
                                                 LookupOf of);

}  // namespace plumbline::engine
