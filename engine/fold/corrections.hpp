// Corrections, which a repair wrote (storage::CorrectionRow), and what becomes of them under
// another mapping than they were written under: values go by the names of their columns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/entity_key.hpp"
#include "storage/named_row.hpp"
#include "storage/read_view.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// `JournalRow::kind` of a correction: a row for each field.
inline constexpr std::string_view kRowCorrected = "row corrected";

/// A correction as one mapping takes it.
///
/// A field takes its value where the mapping has one of that name and type, or, of an enum, with
/// that value among its names.
struct PlacedCorrection {
    size_t entity = 0;
    std::string key;  ///< as stored, of the mapping
    std::vector<std::pair<size_t, storage::KeyValue>> fields;
    bool applies = false;    ///< it changes the row
    bool deletes = false;    ///< by taking it away
    bool makes_row = false;  ///< where there is none; else that changes nothing
    /// What of it has no place, for people: all of it, as where the entity or its key is another
    /// one or has none of the fields, or fields whose type is another one. Else empty.
    std::string refusal;
};
[[nodiscard]] PlacedCorrection place_correction(const storage::CorrectionRow& row,
                                                const Plan& plan);

[[nodiscard]] storage::NamedValue name_value(const storage::Field& field,
                                             const storage::KeyValue& value);

/// Of the values of some fields of the row `key`, which must be one of `layout`.
[[nodiscard]] Result<storage::CorrectionRow> make_correction(
    uint64_t block_num, const storage::EntityLayout& layout, std::string_view key,
    std::vector<storage::NamedValue> fields);

/// The stored ones, in order. Whole rows of older versions, which are of the mapping that `view`
/// has, are named rows here: of the fields that the journal tells of, where it tells of the row.
/// Those that are none of that mapping stay as they are.
[[nodiscard]] Result<std::vector<storage::CorrectionRow>> list_named_corrections(
    const storage::ReadView& view);

/// Without what `plan` refuses of a row that a later one corrects anew.
[[nodiscard]] Result<std::vector<storage::CorrectionRow>> without_replaced(
    std::vector<storage::CorrectionRow> rows, const Plan& plan);

/// Those that the published fold refused: a row in quarantine for each block with such.
[[nodiscard]] Result<std::vector<storage::QuarantineRow>> refused_corrections(
    const storage::ReadView& view);

/// A refusal in the words of older versions: another fold may apply what they could not.
[[nodiscard]] bool is_of_older_version(const storage::QuarantineRow& refused);

}  // namespace plumbline::engine
