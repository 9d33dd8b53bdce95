#include "engine/task/proof_task_parts.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/ingest/chain_wait.hpp"
#include "engine/task/tasks.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kLoggedFindings = 5;

/// What a finding does not have is no field of its line.
logging::Field fact(std::string_view name, const std::string& value) {
    return {value.empty() ? std::string_view{} : name, value};
}

void log_findings(std::string_view proof, const Findings& findings, const std::string& db_path) {
    for (size_t i = 0; i < findings.kept.size() && i < kLoggedFindings; ++i) {
        const Finding& finding = findings.kept[i];
        logging::warning(fmt::format("the {} proof found: {}", proof, to_string(finding.kind)),
                         {fact("entity", finding.entity),
                          fact("key", finding.key),
                          fact("field", finding.field),
                          fact("stored", finding.stored),
                          fact("expected", finding.expected),
                          {"block", finding.block_num},
                          fact("detail", finding.detail)});
    }
    if (findings.total > kLoggedFindings) {
        logging::warning(
            fmt::format("the {} proof found more", proof),
            {{"mismatches", findings.total - kLoggedFindings},
             {"see", fmt::format("plumbline task list {} --state done, or /v1/tasks?state=done",
                                 db_path)}});
    }
}

}  // namespace

std::string verdict_of(const Findings& findings, bool is_whole) {
    return !findings.empty() ? "mismatch" : is_whole ? "equal" : "partial";
}

std::string verdict_of(const LogProofOutcome& outcome) {
    if (outcome.findings.empty() && !outcome.range && !outcome.is_complete) {
        return "unprovable";
    }
    return verdict_of(outcome.findings, outcome.is_complete);
}

std::string verdict_of(const StateOutcome& outcome) {
    return verdict_of(outcome.findings,
                      std::ranges::all_of(outcome.entities, &EntityState::is_proven));
}

std::string why_not_looked_at(const StateOutcome& outcome) {
    const auto state = std::ranges::find_if(
        outcome.entities, [](const EntityState& one) { return !one.not_asked.empty(); });
    return state == outcome.entities.end() ? std::string{} : state->not_asked;
}

void announce(TaskObserver* observer, const TaskContext& context, std::string_view proof,
              std::string_view verdict, const Findings& told, const Findings& news) {
    if (observer != nullptr) {
        observer->on_proof(proof, verdict, news);
    }
    log_findings(proof, told, context.indexer().db_path());
}

void announce(TaskObserver* observer, FindingMemory& memory, const TaskContext& context,
              const ProofLook& look, const Findings& findings) {
    const auto& [proof, part, verdict, is_whole] = look;
    const FindingMemory::News news =
        memory.take(fmt::format("{} {}", proof, part), findings, is_whole);
    announce(observer, context, proof, verdict, news.findings, news.findings);
    if (news.is_over) {
        logging::info(fmt::format("the {} proof finds nothing any more", proof));
    }
}

ChainWaitTeller::~ChainWaitTeller() {
    if (observer_ != nullptr) {
        observer_->on_wait({});
    }
}

bool ChainWaitTeller::tell() {
    const std::vector<rpc::OpenWait> waits = chain_.waits(kWaitToTellMs);
    if (observer_ != nullptr) {
        observer_->on_wait(waits.empty() ? std::string{} : describe_wait(waits.front()));
    }
    return !waits.empty();
}

Status write_down(const TaskContext& context,
                  const std::function<Status(storage::CommitBatch&)>& fill) {
    return context.indexer().run_on_writer(
        [&fill](storage::Database& database) -> Status {
            const std::optional<storage::Cursor> cursor = database.cursor();
            if (!cursor) {
                return ok();
            }
            const auto batch = database.make_batch();
            PLUMBLINE_TRY_VOID(fill(*batch));
            batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
            return database.commit(*batch, storage::Durability::kBuffered);
        },
        WriterEffect::kNone);
}

Result<std::vector<uint32_t>> named_entities(const TaskContext& context, std::string_view args) {
    std::vector<uint32_t> out;
    const std::vector<storage::EntityLayout>& entities = context.database().entities();
    for (const std::string_view word : split_args(args)) {
        const auto found = find_entity(entities, word);
        if (!found) {
            return Error{ErrorCode::kInvalidArgument, found.error().message};
        }
        out.push_back(static_cast<uint32_t>(*found));
    }
    return out;
}

uint64_t unix_time_s(const TaskContext& context) {
    return static_cast<uint64_t>(context.indexer().clock().unix_ms() / 1000);
}

}  // namespace plumbline::engine
