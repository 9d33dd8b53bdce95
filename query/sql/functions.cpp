// The collation and the functions for numbers that SQLite's own do not hold.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "core/base/visible_text.hpp"
#include "query/sql/connection.hpp"
#include "query/sql/number.hpp"
#include "query/sql/number_values.hpp"

namespace plumbline::query::sql {

std::string_view view_of(sqlite3_value* value) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
    return text == nullptr
               ? std::string_view{}
               : std::string_view{text, static_cast<size_t>(sqlite3_value_bytes(value))};
}

std::string cut(std::string_view text) {
    constexpr size_t kShownMax = 80;
    return visible_text(text.substr(0, kShownMax)) + (text.size() > kShownMax ? ".." : "");
}

void give_text(sqlite3_context* context, const std::string& text) {
    sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void give_error(sqlite3_context* context, const std::string& message) {
    sqlite3_result_error(context, message.data(), static_cast<int>(message.size()));
}

std::optional<Number> number_in(sqlite3_value* value) {
    if (sqlite3_value_type(value) == SQLITE_INTEGER) {
        return Number{evm::Int512{static_cast<int64_t>(sqlite3_value_int64(value))}, 0};
    }
    return sqlite3_value_type(value) == SQLITE_TEXT ? parse_number(view_of(value)) : std::nullopt;
}

std::optional<Number> read_number(sqlite3_context* context, sqlite3_value* value,
                                  std::string_view function) {
    auto number = number_in(value);
    if (!number) {
        const std::string text = cut(view_of(value));
        give_error(context,
                   sqlite3_value_type(value) == SQLITE_FLOAT
                       ? fmt::format("{0}: {1} is a floating point number: write it in quotes, "
                                     "'{1}'",
                                     function, text)
                   : is_canonical(view_of(value))
                       ? fmt::format("{}: '{}' is too large: numbers are from -2^511 to 2^511 - 1, "
                                     "of {} decimal places at most",
                                     function, text, kPlacesMax)
                       : fmt::format("{}: '{}' is no integer and no canonical decimal text",
                                     function, text));
    }
    return number;
}

namespace {

/// Both sides are as columns or statements have them; a side that is no canonical number would have
/// no place in the order, so the statement ends.
int compare_numbers(void* user, int size_a, const void* a, int size_b, const void* b) {
    const std::string_view left{static_cast<const char*>(a), static_cast<size_t>(size_a)};
    const std::string_view right{static_cast<const char*>(b), static_cast<size_t>(size_b)};
    const bool left_is = is_canonical(left);
    if (left_is && is_canonical(right)) {
        return compare_canonical(left, right);
    }
    if (user != nullptr) {
        static_cast<Connection*>(user)->refuse(
            {ErrorCode::kInvalidArgument,
             fmt::format("'{}' is compared with a number: write numbers of wide columns as text, "
                         "digits without zeros in front: '1000000000000000000'",
                         cut(left_is ? right : left))});
    }
    return left.compare(right);
}

struct Calculation {
    const char* name;
    Operation operation;
    bool is_whole;  ///< u256_...: of whole numbers only
    int arguments;  ///< 3: the last is the places of a quotient
};

constexpr Calculation kCalculations[] = {
    {"u256_add", Operation::kAdd, true, 2},     {"u256_sub", Operation::kSub, true, 2},
    {"u256_mul", Operation::kMul, true, 2},     {"u256_div", Operation::kDiv, true, 2},
    {"u256_mod", Operation::kMod, true, 2},     {"decimal_add", Operation::kAdd, false, 2},
    {"decimal_sub", Operation::kSub, false, 2}, {"decimal_mul", Operation::kMul, false, 2},
    {"decimal_div", Operation::kDiv, false, 3},
};

bool has_null(int count, sqlite3_value** values) {
    return std::any_of(values, values + count, [](sqlite3_value* value) {
        return sqlite3_value_type(value) == SQLITE_NULL;
    });
}

void run_calculation(sqlite3_context* context, int count, sqlite3_value** values) {
    const auto& asked = *static_cast<const Calculation*>(sqlite3_user_data(context));
    if (has_null(count, values)) {
        return sqlite3_result_null(context);
    }
    const auto a = read_number(context, values[0], asked.name);
    const auto b = a ? read_number(context, values[1], asked.name) : std::nullopt;
    if (!b) {
        return;
    }
    if (asked.is_whole && (a->places != 0 || b->places != 0)) {
        return give_error(context,
                          fmt::format("{} is of whole numbers; decimal_... of others", asked.name));
    }
    const sqlite3_int64 places = count == 3 ? sqlite3_value_int64(values[2]) : 0;
    if (places < 0 || places > kPlacesMax) {
        return give_error(context,
                          fmt::format("{}: the places are from 0 to {}", asked.name, kPlacesMax));
    }
    const auto result = calculate(asked.operation, *a, *b, static_cast<unsigned>(places));
    if (!result) {
        const bool is_quotient =
            asked.operation == Operation::kDiv || asked.operation == Operation::kMod;
        return give_error(
            context,
            fmt::format("{}({}, {}): {}", asked.name, cut(view_of(values[0])),
                        cut(view_of(values[1])),
                        is_quotient && b->units.is_zero()
                            ? "divided by zero"
                            : "the result, or a step to it, is not from -2^511 to 2^511 - 1"));
    }
    give_text(context, to_text(*result));
}

void run_compare(sqlite3_context* context, int count, sqlite3_value** values) {
    if (has_null(count, values)) {
        return sqlite3_result_null(context);
    }
    const auto a = read_number(context, values[0], "u256_cmp");
    const auto b = a ? read_number(context, values[1], "u256_cmp") : std::nullopt;
    if (b) {
        const int found = compare_canonical(to_text(*a), to_text(*b));
        sqlite3_result_int(context, found < 0 ? -1 : found > 0 ? 1 : 0);
    }
}

}  // namespace

Status add_functions(Connection& connection) {
    constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    sqlite3* db = connection.db;
    int code = sqlite3_create_collation_v2(db, kNumberCollation, SQLITE_UTF8, &connection,
                                           compare_numbers, nullptr);
    for (const Calculation& one : kCalculations) {
        if (code == SQLITE_OK) {
            code = sqlite3_create_function_v2(db, one.name, one.arguments, kFlags,
                                              const_cast<Calculation*>(&one), run_calculation,
                                              nullptr, nullptr, nullptr);
        }
    }
    for (const char* name : {"u256_cmp", "decimal_cmp"}) {
        if (code == SQLITE_OK) {
            code = sqlite3_create_function_v2(db, name, 2, kFlags, nullptr, run_compare, nullptr,
                                              nullptr, nullptr);
        }
    }
    return code == SQLITE_OK ? add_sums(connection)
                             : Status{sqlite_error(db, "adding functions to SQLite")};
}

}  // namespace plumbline::query::sql
