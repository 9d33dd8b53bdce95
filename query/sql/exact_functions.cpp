// abs() of numbers of any size.
#include <cmath>
#include <string_view>

#include "query/sql/connection.hpp"
#include "query/sql/number.hpp"
#include "query/sql/safety.hpp"

namespace plumbline::query::sql {

namespace {

/// As SQLite's, but for numbers that are texts: their own digits.
void run_abs(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
    sqlite3_value* value = values[0];
    const int type = sqlite3_value_type(value);
    if (type == SQLITE_NULL) {
        return sqlite3_result_null(context);
    }
    if (type == SQLITE_INTEGER) {
        const sqlite3_int64 number = sqlite3_value_int64(value);
        return number == INT64_MIN ? sqlite3_result_error(context,
                                                          "abs(-9223372036854775808) does not fit "
                                                          "in 64 bits: use abs(u256_add(.., 0))",
                                                          -1)
                                   : sqlite3_result_int64(context, number < 0 ? -number : number);
    }
    if (type == SQLITE_TEXT) {
        std::string_view text{reinterpret_cast<const char*>(sqlite3_value_text(value)),
                              static_cast<size_t>(sqlite3_value_bytes(value))};
        if (is_canonical(text)) {
            text.remove_prefix(text.starts_with('-') ? 1 : 0);
            return sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT,
                                         SQLITE_UTF8);
        }
    }
    sqlite3_result_double(context, std::abs(sqlite3_value_double(value)));
}

}  // namespace

Status add_exact_functions(sqlite3* db) {
    constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    return sqlite3_create_function_v2(db, "abs", 1, kFlags, nullptr, run_abs, nullptr, nullptr,
                                      nullptr) == SQLITE_OK
               ? ok()
               : Status{sqlite_error(db, "setting SQLite up")};
}

}  // namespace plumbline::query::sql
