#include "sink/table_look.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::sink {

namespace {

/// Of a table `c`: one whose rows are found in it, too; null where there is none. Those of a
/// partitioned table are its partitions.
constexpr std::string_view kHeir =
    "(select min(x.inhrelid::regclass::text) from pg_inherits x where x.inhparent = c.oid and "
    "c.relkind <> 'p')";

constexpr std::string_view kNoTable = "is no table";

}  // namespace

std::string column_mark() {
    return fmt::format(
        "concat_ws(' ', c.oid, {}, c.relnamespace, c.relname, a.attnum, a.attname, a.atttypid, "
        "a.atttypmod, {})",
        kFileMark, kHeir);
}

PgStatement look_question(const SinkTable& table) {
    return {fmt::format(
                "select a.attname, format_type(a.atttypid, a.atttypmod), coalesce(a.attnum = "
                "any(i.indkey), false), c.relkind, c.relpersistence, c.oid, {}, "
                "a.attnum, {}, obj_description(c.oid, 'pg_class'), pg_has_role(c.relowner, "
                "'usage'), {}, a.attgenerated <> '' or a.attidentity = 'a', "
                "col_description(c.oid, a.attnum), (select quote_ident(k.relname) from pg_class "
                "k where k.oid = i.indexrelid), i.indimmediate from pg_class c join "
                "pg_attribute a on a.attrelid = c.oid left join "
                "pg_index i on i.indrelid = c.oid and i.indisprimary where c.oid = "
                "to_regclass($1::text) and a.attnum > 0 and not a.attisdropped",
                kFileMark, column_mark(), kHeir),
            {table.full_name()}};
}

PgStatement relations_question(std::string_view schema) {
    return {
        fmt::format(
            "select c.relname, t.relname, (select string_agg('\"' || replace(a.attname, '\"', "
            "'\"\"') || '\"', ', ' order by k.place) from unnest(i.indkey) with ordinality "
            "k(number, place) join pg_attribute a on a.attrelid = i.indrelid and a.attnum = "
            "k.number where k.place <= i.indnkeyatts), i.indisvalid and i.indpred is null and "
            "i.indexprs is null and m.amname = 'btree', case when c.relkind not in ('r', "
            "'p') then '{0}' when not exists (select 1 from pg_attribute a where a.attrelid = "
            "c.oid and a.attnum > 0 and not a.attisdropped) then 'is a table without columns' end "
            "from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_index i on "
            "i.indexrelid = c.oid left join pg_class t on t.oid = i.indrelid left join pg_am m on "
            "m.oid = c.relam where n.nspname = $1::text union all select t.typname, null, null, "
            "null, '{0}' from pg_type t join pg_namespace n on n.oid = t.typnamespace where "
            "n.nspname = $1::text and {1}",
            kNoTable, kIsInTablesPlace),
        {std::string{schema}}};
}

/// `columns` came later, so it may be missing.
PgStatement notes_question(const std::string& tables_name) {
    return {fmt::format("select table_name, to_jsonb(t) ->> 'columns' from {} as t", tables_name),
            {}};
}

TableNote to_note(const PgRows& notes, std::string_view table) {
    TableNote out;
    bool has_all = true;
    for (size_t row = 0; row < notes.size(); ++row) {
        if (notes.at(row, 0) != table) {
            continue;
        }
        out.is_there = true;
        has_all = has_all && !notes.is_null(row, 1);
        for (std::string_view left = notes.at(row, 1); !left.empty();) {
            const size_t end = std::min(left.find(','), left.size());
            out.columns.emplace_back(left.substr(0, end));
            left.remove_prefix(std::min(end + 1, left.size()));
        }
    }
    out.has_columns = out.is_there && has_all;
    return out;
}

size_t find_row(const PgRows& rows, std::string_view name) {
    size_t row = 0;
    while (row < rows.size() && rows.at(row, kName) != name) {
        ++row;
    }
    return row;
}

