// What the parts of the compiler share: names to events, values to operands, and the entry of each
// part. Only engine/mapping includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/int512.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/compiled_plan.hpp"

namespace plumbline::engine {

/// Fills `plan`, which is empty, from the config; `handlers` are those written in C++. Mistakes are
/// kInvalidArgument with file and line: those of contracts and entities together, else those of all
/// that names them.
[[nodiscard]] Status compile_plan(const Config& config, std::vector<EventHandler> handlers,
                                  CompiledPlan& plan);

/// The shapes of the event of `source` that `name` (`Event` or `Event(types)`) means, as indexes
/// into `plan.events`; whoever names one first adds it there. Never empty.
[[nodiscard]] Result<std::vector<size_t>> add_events(CompiledPlan& plan, uint32_t source,
                                                     const std::string& name, SourcePos pos);
/// The same for `contract.Event`.
[[nodiscard]] Result<std::vector<size_t>> add_events(CompiledPlan& plan, const std::string& name,
                                                     SourcePos pos);
/// A mistake about one of several shapes that a name meant says how that one is named.
[[nodiscard]] Error of_shape(Error error, const CompiledPlan& plan,
                             const std::vector<size_t>& shapes, size_t index);

/// The contract's `filter`, for `source`, whose `topics0` are those of its `events` so far; without
/// `events` its events are those that are filtered.
[[nodiscard]] Status add_filters(const CompiledPlan& plan, const ContractConfig& contract,
                                 const evm::Abi& abi, Source& source);
/// The contract's `anonymous`: checked, and every log with as many topics as one of them is it.
[[nodiscard]] Status add_anonymous(CompiledPlan& plan, uint32_t source,
                                   const ContractConfig& contract);
/// What a handler's `when` says of topics joins the author's word for `event`; nothing to do for a
/// named one. `when` is null where there can be none. kInvalidArgument where nothing is said.
[[nodiscard]] Status tell_anonymous(const CompiledPlan& plan, PlanEvent& event,
                                    const std::vector<PlanCondition>* when, SourcePos pos);
/// An anonymous event that another one of the ABI looks like is refused.
[[nodiscard]] Status check_anonymous(const CompiledPlan& plan, uint32_t source,
                                     const evm::AbiEvent& event, SourcePos pos);

/// The `[[on]]` number `on` for each of its events; contracts and entities are there already.
[[nodiscard]] Status compile_handler(const HandlerConfig& handler, uint32_t on, CompiledPlan& plan);
/// Of two events of one handler, the last of each one's: where one log may be both, names must mean
/// the same in both.
[[nodiscard]] Status check_same_log(const CompiledPlan& plan, const PlanEvent& first,
                                    const PlanEvent& second, SourcePos pos);
/// A handler written in C++, bound to its event and parameters.
[[nodiscard]] Status compile_function(EventHandler function, CompiledPlan& plan);

/// Where names in a value may come from.
struct OperandScope {
    const CompiledPlan& plan;
    const PlanEvent* event = nullptr;            ///< null: no event, as in `drop`
    const storage::EntityLayout* row = nullptr;  ///< names are this entity's fields
    std::span<const std::string> each;           ///< names that mean an element
    storage::TxnNeeds txn_needs;                 ///< what values ask for
    /// Of `row`: key fields and look-ups are known too.
    bool is_outside_fold = false;
    /// Those that `$call` may name.
    std::span<const std::shared_ptr<const PlanCall>> calls = {};
    /// Of a handler: the row it works on, and its key as it is written.
    const storage::EntityLayout* handled = nullptr;
    std::span<const Assignment> handled_key = {};
    int lazy_parts = 0;  ///< around the value: those that only some events reach
    [[nodiscard]] bool is_lazy() const noexcept { return lazy_parts > 0; }
};

/// While it lives, what is compiled is reached only by some events, where `is_lazy` says so.
class LazyPart {
  public:
    LazyPart(OperandScope& scope, bool is_lazy) noexcept : scope_{scope}, count_{is_lazy ? 1 : 0} {
        scope_.lazy_parts += count_;
    }
    LazyPart(const LazyPart&) = delete;
    LazyPart& operator=(const LazyPart&) = delete;
    ~LazyPart() { scope_.lazy_parts -= count_; }

