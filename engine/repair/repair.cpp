#include "engine/repair/repair.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "engine/fold/corrections.hpp"
#include "engine/fold/fold_needs.hpp"
#include "engine/mapping/block_tick.hpp"
#include "engine/proof/journal.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/codec.hpp"
#include "storage/log_codec.hpp"
#include "storage/raw_scan.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kAnswerWaitMs = 120'000;

/// A journal keeps that many entries a repair; the rest is in one line.
constexpr size_t kJournalRowsMax = 1'000;

bool is_of_log(const Finding& finding) {
    switch (finding.kind) {
        case FindingKind::kLogMissing:
        case FindingKind::kLogInvented:
        case FindingKind::kLogAltered:
        case FindingKind::kBlockDiffers: return true;
        case FindingKind::kUnreadable: return finding.entity.empty() && finding.key.empty();
        case FindingKind::kDigestDiffers: return finding.entity.empty();
        default: return false;
    }
}

std::string describe_block(const ProvenBlock& block) {
    return fmt::format("receipts of block {} ({}) hash to its header's receiptsRoot {}",
                       block.header.block_num, evm::to_hex(block.header.hash),
                       evm::to_hex(block.header.receipts_root));
}

std::string step_of(const ProvenBlock& block) {
    if (!block.has_receipts) {
        return fmt::format("write the row of block {} from its header", block.header.block_num);
    }
    const std::vector<evm::Log>& logs = block.logs.logs;
    const auto ticks = static_cast<size_t>(std::ranges::count_if(logs, is_tick));
    const size_t proven = logs.size() - ticks;
    return fmt::format("write the {} proven log{}{} of block {} in place of what is stored", proven,
                       proven == 1 ? "" : "s", ticks == 0 ? "" : " and the ticks",
                       block.header.block_num);
}

}  // namespace

void RepairPlan::add_log(const LogProofOutcome& outcome) {
    std::map<uint64_t, const ProvenBlock*> proven;
    for (const ProvenBlock& block : outcome.proven) {
        proven[block.header.block_num] = &block;
    }
    std::map<uint64_t, size_t> mended;
    for (const Finding& finding : outcome.findings.kept) {
        const auto block = proven.find(finding.block_num);
        const bool is_missing_tick =
            finding.kind == FindingKind::kLogMissing && is_tick_index(finding.log_index);
        const bool needs_logs = finding.kind != FindingKind::kBlockDiffers;
        if (block == proven.end() || (needs_logs && !block->second->has_receipts)) {
            left.push_back(fmt::format(
                "block {}: {}, but no provider gave receipts that prove the block's logs",
                finding.block_num, to_string(finding.kind)));
            continue;
        }
        ++mended[finding.block_num];
        if (journal.size() < kJournalRowsMax) {
            journal.push_back(
                journal_of(finding, std::string{action_of(finding.kind)},
                           needs_logs && !is_missing_tick
                               ? describe_block(*block->second)
                               : "header " + evm::to_hex(block->second->header.hash)));
        }
    }
    for (const auto& [block_num, count] : mended) {
        blocks.push_back(*proven[block_num]);
        steps.push_back(step_of(blocks.back()));
    }
    for (const storage::ChildRow& child : outcome.new_children) {
        children.push_back(child);
        steps.push_back(fmt::format("take up contract {} of {}, announced in block {}",
                                    evm::to_hex(child.address), child.contract, child.block_num));
    }
    if (!mended.empty() || !outcome.new_children.empty()) {
        add_refold("the log was mended");
    }
    if (outcome.findings.total > outcome.findings.kept.size()) {
        left.push_back(
            fmt::format("{} more findings of the log than one repair takes: repair again",
                        outcome.findings.total - outcome.findings.kept.size()));
    }
}

