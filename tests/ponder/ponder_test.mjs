// @ponder/client as it comes, with its drizzle, against a running index: what its documents show, each answer held against
// the rows that /v1 gives. What SQLite would answer otherwise than PostgreSQL must be refused.
//
//   node tests/ponder/ponder_test.mjs [--binary build/release/plumbline]
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { options } from "../../tools/node/lib.mjs";
import { write_index } from "../chaos/provider.mjs";
import { Service } from "../chaos/service.mjs";
import { growing_chain, sleep } from "../chaos/support.mjs";
import { until } from "../support/programs.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const args = options({ binary: join(here, "../../build/release/plumbline") }, "usage: ponder_test.mjs [--binary FILE]");
if (!existsSync(join(here, "node_modules/.package-lock.json"))) {
  console.log("skipped: needs @ponder/client (tools/setup)");
  process.exit(77);
}
const { createClient, eq, gt, gte, lt, lte, ne, and, or, not, between, inArray, notInArray, isNull, isNotNull, exists, asc, desc, count, countDistinct, sum, avg, max, min, sql, alias, union, like } = await import("@ponder/client");
const { pgTable, text, boolean, integer, bigint, customType } = await import("drizzle-orm/pg-core");

// As ponder's own `t.bigint()` and `t.hex()` are.
const uint256 = customType({ dataType: () => "numeric(78)", fromDriver: (value) => BigInt(value), toDriver: (value) => value.toString() });
const community = pgTable("community", { id: uint256(), founder: text(), admin: text(), name: text(), kind: integer(), archived: boolean(), memberCount: bigint({ mode: "number" }), points: uint256() });
const membership = pgTable("membership", { communityId: uint256(), user: text() });
const vote = pgTable("vote", { questionId: uint256(), voter: text(), option: integer(), weight: uint256() });
const schema = { community, membership, vote };

