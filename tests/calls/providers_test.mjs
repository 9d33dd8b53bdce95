// The real binary and several providers of contract calls over real sockets: one that is given twice, two at one host, one
// that hangs on eth_call alone, ones that answer from another block, that refuse all calls or limit their rate.
//
//   node tests/calls/providers_test.mjs [--binary build/release/plumbline] [--keep]

import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { compile } from "../../tools/node/compile.mjs";
import { Rpc, options } from "../../tools/node/lib.mjs";
import { Checks } from "../support/checks.mjs";
import { contracts } from "../support/contracts.mjs";
import { runs, start_anvil } from "../support/programs.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const args = options(
  { binary: join(here, "../../build/release/plumbline"), keep: false },
  "usage: providers_test.mjs [--binary FILE] [--keep]",
);
const run = runs(resolve(args.binary));
const checks = new Checks("providers");
const { check, work } = checks;
const artifacts = compile(join(here, "Calls.sol"));

// A provider for each path of one host: `modes` says by path what it does, and nothing else than asking the node is "".
async function start_host(target, modes) {
  const calls = {};
  const plain = {}; // eth_calls that are none of a look
  let limited = 0;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const mode = modes[request.url] ?? "";
    const asked = JSON.parse(body);
    const is_call = [asked].flat().some((one) => one.method === "eth_call");
    if (is_call) calls[request.url] = (calls[request.url] ?? 0) + 1;
    if (is_call && mode === "hangs") return;
    const answers = await Promise.all([asked].flat().map(async (one) => {
      if (one.method === "eth_call") {
        plain[request.url] = (plain[request.url] ?? 0) + (tells_block.includes(one.params[0].data) ? 0 : 1);
        if (mode === "newest") one.params[1] = "latest";
        if (mode === "previous") one.params[1] = await block_before(target, one.params[1]);
        if (mode === "refuses") {
          return { jsonrpc: "2.0", id: one.id, error: { code: -32601, message: "the method eth_call does not exist" } };
        }
        if (mode === "limits" && ++limited % 2 === 0) {
          return { jsonrpc: "2.0", id: one.id, error: { code: 429, message: "Too Many Requests" } };
        }
      }
      if (mode === "lies" && one.method === "eth_call") {
        // No program runs, and whatever is called returns one number.
        if (!one.params[0].to || one.params.length > 2) {
          return { jsonrpc: "2.0", id: one.id, error: { code: -32602, message: "invalid argument 0: to is needed" } };
        }
        return { jsonrpc: "2.0", id: one.id, result: `0x${"63".padStart(64, "0")}` };
      }
      const answer = await fetch(target, {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(one),
      });
      return answer.json();
    }));
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(Array.isArray(asked) ? answers : answers[0]));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  server.unref();
  return { port: server.address().port, url: `http://127.0.0.1:${server.address().port}`, calls, plain };
}

/// Programs that return their block's time and number.
const tells_block = ["0x4260005260206000f3", "0x4360005260206000f3"];

async function block_before(target, block) {
  const asked = new Rpc(target);
  const number = block.blockHash ? (await asked.call("eth_getBlockByHash", block.blockHash, false)).number : block;
  return number.startsWith("0x") ? `0x${Math.max(0, Number(number) - 1).toString(16)}` : number;
}

const node = await start_anvil("--slots-in-an-epoch", "1");
const rpc = new Rpc(node);
await rpc.call("anvil_setBlockTimestampInterval", 1);
const { deploy, transact } = await contracts(rpc, artifacts);
const registry = await deploy("Registry");
const token = await deploy("Token", ["uint8", "string"], [6, "USDC"]);
for (let round = 0; round < 20; round++) {
  await transact("Token", token, "mint", 1000 + round);
  await transact("Registry", registry, "see", [token]);
}
await rpc.call("anvil_mine", "0x3");

const config = (urls) => `[chain]
id = 31337
rpc = ${JSON.stringify(urls)}
[database]
path = "db"
[contracts.registry]
abi = "Registry.json"
address = "${registry}"
[entities.seen]
key = { block = "uint64", log = "uint32" }
fields = { supply = "uint256" }
[[on]]
event = "registry.Seen"
insert = "seen"
key = { block = "$block.number", log = "$log.index" }
set = { supply = "$call.supply" }
[on.calls]
supply = { call = "function totalSupply() view returns (uint256)", at = "token" }
`;

function write(name, urls) {
  const dir = join(work, name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "Registry.json"), JSON.stringify(artifacts.Registry.abi));
  writeFileSync(join(dir, "plumbline.toml"), config(urls));
  return dir;
}
async function index(name, urls) {
  const dir = write(name, urls);
  const ended = await run("run", join(dir, "plumbline.toml"), "--db", join(dir, "db"), "--until", "head", "--timeout", "0");
  check(`${name}: indexed`, ended.code === 0, ended.out + ended.err);
  return { dir, said: ended.out + ended.err };
}
const facts = async (dir) => (await run("dump", join(dir, "db"), "--facts")).out;

// --- one endpoint that is given twice ------------------------------------------------------------------

