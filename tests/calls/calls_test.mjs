// The real binary and contract calls, on a real node: what contracts answer, and what they do instead.
//
//   node tests/calls/calls_test.mjs [--binary build/release/plumbline] [--keep]
//
// What the rows must hold is asked of the node, block by block. A proxy counts requests and calls, and is as narrow or as
// false as a provider can be.

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { compile } from "../../tools/node/compile.mjs";
import { Interface, Rpc, options } from "../../tools/node/lib.mjs";
import { Checks } from "../support/checks.mjs";
import { contracts } from "../support/contracts.mjs";
import { runs, start_anvil } from "../support/programs.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const args = options(
  { binary: join(root, "build/release/plumbline"), keep: false },
  "usage: calls_test.mjs [--binary FILE] [--keep]",
);
const run = runs(resolve(args.binary));
const checks = new Checks("calls");
const { check, work } = checks;
const artifacts = compile(join(here, "Calls.sol"));

// --- a proxy that counts, and is what `mode` makes of it -------------------------------------------

/// Programs that return their block's time and number.
const tells_block = ["0x4260005260206000f3", "0x4360005260206000f3"];

async function block_before(target, block) {
  const rpc = new Rpc(target);
  const number = block.blockHash ? (await rpc.call("eth_getBlockByHash", block.blockHash, false)).number : block;
  return number.startsWith("0x") ? `0x${Math.max(0, Number(number) - 1).toString(16)}` : number;
}

async function start_proxy(target, mode = {}) {
  const counts = { requests: 0, calls: 0, lies: 0 };
  const answer_one = async (one) => {
    if (one.method === "eth_call") {
      const code = one.params[0].data ?? one.params[0].input;
      if (!tells_block.includes(code)) counts.calls++; // What a run looks at before it begins is no call of a contract.
      if (mode.says) return { jsonrpc: "2.0", id: one.id, ...mode.says };
      if (mode.newest && !(mode.hides && tells_block.includes(code))) one.params[1] = "latest";
      if (mode.previous) one.params[1] = await block_before(target, one.params[1]);
      if (mode.no_programs && (!one.params[0].to || one.params.length > 2)) {
        return { jsonrpc: "2.0", id: one.id, error: { code: -32602, message: "invalid argument 0: to is needed" } };
      }
    }
    const answer = await fetch(target, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(one),
    });
    const parsed = await answer.json();
    if (mode.lies && one.method === "eth_call" && parsed.result && parsed.result.length > 20) {
      const hash = createHash("sha256").update(JSON.stringify(one.params)).digest();
      if (hash[0] % mode.lies === 0) {
        counts.lies++;
        const last = parsed.result.slice(-1) === "0" ? "1" : "0";
        parsed.result = parsed.result.slice(0, -1) + last;
      }
    }
    return parsed;
  };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    counts.requests++;
    const parsed = JSON.parse(body);
    response.setHeader("content-type", "application/json");
    if (Array.isArray(parsed) && mode.batch && parsed.length > mode.batch) {
      const error = { code: -32600, message: `batch size is too large, max is ${mode.batch}` };
      response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error }));
      return;
    }
    const answers = await Promise.all((Array.isArray(parsed) ? parsed : [parsed]).map(answer_one));
    response.end(JSON.stringify(Array.isArray(parsed) ? answers : answers[0]));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  server.unref();
  return { url: `http://127.0.0.1:${server.address().port}`, counts };
}

const node = await start_anvil("--slots-in-an-epoch", "1");
const rpc = new Rpc(node);
await rpc.call("anvil_setBlockTimestampInterval", 1); // no two blocks have the same time
const { deploy, transact } = await contracts(rpc, artifacts);

const registry = await deploy("Registry");
const tokens = {
  usdc: await deploy("Token", ["uint8", "string"], [6, "USDC"]),
  long: await deploy("Token", ["uint8", "string"], [18, "A name that is longer than one word of the chain"]),
  mkr: await deploy("OldToken"),
  bare: await deploy("Bare"),
  bomb: await deploy("Bomb"),
  burner: await deploy("Burner"),
  heavy: await deploy("Heavy"),
  nobody: "0x00000000000000000000000000000000000abcde",
};
for (const token of Object.values(tokens)) await transact("Registry", registry, "add", token);
const live = [tokens.usdc, tokens.long, tokens.mkr];
for (let round = 0; round < 40; round++) {
  await transact(round % 3 === 2 ? "OldToken" : "Token", live[round % 3], "mint", 1000 + round);
  await transact("Registry", registry, "see", [tokens.usdc, tokens.long, tokens.usdc, tokens.mkr].slice(0, 1 + (round % 4)));
}
await rpc.call("anvil_mine", "0x3");

