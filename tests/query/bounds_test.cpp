// Bounds of every length on columns of every type, wherever they stand in the key or an index, held
// against the same condition on `+column`, which SQLite compares row by row.
#include <algorithm>

#include "core/evm/int512.hpp"
#include "tests/query/sql_world.hpp"

namespace plumbline::query::sql::bounds_test {

namespace {

using namespace plumbline::query::sql::test;
using storage::FieldType;
using storage::test::message_of;

constexpr const char* kCompares[] = {"<", "<=", ">", ">="};

FieldType type_of(const char* name) {
    return field("x", name).type;
}

/// `v` first, in the middle and last in the key; `o`, which may be null, so in indexes.
std::vector<EntityLayout> layouts_of(FieldType type) {
    const Field v{"v", type};
    Field o{"o", type};
    o.type.optional = true;
    const Field g = field("g", "uint8");
    const Field k = field("k", "uint8");
    EntityLayout leading;
    leading.name = "leading";
    leading.key = {v, g, k};
    EntityLayout middle = leading;
    middle.name = "middle";
    middle.key = {g, v, k};
    EntityLayout last = leading;
    last.name = "last";
    last.key = {g, k, v};
    EntityLayout alone;
    alone.name = "alone";
    alone.key = {v};
    EntityLayout index;
    index.name = "indexed";
    index.key = {field("id", "uint256")};
    index.fields = {v, o, g, k};
    index.indexes = {{1, 3}, {2}, {3, 1, 4}, {3, 2, 4}, {3, 4, 2}};
    return {leading, middle, last, alone, index};
}

/// Stores what was put, and asks of that.
void commit(SqlWorld& world) {
    world.world.commit();
    world.view = world.world.database->read_view();
    world.session = Session::open(world.view, nullptr).value();
}

/// Each value with the ends of what stands behind it.
void fill(SqlWorld& sql, const std::vector<std::string>& values) {
    RowWorld& world = sql.world;
    constexpr const char* kOthers[] = {"0", "1", "255"};
    size_t id = 0;
    for (const std::string& v : values) {
        world.put(3, {v});
        for (const char* g : kOthers) {
            for (const char* k : kOthers) {
                world.put(0, {v, g, k});
                world.put(1, {g, v, k});
                world.put(2, {g, k, v});
                // Ids of nothing but ff in front are behind any bound that runs on.
                const std::string number =
                    id % 2 == 0 ? std::to_string(id)
                                : "1157920892373161954235709850086879078532699846656405640394575840"
                                  "07913129639" +
                                      std::to_string(500 + id);
                world.put(4, {number, v, id % 5 == 0 ? query::test::kNull : v, g, k});
                ++id;
            }
        }
    }
    commit(sql);
}

struct Asked {
    const char* table;
    const char* column;
    const char* where;  ///< in front of the bound
    const char* order;
};
constexpr Asked kAsked[] = {{"leading", "v", "", "v, g, k"},
                            {"middle", "v", "g = 1 and ", "g, v, k"},
                            {"middle", "v", "g in (0, 255) and ", "g, v, k"},
                            {"last", "v", "g = 255 and k = 255 and ", "g, k, v"},
                            {"alone", "v", "", "v"},
                            {"indexed", "v", "", "v, g, id"},
                            {"indexed", "o", "", "o, id"},
                            {"indexed", "v", "g = 255 and ", "v, k, id"},
                            {"indexed", "o", "g = 255 and ", "o, k, id"},
                            {"indexed", "o", "g = 0 and k = 255 and ", "o, id"}};

/// The texts of `v` have so many bytes.
std::vector<std::string> hex_values(size_t width) {
    std::vector<std::string> out;
    for (const char* pair : {"00", "0f", "7f", "ab", "f0", "fe", "ff"}) {
        std::string text = "0x";
        for (size_t i = 0; i < width; ++i) {
            text += pair;
        }
        out.push_back(text);
        if (width > 1) {
            text.replace(text.size() - 2, 2, pair[0] == '0' ? "01" : "00");
            out.push_back(text);
        }
    }
    return out;
}

std::vector<std::string> hex_bounds(const std::vector<std::string>& values) {
    std::vector<std::string> out{"", "0", "0x", "0X", "1", "~", "0w", "0y"};
    for (const std::string& value : values) {
        for (const size_t size :
             {size_t{3}, value.size() / 2 + 1, value.size() - 1, value.size()}) {
            for (const char* end : {"", "0", "ff", "ff00", "g", " ", ":"}) {
                out.push_back(value.substr(0, size) + end);
            }
        }
        std::string upper = value;
        std::ranges::transform(upper, upper.begin(), ::toupper);
        out.push_back(upper + "00");
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

std::vector<std::string> answer_of(SqlWorld& world, const std::string& sql) {
    auto answer = world.ask(sql);
    EXPECT_TRUE(answer) << sql << ": " << message_of(answer);
    return answer ? *std::move(answer) : std::vector<std::string>{};
}

/// Both with @ for the column; `plain` is what SQLite compares itself, row by row.
void expect_same(SqlWorld& world, const Asked& asked, const std::string& condition,
                 const std::string& plain, bool is_descending) {
    const char* const down = is_descending ? " desc" : "";
    std::string order = asked.order;
    for (size_t at = order.find(','); is_descending && at != std::string::npos;
         at = order.find(',', at + 6)) {
        order.insert(at, down);
    }
    const auto sql = [&](std::string text) {
        for (size_t at = text.find('@'); at != std::string::npos; at = text.find('@')) {
            text.replace(at, 1, asked.column);
        }
        return fmt::format("select * from {} where {}{} order by {}{}", asked.table, asked.where,
                           text, order, down);
    };
    ASSERT_EQ(answer_of(world, sql(condition)), answer_of(world, sql(plain))) << sql(condition);
}

TEST(BoundsTest, ABoundOfAnyLengthOnHexIsInAKeyWhatItIsInEveryRow) {
    for (const char* name : {"address", "bytes1", "bytes4", "bytes31", "bytes32", "bytes"}) {
        SCOPED_TRACE(name);
        const FieldType type = type_of(name);
        std::vector<std::string> values = hex_values(type.is_dynamic() ? 3 : type.width());
        if (type.is_dynamic()) {
            values.insert(values.end(), {"0x", "0x00", "0xab", "0xabab", "0xabab00", "0xff"});
            std::ranges::sort(values);
            values.erase(std::unique(values.begin(), values.end()), values.end());
        }
        SqlWorld world{layouts_of(type), 1, {}};
        fill(world, values);
        const std::vector<std::string> bounds = hex_bounds(values);
        for (size_t i = 0; i < bounds.size() && !HasFatalFailure(); ++i) {
            // Each bound at two places, each place with many bounds.
            for (size_t j = i % 5; j < std::size(kAsked); j += 5) {
                for (const char* compare : kCompares) {
                    expect_same(world, kAsked[j], fmt::format("@ {} '{}'", compare, bounds[i]),
                                fmt::format("+@ {} '{}'", compare, bounds[i]), i / 5 % 2 == 0);
                }
                const std::string& other = bounds[(i * 7 + 3) % bounds.size()];
                expect_same(
                    world, kAsked[j], fmt::format("@ between '{}' and '{}'", bounds[i], other),
                    fmt::format("+@ between '{}' and '{}'", bounds[i], other), i / 5 % 2 == 1);
            }
        }
    }
}

/// The ends of a type of so many bits, and the numbers beside them.
std::vector<std::string> whole_bounds(FieldType type) {
    const int bits = type.kind == FieldKind::kBool ? 1 : type.bits;
    evm::Int512 most{1};
    for (int i = type.is_signed() ? 1 : 0; i < bits; ++i) {
        static_cast<void>(evm::add(most, most, most));
    }
    std::vector<std::string> out{"-1", "0", "1", "5"};
    evm::Int512 least{0};
    if (type.is_signed()) {
        static_cast<void>(evm::sub(least, most, least));
    }
    for (const int64_t step : {-2, -1, 0, 1}) {
        evm::Int512 near = most;
        static_cast<void>(evm::add(near, evm::Int512{step}, near));
        out.push_back(near.to_decimal());
        near = least;
        static_cast<void>(evm::add(near, evm::Int512{step}, near));
        out.push_back(near.to_decimal());
    }
    return out;
}

TEST(BoundsTest, ABoundOfAnySizeOnNumbersIsInAKeyWhatItIsInEveryRow) {
    for (const char* name : {"bool", "uint8", "uint16", "uint32", "uint64", "uint128", "uint256",
                             "int8", "int16", "int32", "int64", "int128", "int256", "decimal(3)"}) {
        SCOPED_TRACE(name);
        const FieldType type = type_of(name);
        std::vector<std::string> bounds{"-1.5", "-0.001", "0", "1", "1.001", "1.0005"};
        if (type.kind != FieldKind::kDecimal) {
            bounds = whole_bounds(type);
            bounds.insert(bounds.end(), {"0.5", "-0.5"});
        }
        std::vector<std::string> values;
        for (const std::string& bound : bounds) {
            const std::string text = type.kind != FieldKind::kBool ? bound
                                     : bound == "0"                ? "false"
                                     : bound == "1"                ? "true"
                                                                   : "";
            if (engine::parse_value(type, text) &&
                std::ranges::find(values, text) == values.end()) {
                values.push_back(text);
            }
        }
        SqlWorld world{layouts_of(type), 1, {}};
        fill(world, values);
        const char* const exact = type.kind == FieldKind::kDecimal ? "decimal_cmp" : "u256_cmp";
        bool is_descending = false;
        for (const std::string& bound : bounds) {
            const bool is_whole = bound.find('.') == std::string::npos;
            for (const Asked& asked : kAsked) {
                for (const char* compare : kCompares) {
                    expect_same(world, asked, fmt::format("@ {} '{}'", compare, bound),
                                fmt::format("{}(@, '{}') {} 0", is_whole ? exact : "decimal_cmp",
                                            bound, compare),
                                is_descending);
                    is_descending = !is_descending;
                }
            }
            is_descending = !is_descending;  // Each comparison goes both ways.
        }
    }
}

TEST(BoundsTest, ColumnsOfBytesOfDifferentWidthAreJoinedByTheirOrder) {
    const std::vector<const char*> types{"address", "bytes1", "bytes4", "bytes32", "bytes"};
    EntityLayout one;
    one.name = "one";
    one.key = {field("id", "uint32")};
    for (const char* name : types) {
        one.fields.push_back(field(name, name));
        one.fields.back().name = std::string{"c_"} + name;
    }
    const size_t plain = one.fields.size();
    for (size_t i = 0; i < plain; ++i) {
        one.fields.push_back(one.fields[i]);
        one.fields.back().name += "_o";
        one.fields.back().type.optional = true;
    }
    for (uint16_t i = 1; i <= one.fields.size(); ++i) {
        one.indexes.push_back({i, static_cast<uint16_t>(i % plain + 1)});
    }
    SqlWorld world{{one}, 1, {}};
    std::vector<std::vector<std::string>> values;
    for (const Field& column : one.fields) {
        const FieldType type = column.type;
        values.push_back(hex_values(type.is_dynamic() ? 2 : type.width()));
        if (type.is_dynamic()) {
            values.back().insert(values.back().end(), {"0x", "0x00", "0xabab00"});
        }
    }
    for (size_t row = 0; row < 30; ++row) {
        TextRow texts{std::to_string(row)};
        for (size_t i = 0; i < values.size(); ++i) {
            const bool is_null = i >= plain && row % 7 == 3;
            texts.push_back(is_null ? query::test::kNull
                                    : values[i][row * (i + 1) % values[i].size()]);
        }
        world.world.put(0, texts);
    }
    commit(world);
    for (const Field& a : one.fields) {
        for (const Field& b : one.fields) {
            for (const char* compare : kCompares) {
                const auto sql = [&](const char* plus) {
                    return fmt::format(
                        "select a.id, b.id from one a join one b on {0}a.{1} {2} "
                        "{0}b.{3} order by 1, 2",
                        plus, a.name, compare, b.name);
                };
                ASSERT_EQ(answer_of(world, sql("")), answer_of(world, sql("+"))) << sql("");
            }
        }
    }
}

}  // namespace

}  // namespace plumbline::query::sql::bounds_test
