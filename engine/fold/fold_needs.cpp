#include "engine/fold/fold_needs.hpp"

#include <utility>

namespace plumbline::engine {

namespace {

constexpr size_t kLogsPerStep = 20'000;
/// Found in one step: an answer has up to 8 kB.
constexpr size_t kUnneededMax = 2'000;

/// The fact is nobody's `once` call any more, but may be a plain call of its block.
void make_plain(storage::CallFact fact, storage::CommitBatch& batch) {
    batch.remove_call(fact);
    fact.is_once = false;
    batch.put_call(fact);
}

}  // namespace

Status put_first(const storage::ReadView& view, const storage::CallFact& fact,
                 storage::CommitBatch& batch) {
    if (fact.is_once) {
        PLUMBLINE_TRY(const auto other, view.get_once(fact.call));
        if (other && other->block_num != fact.block_num) {
            make_plain(*other, batch);
        }
    }
    batch.put_call(fact);
    return ok();
}

Status drop_unneeded(storage::Database& database, const std::vector<UnneededCall>& calls) {
    const std::optional<storage::Cursor> cursor = database.cursor();
    if (!cursor || calls.empty()) {
        return ok();
    }
    const auto batch = database.make_batch();
    const auto view = database.read_view();
    for (const UnneededCall& call : calls) {
        PLUMBLINE_TRY(const auto stored, view->get_call(call.fact.block_num, call.fact.call));
        if (stored && call.is_plain) {
            make_plain(*stored, *batch);
        } else if (stored) {
            batch->remove_call(*stored);
        }
    }
    batch->require_refold();
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    return database.commit(*batch, storage::Durability::kBuffered);
}

Status drop_unneeded_calls(storage::Database& database, const Plan& plan,
                           const std::vector<storage::ChildRow>& children,
                           const std::function<bool()>& is_cancelled) {
    const std::optional<storage::Cursor> cursor = database.cursor();
    if (!cursor || !database.read_view()->scan_calls(0, cursor->block_num)->valid()) {
        return ok();
    }
    FoldNeeds needs{database.read_view(), plan, children, cursor->block_num};
    for (bool is_done = false; !is_done;) {
        if (is_cancelled && is_cancelled()) {
            return Error{ErrorCode::kCancelled, "stopped while looking through contract calls"};
        }
        PLUMBLINE_TRY(is_done, needs.step(kLogsPerStep));
        std::vector<UnneededCall> unneeded = needs.take_unneeded();
        std::erase_if(unneeded, [](const UnneededCall& call) { return call.is_in_doubt; });
        PLUMBLINE_TRY_VOID(drop_unneeded(database, unneeded));
    }
    return ok();
}

FoldNeeds::FoldNeeds(std::unique_ptr<storage::ReadView> view, const Plan& plan,
                     const std::vector<storage::ChildRow>& children, uint64_t cursor)
    : plan_{plan},
      map_{plan.sources()},
      member_(plan.sources().size(), false),
      view_{std::move(view)},
      finder_{plan.has_calls() ? std::make_unique<CallFinder>(plan) : nullptr},
      calls_{*view_},
      scanner_{view_->scan_logs(0, cursor)},
      facts_{view_->scan_calls(0, cursor)} {
    map_.reset_children(children);
}

Result<bool> FoldNeeds::step(size_t logs_max) {
    for (size_t left = logs_max; left > 0 && scanner_->valid(); --left) {
        const storage::LogRecord& record = scanner_->record();
        PLUMBLINE_TRY_VOID(judge_facts_below(record.log.block_num));
        if (unneeded_.size() >= kUnneededMax) {
            return false;
        }
        block_num_ = record.log.block_num;
        const storage::TxnFields* const txn = record.txn ? &*record.txn : nullptr;
        Status read;
        map_.for_each_source(record.log, [&](uint32_t source) {
            if (!plan_.txn_needs(source, record.log).met_by(txn)) {
                note(source);
            } else if (finder_ && read) {
                const Result<bool> lacks = lacks_call(source, record);
                read = lacks ? ok() : Status{lacks.error()};
                if (lacks && *lacks) {
                    note(source);
                }
            }
        });
        PLUMBLINE_TRY_VOID(read);
        scanner_->next();
    }
    if (scanner_->valid()) {
        return false;
    }
    PLUMBLINE_TRY_VOID(scanner_->status());
    PLUMBLINE_TRY_VOID(judge_facts_below(UINT64_MAX));
    return !facts_->valid();
}

/// All logs of these blocks were read: what none of them named goes. Stops where enough are found.
Status FoldNeeds::judge_facts_below(uint64_t block_num) {
    for (; facts_->valid() && facts_->fact().block_num < block_num; facts_->next()) {
        if (unneeded_.size() >= kUnneededMax) {
            return ok();
        }
        const storage::CallFact& fact = facts_->fact();
        const auto named = fact.block_num == block_num_ ? named_.find(fact.call) : named_.end();
        const bool is_named = named != named_.end();
        if (is_named && named->second == fact.is_once) {
            continue;
        }
        const bool is_doubted = fact.block_num == block_num_ && in_doubt_.contains(fact.call);
        if (fact.is_once && !is_doubted) {
            gone_once_.insert(storage::hash_key(storage::once_key(fact.call)));
        }
        unneeded_.push_back({fact, is_named, is_doubted});
    }
    if (block_num != block_num_) {
        named_.clear();
        in_doubt_.clear();
    }
    return facts_->status();
}

std::vector<UnneededCall> FoldNeeds::take_unneeded() {
    return std::exchange(unneeded_, {});
}

void FoldNeeds::note(uint32_t source) {
    member_[source] = true;
    range_ = {range_ ? range_->from : block_num_, block_num_};
}

Result<bool> FoldNeeds::lacks_call(uint32_t source, const storage::LogRecord& record) {
    if (block_.block_num != block_num_ || block_.hash.is_zero()) {
        PLUMBLINE_TRY(const storage::BlockRow row, view_->get_block(block_num_));
        block_ = {block_num_, row.hash, row.timestamp};
    }
    needed_.clear();
    PLUMBLINE_TRY_VOID(finder_->find(source, record.log, record.data, block_,
                                     record.txn ? &*record.txn : nullptr, calls_, needed_));
    bool lacks = false;
    for (const NeededCall& need : needed_) {
        PLUMBLINE_TRY(const bool is_there, is_known(need));
        lacks = lacks || !is_there;
    }
    return lacks;
}

Result<bool> FoldNeeds::is_known(const NeededCall& need) {
    const bool is_once = need.call->is_once;
    PLUMBLINE_TRY(const storage::CallFact* fact, calls_.find(need.key, block_num_, is_once));
    // What a later state said is no answer for who asks after the event's block.
    if (fact == nullptr || (fact->pin == storage::CallPin::kHead && !need.call->at_head)) {
        return false;
    }
    if (is_in_doubt(*fact) && fact->block_num == block_num_) {
        in_doubt_.insert(need.key);  // The first log that names it asks again, for all later ones.
        return false;
    }
    if (fact->block_num == block_num_) {
        bool& is_named_once = named_[need.key];
        is_named_once = is_named_once || is_once;
        return true;
    }
    return gone_once_.empty() ||
           !gone_once_.contains(storage::hash_key(storage::once_key(need.key)));
}

std::optional<CoverageGap> FoldNeeds::gap() const {
    if (!range_) {
        return std::nullopt;
    }
    std::vector<bool> member = member_;
    add_families(member, plan_.sources());
    CoverageGap gap{*range_, {}};
    for (uint32_t source = 0; source < member.size(); ++source) {
        if (member[source]) {
            gap.sources.push_back(source);
        }
    }
    return gap;
}

}  // namespace plumbline::engine
