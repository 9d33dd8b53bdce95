// The real binary over the real contracts of Uniswap V2 (npm @uniswap/v2-core): the config changes in the life of one
// database, over and over, as users change theirs: the factory starts earlier or later, a second factory comes and goes,
// the pairs' events are filtered and widened, their logs count from elsewhere. Some lives end by SIGKILL.
//
//   node tests/uniswap/uniswap_test.mjs [--binary build/release/plumbline] [--sequences 5] [--seed 1] [--keep]
//
// After each change the index must become equal to a fresh one of the same config. And at every moment on the way: what
// an answer calls fetched or proven has every event that a fresh index has, and rows that are shown at such a level are
// the fresh index's rows.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { AbiCoder, Interface, Rpc, options } from "../../tools/node/lib.mjs";
import { free_port } from "../support/programs.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const args = options(
  {
    binary: join(root, "build/release/plumbline"),
    package: join(root, "tools/node/node_modules/@uniswap/v2-core"),
    sequences: 5,
    seed: 1,
    keep: false,
  },
  "usage: uniswap_test.mjs [--binary FILE] [--package DIR] [--sequences N] [--seed N] [--keep]",
);
const binary = resolve(args.binary);
for (const needed of [binary, args.package]) {
  if (!existsSync(needed)) {
    console.error(`${needed}: not there`);
    process.exit(2);
  }
}
const artifact = (name) => JSON.parse(readFileSync(join(args.package, "build", `${name}.json`), "utf8"));
const factory_json = artifact("UniswapV2Factory");
const pair_json = artifact("UniswapV2Pair");
const token_json = artifact("ERC20");
const work = mkdtempSync(join(tmpdir(), "uniswap-"));
const children = new Set();

