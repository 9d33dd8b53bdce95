// What contract calls cost: events with a fifth as many distinct (block, call, arguments), and a proxy that counts what
// comes for them, at several batch limits, by programs and where the node runs none.
//
//   node tests/calls/load_test.mjs [--events 2000] [--binary build/release/plumbline] [--keep]
//
// The supply that each row must hold is known from what the test minted.

import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { compile } from "../../tools/node/compile.mjs";
import { Rpc, options } from "../../tools/node/lib.mjs";
import { Checks } from "../support/checks.mjs";
import { contracts } from "../support/contracts.mjs";
import { runs, start_anvil } from "../support/programs.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const args = options(
  { events: 2000, binary: join(root, "build/release/plumbline"), keep: false },
  "usage: load_test.mjs [--events N] [--binary FILE] [--keep]",
);
const run = runs(resolve(args.binary));
const checks = new Checks("calls-load");
const { check, work } = checks;
const artifacts = compile(join(here, "Calls.sol"));
const kTokens = 20; // different ones in a block
const kTimes = 5; // events of each
const rounds = Math.max(1, Math.round(args.events / (kTokens * kTimes)));

// --- a proxy that counts; a request goes on as it came ------------------------------------------------

async function start_proxy(target, { batch, no_programs }) {
  const counts = { requests: 0, calls: 0, call_requests: 0, refused: 0 };
  const is_program = (one) => one.method === "eth_call" && (!one.params[0].to || one.params.length > 2);
  // What a run looks at before it begins, the time and number that a program sees, is no call of a contract.
  const is_look = (one) => /"0x4[23]60005260206000f3"/.test(JSON.stringify(one.params));
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    counts.requests++;
    const all = [JSON.parse(body)].flat();
    const is_array = body.startsWith("[");
    response.setHeader("content-type", "application/json");
    if (is_array && all.length > batch) {
      const error = { code: -32600, message: `batch size is too large, max is ${batch}` };
      response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error }));
      return;
    }
    const calls = all.filter((one) => one.method === "eth_call" && !is_look(one)).length;
    counts.calls += calls;
    counts.call_requests += calls > 0 ? 1 : 0;
    if (no_programs && all.some(is_program)) {
      const error = { code: -32602, message: "invalid argument 0: to is needed" };
      counts.refused += all.filter((one) => is_program(one) && !is_look(one)).length;
      const refused = all.map(({ id }) => ({ jsonrpc: "2.0", id, error }));
      response.end(JSON.stringify(is_array ? refused : refused[0]));
      return;
    }
    const answer = await fetch(target, { method: "POST", headers: { "content-type": "application/json" }, body });
    response.end(await answer.text());
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  server.unref();
  return { url: `http://127.0.0.1:${server.address().port}`, counts };
}

// --- the chain -----------------------------------------------------------------------------------------

const node = await start_anvil("--slots-in-an-epoch", "1");
const rpc = new Rpc(node);
const { deploy, transact } = await contracts(rpc, artifacts);
const registry = await deploy("Registry");
const tokens = [];
for (let i = 0; i < kTokens; i++) tokens.push((await deploy("Token", ["uint8", "string"], [6, `T${i}`])).toLowerCase());
const supply = new Map(tokens.map((token) => [token, 0n]));
const seen = tokens.flatMap((token) => Array(kTimes).fill(token));
const wanted = new Map(); // "block token": the supply after that block
for (let round = 0; round < rounds; round++) {
  const minted = tokens[round % kTokens];
  await transact("Token", minted, "mint", 1000 + round);
  supply.set(minted, supply.get(minted) + BigInt(1000 + round));
  const block = Number((await transact("Registry", registry, "see", seen)).blockNumber);
  for (const token of tokens) wanted.set(`${block} ${token}`, String(supply.get(token)));
}
await rpc.call("anvil_mine", "0x3");
const events = rounds * kTokens * kTimes;
const distinct = wanted.size;
console.log(`     ${events} events, ${distinct} distinct (block, call, arguments) in ${rounds} blocks`);

// --- the index -----------------------------------------------------------------------------------------

const config = (url) => `[chain]
id = 31337
rpc = "${url}"
[database]
path = "db"
[contracts.registry]
abi = "Registry.json"
address = "${registry}"
[entities.seen]
key = { block = "uint64", log = "uint32" }
fields = { token = "address", supply = "uint256" }
[[on]]
event = "registry.Seen"
insert = "seen"
key = { block = "$block.number", log = "$log.index" }
set = { token = "token", supply = "$call.supply" }
[on.calls]
supply = { call = "function totalSupply() view returns (uint256)", at = "token" }
`;


async function measure(batch, no_programs) {
  const name = `batches of ${batch}, ${no_programs ? "call by call" : "by programs"}`;
  const proxy = await start_proxy(node, { batch, no_programs });
  const dir = join(work, `${batch}${no_programs ? "-alone" : ""}`);
  mkdirSync(dir);
  writeFileSync(join(dir, "plumbline.toml"), config(proxy.url));
  writeFileSync(join(dir, "Registry.json"), JSON.stringify(artifacts.Registry.abi));
  const start = Date.now();
  const ran = await run("run", join(dir, "plumbline.toml"), "--until", "head");
  const took = ((Date.now() - start) / 1000).toFixed(1);
  check(`${name}: indexed`, ran.code === 0, ran.err.trim().split("\n").slice(-3).join(" | "));
  const { calls, requests, call_requests, refused } = proxy.counts;
  console.log(`     ${name}: ${calls} eth_call (${refused} of them refused programs) in ${call_requests} of ${requests} ` +
    `HTTP requests, ${took} s`);
  // Who refuses programs is asked twice in each of two forms before that is known, and once after 10,000 calls.
  const to_learn = no_programs ? 4 + Math.floor(distinct / 10_000) : 0;
  check(`${name}: never more calls than distinct ones`, calls <= distinct + to_learn, `${calls}`);
  const again = await run("run", join(dir, "plumbline.toml"), "--until", "head");
  check(`${name}: the second run asks nothing`, again.code === 0 && proxy.counts.calls === calls, again.err);
  const before = proxy.counts.requests;
  const rebuilt = await run("rebuild", join(dir, "db"), "--quiet");
  check(`${name}: a rebuild asks nobody`, rebuilt.code === 0 && proxy.counts.requests === before, rebuilt.err);
  const told = await run("sql", join(dir, "db"), "--format", "json",
    "select count(*) as n, min(supply) as low, max(supply) as high, block, token from seen group by block, token");
  const rows = told.out.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const wrong = rows.filter(({ n, low, high, block, token }) => {
    const right = wanted.get(`${block} ${token}`);
    return Number(n) !== kTimes || String(low) !== right || String(high) !== right;
  });
  check(`${name}: every row holds what was minted by its block`,
    told.code === 0 && rows.length === distinct && wrong.length === 0,
    told.err || `${wrong.length} wrong of ${rows.length}: ${JSON.stringify(wrong[0])}`);
  const facts = await run("sql", join(dir, "db"), "--format", "json", "select count(*) as n from facts");
  check(`${name}: one fact each`, facts.out.includes(String(distinct)), facts.out + facts.err);
}

for (const no_programs of [false, true]) {
  for (const batch of [1, 10, 100]) await measure(batch, no_programs);
}

checks.end(args.keep);
