// The real binary over contracts as they really are, on a real node: a proxy whose events changed their shape, contracts
// of the config that share an address, children that many events announce, an end block, a filter at the node.
//
//   node tests/sources/sources_test.mjs [--binary build/release/plumbline] [--keep]
//
// What the rows must be is worked out from the node's logs by ethers. Each config's log is then proven, and the changed
// config must give over the old database what a fresh one has.

import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { compile } from "../../tools/node/compile.mjs";
import { Interface, Rpc, options } from "../../tools/node/lib.mjs";
import { Checks } from "../support/checks.mjs";
import { contracts } from "../support/contracts.mjs";
import { runs, start_anvil } from "../support/programs.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const args = options(
  { binary: join(root, "build/release/plumbline"), keep: false },
  "usage: sources_test.mjs [--binary FILE] [--keep]",
);
const run = runs(resolve(args.binary));
const checks = new Checks("sources");
const { check, work } = checks;
const artifacts = compile(join(here, "Sources.sol"));

// --- the node, and a proxy that remembers what it is asked ---------------------------------------

const asked = []; // filters of eth_getLogs
const methods = new Set();
async function start_proxy(target) {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const parsed = JSON.parse(body);
    for (const one of Array.isArray(parsed) ? parsed : [parsed]) {
      methods.add(one.method);
      if (one.method === "eth_getLogs") asked.push(one.params[0]);
    }
    const answer = await fetch(target, { method: "POST", headers: { "content-type": "application/json" }, body });
    response.setHeader("content-type", "application/json");
    response.end(await answer.text());
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  server.unref();
  return `http://127.0.0.1:${server.address().port}`;
}

const node = await start_anvil("--slots-in-an-epoch", "1");
const url = await start_proxy(node);
const rpc = new Rpc(node);
const { deploy, transact: call } = await contracts(rpc, artifacts);

const person = (n) => `0x${n.toString(16).padStart(40, "0")}`;
const one = await deploy("TokenOne");
const two = await deploy("TokenTwo");
const token = await deploy("Proxy");
await call("Proxy", token, "upgrade", one);
for (const [a, b, n] of [[1, 2, 5], [3, 1, 6], [3, 4, 7]]) await call("TokenOne", token, "go", person(a), person(b), n);
await call("Proxy", token, "upgrade", two);
for (const [a, b, n] of [[1, 3, 70], [4, 3, 71]]) await call("TokenTwo", token, "go", person(a), person(b), n);
const maker = await deploy("Maker");
await call("Maker", maker, "make", 10);
await call("Maker", maker, "many", 20);
const lone = await deploy("Child", ["uint256"], [30]);
await call("Child", lone, "hit", 31);
const middle = Number(await rpc.call("eth_blockNumber"));
await call("Child", lone, "hit", 32);
await call("Maker", maker, "make", 40);
await rpc.call("anvil_mine", "0x3");

// --- what the rows must be -----------------------------------------------------------------------

const logs = await rpc.call("eth_getLogs", { fromBlock: "0x0", toBlock: "latest" });
const decoded = logs.map((log) => {
  for (const name of ["TokenOne", "TokenTwo", "Child", "Maker"]) {
    const face = new Interface(artifacts[name].abi);
    try {
      const event = face.parseLog(log);
      // ethers knows an event by its topic alone: another number of indexed parameters is another shape.
      const indexed = event && event.fragment.inputs.filter((input) => input.indexed).length;
      if (event && indexed + 1 === log.topics.length) return { name, log, event };
    } catch {
      // not this one's shape
    }
  }
  return { log };
});
const place = ({ log }) => `${Number(log.blockNumber)}/${Number(log.logIndex)}`;

function config(more) {
  return `[chain]\nid = 31337\nrpc = "${url}"\n[database]\npath = "db"\n${more}`;
}
const row_entity = (name, field = "") => `[entities.${name}]
key = { block = "uint64", log = "uint32" }
fields = { n = "uint256", times = "uint64"${field} }
`;
const on = (events, entity, set) => `[[on]]
event = ${JSON.stringify(events)}
upsert = "${entity}"
key = { block = "$block.number", log = "$log.index" }
set = { ${set} }
add = { times = 1 }
`;

