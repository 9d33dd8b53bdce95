#include "engine/finding.hpp"

namespace plumbline::engine {

std::string_view to_string(FindingKind kind) noexcept {
    switch (kind) {
        case FindingKind::kLogMissing: return "log missing";
        case FindingKind::kLogInvented: return "log invented";
        case FindingKind::kLogAltered: return "log altered";
        case FindingKind::kBlockDiffers: return "block differs";
        case FindingKind::kRowMissing: return "row missing";
        case FindingKind::kRowExtra: return "row extra";
        case FindingKind::kRowDiffers: return "row differs";
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
