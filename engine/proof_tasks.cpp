#include "engine/proof_tasks.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "engine/log_proof.hpp"
#include "engine/log_proof_record.hpp"
#include "engine/metrics.hpp"
#include "engine/state_proof.hpp"
#include "engine/state_record.hpp"
#include "engine/tasks.hpp"

namespace plumbline::engine {

namespace {

using nlohmann::ordered_json;
using storage::ProofLevel;

constexpr size_t kShownFindings = 100;
constexpr int64_t kStepWaitMs = 100;

ordered_json to_json(const Finding& finding) {
    ordered_json out{{"kind", to_string(finding.kind)}};
    const auto text = [&out](const char* name, const std::string& value) {
        if (!value.empty()) {
            out[name] = value;
        }
    };
    text("entity", finding.entity);
    text("key", finding.key);
    text("field", finding.field);
    text("stored", finding.stored);
    text("expected", finding.expected);
    out["block"] = finding.block_num;
    out["log_index"] = finding.log_index;
    text("provider", finding.provider);
    text("detail", finding.detail);
    return out;
}

ordered_json to_json(const Findings& findings) {
    ordered_json list = ordered_json::array();
    for (size_t i = 0; i < findings.kept.size() && i < kShownFindings; ++i) {
        list.push_back(to_json(findings.kept[i]));
    }
    return list;
}

std::string dump(const ordered_json& report) {
    return report.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void count(Metrics* metrics, std::string_view proof, std::string_view verdict,
           const Findings& findings) {
    if (metrics == nullptr) {
        return;
    }
    metrics->count_proof(proof, verdict);
    for (const Finding& finding : findings.kept) {
        metrics->count_finding(finding.kind);
    }
}

void tell(std::string_view proof, const Findings& findings) {
    for (size_t i = 0; i < findings.kept.size() && i < 5; ++i) {
        const Finding& finding = findings.kept[i];
        logging::warning(fmt::format("the {} proof found: {}", proof, to_string(finding.kind)),
                         {{"entity", finding.entity},
                          {"key", finding.key},
                          {"field", finding.field},
                          {"stored", finding.stored},
                          {"expected", finding.expected},
                          {"block", finding.block_num},
                          {"detail", finding.detail}});
    }
}

std::string verdict_of(const Findings& findings, bool is_whole) {
    return !findings.empty() ? "mismatch" : is_whole ? "equal" : "partial";
}

// --- the log ----------------------------------------------------------------------------------

/// Proves one range and writes down each piece as it is done. `below` is where it ended.
Result<LogProofOutcome> prove_one(TaskContext& context, evm::BlockRange range) {
    PLUMBLINE_TRY(LogProofInput input, read_log_proof_input(context.database()));
    const ProofConfig& config = context.config().proof;
    LogProofOptions options;
    options.range = range;
    options.level = config.level == ProofLevel::kNone ? ProofLevel::kReceipts : config.level;
    options.sample = config.sample;
    options.requests_per_second = config.requests_per_second;
    options.range_blocks = config.range_blocks;
    PLUMBLINE_TRY(const std::optional<BlockAnchor> frontier, read_frontier(*input.view));
    if (frontier && frontier->block_num == range.to) {
        options.anchor = frontier;
    }
    LogProver prover{context.chain(), std::move(input), context.indexer().shared_plan(),
                     context.indexer().clock(), options};
    LogProofOutcome outcome;
    std::optional<BlockAnchor> top;
    while (!prover.is_done() && !context.should_stop()) {
        const bool has_moved = prover.step();
        while (std::optional<LogProofPiece> piece = prover.take()) {
            if (!top) {
                top = piece->top;
            }
            LogProofPiece written = *piece;
            add_piece(outcome, *std::move(piece));
            const int64_t now_s = context.indexer().clock().unix_ms() / 1000;
            const Status recorded = context.indexer().run_on_writer(
                [&](storage::Database& database) -> Status {
                    const std::optional<storage::Cursor> cursor = database.cursor();
                    if (!cursor) {
                        return ok();
                    }
                    const auto batch = database.make_batch();
                    PLUMBLINE_TRY_VOID(add_levels(*batch, database, written));
                    add_record(*batch, outcome, *top, static_cast<uint64_t>(now_s));
                    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
                    return database.commit(*batch, storage::Durability::kBuffered);
                },
                WriterEffect::kNone);
            PLUMBLINE_TRY_VOID(recorded);
        }
        if (context.should_yield() && outcome.range) {
            break;
        }
        if (!has_moved && !prover.is_done()) {
            context.chain().poll(kStepWaitMs);
        }
    }
    if (prover.failure()) {
        return *prover.failure();
    }
    outcome.is_complete = outcome.range == range;
    outcome.reason = prover.reason();
    return outcome;
}

ordered_json to_json(const LogProofOutcome& outcome) {
    ordered_json out{{"proof", "log"},
                     {"verdict", verdict_of(outcome.findings, outcome.is_complete)},
                     {"level", to_string(outcome.level)},
                     {"blocks", outcome.counts.blocks},
                     {"by_bloom", outcome.counts.by_bloom},
                     {"by_receipts", outcome.counts.by_receipts},
                     {"unsettled", outcome.counts.unsettled},
                     {"unprovable", outcome.counts.unprovable},
                     {"logs", outcome.counts.logs},
                     {"mismatches", outcome.findings.total}};
    if (outcome.range) {
        out["from"] = outcome.range->from;
        out["to"] = outcome.range->to;
    }
    if (!outcome.reason.empty()) {
        out["reason"] = outcome.reason;
    }
    out["findings"] = to_json(outcome.findings);
    return out;
}

TaskOutcome run_prove_log(TaskContext& context, Metrics* metrics) {
    const bool has_range = !split_args(context.row().args).empty();
    evm::BlockRange range;
    size_t more = 0;
    if (has_range) {
        const Result<evm::BlockRange> parsed = parse_range_args(context.row().args);
        if (!parsed) {
            return TaskOutcome::from(parsed.error());
        }
        range = *parsed;
    } else {
        const std::optional<storage::Cursor> cursor = context.database().cursor();
        const Result<std::vector<storage::CoverageRow>> coverage = context.database().coverage();
        if (!coverage) {
            return TaskOutcome::from(coverage.error());
        }
        const auto open = unproven_ranges(*coverage, cursor ? cursor->finalized : 0);
        if (open.empty()) {
            return TaskOutcome::done(R"({"proof":"log","verdict":"equal","blocks":0})");
        }
        range = open.front();
        more = open.size() - 1;
    }
    const Result<LogProofOutcome> proven = prove_one(context, range);
    if (!proven) {
        return TaskOutcome::from(proven.error());
    }
    count(metrics, "log", verdict_of(proven->findings, proven->is_complete), proven->findings);
    tell("log", proven->findings);
    const std::string report = dump(to_json(*proven));
    if (!proven->is_complete && context.should_stop() && !proven->range) {
        return TaskOutcome::from({ErrorCode::kCancelled, "stopped"});
    }
    if (!proven->is_complete && proven->range && proven->range->from > range.from) {
        // Stopped or in a more urgent task's way: it goes on below what is done.
        return {TaskOutcome::Kind::kMore, report,
                has_range ? fmt::format("{} {}", range.from, proven->range->from - 1)
                          : std::string{},
                0};
    }
    // Where the chain cannot be proven at all the same range would only come again.
    const bool goes_on =
        more > 0 && proven->findings.empty() && proven->level > ProofLevel::kFetched;
    return goes_on ? TaskOutcome{TaskOutcome::Kind::kMore, report, {}, 0}
                   : TaskOutcome::done(report);
}

// --- the contract's state ---------------------------------------------------------------------

ordered_json to_json(const StateOutcome& outcome) {
    ordered_json entities = ordered_json::array();
    for (const EntityState& entity : outcome.entities) {
        ordered_json unproven = ordered_json::array();
        for (const EntityState::Unproven& item : entity.unproven) {
            unproven.push_back({{"reason", item.reason}, {"count", item.count}});
        }
        entities.push_back({{"entity", entity.name},
                            {"rows", entity.rows},
                            {"checked", entity.checked},
                            {"equal", entity.equal},
                            {"differing", entity.differing},
                            {"unchanged", entity.unchanged},
                            {"unproven", std::move(unproven)}});
    }
    bool is_proven = true;
    for (const EntityState& entity : outcome.entities) {
        is_proven = is_proven && entity.is_proven();
    }
    return {{"proof", "state"},
            {"verdict", verdict_of(outcome.findings, is_proven)},
            {"block", outcome.block.block_num},
            {"way", outcome.way},
            {"provider", outcome.provider},
            {"mismatches", outcome.findings.total},
            {"entities", std::move(entities)},
            {"findings", to_json(outcome.findings)}};
}

/// The entities that `args` names; empty: all.
Result<std::vector<uint32_t>> named_entities(const TaskContext& context) {
    std::vector<uint32_t> out;
    const std::vector<storage::EntityLayout>& entities = context.database().entities();
    for (const std::string_view word : split_args(context.row().args)) {
        const auto found = std::ranges::find(entities, word, &storage::EntityLayout::name);
        if (found == entities.end()) {
            std::string known;
            for (const storage::EntityLayout& entity : entities) {
                known += known.empty() ? entity.name : ", " + entity.name;
            }
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("there is no entity '{}'; known: {}", word, known)};
        }
        out.push_back(static_cast<uint32_t>(found - entities.begin()));
    }
    return out;
}

Status record_state(TaskContext& context, const StateOutcome& outcome) {
    const auto now_s = static_cast<uint64_t>(context.indexer().clock().unix_ms() / 1000);
    return context.indexer().run_on_writer(
        [&outcome, now_s, plan = context.indexer().shared_plan()](storage::Database& database) -> Status {
            const std::optional<storage::Cursor> cursor = database.cursor();
            if (!cursor) {
                return ok();
            }
            const auto batch = database.make_batch();
            for (const EntityState& entity : outcome.entities) {
                batch->record_proof(make_state_record(*plan, outcome, entity, {}, now_s));
            }
            batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
            return database.commit(*batch, storage::Durability::kBuffered);
        },
        WriterEffect::kNone);
}

TaskOutcome run_prove_state(TaskContext& context, Metrics* metrics) {
    StateProofOptions options;
    Result<std::vector<uint32_t>> entities = named_entities(context);
    if (!entities) {
        return TaskOutcome::from(entities.error());
    }
    options.entities = *std::move(entities);
    options.is_cancelled = [&context] { return context.should_stop(); };
    const auto view = context.database().read_view();
    const StateOutcome outcome =
        prove_state(context.chain(), *view, context.indexer().shared_plan(), std::move(options));
    if (context.should_stop()) {
        return TaskOutcome::from({ErrorCode::kCancelled, "stopped"});
    }
    if (const Status recorded = record_state(context, outcome); !recorded) {
        return TaskOutcome::from(recorded.error());
    }
    const ordered_json report = to_json(outcome);
    count(metrics, "state", report["verdict"].get<std::string>(), outcome.findings);
    tell("state", outcome.findings);
    return TaskOutcome::done(dump(report));
}

}  // namespace

void add_proof_tasks(TaskKinds& kinds, Metrics* metrics) {
    kinds.add({"prove_log", "[FROM TO]",
               "Prove stored events against block headers; default: final blocks not proven yet",
               [metrics](TaskContext& context) { return run_prove_log(context, metrics); }});
    kinds.add({"prove_state", "[ENTITY...]", "Compare entities with what the contract tells",
               [metrics](TaskContext& context) { return run_prove_state(context, metrics); }});
}

std::vector<evm::BlockRange> unproven_ranges(const std::vector<storage::CoverageRow>& coverage,
                                             uint64_t finalized) {
    std::vector<evm::BlockRange> open;
    for (const storage::CoverageRow& row : coverage) {
        if (row.level <= ProofLevel::kFetched && row.range.from <= finalized) {
            open.push_back({row.range.from, std::min(row.range.to, finalized)});
        }
    }
    std::ranges::sort(open, {}, &evm::BlockRange::from);
    std::vector<evm::BlockRange> joined;
    for (const evm::BlockRange& range : open) {
        if (!joined.empty() && range.from <= joined.back().to + 1) {
            joined.back().to = std::max(joined.back().to, range.to);
        } else {
            joined.push_back(range);
        }
    }
    std::ranges::reverse(joined);
    return joined;
}

std::vector<std::pair<std::string, uint64_t>> proven_through(
    const std::vector<storage::CoverageRow>& coverage) {
    std::map<std::string, std::vector<const storage::CoverageRow*>> sources;
    for (const storage::CoverageRow& row : coverage) {
        sources[row.source].push_back(&row);
    }
    std::vector<std::pair<std::string, uint64_t>> out;
    for (const ProofLevel level : {ProofLevel::kFetched, ProofLevel::kLinked, ProofLevel::kBloom,
                                   ProofLevel::kReceipts}) {
        std::optional<uint64_t> through;
        for (auto& [source, rows] : sources) {
            std::ranges::sort(rows, {}, [](const auto* row) { return row->range.from; });
            uint64_t next = rows.front()->range.from;
            for (const storage::CoverageRow* row : rows) {
                if (row->range.from > next || row->level < level) {
                    break;
                }
                next = row->range.to + 1;
            }
            const uint64_t last = next == 0 ? 0 : next - 1;
            through = through ? std::min(*through, last) : last;
        }
        out.emplace_back(to_string(level), through.value_or(0));
    }
    return out;
}

}  // namespace plumbline::engine
