// Rows with numbers of all sizes, for questions over expressions.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "tests/query/row_world.hpp"

namespace plumbline::query::sql::test {

using query::test::kNull;
using query::test::RowWorld;
using query::test::TextRow;
using storage::EntityLayout;
using storage::test::field;

inline EntityLayout typed_layout(const std::string& name) {
    EntityLayout out;
    out.name = name;
    out.key = {field("id", "uint32")};
    out.fields = {field("w", "uint256"), field("x", "int256"), field("d", "decimal(4)"),
                  field("t", "uint64"),  field("s", "int32"),  field("h", "address"),
                  field("n", "string")};
    for (size_t i = 0; i < 3; ++i) {
        out.fields[i].type.optional = true;
    }
    out.indexes = {{1}, {4}, {5}};
    return out;
}

/// Values at the ends of SQL's numbers and beyond, few, so that they meet.
inline TextRow typed_row(std::mt19937_64& random, size_t id, bool has_large_uint64) {
    const auto pick = [&](const std::vector<std::string>& all) {
        return all[random() % all.size()];
    };
    const std::string most =
        "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    const std::string least =
        "-57896044618658097711785492504343953926634992332820282019728792003956564819968";
    std::vector<std::string> times{"0", "5", "9", "10", "100", "9223372036854775807"};
    if (has_large_uint64) {
        for (const char* large :
             {"9223372036854775808", "9223372036854775809", "18446744073709551615"}) {
            times.emplace_back(large);
        }
    }
    return {std::to_string(id),
            pick({"0", "1", "5", "9", "10", "100", "9007199254740993", "9223372036854775807",
                  "9223372036854775808", "9223372036854775809", "18446744073709551615",
                  "18446744073709551616", most, kNull}),
            pick({"0", "-1", "-9", "-10", "9", "10", "-9223372036854775808", "-9223372036854775809",
                  "18446744073709551617", least, kNull}),
            pick({"0", "0.1", "-0.1", "1.5", "9.9999", "10", "-10.5",
                  "123456789012345678901234.5678", "123456789012345678901234.5679", kNull}),
            pick(times),
            pick({"0", "5", "9", "10", "-1", "-9", "2147483647"}),
            [&] {
                std::string out = "0x";
                for (int i = 0; i < 40; ++i) {
                    out += i < 39 ? "ab"[i % 2] : "012345"[random() % 6];
                }
                return out;
            }(),
            pick({"", "10", "9", "abc", "ABC"})};
}

}  // namespace plumbline::query::sql::test
