// Our tables as SQLite's virtual tables: which conditions are taken over, and how.
//
// Every condition on a column whose values SQL's own rules would compare wrongly (numbers wider
// than 64 bits) is taken over, served by a key or not: it is answered exactly or refused.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "core/base/exception_guard.hpp"
#include "query/sql/asked_value.hpp"
#include "query/sql/connection.hpp"
#include "query/sql/number.hpp"
#include "query/sql/number_prefix.hpp"
#include "query/sql/number_values.hpp"
#include "query/sql/value_kind.hpp"

namespace plumbline::query::sql {

namespace {

using storage::FieldKind;
using storage::FieldType;

struct VirtualTable : sqlite3_vtab {
    Connection* connection = nullptr;
    const Table* table = nullptr;
};

struct VirtualCursor : sqlite3_vtab_cursor {
    std::unique_ptr<TableCursor> rows;  ///< null: none
};

VirtualTable& table_of(sqlite3_vtab_cursor* cursor) {
    return *static_cast<VirtualTable*>(cursor->pVtab);
}

/// Gives SQLite the error's words.
int fail_with(sqlite3_vtab& table, const Error& error) {
    sqlite3_free(table.zErrMsg);
    table.zErrMsg = sqlite3_mprintf("%s", error.message.c_str());
    auto& connection = *static_cast<VirtualTable&>(table).connection;
    if (!connection.refused) {
        connection.refused = error;
    }
    return SQLITE_ERROR;
}

/// Nothing thrown may pass through SQLite.
template <typename Work>
int guarded(sqlite3_vtab& table, Work&& work) {
    const Status done = catch_exceptions("an SQL table", std::forward<Work>(work));
    return done ? SQLITE_OK : fail_with(table, done.error());
}

const char* collation_of(FieldType type) {
    if (is_wide(type) || (type.kind == FieldKind::kUint && type.bits == 64)) {
        return kNumberCollation;
    }
    switch (type.kind) {
        case FieldKind::kAddress:
        case FieldKind::kFixedBytes:
        case FieldKind::kBytes: return "NOCASE";  // Hex in any case is the same bytes.
        default: return "BINARY";
    }
}

bool is_sql_integer(FieldType type) {
    return type.kind == FieldKind::kBool || (type.is_integer() && type.bits <= 64);
}

std::string sql_name(std::string_view name) {
    std::string out{'"'};
    for (const char c : name) {
        out.append(c == '"' ? 2 : 1, c);
    }
    return out + '"';
}

std::string declaration(const Table& table) {
    std::string out = "CREATE TABLE x(";
    for (const Column& column : table.columns()) {
        const bool is_integer = column.type && is_sql_integer(*column.type);
        const bool is_bool = column.type && column.type->kind == FieldKind::kBool;
        const char* collation = column.type ? collation_of(*column.type) : "BINARY";
        out += fmt::format("{} {}{} COLLATE {}, ", sql_name(column.name),
                           is_bool      ? "BOOLEAN"
                           : is_integer ? "INTEGER"
                                        : "TEXT",
                           column.is_hidden ? " HIDDEN" : "", collation);
    }
    out += "PRIMARY KEY(";
    for (const size_t column : table.key()) {
        out += (column == table.key().front() ? "" : ", ") + sql_name(table.columns()[column].name);
    }
    return out + ")) WITHOUT ROWID";
}

int connect(sqlite3* db, void* aux, int /*count*/, const char* const* arguments, sqlite3_vtab** out,
            char** message) {
    auto& connection = *static_cast<Connection*>(aux);
    for (const auto& table : connection.tables) {
        if (connection.prefix + table->name() != arguments[2]) {
            continue;
        }
        const int code = sqlite3_declare_vtab(db, declaration(*table).c_str());
        if (code != SQLITE_OK) {
            *message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
            return code;
        }
        sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
        auto made = std::make_unique<VirtualTable>();
        static_cast<sqlite3_vtab&>(*made) = {};
        made->connection = &connection;
        made->table = table.get();
        connection.virtual_tables.emplace_back(made.get(), table.get());
        *out = made.release();
        return SQLITE_OK;
    }
    *message = sqlite3_mprintf("plumbline has no table %s", arguments[2]);
    return SQLITE_ERROR;
}

/// A function of its own, so that the module's name is no table.
int create(sqlite3* db, void* aux, int count, const char* const* arguments, sqlite3_vtab** out,
           char** message) {
    return connect(db, aux, count, arguments, out, message);
}

int disconnect(sqlite3_vtab* table) {
    const std::unique_ptr<VirtualTable> ended{static_cast<VirtualTable*>(table)};
    std::erase_if(ended->connection->virtual_tables,
                  [&](const auto& known) { return known.first == ended.get(); });
    return SQLITE_OK;
}

std::optional<Compare> compare_of(unsigned char op) {
    switch (op) {
        case SQLITE_INDEX_CONSTRAINT_EQ:
        case SQLITE_INDEX_CONSTRAINT_IS: return Compare::kEq;
        case SQLITE_INDEX_CONSTRAINT_NE: return Compare::kNe;
        case SQLITE_INDEX_CONSTRAINT_GT: return Compare::kGt;
        case SQLITE_INDEX_CONSTRAINT_GE: return Compare::kGe;
        case SQLITE_INDEX_CONSTRAINT_LT: return Compare::kLt;
        case SQLITE_INDEX_CONSTRAINT_LE: return Compare::kLe;
        default: return std::nullopt;
    }
}

/// Whether we compare as the statement asks: by the column's own collation, or where any gives the
/// same. Numbers are compared as such whatever collation the other side brings: that of a column of
/// another table counts where it stands on the left.
bool is_taken(const Column& column, Compare compare, const char* collation) {
    if (!column.is_asked || !column.type) {
        return false;
    }
    const FieldType type = *column.type;
    const bool is_equality = compare == Compare::kEq || compare == Compare::kNe;
    if (type.kind == FieldKind::kEnum && !is_equality) {
        return false;  // Names in SQL's order, not in that of their declaration.
    }
    return is_sql_integer(type) || is_wide(type) ||
           sqlite3_stricmp(collation, collation_of(type)) == 0;
}

/// Values of no type, for a plan: bounds around what is equal.
std::vector<std::string> stand_ins(Compare compare) {
    switch (compare) {
        case Compare::kIn: return {"m", "n"};
        case Compare::kGt:
        case Compare::kGe: return {"b"};
        case Compare::kLt:
        case Compare::kLe: return {"y"};
        case Compare::kNe: return {"q"};
        case Compare::kEq: break;
    }
    return {"m"};
}

struct TakenCondition {
    uint16_t column = 0;
    Compare compare = Compare::kEq;
    bool is_null_too = false;  ///< IS: null equals null
};

/// What `best_index` tells `filter`: "cCOLUMN COMPARE;" a condition, "iCOLUMN COMPARE;" one of IS,
/// "oCOLUMN DESCENDING;" a column of the order, "u0 BITS;" the columns that are read.
struct TakenPlan {
    uint64_t used = ~uint64_t{0};
    std::vector<TakenCondition> conditions;
    std::vector<OrderColumn> order;

