// sum(), avg() and total() of numbers of any size. SQLite's own add floating point numbers, of
// which a window's frame keeps nothing but rounding errors when a large one leaves it.
#include <charconv>

#include <fmt/format.h>

#include "query/sql/connection.hpp"
#include "query/sql/number_values.hpp"

namespace plumbline::query::sql {

namespace {

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

/// Of what is no number: for sum() an error, for others as SQLite reads it.
enum class Reading : uint8_t { kStrict, kLoose };

void change_sum(sqlite3_context* context, sqlite3_value* value, bool is_taken_back,
                Reading reading) {
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
    const auto number = type == SQLITE_FLOAT          ? std::nullopt
                        : reading == Reading::kStrict ? read_number(context, value, "sum")
                                                      : number_in(value);
    if (!number) {
        sum->floats += one;
        sum->floating += static_cast<double>(one) * sqlite3_value_double(value);
        return;
    }
    sum->texts += type == SQLITE_TEXT ? one : 0;
    const auto next =
        calculate(is_taken_back ? Operation::kSub : Operation::kAdd, sum->total, *number);
    sum->is_beyond |= !next;
    sum->total = next.value_or(sum->total);
}

template <Reading reading>
void add_value(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
    change_sum(context, values[0], false, reading);
}
template <Reading reading>
void take_value(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
    change_sum(context, values[0], true, reading);
}

double floating_of(const Sum& sum, const std::string& total) {
    double exact = 0;
    std::from_chars(total.data(), total.data() + total.size(), exact);
    return sum.floats > 0 ? sum.floating + exact : exact;
}

/// null: it is over with an error. Also of no row at all.
const Sum* finished_sum(sqlite3_context* context, std::string_view function) {
    const Sum* sum = sum_of(context);
    if (sum == nullptr) {
        sqlite3_result_error_nomem(context);
    } else if (sum->is_beyond) {
        give_error(context, fmt::format("{}: the sum is not from -2^511 to 2^511 - 1", function));
        return nullptr;
    }
    return sum;
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
    const Sum* sum = finished_sum(context, "sum");
    if (sum == nullptr) {
        return;
    }
    const std::string text = to_text(sum->total);
    Statement& statement = static_cast<Connection*>(sqlite3_user_data(context))->statement;
    const auto whole = static_cast<int64_t>(sum->total.units.limb[0]);
    if (sum->values == 0) {
        sqlite3_result_null(context);
    } else if (sum->floats > 0) {
        sqlite3_result_double(context, floating_of(*sum, text));
    } else if (statement.watches_sum && !fits_integer(text)) {
        refuse_sum(context, text, "calculate or compare in floating point or by bytes");
    } else if (statement.watches_low_sum && text.starts_with('-') && !fits_integer(text)) {
        refuse_sum(context, text, "compare as more than any number");
    } else if (fits_integer(text) && !statement.whole.takes_sum(whole)) {
        give_error(context, fmt::format("sum() is {}, {}", text, statement.whole_words));
    } else if ((sum->texts == 0 || statement.sums_are_narrow) && !statement.sum_is_text &&
               fits_integer(text)) {
        sqlite3_result_int64(context, whole);
    } else {
        give_text(context, text);
    }
}

void avg_value(sqlite3_context* context) {
    const Sum* sum = finished_sum(context, "avg");
    if (sum != nullptr && sum->values > 0) {
        sqlite3_result_double(
            context, floating_of(*sum, to_text(sum->total)) / static_cast<double>(sum->values));
    }
}
void total_value(sqlite3_context* context) {
    if (const Sum* sum = finished_sum(context, "total"); sum != nullptr) {
        sqlite3_result_double(context, floating_of(*sum, to_text(sum->total)));
    }
}

struct Aggregate {
    const char* name;
    void (*step)(sqlite3_context*, int, sqlite3_value**);
    void (*value)(sqlite3_context*);
    void (*inverse)(sqlite3_context*, int, sqlite3_value**);
};
constexpr Aggregate kAggregates[] = {
    {"sum", add_value<Reading::kStrict>, sum_value, take_value<Reading::kStrict>},
    {"avg", add_value<Reading::kLoose>, avg_value, take_value<Reading::kLoose>},
    {"total", add_value<Reading::kLoose>, total_value, take_value<Reading::kLoose>},
};

}  // namespace

Status add_sums(Connection& connection) {
    constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    for (const Aggregate& one : kAggregates) {
        if (sqlite3_create_window_function(connection.db, one.name, 1, kFlags, &connection,
                                           one.step, one.value, one.value, one.inverse,
                                           nullptr) != SQLITE_OK) {
            return sqlite_error(connection.db, "adding functions to SQLite");
        }
    }
    return ok();
}

}  // namespace plumbline::query::sql
