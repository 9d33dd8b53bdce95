// Plants a random secret in every place that an endpoint and a webhook can have one, lets the provider quote them in its
// errors in every way of writing, and then looks for them wherever the real command leaves something: log, API, page,
// metrics, journal, the database's and the backups' bytes (the write-ahead log holds all that was written, uncompressed),
// the command line. A word that is no secret is planted beside them: it must be found, or the search proves nothing.
//
//   node tests/secrets/secrets_test.mjs --binary build/release/plumbline [--keep]

import { randomBytes } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { root, run_command, sleep, still_chain } from "../chaos/support.mjs";
import { Service } from "../chaos/service.mjs";

const option = (name) => process.argv[process.argv.indexOf(name) + 1];
const binary = resolve(option("--binary"));
const MARK = "quotedwordnosecret";
const random = () => "z" + randomBytes(9).toString("hex");
const s = {
  user: random(),
  password: random(),
  label: random(),
  path: random(),
  short: "k" + randomBytes(3).toString("hex"),
  query: random(),
  header: random(),
  token: random(),
  hook_path: random(),
  hook_secret: random(),
  http_token: random(),
};
const quoted = [s.user, s.password, s.label, s.path, s.short, s.query, s.header, s.token];
const basic = Buffer.from(`${s.user}:${s.password}`).toString("base64");
const percent = (text) => [...text].map((c) => "%" + c.charCodeAt(0).toString(16)).join("");
const escaped = (text) => [...text].map((c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0")).join("");
const writings = (text) => [text, text.toUpperCase(), percent(text), escaped(text), Buffer.from(text).toString("base64")];
const texts = [...quoted.flatMap(writings), `Basic ${basic}`].map((text) => `${MARK} /v2/${text} now`);

// ---- the provider: an honest node's answers, and errors that quote
let errors = 0;
let evil_share = 0.1; // more would keep it from ever getting live
function refuse(response, id) {
  const text = texts[errors % texts.length];
  const rpc = (error) => JSON.stringify({ jsonrpc: "2.0", id, error });
  const carriers = [
    [200, rpc({ code: -32000, message: text })],
    [200, rpc({ code: -32000, message: "no", data: { url: [text] } })],
    [404, `<!DOCTYPE html><html><body><pre>Cannot POST ${text}</pre></body></html>`],
    [503, `<html><title>${text}</title></html>`],
    [500, text],
  ];
  const [status, body] = carriers[errors % carriers.length];
  errors += 1;
  // In two pieces, cut within the secret.
  const at = body.indexOf("/v2/") + 9;
  response.writeHead(status, { "Content-Type": "text/plain" });
  response.write(body.slice(0, at));
  setTimeout(() => response.end(body.slice(at)), 2);
}
function serve(up) {
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      const asked = JSON.parse(body);
      const methods = [asked].flat().map((call) => call.method);
      const is_probe = methods.includes("eth_chainId");
      if (request.headers["x-key"] !== s.header || request.headers.authorization !== `Bearer ${s.token}`) {
        response.writeHead(401).end("no key");
      } else if (!is_probe && Math.random() < evil_share) {
        refuse(response, Array.isArray(asked) ? null : asked.id);
      } else {
        const onward = http.request(up, { method: "POST", headers: { "Content-Type": "application/json" } }, (answer) => {
          response.writeHead(answer.statusCode);
          answer.pipe(response);
        });
        onward.on("error", () => response.destroy());
        onward.end(body);
      }
    });
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

// ---- what is looked at
const found = [];
let marks = {};
function look(place, text) {
  const low = text.toLowerCase();
  for (const [name, secret] of Object.entries(s)) {
    for (const form of writings(secret)) {
      if (low.includes(form.toLowerCase())) found.push(`${place} has ${name} as ${form}`);
    }
  }
  if (low.includes(basic.slice(0, -2).toLowerCase())) found.push(`${place} has the Basic credentials`);
  if (low.includes(MARK)) marks[place.split(" ")[0]] = true;
}
function look_at_files(place, dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o077) !== 0) found.push(`${path} has mode ${mode.toString(8)}: others can read it`);
    if (entry.isDirectory()) look_at_files(place, path);
    else look(`${place} ${path}`, readFileSync(path, "latin1"));
  }
}
async function ask(url, method = "GET", body = undefined) {
  const answer = await fetch(url, { method, body, headers: method === "GET" ? {} : { Authorization: `Bearer ${s.http_token}` } });
  return { status: answer.status, text: await answer.text() };
}

