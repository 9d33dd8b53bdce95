// Runs an event's handlers on the cached rows: all of them, or none when one finds a rule
// violation.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/abi_decode.hpp"
#include "engine/calls/call_set.hpp"
#include "engine/fold/entity_cache.hpp"
#include "engine/fold/event_trace.hpp"
#include "engine/fold/fold.hpp"
#include "engine/mapping/compiled_plan.hpp"
#include "engine/mapping/expression_run.hpp"
#include "engine/mapping/value_math.hpp"

namespace plumbline::engine {

/// One decoded log with what surrounds it.
struct EventScope {
    const PlanEvent& event;
    const evm::Log& log;
    ByteView data;
    const storage::TxnFields* txn = nullptr;
    const FoldBlock& block;
    const evm::DecodedEvent& decoded;
    uint32_t each = 0;  ///< element of a handler's arrays
};

/// Keys of the rows that an event's handlers name, as far as they are known before its turn.
struct ForeseenKeys {
    struct Key {
        const PlanHandler* handler = nullptr;
        uint32_t each = 0;
        uint32_t at = 0;  ///< in `bytes`
        uint32_t size = 0;
        uint64_t hash = 0;  ///< EntityCache::hash_of
    };
    std::string bytes;
    std::vector<Key> keys;  ///< in the order in which handlers run

    void clear() {
        bytes.clear();
        keys.clear();
    }
    [[nodiscard]] std::string_view text(const Key& key) const noexcept {
        return std::string_view{bytes}.substr(key.at, key.size);
    }
};

/// The rows that one event leaves may have so many bytes together; what writes more is a rule
/// violation. Events are paid for by their own bytes, and a list of rows may repeat them for each.
inline constexpr size_t kEventBytesMax = size_t{16} << 20;

/// A contract call that a handler uses.
struct NeededCall {
    const PlanCall* call = nullptr;
    storage::CallKey key;
};

/// One thread. Keeps its buffers, so that an event allocates nothing once they have grown.
///
/// Its operations return bool, with the reason left in `violation` or `trouble`, where the rest of
/// the project returns Result: they run for each field of each event, and a Result of a value and
/// an error is several times as large as the values it would carry. `Fold` turns it into a Status
/// or a quarantine row once an event. `handler_call.cpp` does for each call of a C++ handler.
class HandlerRunner {
  public:
    HandlerRunner(const CompiledPlan& plan, EntityCache& cache) : plan_{plan}, cache_{&cache} {}
    /// One that runs nothing, for `list_calls`.
    explicit HandlerRunner(const CompiledPlan& plan) : plan_{plan} {}

    /// Where answers of contract calls are found; null: nowhere.
    void set_calls(CallSource* calls) noexcept { calls_ = calls; }
    /// The calls of the event's handlers as far as they can be told before it is folded, into
    /// `out`. A call whose address or arguments break a rule is left out: its turn will tell.
    [[nodiscard]] Status list_calls(EventScope& scope, std::vector<NeededCall>& out);

    /// All handlers of the event, the config's first. False: rule violation or trouble; the caller
    /// takes the event's changes back. `predecoded` may be null.
    [[nodiscard]] bool run(EventScope& scope, const ForeseenKeys* predecoded = nullptr);
    /// Told of each step of the config's handlers; null: nobody asks.
    void set_trace(EventTrace* trace) noexcept { trace_ = trace; }
    /// The same of one log that is an event of several contracts, decoded for each: handlers of all
    /// in file order, each `[[on]]` once, by the first that it names.
    [[nodiscard]] bool run_shared(std::span<EventScope> scopes);
    /// Works out the keys that depend on nothing but the event. `scope.block` is not looked at.
    void decode_ahead(EventScope& scope, ForeseenKeys& out);
    /// Why `run` or one of the operations below was false, for people.
    [[nodiscard]] const std::string& violation() const noexcept { return violation_; }
    /// Set where it was not the event's fault.
    [[nodiscard]] const std::optional<Error>& trouble() const noexcept { return trouble_; }

    // What C++ handlers use too. False sets `violation` or `trouble`.