async function index(dir, text) {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "plumbline.toml"), text);
  for (const name of Object.keys(artifacts)) writeFileSync(join(dir, `${name}.json`), JSON.stringify(artifacts[name].abi));
  const ran = await run("run", join(dir, "plumbline.toml"), "--until", "head");
  check(`run of ${dir.slice(work.length + 1)}`, ran.code === 0, ran.err.trim().split("\n").slice(-2).join(" | "));
}
async function rows(dir, entity) {
  const listed = await run("list", join(dir, "db"), entity, "--limit", "100000");
  const found = listed.out.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  return new Map(found.map((row) => [`${row.block}/${row.log}`, row]));
}
async function compare(what, dir, entity, wanted) {
  const found = await rows(dir, entity);
  const shown = (map) => [...map].map(([at, n]) => `${at}=${n}`).join(" ");
  const have = new Map([...found].map(([at, row]) => [at, `${row.n}*${row.times}`]));
  const want = new Map(wanted.map((item) => [place(item), `${item.n}*${item.times || 1}`]));
  check(what, want.size > 0 && shown(new Map([...have].sort())) === shown(new Map([...want].sort())),
    `found ${shown(have)}, not ${shown(want)}`);
}
async function proven(dir) {
  const verified = await run("verify", join(dir, "db"), "--rpc", node, "--proof", "log");
  check(`the log of ${dir.slice(work.length + 1)} is proven`, verified.code === 0, verified.out + verified.err);
}

// --- shapes and shared addresses -------------------------------------------------------------------

const erc20 = "Transfer(address indexed, address indexed, uint256)";
const erc721 = "Transfer(indexed address,indexed address,indexed uint256)"; // as The Graph writes it
const of = (name, event) => decoded.filter((item) => item.name === name && item.event.name === event);
const transfers = [
  ...of("TokenOne", "Transfer").map((item) => ({ ...item, n: item.event.args.value })),
  ...of("TokenTwo", "Transfer").map((item) => ({ ...item, n: item.event.args.tokenId + 1000n })),
];
{
  const dir = join(work, "shapes");
  await index(
    dir,
    config(`[contracts.t]\nabi = ["TokenOne.json", "TokenTwo.json"]\naddress = "${token}"\n`) +
      row_entity("move") + row_entity("update") + row_entity("uri", ', text = "string"') +
      on(`t.${erc20}`, "move", 'n = "value"') + on(`t.${erc721}`, "move", 'n = "tokenId + 1000"') +
      on("t.Update", "update", 'n = "assetId"') +
      on("t.Uri(string)", "uri", 'text = "uri", n = 2') + on("t.Uri(string indexed)", "uri", "n = 1"),
  );
  await compare("shapes of one event are told apart", dir, "move", transfers);
  await compare("another parameter name is the same event", dir, "update",
    [...of("TokenOne", "Update"), ...of("TokenTwo", "Update")].map((item) => ({ ...item, n: item.event.args[0] })));
  await compare("what was indexed and is not", dir, "uri",
    [...of("TokenOne", "Uri").map((item) => ({ ...item, n: 1 })), ...of("TokenTwo", "Uri").map((item) => ({ ...item, n: 2 }))]);
  await proven(dir);
}
{
  const dir = join(work, "shared");
  const human = artifacts.TokenTwo.abi.filter((item) => item.type === "event")
    .map((item) => `event ${item.name}(${item.inputs.map((i) => `${i.type}${i.indexed ? " indexed" : ""} ${i.name}`).join(", ")})`);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "two.txt"), `// by hand\n${human.join("\n")}\n`);
  writeFileSync(join(dir, "one.json"), JSON.stringify({ status: "1", message: "OK", result: JSON.stringify(artifacts.TokenOne.abi) }));
  await index(
    dir,
    config(`[contracts.old]\nabi = "one.json"\naddress = "${token}"\n[contracts.new]\nabi = "two.txt"\naddress = "${token}"\n`) +
      row_entity("move") + row_entity("update") +
      on("old.Transfer", "move", 'n = "value"') + on("new.Transfer", "move", 'n = "tokenId + 1000"') +
      on(["new.Update", "old.Update"], "update", "n = 7"),
  );
  await compare("contracts at one address read a log each by its own ABI", dir, "move", transfers);
  await compare("a log runs a handler once", dir, "update",
    [...of("TokenOne", "Update"), ...of("TokenTwo", "Update")].map((item) => ({ ...item, n: 7 })));
  await proven(dir);
}

