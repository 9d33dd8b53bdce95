#include "query/sql/comparison_check.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "query/sql/connection.hpp"
#include "query/sql/function_kinds.hpp"
#include "query/sql/program.hpp"
#include "query/sql/value_flow.hpp"

namespace plumbline::query::sql {

namespace {

using Registers = ValueFlow::Registers;

/// "u256" of "u256-8".
std::string_view collation_name(std::string_view text) {
    return text.substr(0, text.rfind('-'));
}

/// Of "k(4,-B,u256,N.u256,)": BINARY, descending; u256; the same with nulls last; none.
std::vector<std::string_view> collations_of(std::string_view key) {
    std::vector<std::string_view> out;
    const size_t first = key.find(',');
    if (!key.starts_with("k(") || first == std::string_view::npos) {
        return out;
    }
    key = key.substr(first + 1, key.rfind(')') - first - 1);
    while (true) {
        const size_t end = std::min(key.find(','), key.size());
        std::string_view name = key.substr(0, end);
        name.remove_prefix(name.starts_with('-') ? 1 : 0);
        name.remove_prefix(name.starts_with("N.") ? 2 : 0);
        out.push_back(name == "B" || name.empty() ? "BINARY" : name);
        if (end == key.size()) {
            return out;
        }
        key.remove_prefix(end + 1);
    }
}

std::vector<int> numbers_of(std::string_view list) {
    std::vector<int> out;
    for (size_t at = 0; at < list.size(); ++at) {
        int number = 0;
        const auto read = std::from_chars(list.data() + at, list.data() + list.size(), number);
        if (read.ec == std::errc{}) {
            out.push_back(number);
            at = static_cast<size_t>(read.ptr - list.data());
        }
    }
    return out;
}

/// These give other numbers for what a double does not hold, where one expects exact ones.
bool rounds(std::string_view function) {
    constexpr std::string_view kAll[] = {"round", "ceil", "ceiling", "floor", "trunc", "mod"};
    return std::ranges::find(kAll, function) != std::end(kAll);
}

/// These give what they are given, or a sum or floating point number of it.
bool passes_on(std::string_view function) {
    const Gives gives = what_gives(function);
    return gives == Gives::kSame || gives == Gives::kFirst || gives == Gives::kAbs ||
           (gives == Gives::kReal && !rounds(function)) || function == "sum" || function == "count";
}

class Check {
  public:
    Check(const Program& program, ValueFlow& flow, const StatementWords& words)
        : program_{program},
          flow_{flow},
          words_{words} {
        for (const Instruction& one : program_.instructions()) {
            if (one.effect == Effect::kSort) {
                (is_group_sort(one) ? group_sorts_ : sorts_).insert(one.p1);
            } else if (one.effect == Effect::kLast) {
                lasts_.insert(one.p1);
            } else if (one.effect == Effect::kOpen || one.effect == Effect::kOpenIndex) {
                keys_[one.p1] = collations_of(one.p4);
            }
        }
        is_order_elsewhere_ = is_order_elsewhere();
    }
    [[nodiscard]] Result<WatchedValues> run() {
        flow_.visit([&](size_t at, const Registers& registers) { look(at, registers); });
        for (const Instruction& one : program_.instructions()) {
            if (one.effect == Effect::kOpen) {
                look_at_keys(one);
            }
        }
        for (const KnownValue& all : results_) {
            watched_.answer.push_back(judge_result(all));
        }
        if (refused_) {
            return *refused_;
        }
        return watched_;
    }

  private:
    using For = WatchedColumn::For;
    using Use = WatchedColumn::Use;
    static constexpr unsigned kWholeBits = 63;

    [[nodiscard]] const Instruction& at(size_t place) const {
        return program_.instructions()[place];
    }

