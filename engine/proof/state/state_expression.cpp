#include "engine/proof/state/state_expression.hpp"

#include <memory>
#include <string>

#include <fmt/format.h>

#include "engine/mapping/expression_run.hpp"

namespace plumbline::engine {

namespace {

/// The columns of one row.
class RowLeaves final : public ExprLeaves {
  public:
    RowLeaves(const std::vector<storage::KeyValue>& key, const storage::RowCodec& codec,
              std::string_view row)
        : key_{key},
          codec_{codec},
          row_{row} {}

    [[nodiscard]] State read(const PlanOperand& leaf, bool is_tolerated, ValueView& out) override {
        using Kind = PlanOperand::Kind;
        if (leaf.kind == Kind::kKeyField) {
            out = {key_[leaf.field].word, key_[leaf.field].bytes};
            return State::kOk;
        }
        if (leaf.kind != Kind::kField) {
            return State::kFailed;
        }
        out.is_null = codec_.is_null(row_, leaf.field);
        if (out.is_null && is_tolerated && !leaf.takes_null) {
            return State::kMissing;
        }
        if (leaf.type.is_dynamic()) {
            out.bytes = codec_.raw(row_, leaf.field);
        } else {
            out.word = codec_.word(row_, leaf.field);
        }
        return State::kOk;
    }
    // The compiler has let neither through.
    [[nodiscard]] State exists(const PlanOperand& /*row*/, bool /*is_tolerated*/,
                               bool& /*out*/) override {
        return State::kFailed;
    }
    [[nodiscard]] State elements(const PlanOperand& /*list*/, uint64_t& /*out*/) override {
        return State::kFailed;
    }

  private:
    const std::vector<storage::KeyValue>& key_;
    const storage::RowCodec& codec_;
    std::string_view row_;
};

}  // namespace

Result<storage::KeyValue> calculate_state(const ExpressionProgram& program, storage::FieldType type,
                                          const std::vector<storage::KeyValue>& key,
                                          const storage::RowCodec& codec, std::string_view row) {
    // Its stack is large, and rows are asked for one by one on the thread that proves.
    thread_local const auto kRunner = std::make_unique<ExpressionRunner>();
    kRunner->forget();
    RowLeaves leaves{key, codec, row};
    ExprValue value;
    const ExpressionRunner::Outcome outcome = kRunner->run(program, leaves, false, value);
    if (outcome != ExpressionRunner::Outcome::kOk) {
        return Error{ErrorCode::kInvalidArgument,
                     outcome == ExpressionRunner::Outcome::kViolation
                         ? std::move(kRunner->reason())
                         : std::string{"it cannot be calculated from the row alone"}};
    }
    storage::KeyValue out{value.number.low_word(), std::string{value.bytes}};
    if (type.is_number() && !number_to_word(value.number, type, out.word)) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} is no {}", value.number.to_decimal(), to_string(type))};
    }
    return out;
}

}  // namespace plumbline::engine
