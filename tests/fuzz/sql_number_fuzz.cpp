// The collation and the functions for numbers of any size, through SQLite, against sums on paper:
// every answer is exact, and what is refused does not fit or has no answer.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.hpp"
#include "query/sql/connection.hpp"
#include "query/sql/number.hpp"

namespace {

using namespace plumbline::query::sql;

// --- on paper: digits, most significant first, without zeros in front; "" is zero ----------------

std::string trim(std::string digits) {
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    return digits;
}
bool is_less(const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
}
std::string plus(const std::string& a, const std::string& b) {
    std::string out;
    int carry = 0;
    for (size_t i = 0; i < std::max(a.size(), b.size()) || carry > 0; ++i) {
        carry += (i < a.size() ? a[a.size() - 1 - i] - '0' : 0) +
                 (i < b.size() ? b[b.size() - 1 - i] - '0' : 0);
        out.insert(out.begin(), static_cast<char>('0' + carry % 10));
        carry /= 10;
    }
    return trim(out);
}
/// `b` is not above `a`.
std::string minus(const std::string& a, const std::string& b) {
    std::string out = a;
    int borrow = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        char& digit = out[a.size() - 1 - i];
        int left = digit - '0' - borrow - (i < b.size() ? b[b.size() - 1 - i] - '0' : 0);
        borrow = left < 0 ? 1 : 0;
        digit = static_cast<char>('0' + left + 10 * borrow);
    }
    return trim(out);
}
std::string times(const std::string& a, const std::string& b) {
    std::string out;
    for (const char digit : b) {
        out = trim(out + '0');
        for (int i = '0'; i < digit; ++i) {
            out = plus(out, a);
        }
    }
    return out;
}
struct Quotient {
    std::string whole;
    std::string rest;
};
Quotient divide(const std::string& a, const std::string& b) {
    Quotient out;
    for (const char digit : a) {
        out.rest = trim(out.rest + digit);
        char times = '0';
        for (; !is_less(out.rest, b); ++times) {
            out.rest = minus(out.rest, b);
        }
        out.whole = trim(out.whole + times);
    }
    return out;
}

struct Paper {
    std::string units;
    bool negative = false;
    size_t places = 0;
};
Paper add(const Paper& a, const Paper& b) {
    if (a.negative == b.negative) {
        return {plus(a.units, b.units), a.negative, a.places};
    }
    return is_less(a.units, b.units) ? Paper{minus(b.units, a.units), b.negative, a.places}
                                     : Paper{minus(a.units, b.units), a.negative, a.places};
}
Paper opposite(Paper a) {
    a.negative = !a.negative;
    return a;
}
Paper scaled(Paper a, size_t places) {
    a.units = trim(a.units + std::string(places - a.places, '0'));
    a.places = places;
    return a;
}
/// In a signed word of 512 bits.
bool fits(const Paper& a) {
    static const std::string kEnd = [] {
        std::string out = "1";
        for (int i = 0; i < 511; ++i) {
            out = plus(out, out);
        }
        return out;
    }();
    return is_less(a.units, kEnd) || (a.negative && a.units == kEnd);
}
std::string text_of(const Paper& a) {
    std::string digits = a.units;
    digits.insert(0, a.places + 1 - std::min(a.places + 1, digits.size()), '0');
    std::string fraction = digits.substr(digits.size() - a.places);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    const std::string whole = digits.substr(0, digits.size() - a.places);
    return (a.negative && !a.units.empty() ? "-" : "") + whole +
           (fraction.empty() ? "" : "." + fraction);
}

using Answer = std::optional<std::string>;

Answer answer_of(const Paper& a) {
    return fits(a) ? Answer{text_of(a)} : std::nullopt;
}
Answer sum_of(const Paper& a, const Paper& b) {
    const size_t places = std::max(a.places, b.places);
    const Paper left = scaled(a, places);
    const Paper right = scaled(b, places);
    return fits(left) && fits(right) ? answer_of(add(left, right)) : std::nullopt;
}
Answer product_of(const Paper& a, const Paper& b) {
    return a.places + b.places > kPlacesMax
               ? std::nullopt
               : answer_of(
                     {times(a.units, b.units), a.negative != b.negative, a.places + b.places});
}
Answer quotient_of(const Paper& a, const Paper& b, size_t places) {
    const Paper left = scaled(a, a.places + places + b.places);
    const Paper right = scaled(b, b.places + a.places);
    if (b.units.empty() || !fits(left) || !fits(right)) {
        return std::nullopt;
    }
    return answer_of({divide(left.units, right.units).whole, a.negative != b.negative, places});
}
Answer rest_of(const Paper& a, const Paper& b) {
    return b.units.empty() ? std::nullopt
                           : answer_of({divide(a.units, b.units).rest, a.negative, 0});
}

// --- by SQLite -----------------------------------------------------------------------------------

