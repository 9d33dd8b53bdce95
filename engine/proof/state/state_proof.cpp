#include "engine/proof/state/state_proof.hpp"

#include <algorithm>
#include <deque>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/base/clock.hpp"
#include "core/evm/hex.hpp"
#include "engine/proof/state/state_task.hpp"
#include "engine/proof/state/state_way.hpp"

namespace plumbline::engine {
namespace {

using rpc::AccountProof;
using rpc::CallAnswers;
using rpc::CallRequest;
using rpc::CallResult;

/// Entities that ask more contracts than this have no roots.
constexpr size_t kRootsMax = 4;

/// Whose storage an entity's getters read; empty where that is not known beforehand.
std::vector<evm::Address> contracts_of(const Plan& plan, uint32_t entity) {
    std::vector<evm::Address> out;
    const auto add = [&](uint32_t source) {
        const evm::Address& address = plan.sources()[source].addresses.front();
        if (std::ranges::find(out, address) == out.end()) {
            out.push_back(address);
        }
    };
    for (const StatePlan& state : plan.state_plans()) {
        if (state.entity != entity) {
            continue;
        }
        if (state.at) {
            return {};
        }
        add(state.source);
    }
    for (const CountPlan& count : plan.count_plans()) {
        if (count.entity == entity) {
            add(count.source);
        }
    }
    return out.size() <= kRootsMax ? out : std::vector<evm::Address>{};
}

}  // namespace

struct StateProver::Impl {
    rpc::ChainSource& source;
    const storage::ReadView& view;
    std::shared_ptr<const Plan> plan;
    StateProofOptions options;
    StateOutcome outcome;
    int64_t started_ms = system_clock().monotonic_ms();

    // What is left to do: entities, and the parts of the one at hand.
    size_t entity_at = 0;
    bool entity_open = false;
    std::vector<evm::Address> roots_wanted;
    std::deque<std::unique_ptr<StateTask>> tasks;
    bool finished = false;

    // Who is asked, and how.
    std::vector<std::string> providers;
    size_t provider = 0;
    std::vector<StateWay> ways;
    size_t way_at = 0;
    bool way_known = false;
    bool must_look_back = false;
    bool has_proofs = true;
    std::vector<StorageRoot> roots;
    std::string lost;  ///< why the providers so far are of no use
    bool any_missing = false;
    std::optional<size_t> compared_by;  ///< the first provider that this pass asked about rows

    // The question under way; the callback may outlive the prover.
    enum class Asked : uint8_t { kNothing, kSelfTest, kRoot, kTask, kLookBack };
    struct Inbox {
        std::optional<Result<CallAnswers>> calls;
        std::optional<Result<AccountProof>> proof;
        std::optional<Result<evm::Header>> header;
        std::optional<Result<std::vector<evm::Header>>> headers;
        [[nodiscard]] bool is_empty() const { return !calls && !proof && !header && !headers; }
    };
    Asked asked = Asked::kNothing;
    std::shared_ptr<Inbox> inbox;

    Impl(rpc::ChainSource& chain, const storage::ReadView& rows, std::shared_ptr<const Plan> what,
         StateProofOptions given)
        : source{chain},
          view{rows},
          plan{std::move(what)},
          options{std::move(given)},
          providers{chain.provider_names()},
          ways{ways_to_try(options.plain_only ? std::vector<uint64_t>{} : options.gas)} {
        if (providers.empty()) {
            providers.emplace_back("the chain");
        }
        add_entities();
        if (const auto cursor = view.cursor()) {
            outcome.block = {{cursor->block_num, cursor->block_hash}, false};
        }
        if (outcome.block.hash.is_zero()) {
            give_up(view.cursor() ? "the hash of the index's block is not known yet: follow the "
                                    "chain first"
                                  : "the index is empty");
        }
    }

