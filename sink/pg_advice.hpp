// What to do about what PostgreSQL says, by SQLSTATE: its texts may be in any language.
#pragma once

#include <string>
#include <string_view>

#include "sink/pg_connection.hpp"

namespace plumbline::sink {

/// Where tables of this role would go and it may make none: its name (else null), and what would
/// grant it. To be selected.
inline constexpr std::string_view kDeniedTablespaceSql =
    "(select t.spcname from pg_tablespace t where t.spcname = "
    "current_setting('default_tablespace') and not has_tablespace_privilege(t.oid, 'create') and "
    "t.oid <> (select d.dattablespace from pg_database d where d.datname = current_database())), "
    "(select format('grant create on tablespace %I to %I', current_setting('default_tablespace'), "
    "current_user))";
struct DeniedTablespace {
    std::string name;   ///< empty: none is denied
    std::string grant;  ///< the statement that helps
};

/// About any statement that was refused with it; empty where there is nothing to say.
[[nodiscard]] std::string_view pg_advice(std::string_view sqlstate);
/// About the connection's last error, a refused statement with that message.
[[nodiscard]] std::string pg_advice(const PgConnection& connection, std::string_view message,
                                    const DeniedTablespace& denied);
/// About a connection that was.
[[nodiscard]] std::string_view pg_connect_advice(std::string_view sqlstate);

}  // namespace plumbline::sink