    [[nodiscard]] std::string text() const {
        std::string out;
        for (const TakenCondition& one : conditions) {
            out += fmt::format("{}{} {};", one.is_null_too ? 'i' : 'c', one.column,
                               static_cast<int>(one.compare));
        }
        for (const OrderColumn& column : order) {
            out += fmt::format("o{} {};", column.column, column.descending ? 1 : 0);
        }
        return out + fmt::format("u0 {};", used);
    }
    static TakenPlan parse(std::string_view text) {
        TakenPlan out;
        while (!text.empty()) {
            const size_t end = text.find(';');
            unsigned column = 0;
            uint64_t second = 0;
            const char* last = text.data() + end;
            const auto middle = std::from_chars(text.data() + 1, last, column);
            std::from_chars(middle.ptr + 1, last, second);
            if (text[0] == 'c' || text[0] == 'i') {
                out.conditions.push_back(
                    {static_cast<uint16_t>(column), static_cast<Compare>(second), text[0] == 'i'});
            } else if (text[0] == 'o') {
                out.order.push_back({static_cast<uint16_t>(column), second != 0});
            } else {
                out.used = second;
            }
            text.remove_prefix(end + 1);
        }
        return out;
    }
};

/// The order of the statement, where the stored order of its columns is SQL's.
std::vector<OrderColumn> order_of(const Table& table, const sqlite3_index_info& info) {
    std::vector<OrderColumn> out;
    for (int i = 0; i < info.nOrderBy; ++i) {
        const int column = info.aOrderBy[i].iColumn;
        if (column < 0) {
            return {};
        }
        const Column& asked = table.columns()[static_cast<size_t>(column)];
        if (!asked.is_asked || !asked.type || asked.type->kind == FieldKind::kEnum) {
            return {};
        }
        out.push_back({static_cast<uint16_t>(column), info.aOrderBy[i].desc != 0});
    }
    return out;
}

/// Whether it is a bound that SQLite makes of a LIKE or GLOB whose pattern does not begin as a
/// number does, to narrow an index of texts: no value of a column of numbers is held against it.
/// SQLite itself asks the pattern of every row.
bool is_bound_of_pattern(const Column& column, sqlite3_index_info& info, int place) {
    const auto& bound = info.aConstraint[place];
    const bool is_range =
        bound.op == SQLITE_INDEX_CONSTRAINT_GE || bound.op == SQLITE_INDEX_CONSTRAINT_LT;
    const bool is_number = column.type && (is_sql_integer(*column.type) || is_wide(*column.type));
    if (!is_range || !is_number) {
        return false;
    }
    const auto is_pattern = [&](const auto& other) {
        return other.iColumn == bound.iColumn && (other.op == SQLITE_INDEX_CONSTRAINT_LIKE ||
                                                  other.op == SQLITE_INDEX_CONSTRAINT_GLOB);
    };
    sqlite3_value* value = nullptr;
    return std::any_of(info.aConstraint, info.aConstraint + info.nConstraint, is_pattern) &&
           sqlite3_vtab_rhs_value(&info, place, &value) == SQLITE_OK &&
           sqlite3_value_type(value) == SQLITE_TEXT && !is_canonical(view_of(value));
}

Status plan_into(VirtualTable& table, sqlite3_index_info& info) {
    Connection& connection = *table.connection;
    if (connection.statement.should_stop && connection.statement.should_stop()) {
        return Error{ErrorCode::kTimeout, "the statement took too long to plan"};
    }
    TakenPlan taken;
    Question question;
    bool takes_uint64 = false;
    for (int i = 0; i < info.nConstraint; ++i) {
        const auto& constraint = info.aConstraint[i];
        if (constraint.iColumn >= 0 &&
            table.table->columns()[static_cast<size_t>(constraint.iColumn)].role ==
                ColumnRole::kNoArgument) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("too many arguments on {}()", table.table->name())};
        }
        const auto compare = compare_of(constraint.op);
        if (constraint.usable == 0 || constraint.iColumn < 0 || !compare ||
            is_bound_of_pattern(table.table->columns()[static_cast<size_t>(constraint.iColumn)],
                                info, i) ||
            (*compare == Compare::kNe && connection.statement.has_outer_join) ||
            !is_taken(table.table->columns()[static_cast<size_t>(constraint.iColumn)], *compare,
                      sqlite3_vtab_collation(&info, i))) {
            continue;
        }
        takes_uint64 |=
            kinds_of(table.table->columns()[static_cast<size_t>(constraint.iColumn)]) == kUint64;
        const bool is_in = *compare == Compare::kEq && sqlite3_vtab_in(&info, i, 1) != 0;
        const auto column = static_cast<uint16_t>(constraint.iColumn);
        const Compare asked = is_in ? Compare::kIn : *compare;
        taken.conditions.push_back({column, asked, constraint.op == SQLITE_INDEX_CONSTRAINT_IS});
        question.where.push_back({column, asked, stand_ins(asked)});
        info.aConstraintUsage[i].argvIndex = static_cast<int>(taken.conditions.size());
        info.aConstraintUsage[i].omit = 1;
    }
    question.order = order_of(*table.table, info);
    PLUMBLINE_TRY(const storage::ReadView* const view, connection.view());
    const TablePlan plan = table.table->plan(*view, question);
    if (plan.is_ordered && !question.order.empty()) {
        taken.order = question.order;
        info.orderByConsumed = 1;
    }
    // Of two plans that cost the same, that in which we compare, and not SQLite in floating point.
    info.estimatedCost = takes_uint64 ? plan.cost * 0.95 : plan.cost;
    info.estimatedRows = static_cast<sqlite3_int64>(plan.rows);
    if (plan.is_single) {
        info.idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
    }
    taken.used = info.colUsed;
    info.idxStr = sqlite3_mprintf("%s", taken.text().c_str());
    info.needToFreeIdxStr = 1;
    return ok();
}

