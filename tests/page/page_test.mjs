// The page in a real browser, before the real server and a real index, in every state that it has to tell: what it says,
// that nothing overflows on a phone or a desktop, light and dark, that no barrier of axe-core's serious kinds is there,
// that all can be reached by keyboard, and that a repair goes out with the token only.
// usage: node page_test.mjs --binary PLUMBLINE [--shots DIR] [--only STATE,..] [--page]
// --page serves api/page as it is now before the same server, for who writes it.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { STATES, TOKEN, World, until } from "./states.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const argument = (name) => { const at = process.argv.indexOf(name); return at < 0 ? null : process.argv[at + 1]; };
const browserPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
let chromium, axe;
try {
  const need = createRequire(join(root, "tools/page/package.json"));
  chromium = need("playwright-core").chromium;
  axe = readFileSync(need.resolve("axe-core/axe.min.js"), "utf8");
} catch { /* not installed */ }
if (!browserPath || !chromium) {
  console.log("skipped: needs chromium, playwright-core and axe-core (tools/setup --page)");
  process.exit(77);
}
const binary = resolve(argument("--binary") ?? join(root, "build/release/plumbline"));
const shots = argument("--shots"), only = argument("--only")?.split(","), fresh = process.argv.includes("--page");
const page_now = () => readFileSync(join(root, "api/page/index.html"), "utf8").replace(/\/\*include (\w+\.\w+)\*\//g, (_, name) => readFileSync(join(root, "api/page", name), "utf8"));
if (shots) mkdirSync(shots, { recursive: true });
const DEVICES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu", ...(fresh ? ["--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessForWebSockets"] : [])] });

async function open(url, options, prepare = async () => {}) {
  const context = await browser.newContext({ reducedMotion: "reduce", bypassCSP: true, ...options });
  const page = await context.newPage();
  await prepare(page);
  page.setDefaultTimeout(120_000);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("request", (request) => { if (!request.url().startsWith(url) && !/^(data|ws):/.test(request.url())) page.problems.push("asked another host: " + request.url()); });
  if (fresh) await page.route(url, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: page_now() }));
  await page.goto(url);
  return page;
}
/// The verdict, once it says `expected`.
async function says(page, expected, what) {
  await page.waitForFunction(([source]) => new RegExp(source).test(document.querySelector("#says").textContent), [expected.source]).catch(async () => {
    assert.match(await page.textContent("#says"), expected, what);
  });
}
/// What stands beside the verdict; it is told anew every few seconds, so it is awaited.
async function check_told(page, state, what) {
  for (const [part, expected] of [["#why", state.why], ["#facts", state.facts], ["body", state.text]]) {
    if (expected) await page.waitForFunction(([part, source, flags]) => new RegExp(source, flags).test(document.querySelector(part).innerText), [part, expected.source, expected.flags]).catch(async () => assert.match(await page.innerText(part), expected, what));
  }
  if (state.cls !== undefined) await page.waitForFunction((cls) => document.querySelector("#verdict").className === cls, state.cls).catch(async () => assert.equal(await page.getAttribute("#verdict", "class"), state.cls, what));
  if (state.never) assert.doesNotMatch(await page.innerText("main"), state.never, what);
  if (state.providers) assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("#providers td:nth-child(2) span")].map((e) => e.className)), [state.providers], what);
}
async function check_look(page, what) {
  // The list of entities and the line above the rows say the same of what is shown.
  await page.waitForFunction(() => {
    const shown = document.querySelector("#entity").selectedOptions[0]?.textContent, note = document.querySelector("#rows-note").textContent;
    return !shown || !note || [["not compared", "Not compared"], [", equal", "Equal to"], ["differs", "from the contract"]].some(([a, b]) => shown.includes(a) && note.includes(b));
  });
  const cut = await page.evaluate(() => [...document.querySelectorAll(".wide")].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.id));
  assert.deepEqual(cut, [], `${what}: columns are cut`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, `${what}: the page is wider than the screen by ${wide}`);
  const squeezed = await page.evaluate(() => [...document.querySelectorAll("main *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim().length > 12) && e.clientWidth > 0 && e.clientWidth < 50 && e.clientHeight > 60).map((e) => e.textContent));
  assert.deepEqual(squeezed, [], `${what}: text of a letter or two a line`);
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(" | ")}`);
  assert.deepEqual(serious, [], what);
}
/// The page's source, the metrics and the command line say the same of one state.
async function check_agreement(world, service, what) {
  let differing = [];
  await until(`${what}: one truth`, async () => {
    const s = await world.get(service, "/v1/status"), m = await world.metrics(service), began = s.chain_id != null && s.block != null;
    const same = {
      ready: [s.ready, m.plumbline_ready === 1],
      lag: [s.progress.lag, Number.isNaN(m.plumbline_lag_blocks) ? null : m.plumbline_lag_blocks],
      reasons: [s.reasons.length, m.plumbline_degraded_reasons],
      mismatches: [Object.values(s.mismatches).reduce((a, b) => a + b), m.plumbline_mismatches],
    };
    if (began) {
      const c = await world.get(service, "/v1/conflicts"), told = await world.told(service);
      Object.assign(same, {
        conflicts: [c.summary.mismatches, m.plumbline_mismatches], quarantined: [c.summary.quarantined, m.plumbline_quarantined_events],
        "quarantined by command": [told.quarantined, c.summary.quarantined], block: [told.block, s.block.number], next: [s.progress.next_block, m.plumbline_next_block],
      });
    }
    differing = Object.entries(same).filter(([, [a, b]]) => a !== b);
    return !differing.length;
  }).catch((error) => assert.deepEqual(differing, [], error.message));
}
/// Keeps every headline, and what the facts and the differences said, from the first moment on.
const keep_what_is_said = (page) => page.addInitScript(() => {
  window.said = { says: new Set(), parts: new Set() };
  const keep = () => {
    for (const e of document.querySelectorAll("#says")) window.said.says.add(e.textContent);
    for (const e of document.querySelectorAll("#facts dd, #wrong li, #strip-text")) window.said.parts.add(e.textContent);
  };
  new MutationObserver(keep).observe(document, { subtree: true, childList: true, characterData: true });
});
/// Before its answers were there it claimed nothing that they then contradicted.
async function check_said(page, expected, what) {
  const claim = /not compared|not proven|nothing was compared|not indexed|nothing to do/i;
  const { says, parts, now } = await page.evaluate(() => ({ says: [...window.said.says], parts: [...window.said.parts], now: document.querySelector("main").textContent }));
  // Empty: the element came before its text.
  assert.deepEqual(says.filter((one) => one && !/^(Asking the server…|Starting: the chain has not answered so far)$/.test(one) && !expected.test(one)), [], what);
  if (!claim.test(now)) assert.deepEqual(parts.filter((one) => claim.test(one)), [], what);
}
/// The answers held back: each part says that it is being asked, and each that has come tells its own.
async function check_asking(service, expected, what) {
  const held = new Map(), names = /\/v1\/(conflicts|chain|tasks|reports|entities|analytics|quarantine)\b/;
  let refuse = true;
  const page = await open(service.url, { viewport: DEVICES.desktop }, async (page) => {
    await keep_what_is_said(page);
    await page.route((url) => names.test(url.pathname), (route) => {
      const name = names.exec(route.request().url())[1];
      if (held.get(name) === "told") return route.continue();
      held.set(name, [...(held.get(name) ?? []), route]);
    });
  });
  const tell = (name) => { const routes = held.get(name) ?? []; held.set(name, "told"); return Promise.all(routes.map((route) => (refuse ? route.abort() : route.continue()).catch(() => {}))); };
  await page.waitForFunction(() => document.querySelectorAll("#facts dd").length === 3);
  const shown = () => page.evaluate(() => Object.fromEntries(["says", "wrong", "strip-text", "queue", "rows"].map((id) => [id, document.getElementById(id).textContent])));
  assert.deepEqual([...new Set(Object.values(await shown()))], ["Asking the server…"], what);
  assert.equal(await page.getAttribute("#verdict", "class"), "", what);
  // What is proven stands in the status; what the entities are held against does not.
  assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("#facts dd")].slice(1).map((dd) => dd.textContent + dd.className)).then((facts) => facts.map((fact) => fact.replace(/^Block .* final block.*/, "proven"))), ["proven", "Asking the server…"], what);
  if (shots) await page.screenshot({ path: join(shots, `asking-${what}.png`), fullPage: true });
  // What is refused is said, and no verdict is made of the rest.
  await tell("conflicts");
  await says(page, /^Not known to be right$/, what);
  assert.match(await page.textContent("#wrong"), /^No answer so far: no answer\. It is asked again\.$/, what);
  refuse = false;
  for (const name of ["chain", "tasks", "reports", "entities", "analytics", "quarantine"]) await tell(name);
  await says(page, expected, what);
  await page.waitForFunction(() => !document.querySelector(".asking"));
  await page.context().close();
}
async function look(name, state) {
  await check_agreement(world, state.service, name);
  for (const [device, viewport] of Object.entries(DEVICES)) {
    for (const colorScheme of ["light", "dark"]) {
      const what = `${name} ${device} ${colorScheme}`, page = await open(state.service.url, { viewport, colorScheme }, keep_what_is_said);
      await says(page, state.says, what);
      await check_told(page, state, what);
      await check_said(page, state.says, what);
      // Green is for what was compared.
      if (state.cls !== "good") assert.ok(!(await page.textContent("#facts")).includes("Equal to the contract") || (await page.textContent("#says")).match(/^(Data right|Right|Not known|Behind|The server does not answer)/), what);
      await check_look(page, what);
      assert.deepEqual(page.problems, [], what);
      assert.doesNotMatch(await page.evaluate(() => [...document.querySelectorAll("#facts .good")].map((e) => e.textContent).join()), /Nothing|Unknown|Not /, what);
      if (shots) await page.screenshot({ path: join(shots, `${name}-${device}-${colorScheme}.png`), fullPage: true });
      await page.context().close();
    }
  }
  console.log(`${name}: as it should be`);
}
async function check_keyboard(page) {
  const reached = new Set();
  for (let i = 0; i < 80; ++i) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim()));
  }
  for (const id of ["token", "theme", "zoom-in", "zoom-out", "zoom-all", "strip", "entity", "order", "where", "Show"]) {
    assert.ok(reached.has(id), `${id} cannot be reached by keyboard; reached: ${[...reached].join(", ")}`);
  }
  await page.waitForFunction(() => document.querySelector("#strip-from").textContent !== "");
  await page.focus("#strip");
  const before = await page.textContent("#strip-from");
  await page.keyboard.press("+");
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await page.textContent("#strip-from"), before, "the strip zooms by keyboard");
  await page.keyboard.press("0");
  assert.equal(await page.textContent("#strip-from"), before);
}
/// Of the state "right": values as people read them, filters with blanks, a row's history, events as they come.
async function check_values(page, world, service) {
  assert.ok(!(await page.textContent("#queue")).includes("{"), "raw JSON in the queue");
  assert.ok(!(await page.textContent("#queue")).includes("webhook"), "deliveries among the tasks");
  await page.selectOption("#entity", "user");
  await page.waitForSelector("#rows table");
  assert.match(await page.textContent("#rows"), /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/, "times as times");
  const user = (await world.get(service, "/v1/entities/user?limit=1")).rows[0].row;
  assert.ok(/^\d+$/.test(user.points), "answers stay as they are stored");
  assert.match(await page.textContent("#rows-note"), /Equal to the contract at block/);
  // decimals = 18 is for the page alone.
  const rich = (await world.get(service, "/v1/entities/user?limit=100")).rows.find((r) => r.row.points.length > 18).row;
  const whole = rich.points.slice(0, -18).replace(/\B(?=(\d{3})+$)/g, ","), rest = rich.points.slice(-18).replace(/0+$/, "");
  assert.ok((await page.locator(`#rows span[title="${rich.points}"]`).first().textContent()) === whole + (rest && "." + rest), "points with 18 decimal places");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.locator(`#rows button[title="Copy ${rich.account}"]`).click();
  await until("it is copied", async () => await page.evaluate(() => navigator.clipboard.readText()) === rich.account);
  // A value with blanks: exactly that row.
  const named = (await world.get(service, "/v1/entities/user?limit=100")).rows.map((r) => r.row).find((r) => /^\S+ \S+/.test(r.display_name));
  await page.fill("#where", "display_name=" + named.display_name);
  await page.click("#ask button.main");
  await page.waitForFunction(([name]) => { const names = [...document.querySelectorAll("#rows tbody tr td:nth-child(2)")].map((td) => td.textContent); return names.length > 0 && names.every((n) => n === name); }, [named.display_name]);
  // Last first.
  await page.fill("#where", "");
  await page.selectOption("#order", "-key");
  const last = (await world.get(service, "/v1/entities/user?order=-key&limit=1")).rows[0].row.account;
  await page.waitForFunction(([account]) => document.querySelector("#rows tbody tr button.copy")?.title === "Copy " + account, [last]);
  await page.waitForFunction(() => /user \(\d+, equal\)/.test(document.querySelector("#entity").textContent));  // each entity with its proof
  await page.selectOption("#entity", "community");
  await page.waitForFunction(() => document.querySelector("#rows caption")?.textContent === "Rows of community");  // Not those of before.
  await page.waitForSelector("#rows button.link");
  await read_history(page);
  assert.match(await page.textContent("#past"), /hub\.CommunityCreated/);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#past[open]").count(), 0);
  // The last hour, of which there is half a minute.
  for (const id of ["lag", "rate"]) {
    await page.waitForFunction((id) => / \d\d:\d\d:\d\d to \d\d:\d\d:\d\d: at most \d+/.test(document.getElementById(id + "-text").textContent) && document.getElementById(id + "-line").getAttribute("points"), id);
  }
  await world.call("evm_mine");
  await page.waitForFunction(() => /nothing for us|hub\./.test(document.querySelector("#events").textContent));
}
/// The filter takes what the page shows and what its own refusals advise.
async function check_filter(page, world, service) {
  const users = (await world.get(service, "/v1/entities/user?limit=100")).rows.map((r) => r.row);
  const accounts = () => page.evaluate(() => [...document.querySelectorAll("#rows tbody tr td:first-child button.copy")].map((b) => b.title.slice(5)));
  const fits = async (where, wanted, what) => {
    await page.fill("#where", where);
    await page.click("#ask button.main");
    await page.waitForFunction((wanted) => [...document.querySelectorAll("#rows tbody tr td:first-child button.copy")].map((b) => b.title.slice(5)).sort().join() === wanted, wanted.map((row) => row.account).sort().join()).catch(async () => assert.deepEqual(await accounts(), wanted.map((row) => row.account), `${what}: ${where}: ${await page.textContent("#rows-note")}`));
  };
  await page.selectOption("#entity", "user");
  await page.waitForFunction(() => document.querySelector("#rows caption")?.textContent === "Rows of user");
  // A long number, and rows that have it.
  const rich = users.find((row) => row.points.length > 18 && /[1-9]/.test(row.points.slice(-18)));
  const shown = await page.evaluate((points) => document.querySelector(`#rows span[title="${points}"]`).textContent, rich.points);
  const same = users.filter((row) => row.points === rich.points);
  await page.fill("#where", `points = ${shown}`);
  await page.click("#ask button.main");
  // What no index serves is looked for row after row, once the page is told to: by its button, or in the words of the refusal.
  await page.waitForFunction(() => /no key or index of user answers points = \.\.\..* or add scan=true/.test(document.querySelector("#rows-note").textContent));
  if (shots) await page.screenshot({ path: join(shots, "filter-refused.png"), fullPage: true });
  await page.click("#rows button");
  await page.waitForFunction((account) => document.querySelector("#rows tbody button.copy")?.title === "Copy " + account, same[0].account);
  assert.equal(await page.inputValue("#where"), `points = ${shown} scan=true`);
  await fits(`points = ${shown} scan=true`, same, "as it is shown");
  await fits(`points.gte=${shown}   scan=true`, users.filter((row) => BigInt(row.points) >= BigInt(rich.points)), "a bound");
  await fits(rich.account, [rich], "a key alone");
  await fits(`account = ${rich.account}`, [rich], "blanks around =");
  const told = async (where, expected) => {
    await page.fill("#where", where);
    await page.click("#ask button.main");
    await page.waitForFunction(([source]) => new RegExp(source).test(document.querySelector("#rows-note").textContent + document.querySelector("#rows").textContent), [expected.source]).catch(async () => assert.match(await page.textContent("#rows-note"), expected, where));
  };
  await told("points=0.0000000000000000001 scan=true", /^points has 18 decimal places, and 0\.0000000000000000001 has more/);
  await told(`points=${rich.points} scan=true`, /No rows that fit\. A value of points is taken as it is shown here, with its decimal places\./);
  await page.selectOption("#entity", "vote");
  await page.waitForFunction(() => document.querySelector("#rows caption")?.textContent === "Rows of vote");
  await told("7", /^'7' is not field=value, and the key of vote has several fields: question_id=… voter=…/);
}
/// Opens the history of the first row; a busy machine may not fold the log in the time of one request, which the dialog says.
async function read_history(page) {
  for (let tries = 0; tries < 20; tries++) {
    await page.locator("#rows button.link").first().click();
    await page.waitForFunction(() => document.querySelector("#past[open] li") || /^It could not be read: /.test(document.querySelector("#past-state").textContent));
    if (await page.locator("#past[open] li").count()) return;
    assert.match(await page.textContent("#past-state"), /busy|another question about the past|within 30 s/);
    await page.keyboard.press("Escape");
  }
  assert.fail("the history of a row was never read");
}
/// The dialog of a row is there at once, says what it waits for, and why it has nothing.
async function check_history(page) {
  await page.selectOption("#entity", "community");
  await page.waitForFunction(() => document.querySelector("#rows caption")?.textContent === "Rows of community");
  const held = [];
  await page.route(/\/history\?/, (route) => { held.push(route); });
  const opened = () => page.locator("#rows button.link").first().click();
  await opened();
  await page.waitForSelector("#past[open]", { timeout: 2000 });
  assert.match(await page.textContent("#past"), /community id=\d+.*What became of it is being read…/s);
  await page.waitForFunction(() => /the log is folded up to here/.test(document.querySelector("#past-state").textContent));
  if (shots) await page.screenshot({ path: join(shots, "history-waits.png") });
  await page.keyboard.press("Escape");
  await opened();
  await until("it is asked again", async () => held.length === 2);
  // The answer of the one that was closed is not this one's.
  await held[0].fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ error: { code: "Timeout", message: "the first" } }) });
  await held[1].fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ error: { code: "Timeout", message: "the machine is busy, ask again" } }) });
  await page.waitForFunction(() => document.querySelector("#past-state").textContent === "It could not be read: the machine is busy, ask again.");
  await page.keyboard.press("Escape");
  await page.unroute(/\/history\?/);
  await read_history(page);
  assert.equal(await page.textContent("#past-state"), "");
  await page.keyboard.press("Escape");
}
/// Once the chain has said which one it is, all is asked at once, and not when its timer comes.
async function check_begin(page, state) {
  const seen = [];
  page.on("response", async (response) => {
    const path = new URL(response.url()).pathname;
    if (path !== "/v1/status") return;
    const body = await response.json().catch(() => null);
    if (body) seen.push(body.chain_id == null ? "before" : "status");
  });
  page.on("request", (request) => { const path = new URL(request.url()).pathname; if (path !== "/v1/status") seen.push(path); });
  state.begin();
  await until("an answer after it has begun", async () => seen.filter((one) => one === "status").length >= 2);
  const first = seen.indexOf("status"), second = seen.indexOf("status", first + 1);
  // A request that was sent before its answer was read here counts as well.
  const asked = seen.slice(Math.max(0, seen.lastIndexOf("before", first)), second);
  for (const path of ["/v1/conflicts", "/v1/entities", "/v1/tasks", "/v1/stats", "/v1/progress"]) assert.ok(asked.includes(path), `${path} is not asked: ${seen.join(" ")}`);
}
/// A fact says nothing else than the title above it, and what is proven is that of the blocks that are shown.
async function check_words(page) {
  const told = await page.evaluate(() => {
    const s = structuredClone(now.told), n = s.block.number, run = now.tasks.find((k) => k.kind === "prove_log" && k.state === "done");
    const at = (ready, lag, state = "live") => freshness({ ...s, ready, state, progress: { ...s.progress, lag, head_block: n + lag, next_block: n + 1 } })[0];
    const title = () => { const kept = now.status; now.status = { ...s, ready: false, state: "backfilling" }; const out = verdict()[1]; now.status = kept; return out; };
    const equal = JSON.parse(run.result), kept = now.tasks;
    now.tasks = [{ ...run, result: JSON.stringify({ ...equal, verdict: "equal", level: "receipts", from: 0, to: n }) }];
    const unproven = proven_to({ ...s, proven: null });
    now.tasks = [{ ...run, result: JSON.stringify({ ...equal, verdict: "equal", level: "linked", from: 0, to: n }) }];
    const linked = proven_to({ ...s, proven: null })[1];
    now.tasks = kept;
    const wrong = { proof: "state", entity: "user", findings: [{ block: 0 }] }, reports = now.reports, status = now.status;
    now.reports = { reports: [{ proof: "replay", equal: true, block: n }] };
    const mend = (more) => { now.status = { ...s, ...more }; return how_to_mend(wrong); };
    const remedies = [mend({ proven: null }), mend({ proven: null, takes_changes: false }), mend({ proven: { block: n, level: "receipts" } })];
    now.reports = reports;
    now.status = status;
    const lines = ["4,315.142857142857142857", "2,355,000,000,000,000,000", "1,000"].map((one) => [].concat(at_commas(one).innerHTML ?? one).join());
    return { n, lines, linked, words: [at(true, 0), at(true, 1), at(false, 88), at(false, 0, "backfilling")], title: title(), unproven, remedies };
  });
  assert.deepEqual(told.words.map((w) => w.replace(/[\d,]+ of [\d,]+$/, "N of M")),
    ["Yes: block N of M", "Yes, 1 block to go: block N of M", "No: 88 blocks behind, block N of M", "Not yet: block N of M"]);
  assert.deepEqual(told.lines, ["4,315<wbr>.142857142857142857", "2,<wbr>355,<wbr>000,<wbr>000,<wbr>000,<wbr>000,<wbr>000", "1,000"], "where a number goes on in the next line");
  assert.match(told.title, /^Catching up: 99 % of the blocks/, "not all of them as long as it is catching up");
  assert.doesNotMatch(told.unproven.join(), /Not proven|equal/, "a proof that is over is no reason");
  assert.match(told.linked, /^the proof of the events got no further than linked: headers join to the head, blocks 0 to \d+$/);
  assert.match(told.remedies[0], /^Press Repair/);
  assert.match(told.remedies[1], /changes nothing without a token/);
  assert.match(told.remedies[2], /most likely leaves it/);
}
/// A field with decimals reads the same in the headline, the differences and the rows.
async function check_decimals(page, world, service) {
  const [{ findings }] = (await world.get(service, "/v1/conflicts")).conflicts, points = findings.find((f) => f.field === "points" && f.stored.length > 18);
  const whole = points.stored.slice(0, -18).replace(/\B(?=(\d{3})+$)/g, ","), rest = points.stored.slice(-18).replace(/0+$/, ""), read = whole + (rest && "." + rest);
  assert.equal(await page.locator("#wrong li.small", { hasText: `${points.key} · points` }).locator("code").first().textContent(), read);
  assert.equal(await page.locator(`#rows span[title="${points.stored}"]`).first().textContent(), read);
  const [first] = findings, raw = await page.innerText("#why");
  if (first.field === "points") assert.ok(!raw.includes(first.stored) || first.stored.length < 3, raw);
}
/// Without the token nothing is done, a wrong one is called wrong, the right one mends what is wrong.
async function check_repair(page, world, service) {
  await page.waitForSelector("#wrong button");
  const tasks = async () => (await world.get(service, "/v1/tasks?limit=100")).tasks.filter((t) => t.kind === "repair" || (t.kind === "prove_state" && t.origin === "http"));
  const button = page.locator("#wrong button").first();
  await button.click();
  await page.waitForFunction(() => document.activeElement.id === "token" && /put it into the field/.test(document.querySelector("#say").textContent));
  await page.fill("#token", "wrong");
  await button.click();
  await page.waitForFunction(() => /Wrong token/.test(document.querySelector("#say").textContent));
  assert.deepEqual(await tasks(), []);
  await page.fill("#token", TOKEN);
  await button.click();
  await page.waitForFunction(() => /A repair would:\s+fold/.test(document.querySelector("#wrong").innerText));
  assert.match(await page.textContent("#says"), /1 row differs/, "a dry run changes nothing");
  await page.getByRole("button", { name: "Repair", exact: true }).click();
  await says(page, /^Right and up to date/, "repaired");
  // The list and the note know the end as soon as the verdict does.
  assert.doesNotMatch(await page.innerText("#queue"), /^repair( |\n)[^\n]*\n*(waiting|running)/m, "the repair has ended");
  assert.doesNotMatch(await page.textContent("#say"), /in the queue/);
  await check_since(page, 1000 * (await world.get(service, "/v1/conflicts")).repair.time, "right since the repair");
  const since = await page.textContent("#why"), proofs = async () => (await world.get(service, "/v1/tasks?kind=prove_state&state=done&limit=100")).tasks.map((t) => t.id), last = Math.max(...await proofs()); // twenty are kept
  await until("two more proofs", async () => (await proofs()).filter((id) => id > last).length >= 2);
  await page.evaluate(() => wrong());
  assert.equal((await page.textContent("#why")).split(",")[0], since.split(",")[0], "later proofs do not move it");
  assert.ok(!(await page.textContent("#reasons")).includes("mismatch"), "what is mended needs no attention");
  assert.match(await page.textContent("#wrong"), /None.*The repair of .*fold/s, "what it did");
}
/// What is right is so since a proof has said it, not since the service is ready.
async function check_since(page, least_ms, what) {
  await page.waitForFunction(() => /^Since \d\d:\d\d:\d\d, for \d/.test(document.querySelector("#why").textContent));
  const [, hours, minutes, seconds] = /^Since (\d\d):(\d\d):(\d\d)/.exec(await page.textContent("#why")).map(Number);
  const least = new Date(least_ms), day = 86400, told = (hours * 60 + minutes) * 60 + seconds;
  const later = (told - (least.getHours() * 60 + least.getMinutes()) * 60 - least.getSeconds() + day) % day;
  assert.ok(later < day / 2, `${what}: ${await page.textContent("#why")} lies before ${least.toTimeString()}`);
}
/// Hung in the middle, as behind a proxy that waits: what is shown ages, then nothing is said to be known; and it goes on by itself.
async function check_server_hangs(page, service) {
  const fresh = (await page.textContent("#live-state")), from = Date.now();
  service.kill("SIGSTOP");
  await page.waitForFunction(() => / asked [3-9] s ago; .* \d/.test(document.querySelector("#facts dd span").textContent));
  await says(page, /^The server does not answer since \d\d:\d\d:\d\d/, "server hangs");
  assert.ok(Date.now() - from < 15_000, `it took ${Date.now() - from} ms`);
  await check_nothing_known(page);
  assert.equal(await page.textContent("#live-state"), "no answer");
  if (shots) await page.screenshot({ path: join(shots, "server_hangs-desktop.png"), fullPage: true });
  service.kill("SIGCONT");
  await says(page, /^Right and up to date/, "server goes on");
  assert.ok(await page.evaluate(() => !document.body.classList.contains("stale")));
  await page.waitForFunction((text) => document.querySelector("#live-state").textContent === text, fresh);
}
/// Stopped in the middle: the page says since when and what to do, dims, and knows nothing any more.
async function check_server_gone(page, service, world) {
  service.kill("SIGKILL");
  await service.ended;
  await says(page, /^The server does not answer since \d\d:\d\d:\d\d/, "server gone");
  await check_nothing_known(page);
}
async function check_nothing_known(page) {
  assert.ok(await page.evaluate(() => Number(getComputedStyle(document.querySelector("main > section:nth-of-type(3)")).opacity) < 1), "what is stale is dimmed");
  assert.ok(!(await page.evaluate(() => document.querySelector("#verdict").className)).includes("good"));
  assert.match(await page.textContent("#why"), /^Check that plumbline runs, and its log\. What is below is of \d\d:\d\d:\d\d/);
  const facts = await page.evaluate(() => [...document.querySelectorAll("#facts dd")].map((dd) => ({ text: dd.textContent, cls: dd.className })));
  assert.equal(facts.length, 3);
  for (const { text, cls } of facts) {
    assert.match(text, /^Unknown \(last: .+, at \d\d:\d\d:\d\d\)$/);
    assert.equal(cls, "", text);
  }
  assert.ok(await page.evaluate(() => Number(getComputedStyle(document.querySelector("#facts")).opacity) < 1), "the facts are dimmed");
}

