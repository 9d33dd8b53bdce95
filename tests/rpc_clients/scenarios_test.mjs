// The scenarios of viem, ethers and cast (scenarios.mjs) against the node and against the index: what they were answered, ids
// aside, and what the clients made of it.
//
//   node tests/rpc_clients/scenarios_test.mjs [--binary build/release/plumbline] [--seed 1] [--only TEXT]
import assert from "node:assert/strict";
import { join } from "node:path";

import { Random, Rpc, options } from "../../tools/node/lib.mjs";
import { root } from "../examples/example_chain.mjs";
import { until } from "../support/programs.mjs";
import { Recorder } from "./recorder.mjs";
import { scenarios } from "./scenarios.mjs";
import { World, head_of, hex } from "./world.mjs";

const args = options({ binary: join(root, "build/release/plumbline"), seed: 1, only: "" }, "usage: scenarios_test.mjs [--binary FILE] [--seed N] [--only TEXT]");
console.log(`seed ${args.seed}`);

// Ids of filters and subscriptions are the server's own; of an error the code counts; `source` says that the node answered. What a
// client asks at one moment comes in any order, and ethers asks for the chain's id once more where answers take long.
function comparable(exchanges) {
  const ids = new Map();
  const plain = (value) => (typeof value === "string" && ids.has(value) ? ids.get(value) : Array.isArray(value) ? value.map(plain) : value);
  const all = exchanges.map(([{ method, params }, { result, error }]) => {
    if (["eth_newFilter", "eth_newBlockFilter", "eth_subscribe"].includes(method) && result) ids.set(result, `the id of ${method} ${ids.size}`);
    return { method, params: plain(params ?? []), ...(error ? { error: { code: error.code } } : { result: plain(result) }) };
  });
  const is_again = (one, at) => one.method === "eth_chainId" && all.findIndex(({ method }) => method === "eth_chainId") < at;
  const text = (one) => JSON.stringify([one.method, one.params]);
  return all.filter((one, at) => !is_again(one, at)).sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0)); // stable: the same question keeps its order
}

// What came of a polling client: logs and hashes, in their order. By getLogs it may ask for a block twice.
const once = (list) => [...new Map(list.map((one) => [JSON.stringify(one), one])).values()];
const of = (exchanges, name) => exchanges.filter(([{ method }]) => method === name).flatMap(([, { result }]) => result ?? []);
const arrivals = ({ exchanges, news }, heads) => [
  ...of(exchanges, "eth_getFilterChanges"),
  ...once(of(exchanges, "eth_getLogs")),
  ...news.filter((one) => one.topics), // two subscriptions tell in any order
  ...news.filter((one) => heads && !one.topics),
];

const world = await World.start(args.binary, new Random(args.seed), 'rpc_forward = ["eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_getBlockByNumber", "eth_getBlockByHash"]\nrpc_forward_per_second = 1000');
let sides = [];
let failures = 0;
try {
  world.late = world.kept.get(world.nft.address).from;
  world.some = (await world.node.call("eth_getLogs", { address: world.whole.address, fromBlock: hex(world.start) }))[3];
  for (const scenario of scenarios.filter(({ name }) => name.includes(args.only))) {
    const began = Date.now();
    sides = await Promise.all([world.chain.url, world.index.url].map(side_of));
    try {
      const [node, index] = await together(scenario);
      check(scenario, node, index);
      console.log(`ok   ${scenario.name} (${Date.now() - began} ms)`);
    } catch (error) {
      failures++;
      console.log(`FAIL ${scenario.name}\n     ${scenario.of}\n     ${error.stack}`);
    }
  }
  console.log(`${scenarios.length} scenarios, ${failures} failures`);
} finally {
  await world.stop();
}
process.exit(failures > 0 ? 1 : 0); // what clients left open does not hold us

async function side_of(target) {
  const recorder = await Recorder.before(target);
  return { recorder, url: recorder.url, ws: recorder.ws, rpc: { batch: async ([[method, ...params]]) => [await one(recorder.url, method, params)] } };
}

// One request without a batch, as it is.
async function one(url, method, params) {
  return (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }) })).json();
}

// Runs it on both sides; what it yields happens once, when both have come to it.
async function together({ run }) {
  const runs = await Promise.all(sides.map((side) => run(side, world)));
  const are_generators = runs.every((one) => typeof one?.next === "function");
  if (!are_generators) return runs;
  for (;;) {
    const steps = await Promise.all(runs.map((one) => one.next()));
    assert.equal(steps[0].done, steps[1].done);
    if (steps[0].done) return steps.map(({ value }) => value);
    const [what] = steps.map(({ value }) => value);
    if (typeof what === "function") {
      await what(world);
      await world.settle();
    } else {
      const [method, times] = { installed: ["eth_newFilter", 1], subscribed: ["eth_subscribe", 1], "subscribed twice": ["eth_subscribe", 2], asked: ["eth_blockNumber", 1], "asked twice": ["eth_blockNumber", 2] }[what];
      for (const { recorder } of sides) await until(`the client has ${what}`, () => recorder.asked(method).length >= times, 5_000);
    }
  }
}

function check({ polls, heads, differs }, node, index) {
  const [theirs, mine] = sides.map(({ recorder }) => recorder);
  if (!differs) {
    if (polls) assert.deepEqual(arrivals(mine, heads), arrivals(theirs, heads).map((one) => (one.parentHash ? head_of(one) : one)), "what came");
    else assert.deepEqual(comparable(mine.exchanges), comparable(theirs.exchanges), "what was answered");
    assert.deepEqual(index, node, "what the client made of it");
    return;
  }
  const [node_answer, index_answer] = [theirs, mine].map(({ exchanges }) => exchanges.at(-1)[1]);
  const bare = (answer) => (answer.error ? { error: { code: answer.error.code } } : answer);
  if (differs.node) assert.deepEqual(bare(node_answer), differs.node, "the node");
  if (differs.index) assert.deepEqual(bare(index_answer), differs.index, `the index: ${differs.why}`);
  differs.node_value?.(node);
  differs.index_value?.(index);
  differs.check?.(node_answer, index_answer, mine.exchanges.at(-1)[0].params);
}
