// What the chaos test and its canary share: chains to index, and commands run to their end.

import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { Rpc } from "../../tools/node/lib.mjs";

export const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, "../..");
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function run_command(command, args, cwd, limit_s = 120) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (out += part));
    const timer = setTimeout(() => child.kill("SIGKILL"), limit_s * 1000);
    child.on("error", (error) => resolve({ code: -1, out: String(error) }));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code: signal ?? code, out });
    });
  });
}

async function start_anvil(...args) {
  const child = spawn("node", [join(root, "tools/node/anvil.mjs"), "--with-parent", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (part) => (text += part).includes("\n") && resolve(text));
    child.on("close", () => reject(new Error("anvil did not start")));
  });
  return { url: JSON.parse(line).url, stop: () => child.kill("SIGTERM") };
}

async function act(url, seed, steps, timestamp, ...more) {
  const args = [
    join(root, "examples/community/activity.mjs"),
    "--rpc",
    url,
    "--seed",
    String(seed),
    "--steps",
    String(steps),
    "--timestamp",
    String(timestamp),
    ...more,
  ];
  const { code, out } = await run_command("node", args, root);
  if (code !== 0) throw new Error(`activity: ${out}`);
  return JSON.parse(out.trim().split("\n").at(-1));
}

// A chain that stands still: anvil with seeded activity.
export async function still_chain(seed, steps) {
  const anvil = await start_anvil("--timestamp", "1700000000");
  const { address, headBlock } = await act(anvil.url, seed, steps, 1700000000);
  return { id: 31337, url: anvil.url, address, head: async () => headBlock, stop: anvil.stop };
}

// A chain that grows by a block a second, by the clock; `settle` adds activity and stands still.
export async function growing_chain(seed, steps) {
  const now = Math.floor(Date.now() / 1000);
  const anvil = await start_anvil("--chain-id", "4242", "--timestamp", String(now - 36000));
  const rpc = new Rpc(anvil.url);
  const { address } = await act(anvil.url, seed, steps, now - 300 * steps);
  // Up to this moment by a block a second, from which the usual time between two is learnt.
  await rpc.call("evm_setNextBlockTimestamp", Math.floor(Date.now() / 1000) - 150);
  await rpc.call("anvil_mine", "0x96", "0x1");
  await rpc.call("evm_setIntervalMining", 1);
  let grows = true;
  return {
    id: 4242,
    url: anvil.url,
    address,
    head: async () => Number(await rpc.call("eth_blockNumber")),
    slack: () => (grows ? 3 : 0), // blocks that a follower may be behind
    async settle() {
      await rpc.call("evm_setIntervalMining", 0);
      await act(anvil.url, seed + 1, 40, Math.floor(Date.now() / 1000), "--address", address);
      grows = false;
    },
    stop() {
      rpc.close();
      anvil.stop();
    },
  };
}
