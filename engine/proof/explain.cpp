#include "engine/proof/explain.hpp"

namespace plumbline::engine {

std::string_view cause_of(FindingKind kind, bool is_left, bool is_damage) noexcept {
    if (is_damage) {
        return "the stored events are not those that were committed: damage on the disk, or a "
               "fault of plumbline";
    }
    switch (kind) {
        case FindingKind::kLogMissing:
            return "a provider left an event out when it was asked for these blocks";
        case FindingKind::kLogInvented:
            return "a provider told an event that the chain does not have, or the chain was "
                   "reorganised below what it had called final";
        case FindingKind::kLogAltered:
            return "a provider told an event otherwise than the chain has it, or the disk has "
                   "changed it";
        case FindingKind::kBlockDiffers:
            return "the stored block is not the chain's: another fork, or a provider of another "
                   "chain";
        case FindingKind::kRowMissing:
        case FindingKind::kRowExtra:
        case FindingKind::kRowDiffers:
            return "the stored rows are not what the stored events make: damage on the disk, or a "
                   "fault of plumbline";
        case FindingKind::kIndexMissing:
        case FindingKind::kIndexExtra:
            return "an index and its rows disagree: damage on the disk, or a fault of plumbline";
        case FindingKind::kQuarantineDiffers:
        case FindingKind::kCountDiffers:
        case FindingKind::kDigestDiffers:
            return "what is kept beside the rows is not what they add up to: damage on the disk, "
                   "or a fault of plumbline";
        case FindingKind::kStateDiffers:
        case FindingKind::kStateCountDiffers:
            if (is_left) {
                return "the contract changes this without an event, or the mapping reads its "
                       "events wrongly: no row is damaged and no event is missing";
            }
            return "a damaged row or a missing event; where neither is the cause, the contract "
                   "changes this without an event, or the mapping reads its events wrongly";
        case FindingKind::kCallDiffers:
            return "a provider told what a contract had not answered, then or now: no header "
                   "proves an answer; or, with state = \"head\", the answer has changed since";
        case FindingKind::kUnreadable: return "the disk gave bytes that cannot be read";
    }
    return "";
}

std::string_view remedy_of(FindingKind kind, bool writes_drift, bool is_left) noexcept {
    switch (kind) {
        case FindingKind::kLogMissing:
            return "repair inserts the event, proven by its block's receipts, and folds again what "
                   "depends on it";
        case FindingKind::kLogInvented:
            return "repair takes the event out and folds again what depends on it";
        case FindingKind::kLogAltered:
            return "repair stores the chain's bytes and folds again what depends on them";
        case FindingKind::kBlockDiffers: return "repair writes the chain's block";
        case FindingKind::kStateDiffers:
        case FindingKind::kStateCountDiffers:
            if (is_left && !writes_drift) {
                return "correct the mapping: the last repair proved events and rows and left this, "
                       "so another one changes nothing; or let the contract's word count by "
                       "[repair] on_drift = \"chain\"";
            }
            if (is_left) {
                return "the last repair proved events and rows and could not write what the "
                       "contract tells: what it left says why";
            }
            return writes_drift
                       ? "repair writes the contract's value, as a correction ([repair] on_drift)"
                       : "repair folds a damaged row again and fetches a missing event; where it "
                         "leaves the difference, correct the mapping, or let the contract's word "
                         "count by [repair] on_drift = \"chain\"";
        case FindingKind::kCallDiffers:
            return "repair writes what most providers tell and folds again; where as many tell one "
                   "thing as the other, ask one more (--rpc)";
        case FindingKind::kUnreadable:
            return "repair fetches events and folds rows again; look at the disk, or restore a "
                   "backup";
        default: return "repair folds the rows again from the stored events";
    }
}

std::optional<FindingKind> parse_finding_kind(std::string_view name) noexcept {
    for (uint8_t i = 0; i <= static_cast<uint8_t>(kFindingKindLast); ++i) {
        if (to_string(static_cast<FindingKind>(i)) == name) {
            return static_cast<FindingKind>(i);
        }
    }
    return std::nullopt;
}

}  // namespace plumbline::engine