int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
    return guarded(*vtab, [&] { return plan_into(*static_cast<VirtualTable*>(vtab), *info); });
}

int open_cursor(sqlite3_vtab* vtab, sqlite3_vtab_cursor** out) {
    return guarded(*vtab, [&]() -> Status {
        auto cursor = std::make_unique<VirtualCursor>();
        static_cast<sqlite3_vtab_cursor&>(*cursor) = {};
        PLUMBLINE_TRY_VOID(static_cast<VirtualTable*>(vtab)->connection->on_open());
        *out = cursor.release();
        return ok();
    });
}

int close_cursor(sqlite3_vtab_cursor* cursor) {
    table_of(cursor).connection->on_close();
    const std::unique_ptr<VirtualCursor> ended{static_cast<VirtualCursor*>(cursor)};
    return SQLITE_OK;
}

Status start(VirtualCursor& cursor, std::string_view plan, sqlite3_value** values) {
    const VirtualTable& table = table_of(&cursor);
    cursor.rows.reset();
    TakenPlan taken = TakenPlan::parse(plan);
    Question question;
    question.order = std::move(taken.order);
    bool is_never = false;
    for (size_t i = 0; i < taken.conditions.size(); ++i) {
        const auto [column, compare, is_null_too] = taken.conditions[i];
        const Column& asked_of = table.table->columns()[column];
        if (is_null_too && asked_of.type->optional &&
            sqlite3_value_type(values[i]) == SQLITE_NULL) {
            question.where.push_back({column, Compare::kEq, {std::string{kNullValue}}});
            continue;
        }
        auto asked = compare == Compare::kIn ? ask_in(*asked_of.type, values[i])
                                             : ask_value(*asked_of.type, compare, values[i]);
        const bool is_block = asked_of.role == ColumnRole::kBlock;
        if (!asked) {
            return std::move(asked).error().with_context(is_block ? table.table->name()
                                                                  : asked_of.name);
        }
        if (is_block && asked->is_never) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{}: a block is a whole number from 0 to 2^64 - 1",
                                     table.table->name())};
        }
        is_never |= asked->is_never;
        if (asked->is_always && asked_of.type->optional) {
            asked->condition = is_set();  // Whatever it is compared with: null is not so.
            asked->is_always = false;
        }
        if (!asked->is_always && !asked->is_never) {
            asked->condition.column = column;
            question.where.push_back(std::move(asked->condition));
        }
    }
    if (is_never) {
        return ok();
    }
    PLUMBLINE_TRY(cursor.rows,
                  table.table->open(table.connection->statement, question, taken.used));
    return cursor.rows->status();
}

