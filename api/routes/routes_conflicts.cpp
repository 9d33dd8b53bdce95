// What differs now: each proof that found something, with what it found, why that may be and what
// repair would do.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/routes/handlers.hpp"
#include "api/routes/proof_json.hpp"
#include "api/routes/repair_json.hpp"
#include "core/evm/hex.hpp"
#include "engine/fold/corrections.hpp"
#include "engine/proof/explain.hpp"
#include "engine/proof/standing.hpp"
#include "engine/task/repair_runs.hpp"
#include "engine/task/run_findings.hpp"
#include "storage/proof_names.hpp"

namespace plumbline::api {

void write_proof_members(JsonWriter& json, const storage::ProofRecord& proof) {
    json.member("proof", proof.proof)
        .member("entity", proof.entity)
        .member("block", proof.block_num)
        .member("hash", evm::to_hex(proof.hash))
        .member("time", proof.time_s)
        .member("equal", proof.is_equal)
        .member("checked", proof.checked)
        .member("mismatches", proof.mismatches)
        .member("level", proof.level)
        .member("detail", engine::looked_detail(proof))
        .member("not_looked_at", engine::not_looked_at(proof));
}

namespace {

using Json = nlohmann::json;

constexpr size_t kFindingsShown = 20;

std::optional<engine::FindingKind> kind_of(const Json& finding) {
    return finding.contains("kind") && finding["kind"].is_string()
               ? engine::parse_finding_kind(finding["kind"].get_ref<const std::string&>())
               : std::nullopt;
}

/// Where no report of the findings is left, the kind that the proof is about.
engine::FindingKind typical_kind(const std::string& proof) {
    return proof == "log"     ? engine::FindingKind::kLogAltered
           : proof == "state" ? engine::FindingKind::kStateDiffers
           : proof == "calls" ? engine::FindingKind::kCallDiffers
                              : engine::FindingKind::kRowDiffers;
}

void write_conflict(JsonWriter& out, const storage::ProofRecord& proof,
                    const engine::WorkQueue* queue, bool writes_drift,
                    const std::optional<engine::RepairRun>& repair) {
    const std::vector<Json> findings = engine::findings_of(queue, proof);
    const engine::FindingKind kind = (findings.empty() ? std::nullopt : kind_of(findings.front()))
                                         .value_or(typical_kind(proof.proof));
    const bool is_damage = !findings.empty() && findings.front().value("damage", false);
    const bool is_left = proof.proof == "state" && !findings.empty() &&
                         engine::has_left_drift(repair, findings.front());
    out.open_object();
    write_proof_members(out, proof);
    out.member("cause", engine::cause_of(kind, is_left, is_damage))
        .member("remedy", engine::remedy_of(kind, writes_drift, is_left))
        .key("findings")
        .open_array();
    for (size_t i = 0; i < std::min(findings.size(), kFindingsShown); ++i) {
        out.raw(findings[i].dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    out.close_array().close_object();
}

void write_counts(JsonWriter& json, std::string_view name,
                  const std::map<std::string, uint64_t>& counts) {
    json.key(name).open_object();
    for (const auto& [what, count] : counts) {
        json.member(what, count);
    }
    json.close_object();
}

}  // namespace

/// Proofs whose newest run found a difference, what the newest repair does about it or would do,
/// and what repair has done of each kind.
Response list_conflicts(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        PLUMBLINE_TRY(const auto proofs, snapshot.view->list_proofs());
        const engine::RepairRuns repairs = engine::newest_repairs(request.context().queue());
        uint64_t open = 0;
        std::string body;
        JsonWriter json{body};
        json.open_object();
        write_snapshot(json, snapshot);
        json.key("conflicts").open_array();
        for (const storage::ProofRecord& proof : proofs) {
            if (storage::is_verdict(proof.proof) && !proof.is_equal && proof.mismatches > 0) {
                open += proof.mismatches;
                write_conflict(json, proof, request.context().queue(),
                               request.options().is_drift_written, repairs.repair);
            }
        }
        std::map<std::string, uint64_t> by_kind;
        std::map<std::string, uint64_t> by_provider;
        uint64_t entries = 0;
        PLUMBLINE_TRY_VOID(
            walk_journal(request, *snapshot.view, 0, [&](const storage::JournalRow& row) {
                ++entries;
                ++by_kind[row.kind];
                if (!row.provider.empty()) {
                    ++by_provider[row.provider];
                }
                return true;
            }));
        PLUMBLINE_TRY(const auto refused, engine::refused_corrections(*snapshot.view));
        json.close_array()
            .key("summary")
            .open_object()
            .member("mismatches", open)
            .member("quarantined", snapshot.view->quarantine_count())
            .member("refused_corrections", refused.size())
            .member("journal_entries", entries);
        write_counts(json, "by_kind", by_kind);
        write_counts(json, "by_provider", by_provider);
        json.close_object();
        write_repair_run(json.key("repair"), repairs.repair);
        write_repair_run(json.key("plan"), repairs.plan);
        json.close_object();
        return body;
    });
}

}  // namespace plumbline::api