// --- what the rows must be -------------------------------------------------------------------------

const face = new Interface(artifacts.Registry.abi);
const logs = await rpc.call("eth_getLogs", { fromBlock: "0x0", toBlock: "latest", address: registry });
const events = logs.map((log) => ({ log, event: face.parseLog(log), block: Number(log.blockNumber) }));
const word_at = async (to, method, block, i = 0) => {
  const data = new Interface(artifacts.Token.abi).encodeFunctionData(method, []);
  const result = await rpc.call("eth_call", { to, data }, `0x${block.toString(16)}`);
  return BigInt(`0x${result.slice(2 + 64 * i, 66 + 64 * i) || "0"}`);
};
const wanted_tokens = {
  usdc: [6, "USDC"], long: [18, "A name that is longer than one word of the chain"], mkr: [18, "MKR"], bare: [77, "?"],
  bomb: [77, "?"], burner: [77, "?"], heavy: [9, "HEAVY"], nobody: [77, "?"],
};
const wanted_seen = new Map();
const distinct = new Set();
for (const { log, event, block } of events) {
  const token = event.args.token.toLowerCase();
  if (event.name === "Added") {
    distinct.add(`${token} decimals`).add(`${token} symbol`).add(`${block} count`);
    continue;
  }
  distinct.add(`${block} ${token} supply`).add(`${block} count`);
  if (token !== tokens.mkr) distinct.add(`${block} ${token} reserves`);
  wanted_seen.set(`${block}/${Number(log.logIndex)}`, {
    supply: String(await word_at(token, "totalSupply", block)),
    second: String(token === tokens.mkr ? 0n : await word_at(token, "reserves", block, 1)),
    count: String(BigInt(await rpc.call("eth_call", { to: registry, data: face.encodeFunctionData("count", []) }, log.blockNumber))),
  });
}

const config = (urls) => `[chain]
id = 31337
rpc = ${JSON.stringify(urls)}
[database]
path = "db"
[contracts.registry]
abi = "Registry.json"
address = "${registry}"
[entities.token]
key = { token = "address" }
fields = { decimals = "uint8", symbol = "string" }
[entities.seen]
key = { block = "uint64", log = "uint32" }
fields = { supply = "uint256", second = "uint256", count = "uint256" }
[[on]]
event = "registry.Added"
insert = "token"
key = { token = "token" }
set = { decimals = "$call.dec", symbol = "$call.sym" }
[on.calls]
dec = { call = "function decimals() view returns (uint8)", at = "token", once = true, default = 77 }
sym = { call = "function symbol() view returns (string)", at = "token", once = true, default = "'?'" }
count = { call = "registry.count()" }
[[on]]
event = "registry.Seen"
insert = "seen"
key = { block = "$block.number", log = "$log.index" }
when = "id > 0"
set = { supply = "$call.supply", second = "if(token == ${tokens.mkr}, 0, $call.pair.second)", count = "$call.count" }
[on.calls]
supply = { call = "function totalSupply() view returns (uint256)", at = "token" }
pair = { call = "function reserves() view returns (uint112 first, uint112 second)", at = "token", default = [1, 2] }
count = { call = "registry.count()" }
`;

// Only what stands in storage as it is answered.
const slotted = (urls, at = registry) => `[chain]
id = 31337
rpc = ${JSON.stringify(urls)}
[database]
path = "db"
[contracts.registry]
abi = "Registry.json"
address = "${at}"
[entities.seen]
key = { block = "uint64", log = "uint32" }
fields = { supply = "uint256", count = "uint256" }
[[on]]
event = "registry.Seen"
insert = "seen"
key = { block = "$block.number", log = "$log.index" }
set = { supply = "$call.supply", count = "$call.count" }
[on.calls]
supply = { call = "function totalSupply() view returns (uint256)", at = "token", slots = { 0 = { base = 2 } } }
count = { call = "registry.count()", slots = { 0 = { base = 0 } } }
`;

