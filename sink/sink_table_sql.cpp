// Every statement about a sink's table.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "sink/sink_table.hpp"

namespace plumbline::sink {

namespace {

constexpr std::string_view kAllGiven = "cardinality($1)";
constexpr std::string_view kKeepsOut = "keeps rows out";
constexpr std::string_view kKeepsIn = "does not let rows go";

}  // namespace

std::string SinkTable::names(bool keys_only, std::string_view of) const {
    std::string out;
    for (const SinkColumn& column : columns_) {
        if (!keys_only || column.is_key) {
            out += fmt::format("{}{}{}", out.empty() ? "" : ", ", of, quote_name(column.name));
        }
    }
    return out;
}

std::string SinkTable::create_sql() const {
    std::string columns;
    for (const SinkColumn& column : columns_) {
        columns += fmt::format("{}{} {}{}", columns.empty() ? "" : ", ", quote_name(column.name),
                               column.type, column.is_key ? " not null" : "");
    }
    return fmt::format("create table {} ({})", full_name_, columns);
}

std::string SinkTable::mark_sql() const {
    return fmt::format("comment on table {} is '{}: its rows are written, and replaced, by it'",
                       full_name_, kTableMark);
}

std::string SinkTable::primary_key_sql() const {
    return fmt::format("alter table {} add primary key ({})", full_name_, names(true));
}

std::string SinkTable::replace_key_sql(std::string_view name) const {
    return fmt::format("alter table {} drop constraint {}, add primary key ({})", full_name_, name,
                       names(true));
}

SinkTable::Index SinkTable::make_index(const std::vector<std::string>& fields) const {
    std::string name = name_;
    std::string columns = chain_id_.empty() ? "" : "\"chain_id\"";
    for (const std::string& field : fields) {
        name += "_" + field;
        columns += fmt::format("{}{}", columns.empty() ? "" : ", ", quote_name(field));
    }
    const auto hashed = [&name](const std::string& what) {
        return name.substr(0, kSqlNameMax - 13) + "_" +
               evm::to_hex(evm::keccak256(as_bytes(what))).substr(2, 8);
    };
    if (name.size() + 4 > kSqlNameMax) {
        name = hashed(name);
    }
    const std::string other = hashed(fmt::format("{}({})", name_, fmt::join(fields, ","))) + "_idx";
    name += "_idx";
    return {shared_names_.contains(name) ? other : name, other, std::move(columns)};
}

std::string SinkTable::index_sql(const Index& index, std::string_view name) const {
    return fmt::format("create index if not exists {} on {} ({})", quote_name(name), full_name_,
                       index.columns);
}

/// A long value would be refused, and with it the row.
bool SinkTable::fits_index(const std::vector<uint16_t>& index) const {
    return std::ranges::none_of(
        index, [&](uint16_t column) { return layout_->column(column).type.is_dynamic(); });
}

std::vector<std::string> SinkTable::field_names(const std::vector<uint16_t>& index) const {
    std::vector<std::string> out;
    for (const uint16_t column : index) {
        out.push_back(layout_->column(column).name);
    }
    return out;
}

std::vector<SinkTable::Index> SinkTable::indexes() const {
    if (is_event()) {
        return {};
    }
    if (is_history()) {
        return {make_index({"_block"}), make_index({"_to"})};  // A reorg looks by these.
    }
    std::vector<Index> out;
    for (const std::vector<uint16_t>& index : layout_->indexes) {
        if (fits_index(index)) {
            out.push_back(make_index(field_names(index)));
        }
    }
    return out;
}

void SinkTable::name_indexes(std::set<std::string>& taken) {
    for (const Index& index : indexes()) {
        if (!taken.insert(index.name).second) {
            shared_names_.insert(index.name);
        }
    }
}

std::vector<std::string> SinkTable::indexes_left_out() const {
    std::vector<std::string> out;
    if (is_entity()) {
        for (const std::vector<uint16_t>& index : layout_->indexes) {
            if (!fits_index(index)) {
                out.push_back(fmt::format("{}", fmt::join(field_names(index), ", ")));
            }
        }
    }
    return out;
}

std::string SinkTable::copy_in_sql() const {
    return fmt::format("copy {} ({}) from stdin", full_name_, names(false));
}

std::string SinkTable::unnest_sql(bool keys_only) const {
    std::string out;
    size_t number = 0;
    for (const SinkColumn& column : columns_) {
        if (!keys_only || column.is_key) {
            out += fmt::format("{}${}::{}[]", number == 0 ? "" : ", ", number + 1, column.type);
            ++number;
        }
    }
    return "unnest(" + out + ")";
}

std::string SinkTable::upsert_sql() const {
    std::string sets;
    for (const SinkColumn& column : columns_) {
        if (!column.is_key) {
            const std::string name = quote_name(column.name);
            sets += fmt::format("{}{} = excluded.{}", sets.empty() ? "" : ", ", name, name);
        }
    }
    // A trigger that returns null keeps a row out, and PostgreSQL calls that done.
    return fmt::format(
        "with u as (insert into {} ({}) select * from {} on conflict ({}) do update set {} "
        "returning 1) select {} from u",
        full_name_, names(false), unnest_sql(false), names(true), sets,
        must_be_all_sql(kAllGiven, kKeepsOut));
}

std::string SinkTable::gone_sql() const {
    return fmt::format("({}) in (select * from {})", names(true), unnest_sql(true));
}

std::string SinkTable::delete_sql() const {
    return all_of_sql(fmt::format("delete from {}", full_name_), gone_sql(), kKeepsIn);
}

std::string SinkTable::delete_all_sql() const {
    return fmt::format("with u as (delete from {} where {} returning 1) select {} from u",
                       full_name_, gone_sql(), must_be_all_sql(kAllGiven, kKeepsIn));
}

std::string SinkTable::reopen_above_sql() const {
    return all_of_sql(fmt::format("update {} set \"_to\" = null", full_name_),
                      fmt::format("{} and \"_to\" > $1::bigint", condition_), kKeepsOut);
}

std::string SinkTable::delete_above_sql() const {
    return all_of_sql(fmt::format("delete from {}", full_name_),
                      fmt::format("{} and \"_block\" > $1::bigint", condition_), kKeepsIn);
}

/// Both parts of the statement see the rows as they were before it.
std::string SinkTable::all_of_sql(std::string_view change, std::string_view where,
                                  std::string_view what) const {
    const std::string all = fmt::format("(select count(*) from {} where {})", full_name_, where);
    return fmt::format("with u as ({} where {} returning 1) select {} from u", change, where,
                       must_be_all_sql(all, what));
}

/// Of what a statement returned as u: an error where it was not `all`. The text is cast only where
/// it is said.
std::string SinkTable::must_be_all_sql(std::string_view all, std::string_view what) const {
    return fmt::format(
        "(case when count(*) = {0} then '0' else {1} || count(*) || ' of ' || {0} || {2} end)::int",
        all, quote_text(fmt::format("{}{} {}, takes ", kTriggerKeeps, full_name_, what)),
        quote_text(fmt::format(": let a trigger return {}", what == kKeepsIn ? "old" : "new")));
}

/// What stands in a cell: hex digits of bytes.
std::string SinkTable::cell_sql(const SinkColumn& column, std::string_view of) const {
    const std::string name = fmt::format("{}{}", of, quote_name(column.name));
    return column.kind == CellKind::kBytes ? fmt::format("encode({}, 'hex')", name)
                                           : fmt::format("{}::text", name);
}

/// Cells with a mark between that no cell has: texts go in as hex.
std::string SinkTable::joined_cells_sql(bool keys_only) const {
    std::string out;
    for (const SinkColumn& column : columns_) {
        if (keys_only && !column.is_key) {
            continue;
        }
        const std::string cell = column.kind == CellKind::kText
                                     ? fmt::format("encode(convert_to({}::text, 'UTF8'), 'hex')",
                                                   quote_name(column.name))
                                     : cell_sql(column, {});
        out += fmt::format("{}coalesce({}, '~')", out.empty() ? "" : " || '|' || ", cell);
    }
    return out;
}

std::string SinkTable::digest_sql() const {
    return fmt::format(
        "select ('x' || substr(k, 1, 3))::bit(12)::int, count(*), "
        "sum(('x' || substr(r, 1, 16))::bit(64)::bigint), "
        "sum(('x' || substr(r, 17, 16))::bit(64)::bigint) "
        "from (select md5({}) as k, md5({}) as r from {} where {}) as digests group by 1",
        joined_cells_sql(true), joined_cells_sql(false), full_name_, condition_);
}

std::string SinkTable::fetch_sql(const std::vector<uint32_t>& buckets) const {
    std::string keys;
    for (const SinkColumn& column : columns_) {
        if (column.is_key) {
            keys += ", " + cell_sql(column, {});
        }
    }
    std::string list;
    for (const uint32_t bucket : buckets) {
        list += fmt::format("{}'{:03x}'", list.empty() ? "" : ",", bucket);
    }
    const std::string key = joined_cells_sql(true);
    return fmt::format(
        "copy (select md5({}), md5({}){} from {} where {} and "
        "substr(md5({}), 1, 3) in ({})) to stdout",
        key, joined_cells_sql(false), keys, full_name_, condition_, key, list);
}

std::string SinkTable::cells_sql() const {
    std::string cells;
    for (const SinkColumn& column : columns_) {
        cells += fmt::format("{}{}", cells.empty() ? "" : ", ", cell_sql(column, "t."));
    }
    return fmt::format("select {} from {} as t where ({}) in (select * from {})", cells, full_name_,
                       names(true, "t."), unnest_sql(true));
}

}  // namespace plumbline::sink
