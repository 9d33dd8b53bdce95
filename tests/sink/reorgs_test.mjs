// Random reorganisations of a real chain under a running service with a sink. After each the cursor in PostgreSQL is of the
// node's newest block and every entity's digest is the same in both, made of the rows as psql and /v1/sql tell them; after each
// tenth the events' too; after each fiftieth `verify --sink` compares all tables, the histories among them, bucket by bucket.
//
//   node tests/sink/reorgs_test.mjs [--binary build/release/plumbline] [--reorgs 1000] [--seed 1]
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { compile } from "../../tools/node/compile.mjs";
import { Random, options } from "../../tools/node/lib.mjs";
import { Chain, root } from "../examples/example_chain.mjs";
import { free_port, runs, start, until } from "../support/programs.mjs";
import { Postgres, has_postgres } from "./postgres.mjs";

const args = options({ binary: join(root, "build/release/plumbline"), reorgs: 1000, seed: 1 }, "usage: reorgs_test.mjs [--binary FILE] [--reorgs N] [--seed N]");
if (!has_postgres()) {
  console.log("skipped: no PostgreSQL 15; tools/setup installs it");
  process.exit(77);
}
console.log(`seed ${args.seed}`);
const generator = new Random(args.seed);
const { Events } = compile(join(root, "tests/rpc_clients/Events.sol"));

// What both are asked for, by table: columns, those of bytes first, and how many of these there are. The first `keys` sort.
const entities = {
  holder: { bytes: ["owner"], plain: ["received", "sent", "moves", "_block", "_log"], keys: 1 },
  allowance: { bytes: ["owner", "spender"], plain: ["value", "changes", "_block", "_log"], keys: 2 },
};
const events = {
  hub_Transfer: { bytes: ["_address", "from", "to"], plain: ["_block", "_log", "_time", "value"], order: "_block, _log" },
  hub_Approval: { bytes: ["_address", "owner", "spender"], plain: ["_block", "_log", "_time", "value"], order: "_block, _log" },
};

const config = (url, http, address, postgres) => `[chain]
id = 31337
rpc = "${url}"
finality = "finalized"
poll_interval = "50ms"
[contracts.hub]
abi = "Events.json"
address = "${address}"
[http]
listen = "127.0.0.1:${http}"
sql_ms_max = 30000
[sinks.main]
url = "${postgres}"
schema = "chain"
entities = ["holder", "allowance"]
events = ["*"]
history = true
[entities.holder]
key = { owner = "address" }
fields = { received = "uint256", sent = "uint256", moves = "uint64" }
[entities.allowance]
key = { owner = "address", spender = "address" }
fields = { value = "uint256", changes = "uint64" }
[[on]]
event = "hub.Transfer"
upsert = "holder"
key = { owner = "from" }
add = { sent = "value", moves = 1 }
[[on]]
event = "hub.Transfer"
upsert = "holder"
key = { owner = "to" }
add = { received = "value", moves = 1 }
[[on]]
event = "hub.Approval"
when = "value > 2"
upsert = "allowance"
key = { owner = "owner", spender = "spender" }
set = { value = "value" }
add = { changes = 1 }
[[on]]
event = "hub.Approval"
when = "value <= 2"
delete = "allowance"
key = { owner = "owner", spender = "spender" }
`;

