// A PostgreSQL 15 of a test's own in a directory of its own, on a Unix socket only, as tests/support/postgres.hpp has it.
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { spawn, spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { runs, start, until } from "../support/programs.mjs";

const programs = process.env.PLUMBLINE_POSTGRES || "/usr/lib/postgresql/15/bin";
// Debian's in the path is a script before it.
const psql = existsSync(join(programs, "psql")) ? join(programs, "psql") : "psql";
const END = "-- end --";
const is_root = process.getuid() === 0;
// PostgreSQL refuses to run as root.
const as_server_user = (command) => (is_root ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", ...command] : command);
const id_of = (option) => Number(spawnSync("id", [option, "postgres"], { encoding: "utf8" }).stdout);

export const has_postgres = () => existsSync(join(programs, "initdb"));

export class Postgres {
  static async start() {
    const server = new Postgres();
    server.directory = mkdtempSync(join(tmpdir(), "postgres-"));
    chmodSync(server.directory, 0o777);
    if (is_root) chownSync(server.directory, id_of("-u"), id_of("-g"));
    const data = join(server.directory, "data");
    const [program, ...rest] = as_server_user([join(programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
    const made = await runs(program)(...rest);
    if (made.code !== 0) throw new Error(made.err);
    server.url = `postgresql://postgres@localhost/postgres?host=${encodeURIComponent(server.directory)}`;
    server.child = start(as_server_user([join(programs, "postgres"), "-D", data, "-k", server.directory, "-c", "listen_addresses=", "-c", "fsync=off"]));
    await until("PostgreSQL takes connections", async () => (await runs(psql)("-X", "-q", "-d", server.url, "-c", "select")).code === 0);
    server.said = "";
    server.psql = spawn(psql, ["-X", "-q", "-A", "-t", "-d", server.url], { stdio: ["pipe", "pipe", "inherit"] });
    server.psql.stdout.setEncoding("utf8").on("data", (part) => (server.said += part));
    return server;
  }

  // What psql says, in one session; where the statement fails, nothing, and the test's stderr has why.
  async sql(statement) {
    const begun = this.said.length;
    this.psql.stdin.write(`${statement};\n\\echo ${END}\n`);
    await until(statement, () => this.said.endsWith(END + "\n") && this.said.length > begun + END.length);
    return this.said.slice(begun, -END.length - 1).trimEnd();
  }

  async stop() {
    this.psql.stdin.end();
    this.child.kill("SIGINT");
    await this.child.ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
