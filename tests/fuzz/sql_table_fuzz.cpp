// Statements that the bytes choose: conditions of every kind on every column, orders, groups,
// limits. What the tables answer by their keys and indexes is what plain SQLite tables with the
// same rows answer row by row.
#include <cstdint>
#include <cstdio>
#include <string>

#include "core/base/check.hpp"
#include "tests/query/sql_world.hpp"

namespace {

using namespace plumbline::query::sql::test;

/// Numbers from the input, a byte each; then zeros.
class Bytes {
  public:
    Bytes(const uint8_t* data, size_t size) : at_{data}, end_{data + size} {}
    uint64_t operator()() { return at_ == end_ ? 0 : *at_++; }

  private:
    const uint8_t* at_;
    const uint8_t* end_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static SqlWorld world{1, 80};
    static PlainTables plain{world.world};
    Bytes bytes{data, size};
    const std::string sql = random_statement(bytes, world.world.layouts()[bytes() % 2]);
    const auto ours = world.ask(sql);
    const auto theirs = plain.ask(sql);
    if (is_refused_uint64(ours, sql)) {
        return 0;
    }
    if (!ours || !theirs || *ours != *theirs) {
        std::fprintf(stderr, "%s\n%s\n", sql.c_str(),
                     ours ? "another answer" : ours.error().message.c_str());
    }
    PLUMBLINE_CHECK(ours.has_value() && theirs.has_value() && *ours == *theirs);
    return 0;
}