// --- many factories, fixed addresses, an end -------------------------------------------------------

const family = (more) => config(`[contracts.maker]
abi = "Maker.json"
address = "${maker}"
[contracts.child]
abi = "Child.json"
address = "${lone}"
factory = [
  { event = "maker.Made", address = "child" },
  { event = "maker.Adopted", address = "place.child" },
  { event = "maker.MadeMany", address = "places.child" },
  { event = "maker.MadeMany", address = "more" },
]
${more}
`) + row_entity("hit") + on("child.Hit", "hit", 'n = "n"');
const hits = of("Child", "Hit").map((item) => ({ ...item, n: item.event.args.n }));
{
  const dir = join(work, "family");
  const ended = hits.filter((item) => Number(item.log.blockNumber) <= middle);
  await index(dir, family(`end_block = ${middle}`));
  check("some logs lie behind the end", ended.length > 0 && ended.length < hits.length);
  await compare("children of all factories, up to the end block", dir, "hit", ended);
  await proven(dir);
  await index(dir, family(""));
  await compare("without the end block the rest is fetched", dir, "hit", hits);
  await proven(dir);
  await index(dir, family(`end_block = ${middle}`));
  await compare("with it again the rest does not count", dir, "hit", ended);
}

// --- a filter at the node --------------------------------------------------------------------------

{
  const dir = join(work, "filter");
  const filtered = (filter) =>
    config(`[contracts.t]\nabi = "TokenOne.json"\naddress = "${token}"\n${filter}\n`) +
    row_entity("move") + on("t.Transfer", "move", 'n = "value"');
  asked.length = 0;
  await index(dir, filtered(`filter = { Transfer = [{ from = "${person(1)}" }, { to = ["${person(1)}", "${person(9)}"] }] }`));
  const { from: sender, to } = { from: person(1), to: person(1) };
  const whose = of("TokenOne", "Transfer").map((item) => ({ ...item, n: item.event.args.value }));
  await compare("a filter keeps what one of its tables allows", dir, "move",
    whose.filter(({ event }) => event.args.from.toLowerCase() === sender || event.args.to.toLowerCase() === to));
  check("the node is asked for nothing else", asked.length > 0 && asked.every((filter) => filter.topics?.length >= 2),
    JSON.stringify(asked.slice(0, 3)));
  await proven(dir);
  await index(dir, filtered(""));
  await compare("without the filter the others are fetched", dir, "move", whose);
  await proven(dir);
}

// --- handlers of blocks ------------------------------------------------------------------------------

{
  const dir = join(work, "ticks");
  const counted = `[entities.count]
key = { n = "uint8" }
fields = { moves = "uint64" }
[entities.beat]
key = { block = "uint64" }
fields = { hash = "bytes32", at = "uint64", moves = "uint64" }
[[on]]
event = "t.Transfer"
upsert = "count"
key = { n = 1 }
add = { moves = 1 }
`;
  const every = (blocks) => `[[on]]
every = { blocks = ${blocks} }
insert = "beat"
key = { block = "$block.number" }
set = { hash = "$block.hash", at = "$block.timestamp", moves = "count[1].moves ?? 0" }
`;
  const ticking = (more) => config(`[contracts.t]\nabi = "TokenOne.json"\naddress = "${token}"\n${counted}${more}`);
  const same = async (what, blocks) => {
    const head = Number(await rpc.call("eth_blockNumber"));
    const topic = new Interface(artifacts.TokenOne.abi).getEvent("Transfer").topicHash;
    const moves = (await rpc.call("eth_getLogs", { fromBlock: "0x0", toBlock: "latest", address: token, topics: [topic] }))
      .filter((log) => log.topics.length === 3).map((log) => Number(log.blockNumber));
    const want = [];
    for (let n = 0; n <= head; n += blocks) {
      const block = await rpc.call("eth_getBlockByNumber", `0x${n.toString(16)}`, false);
      want.push(JSON.stringify({ block: n, hash: block.hash, at: Number(block.timestamp), moves: moves.filter((at) => at <= n).length }));
    }
    const listed = await run("list", join(dir, "db"), "beat", "--limit", "100000");
    const found = listed.out.split("\n").filter((line) => line.startsWith("{"));
    check(what, want.length > 1 && found.join("\n") === want.join("\n"), `found\n${found.join("\n")}\nnot\n${want.join("\n")}`);
  };
  await call("Proxy", token, "upgrade", one);
  await index(dir, ticking(""));
  await index(dir, ticking(every(4)));
  await same("a handler of blocks that came later runs at the blocks before, too", 4);
  const snapshot = await rpc.call("evm_snapshot");
  await call("TokenOne", token, "go", person(7), person(8), 1);
  await rpc.call("anvil_mine", "0x5");
  await index(dir, ticking(every(4)));
  await same("and at those that come", 4);
  await rpc.call("evm_revert", snapshot);
  await rpc.call("evm_increaseTime", 100);
  await rpc.call("anvil_mine", "0x3");
  await call("TokenOne", token, "go", person(7), person(8), 1);
  await rpc.call("anvil_mine", "0x5");
  await index(dir, ticking(every(4)));
  await same("after a reorganisation at the new chain's", 4);
  const rebuilt = await run("rebuild", join(dir, "db"));
  check("a rebuild knows its blocks", rebuilt.code === 0, rebuilt.err);
  await same("and makes the same of them", 4);
  await proven(dir);
  const replayed = await run("verify", join(dir, "db"), "--proof", "replay");
  check("and so does a replay", replayed.code === 0, replayed.out + replayed.err);
  await index(dir, ticking(every(1)));
  await same("every block", 1);
  await index(dir, ticking(every(4)));
  await same("and fewer again", 4);
}

