// The real binary with the real curl against evil providers: every mode of evil_modes.mjs, alone, beside an honest node,
// and (some) turning evil while the index follows. judge.mjs says what is expected.
//
//   node tests/chaos/chaos_test.mjs [--binary build/release/plumbline] [--part ci|all] [--only NAME,NAME] [--seed N]
//                                   [--jobs 4] [--keep] [--prune]
//
// A line a run; exit code 0 when all are as they should be. Runs in known.txt are known to fail: they are run and shown,
// and do not count. `MENDED` is one that passed: --prune takes its line out.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { options } from "../../tools/node/lib.mjs";
import { modes } from "./evil_modes.mjs";
import { judge } from "./judge.mjs";
import { write_index } from "./provider.mjs";
import { growing_chain, here, root, run_command, still_chain } from "./support.mjs";

const args = options(
  {
    binary: join(root, "build/release/plumbline"),
    part: "all",
    only: "",
    where: "",
    seed: 1,
    steps: 150,
    jobs: 4,
    keep: false,
    prune: false,
  },
  "usage: chaos_test.mjs [--binary FILE] [--part ci|all] [--only NAME,NAME] [--where alone|beside|later] [--seed N] [--steps N] [--jobs N] [--keep] [--prune]",
);
const binary = resolve(args.binary);
if (!existsSync(binary)) {
  console.error(`${binary}: not there; build it first`);
  process.exit(2);
}
const known_lines = readFileSync(join(here, "known.txt"), "utf8").split("\n");
const name_in = (line) => line.split("#")[0].trim();
const known = new Set(known_lines.map(name_in).filter(Boolean));
const mended = new Set();
const work = mkdtempSync(join(tmpdir(), "chaos-"));

// Alone and beside for each mode; `later`, which takes a chain of its own, for those marked `ci`. In the part before
// every change: `later` for one, and no growing chain alone, which takes minutes.
function chosen() {
  const names = args.only
    ? args.only.split(",")
    : Object.keys(modes).filter((name) => args.part === "all" || modes[name].ci);
  return names.flatMap((name) => {
    const mode = modes[name];
    if (!mode) throw new Error(`${name}: no such mode`);
    const later = mode.ci && !mode.live && !mode.ends && (args.part === "all" || name === "never");
    const wheres = [...(args.part === "ci" && mode.live ? [] : ["alone"]), "beside", ...(later ? ["later"] : [])];
    return wheres.filter((where) => !args.where || args.where === where).map((where) => ({ mode, where }));
  });
}

async function honest_index(chain, name) {
  const dir = join(work, name);
  write_index(dir, { chain, rpc: [chain.url] });
  const { code, out } = await run_command(binary, ["run", "plumbline.toml", "--until", "head"], dir);
  if (code !== 0) throw new Error(`no honest index (${code}): ${out}`);
  return join(dir, "db");
}

const print_run = (id, verdict, run, more) =>
  console.log(
    [
      verdict.padEnd(6),
      id.padEnd(34),
      `still ${run.longest_still.toFixed(0)} s`.padEnd(12),
      (run.told ? "told" : "-").padEnd(5),
      `back in ${run.recovered_s?.toFixed(1) ?? "-"} s`.padEnd(16),
      `${run.service.peak_mib} MiB`.padEnd(8),
      run.note ?? "",
      more ?? "",
    ]
      .join(" ")
      .trimEnd(),
  );

async function one({ mode, where }, still) {
  const id = `${mode.name}/${where}`;
  const grows = mode.live || where === "later";
  const chain = grows ? await growing_chain(args.seed, 40) : still.chain;
  const dir = join(work, `${mode.name}-${where}`);
  try {
    const honest = grows ? () => honest_index(chain, `honest-${mode.name}-${where}`) : async () => still.honest;
    const run = await judge({ mode, where, binary, dir, chain, honest });
    const bad = run.faults.length > 0;
    const verdict = known.has(id) ? (bad ? "known" : "MENDED") : bad ? "FAIL" : "ok";
    if (verdict === "MENDED") mended.add(id);
    print_run(id, verdict, run);
    for (const fault of run.faults) console.log(`         ${fault}`);
    if (verdict === "FAIL")
      for (const line of run.service.lines.slice(-6)) console.log(`         | ${line.slice(0, 300)}`);
    return verdict;
  } catch (error) {
    console.log(`FAIL   ${id} the test itself: ${error.stack}`);
    return "FAIL";
  } finally {
    if (grows) chain.stop();
    if (!args.keep) rmSync(dir, { recursive: true, force: true });
  }
}

async function main() {
  console.log(`seed ${args.seed}, ${args.steps} steps, part ${args.part}, ${args.jobs} at a time`);
  const chain = await still_chain(args.seed, args.steps);
  const other = await still_chain(args.seed + 1000, 40);
  chain.other_url = other.url;
  const still = { chain, honest: await honest_index(chain, "honest") };
  const queue = chosen();
  const count = queue.length;
  const verdicts = {};
  await Promise.all(
    Array.from({ length: args.jobs }, async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const verdict = await one(next, still);
        verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
      }
    }),
  );
  chain.stop();
  other.stop();
  if (!args.keep) rmSync(work, { recursive: true, force: true });
  else console.log(`kept: ${work}`);
  if (args.prune)
    writeFileSync(join(here, "known.txt"), known_lines.filter((line) => !mended.has(name_in(line))).join("\n"));
  console.log(`${count} runs: ${JSON.stringify(verdicts)}`);
  return verdicts.FAIL ? 1 : 0;
}

process.exit(await main());