int filter(sqlite3_vtab_cursor* cursor, int /*number*/, const char* plan, int /*count*/,
           sqlite3_value** values) {
    return guarded(*cursor->pVtab, [&] {
        return start(*static_cast<VirtualCursor*>(cursor), plan == nullptr ? "" : plan, values);
    });
}

int next(sqlite3_vtab_cursor* cursor) {
    return guarded(*cursor->pVtab, [&] {
        auto& rows = *static_cast<VirtualCursor*>(cursor)->rows;
        rows.next();
        return rows.status();
    });
}

int is_at_end(sqlite3_vtab_cursor* cursor) {
    const auto& rows = static_cast<VirtualCursor*>(cursor)->rows;
    return rows == nullptr || !rows->valid() ? 1 : 0;
}

struct GiveCell {
    sqlite3_context* context;
    void operator()(std::monostate /*null*/) const { sqlite3_result_null(context); }
    void operator()(int64_t number) const { sqlite3_result_int64(context, number); }
    void operator()(const std::string& text) const {
        sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
};

/// Whether so many digits stand in a row that a number of them may not fit in 64 bits.
bool has_long_number(std::string_view text) {
    constexpr size_t kDigitsMax = 18;
    size_t digits = 0;
    return std::ranges::any_of(text, [&](char c) {
        digits = is_ascii_digit(c) ? digits + 1 : 0;
        return digits > kDigitsMax;
    });
}

bool may_be(WatchedColumn::For what, std::string_view text) {
    using For = WatchedColumn::For;
    switch (what) {
        case For::kWhole: return fits_integer(text);
        case For::kDigits: return fits_double(text);
        case For::kLeast: return !becomes_least(text);
        case For::kTextCut: return !has_long_number(text);
        case For::kTextWhole:
        case For::kTextNumber:
        case For::kTextKept: break;
    }
    const auto number = number_prefix(text);
    return !number || (what == For::kTextKept && !number->is_all) ||
           (what == For::kTextWhole ? is_whole_held(*number) : is_held(*number));
}

bool is_of_texts(WatchedColumn::For what) {
    using For = WatchedColumn::For;
    return what == For::kTextWhole || what == For::kTextNumber || what == For::kTextCut ||
           what == For::kTextKept;
}

/// What SQL would do with a number that is too large for it, and what to write instead.
std::string why_not(const WatchedColumn& watched) {
    using Use = WatchedColumn::Use;
    const Column& column = watched.table->columns()[watched.column];
    const bool is_decimal = column.type && column.type->kind == FieldKind::kDecimal;
    const std::string_view kind = is_decimal ? "decimal" : "u256";
    if (is_of_texts(watched.what)) {
        return fmt::format(
            "of which SQL would make a number that it is not: use u256_add({0}, 0) "
            "where all are whole numbers, decimal_add({0}, 0) of others, or say "
            "cast({0} as real)",
            column.name);
    }
    switch (watched.use) {
        case Use::kKept: return kKeptWords;
        case Use::kBits:
            return "with which SQL would calculate in 64 bits: use u256_mul(a, '16') for a << 4 "
                   "and, of numbers that are not negative, u256_div(a, '16') for a >> 4, "
                   "u256_mod(a, '16') for a & 15";
        case Use::kEqual:
            return fmt::format(
                "which SQL would compare in floating point: use {}_cmp(a, b) = 0 for a = b", kind);
        case Use::kOrder:
            return fmt::format(
                "which SQL would compare in floating point: use {}_cmp(a, b) < 0 for a < b", kind);
        case Use::kSort:
            return fmt::format(
                "which SQL would order in floating point or by its bytes: order by "
                "{}_add(.., 0) collate u256, max({}_add(.., 0) collate u256)",
                kind, kind);
        case Use::kCalculated: break;
    }
    return fmt::format(
        "with which SQL would calculate in floating point: use u256_add(a, b) or "
        "decimal_add(a, b) and the others, or say cast({} as real)",
        column.name);
}

Error past_watch(const WatchedColumn& watched, const std::string& text) {
    const bool is_text = is_of_texts(watched.what);
    return {ErrorCode::kInvalidArgument,
            fmt::format("{}.{} is {} in a row, {}", watched.table->name(),
                        watched.table->columns()[watched.column].name,
                        is_text ? "'" + cut(text) + "'" : text, why_not(watched))};
}

/// Where a text is more than the statement takes rightly from that column.
Status check_watched(const Statement& statement, const Table& table, size_t place,
                     const Cell& cell) {
    const auto* text = std::get_if<std::string>(&cell);
    for (const WatchedColumn& one : statement.watched) {
        if (text != nullptr && one.table == &table && one.column == place &&
            !may_be(one.what, *text)) {
            return past_watch(one, *text);
        }
    }
    return ok();
}

/// Where the statement would calculate beyond 64 bits with that number.
Status check_whole(Statement& statement, const Table& table, size_t place, const Cell& cell) {
    if (!statement.whole.is_watching()) {
        return ok();
    }
    const auto* number = std::get_if<int64_t>(&cell);
    const auto* text = std::get_if<std::string>(&cell);
    int64_t value = number != nullptr ? *number : 0;
    if (text != nullptr && fits_integer(*text)) {
        std::from_chars(text->data(), text->data() + text->size(), value);
    }
    if (statement.whole.takes(&table, place, value)) {
        return ok();
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}.{} is {} in a row, {}", table.name(), table.columns()[place].name,
                             value, statement.whole_words)};
}

