#include "engine/task/repair_runs.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/task/tasks.hpp"

namespace plumbline::engine {

namespace {

using Json = nlohmann::json;

constexpr size_t kLinesMax = 20;

std::vector<std::string> lines_of(const Json& result, const char* name) {
    std::vector<std::string> out;
    const auto found = result.find(name);
    if (found == result.end() || !found->is_array()) {
        return out;
    }
    for (const Json& line : *found) {
        if (line.is_string()) {
            out.push_back(line.get<std::string>());
        }
    }
    // The last line of what is left says why.
    if (out.size() > kLinesMax) {
        const std::string last = std::move(out.back());
        out.resize(kLinesMax - 1);
        out.push_back(last);
    }
    return out;
}

/// Of its last look.
std::set<std::string> found_by_state(const Json& result) {
    std::set<std::string> out;
    const auto found = result.find("found");
    if (found == result.end() || !found->is_object() || !found->contains("state")) {
        return out;
    }
    for (const Json& finding : (*found)["state"]) {
        out.insert(place_of(finding));
    }
    return out;
}

bool is_true(const Json& result, const char* name) {
    const auto found = result.find(name);
    return found != result.end() && found->is_boolean() && found->get<bool>();
}

RepairRun read_run(TaskRow task) {
    RepairRun out;
    const RepairArgs args = read_repair_args(task.args);
    out.is_dry_run = args.is_dry_run;
    out.entity = args.entities;
    const Json result = Json::parse(task.result, nullptr, false);
    if (task.state == TaskState::kDone && result.is_object()) {
        out.is_whole = is_true(result, "whole");
        out.leaves_drift = is_true(result, "leaves_drift");
        out.steps = lines_of(result, "steps");
        out.left = lines_of(result, "left");
        out.found_by_state = found_by_state(result);
        // What could not be proven was not mended either.
        for (std::string& line : lines_of(result, "unproven")) {
            out.left.push_back(std::move(line));
        }
    }
    out.task = std::move(task);
    return out;
}

}  // namespace

RepairRuns newest_repairs(const WorkQueue* queue) {
    RepairRuns out;
    if (queue == nullptr) {
        return out;
    }
    for (TaskRow& task : queue->list(std::nullopt, "repair")) {
        RepairRun run = read_run(std::move(task));
        std::optional<RepairRun>& newest = run.is_dry_run ? out.plan : out.repair;
        if (!newest) {
            newest = std::move(run);
        }
    }
    // What it tells is carried out, or of an index that is no more.
    if (out.plan && out.repair && out.repair->task.state == TaskState::kDone &&
        out.plan->task.id < out.repair->task.id) {
        out.plan.reset();
    }
    return out;
}

std::string place_of(const Json& finding) {
    return finding.is_object()
               ? finding.value("kind", "") + '\n' + finding.value("entity", "") + '\n' +
                     finding.value("key", "") + '\n' + finding.value("field", "")
               : std::string{};
}

bool has_left_drift(const std::optional<RepairRun>& run, const Json& finding) {
    return run && run->leaves_drift && run->found_by_state.contains(place_of(finding));
}

}  // namespace plumbline::engine
