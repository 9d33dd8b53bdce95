// SIGTERM ends the real binary with code 0 within STOP_S, whatever it is doing: waiting for a provider that answers
// nothing or refuses for years, taking large answers, backfilling, proving, folding, repairing, backing up, compacting.
//
//   node tests/chaos/stop_test.mjs [--binary build/release/plumbline] [--seed N]

import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { options } from "../../tools/node/lib.mjs";
import { modes } from "./evil_modes.mjs";
import { limits } from "./limits.mjs";
import { start_provider, write_index } from "./provider.mjs";
import { Service } from "./service.mjs";
import { root, sleep, still_chain } from "./support.mjs";

const args = options(
  { binary: join(root, "build/release/plumbline"), seed: 1 },
  "usage: stop_test.mjs [--binary FILE] [--seed N]",
);
const binary = resolve(args.binary);
const TOKEN = "stop-test";
const TASKS = ["prove_log", "prove_replay", "prove_state", "scrub", "repair", "backup", "compact", "retry_quarantine"];
let bad = 0;

async function until(condition, limit_s) {
  for (const end = Date.now() + limit_s * 1000; Date.now() < end; await sleep(50)) {
    try {
      if (await condition()) return true;
    } catch {
      /* not yet */
    }
  }
  return false;
}

// Starts over `provider`, waits for `ready`, and ends it.
async function stop_while(what, provider, chain, ready) {
  const dir = mkdtempSync(join(tmpdir(), "stop-"));
  write_index(dir, { chain, rpc: [`http://${provider.address}`] });
  appendFileSync(join(dir, "plumbline.toml"), `token = "${TOKEN}"\n\n[backup]\npath = "backups"\n`);
  const service = new Service(binary, dir);
  const is_ready = await ready(service);
  const asked = Date.now();
  const code = await service.stop();
  const took = (Date.now() - asked) / 1000;
  const is_right = is_ready && code === 0;
  bad += is_right ? 0 : 1;
  console.log(`${is_right ? "ok  " : "FAIL"} ${what}: code ${code}, ${took.toFixed(1)} s${is_ready ? "" : "; it was not reached"}`);
  if (!is_right) for (const line of service.lines.slice(-5)) console.log(`     | ${line.slice(0, 250)}`);
  rmSync(dir, { recursive: true, force: true });
}

const is_live = async (service) => service.api && (await service.look())?.live;

function add_task(service, kind) {
  return fetch(`${service.api}/v1/tasks`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify({ kind }),
  });
}

const chain = await still_chain(args.seed, 150);
const provider = await start_provider(chain.url);
for (const name of ["never", "logs_100000", "retry_429_years"]) {
  await provider.be(modes[name]);
  await stop_while(modes[name].what ?? name, provider, chain, async (service) => {
    const was_asked = await until(() => service.api, 20);
    await sleep(2_000);
    return was_asked;
  });
}
await provider.be(undefined);
for (const ms of [0, 150, 400]) {
  await stop_while(`backfilling for ${ms} ms`, provider, chain, async (service) => {
    const is_up = await until(() => service.api, 20);
    await sleep(ms);
    return is_up;
  });
}
for (const kind of TASKS) {
  await stop_while(kind, provider, chain, async (service) => {
    if (!(await until(() => is_live(service), 60))) return false;
    const added = await add_task(service, kind);
    return added.status === 202;
  });
}
provider.stop();
chain.stop();
console.log(`${bad === 0 ? "all" : "not all"} ended within ${limits.STOP_S} s`);
process.exit(bad === 0 ? 0 : 1);
