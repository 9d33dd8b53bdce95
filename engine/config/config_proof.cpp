// [proof] and [repair]: how far the log is proven, and what may be done about what is found.
#include <cmath>

#include <fmt/format.h>

#include "engine/config/config_parts.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"

namespace plumbline::engine {

namespace {

constexpr uint64_t kMaxRequestsPerSecond = 1'000'000;
constexpr uint64_t kMaxRangeBlocks = 100'000;

Result<double> read_share(const Section& section, const TomlValue& value, std::string_view key) {
    double share = 0;
    if (value.kind == TomlValue::Kind::kFloat) {
        share = value.real;
    } else if (value.kind == TomlValue::Kind::kInteger) {
        share = static_cast<double>(value.integer);
    } else {
        return section.wrong_type(value, key, "a number from 0 to 1");
    }
    if (!std::isfinite(share) || share < 0 || share > 1) {
        return section.mistake(value.pos,
                               fmt::format("{} in {} must be from 0 to 1", key, section.name()));
    }
    return share;
}

}  // namespace

Status read_proof(std::string_view path, const TomlValue& value, ProofConfig& out) {
    PLUMBLINE_TRY(const Section proof, Section::open(path, "[proof]", value));
    SectionMistakes mistakes{
        proof, {"level", "sample", "requests_per_second", "range_blocks", "quarantine"}};
    if (const auto at = mistakes.choice("level", {"receipts", "bloom", "linked", "off"})) {
        using storage::ProofLevel;
        constexpr ProofLevel kLevels[] = {ProofLevel::kReceipts, ProofLevel::kBloom,
                                          ProofLevel::kLinked, ProofLevel::kNone};
        out.level = kLevels[*at];
    }
    if (const TomlValue* sample = proof.find("sample")) {
        mistakes.take(out.sample, read_share(proof, *sample, "sample"));
    }
    if (const TomlValue* requests = proof.find("requests_per_second")) {
        mistakes.take(out.requests_per_second,
                      proof.integer(*requests, "requests_per_second", 0, kMaxRequestsPerSecond));
    }
    if (const TomlValue* blocks = proof.find("range_blocks")) {
        mistakes.take(out.range_blocks, proof.integer(*blocks, "range_blocks", 1, kMaxRangeBlocks));
    }
    if (const auto at = mistakes.choice("quarantine", {"report", "fail"})) {
        out.quarantine = *at == 0 ? QuarantinePolicy::kReport : QuarantinePolicy::kFail;
    }
    return mistakes.all();
}

Status read_repair(std::string_view path, const TomlValue& value, RepairConfig& out) {
    PLUMBLINE_TRY(const Section repair, Section::open(path, "[repair]", value));
    SectionMistakes mistakes{repair, {"on_log", "on_drift"}};
    if (const auto at = mistakes.choice("on_log", {"mend", "report"})) {
        out.on_log = *at == 0 ? LogPolicy::kMend : LogPolicy::kReport;
    }
    if (const auto at = mistakes.choice("on_drift", {"report", "chain"})) {
        out.on_drift = *at == 0 ? DriftPolicy::kReport : DriftPolicy::kChain;
    }
    return mistakes.all();
}

}  // namespace plumbline::engine
