// Some values of an entity against the storage that the block's state root commits to: what no
// node can lie about. Which rows is up to the block's hash, so nobody knows beforehand.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/evm/header.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/proof.hpp"
#include "engine/proof/state/state_digest.hpp"
#include "engine/proof/state/state_task.hpp"
#include "engine/proof/storage_word.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/key_text.hpp"

namespace plumbline::engine {
namespace {

using storage::KeyValue;
using storage::RowCodec;

/// splitmix64
class Choice {
  public:
    explicit Choice(uint64_t seed) : state_{seed} {}
    [[nodiscard]] uint64_t below(uint64_t bound) noexcept {
        state_ += 0x9E3779B97F4A7C15ULL;
        uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
        return (z ^ (z >> 31U)) % bound;
    }

  private:
    uint64_t state_;
};

class SlotTask final : public StateTask {
  public:
    SlotTask(const StateTaskContext& context, const StatePlan& state, const rpc::StateBlock& block,
             EntityState& out)
        : StateTask{out},
          view_{context.view},
          plan_{context.plan},
          state_plan_{state},
          options_{context.options},
          block_{block},
          layout_{context.plan.entities()[state.entity]},
          codec_{layout_},
          findings_{context.findings} {}

    std::optional<StateQuestion> next(const StateWay& way) override;
    void accept_header(Result<evm::Header> header) override;
    void accept_proof(Result<rpc::AccountProof> proof) override;
    void give_up(const std::string& reason) override { end(reason); }

  private:
    struct Sample {
        std::string key;
        std::string row;
        const StatePlan::Slot* slot = nullptr;
        evm::Hash place;
    };
    [[nodiscard]] Status choose();
    void check(const rpc::AccountProof& proof);
    void add_difference(const Sample& sample, const evm::U256& proven);
    void end(const std::string& note) {
        if (!done_ && !note.empty() && state_.storage_note.empty()) {
            state_.storage_note = note;
        }
        done_ = true;
    }

