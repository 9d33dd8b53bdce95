#include "engine/fold/handler_runner.hpp"

#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/evm/decimal_text.hpp"
#include "storage/entity_key.hpp"
#include "storage/key_text.hpp"

namespace plumbline::engine {

namespace {

using storage::FieldKind;
using storage::FieldType;
using storage::RowCodec;
using Kind = PlanOperand::Kind;

/// Of one event; the rest of very long arrays is not worth it.
constexpr size_t kForeseenKeysMax = 64;

evm::U256 word_of(const evm::Address& address) noexcept {
    return evm::U256::from_be(address.view());
}
evm::U256 word_of(const evm::Hash& hash) noexcept {
    return evm::U256::from_be(hash.view());
}

std::string behind_the_end(std::string_view place) {
    return fmt::format("'{}' lies behind the end of an array", place);
}

}  // namespace

bool HandlerRunner::fail(std::string reason) {
    violation_ = std::move(reason);
    return false;
}

std::string HandlerRunner::row_name(uint32_t entity, std::string_view key) const {
    const storage::EntityLayout& layout = plan_.entities[entity];
    return fmt::format("'{}' ({})", layout.name, storage::key_text(layout, key));
}

std::string& HandlerRunner::next_text() {
    if (texts_used_ == texts_.size()) {
        texts_.emplace_back();
    }
    std::string& text = texts_[texts_used_++];
    text.clear();
    return text;
}

bool HandlerRunner::run(EventScope& scope, const ForeseenKeys* predecoded) {
    trouble_.reset();
    written_bytes_ = 0;
    foreseen_ = predecoded;
    next_foreseen_ = 0;
    for (const PlanHandler& handler : scope.event.handlers) {
        if (!run_handler(handler, scope)) {
            return false;
        }
    }
    for (const PlanFunction& function : scope.event.functions) {
        if (!run_function(function, scope)) {
            return false;
        }
    }
    return true;
}

bool HandlerRunner::run_shared(std::span<EventScope> scopes) {
    trouble_.reset();
    written_bytes_ = 0;
    foreseen_ = nullptr;
    turns_.clear();
    for (EventScope& scope : scopes) {
        for (const PlanHandler& handler : scope.event.handlers) {
            const bool has_turn = std::ranges::any_of(turns_, [&](const Turn& turn) {
                return turn.scope != &scope && turn.handler->on == handler.on;
            });
            if (!has_turn) {
                turns_.push_back({&handler, &scope});
            }
        }
    }
    std::ranges::stable_sort(turns_, {}, [](const Turn& turn) { return turn.handler->on; });
    for (const Turn& turn : turns_) {
        if (!run_handler(*turn.handler, *turn.scope)) {
            return false;
        }
    }
    for (EventScope& scope : scopes) {
        for (const PlanFunction& function : scope.event.functions) {
            if (!run_function(function, scope)) {
                return false;
            }
        }
    }
    return true;
}

void HandlerRunner::decode_ahead(EventScope& scope, ForeseenKeys& out) {
    out.clear();
    expressions_.forget();
    for (const PlanHandler& handler : scope.event.handlers) {
        if (!handler.has_early_key) {
            continue;
        }
        uint32_t count = 1;
        if (!handler.each.empty()) {
            const evm::Value* list = scope.decoded.get(handler.each[0]);
            count = list == nullptr ? 0 : list->size;
        }
        for (uint32_t i = 0; i < count && out.keys.size() < kForeseenKeysMax; ++i) {
            scope.each = i;
            if (!make_key(handler.key, scope, key_)) {
                continue;  // Its turn will tell why.
            }
            out.keys.push_back({&handler, i, static_cast<uint32_t>(out.bytes.size()),
                                static_cast<uint32_t>(key_.size()),
                                EntityCache::hash_of(handler.entity, key_)});
            out.bytes += key_;
        }
    }
}

const ForeseenKeys::Key* HandlerRunner::take_foreseen(const PlanHandler& handler,
                                                      uint32_t each) noexcept {
    if (foreseen_ == nullptr) {
        return nullptr;
    }
    const std::vector<ForeseenKeys::Key>& keys = foreseen_->keys;
    while (next_foreseen_ < keys.size() &&
           (keys[next_foreseen_].handler < &handler ||
            (keys[next_foreseen_].handler == &handler && keys[next_foreseen_].each < each))) {
        ++next_foreseen_;
    }
    if (next_foreseen_ == keys.size() || keys[next_foreseen_].handler != &handler ||
        keys[next_foreseen_].each != each) {
        return nullptr;
    }
    return &keys[next_foreseen_];
}

bool HandlerRunner::run_function(const PlanFunction& function, EventScope& scope) {
    texts_used_ = 0;
    scope.each = 0;
    Status status = call_function(function, plan_, *this, scope);
    if (trouble_) {
        return false;  // even where the handler passed over it
    }
    if (status) {
        return true;
    }
    if (status.error().code == ErrorCode::kInvalidArgument ||
        status.error().code == ErrorCode::kNotFound) {
        return fail(fmt::format("{}: {}", function.handler.name, status.error().message));
    }
    trouble_ = std::move(status).error();
    return false;
}

bool HandlerRunner::run_handler(const PlanHandler& handler, EventScope& scope) {
    const bool has_run = run_items(handler, scope);
    if (!has_run && trace_ != nullptr) {
        trace_->failed = &handler;
    }
    return has_run;
}

bool HandlerRunner::run_items(const PlanHandler& handler, EventScope& scope) {
    scope.each = 0;
    if (handler.each.empty()) {
        return run_once(handler, scope);
    }
    uint32_t count = 0;
    for (size_t i = 0; i < handler.each.size(); ++i) {
        const evm::Value* list = scope.decoded.get(handler.each[i]);
        if (list == nullptr) {
            return fail(fmt::format("each: {}", behind_the_end(handler.each_names[i])));
        }
        if (i == 0) {
            count = list->size;
        } else if (list->size != count) {
            return fail(fmt::format("each: '{}' has {} element{}, but '{}' has {}",
                                    handler.each_names[0], count, count == 1 ? "" : "s",
                                    handler.each_names[i], list->size));
        }
    }
    for (uint32_t i = 0; i < count; ++i) {
        scope.each = i;
        if (!run_once(handler, scope)) {
            return false;
        }
    }
    return true;
}

bool HandlerRunner::run_once(const PlanHandler& handler, const EventScope& scope) {
    texts_used_ = 0;
    expressions_.forget();
    bool wanted = true;
    if (!handler.when.empty() && !test(handler.when, scope, {}, wanted)) {
        return false;
    }
    if (trace_ != nullptr) {
        trace_->steps.push_back({&handler, wanted});
    }
    if (!wanted) {
        return true;
    }
    const ForeseenKeys::Key* known = take_foreseen(handler, scope.each);
    PLUMBLINE_DCHECK(known == nullptr ||
                     (make_key(handler.key, scope, key_) && key_ == foreseen_->text(*known)));
    if (known == nullptr && !make_key(handler.key, scope, key_)) {
        return false;
    }
    EntityCache::Entry* entry = known == nullptr
                                    ? find(handler.entity, key_)
                                    : find(handler.entity, foreseen_->text(*known), known->hash);
    if (entry == nullptr || !open_row(handler.action, handler.entity, *entry, scope)) {
        return false;
    }
    if (handler.action == HandlerAction::kDelete) {
        return true;
    }
    for (const PlanOp& op : handler.ops) {
        ValueView value;
        if (!eval(op.value, scope, {}, value)) {
            violation_ =
                fmt::format("{} of {}: field '{}': {}", to_string(handler.action),
                            row_name(handler.entity, entry->key),
                            plan_.entities[handler.entity].fields[op.field].name, violation_);
            return false;
        }
        const FieldType type = op.value.kind == Kind::kExpression ? amount_type_ : op.value.type;
        if (!change(op.kind, handler.entity, op.field, *entry, value, type)) {
            return false;
        }
    }
    return close_row(handler.entity, *entry, scope);
}

bool HandlerRunner::test(const std::vector<PlanCondition>& conditions, const EventScope& scope,
                         std::string_view row, bool& out) {
    out = true;
    for (const PlanCondition& condition : conditions) {
        ValueView left;
        ValueView right;
        if (!eval(condition.left, scope, row, left) || !eval(condition.right, scope, row, right)) {
            return false;
        }
        if (!holds(condition.op, left, condition.left.type, right, condition.right.type)) {
            out = false;
            return true;
        }
    }
    return true;
}

bool HandlerRunner::make_key(const std::vector<PlanOperand>& operands, const EventScope& scope,
                             std::string& out) {
    out.clear();
    for (const PlanOperand& operand : operands) {
        ValueView value;
        if (!eval(operand, scope, {}, value)) {
            return false;
        }
        if (operand.target.is_dynamic()) {
            storage::append_key_dynamic(out, value.bytes);
        } else {
            storage::append_key_word(out, operand.target, value.word);
        }
    }
    return true;
}

bool HandlerRunner::eval(const PlanOperand& operand, const EventScope& scope, std::string_view row,
                         ValueView& out) {
    switch (operand.kind) {
        case Kind::kParam: {
            const evm::Value* value =
                operand.param >= 0 ? &scope.decoded.params()[static_cast<size_t>(operand.param)]
                                   : scope.decoded.get(operand.path, scope.each);
            if (value == nullptr) {
                return fail(behind_the_end(operand.source));
            }
            if (value->kind == evm::ValueKind::kBytes) {
                out.bytes = as_chars(value->bytes());
                return true;
            }
            out.word = value->word;
            break;
        }
        case Kind::kLiteral:
            out.word = operand.word;
            out.bytes = operand.bytes;
            out.is_null = operand.is_null;
            return true;
        case Kind::kBlockNumber: out.word = scope.block.block_num; break;
        case Kind::kBlockHash: out.word = word_of(scope.block.hash); break;
        case Kind::kBlockTimestamp: out.word = scope.block.timestamp; break;
        case Kind::kTxnHash: out.word = word_of(scope.log.txn_hash); break;
        case Kind::kTxnIndex: out.word = scope.log.txn_index; break;
        case Kind::kTxnFrom: out.word = word_of(scope.txn->from); break;
        case Kind::kTxnTo: out.word = word_of(scope.txn->to.value_or(evm::Address{})); break;
        case Kind::kTxnValue: out.word = scope.txn->value; break;
        case Kind::kTxnInput: out.bytes = scope.txn->body->input; return true;
        case Kind::kTxnNonce: out.word = scope.txn->body->nonce; break;
        case Kind::kTxnGas: out.word = scope.txn->body->gas; break;
        case Kind::kTxnType: out.word = scope.txn->body->type; break;
        case Kind::kReceiptGasUsed: out.word = scope.txn->receipt->gas_used; break;
        case Kind::kReceiptStatus: out.word = scope.txn->receipt->status; break;
        case Kind::kReceiptGasPrice: out.word = scope.txn->receipt->effective_gas_price; break;
        case Kind::kLogIndex: out.word = scope.log.log_index; break;
        case Kind::kLogAddress: out.word = word_of(scope.log.address); break;
        case Kind::kEachIndex: out.word = scope.each; break;
        case Kind::kField: {
            const RowCodec& codec = plan_.codecs[operand.entity];
            if (codec.is_null(row, operand.field)) {
                return lacks(operand, out,
                             [&] { return fmt::format("'{}' is null", operand.source); });
            }
            if (operand.type.is_dynamic()) {
                out.bytes = codec.raw(row, operand.field);
            } else {
                out.word = codec.word(row, operand.field);
            }
            return true;
        }
        case Kind::kLookup:
            if (!eval_lookup(operand, scope, out)) {
                return false;
            }
            break;
        case Kind::kKeyField: return fail("a row's key has no meaning in a handler");
        case Kind::kExpression: return eval_expression(operand, scope, row, out);
        case Kind::kCallFact:
            if (!eval_call(operand, scope, out)) {
                return false;
            }
            break;
    }
    if (operand.check_fit && !fits_number(out.word, operand.type, operand.target)) {
        return fail(fmt::format("'{}' is {}, which {} cannot hold", operand.source,
                                show_value(out, operand.type), to_string(operand.target)));
    }
    return true;
}

bool HandlerRunner::eval_lookup(const PlanOperand& operand, const EventScope& scope,
                                ValueView& out) {
    const EntityCache::Entry* entry = look_up(operand, scope);
    if (entry == nullptr) {
        return false;
    }
    if (!RowCodec::is_live(entry->row)) {
        return lacks(operand, out, [&] {
            return fmt::format("look-up of '{}': there is no {}", operand.source,
                               row_name(operand.entity, entry->key));
        });
    }
    const RowCodec& codec = plan_.codecs[operand.entity];
    if (codec.is_null(entry->row, operand.field)) {
        return lacks(operand, out, [&] {
            return fmt::format("look-up of '{}': it is null in {}", operand.source,
                               row_name(operand.entity, entry->key));
        });
    }
    if (operand.type.is_dynamic()) {
        // A copy: the row may change before the value is used.
        std::string& text = next_text();
        text = codec.raw(entry->row, operand.field);
        out.bytes = text;
    } else {
        out.word = codec.word(entry->row, operand.field);
    }
    return true;
}

const EntityCache::Entry* HandlerRunner::look_up(const PlanOperand& operand,
                                                 const EventScope& scope) {
    std::string& key = next_text();
    return make_key(operand.keys, scope, key) ? find(operand.entity, key) : nullptr;
}

/// What an expression sees of the event under way.
class HandlerRunner::Leaves final : public ExprLeaves {
  public:
    Leaves(HandlerRunner& runner, const EventScope& scope, std::string_view row)
        : runner_{runner},
          scope_{scope},
          row_{row} {}