    /// Whether it brings equal ones together for GROUP BY: the next rows are held against each
    /// other at once, and only told whether they are equal.
    [[nodiscard]] bool is_group_sort(const Instruction& sort) const {
        for (size_t i = static_cast<size_t>(&sort - &at(0)) + 1;
             i + 1 < program_.instructions().size(); ++i) {
            if (at(i).effect == Effect::kCompare) {
                return at(i + 1).flow == Flow::kJump && !is_order_jump(i + 1);
            }
            if (at(i).effect != Effect::kRowData && at(i).effect != Effect::kColumn) {
                return false;
            }
        }
        return false;
    }
    /// Whether no ORDER BY rests on a sort for GROUP BY, as SQLite makes of two one where it can:
    /// the only one there is has its own, and is not that of a compound, which is one an arm.
    [[nodiscard]] bool is_order_elsewhere() const {
        bool has_merge = false;
        for (size_t i = 1; i < program_.instructions().size(); ++i) {
            has_merge |= at(i - 1).effect == Effect::kCompare && is_order_jump(i);
        }
        return words_.orders == 0 ||
               (words_.orders == 1 && !sorts_.empty() && !has_merge && !words_.has_window);
    }
    [[nodiscard]] bool is_order_jump(size_t place) const {
        return at(place).flow == Flow::kJump && at(place).p1 != at(place).p3;
    }

    void look(size_t place, const Registers& registers) {
        const Instruction& one = at(place);
        switch (one.effect) {
            case Effect::kEqual:
            case Effect::kLess: return look_at_comparison(place, registers);
            case Effect::kCompare: return look_at_rows(place, registers);
            case Effect::kFind:
            case Effect::kFindToDelete:
            case Effect::kSeek: return look_at_search(one, registers);
            case Effect::kResult: return look_at_result(one, registers);
            case Effect::kArithmetic:
            case Effect::kWholeArithmetic: return look_at_arithmetic(place, registers);
            case Effect::kBitNot:
                change(registers.get(one.p1));
                texts(registers.get(one.p1), For::kTextWhole);
                return exact(registers.get(one.p1), true, Use::kBits);
            case Effect::kConcat:
                change(registers.get(one.p1));
                return change(registers.get(one.p2));
            case Effect::kCast:
                if (one.p2 != 'E') {
                    change(registers.get(one.p1));
                }
                if (one.p2 != 'E' && affinity_of(one.p2) == Affinity::kNumeric) {
                    exact(registers.get(one.p1), true);
                    texts(registers.get(one.p1),
                          one.p2 == 'D' ? For::kTextWhole : For::kTextNumber);
                }
                return;
            case Effect::kAffinity:
            case Effect::kMakeRecord: return look_at_affinities(one, registers);
            case Effect::kFunction:
            case Effect::kAggregateStep: return look_at_function(place, registers);
            default: return;
        }
    }