function make_config(name, urls, write = config) {
  const dir = join(work, name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "plumbline.toml"), write(urls));
  writeFileSync(join(dir, "Registry.json"), JSON.stringify(artifacts.Registry.abi));
  return dir;
}
async function index(name, urls, write = config) {
  const dir = make_config(name, urls, write);
  const ran = await run("run", join(dir, "plumbline.toml"), "--until", "head");
  check(`run of ${name}`, ran.code === 0, ran.err.trim().split("\n").slice(-3).join(" | "));
  return dir;
}
async function rows(dir, entity) {
  const listed = await run("list", join(dir, "db"), entity, "--limit", "100000");
  return listed.out.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}
async function compare_seen(what, dir, fields) {
  const seen = await rows(dir, "seen");
  let wrong = wanted_seen.size - seen.length;
  for (const row of seen) {
    const want = wanted_seen.get(`${row.block}/${row.log}`);
    if (!want || fields.some((field) => String(row[field]) !== want[field])) wrong++;
  }
  check(`${what}: what each block's state was`, wrong === 0, `${wrong} of ${wanted_seen.size} differ`);
}
async function compare(what, dir) {
  const found = new Map((await rows(dir, "token")).map((row) => [row.token, row]));
  for (const [name, [decimals, symbol]] of Object.entries(wanted_tokens)) {
    const row = found.get(tokens[name].toLowerCase()) || {};
    check(`${what}: ${name}`, row.decimals === decimals && row.symbol === symbol, JSON.stringify(row));
  }
  await compare_seen(what, dir, ["supply", "second", "count"]);
}

// --- answers, and a second run -----------------------------------------------------------------------

const honest = await start_proxy(node);
const dir = await index("plain", [honest.url]);
await compare("answers", dir);
console.log(`     ${events.length} events, ${distinct.size} distinct calls: ${honest.counts.calls} eth_call in ${honest.counts.requests} requests`);
check("never more calls than distinct ones", honest.counts.calls <= distinct.size);
const first_calls = honest.counts.calls;
await index("plain", [honest.url]);
check("the second run makes no call", honest.counts.calls === first_calls, `${honest.counts.calls - first_calls}`);
{
  const before = honest.counts.requests;
  const rebuilt = await run("rebuild", join(dir, "db"), "--quiet");
  check("a rebuild asks nobody", rebuilt.code === 0 && honest.counts.requests === before, rebuilt.err);
  await compare("after a rebuild", dir);
  const dumped = await run("dump", join(dir, "db"), "--facts");
  const facts = dumped.out.trim().split("\n").map((line) => JSON.parse(line));
  check("every fact is written out once", facts.length === distinct.size + events.filter(({ event }) =>
    event.name === "Seen" && event.args.token.toLowerCase() === tokens.mkr).length, `${facts.length}, not ${distinct.size}`);
  const outcome = (token) => facts.find((fact) => fact.to === token.toLowerCase() && fact.input === "0x313ce567");
  for (const [name, wanted] of [["bare", "reverted"], ["bomb", "answered too much"], ["burner", "ran out of gas"],
    ["heavy", "answered"], ["nobody", "answered nothing"]]) {
    check(`${name} ${wanted}`, outcome(tokens[name]).outcome === wanted, JSON.stringify(outcome(tokens[name])));
  }
  const told = await run("sql", join(dir, "db"), "--format", "csv",
    "select block, address, input, outcome, coalesce(answer, '0x'), provider, once, pinned_by, asked_at " +
    "from facts order by block");
  const by_dump = facts.map(({ block, to, input, outcome: how, data, provider, once, pinned_by, asked_at }) =>
    [block, to, input, how, data, provider, Number(once), pinned_by, asked_at ?? ""].join(",")).sort();
  check("SQL tells the same facts", told.out.trim().split("\n").slice(1).sort().join("\n") === by_dump.join("\n"),
    `${told.err}${told.out.split("\n").slice(0, 2).join(" | ")} not ${by_dump[0]}`);
  const verified = await run("verify", join(dir, "db"), "--proof", "calls", "--rpc", node);
  check("asked again, all is the same", verified.code === 0 && verified.out.includes("calls   holds: "),
    verified.out + verified.err);
  const nothing = await run("verify", join(dir, "db"), "--proof", "calls", "--rpc", node, "--sample", "0");
  check("a sample of nothing proves nothing", nothing.code === 3 && nothing.out.includes("calls   not proven: ") &&
    !nothing.out.includes("holds"), `${nothing.code} ${nothing.out}${nothing.err}`);
  const replayed = await run("verify", join(dir, "db"), "--proof", "replay");
  check("the replay proof needs no network", replayed.code === 0, replayed.out + replayed.err);
}

// --- narrow providers --------------------------------------------------------------------------------