    /// The entry of `key`, or null with `trouble` set.
    [[nodiscard]] EntityCache::Entry* find(uint32_t entity, std::string_view key) {
        return find(entity, key, EntityCache::hash_of(entity, key));
    }
    [[nodiscard]] EntityCache::Entry* find(uint32_t entity, std::string_view key, uint64_t hash);
    /// Makes the row ready to be changed as `action` asks for; it deletes where that is the action.
    [[nodiscard]] bool open_row(HandlerAction action, uint32_t entity, EntityCache::Entry& entry,
                                const EventScope& scope);
    /// One op on an open row; `type` is the value's.
    [[nodiscard]] bool change(OpKind kind, uint32_t entity, uint16_t field,
                              EntityCache::Entry& entry, const ValueView& value,
                              storage::FieldType type);
    /// Stamps the row and drops it where its entity's `drop` holds.
    [[nodiscard]] bool close_row(uint32_t entity, EntityCache::Entry& entry,
                                 const EventScope& scope);
    [[nodiscard]] bool fail(std::string reason);

  private:
    [[nodiscard]] bool run_handler(const PlanHandler& handler, EventScope& scope);
    [[nodiscard]] bool run_items(const PlanHandler& handler, EventScope& scope);
    [[nodiscard]] bool run_once(const PlanHandler& handler, const EventScope& scope);
    [[nodiscard]] const ForeseenKeys::Key* take_foreseen(const PlanHandler& handler,
                                                         uint32_t each) noexcept;
    [[nodiscard]] bool run_function(const PlanFunction& function, EventScope& scope);
    /// Null: it fails. `row` is for `drop`.
    [[nodiscard]] bool eval(const PlanOperand& operand, const EventScope& scope,
                            std::string_view row, ValueView& out);
    /// What an operand finds missing: a null, a case for ?? around it, or a rule violation.
    template <typename Reason>
    [[nodiscard]] bool lacks(const PlanOperand& operand, ValueView& out, Reason reason) {
        if (operand.takes_null) {
            out.is_null = true;
            return true;
        }
        if (is_missing_tolerated_) {
            is_missing_ = true;
            return false;
        }
        return fail(reason());
    }
    [[nodiscard]] bool eval_lookup(const PlanOperand& operand, const EventScope& scope,
                                   ValueView& out);
    [[nodiscard]] bool fail_of_call(const PlanCall& call, std::string_view part);
    [[nodiscard]] bool make_call(const PlanCall& call, const EventScope& scope,
                                 storage::CallKey& out);
    [[nodiscard]] bool eval_call(const PlanOperand& operand, const EventScope& scope,
                                 ValueView& out);
    [[nodiscard]] bool read_answer(const PlanOperand& operand, const storage::CallFact& fact,
                                   ValueView& out);
    class Leaves;
    [[nodiscard]] bool eval_expression(const PlanOperand& operand, const EventScope& scope,
                                       std::string_view row, ValueView& out);
    /// The row of a look-up's key; null: it fails.
    [[nodiscard]] const EntityCache::Entry* look_up(const PlanOperand& operand,
                                                    const EventScope& scope);
    [[nodiscard]] bool make_key(const std::vector<PlanOperand>& operands, const EventScope& scope,
                                std::string& out);
    [[nodiscard]] bool test(const std::vector<PlanCondition>& conditions, const EventScope& scope,
                            std::string_view row, bool& out);
    void remove_row(uint32_t entity, EntityCache::Entry& entry, const EventScope& scope);
    [[nodiscard]] std::string row_name(uint32_t entity, std::string_view key) const;
    std::string& next_text();

    const CompiledPlan& plan_;
    EntityCache* cache_ = nullptr;
    CallSource* calls_ = nullptr;
    std::vector<NeededCall>* evaluated_ = nullptr;  ///< where set, what is evaluated is appended
    evm::DecodedEvent answer_;                      ///< of the call looked at last
    std::string violation_;
    std::optional<Error> trouble_;
    std::string key_;
    const ForeseenKeys* foreseen_ = nullptr;  ///< of the event under way
    size_t next_foreseen_ = 0;
    std::deque<std::string> texts_;  ///< look-ups' keys and values, reused from handler to handler
    size_t texts_used_ = 0;
    struct Turn {
        const PlanHandler* handler = nullptr;
        EventScope* scope = nullptr;
    };
    std::vector<Turn> turns_;   ///< scratch of `run_shared`
    size_t written_bytes_ = 0;  ///< of the event under way: its rows as they were left
    ExpressionRunner expressions_;
    EventTrace* trace_ = nullptr;
    storage::FieldType amount_type_;  ///< of the last expression that was an amount
    /// Somebody catches a missing row: then `is_missing_` says it in place of a reason.
    bool is_missing_tolerated_ = false;
    bool is_missing_ = false;
};

/// Calls a C++ handler's function with a context of this event.
[[nodiscard]] Status call_function(const PlanFunction& function, const CompiledPlan& plan,
                                   HandlerRunner& runner, const EventScope& scope);

}  // namespace plumbline::engine
