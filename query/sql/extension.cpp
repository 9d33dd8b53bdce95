// The loadable extension: any program with SQLite 3.38 or later reads an index in place, beside its
// writer.
//
//   select load_extension('libplumbline_sqlite');
//   select plumbline_attach('./db');
//   select count(*) from vote;
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT1

#include <list>
#include <string>

#include <fmt/format.h>

#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"
#include "query/sql/connection.hpp"
#include "query/sql/index_follower.hpp"

namespace plumbline::query::sql {

namespace {

constexpr int kVersionMin = 3'038'000;  // sqlite3_vtab_in

/// All that one connection of SQLite has of ours. One thread at a time.
struct Attached {
    sqlite3* db = nullptr;
    Connection functions;  ///< has no tables: the functions that all share
    std::list<Connection> indexes;
    Connection* last = nullptr;  ///< that was attached last
};

std::string text_argument(sqlite3_value* value) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
    return text == nullptr ? std::string{} : std::string{text};
}

/// The newest state, while it has the tables that were attached.
Result<std::shared_ptr<const storage::ReadView>> checked_newest(
    IndexFollower& follower, const std::vector<storage::EntityLayout>& entities) {
    PLUMBLINE_TRY(std::shared_ptr<const storage::ReadView> view, follower.newest());
    if (view->bundle().entities != entities) {
        return Error{ErrorCode::kIncompatible,
                     "the index has other entities now: select plumbline_attach(..) again"};
    }
    return view;
}

/// The index that is attached with that prefix, or a new one.
Connection& index_of(Attached& all, const std::string& prefix) {
    for (Connection& known : all.indexes) {
        if (known.prefix == prefix) {
            return known;
        }
    }
    Connection& index = all.indexes.emplace_back();
    index.db = all.db;
    index.module = fmt::format("plumbline_{}", all.indexes.size());
    index.prefix = prefix;
    return index;
}

/// Drops the tables of its module, whatever of them there is, and nobody else's.
Status drop_tables(const Connection& index) {
    const std::string asked = fmt::format(
        "select group_concat('DROP TABLE temp.\"' || replace(name, '\"', '\"\"') || '\"', ';') "
        "from "
        "sqlite_temp_master where type = 'table' and sql like 'CREATE VIRTUAL TABLE % USING {}'",
        index.module);
    sqlite3_stmt* made = nullptr;
    int code = sqlite3_prepare_v2(index.db, asked.c_str(), -1, &made, nullptr);
    Prepared statement{made};
    std::string drops;
    if (code == SQLITE_OK && (code = sqlite3_step(made)) == SQLITE_ROW) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(made, 0));
        drops = text == nullptr ? "" : text;
        code = SQLITE_OK;
    }
    statement.reset();
    if (code == SQLITE_OK) {
        code = sqlite3_exec(index.db, drops.c_str(), nullptr, nullptr, nullptr);
    }
    return code == SQLITE_OK ? ok() : Status{sqlite_error(index.db, "attaching an index again")};
}

Status attach(Attached& all, const std::string& path, const std::string& prefix) {
    PLUMBLINE_TRY(const std::shared_ptr<IndexFollower> follower, IndexFollower::of(path));
    PLUMBLINE_TRY(const std::shared_ptr<const storage::ReadView> view, follower->newest());
    Connection& index = index_of(all, prefix);
    PLUMBLINE_TRY_VOID(drop_tables(index));
    index.statement = {};
    index.refused.reset();
    all.last = &index;
    index.tables = make_tables(*view, follower->plan(), PastTables::kNone);
    index.newest = [follower, entities = view->bundle().entities] {
        return checked_newest(*follower, entities);
    };
    return add_tables(index, "temp");
}

void run_attach(sqlite3_context* context, int count, sqlite3_value** values) {
    auto& all = *static_cast<Attached*>(sqlite3_user_data(context));
    const Status done = catch_exceptions("plumbline_attach", [&] {
        return attach(all, text_argument(values[0]), count > 1 ? text_argument(values[1]) : "");
    });
    if (!done) {
        sqlite3_result_error(context, done.error().message.c_str(), -1);
        return;
    }
    sqlite3_result_int64(context, static_cast<sqlite3_int64>(all.last->tables.size()));
}

/// The block of the state that the next statement sees, of the index that was attached last.
void run_block(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
    auto& all = *static_cast<Attached*>(sqlite3_user_data(context));
    if (all.last == nullptr) {
        return sqlite3_result_error(context, "no index is attached", -1);
    }
    Connection& index = *all.last;
    const auto view = index.open_cursors > 0 ? Result{index.statement.view} : index.newest();
    const auto cursor = view ? (*view)->cursor() : std::nullopt;
    if (!view) {
        sqlite3_result_error(context, view.error().message.c_str(), -1);
    } else if (cursor) {
        sqlite3_result_int64(context, static_cast<sqlite3_int64>(cursor->block_num));
    } else {
        sqlite3_result_null(context);
    }
}

Status start_extension(sqlite3* db) {
    logging::configure(logging::Level::kOff, logging::Format::kText);
    auto all = std::make_unique<Attached>();
    all->db = db;
    all->functions.db = db;
    PLUMBLINE_TRY_VOID(add_functions(all->functions));
    // From here on the function's end is theirs too: SQLite ends tables before it.
    Attached* const kept = all.release();
    constexpr int kFlags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    int code = sqlite3_create_function_v2(
        db, "plumbline_attach", 1, kFlags, kept, run_attach, nullptr, nullptr, [](void* attached) {
            const std::unique_ptr<Attached> ended{static_cast<Attached*>(attached)};
        });
    if (code == SQLITE_OK) {
        code = sqlite3_create_function_v2(db, "plumbline_attach", 2, kFlags, kept, run_attach,
                                          nullptr, nullptr, nullptr);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_create_function_v2(db, "plumbline_block", 0, SQLITE_UTF8, kept, run_block,
                                          nullptr, nullptr, nullptr);
    }
    return code == SQLITE_OK ? ok() : Status{sqlite_error(db, "adding plumbline to SQLite")};
}

}  // namespace

}  // namespace plumbline::query::sql

extern "C" __attribute__((visibility("default"))) int sqlite3_plumblinesqlite_init(
    sqlite3* db, char** message, const sqlite3_api_routines* api);

int sqlite3_plumblinesqlite_init(sqlite3* db, char** message, const sqlite3_api_routines* api) {
    SQLITE_EXTENSION_INIT2(api);
    if (sqlite3_libversion_number() < plumbline::query::sql::kVersionMin) {
        *message = sqlite3_mprintf("plumbline needs SQLite 3.38 or later, this is %s",
                                   sqlite3_libversion());
        return SQLITE_ERROR;
    }
    const plumbline::Status started = plumbline::catch_exceptions(
        "plumbline", [&] { return plumbline::query::sql::start_extension(db); });
    if (!started) {
        *message = sqlite3_mprintf("%s", started.error().message.c_str());
        return SQLITE_ERROR;
    }
    // Threads of the database library may still run when the last connection closes.
    return SQLITE_OK_LOAD_PERMANENTLY;
}
