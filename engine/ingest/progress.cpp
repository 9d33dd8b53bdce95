#include "engine/ingest/progress.hpp"

#include <algorithm>

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
constexpr int64_t kLiveLineMs = 60'000;
constexpr size_t kBarWidth = 24;
constexpr size_t kTerminalWidth = 110;

std::string format_rate(double rate) {
    if (rate >= 10'000) {
        return fmt::format("{:.0f}k", rate / 1000);
    }
    if (rate >= 1'000) {
        return fmt::format("{:.1f}k", rate / 1000);
    }
    return fmt::format("{:.0f}", rate);
}

}  // namespace

std::string render_bar(const ProgressNumbers& numbers, size_t width) {
    std::string text;
    if (numbers.is_refolding) {
        text = "folding the log again";
    } else if (numbers.is_filling) {
        text = fmt::format("filling in block {} of {}", format_count(numbers.fill_next),
                           format_count(numbers.fill_to));
    } else if (numbers.state == Lifecycle::kLive) {
        text = fmt::format(
            "live at block {}{}  {} events",
            format_count(numbers.next_block == 0 ? 0 : numbers.next_block - 1),
            numbers.lag > 0 ? fmt::format(", {} behind", format_count(numbers.lag)) : std::string{},
            format_count(numbers.events));
    } else if (numbers.blocks_total == 0) {
        text = std::string{to_string(numbers.state)};
    } else {
        const double part = std::min(1.0, static_cast<double>(numbers.blocks_done) /
                                              static_cast<double>(numbers.blocks_total));
        const auto filled = static_cast<size_t>(part * static_cast<double>(kBarWidth));
        text = fmt::format(
            "[{}{}] {:3.0f}%  block {}/{}  {} events  {}/s{}", std::string(filled, '#'),
            std::string(kBarWidth - filled, '.'), part * 100, format_count(numbers.blocks_done),
            format_count(numbers.blocks_total), format_count(numbers.events),
            format_rate(numbers.events_per_second),
            numbers.eta_seconds ? fmt::format("  ETA {}", format_duration(*numbers.eta_seconds))
                                : std::string{});
    }
    if (numbers.is_waiting) {
        text += "  (waiting)";
    }
    if (text.size() > width) {
        text.resize(width);
    }
    return text;
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
    out.head_block = progress_.head_block;
    out.finalized_block = progress_.finalized_block;
    out.events = progress_.events;
    out.quarantined = progress_.quarantined;
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
    out.lag = out.head_block >= out.next_block ? out.head_block - out.next_block + 1 : 0;
    if (sample_ms_ < 0 || now - sample_ms_ >= kSampleMs) {
        sample_ms_ = now;
        if (!samples_.empty() && out.next_block < samples_.back().next_block) {
            samples_.clear();  // A rollback: rates begin anew.
        }
        samples_.push_back({now, out.events, out.next_block});
        while (samples_.size() > 2 && now - samples_.front().ms > kWindowMs) {
            samples_.pop_front();
        }
    }
    const Sample& oldest = samples_.front();
    if (const int64_t span = now - oldest.ms; span > 0) {
        const double seconds = static_cast<double>(span) / 1000;
        out.events_per_second = static_cast<double>(out.events - oldest.events) / seconds;
        out.blocks_per_second =
            out.next_block >= oldest.next_block
                ? static_cast<double>(out.next_block - oldest.next_block) / seconds
                : 0;
    }
    if (out.blocks_per_second > 0 && out.blocks_total > out.blocks_done) {
        out.eta_seconds = static_cast<int64_t>(
            static_cast<double>(out.blocks_total - out.blocks_done) / out.blocks_per_second);
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
            std::string text = render_bar(read(), kTerminalWidth);
            if (details_) {
                text += '\n';
                text += details_(kTerminalWidth);
            }
            logging::set_status_line(text);
        }
        return;
    }
    if (sample_ms_ < 0 || now - sample_ms_ >= kSampleMs) {
        const ProgressNumbers numbers = read();
        if (now >= next_line_ms_) {
            next_line_ms_ = now + (numbers.state == Lifecycle::kLive ? kLiveLineMs : kLineMs);
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
    const uint64_t block = numbers.next_block == 0 ? 0 : numbers.next_block - 1;
    if (is_last) {
        const double rate = seconds > 0 ? static_cast<double>(numbers.events) / seconds : 0;
        logging::info("stopped", {{"block", block},
                                  {"head", numbers.head_block},
                                  {"events", numbers.events},
                                  {"seconds", fmt::format("{:.1f}", seconds)},
                                  {"events_per_second", static_cast<uint64_t>(rate)},
                                  {"quarantined", numbers.quarantined},
                                  {"reorgs", numbers.reorgs}});
        return;
    }
    if (numbers.is_filling) {
        logging::info("filling in", {{"block", numbers.fill_next}, {"to", numbers.fill_to}});
        return;
    }
    logging::info(to_string(numbers.state),
                  {{"block", block},
                   {"target", numbers.blocks_total == 0 ? 0 : progress_.target_block.load()},
                   {"head", numbers.head_block},
                   {"lag", numbers.lag},
                   {"events", numbers.events},
                   {"events_per_second", static_cast<uint64_t>(numbers.events_per_second)},
                   {"eta_seconds", numbers.eta_seconds.value_or(0)}});
}

}  // namespace plumbline::engine