  private:
    OperandScope& scope_;
    int count_;
};

/// The handler's `calls`, in their order, into `out.calls`; each may use those before it.
[[nodiscard]] Status compile_calls(const HandlerConfig& handler, OperandScope& scope,
                                   PlanHandler& out);
/// `$call.NAME` and what of its answer is meant.
/// A `$call.NAME` whose call has no default.
[[nodiscard]] bool call_may_lack(const OperandScope& scope, const Operand& operand) noexcept;
[[nodiscard]] Result<PlanOperand> compile_call_fact(const OperandScope& scope,
                                                    const Operand& operand);
/// Whether the log, and what its `once` calls answer, tell the value: nothing that is folded does.
/// False for a look-up and for other calls.
[[nodiscard]] bool is_known_ahead(const PlanOperand& operand) noexcept;

/// The field type that holds a value of `type`; false for arrays and tuples.
[[nodiscard]] bool field_type_of(const evm::AbiType& type, storage::FieldType& out) noexcept;
/// Resolves a parameter that is one value; messages name the event and what it has instead.
[[nodiscard]] Result<PlanOperand> compile_param(const OperandScope& scope,
                                                const std::vector<std::string>& path,
                                                SourcePos pos);

/// How a value meets the type it is for.
enum class OperandUse : uint8_t {
    kStore,   ///< goes into a field or key of that type
    kAmount,  ///< is added, subtracted or compared: any number will do
    kPlace,   ///< is a place in the event: no function makes another value of it
};
/// Compiles `operand` for something of type `target`; `purpose` names that for messages
/// ("field 'name'"). `set` of an optional field takes a null too.
[[nodiscard]] Result<PlanOperand> compile_operand(OperandScope& scope, const Operand& operand,
                                                  storage::FieldType target,
                                                  const std::string& purpose, OperandUse use);
[[nodiscard]] Result<PlanCondition> compile_condition(OperandScope& scope,
                                                      const Condition& condition);
/// Anything but a literal, with its own type; `wanted` as for `compile_expression`.
[[nodiscard]] Result<PlanOperand> compile_leaf(OperandScope& scope, const Operand& operand,
                                               std::optional<storage::FieldType> wanted = {});
/// The row that `exists` asks for: a look-up without a field.
[[nodiscard]] Result<PlanOperand> compile_row(OperandScope& scope, const Operand& operand);
/// The optional field that `exists` asks for: a look-up, or a field of the row at hand.
[[nodiscard]] Result<PlanOperand> compile_optional(OperandScope& scope, const Operand& operand);
/// Whether `operand` is a field that may be unset.
[[nodiscard]] bool names_optional(const OperandScope& scope, const Operand& operand) noexcept;
/// An operator or a function with what it works on. `wanted` is what literals are read as where
/// nothing else tells their type, and where it is optional the result may be a null; the result's
/// type is the caller's to check.
[[nodiscard]] Result<PlanOperand> compile_expression(OperandScope& scope, const Operand& operand,
                                                     std::optional<storage::FieldType> wanted);
/// What the program gives for every event; nothing where that differs, fails, or is no number.
[[nodiscard]] std::optional<evm::Int512> constant_number(const ExpressionProgram& program);
/// A literal as a value of `target`.
[[nodiscard]] Result<PlanOperand> compile_literal(const CompiledPlan& plan, const Operand& operand,
                                                  storage::FieldType target,
                                                  const std::string& purpose);
/// `error` of a value that could not be read, for whoever may have meant a text or the name of an
/// enum, as `wanted` says, and left out the quotes.
[[nodiscard]] Error or_text(const OperandScope& scope, Error error, const Operand& operand,
                            storage::FieldType wanted);
/// Where one of two values that do not compare is an indexed parameter, of which a log holds only
/// the hash: that, and how the comparison by `sign` is written. Else empty.
[[nodiscard]] std::string hash_hint(const OperandScope& scope, const Operand& a, const Operand& b,
                                    std::string_view sign);
/// "; hex(x) makes one of it": how a value `source` of type `is` becomes one of `wanted`. Empty
/// where nothing does.
[[nodiscard]] std::string how_to_make(storage::FieldType wanted, storage::FieldType is,
                                      std::string_view source);
[[nodiscard]] bool is_literal(const Operand& operand) noexcept;
/// Why a `type` cannot be proven from the word of storage that `slot` names; empty where it can.
/// `what` is the word for it: "field".
[[nodiscard]] std::string slot_mistake(const SlotConfig& slot, storage::FieldType type,
                                       std::string_view what);
/// A look-up's entity and field, checked; `keys` are left to the caller.
struct LookupTarget {
    uint32_t entity = 0;
    uint16_t field = 0;
};
[[nodiscard]] Result<LookupTarget> resolve_lookup(const CompiledPlan& plan, const Operand& operand);
/// The source of that contract name, or -1.
[[nodiscard]] int find_source(const CompiledPlan& plan, std::string_view contract) noexcept;
[[nodiscard]] std::vector<std::string> contract_names(const CompiledPlan& plan);

/// `state` and `count` of every entity.
[[nodiscard]] Status compile_states(const Config& config, CompiledPlan& plan);

/// Hex of a hash over all that the fold depends on.
/// How a schema's fingerprint ends where handlers in C++ make its entities too: so a database tells
/// programs that do not have them.
inline constexpr std::string_view kFunctionsMark = "+functions";
[[nodiscard]] std::string schema_fingerprint(const Config& config, const CompiledPlan& plan);
/// Once all sources have their own fingerprints: those with a factory get theirs from that and from
/// their factories'. There is no circle of factories.
void name_children(std::vector<Source>& sources);
/// Behind all else that reads fingerprints: what is folded does not depend on it, what has to be
/// fetched does.
void name_wanted_events(std::vector<Source>& sources);
/// `factories`: what announces its contracts, each as a text.
[[nodiscard]] std::string source_fingerprint(const ContractConfig& contract,
                                             const std::vector<std::string>& factories,
                                             const Source& source);

}  // namespace plumbline::engine
