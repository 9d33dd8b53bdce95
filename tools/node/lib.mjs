// What the scripts of the demo and of the end-to-end tests share: arguments, JSON-RPC in batches, a seeded random
// number generator, and ethers for the ABI. Scripts elsewhere in the tree import it from here, because node looks for
// packages beside the file that names them.

import http from "node:http";

import { AbiCoder } from "ethers";

export { AbiCoder, Interface, ethers, id as keccakText } from "ethers";

// --name value and --flag. `known` gives the names and their defaults; a default of false makes a flag.
export function options(known, usage, args = process.argv.slice(2)) {
  const values = { ...known };
  for (let i = 0; i < args.length; i++) {
    const name = args[i].replace(/^--/, "");
    if (args[i] === "--help" || !args[i].startsWith("--") || !(name in known)) {
      console.error(args[i] === "--help" ? usage : `${args[i]}: unknown\n${usage}`);
      process.exit(args[i] === "--help" ? 0 : 2);
    }
    if (known[name] === false) values[name] = true;
    else if (i + 1 < args.length) values[name] = typeof known[name] === "number" ? Number(args[++i]) : args[++i];
    else {
      console.error(`--${name}: needs a value\n${usage}`);
      process.exit(2);
    }
  }
  return values;
}

// JSON-RPC over one kept-alive connection.
export class Rpc {
  constructor(url) {
    this.url = new URL(url);
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    this.id = 0;
  }

  async call(method, ...params) {
    const [answer] = await this.batch([[method, ...params]]);
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  }

  // Several calls in one request: [[method, ...params]]. Gives {result} or {error} for each, in order.
  async batch(calls) {
    const first = this.id;
    const body = calls.map(([method, ...params]) => ({ jsonrpc: "2.0", id: this.id++, method, params }));
    const answers = JSON.parse(await this.post(JSON.stringify(body)));
    if (!Array.isArray(answers)) throw new Error(`${this.url}: ${JSON.stringify(answers)}`);
    const ordered = new Array(calls.length);
    for (const answer of answers) ordered[answer.id - first] = answer;
    return ordered;
  }

  // As `batch`, in requests of at most `size` calls; the first error is thrown.
  async results(calls, size = 200) {
    const results = [];
    for (let i = 0; i < calls.length; i += size) {
      for (const answer of await this.batch(calls.slice(i, i + size))) {
        if (answer.error) throw new Error(`${calls[results.length][0]}: ${answer.error.message}`);
        results.push(answer.result);
      }
    }
    return results;
  }

  post(body) {
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const request = http.request(this.url, { method: "POST", agent: this.agent, headers }, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("end", () => resolve(Buffer.concat(parts).toString("utf8")));
        response.on("error", reject);
      });
      request.setTimeout(60000, () => request.destroy(new Error(`${this.url}: no answer in 60 s`)));
      request.on("error", reject);
      request.end(body);
    });
  }

  close() {
    this.agent.destroy();
  }
}

// The return values of a getter of `contract` (an Interface) for each list of arguments, at `block`. Strings come as
// bytes: they need not be UTF-8.
export async function readGetter(rpc, contract, address, getter, rows, block = "latest") {
  const types = contract.getFunction(getter).outputs.map(({ type }) => (type === "string" ? "bytes" : type));
  const calls = rows.map((row) => ["eth_call", { to: address, data: contract.encodeFunctionData(getter, row) }, block]);
  return (await rpc.results(calls)).map((result) => [...AbiCoder.defaultAbiCoder().decode(types, result)]);
}

export const hex = (value) => `0x${BigInt(value).toString(16)}`;

// mulberry32: small, and the same numbers everywhere.
export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  below(limit) {
    return this.next() % limit;
  }

  between(low, high) {
    return low + this.below(high - low + 1);
  }

  chance(percent) {
    return this.below(100) < percent;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  // One of {name: weight}.
  weighted(weights) {
    let at = this.below(Object.values(weights).reduce((sum, weight) => sum + weight, 0));
    for (const [name, weight] of Object.entries(weights)) {
      if (at < weight) return name;
      at -= weight;
    }
    throw new Error("no weights");
  }
}

