// `[[on]]` and handlers written in C++: bound to their events, names of fields and parameters
// resolved.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/config/config_text.hpp"
#include "engine/mapping/block_tick.hpp"
#include "engine/mapping/expression_program.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

namespace {

std::string_view to_string(OpKind kind) noexcept {
    switch (kind) {
        case OpKind::kSet: return "set";
        case OpKind::kAdd: return "add";
        case OpKind::kSub: return "sub";
        case OpKind::kMin: return "min";
        case OpKind::kMax: return "max";
    }
    return "op";
}

/// One handler of the config, for each of its events. One thread.
class HandlerCompiler {
  public:
    HandlerCompiler(const HandlerConfig& handler, uint32_t on, CompiledPlan& plan)
        : handler_{handler},
          on_{on},
          plan_{plan} {}

    [[nodiscard]] Status run();

  private:
    [[nodiscard]] Error mistake(SourcePos pos, std::string_view message) const {
        return mistake_at(plan_.config_path, pos, message);
    }
    [[nodiscard]] Status bind(uint32_t entity, PlanEvent& event);
    [[nodiscard]] Status bind_each(const PlanEvent& event, PlanHandler& out) const;
    [[nodiscard]] Status bind_key(OperandScope& scope, PlanHandler& out) const;
    [[nodiscard]] Status bind_ops(const std::vector<Assignment>& list, OpKind kind,
                                  OperandScope& scope, PlanHandler& out) const;
    [[nodiscard]] Result<uint16_t> op_field(const Assignment& assignment, OpKind kind,
                                            const PlanHandler& out) const;