const digest = (rows) => createHash("md5").update(rows.map((row) => row.join("|")).join("\n")).digest("hex");
const quoted = (names) => names.map((name) => `"${name}"`);
const directory = mkdtempSync(join(tmpdir(), "sink-reorgs-"));
const postgres = await Postgres.start();
const chain = await Chain.start((below) => generator.below(below), 8);
const node = chain.rpc;
try {
  const hub = await chain.deploy(Events);
  let sent = 0;
  // No two are the same.
  const call = (methods) => ({
    from: chain.people[0], to: hub.address, gas: "0x" + (3_000_000 + sent++).toString(16),
    data: hub.abi.encodeFunctionData(generator.pick(methods), [generator.pick(chain.people), generator.pick(chain.people), generator.below(9)]),
  });
  // `count` blocks of a transaction each.
  const act = async (count) => {
    for (let i = 0; i < count; i++) {
      // After a reorganisation anvil may forget a transaction: neither in its pool nor in a block.
      let receipt = null;
      for (let tries = 0; !receipt; tries++) {
        assert.ok(tries < 5, "anvil puts no transaction into a block");
        const hash = await node.call("eth_sendTransaction", call(["transfer", "transfer", "approve", "all"]));
        receipt = await until("a transaction is in a block", () => node.call("eth_getTransactionReceipt", hash), 5_000).catch(() => null);
      }
    }
  };
  await act(30);
  const http = await free_port(), file = join(directory, "plumbline.toml"), db = join(directory, "db");
  writeFileSync(join(directory, "Events.json"), JSON.stringify(Events.abi.filter((one) => !one.anonymous)));
  writeFileSync(file, config(chain.url, http, hub.address, postgres.url));
  const service = start([args.binary, "run", file, "--db", db, "--quiet"]);
  const plumbline = runs(args.binary);
  const status = () => fetch(`http://127.0.0.1:${http}/v1/status`).then((one) => one.json(), () => ({}));

  // Until index and sink are of the node's newest block.
  const settle = () => until("index and sink are where the node is", async () => {
    const { hash } = await node.call("eth_getBlockByNumber", "latest", false);
    const { block, sinks } = await status();
    return block?.hash === hash && sinks?.[0]?.block === block.number &&
      "0x" + (await postgres.sql("select encode(block_hash, 'hex') from chain.plumbline_cursor")) === hash;
  }, 120_000).catch(async (error) => { throw new Error(`${error.message}: ${JSON.stringify((await status()).sinks)} ${service.errors.slice(-2000)}`); });

  const compare = async (round, tables) => {
    for (const [table, { bytes, plain, keys, order }] of Object.entries(tables)) {
      const by = order ?? bytes.slice(0, keys).join(", ");
      const sql = `select ${[...quoted(bytes), ...quoted(plain)].join(", ")} from ${table} order by ${by}`;
      const answer = await (await fetch(`http://127.0.0.1:${http}/v1/sql`, { method: "POST", body: JSON.stringify({ sql }) })).json();
      assert.equal(answer.is_whole, true, JSON.stringify(answer).slice(0, 300));
      const cells = [...quoted(bytes).map((name) => `'0x' || encode(${name}, 'hex')`), ...quoted(plain)].map((cell) => `(${cell})::text`);
      const told = await postgres.sql(`select coalesce(md5(string_agg(concat_ws('|', ${cells.join(", ")}), E'\\n' order by ${by})), md5('')) || ' ' || count(*) from chain."${table}"`);
      assert.equal(told, `${digest(answer.rows)} ${answer.rows.length}`, `round ${round}: ${table}`);
      compared++;
    }
  };
  const verify = async (round) => {
    const done = await plumbline("verify", db, "--sink", "main", "--config", file);
    assert.equal(done.code, 0, `round ${round}: ${done.out}${done.err}`);
    verified++;
  };

  let compared = 0, verified = 0, blocks = 0;
  await settle();
  for (let round = 1; round <= args.reorgs; round++) {
    const snapshot = await node.call("evm_snapshot");
    const base = Number(await node.call("eth_blockNumber"));
    await act(1 + generator.below(4));
    if (generator.chance(70)) await settle(); // else the sink learns of both at once
    // What goes: all since the snapshot, or the newest blocks, which come again with or without transactions.
    const length = Number(await node.call("eth_blockNumber")) - base;
    const by_revert = generator.chance(40);
    const depth = by_revert ? length : 1 + generator.below(6);
    if (by_revert) {
      assert.equal(await node.call("evm_revert", snapshot), true);
      await act(length + generator.below(2)); // until it is as long again: a node that is behind is no reorganisation
    } else {
      await node.call("anvil_reorg", depth, generator.chance(60) ? Array.from({ length: depth }, (_, at) => [call(["transfer", "approve"]), at]) : []);
    }
    blocks += depth;
    await settle();
    await compare(round, entities);
    if (round % 10 === 0 || round === args.reorgs) await compare(round, events);
    if (round % 50 === 0 || round === args.reorgs) await verify(round);
    if (round % 100 === 0) console.log(`${round} reorganisations, ${blocks} blocks taken back, head ${Number(await node.call("eth_blockNumber"))}`);
  }
  const { sinks } = await status();
  console.log(`${args.reorgs} reorganisations of ${blocks} blocks: ${compared} digests equal, ${verified} times all tables verified; ${JSON.stringify(sinks)}`);
  service.kill("SIGTERM");
  assert.equal(await service.ended, 0, service.errors);
} finally {
  chain.stop();
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
}
