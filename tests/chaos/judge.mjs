// One run of the real binary against one evil provider, alone or beside an honest node, and what is wrong with it.
//
// The provider is evil from the start (`later`, and modes marked `live`: once the index follows a chain that grows), then
// honest. Expected:
//   - the process stays up, its API answers, SIGTERM ends it with code 0 within STOP_S;
//   - whatever stands still for TELL_S (a head: for two minutes and a while, LIVE_TELL_S) is told by then: a warning in the
//     log and a reason in /v1/health, both with the provider's address;
//   - once the provider is honest the index is at the head within RECOVER_S; beside an honest node within EVIL_S anyway;
//     alone, in modes marked `works`, within WORKS_S though the provider stays evil;
//   - it equals an honest index (`plumbline diff`; after `plumbline repair` where one provider alone lied);
//   - the provider is asked at most ASKED_PER_S times a second on average;
//   - peak memory (VmHWM) is at most [database] memory_mib and a quarter;
//   - no line of the log has a control character, nothing shows the provider's key.

import { join } from "node:path";

import { limits } from "./limits.mjs";
import { start_provider, write_index } from "./provider.mjs";
import { Service } from "./service.mjs";
import { run_command, sleep } from "./support.mjs";

const KEY = "0c7fb2a9d51e43e8a6a1c0ffee5eed5e";

const seconds = () => Number(process.hrtime.bigint() / 1000000n) / 1000;

class Run {
  // `where`: alone, beside (an honest node), later (alone, and evil only once the index follows)
  constructor({ mode, where, binary, dir, chain, honest }) {
    Object.assign(this, {
      mode,
      beside: where === "beside",
      follows_first: mode.live || where === "later",
      binary,
      dir,
      chain,
      honest,
    });
    this.faults = [];
    this.still_since = seconds();
    this.longest_still = 0;
    this.next = -1;
    this.told = false;
    this.told_at = -Infinity;
  }

  // Once a kind: the first words name it.
  fault(text) {
    const kind = text.split(":")[0];
    if (!this.faults.some((other) => other.split(":")[0] === kind)) this.faults.push(text);
  }

  // One look. True while the index is at the head.
  async look() {
    let now;
    try {
      now = await this.service.look();
    } catch (error) {
      await Promise.race([this.service.ended, sleep(500)]); // a process that ends closes its sockets first
      if (this.service.code === null) this.fault(`the API does not answer: ${error.message}`);
      return false;
    }
    const head = await this.chain.head();
    const at_head = now !== null && now.live && now.next + (this.chain.slack?.() ?? 0) > head;
    if (at_head || (now && now.next !== this.next)) this.still_since = seconds();
    this.next = now?.next ?? this.next;
    this.ready = now?.ready;
    const still = seconds() - this.still_since;
    this.longest_still = Math.max(this.longest_still, still);
    const logged = this.service.warned_of(this.provider.address);
    const reason = now?.reasons.find((text) => text.includes(this.provider.address));
    this.told ||= Boolean(logged && reason);
    this.reason = reason ?? this.reason;
    const tell_s = this.mode.live && !this.beside ? limits.LIVE_TELL_S : limits.TELL_S;
    if (logged && reason) this.told_at = seconds();
    // Where a reason goes because something was answered, what stands still after it has its time anew.
    const was_told = this.told_at > this.still_since;
    const is_silent = was_told ? seconds() - this.told_at > limits.TELL_S / 2 : still > tell_s;
    if (is_silent && this.service.code === null) {
      const missing = [
        logged ? "" : "no warning",
        reason ? "" : `no reason in health (${JSON.stringify(now?.reasons ?? null)})`,
      ];
      this.fault(`silent: stands still at block ${this.next}, ${missing.filter(Boolean).join(", ")}`);
    }
    return at_head;
  }

  // Looks until `done`, the process's end, or so many seconds.
  async watch(limit_s, done) {
    const start = seconds();
    let held_since = null;
    while (seconds() - start < limit_s && this.service.code === null) {
      const at_head = await this.look();
      held_since = at_head ? (held_since ?? seconds()) : null;
      if (done && held_since !== null && seconds() - held_since >= done.hold_s) return true;
      await sleep(250);
    }
    return false;
  }

