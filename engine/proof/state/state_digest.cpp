#include "engine/proof/state/state_digest.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/evm/abi_type.hpp"
#include "core/evm/keccak.hpp"
#include "engine/proof/state/state_expression.hpp"
#include "engine/proof/storage_word.hpp"

namespace plumbline::engine {
namespace {

using evm::append_word;
using evm::U256;
using storage::KeyValue;

constexpr size_t kWord = 32;

Error cannot_compare(const StatePlan& plan, std::string_view why) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} cannot be compared with the contract: {}", plan.signature, why)};
}

void append_value(Bytes& out, const storage::FieldType& type, const KeyValue& value) {
    if (type.is_dynamic()) {
        const evm::Hash hash = evm::keccak256(std::string_view{value.bytes});
        out.insert(out.end(), hash.bytes.begin(), hash.bytes.end());
    } else {
        append_word(out, value.word);
    }
}

/// The ABI encoding of words, strings and bytes.
Bytes encode_arguments(const std::vector<KeyValue>& values, const std::vector<bool>& dynamic) {
    Bytes heads;
    Bytes tails;
    for (size_t i = 0; i < values.size(); i++) {
        if (!dynamic[i]) {
            append_word(heads, values[i].word);
            continue;
        }
        append_word(heads, values.size() * kWord + tails.size());
        append_word(tails, values[i].bytes.size());
        const ByteView bytes = as_bytes(values[i].bytes);
        tails.insert(tails.end(), bytes.begin(), bytes.end());
        tails.resize((tails.size() + kWord - 1) / kWord * kWord);
    }
    heads.insert(heads.end(), tails.begin(), tails.end());
    return heads;
}

KeyValue field_value(const storage::RowCodec& codec, const storage::FieldType& type,
                     std::string_view row, size_t field) {
    KeyValue value;
    if (type.is_dynamic()) {
        value.bytes = codec.raw(row, field);
    } else {
        value.word = codec.word(row, field);
    }
    return value;
}

bool names_field(const StateOperand& operand) {
    return operand.kind == StateOperand::Kind::kField || operand.names_fields ||
           (operand.kind == StateOperand::Kind::kLookup &&
            std::ranges::any_of(operand.keys, names_field));
}

}  // namespace

Result<StateDigester> StateDigester::make(const StatePlan& plan,
                                          const std::vector<storage::EntityLayout>& entities,
                                          std::optional<evm::Address> target) {
    StateDigester out;
    out.plan_ = &plan;
    out.entities_ = &entities;
    out.codecs_.resize(entities.size());
    out.codecs_[plan.entity].emplace(entities[plan.entity]);
    out.getter_.selector = plan.selector;
    if (!plan.at) {
        if (!target) {
            return cannot_compare(plan, "no contract is named");
        }
        out.getter_.target = target;
    }
    PLUMBLINE_TRY_VOID(out.add_returns(entities));
    PLUMBLINE_TRY_VOID(out.add_arguments());
    for (const StatePlan::Slot& slot : plan.slots) {
        for (const StateOperand& key : slot.keys) {
            PLUMBLINE_TRY_VOID(out.add_codec(key));
        }
    }
    return out;
}

