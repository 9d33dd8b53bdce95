#include "engine/proof/finding_json.hpp"

#include <algorithm>
#include <string>

namespace plumbline::engine {

void write_finding(JsonWriter& json, const Finding& finding) {
    json.open_object().member("kind", to_string(finding.kind));
    const auto put = [&json](const char* name, const std::string& value) {
        if (!value.empty()) {
            json.member(name, value);
        }
    };
    put("entity", finding.entity);
    put("key", finding.key);
    put("field", finding.field);
    put("stored", finding.stored);
    put("expected", finding.expected);
    if (finding.block_num != 0) {
        json.member("block", finding.block_num);
        if (finding.entity.empty()) {
            json.member("log_index", finding.log_index);
        }
    }
    put("provider", finding.provider);
    if (finding.is_damage) {
        json.member("damage", true);
    }
    put("detail", finding.detail);
    json.member("text", describe(finding)).close_object();
}

void write_findings(JsonWriter& json, const Findings& findings, size_t limit, size_t bytes_max) {
    size_t written = 0;
    json.open_array();
    for (size_t i = 0; i < std::min(limit, findings.kept.size()); ++i) {
        std::string text;
        JsonWriter one{text};
        write_finding(one, findings.kept[i]);
        written += text.size() + 1;
        if (written > bytes_max) {
            break;
        }
        json.raw(text);
    }
    json.close_array();
}

}  // namespace plumbline::engine