    void add_entities() {
        const auto wanted = [&](uint32_t entity) {
            return options.entities.empty() ||
                   std::ranges::find(options.entities, entity) != options.entities.end();
        };
        for (uint32_t i = 0; i < plan->entities().size(); i++) {
            const bool has_state = std::ranges::any_of(
                plan->state_plans(), [&](const StatePlan& state) { return state.entity == i; });
            const bool has_count = std::ranges::any_of(
                plan->count_plans(), [&](const CountPlan& count) { return count.entity == i; });
            if (wanted(i) && (has_state || has_count)) {
                EntityState state;
                state.entity = i;
                state.name = plan->entities()[i].name;
                state.fields = compared_fields(*plan, i);
                outcome.entities.push_back(std::move(state));
            }
        }
    }

    EntityState& current() { return outcome.entities[entity_at]; }

    void open_entity() {
        EntityState& state = current();
        entity_open = true;
        compared_by = compared_by.value_or(provider);
        roots_wanted = contracts_of(*plan, state.entity);
        const StateTaskContext context{view, *plan, options, outcome.findings};
        bool count_rows = true;
        for (const StatePlan& item : plan->state_plans()) {
            if (item.entity == state.entity) {
                tasks.push_back(
                    make_compare_task(context, item, std::exchange(count_rows, false), state));
            }
        }
        for (const StatePlan& item : plan->state_plans()) {
            if (item.entity == state.entity && !item.slots.empty() && options.storage_proofs) {
                tasks.push_back(make_slot_task(context, item, outcome.block, state));
            }
        }
        for (const StatePlan& item : plan->state_plans()) {
            if (item.entity == state.entity) {
                tasks.push_back(make_confirm_task(context, item, state));
            }
        }
        for (const CountPlan& item : plan->count_plans()) {
            if (item.entity == state.entity) {
                tasks.push_back(make_count_task(context, item, std::exchange(count_rows, false),
                                                outcome.block.block_num, state));
            }
        }
    }

    void close_entity() {
        tasks.clear();
        entity_open = false;
        entity_at++;
    }

    /// True where the storage of all its contracts is that of the last equal proof.
    bool is_unchanged() {
        EntityState& state = current();
        for (const evm::Address& address : contracts_of(*plan, state.entity)) {
            const auto found = std::ranges::find(roots, address, &StorageRoot::address);
            if (found != roots.end()) {
                state.roots.push_back(*found);
            }
        }
        if (!options.last_equal || state.roots.empty()) {
            return false;
        }
        const auto last = options.last_equal(state.entity);
        return last && *last == state.roots &&
               state.roots.size() == contracts_of(*plan, state.entity).size();
    }

    // ---- Asking ------------------------------------------------------------------------------

    [[nodiscard]] std::optional<size_t> asked_provider(Asked what) const {
        if (source.provider_names().empty()) {
            return std::nullopt;
        }
        return provider + (what == Asked::kTask ? tasks.front()->elsewhere() : 0);
    }

    void ask(Asked what, StateQuestion question) {
        asked = what;
        inbox = std::make_shared<Inbox>();
        rpc::StateBlock block = outcome.block;
        block.by_num = ways[way_at].by_num;
        if (auto* calls = std::get_if<std::vector<CallRequest>>(&question)) {
            source.call(std::move(*calls), block, asked_provider(what),
                        [box = inbox](Result<CallAnswers> result) {
                            box->calls.emplace(std::move(result));
                        });
            return;
        }
        if (std::holds_alternative<HeaderQuestion>(question)) {
            source.get_header_by_hash(outcome.block.hash,
                                      [box = inbox](Result<evm::Header> result) {
                                          box->header.emplace(std::move(result));
                                      });
            return;
        }
        auto& proof = std::get<ProofQuestion>(question);
        source.get_proof(
            proof.address, std::move(proof.slots), block, asked_provider(what),
            [box = inbox](Result<AccountProof> result) { box->proof.emplace(std::move(result)); });
    }

