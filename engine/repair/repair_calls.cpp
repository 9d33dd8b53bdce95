// What contract calls answer that the handlers of mended events name, or of stored ones that find
// another answer than before: one that was mended, or one of `once` that a mended event is the
// first to name. Others may be made of what these answer, and the fold after a repair must find
// every answer, for it asks nobody.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/calls/call_asker.hpp"
#include "engine/calls/call_lookup.hpp"
#include "engine/calls/call_set.hpp"
#include "engine/fold/call_finder.hpp"
#include "engine/mapping/source_map.hpp"
#include "engine/repair/repair.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kCallsWaitMs = 300'000;
/// A call may be made of what calls before it in its handler answer, and these are asked first.
constexpr unsigned kCallRoundsMax = 20;

/// What the first knows, and else the second.
class EitherCalls final : public CallSource {
  public:
    EitherCalls(CallSource& first, CallSource& second) : first_{first}, second_{second} {}
    [[nodiscard]] Result<const storage::CallFact*> find(const storage::CallKey& call,
                                                        uint64_t block_num, bool is_once) override {
        PLUMBLINE_TRY(const storage::CallFact* fact, first_.find(call, block_num, is_once));
        return fact != nullptr ? fact : second_.find(call, block_num, is_once);
    }

  private:
    CallSource& first_;
    CallSource& second_;
};

/// For one plan, once. One thread.
class CallFetch {
  public:
    CallFetch(rpc::ChainSource& source, const storage::ReadView& view, const Plan& mapping,
              RepairPlan& plan)
        : source_{source},
          view_{view},
          plan_{plan},
          map_{mapping.sources()},
          mapping_{mapping},
          finder_{mapping},
          stored_{view},
          known_{mended_, stored_},
          all_{answered_, known_} {}

    [[nodiscard]] Status run() {
        PLUMBLINE_TRY(std::vector<storage::ChildRow> children, view_.list_children());
        children.insert(children.end(), plan_.children.begin(), plan_.children.end());
        map_.reset_children(children);
        for (const ProvenBlock& block : plan_.blocks) {
            if (block.has_receipts) {
                blocks_.push_back(&block);
            }
        }
        std::ranges::sort(blocks_, {},
                          [](const ProvenBlock* block) { return block->header.block_num; });
        for (const storage::CallFact& fact : plan_.calls) {
            mended_.add(fact, false);
        }
        for (unsigned round = 0; round < kCallRoundsMax; ++round) {
            PLUMBLINE_TRY(std::vector<CallQuestion> questions, find_questions());
            PLUMBLINE_TRY_VOID(find_follow_ups(questions));
            if (questions.empty()) {
                take();
                return ok();
            }
            PLUMBLINE_TRY_VOID(ask(std::move(questions)));
        }
        return Error{ErrorCode::kTooLarge, "calls of mended events lead to ever more calls"};
    }

  private:
    [[nodiscard]] Result<std::vector<CallQuestion>> find_questions() {
        used_.emplace();
        lookup_.emplace(*used_, known_, answered_);
        for (const ProvenBlock* block : blocks_) {
            const evm::BlockId id{block->header.block_num, block->header.hash};
            for (const evm::Log& log : block->logs.logs) {
                PLUMBLINE_TRY_VOID(find_needed(*block, log));
                for (NeededCall& need : needed_) {
                    PLUMBLINE_TRY_VOID(lookup_->need(question_of(std::move(need), id)));
                }
            }
        }
        return lookup_->take_questions();
    }

    /// The lowest block from which stored logs may find another answer than before; empty: none do.
    [[nodiscard]] std::optional<uint64_t> first_changed() const {
        std::optional<uint64_t> out = first_once_;
        for (const storage::CallFact& fact : plan_.calls) {
            out = std::min(out.value_or(fact.block_num), fact.block_num);
        }
        return out;
    }

    /// Of stored logs, where calls that they name were mended: what these lead to now. The same
    /// call of a block may be asked twice, for a mended block and a stored log; the first answer
    /// stays.
    [[nodiscard]] Status find_follow_ups(std::vector<CallQuestion>& questions) {
        const auto cursor = view_.cursor();
        const std::optional<uint64_t> first = first_changed();
        if (!first || !cursor) {
            return ok();
        }
        std::set<std::string> asked;
        FoldBlock at;
        const auto scanner = view_.scan_logs(*first, cursor->block_num);
        for (; scanner->valid(); scanner->next()) {
            const storage::LogRecord& record = scanner->record();
            if (is_mended(record.log.block_num)) {
                continue;
            }
            if (at.hash.is_zero() || at.block_num != record.log.block_num) {
                PLUMBLINE_TRY(const storage::BlockRow row, view_.get_block(record.log.block_num));
                at = {record.log.block_num, row.hash, row.timestamp};
            }
            PLUMBLINE_TRY_VOID(find_needed_of(record, at));
            for (NeededCall& need : needed_) {
                PLUMBLINE_TRY(const storage::CallFact* fact,
                              all_.find(need.key, at.block_num, need.call->is_once));
                if (fact == nullptr &&
                    asked.insert(answer_key(need.key, at.block_num, need.call->is_once)).second) {
                    questions.push_back(question_of(std::move(need), {at.block_num, at.hash}));
                }
            }
        }
        return scanner->status();
    }

