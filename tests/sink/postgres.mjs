// A PostgreSQL 15 of a test's own in a directory of its own, on a Unix socket only, as tests/support/postgres.hpp has it.
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { runs, start, until } from "../support/programs.mjs";

const programs = process.env.PLUMBLINE_POSTGRES || "/usr/lib/postgresql/15/bin";
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
    await until("PostgreSQL takes connections", async () => (await server.try_sql("select")).code === 0);
    return server;
  }

  try_sql(statement) {
    return runs("psql")("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", this.url, "-c", statement);
  }

  async sql(statement) {
    const done = await this.try_sql(statement);
    if (done.code !== 0) throw new Error(`${statement}: ${done.err}`);
    return done.out.trimEnd();
  }

  async stop() {
    this.child.kill("SIGINT");
    await this.child.ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
