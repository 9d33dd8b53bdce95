// Any text as what a column is compared with in SQL: refused, or answered as SQL would answer it
// over the text that the column shows. And any bytes as a statement that is looked over for
// literals.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"
#include "core/evm/hex.hpp"
#include "query/sql/asked_value.hpp"
#include "query/sql/number.hpp"
#include "query/sql/session.hpp"

namespace {

using namespace plumbline;
using namespace plumbline::query;
using query::sql::Asked;

/// A text as SQLite holds it; lives until the next call.
sqlite3_value* value_of(std::string_view text) {
    static sqlite3* db = nullptr;
    static sqlite3_stmt* statement = nullptr;
    static sqlite3_value* value = nullptr;
    if (db == nullptr) {
        PLUMBLINE_CHECK(sqlite3_open(":memory:", &db) == SQLITE_OK);
        PLUMBLINE_CHECK(sqlite3_prepare_v2(db, "select ?", -1, &statement, nullptr) == SQLITE_OK);
    }
    sqlite3_value_free(value);
    sqlite3_reset(statement);
    sqlite3_bind_text64(statement, 1, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    PLUMBLINE_CHECK(sqlite3_step(statement) == SQLITE_ROW);
    value = sqlite3_value_dup(sqlite3_column_value(statement, 0));
    return value;
}

bool holds_as_text(Compare compare, int order) {
    switch (compare) {
        case Compare::kEq:
        case Compare::kIn: return order == 0;
        case Compare::kNe: return order != 0;
        case Compare::kLt: return order < 0;
        case Compare::kLe: return order <= 0;
        case Compare::kGt: return order > 0;
        case Compare::kGe: return order >= 0;
    }
    return false;
}

int compare_nocase(std::string_view a, std::string_view b) {
    std::string left{a};
    std::string right{b};
    std::ranges::transform(left, left.begin(), ascii_lower);
    std::ranges::transform(right, right.begin(), ascii_lower);
    return left.compare(right);
}

void check(storage::FieldType type, const storage::KeyValue& stored, Compare compare,
           std::string_view literal, int order) {
    const auto asked = sql::ask_value(type, compare, value_of(literal));
    if (!asked) {
        PLUMBLINE_CHECK(asked.error().code == ErrorCode::kInvalidArgument);
        return;
    }
    const bool answer = asked->is_always ||
                        (!asked->is_never && holds(asked->condition, encode_value(type, stored)));
    PLUMBLINE_CHECK(answer == holds_as_text(compare, order));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 6) {
        return 0;
    }
    const auto compare = static_cast<Compare>(data[0] % 6);
    const std::string_view all{reinterpret_cast<const char*>(data), size};
    static_cast<void>(sql::check_literals(all));
    std::string statements{all};
    while (sql::take_statement(statements)) {
    }
    // Four stored bytes, then the literal.
    const std::string stored{all.substr(1, 4)};
    const std::string literal{all.substr(5)};
    const ByteView bytes = as_bytes(stored);
    evm::FixedBytes<32> padded;
    std::ranges::copy(bytes, padded.bytes.begin());
    const int hex_order = compare_nocase(evm::to_hex(bytes), literal);
    check({storage::FieldKind::kFixedBytes, 32}, {evm::U256::from_be(padded.view()), {}}, compare,
          literal, hex_order);
    check({storage::FieldKind::kBytes, 0}, {{}, stored}, compare, literal, hex_order);
    check({storage::FieldKind::kString, 0}, {{}, stored}, compare, literal,
          stored.compare(literal));
    const evm::U256 number = evm::U256::from_be(bytes);
    if (sql::is_canonical(literal)) {
        check({storage::FieldKind::kUint, 128}, {number, {}}, compare, literal,
              sql::compare_canonical(number.to_decimal(), literal));
        check({storage::FieldKind::kUint, 32}, {number, {}}, compare, literal,
              sql::compare_canonical(number.to_decimal(), literal));
        if (const auto parsed = sql::parse_number(literal)) {
            PLUMBLINE_CHECK(sql::to_text(*parsed) == literal);
        }
    }
    return 0;
}