int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int place) {
    return guarded(*cursor->pVtab, [&]() -> Status {
        auto& rows = *static_cast<VirtualCursor*>(cursor)->rows;
        PLUMBLINE_TRY(const Cell cell, rows.read(static_cast<size_t>(place)));
        const VirtualTable& table = table_of(cursor);
        PLUMBLINE_TRY_VOID(check_watched(table.connection->statement, *table.table,
                                         static_cast<size_t>(place), cell));
        PLUMBLINE_TRY_VOID(check_whole(table.connection->statement, *table.table,
                                       static_cast<size_t>(place), cell));
        std::visit(GiveCell{context}, cell);
        return ok();
    });
}

/// Tables without row ids are never asked for one.
int rowid(sqlite3_vtab_cursor* /*cursor*/, sqlite3_int64* out) {
    *out = 0;
    return SQLITE_ERROR;
}

sqlite3_module make_module() {
    sqlite3_module out = {};
    out.iVersion = 1;
    out.xCreate = create;
    out.xConnect = connect;
    out.xBestIndex = best_index;
    out.xDisconnect = disconnect;
    out.xDestroy = disconnect;
    out.xOpen = open_cursor;
    out.xClose = close_cursor;
    out.xFilter = filter;
    out.xNext = next;
    out.xEof = is_at_end;
    out.xColumn = column;
    out.xRowid = rowid;
    return out;
}

}  // namespace

