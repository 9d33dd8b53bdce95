// /rpc as clients use it: unchanged viem and ethers, and random filters, against the index and against the node that it
// follows; both must tell the same. What the index does not have must be refused, never answered short. Filters through
// reorganisations of the real chain.
//
//   node tests/rpc_clients/rpc_clients_test.mjs [--binary build/release/plumbline] [--filters 400] [--reorgs 30] [--seed 1]
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { compile } from "../../tools/node/compile.mjs";
import { Random, Rpc, ethers, options } from "../../tools/node/lib.mjs";
import { Chain, root } from "../examples/example_chain.mjs";
import { free_port, until } from "../support/programs.mjs";

const { createPublicClient, http, parseAbi, parseAbiItem, webSocket } = await import(createRequire(join(root, "tools/node/package.json")).resolve("viem"));

const { WebSocket } = createRequire(join(root, "tools/node/package.json"))("ws");

const args = options({ binary: join(root, "build/release/plumbline"), filters: 400, reorgs: 30, seed: 1 }, "usage: rpc_clients_test.mjs [--binary FILE] [--filters N] [--reorgs N] [--seed N]");
console.log(`seed ${args.seed}`);
const generator = new Random(args.seed);
const random = (below) => generator.below(below);
const pick = (list) => list[random(list.length)];
const work = mkdtempSync(join(tmpdir(), "rpc-clients-"));
const chain = await Chain.start(random);
let service;
try {
  // --- a chain with three tokens, two of them indexed, one of these in part
  const artifact = compile(join(root, "tests/contracts/Tokens.sol")).TestToken;
  const [whole, part, foreign] = [await chain.deploy(artifact), await chain.deploy(artifact), await chain.deploy(artifact)];
  const burst = await chain.deploy(compile(join(root, "tests/contracts/Burst.sol")).Burst);
  const tokens = [whole, part, foreign];
  const people = chain.people.slice(0, 5);
  const start = Number(await chain.rpc.call("eth_blockNumber"));
  const act = async () => {
    const token = pick(tokens), dice = random(5);
    if (dice < 2) await token.send(people[0], "mint", pick(people), 1000 + random(1000));
    else if (dice < 4) await token.attempt(pick(people), "transfer", pick(people), random(500));
    else await token.send(pick(people), "approve", pick(people), random(900));
  };
  for (let i = 0; i < 60; i++) await act();
  for (let i = 0; i < 4; i++) await burst.send(people[0], "burst", 3000);

  const port = await free_port();
  writeFileSync(join(work, "Token.json"), JSON.stringify(artifact.abi));
  writeFileSync(join(work, "plumbline.toml"), `[chain]
id = 31337
rpc = "${chain.url}"
poll_interval = "50ms"
finality = 40

[contracts.whole]
abi = "Token.json"
address = "${whole.address}"
start_block = ${start}

[contracts.part]
abi = "Token.json"
address = "${part.address}"
start_block = ${start}
events = ["Transfer"]

[contracts.burst]
abi = "Token.json"
address = "${burst.address}"
start_block = ${start}

[http]
listen = "127.0.0.1:${port}"
`);
  const serve = () => spawn(args.binary, ["run", join(work, "plumbline.toml"), "--db", join(work, "db"), "--quiet"], { stdio: ["ignore", "ignore", "inherit"] });
  service = serve();
  const url = `http://127.0.0.1:${port}/rpc`;
  const index = new Rpc(url), node = chain.rpc;
  const raw = async (rpc, method, ...params) => (await rpc.batch([[method, ...params]]))[0];
  const head = () => node.call("eth_blockNumber");
  await until("the index is at the head", async () => (await raw(index, "eth_blockNumber").catch(() => ({}))).result === (await head()));

  // --- random filters: the same as the node's, or refused
  const hex = (n) => "0x" + n.toString(16);
  const topic = (name) => ethers.id(name);
  const transfer = topic("Transfer(address,address,uint256)"), approval = topic("Approval(address,address,uint256)");
  const word = (address) => "0x" + address.slice(2).padStart(64, "0");
  const position = (values) => [null, pick(values), [pick(values), pick(values)], [pick(values)]][random(4)];
  let answered = 0, refused = 0, matched = 0;
  for (let i = 0; i < args.filters; i++) {
    const last = Number(await head());
    const address = pick([[whole.address], [part.address], [whole.address, part.address], [foreign.address, whole.address], whole.address.toUpperCase().replace("0X", "0x"), undefined]);
    const from = pick([hex(start + random(last - start + 1)), hex(start), hex(random(start)), "latest", undefined]);
    const to = pick([hex(start + random(last - start + 1)), hex(last), "latest", "pending", undefined]);
    const filter = { address, fromBlock: from, toBlock: to, topics: pick([undefined, [], [position([transfer, approval])], [transfer, position(people.map(word))], [position([transfer, approval]), null, position(people.map(word))]]) };
    const place = (block, other) => block === undefined || block === "latest" || block === "pending" ? other : Number(block);
    if (place(from, last) > place(to, last)) continue;
    const mine = await raw(index, "eth_getLogs", filter);
    const list = address === undefined ? [] : [address].flat().map((one) => one.toLowerCase());
    const asked = [filter.topics?.[0] ?? []].flat();
    const is_covered = list.length > 0 && !list.includes(foreign.address) && place(from, last) >= start && (!list.includes(part.address) || (asked.length > 0 && asked.every((one) => one === transfer)));
    if (!is_covered) {
      assert.equal(mine.error?.code, -32001, `answered though it is not covered: ${JSON.stringify(filter)}`);
      refused++;
      continue;
    }
    const theirs = await raw(node, "eth_getLogs", filter);
    assert.deepEqual(mine.result, theirs.result, JSON.stringify(filter));
    answered++;
    matched += mine.result.length;
  }
  assert.ok(answered > args.filters / 10 && refused > args.filters / 10 && matched > 0, `${answered} answered, ${refused} refused, ${matched} logs`);
  console.log(`filters: ${answered} equal to the node's (${matched} logs), ${refused} refused`);

  // --- by a block's hash
  const [some] = (await raw(index, "eth_getLogs", { address: whole.address, fromBlock: hex(start) })).result;
  assert.deepEqual((await raw(index, "eth_getLogs", { address: whole.address, blockHash: some.blockHash })).result, (await raw(node, "eth_getLogs", { address: whole.address, blockHash: some.blockHash })).result);

  // --- a list that is too long for one piece comes in parts, and the connection goes on
  {
    const asked = { address: burst.address, fromBlock: hex(start) };
    const body = JSON.stringify({ jsonrpc: "2.0", id: "long", method: "eth_getLogs", params: [asked] });
    const long = await fetch(url, { method: "POST", body });
    assert.deepEqual([long.status, long.headers.get("content-length"), long.headers.get("plumbline-source")], [200, null, "index"]);
    const { result, id } = await long.json();
    assert.equal(id, "long");
    assert.equal(result.length, 12000);
    assert.deepEqual(result, (await raw(node, "eth_getLogs", asked)).result);
    // HTTP/1.0 knows no parts, a batch has none: both are told a range that fits.
    const old = await new Promise((done) => {
      let text = "";
      const socket = connect(port, "127.0.0.1", () => socket.write(`POST /rpc HTTP/1.0\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
      socket.on("data", (more) => (text += more)).on("close", () => done(JSON.parse(text.split("\r\n\r\n")[1])));
    });
    const batch = await index.batch([["eth_getLogs", asked], ["eth_chainId"]]);
    for (const { error } of [old, batch[0]]) assert.ok(error.code === -32005 && /block range \[0x/.test(error.message), JSON.stringify(error));
    assert.equal(batch[1].result, "0x7a69");
    console.log(`12,000 logs in one answer, in parts`);
  }

  // --- viem, as it comes
  const abi = parseAbi(["event Transfer(address indexed from, address indexed to, uint256 value)", "event Approval(address indexed owner, address indexed spender, uint256 value)"]);
  const by = (where) => createPublicClient({ transport: http(where), pollingInterval: 50, cacheTime: 0 });
  const [mine, theirs] = [by(url), by(chain.url)];
  const same = async (what, ask) => {
    assert.deepEqual(await ask(mine), await ask(theirs), what);
    console.log(`viem: ${what}`);
  };
  await same("getChainId", (client) => client.getChainId());
  await same("getBlockNumber", (client) => client.getBlockNumber());
  await same("getLogs of an event", (client) => client.getLogs({ address: whole.address, event: abi[0], fromBlock: BigInt(start) }));
  await same("getLogs with arguments", (client) => client.getLogs({ address: whole.address, event: abi[0], args: { to: people[1] }, fromBlock: BigInt(start), toBlock: "latest" }));
  await same("getLogs of two events", (client) => client.getLogs({ address: whole.address, events: abi, fromBlock: BigInt(start) }));
  await same("getLogs of two addresses", (client) => client.getLogs({ address: [whole.address, part.address], event: parseAbiItem("event Transfer(address indexed from, address indexed to, uint256 value)"), fromBlock: BigInt(start) }));
  await same("getContractEvents", (client) => client.getContractEvents({ address: whole.address, abi, eventName: "Approval", fromBlock: BigInt(start) }));
  await same("getContractEvents, strict", (client) => client.getContractEvents({ address: whole.address, abi, fromBlock: BigInt(start), strict: true }));
  await same("getLogs by block hash", (client) => client.getLogs({ address: whole.address, blockHash: some.blockHash }));
  await same("createEventFilter and getFilterLogs", async (client) => client.getFilterLogs({ filter: await client.createEventFilter({ address: whole.address, event: abi[0], fromBlock: BigInt(start) }) }));
  await same("createContractEventFilter and getFilterLogs", async (client) => client.getFilterLogs({ filter: await client.createContractEventFilter({ address: whole.address, abi, fromBlock: BigInt(start) }) }));
  {
    const seen = [], numbers = [], blocks = await mine.createBlockFilter();
    const ends = [mine.watchContractEvent({ address: whole.address, abi, onLogs: (logs) => seen.push(...logs) }), mine.watchBlockNumber({ onBlockNumber: (number) => numbers.push(number) })];
    await new Promise((go) => setTimeout(go, 400));
    const before = BigInt(await head());
    for (let i = 0; i < 10; i++) await whole.send(people[0], "mint", pick(people), i + 1);
    const wanted = await theirs.getContractEvents({ address: whole.address, abi, fromBlock: before + 1n });
    await until("viem's watchContractEvent has them", () => seen.length >= wanted.length);
    assert.deepEqual(seen, wanted);
    assert.ok(numbers.at(-1) > before, "watchBlockNumber");
    ends.forEach((end) => end());
    const hashes = await mine.getFilterChanges({ filter: blocks });
    assert.ok(hashes.includes((await theirs.getBlock()).hash), "the block filter tells the newest block");
    assert.equal(await mine.uninstallFilter({ filter: blocks }), true);
    assert.equal(await mine.uninstallFilter({ filter: blocks }), false);
    console.log("viem: watchContractEvent, watchBlockNumber, createBlockFilter, uninstallFilter");
  }
  await assert.rejects(mine.getLogs({ event: abi[0], fromBlock: BigInt(start) }), /without an address/);
  await assert.rejects(mine.getBalance({ address: people[0] }), /not served from the index/);

  // --- ethers, as it comes
  {
    const of = (where) => new ethers.Contract(whole.address, artifact.abi, new ethers.JsonRpcProvider(where, undefined, { pollingInterval: 50 }));
    const [a, b] = [of(url), of(chain.url)];
    const plain = (events) => events.map(({ blockNumber, transactionHash, index: at, args: values }) => [blockNumber, transactionHash, at, [...values]]);
    assert.deepEqual(plain(await a.queryFilter("Transfer", start)), plain(await b.queryFilter("Transfer", start)));
    assert.deepEqual(plain(await a.queryFilter(a.filters.Transfer(null, people[2]), start, "latest")), plain(await b.queryFilter(b.filters.Transfer(null, people[2]), start, "latest")));
    const heard = [];
    await a.on("Transfer", (_from, _to, value) => heard.push(value));
    await new Promise((go) => setTimeout(go, 300));
    await whole.send(people[0], "mint", people[1], 4711);
    await until("ethers' on() hears it", () => heard.includes(4711n));
    for (const contract of [a, b]) { await contract.removeAllListeners(); contract.runner.destroy(); }
    console.log("ethers: queryFilter, on");
  }

  // --- by WebSocket: viem and ethers as they come
  const ws = url.replace("http", "ws");
  {
    const client = createPublicClient({ transport: webSocket(ws), cacheTime: 0 });
    assert.equal(await client.getChainId(), 31337);
    assert.deepEqual(await client.getContractEvents({ address: whole.address, abi, fromBlock: BigInt(start) }), await theirs.getContractEvents({ address: whole.address, abi, fromBlock: BigInt(start) }));
    const seen = [], numbers = [], errors = [];
    const ends = [client.watchContractEvent({ address: whole.address, abi, onLogs: (logs) => seen.push(...logs), onError: (error) => errors.push(error) }), client.watchBlockNumber({ onBlockNumber: (number) => numbers.push(number), onError: (error) => errors.push(error) })];
    await until("viem has subscribed", async () => { await act(); return numbers.length > 0; });
    const before = BigInt(await head());
    for (let i = 0; i < 10; i++) await whole.send(people[0], "mint", pick(people), i + 1);
    const wanted = await theirs.getContractEvents({ address: whole.address, abi, fromBlock: before + 1n });
    const newer = () => seen.filter((log) => log.blockNumber > before);
    await until("viem's subscription has them", () => newer().length >= wanted.length && numbers.at(-1) >= before + 10n);
    const plain = (logs) => logs.map(({ eventName, args: values, blockNumber, blockHash, logIndex, transactionHash, removed }) => ({ eventName, values, blockNumber, blockHash, logIndex, transactionHash, removed }));
    assert.deepEqual(plain(newer()), plain(wanted));
    assert.deepEqual(errors, []);
    ends.forEach((end) => end());
    (await client.transport.getRpcClient()).close();
    const provider = new ethers.WebSocketProvider(ws, undefined, {});
    const contract = new ethers.Contract(whole.address, artifact.abi, provider), heard = [];
    await contract.on("Transfer", (_from, _to, value) => heard.push(value));
    await until("ethers' on() hears it by WebSocket", async () => { await whole.send(people[0], "mint", people[1], 4712); return heard.includes(4712n); });
    await provider.destroy();
    console.log("by WebSocket: viem's watchContractEvent and watchBlockNumber, ethers' on");
  }

  // --- subscriptions through reorganisations: what is told adds up to what the chain has
  {
    const socket = new WebSocket(ws), answers = new Map(), news = new Map();
    await new Promise((done) => socket.once("open", done));
    socket.on("message", (data) => {
      const message = JSON.parse(data);
      if (message.method === "eth_subscription") news.get(message.params.subscription).push(message.params.result);
      else if (message.result !== undefined && String(message.result).length === 34) news.set(message.result, []), answers.get(message.id)(message);
      else answers.get(message.id ?? null)(message);
    });
    let next = 0;
    const ask = (method, ...params) => new Promise((done) => { answers.set(++next, done); socket.send(JSON.stringify({ jsonrpc: "2.0", id: next, method, params })); });
    await until("both faces tell the same block", async () => (await ask("eth_blockNumber")).result === (await raw(index, "eth_blockNumber")).result);
    assert.equal((await ask("eth_subscribe", "newPendingTransactions")).error.code, -32602);
    assert.equal((await ask("eth_subscribe", "logs", { address: foreign.address })).error.code, -32001);
    assert.equal((await ask("eth_subscribe", "logs", { address: "0x12" })).error.code, -32602);
    assert.equal((await raw(index, "eth_subscribe", "newHeads")).error.code, -32601, "not by HTTP");
    const first = Number((await ask("eth_blockNumber")).result);
    const logs = (await ask("eth_subscribe", "logs", { address: whole.address })).result, heads = (await ask("eth_subscribe", "newHeads")).result;
    const held = new Map(), at = new Map();
    const key = (log) => log.transactionHash + log.blockHash + log.logIndex;
    for (const log of (await raw(node, "eth_getLogs", { address: whole.address, fromBlock: hex(start), toBlock: hex(first) })).result) held.set(key(log), log);
    let removed = 0;
    const settle = () => {
      for (const log of news.get(logs).splice(0)) {
        if (log.removed) { assert.ok(held.delete(key(log)), "a log is taken back that was never told"); removed++; } else { assert.ok(!held.has(key(log)), "a log is told twice"); held.set(key(log), log); }
      }
      for (const { number, hash, parentHash, timestamp } of news.get(heads).splice(0)) {
        assert.ok(parentHash && timestamp);
        for (const known of [...at.keys()]) if (known >= Number(number)) at.delete(known);
        at.set(Number(number), hash);
      }
    };
    for (let round = 0; round < args.reorgs; round++) {
      for (let i = random(4); i >= 0; i--) await act();
      if (round % 2 === 0) { // One that was told for sure.
        await whole.send(people[0], "mint", people[1], 1 + round);
        const told = (await node.call("eth_getBlockByNumber", "latest", false)).hash;
        await until("the block is told", () => { settle(); return [...held.values()].some((log) => log.blockHash === told); });
      }
      if (round % 2 === 0 || random(2)) await node.call("anvil_reorg", 1 + random(4), []);
      for (let i = random(3); i >= 0; i--) await act();
      const block = await node.call("eth_getBlockByNumber", "latest", false);
      await until("the newest head is told", () => { settle(); return at.get(Number(block.number)) === block.hash; });
      const now = (await raw(node, "eth_getLogs", { address: whole.address, fromBlock: hex(start) })).result.map(key).sort();
      await until(`the logs are those of the node, round ${round}`, () => { settle(); return JSON.stringify([...held.keys()].sort()) === JSON.stringify(now); }, 5_000).catch((error) => { assert.deepEqual([...held.keys()].sort(), now, error.message); });
    }
    assert.ok(removed > 0, "some logs were taken back");
    assert.equal((await ask("eth_unsubscribe", logs)).result, true);
    assert.equal((await ask("eth_unsubscribe", logs)).result, false);
    settle();
    await whole.send(people[0], "mint", people[1], 1);
    await until("heads go on", () => news.get(heads).length > 0);
    assert.equal(news.get(logs).length, 0, "nothing more of what was given up");
    const ended = new Promise((done) => socket.once("close", done));
    answers.set(null, (message) => answers.set("parse", message));
    socket.send("{");
    await until("what is no JSON is told so", () => answers.get("parse")?.error.code === -32700);
    socket.close();
    await ended;
    console.log(`subscriptions: ${args.reorgs} reorganisations, ${removed} logs taken back`);
  }

  // --- filters through reorganisations: what is told adds up to what the chain has
  const id = (await raw(index, "eth_newFilter", { address: whole.address })).result;
  const first = Number((await raw(index, "eth_blockNumber")).result) + 1;
  const held = new Map();
  for (const log of (await raw(node, "eth_getLogs", { address: whole.address, fromBlock: hex(start), toBlock: hex(first - 1) })).result) held.set(log.transactionHash + log.blockHash + log.logIndex, log);
  let removed = 0;
  const poll = async () => {
    for (const log of (await raw(index, "eth_getFilterChanges", id)).result) {
      const key = log.transactionHash + log.blockHash + log.logIndex;
      if (log.removed) { assert.ok(held.delete(key), "a log is taken back that was never told"); removed++; } else { assert.ok(!held.has(key), "a log is told twice"); held.set(key, log); }
    }
  };
  for (let round = 0; round < args.reorgs; round++) {
    for (let i = random(4); i >= 0; i--) await act();
    if (round % 2 === 0) await whole.send(people[0], "mint", people[1], 1 + round);
    if (round % 2 === 0 || random(2)) { await until("the index follows", async () => (await raw(index, "eth_blockNumber")).result === (await head())); await poll(); }
    await node.call("anvil_reorg", 1 + random(4), []);
    for (let i = random(3); i >= 0; i--) await act();
    await until("the index follows", async () => {
      const block = await node.call("eth_getBlockByNumber", "latest", false);
      const status = await (await fetch(url.replace("/rpc", "/v1/status"))).json();
      return status.block.hash === block.hash;
    });
    await poll();
    const now = (await raw(node, "eth_getLogs", { address: whole.address, fromBlock: hex(start) })).result;
    assert.deepEqual([...held.keys()].sort(), now.map((log) => log.transactionHash + log.blockHash + log.logIndex).sort(), `after reorganisation ${round}`);
  }
  assert.ok(removed > 0, "some logs were taken back");
  console.log(`reorganisations: ${args.reorgs}, ${removed} logs taken back`);

  // --- what is no JSON-RPC
  const post = async (body) => (await fetch(url, { method: "POST", body })).text();
  assert.equal(JSON.parse(await post("{")).error.code, -32700);
  assert.equal(JSON.parse(await post("[]")).error.code, -32600);
  assert.equal(JSON.parse(await post('{"id":1}')).error.code, -32600);
  assert.equal(JSON.parse(await post('{"id":1,"method":"eth_getLogs","params":{"a":1}}')).error.code, -32602);
  assert.equal(JSON.parse(await post('{"id":1,"method":"eth_getLogs","params":[{"fromBlock":5}]}')).error.code, -32602);
  assert.equal(JSON.parse(await post('{"id":1,"method":"eth_getLogs","params":[{"topics":["0x12"],"address":"0x12"}]}')).error.code, -32602);
  assert.equal(JSON.parse(await post('{"id":1,"method":"eth_sendRawTransaction","params":["0x"]}')).error.code, -32601);
  assert.equal(JSON.parse(await post('{"id":1,"method":"eth_getFilterChanges","params":["0x1"]}')).error.message, "filter not found");
  assert.equal(await post('{"method":"eth_blockNumber"}'), "", "a notification has no answer");
  assert.deepEqual(JSON.parse(await post('[{"id":"a","method":"net_version"},{"id":2,"method":"nope"},7]')).map((one) => one.result ?? one.error.code), ["31337", -32601, -32600]);
  const answer = await fetch(url, { method: "POST", body: '{"id":1,"method":"eth_syncing"}' });
  assert.equal((await answer.json()).result, false);
  assert.ok(Number(answer.headers.get("plumbline-block")) > 0 && answer.headers.get("plumbline-proof-level"), "the proof level is in the headers");
  assert.equal(answer.headers.get("plumbline-source"), "index");
  console.log("what is no JSON-RPC is refused by its code");

  // --- what the index does not have, from the node, where the config lists it
  service.kill();
  await new Promise((done) => service.once("exit", done));
  const text = readFileSync(join(work, "plumbline.toml"), "utf8");
  const listed = ["eth_call", "eth_estimateGas", "eth_gasPrice", "eth_maxPriorityFeePerGas", "eth_getBalance", "eth_getCode", "eth_getStorageAt", "eth_getTransactionCount", "eth_getBlockByNumber", "eth_getBlockByHash", "eth_getTransactionByHash", "eth_getTransactionReceipt", "eth_getLogs"];
  // A first endpoint that nobody answers at, with a key that nobody may see.
  writeFileSync(join(work, "plumbline.toml"), `${text.replace(/^rpc = .*$/m, `rpc = ["http://127.0.0.1:1/v3/a1b2c3d4e5f6a7b8c9d0", "${chain.url}"]`)}rpc_forward = ${JSON.stringify(listed)}\nrpc_forward_per_second = 40\n`);
  service = serve();
  await until("the index is at the head again", async () => (await raw(index, "eth_blockNumber").catch(() => ({}))).result === (await head()));
  const hash = some.transactionHash;
  const both = async (what, ask) => { await same(`forwarded: ${what}`, ask); await new Promise((go) => setTimeout(go, 60)); };
  await both("getBalance", (client) => client.getBalance({ address: people[1] }));
  await both("getCode", (client) => client.getCode({ address: whole.address }));
  await both("getStorageAt", (client) => client.getStorageAt({ address: whole.address, slot: "0x2" }));
  await both("getTransactionCount", (client) => client.getTransactionCount({ address: people[0] }));
  await both("getBlock", (client) => client.getBlock());
  await both("getBlock by number", (client) => client.getBlock({ blockNumber: BigInt(start), includeTransactions: true }));
  await both("getBlock by hash", (client) => client.getBlock({ blockHash: some.blockHash }));
  await both("getBlock finalized", (client) => client.getBlock({ blockTag: "finalized" }));
  await both("getTransaction", (client) => client.getTransaction({ hash }));
  await both("getTransactionReceipt", (client) => client.getTransactionReceipt({ hash }));
  await both("getGasPrice", (client) => client.getGasPrice());
  await both("readContract", (client) => client.readContract({ address: whole.address, abi: parseAbi(["function balanceOf(address) view returns (uint256)"]), functionName: "balanceOf", args: [people[1]] }));
  await both("estimateContractGas", (client) => client.estimateContractGas({ address: whole.address, abi: parseAbi(["function mint(address,uint256)"]), functionName: "mint", args: [people[1], 5n], account: people[0] }));
  await both("getLogs of what the index does not cover", (client) => client.getLogs({ address: foreign.address, event: abi[0], fromBlock: BigInt(start) }));
  const transfer_of = parseAbi(["function transfer(address,uint256)"]);
  const revert = (client) => client.simulateContract({ address: whole.address, abi: transfer_of, functionName: "transfer", args: [people[1], 10n ** 30n], account: people[0] }).then(() => "went through", (error) => error.walk((one) => one.raw !== undefined || one.data !== undefined)?.raw);
  assert.deepEqual(await revert(mine), await revert(theirs), "a revert's data comes through");
  assert.ok((await revert(theirs))?.startsWith("0x"));
  const asked = async (body) => { const got = await fetch(url, { method: "POST", body: JSON.stringify(body) }); return { source: got.headers.get("plumbline-source"), level: got.headers.get("plumbline-proof-level"), answers: await got.json() }; };
  const one = (id, method, ...params) => ({ jsonrpc: "2.0", id, method, params });
  await new Promise((go) => setTimeout(go, 1000));
  const mixed = await asked([one(1, "eth_getBalance", people[0], "latest"), one(2, "eth_blockNumber"), one(3, "eth_sendRawTransaction", "0x"), one(4, "eth_getLogs", { address: foreign.address, fromBlock: hex(start) }), one(5, "eth_getLogs", { address: whole.address, fromBlock: hex(start) }), one("six", "eth_getCode", foreign.address, "latest")]);
  assert.deepEqual(mixed.answers.map(({ id, source, error }) => [id, source ?? "index", error?.code]), [[1, "node", undefined], [2, "index", undefined], [3, "index", -32601], [4, "node", undefined], [5, "index", undefined], ["six", "node", undefined]]);
  assert.deepEqual([mixed.source, mixed.level], ["index, node", "none"], "marked, and nobody proves it");
  assert.deepEqual(mixed.answers[5].result, (await raw(node, "eth_getCode", foreign.address, "latest")).result);
  assert.equal((await asked(one(1, "eth_blockNumber"))).source, "index");
  // Of a batch beyond the rate nothing goes to the node; a second later it answers again.
  const flood = await asked(Array.from({ length: 99 }, (_, i) => one(i, "eth_getBalance", people[0], "latest")));
  assert.ok(flood.answers.every(({ error }) => error?.code === -32005), JSON.stringify(flood.answers[0]));
  await until("it is passed on again", async () => (await asked(one(1, "eth_getBalance", people[0], "latest"))).answers.result);
  // A node that is gone, and its key.
  chain.stop();
  await until("the node is gone", async () => fetch(chain.url).then(() => false, () => true));
  const gone = await asked(one(1, "eth_getBalance", people[0], "latest"));
  assert.equal(gone.answers.error.code, -32011);
  assert.ok(!JSON.stringify(gone).includes("a1b2c3d4"), JSON.stringify(gone));
  console.log("forwarded: marked, limited, refused where it is not listed");
} finally {
  service?.kill();
  chain.stop();
  rmSync(work, { recursive: true, force: true });
}
