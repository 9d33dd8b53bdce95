#include "query/sql/safety.hpp"

#include <algorithm>
#include <string_view>

#include "core/base/ascii.hpp"
#include "query/sql/connection.hpp"

namespace plumbline::query::sql {

namespace {

/// Sorted. What is not here is refused: whatever a later SQLite or a Debian build adds. json_patch
/// looks for each key of one object at all of the other in one call: minutes, at a mebibyte each.
constexpr std::string_view kFunctions[] = {
    "->",
    "->>",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "ceil",
    "ceiling",
    "char",
    "coalesce",
    "cos",
    "cosh",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "decimal_add",
    "decimal_cmp",
    "decimal_div",
    "decimal_mul",
    "decimal_sub",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_each",
    "json_error_position",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_tree",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "percent_rank",
    "pi",
    "pow",
    "power",
    "printf",
    "quote",
    "radians",
    "random",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sin",
    "sinh",
    "sqlite_version",
    "sqrt",
    "strftime",
    "substr",
    "substring",
    "sum",
    "tan",
    "tanh",
    "time",
    "total",
    "trim",
    "trunc",
    "typeof",
    "u256_add",
    "u256_cmp",
    "u256_div",
    "u256_mod",
    "u256_mul",
    "u256_sub",
    "unhex",
    "unicode",
    "unixepoch",
    "unlikely",
    "upper",
};

bool is_listed(const char* name) {
    const auto less = [](std::string_view a, std::string_view b) {
        return std::ranges::lexicographical_compare(a, b, {}, ascii_lower, ascii_lower);
    };
    return name != nullptr && std::ranges::binary_search(kFunctions, std::string_view{name}, less);
}

int authorize(void* /*user*/, int action, const char* /*first*/, const char* second,
              const char* /*schema*/, const char* /*trigger*/) {
    switch (action) {
        case SQLITE_SELECT:
        case SQLITE_READ:
        case SQLITE_RECURSIVE: return SQLITE_OK;
        case SQLITE_FUNCTION: return is_listed(second) ? SQLITE_OK : SQLITE_DENY;
        default: return SQLITE_DENY;
    }
}

struct Limit {
    int what;
    int value;
};

}  // namespace

Status make_safe(sqlite3* db, const SqlLimits& limits) {
    const Limit all[] = {
        {SQLITE_LIMIT_LENGTH, static_cast<int>(limits.value_bytes_max)},
        {SQLITE_LIMIT_SQL_LENGTH, static_cast<int>(limits.statement_bytes_max)},
        {SQLITE_LIMIT_COLUMN, 500},
        {SQLITE_LIMIT_EXPR_DEPTH, 100},
        {SQLITE_LIMIT_COMPOUND_SELECT, 50},
        {SQLITE_LIMIT_VDBE_OP, 100'000},
        {SQLITE_LIMIT_FUNCTION_ARG, 100},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 1'000},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    // These tables are made when they are first asked for, which is no more allowed then.
    for (const char* sql : {"SELECT 1 FROM json_each('[]')", "SELECT 1 FROM json_tree('[]')"}) {
        if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
            return sqlite_error(db, "setting SQLite up");
        }
    }
    // Sorts and materialised parts stay in memory, where they are counted, and out of files.
    if (sqlite3_exec(db, "PRAGMA temp_store = MEMORY", nullptr, nullptr, nullptr) != SQLITE_OK) {
        return sqlite_error(db, "setting SQLite up");
    }
    PLUMBLINE_TRY_VOID(add_search_functions(db));
    PLUMBLINE_TRY_VOID(add_format_functions(db));
    for (const Limit& limit : all) {
        sqlite3_limit(db, limit.what, limit.value);
    }
    const Limit settings[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        // A name in double quotes that is no column is a mistake, not a text.
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
    };
    for (const Limit& setting : settings) {
        if (sqlite3_db_config(db, setting.what, setting.value, nullptr) != SQLITE_OK) {
            return sqlite_error(db, "setting SQLite up");
        }
    }
    return sqlite3_set_authorizer(db, authorize, nullptr) == SQLITE_OK
               ? ok()
               : Status{sqlite_error(db, "setting SQLite up")};
}

void limit_sqlite_memory(size_t bytes) {
    sqlite3_hard_heap_limit64(static_cast<sqlite3_int64>(bytes));
}

}  // namespace plumbline::query::sql
