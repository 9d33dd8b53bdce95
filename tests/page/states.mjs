// The states that the page is looked at in: each a real chain, a real index and a real server.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const TOKEN = "let-me-change-things";
process.env.PAGE_TOKEN = TOKEN;
const children = new Set();
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/// Waits until `test` gives something; the limit is a guard against a hang.
export async function until(what, test, limit_s = 60) {
  for (let left = 20 * limit_s; left > 0; left--) {
    const found = await test().catch(() => null);
    if (found) return found;
    await sleep(50);
  }
  throw new Error(`it never came: ${what}`);
}

function start(command, args) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  child.text = "";
  child.stdout.on("data", (part) => (child.text += part));
  child.stderr.on("data", (part) => (child.text += part));
  child.ended = new Promise((done) => child.on("close", (code) => { children.delete(child); done(code); }));
  return child;
}
async function run(command, args) {
  const child = start(command, args), code = await child.ended;
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${code}\n${child.text}`);
  return child.text;
}
const node = (script, args) => run(process.execPath, [join(root, script), ...args]);

/// A server of our own on loopback.
async function listen(answer) {
  const server = http.createServer(answer);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  server.unref();
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close(); } };
}

/// Passes requests to `target` as long as `manners` let it: { hold: true } keeps them, { hold: REGEXP } those whose body is
/// so, { below: N } those for logs of block N and above; { refuse: 429 } answers all with that; { late_ms: N } takes so long.
function before(target, manners) {
  return listen((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", async () => {
      if (manners.refuse) return response.writeHead(manners.refuse, { "Content-Type": "text/plain" }).end("429 Too Many Requests");
      if (manners.hold === true || manners.hold?.test(body)) return;
      if (manners.late_ms) await sleep(manners.late_ms);
      const to = /"toBlock":"(0x[0-9a-f]+)"/.exec(body);
      if (manners.below && body.includes("eth_getLogs") && to && Number(to[1]) >= manners.below) return;
      const answer = await fetch(target, { method: "POST", body, headers: { "Content-Type": "application/json" } }).catch(() => null);
      if (!answer) return request.socket.destroy();
      response.writeHead(answer.status, { "Content-Type": "application/json" }).end(Buffer.from(await answer.arrayBuffer()));
    });
  });
}

export class World {
  constructor(binary) {
    this.binary = binary;
    this.dir = mkdtempSync(join(tmpdir(), "plumbline-page-"));
    this.open = [];
  }
  async chain(steps = 150) {
    const anvil = start(process.execPath, [join(root, "tools/node/anvil.mjs"), "--port", "0", "--timestamp", String(Math.floor(Date.now() / 1000) - 4000), "--with-parent", "--log", "/dev/null"]);
    this.rpc = JSON.parse((await until("anvil", async () => anvil.text.includes("\n") && anvil.text)).split("\n")[0]).url;
    this.report = JSON.parse(await node("examples/community/activity.mjs", ["--rpc", this.rpc, "--steps", String(steps), "--seed", "7"]));
  }
  call(method, ...params) {
    return fetch(this.rpc, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }) }).then((r) => r.json());
  }
  /// A config of the community with `more` at its end and `change` made to its text.
  config(name, { rpc = this.rpc, more = "", change = (text) => text } = {}) {
    const folder = join(this.dir, name);
    mkdirSync(folder, { recursive: true });
    const text = readFileSync(join(root, "examples/community/plumbline.toml"), "utf8")
      .replace(/^rpc = .*$/m, `rpc = ["${rpc}"]\nready_age = "5s"\npoll_interval = "200ms"\nhead_age = "off"`)
      .replace(/^finality = .*$/m, "finality = 4");
    writeFileSync(join(folder, "plumbline.toml"), change(text) + `\n[http]\nlisten = "127.0.0.1:0"\ntoken = "env:PAGE_TOKEN"\n${more}`);
    writeFileSync(join(folder, "CommunityHub.json"), readFileSync(join(root, "examples/community/CommunityHub.json")));
    return folder;
  }
  /// What `init` writes, and nothing else; on any free port.
  async first_config() {
    const folder = join(this.dir, "first");
    await run(this.binary, ["init", folder, "--abi", join(root, "examples/community/CommunityHub.json"), "--address", this.report.address, "--rpc", this.rpc]);
    const config = join(folder, "plumbline.toml");
    writeFileSync(config, readFileSync(config, "utf8").replace(/^listen = .*$/m, 'listen = "127.0.0.1:0"').replace(/^finality = .*$/m, 'finality = 4\nhead_age = "off"'));
    return folder;
  }
  async index(folder) { await run(this.binary, ["run", join(folder, "plumbline.toml"), "--until", "head", "--quiet"]); }
  damage(folder, args) { return run(join(dirname(this.binary), "plumbline_damage"), [args[0], join(folder, "db"), ...args.slice(1)]); }
  async serve(folder) {
    const service = start(this.binary, ["run", join(folder, "plumbline.toml")]);
    this.open.push(service);
    const listens = async () => service.exitCode != null ? [] : /the API listens\s+url=(\S+)/.exec(service.text);
    const found = await until("the API listens", listens);
    if (!found[1]) throw new Error(service.text);
    service.url = found[1] + "/";
    return service;
  }
  /// What `plumbline status` says of the index, while it is served.
  async told(service) { return JSON.parse(await run(this.binary, ["status", join(dirname(service.spawnargs[2]), "db"), "--json"])); }
  /// The metrics by their names, those of several labels added up.
  async metrics(service) {
    const out = {};
    for (const line of (await fetch(service.url + "metrics").then((r) => r.text())).split("\n")) {
      const found = /^(plumbline_\w+)(?:\{[^}]*\})? (\S+)$/.exec(line);
      if (found) out[found[1]] = (out[found[1]] ?? 0) + Number(found[2]);
    }
    return out;
  }
  get(service, path) { return fetch(service.url.slice(0, -1) + path).then((r) => r.json()); }
  ready(service) { return until("ready", async () => (await this.get(service, "/v1/status")).ready); }
  async post(service, path, body) {
    const answer = await fetch(service.url.slice(0, -1) + path, { method: "POST", headers: { Authorization: "Bearer " + TOKEN }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
  /// The newest repair has ended.
  repaired(service) { return until("a repair", async () => (await this.get(service, "/v1/conflicts")).repair?.state === "done"); }
  /// A served index of which one value is damaged, as the state proof has found.
  async damaged(name, rpc = this.rpc) {
    const folder = this.config(name, { more: PROVE, rpc });
    await this.index(folder);
    await this.damage(folder, ["set-field", "--entity", "community", "--seed", "3", "--field", "member_count", "--value", "4711"]);
    const service = await this.serve(folder);
    await this.ready(service);
    await this.proven(service, "state");
    return service;
  }
  /// The task's newest run has ended.
  proven(service, proof) { return until(`${proof} proof`, async () => (await this.get(service, "/v1/reports")).reports.some((r) => r.proof === proof)); }
  async proxy(manners) { const made = await before(this.rpc, manners); this.open.push(made); return made.url; }
  async receiver(status) { const made = await listen((request, response) => { request.resume(); request.on("end", () => response.writeHead(status).end()); }); this.open.push(made); return made.url; }
  async end(service) { service.kill("SIGCONT"); service.kill("SIGTERM"); await service.ended; }
  close() {
    for (const one of this.open) if (one.close && !one.pid) one.close();
    for (const child of children) { child.kill("SIGCONT"); child.kill("SIGKILL"); }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const OLD_HEAD = (text) => text.replace('head_age = "off"', 'head_age = "1m"');
const PROVE = '[schedule]\nprove_state = "2s"\n';
/// name -> makes the state; gives the service, what the verdict must say (`says`, `why`, `cls`), what its facts, what the page
/// as a whole, what nowhere (`never`), and how the state of each provider is coloured.
export const STATES = {
  empty: async (world) => {
    const manners = { hold: true }, folder = world.config("empty", { rpc: await world.proxy(manners) });
    // Whoever looks at once sees the first; a slow machine is past it.
    return { service: await world.serve(folder), says: /^(Starting: the chain has not answered|Nothing is indexed: the chain does not answer)/, text: /Providers.*(starting|down)/s, begin: () => { manners.hold = undefined; } };
  },
  // The commonest first mistake: nobody is at the URL.
  node_down: async (world) => {
    const nobody = await listen(() => {}), folder = world.config("node_down", { rpc: nobody.url });
    nobody.close();
    const service = await world.serve(folder);
    await until("a reason", async () => (await world.get(service, "/v1/status")).reasons[0]);
    return { service, says: /^Nothing is indexed: the chain does not answer/, cls: "warn", why: /^For .*: down, Couldn't connect to server\. Check \[chain\] rpc and id in the config, .*plumbline doctor/, facts: /Nothing is indexed yet/, text: /Providers.*down/s, providers: "bad", never: /Yes|Equal|waiting for the chain|Attention|\b0 ms/ };
  },
  // It answers, and too late for whoever follows the head: that is not called silence.
  node_slow: async (world) => {
    const manners = { late_ms: 9000 }, folder = world.config("node_slow", { rpc: await world.proxy(manners) });
    const service = await world.serve(folder);
    await until("who is slow", async () => (await world.get(service, "/v1/status")).reasons.some((r) => r.includes(" is slow: ")));
    return { service, says: /^Nothing is indexed: the chain answers too late$/, cls: "warn", why: /^Provider http:\S+ is slow: it tells the chain's head after \d+s, and for that it is waited for 8s: put a faster one into \[chain\] rpc\.$/, facts: /Nothing is indexed yet/, text: /Providers.*too slow/s, providers: "bad", never: /no answer|has not answered|does not answer|silent|waiting for the chain|Attention|Yes/ };
  },
  // Nobody is at the address, and the start is where the chain is not yet: an index without a row is no good news.
  no_contract: async (world) => {
    const service = await world.serve(world.config("no_contract", { change: (text) => text.replace(/^address = "0x\w+"/m, 'address = "0x00000000000000000000000000000000000a11ce"') }));
    await world.ready(service);
    await until("a note", async () => (await world.get(service, "/v1/status")).notes[0]);
    return { service, says: /^Up to date, but every entity is empty$/, cls: "warn", why: /^There is no contract code at 0x0+a11ce \(hub\) at block \d+ of chain 31337: check the address/, never: /✓|Note: there is no contract/ };
  },
  starts_later: async (world) => {
    const service = await world.serve(world.config("starts_later", { change: (text) => text.replace(/^start_block = 0/m, "start_block = 9999") }));
    await world.ready(service);
    return { service, says: /^Nothing is indexed: the chain is at block \d+, the index begins at 9,999$/, cls: "warn", why: /^Correct start_block in the config/, facts: /Nothing is indexed yet/, never: /Yes|✓/ };
  },
  // As `plumbline init` writes it: no entity says what of the contract it should equal.
  first_config: async (world) => {
    const service = await world.serve(await world.first_config());
    await world.ready(service);
    await until("entities", async () => (await world.get(service, "/v1/entities")).entities.some((e) => e.rows > 0));
    return { service, says: /^Up to date; not compared with the contract$/, cls: "", facts: /Not compared\s*no entity in the config has state/, text: /Nothing was compared with the contract\..*No entity in the config has state/s, never: /prove_state = |✓/ };
  },
  not_compared: async (world) => {
    const service = await world.serve(world.config("plain", { more: '[reports.broken]\nentity = "user"\nmetric = "sum"\nof = "reputation / (vote_count - vote_count)"\n' }));
    await world.ready(service);
    return { service, says: /^Up to date; not compared with the contract yet/, cls: "", facts: /no proof of state has run: \[schedule\] prove_state = "10m" in the config runs it/, text: /Nothing was compared with the contract yet/ };
  },
  right: async (world) => {
    const hook = await world.receiver(200);
    const folder = world.config("right", {
      more: PROVE + `[webhooks.app]\nurl = "${hook}"\nsecret = "env:PAGE_TOKEN"\nentities = ["community", "vote"]\n`,
      change: (text) => text.replace('points = "uint256"', 'points = { type = "uint256", decimals = 18 }') });
    const service = await world.serve(folder);
    await world.ready(service);
    await world.proven(service, "state");
    await until("a delivery", async () => (await world.get(service, "/v1/status")).webhooks[0].delivered_block != null);
    return { service, says: /^Right and up to date/, cls: "good", facts: /Yes: block (\d+) of \1\s*node asked (just now|\d+ (s|min) ago); (no new block for \d+ min|newest block \d+ s old).*Block \d+, the last final block\s*receipts: every event proven; 4 newer ones wait to become final/s, text: /delivered through block/, providers: "good" };
  },
  mismatch: async (world) => {
    const service = await world.damaged("mismatch");
    return { service, says: /^Up to date, but 1 row differs from the contract/, why: /^First: community id=\d+, member_count: 4711 here, \d+ in the contract\. Press Repair(: it mends what comes of a missing event or a damaged row|, which mends a damaged row: the events are proven, .*)\.$/, facts: /Entities right\?\s*No: 1 row differs/, cls: "bad", text: /member_count: 4711 here, \d+ in the contract.*last changed at block \d+.*Why: .*What to do: repair folds/s };
  },
  // The node goes away after the proof: what was found stands, with the reason why nobody looked again.
  mismatch_gone: async (world) => {
    const manners = {}, service = await world.damaged("mismatch_gone", await world.proxy(manners));
    manners.refuse = 503;
    await until("a proof that could not look", async () => (await world.get(service, "/v1/conflicts")).conflicts[0].not_looked_at, 300);
    await until("not ready", async () => !(await world.get(service, "/v1/status")).ready);
    return { service, says: /^Not known to be up to date, and 1 row differs from the contract/, cls: "bad", facts: /Entities right\?\s*No: 1 row differs\s*community; not looked at again since/, text: /member_count: 4711 here, \d+ in the contract.*Not looked at again since: nobody can be asked: http/s, never: /Nothing was compared|Not compared yet|the chain stands still/ };
  },
  repairing: async (world) => {
    const manners = {}, service = await world.damaged("repairing", await world.proxy(manners));
    manners.hold = /Receipt/;
    await world.post(service, "/v1/reconcile", { entity: "community" });
    await until("it runs", async () => (await world.get(service, "/v1/conflicts")).repair?.state === "running");
    return { service, says: /^Being repaired: 1 row differs from the contract/, cls: "warn", why: /^Running since \d\d:\d\d:\d\d \(\w+: [^)]*\d[^)]*\): .*First: community id=\d+, member_count: .*Wait, a repair is running\.$/, text: /Repairing…/, release: () => { manners.hold = undefined; } };
  },
  // A dry run is no repair, and says how far it is; a repair that is asked for meanwhile waits for it.
  dry_run: async (world) => {
    const manners = {}, service = await world.damaged("dry_run", await world.proxy(manners));
    manners.hold = /Receipt/;
    await world.post(service, "/v1/tasks", { kind: "repair", args: "dry-run community" });
    await until("it has begun to prove", async () => (await world.get(service, "/v1/tasks?kind=repair")).tasks[0].progress.startsWith("log: "));
    return { service, says: /^Up to date, but 1 row differs from the contract/, cls: "bad", why: /Press Repair[:,] .*\.$/, text: /A dry run looks up what a repair would do \(log: blocks [\d,]+ of [\d,]+\)\. It proves all first and changes nothing….*dry run of a repair community\s+running/s, never: /Being repaired|Repairing…/, release: () => { manners.hold = undefined; }, after: /^Up to date, but 1 row differs from the contract/ };
  },
  // The config reads the contract's answer wrongly: no repair can help.
  left: async (world) => {
    const folder = world.config("left", { change: (text) => text.replace('"points", "top_award", "community_count"', '"top_award", "points", "community_count"').replace('points = "uint256"', 'points = { type = "uint256", decimals = 18 }') });
    await world.index(folder);
    await world.damage(folder, ["set-field", "--entity", "user", "--seed", "3", "--field", "community_count", "--value", "4711"]);
    const service = await world.serve(folder), conflicts = async () => JSON.stringify((await world.get(service, "/v1/conflicts")).conflicts);
    await world.ready(service);
    // What the repair mends is not told beside what it leaves, and nothing proves the state again here.
    await world.post(service, "/v1/tasks", { kind: "prove_state" });
    await until("the damage", async () => (await conflicts()).includes("4711"));
    await world.post(service, "/v1/reconcile", {});
    await world.repaired(service);
    return { service, says: /^Up to date, but 2 rows differ from the contract/, why: /^First: user account=0x\S+, (points|top_award): \S+ here, \S+ in the contract\. Repair cannot mend this: correct the mapping\.$/, cls: "bad", text: /2 rows of user differ, in 4 values.*Why: the contract changes this without an event, or the mapping.*no event is missing.*What to do: correct the mapping.*The repair of \d\d:\d\d:\d\d left this:.*fold the whole log again: 1 finding[^;]*; something is left/s, never: /Repair again|mismatches|4711/ };
  },
  // The same before any repair: a dry run says what none can mend, and nobody is told to press for it.
  dry_left: async (world) => {
    const service = await world.serve(world.config("dry_left", { change: (text) => text.replace('"points", "top_award", "community_count"', '"top_award", "points", "community_count"') }));
    await world.ready(service);
    await world.post(service, "/v1/tasks", { kind: "prove_state" });
    await world.proven(service, "state");
    await world.post(service, "/v1/tasks", { kind: "repair", args: "dry-run user" });
    await until("the dry run has ended", async () => (await world.get(service, "/v1/conflicts")).plan?.state === "done");
    return { service, says: /^Up to date, but 2 rows differ from the contract/, why: /^First: user account=0x\S+, .* in the contract\. A repair would change nothing, as the dry run of \d\d:\d\d:\d\d found: the log and the fold are proven, so the mapping does not say what the contract does; .*on_drift/, cls: "bad", text: /A repair would: change nothing\..*; nothing is changed by a dry run/s, never: /Press Repair/ };
  },
  // Events that a provider left out: their names in the headline, all that they say where somebody asks for it.
  log_mismatch: async (world) => {
    const folder = world.config("log_mismatch", { more: '[repair]\non_log = "report"\n' });
    await world.index(folder);
    for (let seed = 1; seed <= 10; seed++) await world.damage(folder, ["drop-event", "--seed", String(seed)]);
    const service = await world.serve(folder);
    await world.ready(service);
    await until("the proof has found all", async () => (await world.get(service, "/v1/conflicts")).conflicts.find((c) => c.proof === "log")?.findings.length > 6);
    return { service, says: /^Up to date, but \d+ mismatches were found by proofs/, cls: "bad", why: /^First: block [\d,]+ log \d+: the chain has hub\.\w+, the index lacks it\. Press Repair\.$/, text: /mismatches in the log proof.*block [\d,]+ log \d+: the chain has hub\.\w+, the index lacks it.*Details.*and \d+ more events?: \/v1\/conflicts lists twenty/s, never: /"txn_hash"|more values/ };
  },
  // Live, and the proof of the events waits for what the provider does not answer.
  proof_runs: async (world) => {
    const service = await world.serve(world.config("proof_runs", { rpc: await world.proxy({ hold: /Receipt/ }) }));
    await world.ready(service);
    await until("the proof of events runs", async () => (await world.get(service, "/v1/tasks?kind=prove_log")).tasks.some((t) => t.state === "running"));
    return { service, says: /^Up to date; not compared with the contract yet$/, cls: "", facts: /Proven to\?\s*Not proven yet\s*the proof of the events (runs|is tried again|got no further than linked: headers join to the head, blocks 0 to 41)/, never: /once the index is live/ };
  },
  // What is wrong in an index has no two values, only words.
  index_damaged: async (world) => {
    const folder = world.config("index_damaged", { more: '[schedule]\nprove_replay = "2s"\n' });
    await world.index(folder);
    await world.damage(folder, ["drop-index", "--entity", "question", "--index", "0"]);
    const service = await world.serve(folder);
    await world.ready(service);
    await world.proven(service, "replay");
    return { service, says: /^Up to date, but \d+ mismatch(es were| was) found by proofs/, cls: "bad", why: /^First: question id=\d+, index [\w,]+: [^–]+\. Press Repair\.$/, text: /question id=\d+ · index [\w,]+: \w/, never: /– here|– is right/ };
  },
  partly: async (world) => {
    const service = await world.serve(world.config("partly", { more: PROVE, change: (text) => text.replace(/^state = { call = "hub.options".*$/m, "") }));
    await world.ready(service);
    await world.proven(service, "state");
    return { service, says: /^Up to date; 5 of 6 entities compared, and equal/, cls: "", why: /Not compared: option: \[entities\.option\] in the config needs state = \{ call = … \}\.$/, facts: /5 of 6 compared, and equal/, text: /not compared: option/, never: /✓/ };
  },
  // Slots that are another variable's make no row wrong, and nothing is green by them.
  slots_wrong: async (world) => {
    const service = await world.serve(world.config("slots_wrong", { more: PROVE, change: (text) => text.replaceAll("base = 10", "base = 9") }));
    await world.ready(service);
    await world.proven(service, "state");
    return { service, says: /^Up to date; 5 of 6 entities compared, and equal/, cls: "", why: /Not all compared: vote\.$/, facts: /5 of 6 compared, and equal/, text: /Note: not all of vote is compared.*slots\.\w+ of state in \[entities\.vote\].*correct base, keys, word or offset/s, never: /✓|rows? differs?/ };
  },
  quarantine: async (world) => {
    const folder = world.config("quarantine", { change: (text) => text + '\n[[on]]\nevent = "hub.CommunityCreated"\ninsert = "user"\nkey = { account = "$log.address" }\n' });
    const service = await world.serve(folder);
    await world.ready(service);
    return { service, says: /^Rows are incomplete: \d+ of \d+ events are not applied/, why: /^First: block \d+, hub\.\w+: .+ Correct the config and start again\.$/, facts: /Entities right\?\s*No/, cls: "bad", text: /(1 event could not be applied\s+It is stored|events could not be applied\s+They are stored)/ };
  },
  webhook_fails: async (world) => {
    const hook = await world.receiver(503);
    const service = await world.serve(world.config("webhook", { more: PROVE + `[webhooks.billing]\nurl = "${hook}"\nsecret = "env:PAGE_TOKEN"\nentities = ["community", "vote"]\n` }));
    await world.ready(service);
    await until("a refused delivery", async () => (await world.get(service, "/v1/status")).webhooks[0].error);
    await world.proven(service, "state");
    return { service, says: /^Data right; webhook billing fails \(503\)/, why: /^Webhook billing is tried again: .*503/, facts: /Entities right\?\s*Equal to the contract/, cls: "warn", text: /not taken, try \d+/, never: /Attention: webhook/ };
  },
  frozen_node: async (world) => {
    const manners = {}, service = await world.serve(world.config("frozen", { rpc: await world.proxy(manners), more: PROVE }));
    await world.ready(service);
    await world.proven(service, "state");
    manners.hold = true;
    await until("not ready", async () => !(await world.get(service, "/v1/status")).ready);
    return { service, says: /^Not known to be up to date/, cls: "warn", why: /^http:\S+ has not answered for \d+ (s|min): check that it runs, or add a second provider to \[chain\] rpc\.$/, facts: /Unknown: no answer for \d+ (s|min)\s*block \d+ is indexed; head \d+, last told \d+ (s|min) ago/,
      text: /Providers.*no answer for \d+ (s|min)\s+\d+, last told \d+ (s|min) ago/s, never: /\(ok\)|Yes|asked now|Attention: provider/, providers: "bad" };
  },
  // It answers at once, and each answer is a refusal.
  refused: async (world) => {
    const manners = {}, service = await world.serve(world.config("refused", { rpc: await world.proxy(manners), more: PROVE }));
    await world.ready(service);
    await world.proven(service, "state");
    manners.refuse = 429;
    await until("not ready", async () => !(await world.get(service, "/v1/status")).ready);
    return { service, says: /^Not known to be up to date/, cls: "warn", why: /^http:\S+ has not told the chain's head for \d+ (s|min) \((rate limited|down): .*429.*\): see what plumbline doctor URL says, or add a second provider to \[chain\] rpc\.$/, facts: /Unknown: no head is told for \d+ (s|min)/, text: /Providers.*(rate limited|down)/s, never: /has not answered|no answer|Yes/ };
  },
  // All that is told is indexed, and the node itself stands still.
  old_head: async (world) => {
    const service = await world.serve(world.config("old_head", { more: PROVE, change: OLD_HEAD }));
    await world.proven(service, "state");
    return { service, says: /^Not known to be up to date/, cls: "warn", why: /^The chain's newest block that is told is \d+ \S+ old: check that the node is in sync .*, or add another provider/, facts: /Unknown: the head is \d+ \S+ old\s*block ([\d,]+) of \1; check that the node is in sync/, never: /Attention: the chain's head/ };
  },
  backfilling: async (world) => {
    await world.call("anvil_mine", "0x7d0");
    const service = await world.serve(world.config("backfilling", { rpc: await world.proxy({ below: 1500 }), change: OLD_HEAD, more: PROVE }));
    await until("some blocks", async () => (await world.get(service, "/v1/status")).progress.next_block > 100);
    // It is asked for its head often enough that nobody calls it silent, until what it does not answer is told.
    const told = new Set();
    await until("a wait", async () => { const s = await world.get(service, "/v1/status"); s.reasons.forEach((r) => told.add(r)); return s.reasons.some((r) => r.startsWith("waiting for the chain")); });
    const silent = [...told].filter((r) => r.startsWith("no provider has told"));
    if (silent.length) throw new Error(`it answers, and is called silent: ${silent}`);
    return { service, says: /^Catching up: \d+ % of the blocks/, cls: "warn", why: /^(About \d+ \S+ to go; rows|Rows) are those of block [\d,]+\. .*check that /, facts: /Up to date\?\s*No: at least [\d,]+ blocks behind\s*block [\d,]+ of [\d,]+; .*Not compared yet\s*the proof of state runs once the index is live, every 2 s, as \[schedule\] says/s, text: /not indexed \d/, never: /About 0 s|Unknown|has not answered/ };
  },
};
