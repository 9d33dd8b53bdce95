// Stored events, and those that could not be applied.
#include "api/http/log_cursor.hpp"
#include "api/routes/handlers.hpp"
#include "engine/text/event_text.hpp"

namespace plumbline::api {

namespace {

/// Logs looked at for one page; a page may so be short, or empty, and still have a `next`.
constexpr uint64_t kScanMax = 50'000;

bool is_wanted(const std::string* asked, const std::string* name) {
    return asked == nullptr || (name != nullptr && *name == *asked);
}

}  // namespace

Response list_events(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        PLUMBLINE_TRY(const auto from, request.integer("from", 0, UINT64_MAX));
        PLUMBLINE_TRY(const auto to, request.integer("to", 0, UINT64_MAX));
        PLUMBLINE_TRY(const uint64_t limit, request.limit());
        const std::string* contract = request.target.find("contract");
        const std::string* event = request.target.find("event");
        PLUMBLINE_TRY(const auto after, read_log_cursor(request.target.find("cursor")));
        const uint64_t last = to.value_or(UINT64_MAX);
        const uint64_t first = std::max(from.value_or(0), after ? after->block_num : 0);
        if (from.value_or(0) > last) {
            return Error{ErrorCode::kInvalidArgument, "from is above to"};
        }
        PLUMBLINE_TRY(const auto children, snapshot.view->list_children());
        engine::EventText text{request.context().plan(), children};
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        json.key("events").open_array();
        std::optional<LogCursor> next;
        uint64_t shown = 0;
        if (first <= last) {
            const auto logs = snapshot.view->scan_logs(first, last);
            for (uint64_t seen = 0; logs->valid(); logs->next()) {
                const storage::LogRecord& record = logs->record();
                const LogCursor place{record.log.block_num, record.log.log_index};
                if (after && place <= *after) {
                    continue;
                }
                if (shown == limit || ++seen > kScanMax || request.is_late() ||
                    (shown > 0 && body.size() >= request.options().page_bytes_max)) {
                    break;
                }
                next = place;
                if (contract != nullptr || event != nullptr) {
                    const engine::EventText::Name name = text.name(record);
                    if (!is_wanted(contract, name.contract) || !is_wanted(event, name.event)) {
                        continue;
                    }
                }
                text.append_json(json.raw_value(), record);
                ++shown;
            }
            PLUMBLINE_TRY_VOID(logs->status());
            if (!logs->valid()) {
                next.reset();
            }
        }
        json.close_array().key("next");
        if (next) {
            json.value(log_cursor_text(*next));
        } else {
            json.null();
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
