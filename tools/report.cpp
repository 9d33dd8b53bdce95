#include "tools/report.hpp"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/proof/finding_json.hpp"

namespace plumbline::tools {

using nlohmann::ordered_json;

ordered_json with_total(const engine::Findings& findings, size_t limit) {
    return {{"total", findings.total}, {"findings", engine::to_json(findings, limit)}};
}

void append_lines(std::string& out, const engine::Findings& findings, size_t limit) {
    const size_t shown = std::min(limit, findings.kept.size());
    for (size_t i = 0; i < shown; ++i) {
        out += "  - " + engine::describe(findings.kept[i]) + "\n";
    }
    if (findings.total > shown) {
        out += fmt::format("  and {} more\n", with_commas(findings.total - shown));
    }
}

ordered_json to_json(const storage::ProofRecord& record) {
    ordered_json out;
    out["proof"] = record.proof;
    if (!record.entity.empty()) {
        out["entity"] = record.entity;
    }
    out["block"] = record.block_num;
    out["hash"] = evm::to_hex(record.hash);
    out["time"] = utc_time(record.time_s);
    out["equal"] = record.is_equal;
    out["checked"] = record.checked;
    out["mismatches"] = record.mismatches;
    if (!record.level.empty()) {
        out["level"] = record.level;
    }
    if (!record.detail.empty()) {
        out["detail"] = record.detail;
    }
    return out;
}

std::string with_commas(uint64_t number) {
    std::string digits = fmt::format("{}", number);
    for (size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string utc_time(uint64_t unix_s) {
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(unix_s)));
}

}  // namespace plumbline::tools
