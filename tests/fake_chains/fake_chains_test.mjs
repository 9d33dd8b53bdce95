// The real binary over every chain of chains/: the index must be complete (the events that the chain's blocks hold,
// counted here), and the proof of the log must reach what the profile says: `receipts`, `linked`, or `unprovable`,
// said as such and not as a finding. Real blocks are held against consensus.mjs first: they hash, or the profile says not.
//
//   node tests/fake_chains/fake_chains_test.mjs [--binary build/release/plumbline] [--only NAME,NAME] [--keep]

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { options } from "../../tools/node/lib.mjs";
import { run_command } from "../chaos/support.mjs";
import { bloom_of, header_hash, receipts_root } from "./consensus.mjs";
import { serve } from "./node.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const args = options(
  { binary: join(here, "../../build/release/plumbline"), only: "", keep: false },
  "usage: fake_chains_test.mjs [--binary FILE] [--only NAME,NAME] [--keep]",
);
const binary = resolve(args.binary);

const event = (name) => ({
  type: "event",
  name,
  inputs: ["first", "second"]
    .map((party) => ({ name: party, type: "address", indexed: true }))
    .concat({ name: "amount", type: "uint256", indexed: false }),
});
const config = (url, chain) => `[chain]
id = ${chain.profile.chain_id}
rpc = "${url}"
poll_interval = "100ms"
[contracts.token]
abi = "token.json"
address = "${chain.token}"
start_block = ${chain.first}
[entities.movement]
key = { block = "uint64", log = "uint32" }
fields = { amount = "uint256" }
[[on]]
event = ["token.Transfer", "token.Approval"]
insert = "movement"
key = { block = "$block.number", log = "$log.index" }
set = { amount = "amount" }
`;

function check_real(chain) {
  const { real, profile } = chain;
  if (!real) return;
  assert.equal(bloom_of(real.receipts.flatMap(({ logs }) => logs)), real.header.logsBloom, "the real block's bloom");
  if (!profile.fields) return;
  assert.equal(header_hash(real.header, profile.fields), real.header.hash, "the real block's hash");
  assert.equal(receipts_root(real.receipts, profile.tail), real.header.receiptsRoot, "the real block's receipts root");
}

// What all blocks reached: receipts, bloom or linked; "unprovable" where nothing was, and the chain's own rules are named
// as the reason; "mismatch" where the proof says that the index is wrong.
function level_of({ code, out }) {
  if (code === 1) return "mismatch";
  const reached = /proven to `(\w+)`/.exec(out)?.[1];
  return reached ?? (/not provable on this chain/.test(out) ? "unprovable" : `? (${code})`);
}

// docs/chains.md has a line for the chain that says the same.
function check_documented(name, { real, level }) {
  const line = readFileSync(join(here, "../../docs/chains.md"), "utf8")
    .split("\n")
    .find((text) => text.startsWith(`| \`${name}\` |`));
  assert.ok(line, `docs/chains.md says nothing of ${name}`);
  const [, , , block, reached] = line.split("|").map((cell) => cell.trim());
  assert.equal(block, real?.split("-")[1] ?? "none", `docs/chains.md: the real block of ${name}`);
  assert.equal(reached, `\`${level}\``, `docs/chains.md: what ${name} reaches`);
}

async function run(name, work) {
  const { chain, url, stop } = await serve(name);
  const dir = mkdtempSync(join(work, `${name}-`));
  try {
    check_real(chain);
    check_documented(name, chain.profile);
    writeFileSync(join(dir, "token.json"), JSON.stringify([event("Transfer"), event("Approval")]));
    writeFileSync(join(dir, "plumbline.toml"), config(url, chain));
    const indexed = await run_command(binary, ["run", "plumbline.toml", "--until", "head"], dir, 60);
    const dump = await run_command(binary, ["dump", "db", "--entity", "movement"], dir);
    const rows = dump.out.split("\n").filter((line) => line.startsWith("{")).length;
    const proof = await run_command(binary, ["verify", "db", "--proof", "log"], dir, 60);
    const level = level_of(proof);
    const faults = [];
    if (indexed.code !== 0)
      faults.push(`run ended with ${indexed.code}: ${indexed.out.trim().split("\n").at(-1)?.slice(0, 300)}`);
    if (rows !== chain.events) faults.push(`${rows} rows of ${chain.events} events`);
    if (level !== chain.profile.level)
      faults.push(
        `proof of the log: ${level} (exit ${proof.code}), expected ${chain.profile.level}: ${proof.out.trim().split("\n").slice(0, 4).join(" | ").slice(0, 500)}`,
      );
    const is_known = Boolean(chain.profile.known);
    if (is_known && faults.length === 0) faults.push(`mended: take "known" out of chains/${name}.mjs`);
    else if (is_known) console.log(`       known: ${chain.profile.known}`);
    const is_good = is_known ? !faults[0]?.startsWith("mended") : faults.length === 0;
    console.log(
      `${is_good ? "ok  " : "FAIL"} ${name.padEnd(20)} ${String(rows).padStart(4)} of ${String(chain.events).padEnd(4)} ${level.padEnd(10)} real: ${chain.profile.real ?? "none"}`,
    );
    for (const fault of faults) console.log(`       ${fault}`);
    return is_good;
  } finally {
    stop();
  }
}

const work = mkdtempSync(join(tmpdir(), "fake-chains-"));
const names = args.only
  ? args.only.split(",")
  : readdirSync(join(here, "chains"))
      .map((file) => file.replace(/\.mjs$/, ""))
      .sort();
let failed = 0;
for (const name of names) if (!(await run(name, work))) failed += 1;
if (args.keep) console.log(`kept: ${work}`);
else rmSync(work, { recursive: true, force: true });
console.log(`${names.length - failed} of ${names.length} chains are as they should be`);
process.exit(failed ? 1 : 0);
