// `calls` of a handler: which function of which address is asked with what, checked against the
// ABI, and `$call.NAME`, what of the answer is meant.
//
// An answer is fetched before its event is folded. So address and arguments may be made of the log,
// of literals and of what `once` calls before them answer, and of nothing that the fold makes.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/evm/abi_human.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/expression_program.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

namespace {

using storage::FieldKind;
using storage::FieldType;
using CallKind = PlanOperand::Kind;

constexpr FieldType kCallAddress{FieldKind::kAddress, 160};

/// One of them, for one event. One thread.
class CallCompiler {
  public:
    CallCompiler(const CallConfig& call, OperandScope& scope) : config_{call}, scope_{scope} {}

    [[nodiscard]] Result<std::shared_ptr<const PlanCall>> run();

  private:
    [[nodiscard]] Error wrong(std::string_view message) const {
        return mistake_at(scope_.plan.config_path, config_.pos,
                          fmt::format("call '{}': {}", config_.name, message));
    }
    [[nodiscard]] Result<evm::AbiFunction> find_function() const;
    [[nodiscard]] Result<PlanOperand> find_address() const;
    [[nodiscard]] Status add_args(const evm::AbiFunction& function, PlanCall& out) const;
    [[nodiscard]] Status add_defaults(const evm::AbiFunction& function, PlanCall& out) const;
    [[nodiscard]] Status add_slots(const evm::AbiFunction& function, PlanCall& out) const;
    [[nodiscard]] Result<CallStorage::Key> slot_key(const evm::AbiFunction& function,
                                                    const SlotConfig& slot,
                                                    const Operand& key) const;
    [[nodiscard]] Result<PlanOperand> known_ahead(const Operand& value, FieldType type,
                                                  const std::string& purpose) const;

