#include "engine/service/service_status_text.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "engine/service/service.hpp"
#include "engine/text/duration.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kReasonsMax = 3;
constexpr size_t kProvidersMax = 6;
constexpr size_t kNameWidth = 11;
constexpr std::string_view kBetween = "  ";

/// A sentence is told whole, on as many lines as it takes.
std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const size_t end = std::min(text.find(' '), text.size());
        if (end > 0) {
            out.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

/// `name` and as many of `parts` a line as fit. One that is longer than a line goes on in the next
/// after a blank; only a word that is longer is cut.
void add_lines(std::string& out, std::string_view name, const std::vector<std::string>& parts,
               size_t width, std::string_view between = kBetween) {
    std::string line = fmt::format("{:<{}}", name, kNameWidth);
    bool is_empty = true;
    const auto end_line = [&] {
        line.resize(std::min(line.size(), width));
        out += (out.empty() ? "" : "\n") + line;
        line = std::string(kNameWidth, ' ');
        is_empty = true;
    };
    const auto add = [&](std::string_view text, std::string_view before) {
        if (!is_empty && line.size() + before.size() + text.size() > width) {
            end_line();
        }
        line += is_empty ? "" : before;
        line += text;
        is_empty = false;
    };
    for (const std::string& part : parts) {
        if (kNameWidth + part.size() <= width) {
            add(part, between);
            continue;
        }
        std::string_view before = between;
        for (const std::string& word : words_of(part)) {
            add(word, before);
            before = " ";
        }
    }
    end_line();
}

std::vector<std::string> chain_parts(const ServiceStatus& status) {
    const ProgressNumbers& now = status.progress;
    return {fmt::format("head {}", now.head_block ? format_count(*now.head_block) : "not told yet"),
            fmt::format("final {}", format_count(now.finalized_block)),
            fmt::format("behind {}", now.lag ? format_count(*now.lag) : "unknown"),
            fmt::format("{:.0f} events/s", now.events_per_second),
            fmt::format("{:.1f} blocks/s", now.blocks_per_second),
            fmt::format("reorgs {}", now.reorgs)};
}

std::vector<std::string> provider_parts(const ServiceStatus& status) {
    std::vector<std::string> out;
    for (const rpc::ProviderStats& provider : status.providers) {
        if (out.size() == kProvidersMax) {
            out.push_back(fmt::format("and {} more", status.providers.size() - kProvidersMax));
            break;
        }
        out.push_back(fmt::format(
            "{} {} {:.0f}ms{}", provider.name, provider.state, provider.latency_ms,
            provider.lies > 0 ? fmt::format(" lied {}x", provider.lies) : std::string{}));
    }
    return out;
}

}  // namespace

std::string render_details(const ServiceStatus& status, size_t width) {
    std::string out;
    // What somebody has to act on is nearest to the bar.
    for (size_t i = 0; i < std::min(status.degraded.size(), kReasonsMax); ++i) {
        add_lines(out, "attention", words_of(status.degraded[i]), width, " ");
    }
    if (status.degraded.size() > kReasonsMax) {
        add_lines(out, "", {fmt::format("and {} more", status.degraded.size() - kReasonsMax)},
                  width);
    }
    add_lines(out, "chain", chain_parts(status), width);
    add_lines(out, "proven",
              {status.proven_level.empty()
                   ? std::string{"nothing yet"}
                   : fmt::format("through block {} ({})", format_count(status.proven_block),
                                 status.proven_level)},
              width);
    add_lines(out, "providers", provider_parts(status), width);
    std::vector<std::string> tasks{fmt::format("{} waiting", status.tasks_waiting),
                                   fmt::format("{} running", status.tasks_running)};
    if (status.tasks_dead + status.tasks_parked > 0) {
        tasks.push_back(fmt::format("{} failed", status.tasks_dead));
        tasks.push_back(fmt::format("{} parked", status.tasks_parked));
    }
    add_lines(out, "tasks", tasks, width);
    if (!status.address.empty()) {
        add_lines(out, "api", {status.address}, width);
    }
    return out;
}

}  // namespace plumbline::engine
