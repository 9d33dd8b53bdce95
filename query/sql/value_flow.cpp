#include "query/sql/value_flow.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "query/sql/function_kinds.hpp"
#include "query/sql/json_kinds.hpp"

namespace plumbline::query::sql {

namespace {

/// Registers of all places where ways meet, and steps until nothing changes: some ten milliseconds.
constexpr size_t kCellsMax = 2'000'000;
constexpr size_t kStepsMax = 20'000'000;
constexpr int kRegistersMax = 100'000;
constexpr size_t kNumberedMax = 1'000;
constexpr size_t kRowsMax = 60'000;
constexpr size_t kArgumentsMax = 100;
/// Of json_set() and the like: the value, and a path with what comes there.
constexpr size_t kJsonArguments = 3;

/// The place of `one` in `all`, which it is added to; 0 where there is no more room.
template <typename Item, typename One>
uint16_t number_in(std::vector<Item>& all, const One& one) {
    const auto found = std::ranges::find(all, one);
    if (found == all.end() && all.size() < kNumberedMax) {
        all.push_back(one);
        return static_cast<uint16_t>(all.size() - 1);
    }
    return found == all.end() ? uint16_t{0} : static_cast<uint16_t>(found - all.begin());
}

/// Of which every number fits in 64 bits.
constexpr uint8_t kSafeDigits = 18;
/// Of a number of which nothing is known, of a count, and of seconds.
constexpr uint8_t kBitsMax = 63;
constexpr uint8_t kCountBits = 32;
constexpr uint8_t kTimeBits = 40;

template <typename Number>
uint8_t bits_in(std::string_view text, uint8_t otherwise) {
    Number number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    return read.ec == std::errc{} ? static_cast<uint8_t>(bits_of(number)) : otherwise;
}

/// Of a number that is written in the program.
uint8_t literal_bits(const Instruction& one) {
    return one.name == "Integer" ? static_cast<uint8_t>(bits_of(one.p1))
           : one.name == "Int64" ? bits_in<int64_t>(one.p4, kBitsMax + 1)
                                 : kCountBits;
}

/// Of a + b, a - b, a * b or a / b; above 63: it may not fit.
uint8_t bits_calculated(std::string_view name, uint8_t a, uint8_t b) {
    const uint8_t most = std::max(a, b);
    const uint8_t least = std::min(a, b);
    if (name == "Multiply") {
        return least == 0 ? uint8_t{0} : static_cast<uint8_t>(a + b);
    }
    if (name == "Divide" || least == 0) {
        return name == "Divide" ? a : most;
    }
    // A recursion that adds less than 2^31 at a time is not run 2^31 times.
    return least <= 31 && most < kBitsMax ? static_cast<uint8_t>(std::min(most + 1, 62))
                                          : static_cast<uint8_t>(most + 1);
}

/// Of a number below 2^bits that is not negative.
Natural natural_below(unsigned bits) {
    return {true, 0, bits < 8 ? static_cast<uint8_t>((1U << bits) - 1) : Natural::kMore};
}

/// Of a number that is written in the program.
Natural literal_natural(const Instruction& one) {
    int64_t number = -1;
    if (one.name == "Int64") {
        std::from_chars(one.p4.data(), one.p4.data() + one.p4.size(), number);
    }
    return natural_of(one.name == "Integer" ? one.p1 : number);
}

Natural natural_in(const Column& column, unsigned bits) {
    using storage::FieldKind;
    const bool is_natural = column.type && (column.type->kind == FieldKind::kUint ||
                                            column.type->kind == FieldKind::kBool);
    return is_natural ? natural_below(bits) : Natural{};
}

Natural joined_natural(const KnownValue& a, const KnownValue& b) {
    if (a.kinds == 0 || b.kinds == 0) {  // Null is of every kind.
        return a.kinds == 0 ? b.natural : a.natural;
    }
    return a.natural.is_told && b.natural.is_told
               ? Natural{true, std::min(a.natural.least, b.natural.least),
                         std::max(a.natural.most, b.natural.most)}
               : Natural{};
}

/// Of what is found somewhere in JSON of these kinds.
Kinds kinds_of_unknown_part(Kinds json) {
    return static_cast<Kinds>(kAnything |
                              ((json & kWideJson) != 0 ? Kinds{kWidePart | kWideJson} : 0) |
                              ((json & kHexJson) != 0 ? Kinds{kHex | kHexJson} : 0));
}

/// These give a part of the text that they are given.
bool cuts(std::string_view function) {
    constexpr std::string_view kAll[] = {"substr", "substring", "trim", "ltrim",
                                         "rtrim",  "lower",     "upper"};
    return std::ranges::find(kAll, function) != std::end(kAll);
}

}  // namespace

Natural natural_of(int64_t number) noexcept {
    if (number < 0) {
        return {};
    }
    const auto shown = static_cast<uint8_t>(std::min<int64_t>(number, Natural::kMore));
    return {true, shown, shown};
}

std::string_view function_name(const Instruction& one) {
    return std::string_view{one.p4}.substr(0, one.p4.find('('));
}

KnownValue ValueFlow::Registers::get(int place) const {
    return place >= 0 && static_cast<size_t>(place) < values_.size()
               ? values_[static_cast<size_t>(place)]
               : KnownValue{};
}

void ValueFlow::Registers::set(int place, KnownValue value) {
    if (place < 0 || place > kRegistersMax) {
        return;
    }
    if (static_cast<size_t>(place) >= values_.size()) {
        values_.resize(static_cast<size_t>(place) + 1);
    }
    values_[static_cast<size_t>(place)] = value;
}

bool ValueFlow::Registers::join(const Registers& other, ValueFlow& flow) {
    bool is_changed = other.values_.size() > values_.size();
    values_.resize(std::max(values_.size(), other.values_.size()));
    for (size_t i = 0; i < other.values_.size(); ++i) {
        if (other.values_[i] != values_[i]) {
            const KnownValue both = flow.joined(values_[i], other.values_[i]);
            is_changed |= both != values_[i];
            values_[i] = both;
        }
    }
    return is_changed;
}

ValueFlow::ValueFlow(const Program& program, FlowSources sources)
    : program_{program},
      sources_{std::move(sources)},
      is_leader_(program.instructions().size()) {
    for (size_t at = 0; at < program_.instructions().size(); ++at) {
        for (const size_t target : program_.targets(at)) {
            is_leader_[target] = true;
        }
        const Instruction& one = program_.instructions()[at];
        if (one.effect == Effect::kOpenTwin) {
            twins_[one.p1] = one.p2;
        } else if (one.effect == Effect::kOpenPseudo) {
            pseudo_[one.p1] = one.p2;
        } else if (one.effect == Effect::kOpenVirtual) {
            virtual_[one.p1] = sources_.table_of(one.p4);
        } else if (one.effect == Effect::kOpen || one.effect == Effect::kOpenIndex) {
            is_own_[one.p1] = true;
        }
    }
}

Status ValueFlow::run() {
    if (program_.instructions().empty()) {
        return ok();
    }
    states_[0] = {};
    do {
        has_new_columns_ = false;
        std::vector<size_t> waiting;
        for (const auto& [leader, state] : states_) {
            waiting.push_back(leader);
        }
        std::ranges::reverse(waiting);
        while (!waiting.empty()) {
            const size_t leader = waiting.back();
            waiting.pop_back();
            PLUMBLINE_TRY_VOID(run_from(leader, waiting));
        }
    } while (has_new_columns_);
    return ok();
}

Status ValueFlow::run_from(size_t leader, std::vector<size_t>& waiting) {
    Registers now = states_[leader];
    const auto go = [&](size_t target) {
        const auto [state, is_new] = states_.try_emplace(target, now);
        spent_ += now.size();
        if (is_new || state->second.join(now, *this)) {
            waiting.push_back(target);
        }
    };
    for (size_t at = leader; at < program_.instructions().size(); ++at) {
        if (at != leader && is_leader_[at]) {
            go(at);
            break;
        }
        apply(at, now);
        for (const size_t target : program_.targets(at)) {
            go(target);
        }
        if (++spent_ > kStepsMax || states_.size() * now.size() > kCellsMax || is_too_large_) {
            return Error{ErrorCode::kTooLarge,
                         "the statement is too long to tell how its numbers are compared: ask in "
                         "several"};
        }
        if (!program_.goes_on(at)) {
            break;
        }
    }
    return ok();
}

void ValueFlow::visit(const std::function<void(size_t at, const Registers&)>& look) {
    for (const auto& [leader, state] : states_) {
        Registers now = state;
        for (size_t at = leader; at < program_.instructions().size(); ++at) {
            if (at != leader && is_leader_[at]) {
                break;
            }
            look(at, now);
            apply(at, now);  // At the fixed point nothing new comes of it.
            if (!program_.goes_on(at)) {
                break;
            }
        }
    }
}

void ValueFlow::apply(size_t at, Registers& registers) {
    const Instruction& one = program_.instructions()[at];
    const auto set_kinds = [&](int place, Kinds kinds, uint8_t bits = kBitsMax) {
        registers.set(place, {kinds, 0, 0, bits});
    };
    switch (one.effect) {
        case Effect::kIntegerToP1: return set_kinds(one.p1, kInteger, kCountBits);
        case Effect::kIntegerToP2:
            return registers.set(one.p2,
                                 {kInteger, 0, 0, literal_bits(one), 0, 0, literal_natural(one)});
        case Effect::kIntegerToP3: return set_kinds(one.p3, kInteger, kCountBits);
        case Effect::kReal: return set_kinds(one.p2, kReal);
        case Effect::kBlob: return set_kinds(one.p2, kText);
        case Effect::kConcat:
            return registers.set(
                one.p3, made_of("||", joined(registers.get(one.p1), registers.get(one.p2)), kText));
        case Effect::kString:
            return registers.set(
                one.p2, {kinds_of_text(one.p4), 0, 0, bits_in<int64_t>(one.p4, kBitsMax), 0,
                         number_in(texts_, one.p4)});
        case Effect::kVariable: return registers.set(one.p2, sources_.value_of_parameter(one.p1));
        case Effect::kNull:
            for (int i = one.p2; i <= std::max(one.p2, std::min(one.p3, kRegistersMax)); ++i) {
                set_kinds(i, 0, 0);
            }
            return;
        case Effect::kShallowCopy: return registers.set(one.p2, registers.get(one.p1));
        case Effect::kCopy:
        case Effect::kMove: {
            const int count = one.effect == Effect::kCopy ? one.p3 + 1 : one.p3;
            for (int i = 0; i < std::min(count, kRegistersMax); ++i) {
                registers.set(one.p2 + i, registers.get(one.p1 + i));
            }
            return;
        }
        case Effect::kArithmetic:
        case Effect::kWholeArithmetic: return registers.set(one.p3, calculated(one, registers));
        case Effect::kBitNot:
            return set_kinds(one.p2, kInteger,
                             static_cast<uint8_t>(
                                 std::min<unsigned>(registers.get(one.p1).bits + 1U, kBitsMax)));
        case Effect::kCast: {
            const char to = static_cast<char>(one.p2);
            const KnownValue from = registers.get(one.p1);
            const uint8_t bits = (from.kinds & kReal) != 0 ? kBitsMax : from.bits;
            return to == 'E' ? set_kinds(one.p1, kReal)
                   : affinity_of(to) == Affinity::kNumeric
                       ? set_kinds(one.p1, to == 'D' ? kInteger : kInteger | kReal, bits)
                       : registers.set(one.p1, {kSaidText, 0, from.origins, bits});
        }
        case Effect::kAffinity:
            for (int i = 0; i < one.p2 && static_cast<size_t>(i) < one.p4.size(); ++i) {
                KnownValue value = registers.get(one.p1 + i);
                value.kinds = convert(value.kinds, affinity_of(one.p4[static_cast<size_t>(i)]));
                registers.set(one.p1 + i, value);
            }
            return;
        case Effect::kMakeRecord: {
            Columns columns;
            for (int i = 0; i < std::min(one.p2, kRegistersMax); ++i) {
                KnownValue value = registers.get(one.p1 + i);
                if (static_cast<size_t>(i) < one.p4.size()) {
                    value.kinds = convert(value.kinds, affinity_of(one.p4[static_cast<size_t>(i)]));
                }
                columns.push_back(value);
            }
            const auto source = static_cast<Source>(at);
            add_columns(source, columns);
            return registers.set(one.p3, {0, rows_of({source}), 0});
        }
        case Effect::kInsert:
            return add_columns(cursor_source(one.p1), columns_of_rows(registers.get(one.p2).rows));
        case Effect::kColumn: return registers.set(one.p3, read_column(one, registers));
        case Effect::kFilterVirtual: return filter_virtual(at, registers);
        case Effect::kVirtualColumn: return registers.set(one.p3, read_virtual(one));
        case Effect::kRowData:
            return registers.set(one.p2, {0, rows_of({cursor_source(one.p1)}), 0});
        case Effect::kFunction:
            return registers.set(one.p3, result_of(function_name(one), arguments(one, registers)));
        case Effect::kAggregateStep:
            return registers.set(one.p3, joined(registers.get(one.p3), aggregated(one, registers)));
        case Effect::kAggregateValue: return registers.set(one.p3, registers.get(one.p1));
        case Effect::kUnknown: return apply_unknown(one, registers);
        default: return;
    }
}

/// It may put into any of its registers what is in any of them.
void ValueFlow::apply_unknown(const Instruction& one, Registers& registers) {
    KnownValue all{kAnything, 0, 0, kBitsMax};
    for (const int place : {one.p1, one.p2, one.p3}) {
        all = joined(all, registers.get(place));
    }
    for (const int place : {one.p1, one.p2, one.p3}) {
        if (place > 0 && static_cast<size_t>(place) < registers.size()) {
            registers.set(place, all);
        }
    }
}

ValueFlow::Source ValueFlow::cursor_source(int cursor) const {
    for (size_t steps = 0; steps <= twins_.size(); ++steps) {
        const auto twin = twins_.find(cursor);
        if (twin == twins_.end()) {
            break;
        }
        cursor = twin->second;
    }
    return -1 - cursor;
}

KnownValue ValueFlow::read_column(const Instruction& one, const Registers& registers) {
    const auto pick = [&](const Columns& columns) {
        const auto place = static_cast<size_t>(one.p2);
        return place < columns.size() ? columns[place] : KnownValue{};
    };
    if (const auto row = pseudo_.find(one.p1); row != pseudo_.end()) {
        return pick(columns_of_rows(registers.get(row->second).rows));
    }
    const int root = -1 - cursor_source(one.p1);
    return is_own_.contains(root) ? pick(columns_of_cursor(root))
                                  : KnownValue{kAnything, 0, 0, kBitsMax};
}

KnownValue ValueFlow::read_virtual(const Instruction& one) {
    const auto found = virtual_.find(one.p1);
    if (found == virtual_.end() || found->second == nullptr) {
        return read_json_table(one);
    }
    const Table& table = *found->second;
    const auto place = static_cast<size_t>(one.p2);
    if (place >= table.columns().size()) {
        return {kAnything, 0, 0, kBitsMax};
    }
    const Column& column = table.columns()[place];
    const Kinds kinds = kinds_of(column);
    const uint8_t bits = bits_of_column(table, place);
    constexpr Kinds kNamed = kUint64 | kWideTexts | kHex;
    if ((kinds & kNamed) == 0 && !is_text_column(column)) {
        return {
            kinds, 0, 0, bits, number_in(shapes_, column.shape.get()), 0, natural_in(column, bits)};
    }
    return {kinds,
            0,
            origin({Origin::Kind::kColumn, table.name() + "." + column.name, &table, place}),
            bits,
            0,
            0,
            natural_in(column, bits)};
}

uint8_t ValueFlow::bits_of_column(const Table& table, size_t place) const {
    const std::optional<storage::FieldType>& type = table.columns()[place].type;
    const Kinds kinds = kinds_of(table.columns()[place]);
    const bool is_number = (kinds & (kNumbers | kWideTexts)) != 0;
    const unsigned most = !is_number || !type ? kBitsMax
                          : type->kind == storage::FieldKind::kBool
                              ? 1U
                              : std::min<unsigned>(type->bits, kBitsMax);
    if (sources_.bits == nullptr || !is_number) {
        return static_cast<uint8_t>(most);
    }
    const auto seen = sources_.bits->columns.find({&table, place});
    return static_cast<uint8_t>(seen == sources_.bits->columns.end() ? 0 : seen->second);
}

KnownValue ValueFlow::calculated(const Instruction& one, const Registers& registers) {
    const KnownValue a = registers.get(one.p1);
    const KnownValue b = registers.get(one.p2);
    if (one.effect == Effect::kWholeArithmetic) {
        return whole_calculated(one, registers);
    }
    // What is calculated of one floating point number is one.
    if (a.kinds == kReal || b.kinds == kReal) {
        return {kReal, 0, 0};
    }
    // Numbers that do not fit in 64 bits are watched.
    constexpr Kinds kWhole =
        kInteger | kUint64 | kRounded | kRoundedDecimal | kWideTexts | kNumberText | kPast64;
    if (((a.kinds | b.kinds) & ~kWhole) != 0) {
        return {static_cast<Kinds>(kInteger | kReal), 0, 0, kBitsMax};
    }
    const uint8_t bits = bits_calculated(one.name, a.bits, b.bits);
    const Kinds past =
        bits > kBitsMax ? Kinds{kPast64} : static_cast<Kinds>((a.kinds | b.kinds) & kPast64);
    return {static_cast<Kinds>(kInteger | past), 0, 0, std::min(bits, kBitsMax)};
}

unsigned ValueFlow::bits_shifted(const Instruction& shift, const Registers& registers) {
    const KnownValue by = registers.get(shift.p1);
    const KnownValue value = registers.get(shift.p2);
    if (value.bits == 0) {
        return 0;
    }
    if (by.natural.is_told && shift.name == "ShiftRight") {
        return std::max<unsigned>(value.bits - std::min(value.bits, by.natural.least), 1);
    }
    // By less than nothing is the other way.
    const Natural most = by.natural.is_told ? by.natural : natural_below(by.bits);
    return unsigned{value.bits} + most.most;
}

/// Of %, &, |, << and >>.
KnownValue ValueFlow::whole_calculated(const Instruction& one, const Registers& registers) {
    const KnownValue a = registers.get(one.p1);
    const KnownValue b = registers.get(one.p2);
    const uint8_t least = std::min(a.bits, b.bits);
    const bool are_natural = a.natural.is_told && b.natural.is_told;
    Kinds kinds = kInteger;
    unsigned bits = kBitsMax;
    bool is_natural = false;
    if (one.name == "Remainder") {
        kinds |= ((a.kinds | b.kinds) & kReal) != 0 ? Kinds{kReal} : Kinds{0};
        bits = least;
        is_natural = b.natural.is_told;
    } else if (one.name == "BitAnd") {
        is_natural = a.natural.is_told || b.natural.is_told;
        bits = are_natural         ? least
               : a.natural.is_told ? a.bits
               : b.natural.is_told ? b.bits
                                   : std::max(a.bits, b.bits);
    } else if (one.name == "BitOr") {
        is_natural = are_natural;
        bits = std::max(a.bits, b.bits);
    } else {
        is_natural = b.natural.is_told;
        bits = std::min<unsigned>(bits_shifted(one, registers), kBitsMax);
    }
    return {kinds,
            0,
            0,
            static_cast<uint8_t>(bits),
            0,
            0,
            is_natural ? natural_below(bits) : Natural{}};
}

std::vector<KnownValue> ValueFlow::arguments(const Instruction& one,
                                             const Registers& registers) const {
    const std::string_view text{one.p4};
    const size_t open = text.find('(');
    int count = 0;
    if (open != std::string_view::npos) {
        std::from_chars(text.data() + open + 1, text.data() + text.size(), count);
    }
    if (count < 0) {  // Any number, which is not told.
        const std::string_view name = function_name(one);
        const bool is_extreme = name == "max" || name == "min";
        count = static_cast<int>(
            is_extreme && sources_.extreme_arguments > 0 ? sources_.extreme_arguments
            : is_extreme                                 ? kArgumentsMax
            : name.starts_with("json_") ? std::max(kJsonArguments, sources_.list_arguments)
                                        : sources_.list_arguments);
    }
    std::vector<KnownValue> out;
    for (int i = 0; i < std::min(count, static_cast<int>(kArgumentsMax)); ++i) {
        out.push_back(registers.get(one.p2 + i));
    }
    return out;
}

KnownValue ValueFlow::aggregated(const Instruction& one, const Registers& registers) {
    const std::vector<KnownValue> given = arguments(one, registers);
    if (function_name(one) == "sum" && !given.empty()) {
        return sum_of(given.front());
    }
    return result_of(function_name(one), given);
}

KnownValue ValueFlow::result_of(std::string_view name, const std::vector<KnownValue>& given) {
    KnownValue all;
    for (const KnownValue& value : given) {
        all = joined(all, value);
    }
    const auto named = [&](Kinds kinds) {
        return KnownValue{kinds, 0,
                          origin({Origin::Kind::kFunction, std::string{name} + "()", nullptr, 0}),
                          kBitsMax};
    };
    switch (what_gives(name)) {
        case Gives::kUnknown: return made_of(name, all, kAnything);
        case Gives::kSame: return all;
        case Gives::kFirst: return given.empty() ? KnownValue{} : given.front();
        case Gives::kWide: return named(kWide);
        case Gives::kDecimal: return named(kDecimal);
        case Gives::kInteger:
            return {kInteger, 0, 0,
                    name == "random"      ? kBitsMax
                    : name == "unixepoch" ? kTimeBits
                                          : kCountBits};
        case Gives::kReal:
            return {name == "avg" || name == "total" ? static_cast<Kinds>(kReal)
                                                     : static_cast<Kinds>(kReal | kInteger),
                    0, 0, kBitsMax};
        case Gives::kAbs: {
            constexpr Kinds kOther = kText | kSaidText | kHex | kUpperHex | kLooseText;
            const Kinds real = (all.kinds & kOther) != 0 ? Kinds{kReal} : Kinds{0};
            return {static_cast<Kinds>((all.kinds & ~kOther) | real), 0, all.origins, all.bits};
        }
        case Gives::kUpper: return made_of(name, all, kText | kUpperHex);
        case Gives::kMade: {
            // What is cut so short is no large number.
            const bool is_short = cuts(name) && given.size() == 3 && given[2].natural.is_told &&
                                  given[2].natural.most <= kSafeDigits;
            all.kinds &= is_short ? static_cast<Kinds>(~(kText | kSaidText)) : ~Kinds{0};
            return made_of(name, all, kText);
        }
        case Gives::kJson: {
            const bool is_wide = (all.kinds & (kMaybeWideTexts | kUint64 | kWideJson)) != 0;
            const bool is_hex = (all.kinds & (kHex | kHexJson)) != 0;
            const bool is_same = name == "json" && !given.empty();  // But for its blanks.
            all.kinds &= is_same ? static_cast<Kinds>(~kWideJson) : ~Kinds{0};
            KnownValue out = made_of(name, all, kText);
            out.kinds |= (is_wide ? Kinds{kWideJson} : 0) | (is_hex ? Kinds{kHexJson} : 0);
            out.shape = is_same ? given.front().shape : uint16_t{0};
            return out;
        }
        case Gives::kJsonPart: return json_part_of(name, given);
        case Gives::kText: break;
    }
    const bool is_time =
        name == "strftime" || name == "date" || name == "datetime" || name == "time";
    return {kText, 0, 0, is_time ? kTimeBits : kBitsMax};
}

/// A text, or `kinds`, that was made of `all`: perhaps the digits of a wide number.
KnownValue ValueFlow::made_of(std::string_view name, const KnownValue& all, Kinds kinds) {
    const std::string by = name == "||" ? std::string{name} : std::string{name} + "()";
    KnownValue out{kinds, 0, 0, kBitsMax};
    if (cuts(name) && (all.kinds & (kText | kSaidText)) != 0) {
        out.kinds |= kCutText | (all.kinds & kSaidText);
        out.origins = all.origins;
    }
    if ((all.kinds & (kMaybeWideTexts | kWideJson)) != 0) {
        out.kinds |= kWidePart;
        out.origins = origin({Origin::Kind::kFunction, by, nullptr, 0}) | text_origins(out);
    }
    return out;
}

KnownValue ValueFlow::json_value(Kinds kinds, const evm::AbiType* type, std::string_view name) {
    constexpr Kinds kNamed = kMaybeWideTexts | kHex;
    const uint32_t from =
        (kinds & kNamed) == 0
            ? 0
            : origin({Origin::Kind::kFunction, "what " + std::string{name} + " gives", nullptr, 0});
    const bool is_natural =
        type != nullptr && kinds == kInteger &&
        (type->kind == evm::TypeKind::kUint || type->kind == evm::TypeKind::kBool);
    const unsigned bits = type == nullptr ? kBitsMax : bits_of_json(*type);
    return {kinds,
            0,
            from,
            static_cast<uint8_t>(bits),
            number_in(shapes_, type),
            0,
            is_natural ? natural_below(bits) : Natural{}};
}

const evm::AbiType* ValueFlow::shape_at(const KnownValue& json, const KnownValue& path) const {
    const evm::AbiType* const shape = shapes_[json.shape];
    const bool is_place = path.kinds == kInteger;  // `-> 2`
    return shape == nullptr || (path.text == 0 && !is_place)
               ? nullptr
               : json_part(*shape, is_place ? "$[0]" : texts_[path.text]);
}

KnownValue ValueFlow::json_part_of(std::string_view name, const std::vector<KnownValue>& given) {
    if (given.size() < 2) {
        return {kAnything, 0, 0, kBitsMax};
    }
    const evm::AbiType* const whole = shapes_[given.front().shape];
    const evm::AbiType* const part = shape_at(given[0], given[1]);
    Kinds kinds = part != nullptr    ? kinds_of_json(*part)
                  : whole != nullptr ? kinds_inside_json(*whole)
                                     : kinds_of_unknown_part(given.front().kinds);
    if (name == "->") {  // As JSON, which has texts in quotes.
        constexpr Kinds kAll = kNumbers | kMaybeWideTexts;
        const bool is_wide = (given.front().kinds & kWideJson) != 0 && (kinds & kAll) != 0;
        kinds = static_cast<Kinds>((kinds & (kWideJson | kHexJson)) | kText |
                                   (is_wide ? Kinds{kWidePart} : 0));
    }
    KnownValue out = json_value(kinds, part, name);
    if (part == nullptr && whole != nullptr) {
        out.bits = static_cast<uint8_t>(bits_of_json(*whole));
    }
    return out;
}

/// json_each() and json_tree() are the only tables that are not ours.
void ValueFlow::filter_virtual(size_t at, const Registers& registers) {
    const Instruction& one = program_.instructions()[at];
    const Instruction& before = program_.instructions()[at == 0 ? 0 : at - 1];
    if (const auto found = virtual_.find(one.p1);
        found != virtual_.end() && found->second != nullptr) {
        return;
    }
    const bool is_told = before.name == "Integer" && before.p2 == one.p3 + 1;
    // Not told: which one is the JSON, and whether there is a path.
    const int count = is_told ? 1 : static_cast<int>(kJsonArguments);
    for (int i = 0; i < count; ++i) {
        KnownValue given = registers.get(one.p3 + 2 + i);
        if (!is_told || before.p1 > 1) {
            given.shape =
                number_in(shapes_, is_told ? shape_at(given, registers.get(one.p3 + 3)) : nullptr);
        }
        KnownValue& known = json_inputs_[one.p1];
        const KnownValue both = joined(known, given);
        has_new_columns_ |= both != known;
        known = both;
    }
}

KnownValue ValueFlow::read_json_table(const Instruction& one) {
    enum JsonPlace { kKey, kValue, kType, kAtom, kId, kParent, kFullKey, kPath, kJson };
    const auto input = json_inputs_.find(one.p1);
    if (input == json_inputs_.end() || (one.p2 != kValue && one.p2 != kAtom && one.p2 != kJson)) {
        return {kAnything, 0, 0, kBitsMax};
    }
    const evm::AbiType* const shape = shapes_[input->second.shape];
    if (shape == nullptr || one.p2 == kJson) {
        return json_value(kinds_of_unknown_part(input->second.kinds), nullptr, "json_each()");
    }
    if (one.p2 == kValue && shape->is_array() && !sources_.has_json_tree) {
        const evm::AbiType& item = shape->children.front();
        return json_value(kinds_of_json(item), &item, "json_each()");
    }
    // json_tree() goes all the way down, and its program is that of json_each().
    const bool is_flat = std::ranges::all_of(
        shape->children, [](const evm::AbiType& child) { return child.children.empty(); });
    const bool has_items_alone = is_flat && (one.p2 == kAtom || !sources_.has_json_tree);
    KnownValue out =
        json_value(has_items_alone ? kinds_of_json_items(*shape) : kinds_inside_json(*shape),
                   nullptr, "json_each()");
    out.bits = static_cast<uint8_t>(bits_of_json(*shape));
    return out;
}

KnownValue ValueFlow::sum_of(const KnownValue& given) {
    constexpr Kinds kPlain = kInteger | kUint64 | kRounded | kRoundedDecimal;
    constexpr Kinds kTexts = static_cast<Kinds>(~(kNumbers | kDecimal | kPast64));
    Kinds kinds = given.kinds & (kReal | kPast64);
    const bool has_plain = (given.kinds & kPlain) != 0;
    const bool has_texts = (given.kinds & (kTexts | kDecimal)) != 0;
    has_mixed_sum_ |= has_plain && has_texts;
    has_wide_sum_ |= has_texts;
    if (has_plain) {
        kinds |= sources_.sum_is_text ? kWide : kUint64;
    }
    if ((given.kinds & kTexts) != 0) {
        kinds |= kWide;
    }
    if ((given.kinds & kDecimal) != 0) {
        kinds |= kDecimal;
    }
    const auto bits =
        sources_.bits == nullptr ? kBitsMax : static_cast<uint8_t>(sources_.bits->sum);
    return {kinds, 0, kinds == 0 ? 0 : origin({Origin::Kind::kSum, "sum()", nullptr, 0}), bits};
}

/// Those of the value's that are columns of texts.
uint32_t ValueFlow::text_origins(const KnownValue& value) const {
    uint32_t out = 0;
    for (size_t i = 0; i < std::min(origins_.size(), kOriginsMax); ++i) {
        const bool is_text = origins_[i].kind == Origin::Kind::kColumn &&
                             is_text_column(origins_[i].table->columns()[origins_[i].column]);
        out |= is_text ? value.origins & uint32_t{1} << i : 0;
    }
    return out;
}

uint32_t ValueFlow::origin(Origin one) {
    const auto is_same = [&](const Origin& known) {
        return known.kind == one.kind && known.name == one.name && known.table == one.table;
    };
    auto found = std::ranges::find_if(origins_, is_same);
    if (found == origins_.end()) {
        found = origins_.insert(origins_.end(), std::move(one));
    }
    const auto place = static_cast<size_t>(found - origins_.begin());
    return uint32_t{1} << std::min(place, kOriginsMax - 1);
}

KnownValue ValueFlow::joined(KnownValue a, KnownValue b) {
    // Null has every shape.
    const bool is_a = b.kinds == 0 || (a.kinds != 0 && a.shape == b.shape);
    const uint16_t shape = is_a ? a.shape : a.kinds == 0 ? b.shape : uint16_t{0};
    KnownValue out{static_cast<Kinds>(a.kinds | b.kinds),
                   a.rows,
                   a.origins | b.origins,
                   std::max(a.bits, b.bits),
                   shape,
                   a.text == b.text ? a.text : uint16_t{0},
                   joined_natural(a, b)};
    if (a.rows != b.rows) {
        std::vector<Source> sources = rows_[a.rows];
        sources.insert(sources.end(), rows_[b.rows].begin(), rows_[b.rows].end());
        out.rows = rows_of(sources);
    }
    return out;
}

uint16_t ValueFlow::rows_of(const std::vector<Source>& sources) {
    const std::set<Source> all{sources.begin(), sources.end()};
    const std::vector<Source> key{all.begin(), all.end()};
    if (key.empty()) {
        return 0;
    }
    if (rows_.size() > kRowsMax) {
        is_too_large_ = true;
        return 0;
    }
    const auto [found, is_new] = row_numbers_.try_emplace(key, static_cast<uint16_t>(rows_.size()));
    if (is_new) {
        rows_.push_back(key);
    }
    return found->second;
}

void ValueFlow::add_columns(Source to, const Columns& columns) {
    Columns& known = columns_[to];
    if (known.size() < columns.size()) {
        known.resize(columns.size());
    }
    for (size_t i = 0; i < columns.size(); ++i) {
        const KnownValue both = joined(known[i], columns[i]);
        has_new_columns_ |= both != known[i];
        known[i] = both;
    }
}

std::vector<KnownValue> ValueFlow::columns_of_rows(uint16_t rows) {
    Columns out;
    for (const Source source : rows_[rows]) {
        const auto found = columns_.find(source);
        if (found == columns_.end()) {
            continue;
        }
        out.resize(std::max(out.size(), found->second.size()));
        for (size_t i = 0; i < found->second.size(); ++i) {
            out[i] = joined(out[i], found->second[i]);
        }
    }
    return out;
}

std::vector<KnownValue> ValueFlow::columns_of_cursor(int cursor) const {
    const auto found = columns_.find(cursor_source(cursor));
    return found == columns_.end() ? Columns{} : found->second;
}

}  // namespace plumbline::query::sql