for (const batch of [1, 10, 100]) {
  const narrow = await start_proxy(node, { batch });
  await compare(`batches of ${batch}`, await index(`batch${batch}`, [narrow.url]));
  console.log(`     batches of ${batch}: ${narrow.counts.calls} eth_call in ${narrow.counts.requests} requests`);
  check(`batches of ${batch}: never more calls than distinct ones`, narrow.counts.calls <= distinct.size);
}
await compare("no programs", await index("plain_calls", [(await start_proxy(node, { no_programs: true })).url]));

// --- a provider that lies ------------------------------------------------------------------------------

{
  // Of a program's answer the last digit may be nobody's: it lies about calls one by one.
  const liar = await start_proxy(node, { lies: 11, no_programs: true });
  const second = await start_proxy(node);
  const lied = await index("lied", [liar.url]);
  check("the liar lied", liar.counts.lies > 0);
  const asked = ["--rpc", liar.url, "--rpc", node, "--rpc", second.url];
  const verified = await run("verify", join(lied, "db"), "--proof", "calls", ...asked);
  check("verify finds it and names it", verified.code === 1 && verified.out.includes("call differs") === false &&
    verified.out.includes("as ") && verified.out.includes("had answered"), verified.out + verified.err);
  const repaired = await run("repair", join(lied, "db"), ...asked);
  check("repair mends it", repaired.code === 0, repaired.out + repaired.err);
  await compare("mended", lied);
  const again = await run("verify", join(lied, "db"), "--proof", "calls", ...asked);
  check("verify is content", again.code === 0, again.out + again.err);
  const journal = await run("journal", join(lied, "db"));
  check("the journal names who lied", journal.out.includes("call replaced"), journal.out);
}

// --- a provider that answers from its newest block, whatever is asked ---------------------------------

{
  const mode = { newest: true, hides: true };
  const newest = await start_proxy(node, mode);
  const second = await start_proxy(node);
  const dir = await index("newest", [newest.url]);
  mode.hides = false;
  const alone = await run("verify", join(dir, "db"), "--proof", "calls");
  check("it proves nothing alone", alone.code === 3 && alone.out.includes(newest.url) &&
    alone.out.includes("another block than it is asked about") && alone.out.includes("calls   not proven: ") &&
    !alone.out.includes("holds"), `${alone.code} ${alone.out}${alone.err}`);
  const asked = ["--rpc", newest.url, "--rpc", second.url];
  const found = await run("verify", join(dir, "db"), "--proof", "calls", ...asked);
  check("another one's word finds what it told, and how much", found.code === 1 &&
    /calls {3}FAILS: \d+ of \d+ facts/.test(found.out), `${found.code} ${found.out}${found.err}`);
  const repaired = await run("repair", join(dir, "db"), ...asked);
  check("repair mends what it told", repaired.code === 0, repaired.out + repaired.err);
  await compare("mended of the newest block", dir);
}

for (const [name, mode] of [["newest", { newest: true }], ["previous", { previous: true }]]) {
  const off = await start_proxy(node, mode);
  const dir = make_config(`off_${name}`, [off.url]);
  for (const command of [["run", join(dir, "plumbline.toml"), "--until", "head"],
    ["check", join(dir, "plumbline.toml"), "--events", "5"]]) {
    const told = await run(...command);
    check(`${command.slice(0, 1)} ${command.slice(2).join(" ")} does not begin with who answers from the ${name} block`,
      told.code !== 0 && (told.out + told.err).includes("another block than it is asked about"),
      `${told.code} ${told.out}${told.err}`);
  }
  const examined = await run("doctor", off.url);
  check(`doctor finds who answers from the ${name} block`, examined.code === 1, examined.out);
}

for (const [name, says] of [
  ["answers nothing", { result: "0x" }],
  ["refuses", { error: { code: -32601, message: "method eth_call is not available on your plan" } }],
]) {
  const useless = await start_proxy(node, { says });
  const told = await run("doctor", useless.url);
  check(`who ${name} to every call is bad for calls`, told.code === 1 && told.out.includes("use another endpoint"),
    `${told.code} ${told.out}${told.err}`);
}

// --- what stands in storage ----------------------------------------------------------------------------

