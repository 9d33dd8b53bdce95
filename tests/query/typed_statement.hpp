// Random questions over expressions, each written twice with one meaning: in our SQL, and for
// PostgreSQL where every number is `numeric`.
#pragma once

#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "query/sql/session.hpp"

namespace plumbline::query::sql::test {

/// One meaning in both dialects.
struct Both {
    std::string ours;
    std::string theirs;
};

struct TypedStatement {
    Both text;
    std::vector<Value> parameters;
    bool is_ordered = false;  ///< else rows come in any order
    /// Written as docs/sql.md says: wide numbers as text, orders of what is calculated with
    /// `collate u256`, calculations with functions.
    bool is_careful = false;
    const char* form = "";
};

/// Over two tables alike, `a` and `b`: id uint32; w uint256, x int256, d decimal(4), which may be
/// null; t uint64; s int32; h address; n string.
class TypedStatements {
  public:
    explicit TypedStatements(uint64_t seed) : random_{seed} {}

    TypedStatement next() {
        statement_ = {};
        statement_.is_careful = one_in(2);
        constexpr struct {
            const char* name;
            void (TypedStatements::*make)();
        } kForms[] = {
            {"order", &TypedStatements::ordered},     {"where", &TypedStatements::filtered},
            {"group", &TypedStatements::grouped},     {"distinct", &TypedStatements::distinct},
            {"compound", &TypedStatements::compound}, {"join", &TypedStatements::join},
            {"subquery", &TypedStatements::subquery}, {"with", &TypedStatements::with},
            {"window", &TypedStatements::window},     {"aggregate", &TypedStatements::aggregate},
            {"having", &TypedStatements::having},     {"correlated", &TypedStatements::correlated},
            {"limited", &TypedStatements::limited},   {"recursive", &TypedStatements::recursive},
            {"frame", &TypedStatements::frame},
        };
        const auto& form = kForms[random_() % std::size(kForms)];
        statement_.form = form.name;
        (this->*form.make)();
        return statement_;
    }

  private:
    /// Which numbers an expression is of: SQL's own, or text.
    enum class Width : uint8_t { kNarrow, kWide };

    bool one_in(size_t n) { return random_() % n == 0; }
    template <size_t N>
    const char* pick(const char* const (&all)[N]) {
        return all[random_() % N];
    }
    Width any_width() { return one_in(2) ? Width::kNarrow : Width::kWide; }
    /// That of another side: the careful ones keep to it.
    Width width_beside(Width width) { return statement_.is_careful ? width : any_width(); }

    /// "{}" of `format` in both dialects.
    static Both join_text(const std::string& format, const std::vector<Both>& parts) {
        Both out;
        size_t part = 0;
        for (size_t at = 0; at < format.size(); ++at) {
            if (format[at] == '{' && at + 2 < format.size() && format[at + 2] == '}') {
                part = static_cast<size_t>(format[at + 1] - '0');
                out.ours += parts[part].ours;
                out.theirs += parts[part].theirs;
                at += 2;
            } else {
                out.ours += format[at];
                out.theirs += format[at];
            }
        }
        return out;
    }