// Writes blocks of our own making on an anvil: automine off, transactions in batches, several in a block, at the
// timestamps we say. The same calls give the same block hashes every time. Only for development nodes.
export class BlockMaker {
  constructor(rpc) {
    this.rpc = rpc;
    this.pending = [];
    this.nonces = new Map();
    this.sent = 0;
    this.reverted = 0;
    this.blocks = 0;
  }

  // `timestamp`: of the first block we make, if the chain is not past it already.
  async start(timestamp) {
    this.automine = await this.rpc.call("anvil_getAutomine");
    await this.rpc.call("evm_setAutomine", false);
    const latest = await this.rpc.call("eth_getBlockByNumber", "latest", false);
    this.firstBlock = Number(latest.number) + 1;
    this.timestamp = Math.max(timestamp, Number(latest.timestamp) + 1);
  }

  async stop() {
    await this.rpc.call("evm_setAutomine", this.automine);
  }

  // The first accounts are the node's own; more are made up, given a balance and impersonated.
  async accounts(count) {
    const accounts = (await this.rpc.call("eth_accounts")).slice(0, count).map((account) => account.toLowerCase());
    const calls = [];
    while (accounts.length < count) {
      const account = `0x${(0x70000000n + BigInt(accounts.length)).toString(16).padStart(8, "0").repeat(5)}`;
      accounts.push(account);
      calls.push(["anvil_setBalance", account, hex(10n ** 22n)], ["anvil_impersonateAccount", account]);
    }
    if (calls.length > 0) await this.rpc.results(calls);
    const nonces = await this.rpc.results(accounts.map((account) => ["eth_getTransactionCount", account, "latest"]));
    accounts.forEach((account, i) => this.nonces.set(account, Number(nonces[i])));
    return accounts;
  }

  // Puts a transaction into the block to come. `reverts` is what we expect of it.
  send({ from, to, data, reverts = false, label = "", gas = 1500000 }) {
    const nonce = this.nonces.get(from);
    this.nonces.set(from, nonce + 1);
    this.pending.push({ from, to, data, reverts, label, nonce, gas });
  }

  // Mines what was sent, `seconds` after the block before. Dies if a transaction does not end as expected.
  async mine(seconds = 12) {
    const batch = this.pending;
    this.pending = [];
    const calls = batch.map(({ from, to, data, nonce, gas }, i) => {
      // The pool orders by the fee offered: a falling one keeps our order.
      const fee = hex(100000000000 + 1000 * (batch.length - i));
      const fees = { maxFeePerGas: fee, maxPriorityFeePerGas: "0x3b9aca00" };
      return ["eth_sendTransaction", { from, to, data, nonce: hex(nonce), gas: hex(gas), ...fees }];
    });
    const hashes = await this.rpc.results([...calls, ["evm_mine", { timestamp: this.timestamp }]], 1000);
    hashes.pop();
    this.lastTimestamp = this.timestamp;
    this.timestamp += seconds;
    this.blocks += 1;
    const receipts = await this.rpc.call("eth_getBlockReceipts", "latest");
    if (receipts.length !== batch.length) throw new Error(`${batch.length} sent, ${receipts.length} in the block`);
    receipts.forEach((receipt, i) => {
      const { label, reverts } = batch[i];
      if (receipt.transactionHash !== hashes[i]) throw new Error(`${label}: out of order in the block`);
      if ((receipt.status === "0x0") !== reverts) {
        throw new Error(`${label} by ${batch[i].from}: ${reverts ? "did not revert" : "reverted"}`);
      }
      this.sent += 1;
      this.reverted += reverts ? 1 : 0;
    });
    return receipts;
  }
}
