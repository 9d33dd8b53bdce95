#include "query/event_filter.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/evm/keccak.hpp"
#include "engine/text/entity_text.hpp"

namespace plumbline::query {

namespace {

using storage::FieldKind;
using storage::FieldType;

/// The type that a parameter has as a value that can be compared; empty for arrays and tuples.
std::optional<FieldType> param_type(const evm::EventDecoder& decoder, size_t param) {
    const evm::AbiType& type = decoder.event().inputs[param].type;
    const auto stored = storage::parse_field_type(evm::to_string(type));
    return stored ? std::optional{*stored} : std::nullopt;
}

void append_param(std::string& out, FieldType type, const evm::Value& value) {
    if (value.kind == evm::ValueKind::kBytes) {
        const ByteView bytes = value.bytes();
        storage::append_key_dynamic(out, as_chars(bytes));
    } else {
        storage::append_key_word(out, type, value.word);
    }
}

/// Of an indexed text the log has only its hash, which tells no more than whether it is equal.
Result<std::vector<std::string>> hashed_values(FieldType type, const ConditionName& name,
                                               std::string_view text) {
    if (name.compare != Compare::kEq && name.compare != Compare::kNe) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} is indexed: the log has only its hash, so only eq and ne can "
                                 "be asked",
                                 name.field)};
    }
    PLUMBLINE_TRY(const storage::KeyValue value, engine::parse_value(type, text));
    const evm::Hash hash = evm::keccak256(as_bytes(value.bytes));
    return std::vector<std::string>{std::string{as_chars(hash.view())}};
}

}  // namespace

bool EventFilter::is_named(const std::string* contract, const std::string* event) const {
    return (contract_.empty() || (contract != nullptr && *contract == contract_)) &&
           (event_.empty() || (event != nullptr && *event == event_));
}

Status EventFilter::add(const engine::EventText& events, const ConditionName& name,
                        std::string_view value) {
    std::map<const evm::EventDecoder*, std::vector<ParamCondition>> kept;
    std::vector<std::string> known;
    std::optional<Error> refused;
    events.for_each_event([&](const std::string& contract, const evm::EventDecoder& decoder) {
        if (!is_named(&contract, &decoder.event().name)) {
            return;
        }
        const auto& inputs = decoder.event().inputs;
        for (size_t i = 0; i < inputs.size(); ++i) {
            const auto type = param_type(decoder, i);
            if (!type) {
                if (inputs[i].name == name.field) {
                    refused = Error{ErrorCode::kInvalidArgument,
                                    fmt::format("{} is a list or a tuple: events cannot be asked "
                                                "for by it",
                                                evm::to_string(inputs[i].type))};
                }
                continue;
            }
            if (inputs[i].name != name.field) {
                if (std::ranges::find(known, inputs[i].name) == known.end()) {
                    known.push_back(inputs[i].name);
                }
                continue;
            }
            const bool is_hashed = decoder.is_hashed(i);
            auto values = is_hashed ? hashed_values(*type, name, value)
                                    : read_values(*type, name.compare, value);
            if (!values) {
                refused = values.error();
                continue;
            }
            if (has_params_ && !params_.contains(&decoder)) {
                continue;
            }
            auto conditions = has_params_ ? params_[&decoder] : std::vector<ParamCondition>{};
            conditions.push_back({i, is_hashed ? FieldType{FieldKind::kFixedBytes, 256} : *type,
                                  Condition{0, name.compare, *std::move(values)}});
            kept[&decoder] = std::move(conditions);
        }
    });
    if (kept.empty()) {
        return refused ? std::move(*refused).with_context(name.field)
                       : Error{ErrorCode::kInvalidArgument,
                               fmt::format("no such event has a parameter '{}' beside the others "
                                           "asked for; there are: {}",
                                           name.field, fmt::join(known, ", "))};
    }
    params_ = std::move(kept);
    has_params_ = true;
    return ok();
}

bool EventFilter::wants(const engine::EventText::Decoded& log) {
    if (!is_named(log.contract, log.decoder == nullptr ? nullptr : &log.decoder->event().name)) {
        return false;
    }
    if (!has_params_) {
        return true;
    }
    const auto found = params_.find(log.decoder);
    if (found == params_.end()) {
        return false;
    }
    return std::ranges::all_of(found->second, [&](const ParamCondition& asked) {
        scratch_.clear();
        append_param(scratch_, asked.type, log.values->params()[asked.param]);
        return holds(asked.condition, scratch_);
    });
}

}  // namespace plumbline::query