const dir = mkdtempSync(join(tmpdir(), "plumbline-secrets-"));
const chain = await still_chain(7, 60);
const provider = await serve(chain.url);
const receiver = http.createServer((request, response) => {
  request.resume();
  response.writeHead(500).end(`${MARK} ${s.hook_path} ${s.hook_secret}`);
});
await new Promise((done) => receiver.listen(0, "127.0.0.1", done));
const url = `http://${s.user}:${s.password}@${s.label}.node.localhost:${provider.address().port}/v2/${s.path}/${s.short}?k=${s.query}`;
copyFileSync(join(root, "examples/community/CommunityHub.json"), join(dir, "CommunityHub.json"));
const example = readFileSync(join(root, "examples/community/plumbline.toml"), "utf8");
writeFileSync(
  join(dir, "plumbline.toml"),
  example
    .replace(/^rpc = .*$/m, `rpc = { url = "${url}", headers = { X-Key = "env:SECRET_HEADER" }, token = "env:SECRET_TOKEN" }`)
    .replace(/^address = "0x[0-9a-fA-F]+"/m, `address = "${chain.address}"`) +
    `
[http]
listen = "127.0.0.1:0"
token = "${s.http_token}"
[backup]
path = "backups"
[log]
level = "debug"
[webhooks.hook]
url = "http://127.0.0.1:${receiver.address().port}/hooks/${s.hook_path}"
secret = "${s.hook_secret}"
`,
);
process.env.SECRET_HEADER = s.header;
process.env.SECRET_TOKEN = s.token;
process.env.SECRET_URL = url;

let failure = null;
const service = new Service(binary, dir);
try {
  const until = async (what, condition, seconds = 60) => {
    for (let i = 0; i < seconds * 10; i++) {
      if (await condition()) return;
      if (service.code !== null) throw new Error(`plumbline ended with ${service.code}: ${service.lines.at(-1)}`);
      await sleep(100);
    }
    throw new Error(`not in ${seconds} s: ${what}`);
  };
  await until("the API", () => service.api);
  look("cmdline", readFileSync(`/proc/${service.child.pid}/cmdline`, "latin1"));
  await until("the index is live", async () => (await service.look())?.live, 120);
  evil_share = 0.5;
  const add = async (path, body) => {
    const added = await ask(service.api + path, "POST", body);
    if (added.status !== 202) throw new Error(`${path}: ${added.status} ${added.text}`);
  };
  await until("every text was said", async () => {
    await add("/v1/prove", '{"proof":"log","from":0,"to":10}');
    await add("/v1/prove", '{"proof":"state"}');
    await sleep(400);
    return errors >= texts.length * 2;
  }, 60);
  // Until some of it is all that there is to say. A proof of the log that is under way would take minutes to give up.
  evil_share = 1;
  for (const task of JSON.parse((await ask(service.api + "/v1/tasks?limit=1000")).text).tasks) {
    if (task.kind === "prove_log" && task.finished_ms === 0) await ask(`${service.api}/v1/tasks/${task.id}`, "DELETE");
  }
  await add("/v1/prove", '{"proof":"state"}');
  await until("a failed task", async () => (await ask(service.api + "/v1/tasks?limit=1000")).text.includes(MARK), 400);
  await until("a word in the log", () => service.lines.some((line) => line.includes(MARK)));
  await add("/v1/tasks", '{"kind":"backup"}');
  await until("a backup", async () => /"kind":"backup"[^}]*"result":"backup/.test((await ask(service.api + "/v1/tasks?limit=1000")).text), 300);
  for (const path of ["/", "/metrics", "/v1/health", "/v1/ready", "/v1/status", "/v1/stats", "/v1/chain", "/v1/reports",
    "/v1/conflicts", "/v1/journal", "/v1/tasks?limit=1000", "/v1/quarantine", "/v1/openapi.json", "/v1/entities"]) {
    look(`api ${path}`, (await ask(service.api + path)).text);
  }
  // Its memory of what was written is in the write-ahead log.
  service.child.kill("SIGKILL");
  await service.ended;
  look("log", service.lines.join("\n"));
  look_at_files("db", join(dir, "db"));
  look_at_files("backups", join(dir, "backups"));
  for (const args of [["task", "list", "db"], ["task", "list", "db", "--json"], ["journal", "db", "--json"], ["status", "db"]]) {
    look(`command ${args}`, (await run_command(binary, args, dir)).out);
  }
  evil_share = 0;
  for (const args of [["verify", "db", "--config", "plumbline.toml"], ["doctor", "--config", "plumbline.toml"]]) {
    const { code, out } = await run_command(binary, args, dir);
    if (code !== 0) throw new Error(`${args.join(" ")} ends with ${code}:\n${out}`);
    look(`command ${args}`, out);
  }
  const without = await run_command(binary, ["verify", "db"], dir);
  if (without.code !== 2 || !without.out.includes("--config")) throw new Error(`verify without a key: ${without.code} ${without.out}`);
  for (const place of ["log", "api", "db"]) {
    if (!marks[place]) throw new Error(`the word that is no secret is not in ${place}: the search proves nothing`);
  }
  if (found.length > 0) throw new Error([...new Set(found)].join("\n"));
  console.log(`${errors} errors quoted secrets; none is anywhere`);
} catch (error) {
  failure = error;
  writeFileSync(join(dir, "log"), service.lines.join("\n"));
  console.error(`${error.message}\n(${dir})`);
} finally {
  service.child.kill("SIGKILL");
  chain.stop();
  provider.close();
  receiver.close();
  if (!process.argv.includes("--keep") && failure === null) rmSync(dir, { recursive: true, force: true });
}
process.exit(failure === null ? 0 : 1);
