#include "engine/ingest/progress.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/text/duration.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kSampleMs = 500;
constexpr int64_t kWindowMs = 10'000;
constexpr int64_t kBarMs = 200;
constexpr int64_t kFirstLineMs = 2'000;
constexpr int64_t kLineMs = 10'000;
constexpr int64_t kSlowLineMs = 60'000;
constexpr size_t kBarWidth = 24;
constexpr size_t kTerminalWidthMax = 200;

std::string format_rate(double rate) {
    if (rate >= 10'000) {
        return fmt::format("{:.0f}k", rate / 1000);
    }
    if (rate >= 1'000) {
        return fmt::format("{:.1f}k", rate / 1000);
    }
    return fmt::format("{:.0f}", rate);
}

/// What is not known is said to be so: a 0 would be believed.
logging::Field number(std::string_view name, const std::optional<uint64_t>& value) {
    if (value) {
        return {name, *value};
    }
    logging::Field unknown{name, logging::format() == logging::Format::kJson ? "null" : "unknown"};
    unknown.is_number = true;  // Not in quotes.
    return unknown;
}

/// What there may be none of is left out where people read it, by having no name; programs find
/// all.
logging::Field number_if_any(std::string_view name, const std::optional<uint64_t>& value) {
    const bool is_left_out = !value && logging::format() == logging::Format::kText;
    return number(is_left_out ? std::string_view{} : name, value);
}

/// As many of `parts` as fit the line, each whole; only the first is cut.
std::string join_fitting(const std::vector<std::string>& parts, size_t width) {
    std::string out = parts.front().substr(0, width);
    for (size_t i = 1; i < parts.size(); ++i) {
        if (out.size() + 2 + parts[i].size() <= width) {
            out += "  " + parts[i];
        }
    }
    return out;
}

/// What matters most first; the bar is as long as there is room for it.
std::vector<std::string> backfill_parts(const ProgressNumbers& numbers, size_t width) {
    constexpr size_t kAroundBar = 7;  // "[] 100%"
    const double part = std::min(1.0, static_cast<double>(numbers.blocks_fetched()) /
                                          static_cast<double>(numbers.blocks_total));
    const size_t length = std::min(kBarWidth, width - std::min(width, kAroundBar));
    const auto filled = static_cast<size_t>(part * static_cast<double>(length));
    std::vector<std::string> out{
        fmt::format("[{}{}] {:3.0f}%", std::string(filled, '#'), std::string(length - filled, '.'),
                    part * 100),
        fmt::format("block {}/{}", format_count(numbers.blocks_fetched()),
                    format_count(numbers.blocks_total)),
        fmt::format("{} events", format_count(std::max(numbers.events, numbers.fetched_events))),
        fmt::format("{}/s", format_rate(numbers.events_per_second))};
    if (numbers.eta_seconds) {
        out.push_back(fmt::format("ETA {}", format_duration(*numbers.eta_seconds)));
    }
    return out;
}

}  // namespace

std::string render_bar(const ProgressNumbers& numbers, size_t width) {
    std::vector<std::string> parts;
    if (numbers.is_refolding) {
        parts = {"folding the log again"};
    } else if (numbers.is_filling) {
        parts = {fmt::format("filling in block {} of {}", format_count(numbers.fill_next),
                             format_count(numbers.fill_to))};
    } else if (numbers.state == Lifecycle::kLive) {
        parts = {
            fmt::format("live at block {}{}",
                        format_count(numbers.next_block == 0 ? 0 : numbers.next_block - 1),
                        !numbers.lag       ? ", the head is unknown"
                        : *numbers.lag > 0 ? fmt::format(", {} behind", format_count(*numbers.lag))
                                           : std::string{}),
            fmt::format("{} events in this run", format_count(numbers.events))};
    } else if (numbers.blocks_total == 0) {
        parts = {std::string{to_string(numbers.state)}};
    } else {
        parts = backfill_parts(numbers, width);
    }
    if (numbers.is_waiting) {
        parts.emplace_back("(waiting)");
    }
    return join_fitting(parts, width);
}

ProgressMode choose_progress_mode(bool quiet) {
    if (quiet) {
        return ProgressMode::kQuiet;
    }
    return logging::format() == logging::Format::kText && logging::is_terminal()
               ? ProgressMode::kBar
               : ProgressMode::kLines;
}

ProgressReporter::ProgressReporter(const IngestProgress& progress, const Clock& clock,
                                   ProgressMode mode)
    : progress_{progress},
      clock_{clock},
      mode_{mode},
      start_ms_{clock.monotonic_ms()},
      next_line_ms_{start_ms_ + kFirstLineMs} {}

ProgressReporter::~ProgressReporter() {
    if (mode_ == ProgressMode::kBar) {
        logging::set_status_line({});
    }
}

