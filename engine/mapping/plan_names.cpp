// Names in values: parameters of the event, and what somebody may have meant by a name that is
// none.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/ascii.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/foreign_words.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/plan_value.hpp"

namespace plumbline::engine {

using storage::FieldKind;
using storage::FieldType;
using Kind = PlanOperand::Kind;

std::vector<std::string> names_of(const std::vector<storage::Field>& fields) {
    std::vector<std::string> out;
    out.reserve(fields.size());
    for (const storage::Field& field : fields) {
        out.push_back(field.name);
    }
    return out;
}

int find_field(const std::vector<storage::Field>& fields, std::string_view name) noexcept {
    const auto found = std::ranges::find(fields, name, &storage::Field::name);
    return found == fields.end() ? -1 : static_cast<int>(found - fields.begin());
}

int find_source(const CompiledPlan& plan, std::string_view contract) noexcept {
    const auto found = std::ranges::find(plan.sources, contract, &Source::contract);
    return found == plan.sources.end() ? -1 : static_cast<int>(found - plan.sources.begin());
}

std::vector<std::string> contract_names(const CompiledPlan& plan) {
    std::vector<std::string> out;
    for (const Source& source : plan.sources) {
        out.push_back(source.contract);
    }
    return out;
}

bool field_type_of(const evm::AbiType& type, FieldType& out) noexcept {
    switch (type.kind) {
        case evm::TypeKind::kUint: out = {FieldKind::kUint, type.bits}; return true;
        case evm::TypeKind::kInt: out = {FieldKind::kInt, type.bits}; return true;
        case evm::TypeKind::kBool: out = {FieldKind::kBool, 8}; return true;
        case evm::TypeKind::kAddress: out = {FieldKind::kAddress, 160}; return true;
        case evm::TypeKind::kFixedBytes: out = {FieldKind::kFixedBytes, type.bits}; return true;
        case evm::TypeKind::kBytes: out = {FieldKind::kBytes, 0}; return true;
        case evm::TypeKind::kString: out = {FieldKind::kString, 0}; return true;
        case evm::TypeKind::kFixedArray:
        case evm::TypeKind::kArray:
        case evm::TypeKind::kTuple: return false;
    }
    return false;
}

namespace {

/// Where the handler's own row has a field or a key field of that name: how its value is written.
std::string hint_for_field(const OperandScope& scope, std::string_view name) {
    if (scope.handled == nullptr) {
        return {};
    }
    const storage::EntityLayout& row = *scope.handled;
    const auto key_of = [&](const storage::Field& field) {
        const auto found = std::ranges::find(scope.handled_key, field.name, &Assignment::field);
        return found == scope.handled_key.end() ? field.name : found->value.source;
    };
    if (const int key = find_field(row.key, name); key >= 0) {
        const std::string value = key_of(row.key[static_cast<size_t>(key)]);
        return value == name ? std::string{}
                             : fmt::format("; the row's key field {} is {} here", name, value);
    }
    if (find_field(row.fields, name) < 0) {
        return {};
    }
    std::vector<std::string> key;
    for (const storage::Field& field : row.key) {
        key.push_back(key_of(field));
    }
    return fmt::format(
        "; the row's field is {}[{}].{}, and add, sub, min and max work on it by themselves",
        row.name, fmt::join(key, ", "), name);
}

/// A word of ours in other letters, or the name of an entity without a key.
std::string hint_for_word(const OperandScope& scope, const std::string& text) {
    std::string small = text;
    std::ranges::transform(small, small.begin(), ascii_lower);
    if (small == "true" || small == "false" || small == "null") {
        return fmt::format("; did you mean '{}', in small letters?", small);
    }
    const auto entity = std::ranges::find(scope.plan.entities, text, &storage::EntityLayout::name);
    return entity == scope.plan.entities.end()
               ? std::string{}
               : fmt::format("; a row of that entity is {}[{}]", text,
                             fmt::join(names_of(entity->key), ", "));
}

/// What is said of a parameter's name that `error` finds no parameter for.
std::string unknown_name(const OperandScope& scope, const std::string& text, const Error& error) {
    const auto is_value = [&](std::string_view name) {
        return scope.event->decoder.compile_path(name, scope.each).has_value();
    };
    constexpr std::string_view kLength = ".length";
    if (text.ends_with(kLength)) {
        const std::string list = text.substr(0, text.size() - kLength.size());
        if (is_value(list)) {
            return fmt::format("there is no {}; write len({})", in_quotes(text), list);
        }
    }
    if (const std::string_view plain = without_event(text); plain != text) {
        if (const auto found = scope.event->decoder.compile_path(plain, scope.each); !found) {
            return fmt::format("parameters go by their names alone: {}", found.error().message);
        }
        return error.message + fmt::format("; write {}: parameters go by their names alone", plain);
    }
    for (const std::string& hint :
         {hint_for_field(scope, text), hint_for_word(scope, text), hint_for_name(text)}) {
        if (!hint.empty()) {
            return error.message + hint;
        }
    }
    return error.message;
}

}  // namespace

Result<PlanOperand> compile_param(const OperandScope& scope, const std::vector<std::string>& path,
                                  SourcePos pos) {
    const std::string text = join_path(path);
    auto found = scope.event->decoder.compile_path(text, scope.each);
    if (!found) {
        return mistake_at(
            scope.plan.config_path, pos,
            fmt::format("{}: {}", scope.event->name, unknown_name(scope, text, found.error())));
    }
    PlanOperand out;
    out.kind = Kind::kParam;
    if (!field_type_of(found->type, out.type)) {
        if (found->type.is_array()) {
            return mistake_at(scope.plan.config_path, pos,
                              fmt::format("{}: '{}' is an array ({}); walk through it with "
                                          "each = [\"{}\"]",
                                          scope.event->name, text, to_string(found->type), text));
        }
        return mistake_at(scope.plan.config_path, pos,
                          fmt::format("{}: '{}' is a tuple; name one of its members: {}",
                                      scope.event->name, text, fmt::join(found->type.names, ", ")));
    }
    if (found->steps.size() == 1) {
        out.param = static_cast<int16_t>(found->steps[0]);
    }
    out.path = *std::move(found);
    return out;
}

Error or_text(const OperandScope& scope, Error error, const Operand& operand, FieldType wanted) {
    const bool is_word = operand.kind == Operand::Kind::kName && operand.path.size() == 1;
    const bool is_name = is_word && wanted.kind == FieldKind::kEnum &&
                         std::ranges::find(*wanted.names, operand.path[0]) != wanted.names->end();
    const bool is_field = is_word && !hint_for_field(scope, operand.path[0]).empty();
    if (is_name || (is_word && !is_field && wanted.kind == FieldKind::kString)) {
        error.message += fmt::format("; {} is written in single quotes: \"'{}'\"",
                                     is_name ? "the name of an enum" : "a text", operand.path[0]);
    }
    return error;
}

bool is_hash_name(const OperandScope& scope, const Operand& operand) {
    if (operand.kind != Operand::Kind::kName || scope.event == nullptr || names_call(operand)) {
        return false;
    }
    const auto path = scope.event->decoder.compile_path(join_path(operand.path), scope.each);
    return path && path->hashed;
}

std::string hash_hint(const OperandScope& scope, const Operand& a, const Operand& b,
                      std::string_view sign) {
    const bool is_left = is_hash_name(scope, a);
    if (is_left == is_hash_name(scope, b)) {
        return {};
    }
    const Operand& hash = is_left ? a : b;
    const Operand& other = is_left ? b : a;
    const std::string told =
        fmt::format("; '{}' is indexed: a log holds only its hash", hash.source);
    const bool is_contents = !is_literal(other) || other.kind == Operand::Kind::kString ||
                             other.kind == Operand::Kind::kHex;
    return is_contents && (sign == "==" || sign == "!=")
               ? fmt::format("{}; write {} {} keccak256({})", told, hash.source, sign,
                             show_literal(other))
               : told;
}

Error never_missing(OperandScope& scope, const Operand& operand, std::string_view message) {
    auto known = compile_leaf(scope, operand);
    return known ? mistake_at(scope.plan.config_path, operand.pos, message)
                 : std::move(known).error();
}

}  // namespace plumbline::engine