    /// Texts of columns that are kept as numbers, or held against some.
    void look_at_affinities(const Instruction& one, const Registers& registers) {
        for (int i = 0; i < one.p2 && static_cast<size_t>(i) < one.p4.size(); ++i) {
            if (affinity_of(one.p4[static_cast<size_t>(i)]) == Affinity::kNumeric) {
                texts(registers.get(one.p1 + i), For::kTextKept);
            }
        }
    }
    void look_at_comparison(size_t place, const Registers& registers) {
        const Instruction& one = at(place);
        if (is_text_test(place)) {
            return;
        }
        if (place > 0 && is_text_test(place - 1) && refuse_frame(registers.get(one.p3))) {
            return;
        }
        judged(registers.get(one.p3), registers.get(one.p1),
               {one.effect == Effect::kLess, affinity_of(one.p5), collation_name(one.p4)}, false);
    }
    void look_at_rows(size_t place, const Registers& registers) {
        const Instruction& one = at(place);
        const bool is_order = is_order_jump(place + 1);
        const std::vector<std::string_view> key = collations_of(one.p4);
        const bool has_places = place > 0 && at(place - 1).name == "Permutation";
        const std::vector<int> places =
            has_places ? numbers_of(at(place - 1).p4) : std::vector<int>{};
        for (int i = 0; i < one.p3; ++i) {
            const auto index = static_cast<size_t>(i);
            const int column = index < places.size() ? places[index] : i;
            judged(registers.get(one.p1 + column), registers.get(one.p2 + column),
                   {is_order, Affinity::kNone, index < key.size() ? key[index] : "BINARY"}, true);
        }
    }
    void look_at_search(const Instruction& one, const Registers& registers) {
        const auto key = keys_.find(one.p1);
        if (key == keys_.end()) {
            return;
        }
        const std::vector<KnownValue> stored = flow_.columns_of_cursor(one.p1);
        const bool is_delete = one.effect == Effect::kFindToDelete;
        const int first = is_delete ? one.p2 : one.p3;
        int count = is_delete ? one.p3 : 0;
        std::from_chars(one.p4.data(), one.p4.data() + one.p4.size(), count);
        std::vector<KnownValue> asked;
        for (int i = 0; i < count; ++i) {
            asked.push_back(registers.get(first + i));
        }
        if (count == 0) {
            asked = flow_.columns_of_rows(registers.get(one.p3).rows);
        }
        for (size_t i = 0; i < std::min(asked.size(), key->second.size()); ++i) {
            judged(asked[i], i < stored.size() ? stored[i] : KnownValue{},
                   {false, Affinity::kNone, key->second[i]}, true);
        }
    }
    /// Keys of what is sorted, or keeps equal ones apart.
    void look_at_keys(const Instruction& one) {
        const std::vector<KnownValue> stored = flow_.columns_of_cursor(one.p1);
        const std::vector<std::string_view>& key = keys_[one.p1];
        const bool is_order = sorts_.contains(one.p1) || lasts_.contains(one.p1) ||
                              (group_sorts_.contains(one.p1) && !is_order_elsewhere_);
        for (size_t i = 0; i < std::min(stored.size(), key.size()); ++i) {
            judged(stored[i], stored[i], {is_order, Affinity::kNone, key[i]}, true);
        }
    }
    void look_at_result(const Instruction& one, const Registers& registers) {
        results_.resize(std::max(results_.size(), static_cast<size_t>(std::max(one.p2, 0))));
        for (int i = 0; i < one.p2; ++i) {
            const KnownValue value = registers.get(one.p1 + i);
            KnownValue& all = results_[static_cast<size_t>(i)];
            all.kinds |= value.kinds;
            all.origins |= value.origins;
        }
    }
    /// Of all that may come in one column of the answer.
    Floating judge_result(const KnownValue& all) {
        constexpr Kinds kOthers = kReal | kRoundedDecimal | kText | kSaidText;
        if ((all.kinds & kOthers) != 0) {
            unrounded(all);
            return Floating::kItself;
        }
        return (all.kinds & kRounded) != 0 ? Floating::kKept : Floating::kPast64;
    }
    void look_at_arithmetic(size_t place, const Registers& registers) {
        const Instruction& one = at(place);
        const KnownValue a = registers.get(one.p1);
        const KnownValue b = registers.get(one.p2);
        const bool is_frame =
            one.p2 == one.p3 && place >= 2 && (is_text_test(place - 1) || is_text_test(place - 2));
        if (is_frame && refuse_frame(b)) {
            return;
        }
        if (is_null_test(one)) {
            return;
        }
        const bool is_whole = one.effect == Effect::kWholeArithmetic;
        if (is_whole) {
            change(a);
            change(b);
        }
        const bool is_bits = is_whole && one.name != "Remainder";
        watched_.drops_bits |=
            one.name.starts_with("Shift") && ValueFlow::bits_shifted(one, registers) > kWholeBits;
        for (const KnownValue& value : {a, b}) {
            if (is_whole || (a.kinds != kReal && b.kinds != kReal)) {
                exact(value, true, is_bits ? Use::kBits : Use::kCalculated);
                texts(value, is_bits ? For::kTextWhole : For::kTextNumber);
            }
        }
    }
    /// `not in` finds out with BitAnd whether there is a null among its values.
    [[nodiscard]] bool is_null_test(const Instruction& one) const {
        const auto asks = [&](const Instruction& other) {
            return (other.name == "IsNull" || other.name == "NotNull") && other.p1 == one.p3;
        };
        return one.name == "BitAnd" && (one.p1 == one.p2 || one.p1 == one.p3) &&
               std::ranges::any_of(program_.instructions(), asks);
    }
    /// "Ge '' value": a window's frame asks so whether there is something to add to. Then comes
    /// perhaps one more comparison, and "Add offset value value".
    [[nodiscard]] bool is_text_test(size_t place) const {
        return place > 0 && at(place).name == "Ge" && at(place - 1).name == "String8" &&
               at(place - 1).p4.empty() && at(place - 1).p2 == at(place).p1;
    }
    bool refuse_frame(const KnownValue& value) {
        if ((value.kinds & kWideTexts) == 0) {
            return false;
        }
        refuse(
            "{} is a text to SQL, to which a window's frame adds nothing: RANGE with numbers is "
            "for columns of up to 64 bits; ROWS and GROUPS count rows",
            value, kWideTexts);
        return true;
    }
    void look_at_function(size_t place, const Registers& registers) {
        const Instruction& one = at(place);
        const std::string_view name = function_name(one);
        const std::vector<KnownValue> given = flow_.arguments(one, registers);
        for (const KnownValue& value : given) {
            if (!passes_on(name)) {
                change(value);
            } else if (name == "sum") {
                unrounded(value);
            }
        }
        if (rounds(name)) {
            for (const KnownValue& value : given) {
                exact(value, false);
                texts(value, For::kTextNumber);
            }
        }
        const bool is_order = name == "max" || name == "min";
        if (!is_order && name != "nullif") {
            return;
        }
        const bool has_collation = place > 0 && at(place - 1).name == "CollSeq";
        const Comparing how{is_order, Affinity::kNone,
                            has_collation ? collation_name(at(place - 1).p4) : "BINARY"};
        KnownValue all;
        for (const KnownValue& value : given) {
            all.kinds |= value.kinds;
            all.origins |= value.origins;
            all.bits = std::max(all.bits, value.bits);
        }
        if (name == "nullif" && given.size() == 2) {
            return judged(given[0], given[1], how, false);
        }
        judged(all, all, how, true);
    }

