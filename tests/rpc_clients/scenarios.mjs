// What clients do with a JSON-RPC server that knows logs, written from their documents and tests before it was run. Each
// scenario is run against the node and against the index; what was answered and what the client made of it must be equal.
//
//   name     the rule
//   of       where it stands: a page or a test of viem, ethers or Foundry, or of the Ethereum execution APIs
//   run      what the client does: `at` is one side, `w` the world. An async generator yields what must happen on the chain
//            meanwhile, once for both. What it returns is compared.
//   polls    how often it asks is its own affair: only the logs and hashes that came are compared
//   differs  where the two do not answer the same: why, as docs/rpc.md says it, and what each must say
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

import { ethers } from "../../tools/node/lib.mjs";
import { root } from "../examples/example_chain.mjs";
import { start, until } from "../support/programs.mjs";
import { abi, hex, topics, word } from "./world.mjs";

const require_ = createRequire(join(root, "tools/node/package.json"));
const viem = await import(require_.resolve("viem"));
const { WebSocket } = require_("ws");
const cast_binary = join(root, "tools/node/node_modules/@foundry-rs/cast-linux-amd64/bin/cast");

const { createPublicClient, http, webSocket } = viem;
const event_of = (name) => abi.find((one) => one.name === name);
const [transfer, approval] = ["Transfer", "Approval"].map(event_of);
const viem_docs = (page) => `viem.sh/docs/actions/public/${page}`;
const viem_test = (page, test) => `viem src/actions/public/${page}.test.ts: ${test}`;
const ethers_test = (file, test) => `ethers src.ts/_tests/${file}.ts: ${test}`;
const ethers_docs = (page) => `docs.ethers.org/v6/api/${page}`;
const cast_docs = (page) => `getfoundry.sh/cast/reference/${page}`;
const apis = (test) => `ethereum/execution-apis tests/${test}.io`;

// --- clients -------------------------------------------------------------------------------------

const by_viem = (run) => (at, w) => run(createPublicClient({ transport: http(at.url), pollingInterval: 30, cacheTime: 0 }), w);
const by_viem_ws = (run) => async function* (at, w) {
  const client = createPublicClient({ transport: webSocket(at.ws), cacheTime: 0 });
  const out = yield* run(client, w);
  (await client.transport.getRpcClient()).close();
  return out;
};
const plain = (events) => events.map((one) => [one.blockNumber, one.blockHash, one.transactionHash, one.index, one.removed, one.eventName, one.args ? [...one.args] : [one.data, ...one.topics]]);
const by_ethers = (run, more = {}) => async function* (at, w) {
  const provider = new ethers.JsonRpcProvider(at.url, undefined, { pollingInterval: 30, cacheTimeout: -1, ...more });
  const contract = new ethers.Contract(w.whole.address, abi, provider);
  try {
    const ran = run(contract, w, provider);
    return typeof ran.next === "function" ? yield* ran : await ran;
  } finally {
    await contract.removeAllListeners(); // and the filters go; a provider that nobody listens to asks nothing more
  }
};
const by_ethers_ws = (run) => async function* (at, w) {
  const provider = new ethers.WebSocketProvider(at.ws, undefined, {});
  const contract = new ethers.Contract(w.whole.address, abi, provider);
  // What it hears of a subscription before it knows the chain's id, it throws where nobody catches.
  await until("ethers knows the network", async () => {
    try {
      return provider._network;
    } catch {
      return false;
    }
  });
  const out = yield* run(contract, w, provider);
  await contract.removeAllListeners();
  return out;
};
const cast = async (at, ...command) => {
  const child = start([cast_binary, ...command, "--rpc-url", at.url]);
  const code = await child.ended;
  assert.equal(code, 0, child.errors);
  return child.text;
};
const by_cast = (...command) => (at, w) => cast(at, ...command.map((one) => (typeof one === "function" ? String(one(w)) : one)));
const raw = (method, ...params) => async (at, w) => (await w.ask(at.rpc, method, ...params.map((one) => (typeof one === "function" ? one(w) : one)))) && null;
const logs = (filter) => raw("eth_getLogs", filter);
const code_of = (code) => ({ error: { code } });

// Places in the list of people; and three transfers and an approval of the contract, beside one of a contract that the index lacks.
const [a, b, c] = [0, 1, 2];
const some = (w) => async () => {
  const [one, two, three] = w.people;
  await w.whole.send(one, "transfer", one, two, 1);
  await w.whole.send(one, "transfer", one, three, 2);
  await w.whole.send(one, "approve", one, two, 3);
  await w.whole.send(one, "transfer", two, one, 4);
  await w.foreign.send(one, "transfer", two, one, 5);
};
const came = (what, list, count) => until(`${what}: ${count} of them`, () => list.length >= count, 10_000);

