// Random filters of eth_getLogs, asked of the index, of an index that may ask the node, and of the node itself: no answer
// differs from the node's, nothing outside of the coverage is answered from the store, and nothing inside of it is passed on.
//
//   node tests/rpc_clients/random_filters_test.mjs [--binary build/release/plumbline] [--filters 10000] [--seed 1]
import assert from "node:assert/strict";
import { join } from "node:path";

import { Random, options } from "../../tools/node/lib.mjs";
import { root } from "../examples/example_chain.mjs";
import { Recorder } from "./recorder.mjs";
import { World, hex, topics, word } from "./world.mjs";

const args = options({ binary: join(root, "build/release/plumbline"), filters: 10_000, seed: 1 }, "usage: random_filters_test.mjs [--binary FILE] [--filters N] [--seed N]");
console.log(`seed ${args.seed}`);
const generator = new Random(args.seed);
const pick = (list) => generator.pick(list), chance = (percent) => generator.chance(percent);
const world = await World.start(args.binary, generator);
let recorder;
try {
  recorder = await Recorder.before(world.chain.url);
  const passing = await world.serve(recorder.url, 'rpc_forward = ["eth_getLogs"]\nrpc_forward_per_second = 100000');

  // --- filters of every form
  const places = ["whole", "part", "ended", "nft", "narrow"].map((name) => world[name].address);
  const any_address = () => (chance(8) ? world.foreign.address : chance(50) ? world.whole.address : pick(places));
  const spelt = (address) => (chance(10) ? "0x" + address.slice(2).toUpperCase() : address);
  const address = () => pick([() => spelt(any_address()), () => spelt(any_address()), () => [any_address()], () => [any_address(), any_address()], () => [any_address(), spelt(any_address()), any_address()], () => (chance(40) ? pick([undefined, null, []]) : world.whole.address)])();
  const values = [...Object.values(topics), ...world.people.map(word), ...Array.from({ length: 9 }, (_, value) => word(value)), word(1n << 255n)];
  const one_topic = (at) => (at === 0 ? (chance(70) ? pick([topics.Transfer, topics.Approval]) : pick(values)) : chance(80) ? word(pick(world.people)) : pick(values));
  const position = (at) => pick([() => null, () => one_topic(at), () => one_topic(at), () => [one_topic(at)], () => [one_topic(at), one_topic(at)], () => [], () => [one_topic(at), null], () => [one_topic(at), one_topic(at), one_topic(at)]])();
  const shape = () => (chance(20) ? pick([undefined, null, []]) : Array.from({ length: 1 + generator.below(4) }, (_, at) => position(at)));
  const blocks = (head) => {
    const number = () => pick([() => world.start + generator.below(head - world.start + 1), () => world.start + generator.below(head - world.start + 1), () => generator.below(world.start), () => head, () => head + 1 + generator.below(5)])();
    const bound = (tags) => (chance(40) ? pick([undefined, null, ...tags]) : hex(chance(85) ? world.start + generator.below(head - world.start + 1) : number()));
    return { fromBlock: bound(["earliest", "finalized", "latest", "pending", "safe"]), toBlock: bound(["latest", "latest", "latest", "pending", "finalized", "safe"]) };
  };
  // The block of `hash`, for the oracle.
  const hashes = new Map();
  const of_block = (hash) => (hashes.has(hash) ? { fromBlock: hex(hashes.get(hash)), toBlock: hex(hashes.get(hash)) } : null);

  // --- where nodes differ among themselves, docs/rpc.md says whom the index follows
  const tag_of_node = (block) => (block === "safe" ? "finalized" : block);
  const is_number = (block) => typeof block === "string" && block.startsWith("0x");
  const as_the_docs_say = (filter, logs) => {
    const least = filter.topics?.length ?? 0; // go-ethereum: a position wants a topic there, null too
    return logs.filter((log) => log.topics.length >= least);
  };

  let stored_blocks = new Set();
  let stored = 0, passed = 0, refused = 0, reversed = 0, matched = 0;
  const check = async (filter, now) => {
    const text = JSON.stringify(filter);
    const range = filter.blockHash === undefined ? filter : { ...filter, ...of_block(filter.blockHash) };
    const has_hash = filter.blockHash !== undefined;
    const before = recorder.asked("eth_getLogs").length;
    const asked_of_node = has_hash ? filter : { ...filter, fromBlock: tag_of_node(filter.fromBlock), toBlock: tag_of_node(filter.toBlock) };
    const [alone, with_node, theirs] = await Promise.all([world.ask(world.index.rpc, "eth_getLogs", filter), world.ask(passing.rpc, "eth_getLogs", filter), world.ask(world.node, "eth_getLogs", asked_of_node)]);
    const forwards = recorder.asked("eth_getLogs").length - before;
    if (!has_hash && is_number(filter.fromBlock) && is_number(filter.toBlock) && Number(filter.fromBlock) > Number(filter.toBlock)) {
      assert.deepEqual([alone.error?.code, with_node.error?.code, forwards], [-32602, -32602, 0], `reversed: ${text}`);
      reversed++;
      return;
    }
    // Of a final block without events nothing is stored, not even its hash.
    const is_known = !has_hash || (hashes.has(filter.blockHash) && (stored_blocks.has(hashes.get(filter.blockHash)) || alone.result !== undefined));
    const bare = { ...range, address: range.address ?? undefined, fromBlock: range.fromBlock ?? "latest", toBlock: range.toBlock ?? "latest" };
    if (is_known && world.is_covered(bare, now)) {
      assert.equal(with_node.source, undefined, `passed on though it is covered: ${text}`);
      assert.equal(forwards, 0, `the node was asked: ${text}`);
      const expected = as_the_docs_say(filter, theirs.result);
      assert.deepEqual(alone.result, expected, text);
      assert.deepEqual(with_node.result, expected, text);
      stored++;
      matched += expected.length;
      return;
    }
    assert.ok(alone.error?.code === -32001 || (has_hash && alone.error?.code === -32000), `answered from the store though it is not covered: ${text}: ${JSON.stringify(alone).slice(0, 300)}`);
    refused++;
    assert.equal(with_node.source, "node", `not passed on: ${text}: ${JSON.stringify(with_node).slice(0, 300)}`);
    assert.equal(forwards, 1, text);
    // The node was asked what the client wrote.
    const plain = await world.ask(world.node, "eth_getLogs", filter);
    assert.deepEqual({ result: with_node.result, code: with_node.error?.code }, { result: plain.result, code: plain.error?.code }, text);
    passed++;
  };

  // --- some blocks more now and then, reorganised ones too
  const rounds = Math.max(4, Math.round(args.filters / 250));
  for (let round = 0, left = args.filters; round < rounds; round++) {
    await world.act(2);
    const orphan = (await world.node.call("eth_getBlockByNumber", "latest", false)).hash;
    await world.node.call("anvil_reorg", 1 + generator.below(3), []);
    await world.act(1 + generator.below(3));
    await Promise.all([world.settle(), world.settle(passing)]);
    const [latest, finalized] = await world.node.results([["eth_getBlockByNumber", "latest", false], ["eth_getBlockByNumber", "finalized", false]]);
    const now = { head: Number(latest.number), finalized: Number(finalized.number) };
    hashes.clear();
    const some = Array.from({ length: 12 }, () => hex(world.start + generator.below(now.head - world.start + 1)));
    for (const block of await world.node.results(some.map((number) => ["eth_getBlockByNumber", number, false]))) hashes.set(block.hash, Number(block.number));
    const known = [...hashes.keys()];
    const logs = await world.node.call("eth_getLogs", { address: world.whole.address, fromBlock: "0x0" });
    stored_blocks = new Set([...logs.map(({ blockNumber }) => Number(blockNumber)), ...Array.from({ length: now.head - now.finalized }, (_, at) => now.head - at)]);
    recorder.clear();
    for (const end = left - Math.ceil(args.filters / rounds); left > 0 && left > end; left--) {
      const filter = { address: address(), topics: shape(), ...(chance(85) ? blocks(now.head) : { blockHash: chance(90) ? pick(known) : pick([orphan, word(generator.next())]) }) };
      await check(filter, now);
    }
  }
  console.log(`${args.filters} filters: ${stored} from the store, equal to the node's (${matched} logs); ${refused} refused, ${passed} of them passed on, equal to the node's; ${reversed} reversed ranges refused`);
  const least = args.filters / 10;
  assert.ok(stored > least && passed > least && reversed > 0 && matched > least, "every kind is there");
} finally {
  recorder?.close();
  await world.stop();
}
