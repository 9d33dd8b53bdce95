// A chain with contracts of which the index has all, some or nothing, and the index that follows it: what the tests of /rpc
// share. docs/rpc.md says what the index may answer; `is_covered` says the same, worked out from the config by hand.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { compile } from "../../tools/node/compile.mjs";
import { Rpc, ethers } from "../../tools/node/lib.mjs";
import { Chain, root } from "../examples/example_chain.mjs";
import { free_port, start, until } from "../support/programs.mjs";

const { Events, Nft } = compile(join(root, "tests/rpc_clients/Events.sol"));
// Without the anonymous events: clients that look for these look for every topic.
export const abi = Events.abi.filter((one) => !one.anonymous);
export const topics = Object.fromEntries(new ethers.Interface(abi).fragments.filter((one) => one.type === "event").map((one) => [one.name, one.topicHash]));
export const hex = (number) => "0x" + number.toString(16);
// A new head as go-ethereum tells it, of a block as anvil tells it.
export const head_of = ({ size, totalDifficulty, uncles, transactions, withdrawals, ...header }) => header;
export const word = (value) => "0x" + BigInt(value).toString(16).padStart(64, "0");

export class World {
  // `config` goes into the section [http] of the index.
  static async start(binary, generator, config = "") {
    const world = new World();
    Object.assign(world, { binary, generator, directory: mkdtempSync(join(tmpdir(), "rpc-clients-")), services: [] });
    const chain = (world.chain = await Chain.start((below) => generator.below(below), 8));
    world.node = chain.rpc;
    world.people = chain.people.slice(0, 5);
    for (const name of ["whole", "part", "ended", "nft", "narrow", "foreign"]) world[name] = await chain.deploy(name === "nft" ? Nft : Events);
    world.start = Number(await world.node.call("eth_blockNumber"));
    await world.act(40);
    const late = Number(await world.node.call("eth_blockNumber"));
    await world.act(40);
    // What the index has: blocks, and the topics[0] that it keeps; a filtered event counts as not kept.
    world.kept = new Map([
      [world.whole.address, { from: world.start, to: Infinity }],
      [world.part.address, { from: world.start, to: Infinity, topics: [topics.Transfer] }],
      [world.ended.address, { from: world.start, to: late }],
      [world.nft.address, { from: late, to: Infinity }],
      [world.narrow.address, { from: world.start, to: Infinity, topics: [topics.Approval] }],
    ]);
    writeFileSync(join(world.directory, "Events.json"), JSON.stringify(abi));
    writeFileSync(join(world.directory, "Nft.json"), JSON.stringify(Nft.abi));
    world.config = (url, port, more) => `[chain]
id = 31337
rpc = ${JSON.stringify(url)}
poll_interval = "50ms"

[contracts.whole]
abi = "Events.json"
address = "${world.whole.address}"
start_block = ${world.start}

[contracts.part]
abi = "Events.json"
address = "${world.part.address}"
start_block = ${world.start}
events = ["Transfer"]

[contracts.ended]
abi = "Events.json"
address = "${world.ended.address}"
start_block = ${world.start}
end_block = ${late}

[contracts.nft]
abi = "Nft.json"
address = "${world.nft.address}"
start_block = ${late}

[contracts.narrow]
abi = "Events.json"
address = "${world.narrow.address}"
start_block = ${world.start}
events = ["Transfer", "Approval"]

[contracts.narrow.filter]
Transfer = { to = "${world.people[1]}" }

[http]
listen = "127.0.0.1:${port}"
${more}
`;
    world.index = await world.serve(chain.url, config);
    return world;
  }

  // Another index of the same chain, which it asks for at `url`, or at each of several: {url, rpc, status}.
  async serve(url, more) {
    const name = `index${this.services.length}`, port = await free_port();
    writeFileSync(join(this.directory, `${name}.toml`), this.config(url, port, more));
    this.services.push(start([this.binary, "run", join(this.directory, `${name}.toml`), "--db", join(this.directory, name), "--quiet"]));
    const index = { url: `http://127.0.0.1:${port}/rpc`, status: `http://127.0.0.1:${port}/v1/status` };
    index.rpc = new Rpc(index.url);
    await until("the index has begun", async () => (await fetch(index.status).then((one) => one.ok, () => false)));
    await this.settle(index);
    return index;
  }

  // Until the index stands at the node's newest block and knows its finalized one.
  async settle(index = this.index) {
    await until("the index is where the node is", async () => {
      const [latest, finalized] = await this.node.results([["eth_getBlockByNumber", "latest", false], ["eth_getBlockByNumber", "finalized", false]]);
      const { block } = await (await fetch(index.status)).json();
      return block?.hash === latest.hash && block.finalized === Number(finalized.number);
    });
  }

  // `count` blocks, each with logs of one contract.
  async act(count = 1) {
    const { generator, people } = this;
    for (let i = 0; i < count; i++) {
      const who = generator.pick(people), other = generator.pick(people), value = generator.below(9);
      const place = this[generator.pick(["whole", "whole", "part", "ended", "nft", "narrow", "foreign"])];
      const call = place === this.nft ? "transfer" : generator.pick(["transfer", "transfer", "approve", "all"]);
      await place.send(people[0], call, who, other, value);
    }
  }

  // One answer, {result} or {error}, and whatever else stands in it.
  async ask(rpc, method, ...params) {
    return (await rpc.batch([[method, ...params]]))[0];
  }

  // Whether the index must answer a filter by itself, its head being `head`.
  is_covered({ address, topics: wanted, fromBlock = "latest", toBlock = "latest" }, { head, finalized }) {
    const place = (block) => ({ latest: head, pending: head, finalized, safe: finalized, earliest: this.start })[block] ?? Number(block);
    const [from, to] = [place(fromBlock), place(toBlock)];
    if (from > head || (to > head)) return false;
    if (from > to) return true; // nothing is asked for
    const first = [wanted?.[0] ?? []].flat();
    const any = first.length === 0 || first.includes(null);
    const all = [address ?? []].flat().map((one) => one.toLowerCase());
    return all.length > 0 && all.every((one) => {
      const has = this.kept.get(one);
      return has && from >= has.from && to <= has.to && (!has.topics || (!any && first.every((topic) => has.topics.includes(topic.toLowerCase()))));
    });
  }

  async stop() {
    for (const child of this.services) child.kill();
    await Promise.all(this.services.map(({ ended }) => ended));
    this.chain.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
