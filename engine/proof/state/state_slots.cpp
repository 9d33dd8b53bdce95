// Some values of an entity against the storage that the block's state root commits to: what no
// node can lie about. Which rows is up to the block's hash, so nobody knows beforehand. That the
// config names the right slots is not proven by that, so the getter is asked about these rows too.
// Both are asked of others than the provider that compared the rows, where there are any: a proof
// is as good from anybody, and a getter that tells what the slot holds settles it whoever asks. So
// who had told something else is found out.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/evm/header.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/proof.hpp"
#include "engine/proof/state/state_answer.hpp"
#include "engine/proof/state/state_digest.hpp"
#include "engine/proof/state/state_slot_judge.hpp"
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
          findings_{context.findings},
          disputes_{layout_, state} {}

    std::optional<StateQuestion> next(const StateWay& way) override;
    Status accept_calls(std::vector<rpc::CallResult> results) override;
    void accept_header(Result<evm::Header> header) override;
    void accept_proof(Result<rpc::AccountProof> proof) override;
    void give_up(const std::string& reason) override { end(reason); }
    [[nodiscard]] size_t elsewhere() const noexcept override {
        return samples_.empty() || header_ ? elsewhere_ : 0;
    }
    void accept_none(bool is_nobody_left) override {
        next_row_ = 0;
        elsewhere_ = is_nobody_left ? 0 : elsewhere_ + 1;
    }
    [[nodiscard]] std::string contradiction() const override { return contradiction_; }

  private:
    struct Row {
        std::string key;
        std::string bytes;
        rpc::CallRequest getter;
        bool is_askable = false;
        /// The getter's answer, as what it says otherwise than the row; empty: there is none.
        std::optional<std::vector<StateDifference>> told;
    };
    struct Sample {
        size_t row = 0;
        const StatePlan::Slot* slot = nullptr;
        evm::Hash place;
        evm::U256 proven;
    };
    [[nodiscard]] Status choose();
    [[nodiscard]] Status add_row(std::string key, std::string bytes);
    [[nodiscard]] std::string check(const rpc::AccountProof& proof);
    void ask_proof_elsewhere(const std::string& note, bool is_wrong);
    [[nodiscard]] std::optional<StateQuestion> ask_getter();
    [[nodiscard]] bool is_open(size_t row) const;
    void judge();
    void judge_provider(const Sample& sample, SlotVerdict verdict);
    [[nodiscard]] SlotWitness witness_of(const Sample& sample) const;
    void add_difference(const Sample& sample);
    [[nodiscard]] Finding* finding_of(const Sample& sample);
    /// No more proofs; those that there are still count.
    void stop_proving(const std::string& note) {
        if (state_.storage_note.empty()) {
            state_.storage_note = note;
        }
        samples_.clear();
    }
    void end(const std::string& note) {
        if (!done_) {
            stop_proving(note);
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
    SlotDisputes disputes_;
    std::optional<StateDigester> digester_;
    bool done_ = false;
    std::optional<evm::Header> header_;
    std::vector<Row> rows_;
    std::map<evm::Address, std::vector<Sample>> samples_;  ///< not yet asked for
    std::vector<Sample> proven_;
    std::vector<size_t> to_ask_;  ///< of `rows_`, about which the getter is being asked
    size_t next_row_ = 0;
    bool chosen_ = false;
    size_t elsewhere_ = 1;  ///< the provider at hand, 0, comes last
    bool asks_getter_ = false;
    std::string contradiction_;
};

/// Rows by reservoir sampling: each has the same chance, one pass.
Status SlotTask::choose() {
    chosen_ = true;
    PLUMBLINE_TRY(StateDigester digester, StateDigester::make(state_plan_, plan_));
    digester_.emplace(std::move(digester));
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
    for (auto& [key, row] : rows) {
        PLUMBLINE_TRY_VOID(add_row(std::move(key), std::move(row)));
    }
    return ok();
}

Status SlotTask::add_row(std::string key, std::string bytes) {
    const RowReader reader = reader_of(view_);
    for (const StatePlan::Slot& slot : state_plan_.slots) {
        PLUMBLINE_TRY(const auto place, digester_->place(slot, key, bytes, reader));
        samples_[place.account].push_back({rows_.size(), &slot, place.slot, {}});
    }
    Row row{std::move(key), std::move(bytes), {}, false, {}};
    if (auto call = digester_->plain_call(row.key, row.bytes, reader)) {
        row.is_askable = true;
        row.getter = *std::move(call);
    }
    rows_.push_back(std::move(row));
    return ok();
}

std::optional<StateQuestion> SlotTask::next(const StateWay& /*way*/) {
    if (!done_ && !chosen_) {
        if (const Status chosen = choose(); !chosen) {
            end(chosen.error().message);
        }
    }
    if (done_) {
        return std::nullopt;
    }
    if (samples_.empty()) {
        return ask_getter();
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
        stop_proving("no header to prove values against: " + header.error().message);
        return;
    }
    if (evm::compute_hash(*header) != block_.hash) {
        stop_proving(
            "the block's header does not hash to its hash, so its state root proves nothing");
        return;
    }
    header_ = *std::move(header);
}

void SlotTask::accept_proof(Result<rpc::AccountProof> proof) {
    if (!proof) {
        ask_proof_elsewhere("no storage proofs: " + proof.error().message, false);
        return;
    }
    if (const std::string misfit = check(*proof); !misfit.empty()) {
        ask_proof_elsewhere(misfit, true);
        return;
    }
    samples_.erase(samples_.begin());
}

/// `is_wrong`: what came shows that who sent it cannot be believed.
void SlotTask::ask_proof_elsewhere(const std::string& note, bool is_wrong) {
    if (elsewhere_ != 0) {
        ++elsewhere_;
        return;
    }
    if (is_wrong) {
        contradiction_ = note;
        add_unproven(state_,
                     note + "; take `slots` out where this chain's proofs are of another kind",
                     samples_.size());
        doubt_findings(findings_, layout_.name, note);
    }
    stop_proving(note);
}

/// Takes what is proven of the contract at hand, all of it or nothing: then the reason.
std::string SlotTask::check(const rpc::AccountProof& proof) {
    const auto& [address, samples] = *samples_.begin();
    evm::Account account;
    if (const auto error =
            evm::verify_account_proof(header_->state_root, address, proof.nodes, account);
        error != evm::ProofError::kNone) {
        return fmt::format("the provider's proof of {} does not fit the block's state root: {}",
                           evm::to_hex(address), to_string(error));
    }
    std::vector<Sample> proven;
    for (size_t i = 0; i < samples.size(); i++) {
        Sample sample = samples[i];
        evm::U256 word;
        if (const auto error =
                prove_word(account.storage_root, sample.place, proof.slots[i].nodes, word);
            error != evm::ProofError::kNone) {
            return fmt::format(
                "the provider's proof of slot {} does not fit the block's state root: {}",
                evm::to_hex(sample.place), to_string(error));
        }
        sample.proven =
            unpack_word(word, layout_.fields[sample.slot->field].type, sample.slot->offset);
        proven.push_back(sample);
    }
    proven_.insert(proven_.end(), proven.begin(), proven.end());
    return {};
}

/// Of the same rows in the same block, until somebody's getter tells what the slots hold; then all
/// is there to judge.
std::optional<StateQuestion> SlotTask::ask_getter() {
    if (!std::exchange(asks_getter_, true)) {
        elsewhere_ = 1;
    }
    to_ask_.clear();
    std::vector<rpc::CallRequest> calls;
    for (size_t at = next_row_; at < rows_.size() && calls.size() < kPlainBatchMax; at++) {
        if (is_open(at)) {
            to_ask_.push_back(at);
            calls.push_back(rows_[at].getter);
        }
    }
    if (calls.empty() && next_row_ > 0 && elsewhere_ != 0) {
        next_row_ = 0;
        ++elsewhere_;
        return ask_getter();
    }
    if (!calls.empty()) {
        return calls;
    }
    judge();
    done_ = true;
    return std::nullopt;
}

/// Nobody has told of it yet what its slots hold.
bool SlotTask::is_open(size_t row) const {
    return rows_[row].is_askable && std::ranges::any_of(proven_, [&](const Sample& sample) {
               if (sample.row != row) {
                   return false;
               }
               const SlotWitness witness = witness_of(sample);
               return witness.is_returned && witness.told != witness.proven;
           });
}

Status SlotTask::accept_calls(std::vector<rpc::CallResult> results) {
    for (size_t i = 0; i < results.size() && i < to_ask_.size(); i++) {
        Row& row = rows_[to_ask_[i]];
        if (results[i].kind != rpc::CallResult::Kind::kAnswered) {
            continue;
        }
        if (auto told = digester_->differences(row.key, row.bytes, results[i].data)) {
            row.told = *std::move(told);
        }
    }
    next_row_ = to_ask_.back() + 1;
    return ok();
}

SlotWitness SlotTask::witness_of(const Sample& sample) const {
    const Row& row = rows_[sample.row];
    SlotWitness out;
    out.stored = codec_.word(row.bytes, sample.slot->field);
    out.proven = sample.proven;
    const auto is_of_field = [&sample](const StatePlan::Return& item) {
        return item.kind == StatePlan::Return::Kind::kField && item.field == sample.slot->field;
    };
    out.is_returned = std::ranges::any_of(state_plan_.returns, is_of_field);
    if (!out.is_returned || !row.told) {
        return out;
    }
    const auto differs = std::ranges::find_if(*row.told, [&](const StateDifference& item) {
        return is_of_field(state_plan_.returns[item.place]);
    });
    out.told = differs == row.told->end() ? out.stored : differs->actual.word;
    return out;
}

void SlotTask::judge() {
    for (const Sample& sample : proven_) {
        const SlotWitness witness = witness_of(sample);
        const SlotVerdict verdict = judge_slot(witness);
        if (verdict == SlotVerdict::kProven || verdict == SlotVerdict::kDiffers) {
            state_.storage_proofs++;
            if (witness.told) {
                judge_provider(sample, verdict);
            }
        }
        if (verdict == SlotVerdict::kDiffers) {
            add_difference(sample);
        }
        disputes_.add(*sample.slot, verdict, rows_[sample.row].key, witness);
    }
    disputes_.tell(state_);
    if (disputes_.doubts_getter()) {
        doubt_findings(findings_, layout_.name, "storage has another row as the index has it");
    }
}

Finding* SlotTask::finding_of(const Sample& sample) {
    const auto known = std::ranges::find_if(findings_.kept, [&](const Finding& finding) {
        return finding.kind == FindingKind::kStateDiffers && finding.entity == layout_.name &&
               finding.raw_key == rows_[sample.row].key &&
               finding.field == layout_.fields[sample.slot->field].name;
    });
    return known == findings_.kept.end() ? nullptr : &*known;
}

/// Storage and a getter agree on the value; who compared the rows may have told another one.
void SlotTask::judge_provider(const Sample& sample, SlotVerdict verdict) {
    const Finding* found = finding_of(sample);
    const storage::Field& field = layout_.fields[sample.slot->field];
    const std::string proven = value_to_text(field.type.required(), KeyValue{sample.proven, {}});
    const bool is_hidden = found == nullptr && verdict == SlotVerdict::kDiffers &&
                           findings_.total == findings_.kept.size();
    const bool is_other = found != nullptr && found->expected != proven;
    if (!contradiction_.empty() || !(is_hidden || is_other)) {
        return;
    }
    contradiction_ =
        fmt::format("{}.{} of {} is {}, proven against the block's state root, and it told {}",
                    layout_.name, field.name, storage::key_text(layout_, rows_[sample.row].key),
                    proven, found != nullptr ? found->expected : "that it is as the row");
    if (is_other) {
        doubt_findings(findings_, layout_.name, contradiction_);
    }
}

void SlotTask::add_difference(const Sample& sample) {
    const storage::Field& field = layout_.fields[sample.slot->field];
    const Row& row = rows_[sample.row];
    state_.storage_differing++;
    std::string evidence = fmt::format("slot {} is proven against the state root of block {}",
                                       evm::to_hex(sample.place), block_.block_num);
    // What a getter told already is one finding, now with evidence.
    if (Finding* known = finding_of(sample)) {
        known->detail += "; " + evidence;
        return;
    }
    // The getter tells so only now: who was asked first had told otherwise, or nothing.
    state_.checked++;
    state_.differing++;
    Finding finding = make_state_finding(
        layout_, row.key, row.bytes, field.name,
        value_to_text(field.type, KeyValue{codec_.word(row.bytes, sample.slot->field), {}}),
        value_to_text(field.type, KeyValue{sample.proven, {}}));
    finding.detail = state_plan_.signature + "; " + std::move(evidence);
    findings_.add(std::move(finding));
}

}  // namespace

std::unique_ptr<StateTask> make_slot_task(const StateTaskContext& context, const StatePlan& state,
                                          const rpc::StateBlock& block, EntityState& out) {
    return std::make_unique<SlotTask>(context, state, block, out);
}

}  // namespace plumbline::engine