    const CallConfig& config_;
    OperandScope& scope_;
};

std::string show_function(const evm::AbiFunction& function) {
    std::vector<std::string> outputs;
    for (const evm::AbiParam& output : function.outputs) {
        outputs.push_back(to_string(output.type));
    }
    return fmt::format("{}({})", function.signature(), fmt::join(outputs, ","));
}

Result<evm::AbiFunction> CallCompiler::find_function() const {
    if (config_.contract.empty()) {
        auto abi = evm::read_human_abi(config_.function);
        if (!abi) {
            std::string_view told = abi.error().message;
            constexpr std::string_view kFirst = "line 1: ";  // of the declaration
            told.remove_prefix(told.starts_with(kFirst) ? kFirst.size() : 0);
            return wrong(told);
        }
        if (abi->functions.size() != 1) {
            return wrong(fmt::format("{} declares no function that can be called",
                                     in_quotes(config_.function)));
        }
        return abi->functions.front();
    }
    const int source = find_source(scope_.plan, config_.contract);
    if (source < 0) {
        return wrong(fmt::format("unknown contract '{}'{}", config_.contract,
                                 suggest(config_.contract, contract_names(scope_.plan))));
    }
    auto found = scope_.plan.abis[static_cast<size_t>(source)].find_function(config_.function);
    if (!found) {
        return wrong(fmt::format("contract '{}': {}", config_.contract, found.error().message));
    }
    return **found;
}

/// `at`; without it the event's own contract, or the only one of the contract that is named.
Result<PlanOperand> CallCompiler::find_address() const {
    if (config_.at) {
        return known_ahead(*config_.at, kCallAddress, "at");
    }
    const uint64_t every = scope_.plan.sources[scope_.event->source].every_blocks;
    if (config_.contract.empty() && every != 0) {
        return wrong(
            "a handler of blocks has no contract of its own: say with at which address to "
            "ask");
    }
    const int named = config_.contract.empty() ? static_cast<int>(scope_.event->source)
                                               : find_source(scope_.plan, config_.contract);
    PlanOperand out;
    out.type = kCallAddress;
    out.target = kCallAddress;
    if (named == static_cast<int>(scope_.event->source)) {
        out.kind = CallKind::kLogAddress;
        out.source = "$log.address";
        return out;
    }
    const Source& source = scope_.plan.sources[static_cast<size_t>(named)];
    if (source.has_factory || source.addresses.size() != 1) {
        return wrong(fmt::format("contract '{}' has {}: say with at which one to ask",
                                 config_.contract,
                                 source.has_factory   ? "a factory"
                                 : source.any_address ? "any address"
                                                      : "several addresses"));
    }
    out.kind = CallKind::kLiteral;
    out.word = evm::U256::from_be(source.addresses.front().view());
    return out;
}

Result<PlanOperand> CallCompiler::known_ahead(const Operand& value, FieldType type,
                                              const std::string& purpose) const {
    PLUMBLINE_TRY(
        PlanOperand out,
        compile_operand(scope_, value, type, fmt::format("{} of call '{}'", purpose, config_.name),
                        OperandUse::kStore));
    if (!is_known_ahead(out)) {
        return mistake_at(
            scope_.plan.config_path, value.pos,
            fmt::format("{} of call '{}': '{}' is not known before the event is folded, and calls "
                        "are asked before that. Parameters, literals, $block, $txn, $log and what "
                        "calls with once = true answer are",
                        purpose, config_.name, out.source));
    }
    return out;
}

Status CallCompiler::add_args(const evm::AbiFunction& function, PlanCall& out) const {
    if (config_.args.size() != function.inputs.size()) {
        return wrong(fmt::format("{} takes {} argument{}, not {}", function.signature(),
                                 function.inputs.size(), function.inputs.size() == 1 ? "" : "s",
                                 config_.args.size()));
    }
    for (size_t i = 0; i < config_.args.size(); ++i) {
        FieldType type;
        if (!field_type_of(function.inputs[i].type, type)) {
            return wrong(fmt::format("argument {} of {} is {}: only single values can be given",
                                     i + 1, function.signature(),
                                     to_string(function.inputs[i].type)));
        }
        PLUMBLINE_TRY(PlanOperand arg,
                      known_ahead(config_.args[i], type, fmt::format("argument {}", i + 1)));
        out.args.push_back(std::move(arg));
        out.arg_dynamic.push_back(type.is_dynamic());
    }
    return ok();
}

Status CallCompiler::add_defaults(const evm::AbiFunction& function, PlanCall& out) const {
    if (config_.defaults.empty()) {
        return ok();
    }
    if (config_.defaults.size() != function.outputs.size()) {
        return wrong(fmt::format("{} returns {} value{}, but default has {}", function.signature(),
                                 function.outputs.size(), function.outputs.size() == 1 ? "" : "s",
                                 config_.defaults.size()));
    }
    for (size_t i = 0; i < config_.defaults.size(); ++i) {
        FieldType type;
        if (!field_type_of(function.outputs[i].type, type)) {
            return wrong(fmt::format("value {} of {} is {}: only single values have a default",
                                     i + 1, function.signature(),
                                     to_string(function.outputs[i].type)));
        }
        if (config_.defaults[i].kind == Operand::Kind::kNull) {
            return wrong(fmt::format(
                "a default is a value: leave it out, and write $call.{} ?? null where an optional "
                "field is set",
                config_.name));
        }
        if (!is_literal(config_.defaults[i])) {
            return wrong(fmt::format(
                "default takes literals, not '{}'{}", config_.defaults[i].source,
                or_text(scope_, {ErrorCode::kInvalidArgument, ""}, config_.defaults[i], type)
                    .message));
        }
        PLUMBLINE_TRY(PlanOperand value,
                      compile_literal(scope_.plan, config_.defaults[i], type,
                                      fmt::format("default of call '{}'", config_.name)));
        out.defaults.push_back(std::move(value));
    }
    return ok();
}

/// By its name or its position from 0; below 0: there is none.
int find_parameter(const std::vector<evm::AbiParam>& all, std::string_view text) {
    for (size_t i = 0; i < all.size(); ++i) {
        if ((!all[i].name.empty() && all[i].name == text) || fmt::to_string(i) == text) {
            return static_cast<int>(i);
        }
    }
    return -1;
}

/// An argument by name or as `$arg.N`, or a literal, which is a uint256 or a string.
Result<CallStorage::Key> CallCompiler::slot_key(const evm::AbiFunction& function,
                                                const SlotConfig& slot, const Operand& key) const {
    CallStorage::Key out;
    const bool is_text = key.kind == Operand::Kind::kString;
    if (is_literal(key)) {
        PLUMBLINE_TRY(
            const PlanOperand literal,
            compile_literal(
                scope_.plan, key,
                is_text ? FieldType{FieldKind::kString, 0} : FieldType{FieldKind::kUint, 256},
                fmt::format("a key of slot '{}' of call '{}'", slot.field, config_.name)));
        out.word = literal.word;
        out.bytes = literal.bytes;
        out.is_dynamic = is_text;
        return out;
    }
    const bool is_place =
        key.kind == Operand::Kind::kName && key.path.size() == 2 && key.path.front() == "$arg";
    const int arg = key.kind != Operand::Kind::kName
                        ? -1
                        : find_parameter(function.inputs, is_place ? key.path[1] : key.source);
    FieldType type;
    if (arg < 0 || !field_type_of(function.inputs[static_cast<size_t>(arg)].type, type)) {
        return mistake_at(scope_.plan.config_path, key.pos,
                          fmt::format("call '{}': a key in slots is an argument of {} that is one "
                                      "value, by its name or as $arg.0, or a literal, not '{}'",
                                      config_.name, function.signature(), key.source));
    }
    out.arg = static_cast<uint16_t>(arg);
    out.is_dynamic = type.is_dynamic();
    return out;
}

Status CallCompiler::add_slots(const evm::AbiFunction& function, PlanCall& out) const {
    out.storage.selector = out.selector;
    out.storage.values = static_cast<uint16_t>(function.outputs.size());
    if (out.at.kind == CallKind::kLiteral) {
        std::array<uint8_t, 32> word{};
        out.at.word.to_be(word.data());
        out.storage.at = evm::Address::from(ByteView{word}.subspan(12));
    }
    for (const SlotConfig& config : config_.slots) {
        const auto wrong_slot = [&](std::string_view message) {
            return mistake_at(scope_.plan.config_path, config.pos,
                              fmt::format("call '{}': slots: {}", config_.name, message));
        };
        const int value = find_parameter(function.outputs, config.field);
        if (value < 0) {
            return wrong_slot(
                fmt::format("{} returns no value '{}'; values go by their names or "
                            "by their positions from 0",
                            show_function(function), config.field));
        }
        CallStorage::Slot slot;
        slot.value = static_cast<uint16_t>(value);
        for (size_t i = 0; i <= slot.value; ++i) {
            if (!field_type_of(function.outputs[i].type, slot.type)) {
                return wrong_slot(
                    fmt::format("value {} is {}; only single values, with single "
                                "ones before them, can be proven from storage",
                                i, to_string(function.outputs[i].type)));
            }
        }
        slot.word = config.word;
        slot.offset = config.offset;
        if (const std::string wrong = slot_mistake(config, slot.type, "value"); !wrong.empty()) {
            return wrong_slot(wrong);
        }
        PLUMBLINE_TRY(const PlanOperand base,
                      compile_literal(scope_.plan, config.base, {FieldKind::kUint, 256},
                                      fmt::format("base of '{}'", config.field)));
        slot.base = base.word;
        for (const Operand& key : config.keys) {
            PLUMBLINE_TRY(CallStorage::Key compiled, slot_key(function, config, key));
            slot.keys.push_back(std::move(compiled));
        }
        out.storage.slots.push_back(std::move(slot));
    }
    return ok();
}

Result<std::shared_ptr<const PlanCall>> CallCompiler::run() {
    PLUMBLINE_TRY(evm::AbiFunction function, find_function());
    if (!function.read_only) {
        return wrong(
            fmt::format("{} is no getter: it may change the contract (view or pure is "
                        "missing)",
                        function.signature()));
    }
    if (function.outputs.empty()) {
        return wrong(fmt::format("{} returns nothing", function.signature()));
    }
    evm::AbiEvent answer;
    answer.name = function.name;
    answer.anonymous = true;
    answer.inputs = function.outputs;
    auto decoder = evm::EventDecoder::compile(std::move(answer));
    if (!decoder) {
        return wrong(decoder.error().message);
    }
    PLUMBLINE_TRY(PlanOperand at, find_address());
    auto out = std::make_shared<PlanCall>(PlanCall{config_.name,
                                                   show_function(function),
                                                   function.selector(),
                                                   std::move(at),
                                                   {},
                                                   {},
                                                   config_.is_once,
                                                   config_.at_head,
                                                   *std::move(decoder),
                                                   false,
                                                   {},
                                                   config_.pos});
    out->returns_text =
        function.outputs.size() == 1 && function.outputs[0].type.kind == evm::TypeKind::kString;
    PLUMBLINE_TRY_VOID(add_args(function, *out));
    PLUMBLINE_TRY_VOID(add_defaults(function, *out));
    PLUMBLINE_TRY_VOID(add_slots(function, *out));
    return std::shared_ptr<const PlanCall>{std::move(out)};
}

/// What `$call.NAME[0][1].part` names: the call, and where in its answer.
struct CallPath {
    std::string_view name;
    std::string_view brackets;          ///< "[0][1]": of the one value that the call returns
    std::span<const std::string> rest;  ///< the parts behind
};

CallPath call_path(const Operand& operand) {
    const std::string_view first = operand.path[1];
    const size_t end = std::min(first.find('['), first.size());
    return {first.substr(0, end), first.substr(end), std::span{operand.path}.subspan(2)};
}

/// The place of the answer that is meant.
std::string answer_path(const evm::AbiEvent& answer, const CallPath& path) {
    std::string text;
    for (const std::string& part : path.rest) {
        text += text.empty() ? part : "." + part;
    }
    const bool is_index = !text.empty() && text.front() >= '0' && text.front() <= '9';
    const bool is_tuple =
        answer.inputs.size() == 1 && answer.inputs[0].type.kind == evm::TypeKind::kTuple;
    if (text.empty() || is_tuple || !path.brackets.empty()) {
        return fmt::format("$arg.0{}{}{}", path.brackets, text.empty() ? "" : ".", text);
    }
    return is_index ? "$arg." + text : text;
}

/// By their names, or their positions where they have none.
std::vector<std::string> members_of(const evm::AbiType& tuple) {
    std::vector<std::string> out;
    for (size_t i = 0; i < tuple.children.size(); ++i) {
        const bool is_named = i < tuple.names.size() && !tuple.names[i].empty();
        out.push_back(is_named ? tuple.names[i] : fmt::to_string(i));
    }
    return out;
}

/// What is wrong with `path` as of an event's parameters, in whose place the values returned stand.
std::string of_values(std::string_view message, std::string_view path) {
    constexpr std::string_view kParameter = "no parameter ";
    if (const std::string quoted = fmt::format("\"{}\": ", path); message.starts_with(quoted)) {
        message.remove_prefix(quoted.size());
    }
    return message.starts_with(kParameter)
               ? fmt::format("no value {}", message.substr(kParameter.size()))
               : std::string{message};
}

bool asks_other_state(const PlanCall& a, const PlanCall& b) {
    return a.at_head != b.at_head;
}

/// For an address that both may ask it cannot be told whose slots count. Those of a literal address
/// count for it before those of any.
bool is_kept_elsewhere(const PlanCall& a, const PlanCall& b) {
    const CallStorage& one = a.storage;
    const CallStorage& other = b.storage;
    if (one.slots == other.slots) {
        return false;
    }
    if (one.at.has_value() == other.at.has_value()) {
        return one.at == other.at;
    }
    return (one.at ? one : other).slots.empty();
}

/// A call of the same function, of this handler or one before, that `differs`.
template <typename Differs>
const PlanCall* find_other(const CompiledPlan& plan, const PlanHandler& handler,
                           const PlanCall& call, Differs differs) {
    const auto find_in = [&](const PlanHandler& one) -> const PlanCall* {
        for (const auto& other : one.calls) {
            if (other->selector == call.selector && differs(*other, call)) {
                return other.get();
            }
        }
        return nullptr;
    };
    if (const PlanCall* other = find_in(handler)) {
        return other;
    }
    for (const PlanEvent& event : plan.events) {
        for (const PlanHandler& one : event.handlers) {
            if (const PlanCall* other = find_in(one)) {
                return other;
            }
        }
    }
    return nullptr;
}

}  // namespace