// Mulberry32.
function random_of(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function start(command, stdio) {
  const child = spawn(command[0], command.slice(1), { stdio });
  children.add(child);
  child.ended = new Promise((done) => child.on("close", (code, signal) => done(signal || code)));
  child.ended.then(() => children.delete(child));
  return child;
}

async function run(...command) {
  const child = start([binary, ...command], ["ignore", "pipe", "pipe"]);
  let out = "";
  let err = "";
  child.stdout.on("data", (part) => (out += part));
  child.stderr.on("data", (part) => (err += part));
  return { code: await child.ended, out, err };
}

async function start_anvil() {
  const child = start(
    ["node", join(root, "tools/node/anvil.mjs"), "--with-parent", "--slots-in-an-epoch", "1", "--timestamp", "1700000000"],
    ["ignore", "pipe", "inherit"],
  );
  const line = await new Promise((done) => child.stdout.once("data", (part) => done(String(part))));
  return JSON.parse(line).url;
}

// --- the chain ---------------------------------------------------------------------------------

const factory_abi = new Interface(factory_json.abi);
const pair_abi = new Interface(pair_json.abi);
const token_abi = new Interface(token_json.abi);

class Chain {
  constructor(url, random) {
    this.url = url;
    this.rpc = new Rpc(url);
    this.random = random;
    this.pairs = [];
    this.tokens = [];
    this.factories = [];
  }
  async send(to, data) {
    const hash = await this.rpc.call("eth_sendTransaction", { from: this.from, to, data, gas: "0x989680" });
    let receipt = null;
    while (!receipt) receipt = await this.rpc.call("eth_getTransactionReceipt", hash);
    if (receipt.status !== "0x1") throw new Error(`${to}: transaction failed`);
    return receipt;
  }
  async deploy(json, types, values) {
    const data = "0x" + json.bytecode.replace(/^0x/, "") + AbiCoder.defaultAbiCoder().encode(types, values).slice(2);
    return (await this.send(undefined, data)).contractAddress;
  }
  async begin() {
    [this.from] = await this.rpc.call("eth_accounts");
    for (let i = 0; i < 4; i++) this.tokens.push(await this.deploy(token_json, ["uint256"], [10n ** 24n]));
    for (let i = 0; i < 2; i++) this.factories.push(await this.deploy(factory_json, ["address"], [this.from]));
    for (let i = 0; i < 60; i++) await this.step();
  }
  async step() {
    const dice = this.random(10);
    if (this.pairs.length === 0 || (dice < 2 && this.pairs.length < 10)) {
      const a = this.random(4);
      const b = (a + 1 + this.random(3)) % 4;
      const which = this.random(2);
      const id = [which, ...[a, b].sort()].join();
      if (this.pairs.some((pair) => pair.id === id)) return;
      const receipt = await this.send(
        this.factories[which],
        factory_abi.encodeFunctionData("createPair", [this.tokens[a], this.tokens[b]]),
      );
      const made = receipt.logs.map((log) => factory_abi.parseLog(log)).find((event) => event?.name === "PairCreated");
      this.pairs.push({ id, address: made.args.pair, tokens: [this.tokens[a], this.tokens[b]] });
      return;
    }
    const pair = this.pairs[this.random(this.pairs.length)];
    if (dice < 5) {
      for (const token of pair.tokens) {
        await this.send(token, token_abi.encodeFunctionData("transfer", [pair.address, 10000n + BigInt(this.random(5000))]));
      }
      await this.send(pair.address, pair_abi.encodeFunctionData("mint", [this.from]));
    } else if (dice < 7) {
      await this.send(pair.address, pair_abi.encodeFunctionData("sync"));
    } else if (dice < 9) {
      await this.send(pair.address, pair_abi.encodeFunctionData("approve", [this.from, this.random(1000)]));
    } else {
      await this.rpc.call("anvil_mine", "0x3");
    }
  }
}

// --- configs -----------------------------------------------------------------------------------

const filters = [null, ["Sync", "Mint"], ["Sync", "Approval"], ["Sync"]];

function pick_change(choice, chain, random) {
  const out = { ...choice };
  switch (random(6)) {
    case 0:
    case 1:
      out.start = random(4) * 18;
      break;
    case 2:
      out.second = !out.second;
      break;
    case 3:
      out.filter = random(filters.length);
      break;
    case 4:
      out.since = ['"block"', '"announcement"', "0", String(20 + random(30))][random(4)];
      break;
    default:
      out.pair_start = random(2) * 30;
  }
  return out;
}

function write_config(path, choice, chain, port) {
  const events = filters[choice.filter];
  const handlers = [
    ["Sync", "add = { syncs = 1 }\nset = { reserve0 = \"reserve0\", reserve1 = \"reserve1\" }"],
    ["Mint", "add = { mints = 1 }"],
    ["Approval", "add = { approvals = 1 }"],
  ].filter(([name]) => !events || events.includes(name));
  const addresses = chain.factories.slice(0, choice.second ? 2 : 1).map((one) => `"${one}"`);
  writeFileSync(
    path,
    `[chain]
id = 31337
rpc = "${chain.url}"
finality = 4
poll_interval = "100ms"
[http]
listen = "127.0.0.1:${port}"
[schedule]
prove_log = "1s"
[contracts.factory]
abi = "factory.json"
address = [${addresses.join(", ")}]
start_block = ${choice.start}
[contracts.pair]
abi = "pair.json"
factory = { event = "factory.PairCreated", address = "pair", since = ${choice.since} }
start_block = ${choice.pair_start}
${events ? `events = [${events.map((name) => `"${name}"`).join(", ")}]` : ""}
[entities.pool]
key = { pair = "address" }
fields = { syncs = "uint64", mints = "uint64", approvals = "uint64", reserve0 = "uint112", reserve1 = "uint112" }
${handlers.map(([name, change]) => `[[on]]\nevent = "pair.${name}"\nupsert = "pool"\nkey = { pair = "$log.address" }\n${change}\n`).join("")}`,
  );
}

// --- what is true of a config, and what an answer may say of it ----------------------------------

const place = (event) => `${event.block}/${event.log_index}`;

async function fresh_index(config, name) {
  const db = join(work, name);
  rmSync(db, { recursive: true, force: true });
  const made = await run("run", config, "--db", db, "--until", "head", "--quiet");
  if (made.code !== 0) throw new Error(`a fresh index: ${made.err}`);
  const lines = async (...more) =>
    (await run("dump", db, ...more)).out.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return { db, rows: await lines("--entity", "pool"), events: await lines("--events") };
}

async function get(port, path) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(10_000) });
  return answer.ok ? answer.json() : null;
}

// Empty, or what is wrong with the answers of this moment.
function find_lie(fresh, events, rows) {
  if (events.next) throw new Error("a page no longer holds all events: begin a new chain earlier");
  const through = events.proof.level === "none" ? events.proof.proven_through : events.block.number;
  const known = new Set(events.events.map(place));
  const lacking = fresh.events.filter((event) => event.block <= through && !known.has(place(event)));
  if (lacking.length > 0) {
    return `up to block ${through} (${events.proof.level}) ${lacking.length} events are missing, first ${place(lacking[0])}`;
  }
  const is_at_head = rows.block.number === fresh.head;
  if (rows.proof.level === "none" || !is_at_head) return "";
  const shown = JSON.stringify(rows.rows.map((row) => JSON.stringify(row)).sort());
  return shown === fresh.shown ? "" : `rows at level ${rows.proof.level} are not those of a fresh index`;
}

