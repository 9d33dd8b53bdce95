// One getter against the rows of one entity: rows in chunks, digests first, then what differs by
// the getter's own answers.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/proof/state/state_answer.hpp"
#include "engine/proof/state/state_digest.hpp"
#include "engine/proof/state/state_task.hpp"

namespace plumbline::engine {
namespace {

using rpc::CallRequest;
using rpc::CallResult;
using storage::RowCodec;

/// Keys of one chunk, in bytes: what bounds memory where keys are long.
constexpr size_t kChunkKeyBytes = size_t{8} << 20;
/// More in a row, and the provider is not asked any more: a walk halves at most 32 times.
constexpr size_t kRefusalsInRowMax = 40;

class CompareTask final : public StateTask {
  public:
    CompareTask(const StateTaskContext& context, const StatePlan& state, bool count_rows,
                EntityState& out)
        : StateTask{out},
          view_{context.view},
          plan_{context.plan},
          state_plan_{state},
          options_{context.options},
          layout_{context.plan.entities()[state.entity]},
          codec_{layout_},
          count_rows_{count_rows},
          findings_{context.findings} {}

    std::optional<StateQuestion> next(const StateWay& way) override;
    Status accept_calls(std::vector<CallResult> results) override;
    void restart() override;
    void give_up(const std::string& reason) override;

  private:
    /// A question to be settled by the getter's own answer.
    struct Doubt {
        uint32_t question = 0;
        std::optional<LeafStatus> seen;  ///< by the program, which saw another value
    };
    struct Chunk {
        std::vector<std::string> keys;
        std::vector<evm::Hash> leaves;
        std::optional<StateQuestions> questions;
    };

    [[nodiscard]] Status open();
    /// False where there are no more rows.
    [[nodiscard]] bool load_chunk();
    void add_row(std::string_view key, std::string_view row, const RowReader& reader);
    void start_walk(const StateWay& way);
    void finish_walk();
    [[nodiscard]] std::vector<CallRequest> plain_calls();
    [[nodiscard]] std::optional<std::string> read_row(std::string_view key) const;
    [[nodiscard]] const StateQuestions& questions() const {
        return walk_ ? walk_->questions() : *chunk_->questions;
    }
    [[nodiscard]] const std::vector<evm::Hash>& leaves() const {
        return walk_ ? walk_->leaves() : chunk_->leaves;
    }

    const storage::ReadView& view_;
    const Plan& plan_;
    const StatePlan& state_plan_;
    const StateProofOptions& options_;
    const storage::EntityLayout& layout_;
    RowCodec codec_;
    bool count_rows_;
    Findings& findings_;

