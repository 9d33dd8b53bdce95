// How far the index is, for people and scripts: a bar that stays in place on a terminal, a log line
// now and then elsewhere.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "core/base/clock.hpp"
#include "engine/ingest/ingest_progress.hpp"

namespace plumbline::engine {

/// One reading of `IngestProgress`, with what follows from earlier ones.
struct ProgressNumbers {
    Lifecycle state = Lifecycle::kStarting;
    uint64_t next_block = 0;
    uint64_t fetched_next = 0;           ///< the first block that is not on its way to the writer
    uint64_t asked_next = 0;             ///< the first block that was not asked for
    uint64_t blocks_done = 0;            ///< of the index, from its first block on
    uint64_t blocks_total = 0;           ///< up to the target of this run
    std::optional<uint64_t> head_block;  ///< empty: nobody has told it
    uint64_t finalized_block = 0;
    /// Blocks behind the head; empty where nobody can tell, for what is known of the head is old.
    std::optional<uint64_t> lag;
    HeadAges ages;
    uint64_t events = 0;
    uint64_t fetched_events = 0;      ///< committed or on their way
    uint64_t quarantined = 0;         ///< in the database; known once the run has ended
    uint64_t quarantined_events = 0;  ///< by this run
    uint64_t unknown = 0;             ///< events of no ABI, by this run
    uint64_t misfits = 0;             ///< of these: of a topic0 that an ABI has, in another shape
    uint64_t reorgs = 0;
    double events_per_second = 0;  ///< recent
    double blocks_per_second = 0;  ///< recent; of those fetched
    std::optional<int64_t> eta_seconds;
    bool is_filling = false;
    uint64_t fill_next = 0;
    uint64_t fill_to = 0;
    bool is_refolding = false;
    bool is_waiting = false;  ///< for the chain or the disk
    /// Blocks of the index that are fetched, committed or not.
    [[nodiscard]] uint64_t blocks_fetched() const noexcept {
        return blocks_done + (fetched_next > next_block ? fetched_next - next_block : 0);
    }
};

/// One line without a newline, at most `width` characters: what does not fit whole is left out.
[[nodiscard]] std::string render_bar(const ProgressNumbers& numbers, size_t width);

enum class ProgressMode : uint8_t { kQuiet, kLines, kBar };
/// By `quiet`, the log format, and whether standard error is a terminal.
[[nodiscard]] ProgressMode choose_progress_mode(bool quiet);

/// One thread. Cheap enough to be ticked in every turn of a loop.
class ProgressReporter {
  public:
    ProgressReporter(const IngestProgress& progress, const Clock& clock, ProgressMode mode);
    ProgressReporter(const ProgressReporter&) = delete;
    ProgressReporter& operator=(const ProgressReporter&) = delete;
    /// Takes the bar away.
    ~ProgressReporter();

    /// More lines below the bar on a terminal, each at most `width` characters, with newlines
    /// between; asked on the thread that ticks.
    void set_details(std::function<std::string(size_t width)> details) {
        details_ = std::move(details);
    }
    /// Tells what is due: the bar five times a second, lines after 2 seconds and then every 10 (60
    /// once live).
    void tick();
    /// The last word, whatever was told before.
    void finish();
    /// Reads the numbers as of now.
    [[nodiscard]] ProgressNumbers read();

  private:
    struct Sample {
        int64_t ms = 0;
        uint64_t events = 0;
        uint64_t fetched_next = 0;
    };
    void write_line(const ProgressNumbers& numbers, bool is_last) const;

    const IngestProgress& progress_;
    const Clock& clock_;
    ProgressMode mode_;
    int64_t start_ms_;
    int64_t sample_ms_ = -1;
    int64_t bar_ms_ = -1;
    int64_t next_line_ms_;
    std::deque<Sample> samples_;
    std::function<std::string(size_t width)> details_;
};

}  // namespace plumbline::engine