namespace {

/// Columns, types and key as the sink would have made them.
bool has_shape(const SinkTable& table, const PgRows& columns) {
    return std::ranges::all_of(table.columns(), [&](const SinkColumn& column) {
        const size_t row = find_row(columns, column.name);
        return row < columns.size() && columns.at(row, kType) == column.type &&
               (columns.at(row, kIsKey) == "t") == column.is_key;
    });
}

bool is_own(const SinkTable& table, const PgRows& columns, bool is_noted) {
    const bool has_place =
        find_row(columns, "_block") < columns.size() && find_row(columns, "_log") < columns.size();
    return columns.at(0, kComment).starts_with(kTableMark) || (is_noted && has_place) ||
           has_shape(table, columns);
}

std::string not_own(const SinkTable& table) {
    return fmt::format(
        "{0} is there and is not the sink's own, so it is left as it is: use another schema, "
        "rename it, or leave that entity or event out; if its rows may be replaced: comment on "
        "table {0} is '{1}'",
        table.full_name(), kTableMark);
}

/// Of whatever name: it may be the user's.
bool has_index(const SinkTable& table, const PgRows& relations, const SinkTable::Index& index) {
    for (size_t row = 0; row < relations.size(); ++row) {
        const std::string columns = fmt::format("{}, ", relations.at(row, kIndexColumns));
        if (relations.at(row, kIndexed) == table.name() && relations.at(row, kServes) == "t" &&
            columns.starts_with(index.columns + ", ")) {
            return true;
        }
    }
    return false;
}

std::string in_its_place(const SinkTable& table, std::string_view what) {
    return fmt::format("{} {}: drop or rename it, or use another schema", table.full_name(), what);
}

/// To make one that is there already would wait for everybody who writes to the table.
std::vector<PgStatement> find_missing_indexes(const SinkTable& table, const PgRows& relations) {
    std::vector<PgStatement> out;
    for (const SinkTable::Index& index : table.indexes()) {
        if (!has_index(table, relations, index)) {
            const bool is_taken = find_row(relations, index.name) < relations.size();
            out.push_back({table.index_sql(index, is_taken ? index.other_name : index.name), {}});
        }
    }
    return out;
}

std::vector<PgStatement> to_make(const SinkTable& table, const std::vector<PgStatement>& indexes) {
    std::vector<PgStatement> out{
        {table.create_sql(), {}}, {table.mark_sql(), {}}, {table.primary_key_sql(), {}}};
    out.insert(out.end(), indexes.begin(), indexes.end());
    return out;
}

/// Somebody has added it: what it holds would be overwritten.
bool is_users(const TableNote& note, const SinkColumn& column, const PgRows& columns, size_t row) {
    return row < columns.size() && note.has_columns &&
           std::ranges::find(note.columns, column.name) == note.columns.end() &&
           !columns.at(row, kColumnComment).starts_with(kTableMark);
}

std::string not_own(const SinkTable& table, const SinkColumn& column) {
    const std::string name = quote_name(column.name);
    return fmt::format(
        "the column {0} of {1} is there and is not the sink's own, and the mapping has a field of "
        "that name: alter table {1} rename column {0} to .., or call the field something else; if "
        "what it holds may be replaced: comment on column {1}.{0} is '{2}'",
        name, table.full_name(), kTableMark);
}

std::string_view by_whom(const SinkTable& table) {
    return table.has_chain_id() ? ", by whoever writes first: the configs of all chains in it must "
                                  "have the same types"
                                : "";
}

/// What is wrong with a column as it is there, and nobody but its owner can mend; mostly nothing.
std::string misfit(const SinkTable& table, const SinkColumn& column, const PgRows& columns,
                   size_t row) {
    if (row == columns.size()) {
        return !column.is_key ? std::string{}
                              : fmt::format(
                                    "the table {} has no column {}, which its key needs: drop or "
                                    "rename the table, and it is made anew",
                                    table.full_name(), column.name);
    }
    if (columns.at(row, kIsGenerated) == "t") {
        return fmt::format(
            "the column {0} of {1} is generated always, so nobody can write it: alter table {1} "
            "alter column {0} drop expression (or drop identity)",
            quote_name(column.name), table.full_name());
    }
    if (columns.at(row, kType) == column.type) {
        return {};
    }
    const bool is_key = column.is_key || columns.at(row, kIsKey) == "t";
    return fmt::format(
        "the column {} of {} is {}, and the mapping needs {}: rename or drop the {}, "
        "and it is made anew{}",
        column.name, table.full_name(), columns.at(row, kType), column.type,
        is_key ? "table" : "column", by_whom(table));
}

/// The same of the primary key: rows are written by it.
std::string misfit_key(const SinkTable& table, const PgRows& columns) {
    if (columns.is_null(0, kKeyName)) {
        return fmt::format(
            "the table {0} has lost its primary key: {1}; or drop the table, and it is made anew",
            table.full_name(), table.primary_key_sql());
    }
    const std::string cure =
        fmt::format("{}; or drop the table, and it is made anew{}",
                    table.replace_key_sql(columns.at(0, kKeyName)), by_whom(table));
    for (size_t row = 0; row < columns.size(); ++row) {
        const auto column =
            std::ranges::find(table.columns(), columns.at(row, kName), &SinkColumn::name);
        const bool should = column != table.columns().end() && column->is_key;
        if ((columns.at(row, kIsKey) == "t") != should) {
            return fmt::format("the column {} of {} {} the primary key, and should{}: {}",
                               columns.at(row, kName), table.full_name(),
                               should ? "is missing in" : "stands in",
                               should ? " be there" : " not", cure);
        }
    }
    return columns.at(0, kIsKeyAtOnce) == "t"
               ? std::string{}
               : fmt::format(
                     "the primary key of {} is deferrable, and no row can be written by "
                     "such a one: {}",
                     table.full_name(), cure);
}

}  // namespace

