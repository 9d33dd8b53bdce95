// Starts the anvil from npm on 127.0.0.1 and prints one line when it takes requests:
//
//   node tools/node/anvil.mjs [--port 8545|0] [--timestamp T] [--block-time S] [--slots-in-an-epoch N] ...
//   {"pid":4711,"url":"http://127.0.0.1:40123"}
//
// Port 0, the default, takes a free one. --timestamp is that of the genesis block. Other options go to anvil as they
// are. --log FILE keeps what anvil says; --with-parent ends it when the process that started us ends. `pid` is that of
// anvil. SIGTERM and SIGINT are passed on; the exit code is 0 when it was asked to end, 3 when it could not start.
// PLUMBLINE_ANVIL=PATH takes another anvil.

import { spawn } from "node:child_process";
import { createWriteStream, existsSync } from "node:fs";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Rpc } from "./lib.mjs";

const packages = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const binary = process.env.PLUMBLINE_ANVIL || join(packages, "@foundry-rs/anvil-linux-amd64/bin/anvil");
if (!existsSync(binary)) {
  console.error(`${binary}: not there; run: npm ci --prefix tools/node`);
  process.exit(3);
}

const args = process.argv.slice(2);
const take = (name, withValue) => {
  const at = args.indexOf(name);
  return at < 0 ? null : args.splice(at, withValue ? 2 : 1)[withValue ? 1 : 0];
};
const port = take("--port", true) || "0";
const logFile = take("--log", true);
const withParent = take("--with-parent", false);

// However we end, it ends too.
const setpriv = "/usr/bin/setpriv";
const prefix = existsSync(setpriv) ? [setpriv, "--pdeathsig", "TERM"] : [];
const command = [...prefix, binary, "--host", "127.0.0.1", "--port", port, "--color", "never", ...args];
const child = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
const log = logFile ? createWriteStream(logFile) : null;
let tail = "";
let asked = false;
let ready = false;

const listening = new Promise((resolve) => {
  child.stdout.on("data", (part) => {
    if (log) log.write(part);
    if (ready) return;
    tail += part;
    const found = /Listening on (\S+)\n/.exec(tail);
    if (found) resolve(`http://${found[1]}`);
  });
});
child.stderr.on("data", (part) => (log || process.stderr).write(part));
child.on("error", (error) => {
  console.error(`${binary}: ${error.message}`);
  process.exit(3);
});
child.on("close", (code) => {
  if (!asked && !ready) console.error(`anvil ended before it was ready\n${tail}`);
  process.exit(asked ? 0 : ready ? code || 1 : 3);
});
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
  process.on(signal, () => {
    asked = true;
    child.kill(signal === "SIGHUP" ? "SIGTERM" : signal);
  });
}
if (withParent) {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid === parent) return;
    asked = true;
    child.kill("SIGTERM");
  }, 500).unref();
}

const url = await listening;
const rpc = new Rpc(url);
await rpc.call("eth_chainId");
rpc.close();
ready = true;
tail = "";
console.log(JSON.stringify({ pid: child.pid, url }));