// --- whoever emits it ------------------------------------------------------------------------------

{
  const dir = join(work, "anywhere");
  await call("Proxy", token, "upgrade", one);
  const tokens = [token, await deploy("TokenOne"), await deploy("TokenOne")];
  for (const [i, address] of tokens.entries()) {
    await call("TokenOne", address, "go", person(1), person(20 + i), 100 + i);
    await call("TokenOne", address, "go", person(2), person(9), 200 + i);
  }
  await call("TokenTwo", two, "go", person(1), person(9), 300); // another shape of the same topic
  const anywhere = (more) =>
    config(`[contracts.t]\nabi = "TokenOne.json"\naddress = "*"\nevents = ["Transfer"]\n${more}\n`) +
    row_entity("move") + on("t.Transfer", "move", 'n = "value"');
  const all = (await rpc.call("eth_getLogs", { fromBlock: "0x0", toBlock: "latest" }))
    .filter((log) => log.topics[0] === new Interface(artifacts.TokenOne.abi).getEvent("Transfer").topicHash)
    .filter((log) => log.topics.length === 3)
    .map((log) => ({ log, n: BigInt(log.data), from: `0x${log.topics[1].slice(26)}` }));
  asked.length = 0;
  await index(dir, anywhere(""));
  check("several contracts emit it", new Set(all.map(({ log }) => log.address)).size >= 3);
  await compare("the events of every contract, of one shape", dir, "move", all);
  check("the node is asked for the topic alone", asked.length > 0 && asked.every((filter) => !filter.address && filter.topics?.length));
  await proven(dir);
  await index(dir, anywhere(`filter = { Transfer = { from = "${person(1)}" } }`));
  await compare("a filter of an indexed parameter with it", dir, "move", all.filter(({ from }) => from === person(1)));
  await proven(dir);
  const tried = await run("check", join(dir, "plumbline.toml"), "--events", "1000");
  check("check takes it", tried.code === 0 && tried.out.includes("t.Transfer"), tried.out + tried.err);

  // A provider that wants an address says so before anything is indexed.
  const strict = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const one = JSON.parse(body);
    const refuses = !Array.isArray(one) && one.method === "eth_getLogs" && !one.params[0].address;
    response.setHeader("content-type", "application/json");
    if (refuses) {
      response.end(JSON.stringify({ jsonrpc: "2.0", id: one.id, error: { code: -32602, message: "please specify an address" } }));
    } else {
      response.end(await (await fetch(node, { method: "POST", headers: { "content-type": "application/json" }, body })).text());
    }
  });
  await new Promise((done) => strict.listen(0, "127.0.0.1", done));
  strict.unref();
  const refused = await run("run", join(dir, "plumbline.toml"), "--db", join(dir, "other"), "--until", "head",
    "--rpc", `http://127.0.0.1:${strict.address().port}`);
  check("who refuses filters without an address is named at the start",
    refused.code === 3 && refused.err.includes("please specify an address"), `${refused.code} ${refused.err}`);
}