  async check_equal() {
    const honest = await this.honest();
    const diff = () => run_command(this.binary, ["diff", honest, join(this.dir, "db"), "--limit", "3"], this.dir);
    let { code, out } = await diff();
    if (code === 1 && this.mode.lie && !this.beside) {
      const repair = await run_command(
        this.binary,
        ["repair", join(this.dir, "db"), "--rpc", this.chain.url],
        this.dir,
      );
      this.note = `repaired (${repair.code})`;
      ({ code, out } = await diff());
    }
    if (code !== 0)
      this.fault(
        `differs from an honest index (diff ${code}): ${out.trim().split("\n").slice(0, 3).join(" | ").slice(0, 300)}`,
      );
  }

  async go() {
    const { mode, beside } = this;
    this.provider = await start_provider(this.chain.url, this.chain.other_url);
    const scheme = mode.own === "tls" ? "https" : "http";
    write_index(this.dir, {
      chain: this.chain,
      rpc: [`${scheme}://${this.provider.address}/v2/${KEY}`, ...(beside ? [this.chain.url] : [])],
    });
    try {
      if (!this.follows_first) await this.provider.be(mode);
      this.service = new Service(this.binary, this.dir);
      this.still_since = seconds();
      if (this.follows_first) {
        if (!(await this.watch(limits.RECOVER_S, { hold_s: 1 })))
          this.fault("never came to the head of an honest provider");
        await this.provider.be(mode);
      }
      await this.evil();
      await this.honest_again();
      this.check_words();
    } finally {
      this.service?.child.kill("SIGKILL");
      this.provider.stop();
    }
    return this;
  }

  async evil() {
    const { mode, beside } = this;
    const evil_s = beside
      ? limits.EVIL_S
      : mode.live
        ? limits.LIVE_EVIL_S
        : mode.works
          ? limits.WORKS_S
          : limits.EVIL_S;
    this.evil_since = seconds();
    const came = await this.watch(evil_s, this.follows_first ? null : { hold_s: limits.HOLD_S });
    if (beside && !came && !this.follows_first && this.service.code === null)
      this.fault(`not at the head within ${evil_s} s though an honest node is there`);
    if (mode.works && !beside && !came && !this.follows_first && this.service.code === null)
      this.fault(
        `not at the head in ${evil_s} s, though what the provider refuses can be asked for otherwise (block ${this.next})`,
      );
    if (mode.name === "head_frozen" && !beside && this.ready)
      this.fault("ready, though the head has not moved for minutes");
    await this.chain.settle?.();
  }

  async honest_again() {
    const { mode, beside } = this;
    await this.provider.be(null);
    const since = seconds();
    this.still_since = since; // what it waited for is over, and with it the reason
    const asked_per_s = this.provider.asked / (since - this.evil_since);
    if (this.provider.asked > 300 && asked_per_s > limits.ASKED_PER_S)
      this.fault(`a storm: ${asked_per_s.toFixed(0)} requests a second`);
    const hopeless = mode.own === "tls" && !beside; // it cannot become honest
    let back = false;
    if (!hopeless) {
      back = await this.watch(limits.RECOVER_S, { hold_s: 0.5 });
      this.recovered_s = seconds() - since;
      if (!back && this.service.code === null)
        this.fault(`not at the head ${limits.RECOVER_S} s after the provider became honest (block ${this.next})`);
    }
    if (this.service.code !== null) {
      const allowed = !beside && mode.ends === this.service.code;
      if (!allowed) this.fault(`ended by itself: ${this.service.code}: ${this.service.lines.at(-1)?.slice(0, 200)}`);
      return;
    }
    const code = await this.service.stop();
    if (code !== 0)
      this.fault(code === null ? `SIGTERM does not end it within ${limits.STOP_S} s` : `SIGTERM ends it with ${code}`);
    if (back) await this.check_equal();
  }

  check_words() {
    const bound = Math.floor(limits.MEMORY_MIB * 1.25);
    if (this.service.peak_mib > bound) this.fault(`peak memory ${this.service.peak_mib} MiB, allowed ${bound}`);
    // eslint-disable-next-line no-control-regex
    const odd = this.service.lines.find((line) =>
      /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(line),
    );
    if (odd) this.fault(`a control character in the log: ${JSON.stringify(odd).slice(0, 200)}`);
    const leak = [...this.service.lines, this.reason ?? ""].find((line) => line.includes(KEY));
    if (leak) this.fault(`shows the provider's key: ${JSON.stringify(leak).slice(0, 200)}`);
  }
}

export async function judge(parts) {
  return new Run(parts).go();
}
