// Whether the token's story is what the contract itself would emit: deploys Uniswap's ERC20 on a node of its own, sends
// what each event of the replay node tells of, and compares the logs, and the balances that are left.
//
//   node bench/peers/real_contract.mjs [--build build/release] [--events 300]
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

import { BlockMaker, Interface, Rpc, hex, options, readGetter } from "../../tools/node/lib.mjs";
import { start, start_anvil, until } from "../../tests/support/programs.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const args = options({ build: join(root, "build/release"), events: 300 }, "usage: real_contract.mjs [--build DIR] [--events N]");
const json = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));
const artifact = json("tools/node/node_modules/@uniswap/v2-core/build/ERC20.json");
assert.ok(isDeepStrictEqual(json("bench/peers/token.json").abi, artifact.abi), "bench/peers/token.json is another ABI than the package's");
const token = new Interface(artifact.abi);
const bytecode = artifact.bytecode ?? artifact.evm.bytecode.object;

const replay = start([join(args.build, "replay_node"), "--story", "token", "--events", String(args.events), "--per-block", "100"]);
await until("the replay node", () => replay.text.includes("\n"));
const { url, address, last_event_block } = JSON.parse(replay.text);
const told = await new Rpc(url).call("eth_getLogs", { fromBlock: "0x0", toBlock: hex(last_event_block), address });
assert.equal(told.length, args.events);
const events = told.map((log) => token.parseLog(log));

const rpc = new Rpc(await start_anvil());
const maker = new BlockMaker(rpc);
await maker.start(1_700_000_000);
const [deployer] = await maker.accounts(1);
const senders = new Set(events.slice(1).map(({ args }) => args[0].toLowerCase()).filter((sender) => sender !== deployer));
await rpc.results([...senders].flatMap((sender) => [["anvil_setBalance", sender, hex(10n ** 22n)], ["anvil_impersonateAccount", sender]]));
for (const sender of senders) maker.nonces.set(sender, 0);

const supply = events[0].args.value;
maker.send({ from: deployer, data: `0x${bytecode.replace(/^0x/, "")}${supply.toString(16).padStart(64, "0")}`, gas: 3_000_000 });
let emitted = (await maker.mine()).flatMap(({ logs }) => logs);
for (let i = 1; i < events.length; i += 50) {
  for (const { name, args: [from, to, value] } of events.slice(i, i + 50)) {
    const call = name === "Transfer" ? "transfer" : "approve";
    maker.send({ from: from.toLowerCase(), to: address, data: token.encodeFunctionData(call, [to, value]), gas: 100_000 });
  }
  emitted = emitted.concat((await maker.mine()).flatMap(({ logs }) => logs));
}
const said = ({ address, topics, data }) => ({ address, topics, data });
assert.deepEqual(told.map(said), emitted.map(said));

const balances = new Map();
const move = (who, value) => balances.set(who, (balances.get(who) ?? 0n) + value);
for (const { name, args: [from, to, value] } of events) if (name === "Transfer") move(from, -value), move(to, value);
balances.delete(`0x${"0".repeat(40)}`);
const holders = [...balances.keys()];
const held = await readGetter(rpc, token, address, "balanceOf", holders.map((holder) => [holder]));
assert.deepEqual(held.map(([balance]) => balance), holders.map((holder) => balances.get(holder)));
console.log(`${events.length} events of ${holders.length} holders are the contract's own`);
process.exit();
