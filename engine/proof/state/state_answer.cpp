#include "engine/proof/state/state_answer.hpp"

#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/proof/state/state_task.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/key_text.hpp"

namespace plumbline::engine {

using rpc::CallResult;
using storage::RowCodec;

void StateAnswerJudge::settle(const AskedRow& asked, const CallResult& result) {
    if (result.kind == CallResult::Kind::kRefused ||
        result.kind == CallResult::Kind::kMissingState) {
        add_unproven(state_, fmt::format("{} was refused: {}", plan().signature, result.why));
        return;
    }
    const bool answered = result.kind == CallResult::Kind::kAnswered;
    const LeafStatus status = answered ? LeafStatus::kAnswered : LeafStatus::kReverted;
    if (state_leaf(digester_.getter(), status, result.data) == asked.leaf) {
        settle_equal(asked);
        return;
    }
    const std::optional<std::string> row = read_row_(asked.key);
    if (!row) {
        add_unproven(state_, "a row vanished while it was compared");
    } else if (answered) {
        settle_answered(asked, *row, result.data);
    } else {
        settle_reverted(asked, *row, result.why);
    }
}

void StateAnswerJudge::settle_equal(const AskedRow& asked) {
    // The node's program ran the same getter: gas apart, the two must not tell different things.
    if (asked.seen && *asked.seen != LeafStatus::kOutOfGas) {
        add_unproven(state_, fmt::format("{} answers one thing to a call and another inside "
                                         "the node: it may look at gas, sender or time",
                                         plan().signature));
        return;
    }
    state_.checked++;
    state_.equal++;
}

void StateAnswerJudge::settle_reverted(const AskedRow& asked, std::string_view row,
                                       const std::string& why) {
    state_.checked++;
    state_.differing++;
    add_difference(asked, row, {}, RowCodec::is_tombstone(row) ? "deleted" : "a row",
                   "nothing: the getter reverts", why);
}

void StateAnswerJudge::settle_answered(const AskedRow& asked, std::string_view row,
                                       ByteView answer) {
    const bool deleted = RowCodec::is_tombstone(row);
    if (answer.empty()) {
        add_unproven(state_, fmt::format("there is no contract at {}, or it has no such getter",
                                         evm::to_hex(asked.target)));
        return;
    }
    if (deleted && plan().deleted_reverts) {
        state_.checked++;
        state_.differing++;
        add_difference(asked, row, {}, "deleted", "still there: the getter answers", {});
        return;
    }
    const auto differences = digester_.differences(asked.key, row, answer);
    if (!differences) {
        add_unproven(state_, differences.error().message);
        return;
    }
    state_.checked++;
    if (differences->empty()) {
        state_.equal++;  // contents too long for the program
        return;
    }
    state_.differing++;
    for (const StateDifference& item : *differences) {
        add_difference(asked, row, name_of(item.place), value_to_text(item.type, item.expected),
                       value_to_text(item.type, item.actual),
                       deleted ? "the row is deleted here" : "");
    }
}

/// The column of a value that the getter returns; the literal ones have none.
std::string StateAnswerJudge::name_of(size_t place) const {
    const StatePlan::Return& item = plan().returns[place];
    switch (item.kind) {
        case StatePlan::Return::Kind::kField: return layout_.fields[item.field].name;
        case StatePlan::Return::Kind::kKey: return layout_.key[item.field].name;
        default: return fmt::format("value {} of {}", place + 1, plan().signature);
    }
}

Finding make_state_finding(const storage::EntityLayout& layout, std::string_view key,
                           std::string_view row, std::string field, std::string stored,
                           std::string expected) {
    Finding finding;
    finding.kind = FindingKind::kStateDiffers;
    finding.entity = layout.name;
    finding.key = storage::key_text(layout, key);
    finding.raw_key = std::string{key};
    finding.field = std::move(field);
    finding.stored = std::move(stored);
    finding.expected = std::move(expected);
    const storage::ChangedAt changed = RowCodec::changed_at(row);
    finding.block_num = changed.block_num;
    finding.log_index = changed.log_index;
    return finding;
}

void StateAnswerJudge::add_difference(const AskedRow& asked, std::string_view row,
                                      std::string field, std::string stored, std::string expected,
                                      std::string_view detail) {
    Finding finding = make_state_finding(layout_, asked.key, row, std::move(field),
                                         std::move(stored), std::move(expected));
    finding.detail =
        detail.empty() ? plan().signature : fmt::format("{}; {}", plan().signature, detail);
    findings_.add(std::move(finding));
}

}  // namespace plumbline::engine