const dir = mkdtempSync(join(tmpdir(), "plumbline-ponder-"));
const chain = await growing_chain(11, 300);
write_index(dir, { chain, rpc: chain.url });
const service = new Service(resolve(args.binary), dir);
let failed = true, client, live = [];
const checks = [];
const check = async (what, run) => {
  try {
    await run();
    checks.push(what);
  } catch (error) {
    error.message = `${what}: ${error.message}`;
    throw error;
  }
};
try {
  for (let i = 0, seen; !(service.api && (seen = await service.look())?.live && seen.next + 2 > (await chain.head())); i++) {
    if (i > 1200 || service.code !== null) throw new Error(`not live: ${service.lines.at(-1)}`);
    await sleep(100);
  }
  const rows_of = async (entity) => {
    const out = [];
    for (let cursor; ;) {
      const page = await (await fetch(`${service.api}/v1/entities/${entity}?limit=1000${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`)).json();
      out.push(...page.rows.map(({ row }) => row));
      if (page.next === null) return out;
      cursor = page.next;
    }
  };
  const as = (row) => ({ id: BigInt(row.id), founder: row.founder, admin: row.admin, name: row.name, kind: row.kind, archived: row.archived, memberCount: row.member_count, points: BigInt(row.points) });
  const all = (await rows_of("community")).map(as), votes = await rows_of("vote"), members = await rows_of("membership");
  assert.ok(all.length > 3 && votes.length > 20 && members.length > 10, "the chain has enough to ask for");
  const by = (key, way = 1) => (a, b) => (a[key] < b[key] ? -way : a[key] > b[key] ? way : 0);
  ({ db: client } = { db: createClient(`${service.api}/sql`, { schema }) });
  const { db } = client;
  const same = (what, query, wanted) => check(what, async () => assert.deepEqual(await query, wanted));
  const ordered = () => db.select().from(community).orderBy(asc(community.id));
  const kinds = [...all].map(({ kind }) => kind).sort();
  const some = kinds[Math.floor(kinds.length / 2)];
  const middle = [...all].sort(by("points"))[Math.floor(all.length / 2)].points;

  await same("select", ordered(), [...all].sort(by("id")));
  await same("select of some columns", db.select({ id: community.id, title: community.name }).from(community).orderBy(community.id), [...all].sort(by("id")).map(({ id, name }) => ({ id, title: name })));
  await same("where eq, a bigint", db.select().from(community).where(eq(community.id, all[0].id)), [all[0]]);
  await same("where eq, a text", db.select({ id: community.id }).from(community).where(eq(community.founder, all[0].founder)).orderBy(community.id), all.filter(({ founder }) => founder === all[0].founder).map(({ id }) => ({ id })).sort(by("id")));
  await same("where eq, a boolean", db.select().from(community).where(eq(community.archived, true)).orderBy(community.id), all.filter(({ archived }) => archived).sort(by("id")));
  for (const [name, operator, holds] of [["gt", gt, (a) => a > middle], ["gte", gte, (a) => a >= middle], ["lt", lt, (a) => a < middle], ["lte", lte, (a) => a <= middle], ["ne", ne, (a) => a !== middle]]) {
    await same(`where ${name}, numbers of 256 bits`, db.select().from(community).where(operator(community.points, middle)).orderBy(community.id), all.filter(({ points }) => holds(points)).sort(by("id")));
  }
  await same("between", db.select().from(community).where(between(community.id, 2n, 4n)).orderBy(community.id), all.filter(({ id }) => id >= 2n && id <= 4n).sort(by("id")));
  await same("inArray", db.select().from(community).where(inArray(community.id, [1n, 3n])).orderBy(community.id), all.filter(({ id }) => id === 1n || id === 3n).sort(by("id")));
  await same("notInArray", db.select().from(community).where(notInArray(community.kind, [some])).orderBy(community.id), all.filter(({ kind }) => kind !== some).sort(by("id")));
  await same("and, or, not", db.select().from(community).where(and(or(eq(community.kind, some), eq(community.id, 1n)), not(eq(community.archived, true)))).orderBy(community.id), all.filter(({ kind, id, archived }) => (kind === some || id === 1n) && !archived).sort(by("id")));
  await same("isNull and isNotNull", db.select({ n: count() }).from(community).where(or(isNull(community.name), isNotNull(community.name))), [{ n: all.length }]);
  await same("orderBy two columns, descending", db.select().from(community).orderBy(desc(community.points), asc(community.id)), [...all].sort((a, b) => by("points", -1)(a, b) || by("id")(a, b)));
  await same("limit and offset", db.select().from(community).orderBy(community.id).limit(2).offset(1), [...all].sort(by("id")).slice(1, 3));
  await same("$count", db.$count(vote), votes.length);
  await same("$count of some", db.$count(vote, eq(vote.voter, votes[0].voter)), votes.filter(({ voter }) => voter === votes[0].voter).length);
  await same("count, countDistinct", db.select({ n: count(), voters: countDistinct(vote.voter) }).from(vote), [{ n: votes.length, voters: new Set(votes.map(({ voter }) => voter)).size }]);
  await same("sum of numbers of 256 bits", db.select({ total: sum(vote.weight) }).from(vote), [{ total: String(votes.reduce((total, { weight }) => total + BigInt(weight), 0n)) }]);
  await same("max and min", db.select({ most: max(community.points), least: min(community.points) }).from(community), [{ most: [...all].sort(by("points")).at(-1).points, least: [...all].sort(by("points"))[0].points }]);
  await check("avg", async () => assert.ok(Number.isFinite(Number((await db.select({ a: avg(community.kind) }).from(community))[0].a))));
  const per = new Map();
  for (const { voter } of votes) per.set(voter, (per.get(voter) ?? 0) + 1);
  await same("groupBy and having", db.select({ voter: vote.voter, n: count() }).from(vote).groupBy(vote.voter).having(gt(count(), 1)).orderBy(desc(count()), asc(vote.voter)), [...per].filter(([, n]) => n > 1).map(([voter, n]) => ({ voter, n })).sort((a, b) => b.n - a.n || by("voter")(a, b)));
  await same("selectDistinct", db.selectDistinct({ voter: vote.voter }).from(vote).orderBy(vote.voter), [...per.keys()].sort().map((voter) => ({ voter })));
  const joined = members.map((one) => ({ member: one.user, of: all.find(({ id }) => id === BigInt(one.community_id)) })).filter(({ of }) => of);
  await same("innerJoin", db.select({ member: membership.user, name: community.name, id: community.id }).from(membership).innerJoin(community, eq(community.id, membership.communityId)).orderBy(community.id, membership.user), joined.map(({ member, of }) => ({ member, name: of.name, id: of.id })).sort((a, b) => by("id")(a, b) || by("member")(a, b)));
  await same("leftJoin, whole tables", db.select().from(community).leftJoin(membership, and(eq(membership.communityId, community.id), eq(membership.user, `0x${"0".repeat(39)}1`))).orderBy(community.id), [...all].sort(by("id")).map((row) => ({ community: row, membership: null })));
  const other = alias(community, "other");
  await same("a table joined with itself keeps both", db.select({ a: community.id, b: other.id }).from(community).innerJoin(other, eq(other.kind, community.kind)).where(eq(community.id, 1n)).orderBy(other.id), all.filter(({ kind }) => kind === all.find(({ id }) => id === 1n).kind).sort(by("id")).map(({ id }) => ({ a: 1n, b: id })));
  await same("exists", db.select({ id: community.id }).from(community).where(exists(db.select().from(membership).where(eq(membership.communityId, community.id)))).orderBy(community.id), [...new Set(joined.map(({ of }) => of.id))].sort((a, b) => (a < b ? -1 : 1)).map((id) => ({ id })));
  await same("a subquery", (() => { const of = db.select({ voter: vote.voter, n: count().as("n") }).from(vote).groupBy(vote.voter).as("of"); return db.select({ most: max(of.n) }).from(of); })(), [{ most: String(Math.max(...per.values())) }]);
  // Drizzle writes brackets that SQLite does not take: refused, and in words that it can be found by.
  await check("union is refused", () => assert.rejects(union(db.select({ a: community.founder }).from(community), db.select({ a: vote.voter }).from(vote)), /syntax error/));
  await same("findMany", db.query.community.findMany({ orderBy: (table) => asc(table.id) }), [...all].sort(by("id")));
  await same("findMany with columns, where, limit", db.query.community.findMany({ columns: { id: true, archived: true }, where: (table, { gt: above }) => above(table.id, 1n), orderBy: (table) => desc(table.id), limit: 2 }), all.filter(({ id }) => id > 1n).sort(by("id", -1)).slice(0, 2).map(({ id, archived }) => ({ id, archived })));
  await same("findFirst", db.query.community.findFirst({ where: (table, { eq: is }) => is(table.id, 2n) }), all.find(({ id }) => id === 2n));
  await check("execute", async () => assert.deepEqual((await db.execute(sql`select name, kind from community where id = ${"1"}`)).rows ?? (await db.execute(sql`select name, kind from community where id = ${"1"}`)), [{ name: all.find(({ id }) => id === 1n).name, kind: all.find(({ id }) => id === 1n).kind }]));
  await check("getStatus", async () => { const { 4242: status } = await client.getStatus(); assert.equal(status.id, 4242); assert.ok(status.block.number > 0 && status.block.timestamp > 0); });

  // --- what is refused, in words
  await check("like is refused", () => assert.rejects(db.select().from(community).where(like(community.name, "%a%")), /minds the case/));
  await check("a text with that word in it is none", async () => assert.deepEqual(await db.select().from(community).where(eq(community.name, "i like it")), []));
  await check("a wrong table is named", () => assert.rejects(db.select().from(pgTable("nobody", { id: text() })), /no such table: nobody/));
  await check("nothing is written", () => assert.rejects(db.execute(sql`delete from vote`), /may not be modified|only SELECT/));
  await check("what is no statement is told so", async () => assert.equal((await fetch(`${service.api}/sql/db?sql=nonsense`)).status, 400));

  // --- live
  const follow = (query) => { const told = [], errors = []; const ended = client.live(query, (data) => told.push(data), (error) => errors.push(error)); live.push(ended); return { told, errors, ended }; };
  const counted = follow((of) => of.$count(vote)), listed = follow((of) => of.select().from(community).orderBy(community.id)), quiet = follow((of) => of.select().from(community).where(eq(community.id, 999_999n))), wrong = follow((of) => of.select().from(pgTable("nobody", { id: text() })));
  await check("live: the answer at once", async () => { await until("live answers", () => { assert.deepEqual([...counted.errors, ...listed.errors, ...quiet.errors], []); return counted.told.length && listed.told.length && quiet.told.length; }); assert.equal(counted.told[0], votes.length); assert.deepEqual(listed.told[0], [...all].sort(by("id"))); assert.deepEqual(quiet.told, [[]]); });
  await check("live: an error", async () => { await until("live's error", () => wrong.errors.length); wrong.ended.unsubscribe(); });
  await chain.settle();
  await check("live: again where it has changed", async () => {
    // The rows are read behind the look: what is read before it may lack what came in between.
    const now = await until("the index has the new votes", async () => service.code === null && (await service.look())?.next > (await chain.head()) && (await rows_of("vote")).length);
    const rows = (await rows_of("community")).map(as).sort(by("id"));
    await until(`live tells ${now} votes, not ${counted.told.at(-1)}`, () => counted.told.at(-1) === now);
    await until("live tells the communities", () => { try { assert.deepEqual(listed.told.at(-1), rows); return true; } catch { return false; } });
    assert.ok(counted.told.length > 1 || listed.told.length > 1, "something changed");
    assert.deepEqual([counted.errors, listed.errors], [[], []]);
  });
  await check("live: nothing where nothing has", async () => assert.deepEqual(quiet.told, [[]]));
  console.log(`${checks.length} checks of @ponder/client: ${checks.join("; ")}`);
  failed = false;
} catch (error) {
  console.error(`${error.message}\n${error.stack ?? ""}\n${service.lines.slice(-3).join("\n")}`);
}
for (const one of live) one.unsubscribe();
await service.stop();
chain.stop();
rmSync(dir, { recursive: true, force: true });
process.exit(failed ? 1 : 0);
