// What tests share that drive real programs: to start and end them, to wait for a condition, a port that is free.
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const children = new Set();
// Nobody outlives the test.
process.on("exit", () => {
  for (const child of children) child.kill("SIGTERM");
});

// `text` and `errors` are what it has said; `ended` its exit code, or the signal that ended it.
export function start(command) {
  const child = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  child.text = "";
  child.errors = "";
  child.stdout.setEncoding("utf8").on("data", (part) => (child.text += part));
  child.stderr.setEncoding("utf8").on("data", (part) => (child.errors += part));
  child.ended = new Promise((done) => child.on("close", (code, signal) => done(signal || code)));
  child.ended.then(() => children.delete(child));
  return child;
}

// A function that runs `binary` with its arguments to its end.
export const runs = (binary) => async (...command) => {
  const child = start([binary, ...command]);
  const code = await child.ended;
  return { code, out: child.text, err: child.errors };
};

// The URL of a chain of its own.
export async function start_anvil(...options) {
  const child = start(["node", join(root, "tools/node/anvil.mjs"), "--with-parent", ...options]);
  while (!child.text.includes("\n")) await new Promise((done) => child.stdout.once("data", done));
  return JSON.parse(child.text).url;
}

export async function until(what, condition, limit_ms = 30_000) {
  for (const end = Date.now() + limit_ms; ; await new Promise((go) => setTimeout(go, 20))) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${limit_ms / 1000} s: ${what}`);
  }
}

// Of a range that the system gives to no connection by itself, so that it is still free when a service starts (again).
export async function free_port() {
  for (;;) {
    const port = randomInt(15_000, 32_000), server = createServer();
    if (await new Promise((done) => server.once("error", () => done(false)).listen(port, "127.0.0.1", () => server.close(() => done(true))))) return port;
  }
}
