#include "tools/report.hpp"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/fold/fold.hpp"
#include "engine/proof/finding_json.hpp"

namespace plumbline::tools {

void write_with_total(JsonWriter& json, const engine::Findings& findings, size_t limit) {
    json.member("total", findings.total);
    engine::write_findings(json.key("findings"), findings, limit);
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

void write_proof(JsonWriter& json, const storage::ProofRecord& record) {
    json.open_object().member("proof", record.proof);
    if (!record.entity.empty()) {
        json.member("entity", record.entity);
    }
    json.member("block", record.block_num)
        .member("hash", evm::to_hex(record.hash))
        .member("time", utc_time(record.time_s))
        .member("equal", record.is_equal)
        .member("checked", record.checked)
        .member("mismatches", record.mismatches);
    if (!record.level.empty()) {
        json.member("level", record.level);
    }
    if (!record.detail.empty()) {
        json.member("detail", record.detail);
    }
    json.close_object();
}

std::string quarantine_text(const storage::QuarantineRow& row) {
    const std::string log = row.log_index == engine::kCorrectionLogIndex
                                ? std::string{}
                                : fmt::format(", log {}", row.log_index);
    return fmt::format("block {}{}  {}: {}", row.block_num, log, row.event, row.reason);
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
    constexpr uint64_t kYear10000 = 253'402'300'800;
    if (unix_s >= kYear10000) {
        return fmt::format("{} s after 1970", unix_s);  // More than gmtime takes.
    }
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(unix_s)));
}

}  // namespace plumbline::tools
