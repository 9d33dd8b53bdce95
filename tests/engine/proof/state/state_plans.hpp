// State plans made straight from a config's `state` and an ABI, for tests that need no handlers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/abi_json.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/text/entity_text.hpp"

namespace plumbline::engine {

inline StateOperand literal_of(const Operand& operand, const evm::AbiType& type) {
    StateOperand out;
    out.kind = StateOperand::Kind::kLiteral;
    out.type = *storage::parse_field_type(evm::to_string(type));
    out.word = operand.number;
    out.bytes = operand.text;
    return out;
}

inline StateOperand operand_of(const storage::EntityLayout& layout, std::string_view name) {
    StateOperand out;
    const int column = layout.find_column(name);
    EXPECT_GE(column, 0) << name;
    const auto at = static_cast<size_t>(column);
    const bool key = at < layout.key.size();
    out.kind = key ? StateOperand::Kind::kKey : StateOperand::Kind::kField;
    out.column = static_cast<uint16_t>(key ? at : at - layout.key.size());
    out.type = layout.column(at).type;
    return out;
}

/// As the compiled plan would be, for the simple operands that the tests use.
inline StatePlan plan_of(const evm::Abi& abi, const StateConfig& state,
                         const storage::EntityLayout& layout, uint32_t entity) {
    const evm::AbiFunction& function = **abi.find_function(state.function);
    StatePlan plan;
    plan.entity = entity;
    plan.signature = function.signature();
    plan.selector = function.selector();
    for (const evm::AbiParam& input : function.inputs) {
        plan.arg_types.push_back(evm::to_string(input.type));
    }
    for (size_t i = 0; i < state.args.size(); i++) {
        plan.args.push_back(state.args[i].kind == Operand::Kind::kName
                                ? operand_of(layout, state.args[i].path.front())
                                : literal_of(state.args[i], function.inputs[i].type));
    }
    if (state.at) {
        plan.at = operand_of(layout, state.at->path.front());
    }
    std::vector<evm::AbiType> types;
    for (const evm::AbiParam& output : function.outputs) {
        types.push_back(output.type);
    }
    if (types.size() == 1 && types.front().kind == evm::TypeKind::kTuple) {
        plan.returns_tuple = true;
        const std::vector<evm::AbiType> members = types.front().children;
        types = members;
    }
    EXPECT_EQ(types.size(), state.returns.size());
    for (size_t i = 0; i < types.size(); i++) {
        StatePlan::Return item;
        item.abi_type = evm::to_string(types[i]);
        if (state.returns[i].kind == StateConfig::Return::Kind::kField) {
            item.kind = StatePlan::Return::Kind::kField;
            item.field = operand_of(layout, state.returns[i].field).column;
        } else if (state.returns[i].kind == StateConfig::Return::Kind::kLiteral) {
            item.kind = StatePlan::Return::Kind::kLiteral;
            item.literal = literal_of(state.returns[i].literal, types[i]);
        }
        plan.returns.push_back(std::move(item));
    }
    if (state.deleted) {
        plan.has_gone = true;
        plan.deleted_reverts = state.deleted->reverts;
        for (size_t i = 0; i < state.deleted->values.size(); i++) {
            plan.deleted.push_back(literal_of(state.deleted->values[i], types[i]));
        }
    }
    return plan;
}

/// The same from names: "_" leaves a value out, the others are fields.
inline StatePlan plan_of(const evm::Abi& abi, std::string_view function,
                         const storage::EntityLayout& layout, const std::vector<std::string>& args,
                         const std::vector<std::string>& returns) {
    StateConfig state;
    state.function = function;
    for (const std::string& arg : args) {
        Operand operand;
        operand.kind = Operand::Kind::kName;
        operand.path = {arg};
        state.args.push_back(std::move(operand));
    }
    for (const std::string& name : returns) {
        StateConfig::Return item;
        item.kind =
            name == "_" ? StateConfig::Return::Kind::kIgnored : StateConfig::Return::Kind::kField;
        item.field = name;
        state.returns.push_back(std::move(item));
    }
    return plan_of(abi, state, layout, 0);
}

/// "id:uint256 name:string" as columns.
inline std::vector<storage::Field> columns_of(const std::string& text) {
    std::vector<storage::Field> out;
    size_t at = 0;
    while (at < text.size()) {
        const size_t end = std::min(text.find(' ', at), text.size());
        const std::string column = text.substr(at, end - at);
        const size_t colon = column.find(':');
        out.push_back(
            {column.substr(0, colon), *storage::parse_field_type(column.substr(colon + 1))});
        at = end + 1;
    }
    return out;
}

struct StoredRow {
    std::string key;
    std::string row;
};

/// A row from the text of its columns, key first.
inline StoredRow row_of(const storage::EntityLayout& layout,
                        const std::vector<std::string>& texts) {
    const storage::RowCodec codec{layout};
    StoredRow out{{}, codec.empty_row()};
    EXPECT_EQ(texts.size(), layout.column_count());
    for (size_t i = 0; i < layout.column_count(); i++) {
        const storage::FieldType type = layout.column(i).type;
        const auto value = parse_value(type, texts[i]);
        EXPECT_TRUE(value.has_value()) << layout.column(i).name << " = " << texts[i];
        if (i < layout.key.size()) {
            append_key_value(out.key, type, *value);
        } else if (type.is_dynamic()) {
            codec.set_dynamic(out.row, i - layout.key.size(), value->bytes);
        } else {
            codec.set_word(out.row, i - layout.key.size(), value->word);
        }
    }
    return out;
}

}  // namespace plumbline::engine