// Runs the service until `enough` says so of its newest answers, looking all the time.
async function live(config, db, port, fresh, enough) {
  const child = start([binary, "run", config, "--db", db, "--quiet"], ["ignore", "ignore", "pipe"]);
  let err = "";
  child.stderr.on("data", (part) => (err += part));
  let lie = "";
  for (let looks = 0; ; looks++) {
    const [events, rows] = await Promise.all([
      get(port, "/v1/events?limit=1000").catch(() => null),
      get(port, "/v1/entities/pool?limit=1000").catch(() => null),
    ]);
    if (events?.block && rows?.block && fresh) lie = lie || find_lie(fresh, events, rows);
    if (lie || looks > 3000 || child.exitCode !== null || enough(events, rows, looks)) break;
    await new Promise((done) => setTimeout(done, 20));
  }
  return { child, lie, err: () => err };
}

async function sequence(chain, seed) {
  const random = random_of(seed);
  const dir = mkdtempSync(join(work, "s-"));
  writeFileSync(join(dir, "factory.json"), JSON.stringify(factory_json.abi));
  writeFileSync(join(dir, "pair.json"), JSON.stringify(pair_json.abi));
  const config = join(dir, "plumbline.toml");
  const db = join(dir, "db");
  let choice = { start: random(4) * 18, second: false, filter: random(filters.length), since: '"block"', pair_start: 0 };
  for (let turn = 0; turn < 4; turn++) {
    const port = await free_port();
    write_config(config, choice, chain, port);
    const fresh = await fresh_index(config, "fresh");
    fresh.head = Number(await chain.rpc.call("eth_blockNumber"));
    const told = (what) => new Error(`seed ${seed} turn ${turn} ${JSON.stringify(choice)}: ${what}`);
    // What the API shows of a fresh index.
    const shown = await live(config, fresh.db, port, null, (events, rows) => rows?.block?.number === fresh.head);
    const rows = await get(port, "/v1/entities/pool?limit=1000");
    fresh.shown = JSON.stringify(rows.rows.map((row) => JSON.stringify(row)).sort());
    shown.child.kill("SIGTERM");
    await shown.child.ended;
    if (random(2) === 0) {
      const looks = random(12);
      const cut = await live(config, db, port, fresh, (events, answer, count) => count >= looks);
      cut.child.kill("SIGKILL");
      await cut.child.ended;
      if (cut.lie) throw told(cut.lie);
    }
    const proven = fresh.head - 5;
    const whole = await live(
      config, db, port, fresh,
      (events, answer) =>
        answer?.block?.number === fresh.head && answer.proof.level === "fetched" && (turn % 2 === 1 || answer.proof.proven_through >= proven),
    );
    if (whole.lie) throw told(whole.lie);
    whole.child.kill("SIGTERM");
    const code = await whole.child.ended;
    if (code !== 0) throw told(`ended with ${code}: ${whole.err()}`);
    const difference = await run("diff", db, fresh.db);
    // Logs that another config had fetched may stay; what is made of the log may not differ.
    const mine = (await run("dump", db, "--entity", "pool")).out;
    if (mine !== (await run("dump", fresh.db, "--entity", "pool")).out) throw told(`another index than a fresh one:\n${difference.out}`);
    choice = pick_change(choice, chain, random);
    for (let more = random(4); more > 0; more--) await chain.step();
  }
  if (!args.keep) rmSync(dir, { recursive: true, force: true });
}

// It grows with each of them, and one page of the API is to hold all its events.
const sequences_a_chain = 40;
let failed = 0;
try {
  let chain;
  for (let i = 0; i < args.sequences; i++) {
    const seed = args.seed + i;
    if (i % sequences_a_chain === 0) {
      chain = new Chain(await start_anvil(), random_of(seed));
      await chain.begin();
    }
    try {
      await sequence(chain, seed);
      console.log(`ok seed ${seed}`);
    } catch (error) {
      failed++;
      console.log(`FAILED ${error.message}`);
    }
  }
} finally {
  for (const child of children) child.kill("SIGKILL");
  if (!args.keep) rmSync(work, { recursive: true, force: true });
}
console.log(`${args.sequences - failed} of ${args.sequences} sequences are equal to a fresh index and honest all the way`);
process.exit(failed > 0 ? 1 : 0);
