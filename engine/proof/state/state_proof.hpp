// State proof: entities = contract, at the block where the index stands. Every row of an entity
// with `state` is compared with what the getters tell (by digests made inside the node where a
// provider allows it, else getter by getter), every `count` with the number of rows.
// docs/verification.md tells what that proves and what not.
//
//     StateProver prover{chain, *database.read_view(), plan, {}};
//     while (prover.step(100)) {}
//     prover.outcome().entities, .findings ...
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/state_fields.hpp"
#include "engine/proof/finding.hpp"
#include "engine/proof/state/state_walk.hpp"
#include "rpc/chain_source.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

/// What an account's storage and code hashed to.
struct StorageRoot {
    evm::Address address;
    evm::Hash storage_hash;
    evm::Hash code_hash;
    friend bool operator==(const StorageRoot&, const StorageRoot&) = default;
};

/// How far one entity was proven.
struct EntityState {
    /// Something that could not be compared, and why.
    struct Unproven {
        std::string reason;
        uint64_t count = 0;
    };
    uint32_t entity = 0;
    std::string name;
    uint64_t rows = 0;     ///< looked at, without the deleted ones
    uint64_t deleted = 0;  ///< keys of deleted rows, of which those with `deleted` are asked for
    uint64_t checked = 0;  ///< questions settled: a row counts once for each of its getters
    uint64_t equal = 0;
    uint64_t differing = 0;          ///< `checked - equal`: findings tell of each
    bool count_differs = false;      ///< one of `differing`: the contract counts other rows
    std::vector<Unproven> unproven;  ///< not settled; empty = all of the entity is proven
    /// Why not all of it was looked at: nobody could be asked, or the block left the chain. Empty:
    /// all was, whatever came of it.
    std::string not_asked;
    /// Storage and rows are those of the last equal proof, so nothing was asked.
    bool unchanged = false;
    /// Values whose `slots` the config tells, proven against the block's state root to be what the
    /// getter tells, and how many of them the row has otherwise. `storage_note`: why not all could
    /// be.
    uint64_t storage_proofs = 0;
    uint64_t storage_differing = 0;
    std::string storage_note;
    /// Values whose slot is not what the getter tells: `slots` of the config are to be corrected.
    /// Nothing is known of the rows by that.
    std::vector<Unproven> disputed;
    ComparedFields fields;
    /// Of the contracts that were asked, where the node tells them and there are few.
    std::vector<StorageRoot> roots;
    rpc::Traffic traffic;

    [[nodiscard]] bool is_proven() const noexcept { return unproven.empty() && disputed.empty(); }
    [[nodiscard]] bool is_equal() const noexcept {
        return is_proven() && differing == 0 && storage_differing == 0;
    }
};

struct StateOutcome {
    rpc::StateBlock block;
    std::vector<EntityState> entities;  ///< those with `state` or `count`, as the plan has them
    Findings findings;                  ///< kStateDiffers and kStateCountDiffers
    std::string provider;               ///< who answered last
    /// Whose answers storage or another one contradicted, so that they count for nothing, and what
    /// shows it.
    struct Disbelieved {
        std::string provider;
        std::string why;
    };
    std::vector<Disbelieved> disbelieved;
    std::string way;       ///< "program by override", "program by create", "getters"
    rpc::Traffic traffic;  ///< with self-tests and storage hashes
    int64_t elapsed_ms = 0;

    [[nodiscard]] bool is_equal() const noexcept;
};

struct StateProofOptions {
    std::vector<uint32_t> entities;  ///< of the plan; empty: all
    StateLimits limits;              ///< `gas` is not used: see below
    /// Tried in this order, until a provider runs the self-test with as much.
    std::vector<uint64_t> gas = {50'000'000, 25'000'000};
    size_t chunk_rows = 20'000;  ///< rows in memory at one time
    bool plain_only = false;     ///< ask getter by getter, as if no provider ran the program
    bool storage_proofs = true;  ///< check values whose `slots` the config tells by eth_getProof
    size_t storage_proofs_max = 16;  ///< rows for each `state` that has `slots`
    /// The roots of an entity's last equal proof if its rows have not changed since: where the
    /// chain still has them too, the entity is not asked about. Null: ask always.
    std::function<std::optional<std::vector<StorageRoot>>(uint32_t entity)> last_equal;
    std::function<bool()> is_cancelled;
    /// Now and then: the entity at hand and its questions settled so far.
    std::function<void(const EntityState&)> on_progress;
};

/// One thread. A state machine: `step` asks, waits for at most `wait_ms` and takes what came.
class StateProver {
  public:
    /// All must outlive the prover, which polls `source` as the only one.
    StateProver(rpc::ChainSource& source, const storage::ReadView& view,
                std::shared_ptr<const Plan> plan, StateProofOptions options);
    StateProver(const StateProver&) = delete;
    StateProver& operator=(const StateProver&) = delete;
    ~StateProver();

    /// False once all is done (also when cancelled: what was not asked is then unproven).
    bool step(int64_t wait_ms);
    /// Whole once `step` gave false.
    [[nodiscard]] const StateOutcome& outcome() const noexcept;
    /// The outcome of an ended prover, moved out.
    [[nodiscard]] StateOutcome take_outcome();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Steps to the end.
[[nodiscard]] StateOutcome prove_state(rpc::ChainSource& source, const storage::ReadView& view,
                                       std::shared_ptr<const Plan> plan,
                                       StateProofOptions options = {});

}  // namespace plumbline::engine