// --- what only transactions and their receipts say -------------------------------------------------

{
  const dir = join(work, "txn");
  const fields = {
    sender: "address", nonce: "uint64", gas: "uint64", kind: "uint8", input: "bytes", used: "uint64", status: "uint8",
    price: "uint256", fee: "uint256",
  };
  const named = (set) => config(`[contracts.t]\nabi = "TokenOne.json"\naddress = "${token}"\n
[entities.move]
key = { block = "uint64", log = "uint32" }
fields = { ${Object.entries(fields).map(([name, type]) => `${name} = "${type}"`).join(", ")} }
`) + `[[on]]
event = "t.Transfer"
insert = "move"
key = { block = "$block.number", log = "$log.index" }
set = { ${Object.entries(set).map(([name, value]) => `${name} = "${value}"`).join(", ")} }
`;
  const body = { sender: "$txn.from", nonce: "$txn.nonce", gas: "$txn.gas", kind: "$txn.type", input: "$txn.input" };
  const all = {
    ...body, used: "$receipt.gas_used", status: "$receipt.status", price: "$receipt.effective_gas_price",
    fee: "$receipt.gas_used * $receipt.effective_gas_price",
  };
  const wanted = async (set) => {
    const found = await rpc.call("eth_getLogs", {
      fromBlock: "0x0", toBlock: "latest", address: token,
      topics: [new Interface(artifacts.TokenOne.abi).getEvent("Transfer").topicHash],
    });
    const out = [];
    for (const log of found.filter((item) => item.topics.length === 3)) {
      const txn = await rpc.call("eth_getTransactionByHash", log.transactionHash);
      const receipt = await rpc.call("eth_getTransactionReceipt", log.transactionHash);
      const has = {
        sender: txn.from, nonce: Number(txn.nonce), gas: Number(txn.gas), kind: Number(txn.type), input: txn.input,
        used: Number(receipt.gasUsed), status: Number(receipt.status), price: BigInt(receipt.effectiveGasPrice).toString(),
        fee: (BigInt(receipt.gasUsed) * BigInt(receipt.effectiveGasPrice)).toString(),
      };
      const row = { block: Number(log.blockNumber), log: Number(log.logIndex) };
      const unset = (type) => ({ address: person(0), bytes: "0x", uint256: "0" })[type] ?? 0;
      for (const [name, type] of Object.entries(fields)) row[name] = name in set ? has[name] : unset(type);
      out.push(JSON.stringify(row));
    }
    return out.sort().join("\n");
  };
  const found = async () => [...(await rows(dir, "move")).values()].map((row) => JSON.stringify(row)).sort().join("\n");
  const same = async (what, set) => {
    const [have, want] = [await found(), await wanted(set)];
    check(what, want !== "" && have === want, `found\n${have}\nnot\n${want}`);
  };
  await call("Proxy", token, "upgrade", one);
  methods.clear();
  await index(dir, named({ sender: "$txn.from" }));
  await same("of a transaction what the mapping names", { sender: 1 });
  check("no receipt is asked for where none is named", !methods.has("eth_getTransactionReceipt"));
  await index(dir, named(body));
  await same("a mapping that names more of transactions fetches it", body);
  const snapshot = await rpc.call("evm_snapshot");
  await call("TokenOne", token, "go", person(7), person(8), 1);
  await index(dir, named(all));
  await same("gas used, status and price of receipts", all);
  await rpc.call("evm_revert", snapshot);
  await call("TokenOne", token, "go", "0xffffffffffffffffffffffffffffffffffffffff", person(8), 2);
  await call("TokenOne", token, "go", person(7), person(9), 3);
  await index(dir, named(all));
  await same("after a reorganisation those of the new chain", all);
  const before = await found();
  const rebuilt = await run("rebuild", join(dir, "db"));
  check("a rebuild needs nobody", rebuilt.code === 0 && (await found()) === before, rebuilt.err);
  const replayed = await run("verify", join(dir, "db"), "--proof", "replay");
  check("what is stored of them is whole", replayed.code === 0, replayed.out + replayed.err);
  await proven(dir);
}

checks.end(args.keep);
