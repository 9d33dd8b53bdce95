// A follower of /v1/stream that does what docs/api.md tells clients to do, and nothing more.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace plumbline::test {

class StreamClient {
  public:
    void take(const std::string& message) {
        using nlohmann::json;
        const json body = json::parse(message);
        const std::string type = body["type"];
        ++seen[type];
        if (type == "reset") {
            rows.clear();
            events.clear();
            known.clear();
        }
        if (type == "range") {
            known.clear();
        }
        if (type == "retract") {
            std::erase_if(events, [&](const auto& event) { return event.first > body["block"]; });
            std::erase_if(known, [&](const auto& place) { return place.first > body["block"]; });
        }
        for (const json& row : body.value("rows", json::array())) {
            const std::string name =
                row["entity"].get<std::string>() + " " + row["key"].get<std::string>();
            if (row["row"].is_null()) {
                rows.erase(name);
            } else {
                rows[name] = row["row"].dump();
            }
        }
        for (const json& event : body.value("events", json::array())) {
            events.emplace_back(event["block"], event.dump());
        }
        part.reset();
        if (body.contains("more")) {
            part = body["block"];
        }
        if (body.contains("hash")) {
            const std::pair<uint64_t, std::string> place{
                body["block"],
                body["hash"].get<std::string>() + "-" + body["basis"].get<std::string>()};
            if (type == "block" && !body["events"].empty()) {
                last_with_events = place;
            }
            std::erase(known, place);
            known.push_back(place);
        }
        is_over = type == "drop";
    }
    /// "&known=..." newest first, with the last block that had events. For a connection after
    /// another: of a block that came in part, nothing is kept.
    [[nodiscard]] std::string cursors() {
        if (part) {
            std::erase_if(events, [&](const auto& event) { return event.first >= *part; });
            part.reset();
        }
        std::string out;
        for (auto place = known.rbegin(); place != known.rend() && place - known.rbegin() < 5;
             ++place) {
            out += fmt::format("&known={}-{}", place->first, place->second);
        }
        if (last_with_events && !known.empty()) {
            out += fmt::format("&known={}-{}", last_with_events->first, last_with_events->second);
        }
        return out;
    }
    [[nodiscard]] std::vector<std::string> event_texts() const {
        std::vector<std::string> out;
        for (const auto& event : events) {
            out.push_back(event.second);
        }
        return out;
    }

    std::map<std::string, std::string> rows;  ///< "entity key" to JSON
    std::vector<std::pair<uint64_t, std::string>> events;
    std::vector<std::pair<uint64_t, std::string>> known;
    std::optional<std::pair<uint64_t, std::string>> last_with_events;
    std::optional<uint64_t> part;  ///< the block of which more is to come
    std::map<std::string, int> seen;
    bool is_over = false;
};

}  // namespace plumbline::test
