#include "engine/proof/state/state_bisect.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "engine/proof/state/state_digest.hpp"

namespace plumbline::engine {
namespace {

using rpc::CallAnswers;
using rpc::CallRequest;
using rpc::CallResult;

/// Compares one row with all its getters at one block after another. One thread.
class RowProbe {
  public:
    RowProbe(rpc::ChainSource& source, const storage::ReadView& view, const Plan& plan,
             uint32_t entity, std::string_view key, const BisectOptions& options)
        : source_{source},
          view_{view},
          plan_{plan},
          entity_{entity},
          key_{key},
          options_{options} {}

    [[nodiscard]] Status open();
    /// True where some getter tells something else after `block_num` than the row.
    [[nodiscard]] Result<bool> differs(uint64_t block_num);
    [[nodiscard]] uint64_t reads() const noexcept { return reads_; }
    /// As the index has it now; a tombstone where it was deleted.
    [[nodiscard]] const std::string& row() const noexcept { return row_; }

  private:
    struct RowThen {
        std::string bytes;  ///< a tombstone where there was none
        bool exists = false;
    };
    /// One getter, and what its answer must digest to.
    struct Question {
        const StateDigester* digester = nullptr;
        evm::Hash leaf;
        CallRequest call;
    };
    [[nodiscard]] Result<RowThen> row_at(uint64_t block_num) const;
    [[nodiscard]] Result<std::vector<Question>> questions_of(const std::string& row) const;
    [[nodiscard]] Result<bool> contradicts(const Question& question, const RowThen& row,
                                           const CallResult& result, uint64_t block_num) const;
    [[nodiscard]] Result<evm::Hash> hash_of(uint64_t block_num);

