#include "sink/sink_refusals.hpp"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sink/sink_session.hpp"
#include "sink/sink_writer.hpp"

namespace plumbline::sink {

namespace {

/// Takes what would stop the sink for an answer, and only what hinders the look for an error.
Result<bool> note(Status looked, std::vector<std::string>& out) {
    if (looked) {
        return true;
    }
    if (looked.error().code != ErrorCode::kInvalidArgument) {
        return std::move(looked).error();
    }
    out.push_back(std::move(looked).error().message);
    return false;
}

}  // namespace

/// Of the schema: what is made there needs it.
Status SinkSession::check_schema_rights() {
    PLUMBLINE_TRY(
        const PgRows found,
        ask("select quote_ident(current_user), quote_ident(current_database()), "
            "has_database_privilege(current_database(), 'create'), has_schema_privilege(n.oid, "
            "'usage'), quote_ident($1::text) from (select 1) as one left join pg_namespace n on "
            "n.nspname = $1::text",
            {config_.schema}));
    if (found.is_null(0, 3) && found.at(0, 2) != "t") {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the schema {0} is not there and the role {1} may not make it: "
                                 "create schema {0} authorization {1}, or grant create on database "
                                 "{2} to {1}",
                                 found.at(0, 4), found.at(0, 0), found.at(0, 1))};
    }
    if (!found.is_null(0, 3) && found.at(0, 3) != "t") {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the role {1} may not use the schema {0}: grant all on schema {0} "
                                 "to {1}",
                                 found.at(0, 4), found.at(0, 0))};
    }
    return ok();
}

/// Of tables: to write to those that are there, and to make others, or indexes; empty: none.
Status SinkSession::check_table_rights(const std::vector<std::string>& names,
                                       std::string_view makes) {
    PLUMBLINE_TRY(
        const PgRows found,
        ask("select quote_ident(current_user), quote_ident($1::text), has_schema_privilege(n.oid, "
            "'create'), (select string_agg(c.oid::regclass::text, ', ' order by c.relname) from "
            "pg_class c where c.relnamespace = n.oid and c.relkind in ('r', 'p') and c.relname = "
            "any($2::text[]) and not (has_table_privilege(c.oid, 'select') and "
            "has_table_privilege(c.oid, 'insert') and has_table_privilege(c.oid, 'update') and "
            "has_table_privilege(c.oid, 'delete'))) from (select 1) as one left join pg_namespace "
            "n on n.nspname = $1::text",
            {config_.schema, to_array(names)}));
    if (!makes.empty() && !found.is_null(0, 2) && found.at(0, 2) != "t") {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the role {1} may make no {2} in the schema {0}: grant all on "
                                 "schema {0} to {1}",
                                 found.at(0, 1), found.at(0, 0), makes)};
    }
    if (!makes.empty() && !denied_tablespace_.name.empty()) {
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format("the role {} may make no {} in its default_tablespace {}: {}",
                        found.at(0, 0), makes, denied_tablespace_.name, denied_tablespace_.grant)};
    }
    if (!found.is_null(0, 3)) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the role {0} may not write to {1}: make it their owner, or grant "
                                 "select, insert, update, delete on {1} to {0}",
                                 found.at(0, 0), found.at(0, 3))};
    }
    return ok();
}

/// What an answer makes pointless is not asked.
Result<std::vector<std::string>> SinkSession::look_for_refusals() {
    std::vector<std::string> out;
    PLUMBLINE_TRY(const bool may_look, note(check_schema_rights(), out));
    if (!may_look) {
        return out;
    }
    PLUMBLINE_TRY(out, find_own_tables());
    PLUMBLINE_TRY(const bool may_note,
                  note(check_table_rights({"plumbline_cursor", "plumbline_tables"},
                                          has_own_tables_ ? "" : "tables"),
                       out));
    if (!may_note) {
        return out;
    }
    PLUMBLINE_TRY_VOID(look());
    if (has_own_tables_) {
        PLUMBLINE_TRY_VOID(note(read_position(), out));
        PLUMBLINE_TRY_VOID(note(read_states(), out));
    }
    std::vector<std::string> own_tables;
    std::string_view makes;
    for (size_t at = 0; at < tables_.size(); ++at) {
        const TableLook& look = looks_[at];
        if (!look.exists) {
            makes = "tables";
        } else if (makes.empty() && !look.missing_indexes.empty()) {
            makes = "indexes";
        }
        if (look.exists && !look.is_foreign) {
            own_tables.push_back(tables_[at].name());
        }
        const bool is_altered = !look.cure.empty() || !look.missing_indexes.empty();
        if (look.exists && !look.problem.empty() && look.cure.empty()) {
            out.push_back(look.problem);
        } else if (look.exists && is_altered && !look.is_owner) {
            out.push_back(
                fmt::format("columns or indexes of the table {0} are to be made, which only its "
                            "owner may: alter table {0} owner to the sink's role",
                            tables_[at].full_name()));
        }
    }
    PLUMBLINE_TRY_VOID(note(check_table_rights(own_tables, makes), out));
    return out;
}

Result<std::vector<std::string>> SinkSession::find_refusals(PgOptions options) {
    std::vector<std::string> out;
    PLUMBLINE_TRY(const bool is_there, note(connect(std::move(options)), out));
    return is_there ? look_for_refusals() : Result<std::vector<std::string>>{std::move(out)};
}

/// Before the cursor is taken over: one that cannot write would fence a working writer for good.
Status SinkSession::check_start() {
    PLUMBLINE_TRY(const std::vector<std::string> refusals, look_for_refusals());
    if (refusals.empty()) {
        return ok();
    }
    if (epoch_ != 0 && has_own_tables_) {
        // Who is fenced out says that, whatever else is in the way by now.
        Status held = check_cursor();
        if (is_fenced_) {
            return held;
        }
    }
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}", fmt::join(refusals, "; "))};
}

Result<std::vector<std::string>> find_refusals(const engine::SinkConfig& config,
                                               const engine::Plan& plan, uint64_t chain_id,
                                               int64_t silence_ms) {
    PLUMBLINE_TRY(const std::vector<SinkTable> tables, make_tables(config, plan, chain_id));
    SinkSession session{config, tables, chain_id};
    PgOptions pg;
    pg.url = config.url;
    pg.silence_ms = silence_ms;
    return session.find_refusals(std::move(pg));
}

}  // namespace plumbline::sink
