// The OpenAPI document of the community example through openapi-typescript, and what an app writes
// against its types through tsc --strict: 40 right uses and 20 wrong ones.
// usage: node types_test.mjs PLUMBLINE    needs `npm ci` here (tools/setup), else it is skipped
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const plumbline = process.argv[2];
if (!existsSync(join(here, "node_modules/.package-lock.json"))) {
  console.log("skipped: needs openapi-typescript and tsc (tools/setup)");
  process.exit(77);
}

const freePort = () => new Promise((done) => {
  const server = createServer().listen(0, "127.0.0.1", () => { const { port } = server.address(); server.close(() => done(port)); });
});

const run = (script, ...args) => {
  const done = spawnSync(process.execPath, [join(here, "node_modules", script), ...args], { encoding: "utf8", cwd: folder });
  if (done.status !== 0) throw new Error(`${script}: ${done.stdout}${done.stderr}`);
};

const folder = mkdtempSync(join(tmpdir(), "plumbline-types-"));
const port = await freePort();
// The document needs no chain and no index: nobody listens at that endpoint.
const dead = await freePort();
for (const file of ["CommunityHub.json"]) copyFileSync(join(root, "examples/community", file), join(folder, file));
writeFileSync(join(folder, "plumbline.toml"),
  `${readFileSync(join(root, "examples/community/plumbline.toml"), "utf8")}\n[http]\nlisten = "127.0.0.1:${port}"\n`);
const service = spawn(plumbline, ["run", join(folder, "plumbline.toml"), "--rpc", `http://127.0.0.1:${dead}`, "--quiet"], { stdio: "ignore" });
try {
  let document;
  for (let tries = 0; !document; ++tries) {
    try {
      document = await (await fetch(`http://127.0.0.1:${port}/v1/openapi.json`)).text();
    } catch (error) {
      if (tries === 300 || service.exitCode !== null) throw error;
      await new Promise((next) => setTimeout(next, 100));
    }
  }
  writeFileSync(join(folder, "document.json"), document);
  symlinkSync(join(here, "node_modules"), join(folder, "node_modules"));
  run("openapi-typescript/bin/cli.js", "document.json", "-o", "document.ts");
  copyFileSync(join(here, "uses.ts"), join(folder, "uses.ts"));
  run("typescript/bin/tsc", "--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "--moduleResolution", "bundler",
    "--module", "esnext", "--skipLibCheck", "uses.ts");
  const uses = readFileSync(join(here, "uses.ts"), "utf8");
  const wrong = uses.match(/@ts-expect-error/g).length - 1;
  console.log(`${wrong} wrong uses are refused, and all others compile`);
  if (wrong < 20) throw new Error("fewer than 20 wrong uses");
} finally {
  service.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
