// anvil with somebody else's contracts on it, for the tests of examples/: deploy, send, read, all by ethers.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { AbiCoder, Interface, Rpc } from "../../tools/node/lib.mjs";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const ZERO = "0x" + "0".repeat(40);

export class Chain {
  // The finalized block is two epochs of `slots` blocks below the newest.
  static async start(random, slots = 1) {
    const chain = new Chain();
    chain.random = random;
    chain.child = spawn("node", [join(root, "tools/node/anvil.mjs"), "--with-parent", "--slots-in-an-epoch", String(slots), "--timestamp", "1700000000"], { stdio: ["ignore", "pipe", "inherit"] });
    const line = await new Promise((done) => chain.child.stdout.once("data", (part) => done(String(part))));
    chain.url = JSON.parse(line).url;
    chain.rpc = new Rpc(chain.url);
    chain.people = (await chain.rpc.call("eth_accounts")).map((one) => one.toLowerCase());
    return chain;
  }

  stop() {
    this.child.kill();
  }

  // A block of its own. A transaction that reverts is told as null where `may_fail`.
  async send(from, to, data, may_fail = false) {
    const hash = await this.rpc.call("eth_sendTransaction", { from, to, data, gas: "0xb71b00" });
    let receipt = null;
    while (!receipt) receipt = await this.rpc.call("eth_getTransactionReceipt", hash);
    if (receipt.status !== "0x1" && !may_fail) throw new Error(`${to}: a transaction failed`);
    return receipt.status === "0x1" ? receipt : null;
  }

  async deploy(artifact, types = [], values = []) {
    const code = "0x" + artifact.bytecode.replace(/^0x/, "") + AbiCoder.defaultAbiCoder().encode(types, values).slice(2);
    const { contractAddress } = await this.send(this.people[0], undefined, code);
    return new Contract(this, artifact.abi, contractAddress.toLowerCase());
  }

  // Somewhere within the next two days: volumes fall into several of them.
  async pass(seconds) {
    await this.rpc.call("evm_increaseTime", seconds);
  }

  async mine(count) {
    await this.rpc.call("anvil_mine", "0x" + count.toString(16));
  }
}

export class Contract {
  constructor(chain, abi, address) {
    Object.assign(this, { chain, address, abi: abi instanceof Interface ? abi : new Interface(abi) });
  }

  at(address) {
    return new Contract(this.chain, this.abi, address.toLowerCase());
  }

  send(from, name, ...args) {
    return this.chain.send(from, this.address, this.abi.encodeFunctionData(name, args));
  }

  attempt(from, name, ...args) {
    return this.chain.send(from, this.address, this.abi.encodeFunctionData(name, args), true);
  }

  // One value, or a list of them; as the node tells it at its head.
  async read(name, ...args) {
    const data = await this.chain.rpc.call("eth_call", { to: this.address, data: this.abi.encodeFunctionData(name, args) }, "latest");
    const out = this.abi.decodeFunctionResult(name, data);
    return out.length === 1 ? out[0] : out;
  }

  // All events of this name from the node's own logs, with block, timestamp and log index.
  async events(name, address = this.address) {
    const event = this.abi.getEvent(name);
    const logs = await this.chain.rpc.call("eth_getLogs", { fromBlock: "0x0", toBlock: "latest", address, topics: [event.topicHash] });
    return logs.map((log) => ({ args: this.abi.decodeEventLog(event, log.data, log.topics), block: Number(log.blockNumber), log: Number(log.logIndex), time: Number(log.blockTimestamp), address: log.address.toLowerCase() }));
  }
}

// An example of examples/ in a directory of its own, made by `plumbline init --template` for this chain and `addresses`, in the
// order of its config.
export class Index {
  constructor(binary, example, chain, addresses) {
    this.binary = binary;
    this.directory = mkdtempSync(join(tmpdir(), `${example}-`));
    this.config = join(this.directory, "plumbline.toml");
    this.db = join(this.directory, "db");
    const made = this.run("init", this.directory, "--template", example, "--rpc", chain.url, ...addresses.flatMap((address) => ["--address", address]));
    if (made.code !== 0) throw new Error(`init: ${made.code}\n${made.err}`);
  }

  run(...command) {
    const ran = spawnSync(this.binary, command, { encoding: "utf8", maxBuffer: 1 << 28 });
    return { code: ran.status, out: ran.stdout, err: ran.stderr };
  }

  index() {
    const ran = this.run("run", this.config, "--db", this.db, "--until", "head", "--quiet");
    if (ran.code !== 0) throw new Error(`run: ${ran.code}\n${ran.err}`);
  }

  // Every row, as { field: value }, numbers past 2^53 as text.
  rows(entity) {
    const ran = this.run("dump", this.db, "--entity", entity, "--format", "jsonl");
    if (ran.code !== 0) throw new Error(`dump: ${ran.code}\n${ran.err}`);
    return ran.out.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  close() {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
