// Forty attackers of each kind beside an index that follows a growing chain: filters that scan, big pages, snapshots that are
// never read, slow connections, silent ones, history. Who watches the service must get every answer, the index must keep
// up, and memory must stay in its bound. Times are printed, not judged: machines differ.
//
//   node tests/hostile/hostile_test.mjs --binary build/release/plumbline [--seconds 20] [--keep]

import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { write_index } from "../chaos/provider.mjs";
import { Service } from "../chaos/service.mjs";
import { growing_chain, sleep } from "../chaos/support.mjs";

const option = (name, otherwise) =>
  process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : otherwise;
const binary = resolve(option("--binary", ""));
const seconds = Number(option("--seconds", "20"));
const EACH = 40;
const MEMORY_MIB = 256;

const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
const answered = {};
async function ask_again_and_again(kind, url) {
  for (;;) {
    await new Promise((done) => {
      const request = http.get(url, { agent }, (response) => {
        answered[`${kind} ${response.statusCode}`] = (answered[`${kind} ${response.statusCode}`] ?? 0) + 1;
        response.resume().on("close", done);
      });
      request.on("error", () => setTimeout(done, 20));
    });
  }
}
function connect(port, first, every) {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.on("close", () => setTimeout(() => connect(port, first, every), 1000));
  socket.on("connect", () => socket.write(first));
  if (every) {
    const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write(every)), 500);
    timer.unref();
  }
}
const upgrade =
  "GET /v1/stream?entity=*&snapshot=true HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`;
const ping = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);


// The attackers are a process of their own, so that who watches does not wait for them here.
function attack(api) {
  const port = Number(new URL(api).port);
  for (let i = 0; i < EACH; i++) {
    ask_again_and_again("filter", `${api}/v1/events?event=VoteCast&param.comment=nobody+wrote+this`);
    ask_again_and_again("page", `${api}/v1/entities/vote?limit=1000`);
    ask_again_and_again("history", `${api}/v1/entities/community/1/history`);
    connect(port, upgrade, ping);
    connect(port, "GET /v1/hea", "d");
  }
  for (let i = 0; i < 600; i++) connect(port, "");
  setInterval(() => process.send(answered), 500);
  process.on("disconnect", () => process.exit(0));
}
if (process.argv.includes("--attack")) {
  attack(option("--attack"));
  await new Promise(() => {});
}

const dir = mkdtempSync(join(tmpdir(), "plumbline-hostile-"));
const chain = await growing_chain(3, 200);
write_index(dir, { chain, rpc: chain.url });
const file = join(dir, "plumbline.toml");
writeFileSync(file, readFileSync(file, "utf8").replace(/memory_mib = \d+/, `memory_mib = ${MEMORY_MIB}`));

function watch(url) {
  const start = performance.now();
  return new Promise((done, fail) => {
    // From an address of its own: whoever shares one with attackers shares what an address may take.
    const request = http.get(url, { agent: false, timeout: 10_000, localAddress: "127.0.0.2" }, (response) => {
      response.resume().on("end", () =>
        response.statusCode === 200 ? done(performance.now() - start) : fail(new Error(`${url}: ${response.statusCode}`)),
      );
    });
    request.on("timeout", () => request.destroy(new Error("no answer in 10 s")));
    request.on("error", fail);
  });
}
async function watch_for(api, what) {
  const took = [];
  let lag_max = 0;
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
    took.push(await watch(`${api}/v1/health`));
    await watch(`${api}/metrics`);
    const seen = await service.look();
    if (seen?.next) lag_max = Math.max(lag_max, (await chain.head()) + 1 - seen.next);
  }
  took.sort((a, b) => a - b);
  const p99 = took[Math.floor(took.length * 0.99)];
  console.log(`${what}: ${took.length} looks, p99 ${p99.toFixed(1)} ms, max ${took.at(-1).toFixed(1)} ms, lag up to ${lag_max}`);
  return lag_max;
}

let failure = null;
let attackers = null;
let told = {};
const service = new Service(binary, dir);
service.from = "127.0.0.2";
try {
  for (let i = 0; !(service.api && (await service.look())?.live); i++) {
    if (i > 1200 || service.code !== null) throw new Error(`not live: ${service.lines.at(-1)}`);
    await sleep(100);
  }
  await watch_for(service.api, "alone");
  attackers = fork(fileURLToPath(import.meta.url), ["--attack", service.api]);
  attackers.on("message", (message) => (told = message));
  await watch_for(service.api, "attacked");
  if (service.code !== null) throw new Error(`plumbline ended with ${service.code}`);
  console.log(JSON.stringify(told));
  console.log(`peak ${service.peak_mib} MiB of ${MEMORY_MIB}`);
  if (service.peak_mib > MEMORY_MIB * 1.25) throw new Error(`it took ${service.peak_mib} MiB`);
  attackers.kill("SIGKILL");
  for (let i = 0; ; i++) {
    const seen = await service.look();
    if (seen && (await chain.head()) + 1 - seen.next <= chain.slack()) break;
    if (i > 600) throw new Error(`it does not keep up: ${JSON.stringify(seen)}`);
    await sleep(100);
  }
} catch (error) {
  failure = error;
  console.error(`${error.message}\n${service.lines.slice(-5).join("\n")}\n(${dir})`);
}
attackers?.kill("SIGKILL");
await service.stop();
chain.stop();
if (!process.argv.includes("--keep") && failure === null) rmSync(dir, { recursive: true, force: true });
process.exit(failure === null ? 0 : 1);
