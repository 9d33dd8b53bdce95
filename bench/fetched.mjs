// Bytes and requests that a backfill takes from its node, by density of events and by the node's limits: what is asked
// for twice or thrown away shows as bytes an event above the least of the same chain.
//
//   node bench/fetched.mjs [--build build/release] [--events 200000] [--plumbline FILE]
import { once } from "node:events";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { options } from "../tools/node/lib.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const args = options({ build: join(root, "build/release"), events: 200_000, plumbline: "" }, "usage: fetched.mjs [--build DIR] [--events N] [--plumbline FILE]");
const build = resolve(args.build);
const plumbline = args.plumbline || join(build, "plumbline");

async function measure(name, flags) {
  const node = spawn(join(build, "replay_node"), flags, { stdio: ["ignore", "pipe", "inherit"] });
  const target = Number(new URL(JSON.parse(String((await once(node.stdout, "data"))[0])).url).port);
  let bytes = 0, requests = 0;
  const counter = net.createServer((client) => {
    const server = net.connect(target, "127.0.0.1");
    client.on("data", (part) => { requests += (part.toString("latin1").match(/POST /g) || []).length; if (!server.write(part)) client.pause(); });
    server.on("drain", () => client.resume());
    server.on("data", (part) => { bytes += part.length; if (!client.write(part)) server.pause(); });
    client.on("drain", () => server.resume());
    for (const [one, other] of [[client, server], [server, client]]) { one.on("close", () => other.destroy()); one.on("error", () => other.destroy()); }
  }).listen(0, "127.0.0.1");
  await once(counter, "listening");
  const directory = mkdtempSync(join(tmpdir(), "fetched-"));
  const run = spawn(plumbline, ["run", join(root, "examples/community/plumbline.toml"), "--db", join(directory, "db"), "--rpc", `http://127.0.0.1:${counter.address().port}`, "--until", "head", "--quiet"], { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(run, "exit");
  const events = Number(flags[flags.indexOf("--events") + 1]);
  console.log(`${name.padEnd(44)} ${(bytes / events).toFixed(0).padStart(6)} bytes an event  ${String(requests).padStart(6)} requests${code ? `  FAILED: ${code}` : ""}`);
  node.kill();
  counter.close();
  rmSync(directory, { recursive: true, force: true });
  if (code) process.exitCode = 1;
}

const events = String(args.events), fewer = String(Math.ceil(args.events / 2));
await measure("10,000 events a block", ["--events", events, "--per-block", "10000"]);
await measure("1,000 events a block", ["--events", events, "--per-block", "1000"]);
await measure("1,000 events a block, 10,000 results at most", ["--events", events, "--per-block", "1000", "--max-results", "10000"]);
await measure("100 events a block", ["--events", fewer, "--per-block", "100"]);
await measure("100 events a block, 1,000 blocks at most", ["--events", fewer, "--per-block", "100", "--max-blocks", "1000"]);
await measure("1 event a block (headers count most)", ["--events", fewer, "--per-block", "1"]);
process.exit();
