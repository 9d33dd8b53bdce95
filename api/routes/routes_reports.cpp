// What the proofs found and what repair did: reports, journal.
#include <algorithm>

#include "api/routes/caches.hpp"
#include "api/routes/handlers.hpp"
#include "api/routes/proof_json.hpp"
#include "core/evm/hex.hpp"
#include "storage/proof_names.hpp"

namespace plumbline::api {

namespace {

void write_entry(JsonWriter& json, const storage::JournalRow& row) {
    json.open_object()
        .member("seq", row.seq)
        .member("time", row.time_s)
        .member("kind", row.kind)
        .member("entity", row.entity)
        .member("key", row.key)
        .member("block", row.block_num)
        .member("log_index", row.log_index)
        .member("before", row.before)
        .member("after", row.after)
        .member("reason", row.reason)
        .member("provider", row.provider)
        .member("evidence", row.evidence)
        .close_object();
}

}  // namespace

Response list_reports(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        PLUMBLINE_TRY(const auto proofs, snapshot.view->list_proofs());
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        json.key("reports").open_array();
        for (const storage::ProofRecord& proof : proofs) {
            if (storage::is_verdict(proof.proof)) {
                json.open_object();
                write_proof_members(json, proof);
                json.close_object();
            }
        }
        json.close_array().close_object();
        return body;
    });
}

Response list_analytics(RequestContext& request) {
    std::string body;
    JsonWriter json{body};
    json.open_object().key("reports").open_array();
    for (const Report& report : request.options().reports) {
        json.open_object()
            .member("name", report.name)
            .member("about", report.about)
            .member("metric", report.metric_name)
            .close_object();
    }
    json.close_array().close_object();
    return reply(std::move(body));
}

namespace {

/// Of the field whose values or whose sum the report tells; empty: it tells something else.
std::optional<uint8_t> shown_decimals(const Report& report, const RequestContext& request) {
    const bool is_of_field = report.metric == ReportMetric::kSum ||
                             report.metric == ReportMetric::kMin ||
                             report.metric == ReportMetric::kMax;
    if (!is_of_field || !report.entity || !report.of) {
        return std::nullopt;
    }
    const auto& decimals = request.options().decimals;
    const auto found = decimals.find(request.context().plan()->entities()[*report.entity].name +
                                     "." + report.of->name);
    return found == decimals.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace

Response get_analytics(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        const auto& reports = request.options().reports;
        const auto report = std::ranges::find(reports, request.part(2), &Report::name);
        if (report == reports.end()) {
            return Error{ErrorCode::kNotFound,
                         fmt::format("no report '{}'; /v1/analytics lists all", request.part(2))};
        }
        PLUMBLINE_TRY(const uint64_t limit, request.limit());
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        if (snapshot.view->bundle().entities != request.context().plan()->entities()) {
            return Error{ErrorCode::kUnavailable, "the entities are being folded again"};
        }
        const uint64_t commit_num = snapshot.cursor ? snapshot.cursor->commit_num : 0;
        PLUMBLINE_TRY(const ReportCache::Counted counted,
                      request.router.caches().reports.get(report->name, commit_num, [&] {
                          ReportLimits limits;
                          limits.deadline_ms = request.deadline_ms;
                          return count_report(*report, *snapshot.view, request.context().plan(),
                                              request.context().clock(), limits);
                      }));
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        json.member("report", report->name)
            .member("about", report->about)
            .member("metric", report->metric_name)
            .member("decimals", shown_decimals(*report, request))
            .member("scanned", counted->scanned)
            .member("total", counted->groups.size())
            .key("groups")
            .open_array();
        for (size_t i = 0; i < std::min<size_t>(limit, counted->groups.size()); ++i) {
            json.open_object().key("by").raw(counted->groups[i].by);
            json.key("value").raw(counted->groups[i].value).close_object();
        }
        json.close_array().close_object();
        return body;
    });
}

Response list_journal(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        PLUMBLINE_TRY(const uint64_t limit, request.limit());
        PLUMBLINE_TRY(const auto after, request.integer("after", 0, UINT64_MAX));
        const std::string* kind = request.target.find("kind");
        const std::string* entity = request.target.find("entity");
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        json.key("entries").open_array();
        uint64_t shown = 0;
        uint64_t last = after.value_or(0);
        const auto show = [&](const storage::JournalRow& row) {
            if (shown == limit || (shown > 0 && body.size() >= request.options().page_bytes_max)) {
                return false;
            }
            last = row.seq;
            if ((kind == nullptr || *kind == row.kind) &&
                (entity == nullptr || *entity == row.entity)) {
                write_entry(json, row);
                ++shown;
            }
            return true;
        };
        PLUMBLINE_TRY(const bool is_whole, walk_journal(request, *snapshot.view, last, show));
        json.close_array().key("next");
        if (is_whole) {
            json.null();
        } else {
            json.value(last);
        }
        json.close_object();
        return body;
    });
}

}  // namespace plumbline::api
