// Readers beside a writer that commits, reorganises and folds a new mapping: by /v1/sql, by /v1 and by the SQLite extension in
// another process. Each transfer adds to both sides of the rows and is one event, so an answer that mixes two blocks does not
// add up.
//
//   node tests/clients/reads_test.mjs --binary build/release/plumbline --extension build/release/libplumbline_sqlite.so [--reads 10000] [--blocks 12] [--seed 1]
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { compile } from "../../tools/node/compile.mjs";
import { Random, options } from "../../tools/node/lib.mjs";
import { Chain, root } from "../examples/example_chain.mjs";

const args = options({ binary: join(root, "build/release/plumbline"), extension: join(root, "build/release/libplumbline_sqlite.so"), reads: 10_000, blocks: 12, seed: 1 }, "usage: reads_test.mjs [--binary FILE] [--extension FILE] [--reads N] [--blocks N] [--seed N]");
console.log(`seed ${args.seed}`);
const random = new Random(args.seed);
const until = (what, condition) => until_within(what, condition, 60_000);
const SUMS = "select (select sum(got) from holder), (select sum(gave) from holder), (select sum(value) from token_Transfer), (select sum(moves) from holder), 2 * (select count(*) from token_Transfer), (select max(_block) from token_Transfer) <= (select max(number) from blocks)";
const adds_up = ([got, gave, value, moves, twice, is_below]) => String(got) === String(gave) && String(got) === String(value) && String(moves) === String(twice) && Number(is_below) === 1;

// The extension in a process of its own: a line for each answer that does not add up, and at the end how many it asked and the
// blocks that it saw.
const PYTHON = `
import sqlite3, sys, time, signal
def attach():
    db = sqlite3.connect(":memory:")
    db.enable_load_extension(True)
    db.load_extension(sys.argv[1].removesuffix(".so"))
    db.execute("select plumbline_attach(?)", (sys.argv[2],))
    return db
is_over = []
signal.signal(signal.SIGTERM, lambda *_: is_over.append(1))
db = attach()
reads, blocks, refused = 0, set(), 0
while not is_over and (reads < int(sys.argv[4]) or len(blocks) < int(sys.argv[5])):
    try:
        row = db.execute(sys.argv[3]).fetchone()
        blocks.add(db.execute("select plumbline_block()").fetchone()[0])
    except sqlite3.OperationalError as error:
        refused += 1
        if "plumbline_attach(..) again" in str(error):  # Another mapping.
            try:
                db = attach()
            except sqlite3.OperationalError as again:
                error = again
        assert "plumbline_attach(..) again" in str(error) or "busy" in str(error) or "folded again" in str(error), error
        time.sleep(0.05)
        continue
    reads += 1
    got, gave, value, moves, twice, is_below = row
    if not (str(got) == str(gave) == str(value) and str(moves) == str(twice) and is_below == 1):
        print("mixed", row, flush=True)
print(reads, len(blocks), refused)
`;
import { free_port, until as until_within } from "../support/programs.mjs";