Status StateDigester::add_returns(const std::vector<storage::EntityLayout>& entities) {
    using Kind = StatePlan::Return::Kind;
    uint64_t word = 0;
    bool dynamic_answer = false;
    for (size_t i = 0; i < plan_->returns.size(); i++) {
        const StatePlan::Return& item = plan_->returns[i];
        PLUMBLINE_TRY(const evm::AbiType type, evm::parse_type(item.abi_type));
        const bool dynamic = type.is_dynamic();
        dynamic_answer = dynamic_answer || dynamic;
        if (item.kind != Kind::kIgnored) {
            const storage::EntityLayout& layout = entities[plan_->entity];
            const storage::FieldType field = item.kind == Kind::kField
                                                 ? layout.fields[item.field].type.required()
                                             : item.kind == Kind::kKey ? layout.key[item.field].type
                                                                       : item.literal.type;
            const bool contents =
                type.kind == evm::TypeKind::kString || type.kind == evm::TypeKind::kBytes;
            if ((!type.is_word() && !contents) || contents != field.is_dynamic()) {
                return cannot_compare(*plan_, fmt::format("value {} is a {}", i, item.abi_type));
            }
            if (word > UINT8_MAX) {
                return cannot_compare(*plan_, "a value stands behind the first 256 words");
            }
            returns_.push_back({i, static_cast<uint8_t>(word), field});
            auto& parts = getter_.returns;
            if (!dynamic && !parts.empty() && parts.back().words != 0 &&
                parts.back().words < UINT8_MAX &&
                parts.back().word + parts.back().words == static_cast<int>(word)) {
                parts.back().words++;
            } else {
                parts.push_back(
                    {static_cast<uint8_t>(word), static_cast<uint8_t>(dynamic ? 0 : 1)});
            }
        }
        word += type.head_size() / kWord;
    }
    if (getter_.returns.empty()) {
        return cannot_compare(*plan_, "none of its values is mapped");
    }
    if (getter_.returns.size() > UINT8_MAX) {
        return cannot_compare(*plan_, "it returns too many values");
    }
    // A struct of fixed size stands in place; one that holds a string stands behind its offset.
    getter_.tuple = plan_->returns_tuple && dynamic_answer;
    return ok();
}

Status StateDigester::add_arguments() {
    for (size_t i = 0; i < plan_->args.size(); i++) {
        const StateOperand& operand = plan_->args[i];
        PLUMBLINE_TRY(const evm::AbiType type, evm::parse_type(plan_->arg_types[i]));
        const bool contents =
            type.kind == evm::TypeKind::kString || type.kind == evm::TypeKind::kBytes;
        if ((!type.is_word() && !contents) || contents != operand.type.is_dynamic()) {
            return cannot_compare(*plan_,
                                  fmt::format("argument {} is a {}", i, plan_->arg_types[i]));
        }
        arg_dynamic_.push_back(contents);
        getter_.raw = getter_.raw || contents;
        needs_row_ = needs_row_ || names_field(operand);
        PLUMBLINE_TRY_VOID(add_codec(operand));
    }
    if (plan_->args.size() > UINT8_MAX) {
        return cannot_compare(*plan_, "it takes too many arguments");
    }
    getter_.arg_words = getter_.raw ? uint16_t{0} : static_cast<uint16_t>(plan_->args.size());
    if (plan_->at) {
        if (plan_->at->type.is_dynamic()) {
            return cannot_compare(*plan_, "`at` is no address");
        }
        needs_row_ = needs_row_ || names_field(*plan_->at);
        PLUMBLINE_TRY_VOID(add_codec(*plan_->at));
    }
    return ok();
}

Status StateDigester::add_codec(const StateOperand& operand) {
    if (operand.kind == StateOperand::Kind::kLookup) {
        if (!codecs_[operand.entity]) {
            codecs_[operand.entity].emplace((*entities_)[operand.entity]);
        }
        for (const StateOperand& key : operand.keys) {
            PLUMBLINE_TRY_VOID(add_codec(key));
        }
    }
    return ok();
}

bool StateDigester::can_ask(std::string_view row) const noexcept {
    return !storage::RowCodec::is_tombstone(row) || (plan_->has_gone && !needs_row_);
}

Result<KeyValue> StateDigester::evaluate(const StateOperand& operand,
                                         const std::vector<KeyValue>& key, std::string_view row,
                                         const RowReader& reader) const {
    using Kind = StateOperand::Kind;
    switch (operand.kind) {
        case Kind::kKey: return key[operand.column];
        case Kind::kField:
            return field_value(*codecs_[plan_->entity], operand.type, row, operand.column);
        case Kind::kLiteral: return KeyValue{operand.word, operand.bytes};
        case Kind::kExpression:
            return calculate_state(*operand.program, operand.type, key, *codecs_[plan_->entity],
                                   row);
        case Kind::kLookup: break;
    }
    const storage::EntityLayout& layout = (*entities_)[operand.entity];
    std::string other;
    for (size_t i = 0; i < operand.keys.size(); i++) {
        PLUMBLINE_TRY(const KeyValue part, evaluate(operand.keys[i], key, row, reader));
        const storage::FieldType type = layout.key[i].type;
        if (type.is_dynamic()) {
            storage::append_key_dynamic(other, part.bytes);
        } else {
            storage::append_key_word(other, type, part.word);
        }
    }
    PLUMBLINE_TRY(const auto found, reader(operand.entity, other));
    if (!found || storage::RowCodec::is_tombstone(*found)) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("the {} that the question depends on is not there", layout.name)};
    }
    return field_value(*codecs_[operand.entity], operand.type, *found, operand.column);
}

