#include "sink/pg_settings.hpp"

#include <fmt/format.h>

namespace plumbline::sink {

std::string pg_timeouts_sql(bool has_transaction_timeout) {
    return fmt::format(
        "select pg_catalog.set_config('statement_timeout', '0', true){}",
        has_transaction_timeout ? ", pg_catalog.set_config('transaction_timeout', '0', true)" : "");
}

std::string pg_settings_sql(int64_t lock_ms) {
    static const std::string kValues = [] {
        std::string values =
            "('search_path', pg_catalog.concat_ws(', ', 'pg_catalog', "
            "nullif(pg_catalog.current_setting('search_path'), '')))";
        for (const PgSetting& one : kPgSettings) {
            values += fmt::format(", ('{}', '{}')", one.name, one.value);
        }
        return values;
    }();
    return fmt::format(
        "select pg_catalog.set_config(s.n, s.v, true) from (values {}, ('lock_timeout', '{}')) as "
        "s(n, v) where pg_catalog.current_setting(s.n, true) is not null",
        kValues, lock_ms);
}

std::string pg_short_locks_sql(int64_t most_ms) {
    return fmt::format(
        "select pg_catalog.set_config('lock_timeout', least({}, (select nullif(reset_val::bigint, "
        "0) from pg_catalog.pg_settings where name = 'lock_timeout'))::text, true)",
        most_ms);
}

}  // namespace plumbline::sink