bool RepairPlan::add_certain_log(const LogProofOutcome& outcome, size_t blocks_max) {
    bool is_cut = false;
    std::map<uint64_t, bool> found;  // by block: all of its findings are certain
    for (const Finding& finding : outcome.findings.kept) {
        const auto at = found.emplace(finding.block_num, true).first;
        at->second = at->second && finding.is_certain;
    }
    std::set<uint64_t> taken;
    for (const auto& [block_num, is_certain] : found) {
        if (!is_certain) {
            left.push_back(fmt::format(
                "block {}: the receipts lack a stored event, but its transaction too, or only a "
                "provider's word is against it; `plumbline repair` mends it all the same",
                block_num));
        } else if (taken.size() == blocks_max) {
            is_cut = true;
            left.push_back(
                fmt::format("block {} and {} more: wrong too, but so many were mended since the "
                            "start that no more are unasked; `plumbline task add DB repair` mends "
                            "them",
                            block_num, found.size() - taken.size() - 1));
            break;
        } else {
            taken.insert(block_num);
        }
    }
    LogProofOutcome certain;
    for (const Finding& finding : outcome.findings.kept) {
        if (taken.contains(finding.block_num)) {
            certain.findings.add(finding);
        }
    }
    for (const ProvenBlock& block : outcome.proven) {
        if (taken.contains(block.header.block_num)) {
            certain.proven.push_back(block);
        }
    }
    for (const storage::ChildRow& child : outcome.new_children) {
        if (taken.contains(child.block_num)) {
            certain.new_children.push_back(child);
        }
    }
    add_log(certain);
    return is_cut;
}

void RepairPlan::add_refold(const std::string& reason) {
    if (!fold_again) {
        steps.push_back("fold the whole log again: " + reason);
    }
    fold_again = true;
}

void RepairPlan::add_calls(const Findings& findings, const std::vector<storage::CallFact>& right) {
    std::map<std::string, const storage::CallFact*> settled;
    for (const storage::CallFact& fact : right) {
        settled[storage::call_key(fact.block_num, fact.call)] = &fact;
    }
    for (const Finding& finding : findings.kept) {
        const auto fact = settled.find(finding.raw_key);
        if (fact == settled.end()) {
            left.push_back(describe(finding));
            continue;
        }
        calls.push_back(*fact->second);
        // A fact of another block than the stored one's, and nobody had told that wrong.
        const bool has_changed = finding.provider.empty();
        steps.push_back(fmt::format("write what {} of the {}",
                                    finding.is_by_storage ? "storage tells"
                                    : has_changed         ? "is answered now"
                                                          : "most providers tell",
                                    finding.key));
        if (journal.size() < kJournalRowsMax) {
            journal.push_back(journal_of(
                finding, "call replaced",
                finding.is_by_storage ? "proven against the block's state root"
                : has_changed ? fmt::format("the answer at block {}", fact->second->asked.block_num)
                              : "as " + fact->second->provider + " and most others tell"));
        }
    }
    if (!calls.empty()) {
        add_refold("facts of contract calls were mended");
    }
}

void RepairPlan::add_replay(const Findings& findings, evm::BlockRange indexed) {
    std::set<uint64_t> mended;
    for (const ProvenBlock& block : blocks) {
        mended.insert(block.header.block_num);
    }
    std::set<uint64_t> unmended;
    std::set<uint64_t> removed{out_of_range_blocks.begin(), out_of_range_blocks.end()};
    uint64_t rows = 0;
    for (const Finding& finding : findings.kept) {
        if (!is_of_log(finding)) {
            ++rows;
            if (journal.size() < kJournalRowsMax) {
                journal.push_back(
                    journal_of(finding, "folded again", "the fold of the stored log"));
            }
            continue;
        }
        if (finding.kind == FindingKind::kDigestDiffers || mended.contains(finding.block_num)) {
            continue;  // follows from the log's bytes, which are judged by themselves
        }
        if (finding.block_num >= indexed.from && finding.block_num <= indexed.to) {
            unmended.insert(finding.block_num);
        } else if (removed.insert(finding.block_num).second) {
            out_of_range_blocks.push_back(finding.block_num);
            steps.push_back(
                fmt::format("remove what is stored under block {}, where the index has nothing",
                            finding.block_num));
            journal.push_back(
                journal_of(finding, "stray bytes removed", "the index ends before that block"));
        }
    }
    if (!out_of_range_blocks.empty()) {
        add_refold("the log was mended");
    }
    for (const uint64_t block_num : unmended) {
        left.push_back(fmt::format(
            "block {}: stored bytes of the log are damaged; a provider is needed to mend them "
            "(--rpc)",
            block_num));
    }
    if (rows > 0 || findings.total > findings.kept.size()) {
        add_refold(fmt::format("{} finding{} in what is derived from it", findings.total,
                               findings.total == 1 ? "" : "s"));
    }
    const auto digest = std::ranges::find_if(findings.kept, [](const Finding& finding) {
        return finding.kind == FindingKind::kDigestDiffers && finding.entity.empty();
    });
    if (digest != findings.kept.end() && unmended.empty()) {
        steps.emplace_back("make the log's digests anew from its bytes");
        renew_log_digests = journal_of(*digest, "digests renewed", "the log's stored bytes");
    }
}

