// What stands of an earlier proof where a later one could not look: a mismatch until somebody who
// looked finds it no more, and that all was equal up to a block, which stays true of that block.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/records.hpp"

namespace plumbline::engine {

/// The record of that proof, of one entity where one is named; null where there is none.
[[nodiscard]] const storage::ProofRecord* find_record(
    const std::vector<storage::ProofRecord>& records, std::string_view proof,
    std::string_view entity);

/// `record` as it was, with why the newest proof could not look again: the reason of a later one
/// takes the place of an earlier one's.
[[nodiscard]] storage::ProofRecord keep_standing(const storage::ProofRecord& record,
                                                 std::string_view reason);
/// Why nobody could look again since the record's block; empty where the newest proof did.
[[nodiscard]] std::string_view not_looked_at(const storage::ProofRecord& record);
/// The record's detail without that.
[[nodiscard]] std::string_view looked_detail(const storage::ProofRecord& record);

}  // namespace plumbline::engine
