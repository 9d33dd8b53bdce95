// What the mapping language calculates, against an independent program: the day volumes, fees and prices of Uniswap V2
// pairs (npm @uniswap/v2-core) and the time-weighted balances of their tokens, to the last digit, after the chain was
// reorganised over and over and after a rebuild.
//
//   node tests/uniswap/oracle_test.mjs [--binary build/release/plumbline] [--reorgs 100] [--seed 1] [--keep]
//
// The program below knows nothing of plumbline: it reads the logs of the chain as it stands in the end and counts with
// BigInt. The index has followed every branch on the way.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { AbiCoder, Interface, Rpc, options } from "../../tools/node/lib.mjs";
import { Checks } from "../support/checks.mjs";
import { free_port, runs, start, start_anvil } from "../support/programs.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const args = options(
  {
    binary: join(root, "build/release/plumbline"),
    package: join(root, "tools/node/node_modules/@uniswap/v2-core"),
    reorgs: 100,
    seed: 1,
    keep: false,
  },
  "usage: oracle_test.mjs [--binary FILE] [--package DIR] [--reorgs N] [--seed N] [--keep]",
);
const binary = resolve(args.binary);
for (const needed of [binary, args.package]) {
  if (!existsSync(needed)) {
    console.error(`${needed}: not there`);
    process.exit(2);
  }
}
console.log(`seed ${args.seed}`);
const artifact = (name) => JSON.parse(readFileSync(join(args.package, "build", `${name}.json`), "utf8"));
const [factory_json, pair_json, token_json] = ["UniswapV2Factory", "UniswapV2Pair", "ERC20"].map(artifact);
const [factory_abi, pair_abi, token_abi] = [factory_json, pair_json, token_json].map((json) => new Interface(json.abi));
const checks = new Checks("oracle");
const { check, work } = checks;
const run = runs(binary);

// Mulberry32.
let state = args.seed >>> 0;
function random(below) {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % below;
}

// --- the chain -------------------------------------------------------------------------------------

const url = await start_anvil("--timestamp", "1700000000");
const rpc = new Rpc(url);
const [me, ...people] = await rpc.call("eth_accounts");

async function send(from, to, data) {
  const hash = await rpc.call("eth_sendTransaction", { from, to, data, gas: "0x989680" });
  let receipt = null;
  while (!receipt) receipt = await rpc.call("eth_getTransactionReceipt", hash);
  if (receipt.status !== "0x1") throw new Error(`${to}: transaction failed`);
  return receipt;
}
const deploy = async (json, types, values) =>
  (await send(me, undefined, "0x" + json.bytecode.replace(/^0x/, "") + AbiCoder.defaultAbiCoder().encode(types, values).slice(2)))
    .contractAddress;
const transfer = (token, from, to, amount) => send(from, token, token_abi.encodeFunctionData("transfer", [to, amount]));

const tokens = [];
for (let i = 0; i < 3; i++) tokens.push(await deploy(token_json, ["uint256"], [10n ** 27n]));
const factory = await deploy(factory_json, ["address"], [me]);
const pairs = [];
for (const [a, b] of [[0, 1], [1, 2]]) {
  const receipt = await send(me, factory, factory_abi.encodeFunctionData("createPair", [tokens[a], tokens[b]]));
  const made = receipt.logs.map((log) => factory_abi.parseLog(log)).find((event) => event?.name === "PairCreated");
  const pair = { address: made.args.pair, tokens: [made.args.token0, made.args.token1] };
  for (const token of pair.tokens) await transfer(token, me, pair.address, 10n ** 21n + BigInt(random(1e9)));
  await send(me, pair.address, pair_abi.encodeFunctionData("mint", [me]));
  pairs.push(pair);
}
for (const person of people) await transfer(tokens[random(3)], me, person, 10n ** 20n + BigInt(random(1e9)));

async function swap() {
  const pair = pairs[random(pairs.length)];
  const [r0, r1] = pair_abi.decodeFunctionResult(
    "getReserves",
    await rpc.call("eth_call", { to: pair.address, data: pair_abi.encodeFunctionData("getReserves", []) }, "latest"),
  );
  const side = random(2);
  const amount = 10n ** BigInt(9 + random(10)) + BigInt(random(1e9));
  const [reserve_in, reserve_out] = side === 0 ? [r0, r1] : [r1, r0];
  const paid = amount * 997n;
  const out = (paid * reserve_out) / (reserve_in * 1000n + paid);
  await transfer(pair.tokens[side], me, pair.address, amount);
  await send(me, pair.address, pair_abi.encodeFunctionData("swap", side === 0 ? [0n, out, me, "0x"] : [out, 0n, me, "0x"]));
}
async function step() {
  if (random(3) === 0) await rpc.call("evm_increaseTime", 1 + random(40_000));
  if (random(5) < 2) {
    await swap();
  } else {
    const from = random(4) === 0 ? me : people[random(people.length)];
    const to = random(6) === 0 ? from : people[random(people.length)]; // to oneself, too
    const token = tokens[random(3)];
    const [balance] = token_abi.decodeFunctionResult(
      "balanceOf",
      await rpc.call("eth_call", { to: token, data: token_abi.encodeFunctionData("balanceOf", [from]) }, "latest"),
    );
    const share = from === me ? 1000n : [0n, 1n, 3n, 1000n][random(4)]; // who swaps stays rich
    await transfer(token, from, to, share === 0n ? 0n : balance / share);
  }
}