    [[nodiscard]] Status find_needed_of(const storage::LogRecord& record, const FoldBlock& at) {
        const storage::TxnFields* const txn = record.txn ? &*record.txn : nullptr;
        Status found;
        needed_.clear();
        map_.for_each_source(record.log, [&](uint32_t source) {
            if (found && mapping_.txn_needs(source, record.log).met_by(txn)) {
                found = finder_.find(source, record.log, record.data, at, txn, all_, needed_);
            }
        });
        return found;
    }

    [[nodiscard]] bool is_mended(uint64_t block_num) const {
        return std::ranges::binary_search(blocks_, block_num, {}, [](const ProvenBlock* block) {
            return block->header.block_num;
        });
    }

    [[nodiscard]] Status find_needed(const ProvenBlock& block, const evm::Log& log) {
        const auto txn = plan_.txns.find(log.txn_hash);
        const FoldBlock at{block.header.block_num, block.header.hash, block.header.timestamp};
        Status found;
        needed_.clear();
        map_.for_each_source(log, [&](uint32_t source) {
            if (found) {
                found = finder_.find(source, log, block.logs.data(log), at,
                                     txn == plan_.txns.end() ? nullptr : &txn->second, *lookup_,
                                     needed_);
            }
        });
        return found;
    }

    [[nodiscard]] Status ask(std::vector<CallQuestion> questions) {
        PLUMBLINE_TRY_VOID(pin_to_final(questions));
        for (const CallQuestion& question : questions) {
            if (question.is_once) {
                first_once_ = std::min(first_once_.value_or(UINT64_MAX), question.block.block_num);
            }
        }
        CallAsker asker{source_, std::nullopt, 0};
        PLUMBLINE_TRY(auto facts, rpc::await<std::vector<storage::CallFact>>(
                                      source_, kCallsWaitMs, [&](auto done) {
                                          asker.ask(std::move(questions), std::move(done));
                                      }));
        for (storage::CallFact& fact : facts) {
            answered_.add(std::move(fact), true);
        }
        return ok();
    }

    /// Of `state = "head"`: the newest block that is final here.
    [[nodiscard]] Status pin_to_final(std::vector<CallQuestion>& questions) {
        const auto cursor = view_.cursor();
        const uint64_t finalized = cursor ? cursor->finalized : 0;
        std::optional<evm::BlockId> state;
        for (CallQuestion& question : questions) {
            if (!std::exchange(question.at_head, false) || question.block.block_num > finalized) {
                continue;
            }
            if (!state) {
                PLUMBLINE_TRY(
                    const auto headers,
                    rpc::await<std::vector<evm::Header>>(source_, kCallsWaitMs, [&](auto done) {
                        source_.get_headers({finalized}, std::move(done));
                    }));
                if (headers.empty()) {
                    return Error{ErrorCode::kNotFound,
                                 fmt::format("no provider has the header of block {}", finalized)};
                }
                state = evm::BlockId{finalized, headers.front().hash};
            }
            question.asked = state;
        }
        return ok();
    }

    void take() {
        // What logs of mended blocks use, and all that was asked for stored ones.
        const CallSet& asked = first_changed() ? answered_ : *used_;
        for (const storage::CallFact* fact : asked.all_new()) {
            plan_.new_calls.push_back(*fact);
        }
        if (!plan_.new_calls.empty()) {
            plan_.steps.push_back(fmt::format("write what {} contract call{} of these events {}",
                                              plan_.new_calls.size(),
                                              plan_.new_calls.size() == 1 ? "" : "s",
                                              plan_.new_calls.size() == 1 ? "answers" : "answer"));
        }
    }

    rpc::ChainSource& source_;
    const storage::ReadView& view_;
    RepairPlan& plan_;
    SourceMap map_;
    const Plan& mapping_;
    CallFinder finder_;
    StoredCalls stored_;
    CallSet mended_;    ///< of the plan
    CallSet answered_;  ///< all that was asked
    EitherCalls known_;
    EitherCalls all_;
    std::optional<uint64_t> first_once_;  ///< the lowest block of a `once` call that was asked
    std::optional<CallSet> used_;         ///< what the logs need, as far as it is known
    std::optional<CallLookup> lookup_;
    std::vector<const ProvenBlock*> blocks_;  ///< of the plan, ascending
    std::vector<NeededCall> needed_;          ///< scratch: those of one log
};

}  // namespace

Status fetch_calls(rpc::ChainSource& source, const storage::ReadView& view, const Plan& mapping,
                   RepairPlan& plan) {
    if (!mapping.has_calls() || (plan.blocks.empty() && plan.calls.empty())) {
        return ok();
    }
    return CallFetch{source, view, mapping, plan}.run();
}

}  // namespace plumbline::engine
