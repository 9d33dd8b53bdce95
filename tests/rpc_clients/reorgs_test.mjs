// Filters and subscriptions through reorganisations, on the index and on the node that it follows. After each the index must
// have told: the logs of the blocks that went, `removed`, oldest block first, as the node had told them before; then what the
// node tells of the blocks in their place, in its order. anvil itself takes nothing back, so what went is worked out from its
// logs before and its chain after.
//
//   node tests/rpc_clients/reorgs_test.mjs [--binary build/release/plumbline] [--reorgs 100] [--seed 1]
import assert from "node:assert/strict";
import { join } from "node:path";

import { Random, options } from "../../tools/node/lib.mjs";
import { root } from "../examples/example_chain.mjs";
import { until } from "../support/programs.mjs";
import { Socket } from "./socket.mjs";
import { World, head_of, hex, topics, word } from "./world.mjs";

const args = options({ binary: join(root, "build/release/plumbline"), reorgs: 100, seed: 1 }, "usage: reorgs_test.mjs [--binary FILE] [--reorgs N] [--seed N]");
console.log(`seed ${args.seed}`);
const generator = new Random(args.seed);
const world = await World.start(args.binary, generator);

try {
  const [whole, part, nft] = [world.whole.address, world.part.address, world.nft.address];
  const kinds = {
    "a contract": { address: whole },
    "one event": { address: part, topics: [topics.Transfer] },
    "two contracts": { address: [whole, nft], topics: [[topics.Transfer, topics.Approval]] },
    "an argument": { address: whole, topics: [null, [word(world.people[0]), word(world.people[1])]] },
  };
  const names = Object.keys(kinds);
  const told_by_node = (name, log) => log.topics.length >= (kinds[name].topics?.length ?? 0); // a position wants a topic there
  const sides = [];
  for (const { url, rpc } of [{ url: world.chain.url, rpc: world.node }, world.index]) {
    const socket = await Socket.open(url);
    const side = { rpc, socket, filters: {}, subscriptions: {} };
    for (const name of names) {
      side.filters[name] = await rpc.call("eth_newFilter", kinds[name]);
      side.subscriptions[name] = (await socket.ask("eth_subscribe", "logs", kinds[name])).result;
    }
    side.blocks = await rpc.call("eth_newBlockFilter");
    side.heads = (await socket.ask("eth_subscribe", "newHeads")).result;
    sides.push(side);
  }
  const [node, index] = sides;
  const chain = async (depth) => {
    const head = Number(await world.node.call("eth_blockNumber"));
    return world.node.results(Array.from({ length: Math.min(depth, head) }, (_, at) => ["eth_getBlockByNumber", hex(head - at), false]));
  };
  const logs_of = async (name, blocks) => (await world.node.results(blocks.map(({ hash }) => ["eth_getLogs", { ...kinds[name], blockHash: hash }]))).flat().filter((log) => told_by_node(name, log));

  // What both tell since the last time, for each kind; `removed` is what the index must tell before. `is_through`: the
  // subscription, which nobody asks, has told all.
  let taken_back = 0, told = 0;
  const compare = async (round, removed, gone) => {
    // A block may come again as it was: anvil tells it again, but nothing has changed.
    const now = new Set((await chain(gone.length + 8)).map(({ hash }) => hash));
    const same = new Set(gone.filter((hash) => now.has(hash)));
    for (const name of names) {
      const is_news = (log) => told_by_node(name, log) && !same.has(log.blockHash);
      const by_node = (await node.rpc.call("eth_getFilterChanges", node.filters[name])).filter(is_news);
      const expected = [...removed[name].filter(is_news).map((log) => ({ ...log, removed: true })), ...by_node];
      assert.deepEqual(await index.rpc.call("eth_getFilterChanges", index.filters[name]), expected, `round ${round}: the filter of ${name}`);
      const [theirs, mine] = sides.map(({ socket, subscriptions }) => socket.of(subscriptions[name]));
      await until(`round ${round}: the subscriptions of ${name}`, () => mine.length >= expected.length && theirs.filter(is_news).length >= by_node.length, 5_000).catch(() => {});
      assert.equal(index.socket.closed, undefined, `round ${round}: the connection goes on`);
      assert.deepEqual(mine.splice(0), expected, `round ${round}: the subscription to ${name}`);
      assert.deepEqual(theirs.splice(0).filter(is_news), by_node, `round ${round}: the node's subscription to ${name}`);
      taken_back += expected.length - by_node.length;
      told += by_node.length;
    }
    const hashes = (await node.rpc.call("eth_getFilterChanges", node.blocks)).filter((hash) => !same.has(hash));
    assert.deepEqual(await index.rpc.call("eth_getFilterChanges", index.blocks), hashes, `round ${round}: the filter of blocks`);
    const [theirs, mine] = sides.map(({ socket, heads }) => socket.of(heads));
    await until(`round ${round}: the heads`, () => mine.length >= hashes.length && theirs.filter(({ hash }) => !same.has(hash)).length >= hashes.length, 5_000).catch(() => {});
    assert.equal(index.socket.closed, undefined, `round ${round}: the connection goes on`);
    assert.deepEqual(mine.splice(0), theirs.splice(0).filter(({ hash }) => !same.has(hash)).map(head_of), `round ${round}: the heads`);
  };

  const none = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 1; round <= args.reorgs; round++) {
    const snapshot = await world.node.call("evm_snapshot");
    const base = Number(await world.node.call("eth_blockNumber"));
    await world.act(1 + generator.below(5));
    await world.settle();
    await compare(`${round}, before`, none, []);
    // What goes: the newest blocks, by a reorganisation with or without transactions, or all since the snapshot.
    const length = Number(await world.node.call("eth_blockNumber")) - base;
    const by_revert = generator.chance(40);
    const depth = by_revert ? length : 1 + generator.below(6);
    const gone = (await chain(depth)).reverse();
    const removed = {};
    for (const name of names) removed[name] = await logs_of(name, gone);
    if (by_revert) {
      assert.equal(await world.node.call("evm_revert", snapshot), true);
      await world.act(length + generator.below(2)); // until it is as long again: a node that is behind is no reorganisation
    } else {
      const [one, two] = world.people;
      const call = () => ({ from: one, to: generator.pick([whole, part]), data: world.whole.abi.encodeFunctionData("transfer", [one, two, generator.below(9)]), gas: "0xb71b00" });
      await world.node.call("anvil_reorg", depth, generator.chance(60) ? Array.from({ length: depth }, (_, at) => [call(), at]) : []);
    }
    await world.settle();
    await compare(round, removed, gone.map(({ hash }) => hash));
  }
  assert.ok(taken_back > args.reorgs && told > args.reorgs, `${taken_back} taken back, ${told} told`);
  for (const { socket } of sides) socket.ws.close();
  console.log(`${args.reorgs} reorganisations: by ${names.length} filters and as many subscriptions ${told} logs told as by the node, ${taken_back} taken back`);
} finally {
  await world.stop();
}
