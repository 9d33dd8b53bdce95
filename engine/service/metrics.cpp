#include "engine/service/metrics.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "core/base/mutex.hpp"
#include "engine/service/service.hpp"
#include "engine/service/version.hpp"
#include "rpc/refusal.hpp"

namespace plumbline::engine {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

/// A gauge that is there and has no value: an alert on it does not fire, and does not fire for its
/// absence either.
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

const prometheus::Histogram::BucketBoundaries kRequestSeconds{
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
const prometheus::Histogram::BucketBoundaries kTaskSeconds{0.01, 0.1, 0.5, 1,   5,    10,
                                                           30,   60,  300, 900, 3600, 14400};

/// Builds families from values that are read and not counted.
class Snapshot {
  public:
    void gauge(std::string name, std::string help, double value, Labels labels = {}) {
        add(std::move(name), std::move(help), MetricType::Gauge, value, std::move(labels));
    }
    void counter(std::string name, std::string help, double value, Labels labels = {}) {
        add(std::move(name), std::move(help), MetricType::Counter, value, std::move(labels));
    }
    [[nodiscard]] std::vector<MetricFamily> take() { return std::move(families_); }

  private:
    void add(std::string name, std::string help, MetricType type, double value, Labels labels) {
        ClientMetric metric;
        metric.label = std::move(labels);
        if (type == MetricType::Counter) {
            metric.counter.value = value;
        } else {
            metric.gauge.value = value;
        }
        for (MetricFamily& family : families_) {
            if (family.name == name) {
                family.metric.push_back(std::move(metric));
                return;
            }
        }
        families_.push_back({std::move(name), std::move(help), type, {std::move(metric)}});
    }
    std::vector<MetricFamily> families_;
};

double to_double(uint64_t value) {
    return static_cast<double>(value);
}

double to_seconds(int64_t ms) {
    return static_cast<double>(ms) / 1000;
}

double to_limit(int64_t ms) {
    return ms == 0 ? std::numeric_limits<double>::infinity() : to_seconds(ms);
}

void add_index(Snapshot& out, const ServiceStatus& status) {
    const ProgressNumbers& now = status.progress;
    for (const Lifecycle state : {Lifecycle::kStarting, Lifecycle::kBackfilling, Lifecycle::kLive,
                                  Lifecycle::kDraining, Lifecycle::kStopped}) {
        out.gauge("plumbline_state", "1 for the state the service is in",
                  status.state == state ? 1 : 0, {{"state", std::string{to_string(state)}}});
    }
    out.gauge("plumbline_ready", "1 while live and near the head", status.is_ready() ? 1 : 0);
    out.gauge("plumbline_degraded_reasons", "How many things are not as they should be",
              to_double(status.degraded.size()));
    out.gauge("plumbline_uptime_seconds", "Since the service started",
              static_cast<double>(status.uptime_ms) / 1000);
    out.gauge("plumbline_chain_head_block", "The chain's head as last told; NaN before it was told",
              now.head_block ? to_double(*now.head_block) : kUnknown);
    out.gauge("plumbline_chain_finalized_block", "The last block known to be final",
              to_double(now.finalized_block));
    out.gauge("plumbline_next_block", "The first block that is not indexed yet",
              to_double(now.next_block));
    out.gauge("plumbline_lag_blocks",
              "Blocks behind the chain's head; NaN where the head is unknown or old",
              now.lag ? to_double(*now.lag) : kUnknown);
    out.gauge("plumbline_ready_age_seconds", "Since a provider last told its head",
              to_seconds(now.ages.ready_ms));
    out.gauge("plumbline_ready_age_limit_seconds",
              "Above it the service is not ready; +Inf where there is no limit",
              to_limit(now.ages.ready_max_ms));
    out.gauge("plumbline_head_age_seconds",
              "Since the chain's head was made, by its own timestamp; NaN where that is no time",
              now.ages.head_ms ? to_seconds(*now.ages.head_ms) : kUnknown);
    out.gauge("plumbline_head_age_limit_seconds",
              "Above it the service is not ready; +Inf where there is no limit",
              to_limit(now.ages.head_max_ms));
    out.gauge("plumbline_events_per_second", "Events indexed, over the last seconds",
              now.events_per_second);
    out.counter("plumbline_events_total", "Events indexed by this process", to_double(now.events));
    out.counter("plumbline_commits_total", "Commits by this process", to_double(status.commits));
    out.counter("plumbline_commit_seconds_total", "Time spent writing commits",
                static_cast<double>(status.commit_ms) / 1000);
    out.counter("plumbline_reorgs_total", "Reorgs followed by this process", to_double(now.reorgs));
    for (const auto& [proof, count] : status.mismatches) {
        out.gauge("plumbline_mismatches", "Mismatches that stand, as the newest proof found them",
                  to_double(count), {{"proof", proof}});
    }
    out.gauge(
        "plumbline_quarantined_events",
        "Events that no handler could apply, and blocks with corrections that the mapping has "
        "no place for",
        to_double(status.quarantined_rows));
    out.counter("plumbline_quarantined_events_total",
                "Events that no handler could apply, folded by this process, kept or only counted",
                to_double(now.quarantined_events));
    out.counter("plumbline_unknown_events_total",
                "Events of no ABI folded by this process: stored, not applied",
                to_double(now.unknown));
    out.gauge("plumbline_refolding", "1 while the log is folded again", now.is_refolding ? 1 : 0);
    out.gauge("plumbline_waiting", "1 while waiting for the chain or the disk",
              now.is_waiting ? 1 : 0);
}

void add_providers(Snapshot& out, const ServiceStatus& status) {
    for (const rpc::ProviderStats& provider : status.providers) {
        const Labels who{{"provider", provider.name}};
        const auto with = [&who](std::string name, std::string value) {
            Labels labels = who;
            labels.push_back({std::move(name), std::move(value)});
            return labels;
        };
        out.counter("plumbline_provider_requests_total", "HTTP requests sent",
                    to_double(provider.requests), who);
        out.counter("plumbline_provider_received_bytes_total", "Bytes of answers",
                    to_double(provider.received_bytes), who);
        out.counter("plumbline_provider_errors_total", "Answers that were none, by what went wrong",
                    to_double(provider.transport_errors), with("class", "transport"));
        out.counter("plumbline_provider_errors_total", "", to_double(provider.malformed),
                    with("class", "malformed"));
        for (size_t i = 0; i < provider.refusals.size(); ++i) {
            out.counter("plumbline_provider_errors_total", "", to_double(provider.refusals[i]),
                        with("class", std::string{to_string(static_cast<rpc::RefusalClass>(i))}));
        }
        out.counter("plumbline_provider_lies_total", "Answers that were proven wrong",
                    to_double(provider.lies), who);
        out.gauge("plumbline_provider_latency_seconds", "Moving average",
                  provider.latency_ms / 1000, who);
        out.gauge("plumbline_provider_usable", "0 while it is not asked", provider.usable ? 1 : 0,
                  who);
        if (provider.head) {
            out.gauge("plumbline_provider_head_block", "Its head", to_double(*provider.head), who);
        }
        if (provider.blocks_cap) {
            out.gauge("plumbline_provider_blocks_cap", "Most blocks a request, as learnt",
                      to_double(*provider.blocks_cap), who);
        }
    }
}

void add_sinks(Snapshot& out, const ServiceStatus& status) {
    for (const SinkStatus& sink : status.sinks) {
        const Labels who{{"sink", sink.name}};
        const auto rows = [&](const char* how, uint64_t count) {
            Labels labels = who;
            labels.push_back({"how", how});
            out.counter("plumbline_sink_rows_total",
                        "Rows that went into a sink's tables, by how they did", to_double(count),
                        std::move(labels));
        };
        out.gauge("plumbline_sink_up", "1 while the sink follows the index",
                  sink.state == "following" ? 1 : 0, who);
        out.gauge("plumbline_sink_lag_blocks",
                  "Blocks that a sink's tables are behind the index; NaN before the first load",
                  sink.block_num ? to_double(sink.lag_blocks) : kUnknown, who);
        if (sink.block_num) {
            out.gauge("plumbline_sink_block", "The block that a sink's tables stand at",
                      to_double(*sink.block_num), who);
        }
        rows("upserted", sink.rows_upserted);
        rows("deleted", sink.rows_deleted);
        rows("copied", sink.rows_copied);
        out.counter("plumbline_sink_transactions_total", "Transactions that a sink has committed",
                    to_double(sink.transactions), who);
        out.counter("plumbline_sink_tables_compared_total",
                    "Tables of a sink that were compared with the index row by row",
                    to_double(sink.tables_compared), who);
        out.counter("plumbline_sink_retries_total", "Times that a sink failed and began again",
                    to_double(sink.retries), who);
        out.counter("plumbline_sink_round_trips_total",
                    "Times that a sink sent something and awaited the answer",
                    to_double(sink.round_trips), who);
    }
}

}  // namespace

struct Metrics::Impl {
    std::vector<std::string> task_kinds;  ///< told before anybody asks
    prometheus::Registry registry;
    prometheus::Family<prometheus::Counter>& http_requests =
        prometheus::BuildCounter()
            .Name("plumbline_http_requests_total")
            .Help("HTTP requests answered, by route and status")
            .Register(registry);
    prometheus::Family<prometheus::Histogram>& http_seconds =
        prometheus::BuildHistogram()
            .Name("plumbline_http_request_seconds")
            .Help("Time from a whole request to its answer, by route")
            .Register(registry);
    struct HttpRoute {
        std::map<unsigned, prometheus::Counter*> requests;  ///< by status
        prometheus::Histogram* seconds = nullptr;
    };
    Mutex http_mutex;
    /// What was counted once: an answer looks for no labels.
    std::map<std::string, HttpRoute, std::less<>> http_routes PLUMBLINE_GUARDED_BY(http_mutex);
    prometheus::Family<prometheus::Counter>& task_runs =
        prometheus::BuildCounter()
            .Name("plumbline_task_runs_total")
            .Help("Runs of tasks, by kind and outcome")
            .Register(registry);
    prometheus::Family<prometheus::Histogram>& task_seconds =
        prometheus::BuildHistogram()
            .Name("plumbline_task_seconds")
            .Help("Time a run of a task took, by kind")
            .Register(registry);
    prometheus::Family<prometheus::Counter>& proofs = prometheus::BuildCounter()
                                                          .Name("plumbline_proofs_total")
                                                          .Help("Proofs, by kind and verdict")
                                                          .Register(registry);
    prometheus::Family<prometheus::Counter>& findings =
        prometheus::BuildCounter()
            .Name("plumbline_findings_total")
            .Help("Mismatches found by proofs, by kind")
            .Register(registry);
    prometheus::Family<prometheus::Counter>& repairs =
        prometheus::BuildCounter()
            .Name("plumbline_repairs_total")
            .Help("What repair did, by kind as the journal has it")
            .Register(registry);
    prometheus::Family<prometheus::Counter>& webhooks =
        prometheus::BuildCounter()
            .Name("plumbline_webhook_posts_total")
            .Help("Posts to webhooks, by name and whether they were taken")
            .Register(registry);
    prometheus::Family<prometheus::Gauge>& webhook_failures =
        prometheus::BuildGauge()
            .Name("plumbline_webhook_failures_in_a_row")
            .Help("Posts that were not taken since one was, by webhook")
            .Register(registry);
    prometheus::Gauge& stream_clients = prometheus::BuildGauge()
                                            .Name("plumbline_stream_clients")
                                            .Help("Open WebSocket streams")
                                            .Register(registry)
                                            .Add({});
};

Metrics::Metrics() : impl_{std::make_unique<Impl>()} {
    for (uint8_t i = 0; i <= static_cast<uint8_t>(kFindingKindLast); ++i) {
        impl_->findings.Add({{"kind", std::string{to_string(static_cast<FindingKind>(i))}}});
    }
    for (const char* done : {"log inserted", "log removed", "log replaced", "block rewritten",
                             "folded again", "unreadable bytes replaced", "stray bytes removed",
                             "digests renewed", "row corrected", "call replaced"}) {
        impl_->repairs.Add({{"kind", done}});
    }
    for (const char* proof : {"log", "replay", "state", "calls", "scrub"}) {
        for (const char* verdict : {"equal", "mismatch", "partial", "unprovable"}) {
            impl_->proofs.Add({{"kind", proof}, {"verdict", verdict}});
        }
    }
}
Metrics::~Metrics() = default;

void Metrics::count_http(std::string_view route, unsigned status, double seconds) {
    const MutexLock lock{impl_->http_mutex};
    auto known = impl_->http_routes.find(route);
    if (known == impl_->http_routes.end()) {
        known = impl_->http_routes.try_emplace(std::string{route}).first;
        known->second.seconds =
            &impl_->http_seconds.Add({{"route", known->first}}, kRequestSeconds);
    }
    prometheus::Counter*& requests = known->second.requests[status];
    if (requests == nullptr) {
        requests = &impl_->http_requests.Add(
            {{"route", known->first}, {"status", fmt::format("{}", status)}});
    }
    requests->Increment();
    known->second.seconds->Observe(seconds);
}

void Metrics::count_task(std::string_view kind, std::string_view outcome, double seconds) {
    impl_->task_runs.Add({{"kind", std::string{kind}}, {"outcome", std::string{outcome}}})
        .Increment();
    impl_->task_seconds.Add({{"kind", std::string{kind}}}, kTaskSeconds).Observe(seconds);
}

void Metrics::on_proof(std::string_view proof, std::string_view verdict, const Findings& findings) {
    impl_->proofs.Add({{"kind", std::string{proof}}, {"verdict", std::string{verdict}}})
        .Increment();
    for (const Finding& finding : findings.kept) {
        impl_->findings.Add({{"kind", std::string{to_string(finding.kind)}}}).Increment();
    }
}

void Metrics::on_repair(std::string_view kind) {
    impl_->repairs.Add({{"kind", std::string{kind}}}).Increment();
}

void Metrics::count_webhook(std::string_view name, bool was_delivered) {
    impl_->webhooks
        .Add({{"webhook", std::string{name}}, {"outcome", was_delivered ? "taken" : "failed"}})
        .Increment();
    prometheus::Gauge& in_a_row = impl_->webhook_failures.Add({{"webhook", std::string{name}}});
    was_delivered ? in_a_row.Set(0) : in_a_row.Increment();
}

void Metrics::expect_webhook(std::string_view name) {
    for (const char* outcome : {"taken", "failed"}) {
        impl_->webhooks.Add({{"webhook", std::string{name}}, {"outcome", outcome}});
    }
    impl_->webhook_failures.Add({{"webhook", std::string{name}}});
}

void Metrics::expect_task(std::string_view kind) {
    impl_->task_kinds.emplace_back(kind);
    for (const TaskOutcome::Kind outcome : {TaskOutcome::Kind::kDone, TaskOutcome::Kind::kFailed}) {
        impl_->task_runs.Add(
            {{"kind", std::string{kind}}, {"outcome", std::string{to_string(outcome)}}});
    }
}

void Metrics::set_stream_clients(uint64_t count) {
    impl_->stream_clients.Set(to_double(count));
}

std::string Metrics::text(const MetricsInput& input) const {
    Snapshot out;
    out.gauge("plumbline_build_info", "1; the version is in the label", 1,
              {{"version", std::string{version()}}});
    if (input.status != nullptr) {
        add_index(out, *input.status);
        add_providers(out, *input.status);
        add_sinks(out, *input.status);
    }
    for (const std::string& kind : impl_->task_kinds) {
        for (const TaskState state :
             {TaskState::kWaiting, TaskState::kRunning, TaskState::kDead, TaskState::kParked}) {
            const bool is_told = std::ranges::any_of(input.queue, [&](const QueueCount& count) {
                return count.kind == kind && count.state == state;
            });
            if (!is_told) {
                out.gauge("plumbline_queue_tasks", "Tasks, by kind and state", 0,
                          {{"kind", kind}, {"state", std::string{to_string(state)}}});
            }
        }
    }
    for (const QueueCount& count : input.queue) {
        out.gauge("plumbline_queue_tasks", "Tasks, by kind and state", to_double(count.count),
                  {{"kind", count.kind}, {"state", std::string{to_string(count.state)}}});
    }
    for (const auto& [level, block] : input.proven_through) {
        out.gauge("plumbline_proven_through_block",
                  "Everything up to this block is proven that well, by level", to_double(block),
                  {{"level", level}});
    }
    for (const auto& [entity, rows] : input.entity_rows) {
        out.gauge("plumbline_entity_rows", "Rows of an entity", to_double(rows),
                  {{"entity", entity}});
    }
    // Without a backup it is as old as can be, which matters where one is scheduled.
    out.gauge(
        "plumbline_backup_age_seconds", "Since the newest backup ended; +Inf where there is none",
        input.backup.ms ? to_seconds(*input.backup.ms) : std::numeric_limits<double>::infinity());
    out.gauge("plumbline_backup_age_limit_seconds",
              "Twice [schedule] backup; +Inf where none is scheduled",
              to_limit(input.backup.max_ms));
    if (input.disk_size_bytes > 0) {
        out.gauge("plumbline_disk_free_bytes", "Of the file system that the database is on",
                  to_double(input.disk_free_bytes));
        out.gauge("plumbline_disk_size_bytes", "Of the file system that the database is on",
                  to_double(input.disk_size_bytes));
    }
    if (input.database_bytes > 0) {
        out.gauge("plumbline_database_bytes", "All files of the database directory",
                  to_double(input.database_bytes));
    }
    for (const auto& [name, value] : input.storage) {
        out.gauge("plumbline_rocksdb_" + name, "As RocksDB tells it", to_double(value));
    }
    std::vector<MetricFamily> families = out.take();
    for (MetricFamily& family : impl_->registry.Collect()) {
        if (!family.metric.empty()) {
            families.push_back(std::move(family));
        }
    }
    std::ostringstream text;
    prometheus::TextSerializer{}.Serialize(text, families);
    // The library writes what no other does.
    std::string page = std::move(text).str();
    constexpr std::string_view kWritten = " Nan\n";
    for (size_t at = 0; (at = page.find(kWritten, at)) != std::string::npos; ++at) {
        page.replace(at, kWritten.size(), " NaN\n");
    }
    return page;
}

}  // namespace plumbline::engine