Status fetch_txns(rpc::ChainSource& source, const Plan& mapping, RepairPlan& plan) {
    if (!mapping.needs_txn()) {
        return ok();
    }
    std::vector<evm::Hash> hashes;
    std::vector<rpc::TxnPlace> places;
    std::set<evm::Hash> asked;
    std::set<evm::Hash> placed;
    for (const ProvenBlock& block : plan.blocks) {
        for (const evm::Log& log : block.logs.logs) {
            storage::TxnNeeds needs;
            for (uint32_t i = 0; i < mapping.sources().size(); ++i) {
                const Source& wants = mapping.sources()[i];
                if (wants.has_factory || wants.any_address ||
                    std::ranges::find(wants.addresses, log.address) != wants.addresses.end()) {
                    needs.add(mapping.txn_needs(i, log));
                }
            }
            if (!needs.any()) {
                continue;
            }
            plan.logs_with_txn.emplace(std::pair{log.block_num, log.log_index}, needs);
            if (asked.insert(log.txn_hash).second) {
                hashes.push_back(log.txn_hash);
            }
            if (needs.receipt && placed.insert(log.txn_hash).second) {
                places.push_back({log.txn_hash, block.header.hash});
            }
        }
    }
    if (hashes.empty()) {
        return ok();
    }
    PLUMBLINE_TRY(const auto txns,
                  rpc::await<std::vector<rpc::TxnInfo>>(source, kAnswerWaitMs, [&](auto done) {
                      source.get_txns(hashes, std::move(done));
                  }));
    for (const rpc::TxnInfo& txn : txns) {
        plan.txns[txn.hash] = {txn.from, txn.to, txn.value, txn.body, {}};
    }
    if (places.empty()) {
        return ok();
    }
    PLUMBLINE_TRY(const auto receipts, rpc::await<std::vector<rpc::TxnReceiptInfo>>(
                                           source, kAnswerWaitMs, [&](auto done) {
                                               source.get_txn_receipts(places, std::move(done));
                                           }));
    for (const rpc::TxnReceiptInfo& txn : receipts) {
        plan.txns[txn.hash].receipt = txn.receipt;
    }
    return ok();
}

namespace {

/// The contract's value of one field.
Result<storage::NamedValue> corrected_field(const storage::EntityLayout& layout,
                                            const Finding& finding) {
    const auto field = std::ranges::find(layout.fields, finding.field, &storage::Field::name);
    if (field == layout.fields.end()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} has no field '{}'", layout.name, finding.field)};
    }
    PLUMBLINE_TRY(const storage::KeyValue value,
                  parse_value(field->type.required(), finding.expected));
    return name_value(*field, value);
}

/// What the contract tells of fields of a row; an error says why that cannot be written.
Result<storage::CorrectionRow> corrected_row(const storage::ReadView& view, uint64_t block_num,
                                             size_t entity, const storage::EntityLayout& layout,
                                             const std::vector<const Finding*>& findings) {
    const Finding& first = *findings.front();
    const auto doubtful =
        std::ranges::find_if(findings, [](const Finding* one) { return !one->is_certain; });
    if (doubtful != findings.end()) {
        return Error{
            ErrorCode::kUnavailable,
            fmt::format("nothing is written before all say the same ({})", (*doubtful)->detail)};
    }
    std::vector<storage::NamedValue> fields;
    const bool is_there = view.get_row(entity, first.raw_key).has_value();
    const bool has_field = std::ranges::any_of(
        findings, [](const Finding* finding) { return !finding->field.empty(); });
    if (!is_there || !has_field) {
        return Error{ErrorCode::kNotFound, first.detail.empty()
                                               ? "the contract tells of it what no field can hold"
                                               : first.detail};
    }
    for (const Finding* finding : findings) {
        if (!finding->field.empty()) {
            PLUMBLINE_TRY(storage::NamedValue field, corrected_field(layout, *finding));
            fields.push_back(std::move(field));
        }
    }
    return make_correction(block_num, layout, first.raw_key, std::move(fields));
}

/// Findings of rows, each row's together; of what else differs `left` is told.
using FindingsByRow = std::map<std::pair<std::string, std::string>, std::vector<const Finding*>>;
FindingsByRow group_by_row(const Findings& drift, std::vector<std::string>& left) {
    FindingsByRow out;
    for (const Finding& finding : drift.kept) {
        if (finding.kind == FindingKind::kStateDiffers) {
            out[{finding.entity, finding.raw_key}].push_back(&finding);
        } else {
            left.push_back(
                fmt::format("{}: the contract counts {} rows, the index {}: no row to correct",
                            finding.entity, finding.expected, finding.stored));
        }
    }
    return out;
}

}  // namespace

