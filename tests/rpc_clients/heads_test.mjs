// New heads at /rpc beside nodes that lie about headers or do not answer: what is told is the block's own header or as much of
// it as is stored, and no other client's question holds it up. That it is whole beside an honest node, through reorganisations
// too, is in reorgs_test.mjs.
//
//   node tests/rpc_clients/heads_test.mjs [--binary build/release/plumbline] [--seed 1]
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";

import { Random, options } from "../../tools/node/lib.mjs";
import { root } from "../examples/example_chain.mjs";
import { until } from "../support/programs.mjs";
import { Socket } from "./socket.mjs";
import { World, head_of, word } from "./world.mjs";

const args = options({ binary: join(root, "build/release/plumbline"), seed: 1 }, "usage: heads_test.mjs [--binary FILE] [--seed N]");
console.log(`seed ${args.seed}`);
const world = await World.start(args.binary, new Random(args.seed));
const nodes = [];

// Answers as the world's node does, but for what `lie` makes of a block; what `hangs` says is never answered.
async function node_that({ lie = (block) => block, hangs = () => false }) {
  const node = { lie, hangs, hung: 0 };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const asked = JSON.parse(body), calls = [asked].flat();
    if (calls.some((call) => node.hangs(call))) return void node.hung++;
    try {
      const answers = [await (await fetch(world.chain.url, { method: "POST", headers: { "content-type": "application/json" }, body })).json()].flat();
      const told = answers.map((answer) => (answer.result?.parentHash ? { ...answer, result: node.lie(answer.result) } : answer));
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(Array.isArray(asked) ? told : told[0]));
    } catch {
      response.destroy();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  server.unref();
  nodes.push(server);
  return Object.assign(node, { url: `http://127.0.0.1:${server.address().port}` });
}

// The heads that an index tells of `count` new blocks, and the blocks as the honest node has them. `before` they come.
async function follow(index, count, before = () => {}) {
  const socket = await Socket.open(index.url);
  const heads = socket.of((await socket.ask("eth_subscribe", "newHeads")).result);
  await before();
  const first = Number(await world.node.call("eth_blockNumber")) + 1;
  await world.act(count);
  await until(`${count} heads are told`, () => heads.length >= count, 20_000);
  socket.ws.close();
  return { heads, blocks: await world.node.results(Array.from({ length: count }, (_, at) => ["eth_getBlockByNumber", "0x" + (first + at).toString(16), false])) };
}
const stored_of = ({ number, hash, parentHash, timestamp }) => ({ number, hash, parentHash, timestamp });

try {
  {
    const { heads, blocks } = await follow(world.index, 5);
    assert.deepEqual(heads, blocks.map(head_of));
    assert.ok(heads.every((head) => head.baseFeePerGas && head.logsBloom.length === 514 && !("size" in head) && !("transactions" in head)));
    console.log("a head is the node's whole header");
  }
  {
    // Nothing has hashed yet, so the index has to believe it: the chain may have headers of its own.
    const liar = await node_that({ lie: (block) => ({ ...block, stateRoot: word(7), miner: "0x" + "66".repeat(20) }) });
    const { heads, blocks } = await follow(await world.serve(liar.url, ""), 5);
    assert.deepEqual(heads, blocks.map(stored_of));
    console.log("of a header that does not hash to its block nothing is told but what is stored");
  }
  {
    const turncoat = await node_that({});
    const index = await world.serve([turncoat.url, world.chain.url], "");
    let lies = 0;
    turncoat.lie = (block) => { lies++; return { ...block, gasUsed: "0x1", extraData: "0x66" }; };
    const { heads, blocks } = await follow(index, 5);
    assert.deepEqual(heads, blocks.map(head_of));
    assert.ok(lies > 0, "the liar was asked");
    console.log(`a node that begins to lie is not believed (${lies} lies)`);
  }
  {
    const silent = await node_that({});
    const index = await world.serve(silent.url, 'rpc_forward = ["eth_getBlockByHash"]');
    silent.hangs = ({ method }) => method === "eth_getBlockByHash";
    const other = await Socket.open(index.url);
    let first, is_waiting = true;
    const { heads, blocks } = await follow(index, 3, async () => {
      // Five seconds each, one after the other.
      const waits = Array.from({ length: 6 }, () => other.ask("eth_getBlockByHash", word(1), false));
      Promise.all(waits).then(() => (is_waiting = false));
      first = waits[0];
      await until("the node is asked", () => silent.hung > 0);
    });
    assert.deepEqual(heads, blocks.map(head_of));
    assert.ok(is_waiting, "they came while the node kept another client waiting");
    assert.equal((await first).error.code, -32011);
    other.ws.close();
    console.log("a node that does not answer holds no head up");
  }
} finally {
  for (const server of nodes) {
    server.closeAllConnections();
    server.close();
  }
  await world.stop();
}