    [[nodiscard]] State read(const PlanOperand& leaf, bool is_tolerated, ValueView& out) override {
        const bool was_tolerated = std::exchange(runner_.is_missing_tolerated_, is_tolerated);
        runner_.is_missing_ = false;
        const bool is_read = runner_.eval(leaf, scope_, row_, out);
        runner_.is_missing_tolerated_ = was_tolerated;
        return is_read ? State::kOk : state_of_failure();
    }
    [[nodiscard]] State exists(const PlanOperand& row, bool is_tolerated, bool& out) override {
        const bool was_tolerated = std::exchange(runner_.is_missing_tolerated_, is_tolerated);
        runner_.is_missing_ = false;
        const EntityCache::Entry* entry = runner_.look_up(row, scope_);
        runner_.is_missing_tolerated_ = was_tolerated;
        if (entry == nullptr) {
            return state_of_failure();
        }
        out = RowCodec::is_live(entry->row);
        return State::kOk;
    }
    [[nodiscard]] State elements(const PlanOperand& list, uint64_t& out) override {
        const evm::Value* value = scope_.decoded.get(list.path, scope_.each);
        if (value == nullptr) {
            return runner_.fail(behind_the_end(list.source)) ? State::kOk : State::kFailed;
        }
        out = value->size;
        return State::kOk;
    }

