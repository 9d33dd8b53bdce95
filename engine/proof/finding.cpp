#include "engine/proof/finding.hpp"

#include <fmt/format.h>

#include "engine/mapping/block_tick.hpp"

namespace plumbline::engine {

namespace {

/// Where a finding is: a row, a log or a block.
std::string place_of(const Finding& finding) {
    if (!finding.entity.empty()) {
        return finding.key.empty() ? finding.entity
                                   : fmt::format("{} {}", finding.entity, finding.key);
    }
    switch (finding.kind) {
        case FindingKind::kLogMissing:
        case FindingKind::kLogInvented:
        case FindingKind::kLogAltered:
        case FindingKind::kQuarantineDiffers:
            return fmt::format("block {} log {}", finding.block_num, finding.log_index);
        case FindingKind::kBlockDiffers: return fmt::format("block {}", finding.block_num);
        default: return finding.key.empty() ? "the log" : finding.key;
    }
}

std::string what_of(const Finding& finding) {
    const std::string field = finding.field.empty() ? "it" : finding.field;
    switch (finding.kind) {
        case FindingKind::kLogMissing:
            return (is_tick_index(finding.log_index)
                        ? "the index lacks it"
                        : "the chain has this event, the index lacks it") +
                   (finding.expected.empty() ? "" : ": " + finding.expected);
        case FindingKind::kLogInvented:
            return "the index has this event, the chain does not" +
                   (finding.stored.empty() ? "" : ": " + finding.stored);
        case FindingKind::kRowMissing: return "the log makes this row, the index lacks it";
        case FindingKind::kRowExtra: return "the index has this row, the log does not make it";
        case FindingKind::kIndexMissing: return "the row lacks its entry in index " + field;
        case FindingKind::kIndexExtra: return "index " + field + " has an entry without a row";
        case FindingKind::kStateCountDiffers:
            return fmt::format("the index has {} rows, the contract counts {}", finding.stored,
                               finding.expected);
        case FindingKind::kStateDiffers:
            return finding.field.empty() && finding.expected.empty()
                       ? "the contract tells something else"
                       : fmt::format("{} is {} in the index, the contract tells {}", field,
                                     finding.stored, finding.expected);
        case FindingKind::kCallDiffers:
            return fmt::format("the fact is {}, {} {}", finding.stored,
                               finding.is_by_storage ? "storage tells" : "providers tell",
                               finding.expected);
        case FindingKind::kLogAltered:
        case FindingKind::kBlockDiffers:
        case FindingKind::kRowDiffers:
        case FindingKind::kQuarantineDiffers:
        case FindingKind::kCountDiffers:
        case FindingKind::kDigestDiffers:
            return fmt::format("{} is stored as {}, it must be {}", field, finding.stored,
                               finding.expected);
        case FindingKind::kUnreadable: return "stored bytes cannot be read";
    }
    return {};
}

}  // namespace

std::string describe(const Finding& finding) {
    std::string out = place_of(finding) + ": " + what_of(finding);
    if (!finding.detail.empty()) {
        out += " (" + finding.detail + ")";
    }
    if (!finding.provider.empty()) {
        // Of several it is not known which.
        const bool is_one = finding.provider.find(", ") == std::string::npos;
        out += (is_one ? ", as " : ", as one of ") + finding.provider + " had answered";
    }
    return out;
}

std::string_view to_string(FindingKind kind) noexcept {
    switch (kind) {
        case FindingKind::kLogMissing: return "log missing";
        case FindingKind::kLogInvented: return "log invented";
        case FindingKind::kLogAltered: return "log altered";
        case FindingKind::kBlockDiffers: return "block differs";
        case FindingKind::kRowMissing: return "row missing";
        case FindingKind::kRowExtra: return "row extra";
        case FindingKind::kRowDiffers: return "row differs";
        case FindingKind::kCallDiffers: return "call differs";
        case FindingKind::kIndexMissing: return "index entry missing";
        case FindingKind::kIndexExtra: return "index entry extra";
        case FindingKind::kQuarantineDiffers: return "quarantine differs";
        case FindingKind::kCountDiffers: return "count differs";
        case FindingKind::kDigestDiffers: return "digest differs";
        case FindingKind::kStateDiffers: return "state differs";
        case FindingKind::kStateCountDiffers: return "state count differs";
        case FindingKind::kUnreadable: return "unreadable";
    }
    return "unknown";
}

}  // namespace plumbline::engine