Result<const storage::ReadView*> Connection::view() {
    if (statement.view == nullptr) {
        PLUMBLINE_TRY(statement.view, newest());
    }
    return statement.view.get();
}

Status Connection::on_open() {
    if (open_cursors == 0) {
        PLUMBLINE_TRY(statement.view, newest());
    }
    ++open_cursors;
    return ok();
}

const Table* Connection::table_named(std::string_view explained) const {
    for (const auto& [made, table] : virtual_tables) {
        char name[40];
        sqlite3_snprintf(sizeof name, name, "vtab:%p", static_cast<const void*>(made));
        if (explained == name) {
            return table;
        }
    }
    return nullptr;
}

void Connection::refuse(Error error) {
    if (!refused) {
        refused = std::move(error);
    }
    sqlite3_interrupt(db);
}

Error sqlite_error(sqlite3* db, std::string_view doing) {
    return Error{ErrorCode::kIo, fmt::format("{}: {}", doing, sqlite3_errmsg(db))};
}

Status add_tables(Connection& connection, std::string_view schema) {
    static const sqlite3_module kModule = make_module();
    if (sqlite3_create_module_v2(connection.db, connection.module.c_str(), &kModule, &connection,
                                 nullptr) != SQLITE_OK) {
        return sqlite_error(connection.db, "adding tables to SQLite");
    }
    for (const auto& table : connection.tables) {
        const std::string sql =
            fmt::format("CREATE VIRTUAL TABLE {}.{} USING {}", schema,
                        sql_name(connection.prefix + table->name()), connection.module);
        if (sqlite3_exec(connection.db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
            return sqlite_error(connection.db, "adding the table " + table->name());
        }
    }
    return ok();
}

}  // namespace plumbline::query::sql