  private:
    /// Where nobody tolerates a missing row, its reason is written already.
    [[nodiscard]] State state_of_failure() const {
        return std::exchange(runner_.is_missing_, false) ? State::kMissing : State::kFailed;
    }

    HandlerRunner& runner_;
    const EventScope& scope_;
    std::string_view row_;
};

bool HandlerRunner::eval_expression(const PlanOperand& operand, const EventScope& scope,
                                    std::string_view row, ValueView& out) {
    using Outcome = ExpressionRunner::Outcome;
    Leaves leaves{*this, scope, row};
    ExprValue value;
    switch (expressions_.run(*operand.program, leaves, is_missing_tolerated_, value)) {
        case Outcome::kOk: break;
        case Outcome::kViolation: return fail(std::move(expressions_.reason()));
        case Outcome::kNull: out.is_null = true; return true;
        case Outcome::kMissing: is_missing_ = true; return false;
        case Outcome::kFailed: return false;
    }
    out.bytes = value.bytes;
    out.word = value.number.low_word();
    amount_type_ = operand.target;
    if (!operand.target.is_number()) {
        return true;
    }
    // An amount is any number that a word holds; what is stored must be one of the field's.
    FieldType into = operand.target;
    if (!operand.check_fit && into.places == 0) {
        into = {value.number.is_negative() ? FieldKind::kInt : FieldKind::kUint, 256};
        amount_type_ = into;
    }
    if (!number_to_word(value.number, into, out.word)) {
        return fail(fmt::format("'{}' is {}, which {} cannot hold", operand.source,
                                evm::decimal_text(value.number.to_decimal(), into.places),
                                to_string(into)));
    }
    return true;
}

EntityCache::Entry* HandlerRunner::find(uint32_t entity, std::string_view key, uint64_t hash) {
    EntityCache::Entry* entry = cache_->find(entity, key, hash);
    if (entry == nullptr) {
        trouble_ = cache_->error();
    }
    return entry;
}

void HandlerRunner::remove_row(uint32_t entity, EntityCache::Entry& entry,
                               const EventScope& scope) {
    if (plan_.entities[entity].keep_tombstones) {
        entry.row = plan_.codecs[entity].make_tombstone({scope.log.block_num, scope.log.log_index});
    } else {
        entry.row.clear();
    }
}

bool HandlerRunner::open_row(HandlerAction action, uint32_t entity, EntityCache::Entry& entry,
                             const EventScope& scope) {
    const bool live = RowCodec::is_live(entry.row);
    if (live ? action == HandlerAction::kInsert
             : action == HandlerAction::kUpdate || action == HandlerAction::kDelete) {
        return fail(fmt::format("{} of {}: {}", to_string(action), row_name(entity, entry.key),
                                live ? "there is such a row already" : "there is no such row"));
    }
    cache_->touch(entry);
    if (action == HandlerAction::kDelete) {
        remove_row(entity, entry, scope);
    } else if (!live) {
        entry.row = plan_.codecs[entity].empty_row();
    }
    return true;
}

bool HandlerRunner::change(OpKind kind, uint32_t entity, uint16_t field, EntityCache::Entry& entry,
                           const ValueView& value, FieldType type) {
    PLUMBLINE_DCHECK(RowCodec::is_live(entry.row));
    const RowCodec& codec = plan_.codecs[entity];
    const storage::Field& into = plan_.entities[entity].fields[field];
    if (kind == OpKind::kSet) {
        if (value.is_null) {
            codec.set_null(entry.row, field);
        } else if (into.type.is_dynamic()) {
            codec.set_dynamic(entry.row, field, value.bytes);
        } else {
            codec.set_word(entry.row, field, value.word);
        }
        return true;
    }
    const evm::U256 old = codec.word(entry.row, field);
    const bool was_null = into.type.optional && codec.is_null(entry.row, field);
    if (kind == OpKind::kAdd || kind == OpKind::kSub) {
        if (was_null) {
            return fail(fmt::format("{} of {}: '{}' is null: set it first",
                                    kind == OpKind::kAdd ? "add" : "sub",
                                    row_name(entity, entry.key), into.name));
        }
        const auto result = add_numbers(kind, old, into.type, value.word, type);
        if (!result) {
            return fail(fmt::format(
                "{} of {}: '{}' is {}: {} {} {} {}", kind == OpKind::kAdd ? "add" : "sub",
                row_name(entity, entry.key), into.name, show_value({old, {}}, into.type),
                kind == OpKind::kAdd ? "adding" : "subtracting", show_value(value, type),
                "leaves the range of", to_string(into.type)));
        }
        codec.set_word(entry.row, field, *result);
        return true;
    }
    const auto order = compare_numbers(value.word, type, old, into.type);
    if (!was_null && (kind == OpKind::kMin ? order >= 0 : order <= 0)) {
        return true;
    }
    if (!fits_number(value.word, type, into.type)) {
        return fail(fmt::format("{} of {}: '{}' is {}, which cannot hold {}",
                                kind == OpKind::kMin ? "min" : "max", row_name(entity, entry.key),
                                into.name, to_string(into.type), show_value(value, type)));
    }
    codec.set_word(entry.row, field, value.word);
    return true;
}

bool HandlerRunner::close_row(uint32_t entity, EntityCache::Entry& entry, const EventScope& scope) {
    PLUMBLINE_DCHECK(RowCodec::is_live(entry.row));
    written_bytes_ += entry.row.size();
    if (written_bytes_ > kEventBytesMax) {
        return fail(
            fmt::format("the event's rows have more than {} MiB together", kEventBytesMax >> 20U));
    }
    RowCodec::set_changed_at(entry.row, {scope.log.block_num, scope.log.log_index});
    const std::vector<PlanCondition>& drop = plan_.drops[entity];
    if (drop.empty()) {
        return true;
    }
    bool gone = false;
    if (!test(drop, scope, entry.row, gone)) {
        return trouble_
                   ? false
                   : fail(fmt::format("drop of {}: {}", row_name(entity, entry.key), violation_));
    }
    if (gone) {
        remove_row(entity, entry, scope);
    }
    return true;
}

}  // namespace plumbline::engine
