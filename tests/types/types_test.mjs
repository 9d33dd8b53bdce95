// What an app writes against the types of the community example, through tsc --strict, 40 right uses and 20 wrong ones and
// as many of plumbline-client: over `plumbline codegen ts`, over openapi-typescript of the served document, which both
// must say the same.
// usage: node types_test.mjs PLUMBLINE    needs `npm ci` here (tools/setup), else it is skipped
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { free_port } from "../support/programs.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const plumbline = process.argv[2];
if (!existsSync(join(here, "node_modules/.package-lock.json")) || !existsSync(join(root, "clients/ts/node_modules/.package-lock.json"))) {
  console.log("skipped: needs openapi-typescript and tsc (tools/setup)");
  process.exit(77);
}

const run = (script, ...args) => {
  const done = spawnSync(process.execPath, [join(here, "node_modules", script), ...args], { encoding: "utf8", cwd: folder });
  if (done.status !== 0) throw new Error(`${script}: ${done.stdout}${done.stderr}`);
};

const folder = mkdtempSync(join(tmpdir(), "plumbline-types-"));
const port = await free_port();
// The document needs no chain and no index: nobody listens at that endpoint.
const dead = await free_port();
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
  const generate = (what, ...args) => {
    const done = spawnSync(plumbline, ["codegen", what, join(folder, "plumbline.toml"), ...args], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`codegen ${what}: ${done.stderr}`);
    return done.stdout;
  };
  if (generate("openapi") !== document) throw new Error("codegen openapi and the service do not write the same");

  // The client as npm packs it, without what its build needs.
  const packed = join(folder, "client");
  run("typescript/bin/tsc", "-p", join(root, "clients/ts/tsconfig.json"), "--outDir", join(packed, "dist"));
  copyFileSync(join(root, "clients/ts/package.json"), join(packed, "package.json"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(packed, join(folder, "node_modules/plumbline-client"));
  for (const name of ["openapi-fetch", "openapi-typescript-helpers"]) symlinkSync(join(here, "node_modules", name), join(folder, "node_modules", name));

  const wrong = (file) => readFileSync(join(here, file), "utf8").match(/^ *\/\/ @ts-expect-error/gm).length;
  const check = (dir, ...files) => {
    for (const file of files) copyFileSync(join(here, file), join(dir, file));
    run("typescript/bin/tsc", "--strict", "--noEmit", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler",
      "--lib", "es2022,dom,dom.asynciterable", "--skipLibCheck", ...files.map((file) => join(dir, file)));
  };
  run("openapi-typescript/bin/cli.js", "document.json", "-o", "reference.ts");
  for (const [name, source] of [["served", "reference.ts"], ["generated", undefined]]) {
    const dir = join(folder, name);
    mkdirSync(dir);
    if (source) copyFileSync(join(folder, source), join(dir, "document.ts"));
    else generate("ts", "--out", join(dir, "document.ts"));
    check(dir, "uses.ts");
  }
  console.log(`${wrong("uses.ts")} wrong uses are refused and all others compile, by either way to the types`);
  copyFileSync(join(folder, "reference.ts"), join(folder, "generated/reference.ts"));
  check(join(folder, "generated"), "same.ts");
  console.log("codegen ts says what openapi-typescript says");
  check(join(folder, "generated"), "client_uses.ts");
  console.log(`${wrong("client_uses.ts")} wrong uses of the client are refused and all others compile`);
  if (wrong("uses.ts") < 20 || wrong("client_uses.ts") < 15) throw new Error("fewer wrong uses than there should be");
} finally {
  service.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
