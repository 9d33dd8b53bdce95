// `plumbline run` as the judge sees it: its log, what its API says, its memory, its end.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";

import { limits } from "./limits.mjs";
import { sleep } from "./support.mjs";

function get_json(url, localAddress) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { timeout: limits.API_S * 1000, localAddress }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => {
        try {
          resolve(JSON.parse(Buffer.concat(parts)));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on("timeout", () => request.destroy(new Error(`no answer in ${limits.API_S} s`)));
    request.on("error", reject);
  });
}

export class Service {
  constructor(binary, dir) {
    this.lines = [];
    this.code = null;
    this.peak_mib = 0;
    this.from = undefined; // the address that asks the API
    this.child = spawn(binary, ["run", "plumbline.toml"], { cwd: dir, stdio: ["ignore", "ignore", "pipe"] });
    let rest = "";
    this.child.stderr.on("data", (part) => {
      const parts = (rest + part).split("\n");
      rest = parts.pop();
      for (const text of parts) {
        this.lines.push(text);
        this.api ??= /the API listens.*url=(http:\S+)/.exec(text)?.[1];
      }
    });
    this.ended = new Promise((resolve) =>
      this.child.on("close", (code, signal) => {
        if (rest) this.lines.push(rest);
        this.code = signal ?? code;
        resolve();
      }),
    );
  }

  async look() {
    try {
      const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"));
      if (peak) this.peak_mib = Math.max(this.peak_mib, Math.round(Number(peak[1]) / 1024));
    } catch {
      /* it has ended */
    }
    if (!this.api || this.code !== null) return null;
    const [status, health] = await Promise.all(
      ["status", "health"].map((path) => get_json(`${this.api}/v1/${path}`, this.from)),
    );
    return {
      next: status.progress.next_block,
      live: status.state === "live",
      ready: status.ready,
      reasons: health.reasons,
    };
  }

  warned_of(address) {
    return this.lines.some((line) => /^\S+ (warning|error)/.test(line) && line.includes(address));
  }

  async stop() {
    this.child.kill("SIGTERM");
    await Promise.race([this.ended, sleep(limits.STOP_S * 1000)]);
    if (this.code === null) this.child.kill("SIGKILL");
    return this.code;
  }
}