const work = mkdtempSync(join(tmpdir(), "plumbline-reads-"));
const chain = await Chain.start((below) => random.below(below));
let service, python;
try {
  const artifact = compile(join(root, "tests/contracts/Tokens.sol")).TestToken;
  const token = await chain.deploy(artifact);
  const start = Number(await chain.rpc.call("eth_blockNumber"));
  const people = chain.people.slice(0, 8);
  const act = () => (random.chance(40) ? token.send(people[0], "mint", random.pick(people), 1000 + random.below(1000)) : token.attempt(random.pick(people), "transfer", random.pick(people), random.below(500)));
  for (let i = 0; i < 60; i++) await act();
  const port = await free_port();
  writeFileSync(join(work, "Token.json"), JSON.stringify(artifact.abi));
  const config = join(work, "plumbline.toml");
  const side = (column, key) => `
[[on]]
event = "token.Transfer"
upsert = "holder"
key = { account = "${key}" }
add = { ${column} = "value", moves = 1 }
`;
  writeFileSync(config, `[chain]
id = 31337
rpc = "${chain.url}"
poll_interval = "50ms"
finality = 20

[contracts.token]
abi = "Token.json"
address = "${token.address}"
start_block = ${start}

[entities.holder]
key = { account = "address" }
fields = { got = "uint256", gave = "uint256", moves = "uint64" }
${side("got", "to")}${side("gave", "from")}
[http]
listen = "127.0.0.1:${port}"
`);
  service = spawn(args.binary, ["run", config, "--db", join(work, "db"), "--watch", "--quiet"], { stdio: ["ignore", "ignore", "inherit"] });
  const api = `http://127.0.0.1:${port}`;
  const head_is = async (hash) => (await fetch(`${api}/v1/status`).then((answer) => answer.json()).catch(() => ({}))).block?.hash === hash;
  const newest = async () => (await chain.rpc.call("eth_getBlockByNumber", "latest", false)).hash;
  await until("the index is at the head", async () => head_is(await newest()));
  python = spawn("/usr/bin/python3", ["-c", PYTHON, resolve(args.extension), join(work, "db"), SUMS, String(Math.floor(args.reads / 2)), String(args.blocks)], { stdio: ["ignore", "pipe", "inherit"] });
  let told = "";
  python.stdout.on("data", (part) => (told += part));
  const python_ended = new Promise((done) => python.once("exit", done));

  let http = 0, unavailable = 0, over = false;
  const seen = new Set();
  const reader = async () => {
    while (!over && http < args.reads / 2) {
      const answer = await fetch(`${api}/v1/sql`, { method: "POST", body: JSON.stringify({ sql: SUMS }) }).catch(() => null);
      if (answer === null || answer.status === 503) { unavailable++; await new Promise((go) => setTimeout(go, 20)); continue; }
      const body = await answer.json();
      assert.equal(answer.status, 200, JSON.stringify(body));
      if (body.proof.level === "none") continue; // Rows of another mapping than the log's: said, and not counted.
      assert.ok(adds_up(body.rows[0]), `mixed: ${JSON.stringify(body)}`);
      seen.add(body.block.hash);
      http++;
    }
  };
  const readers = [reader(), reader()];
  const all = Promise.all(readers);
  all.catch(() => {});
  let reorgs = 0, folds = 0;
  while (http < args.reads / 2 || (python.exitCode === null && !told.includes("mixed"))) {
    await act();
    if (random.chance(30)) { await chain.rpc.call("anvil_reorg", 1 + random.below(6), []); reorgs++; }
    if (random.chance(4) && folds < args.blocks) {
      const text = readFileSync(config, "utf8");
      writeFileSync(config, folds % 2 === 0 ? text.replace("moves = \"uint64\" }", "moves = \"uint64\", extra = \"uint64\" }") : text.replace(", extra = \"uint64\"", ""));
      folds++;
    }
    await Promise.race([all.then(() => {}), new Promise((go) => setTimeout(go, 10))]);
  }
  await all;
  over = true;
  assert.equal(await python_ended, 0, told);
  assert.ok(!told.includes("mixed"), told);
  const [reads, blocks, refused] = told.trim().split(" ").map(Number);
  // After a refresh the same as /v1 at the same block.
  await until("the index is at the head", async () => head_is(await newest()));
  const rows = (await (await fetch(`${api}/v1/entities/holder?limit=1000`)).json()).rows.map(({ row }) => [row.account, row.got, row.gave, row.moves]);
  const sql = (await (await fetch(`${api}/v1/sql`, { method: "POST", body: JSON.stringify({ sql: "select account, got, gave, moves from holder order by account" }) })).json()).rows;
  assert.deepEqual(sql, rows);
  console.log(`${http} answers by HTTP over ${seen.size} blocks (${unavailable} times unavailable), ${reads} by the extension over ${blocks} (${refused} times), ${reorgs} reorganisations, ${folds} folds: none mixed`);
  assert.ok(reorgs > 0 && folds > 0 && blocks > 1 && seen.size > 1);
} finally {
  python?.kill("SIGKILL");
  if (service?.exitCode === null) await new Promise((done) => { service.once("exit", done); service.kill("SIGKILL"); });
  chain.stop();
  rmSync(work, { recursive: true, force: true });
}