const world = new World(binary);
try {
  await world.chain();
  for (const [name, make] of Object.entries(STATES)) {
    if (only && !only.includes(name)) continue;
    const state = await make(world);
    await look(name, state);
    const page = await open(state.service.url, { viewport: DEVICES.desktop });
    await says(page, state.says, name);
    if (name === "right") {
      await page.waitForSelector("#rows table");
      const first = Math.min(...(await world.get(state.service, "/v1/tasks?kind=prove_state&state=done&limit=100")).tasks.map((t) => t.finished_ms));
      await check_since(page, first, "right since the first proof");
      await check_values(page, world, state.service);
      await check_filter(page, world, state.service);
      await check_history(page);
      await check_words(page);
      await check_keyboard(page);
      const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await page.click("#theme");
      assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), dark, "the theme switches");
      await check_server_hangs(page, state.service);
      await check_server_gone(page, state.service, world);
      if (shots) await page.screenshot({ path: join(shots, "server_gone-desktop.png"), fullPage: true });
    }
    if (["mismatch", "quarantine"].includes(name)) await check_asking(state.service, state.says, name);
    if (name === "left") await check_decimals(page, world, state.service);
    if (name === "not_compared") {
      await page.waitForFunction(() => document.querySelector("#report").options.length > 1);
      await page.selectOption("#report", "broken");
      await page.waitForFunction(() => /^No figures: .*zero.* It is asked again every 15 s\.$/.test(document.querySelector("#report-about").textContent));
      await page.selectOption("#report", "votes_by_day");
      await page.waitForFunction(() => document.querySelector("#report-about").textContent === "Votes cast on each day" && document.querySelector("#report-bars i"));
    }
    if (name === "first_config") {
      await page.evaluate(() => change("POST", "/v1/tasks", { kind: "scrub" }));
      assert.match(await page.textContent("#say"), /set token in \[http\] of the config/, "where there is none, nobody is asked for one");
    }
    if (name === "mismatch") {
      await check_repair(page, world, state.service);
      if (shots) await page.screenshot({ path: join(shots, "repaired-desktop.png"), fullPage: true });
    }
    if (state.begin) await check_begin(page, state);
    if (state.release) {
      state.release();
      await says(page, state.after ?? /^Right and up to date/, `${name}: once it is done`);
      if (state.after) await page.waitForFunction(() => /A repair would:/.test(document.querySelector("#wrong").textContent));
    }
    await page.context().close();
    await world.end(state.service);
  }
  console.log("the page is as it should be");
} finally {
  await browser.close();
  world.close();
}
process.exit(0);
