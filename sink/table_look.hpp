// What PostgreSQL's catalog says of one of a sink's tables: whether it is there, whether it is the
// sink's own, and whether rows can be written to it.
//
// A table counts as the sink's own by proof only, for what is written to it replaces what was
// there: it has the mark that whoever makes it writes (a comment, which a dump keeps), or all
// columns and the key that the sink would give it, or plumbline_tables names it and it has the
// columns _block and _log. A user may write the mark, too: then its rows may go. So it is with its
// columns: one that a user added stays the user's, also where the mapping gets a field of its name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sink/pg_connection.hpp"
#include "sink/sink_table.hpp"

namespace plumbline::sink {

struct TableLook {
    bool exists = false;
    bool is_foreign = false;  ///< somebody else's: never altered nor written
    /// Which table with which columns in which file: another one once it, or a column, was dropped
    /// and made anew, and once the table was emptied (TRUNCATE) or rewritten (VACUUM FULL).
    std::string identity;
    bool is_owner = false;          ///< this role may alter it
    bool is_unlogged = false;       ///< empty after a crash of the server
    std::string problem;            ///< why rows cannot be written to it; empty: they can
    std::vector<PgStatement> cure;  ///< solves it; empty where only its owner can
    std::vector<PgStatement> missing_indexes;  ///< of a table that does not exist: all
    /// Of an own table that has no comment, and that this role may comment on.
    bool wants_mark = false;
    /// Those that a sink has made or been given: what plumbline_tables names, and the mapping's.
    std::vector<std::string> own_columns;
};

/// What plumbline_tables says of a table, all chains of it together.
struct TableNote {
    bool is_there = false;
    bool has_columns = false;  ///< one of an older version names none
    std::vector<std::string> columns;
};

/// Of a table `c`: its file, which TRUNCATE changes; of a partitioned one those of its partitions.
inline constexpr std::string_view kFileMark =
    "case c.relkind when 'p' then (select md5(string_agg(l.oid || ' ' || l.relfilenode, ',' order "
    "by l.oid)) from pg_partition_tree(c.oid) p join pg_class l on l.oid = p.relid) else "
    "c.relfilenode::text end";

/// Of a type `t`: domains, enums, ranges. Not the types of relations, nor arrays that PostgreSQL
/// has made and renames where their name is wanted, nor what is only announced.
inline constexpr std::string_view kIsInTablesPlace =
    "t.typrelid = 0 and t.typisdefined and not exists (select 1 from pg_type e where e.typarray = "
    "t.oid)";

/// As the answer to `look_question` has a column.
enum LookColumn : uint8_t {
    kName,
    kType,
    kIsKey,
    kTableKind,
    kPersistence,
    kTable,
    kFile,
    kNumber,
    kMark,
    kComment,
    kIsOwner,
    kHeirName,
    kIsGenerated,
    kColumnComment,
    kKeyName,      ///< quoted; null where the table has no primary key
    kIsKeyAtOnce,  ///< and not deferrable
};

/// As the answer to `relations_question` has a column behind the name.
enum RelationColumn : uint8_t {
    kIndexed = 1,   ///< the table; null where the relation is no index
    kIndexColumns,  ///< quoted, by ", "
    kServes,        ///< it finds any row by them
    kInTheWay       ///< what it is where no table of that name can be made; null of tables
};

/// Of a column `a` of a table `c`: all that must stay as it is. TRUNCATE leaves the table and gives
/// it another file; a table that begins to inherit from it leaves it all.
[[nodiscard]] std::string column_mark();

/// A row for each column of the table; none where there is no such table.
[[nodiscard]] PgStatement look_question(const SinkTable& table);
/// A row for each relation of the schema: tables, indexes and sequences share one space of names.
/// And for each type that no table can stand beside, as every table is a type of its name, too.
[[nodiscard]] PgStatement relations_question(std::string_view schema);
/// Where a row's first cell is `name`; the rows' size where it is none's.
[[nodiscard]] size_t find_row(const PgRows& rows, std::string_view name);
/// Of every table; to be read by `to_note`.
[[nodiscard]] PgStatement notes_question(const std::string& tables_name);
[[nodiscard]] TableNote to_note(const PgRows& notes, std::string_view table);
/// `relations` are the schema's.
[[nodiscard]] TableLook to_look(const SinkTable& table, const PgRows& columns,
                                const PgRows& relations, const TableNote& note);

}  // namespace plumbline::sink