class Database {
  public:
    Database() {
        PLUMBLINE_CHECK(sqlite3_open(":memory:", &connection_.db) == SQLITE_OK);
        PLUMBLINE_CHECK(add_functions(connection_).has_value());
    }
    /// The text of the only value; empty where the statement is refused.
    Answer ask(const std::string& sql, const std::vector<std::string>& values) {
        sqlite3_stmt* statement = nullptr;
        connection_.refused.reset();
        PLUMBLINE_CHECK(sqlite3_prepare_v2(connection_.db, sql.c_str(), -1, &statement, nullptr) ==
                        SQLITE_OK);
        for (size_t i = 0; i < values.size(); ++i) {
            sqlite3_bind_text64(statement, static_cast<int>(i + 1), values[i].data(),
                                values[i].size(), SQLITE_STATIC, SQLITE_UTF8);
        }
        Answer out;
        if (sqlite3_step(statement) == SQLITE_ROW && !connection_.refused) {
            const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
            PLUMBLINE_CHECK(text != nullptr);
            out = text;
        }
        sqlite3_finalize(statement);
        return out;
    }

  private:
    Connection connection_;
};

/// A number of the input's bytes, as often near the ends of its types as not.
Paper read_number(const uint8_t*& at, const uint8_t* end) {
    const auto next = [&]() -> unsigned { return at == end ? 0 : *at++; };
    const unsigned kind = next();
    Paper out;
    out.negative = (kind & 1U) != 0;
    out.places = (kind & 2U) != 0 ? next() % (kPlacesMax + 1) : 0;
    const size_t size = (kind & 4U) != 0 ? next() % 156 : next() % 20;
    const char filler = (kind & 8U) != 0 ? '9' : '0';
    while (out.units.size() < size) {
        const bool is_filled = out.units.size() > 4 && out.units.size() + 4 < size;
        out.units += is_filled ? filler : static_cast<char>('0' + next() % 10);
    }
    out.units = trim(out.units);
    while (out.places > 0 && (out.units.empty() || out.units.ends_with('0'))) {
        --out.places;  // As a canonical text has it.
        out.units = trim(out.units.substr(0, out.units.size() - (out.units.empty() ? 0 : 1)));
    }
    out.negative = out.negative && !out.units.empty() && fits(opposite(out));
    return out;
}

void check_order(Database& db, const Paper& a, const Paper& b) {
    const size_t places = std::max(a.places, b.places);
    const Paper difference = add(scaled(a, places), opposite(scaled(b, places)));
    const std::string order = difference.units.empty() ? "0" : difference.negative ? "-1" : "1";
    const std::vector<std::string> both = {text_of(a), text_of(b)};
    PLUMBLINE_CHECK(db.ask("select (?1 > ?2 collate u256) - (?1 < ?2 collate u256)", both) ==
                    order);
    PLUMBLINE_CHECK(db.ask("select (?1 = ?2 collate u256)", both) == (order == "0" ? "1" : "0"));
    const Answer compared = db.ask("select u256_cmp(?1, ?2)", both);
    PLUMBLINE_CHECK(compared == (fits(a) && fits(b) ? Answer{order} : std::nullopt));
}

void check_functions(Database& db, const Paper& a, const Paper& b, unsigned places) {
    const std::vector<std::string> both = {text_of(a), text_of(b)};
    const bool can_be_read = fits(a) && fits(b);
    const auto check = [&](const char* name, const Answer& expected) {
        const std::string function = std::string{"select "} + name;
        PLUMBLINE_CHECK(db.ask(function + "(?1, ?2)", both) == (can_be_read ? expected : Answer{}));
    };
    const bool are_whole = a.places == 0 && b.places == 0;
    check("decimal_add", sum_of(a, b));
    check("decimal_sub", sum_of(a, opposite(b)));
    check("decimal_mul", product_of(a, b));
    check("u256_add", are_whole ? sum_of(a, b) : Answer{});
    check("u256_sub", are_whole ? sum_of(a, opposite(b)) : Answer{});
    check("u256_mul", are_whole ? product_of(a, b) : Answer{});
    check("u256_div", are_whole ? quotient_of(a, b, 0) : Answer{});
    check("u256_mod", are_whole ? rest_of(a, b) : Answer{});
    const std::string quotient = "select decimal_div(?1, ?2, " + std::to_string(places) + ")";
    PLUMBLINE_CHECK(db.ask(quotient, both) ==
                    (can_be_read && places <= kPlacesMax ? quotient_of(a, b, places) : Answer{}));
    // A sum of both, of the first that leaves the window again, and of one.
    const Answer sum = can_be_read ? sum_of(a, b) : Answer{};
    const std::string rows = " from (select 1 n, ?1 v union all select 2, ?2)";
    PLUMBLINE_CHECK(db.ask("select sum(v)" + rows, both) == sum);
    if (sum) {
        PLUMBLINE_CHECK(db.ask("select s from (select n, sum(v) over (order by n rows current row) "
                               "s" +
                                   rows + ") where n = 2",
                               both) == text_of(b));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Database db;
    const uint8_t* at = data;
    const Paper a = read_number(at, data + size);
    const Paper b = read_number(at, data + size);
    check_order(db, a, b);
    check_functions(db, a, b, at == data + size ? 0 : *at);
    // Any text beside a number: in its one form it has a place in the order, else it is refused.
    const std::string text{reinterpret_cast<const char*>(data), size};
    const bool has_place = is_canonical(text);
    const std::vector<std::string> both = {text, "1"};
    PLUMBLINE_CHECK(db.ask("select (?1 > ?2 collate u256)", both).has_value() == has_place);
    PLUMBLINE_CHECK(has_place || !db.ask("select u256_add(?1, ?2)", both));
    return 0;
}