    /// What is made of a value depends on its last digits.
    void use(const KnownValue& value) { watched_.uses_past_64 |= (value.kinds & kPast64) != 0; }
    void change(const KnownValue& value) {
        use(value);
        unrounded(value);
    }
    /// Where the rows of a subquery are kept, its columns' affinity has made floating point numbers
    /// of what does not fit in 64 bits.
    void unrounded(const KnownValue& value) {
        for (const Origin& origin : origins_of(value, kRounded | kRoundedDecimal)) {
            if (origin.kind == Origin::Kind::kSum) {
                watched_.has_sum = true;
            } else if (origin.kind == Origin::Kind::kFunction) {
                refuse(fmt::format("{{}} is a text, {}", kKeptWords), value,
                       kRounded | kRoundedDecimal);
            } else {
                const Kinds kinds = kinds_of(origin.table->columns()[origin.column]);
                const bool is_whole = (kinds & kDecimal) == 0;
                watched_.columns.push_back({origin.table, origin.column,
                                            is_whole ? For::kWhole : For::kDigits, Use::kKept});
            }
        }
    }
    [[nodiscard]] bool has_sum(const KnownValue& value) const {
        const std::vector<Origin> from = origins_of(value, kUint64 | kRounded);
        return std::ranges::any_of(
            from, [](const Origin& origin) { return origin.kind == Origin::Kind::kSum; });
    }
    /// A sum below -2^63 is a text, which SQL takes for more than any number.
    void look_at_low_sums(const KnownValue& value, const Comparing& how) {
        watched_.has_low_sum |=
            (how.is_order || how.affinity == Affinity::kNumeric) && has_sum(value);
    }
    void watch_least(const KnownValue& value, Use use) {
        for (const Origin& origin : origins_of(value, kRounded | kMaybeWideTexts)) {
            if (origin.kind == Origin::Kind::kColumn) {
                watched_.columns.push_back({origin.table, origin.column, For::kLeast, use});
            }
        }
    }
    /// Whether all its integers are as small as those that JSON has as numbers.
    [[nodiscard]] static bool is_in_json_range(const KnownValue& value) {
        return (value.kinds & kInteger) == 0 ||
               ((value.kinds & kPast64) == 0 && value.bits <= kJsonBits);
    }
    void judged(const KnownValue& a, const KnownValue& b, Comparing how, bool is_key) {
        use(a);
        use(b);
        how.is_json_range = is_in_json_range(a) && is_in_json_range(b);
        const KnownValue both{static_cast<Kinds>(a.kinds | b.kinds), 0, a.origins | b.origins};
        constexpr Kinds kWritten = kNumberText | kBigText | kLooseText | kPastNumber;
        const KnownValue stored{static_cast<Kinds>(both.kinds & ~kWritten), 0, both.origins};
        const Verdict verdict = is_key ? judge_key(both.kinds, how) : judge(a.kinds, b.kinds, how);
        look_at_low_sums(both, how);
        if (how.affinity == Affinity::kNumeric && (both.kinds & kNumbers) != 0) {
            texts(both, For::kTextKept);
        }
        const Use use = !how.is_order ? Use::kEqual : is_key ? Use::kSort : Use::kOrder;
        const std::string_view compared =
            how.is_order ? "u256_cmp(a, b) < 0 for a < b" : "u256_cmp(a, b) = 0 for a = b";
        switch (verdict) {
            case Verdict::kRight: return;
            case Verdict::kWatchLeast: return watch_least(both, use);
            case Verdict::kWatchDigits: return exact(stored, false, use);
            case Verdict::kWatchWhole: return exact(stored, true, use);
            case Verdict::kTextOrder:
                return refuse(
                    "nothing says how a number in quotes is compared with what is "
                    "calculated: write `collate u256` behind it for numbers, `collate "
                    "binary` for texts",
                    both, 0);
            case Verdict::kCase:
                return refuse(
                    "{} is in lower case and would be compared letter by letter: write "
                    "it so, or `collate nocase` behind it",
                    both, kHex);
            case Verdict::kLeast:
                return refuse(fmt::format("a number in quotes that is below -2^63 is compared with "
                                          "one of 64 bits in floating point: say {}",
                                          compared),
                              both, 0);
            case Verdict::kLoose:
                return refuse(
                    "{} is a number as text: write numbers that it is compared with as "
                    "digits without zeros in front, '1000'",
                    both, kWideTexts);
            case Verdict::kBytesOrder:
                return refuse(fmt::format("{{}} is a text, and would be ordered by its bytes: {}{}",
                                          kHowToCompare,
                                          (both.kinds & kWidePart) == 0
                                              ? ""
                                              : "; or that no number is meant: cast(.. as text)"),
                              both, kMaybeWideTexts);
            case Verdict::kNumberAndText: {
                const bool has_wide = (both.kinds & kWideTexts) != 0;
                if (!has_wide && (both.kinds & kJsonWholes) != 0) {
                    return refuse(json_whole_meets_number(compared, is_key), both, kJsonWholes);
                }
                if (!has_wide && (both.kinds & kWritten) != 0) {
                    return refuse(number_in_quotes(both.kinds, compared, is_key), both, 0);
                }
                return refuse(
                    "{} is a text, which SQL takes for more than any number: write '0' "
                    "for 0 where they meet, u256_add(n, 0) for a column, .. > '1000' "
                    "collate u256 for an order; cast(.. as text) where no number is meant",
                    both, kMaybeWideTexts);
            }
        }
    }