{
  const honest_dir = await index("slotted", [node], slotted);
  const proven = await run("verify", join(honest_dir, "db"), "--proof", "calls", "--rpc", node);
  check("storage proves every fact, whoever told it", proven.code === 0 && proven.out.includes("proven by storage") &&
    !proven.out.includes("asked again"), proven.out + proven.err);
  // One that always tells the same lie.
  const liar = await start_proxy(node, { lies: 7, no_programs: true });
  const second = await start_proxy(node);
  const lied = await index("slotted-lie", [liar.url], slotted);
  check("the only provider lied", liar.counts.lies > 0);
  const facts_of = async (dir) => (await run("dump", join(dir, "db"), "--facts")).out;
  const before = await facts_of(lied);
  for (const what of [["verify", join(lied, "db"), "--proof", "calls"], ["repair", join(lied, "db")]]) {
    const alone = await run(...what, "--rpc", liar.url);
    check(`${what[0]}: storage against the word of the only provider proves nothing, and both are told`, alone.code === 3 &&
      alone.out.includes(`or ${liar.url} lies`) && alone.out.includes("either `slots` are not what the function reads there") &&
      alone.out.includes("is proven against the state root") && !alone.out.includes("FAILS"), `${alone.code} ${alone.out}${alone.err}`);
  }
  check("and changes nothing", await facts_of(lied) === before);
  const asked = ["--rpc", liar.url, "--rpc", second.url];
  const found = await run("verify", join(lied, "db"), "--proof", "calls", ...asked);
  check("a second one that answers what storage holds finds it", found.code === 1 &&
    found.out.includes("is proven against the state root") && found.out.includes("storage tells") &&
    found.out.includes(`${second.url} answers that`) && found.out.includes(`as ${liar.url} had answered`) &&
    !found.out.includes("providers tell"), found.out + found.err);
  const mended = await run("repair", join(lied, "db"), ...asked);
  check("repair mends it", mended.code === 0, mended.out + mended.err);
  await compare_seen("mended by storage", lied, ["supply", "count"]);
}

// --- slots that are not what the function reads --------------------------------------------------------

{
  const other = await deploy("Registry");
  const rebasing = await deploy("Rebasing");
  const see = (token) => transact("Registry", other, "see", [token]);
  await see(tokens.usdc);
  await see(rebasing);
  await transact("Rebasing", rebasing, "rebase");
  await see(rebasing);
  for (const precompile of [1, 2]) await see(`0x${String(precompile).padStart(40, "0")}`);
  await rpc.call("anvil_mine", "0x3");
  const facts_of = async (dir) => (await run("dump", join(dir, "db"), "--facts")).out;
  const dir = await index("elsewhere", [node], (urls) => slotted(urls, other).replace("slots = { 0 = { base = 2 } } }", "default = 0, slots = { 0 = { base = 2 } } }"));
  const before = await facts_of(dir);
  check("other layouts and precompiles are asked all the same", before.includes("answered nothing") &&
    before.includes(`${rebasing.toLowerCase()}`), before);
  const alone = await run("verify", join(dir, "db"), "--proof", "calls", "--rpc", node);
  check("the only provider's word against slots that it does not read is not called wrong", alone.code === 3 &&
    alone.out.includes("holds in part") && alone.out.includes(rebasing.toLowerCase()) && !alone.out.includes("FAILS"),
    `${alone.code} ${alone.out}${alone.err}`);
  const asked = ["--rpc", (await start_proxy(node)).url, "--rpc", (await start_proxy(node)).url];
  const held = await run("verify", join(dir, "db"), "--proof", "calls", ...asked);
  check("where others say what is stored, the slots are told and the facts asked again", held.code === 0 &&
    held.out.includes("`slots` are not what the function reads") && held.out.includes("4 asked again") &&
    held.out.includes(rebasing.toLowerCase()), `${held.code} ${held.out}${held.err}`);
  const repaired = await run("repair", join(dir, "db"), ...asked);
  check("repair overrules nobody there", repaired.code === 0 && await facts_of(dir) === before,
    `${repaired.code} ${repaired.out}${repaired.err}`);
}

// --- a provider that fails every call --------------------------------------------------------------------

for (const message of ["execution reverted", "out of gas"]) {
  const failing = await start_proxy(node, { says: { error: { code: -32000, message } } });
  await compare(`beside one that says "${message}" to everything`,
    await index(`failing-${message.replaceAll(" ", "-")}`, [failing.url, (await start_proxy(node)).url]));
  const told = await run("doctor", failing.url);
  check(`who says "${message}" to every call is bad for calls`, told.code === 1 && told.out.includes("use another endpoint"),
    `${told.code} ${told.out}${told.err}`);
}

checks.end(args.keep);
