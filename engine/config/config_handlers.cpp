// [[on]]: which event does what to which entity.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_calls.hpp"
#include "engine/config/config_parts.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kMaxHandlers = 4096;
constexpr size_t kMaxHandlerEvents = 64;
constexpr size_t kMaxConditions = 16;
constexpr size_t kMaxEach = 16;
constexpr uint64_t kEveryBlocksMax = 1'000'000'000;

Status read_assignments(const Section& handler, std::string_view key,
                        std::vector<Assignment>& out) {
    const TomlValue* value = handler.find(key);
    if (value == nullptr) {
        return ok();
    }
    PLUMBLINE_TRY(const Section section,
                  Section::open(handler.path(), fmt::format("{} of [[on]]", key), *value));
    if (section.entries().empty()) {
        return section.mistake(value->pos, fmt::format("{} is an empty table", section.name()));
    }
    Mistakes mistakes;
    for (const TomlEntry& entry : section.entries()) {
        if (auto operand = section.operand(entry.value, entry.key); mistakes.add(operand)) {
            out.push_back({entry.key, *std::move(operand), entry.pos});
        }
    }
    return mistakes.all();
}

Status read_events(const Section& section, const TomlValue& event, HandlerConfig& out) {
    PLUMBLINE_TRY(const auto items, section.strings(event, "event", kMaxHandlerEvents));
    for (const TomlValue* item : items) {
        const auto member = parse_member(item->text);
        if (!member) {
            return section.mistake(item->pos, fmt::format("event in [[on]] must be contract.Event "
                                                          "or contract.Event(types), not {}",
                                                          in_quotes(item->text)));
        }
        std::string name = fmt::format("{}.{}", member->contract, member->member);
        if (std::ranges::find(out.events, name) != out.events.end()) {
            return section.mistake(item->pos,
                                   fmt::format("event in [[on]] lists {} twice", in_quotes(name)));
        }
        out.events.push_back(std::move(name));
    }
    return ok();
}

/// `every = { blocks = 7200 }`
Status read_every(const Section& handler, const TomlValue& value, HandlerConfig& out) {
    if (const TomlValue* event = handler.find("event")) {
        return handler.mistake(event->pos,
                               "[[on]] has both event and every: a handler of blocks sees none of "
                               "an event");
    }
    PLUMBLINE_TRY(const Section section, Section::open(handler.path(), "every of [[on]]", value));
    PLUMBLINE_TRY_VOID(section.allow_only({"blocks"}));
    PLUMBLINE_TRY(const TomlValue* blocks, section.need("blocks"));
    PLUMBLINE_TRY(out.every_blocks, section.integer(*blocks, "blocks", 1, kEveryBlocksMax));
    return ok();
}

constexpr std::array<std::pair<std::string_view, HandlerAction>, 4> kActions{{
    {"insert", HandlerAction::kInsert},
    {"upsert", HandlerAction::kUpsert},
    {"update", HandlerAction::kUpdate},
    {"delete", HandlerAction::kDelete},
}};

Status read_action(const Section& section, HandlerConfig& out) {
    std::vector<std::string_view> found;
    for (const auto& [key, action] : kActions) {
        if (const TomlValue* value = section.find(key)) {
            found.push_back(key);
            out.action = action;
            PLUMBLINE_TRY(out.entity, section.string(*value, key));
        }
    }
    if (found.size() != 1) {
        return section.mistake(
            section.pos(),
            fmt::format("[[on]] needs exactly one of insert, upsert, update, delete; found {}",
                        found.empty() ? "none" : fmt::format("{}", fmt::join(found, ", "))));
    }
    return ok();
}

Status read_conditions(const Section& section, HandlerConfig& out) {
    const TomlValue* when = section.find("when");
    if (when == nullptr) {
        return ok();
    }
    PLUMBLINE_TRY(const auto items, section.strings(*when, "when", kMaxConditions));
    Mistakes mistakes;
    for (const TomlValue* item : items) {
        if (auto condition = section.condition(*item, "when"); mistakes.add(condition)) {
            out.when.push_back(*std::move(condition));
        }
    }
    return mistakes.all();
}

