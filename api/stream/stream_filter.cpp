#include "api/stream/stream_filter.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "engine/text/entity_text.hpp"
#include "engine/text/event_names.hpp"

namespace plumbline::api {

namespace {

constexpr size_t kKnownMax = 32;

Status read_entities(const engine::Plan& plan, const Target& target, StreamFilter& filter) {
    const std::vector<std::string> names = target.all("entity");
    for (const std::string& name : names) {
        if (name == "*") {
            filter.entities.clear();
            break;
        }
        const auto entity = engine::find_entity(plan.entities(), name);
        if (!entity) {
            return Error{ErrorCode::kInvalidArgument, entity.error().message};
        }
        filter.entities.push_back(*entity);
    }
    const std::vector<std::string> keys = target.all("key");
    if (!keys.empty() && filter.entities.size() != 1) {
        return Error{ErrorCode::kInvalidArgument, "key goes with exactly one entity"};
    }
    for (const std::string& text : keys) {
        PLUMBLINE_TRY(std::string key,
                      engine::key_or_value_from_text(plan.entities()[filter.entities[0]], text));
        filter.keys.push_back(std::move(key));
    }
    return ok();
}

Status check_names(const Target& target) {
    constexpr std::string_view kNames[] = {"entity", "key", "event", "known", "from", "snapshot"};
    for (const auto& [name, value] : target.query) {
        if (std::ranges::find(kNames, name) == std::end(kNames)) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("no parameter '{}' here; there are: {}", name,
                                     fmt::join(kNames, ", "))};
        }
    }
    return ok();
}

Status read_start(const Target& target, StreamFilter& filter) {
    if (const std::string* snapshot = target.find("snapshot")) {
        if (*snapshot != "true" && *snapshot != "false") {
            return Error{ErrorCode::kInvalidArgument, "snapshot must be true or false"};
        }
        filter.wants_snapshot = *snapshot == "true";
    }
    if (const std::string* from = target.find("from")) {
        uint64_t block = 0;
        const auto [end, error] = std::from_chars(from->data(), from->data() + from->size(), block);
        if (error != std::errc{} || end != from->data() + from->size() || filter.has_rows) {
            return Error{ErrorCode::kInvalidArgument,
                         "from must be a block number, and goes with event and without entity"};
        }
        filter.from = block;
    }
    for (const std::string& text : target.all("known")) {
        if (filter.known.size() == kKnownMax) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("at most {} known blocks", kKnownMax)};
        }
        const std::optional<StreamPlace> place = parse_place(text);
        if (!place) {
            return Error{ErrorCode::kInvalidArgument,
                         "known must be BLOCK-HASH-BASIS, as messages name them"};
        }
        filter.known.push_back(*place);
    }
    std::ranges::stable_sort(filter.known, std::ranges::greater{},
                             [](const StreamPlace& one) { return one.block.block_num; });
    return ok();
}

}  // namespace

bool StreamFilter::wants_entity(size_t entity) const {
    return has_rows && (entities.empty() || std::ranges::find(entities, entity) != entities.end());
}

bool StreamFilter::wants_row(size_t entity, std::string_view key) const {
    return wants_entity(entity) && (keys.empty() || std::ranges::find(keys, key) != keys.end());
}

bool StreamFilter::wants_event(std::string_view contract, std::string_view event) const {
    if (!has_events || events.empty()) {
        return has_events;
    }
    return std::ranges::any_of(events, [&](std::string_view wanted) {
        const size_t dot = wanted.find('.');
        return dot != std::string_view::npos && wanted.substr(0, dot) == contract &&
               (wanted.substr(dot + 1) == "*" || wanted.substr(dot + 1) == event);
    });
}

Result<StreamFilter> read_stream_filter(const engine::Plan& plan, const Target& target) {
    PLUMBLINE_TRY_VOID(check_names(target));
    StreamFilter out;
    const bool asks_rows = target.find("entity") != nullptr;
    const bool asks_events = target.find("event") != nullptr;
    out.has_rows = asks_rows || !asks_events;
    out.has_events = asks_events || !asks_rows;
    PLUMBLINE_TRY_VOID(read_entities(plan, target, out));
    out.events = target.all("event");
    if (std::ranges::find(out.events, "*") != out.events.end()) {
        out.events.clear();
    }
    for (const std::string& name : out.events) {
        PLUMBLINE_TRY_VOID(engine::check_event_pattern(plan, name));
    }
    PLUMBLINE_TRY_VOID(read_start(target, out));
    return out;
}

}  // namespace plumbline::api