TableLook to_look(const SinkTable& table, const PgRows& columns, const PgRows& relations,
                  const TableNote& note) {
    TableLook out;
    out.own_columns = note.columns;
    for (const SinkColumn& column : table.columns()) {
        out.own_columns.push_back(column.name);
    }
    std::ranges::sort(out.own_columns);
    out.own_columns.erase(std::unique(out.own_columns.begin(), out.own_columns.end()),
                          out.own_columns.end());
    out.exists = columns.size() > 0;
    const size_t taken = find_row(relations, table.name());
    if (!out.exists && taken < relations.size() && !relations.is_null(taken, kInTheWay)) {
        out.exists = out.is_foreign = true;
        out.problem = in_its_place(table, relations.at(taken, kInTheWay));
        return out;
    }
    if (!out.exists) {
        out.problem = fmt::format("the table {} does not exist", table.full_name());
        out.missing_indexes = find_missing_indexes(table, relations);
        out.cure = to_make(table, out.missing_indexes);
        return out;
    }
    if (columns.at(0, kTableKind) != "r" && columns.at(0, kTableKind) != "p") {
        out.is_foreign = true;
        out.problem = in_its_place(table, kNoTable);
        return out;
    }
    if (!is_own(table, columns, note.is_there)) {
        out.is_foreign = true;
        out.problem = not_own(table);
        return out;
    }
    out.is_owner = columns.at(0, kIsOwner) == "t";
    out.wants_mark = columns.is_null(0, kComment) && out.is_owner;
    out.missing_indexes = find_missing_indexes(table, relations);
    std::string refused;
    if (!columns.is_null(0, kHeirName)) {
        refused = fmt::format(
            "the table {0} inherits from {1}, so its rows would be changed as if they were the "
            "sink's: alter table {0} no inherit {1}",
            columns.at(0, kHeirName), table.full_name());
    }
    out.is_unlogged = columns.at(0, kPersistence) == "u";
    std::string identity = fmt::format("{} {}", columns.at(0, kTable), columns.at(0, kFile));
    for (const SinkColumn& column : table.columns()) {
        const size_t row = find_row(columns, column.name);
        identity += row < columns.size() ? fmt::format(" {}", columns.at(row, kNumber)) : " -";
        if (refused.empty()) {
            refused = is_users(note, column, columns, row) ? not_own(table, column)
                                                           : misfit(table, column, columns, row);
        }
        if (row == columns.size()) {
            out.problem = fmt::format("the column \"{}\" of {} does not exist", column.name,
                                      table.full_name());
            out.cure.push_back(
                {fmt::format("alter table {} add column if not exists {} {}", table.full_name(),
                             quote_name(column.name), column.type),
                 {}});
        }
    }
    if (refused.empty()) {
        refused = misfit_key(table, columns);
    }
    if (!refused.empty()) {
        out.problem = std::move(refused);
        out.cure.clear();
    }
    out.identity = evm::to_hex(evm::keccak256(as_bytes(identity))).substr(2, 16);
    return out;
}

}  // namespace plumbline::sink
