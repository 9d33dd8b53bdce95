#include "engine/task/run_findings.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

#include <nlohmann/json.hpp>

namespace plumbline::engine {

namespace {

using Json = nlohmann::json;

/// Runs of that proof and repairs, which look again at their end: those that have ended well, the
/// newest first.
std::vector<TaskRow> runs_of(const WorkQueue& queue, const std::string& proof) {
    std::vector<TaskRow> out;
    for (const std::string& kind :
         {"prove_" + proof, std::string{"repair"}, std::string{"refetch"}}) {
        std::ranges::move(queue.list(TaskState::kDone, kind), std::back_inserter(out));
    }
    std::ranges::stable_sort(out, std::ranges::greater{}, &TaskRow::finished_ms);
    return out;
}

/// What a run has found by that proof; null where it has not looked.
Json found_by(const TaskRow& run, const std::string& proof) {
    Json result = Json::parse(run.result, nullptr, false);
    const auto take = [&result](const std::string& name) {
        result = result.is_object() && result.contains(name) ? Json(result[name]) : Json{};
    };
    if (run.kind == "prove_" + proof) {
        const bool is_other =
            result.is_object() && result.contains("standing") && result["standing"].is_array();
        const Json standing = is_other ? Json(result["standing"]) : Json::array();
        take("findings");
        if (result.is_array()) {
            result.insert(result.end(), standing.begin(), standing.end());
        }
    } else if (result.is_object() && result.contains("dry_run") && result["dry_run"] == true) {
        return nullptr;  // The records are not of it.
    } else {
        take("found");
        take(proof);
    }
    return result.is_array() ? result : Json{};
}

}  // namespace

std::vector<Json> findings_of(const WorkQueue* queue, const storage::ProofRecord& proof) {
    std::vector<Json> out;
    if (queue == nullptr) {
        return out;
    }
    for (const TaskRow& run : runs_of(*queue, proof.proof)) {
        const bool is_before = static_cast<uint64_t>(run.finished_ms / 1000) < proof.time_s;
        if (!out.empty() || (is_before && proof.proof != "log")) {
            break;
        }
        for (const Json& finding : found_by(run, proof.proof)) {
            if (finding.is_object() &&
                (proof.entity.empty() || finding.value("entity", "") == proof.entity)) {
                out.push_back(finding);
            }
        }
    }
    return out;
}

}  // namespace plumbline::engine