    /// What was asked by number counts only if the block of that number is still ours.
    void look_back() {
        asked = Asked::kLookBack;
        inbox = std::make_shared<Inbox>();
        source.get_headers({outcome.block.block_num},
                           [box = inbox](Result<std::vector<evm::Header>> result) {
                               box->headers.emplace(std::move(result));
                           });
    }
    void take_look_back(const Result<std::vector<evm::Header>>& headers) {
        if (headers && headers->front().hash == outcome.block.hash) {
            return;
        }
        outcome.findings = {};
        const std::string why =
            headers
                ? "asked by number, and the block of that number is another now"
                : "asked by number, and the block cannot be looked at: " + headers.error().message;
        for (EntityState& state : outcome.entities) {
            add_unproven(state, why, state.unchanged ? 1 : state.checked);
            state.unchanged = false;
            state.checked = state.equal = state.differing = 0;
            state.storage_proofs = state.storage_differing = 0;
            state.count_differs = false;
            state.disputed.clear();
            state.not_asked = state.is_proven() ? std::string{} : why;
        }
    }

    /// The next question; false where all is done.
    bool ask_next() {
        while (!finished) {
            if (entity_at == outcome.entities.size()) {
                if (!std::exchange(must_look_back, false)) {
                    finish();
                    break;
                }
                look_back();
                return true;
            }
            if (!way_known) {
                ask(Asked::kSelfTest, std::vector{make_way_test(ways[way_at])});
                return true;
            }
            if (!entity_open) {
                open_entity();
            }
            std::erase_if(roots_wanted, [&](const evm::Address& address) {
                return !has_proofs ||
                       std::ranges::find(roots, address, &StorageRoot::address) != roots.end();
            });
            if (!roots_wanted.empty()) {
                ask(Asked::kRoot, ProofQuestion{roots_wanted.front(), {}});
                return true;
            }
            if (current().roots.empty() && is_unchanged()) {
                current().unchanged = true;
                close_entity();
                continue;
            }
            if (tasks.empty()) {
                close_entity();
                continue;
            }
            if (auto question = tasks.front()->next(ways[way_at])) {
                if (provider + tasks.front()->elsewhere() >= providers.size()) {
                    tasks.front()->accept_none(true);
                    continue;
                }
                ask(Asked::kTask, *std::move(question));
                return true;
            }
            const std::string why = tasks.front()->contradiction();
            if (!why.empty() && (provider + 1 < providers.size() || compared_by != provider)) {
                distrust(why);
                continue;
            }
            tasks.pop_front();
        }
        return false;
    }

    // ---- Answers -----------------------------------------------------------------------------

    void take_answer() {
        const Asked what = std::exchange(asked, Asked::kNothing);
        const std::shared_ptr<Inbox> box = std::exchange(inbox, nullptr);
        if (box->calls) {
            if (*box->calls) {
                count_traffic(what, (*box->calls)->traffic);
            }
            take_calls(what, std::move(*box->calls));
            return;
        }
        if (box->headers) {
            take_look_back(*box->headers);
            return;
        }
        if (box->header) {
            tasks.front()->accept_header(*std::move(box->header));
            return;
        }
        if (*box->proof) {
            count_traffic(what, (*box->proof)->traffic);
        }
        take_proof(what, std::move(*box->proof));
    }

    void count_traffic(Asked what, const rpc::Traffic& traffic) {
        outcome.traffic += traffic;
        if (what == Asked::kTask) {
            current().traffic += traffic;
        }
    }

    void take_calls(Asked what, Result<CallAnswers> answers) {
        const CallResult* missing = nullptr;
        if (answers) {
            const auto at = std::ranges::find(answers->results, CallResult::Kind::kMissingState,
                                              &CallResult::kind);
            missing = at == answers->results.end() ? nullptr : &*at;
        }
        if (!answers || missing != nullptr) {
            if (what == Asked::kTask && tasks.front()->elsewhere() > 0) {
                tasks.front()->accept_none(false);
                return;
            }
            any_missing = any_missing || missing != nullptr;
            lose_provider(missing != nullptr ? missing->why : answers.error().message);
            return;
        }
        if (what == Asked::kSelfTest) {
            take_self_test(answers->results.front());
            return;
        }
        const Status accepted = tasks.front()->accept_calls(std::move(answers->results));
        if (!accepted) {
            lose_provider(accepted.error().message);
        }
    }

    void take_self_test(const CallResult& result) {
        if (passes_way_test(ways[way_at], result)) {
            way_known = true;
            must_look_back = must_look_back || ways[way_at].by_num;
            outcome.provider = providers[provider];
            outcome.way = name_of(ways[way_at].kind);
            return;
        }
        if (++way_at == ways.size()) {
            lose_provider(result.why.empty() ? "it answers a call to the identity contract wrongly"
                                             : result.why);
        }
    }