bool is_known_ahead(const PlanOperand& operand) noexcept {
    switch (operand.kind) {
        case CallKind::kParam:
        case CallKind::kLiteral:
        case CallKind::kBlockNumber:
        case CallKind::kBlockHash:
        case CallKind::kBlockTimestamp:
        case CallKind::kTxnHash:
        case CallKind::kTxnIndex:
        case CallKind::kTxnFrom:
        case CallKind::kTxnTo:
        case CallKind::kTxnValue:
        case CallKind::kTxnInput:
        case CallKind::kTxnNonce:
        case CallKind::kTxnGas:
        case CallKind::kTxnType:
        case CallKind::kReceiptGasUsed:
        case CallKind::kReceiptStatus:
        case CallKind::kReceiptGasPrice:
        case CallKind::kLogIndex:
        case CallKind::kLogAddress:
        case CallKind::kEachIndex: return true;
        case CallKind::kCallFact: return operand.call->is_once;
        case CallKind::kExpression:
            return std::ranges::all_of(operand.program->leaves, is_known_ahead);
        default: return false;
    }
}

Status compile_calls(const HandlerConfig& handler, OperandScope& scope, PlanHandler& out) {
    for (const CallConfig& config : handler.calls) {
        PLUMBLINE_TRY(auto call, CallCompiler(config, scope).run());
        if (const PlanCall* other = find_other(scope.plan, out, *call, is_kept_elsewhere)) {
            return mistake_at(
                scope.plan.config_path, config.pos,
                fmt::format(
                    "call '{}': slots of {} are other ones in line {}: which ones count for "
                    "an address cannot be told; write them alike, or ask literal addresses",
                    call->name, call->declaration, other->pos.line));
        }
        if (const PlanCall* other = find_other(scope.plan, out, *call, asks_other_state)) {
            return mistake_at(
                scope.plan.config_path, config.pos,
                fmt::format("call '{}': {} is asked with state = \"head\" {} and without it {}: "
                            "the same call would have two answers; write it alike",
                            call->name, call->declaration,
                            call->at_head ? "here" : fmt::format("in line {}", other->pos.line),
                            call->at_head ? fmt::format("in line {}", other->pos.line) : "here"));
        }
        out.calls.push_back(std::move(call));
        scope.calls = out.calls;
    }
    return ok();
}

