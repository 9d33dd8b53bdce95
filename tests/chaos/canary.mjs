// Proves that the judge can fail: little programs in place of the binary, each with one fault, must be judged so.
//
//   node tests/chaos/canary.mjs        exit code 0 when every fault was found and a faultless program passed
//
// As a program (`canary.mjs` behind a shell line that sets FAULT) it plays `run`, `diff` and `repair`: it follows the
// node named in plumbline.toml, says so over HTTP, and ends at SIGTERM, but for its fault.

import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const self = fileURLToPath(import.meta.url);

function play(fault) {
  const [command] = process.argv.slice(2);
  if (command !== "run") process.exit(command === "diff" && fault === "wrong" ? 1 : 0);
  const [, rpc] = /^rpc = \["(http:\/\/[^"]+)"/m.exec(readFileSync("plumbline.toml", "utf8"));
  const address = new URL(rpc).host;
  let head = -1;
  const ask = async () => {
    try {
      const answer = await fetch(rpc, {
        method: "POST",
        body: '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}',
        headers: { "content-type": "application/json" },
        signal: AbortSignal.timeout(1000),
      });
      head = Number((await answer.json()).result);
    } catch {
      if (fault !== "silent")
        console.error(`12:00:00 warning provider http://${address} is not asked for a while: no answer`);
    }
    if (fault !== "stuck" || head < 0) setTimeout(ask, 200);
  };
  const told = () => (head < 0 && fault !== "silent" ? [`http://${address} does not answer`] : []);
  const server = http.createServer((request, response) => {
    const body = request.url.endsWith("health")
      ? { status: "ok", reasons: told() }
      : {
          state: head < 0 || fault === "stuck" ? "starting" : "live",
          ready: true,
          progress: { next_block: fault === "stuck" ? 0 : head + 1 },
        };
    if (fault !== "deaf_api" || head < 0) response.end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1", () =>
    console.error(`12:00:00 info    the API listens  url=http://127.0.0.1:${server.address().port}`),
  );
  process.on("SIGTERM", () => fault !== "deaf" && process.exit(0));
  if (fault === "dies") setTimeout(() => process.abort(), 3000);
  if (fault === "fat") globalThis.kept = Buffer.alloc(400 << 20, 1);
  if (fault === "leaks") console.error(`12:00:00 warning asked ${rpc}`);
  if (fault === "escapes") console.error("12:00:00 info    \u001b[31mred");
  if (fault === "storm") setInterval(() => fetch(rpc, { method: "POST", body: "[]" }).catch(() => {}), 5);
  ask();
}

// Fault -> the first words of the judge's verdict.
const faults = {
  none: null,
  dies: "ended by itself",
  silent: "silent",
  storm: "a storm",
  stuck: "not at the head",
  wrong: "differs from an honest index",
  fat: "peak memory",
  deaf: "SIGTERM does not end it",
  deaf_api: "the API does not answer",
  leaks: "shows the provider's key",
  escapes: "a control character",
};

async function main() {
  const { judge } = await import("./judge.mjs");
  const { limits } = await import("./limits.mjs");
  const { modes } = await import("./evil_modes.mjs");
  const { still_chain } = await import("./support.mjs");
  Object.assign(limits, { TELL_S: 6, EVIL_S: 9, RECOVER_S: 12, STOP_S: 6, API_S: 3 });
  const work = mkdtempSync(join(tmpdir(), "chaos-canary-"));
  const chain = await still_chain(1, 20);
  let missed = 0;
  const queue = Object.entries(faults);
  const check = async ([fault, verdict]) => {
    const binary = join(work, fault);
    writeFileSync(binary, `#!/bin/sh\nFAULT=${fault} exec "${process.execPath}" "${self}" "$@"\n`);
    chmodSync(binary, 0o755);
    const run = await judge({
      mode: modes.never,
      where: "alone",
      binary,
      dir: join(work, `${fault}-index`),
      chain,
      honest: async () => "honest",
    });
    const found = verdict === null ? run.faults.length === 0 : run.faults.some((text) => text.startsWith(verdict));
    console.log(`${found ? "ok    " : "MISSED"} ${fault}: ${run.faults.join("; ") || "nothing found"}`);
    missed += found ? 0 : 1;
  };
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let next = queue.shift(); next; next = queue.shift()) await check(next);
    }),
  );
  chain.stop();
  rmSync(work, { recursive: true, force: true });
  process.exit(missed ? 1 : 0);
}

if (process.env.FAULT) play(process.env.FAULT);
else await main();