    void take_proof(Asked what, Result<AccountProof> proof) {
        if (what == Asked::kTask) {
            tasks.front()->accept_proof(std::move(proof));
            return;
        }
        if (!proof) {
            has_proofs = false;  // it only saves work
            return;
        }
        roots.push_back(
            {roots_wanted.front(), proof->account.storage_root, proof->account.code_hash});
    }

    /// What was compared by the provider at hand is worth nothing: all of it is compared once more,
    /// by the next one. Where another one before it had compared a part, that part may be what is
    /// wrong, so that it is asked for all itself first.
    void distrust(const std::string& why) {
        const bool is_own = compared_by == provider;
        outcome.disbelieved.push_back({providers[*compared_by], why});
        outcome.entities.clear();
        outcome.findings = {};
        add_entities();
        roots.clear();
        tasks.clear();
        entity_at = 0;
        entity_open = false;
        compared_by.reset();
        if (is_own) {
            lose_provider(why);
        }
    }

    void lose_provider(const std::string& why) {
        if (!lost.empty() && lost.ends_with(": " + why)) {  // Nobody is there: said once of all.
            lost.insert(lost.size() - why.size() - 2, ", " + providers[provider]);
        } else {
            lost += (lost.empty() ? "" : "; ") + providers[provider] + ": " + why;
        }
        if (!tasks.empty()) {
            tasks.front()->restart();
        }
        way_known = false;
        way_at = 0;
        has_proofs = true;
        if (++provider == providers.size()) {
            give_up(any_missing ? fmt::format("nobody has the state of block {} any more (pruned, "
                                              "or the block left the chain): {}",
                                              outcome.block.block_num, lost)
                                : "nobody can be asked: " + lost);
        }
    }

    // ---- Ending ------------------------------------------------------------------------------

    void give_up(const std::string& reason) {
        if (std::exchange(must_look_back, false)) {
            take_look_back(Error{ErrorCode::kUnavailable, reason});
        }
        for (; entity_at < outcome.entities.size(); close_entity()) {
            if (!entity_open) {
                open_entity();
            }
            for (const auto& task : tasks) {
                task->give_up(reason);
            }
            current().not_asked = current().is_proven() ? std::string{} : reason;
        }
        finish();
    }

    void finish() {
        finished = true;
        outcome.elapsed_ms = system_clock().monotonic_ms() - started_ms;
    }
};

bool StateOutcome::is_equal() const noexcept {
    return std::ranges::all_of(entities, &EntityState::is_equal);
}

StateProver::StateProver(rpc::ChainSource& source, const storage::ReadView& view,
                         std::shared_ptr<const Plan> plan, StateProofOptions options)
    : impl_{std::make_unique<Impl>(source, view, std::move(plan), std::move(options))} {}

StateProver::~StateProver() = default;

bool StateProver::step(int64_t wait_ms) {
    if (impl_->finished) {
        return false;
    }
    // Also between a question and its answer: a provider that hangs may never give one.
    if (impl_->options.is_cancelled && impl_->options.is_cancelled()) {
        impl_->give_up("cancelled");
        return false;
    }
    if (impl_->asked == Impl::Asked::kNothing && !impl_->ask_next()) {
        return false;
    }
    if (impl_->inbox->is_empty()) {
        impl_->source.poll(wait_ms);
    }
    if (!impl_->inbox->is_empty()) {
        impl_->take_answer();
    }
    return !impl_->finished;
}

const StateOutcome& StateProver::outcome() const noexcept {
    return impl_->outcome;
}

StateOutcome StateProver::take_outcome() {
    return std::move(impl_->outcome);
}

StateOutcome prove_state(rpc::ChainSource& source, const storage::ReadView& view,
                         std::shared_ptr<const Plan> plan, StateProofOptions options) {
    StateProver prover{source, view, std::move(plan), std::move(options)};
    while (prover.step(100)) {
    }
    return prover.take_outcome();
}

}  // namespace plumbline::engine
