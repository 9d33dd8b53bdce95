// The parts of a scrub. Internal to engine/scrub*.cpp.
#pragma once

#include "engine/proof/replay/scrub.hpp"

namespace plumbline::engine {

/// What the parts share: the report, progress, cancellation.
class ScrubRun {
  public:
    ScrubRun(const storage::ReadView& of, const ScrubOptions& wanted, ScrubReport& into)
        : view{of},
          options{wanted},
          report{into} {}

    /// Counts one thing; kCancelled where the caller wants no more.
    [[nodiscard]] Status step();
    void begin_part(std::string part);
    void report_progress();

    const storage::ReadView& view;
    const ScrubOptions& options;
    ScrubReport& report;
    ScrubProgress progress;
};

[[nodiscard]] Status scrub_log(ScrubRun& run);
[[nodiscard]] Status scrub_entity(ScrubRun& run, size_t entity);
[[nodiscard]] Status scrub_quarantine(ScrubRun& run);

[[nodiscard]] inline Finding finding_of(FindingKind kind) {
    Finding finding;
    finding.kind = kind;
    return finding;
}

/// "3 things, digest 0123..": for people.
[[nodiscard]] std::string describe(const storage::DigestNode& node);

}  // namespace plumbline::engine
