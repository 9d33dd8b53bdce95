// Finding the rows in which a table of PostgreSQL differs from the index, without sending them all:
// both sides add up digests of 4,096 buckets, and only of buckets that differ the rows' hashes come
// over, in parts that fit in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/result.hpp"
#include "sink/pg_connection.hpp"
#include "sink/sink_table.hpp"
#include "storage/read_view.hpp"
#include "storage/row.hpp"

namespace plumbline::sink {

struct RowDifference {
    enum class Kind : uint8_t {
        kMissing,  ///< in the index only
        kChanged,  ///< cells differ
        kExtra,    ///< in PostgreSQL only: of `cells` those of the key are set
    };
    Kind kind = Kind::kMissing;
    const Cells* cells = nullptr;  ///< as the index has it; valid during the call
};

/// Takes a row of the index; false ends the scan.
using RowTaker = std::function<Result<bool>(const Cells&)>;
/// Gives every row that a table must have, each time it is called, until the taker has enough.
using RowSource = std::function<Status(const RowTaker&)>;

/// Rows of an entity, in order of key. What it is given must outlive it.
[[nodiscard]] RowSource entity_rows(const storage::ReadView& view, const SinkTable& table,
                                    const storage::RowCodec& codec,
                                    std::function<bool()> should_stop = {});

/// In no order. Rows that both have alike are not told. `on_difference` may use the connection.
[[nodiscard]] Status compare_table(
    PgConnection& connection, const SinkTable& table, const RowSource& rows,
    const std::function<Status(const RowDifference&)>& on_difference);

}  // namespace plumbline::sink
