// The page in a real browser: nothing overflows on a phone or a desktop, light and dark, all of it
// can be reached by keyboard, and a repair goes out with the token only.
// usage: node page_test.mjs [--url URL] [--shots DIR]    without --url, over made-up figures
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { serve } from "./mock.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const argument = (name) => { const at = process.argv.indexOf(name); return at < 0 ? null : process.argv[at + 1]; };
const browserPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
let chromium;
try {
  chromium = createRequire(join(root, "tools/node/package.json"))("playwright-core").chromium;
} catch { /* not installed */ }
if (!browserPath || !chromium) {
  console.log("skipped: needs chromium and playwright-core (tools/setup --page)");
  process.exit(77);
}

const shots = argument("--shots");
if (shots) mkdirSync(shots, { recursive: true });
const mock = argument("--url") ? null : await serve(join(root, "api/routes/page.html"));
const url = argument("--url") ?? mock.url;
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  for (const [device, viewport] of Object.entries({ phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } })) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await browser.newPage({ viewport, colorScheme, reducedMotion: "reduce" });
      page.setDefaultTimeout(120_000);
      const problems = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("request", (request) => { if (!request.url().startsWith(url) && !request.url().startsWith("data:")) problems.push("asked another host: " + request.url()); });
      await page.goto(url);
      await page.waitForSelector("#tiles .tile");
      await page.waitForSelector("#wrong li");
      await page.waitForFunction(() => document.querySelector("#strip-text").textContent !== "");
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(overflow, 0, `${device} ${colorScheme}: the page is wider than the screen by ${overflow}`);
      assert.deepEqual(problems, [], `${device} ${colorScheme}`);
      if (shots) await page.screenshot({ path: join(shots, `${device}-${colorScheme}.png`), fullPage: true, timeout: 120_000 });
      await page.close();
    }
  }
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(120_000);
  await page.goto(url);
  await page.waitForSelector("#wrong li");
  await page.waitForFunction(() => document.querySelector("#strip-text").textContent !== "");

  // People read words there, not what machines tell each other.
  assert.ok(!(await page.textContent("#queue")).includes("{"), "raw JSON in the queue");
  if (mock) assert.match(await page.textContent("#queue"), /2 mismatches at block 48,100: 24 answers/);

  // By keyboard: everything that can be clicked can be reached by tabbing.
  const reached = new Set();
  for (let i = 0; i < 60; ++i) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim()));
  }
  for (const id of ["token", "theme", "zoom-in", "zoom-out", "zoom-all", "strip", "entity", "order", "where", "Show"]) {
    assert.ok(reached.has(id), `${id} cannot be reached by keyboard; reached: ${[...reached].join(", ")}`);
  }
  await page.focus("#strip");
  const before = await page.textContent("#strip-from");
  await page.keyboard.press("+");
  await page.keyboard.press("ArrowRight");
  if (mock) {
    assert.notEqual(await page.textContent("#strip-from"), before, "the strip zooms by keyboard");
    await page.keyboard.press("0");
    assert.equal(await page.textContent("#strip-from"), before);

    // A repair without the token asks for it and changes nothing; with it, it goes out.
    await page.getByRole("button", { name: "Repair" }).click();
    assert.equal(await page.evaluate(() => document.activeElement.id), "token");
    assert.deepEqual(mock.changes, []);
    await page.fill("#token", "wrong");
    await page.getByRole("button", { name: "Repair" }).click();
    await page.waitForFunction(() => document.querySelector("#say").textContent !== "");
    assert.deepEqual(mock.changes, []);
    await page.fill("#token", "secret");
    await page.getByRole("button", { name: "Repair" }).click();
    await page.waitForFunction(() => document.querySelector("#say").textContent.includes("queue"));
    assert.deepEqual(mock.changes, ["POST /v1/reconcile"]);

    // A row tells what became of it, newest first, and Escape closes that again.
    await page.getByRole("button", { name: "What became of id=2" }).or(page.locator('button[title="What became of id=2"]')).first().click();
    await page.waitForSelector("#past[open] li");
    assert.match(await page.textContent("#past"), /repair block 40,001.*member_count 0 \u2192 47.*hub\.CommunityCreated/s);
    if (shots) await page.screenshot({ path: join(shots, "history.png") });
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#past[open]").count(), 0);

    // What came live is there, what was taken back is struck out.
    await page.waitForSelector("#events li.gone");
    await page.selectOption("#entity", "vote");
    await page.waitForFunction(() => document.querySelector("#rows").textContent.includes("No rows"));
  }
  const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.click("#theme");
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), dark, "the theme switches");
  console.log("the page is as it should be");
} finally {
  await browser.close();
  mock?.close();
}