    Both column(const std::string& table, Width width) {
        const std::string name =
            width == Width::kNarrow ? pick({"s", "t", "id", "s"}) : pick({"w", "x", "d", "w"});
        return {table + "." + name, table + "." + name};
    }
    Both small(const std::string& table, Width width) {
        const Width beside = width_beside(width);
        if (beside == Width::kWide) {
            return column(table, beside);
        }
        const std::string name = table + pick({".s", ".id"});
        return one_in(3) ? Both{"7", "7::numeric"} : Both{name, name};
    }
    std::string number() {
        return pick({"0", "1", "5", "9", "10", "-1", "-9", "100", "9223372036854775807"});
    }
    std::string large_number() {
        return pick({"9223372036854775808", "9223372036854775809", "18446744073709551615",
                     "18446744073709551616", "-18446744073709551616", "1000000000000000000000",
                     "115792089237316195423570985008687907853269984665640564039457584007913129639"
                     "935"});
    }
    /// As text, as a number, or as a parameter of either type.
    Both literal(Width width) {
        const bool is_text = statement_.is_careful ? width == Width::kWide : one_in(2);
        const std::string digits = is_text && one_in(3) ? large_number()
                                   : is_text && one_in(5)
                                       ? std::string{pick({"1.5", "0.1", "-0.1"})}
                                       : number();
        const std::string theirs = "(" + digits + ")::numeric";
        if (is_parameter_allowed_ && one_in(4)) {
            statement_.parameters.emplace_back(is_text ? Value{digits}
                                                       : Value{int64_t{std::stoll(digits)}});
            return {"?" + std::to_string(statement_.parameters.size()), theirs};
        }
        return {is_text ? "'" + digits + "'" : "(" + digits + ")", theirs};
    }
    Both value(const std::string& table, Width width, size_t depth) {
        const auto deeper = [&](Width other) {
            return value(table, width_beside(other), depth - 1);
        };
        if (depth == 0 || one_in(4)) {
            return one_in(4) ? literal(width) : column(table, width);
        }
        const bool is_careful_wide = statement_.is_careful && width == Width::kWide;
        switch (random_() % 12) {
            case 0:
                return join_text("case when {0} then {1} else {2} end",
                                 {condition(table, depth - 1), deeper(width), deeper(width)});
            case 1:
                return join_text("case when {0} then {1} end",
                                 {condition(table, depth - 1), deeper(width)});
            case 2: return join_text("coalesce({0}, {1})", {deeper(width), deeper(width)});
            case 3: {
                const Both when = condition(table, depth - 1);
                const Both a = deeper(width);
                const Both b = deeper(width);
                return {"iif(" + when.ours + ", " + a.ours + ", " + b.ours + ")",
                        "case when " + when.theirs + " then " + a.theirs + " else " + b.theirs +
                            " end"};
            }
            case 4: return join_text("nullif({0}, {1})", {deeper(width), deeper(width)});
            case 5: {
                const bool is_max = one_in(2);
                const Both a = deeper(width);
                const Both b = deeper(width);
                return {fmt::format("{}({}{}, {})", is_max ? "max" : "min", a.ours, collate(width),
                                    b.ours),
                        fmt::format("case when {0} is null or {1} is null then null else {2}({0}, "
                                    "{1}) end",
                                    a.theirs, b.theirs, is_max ? "greatest" : "least")};
            }
            case 6:
            case 7: {
                // What SQLite calculates of its own integers beyond 64 bits is its own too.
                const char* const sign = pick({"+", "-", "*"});
                const Both a = small(table, width);
                const Both b = small(table, width);
                const std::string theirs = fmt::format("({} {} {})", a.theirs, sign, b.theirs);
                if (!is_careful_wide && one_in(2)) {
                    return {fmt::format("({} {} {})", a.ours, sign, b.ours), theirs};
                }
                const char* const name = *sign == '+'   ? "decimal_add"
                                         : *sign == '-' ? "decimal_sub"
                                                        : "decimal_mul";
                if (statement_.is_careful && width == Width::kNarrow) {
                    return {fmt::format("({} {} {})", a.ours, sign, b.ours), theirs};
                }
                return {fmt::format("{}({}, {})", name, a.ours, b.ours), theirs};
            }
            case 8: {
                if (is_careful_wide) {
                    return column(table, width);
                }
                const Both a = deeper(width);
                return one_in(2)
                           ? join_text("abs({0})", {a})
                           : Both{"cast(" + a.ours + " as integer)", "trunc(" + a.theirs + ")"};
            }
            case 9: {
                const Both inner = column("b", width);
                const std::string name = pick({"max", "min", "sum"});
                const std::string text = " from b where b.id " + std::string{pick({"<", ">="})} +
                                         " " + std::to_string(random_() % 20) + ")";
                return {"(select " + name + "(" + inner.ours + ")" + text,
                        "(select " + name + "(" + inner.theirs + ")" + text};
            }
            default: return column(table, width);
        }
    }
    /// No literal, which would be the number of a column.
    Both sorted_value(Width width, size_t depth) {
        Both out = value("a", width, depth);
        return out.ours.starts_with("(") ? column("a", width) : out;
    }
    std::string collate(Width width) {
        const bool is_written = statement_.is_careful ? width == Width::kWide : one_in(3);
        return is_written ? " collate u256" : "";
    }
    Both hex() {
        std::string digits = "0x";
        for (int i = 0; i < 40; ++i) {
            digits += i < 39 ? "ab"[i % 2] : "012345"[random_() % 6];
        }
        std::string shown = digits;
        if (one_in(2)) {
            for (size_t i = 2; i < shown.size(); ++i) {
                shown[i] = static_cast<char>(std::toupper(shown[i]));
            }
        }
        return {"'" + shown + "'", "'" + digits + "'"};
    }
    Both condition(const std::string& table, size_t depth) {
        const Width width = any_width();
        const auto side = [&] {
            return value(table, width_beside(width), depth == 0 ? 0 : depth - 1);
        };
        const char* const compare = pick({"=", "<>", "<", "<=", ">", ">="});
        switch (depth == 0 ? random_() % 4 : random_() % 12) {
            case 0:
            case 1:
            case 2:
            case 10:
            case 11: {
                const Both a = side();
                const Both b = side();
                return {fmt::format("{} {} {}{}", a.ours, compare, b.ours, collate(width)),
                        fmt::format("{} {} {}", a.theirs, compare, b.theirs)};
            }
            case 3: {
                const Both name{table + ".h", table + ".h"};
                const Both left =
                    depth > 0 && one_in(3) ? join_text("coalesce({0}, {1})", {name, hex()}) : name;
                const char* const equal = pick({"=", "<>"});
                const bool says = left.ours != name.ours && (statement_.is_careful || one_in(2));
                const Both right = hex();
                return {
                    left.ours + " " + equal + " " + right.ours + (says ? " collate nocase" : ""),
                    left.theirs + " " + equal + " " + right.theirs};
            }
            case 4: {
                const char* const no = one_in(2) ? "not " : "";
                const Both a = side();
                const Both low = side();
                const Both high = side();
                const std::string how = collate(width);
                return {
                    fmt::format("{}{} {}between {} and {}", a.ours, how, no, low.ours, high.ours),
                    fmt::format("{} {}between {} and {}", a.theirs, no, low.theirs, high.theirs)};
            }
            case 5: {
                const char* const no = one_in(3) ? "not " : "";
                return join_text(
                    "{0} {4}in ({1}, {2}, {3})",
                    {side(), literal(width_beside(width)), literal(width_beside(width)),
                     literal(width_beside(width)), Both{no, no}});
            }
            case 6:
                return join_text("{0} in (select {1} from b)",
                                 {side(), column("b", width_beside(width))});
            case 7:
                return join_text(
                    "({0} {1} {2})",
                    {condition(table, depth - 1), one_in(2) ? Both{"and", "and"} : Both{"or", "or"},
                     condition(table, depth - 1)});
            case 8: return join_text("not ({0})", {condition(table, depth - 1)});
            default: return join_text("{0} is not null", {side()});
        }
    }
    /// "order by EXPRESSION.." with nulls as SQLite has them.
    Both order(const Both& by, Width width) {
        const bool is_down = one_in(2);
        return {by.ours + collate(width) + (is_down ? " desc" : ""),
                by.theirs + (is_down ? " desc nulls last" : " nulls first")};
    }

