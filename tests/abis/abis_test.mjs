// Every ABI of the packages in package.json, each once: `plumbline init` writes a config for it, `plumbline check` finds
// no mistake in that, and `plumbline run` makes rows of a random log of each of its events, decoded as ethers does.
//
//   (cd tests/abis && npm ci)                            once: some 600 MB
//   node tests/abis/abis_test.mjs [--binary build/release/plumbline] [--jobs 2] [--seed 1] [--only thirdweb] [--keep]

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { compile } from "../../tools/node/compile.mjs";
import { Interface, Random, Rpc, options } from "../../tools/node/lib.mjs";
import { all_abis, random_logs } from "./abis.mjs";
import { runs, start_anvil } from "../support/programs.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const args = options(
  { binary: join(root, "build/release/plumbline"), jobs: 2, seed: 1, only: "", keep: false },
  "usage: abis_test.mjs [--binary FILE] [--jobs N] [--seed N] [--only PACKAGE] [--keep]",
);
const wanted_min = 538;
if (!existsSync(join(here, "node_modules/.package-lock.json"))) {
  console.log("skipped: npm ci in tests/abis has not been run");
  process.exit(77);
}
const plumbline = runs(resolve(args.binary));
const work = mkdtempSync(join(tmpdir(), "abis-"));
process.on("exit", () => {
  if (!args.keep) rmSync(work, { recursive: true, force: true });
});

// --- a chain with a contract for each ABI, which has emitted each of its events once ----------------

const url = await start_anvil("--slots-in-an-epoch", "1");
const rpc = new Rpc(url);
const [from] = await rpc.call("eth_accounts");
const emitter = compile(join(here, "Emitter.sol")).Emitter;
const face = new Interface(emitter.abi);

console.log(`seed ${args.seed}`);
const random = new Random(args.seed);
const cases = all_abis(args.only);
for (const [i, one] of cases.entries()) {
  one.address = `0x${(0x100000 + i).toString(16).padStart(40, "0")}`;
  one.logs = random_logs(random, one.abi);
  await rpc.call("anvil_setCode", one.address, emitter.deployedBytecode);
  const data = face.encodeFunctionData("emitAll", [one.logs.map(({ topics, data }) => [topics, data])]);
  const hash = await rpc.call("eth_sendTransaction", { from, to: one.address, data, gas: "0x1c9c380" });
  let receipt = null;
  while (!receipt) receipt = await rpc.call("eth_getTransactionReceipt", hash);
  if (receipt.status !== "0x1") throw new Error(`${one.file}: its logs were not emitted`);
  one.block = Number(receipt.blockNumber);
}
await rpc.call("anvil_mine", "0x3");

// --- one of them ------------------------------------------------------------------------------------

const last = (text) => text.trim().split("\n").slice(-2).join(" | ");

// Every value in its order as text, as `dump` shows it: small numbers are shown as numbers, tuples by their names, and a
// text with a zero in it in hex.
const shown = (text) => (text.includes("\0") ? `hex:${Buffer.from(text).toString("hex")}` : text);
const leaves = (value) =>
  value !== null && typeof value === "object" ? Object.values(value).flatMap(leaves) : [shown(String(value))];

function values_differ(one, dumped) {
  const lines = dumped.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  if (lines.length !== one.logs.length) return `${lines.length} events of ${one.logs.length}`;
  for (const [i, { fragment, values }] of one.logs.entries()) {
    // JavaScript has the keys that are numbers first: these stand for parameters without a name.
    const order = [...values.keys()].sort((a, b) => Boolean(fragment.inputs[a].name) - Boolean(fragment.inputs[b].name));
    const want = JSON.stringify(leaves(order.map((k) => values[k])));
    const have = JSON.stringify(leaves(lines[i].params));
    if (have !== want) return `${fragment.format()}: ${have}, not ${want}`;
  }
  return "";
}

async function why_not(one, dir) {
  let file = one.file;
  if (one.name) {
    file = `${dir}.json`;
    writeFileSync(file, JSON.stringify(one.abi));
  }
  const config = join(dir, "plumbline.toml");
  const made = await plumbline("init", dir, "--abi", file, "--address", one.address, "--rpc", url, "--start-block", String(one.block));
  if (made.code !== 0) return `init: ${made.code} ${last(made.err)}`;
  const checked = await plumbline("check", config, "--events", "0");
  if (checked.code !== 0) return `check: ${checked.code} ${last(checked.out + checked.err)}`;
  const ran = await plumbline("run", config, "--until", "head");
  if (ran.code !== 0) return `run: ${ran.code} ${last(ran.err)}`;
  const told = Object.fromEntries([...ran.err.matchAll(/(events|quarantined|unknown)=(\d+)/g)].map(([, key, n]) => [key, Number(n)]));
  if (told.events !== one.logs.length || told.quarantined || told.unknown) {
    return `${one.logs.length} events: ${last(ran.err)}\n${last((await plumbline("quarantine", join(dir, "db"))).out)}`;
  }
  return values_differ(one, (await plumbline("dump", join(dir, "db"), "--events")).out);
}

let taken = 0;
let next = 0;
async function worker() {
  while (next < cases.length) {
    const number = next++;
    const one = cases[number];
    const dir = join(work, String(number));
    const why = await why_not(one, dir);
    if (why) console.log(`FAIL ${relative(here, one.file)} ${one.what}: ${why}${args.keep ? ` (${dir})` : ""}`);
    else taken++;
    if (!args.keep) rmSync(dir, { recursive: true, force: true });
  }
}
await Promise.all(Array.from({ length: args.jobs }, worker));

const sets = new Set(cases.map(({ abi }) => JSON.stringify(abi.filter(({ type }) => type === "event"))));
const events = cases.reduce((sum, { logs }) => sum + logs.length, 0);
console.log(`${taken} of ${cases.length} different ABIs taken: ${sets.size} different sets of events, ${events} events`);
const is_enough = args.only !== "" || cases.length >= wanted_min;
if (!is_enough) console.log(`FAIL only ${cases.length} ABIs, not ${wanted_min}`);
process.exit(taken === cases.length && cases.length > 0 && is_enough ? 0 : 1);
