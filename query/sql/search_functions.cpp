// instr() and replace() as SQLite has them, but in linear time: SQLite's own compare at every
// place, and one call over texts of a mebibyte that repeat themselves takes minutes in which
// nothing can end it.
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/exception_guard.hpp"
#include "query/sql/connection.hpp"
#include "query/sql/safety.hpp"

namespace plumbline::query::sql {

namespace {

/// Null where the value is. A blob is not asked as text: SQLite keeps a constant for all rows, and
/// it would be a text from then on.
std::optional<std::string_view> bytes_of(sqlite3_value* value) {
    const int type = sqlite3_value_type(value);
    if (type == SQLITE_NULL) {
        return std::nullopt;
    }
    const void* data = type == SQLITE_BLOB ? sqlite3_value_blob(value) : sqlite3_value_text(value);
    return std::string_view{data == nullptr ? "" : static_cast<const char*>(data),
                            static_cast<size_t>(sqlite3_value_bytes(value))};
}

/// Two-way search: linear in both.
size_t find_from(std::string_view text, std::string_view part, size_t from) {
    const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
    return found == nullptr ? std::string_view::npos
                            : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

/// The place of the first, from 1 on, in characters or, of two blobs, in bytes; 0: nowhere.
void run_instr(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
    const bool are_blobs = sqlite3_value_type(values[0]) == SQLITE_BLOB &&
                           sqlite3_value_type(values[1]) == SQLITE_BLOB;
    const auto text = bytes_of(values[0]);
    const auto part = bytes_of(values[1]);
    if (!text || !part) {
        return sqlite3_result_null(context);
    }
    const size_t found = find_from(*text, *part, 0);
    if (found == std::string_view::npos) {
        return sqlite3_result_int(context, 0);
    }
    sqlite3_int64 place = 1;
    for (size_t i = 0; i < found; ++i) {
        const bool is_start = (static_cast<unsigned char>((*text)[i]) & 0xc0U) != 0x80U;
        place += are_blobs || is_start ? 1 : 0;
    }
    sqlite3_result_int64(context, place);
}

void run_replace(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
    const auto text = bytes_of(values[0]);
    const auto part = bytes_of(values[1]);
    if (!text || !part) {
        return sqlite3_result_null(context);
    }
    if (part->empty()) {  // Whatever it would be replaced by, null too; of a blob, its text.
        return sqlite3_value_type(values[0]) == SQLITE_BLOB
                   ? sqlite3_result_text64(context, text->data(), text->size(), SQLITE_TRANSIENT,
                                           SQLITE_UTF8)
                   : sqlite3_result_value(context, values[0]);
    }
    const auto with = bytes_of(values[2]);
    if (!with) {
        return sqlite3_result_null(context);
    }
    const auto most = static_cast<size_t>(
        sqlite3_limit(sqlite3_context_db_handle(context), SQLITE_LIMIT_LENGTH, -1));
    std::string out;
    const Status done = catch_exceptions("replace", [&] {
        size_t from = 0;
        for (size_t at = find_from(*text, *part, 0);
             at != std::string_view::npos && out.size() <= most;
             at = find_from(*text, *part, from)) {
            out += text->substr(from, at - from);
            out += *with;
            from = at + part->size();
        }
        out += text->substr(from);
    });
    if (!done) {
        return sqlite3_result_error_nomem(context);
    }
    if (out.size() > most) {
        return sqlite3_result_error_toobig(context);
    }
    sqlite3_result_text64(context, out.data(), out.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

}  // namespace

Status add_search_functions(sqlite3* db) {
    constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    const int code = sqlite3_create_function_v2(db, "instr", 2, kFlags, nullptr, run_instr, nullptr,
                                                nullptr, nullptr);
    return code == SQLITE_OK &&
                   sqlite3_create_function_v2(db, "replace", 3, kFlags, nullptr, run_replace,
                                              nullptr, nullptr, nullptr) == SQLITE_OK
               ? ok()
               : Status{sqlite_error(db, "setting SQLite up")};
}

}  // namespace plumbline::query::sql