    void set(const std::string& format, const std::vector<Both>& parts, bool is_ordered) {
        statement_.text = join_text(format, parts);
        statement_.is_ordered = is_ordered;
    }

    void ordered() {
        const Width width = any_width();
        const Both by = sorted_value(width, 2);
        if (one_in(2)) {
            return set("select a.id, {0} as e from a order by {1}, a.id",
                       {by, order(one_in(2) ? Both{"e", "e"} : Both{"2", "2"}, width)}, true);
        }
        set("select a.id from a order by {0}, a.id", {order(by, width)}, true);
    }
    void filtered() {
        set("select a.id, {0} from a where {1} order by a.id",
            {value("a", any_width(), 2), condition("a", 3)}, true);
    }
    void grouped() {
        const Width width = any_width();
        const Width of = any_width();
        is_parameter_allowed_ = false;
        const Both key = value("a", width, 2);
        is_parameter_allowed_ = true;
        const Both tail =
            one_in(2) ? Both{"", ""} : join_text(" order by {0}", {order({"1", "1"}, width)});
        set("select {0}, count(*), {1}({2}) from a group by 1{3}",
            {key, one_in(2) ? Both{"sum", "sum"} : Both{"max", "max"}, column("a", of), tail},
            !tail.ours.empty());
    }
    void distinct() {
        const Width width = any_width();
        const bool has_order = one_in(2);
        set("select distinct {0} from a{1}",
            {value("a", width, 2),
             has_order ? join_text(" order by {0}", {order({"1", "1"}, width)}) : Both{"", ""}},
            has_order);
    }
    void compound() {
        const Width width = any_width();
        const char* const how = pick({"union", "union all", "intersect", "except"});
        const bool has_order = one_in(2);
        set("select {0} from a {1} select {2} from b{3}",
            {value("a", width, 1), Both{how, how}, value("b", width_beside(width), 1),
             has_order ? join_text(" order by {0}", {order({"1", "1"}, width)}) : Both{"", ""}},
            has_order);
    }
    void join() {
        const Width width = any_width();
        const char* const compare = pick({"=", "=", "<", ">="});
        const char* const kind = pick({"join", "left join"});
        set("select a.id, b.id from a {4} b on {0} {1} {2}{5} where {3} order by a.id, b.id{6}",
            {value("a", width, 1), Both{compare, compare}, value("b", width_beside(width), 1),
             condition("a", 1), Both{kind, kind}, Both{collate(width), ""},
             Both{"", " nulls first"}},
            true);
    }
    void subquery() {
        const Width width = any_width();
        const char* const compare = pick({"=", "<>", "<", ">="});
        const Both inner = value("a", width, 2);
        set("select q.id, q.e from (select a.id, {0} as e from a) q where q.e {1} {2}{3} order by "
            "{4}, q.id",
            {inner, Both{compare, compare}, literal(width_beside(width)), Both{collate(width), ""},
             order({"q.e", "q.e"}, width)},
            true);
    }
    void with() {
        const Width width = any_width();
        set("with q as (select a.id, {0} as e from a where {1} union all select b.id, {2} from b) "
            "select q.e, count(*) from q group by q.e order by {3}",
            {value("a", width, 1), condition("a", 1), value("b", width_beside(width), 1),
             order({"q.e", "q.e"}, width)},
            true);
    }
    void window() {
        const Width width = any_width();
        const Width other = any_width();
        const char* const function =
            pick({"rank() over w", "dense_rank() over w", "count(*) over w"});
        if (one_in(3)) {
            const char* const name = pick({"max", "min"});
            set("select a.id, {0}({1}{2}) over (order by a.id rows between 2 preceding and 1 "
                "following) from a order by a.id",
                {Both{name, name}, value("a", other, 1), Both{collate(other), ""}}, true);
        } else if (one_in(2)) {
            const char* const name = pick({"lag", "lead", "first_value", "last_value"});
            set("select q.e from (select a.id, {0}({1}) over (order by a.id) as e from a) q order "
                "by {2}",
                {Both{name, name}, value("a", width, 1), order({"q.e", "q.e"}, width)}, true);
        } else {
            set("select a.id, {0} from a window w as (order by {1}) order by a.id",
                {Both{function, function}, order(value("a", width, 1), width)}, true);
        }
    }
    void frame() {
        const Width width = any_width();
        const Both by = one_in(2) ? column("a", width) : sorted_value(width, 1);
        const std::string n = std::to_string(random_() % 10);
        set("select a.id, count(*) over (order by {0} range between {1} preceding and {1} "
            "following) from a order by a.id",
            {order(by, width), Both{n, n}}, true);
    }
    void aggregate() {
        const Width width = any_width();
        const Both of = value("a", width, 2);
        const Both how{collate(width), ""};
        set("select max({0}{1}), min({0}{1}), count(distinct {0}), sum({2}) from a where {3}",
            {of, how, value("a", any_width(), 1), condition("a", 1)}, true);
    }
    void having() {
        const Width width = any_width();
        const char* const name = pick({"sum", "max", "min"});
        const char* const compare = pick({"=", "<>", "<", ">="});
        const Both total = join_text("{0}({1})", {Both{name, name}, column("a", width)});
        set("select a.s, {0} from a group by a.s having {0} {1} {2}{3} order by {4}, a.s",
            {total, Both{compare, compare}, literal(width_beside(width)), Both{collate(width), ""},
             order(total, width)},
            true);
    }
    void correlated() {
        const Width width = any_width();
        const char* const compare = pick({"=", "<", ">"});
        set("select a.id from a where {4}exists (select 1 from b where {0} {1} {2}{3}) order by "
            "a.id",
            {column("a", width), Both{compare, compare}, value("b", width_beside(width), 1),
             Both{collate(width), ""}, one_in(2) ? Both{"not ", "not "} : Both{"", ""}},
            true);
    }
    void limited() {
        const Width width = any_width();
        const Both by = sorted_value(width, 1);
        set("select a.id, {0} from a order by {1}, a.id limit 5 offset 1", {by, order(by, width)},
            true);
    }
    void recursive() {
        const Width width = Width::kWide;
        const Both first = value("a", width, 0);
        set("with recursive q(i, e) as (select 0, {0} from a where a.id = 1 union all select i + "
            "1, {1} from q where i < 5) select i, e from q order by {2}, i",
            {first,
             one_in(2) ? Both{"decimal_add(e, '9')", "e + 9"} : Both{"decimal_mul(e, 3)", "e * 3"},
             order({"e", "e"}, width)},
            true);
    }

    std::mt19937_64 random_;
    TypedStatement statement_;
    bool is_parameter_allowed_ = true;
};

}  // namespace plumbline::query::sql::test
