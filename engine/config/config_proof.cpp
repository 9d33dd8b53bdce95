// [proof] and [repair]: how far the log is proven, and what may be done about what is found.
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "engine/config/config_parts.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"

namespace plumbline::engine {

namespace {

constexpr uint64_t kMaxRequestsPerSecond = 1'000'000;
constexpr uint64_t kMaxRangeBlocks = 100'000;

Result<storage::ProofLevel> read_level(const Section& proof, const TomlValue& value) {
    using storage::ProofLevel;
    constexpr std::array<std::pair<std::string_view, ProofLevel>, 4> kLevels{{
        {"off", ProofLevel::kNone},
        {"linked", ProofLevel::kLinked},
        {"bloom", ProofLevel::kBloom},
        {"receipts", ProofLevel::kReceipts},
    }};
    PLUMBLINE_TRY(const std::string name, proof.string(value, "level"));
    for (const auto& [known, level] : kLevels) {
        if (name == known) {
            return level;
        }
    }
    return proof.mistake(value.pos, fmt::format("level in [proof] must be \"receipts\", \"bloom\", "
                                                "\"linked\" or \"off\", not {}",
                                                in_quotes(name)));
}

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
    PLUMBLINE_TRY_VOID(
        proof.allow_only({"level", "sample", "requests_per_second", "range_blocks", "quarantine"}));
    if (const TomlValue* level = proof.find("level")) {
        PLUMBLINE_TRY(out.level, read_level(proof, *level));
    }
    if (const TomlValue* sample = proof.find("sample")) {
        PLUMBLINE_TRY(out.sample, read_share(proof, *sample, "sample"));
    }
    if (const TomlValue* requests = proof.find("requests_per_second")) {
        PLUMBLINE_TRY(out.requests_per_second,
                      proof.integer(*requests, "requests_per_second", 0, kMaxRequestsPerSecond));
    }
    if (const TomlValue* blocks = proof.find("range_blocks")) {
        PLUMBLINE_TRY(out.range_blocks, proof.integer(*blocks, "range_blocks", 1, kMaxRangeBlocks));
    }
    if (const TomlValue* quarantine = proof.find("quarantine")) {
        PLUMBLINE_TRY(const std::string policy, proof.string(*quarantine, "quarantine"));
        if (policy != "report" && policy != "fail") {
            return proof.mistake(quarantine->pos,
                                 fmt::format("quarantine in [proof] must be \"report\" or "
                                             "\"fail\", not {}",
                                             in_quotes(policy)));
        }
        out.quarantine = policy == "fail" ? QuarantinePolicy::kFail : QuarantinePolicy::kReport;
    }
    return ok();
}

Status read_repair(std::string_view path, const TomlValue& value, RepairConfig& out) {
    PLUMBLINE_TRY(const Section repair, Section::open(path, "[repair]", value));
    PLUMBLINE_TRY_VOID(repair.allow_only({"on_log", "on_drift"}));
    if (const TomlValue* log = repair.find("on_log")) {
        PLUMBLINE_TRY(const std::string policy, repair.string(*log, "on_log"));
        if (policy != "report" && policy != "mend") {
            return repair.mistake(
                log->pos, fmt::format("on_log in [repair] must be \"mend\" or \"report\", not {}",
                                      in_quotes(policy)));
        }
        out.on_log = policy == "mend" ? LogPolicy::kMend : LogPolicy::kReport;
    }
    if (const TomlValue* drift = repair.find("on_drift")) {
        PLUMBLINE_TRY(const std::string policy, repair.string(*drift, "on_drift"));
        if (policy != "report" && policy != "chain") {
            return repair.mistake(
                drift->pos, fmt::format("on_drift in [repair] must be \"report\" or \"chain\", "
                                        "not {}",
                                        in_quotes(policy)));
        }
        out.on_drift = policy == "chain" ? DriftPolicy::kChain : DriftPolicy::kReport;
    }
    return ok();
}

}  // namespace plumbline::engine
