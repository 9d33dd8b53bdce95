// Reads an index by better-sqlite3 with the extension: node read.mjs EXTENSION DIRECTORY
import assert from "node:assert/strict";
import Database from "better-sqlite3";

const [extension, directory] = process.argv.slice(2);
const db = new Database(":memory:");
db.loadExtension(extension);
const ask = (sql, ...values) => db.prepare(sql).raw().all(...values);
assert.deepEqual(ask("select plumbline_attach(?)", directory), [[6]]);
assert.deepEqual(ask("select count(*) from account"), [[50]]);
assert.deepEqual(ask("select balance from account where id = ?", "7"), [["7" + "0".repeat(20)]]);
assert.deepEqual(ask("select max(balance), sum(balance) from account"), [["50" + "0".repeat(20), "1275" + "0".repeat(20)]]);
assert.deepEqual(ask("select id from account order by id desc limit 3").flat(), ["50", "49", "48"]);
assert.throws(() => ask("select count(*) from account where balance > 1e18"), /as text/);
assert.throws(() => ask("select plumbline_attach('/nowhere')"), /\/nowhere/);
db.exec("create table mine(id text); insert into mine values ('3'), ('99')");
assert.deepEqual(ask("select plumbline_block(), id from mine join account using (id)"), [[1, "3"]]);
db.close();