const host = await start_host(node, {
  "/": "lies", "/liar": "lies", "/hanger": "hangs", "/newest": "newest", "/previous": "previous", "/refuser": "refuses",
  "/limiter": "limits",
});
const honest = await start_host(node, {});
{
  const { dir } = await index("honest", [honest.url]);
  const before = await facts(dir);
  const spellings = [
    [host.url, host.url], [host.url, `${host.url}/`], [host.url, `http://localhost:${host.port}`],
    [`http://127.0.0.1:${host.port}`, `http://127.1:${host.port}/#x`],
  ];
  for (const [one, other] of spellings) {
    const repaired = await run("repair", join(dir, "db"), "--rpc", one, "--rpc", other);
    check(`${one} and ${other} are one vote: nothing is overruled`, await facts(dir) === before, repaired.out);
    check("and that they are one endpoint is said", repaired.err.includes("--rpc: 1 and 2 are one endpoint"), repaired.err);
  }
  const twice = write("twice", [host.url, host.url, honest.url]);
  const checked = await run("check", join(twice, "plumbline.toml"), "--events", "0");
  check("check says so of a config and takes it", checked.code === 0 &&
    checked.err.includes("rpc of [chain]: 1 and 2 are one endpoint"), checked.out + checked.err);
  const asked = ["--config", join(twice, "plumbline.toml")];
  const verified = await run("verify", join(dir, "db"), "--proof", "calls", ...asked);
  check("two against one are no majority where two are one", !verified.out.includes("2 of 3 providers"), verified.out);
  await run("repair", join(dir, "db"), ...asked);
  check("and repair leaves what the honest one told", await facts(dir) === before);
}

// --- two providers at one host -------------------------------------------------------------------------

{
  const { dir } = await index("one_host", [`${host.url}/liar`]);
  const asked = ["--rpc", `${host.url}/liar`, "--rpc", `${host.url}/v2/SECRETKEY`, "--rpc", `${honest.url}`];
  const verified = await run("verify", join(dir, "db"), "--proof", "calls", ...asked);
  check("the other one at the host is another provider", verified.code === 1 &&
    verified.out.includes("2 of 3 providers say so"), verified.out + verified.err);
  const repaired = await run("repair", join(dir, "db"), ...asked);
  check("what the first one lied is mended", repaired.code === 0, repaired.out + repaired.err);
  const journal = await run("journal", join(dir, "db"));
  check("the journal tells who from whom", journal.out.includes(`as ${host.url}#2 and most others tell`), journal.out);
  const all = verified.out + verified.err + repaired.out + repaired.err + journal.out + await facts(dir);
  check("no name has a secret", !all.includes("SECRETKEY"), all);
}

// --- a provider that hangs on eth_call alone -----------------------------------------------------------

{
  const { dir, said } = await index("hanger", [`${host.url}/hanger`, honest.url]);
  check("all calls are answered by the other one", !(await facts(dir)).includes(host.url) &&
    (await facts(dir)).trim().split("\n").length === 20, said);
  check("the hanger is asked a few times and then passed over", host.calls["/hanger"] <= 4, String(host.calls["/hanger"]));
}

// --- providers that answer from another block, refuse all calls or limit them, beside an honest one ------

{
  const right = (await run("dump", join(work, "honest", "db"), "--entity", "seen")).out;
  for (const name of ["newest", "previous"]) {
    const bad = `${host.url}/${name}`;
    for (const [place, urls] of [["first", [bad, honest.url]], ["second", [honest.url, bad]]]) {
      const { dir, said } = await index(`${name}_${place}`, urls);
      check(`${name} ${place}: the rows are right`, (await run("dump", join(dir, "db"), "--entity", "seen")).out === right, said);
      check(`${name} ${place}: it is named once`, said.split("answers eth_call from another block").length === 2, said);
      const checked = await run("check", join(dir, "plumbline.toml"), "--events", "2");
      check(`${name} ${place}: check names it`, checked.code === 0 && (checked.out + checked.err).includes("has none to give"),
        `${checked.code} ${checked.out}${checked.err}`);
    }
    check(`${name} gets no calls of contracts`, (host.plain[`/${name}`] ?? 0) === 0, String(host.plain[`/${name}`]));
  }
  const limited = await index("limiter", [`${host.url}/limiter`, honest.url]);
  check("who limits calls keeps nobody waiting",
    (await run("dump", join(limited.dir, "db"), "--entity", "seen")).out === right, limited.said);
}

{
  const { dir } = await index("told_by_honest", [honest.url]);
  const verify = (...urls) => run("verify", join(dir, "db"), "--proof", "calls", "--timeout", "15",
    ...urls.flatMap((url) => ["--rpc", url]));
  const beside = await verify(`${host.url}/hanger`, honest.url);
  check("verify passes over who hangs", beside.code === 0, `${beside.code} ${beside.out}${beside.err}`);
  const refused = await verify(`${host.url}/refuser`, honest.url);
  check("and who refuses all calls", refused.code === 0, `${refused.code} ${refused.out}${refused.err}`);
  // In batches, and a few times more: it was 8 to 16 times each.
  const facts = (await run("dump", join(dir, "db"), "--facts")).out.trim().split("\n").length;
  check("which is asked hardly more than twice about each", host.plain["/refuser"] <= 2 * facts + 20,
    `${host.plain["/refuser"]} calls, ${facts} facts`);
  const alone = await verify(`${host.url}/refuser`);
  check("alone it is the reason", alone.code === 3 && alone.out.includes("the method eth_call does not exist"),
    `${alone.code} ${alone.out}${alone.err}`);
}

checks.end(args.keep);
