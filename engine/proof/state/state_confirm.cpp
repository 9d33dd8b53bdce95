// What one provider tells otherwise than the rows, another one is asked about: a correction would
// be written on its word alone, where its getter's storage is not proven.
#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "engine/proof/state/state_digest.hpp"
#include "engine/proof/state/state_task.hpp"
#include "engine/text/entity_text.hpp"

namespace plumbline::engine {
namespace {

/// More rows are asked of nobody else: where one of so many is told otherwise, none is certain.
constexpr size_t kRowsMax = 1'000;

class ConfirmTask final : public StateTask {
  public:
    ConfirmTask(const StateTaskContext& context, const StatePlan& state, EntityState& out)
        : StateTask{out},
          view_{context.view},
          plan_{context.plan},
          state_plan_{state},
          layout_{context.plan.entities()[state.entity]},
          findings_{context.findings} {}

    std::optional<StateQuestion> next(const StateWay& /*way*/) override {
        if (!std::exchange(is_chosen_, true)) {
            choose();
        }
        if (rows_.empty()) {
            return std::nullopt;
        }
        std::vector<rpc::CallRequest> calls;
        for (size_t i = 0; i < std::min(rows_.size(), kPlainBatchMax); ++i) {
            calls.push_back(rows_[i].getter);
        }
        asked_ = calls.size();
        return calls;
    }
    Status accept_calls(std::vector<rpc::CallResult> results) override {
        for (size_t i = 0; i < asked_ && i < results.size(); ++i) {
            hold_against(rows_[i], results[i]);
        }
        rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(asked_));
        return ok();
    }
    void restart() override { elsewhere_ = 1; }
    void give_up(const std::string& /*reason*/) override { rows_.clear(); }
    [[nodiscard]] size_t elsewhere() const noexcept override { return elsewhere_; }
    void accept_none(bool is_nobody_left) override {
        ++elsewhere_;
        if (is_nobody_left) {
            rows_.clear();
        }
    }

  private:
    struct Row {
        std::string key;
        std::string bytes;
        rpc::CallRequest getter;
    };

    [[nodiscard]] bool is_ours(const Finding& finding) const {
        return finding.kind == FindingKind::kStateDiffers && finding.entity == layout_.name &&
               finding.is_certain && finding.detail.starts_with(state_plan_.signature);
    }

    void choose() {
        auto digester = StateDigester::make(state_plan_, plan_);
        if (!digester) {
            return;
        }
        digester_.emplace(*std::move(digester));
        const RowReader reader = reader_of(view_);
        for (const Finding& finding : findings_.kept) {
            // Of one row they come together.
            if (!is_ours(finding) || rows_.size() == kRowsMax ||
                (!rows_.empty() && rows_.back().key == finding.raw_key)) {
                continue;
            }
            auto bytes = view_.get_row(state_plan_.entity, finding.raw_key);
            if (!bytes) {
                continue;  // A deleted row: it is never written.
            }
            if (auto call = digester_->plain_call(finding.raw_key, *bytes, reader)) {
                rows_.push_back({finding.raw_key, *std::move(bytes), *std::move(call)});
            }
        }
    }

    /// Where another one tells otherwise, none of the entity's findings is certain.
    void hold_against(const Row& row, const rpc::CallResult& result) {
        if (result.kind != rpc::CallResult::Kind::kAnswered) {
            return;
        }
        const auto differences = digester_->differences(row.key, row.bytes, result.data);
        if (!differences) {
            return;
        }
        for (const Finding& finding : findings_.kept) {
            if (!is_ours(finding) || finding.raw_key != row.key) {
                continue;
            }
            const auto same = std::ranges::find_if(*differences, [&](const StateDifference& one) {
                return value_to_text(one.type, one.actual) == finding.expected;
            });
            if (same == differences->end()) {
                const std::string told =
                    differences->empty()
                        ? "as the row"
                        : value_to_text(differences->front().type, differences->front().actual);
                doubt_findings(findings_, layout_.name,
                               fmt::format("providers do not tell the same: of {} another one "
                                           "tells {}",
                                           finding.key, told));
                return;  // All of them are in doubt now, so that none is ours any more.
            }
        }
    }

    const storage::ReadView& view_;
    const Plan& plan_;
    const StatePlan& state_plan_;
    const storage::EntityLayout& layout_;
    Findings& findings_;
    std::optional<StateDigester> digester_;
    std::vector<Row> rows_;  ///< not yet asked about
    size_t asked_ = 0;
    size_t elsewhere_ = 1;
    bool is_chosen_ = false;
};

}  // namespace

std::unique_ptr<StateTask> make_confirm_task(const StateTaskContext& context,
                                             const StatePlan& state, EntityState& out) {
    return std::make_unique<ConfirmTask>(context, state, out);
}

}  // namespace plumbline::engine
