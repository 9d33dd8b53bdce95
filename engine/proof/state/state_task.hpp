// The parts that the state prover is made of: what is asked next and what became of it. Only for
// engine/proof/state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/proof/state/state_proof.hpp"
#include "engine/proof/state/state_walk.hpp"
#include "engine/proof/state/state_way.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// Plain batches of getters are not larger than this.
constexpr size_t kPlainBatchMax = 100;

struct ProofQuestion {
    evm::Address address;
    std::vector<evm::Hash> slots;
};
/// The header of the block.
struct HeaderQuestion {};
using StateQuestion = std::variant<std::vector<rpc::CallRequest>, ProofQuestion, HeaderQuestion>;

/// One question after the other, for the account of one entity. When the provider is lost, the
/// question under way is dropped and `restart` called; then `next` asks in the new way.
class StateTask {
  public:
    explicit StateTask(EntityState& state) : state_{state} {}
    StateTask(const StateTask&) = delete;
    StateTask& operator=(const StateTask&) = delete;
    virtual ~StateTask() = default;

    /// Empty when the task is done.
    [[nodiscard]] virtual std::optional<StateQuestion> next(const StateWay& way) = 0;
    /// The answers to the last question. kUnavailable: this provider is of no use for it.
    [[nodiscard]] virtual Status accept_calls(std::vector<rpc::CallResult> results) {
        static_cast<void>(results);
        return ok();
    }
    virtual void accept_proof(Result<rpc::AccountProof> proof) { static_cast<void>(proof); }
    virtual void accept_header(Result<evm::Header> header) { static_cast<void>(header); }
    virtual void restart() {}
    /// Whom the last question is for: 0 is the provider at hand, 1 the next of those that are not
    /// lost, and so on.
    [[nodiscard]] virtual size_t elsewhere() const noexcept { return 0; }
    /// Who was asked elsewhere does not answer, or `is_nobody_left`: there are not so many.
    virtual void accept_none(bool is_nobody_left) { static_cast<void>(is_nobody_left); }
    /// Of a task that is done: what shows that the provider at hand had told otherwise than is so;
    /// empty: nothing does.
    [[nodiscard]] virtual std::string contradiction() const { return {}; }
    /// Nobody can be asked: what is left is unproven.
    virtual void give_up(const std::string& reason) = 0;

    [[nodiscard]] EntityState& state() noexcept { return state_; }

  protected:
    EntityState& state_;
};

/// Adds to what could not be compared. Of many reasons the last takes the counts of all others.
void add_unproven(EntityState& state, const std::string& reason, uint64_t count = 1);
/// Counts rows and deleted rows where no comparison looks at them.
void count_rows(const storage::ReadView& view, EntityState& state);

/// Nothing that was told of the entity is to be written unasked: each of its findings says why.
void doubt_findings(Findings& findings, const std::string& entity, const std::string& why);

/// What all tasks of a proof read, and where they tell what differs. Outlives them.
struct StateTaskContext {
    const storage::ReadView& view;
    const Plan& plan;
    const StateProofOptions& options;
    Findings& findings;
};

/// Compares the rows of an entity with one getter.
[[nodiscard]] std::unique_ptr<StateTask> make_compare_task(const StateTaskContext& context,
                                                           const StatePlan& state, bool count_rows,
                                                           EntityState& out);
/// Compares the number of rows with what the contract counts at `block_num`.
[[nodiscard]] std::unique_ptr<StateTask> make_count_task(const StateTaskContext& context,
                                                         const CountPlan& count, bool count_rows,
                                                         uint64_t block_num, EntityState& out);

/// Asks others about the rows that one provider tells otherwise than they are.
[[nodiscard]] std::unique_ptr<StateTask> make_confirm_task(const StateTaskContext& context,
                                                           const StatePlan& state,
                                                           EntityState& out);

/// Proves some values whose `slots` the config tells against the block's state root.
[[nodiscard]] std::unique_ptr<StateTask> make_slot_task(const StateTaskContext& context,
                                                        const StatePlan& state,
                                                        const rpc::StateBlock& block,
                                                        EntityState& out);

}  // namespace plumbline::engine
