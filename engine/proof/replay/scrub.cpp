#include "engine/proof/replay/scrub.hpp"

#include <utility>

#include <fmt/format.h>

#include "engine/proof/replay/scrub_parts.hpp"
#include "storage/raw_scan.hpp"
#include "storage/record_codec.hpp"

namespace plumbline::engine {

namespace {
constexpr uint64_t kStepsPerTell = 4096;
}  // namespace

Status ScrubRun::step() {
    if (++progress.checked % kStepsPerTell != 0) {
        return ok();
    }
    report_progress();
    if (options.is_cancelled && options.is_cancelled()) {
        return Error{ErrorCode::kCancelled, "stopped before everything was read"};
    }
    return ok();
}

void ScrubRun::begin_part(std::string part) {
    progress.part = std::move(part);
    report_progress();
}

void ScrubRun::report_progress() {
    if (options.on_progress) {
        options.on_progress(progress);
    }
}

std::string describe(const storage::DigestNode& node) {
    return fmt::format("{} with digest {}", node.count, to_string(node.sum));
}

Result<bool> note_broken_off(const Status& scanned, std::string_view what, Findings& findings) {
    if (scanned) {
        return false;
    }
    if (scanned.error().code != ErrorCode::kCorruption) {
        return scanned.error();
    }
    Finding finding = finding_of(FindingKind::kUnreadable);
    finding.key = what;
    finding.detail = scanned.error().message + "; what follows was not looked at";
    findings.add(std::move(finding));
    return true;
}

Status scrub_quarantine(ScrubRun& run) {
    const auto scan = storage::scan_raw_quarantine(run.view);
    uint64_t rows = 0;
    for (; scan->valid(); scan->next(), ++rows) {
        if (const auto row = storage::decode_quarantine(scan->key(), scan->value()); !row) {
            Finding finding = finding_of(FindingKind::kUnreadable);
            finding.key = "quarantine";
            finding.raw_key = scan->key();
            finding.detail = row.error().message;
            run.report.findings.add(std::move(finding));
        }
    }
    PLUMBLINE_TRY(const bool is_broken_off,
                  note_broken_off(scan->status(), "quarantine", run.report.findings));
    if (!is_broken_off && rows != run.view.quarantine_count()) {
        Finding finding = finding_of(FindingKind::kCountDiffers);
        finding.stored = fmt::to_string(run.view.quarantine_count());
        finding.expected = fmt::to_string(rows);
        finding.detail = "events in quarantine";
        run.report.findings.add(std::move(finding));
    }
    return ok();
}

std::vector<uint64_t> ScrubReport::damaged_block_numbers() const {
    std::vector<uint64_t> out;
    out.reserve(damaged_blocks.size());
    for (const DamagedBlock& block : damaged_blocks) {
        out.push_back(block.block_num);
    }
    return out;
}

Result<ScrubReport> scrub(const storage::ReadView& view, const ScrubOptions& options) {
    ScrubReport report;
    ScrubRun run{view, options, report};
    const auto& entities = view.bundle().entities;
    std::vector<size_t> wanted;
    for (size_t i = 0; options.with_entities && i < entities.size(); ++i) {
        if (!options.entity || *options.entity == i) {
            wanted.push_back(i);
            run.progress.total += view.entity_count(i);
        }
    }
    if (options.with_log) {
        run.progress.total += view.cursor() ? view.cursor()->event_count : 0;
        run.begin_part("log");
        PLUMBLINE_TRY_VOID(scrub_log(run));
    }
    for (const size_t entity : wanted) {
        run.begin_part(entities[entity].name);
        PLUMBLINE_TRY_VOID(scrub_entity(run, entity));
    }
    if (options.with_entities && !options.entity) {
        PLUMBLINE_TRY_VOID(scrub_quarantine(run));
    }
    run.report_progress();
    return report;
}

}  // namespace plumbline::engine
