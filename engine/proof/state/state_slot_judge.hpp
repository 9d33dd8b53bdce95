// What the value of a slot counts for beside what the contract's own getter tells. The slot's value
// is proven, that the config names the right slot is not: where the two differ one of them is
// wrong, and neither makes a row wrong by itself. Asks nobody anything.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/evm/uint256.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/proof/state/state_proof.hpp"
#include "storage/layout.hpp"

namespace plumbline::engine {

/// One field of one row, from three sides.
struct SlotWitness {
    evm::U256 stored;               ///< in the row
    evm::U256 proven;               ///< in the slot, by the block's state root
    std::optional<evm::U256> told;  ///< by the getter
    /// Not set: the getter's answer does not have this field, so that nothing speaks against it.
    bool is_returned = true;
};

enum class SlotVerdict : uint8_t {
    kProven,       ///< all say the same
    kDiffers,      ///< slot and getter say the same, the row something else
    kRowIsTold,    ///< row and getter say the same: the slot is another variable's
    kRowIsInSlot,  ///< row and slot say the same, and not zero: slots or getter are wrong
    kGetterAlone,  ///< the slot says neither what the row nor what the getter says
    kNobodyTells,  ///< the slot says something else than the row, and no getter tells
    kNothing,      ///< as stored, but the getter did not answer: the comparison has said so
};
[[nodiscard]] SlotVerdict judge_slot(const SlotWitness& witness) noexcept;

/// Values of one `state` for which its slots do not count, told as one sentence for each slot and
/// each way of disagreeing, with an example. `layout` and `plan` must outlive it.
class SlotDisputes {
  public:
    SlotDisputes(const storage::EntityLayout& layout, const StatePlan& plan)
        : layout_{layout},
          plan_{plan} {}

    void add(const StatePlan::Slot& slot, SlotVerdict verdict, const std::string& raw_key,
             const SlotWitness& witness);
    /// A getter says otherwise than storage that is as the row: nothing that it tells of the entity
    /// is to be written.
    [[nodiscard]] bool doubts_getter() const noexcept { return doubts_getter_; }
    void tell(EntityState& state) const;

  private:
    [[nodiscard]] std::string sentence(const StatePlan::Slot& slot, SlotVerdict verdict,
                                       const std::string& raw_key,
                                       const SlotWitness& witness) const;

    const storage::EntityLayout& layout_;
    const StatePlan& plan_;
    std::map<std::pair<uint16_t, SlotVerdict>, EntityState::Unproven> by_slot_;
    bool doubts_getter_ = false;
};

}  // namespace plumbline::engine
