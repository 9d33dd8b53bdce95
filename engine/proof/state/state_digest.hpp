// The index's side of the state proof: what a getter must answer for an entity's row, as the leaf
// that the program in the node would make of that answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/proof/state/state_program.hpp"
#include "rpc/chain_source.hpp"
#include "storage/entity_key.hpp"
#include "storage/read_view.hpp"
#include "storage/row.hpp"

namespace plumbline::engine {

/// Reads the row of another entity for look-ups; empty where there is none.
using RowReader =
    std::function<Result<std::optional<std::string>>(uint32_t entity, std::string_view key)>;

/// The rows of `view`, which must outlive it; one that is not there is an error.
[[nodiscard]] RowReader reader_of(const storage::ReadView& view);

/// One value that differs.
struct StateDifference {
    size_t place = 0;  ///< which of the plan's `returns`
    storage::FieldType type;
    storage::KeyValue expected;  ///< what the index says
    storage::KeyValue actual;    ///< what the contract says
};

/// Turns rows of one entity into questions and leaves, for one `state` of the config. Immutable;
/// `plan` and `entities` must outlive it. Rows must have passed RowCodec::check.
class StateDigester {
  public:
    /// For a `state` of `plan`, with which it asks. kInvalidArgument where the getter cannot be
    /// compared in the node.
    [[nodiscard]] static Result<StateDigester> make(const StatePlan& state, const Plan& plan);
    /// `target`: the contract, where the plan has no `at`.
    [[nodiscard]] static Result<StateDigester> make(
        const StatePlan& plan, const std::vector<storage::EntityLayout>& entities,
        std::optional<evm::Address> target);

    [[nodiscard]] const StateGetter& getter() const noexcept { return getter_; }
    [[nodiscard]] const StatePlan& plan() const noexcept { return *plan_; }
    /// False for the tombstone of a row whose end the config does not describe, or whose arguments
    /// went with it.
    [[nodiscard]] bool can_ask(std::string_view row) const noexcept;
    /// Appends the question for a row and the leaf it must have.
    [[nodiscard]] Status append(std::string_view key, std::string_view row, const RowReader& reader,
                                StateQuestions& questions, std::vector<evm::Hash>& leaves) const;

    /// The getter's plain call about one row.
    [[nodiscard]] Result<rpc::CallRequest> plain_call(std::string_view key, std::string_view row,
                                                      const RowReader& reader) const;

    /// The account that is asked about a row, and where in its storage it keeps what `slot` says.
    struct Place {
        evm::Address account;
        evm::Hash slot;
    };
    [[nodiscard]] Result<Place> place(const StatePlan::Slot& slot, std::string_view key,
                                      std::string_view row, const RowReader& reader) const;

    /// What the contract said and the row says otherwise, by value, from the getter's own answer.
    /// Literals are compared too; kDecode where the answer has another shape.
    [[nodiscard]] Result<std::vector<StateDifference>> differences(std::string_view key,
                                                                   std::string_view row,
                                                                   ByteView answer) const;

  private:
    struct Return {
        size_t place = 0;  ///< in the plan's returns
        uint8_t word = 0;
        storage::FieldType type;
    };
    StateDigester() = default;
    [[nodiscard]] Status add_returns(const std::vector<storage::EntityLayout>& entities);
    [[nodiscard]] Status add_arguments();
    [[nodiscard]] Status add_codec(const StateOperand& operand);
    [[nodiscard]] Result<storage::KeyValue> evaluate(const StateOperand& operand,
                                                     const std::vector<storage::KeyValue>& key,
                                                     std::string_view row,
                                                     const RowReader& reader) const;
    [[nodiscard]] Result<storage::KeyValue> expected(const Return& item,
                                                     const std::vector<storage::KeyValue>& key,
                                                     std::string_view row) const;
    [[nodiscard]] Result<evm::Hash> leaf(const std::vector<storage::KeyValue>& key,
                                         std::string_view row) const;

    const StatePlan* plan_ = nullptr;
    const std::vector<storage::EntityLayout>* entities_ = nullptr;
    StateGetter getter_;
    std::vector<Return> returns_;                           ///< those that count, in head order
    std::vector<std::optional<storage::RowCodec>> codecs_;  ///< by entity; only those needed
    std::vector<bool> arg_dynamic_;
    bool needs_row_ = false;  ///< an argument is a field
};

}  // namespace plumbline::engine
