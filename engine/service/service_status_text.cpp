#include "engine/service/service_status_text.hpp"

#include <fmt/format.h>

#include "engine/service/service.hpp"
#include "engine/text/duration.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kReasonsMax = 3;

void add_line(std::string& out, std::string line, size_t width) {
    if (line.size() > width) {
        line.resize(width);
    }
    if (!out.empty()) {
        out += '\n';
    }
    out += line;
}

}  // namespace

std::string render_details(const ServiceStatus& status, size_t width) {
    std::string out;
    add_line(out,
             fmt::format("chain      head {}  final {}  behind {}  reorgs {}",
                         format_count(status.progress.head_block),
                         format_count(status.progress.finalized_block),
                         status.progress.lag ? format_count(*status.progress.lag) : "unknown",
                         status.progress.reorgs),
             width);
    std::string providers = "providers ";
    for (const rpc::ProviderStats& provider : status.providers) {
        providers += fmt::format(
            " {} {} {:.0f}ms{}", provider.name, provider.state, provider.latency_ms,
            provider.lies > 0 ? fmt::format(" lied {}x", provider.lies) : std::string{});
    }
    add_line(out, std::move(providers), width);
    std::string tasks = fmt::format("tasks      {} waiting  {} running", status.tasks_waiting,
                                    status.tasks_running);
    if (status.tasks_dead + status.tasks_parked > 0) {
        tasks += fmt::format("  {} failed  {} parked", status.tasks_dead, status.tasks_parked);
    }
    add_line(out, std::move(tasks), width);
    for (size_t i = 0; i < status.degraded.size() && i < kReasonsMax; ++i) {
        add_line(out, "attention  " + status.degraded[i], width);
    }
    return out;
}

}  // namespace plumbline::engine
