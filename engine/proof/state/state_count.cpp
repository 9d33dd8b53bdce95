// The number of an entity's rows against what the contract counts.
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
        done_ = true;
        const CallResult& result = results.front();
        if (result.kind != CallResult::Kind::kAnswered || result.data.size() < 32) {
            add_unproven(state_, fmt::format("{} {}", count_.signature,
                                             result.data.empty() && result.why.empty()
                                                 ? "answers nothing: no contract, or no such getter"
                                                 : "did not answer: " + result.why));
            return ok();
        }
        const auto counted = evm::U256::from_be(ByteView{result.data}.first(32));
        state_.checked++;
        if (counted == evm::U256{state_.rows}) {
            state_.equal++;
            return ok();
        }
        state_.differing++;
        state_.count_differs = true;
        Finding finding;
        finding.kind = FindingKind::kStateCountDiffers;
        finding.entity = state_.name;
        finding.stored = std::to_string(state_.rows);
        finding.expected = counted.to_decimal();
        finding.block_num = block_num_;
        finding.detail = count_.signature;
        findings_.add(std::move(finding));
        return ok();
    }
    void give_up(const std::string& reason) override {
        if (!std::exchange(done_, true)) {
            add_unproven(state_, reason);
        }
    }

  private:
    const storage::ReadView& view_;
    const Plan& plan_;
    const CountPlan& count_;
    bool count_rows_;
    uint64_t block_num_;
    bool done_ = false;
    Findings& findings_;
};

}  // namespace

std::unique_ptr<StateTask> make_count_task(const StateTaskContext& context, const CountPlan& count,
                                           bool count_rows, uint64_t block_num, EntityState& out) {
    return std::make_unique<CountTask>(context, count, count_rows, block_num, out);
}

}  // namespace plumbline::engine
