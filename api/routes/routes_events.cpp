// Stored events, and those that could not be applied.
#include "api/routes/handlers.hpp"
#include "api/routes/log_cursor.hpp"
#include "engine/text/event_names.hpp"
#include "engine/text/event_text.hpp"
#include "query/event_filter.hpp"

namespace plumbline::api {

namespace {

/// Logs looked at for one page; a page may so be short, or empty, and still have a `next`.
constexpr uint64_t kScanMax = 50'000;

/// At most so many logs are looked at to count what is asked for.
constexpr uint64_t kCountMax = 1'000'000;

/// Which blocks, which way, from where.
struct EventPlace {
    bool is_everywhere = false;  ///< no range is asked for
    uint64_t asked_first = 0;
    uint64_t asked_last = UINT64_MAX;
    /// Of the range asked for, as far as the page needs it:
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    bool newest_first = false;
    std::optional<LogCursor> after;

    /// It comes after what the last page showed.
    [[nodiscard]] bool is_ahead(const LogCursor& place) const {
        return !after || (newest_first ? place < *after : place > *after);
    }
};

Result<EventPlace> read_place(const RequestContext& request, const storage::ReadView& view) {
    EventPlace out;
    PLUMBLINE_TRY(const auto from, request.integer("from", 0, UINT64_MAX));
    PLUMBLINE_TRY(const auto to, request.integer("to", 0, UINT64_MAX));
    PLUMBLINE_TRY(out.after, read_log_cursor(view, request.target.find("cursor")));
    out.first = from.value_or(0);
    out.last = to.value_or(UINT64_MAX);
    if (out.first > out.last) {
        return Error{ErrorCode::kInvalidArgument, "from is above to"};
    }
    out.is_everywhere = !from && !to;
    out.asked_first = out.first;
    out.asked_last = out.last;
    if (const std::string* order = request.target.find("order")) {
        if (*order != "block" && *order != "-block") {
            return Error{ErrorCode::kInvalidArgument,
                         "order is block, or -block for the newest first"};
        }
        out.newest_first = *order == "-block";
    }
    if (out.after && out.newest_first) {
        out.last = std::min(out.last, out.after->block_num);
    } else if (out.after) {
        out.first = std::max(out.first, out.after->block_num);
    }
    return out;
}

Result<query::EventFilter> read_event_filter(const RequestContext& request,
                                             const engine::EventText& events) {
    const auto text = [&](std::string_view name) {
        const std::string* found = request.target.find(name);
        return found == nullptr ? std::string{} : *found;
    };
    const bool is_named = request.route.id == "events_of";
    const std::string contract = is_named ? request.part(2) : text("contract");
    const std::string event = is_named ? request.part(3) : text("event");
    if (const Status known = engine::check_event_names(*request.context().plan(), contract, event);
        !known) {
        return Error{is_named ? ErrorCode::kNotFound : known.error().code, known.error().message};
    }
    query::EventFilter out{contract, event};
    constexpr std::string_view kParam = "param.";
    for (const auto& [name, value] : request.target.query) {
        if (request.route.has_param(name)) {
            continue;
        }
        if (!name.starts_with(kParam)) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("no parameter '{}' here; there are: {}; and param.NAME=..., "
                                     "param.NAME.gt=..., gte, lt, lte, ne, in",
                                     name, request.route.param_names())};
        }
        PLUMBLINE_TRY(const auto asked,
                      query::read_condition_name(std::string_view{name}.substr(kParam.size())));
        PLUMBLINE_TRY_VOID(out.add(events, asked, value));
    }
    return out;
}

/// Writes a page of events; gives the place behind which the next one begins.
Result<std::optional<LogCursor>> write_events(JsonWriter& json, const std::string& body,
                                              RequestContext& request,
                                              const IndexSnapshot& snapshot,
                                              const EventPlace& place) {
    PLUMBLINE_TRY(const uint64_t limit, request.limit());
    PLUMBLINE_TRY(const auto children, snapshot.view->list_children());
    engine::EventText text{request.context().plan(), children};
    PLUMBLINE_TRY(query::EventFilter filter, read_event_filter(request, text));
    std::optional<LogCursor> next;
    if (place.first > place.last) {
        return next;
    }
    const auto logs = snapshot.view->scan_logs(
        place.first, place.last, storage::OnDamage::kStop,
        place.newest_first ? storage::ScanOrder::kBackward : storage::ScanOrder::kForward);
    uint64_t shown = 0;
    for (uint64_t seen = 0; logs->valid(); logs->next()) {
        const storage::LogRecord& record = logs->record();
        const LogCursor at{record.log.block_num, record.log.log_index};
        if (!place.is_ahead(at)) {
            continue;
        }
        if (shown == limit || ++seen > kScanMax || (seen > 1 && request.is_late()) ||
            (shown > 0 && body.size() >= request.options().page_bytes_max)) {
            return next;
        }
        next = at;
        if (filter.is_empty() || filter.wants(text.decode(record))) {
            text.append_json(json.raw_value(), record);
            ++shown;
        }
    }
    PLUMBLINE_TRY_VOID(logs->status());
    return std::optional<LogCursor>{};
}

/// "count" and "count_is_exact" of an open object: all that the question finds, whatever the page.
Status write_event_count(JsonWriter& json, const RequestContext& request,
                         const IndexSnapshot& snapshot, const EventPlace& place) {
    PLUMBLINE_TRY(const auto children, snapshot.view->list_children());
    engine::EventText text{request.context().plan(), children};
    PLUMBLINE_TRY(query::EventFilter filter, read_event_filter(request, text));
    if (filter.is_empty() && place.is_everywhere) {
        const auto cursor = snapshot.view->cursor();
        json.member("count", cursor ? cursor->event_count : 0).member("count_is_exact", true);
        return ok();
    }
    const auto logs =
        snapshot.view->scan_logs(place.asked_first, place.asked_last, storage::OnDamage::kStop);
    uint64_t count = 0;
    uint64_t seen = 0;
    for (; logs->valid() && seen < kCountMax && (seen == 0 || !request.is_late()); logs->next()) {
        ++seen;
        count += filter.is_empty() || filter.wants(text.decode(logs->record())) ? 1U : 0U;
    }
    PLUMBLINE_TRY_VOID(logs->status());
    json.member("count", count).member("count_is_exact", !logs->valid());
    return ok();
}

}  // namespace

Response list_events(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        PLUMBLINE_TRY(const EventPlace place, read_place(request, *snapshot.view));
        PLUMBLINE_TRY(const bool is_counted, request.flag("count"));
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        json.key("events").open_array();
        PLUMBLINE_TRY(const auto next, write_events(json, body, request, snapshot, place));
        json.close_array().key("next");
        if (next) {
            json.value(log_cursor_text(*snapshot.view, *next));
        } else {
            json.null();
        }
        if (is_counted) {
            PLUMBLINE_TRY_VOID(write_event_count(json, request, snapshot, place));
        }
        json.close_object();
        return body;
    });
}

Response list_quarantine(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        PLUMBLINE_TRY(const uint64_t limit, request.limit());
        PLUMBLINE_TRY(const auto rows, snapshot.view->list_quarantine(limit));
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        json.member("total", snapshot.view->quarantine_count()).key("events").open_array();
        for (const storage::QuarantineRow& row : rows) {
            if (body.size() >= request.options().page_bytes_max) {
                break;
            }
            engine::write_quarantine_row(json, row);
        }
        json.close_array().close_object();
        return body;
    });
}

}  // namespace plumbline::api
