#include "engine/task/beginning_memory.hpp"

#include <fmt/format.h>

namespace plumbline::engine {

namespace {

constexpr size_t kAskedMax = 3;
constexpr size_t kKnownMax = 10'000;

}  // namespace

void BeginningMemory::tell(Findings& findings, const Find& find) {
    if (known_.size() > kKnownMax) {
        known_.clear();
    }
    size_t asked = 0;
    for (Finding& finding : findings.kept) {
        if (finding.kind != FindingKind::kStateDiffers || finding.raw_key.empty()) {
            continue;
        }
        // Fields of a row begin to differ together as far as this tells: the bisection compares
        // rows.
        const std::string place =
            fmt::format("{}\n{}\n{}", finding.entity, finding.key, finding.block_num);
        auto known = known_.find(place);
        if (known == known_.end()) {
            if (asked == kAskedMax) {
                continue;
            }
            ++asked;
            known = known_.emplace(place, find(finding)).first;
        }
        if (known->second) {
            finding.detail +=
                fmt::format("{}{}", finding.detail.empty() ? "" : ", ", *known->second);
        }
    }
}

}  // namespace plumbline::engine
