// The loadable extension, as other programs load it: Debian's python3 and sqlite3 with their own
// SQLite, beside a writer in this process.
#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/query/row_world.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"

namespace plumbline::query::extension_test {

namespace {

using query::test::RowWorld;
using storage::EntityLayout;
using storage::test::field;

EntityLayout account_layout() {
    EntityLayout out;
    out.name = "account";
    out.key = {field("id", "uint256")};
    out.fields = {field("owner", "address"), field("balance", "uint256"), field("block", "uint64")};
    out.indexes = {{1}, {2}};
    return out;
}

/// A script with `db`, a connection that the index at `path` is attached to.
plumbline::test::Finished run_python(const std::string& path, const std::string& script) {
    const std::string head =
        "import sqlite3, sys, time\n"
        "db = sqlite3.connect(':memory:')\n"
        "db.enable_load_extension(True)\n"
        "db.load_extension('" +
        binary_dir() +
        "/libplumbline_sqlite')\n"
        "db.execute('select plumbline_attach(?)', ['" +
        path +
        "']).fetchall()\n"
        "ask = lambda sql, *values: db.execute(sql, values).fetchall()\n";
    return plumbline::test::run_command({"/usr/bin/python3", "-c", head + script});
}

/// Accounts `first` to `last`, all of one block, which each names.
void put_accounts(RowWorld& world, uint64_t first, uint64_t last, uint64_t block) {
    for (uint64_t i = first; i <= last; ++i) {
        world.put(0, {std::to_string(i), evm::to_hex(storage::test::address_of(i % 3)),
                      std::to_string(i) + std::string(20, '0'), std::to_string(block)});
    }
    world.commit();
    EXPECT_OK(world.database->sync());
}

TEST(ExtensionTest, AnotherProgramReadsRowsByKeyAndIndexExactly) {
    RowWorld world{{account_layout()}};
    put_accounts(world, 1, 50, 1);
    const auto done = run_python(world.dir.sub("db"), R"py(
assert ask('select count(*) from account') == [(50,)]
assert ask("select balance from account where id = '7'") == [('7' + '0' * 20,)]
assert ask('select max(balance) from account') == [('50' + '0' * 20,)]
assert ask('select sum(balance) from account') == [('1275' + '0' * 20,)]
assert ask("select count(*) from account where balance > '9' || ?", '0' * 20) == [(41,)]
assert [r[0] for r in ask('select id from account order by id desc limit 3')] == ['50', '49', '48']
assert ask("select u256_add(balance, '1') from account where id = 1") == [('1' + '0' * 19 + '1',)]
try:
    ask('select count(*) from account where balance > 1e18')
    raise SystemExit('a float was taken')
except sqlite3.OperationalError as error:
    assert 'as text' in str(error), error
db.execute('create table mine(id text)')
db.execute("insert into mine values ('3'), ('4'), ('99')")
assert ask('select count(*) from mine join account using (id)') == [(2,)]
assert ask('select count(*) from mine join account on mine.id < account.balance') == [(150,)]
assert ask('select count(*) from mine join account on account.balance > mine.id') == [(150,)]
assert ask('select plumbline_attach(?, ?)', ')py" + world.dir.sub("db") +
                                                          R"py(', 'b_') == [(6,)]
assert ask('select count(*) from account a join b_account b using (id)') == [(50,)]
)py");
    EXPECT_EQ(done.code, 0) << done.err;
}

TEST(ExtensionTest, TheShellOfSqliteReadsRowsByKeyAndIndexExactly) {
    if (!std::filesystem::exists("/usr/bin/sqlite3")) {
        GTEST_SKIP() << "needs Debian's sqlite3 (tools/setup)";
    }
    RowWorld world{{account_layout()}};
    put_accounts(world, 1, 50, 1);
    const auto done = plumbline::test::run_command(
        {"/usr/bin/sqlite3", "-bail", ":memory:"},
        ".load '" + binary_dir() + "/libplumbline_sqlite'\nselect plumbline_attach('" +
            world.dir.sub("db") + R"sql(');
select balance from account where id = '7';
select id, sum(balance) over (order by id rows 1 preceding) from account order by id desc limit 2;
select count(*) from account where balance > '900000000000000000000';
create table mine(id text);
insert into mine values ('3'), ('99');
select plumbline_block(), id, block from mine join account using (id);
)sql");
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(done.out,
              "6\n700000000000000000000\n50|9900000000000000000000\n49|9700000000000000000000\n"
              "41\n1|3|1\n");
    const auto refused = plumbline::test::run_command(
        {"/usr/bin/sqlite3", "-bail", ":memory:"},
        ".load '" + binary_dir() + "/libplumbline_sqlite'\nselect plumbline_attach('" +
            world.dir.sub("db") + "');\nselect count(*) from account where balance > 1e18;\n");
    EXPECT_NE(refused.code, 0);
    EXPECT_NE(refused.err.find("as text"), std::string::npos) << refused.err;
}

TEST(ExtensionTest, BetterSqlite3ReadsRowsByKeyAndIndexExactly) {
    const std::string place = source_dir() + "/tests/query/better_sqlite3";
    if (!std::filesystem::exists(place + "/node_modules/better-sqlite3")) {
        GTEST_SKIP() << "needs what npm ci in tests/query/better_sqlite3 installs";
    }
    RowWorld world{{account_layout()}};
    put_accounts(world, 1, 50, 1);
    const auto done = plumbline::test::run_command({"/usr/bin/env", "node", place + "/read.mjs",
                                                    binary_dir() + "/libplumbline_sqlite.so",
                                                    world.dir.sub("db")});
    EXPECT_EQ(done.code, 0) << done.err;
}

TEST(ExtensionTest, AttachedAgainAnIndexTakesThePlaceOfItsTables) {
    RowWorld world{{account_layout()}};
    put_accounts(world, 1, 3, 1);
    EntityLayout other = account_layout();
    other.name = "person";
    RowWorld second{{other}};
    second.put(0, {"7", evm::to_hex(storage::test::address_of(1)), "5", "1"});
    second.commit();
    EXPECT_OK(second.database->sync());
    const auto done = run_python(world.dir.sub("db"), R"py(
other = ')py" + second.dir.sub("db") + R"py('
path = ')py" + world.dir.sub("db") + R"py('
assert ask('select plumbline_attach(?)', path) == [(6,)]
assert ask('select count(*) from account') == [(3,)]
assert ask('select plumbline_attach(?, ?)', path, 'b_') == [(6,)]
assert ask('select plumbline_attach(?)', other) == [(6,)]
assert ask('select id from person') == [('7',)]
assert ask('select count(*) from b_account') == [(3,)]
try:
    ask('select count(*) from account')
    raise SystemExit('the old table is still there')
except sqlite3.OperationalError as error:
    assert 'no such table' in str(error), error
db.execute('create temp table account(id)')
try:
    ask('select plumbline_attach(?)', path)
    raise SystemExit('it took a table of somebody else')
except sqlite3.OperationalError as error:
    assert 'already exists' in str(error), error
db.execute('drop table temp.account')
assert ask('select plumbline_attach(?)', path) == [(6,)]
assert ask('select count(*) from account join b_account using (id)') == [(3,)]
)py");
    EXPECT_EQ(done.code, 0) << done.err;
}

TEST(ExtensionTest, IsOfANullFindsWhatIsNull) {
    EntityLayout layout = account_layout();
    layout.fields[1].type.optional = true;
    RowWorld world{{layout}};
    world.put(0, {"1", evm::to_hex(storage::test::address_of(1)), "5", "1"});
    world.put(0, {"2", evm::to_hex(storage::test::address_of(1)), query::test::kNull, "1"});
    world.commit();
    EXPECT_OK(world.database->sync());
    const auto done = run_python(world.dir.sub("db"), R"py(
assert ask('select id from account where balance is ?', None) == [('2',)]
assert ask('select id from account where balance is not distinct from (select null)') == [('2',)]
assert ask('select id from account where balance = ?', None) == []
assert ask("select id from account where balance is ?", '5') == [('1',)]
assert ask('select a.id, b.id from account a join account b on a.balance is b.balance order by 1') \
    == [('1', '1'), ('2', '2')]
)py");
    EXPECT_EQ(done.code, 0) << done.err;
}

TEST(ExtensionTest, AnAttachThatFailsSaysWhyAndTheProgramGoesOn) {
    RowWorld world{{account_layout()}};
    put_accounts(world, 1, 2, 1);
    const auto done = run_python(world.dir.sub("db"), R"py(
try:
    ask('select plumbline_attach(?)', '/nowhere')
    raise SystemExit('it attached nothing')
except sqlite3.OperationalError as error:
    assert '/nowhere' in str(error), error
assert ask('select count(*) from account') == [(2,)]
)py");
    EXPECT_EQ(done.code, 0) << done.err;
}

/// Every commit puts ten rows of its block: an answer that has another number of one has mixed two.
TEST(ExtensionTest, ItFollowsARunningWriterAndNeverMixesBlocks) {
    RowWorld world{{account_layout()}};
    put_accounts(world, 1, 10, 1);
    std::atomic<bool> is_over{false};
    std::thread reader{[&] {
        const auto done = run_python(world.dir.sub("db"), R"py(
seen = set()
while len(seen) < 4:
    rows, blocks, total = ask('select count(*), count(distinct block), '
                              '(select count(*) from account where balance >= 0) from account')[0]
    assert rows == blocks * 10 == total, (rows, blocks, total)
    seen.add(rows)
)py");
        EXPECT_EQ(done.code, 0) << done.err;
        is_over = true;
    }};
    uint64_t block = 2;
    for (; block < 20'000 && !is_over; ++block) {
        put_accounts(world, block * 10 - 9, block * 10, block);
    }
    reader.join();
    EXPECT_LT(block, 20'000U) << "it did not follow";
}

}  // namespace

}  // namespace plumbline::query::extension_test
