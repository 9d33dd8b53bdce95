#include "engine/task/finding_memory.hpp"

#include <functional>
#include <utility>

#include <fmt/format.h>

namespace plumbline::engine {

namespace {

constexpr size_t kProofsMax = 64;

/// The values are left out: what drifts on at every block is one mismatch and not many.
size_t place_of(const Finding& finding) {
    const bool is_of_log = finding.entity.empty();
    return std::hash<std::string>{}(fmt::format(
        "{}\n{}\n{}\n{}\n{}", static_cast<int>(finding.kind), finding.entity, finding.key,
        finding.field,
        is_of_log ? fmt::format("{} {}", finding.block_num, finding.log_index) : std::string{}));
}

}  // namespace

FindingMemory::News FindingMemory::take(std::string_view proof, const Findings& found,
                                        bool is_whole) {
    if (last_.size() >= kProofsMax && !last_.contains(proof)) {
        last_.clear();
    }
    std::unordered_set<size_t>& last = last_[std::string{proof}];
    News out;
    out.is_over = is_whole && found.empty() && !last.empty();
    std::unordered_set<size_t> now;
    for (const Finding& finding : found.kept) {
        const size_t place = place_of(finding);
        now.insert(place);
        if (!last.contains(place)) {
            out.findings.add(finding);
        }
    }
    if (is_whole) {
        last = std::move(now);
    } else {
        last.merge(now);
    }
    return out;
}

}  // namespace plumbline::engine
