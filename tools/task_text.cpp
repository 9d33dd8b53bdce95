#include "tools/task_text.hpp"

#include <cstdint>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/report.hpp"

namespace plumbline::tools {

namespace {

using TaskJson = nlohmann::json;

uint64_t count_in(const TaskJson& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}
std::string text_in(const TaskJson& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}
bool is_set(const TaskJson& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}
const TaskJson& list_in(const TaskJson& object, const char* name) {
    static const TaskJson kNone = TaskJson::array();
    const auto found = object.find(name);
    return found != object.end() && found->is_array() ? *found : kNone;
}

std::string many(uint64_t count, std::string_view one, std::string_view more) {
    return fmt::format("{} {}", with_commas(count), count == 1 ? one : more);
}
std::string differences(const TaskJson& result) {
    return many(count_in(result, "mismatches"), "difference", "differences");
}

/// The first difference in its own words.
std::string first_of(const TaskJson& result) {
    for (const TaskJson& finding : list_in(result, "findings")) {
        if (finding.is_object()) {
            return "; first: " + text_in(finding, "text");
        }
    }
    return {};
}

std::string log_outcome(const TaskJson& result, const std::string& head) {
    return result.contains("from") && result["from"].is_number_unsigned()
               ? fmt::format("{}: blocks {} to {}, level {}", head, count_in(result, "from"),
                             count_in(result, "to"), text_in(result, "level"))
               : "nothing to prove";
}

std::string state_outcome(const TaskJson& result, const std::string& head) {
    uint64_t rows = 0;
    uint64_t checked = 0;
    uint64_t differing = 0;  // without counts of rows
    bool has_count = false;
    bool is_unchanged = false;
    std::string not_asked;
    for (const TaskJson& entity : list_in(result, "entities")) {
        if (entity.is_object()) {
            rows += count_in(entity, "rows");
            checked += count_in(entity, "checked");
            is_unchanged = is_unchanged || is_set(entity, "unchanged");
            not_asked = not_asked.empty() ? text_in(entity, "not_asked") : not_asked;
            const bool is_counted_otherwise = is_set(entity, "count_differs");
            has_count = has_count || is_counted_otherwise;
            differing += count_in(entity, "differing") - (is_counted_otherwise ? 1U : 0U);
        }
    }
    std::string said = head;
    if (differing > 0) {
        said = fmt::format("{} from the contract, in {}",
                           many(differing, "row differs", "rows differ"),
                           many(count_in(result, "mismatches"), "value", "values"));
    } else if (has_count) {
        said = "the contract counts other rows";
    }
    std::string how = fmt::format("{} of the contract held against {}",
                                  many(checked, "answer", "answers"), many(rows, "row", "rows"));
    if (checked == 0 && !not_asked.empty()) {
        how = not_asked;
    } else if (checked == 0 && is_unchanged) {
        how = "the contract has not changed since the last proof";
    } else if (!not_asked.empty()) {
        how += "; " + not_asked;
    }
    return fmt::format("{} at block {}: {}", said, count_in(result, "block"), how);
}

std::string repair_outcome(const TaskJson& result) {
    std::string out;
    for (const TaskJson& step : list_in(result, "steps")) {
        if (step.is_string()) {
            out += (out.empty() ? "" : "; ") + step.get<std::string>();
        }
    }
    if (out.empty()) {
        out = count_in(result, "mismatches") > 0
                  ? differences(result) + " found, nothing could be mended"
                  : "nothing to mend";
    }
    if (is_set(result, "whole")) {
        return out;
    }
    return out + (is_set(result, "dry_run") ? "; nothing is changed by a dry run"
                                            : "; something is left");
}

}  // namespace

std::string task_outcome(std::string_view result) {
    const TaskJson read = TaskJson::parse(result, nullptr, false);
    if (!read.is_object()) {
        return std::string{result.substr(0, result.find('\n'))};
    }
    if (text_in(read, "task") == "repair") {
        return repair_outcome(read);
    }
    const std::string proof = text_in(read, "proof");
    const std::string head =
        count_in(read, "mismatches") > 0 ? differences(read) : text_in(read, "verdict");
    if (proof == "log") {
        return log_outcome(read, head) + first_of(read);
    }
    if (proof == "state") {
        return state_outcome(read, head) + first_of(read);
    }
    if (proof == "replay") {
        return fmt::format("{} at block {}: {} folded again from {}{}", head,
                           count_in(read, "block"), many(count_in(read, "rows"), "row", "rows"),
                           many(count_in(read, "events"), "event", "events"), first_of(read));
    }
    std::string out;
    for (const auto& [name, value] : read.items()) {
        if (value.is_primitive()) {
            out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name,
                               value.is_string() ? value.get<std::string>() : value.dump());
        }
    }
    return out;
}

}  // namespace plumbline::tools