    [[nodiscard]] static std::string json_whole_meets_number(std::string_view compared,
                                                             bool is_key) {
        return fmt::format(
            "{{}} is a number below 2^53 and a text from there on, which SQL takes for more than "
            "any number: {}u256_add(.., 0) makes a text of each, for .. > '1000' collate u256, "
            "max(.. collate u256) and order by .. collate u256",
            is_key ? "" : fmt::format("say {}; ", compared));
    }

    /// Of one that is compared with a number.
    [[nodiscard]] static std::string number_in_quotes(Kinds kinds, std::string_view compared,
                                                      bool is_key) {
        std::string out =
            "a number in quotes is compared with a calculated one, and SQL takes a text for more "
            "than any number: ";
        const bool is_small = (kinds & kBigText) == 0;
        if (is_small) {
            out += "write it without quotes, in digits";
        }
        if ((kinds & kLooseText) != 0) {
            return out + "; cast(.. as text) where no number is meant";
        }
        if (is_key) {
            return out + (is_small ? ", or " : "write ") +
                   "u256_add(.., 0) for the calculated one, with collate u256 for an order";
        }
        const bool is_order = compared.find('<') != std::string_view::npos;
        return out + fmt::format("{}{}{}{}", is_small ? ", or " : "say ", compared,
                                 is_order ? ", or u256_add(.., 0) > '1000' collate u256" : "",
                                 is_small ? ", where one may not fit in 64 bits" : "");
    }