    const storage::ReadView& view_;
    const Plan& plan_;
    const StatePlan& state_plan_;
    const StateProofOptions& options_;
    const rpc::StateBlock& block_;
    const storage::EntityLayout& layout_;
    RowCodec codec_;
    Findings& findings_;
    bool done_ = false;
    std::optional<evm::Header> header_;
    std::map<evm::Address, std::vector<Sample>> samples_;  ///< not yet asked for
    bool chosen_ = false;
};

/// Rows by reservoir sampling: each has the same chance, one pass.
Status SlotTask::choose() {
    chosen_ = true;
    std::optional<evm::Address> target;
    if (!state_plan_.at) {
        target = plan_.sources()[state_plan_.source].addresses.front();
    }
    PLUMBLINE_TRY(const StateDigester digester,
                  StateDigester::make(state_plan_, plan_.entities(), target));
    uint64_t seed = 0;
    for (size_t i = 0; i < 8; i++) {
        seed = (seed << 8U) | block_.hash.bytes[i];
    }
    Choice choice{seed};
    std::vector<std::pair<std::string, std::string>> rows;
    uint64_t seen = 0;
    auto scanner = view_.scan_entity(state_plan_.entity, {}, {});
    for (; scanner->valid(); scanner->next()) {
        if (!codec_.check(scanner->row())) {
            continue;
        }
        const uint64_t at = seen < options_.storage_proofs_max ? seen : choice.below(seen + 1);
        seen++;
        if (at >= options_.storage_proofs_max) {
            continue;
        }
        rows.resize(std::max<size_t>(rows.size(), at + 1));
        rows[at] = {std::string{scanner->key()}, std::string{scanner->row()}};
    }
    PLUMBLINE_TRY_VOID(scanner->status());
    const RowReader reader = [this](uint32_t entity,
                                    std::string_view key) -> Result<std::optional<std::string>> {
        PLUMBLINE_TRY(auto other, view_.get_row(entity, key));
        return std::optional{std::move(other)};
    };
    for (const auto& [key, row] : rows) {
        for (const StatePlan::Slot& slot : state_plan_.slots) {
            PLUMBLINE_TRY(const auto place, digester.place(slot, key, row, reader));
            samples_[place.account].push_back({key, row, &slot, place.slot});
        }
    }
    return ok();
}

std::optional<StateQuestion> SlotTask::next(const StateWay& /*way*/) {
    if (!done_ && !chosen_) {
        if (const Status chosen = choose(); !chosen) {
            end(chosen.error().message);
        }
    }
    if (done_ || samples_.empty()) {
        return std::nullopt;
    }
    if (!header_) {
        return HeaderQuestion{};
    }
    ProofQuestion question;
    question.address = samples_.begin()->first;
    for (const Sample& sample : samples_.begin()->second) {
        question.slots.push_back(sample.place);
    }
    return question;
}

void SlotTask::accept_header(Result<evm::Header> header) {
    if (!header) {
        end("no header to prove values against: " + header.error().message);
        return;
    }
    if (evm::compute_hash(*header) != block_.hash) {
        end("the block's header does not hash to its hash, so its state root proves nothing");
        return;
    }
    header_ = *std::move(header);
}

void SlotTask::accept_proof(Result<rpc::AccountProof> proof) {
    if (!proof) {
        end("no storage proofs: " + proof.error().message);
        return;
    }
    check(*proof);
    samples_.erase(samples_.begin());
}

void SlotTask::check(const rpc::AccountProof& proof) {
    const auto& [address, samples] = *samples_.begin();
    evm::Account account;
    if (const auto error =
            evm::verify_account_proof(header_->state_root, address, proof.nodes, account);
        error != evm::ProofError::kNone) {
        end(fmt::format("the provider's proof of {} does not fit the block's state root: {}",
                        evm::to_hex(address), to_string(error)));
        return;
    }
    for (size_t i = 0; i < samples.size(); i++) {
        evm::U256 word;
        if (const auto error =
                prove_word(account.storage_root, samples[i].place, proof.slots[i].nodes, word);
            error != evm::ProofError::kNone) {
            end(
                fmt::format("the provider's proof of slot {} does not fit the block's state "
                            "root: {}",
                            evm::to_hex(samples[i].place), to_string(error)));
            return;
        }
        state_.storage_proofs++;
        const StatePlan::Slot& slot = *samples[i].slot;
        const evm::U256 proven = unpack_word(word, layout_.fields[slot.field].type, slot.offset);
        if (proven != codec_.word(samples[i].row, slot.field)) {
            add_difference(samples[i], proven);
        }
    }
}

void SlotTask::add_difference(const Sample& sample, const evm::U256& proven) {
    const storage::Field& field = layout_.fields[sample.slot->field];
    state_.storage_differing++;
    std::string evidence = fmt::format("slot {} is proven against the state root of block {}",
                                       evm::to_hex(sample.place), block_.block_num);
    // What a getter told already is one finding, now with evidence.
    const auto known = std::ranges::find_if(findings_.kept, [&](const Finding& finding) {
        return finding.kind == FindingKind::kStateDiffers && finding.entity == layout_.name &&
               finding.raw_key == sample.key && finding.field == field.name;
    });
    if (known != findings_.kept.end()) {
        known->detail += "; " + evidence;
        return;
    }
    Finding finding;
    finding.kind = FindingKind::kStateDiffers;
    finding.entity = layout_.name;
    finding.key = storage::key_text(layout_, sample.key);
    finding.raw_key = sample.key;
    finding.field = field.name;
    finding.stored =
        value_to_text(field.type, KeyValue{codec_.word(sample.row, sample.slot->field), {}});
    finding.expected = value_to_text(field.type, KeyValue{proven, {}});
    finding.block_num = RowCodec::changed_at(sample.row).block_num;
    finding.log_index = RowCodec::changed_at(sample.row).log_index;
    finding.detail = std::move(evidence);
    findings_.add(std::move(finding));
}

}  // namespace

std::unique_ptr<StateTask> make_slot_task(const StateTaskContext& context, const StatePlan& state,
                                          const rpc::StateBlock& block, EntityState& out) {
    return std::make_unique<SlotTask>(context, state, block, out);
}

}  // namespace plumbline::engine
