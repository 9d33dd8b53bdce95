// `calls` of a [[on]]: contract calls whose answers the handler uses.
#include "engine/config/config_calls.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/config/config_slots.hpp"
#include "engine/config/config_text.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kMaxCalls = 16;
constexpr size_t kMaxCallArguments = 16;

bool is_call_name(std::string_view name) {
    return !name.empty() && is_name_start(name.front()) && std::ranges::all_of(name, [](char c) {
        return is_name_start(c) || (c >= '0' && c <= '9');
    });
}

/// "token.decimals()" of a contract of the config, or "function decimals() view returns (uint8)".
Status read_called_function(const Section& section, CallConfig& out) {
    PLUMBLINE_TRY(const TomlValue* value, section.need("call"));
    PLUMBLINE_TRY(std::string text, section.string(*value, "call"));
    if (text.starts_with("function ")) {
        out.function = std::move(text);
        return ok();
    }
    const auto member = parse_member(text);
    if (!member) {
        return section.mistake(
            value->pos, fmt::format("call in {} must be contract.function, or a declaration as in "
                                    "\"function decimals() view returns (uint8)\", not {}",
                                    section.name(), in_quotes(text)));
    }
    out.contract = member->contract;
    out.function = member->member;
    return ok();
}

/// `key`: one value or a list of them.
Status read_call_values(const Section& section, std::string_view key, std::vector<Operand>& out) {
    const TomlValue* value = section.find(key);
    if (value == nullptr) {
        return ok();
    }
    if (value->kind != TomlValue::Kind::kArray) {
        PLUMBLINE_TRY(Operand operand, section.operand(*value, key));
        out.push_back(std::move(operand));
        return ok();
    }
    if (value->items.size() > kMaxCallArguments) {
        return section.mistake(value->pos, fmt::format("{} in {} has more than {} values", key,
                                                       section.name(), kMaxCallArguments));
    }
    for (const TomlValue& item : value->items) {
        PLUMBLINE_TRY(Operand operand, section.operand(item, key));
        out.push_back(std::move(operand));
    }
    return ok();
}

Status read_call_state(const Section& section, CallConfig& out) {
    if (const TomlValue* once = section.find("once")) {
        if (once->kind != TomlValue::Kind::kBool) {
            return section.wrong_type(*once, "once", "true or false");
        }
        out.is_once = once->boolean;
    }
    const TomlValue* state = section.find("state");
    if (state == nullptr) {
        return ok();
    }
    PLUMBLINE_TRY(const std::string text, section.string(*state, "state"));
    if (text != "head") {
        return section.mistake(
            state->pos, fmt::format("state in {} can be \"head\" only; without it the state after "
                                    "the event's block is asked",
                                    section.name()));
    }
    if (!out.is_once) {
        return section.mistake(state->pos,
                               fmt::format("{}: state = \"head\" needs once = true: what the head "
                                           "says is not what each of the events' blocks said",
                                           section.name()));
    }
    out.at_head = true;
    return ok();
}

}  // namespace

Status read_calls(const Section& handler, HandlerConfig& out) {
    const TomlValue* value = handler.find("calls");
    if (value == nullptr) {
        return ok();
    }
    PLUMBLINE_TRY(const Section table, Section::open(handler.path(), "calls of [[on]]", *value));
    if (table.entries().empty() || table.entries().size() > kMaxCalls) {
        return table.mistake(value->pos, fmt::format("calls of [[on]] must have 1 to {} calls, "
                                                     "not {}",
                                                     kMaxCalls, table.entries().size()));
    }
    for (const TomlEntry& entry : table.entries()) {
        if (!is_call_name(entry.key)) {
            return table.mistake(entry.pos,
                                 fmt::format("calls of [[on]]: {} is no name: letters, digits and "
                                             "underscores, a letter first",
                                             in_quotes(entry.key)));
        }
        PLUMBLINE_TRY(const Section section,
                      Section::open(handler.path(), fmt::format("call '{}' of [[on]]", entry.key),
                                    entry.value));
        PLUMBLINE_TRY_VOID(
            section.allow_only({"call", "at", "args", "once", "state", "default", "slots"}));
        CallConfig call;
        call.name = entry.key;
        call.pos = entry.pos;
        PLUMBLINE_TRY_VOID(read_called_function(section, call));
        if (const TomlValue* at = section.find("at")) {
            PLUMBLINE_TRY(call.at, section.operand(*at, "at"));
        }
        PLUMBLINE_TRY_VOID(read_call_values(section, "args", call.args));
        PLUMBLINE_TRY_VOID(read_call_values(section, "default", call.defaults));
        PLUMBLINE_TRY_VOID(read_call_state(section, call));
        if (const TomlValue* slots = section.find("slots")) {
            PLUMBLINE_TRY_VOID(read_slots(section, *slots, call.slots));
        }
        out.calls.push_back(std::move(call));
    }
    return ok();
}

}  // namespace plumbline::engine
