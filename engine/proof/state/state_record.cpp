#include "engine/proof/state/state_record.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "engine/proof/standing.hpp"

namespace plumbline::engine {
namespace {

// `detail` is for people and is read back: parts that are joined by kJoint, each a word and values.
constexpr std::string_view kJoint = "; ";
constexpr std::string_view kStorage = "storage ";
constexpr std::string_view kRows = "rows ";
constexpr std::string_view kConfig = "config ";
constexpr std::string_view kUnproven = "unproven ";
constexpr std::string_view kCount = "the contract counts other rows";

/// Of all that `state` and `count` may say.
std::string config_mark(const Plan& plan) {
    std::string all = plan.bundle().config_text;
    for (const auto& [name, abi] : plan.bundle().abis) {
        all += abi;
    }
    const evm::Hash hash = evm::keccak256(std::string_view{all});
    return evm::to_hex(hash.view().first(8));
}

std::vector<std::string_view> split(std::string_view text, std::string_view joint) {
    std::vector<std::string_view> out;
    while (true) {
        const size_t at = text.find(joint);
        out.push_back(text.substr(0, at));
        if (at == std::string_view::npos) {
            return out;
        }
        text.remove_prefix(at + joint.size());
    }
}

std::optional<StorageRoot> parse_root(std::string_view text) {
    const auto words = split(text, " ");
    if (words.size() != 4 || words[2] != "code") {
        return std::nullopt;
    }
    const auto address = evm::parse_address(words[0]);
    const auto storage = evm::parse_hash(words[1]);
    const auto code = evm::parse_hash(words[3]);
    if (!address || !storage || !code) {
        return std::nullopt;
    }
    return StorageRoot{*address, *storage, *code};
}

/// Whether `last` says more than a proof that could not ask about all of the entity.
bool stands(const storage::ProofRecord& last, const EntityState& state) {
    if (state.not_asked.empty() || state.differing > 0 || state.storage_differing > 0) {
        return false;
    }
    return last.mismatches > 0 || last.is_equal || (last.checked > 0 && state.checked == 0);
}

bool looks_up(const StateOperand& operand) {
    return operand.kind == StateOperand::Kind::kLookup;
}

}  // namespace

storage::ProofRecord make_state_record(const Plan& plan, const StateOutcome& outcome,
                                       const EntityState& state, std::string_view rows,
                                       uint64_t time_s, const storage::ProofRecord* last) {
    if (last != nullptr && stands(*last, state)) {
        return keep_standing(*last, state.not_asked);
    }
    storage::ProofRecord out;
    out.proof = "state";
    out.entity = state.name;
    out.block_num = outcome.block.block_num;
    out.hash = outcome.block.hash;
    out.time_s = time_s;
    out.is_equal = state.is_equal();
    out.checked = state.checked;
    out.mismatches = state.differing;
    out.level = state.is_proven() ? "all" : "part";
    out.detail = state.unchanged
                     ? "storage unchanged"
                     : fmt::format("{}, {} requests", outcome.way, state.traffic.requests);
    if (state.unchanged && last != nullptr) {
        out.checked = last->checked;
    }
    if (!state.not_asked.empty() && last != nullptr) {
        // Some of it differs still, and the rest was not looked at.
        out.mismatches = std::max(out.mismatches, last->mismatches);
    }
    if (state.count_differs) {
        out.detail += fmt::format("{}{}", kJoint, kCount);
    }
    if (!state.is_proven()) {
        const EntityState::Unproven& first =
            state.unproven.empty() ? state.disputed.front() : state.unproven.front();
        out.detail += fmt::format("{}{}{}: {}", kJoint, kUnproven, first.count, first.reason);
        return out;
    }
    for (const StorageRoot& root : state.roots) {
        out.detail += fmt::format("{}{}{} {} code {}", kJoint, kStorage, evm::to_hex(root.address),
                                  evm::to_hex(root.storage_hash), evm::to_hex(root.code_hash));
    }
    out.detail +=
        fmt::format("{}{}{}{}{}{}", kJoint, kRows, rows, kJoint, kConfig, config_mark(plan));
    return out;
}

std::string difference_text(const storage::ProofRecord& record) {
    const auto parts = split(looked_detail(record), kJoint);
    const bool has_count = std::ranges::find(parts, kCount) != parts.end();
    const uint64_t rows = record.mismatches - (has_count && record.mismatches > 0 ? 1U : 0U);
    std::string out;
    if (rows > 0 || !has_count) {
        out =
            fmt::format("{} {} from the contract", rows, rows == 1 ? "row differs" : "rows differ");
    }
    return has_count ? out + (out.empty() ? "" : ", and ") + std::string{kCount} : out;
}

std::string unproven_text(const storage::ProofRecord& record) {
    const std::string_view detail = looked_detail(record);
    for (const std::string_view part : split(detail, kJoint)) {
        if (part.starts_with(kUnproven)) {
            // A reason may have a joint in it.
            return std::string{part.data(), detail.data() + detail.size()};
        }
    }
    return {};
}

std::optional<std::vector<StorageRoot>> roots_of_record(const Plan& plan, uint32_t entity,
                                                        const storage::ProofRecord& record,
                                                        std::string_view rows) {
    const bool alone = std::ranges::none_of(plan.state_plans(), [&](const StatePlan& state) {
        return state.entity == entity && std::ranges::any_of(state.args, looks_up);
    });
    if (!alone || !record.is_equal || record.proof != "state") {
        return std::nullopt;
    }
    std::vector<StorageRoot> out;
    bool same_rows = false;
    bool same_config = false;
    for (const std::string_view part : split(looked_detail(record), kJoint)) {
        if (part.starts_with(kRows)) {
            same_rows = part.substr(kRows.size()) == rows;
        } else if (part.starts_with(kConfig)) {
            same_config = part.substr(kConfig.size()) == config_mark(plan);
        } else if (part.starts_with(kStorage) && part.find("0x") != std::string_view::npos) {
            const auto root = parse_root(part.substr(kStorage.size()));
            if (!root) {
                return std::nullopt;
            }
            out.push_back(*root);
        }
    }
    if (!same_rows || !same_config || out.empty()) {
        return std::nullopt;
    }
    return out;
}

Result<std::string> state_rows_mark(const storage::ReadView& view, uint32_t entity) {
    PLUMBLINE_TRY(const storage::DigestNode root, view.digest_root({static_cast<int>(entity)}));
    return fmt::format("{}/{}", root.count, to_string(root.sum));
}

Status add_state_records(storage::CommitBatch& batch, const storage::ReadView& view,
                         const Plan& plan, const StateOutcome& outcome, uint64_t time_s) {
    PLUMBLINE_TRY(const auto records, view.list_proofs());
    for (const EntityState& state : outcome.entities) {
        PLUMBLINE_TRY(const std::string rows, state_rows_mark(view, state.entity));
        const storage::ProofRecord* last = find_record(records, "state", state.name);
        batch.record_proof(make_state_record(plan, outcome, state, rows, time_s, last));
    }
    return ok();
}

std::function<std::optional<std::vector<StorageRoot>>(uint32_t entity)> last_equal_of(
    const storage::ReadView& view, std::shared_ptr<const Plan> plan) {
    auto listed = view.list_proofs();
    auto records = listed ? *std::move(listed) : std::vector<storage::ProofRecord>{};
    return [&view, plan = std::move(plan), records = std::move(records)](
               uint32_t entity) -> std::optional<std::vector<StorageRoot>> {
        const auto* record = find_record(records, "state", plan->entities()[entity].name);
        const auto rows = state_rows_mark(view, entity);
        if (record == nullptr || !rows) {
            return std::nullopt;
        }
        return roots_of_record(*plan, entity, *record, *rows);
    };
}

}  // namespace plumbline::engine
