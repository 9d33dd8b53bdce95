#include "engine/proof/state/state_slot_judge.hpp"

#include <fmt/format.h>

#include "engine/text/entity_text.hpp"
#include "storage/key_text.hpp"

namespace plumbline::engine {

SlotVerdict judge_slot(const SlotWitness& witness) noexcept {
    const bool is_stored = witness.proven == witness.stored;
    if (!witness.told) {
        if (!is_stored) {
            return SlotVerdict::kNobodyTells;
        }
        return witness.is_returned ? SlotVerdict::kNothing : SlotVerdict::kProven;
    }
    if (*witness.told == witness.stored) {
        return is_stored ? SlotVerdict::kProven : SlotVerdict::kRowIsTold;
    }
    if (*witness.told == witness.proven) {
        return SlotVerdict::kDiffers;
    }
    // Every slot that nobody wrote to is zero, so that a zero speaks for no row.
    return is_stored && !witness.proven.is_zero() ? SlotVerdict::kRowIsInSlot
                                                  : SlotVerdict::kGetterAlone;
}

void SlotDisputes::add(const StatePlan::Slot& slot, SlotVerdict verdict, const std::string& raw_key,
                       const SlotWitness& witness) {
    if (verdict == SlotVerdict::kProven || verdict == SlotVerdict::kDiffers ||
        verdict == SlotVerdict::kNothing) {
        return;
    }
    doubts_getter_ = doubts_getter_ || verdict == SlotVerdict::kRowIsInSlot;
    EntityState::Unproven& told = by_slot_[{slot.field, verdict}];
    if (told.count++ == 0) {
        told.reason = sentence(slot, verdict, raw_key, witness);
    }
}

std::string SlotDisputes::sentence(const StatePlan::Slot& slot, SlotVerdict verdict,
                                   const std::string& raw_key, const SlotWitness& witness) const {
    const storage::Field& field = layout_.fields[slot.field];
    const auto text = [&field](const evm::U256& word) {
        return value_to_text(field.type.required(), storage::KeyValue{word, {}});
    };
    std::string out =
        fmt::format("slots.{} of state in [entities.{}]: of {} the slot's value is {}", field.name,
                    layout_.name, storage::key_text(layout_, raw_key), text(witness.proven));
    switch (verdict) {
        case SlotVerdict::kRowIsTold:
            return out + fmt::format(
                             ", but {} tells {}, as the row does: correct base, keys, "
                             "word or offset",
                             plan_.signature, text(*witness.told));
        case SlotVerdict::kRowIsInSlot:
            return out + fmt::format(
                             ", as the row has it, but {} tells {}: correct base, keys, "
                             "word or offset, or ask another provider",
                             plan_.signature, text(*witness.told));
        case SlotVerdict::kGetterAlone:
            return out + fmt::format(
                             ", but {} tells {}, and the row has {}: correct base, keys, "
                             "word or offset",
                             plan_.signature, text(*witness.told), text(witness.stored));
        default:
            return out +
                   fmt::format(", the row has {}, and {}: storage alone says nothing against a row",
                               text(witness.stored),
                               witness.is_returned ? plan_.signature + " did not answer"
                                                   : plan_.signature + " does not tell the field");
    }
}

void SlotDisputes::tell(EntityState& state) const {
    for (const auto& [of, told] : by_slot_) {
        state.disputed.push_back(told);
    }
}

}  // namespace plumbline::engine