    rpc::ChainSource& source_;
    const storage::ReadView& view_;
    const Plan& plan_;
    uint32_t entity_;
    std::string key_;
    const BisectOptions& options_;
    std::vector<StateDigester> digesters_;
    std::string row_;
    uint64_t reads_ = 0;
};

Status RowProbe::open() {
    const auto found = view_.scan_entity(entity_, key_, {}, true);
    if (!found->valid() || found->key() != key_) {
        return Error{ErrorCode::kInvalidArgument, "there is no such row"};
    }
    row_ = found->row();
    for (const StatePlan& state : plan_.state_plans()) {
        if (state.entity != entity_) {
            continue;
        }
        PLUMBLINE_TRY(auto digester, StateDigester::make(state, plan_));
        digesters_.push_back(std::move(digester));
    }
    if (digesters_.empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} has no `state`", plan_.entities()[entity_].name)};
    }
    return ok();
}

Result<evm::Hash> RowProbe::hash_of(uint64_t block_num) {
    const auto cursor = view_.cursor();
    if (cursor && cursor->block_num == block_num && !cursor->block_hash.is_zero()) {
        return cursor->block_hash;
    }
    PLUMBLINE_TRY(const auto headers, rpc::await<std::vector<evm::Header>>(
                                          source_, options_.wait_ms_max, [&](auto done) {
                                              source_.get_headers({block_num}, std::move(done));
                                          }));
    return headers.front().hash;
}

Result<RowProbe::RowThen> RowProbe::row_at(uint64_t block_num) const {
    std::optional<std::string> row = row_;
    if (options_.row_at) {
        PLUMBLINE_TRY(row, options_.row_at(block_num));
    }
    if (row) {
        return RowThen{*std::move(row), true};
    }
    return RowThen{storage::RowCodec{plan_.entities()[entity_]}.make_tombstone({}), false};
}

Result<std::vector<RowProbe::Question>> RowProbe::questions_of(const std::string& row) const {
    const RowReader reader = reader_of(view_);
    std::vector<Question> out;
    for (const StateDigester& digester : digesters_) {
        if (!digester.can_ask(row)) {
            continue;  // before its time, and nothing says what the contract tells then
        }
        StateQuestions questions{digester.getter()};
        std::vector<evm::Hash> leaves;
        PLUMBLINE_TRY_VOID(digester.append(key_, row, reader, questions, leaves));
        Question question;
        question.digester = &digester;
        question.leaf = leaves.front();
        question.call.to = questions.target(0);
        question.call.data = questions.calldata(digester.getter(), 0);
        out.push_back(std::move(question));
    }
    return out;
}

Result<bool> RowProbe::differs(uint64_t block_num) {
    reads_++;
    PLUMBLINE_TRY(const RowThen row, row_at(block_num));
    PLUMBLINE_TRY(const std::vector<Question> questions, questions_of(row.bytes));
    if (questions.empty()) {
        return false;
    }
    std::vector<CallRequest> calls;
    calls.reserve(questions.size());
    for (const Question& question : questions) {
        calls.push_back(question.call);
    }
    PLUMBLINE_TRY(const evm::Hash hash, hash_of(block_num));
    PLUMBLINE_TRY(
        const CallAnswers answers,
        rpc::await<CallAnswers>(source_, options_.wait_ms_max, [&](auto done) {
            source_.call(calls, {{block_num, hash}, false}, std::nullopt, std::move(done));
        }));
    bool out = false;
    for (size_t i = 0; i < questions.size(); i++) {
        PLUMBLINE_TRY(const bool is_wrong,
                      contradicts(questions[i], row, answers.results[i], block_num));
        out = out || is_wrong;
    }
    return out;
}

Result<bool> RowProbe::contradicts(const Question& question, const RowThen& row,
                                   const CallResult& result, uint64_t block_num) const {
    if (result.kind == CallResult::Kind::kMissingState) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("nobody has the state of block {} any more (that needs an "
                                 "archive node): {}",
                                 block_num, result.why)};
    }
    if (result.kind == CallResult::Kind::kRefused) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("the getter was refused at block {}: {}", block_num, result.why)};
    }
    const bool answered = result.kind == CallResult::Kind::kAnswered;
    if (!row.exists && answered && result.data.empty()) {
        return false;  // no contract yet
    }
    const StateDigester& digester = *question.digester;
    if (state_leaf(digester.getter(), answered ? LeafStatus::kAnswered : LeafStatus::kReverted,
                   result.data) == question.leaf) {
        return false;
    }
    if (!answered) {
        return true;
    }
    // Contents too long for a leaf are compared by value.
    const auto values = digester.differences(key_, row.bytes, result.data);
    return !values || !values->empty();
}

}  // namespace

std::string beginning_text(const FirstWrongBlock& found) {
    return fmt::format("{} block {}", found.last_right ? "since" : "last changed at",
                       found.block_num);
}

Result<FirstWrongBlock> find_first_wrong_block(rpc::ChainSource& source,
                                               const storage::ReadView& view, const Plan& plan,
                                               uint32_t entity, std::string_view key,
                                               const BisectOptions& options) {
    const auto cursor = view.cursor();
    if (!cursor) {
        return Error{ErrorCode::kInvalidArgument, "the index is empty"};
    }
    RowProbe probe{source, view, plan, entity, key, options};
    PLUMBLINE_TRY_VOID(probe.open());
    uint64_t low =
        options.from_block.value_or(storage::RowCodec::changed_at(probe.row()).block_num);
    uint64_t high = cursor->block_num;
    low = std::min(low, high);

    PLUMBLINE_TRY(const bool wrong_now, probe.differs(high));
    if (!wrong_now) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("the contract agrees with the row at block {}", high)};
    }
    FirstWrongBlock out;
    bool wrong_at_start = low == high;
    if (!wrong_at_start) {
        PLUMBLINE_TRY(wrong_at_start, probe.differs(low));
    }
    if (wrong_at_start) {
        out.block_num = low;
        out.reads = probe.reads();
        return out;
    }
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        PLUMBLINE_TRY(const bool wrong, probe.differs(middle));
        (wrong ? high : low) = middle;
    }
    out.block_num = high;
    out.last_right = low;
    out.reads = probe.reads();
    return out;
}

}  // namespace plumbline::engine
