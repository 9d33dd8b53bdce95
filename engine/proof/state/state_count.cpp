// The number of an entity's rows against what the contract counts. Where one provider tells another
// number, the others are asked too: one word is not enough to call the rows wrong.
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "engine/proof/state/state_task.hpp"

namespace plumbline::engine {
namespace {

using rpc::CallRequest;
using rpc::CallResult;

class CountTask final : public StateTask {
  public:
    CountTask(const StateTaskContext& context, const CountPlan& count, bool count_rows,
              uint64_t block_num, EntityState& out)
        : StateTask{out},
          view_{context.view},
          plan_{context.plan},
          count_{count},
          count_rows_{count_rows},
          block_num_{block_num},
          findings_{context.findings} {}

    std::optional<StateQuestion> next(const StateWay& /*way*/) override {
        if (done_) {
            return std::nullopt;
        }
        if (std::exchange(count_rows_, false)) {
            count_rows(view_, state_);
        }
        std::vector<CallRequest> calls(1);
        calls[0].to = plan_.sources()[count_.source].addresses.front();
        calls[0].data.assign(count_.selector.bytes.begin(), count_.selector.bytes.end());
        return calls;
    }
    Status accept_calls(std::vector<CallResult> results) override {
        const CallResult& result = results.front();
        if (told_) {
            hear_another(result);
            return ok();
        }
        if (!is_number(result)) {
            done_ = true;
            add_unproven(state_, fmt::format("{} {}", count_.signature,
                                             result.data.empty() && result.why.empty()
                                                 ? "answers nothing: no contract, or no such getter"
                                                 : "did not answer: " + result.why));
            return ok();
        }
        const auto counted = number_in(result);
        if (counted == evm::U256{state_.rows}) {
            done_ = true;
            state_.checked++;
            state_.equal++;
            return ok();
        }
        told_ = counted;
        elsewhere_ = 1;
        return ok();
    }
    [[nodiscard]] size_t elsewhere() const noexcept override { return elsewhere_; }
    void accept_none(bool is_nobody_left) override {
        ++elsewhere_;
        if (is_nobody_left) {
            differ();
        }
    }
    void restart() override {
        told_.reset();
        elsewhere_ = 0;
    }
    void give_up(const std::string& reason) override {
        if (!std::exchange(done_, true)) {
            add_unproven(state_, reason);
        }
    }

  private:
    [[nodiscard]] static bool is_number(const CallResult& result) {
        return result.kind == CallResult::Kind::kAnswered && result.data.size() >= 32;
    }
    [[nodiscard]] static evm::U256 number_in(const CallResult& result) {
        return evm::U256::from_be(ByteView{result.data}.first(32));
    }
    void hear_another(const CallResult& result) {
        if (!is_number(result)) {
            ++elsewhere_;
            return;
        }
        if (number_in(result) == *told_) {
            differ();
            return;
        }
        done_ = true;
        add_unproven(state_, fmt::format("providers do not tell the same: {} is {} by one and {} "
                                         "by another; the index has {} rows",
                                         count_.signature, told_->to_decimal(),
                                         number_in(result).to_decimal(), state_.rows));
    }
    void differ() {
        done_ = true;
        state_.checked++;
        state_.differing++;
        state_.count_differs = true;
        Finding finding;
        finding.kind = FindingKind::kStateCountDiffers;
        finding.entity = state_.name;
        finding.stored = std::to_string(state_.rows);
        finding.expected = told_->to_decimal();
        finding.block_num = block_num_;
        finding.detail = count_.signature;
        findings_.add(std::move(finding));
    }

    const storage::ReadView& view_;
    const Plan& plan_;
    const CountPlan& count_;
    bool count_rows_;
    uint64_t block_num_;
    bool done_ = false;
    std::optional<evm::U256> told_;  ///< by the provider at hand, and not the number of the rows
    size_t elsewhere_ = 0;
    Findings& findings_;
};

}  // namespace

std::unique_ptr<StateTask> make_count_task(const StateTaskContext& context, const CountPlan& count,
                                           bool count_rows, uint64_t block_num, EntityState& out) {
    return std::make_unique<CountTask>(context, count, count_rows, block_num, out);
}

}  // namespace plumbline::engine