Status plan_corrections(const storage::Database& database, const Findings& drift,
                        RepairPlan& plan) {
    const auto cursor = database.cursor();
    if (!cursor) {
        return ok();
    }
    const auto view = database.read_view();
    const size_t left_before = plan.left.size();
    const std::string proof =
        fmt::format("getter at block {} ({})", cursor->block_num, evm::to_hex(cursor->block_hash));
    for (const auto& [row_of, findings] : group_by_row(drift, plan.left)) {
        const std::string& entity_name = row_of.first;
        const std::string& key = findings.front()->key;
        const auto layout =
            std::ranges::find(database.entities(), entity_name, &storage::EntityLayout::name);
        if (layout == database.entities().end()) {
            continue;
        }
        const auto entity = static_cast<size_t>(layout - database.entities().begin());
        Result<storage::CorrectionRow> row =
            corrected_row(*view, cursor->block_num, entity, *layout, findings);
        if (!row) {
            plan.left.push_back(fmt::format("{} {}: {}", entity_name, key, row.error().message));
            continue;
        }
        plan.corrections.push_back(*std::move(row));
        plan.steps.push_back(
            fmt::format("correct {} {} to what the contract tells", entity_name, key));
        for (const Finding* finding : findings) {
            plan.journal.push_back(journal_of(*finding, std::string{kRowCorrected}, proof));
        }
    }
    if (!plan.corrections.empty()) {
        plan.add_refold("corrections are part of every fold");
    }
    plan.leaves_drift = plan.left.size() > left_before;
    return ok();
}

namespace {

/// What the block's row must say. A block without logs has one only while it is not final: storage
/// drops the row of a final one by itself.
storage::BlockRow row_of(const ProvenBlock& block, size_t event_count, storage::ProofLevel level) {
    return {block.header.block_num,
            block.header.hash,
            block.header.parent_hash,
            block.header.timestamp,
            static_cast<uint32_t>(event_count),
            level};
}

/// Removes the block's logs, also those that cannot be read.
Status remove_logs(const storage::ReadView& view, uint64_t block_num, storage::CommitBatch& batch) {
    const auto scanner = storage::scan_raw_log(view, block_num, block_num);
    for (; scanner->valid(); scanner->next()) {
        const std::string_view key = scanner->key();
        if (key.size() == storage::kLogKeySize) {
            batch.remove_log(block_num, storage::load_be32(key.data() + 8));
        }
    }
    return scanner->status();
}

Result<size_t> count_logs(const storage::ReadView& view, uint64_t block_num) {
    size_t count = 0;
    const auto scanner = storage::scan_raw_log(view, block_num, block_num);
    for (; scanner->valid(); scanner->next()) {
        ++count;
    }
    PLUMBLINE_TRY_VOID(scanner->status());
    return count;
}

/// Blocks of the plan whose rows are not those that were judged.
std::set<uint64_t> find_exchanged(const storage::ReadView& view, const RepairPlan& plan) {
    std::set<uint64_t> out;
    for (const ProvenBlock& block : plan.blocks) {
        // A row that cannot be read was none to the proof either.
        const Result<storage::BlockRow> row = view.get_block(block.header.block_num);
        const std::optional<evm::Hash> stored = row ? std::optional{row->hash} : std::nullopt;
        if (stored != block.stored_hash) {
            out.insert(block.header.block_num);
            logging::info("not mended: another block is stored by now",
                          {{"block", block.header.block_num}});
        }
    }
    return out;
}

Status put_block(const storage::ReadView& view, const RepairPlan& plan, const ProvenBlock& block,
                 storage::CommitBatch& batch) {
    const uint64_t block_num = block.header.block_num;
    batch.remove_block(block_num);
    if (!block.has_receipts) {
        PLUMBLINE_TRY(const size_t count, count_logs(view, block_num));
        const auto stored = view.get_block(block_num);
        batch.append_block(
            row_of(block, count, stored ? stored->level : storage::ProofLevel::kLinked));
        return ok();
    }
    PLUMBLINE_TRY_VOID(remove_logs(view, block_num, batch));
    for (const evm::Log& log : block.logs.logs) {
        const auto found = plan.txns.find(log.txn_hash);
        const auto needs = plan.logs_with_txn.find({log.block_num, log.log_index});
        std::optional<storage::TxnFields> txn;
        if (needs != plan.logs_with_txn.end() && found != plan.txns.end()) {
            txn = found->second;
            if (!needs->second.body) {
                txn->body.reset();
            }
            if (!needs->second.receipt) {
                txn->receipt.reset();
            }
        }
        batch.append_log(log, block.logs.data(log), txn ? &*txn : nullptr);
    }
    batch.append_block(row_of(block, block.logs.logs.size(), storage::ProofLevel::kReceipts));
    return ok();
}

/// What is not final came without the logs of a contract that nobody knew of: it is fetched again.
void withdraw_unfinal(const Plan& mapping, const storage::ChildRow& child,
                      const storage::Cursor& cursor, storage::CommitBatch& batch) {
    const int found = mapping.find_source(child.contract);
    if (found < 0) {
        return;
    }
    const Source& source = mapping.sources()[static_cast<size_t>(found)];
    const uint64_t first = std::max(
        source.counts_from({child.block_num, child.log_index}).block_num, cursor.finalized + 1);
    if (first <= cursor.block_num) {
        batch.remove_coverage(source.fingerprint, {first, cursor.block_num});
    }
}

}  // namespace