bool call_may_lack(const OperandScope& scope, const Operand& operand) noexcept {
    const std::string_view name = call_path(operand).name;
    return std::ranges::any_of(scope.calls, [&](const std::shared_ptr<const PlanCall>& call) {
        return call->name == name && call->defaults.empty();
    });
}

Result<PlanOperand> compile_call_fact(const OperandScope& scope, const Operand& operand) {
    const auto wrong = [&](std::string_view message) {
        return mistake_at(scope.plan.config_path, operand.pos, message);
    };
    const CallPath named = call_path(operand);
    const std::string name{named.name};
    const auto found = std::ranges::find_if(
        scope.calls,
        [&](const std::shared_ptr<const PlanCall>& call) { return call->name == name; });
    if (found == scope.calls.end()) {
        std::vector<std::string> known;
        for (const auto& call : scope.calls) {
            known.push_back(call->name);
        }
        return wrong(
            known.empty()
                ? fmt::format("'$call.{}': the handler has no calls, or none above this one", name)
                : fmt::format("unknown call '{}'{}", name, suggest(name, known)));
    }
    const PlanCall& call = **found;
    const evm::AbiEvent& answer = call.returns.event();
    const bool is_whole = named.rest.empty() || !named.brackets.empty();
    if (is_whole && answer.inputs.size() > 1) {
        return wrong(fmt::format("'$call.{}': {} returns {} values: name one, as in $call.{}.0",
                                 name, call.declaration, answer.inputs.size(), name));
    }
    const std::string place = answer_path(answer, named);
    auto path = call.returns.compile_path(place);
    if (!path) {
        return wrong(fmt::format("'{}': {}: {}", join_path(operand.path), call.declaration,
                                 of_values(path.error().message, place)));
    }
    PlanOperand out;
    out.kind = CallKind::kCallFact;
    if (!field_type_of(path->type, out.type)) {
        const std::string written = join_path(operand.path);
        return wrong(fmt::format(
            "'{}': {} returns {} there, which is not one value: {}", written, call.declaration,
            to_string(path->type),
            path->type.is_array()
                ? fmt::format("{}[0] is its first element", written)
                : fmt::format("name one of its members: {}.{}", written,
                              fmt::join(members_of(path->type), fmt::format(", {}.", written)))));
    }
    out.path = *std::move(path);
    out.call = *found;
    return out;
}

}  // namespace plumbline::engine