Result<KeyValue> StateDigester::expected(const Return& item, const std::vector<KeyValue>& key,
                                         std::string_view row) const {
    const StatePlan::Return& planned = plan_->returns[item.place];
    if (storage::RowCodec::is_tombstone(row)) {
        const StateOperand& deleted = plan_->deleted[item.place];
        return KeyValue{deleted.word, deleted.bytes};
    }
    if (planned.kind == StatePlan::Return::Kind::kExpression) {
        return calculate_state(*planned.literal.program, item.type, key, *codecs_[plan_->entity],
                               row);
    }
    if (planned.kind == StatePlan::Return::Kind::kField) {
        return field_value(*codecs_[plan_->entity], item.type, row, planned.field);
    }
    if (planned.kind == StatePlan::Return::Kind::kKey) {
        return key[planned.field];
    }
    return KeyValue{planned.literal.word, planned.literal.bytes};
}

Result<evm::Hash> StateDigester::leaf(const std::vector<KeyValue>& key,
                                      std::string_view row) const {
    if (storage::RowCodec::is_tombstone(row) && plan_->deleted_reverts) {
        return state_leaf(getter_, LeafStatus::kReverted, {});
    }
    Bytes hashed{static_cast<uint8_t>(LeafStatus::kAnswered)};
    for (const Return& item : returns_) {
        PLUMBLINE_TRY(const KeyValue value, expected(item, key, row));
        append_value(hashed, item.type, value);
    }
    return evm::keccak256(ByteView{hashed});
}

Status StateDigester::append(std::string_view key, std::string_view row, const RowReader& reader,
                             StateQuestions& questions, std::vector<evm::Hash>& leaves) const {
    if (!can_ask(row)) {
        return cannot_compare(*plan_, "what it tells of a deleted row is not said (`deleted`)");
    }
    PLUMBLINE_TRY(const std::vector<KeyValue> parts,
                  storage::decode_key(key, (*entities_)[plan_->entity].key));
    PLUMBLINE_TRY(const evm::Hash leaf_of_row, leaf(parts, row));
    evm::Address at;
    if (plan_->at) {
        PLUMBLINE_TRY(const KeyValue value, evaluate(*plan_->at, parts, row, reader));
        value.word.to_be(at.data(), at.size());
    }
    const evm::Address* target = plan_->at ? &at : nullptr;

    std::vector<KeyValue> args;
    args.reserve(plan_->args.size());
    for (const StateOperand& operand : plan_->args) {
        PLUMBLINE_TRY(auto value, evaluate(operand, parts, row, reader));
        args.push_back(std::move(value));
    }
    if (getter_.raw) {
        const Bytes encoded = encode_arguments(args, arg_dynamic_);
        if (encoded.size() > kRawArgumentsMax) {
            return cannot_compare(*plan_, "a key is too long to be asked in the node");
        }
        questions.add_raw(encoded, target);
    } else {
        std::vector<U256> words;
        words.reserve(args.size());
        for (const KeyValue& value : args) {
            words.push_back(value.word);
        }
        questions.add(words, target);
    }
    leaves.push_back(leaf_of_row);
    return ok();
}

RowReader reader_of(const storage::ReadView& view) {
    return [&view](uint32_t entity, std::string_view key) -> Result<std::optional<std::string>> {
        PLUMBLINE_TRY(auto found, view.get_row(entity, key));
        return std::optional{std::move(found)};
    };
}