    /// Texts of columns of which a number is made.
    void texts(const KnownValue& value, For what) {
        if ((value.kinds & (kText | kSaidText)) == 0) {
            return;
        }
        const std::vector<Origin>& all = flow_.origins();
        for (size_t i = 0; i < all.size(); ++i) {
            const size_t bit = std::min(i, ValueFlow::kOriginsMax - 1);
            if ((value.origins >> bit & 1) != 0 && all[i].kind == Origin::Kind::kColumn &&
                is_text_column(all[i].table->columns()[all[i].column])) {
                const bool is_cut = (value.kinds & kCutText) != 0;
                watched_.columns.push_back(
                    {all[i].table, all[i].column, is_cut ? For::kTextCut : what});
            }
        }
    }

    /// Its numbers must be whole and fit in 64 bits, or else have no more digits than a double
    /// tells apart: that is seen when they come.
    void exact(const KnownValue& value, bool is_whole, Use use = Use::kCalculated) {
        constexpr Kinds kLarge = kUint64 | kRounded | kRoundedDecimal | kMaybeWideTexts | kSaidText;
        const Kinds rounded = is_whole ? kBigText | kPastNumber : kBigText | kNumberText;
        if ((value.kinds & rounded) != 0) {
            return refuse(
                "a number in quotes is calculated with in floating point: use "
                "u256_add(a, b) or decimal_add(a, b) and the others",
                value, 0);
        }
        for (const Origin& origin : origins_of(value, kLarge)) {
            if (origin.kind == Origin::Kind::kFunction) {
                refused_ = refused_.value_or(Error{
                    ErrorCode::kInvalidArgument,
                    fmt::format("{} is a text, which SQL would calculate with in floating "
                                "point: use u256_add(a, b) and the others, or say cast(.. as real)",
                                origin.name)});
            } else if (origin.kind == Origin::Kind::kSum) {
                watched_.has_sum = true;
            } else {
                watched_.columns.push_back(
                    {origin.table, origin.column, is_whole ? For::kWhole : For::kDigits, use});
            }
        }
    }
    /// Of those among the value's that are of such kinds.
    [[nodiscard]] std::vector<Origin> origins_of(const KnownValue& value, Kinds kinds) const {
        std::vector<Origin> out;
        const std::vector<Origin>& all = flow_.origins();
        for (size_t i = 0; (value.kinds & kinds) != 0 && i < all.size(); ++i) {
            const size_t bit = std::min(i, ValueFlow::kOriginsMax - 1);
            const bool is_meant = all[i].kind != Origin::Kind::kColumn ||
                                  (kinds_of(all[i].table->columns()[all[i].column]) &
                                   ((kinds & kHex) != 0 ? kHex : kUint64 | kWideTexts)) != 0;
            if ((value.origins >> bit & 1) != 0 && is_meant) {
                out.push_back(all[i]);
            }
        }
        return out;
    }
    void refuse(std::string_view why, const KnownValue& value, Kinds kinds) {
        if (refused_) {
            return;
        }
        const std::vector<Origin> from = origins_of(value, kinds);
        const std::string name = from.empty() ? "a column or result" : from.front().name;
        std::string text{why};
        if (const size_t gap = text.find("{}"); gap != std::string::npos) {
            text.replace(gap, 2, name);
        }
        refused_ = Error{ErrorCode::kInvalidArgument, std::move(text)};
    }