Status apply_repair(storage::Database& database, std::shared_ptr<const Plan> mapping,
                    const RepairPlan& plan, const Clock& clock, const RebuildOptions& options) {
    if (plan.is_empty()) {
        return ok();
    }
    const auto cursor = database.cursor();
    if (!cursor) {
        return Error{ErrorCode::kInvalidArgument,
                     "the database is empty: there is nothing to repair"};
    }
    const auto batch = database.make_batch();
    const auto view = database.read_view();
    for (const uint64_t block_num : plan.out_of_range_blocks) {
        PLUMBLINE_TRY_VOID(remove_logs(*view, block_num, *batch));
        batch->remove_block(block_num);
    }
    const std::set<uint64_t> exchanged = find_exchanged(*view, plan);
    std::vector<const ProvenBlock*> blocks;
    for (const ProvenBlock& block : plan.blocks) {
        if (!exchanged.contains(block.header.block_num)) {
            blocks.push_back(&block);
        }
    }
    std::ranges::sort(blocks, {}, [](const ProvenBlock* block) { return block->header.block_num; });
    for (const ProvenBlock* block : blocks) {
        PLUMBLINE_TRY_VOID(put_block(*view, plan, *block, *batch));
    }
    for (const storage::ChildRow& child : plan.children) {
        if (!exchanged.contains(child.block_num)) {
            batch->append_child(child);
            if (plan.is_of_final) {
                withdraw_unfinal(*mapping, child, *cursor, *batch);
            }
        }
    }
    for (const storage::CallFact& fact : plan.calls) {
        PLUMBLINE_TRY(const auto stored, view->get_call(fact.block_num, fact.call));
        if (stored) {  // Else the chain was reorganised meanwhile.
            batch->put_call(fact);
        }
    }
    for (const storage::CallFact& fact : plan.new_calls) {
        if (!exchanged.contains(fact.block_num)) {
            PLUMBLINE_TRY_VOID(put_first(*view, fact, *batch));
        }
    }
    for (const storage::CorrectionRow& correction : plan.corrections) {
        batch->append_correction(correction);
    }
    const auto now_s = static_cast<uint64_t>(clock.unix_ms() / 1000);
    for (storage::JournalRow row : plan.journal) {
        if (!row.entity.empty() || !exchanged.contains(row.block_num)) {
            row.time_s = now_s;
            batch->append_journal(row);
        }
    }
    if (plan.fold_again) {
        batch->require_refold();
    }
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    PLUMBLINE_TRY_VOID(database.commit(*batch, storage::Durability::kSync));
    if (plan.renew_log_digests) {
        storage::JournalRow renewed = *plan.renew_log_digests;
        renewed.time_s = now_s;
        PLUMBLINE_TRY_VOID(database.rebuild_log_digest(&renewed, options.is_cancelled));
    }
    const bool has_new_once = std::ranges::any_of(plan.new_calls, &storage::CallFact::is_once);
    if (!plan.calls.empty() || has_new_once) {
        // What was made of the answers that others stand for now is nobody's.
        PLUMBLINE_TRY(const auto children, database.read_view()->list_children());
        PLUMBLINE_TRY_VOID(drop_unneeded_calls(database, *mapping, children, options.is_cancelled));
    }
    return plan.fold_again ? rebuild(database, std::move(mapping), options) : ok();
}

}  // namespace plumbline::engine
