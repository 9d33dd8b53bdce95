// What /rpc does that a node does not, or not so: answers in parts, refusals, what is no JSON-RPC, and what is passed on to a
// node. How viem, ethers and cast use it is in scenarios_test.mjs.
//
//   node tests/rpc_clients/rpc_clients_test.mjs [--binary build/release/plumbline] [--seed 1]
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { compile } from "../../tools/node/compile.mjs";
import { Random, Rpc, options } from "../../tools/node/lib.mjs";
import { Chain, root } from "../examples/example_chain.mjs";
import { free_port, until } from "../support/programs.mjs";

const { createPublicClient, http, parseAbi } = await import(createRequire(join(root, "tools/node/package.json")).resolve("viem"));

const { WebSocket } = createRequire(join(root, "tools/node/package.json"))("ws");

const args = options({ binary: join(root, "build/release/plumbline"), seed: 1 }, "usage: rpc_clients_test.mjs [--binary FILE] [--seed N]");
console.log(`seed ${args.seed}`);
const generator = new Random(args.seed);
const random = (below) => generator.below(below);
const pick = (list) => list[random(list.length)];
const work = mkdtempSync(join(tmpdir(), "rpc-clients-"));
const chain = await Chain.start(random);
let service;
try {
  // --- a chain with two tokens, one of them indexed
  const artifact = compile(join(root, "tests/contracts/Tokens.sol")).TestToken;
  const [whole, foreign] = [await chain.deploy(artifact), await chain.deploy(artifact)];
  const burst = await chain.deploy(compile(join(root, "tests/contracts/Burst.sol")).Burst);
  const tokens = [whole, foreign];
  const people = chain.people.slice(0, 5);
  const start = Number(await chain.rpc.call("eth_blockNumber"));
  const act = async () => {
    const token = pick(tokens), dice = random(5);
    if (dice < 2) await token.send(people[0], "mint", pick(people), 1000 + random(1000));
    else if (dice < 4) await token.attempt(pick(people), "transfer", pick(people), random(500));
    else await token.send(pick(people), "approve", pick(people), random(900));
  };
  for (let i = 0; i < 20; i++) await act();
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

  const hex = (n) => "0x" + n.toString(16);
  const [some] = (await raw(index, "eth_getLogs", { address: whole.address, fromBlock: hex(start) })).result;

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
  await assert.rejects(mine.getLogs({ event: abi[0], fromBlock: BigInt(start) }), /without an address/);
  await assert.rejects(mine.getBalance({ address: people[0] }), /not served from the index/);

  // --- what a WebSocket refuses, and how a subscription ends
  {
    const socket = new WebSocket(url.replace("http", "ws")), answers = new Map(), news = new Map();
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
    const logs = (await ask("eth_subscribe", "logs", { address: whole.address })).result, heads = (await ask("eth_subscribe", "newHeads")).result;
    assert.equal((await ask("eth_unsubscribe", logs)).result, true);
    assert.equal((await ask("eth_unsubscribe", logs)).result, false);
    news.get(logs).splice(0);
    await whole.send(people[0], "mint", people[1], 1);
    await until("heads go on", () => news.get(heads).length > 0);
    assert.equal(news.get(logs).length, 0, "nothing more of what was given up");
    const ended = new Promise((done) => socket.once("close", done));
    answers.set(null, (message) => answers.set("parse", message));
    socket.send("{");
    await until("what is no JSON is told so", () => answers.get("parse")?.error.code === -32700);
    socket.close();
    await ended;
  }

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