// Whom the index follows where nodes differ.
const wants_topics = { why: "a position wants a topic there, null too, as with go-ethereum; anvil and reth pass over null behind a log's last topic", check: (node, index, [{ topics: wanted }]) => {
  const expected = node.result.filter((log) => log.topics.length >= wanted.length);
  assert.ok(expected.length < node.result.length);
  assert.deepEqual(index.result, expected);
} };

// ethers asks a filter when it hears of a block, and does not hear of those that come while it asks.
const came_by_blocks = (w, what, list, count) => until(`${what}: ${count} of them`, async () => {
  if (list.length < count) await w.chain.mine(1);
  return list.length >= count;
}, 10_000);

export const scenarios = [
  // --- viem: getLogs
  { name: "getLogs of an address asks for the newest block", of: viem_test("getLogs", "default"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address })) },
  { name: "getLogs of an event in a range", of: viem_test("getLogs", "args: fromBlock/toBlock"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, event: transfer, fromBlock: BigInt(w.start), toBlock: BigInt(w.start + 20) })) },
  { name: "getLogs of several events takes any of them", of: viem_docs("getLogs#events-optional"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, events: [transfer, approval], fromBlock: BigInt(w.start) })) },
  { name: "getLogs with one argument", of: viem_test("getLogs", "args: singular `from`"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, event: transfer, args: { from: w.people[a] }, fromBlock: BigInt(w.start) })) },
  { name: "getLogs with a list of arguments", of: viem_test("getLogs", "args: multiple `from`"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, event: transfer, args: { from: [w.people[a], w.people[b]] }, fromBlock: BigInt(w.start) })) },
  { name: "getLogs with a second argument and not the first", of: viem_test("getLogs", "args: multiple `to`"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, event: transfer, args: { to: [w.people[b], w.people[c]] }, fromBlock: BigInt(w.start) })) },
  { name: "getLogs by an indexed string looks for its hash", of: viem_docs("getLogs#args-optional"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, event: event_of("Named"), args: { name: "name" }, fromBlock: BigInt(w.start) })) },
  { name: "getLogs of an event with three arguments", of: viem_docs("getLogs#args-optional"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, event: event_of("Four"), args: { value: [1n, 2n, 3n] }, fromBlock: BigInt(w.start) })) },
  { name: "getLogs from the earliest block to the newest", of: viem_docs("getLogs#block-range"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, fromBlock: "earliest", toBlock: "latest" })) },
  { name: "getLogs up to the finalized block", of: viem_docs("getLogs#toblock-optional"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, fromBlock: BigInt(w.start), toBlock: "finalized" })) },
  { name: "getLogs of pending blocks", of: viem_docs("getLogs#fromblock-optional"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, fromBlock: BigInt(w.start), toBlock: "pending" })) },
  { name: "getLogs by a block's hash", of: viem_test("getLogs", "args: blockHash"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, blockHash: w.some.blockHash })) },
  { name: "getLogs of several addresses", of: viem_docs("getLogs#address-optional"), run: by_viem((v, w) => v.getLogs({ address: [w.whole.address, w.part.address, w.narrow.address].slice(0, 2), event: transfer, fromBlock: BigInt(w.start) })) },
  { name: "strict getLogs leaves out what does not decode", of: viem_test("getLogs", "args: strict"), run: by_viem((v, w) => v.getLogs({ address: [w.whole.address, w.nft.address], event: transfer, strict: true, fromBlock: BigInt(w.late) })) },
  { name: "getLogs that is not strict takes an event of another shape", of: viem_test("getLogs", "args: strict"), run: by_viem((v, w) => v.getLogs({ address: w.nft.address, event: transfer, strict: false, fromBlock: BigInt(w.late) })) },
  { name: "getLogs in ranges of blocks", of: viem_docs("getLogs#blockrange-optional"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, event: transfer, fromBlock: BigInt(w.start), toBlock: BigInt(w.start + 30), blockRange: 7n })) },
  { name: "iterateLogs tells pages of blocks up to the newest", of: viem_docs("iterateLogs"), run: by_viem(async (v, w) => { const pages = []; for await (const page of (await import(require_.resolve("viem/actions"))).iterateLogs(v, { address: w.whole.address, events: [transfer, approval], fromBlock: BigInt(w.start), blockRange: 25n })) pages.push(page); return pages; }) },
  { name: "several getLogs go in one batch", of: "viem.sh/docs/clients/transports/http#batching-json-rpc", run: async (at, w) => { const client = createPublicClient({ transport: http(at.url, { batch: true }) }); return Promise.all([transfer, approval, event_of("One")].map((event) => client.getLogs({ address: w.whole.address, event, fromBlock: BigInt(w.start) }))); } },
  { name: "a range that begins above the newest block is refused", of: viem_docs("getLogs"), run: by_viem((v, w) => v.getLogs({ address: w.whole.address, fromBlock: 1_000_000n }).then(() => "told", () => "refused")), differs: { why: "-32001: the index does not have these blocks", node: code_of(-32602), index: code_of(-32001) } },

  // --- viem: contract events, filters
  { name: "getContractEvents of one event", of: viem_test("getContractEvents", "args: eventName"), run: by_viem((v, w) => v.getContractEvents({ address: w.whole.address, abi, eventName: "Approval", fromBlock: BigInt(w.start) })) },
  { name: "getContractEvents of all, strict", of: viem_test("getContractEvents", "args: strict"), run: by_viem((v, w) => v.getContractEvents({ address: w.whole.address, abi, strict: true, fromBlock: BigInt(w.start) })) },
  { name: "getFilterLogs tells what a filter's range has", of: viem_test("getFilterLogs", "args: fromBlock/toBlock"), run: by_viem(async (v, w) => v.getFilterLogs({ filter: await v.createEventFilter({ address: w.whole.address, event: transfer, fromBlock: BigInt(w.start), toBlock: BigInt(w.start + 20) }) })) },
  { name: "getFilterLogs of a contract's filter with arguments", of: viem_test("getFilterLogs", "args: singular `from`"), run: by_viem(async (v, w) => v.getFilterLogs({ filter: await v.createContractEventFilter({ address: w.whole.address, abi, eventName: "Transfer", args: { from: w.people[a] }, fromBlock: BigInt(w.start) }) })) },
  { name: "getFilterChanges tells new logs, each once", of: viem_test("getFilterChanges", "no args"), run: by_viem(async function* (v, w) {
    const filter = await v.createEventFilter({ address: w.whole.address });
    const out = [];
    for (let i = 0; i < 2; i++) { yield some(w); out.push(await v.getFilterChanges({ filter }), await v.getFilterChanges({ filter })); }
    return out;
  }) },
  { name: "getFilterChanges of one event with a list of arguments", of: viem_test("getFilterChanges", "args: multiple `from`"), run: by_viem(async function* (v, w) {
    const filter = await v.createContractEventFilter({ address: w.whole.address, abi, eventName: "Transfer", args: { from: [w.people[a], w.people[c]] } });
    yield some(w);
    return v.getFilterChanges({ filter });
  }) },
  { name: "getFilterChanges of a filter with fromBlock tells what is new", of: viem_test("getFilterChanges", "args: fromBlock/toBlock"), run: by_viem(async function* (v, w) {
    const filter = await v.createEventFilter({ address: w.whole.address, event: transfer, fromBlock: BigInt(w.start) });
    const first = await v.getFilterChanges({ filter });
    yield some(w);
    return [first.length > 0, await v.getFilterChanges({ filter })];
  }), differs: { why: "anvil tells what is older first; go-ethereum and the index do not", node_value: ([older, logs]) => assert.ok(older && logs.length === 3), index_value: ([older, logs]) => assert.ok(!older && logs.length === 3) } },
  { name: "a filter from a block above the newest tells logs from that block on", of: "go-ethereum eth/filters: SubscribeLogs, filterLogs", run: by_viem(async function* (v, w) {
    const from = (await v.getBlockNumber()) + 2n;
    const filter = await v.createEventFilter({ address: w.whole.address, event: transfer, fromBlock: from }).catch(() => null);
    const before = filter && await v.getFilterChanges({ filter });
    yield some(w); // a block each: the first of the three transfers is below it
    return filter && { from, told: [before, await v.getFilterChanges({ filter }), await v.getFilterChanges({ filter })] };
  }), differs: { why: "anvil refuses it; go-ethereum and the index tell what comes from there on", node: code_of(-32602), index_value: ({ from, told: [before, logs, again] }) => {
    assert.deepEqual([before.length, logs.length, again.length], [0, 2, 0]);
    assert.equal(logs[0].blockNumber, from);
  } } },
  { name: "a filter of blocks tells each new block's hash once", of: viem_test("getFilterChanges", "new blocks"), run: by_viem(async function* (v) {
    const filter = await v.createBlockFilter();
    const out = [];
    for (const count of [2, 0, 1]) { yield async (w) => { if (count > 0) await w.chain.mine(count); }; out.push(await v.getFilterChanges({ filter })); }
    return out;
  }) },
  { name: "a filter of blocks has no logs", of: "go-ethereum eth/filters: GetFilterLogs", run: by_viem(async (v) => v.getFilterLogs({ filter: { ...(await v.createBlockFilter()), type: "event" } }).catch(({ walk }) => walk ? "refused" : "broken")) },
  { name: "uninstallFilter says whether there was one", of: viem_test("uninstallFilter", "default"), run: by_viem(async (v, w) => { const filter = await v.createEventFilter({ address: w.whole.address }); return [await v.uninstallFilter({ filter }), await v.uninstallFilter({ filter }), await v.getFilterChanges({ filter }).then(() => "told", () => "refused")]; }) },

  // --- viem: watching
  { name: "watchEvent polls a filter", of: viem_test("watchEvent", "default"), polls: true, run: by_viem(async function* (v, w) {
    const seen = [], errors = [];
    const end = v.watchEvent({ address: w.whole.address, event: transfer, onLogs: (logs) => seen.push(...logs), onError: (error) => errors.push(error.message) });
    yield "installed";
    yield some(w);
    await came("viem's watchEvent", seen, 3);
    end();
    return [seen, errors];
  }) },
  { name: "watchEvent without batches tells one log at a time", of: viem_test("watchEvent", "args: batch"), polls: true, run: by_viem(async function* (v, w) {
    const seen = [];
    const end = v.watchEvent({ address: w.whole.address, args: { to: [w.people[b]] }, event: transfer, batch: false, onLogs: (logs) => seen.push(logs) });
    yield "installed";
    yield some(w);
    await came("viem's watchEvent", seen, 1);
    end();
    return seen;
  }) },
  { name: "watchEvent asks by getLogs where a filter is unknown", of: viem_docs("watchEvent"), polls: true, run: async function* (at, w) {
    const request = async ({ method, params = [] }) => {
      if (method === "eth_newFilter") throw new Error("no filters here");
      const { result, error } = await w.ask(at.rpc, method, ...params);
      if (error) throw error;
      return result;
    };
    const client = createPublicClient({ transport: viem.custom({ request }, { retryCount: 0 }), pollingInterval: 30, cacheTime: 0 });
    const seen = [];
    const end = client.watchEvent({ address: w.whole.address, event: transfer, onLogs: (logs) => seen.push(...logs) });
    yield "asked twice";
    yield some(w);
    await came("viem's watchEvent", seen, 3);
    end();
    return seen;
  } },
  { name: "watchContractEvent polls all events of a contract", of: viem_test("watchContractEvent", "default"), polls: true, run: by_viem(async function* (v, w) {
    const seen = [];
    const end = v.watchContractEvent({ address: w.whole.address, abi, onLogs: (logs) => seen.push(...logs) });
    yield "installed";
    yield some(w);
    await came("viem's watchContractEvent", seen, 4);
    end();
    return seen;
  }) },
  { name: "watchBlockNumber polls", of: viem_test("watchBlockNumber", "emits"), polls: true, run: by_viem(async function* (v, w) {
    const seen = [];
    const end = v.watchBlockNumber({ onBlockNumber: (number) => seen.push(number), emitMissed: true });
    yield "asked";
    yield some(w);
    await until("viem's watchBlockNumber", async () => seen.at(-1) === BigInt(await w.node.call("eth_blockNumber")));
    end();
    return seen.slice(-4);
  }) },
  { name: "watchEvent by WebSocket subscribes", of: viem_test("watchEvent", "subscribe"), polls: true, run: by_viem_ws(async function* (v, w) {
    const seen = [];
    const end = v.watchEvent({ address: w.whole.address, events: [transfer, approval], onLogs: (logs) => seen.push(...logs) });
    yield "subscribed";
    yield some(w);
    await came("viem's subscription", seen, 4);
    end();
    return seen;
  }) },
  { name: "watchContractEvent by WebSocket, with arguments", of: viem_test("watchContractEvent", "subscribe"), polls: true, run: by_viem_ws(async function* (v, w) {
    const seen = [];
    const end = v.watchContractEvent({ address: w.whole.address, abi, eventName: "Transfer", args: { from: w.people[a] }, strict: true, onLogs: (logs) => seen.push(...logs) });
    yield "subscribed";
    yield some(w);
    await came("viem's subscription", seen, 2);
    end();
    return seen;
  }) },
  { name: "watchBlockNumber by WebSocket follows new heads", of: viem_test("watchBlockNumber", "subscribe"), polls: true, heads: true, run: by_viem_ws(async function* (v, w) {
    const seen = [];
    const end = v.watchBlockNumber({ onBlockNumber: (number) => seen.push(number) });
    yield "subscribed";
    yield some(w);
    await came("viem's subscription", seen, 5);
    end();
    return seen;
  }) },
  { name: "watchBlocks by WebSocket gets the block of each new head", of: viem_test("watchBlocks", "subscribe"), polls: true, heads: true, run: by_viem_ws(async function* (v, w) {
    const seen = [];
    const end = v.watchBlocks({ onBlock: (block) => seen.push([block.number, block.hash, block.gasUsed, block.baseFeePerGas]) });
    yield "subscribed";
    yield some(w);
    await came("viem's watchBlocks", seen, 5);
    end();
    return seen.sort(([one], [other]) => Number(one - other)); // it asks for several at a time
  }) },
  { name: "getLogs by WebSocket", of: "viem.sh/docs/clients/transports/websocket", run: by_viem_ws(async function* (v, w) { return v.getContractEvents({ address: w.whole.address, abi, fromBlock: BigInt(w.start) }); }) },

  // --- viem: the chain, and what the node is asked for
  { name: "getChainId and getBlockNumber", of: viem_docs("getBlockNumber"), run: by_viem(async (v) => [await v.getChainId(), await v.getBlockNumber()]) },
  { name: "getTransactionReceipt", of: viem_docs("getTransactionReceipt"), run: by_viem((v, w) => v.getTransactionReceipt({ hash: w.some.transactionHash })) },
  { name: "waitForTransactionReceipt of a transaction that is mined", of: viem_docs("waitForTransactionReceipt"), polls: true, run: by_viem((v, w) => v.waitForTransactionReceipt({ hash: w.some.transactionHash })) },
  { name: "getBlock of the newest block and by its hash", of: viem_docs("getBlock"), run: by_viem(async (v, w) => [await v.getBlock(), await v.getBlock({ blockHash: w.some.blockHash })]) },

  // --- ethers
  { name: "queryFilter by an event's name", of: ethers_test("test-contract", "tests events"), run: by_ethers(async (e, w) => plain(await e.queryFilter("Transfer", w.start))) },
  { name: "queryFilter by names in lists", of: ethers_test("test-contract", "Multiple Methods"), run: by_ethers(async (e, w) => plain(await e.queryFilter([["Transfer", "Approval"]], w.start))) },
  { name: "queryFilter from so many blocks below the newest", of: ethers_test("test-contract", "queryFilter(filter, -10)"), run: by_ethers(async (e) => plain(await e.queryFilter("Transfer", -10))) },
  { name: "queryFilter by a topic", of: ethers_test("test-contract", "queryFilter by hash"), run: by_ethers(async (e, w) => plain(await e.queryFilter(topics.Approval, w.start, "latest"))) },
  { name: "queryFilter of all events", of: ethers_docs("contract/#BaseContract-queryFilter"), run: by_ethers(async (e, w) => plain(await e.queryFilter("*", w.start, w.start + 30))), differs: wants_topics },
  { name: "a deferred filter with null for any", of: ethers_docs("contract/#ContractEventArgs"), run: by_ethers(async (e, w) => plain(await e.queryFilter(e.filters.Transfer(null, w.people[b]), w.start))) },
  { name: "a deferred filter with a list", of: ethers_docs("contract/#ContractEventArgs"), run: by_ethers(async (e, w) => plain(await e.queryFilter(e.filters.Transfer([w.people[a], w.people[b]], null), w.start))) },
  { name: "getLogs by a block's hash", of: ethers_docs("providers/#FilterByBlockHash"), run: by_ethers(async (e, w, provider) => plain(await provider.getLogs({ address: w.whole.address, blockHash: w.some.blockHash }))) },
  { name: "getLogs of several addresses with nested topics", of: ethers_docs("providers/#TopicFilter"), run: by_ethers(async (e, w, provider) => plain(await provider.getLogs({ address: [w.whole.address, w.part.address], topics: [[topics.Transfer], [word(w.people[a]), word(w.people[c])]], fromBlock: w.start, toBlock: "latest" }))) },
  { name: "what is asked at one moment goes in one batch", of: ethers_docs("providers/jsonrpc/#JsonRpcApiProviderOptions"), run: by_ethers(async (e, w, provider) => { await provider.getNetwork(); return (await Promise.all(["Transfer", "Approval", "One"].map((name) => e.queryFilter(name, w.start)))).map(plain); }) },
  { name: "on() hears an event by a filter", of: ethers_test("test-contract", "specificEvent"), polls: true, run: by_ethers(async function* (e, w) {
    const heard = [];
    await e.on("Transfer", (from, to, value, { log }) => heard.push([from, to, value, log.blockHash, log.index]));
    yield "installed";
    yield some(w);
    await came_by_blocks(w, "ethers' on()", heard, 3);
    return heard;
  }) },
  { name: "on('*') hears all events", of: ethers_test("test-contract", "allEvents"), polls: true, run: by_ethers(async function* (e, w) {
    const heard = [];
    await e.on("*", ({ eventName, args, log }) => heard.push([eventName, [...args], log.blockNumber]));
    yield "installed";
    yield some(w);
    await came_by_blocks(w, "ethers' on('*')", heard, 4);
    return heard;
  }) },
  { name: "on() hears an event by getLogs where it polls", of: ethers_docs("providers/jsonrpc/#JsonRpcApiProviderOptions"), polls: true, run: by_ethers(async function* (e, w) {
    const heard = [];
    await e.on(e.filters.Transfer(w.people[a]), ({ args, log }) => heard.push([[...args], log.blockHash]));
    yield "asked";
    yield some(w);
    await came_by_blocks(w, "ethers' on() by polling", heard, 2);
    return [...new Map(heard.map((one) => [one[1], one])).values()]; // ethers may tell it again
  }, { polling: true }) },
  { name: "once() hears one", of: ethers_docs("contract/#BaseContract-once"), polls: true, run: by_ethers(async function* (e, w) {
    const heard = [];
    await e.once("Approval", (owner, spender, value) => heard.push([owner, spender, value]));
    yield "installed";
    yield some(w);
    await came_by_blocks(w, "ethers' once()", heard, 1);
    return [heard, await e.listenerCount("Approval")];
  }) },
  { name: "on('block') hears every block", of: ethers_docs("providers/#ProviderEvent"), polls: true, run: by_ethers(async function* (e, w, provider) {
    const heard = [];
    await provider.on("block", (number) => heard.push(number));
    yield "asked";
    yield some(w);
    await until("ethers' on('block')", async () => heard.at(-1) === Number(await w.node.call("eth_blockNumber")));
    provider.off("block");
    return heard.slice(-4);
  }) },
  { name: "on() by WebSocket subscribes", of: ethers_test("test-providers-websocket-subscribe", "events"), polls: true, run: by_ethers_ws(async function* (e, w) {
    const heard = [];
    await e.on("Transfer", (from, to, value, { log }) => heard.push([from, to, value, log.blockHash]));
    yield "subscribed";
    yield some(w);
    await came("ethers' on() by WebSocket", heard, 3);
    return heard;
  }) },
  { name: "on('block') by WebSocket follows new heads", of: ethers_docs("providers/websocket"), polls: true, heads: true, run: by_ethers_ws(async function* (e, w, provider) {
    const heard = [];
    await provider.on("block", (number) => heard.push(number));
    yield "subscribed";
    yield some(w);
    await came("ethers' on('block') by WebSocket", heard, 5);
    await provider.off("block");
    return heard;
  }) },
  { name: "getTransactionReceipt with its logs", of: ethers_test("test-contract", "receipt.logs"), run: by_ethers(async (e, w, provider) => plain((await provider.getTransactionReceipt(w.some.transactionHash)).logs)) },

  // --- cast
  { name: "cast logs of a signature", of: cast_docs("logs"), run: by_cast("logs", "Transfer(address indexed from, address indexed to, uint256 value)", "--address", (w) => w.whole.address, "--from-block", (w) => w.start) },
  { name: "cast logs with indexed arguments", of: "foundry crates/cast/tests/cli/main.rs: logs_sig_2", run: by_cast("logs", "Transfer(address indexed from, address indexed to, uint256 value)", "", (w) => w.people[b], "--address", (w) => w.whole.address, "--from-block", (w) => w.start, "--to-block", "latest") },
  { name: "cast logs by topics, an empty one for any", of: "foundry crates/cast/tests/cli/main.rs: logs_topics", run: by_cast("logs", topics.Transfer, "", (w) => word(w.people[c]), "--address", (w) => w.whole.address, "--from-block", (w) => w.start, "--json") },
  { name: "cast logs of several addresses between tags", of: cast_docs("logs"), run: by_cast("logs", "--address", (w) => w.whole.address, "--address", (w) => w.whole.address, "--from-block", "earliest", "--to-block", "finalized", "--json") },
  { name: "cast logs in parts of blocks", of: cast_docs("logs"), run: by_cast("logs", topics.Transfer, "--address", (w) => w.whole.address, "--from-block", (w) => w.start, "--to-block", (w) => w.start + 30, "--query-size", "8", "--json") },
  { name: "cast logs --subscribe streams until it is interrupted", of: cast_docs("logs"), polls: true, run: async function* (at, w) {
    const child = start([cast_binary, "logs", topics.Transfer, "--address", w.whole.address, "--subscribe", "--json", "--rpc-url", at.ws]);
    yield "subscribed";
    yield some(w);
    await until("cast has three logs", () => at.recorder.news.length >= 3 && child.text.includes("}"), 10_000); // it writes the last at its end
    child.kill("SIGINT");
    await child.ended;
    return JSON.parse(child.text.replace(/]?$/, "]"));
  } },
  { name: "cast logs --subscribe ends at --to-block, for which it reads whole headers", of: cast_docs("logs"), polls: true, run: async function* (at, w) {
    const last = Number(await w.node.call("eth_blockNumber")) + 6;
    const child = start([cast_binary, "logs", topics.Transfer, "--address", w.whole.address, "--subscribe", "--to-block", String(last), "--json", "--rpc-url", at.ws]);
    yield "subscribed twice";
    yield some(w);
    await until("cast has three logs", () => at.recorder.news.filter((one) => one.topics).length >= 3, 10_000);
    yield () => w.chain.mine(1);
    yield () => w.chain.mine(1);
    await until("cast has ended", () => child.exitCode !== null, 10_000);
    assert.equal(child.exitCode, 0, child.errors);
    return JSON.parse(child.text.replace(/]?$/, "]"));
  } },
  { name: "cast chain-id, block-number and receipt", of: cast_docs("receipt"), run: async (at, w) => [await cast(at, "chain-id"), await cast(at, "block-number"), await cast(at, "receipt", w.some.transactionHash, "--json")] },
  { name: "cast rpc eth_getLogs", of: cast_docs("rpc"), run: (at, w) => cast(at, "rpc", "eth_getLogs", JSON.stringify({ address: w.whole.address, fromBlock: hex(w.start), topics: [null, word(w.people[a])] })) },

  // --- the execution APIs' own tests
  { name: "getLogs of a contract's address", of: apis("eth_getLogs/contract-addr"), run: logs((w) => ({ address: [w.whole.address], fromBlock: hex(w.start), toBlock: hex(w.start + 3), topics: null })) },
  { name: "getLogs without topics takes logs that have none", of: apis("eth_getLogs/no-topics"), run: logs((w) => ({ address: w.whole.address, fromBlock: hex(w.start), toBlock: hex(w.start + 40) })) },
  { name: "a topic is matched exactly", of: apis("eth_getLogs/topic-exact-match"), run: logs((w) => ({ address: w.whole.address, fromBlock: hex(w.start), toBlock: "latest", topics: [topics.Four, [word(w.people[a])], word(3)] })) },
  { name: "an empty list allows any topic", of: apis("eth_getLogs/topic-wildcard"), run: logs((w) => ({ address: w.whole.address, fromBlock: hex(w.start), toBlock: "latest", topics: [[], [word(w.people[a])]] })) },
  { name: "null allows any topic", of: apis("eth_getLogs/topic-null-wildcard"), run: logs((w) => ({ address: w.whole.address, fromBlock: hex(w.start), toBlock: "latest", topics: [null, word(w.people[b])] })) },
  { name: "null in a list allows any topic", of: "go-ethereum eth/filters: FilterCriteria.UnmarshalJSON", run: logs((w) => ({ address: w.whole.address, fromBlock: hex(w.start), topics: [[topics.Transfer, null], word(w.people[b])] })) },
  { name: "an anonymous event's arguments are topics from the first on", of: "Solidity documentation: anonymous events", run: logs((w) => ({ address: w.whole.address, fromBlock: hex(w.start), topics: [word(w.people[a])] })) },
  { name: "a block's hash with topics", of: apis("eth_getLogs/filter-with-blockHash-and-topics"), run: logs((w) => ({ address: w.whole.address, blockHash: w.some.blockHash, topics: [w.some.topics[0] ?? null] })) },
  { name: "a hash that no block has", of: "EIP-234", run: logs(() => ({ address: "0x" + "00".repeat(20), blockHash: word(17) })), },
  { name: "a block's hash beside a range is refused", of: apis("eth_getLogs/filter-error-invalid-blockHash-and-range"), run: logs((w) => ({ address: w.whole.address, fromBlock: "0x1", toBlock: "0x2", blockHash: w.some.blockHash })) },
  { name: "a range that is reversed is refused", of: apis("eth_getLogs/filter-error-reversed-block-range"), run: logs((w) => ({ address: w.whole.address, fromBlock: hex(w.start + 2), toBlock: hex(w.start + 1) })), differs: { why: "refused, as the specification's tests want it; anvil tells an empty list", node: { result: [] }, index: code_of(-32602) } },
  { name: "a range that ends above the newest block is refused", of: apis("eth_getLogs/filter-error-future-block-range"), run: logs((w) => ({ address: w.foreign.address, fromBlock: hex(w.start), toBlock: "0xffffff", topics: [word(1)] })), differs: { why: "refused, as the specification's tests want it; anvil tells what is there", node: { result: [] }, index: code_of(-32001) } },
  { name: "a range from above the newest block to the newest is refused", of: apis("eth_getLogs/filter-error-future-block-to-latest"), run: logs((w) => ({ address: w.whole.address, fromBlock: "0xffffff", toBlock: "latest" })), differs: { why: "-32001: the index does not have these blocks", node: code_of(-32602), index: code_of(-32001) } },
  { name: "a position wants a topic there, null too", of: "go-ethereum eth/filters: includes, filterLogs", run: logs((w) => ({ address: w.whole.address, fromBlock: hex(w.start), toBlock: hex(w.start + 40), topics: [null, null, null, null] })), differs: wants_topics },
  { name: "more than four positions are refused", of: "go-ethereum eth/filters: maxTopics", run: logs((w) => ({ address: w.whole.address, topics: [null, null, null, null, null] })) },
  { name: "a filter without an address is refused", of: "docs/rpc.md", run: logs(() => ({ topics: [topics.Named] })), differs: { why: "the index has the contracts of its config", check: (node, index) => { assert.ok(Array.isArray(node.result)); assert.equal(index.error.code, -32001); } } },
  { name: "what is no filter is refused", of: "JSON-RPC 2.0: invalid params", run: async (at, w) => { for (const filter of [null, { address: "0x12" }, { topics: ["0x12"] }, { topics: [[["0x12"]]] }, { topics: "0x12" }, { fromBlock: 5 }, { fromBlock: "5" }, { fromBlock: "" }, { fromBlock: "0x" }, { fromBlock: "0x10000000000000000" }, { blockHash: "0x12" }]) await w.ask(at.rpc, "eth_getLogs", filter); } },
  { name: "eth_chainId, net_version and eth_syncing", of: apis("eth_chainId/get-chain-id"), run: async (at, w) => { for (const method of ["eth_chainId", "net_version", "eth_syncing"]) await w.ask(at.rpc, method); } },
  { name: "a method that nobody knows", of: "JSON-RPC 2.0: method not found", run: raw("eth_nope") },
  { name: "a filter that nobody installed", of: "go-ethereum eth/filters: errFilterNotFound", run: async (at, w) => { await w.ask(at.rpc, "eth_getFilterChanges", "0x1"); await w.ask(at.rpc, "eth_getFilterLogs", "0x1"); await w.ask(at.rpc, "eth_uninstallFilter", "0x1"); await w.ask(at.rpc, "eth_getFilterChanges", 1); } },
  { name: "a subscription is ended once", of: "geth.ethereum.org/docs/interacting-with-geth/rpc/pubsub", run: async (at, w) => {
    const socket = new WebSocket(at.ws);
    await new Promise((done) => socket.once("open", done));
    const ask = (id, method, ...params) => new Promise((done) => { socket.once("message", (data) => done(JSON.parse(data).result)); socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params })); });
    const id = await ask(1, "eth_subscribe", "logs", { address: w.whole.address });
    const out = [typeof id, await ask(2, "eth_unsubscribe", id), await ask(3, "eth_unsubscribe", id)];
    socket.close();
    return out;
  } },
];