    const HandlerConfig& handler_;
    uint32_t on_;
    CompiledPlan& plan_;
};

Status HandlerCompiler::run() {
    const auto entity =
        std::ranges::find(plan_.entities, handler_.entity, &storage::EntityLayout::name);
    if (entity == plan_.entities.end()) {
        std::vector<std::string> known;
        for (const storage::EntityLayout& layout : plan_.entities) {
            known.push_back(layout.name);
        }
        return mistake(handler_.pos,
                       fmt::format("{}: unknown entity '{}'{}", to_string(handler_.action),
                                   handler_.entity, suggest(handler_.entity, known)));
    }
    if (handler_.every_blocks != 0) {
        const int source = find_source(plan_, tick_contract(handler_.every_blocks));
        PLUMBLINE_TRY(const std::vector<size_t> ticks,
                      add_events(plan_, static_cast<uint32_t>(source), "Tick", handler_.pos));
        return bind(static_cast<uint32_t>(entity - plan_.entities.begin()),
                    plan_.events[ticks.front()]);
    }
    if (handler_.events.empty()) {
        return mistake(handler_.pos, "the handler names no event");
    }
    Mistakes mistakes;
    std::vector<size_t> seen;
    for (const std::string& name : handler_.events) {
        const auto found = add_events(plan_, name, handler_.pos);
        if (!mistakes.add(found)) {
            continue;
        }
        const std::vector<size_t>& shapes = *found;
        for (const size_t event : shapes) {
            if (std::ranges::find(seen, event) != seen.end()) {
                return mistake(handler_.pos,
                               fmt::format("event {} stands here twice", in_quotes(name)));
            }
            seen.push_back(event);
            if (Status bound = bind(static_cast<uint32_t>(entity - plan_.entities.begin()),
                                    plan_.events[event]);
                !bound) {
                mistakes.add(Status{of_shape(std::move(bound).error(), plan_, shapes, event)});
                return mistakes.all();  // Other events would mostly say the same.
            }
            for (const size_t other : seen) {
                PLUMBLINE_TRY_VOID(
                    check_same_log(plan_, plan_.events[other], plan_.events[event], handler_.pos));
            }
        }
    }
    return mistakes.all();
}

Status HandlerCompiler::bind(uint32_t entity, PlanEvent& event) {
    PlanHandler out;
    out.pos = handler_.pos;
    out.action = handler_.action;
    out.entity = entity;
    out.on = on_;
    PLUMBLINE_TRY_VOID(bind_each(event, out));
    OperandScope scope{plan_, &event, nullptr, out.each_names, {}};
    scope.handled = &plan_.entities[entity];
    scope.handled_key = handler_.key;
    PLUMBLINE_TRY_VOID(compile_calls(handler_, scope, out));
    Mistakes mistakes;
    for (const Condition& condition : handler_.when) {
        Result<PlanCondition> compiled = compile_condition(scope, condition);
        if (mistakes.add(compiled)) {
            out.when.push_back(*std::move(compiled));
        }
    }
    out.has_early_when = std::ranges::all_of(out.when, [](const PlanCondition& condition) {
        return is_known_ahead(condition.left) && is_known_ahead(condition.right);
    });
    if (mistakes.all()) {
        mistakes.add(tell_anonymous(plan_, event, &out.when, handler_.pos));
    }
    mistakes.add(bind_key(scope, out));
    mistakes.add(bind_ops(handler_.set, OpKind::kSet, scope, out));
    mistakes.add(bind_ops(handler_.add, OpKind::kAdd, scope, out));
    mistakes.add(bind_ops(handler_.sub, OpKind::kSub, scope, out));
    mistakes.add(bind_ops(handler_.min, OpKind::kMin, scope, out));
    mistakes.add(bind_ops(handler_.max, OpKind::kMax, scope, out));
    PLUMBLINE_TRY_VOID(mistakes.all());
    event.txn_needs.add(scope.txn_needs);
    event.has_calls = event.has_calls || !out.calls.empty();
    for (const auto& call : out.calls) {
        if (!call->storage.slots.empty()) {
            plan_.call_storage.push_back(call->storage);
        }
    }
    plan_.asks_head = plan_.asks_head || std::ranges::any_of(out.calls, [](const auto& call) {
                          return call->at_head;
                      });
    event.handlers.push_back(std::move(out));
    return ok();
}

Status HandlerCompiler::bind_each(const PlanEvent& event, PlanHandler& out) const {
    for (size_t i = 0; i < handler_.each.size(); ++i) {
        const std::string& name = handler_.each[i];
        const SourcePos pos = i < handler_.each_pos.size() ? handler_.each_pos[i] : handler_.pos;
        auto path = event.decoder.compile_path(name);
        if (!path) {
            return mistake(pos, fmt::format("each: {}: {}", event.name, path.error().message));
        }
        if (path->hashed) {
            return mistake(pos, fmt::format("each: {}: '{}' is indexed: a log holds only its hash",
                                            event.name, name));
        }
        if (!path->type.is_array()) {
            return mistake(pos, fmt::format("each: {}: '{}' is {}, not an array", event.name, name,
                                            to_string(path->type)));
        }
        out.each.push_back(*std::move(path));
        out.each_names.push_back(name);
    }
    return ok();
}

/// Whether the decoded log alone tells the value.
bool is_of_event(const PlanOperand& operand) noexcept {
    using Kind = PlanOperand::Kind;
    switch (operand.kind) {
        case Kind::kParam:
        case Kind::kLiteral:
        case Kind::kTxnHash:
        case Kind::kTxnIndex:
        case Kind::kLogIndex:
        case Kind::kLogAddress:
        case Kind::kEachIndex: return true;
        case Kind::kExpression: return std::ranges::all_of(operand.program->leaves, is_of_event);
        default: return false;
    }
}

Status HandlerCompiler::bind_key(OperandScope& scope, PlanHandler& out) const {
    const storage::EntityLayout& layout = plan_.entities[out.entity];
    for (const Assignment& assignment : handler_.key) {
        if (find_field(layout.key, assignment.field) < 0) {
            return mistake(
                assignment.pos,
                fmt::format("'{}' is no key field of '{}'{}", assignment.field, layout.name,
                            suggest(assignment.field, names_of(layout.key))));
        }
    }
    Mistakes mistakes;
    for (const storage::Field& field : layout.key) {
        const auto found = std::ranges::find(handler_.key, field.name, &Assignment::field);
        if (found == handler_.key.end()) {
            return mistake(handler_.pos,
                           fmt::format("{} of '{}': key field '{}' is missing; the key is {}",
                                       to_string(handler_.action), layout.name, field.name,
                                       fmt::join(names_of(layout.key), ", ")));
        }
        auto operand = compile_operand(scope, found->value, field.type,
                                       fmt::format("key field '{}.{}'", layout.name, field.name),
                                       OperandUse::kStore);
        if (mistakes.add(operand)) {
            out.key.push_back(*std::move(operand));
        }
    }
    PLUMBLINE_TRY_VOID(mistakes.all());
    out.has_early_key = std::ranges::all_of(out.key, is_of_event);
    return ok();
}

/// The field that the assignment changes, which may be changed that way.
Result<uint16_t> HandlerCompiler::op_field(const Assignment& assignment, OpKind kind,
                                           const PlanHandler& out) const {
    const storage::EntityLayout& layout = plan_.entities[out.entity];
    if (out.action == HandlerAction::kDelete) {
        return mistake(assignment.pos,
                       fmt::format("delete of '{}' takes no {}", layout.name, to_string(kind)));
    }
    const int index = find_field(layout.fields, assignment.field);
    if (index < 0) {
        if (find_field(layout.key, assignment.field) >= 0) {
            return mistake(assignment.pos,
                           fmt::format("{}: '{}' is part of the key of '{}': a row keeps its "
                                       "key, so delete and insert instead",
                                       to_string(kind), assignment.field, layout.name));
        }
        return mistake(
            assignment.pos,
            fmt::format("{}: '{}' has no field '{}'{}", to_string(kind), layout.name,
                        assignment.field, suggest(assignment.field, names_of(layout.fields))));
    }
    const storage::FieldType type = layout.fields[static_cast<size_t>(index)].type;
    if (kind != OpKind::kSet && !type.is_number()) {
        return mistake(assignment.pos,
                       fmt::format("{}: field '{}.{}' is {}, not a number", to_string(kind),
                                   layout.name, assignment.field, to_string(type)));
    }
    return static_cast<uint16_t>(index);
}

Status HandlerCompiler::bind_ops(const std::vector<Assignment>& list, OpKind kind,
                                 OperandScope& scope, PlanHandler& out) const {
    const storage::EntityLayout& layout = plan_.entities[out.entity];
    Mistakes mistakes;
    for (const Assignment& assignment : list) {
        const auto field = op_field(assignment, kind, out);
        if (!mistakes.add(field)) {
            continue;
        }
        auto value =
            compile_operand(scope, assignment.value, layout.fields[*field].type,
                            fmt::format("field '{}.{}'", layout.name, assignment.field),
                            kind == OpKind::kSet ? OperandUse::kStore : OperandUse::kAmount);
        if (mistakes.add(value)) {
            PlanOp op;
            op.kind = kind;
            op.field = *field;
            op.value = *std::move(value);
            out.ops.push_back(std::move(op));
        }
    }
    return mistakes.all();
}

Result<PlanFunction::Param> bind_param(const CompiledPlan& plan, const PlanEvent& event,
                                       const std::string& text) {
    const auto located = [&](std::span<const std::string> each) -> Result<evm::ValuePath> {
        auto path = event.decoder.compile_path(text, each);
        if (!path) {
            return mistake_at(plan.config_path, {},
                              fmt::format("{}: {}", event.name, path.error().message));
        }
        return path;
    };
    PlanFunction::Param param;
    PLUMBLINE_TRY(param.path, located({}));
    if (param.path.type.is_array() && !param.path.hashed) {
        param.is_array = true;
        param.array = param.path;
        PLUMBLINE_TRY(param.path, located(std::span{&text, 1}));
    }
    if (!field_type_of(param.path.type, param.type)) {
        return mistake_at(plan.config_path, {},
                          fmt::format("{}: '{}' is {}, not one value or an array of them",
                                      event.name, text, to_string(param.path.type)));
    }
    return param;
}

}  // namespace