// --- the index -------------------------------------------------------------------------------------

const port = await free_port();
writeFileSync(join(work, "Pair.json"), JSON.stringify(pair_json.abi));
writeFileSync(join(work, "Token.json"), JSON.stringify(token_json.abi));
writeFileSync(join(work, "Factory.json"), JSON.stringify(factory_json.abi));
const mine = "holder[$log.address, WHO]";
const weighted = `${mine}.weighted + ${mine}.balance * ($block.timestamp - (${mine}.last ?? $block.timestamp))`;
const age = `($block.timestamp - ${mine}.first)`;
const holder = (who, verb) => `[[on]]
event = "token.Transfer"
when = "${who} != 0x0000000000000000000000000000000000000000"
upsert = "holder"
key = { token = "$log.address", owner = "${who}" }
set = { first = "if(exists(${mine}.last), ${mine}.first, $block.timestamp)", weighted = "${weighted}", last = "$block.timestamp", average = "if(${age} == 0, null, div(${mine}.weighted, ${age}, 6, 'half_even'))" }
${verb} = { balance = "value" }
`.replaceAll("WHO", who);
writeFileSync(
  join(work, "plumbline.toml"),
  `[chain]
id = 31337
rpc = "${url}"
finality = 64
poll_interval = "50ms"
[http]
listen = "127.0.0.1:${port}"

[contracts.factory]
abi = "Factory.json"
address = "${factory}"
[contracts.pair]
abi = "Pair.json"
factory = { event = "factory.PairCreated", address = "pair" }
[contracts.token]
abi = "Token.json"
address = ${JSON.stringify(tokens)}

[entities.day]
key = { pair = "address", day = "uint32" }
fields = { volume = "decimal(18)", fees = "decimal(18)", swaps = "uint64", open = "decimal(18)?", high = "decimal(18)?", low = "decimal(18)?", close = "decimal(18)?" }

[entities.pool]
key = { pair = "address" }
fields = { reserve0 = "decimal(18)", reserve1 = "decimal(18)" }
state = { call = "pair.getReserves", at = "pair", returns = ["to_units(reserve0, 18)", "to_units(reserve1, 18)", "_"] }

[entities.holder]
key = { token = "address", owner = "address" }
fields = { balance = "uint256", weighted = "uint256", first = "uint64", last = "uint64?", average = "decimal(6)?" }
state = { call = "token.balanceOf", at = "token", args = ["owner"], returns = ["balance"] }

[[on]]
event = "pair.Swap"
upsert = "day"
key = { pair = "$log.address", day = "$block.timestamp / 86400" }
add = { volume = "from_units(amount0In + amount0Out, 18)", fees = "round_half_even(from_units(mul_div(amount0In, 3, 1000, 'up'), 18), 18)", swaps = 1 }

[[on]]
event = "pair.Sync"
upsert = "pool"
key = { pair = "$log.address" }
set = { reserve0 = "from_units(reserve0, 18)", reserve1 = "from_units(reserve1, 18)" }

[[on]]
event = "pair.Sync"
when = "reserve0 > 0"
upsert = "day"
key = { pair = "$log.address", day = "$block.timestamp / 86400" }
set = { open = "day[$log.address, $block.timestamp / 86400].open ?? div(reserve1, reserve0, 18)", close = "div(reserve1, reserve0, 18, 'half_even')" }
min = { low = "div(reserve1, reserve0, 18)" }
max = { high = "div(reserve1, reserve0, 18, 'up')" }

${holder("from", "sub")}
${holder("to", "add")}`,
);
const service = start([binary, "run", join(work, "plumbline.toml")]);
const get = async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).json();
/// Until the index stands where the node does.
async function caught_up() {
  for (;;) {
    const head = await rpc.call("eth_getBlockByNumber", "latest", false);
    const there = await get("/v1/status").catch(() => null);
    if (there?.block?.hash === head.hash) return there;
    if (service.exitCode !== null || service.signalCode !== null) throw new Error(`run has ended: ${service.errors}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
await caught_up();
async function followed() {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^plumbline_reorgs_total (\d+)/m.exec(metrics)[1]);
}
// A branch may begin as the one before did, and then is no other.
for (let i = 0; i < args.reorgs || (i < 2 * args.reorgs && (await followed()) < args.reorgs); i++) {
  for (let n = random(3); n > 0; n--) await step();
  const before = await rpc.call("evm_snapshot");
  for (let n = 1 + random(3); n > 0; n--) await step();
  await caught_up();
  await rpc.call("evm_revert", before);
  for (let n = 1 + random(4); n > 0; n--) await step();
  await caught_up();
}
const reorgs = await followed();
check(`${args.reorgs} reorgs were followed`, reorgs >= args.reorgs, `only ${reorgs}`);
service.kill("SIGTERM");
check("the service ends", (await service.ended) === 0, service.errors);

// --- the independent program -------------------------------------------------------------------------

function decimal(units, places) {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(places + 1, "0");
  const behind = digits.slice(-places).replace(/0+$/, "");
  return sign + digits.slice(0, -places) + (behind ? `.${behind}` : "");
}
const up = (a, b) => (a + b - 1n) / b;
function half_even(a, b) {
  const [whole, rest] = [a / b, a % b];
  if (rest * 2n > b || (rest * 2n === b && whole % 2n === 1n)) return whole + 1n;
  return whole;
}
const e18 = 10n ** 18n;
const times = new Map();
const days = new Map();
const holders = new Map();
for (const log of await rpc.call("eth_getLogs", { fromBlock: "0x0", toBlock: "latest" })) {
  if (!times.has(log.blockNumber)) {
    times.set(log.blockNumber, BigInt((await rpc.call("eth_getBlockByNumber", log.blockNumber, false)).timestamp));
  }
  const now = times.get(log.blockNumber);
  const address = log.address.toLowerCase();
  if (pairs.some((pair) => pair.address.toLowerCase() === address)) {
    const event = pair_abi.parseLog(log);
    if (event?.name !== "Swap" && event?.name !== "Sync") continue;
    const at = `${address} ${now / 86400n}`;
    const day = days.get(at) ?? { volume: 0n, fees: 0n, swaps: 0, open: null, high: null, low: null, close: null };
    days.set(at, day);
    if (event.name === "Swap") {
      day.volume += event.args.amount0In + event.args.amount0Out;
      day.fees += up(event.args.amount0In * 3n, 1000n);
      day.swaps++;
    } else {
      const [bottom, top] = [event.args.reserve0, event.args.reserve1 * e18];
      day.open ??= top / bottom;
      day.close = half_even(top, bottom);
      day.low = day.low === null || top / bottom < day.low ? top / bottom : day.low;
      day.high = day.high === null || up(top, bottom) > day.high ? up(top, bottom) : day.high;
    }
  } else if (tokens.some((token) => token.toLowerCase() === address)) {
    const event = token_abi.parseLog(log);
    if (event?.name !== "Transfer") continue;
    for (const [who, change] of [[event.args.from, -event.args.value], [event.args.to, event.args.value]]) {
      if (BigInt(who) === 0n) continue;
      const at = `${address} ${who.toLowerCase()}`;
      const has = holders.get(at) ?? { balance: 0n, weighted: 0n, first: now, last: now, average: null };
      holders.set(at, has);
      has.weighted += has.balance * (now - has.last);
      has.last = now;
      has.average = now === has.first ? null : half_even(has.weighted * 10n ** 6n, now - has.first);
      has.balance += change;
    }
  }
}
const shown = (units, places) => (units === null ? null : decimal(units, places));
const wanted = {
  day: [...days].map(([at, day]) => {
    const [pair, number] = at.split(" ");
    const prices = ["open", "high", "low", "close"].map((name) => [name, shown(day[name], 18)]);
    return {
      pair, day: Number(number), volume: decimal(day.volume, 18), fees: decimal(day.fees, 18), swaps: day.swaps,
      ...Object.fromEntries(prices),
    };
  }),
  holder: [...holders].map(([at, has]) => {
    const [token, owner] = at.split(" ");
    return {
      token, owner, balance: has.balance.toString(), weighted: has.weighted.toString(), first: Number(has.first),
      last: Number(has.last), average: shown(has.average, 6),
    };
  }),
};

async function compare(when) {
  for (const [entity, rows] of Object.entries(wanted)) {
    const listed = await run("list", join(work, "db"), entity, "--limit", "100000");
    const found = listed.out.split("\n").filter((line) => line.startsWith("{")).sort();
    const want = rows.map((row) => JSON.stringify(row)).sort();
    const differs = want.findIndex((line, i) => line !== found[i]);
    check(`${rows.length} rows of ${entity} ${when}`, rows.length > 0 && found.length === want.length && differs < 0,
      `${found.length} rows; found ${found[Math.max(differs, 0)]}, not ${want[Math.max(differs, 0)]}`);
  }
}
check("volumes, prices and balances on several days", days.size >= Math.min(args.reorgs, 6), `${days.size}`);
await compare("after all reorgs");
const held = await run("quarantine", join(work, "db"));
check("nothing is in quarantine", !held.out.includes("block"), held.out);
const rebuilt = await run("rebuild", join(work, "db"));
check("it is rebuilt", rebuilt.code === 0, rebuilt.err);
await compare("after a rebuild");
const replayed = await run("verify", join(work, "db"), "--proof", "replay");
const proven = await run("verify", join(work, "db"), "--proof", "state", "--rpc", url);
check("the contracts tell the same reserves and balances", proven.code === 0, proven.out + proven.err);
check("a replay finds nothing", replayed.code === 0, replayed.out + replayed.err);

checks.end(args.keep, `seed ${args.seed}`);