ProgressNumbers ProgressReporter::read() {
    const int64_t now = clock_.monotonic_ms();
    ProgressNumbers out;
    out.state = progress_.state;
    out.next_block = progress_.next_block;
    out.fetched_next = std::max(out.next_block, progress_.fetched_next.load());
    out.asked_next = std::max(out.fetched_next, progress_.asked_next.load());
    out.fetched_events = progress_.fetched_events;
    out.head_block = progress_.head_block.told();
    out.finalized_block = progress_.finalized_block;
    out.events = progress_.events;
    out.quarantined = progress_.quarantined_rows;
    out.quarantined_events = progress_.quarantined;
    out.unknown = progress_.unknown;
    out.misfits = progress_.misfits;
    out.reorgs = progress_.reorgs;
    out.is_refolding = progress_.refolding;
    out.fill_next = progress_.fill_next;
    out.fill_to = progress_.fill_to;
    out.is_filling = out.fill_next > 0 && out.fill_next <= out.fill_to;
    out.is_waiting =
        progress_.waiting_since_ms.load() >= 0 || progress_.disk_waiting_since_ms.load() >= 0;
    const uint64_t first = progress_.first_block;
    const uint64_t target = progress_.target_block;
    out.blocks_done = out.next_block > first ? out.next_block - first : 0;
    out.blocks_total = target >= first && target > 0 ? target - first + 1 : 0;
    out.ages = read_head_ages(progress_, clock_);
    if (out.head_block && !out.ages.is_old()) {
        out.lag = *out.head_block >= out.next_block ? *out.head_block - out.next_block + 1 : 0;
    }
    if (out.state == Lifecycle::kStarting) {
        // Where to begin is found out meanwhile: that is a jump, and no pace.
        samples_.clear();
        sample_ms_ = -1;
    } else if (sample_ms_ < 0 || now - sample_ms_ >= kSampleMs) {
        sample_ms_ = now;
        if (!samples_.empty() && out.fetched_next < samples_.back().fetched_next) {
            samples_.clear();  // A rollback: rates begin anew.
        }
        samples_.push_back({now, out.events, out.fetched_next});
        while (samples_.size() > 2 && now - samples_.front().ms > kWindowMs) {
            samples_.pop_front();
        }
    }
    const Sample oldest = samples_.empty() ? Sample{now, 0, 0} : samples_.front();
    if (const int64_t span = now - oldest.ms; span > 0) {
        const double seconds = static_cast<double>(span) / 1000;
        out.events_per_second = static_cast<double>(out.events - oldest.events) / seconds;
        out.blocks_per_second =
            out.fetched_next >= oldest.fetched_next
                ? static_cast<double>(out.fetched_next - oldest.fetched_next) / seconds
                : 0;
    }
    // At the head the chain's pace decides, which is another.
    if (out.blocks_per_second > 0 && out.blocks_total > out.blocks_fetched() && out.lag != 0U) {
        out.eta_seconds = static_cast<int64_t>(
            static_cast<double>(out.blocks_total - out.blocks_fetched()) / out.blocks_per_second);
    }
    return out;
}

void ProgressReporter::tick() {
    if (mode_ == ProgressMode::kQuiet) {
        return;
    }
    const int64_t now = clock_.monotonic_ms();
    if (mode_ == ProgressMode::kBar) {
        if (bar_ms_ < 0 || now - bar_ms_ >= kBarMs) {
            bar_ms_ = now;
            const size_t width = std::min(logging::terminal_columns(), kTerminalWidthMax);
            std::string text = render_bar(read(), width);
            if (details_) {
                text += '\n';
                text += details_(width);
            }
            logging::set_status_line(text);
        }
        return;
    }
    if (sample_ms_ < 0 || now - sample_ms_ >= kSampleMs) {
        const ProgressNumbers numbers = read();
        if (now >= next_line_ms_) {
            // Where nothing is fetched there is little to tell.
            const bool is_busy = numbers.state == Lifecycle::kBackfilling || numbers.is_refolding;
            next_line_ms_ = now + (is_busy ? kLineMs : kSlowLineMs);
            write_line(numbers, false);
        }
    }
}

void ProgressReporter::finish() {
    if (mode_ == ProgressMode::kBar) {
        logging::set_status_line({});
    }
    if (mode_ != ProgressMode::kQuiet) {
        write_line(read(), true);
    }
}

void ProgressReporter::write_line(const ProgressNumbers& numbers, bool is_last) const {
    const double seconds = static_cast<double>(clock_.monotonic_ms() - start_ms_) / 1000;
    const std::optional<uint64_t> none;
    const auto last_of = [](uint64_t next) { return std::optional{next - 1}; };
    const std::optional<uint64_t> block =
        numbers.blocks_done > 0 ? last_of(numbers.next_block) : none;
    if (is_last) {
        const double rate = seconds > 0 ? static_cast<double>(numbers.events) / seconds : 0;
        logging::info("stopped", {number_if_any("block", block),
                                  number("head", numbers.head_block),
                                  {"events", numbers.events},
                                  {"seconds", std::round(seconds * 10) / 10},
                                  {"events_per_second", static_cast<uint64_t>(rate)},
                                  {"quarantined", numbers.quarantined},
                                  {"unknown", numbers.unknown},
                                  {"reorgs", numbers.reorgs}});
        return;
    }
    if (numbers.is_filling) {
        logging::info("filling in", {{"block", numbers.fill_next}, {"to", numbers.fill_to}});
        return;
    }
    const bool is_behind = numbers.state != Lifecycle::kLive;
    const bool has_target = numbers.blocks_total > 0;
    logging::info(
        to_string(numbers.state),
        {number_if_any("block", block),
         number_if_any("fetched",
                       numbers.blocks_fetched() > 0 ? last_of(numbers.fetched_next) : none),
         number_if_any("asked", numbers.asked_next > numbers.fetched_next && is_behind
                                    ? last_of(numbers.asked_next)
                                    : none),
         number_if_any("target", has_target ? std::optional{progress_.target_block.load()} : none),
         number("head", numbers.head_block),
         number("lag", numbers.lag),
         {"events", numbers.events},
         {"events_fetched", std::max(numbers.events, numbers.fetched_events)},
         {"events_per_second", static_cast<uint64_t>(numbers.events_per_second)},
         number_if_any("eta_seconds", numbers.eta_seconds ? std::optional{static_cast<uint64_t>(
                                                                *numbers.eta_seconds)}
                                                          : none)});
}

}  // namespace plumbline::engine
