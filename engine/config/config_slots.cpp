// `slots` of a `state` and of a call: where a contract keeps what is told of it.
#include "engine/config/config_slots.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kMaxItems = 256;
constexpr std::array<std::string_view, 4> kPlaceKeys{"base", "keys", "word", "offset"};

}  // namespace

Result<std::vector<Operand>> read_operands(const Section& section, const TomlValue& value,
                                           std::string_view key) {
    std::vector<Operand> out;
    if (value.kind != TomlValue::Kind::kArray) {
        return section.wrong_type(value, key, "a list");
    }
    if (value.items.size() > kMaxItems) {
        return section.mistake(value.pos,
                               fmt::format("{} in {} may have at most {} items, not {}", key,
                                           section.name(), kMaxItems, value.items.size()));
    }
    for (const TomlValue& item : value.items) {
        PLUMBLINE_TRY(Operand operand, section.operand(item, key));
        out.push_back(std::move(operand));
    }
    return out;
}

Status read_slots(const Section& section, const TomlValue& value, std::vector<SlotConfig>& out) {
    PLUMBLINE_TRY(const Section slots,
                  Section::open(section.path(), fmt::format("slots in {}", section.name()), value));
    for (const TomlEntry& entry : slots.entries()) {
        const bool is_of_place = std::ranges::find(kPlaceKeys, entry.key) != kPlaceKeys.end();
        if (is_of_place && entry.value.kind != TomlValue::Kind::kTable) {
            return slots.mistake(
                entry.pos, fmt::format("{} in {} belongs to one value: write what it is of around "
                                       "it, as in slots = {{ NAME = {{ base = 3 }} }}",
                                       entry.key, slots.name()));
        }
        PLUMBLINE_TRY(const Section place,
                      Section::open(section.path(),
                                    fmt::format("{} of {}", entry.key, slots.name()), entry.value));
        PLUMBLINE_TRY_VOID(place.allow_only({kPlaceKeys.begin(), kPlaceKeys.end()}));
        SlotConfig slot;
        slot.field = entry.key;
        slot.pos = entry.pos;
        PLUMBLINE_TRY(const TomlValue* base, place.need("base"));
        PLUMBLINE_TRY(slot.base, place.operand(*base, "base"));
        if ((slot.base.kind != Operand::Kind::kNumber || slot.base.negative) &&
            slot.base.kind != Operand::Kind::kHex) {
            return place.mistake(
                base->pos, fmt::format("base in {} must be the number of a slot", place.name()));
        }
        if (const TomlValue* keys = place.find("keys")) {
            PLUMBLINE_TRY(slot.keys, read_operands(place, *keys, "keys"));
        }
        if (const TomlValue* word = place.find("word")) {
            PLUMBLINE_TRY(const uint64_t number, place.integer(*word, "word", 0, UINT16_MAX));
            slot.word = static_cast<uint16_t>(number);
        }
        if (const TomlValue* offset = place.find("offset")) {
            PLUMBLINE_TRY(const uint64_t number, place.integer(*offset, "offset", 0, 31));
            slot.offset = static_cast<uint8_t>(number);
        }
        out.push_back(std::move(slot));
    }
    return ok();
}

}  // namespace plumbline::engine