    std::optional<StateDigester> digester_;
    std::optional<StateAnswerJudge> judge_;
    std::unique_ptr<storage::RowScanner> scanner_;
    std::optional<Chunk> chunk_;
    std::optional<StateWalk> walk_;
    bool walking_ = false;
    bool started_ = false;  ///< the chunk is being asked about
    std::vector<Doubt> doubts_;
    size_t doubts_done_ = 0;
    size_t doubts_asked_ = 0;
    size_t refusals_in_row_ = 0;
    bool ended_ = false;
};

Status CompareTask::open() {
    auto digester = StateDigester::make(state_plan_, plan_);
    if (!digester) {
        if (count_rows_) {
            count_rows(view_, state_);
        }
        return std::move(digester).error();
    }
    digester_.emplace(*std::move(digester));
    judge_.emplace(
        layout_, *digester_, [this](std::string_view key) { return read_row(key); }, state_,
        findings_);
    scanner_ = view_.scan_entity(state_plan_.entity, {}, {}, true);
    return ok();
}

void CompareTask::add_row(std::string_view key, std::string_view row, const RowReader& reader) {
    if (const Status whole = codec_.check(row); !whole) {
        add_unproven(state_, "a row cannot be read: " + whole.error().message);
        return;
    }
    const bool deleted = RowCodec::is_tombstone(row);
    if (count_rows_) {
        (deleted ? state_.deleted : state_.rows)++;
    }
    if (!digester_->can_ask(row)) {
        return;
    }
    const Status added = digester_->append(key, row, reader, *chunk_->questions, chunk_->leaves);
    if (!added) {
        add_unproven(state_, added.error().message);
        return;
    }
    chunk_->keys.emplace_back(key);
}

bool CompareTask::load_chunk() {
    const RowReader reader = [this](uint32_t entity,
                                    std::string_view key) -> Result<std::optional<std::string>> {
        auto row = view_.get_row(entity, key);
        if (row) {
            return std::optional{*std::move(row)};
        }
        if (row.error().code == ErrorCode::kNotFound) {
            return std::optional<std::string>{};
        }
        return std::move(row).error();
    };
    chunk_.emplace();
    chunk_->questions.emplace(digester_->getter());
    size_t bytes = 0;
    for (; scanner_->valid() && chunk_->keys.size() < options_.chunk_rows && bytes < kChunkKeyBytes;
         scanner_->next()) {
        bytes += scanner_->key().size();
        add_row(scanner_->key(), scanner_->row(), reader);
    }
    if (!scanner_->valid() && !scanner_->status()) {
        add_unproven(state_, "rows cannot be read: " + scanner_->status().error().message);
    }
    started_ = false;
    if (chunk_->keys.empty()) {
        chunk_.reset();
        return scanner_->valid();
    }
    return true;
}

void CompareTask::start_walk(const StateWay& way) {
    started_ = true;
    doubts_.clear();
    doubts_done_ = 0;
    if (way.kind == StateWay::Kind::kPlain) {
        walking_ = false;
        for (uint32_t i = 0; i < chunk_->keys.size(); i++) {
            doubts_.push_back({i, std::nullopt});
        }
        return;
    }
    StateLimits limits = options_.limits;
    limits.gas = way.gas;
    walk_.emplace(digester_->getter(), *std::exchange(chunk_->questions, std::nullopt),
                  std::exchange(chunk_->leaves, {}),
                  way.kind == StateWay::Kind::kCreate ? StateForm::kCreate : StateForm::kOverride,
                  limits);
    walking_ = true;
    refusals_in_row_ = 0;
}

void CompareTask::finish_walk() {
    walking_ = false;
    if (walk_->no_code()) {
        add_unproven(
            state_, fmt::format("there is no contract at {}", evm::to_hex(*walk_->getter().target)),
            chunk_->keys.size());
        return;
    }
    state_.checked += walk_->equal();
    state_.equal += walk_->equal();
    for (const StateMismatch& mismatch : walk_->mismatches()) {
        doubts_.push_back({mismatch.question, mismatch.status});
    }
    for (const uint32_t question : walk_->unsettled()) {
        doubts_.push_back({question, std::nullopt});
    }
}

std::optional<StateQuestion> CompareTask::next(const StateWay& way) {
    if (!digester_ && !ended_) {
        if (const Status opened = open(); !opened) {
            add_unproven(state_, opened.error().message);
            ended_ = true;
        }
    }
    while (!ended_) {
        if (!chunk_) {
            ended_ = !load_chunk();
            continue;
        }
        if (!started_) {
            start_walk(way);
        }
        if (walking_) {
            if (auto call = walk_->next()) {
                std::vector<CallRequest> calls(1);
                calls[0].gas = call->gas;
                calls[0].data = std::move(call->data);
                if (call->form == StateForm::kOverride) {
                    static const auto kProgram = std::make_shared<const Bytes>(state_program());
                    calls[0].to = state_program_address();
                    calls[0].code = kProgram;
                }
                return calls;
            }
            finish_walk();
        }
        if (doubts_done_ < doubts_.size()) {
            return plain_calls();
        }
        walk_.reset();
        chunk_.reset();
        if (options_.on_progress) {
            options_.on_progress(state_);
        }
    }
    return std::nullopt;
}

std::vector<CallRequest> CompareTask::plain_calls() {
    doubts_asked_ = std::min(kPlainBatchMax, doubts_.size() - doubts_done_);
    std::vector<CallRequest> calls(doubts_asked_);
    for (size_t i = 0; i < doubts_asked_; i++) {
        const uint32_t question = doubts_[doubts_done_ + i].question;
        calls[i].to = questions().target(question);
        calls[i].data = questions().calldata(digester_->getter(), question);
    }
    return calls;
}

Status CompareTask::accept_calls(std::vector<CallResult> results) {
    if (!walking_) {
        for (size_t i = 0; i < results.size(); i++) {
            const Doubt& doubt = doubts_[doubts_done_ + i];
            judge_->settle({chunk_->keys[doubt.question], leaves()[doubt.question],
                            questions().target(doubt.question), doubt.seen},
                           results[i]);
        }
        doubts_done_ += results.size();
        return ok();
    }
    const CallResult& result = results.front();
    if (result.kind == CallResult::Kind::kAnswered && walk_->accept(result.data)) {
        refusals_in_row_ = 0;
        return ok();
    }
    if (++refusals_in_row_ > kRefusalsInRowMax) {
        return Error{ErrorCode::kUnavailable,
                     "it keeps refusing to run the program: " + result.why};
    }
    walk_->refuse();
    return ok();
}

/// Doubts can be asked of another provider; a walk begins again, in the form that one takes.
void CompareTask::restart() {
    if (walking_) {
        chunk_->questions.emplace(walk_->questions());
        chunk_->leaves = walk_->leaves();
        walk_.reset();
        walking_ = false;
        started_ = false;
    }
}

void CompareTask::give_up(const std::string& reason) {
    if (!digester_ && !ended_) {
        if (const Status opened = open(); !opened) {
            add_unproven(state_, opened.error().message);
            ended_ = true;
            return;
        }
    }
    // Of the chunk under way nothing counts before its walk has ended.
    if (chunk_ && (!started_ || walking_)) {
        add_unproven(state_, reason, chunk_->keys.size());
    } else if (chunk_) {
        add_unproven(state_, reason, doubts_.size() - doubts_done_);
    }
    walk_.reset();
    chunk_.reset();
    while (!ended_) {
        ended_ = !load_chunk();
        if (chunk_) {
            add_unproven(state_, reason, chunk_->keys.size());
            chunk_.reset();
        }
    }
}

std::optional<std::string> CompareTask::read_row(std::string_view key) const {
    const auto found = view_.scan_entity(state_plan_.entity, key, {}, true);
    if (!found->valid() || found->key() != key) {
        return std::nullopt;
    }
    return std::string{found->row()};
}

}  // namespace

std::unique_ptr<StateTask> make_compare_task(const StateTaskContext& context,
                                             const StatePlan& state, bool count_rows,
                                             EntityState& out) {
    return std::make_unique<CompareTask>(context, state, count_rows, out);
}

}  // namespace plumbline::engine