Status compile_handler(const HandlerConfig& handler, uint32_t on, CompiledPlan& plan) {
    return HandlerCompiler{handler, on, plan}.run();
}

Status compile_function(EventHandler function, CompiledPlan& plan) {
    const auto in_handler = [&function](Error error) {
        return std::move(error).with_context(fmt::format("C++ handler '{}'", function.name));
    };
    if (function.name.empty() || function.version.empty() || !function.run) {
        return in_handler(
            Error{ErrorCode::kInvalidArgument, "it needs a name, a version and a function"});
    }
    const auto shapes = add_events(plan, function.event, {});
    if (!shapes) {
        return in_handler(shapes.error());
    }
    for (const size_t index : *shapes) {
        PlanEvent& event = plan.events[index];
        if (const Status told = tell_anonymous(plan, event, nullptr, {}); !told) {
            return in_handler(told.error());
        }
        PlanFunction bound;
        for (const std::string& name : function.params) {
            auto param = bind_param(plan, event, name);
            if (!param) {
                return in_handler(of_shape(std::move(param).error(), plan, *shapes, index));
            }
            bound.params.push_back(*std::move(param));
        }
        event.txn_needs.add(
            {function.needs_txn || function.needs_txn_body || function.needs_receipt,
             function.needs_txn_body, function.needs_receipt});
        bound.handler = function;
        event.functions.push_back(std::move(bound));
    }
    return ok();
}

}  // namespace plumbline::engine
