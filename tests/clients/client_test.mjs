// plumbline-client beside a running index: a live copy and a stream of events stay equal to the index through
// reorganisations, cut connections, a killed service and a reader that is slow or starts again.
//
//   node tests/clients/client_test.mjs [--binary build/release/plumbline] [--rounds 25] [--seed 1]
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";

import { compile } from "../../tools/node/compile.mjs";
import { Random, options } from "../../tools/node/lib.mjs";
import { Chain, root } from "../examples/example_chain.mjs";
import { free_port, until } from "../support/programs.mjs";

const args = options({ binary: join(root, "build/release/plumbline"), rounds: 25, seed: 1 }, "usage: client_test.mjs [--binary FILE] [--rounds N] [--seed N]");
const source = join(root, "clients/ts");
if (!existsSync(join(source, "node_modules/.package-lock.json"))) {
  console.log("skipped: needs what the client is built with (tools/setup)");
  process.exit(77);
}
console.log(`seed ${args.seed}`);
const random = new Random(args.seed);
const packages = createRequire(join(root, "tools/node/package.json"));
const WebSocket = globalThis.WebSocket ?? packages("ws").WebSocket;

// What lies between client and service: passes everything on until it cuts.
class Wire {
  static async open(port) {
    const wire = new Wire();
    Object.assign(wire, { port, ends: new Set(), isDown: false, cuts: 0 });
    wire.server = createServer((near) => {
      if (wire.isDown) { near.destroy(); return; }
      const far = connect(wire.port, "127.0.0.1");
      wire.ends.add(near).add(far);
      for (const [one, other] of [[near, far], [far, near]]) {
        one.on("error", () => {}).on("close", () => { wire.ends.delete(one); other.destroy(); });
        one.pipe(other);
      }
    });
    await new Promise((done) => wire.server.listen(0, "127.0.0.1", done));
    wire.url = `http://127.0.0.1:${wire.server.address().port}`;
    return wire;
  }
  cut() { this.cuts++; for (const end of this.ends) end.destroy(); }
  close() { this.cut(); this.server.close(); }
}

