#include "query/sql/function_kinds.hpp"

#include <unordered_map>

namespace plumbline::query::sql {

namespace {

/// What functions give; others anything.
const std::unordered_map<std::string_view, Gives>& functions() {
    using enum Gives;
    static const std::unordered_map<std::string_view, Gives> kAll = {
        {"max", kSame},
        {"min", kSame},
        {"coalesce", kSame},
        {"ifnull", kSame},
        {"iif", kSame},
        {"lag", kSame},
        {"lead", kSame},
        {"first_value", kFirst},
        {"last_value", kFirst},
        {"nth_value", kFirst},
        {"nullif", kFirst},
        {"likely", kFirst},
        {"unlikely", kFirst},
        {"likelihood", kFirst},
        {"u256_add", kWide},
        {"u256_sub", kWide},
        {"u256_mul", kWide},
        {"u256_div", kWide},
        {"u256_mod", kWide},
        {"decimal_add", kDecimal},
        {"decimal_sub", kDecimal},
        {"decimal_mul", kDecimal},
        {"decimal_div", kDecimal},
        {"u256_cmp", kInteger},
        {"decimal_cmp", kInteger},
        {"count", kInteger},
        {"length", kInteger},
        {"instr", kInteger},
        {"unicode", kInteger},
        {"row_number", kInteger},
        {"rank", kInteger},
        {"dense_rank", kInteger},
        {"ntile", kInteger},
        {"json_valid", kInteger},
        {"json_array_length", kInteger},
        {"json_error_position", kInteger},
        {"like", kInteger},
        {"glob", kInteger},
        {"unixepoch", kInteger},
        {"random", kInteger},
        {"sign", kInteger},
        {"abs", kAbs},
        {"round", kReal},
        {"avg", kReal},
        {"total", kReal},
        {"percent_rank", kReal},
        {"cume_dist", kReal},
        {"ceil", kReal},
        {"ceiling", kReal},
        {"floor", kReal},
        {"trunc", kReal},
        {"mod", kReal},
        {"pow", kReal},
        {"power", kReal},
        {"sqrt", kReal},
        {"exp", kReal},
        {"ln", kReal},
        {"log", kReal},
        {"log2", kReal},
        {"log10", kReal},
        {"julianday", kReal},
        {"upper", kUpper},
        {"concat", kMade},
        {"concat_ws", kMade},
        {"lower", kMade},
        {"group_concat", kMade},
        {"substr", kMade},
        {"substring", kMade},
        {"trim", kMade},
        {"ltrim", kMade},
        {"rtrim", kMade},
        {"replace", kMade},
        {"hex", kText},
        {"quote", kMade},
        {"printf", kMade},
        {"format", kMade},
        {"typeof", kText},
        {"date", kText},
        {"time", kText},
        {"datetime", kText},
        {"strftime", kText},
        {"char", kText},
        {"json", kJson},
        {"json_array", kJson},
        {"json_object", kJson},
        {"json_group_array", kJson},
        {"json_group_object", kJson},
        {"json_insert", kJson},
        {"json_quote", kJson},
        {"json_remove", kJson},
        {"json_replace", kJson},
        {"json_set", kJson},
        {"json_type", kText},
        {"json_extract", kJsonPart},
        {"->", kJsonPart},
        {"->>", kJsonPart},
    };
    return kAll;
}

}  // namespace

Gives what_gives(std::string_view function) {
    const auto found = functions().find(function);
    return found == functions().end() ? Gives::kUnknown : found->second;
}

}  // namespace plumbline::query::sql
