// The collation and the functions for numbers that SQLite's own do not hold.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "core/base/visible_text.hpp"
#include "query/sql/connection.hpp"
#include "query/sql/number.hpp"

namespace plumbline::query::sql {

namespace {

std::string_view view_of(sqlite3_value* value) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
    return text == nullptr
               ? std::string_view{}
               : std::string_view{text, static_cast<size_t>(sqlite3_value_bytes(value))};
}

std::string cut(std::string_view text) {
    return visible_text(text.substr(0, 80));
}

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

void give_text(sqlite3_context* context, const std::string& text) {
    sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void give_error(sqlite3_context* context, const std::string& message) {
    sqlite3_result_error(context, message.data(), static_cast<int>(message.size()));
}

/// A whole or decimal number; an error of the statement for anything else.
std::optional<Number> read_number(sqlite3_context* context, sqlite3_value* value,
                                  std::string_view function) {
    if (sqlite3_value_type(value) == SQLITE_INTEGER) {
        return Number{evm::Int512{static_cast<int64_t>(sqlite3_value_int64(value))}, 0};
    }
    const std::string_view text = view_of(value);
    auto number = sqlite3_value_type(value) == SQLITE_TEXT ? parse_number(text) : std::nullopt;
    if (!number) {
        give_error(context, fmt::format("{}: '{}' is no integer and no canonical decimal text",
                                        function, cut(text)));
    }
    return number;
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

/// sum(): exact while no floating point number is in it.
struct Sum {
    Number total;
    double floating = 0;
    int64_t values = 0;
    int64_t floats = 0;
    int64_t texts = 0;  ///< numbers that are no SQL integers
    bool is_beyond = false;
};

Sum* sum_of(sqlite3_context* context) {
    return static_cast<Sum*>(sqlite3_aggregate_context(context, sizeof(Sum)));
}

void change_sum(sqlite3_context* context, sqlite3_value* value, bool is_taken_back) {
    Sum* sum = sum_of(context);
    if (sum == nullptr) {
        return sqlite3_result_error_nomem(context);
    }
    const int type = sqlite3_value_type(value);
    const int64_t one = is_taken_back ? -1 : 1;
    if (type == SQLITE_NULL) {
        return;
    }
    sum->values += one;
    if (type == SQLITE_FLOAT) {
        sum->floats += one;
        sum->floating += static_cast<double>(one) * sqlite3_value_double(value);
        return;
    }
    const auto number = read_number(context, value, "sum");
    if (!number) {
        return;
    }
    sum->texts += type == SQLITE_TEXT ? one : 0;
    const auto next =
        calculate(is_taken_back ? Operation::kSub : Operation::kAdd, sum->total, *number);
    sum->is_beyond |= !next;
    sum->total = next.value_or(sum->total);
}

void sum_step(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
    change_sum(context, values[0], false);
}
void sum_inverse(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
    change_sum(context, values[0], true);
}
void refuse_sum(sqlite3_context* context, std::string_view sum, std::string_view how) {
    give_error(
        context,
        fmt::format("sum() is '{}' here, a text, which SQL would {}: write u256_add(sum(..), "
                    "0), a text whatever its size, and then order by .. collate u256, "
                    "max(.. collate u256), .. > '1000' collate u256; calculate with "
                    "u256_add(a, b), or say cast(.. as real)",
                    cut(sum), how));
}
void sum_value(sqlite3_context* context) {
    const Sum* sum = sum_of(context);
    if (sum == nullptr) {
        return sqlite3_result_error_nomem(context);
    }
    if (sum->is_beyond) {
        return give_error(context, "sum: it is not from -2^511 to 2^511 - 1");
    }
    const std::string text = to_text(sum->total);
    Statement& statement = static_cast<Connection*>(sqlite3_user_data(context))->statement;
    const auto whole = static_cast<int64_t>(sum->total.units.limb[0]);
    if (sum->values == 0) {
        sqlite3_result_null(context);
    } else if (sum->floats > 0) {
        double exact = 0;
        std::from_chars(text.data(), text.data() + text.size(), exact);
        sqlite3_result_double(context, sum->floating + exact);
    } else if (statement.watches_sum && !fits_integer(text)) {
        refuse_sum(context, text, "calculate or compare in floating point or by bytes");
    } else if (statement.watches_low_sum && text.starts_with('-') && !fits_integer(text)) {
        refuse_sum(context, text, "compare as more than any number");
    } else if (fits_integer(text) && !statement.whole.takes_sum(whole)) {
        give_error(context, fmt::format("sum() is {}, {}", text, kPastWords));
    } else if ((sum->texts == 0 || statement.sums_are_narrow) && !statement.sum_is_text &&
               fits_integer(text)) {
        sqlite3_result_int64(context, whole);
    } else {
        give_text(context, text);
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
    if (code == SQLITE_OK) {
        code = sqlite3_create_window_function(db, "sum", 1, kFlags, &connection, sum_step,
                                              sum_value, sum_value, sum_inverse, nullptr);
    }
    return code == SQLITE_OK ? ok() : Status{sqlite_error(db, "adding functions to SQLite")};
}

}  // namespace plumbline::query::sql