const work = mkdtempSync(join(tmpdir(), "plumbline-client-"));
const chain = await Chain.start((below) => random.below(below));
let service, wire;
const closed = [];
try {
  // --- the package as npm packs it: its files and nothing else
  const npm = (...command) => {
    const ran = spawnSync("npm", command, { cwd: source, encoding: "utf8" });
    if (ran.status !== 0) throw new Error(`npm ${command[0]}: ${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  };
  const [packed] = JSON.parse(npm("pack", "--json", "--pack-destination", work));
  assert.deepEqual(packed.files.map(({ path }) => path).sort(), ["README.md", "package.json", ...["index", "live", "retry", "stream", "types"].flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`])].sort());
  const { createPlumbline, StreamError } = await import(pathToFileURL(join(source, "dist/index.js")));

  // --- a chain with a token, and an index of who holds it
  const artifact = compile(join(root, "tests/contracts/Tokens.sol")).TestToken;
  const token = await chain.deploy(artifact);
  const start = Number(await chain.rpc.call("eth_blockNumber"));
  const people = chain.people.slice(0, 6);
  const act = () => random.chance(40) ? token.send(people[0], "mint", random.pick(people), 1000 + random.below(1000)) : token.attempt(random.pick(people), "transfer", random.pick(people), random.below(500));
  for (let i = 0; i < 40; i++) await act();
  const port = await free_port();
  writeFileSync(join(work, "Token.json"), JSON.stringify(artifact.abi));
  const config = join(work, "plumbline.toml");
  // Two mappings of the same events: the rows of one block differ.
  const mapping = (gave) => `[chain]
id = 31337
rpc = "${chain.url}"
poll_interval = "50ms"
finality = 30

[contracts.token]
abi = "Token.json"
address = "${token.address}"
start_block = ${start}

[entities.holder]
key = { account = "address" }
fields = { got = "uint256", gave = "uint256" }

[[on]]
event = "token.Transfer"
upsert = "holder"
key = { account = "to" }
add = { got = "value" }

[[on]]
event = "token.Transfer"
upsert = "holder"
key = { account = "from" }
add = { gave = "${gave}" }

[http]
listen = "127.0.0.1:${port}"
`;
  writeFileSync(config, mapping("value"));
  const serve = () => { service = spawn(args.binary, ["run", config, "--db", join(work, "db"), "--quiet"], { stdio: ["ignore", "ignore", "inherit"] }); };
  serve();
  wire = await Wire.open(port);

  // --- what `codegen ts` says of the contract, in viem's hands
  {
    const out = spawnSync(args.binary, ["codegen", "ts", config], { encoding: "utf8" });
    assert.equal(out.status, 0, out.stderr);
    const ts = createRequire(join(source, "package.json"))("typescript");
    const js = ts.transpileModule(out.stdout, { compilerOptions: { module: ts.ModuleKind.ES2022, target: ts.ScriptTarget.ES2022 } }).outputText;
    const { contracts } = await import(`data:text/javascript,${encodeURIComponent(js)}`);
    const { createPublicClient, http } = await import(packages.resolve("viem"));
    const viem = createPublicClient({ transport: http(chain.url) });
    const logs = await viem.getContractEvents({ ...contracts.token, eventName: "Transfer", fromBlock: BigInt(start) });
    assert.equal(logs.length, (await token.events("Transfer")).length);
    assert.ok(logs.every(({ args: { from, to, value } }) => from && to && value !== undefined));
    assert.equal(await viem.readContract({ ...contracts.token, functionName: "balanceOf", args: [people[1]] }), await token.read("balanceOf", people[1]));
    console.log(`codegen ts: viem reads ${logs.length} events and a balance by it`);
  }

  const index = createPlumbline({ url: wire.url, WebSocket });
  const direct = createPlumbline({ url: `http://127.0.0.1:${port}` });
  await until("the service answers", async () => (await fetch(`http://127.0.0.1:${port}/v1/health`).catch(() => ({}))).ok);

  // --- what it cannot give is refused for good, with the service's words
  await assert.rejects(index.stream({ entities: ["nobody"] }).next(), (error) => error instanceof StreamError && /no entity 'nobody'/.test(error.message));
  await assert.rejects(index.live({ entities: ["nobody"] }).ready(), /no entity 'nobody'/);

  // --- a busy service is asked again when it says so, for what only reads
  {
    const busy = { answers: [], asked: 0 };
    const server = createHttpServer((request, response) => {
      request.resume().on("end", () => {
        busy.asked++;
        const [status, headers] = busy.answers.shift() ?? [200, {}];
        response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify({ status }));
      });
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const { http } = createPlumbline({ url: `http://127.0.0.1:${server.address().port}` });
    const later = [503, { "retry-after": "0" }];
    const ask = async (answers, question) => {
      Object.assign(busy, { answers, asked: 0 });
      const { response } = await question();
      return [response.status, busy.asked];
    };
    const get = (options = {}) => http.GET("/v1/entities/holder/1/history", options);
    const sql = () => http.POST("/v1/sql", { body: { sql: "select 1" } });
    assert.deepEqual(await ask([later, [429, { "retry-after": "0" }]], get), [200, 3]);
    assert.deepEqual(await ask([later, later], sql), [200, 3]);
    assert.deepEqual(await ask([later, later, later], get), [503, 3], "the last answer counts");
    assert.deepEqual(await ask([[503, {}]], get), [503, 1], "without Retry-After");
    assert.deepEqual(await ask([[503, { "retry-after": "3600" }]], get), [503, 1], "an hour is too long");
    assert.deepEqual(await ask([later], () => http.POST("/v1/tasks", { body: { kind: "compact" } })), [503, 1], "what changes something");
    busy.answers = [[503, { "retry-after": "30" }]];
    await assert.rejects(get({ signal: AbortSignal.timeout(200) }), { name: "TimeoutError" });
    const began = Date.now();
    assert.deepEqual(await ask([[429, { "retry-after": "1" }]], get), [200, 2]);
    assert.ok(Date.now() - began >= 1000, "not before the time");
    server.close();
  }

  // --- a copy of rows, and a reader of events that is slow, forgets all but its cursors, and starts again
  let cuts = 0;
  const copy = index.live({ entities: ["holder"], events: ["token.Transfer"], onCut: () => cuts++ });
  closed.push(copy);
  const reader = {
    events: [], known: [], retracts: 0, restarts: 0,
    begin() {
      this.stream = index.stream({ events: ["token.Transfer"], from: start, known: this.known, messagesMax: 4, onCut: () => cuts++ });
      this.done = (async (stream) => {
        for await (const message of stream) {
          if (message.type === "reset") this.events = [];
          if (message.type === "retract") { this.retracts++; this.events = this.events.filter((event) => event.block <= message.block); }
          if (message.type === "block") this.events.push(...message.events);
          this.known = stream.known;
          this.hash = message.hash ?? this.hash;
          if (random.chance(20)) await new Promise((go) => setTimeout(go, random.below(30)));
        }
      })(this.stream);
    },
    async restart() { this.stream.close(); await this.done; this.restarts++; this.begin(); },
  };
  reader.begin();
  closed.push({ close: () => reader.stream.close() });
  await copy.ready();

  // --- what React's useSyncExternalStore shows of the copy
  process.env.NODE_ENV = "production";  // Else it says that its renderer is for tests only.
  const react = createRequire(join(source, "package.json"));
  const { createElement, useMemo, useSyncExternalStore } = react("react");
  const { create } = react("react-test-renderer");
  const Holders = () => {
    const rows = useSyncExternalStore(copy.subscribe, () => copy.rows("holder"));
    const { block } = useSyncExternalStore(copy.subscribe, () => copy.state);
    const got = useMemo(() => [...rows.values()].reduce((sum, row) => sum + BigInt(row.got), 0n), [rows]);
    return `${rows.size} hold ${got} at ${block}`;
  };
  const screen = create(createElement(Holders));
  closed.push({ close: () => screen.unmount() });

  const page = async (ask) => {
    const out = [];
    for (let cursor; ;) {
      const { data, error } = await ask(cursor === undefined ? {} : { cursor });
      if (!data) throw new Error(error.error.message);
      out.push(data);
      if (data.next === null) return out;
      cursor = data.next;
    }
  };
  let holds;
  const compare = async (round) => {
    const head = await chain.rpc.call("eth_getBlockByNumber", "latest", false);
    await until("the index is at the head", async () => (await fetch(`http://127.0.0.1:${port}/v1/status`).then((answer) => answer.json()).catch(() => ({}))).block?.hash === head.hash);
    await until(`the copy is at the head (round ${round}): ${JSON.stringify(copy.state)}`, () => copy.state.isReady && copy.state.hash === head.hash);
    await until(`the reader is at the head (round ${round})`, () => reader.hash === head.hash);
    const rows = (await page((query) => direct.http.GET("/v1/entities/holder", { params: { query } }))).flatMap((one) => one.rows);
    assert.deepEqual(new Map([...copy.rows("holder")].sort()), new Map(rows.map(({ key, row }) => [key, row]).sort()), `rows, round ${round}`);
    const events = (await page((query) => direct.http.GET("/v1/events", { params: { query: { ...query, event: "Transfer", limit: 1000 } } }))).flatMap((one) => one.events);
    // It may yet hear that another mapping began, and start again.
    await until(`the reader has the events (round ${round})`, () => isDeepStrictEqual(reader.events, events));
    const logs = await token.events("Transfer");
    assert.equal(events.length, logs.length, `logs of the node, round ${round}`);
    const got = rows.reduce((sum, { row }) => sum + BigInt(row.got), 0n);
    const shown = `${rows.length} hold ${got} at ${Number(head.number)}`;
    await until(`the screen shows "${shown}" (round ${round}): ${screen.toJSON()}`, () => screen.toJSON() === shown);
    const held = copy.rows("holder");
    assert.equal(copy.rows("holder"), held, "the same without a change");
    if (holds !== undefined) assert.deepEqual(holds.map, holds.was, "a Map that was given out stays as it was");
    holds = { map: held, was: new Map(held) };
    const tail = copy.events();
    assert.deepEqual(tail, events.slice(events.length - tail.length), `the copy's events, round ${round}`);
  };
  await compare("first");
  for (let round = 0; round < args.rounds; round++) {
    for (let i = random.below(4); i >= 0; i--) await act();
    if (random.chance(50)) await compare(`${round}, before`);
    if (random.chance(50)) wire.cut();
    if (random.chance(20)) { wire.isDown = true; wire.cut(); }
    await chain.rpc.call("anvil_reorg", 1 + random.below(5), []);
    for (let i = random.below(3); i >= 0; i--) await act();
    if (random.chance(15)) await chain.mine(20);
    if (random.chance(25)) await reader.restart();
    if (round === Math.floor(args.rounds / 2)) {
      service.kill("SIGKILL");
      await new Promise((done) => service.once("exit", done));
      await act();
      serve();
    }
    wire.isDown = false;
    await compare(round);
  }
  assert.ok(cuts > 0 && wire.cuts > 0 && reader.retracts > 0 && reader.restarts > 0, `${cuts} cuts, ${reader.retracts} retractions, ${reader.restarts} restarts`);
  console.log(`${args.rounds} reorganisations, ${cuts} cuts, ${reader.retracts} retractions, ${reader.restarts} new readers: rows and ${reader.events.length} events equal`);

  // --- the service starts with another mapping, or from nothing, while the copy is cut off, and no block comes
  for (const [gave, isAnew] of [["value + 1", false], ["value", false], ["value", true], ["value + 1", true]]) {
    wire.isDown = true;
    wire.cut();
    service.kill();
    await new Promise((done) => service.once("exit", done));
    writeFileSync(config, mapping(gave));
    if (isAnew) rmSync(join(work, "db"), { recursive: true });
    serve();
    await until("the rows are those of the new mapping", async () => (await fetch(`http://127.0.0.1:${port}/v1/ready`).catch(() => ({}))).ok);
    wire.isDown = false;
    await until("the copy is back", () => copy.state.cut === null);
    await compare(`gave = ${gave}${isAnew ? ", from nothing" : ""}`);
  }
  console.log("another mapping of the same blocks, and another database: rows and events equal");

  // --- its end ends it
  const next = reader.stream.next();
  reader.stream.close();
  assert.deepEqual(await next, { value: undefined, done: true });
  copy.close();
  await until("the copy says that it ended", () => copy.state.error?.message === "closed");
  console.log("closed");
} finally {
  for (const one of closed) one.close();
  wire?.close();
  service?.kill();
  chain.stop();
  rmSync(work, { recursive: true, force: true });
}
