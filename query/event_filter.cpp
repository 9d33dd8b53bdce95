#include "query/event_filter.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/evm/abi_text.hpp"
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

constexpr FieldType kHashType{FieldKind::kFixedBytes, 256};

/// Of an indexed text, list or tuple the log has only its hash, which tells no more than whether it
/// is equal. Asked for by the hash, which is what is shown, and a text by itself, too.
Result<Condition> hashed_condition(std::optional<FieldType> type, const ConditionName& name,
                                   std::string_view text) {
    const bool is_ne = name.compare == Compare::kNe;
    if (name.compare != Compare::kEq && name.compare != Compare::kIn && !is_ne) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} is indexed: the log has only its hash, so only eq, ne and in "
                                 "can be asked",
                                 name.field)};
    }
    Condition out{0, is_ne ? Compare::kNe : Compare::kIn, {}};
    const std::vector<std::string_view> all =
        name.compare == Compare::kIn ? split_at_commas(text) : std::vector{text};
    for (const std::string_view one : all) {
        if (const auto as_hash = engine::parse_value(kHashType, one); as_hash) {
            out.values.push_back(encode_value(kHashType, *as_hash));
        } else if (!type) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{} is an indexed list or tuple: the log has only its hash, "
                                     "0x and 64 digits, by which it is asked for",
                                     name.field)};
        }
        if (type) {
            const auto value = engine::parse_value(*type, one);
            if (!value) {
                return value.error();
            }
            const evm::Hash hash = evm::keccak256(as_bytes(value->bytes));
            out.values.emplace_back(as_chars(hash.view()));
        }
    }
    return out;
}

Result<Condition> plain_condition(FieldType type, const ConditionName& name,
                                  std::string_view text) {
    PLUMBLINE_TRY(std::vector<std::string> values, read_values(type, name.compare, text));
    return Condition{0, name.compare, std::move(values)};
}

/// "arg0" and "0" are the first one where it has no name.
bool is_called(const evm::AbiEvent& event, size_t param, std::string_view name) {
    return evm::param_name(event, param) == name ||
           (event.inputs[param].name.empty() && std::to_string(param) == name);
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
        const evm::AbiEvent& event = decoder.event();
        for (size_t i = 0; i < event.inputs.size(); ++i) {
            const auto type = param_type(decoder, i);
            const bool is_hashed = decoder.is_hashed(i);
            if (!is_called(event, i, name.field)) {
                const std::string shown = evm::param_name(event, i);
                if ((type || is_hashed) && std::ranges::find(known, shown) == known.end()) {
                    known.push_back(shown);
                }
                continue;
            }
            if (!type && !is_hashed) {
                refused = Error{ErrorCode::kInvalidArgument,
                                fmt::format("{} is a list or a tuple: events cannot be asked for "
                                            "by it",
                                            evm::to_string(event.inputs[i].type))};
                continue;
            }
            auto condition = is_hashed ? hashed_condition(type, name, value)
                                       : plain_condition(*type, name, value);
            if (!condition) {
                refused = condition.error();
                continue;
            }
            if (has_params_ && !params_.contains(&decoder)) {
                continue;
            }
            auto conditions = has_params_ ? params_[&decoder] : std::vector<ParamCondition>{};
            conditions.push_back({i, is_hashed ? kHashType : *type, *std::move(condition)});
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