Result<StateDigester> StateDigester::make(const StatePlan& state, const Plan& plan) {
    return make(
        state, plan.entities(),
        state.at ? std::nullopt : std::optional{plan.sources()[state.source].addresses.front()});
}

Result<rpc::CallRequest> StateDigester::plain_call(std::string_view key, std::string_view row,
                                                   const RowReader& reader) const {
    StateQuestions questions{getter_};
    std::vector<evm::Hash> leaves;
    PLUMBLINE_TRY_VOID(append(key, row, reader, questions, leaves));
    rpc::CallRequest call;
    call.to = questions.target(0);
    call.data = questions.calldata(getter_, 0);
    return call;
}

Result<StateDigester::Place> StateDigester::place(const StatePlan::Slot& slot, std::string_view key,
                                                  std::string_view row,
                                                  const RowReader& reader) const {
    PLUMBLINE_TRY(const std::vector<KeyValue> parts,
                  storage::decode_key(key, (*entities_)[plan_->entity].key));
    Place out;
    if (plan_->at) {
        PLUMBLINE_TRY(const KeyValue value, evaluate(*plan_->at, parts, row, reader));
        value.word.to_be(out.account.data(), out.account.size());
    } else {
        out.account = *getter_.target;
    }
    slot.base.to_be(out.slot.data());
    for (const StateOperand& operand : slot.keys) {
        PLUMBLINE_TRY(const KeyValue value, evaluate(operand, parts, row, reader));
        Bytes hashed;
        if (operand.type.is_dynamic()) {
            const ByteView bytes = as_bytes(value.bytes);
            hashed.assign(bytes.begin(), bytes.end());
        } else {
            append_word(hashed, value.word);
        }
        out.slot = mapping_place(std::move(hashed), out.slot);
    }
    out.slot = place_behind(out.slot, slot.word);
    return out;
}

Result<std::vector<StateDifference>> StateDigester::differences(std::string_view key,
                                                                std::string_view row,
                                                                ByteView answer) const {
    PLUMBLINE_TRY(const std::vector<KeyValue> parts,
                  storage::decode_key(key, (*entities_)[plan_->entity].key));
    const Error shape{ErrorCode::kDecode,
                      fmt::format("{} answered {} bytes that are not its values", plan_->signature,
                                  answer.size())};
    const auto word_at = [&](uint64_t at) { return U256::from_be(answer.subspan(at, kWord)); };
    const auto has = [&](uint64_t at, uint64_t size) {
        return at <= answer.size() && size <= answer.size() - at;
    };
    uint64_t base = 0;
    if (plan_->has_gone && plan_->deleted_reverts && storage::RowCodec::is_tombstone(row)) {
        return Error{ErrorCode::kInvalidArgument, plan_->signature + " should have reverted"};
    }
    if (getter_.tuple) {
        if (!has(0, kWord) || !word_at(0).fits_u64() || word_at(0).limb[0] > answer.size()) {
            return shape;
        }
        base = word_at(0).limb[0];
    }
    std::vector<StateDifference> out;
    for (const Return& item : returns_) {
        const uint64_t at = base + kWord * item.word;
        if (!has(at, kWord)) {
            return shape;
        }
        KeyValue actual;
        if (!item.type.is_dynamic()) {
            actual.word = word_at(at);
        } else {
            const U256 offset = word_at(at);
            if (!offset.fits_u64() || offset.limb[0] > answer.size() ||
                !has(base + offset.limb[0], kWord)) {
                return shape;
            }
            const uint64_t start = base + offset.limb[0] + kWord;
            const U256 length = word_at(start - kWord);
            if (!length.fits_u64() || !has(start, length.limb[0])) {
                return shape;
            }
            actual.bytes = as_chars(answer.subspan(start, length.limb[0]));
        }
        if (storage::RowCodec::is_tombstone(row) && !plan_->has_gone) {
            continue;
        }
        PLUMBLINE_TRY(KeyValue wanted, expected(item, parts, row));
        if (!(wanted == actual)) {
            out.push_back({item.place, item.type, std::move(wanted), std::move(actual)});
        }
    }
    return out;
}

}  // namespace plumbline::engine
