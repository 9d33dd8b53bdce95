#include "engine/proof/finding_json.hpp"

#include <algorithm>
#include <string>

namespace plumbline::engine {

using nlohmann::ordered_json;

ordered_json to_json(const Finding& finding) {
    ordered_json out;
    out["kind"] = to_string(finding.kind);
    const auto put = [&out](const char* name, const std::string& value) {
        if (!value.empty()) {
            out[name] = value;
        }
    };
    put("entity", finding.entity);
    put("key", finding.key);
    put("field", finding.field);
    put("stored", finding.stored);
    put("expected", finding.expected);
    if (finding.block_num != 0) {
        out["block"] = finding.block_num;
        if (finding.entity.empty()) {
            out["log_index"] = finding.log_index;
        }
    }
    put("provider", finding.provider);
    put("detail", finding.detail);
    out["text"] = describe(finding);
    return out;
}

ordered_json to_json(const Findings& findings, size_t limit) {
    ordered_json list = ordered_json::array();
    for (size_t i = 0; i < std::min(limit, findings.kept.size()); ++i) {
        list.push_back(to_json(findings.kept[i]));
    }
    return list;
}

}  // namespace plumbline::engine
