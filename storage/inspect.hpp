// A database's raw content, for comparing two of them, for tests and for people who debug.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "storage/database.hpp"

namespace plumbline::storage {

struct DumpOptions {
    /// Leaves out what depends on how the content came about and not on what it is: watermarks,
    /// undo floors, the journal, records of proofs, and the numbers of generations (families are
    /// then named "entity.user").
    bool content_only = true;
    /// Families for which it is false are passed over; empty = all.
    std::function<bool(std::string_view family)> want;
};

/// Gives every (family, key, value) of the published generation and the families outside of any,
/// family after family in order of name, keys in order. One consistent state.
[[nodiscard]] Status dump_families(
    const Database& database, const DumpOptions& options,
    const std::function<void(std::string_view family, std::string_view key,
                             std::string_view value)>& each);

/// The same as lines of text, "family key value" in hex: for EXPECT_EQ and for diff.
[[nodiscard]] Result<std::vector<std::string>> dump_lines(const Database& database,
                                                          const DumpOptions& options = {});

/// The commit number in the watermark of each family that has one.
[[nodiscard]] Result<std::vector<std::pair<std::string, uint64_t>>> read_watermarks(
    const Database& database);

/// Moves a record to `new_key` with `value`, bypassing every rule. For tests of damage.
[[nodiscard]] Status poke_record(Database& database, std::string_view family, std::string_view key,
                                 std::string_view new_key, std::string_view value);

/// Writes one raw value, bypassing every rule; an empty `value` deletes. Both take a family's name
/// without the number of its generation as well.
[[nodiscard]] Status poke_family(Database& database, std::string_view family, std::string_view key,
                                 std::string_view value);

}  // namespace plumbline::storage
