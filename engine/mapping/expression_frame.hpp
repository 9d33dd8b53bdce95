// One running program. Only engine/fold/expression_*.cpp include it.
#pragma once

#include "engine/mapping/expression_run.hpp"

namespace plumbline::engine {

struct ExpressionRunner::Frame {
    /// Where a missing row leads.
    struct Try {
        size_t at = 0;    ///< the instruction before the one to go on with
        size_t size = 0;  ///< of the stack then
    };
    Frame(const ExpressionProgram& of, ExprLeaves& from, ExprValue* room)
        : program{of},
          leaves{from},
          stack{room} {}

    const ExpressionProgram& program;
    ExprLeaves& leaves;
    ExprValue* stack;  ///< room for `kExpressionStackMax`
    size_t size = 0;
    /// Not filled: a program pushes before it pops.
    std::array<Try, kExpressionStackMax> tries;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    size_t try_count = 0;
    bool is_tolerated = false;

    void push(const ExprValue& value) { stack[size++] = value; }
    void push(const ExprLiteral& literal) {
        stack[size++] = {literal.is_signed ? evm::Int512::from_signed(literal.word)
                                           : evm::Int512::from_unsigned(literal.word),
                         literal.bytes};
    }
    /// Stays where it is until something is pushed.
    const ExprValue& pop() { return stack[--size]; }
    [[nodiscard]] ExprValue& top() const { return stack[size - 1]; }
};

}  // namespace plumbline::engine
