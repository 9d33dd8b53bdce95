#include "engine/proof/journal.hpp"

#include <utility>

namespace plumbline::engine {

namespace {

constexpr std::string_view kOneOf = "told by one of ";

}  // namespace

storage::JournalRow journal_of(const Finding& finding, std::string kind, std::string evidence) {
    storage::JournalRow row;
    row.kind = std::move(kind);
    row.entity = finding.entity;
    row.key = finding.key;
    row.block_num = finding.block_num;
    row.log_index = finding.log_index;
    row.before = finding.field.empty() ? finding.stored : finding.field + "=" + finding.stored;
    row.after = finding.field.empty() ? finding.expected : finding.field + "=" + finding.expected;
    row.reason = std::string{to_string(finding.kind)};
    if (!finding.detail.empty()) {
        row.reason += ": " + finding.detail;
    }
    row.evidence = std::move(evidence);
    if (finding.provider.find(", ") == std::string::npos) {
        row.provider = finding.provider;
    } else {
        // Several had answered about the block: an honest one is not to be named as the liar.
        row.evidence += row.evidence.empty() ? "" : "; ";
        row.evidence += kOneOf;
        row.evidence += finding.provider;
    }
    return row;
}

std::string_view action_of(FindingKind kind) noexcept {
    switch (kind) {
        case FindingKind::kLogMissing: return "log inserted";
        case FindingKind::kLogInvented: return "log removed";
        case FindingKind::kLogAltered: return "log replaced";
        case FindingKind::kBlockDiffers: return "block rewritten";
        case FindingKind::kUnreadable: return "unreadable bytes replaced";
        default: return "folded again";
    }
}

std::string providers_of(const storage::JournalRow& row) {
    const size_t at = row.evidence.rfind(kOneOf);
    return row.provider.empty() && at != std::string::npos ? row.evidence.substr(at + kOneOf.size())
                                                           : row.provider;
}

}  // namespace plumbline::engine