Status read_each(const Section& section, HandlerConfig& out) {
    const TomlValue* each = section.find("each");
    if (each == nullptr) {
        return ok();
    }
    PLUMBLINE_TRY(const auto items, section.strings(*each, "each", kMaxEach));
    for (const TomlValue* item : items) {
        PLUMBLINE_TRY(const Operand operand, section.operand(*item, "each"));
        if (operand.kind != Operand::Kind::kName) {
            return section.mistake(item->pos, fmt::format("each in [[on]] takes names of array "
                                                          "parameters, not {}",
                                                          in_quotes(item->text)));
        }
        std::string name = join_path(operand.path);
        if (std::ranges::find(out.each, name) != out.each.end()) {
            return section.mistake(item->pos,
                                   fmt::format("each in [[on]] lists {} twice", in_quotes(name)));
        }
        out.each.push_back(std::move(name));
        out.each_pos.push_back(item->pos);
    }
    return ok();
}

Result<HandlerConfig> read_handler(std::string_view path, const TomlValue& value) {
    PLUMBLINE_TRY(const Section section, Section::open(path, "[[on]]", value));
    SectionMistakes mistakes{section,
                             {"event", "insert", "upsert", "update", "delete", "key", "set", "add",
                              "sub", "min", "max", "when", "each", "every", "calls"}};
    HandlerConfig out;
    out.pos = section.pos();
    if (const TomlValue* every = section.find("every")) {
        mistakes.add(read_every(section, *every, out));
    } else if (const TomlValue* event = mistakes.need("event")) {
        mistakes.add(read_events(section, *event, out));
    }
    const bool has_action =
        std::ranges::any_of(kActions, [&](const auto& one) { return section.find(one.first); });
    if (has_action || mistakes.are_known()) {
        mistakes.add(read_action(section, out));
    }
    mistakes.add(read_conditions(section, out));
    mistakes.add(read_each(section, out));
    mistakes.add(read_calls(section, out));
    if (mistakes.need("key") != nullptr) {
        mistakes.add(read_assignments(section, "key", out.key));
    }
    mistakes.add(read_assignments(section, "set", out.set));
    mistakes.add(read_assignments(section, "add", out.add));
    mistakes.add(read_assignments(section, "sub", out.sub));
    mistakes.add(read_assignments(section, "min", out.min));
    mistakes.add(read_assignments(section, "max", out.max));
    PLUMBLINE_TRY_VOID(mistakes.all());
    const bool changes = !out.set.empty() || !out.add.empty() || !out.sub.empty() ||
                         !out.min.empty() || !out.max.empty();
    if (out.action == HandlerAction::kDelete && changes) {
        return section.mistake(section.pos(),
                               "[[on]] with delete takes no set, add, sub, min or max");
    }
    if (out.action == HandlerAction::kUpdate && !changes) {
        return section.mistake(
            section.pos(), "[[on]] with update changes nothing: give set, add, sub, min or max");
    }
    return out;
}

}  // namespace

Status read_handlers(std::string_view path, const TomlValue& list, Config& config) {
    if (list.kind == TomlValue::Kind::kTable) {
        return mistake_at(path, list.pos, "handlers are written [[on]], with two brackets");
    }
    if (list.kind != TomlValue::Kind::kArray) {
        return mistake_at(path, list.pos,
                          fmt::format("on must be [[on]] tables, not {}", kind_name(list.kind)));
    }
    if (list.items.size() > kMaxHandlers) {
        return mistake_at(
            path, list.pos,
            fmt::format("at most {} [[on]] handlers, not {}", kMaxHandlers, list.items.size()));
    }
    Mistakes mistakes;
    for (const TomlValue& item : list.items) {
        auto handler = read_handler(path, item);
        if (mistakes.add(handler)) {
            config.handlers.push_back(*std::move(handler));
        }
    }
    return mistakes.all();
}

}  // namespace plumbline::engine