    const Program& program_;
    ValueFlow& flow_;
    const StatementWords& words_;
    bool is_order_elsewhere_ = false;
    std::set<int> sorts_;
    std::set<int> group_sorts_;
    std::set<int> lasts_;
    std::map<int, std::vector<std::string_view>> keys_;
    std::vector<KnownValue> results_;  ///< by column of the answer
    WatchedValues watched_;
    std::optional<Error> refused_;
};

}  // namespace

Result<WatchedValues> check_comparisons(sqlite3* db, std::string_view sql,
                                        const StatementWords& words, const CheckSources& sources) {
    if (words.is_plain) {
        return WatchedValues{};  // A point question is not explained first.
    }
    PLUMBLINE_TRY(Program read, Program::read(db, sql));
    const auto program = std::make_shared<const Program>(std::move(read));
    const auto check = [program, sources, words](bool sum_is_text, const WholeBits* bits,
                                                 bool& has_mixed_sum) -> Result<WatchedValues> {
        ValueFlow flow{*program,
                       {sources.value_of_parameter, sources.table_of, words.extreme_arguments,
                        words.list_arguments, words.has_json_tree, sum_is_text, bits}};
        PLUMBLINE_TRY_VOID(flow.run());
        has_mixed_sum = flow.has_mixed_sum();
        PLUMBLINE_TRY(WatchedValues watched, Check(*program, flow, words).run());
        watched.sum_is_text = sum_is_text;
        watched.has_narrow_sums = !flow.has_wide_sum();
        return watched;
    };
    bool has_mixed_sum = false;
    auto checked = check(false, nullptr, has_mixed_sum);
    if (!checked && has_mixed_sum) {
        // `sum(case when .. then weight else 0 end)` is a number where no weight came.
        if (auto as_text = check(true, nullptr, has_mixed_sum)) {
            checked = std::move(as_text);
        }
    }
    if (!checked || (!checked->uses_past_64 && !checked->drops_bits)) {
        return checked;
    }
    const std::string why =
        fmt::format("beyond 64 bits, {}{}{}", checked->uses_past_64 ? kPastWords : "",
                    checked->uses_past_64 && checked->drops_bits ? "; and " : "",
                    checked->drops_bits ? kDropWords : "");
    checked->whole_words = "with which the statement may calculate " + why;
    checked->stays_whole = [check, sum_is_text = checked->sum_is_text](const WholeBits& bits) {
        bool is_mixed = false;
        const auto with = check(sum_is_text, &bits, is_mixed);
        return with && !with->uses_past_64 && !with->drops_bits;
    };
    if (!checked->stays_whole({})) {
        return Error{ErrorCode::kInvalidArgument,
                     "the statement may calculate, whatever the rows hold, " + why};
    }
    return checked;
}

}  // namespace plumbline::query::sql
