// The two ends of a run: the evil provider as a process of its own, and the directory of an index that asks it.

import { fork } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";

import { limits } from "./limits.mjs";
import { here } from "./support.mjs";

// The provider as a process of its own, so that neither its memory nor its time is ours.
export async function start_provider(up, other) {
  const child = fork(join(here, "evil_rpc.mjs"), ["--up", up, ...(other ? ["--other", other] : [])], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const heard = () => new Promise((resolve) => child.once("message", resolve));
  const { url } = await heard();
  const address = new URL(url);
  const blockers = [];
  return {
    address: address.host,
    asked: 0, // until the last change of mode
    async be(mode) {
      if (mode?.own === "stopped") {
        // A stopped process accepts nothing: the queue of its socket fills up, and further SYNs are dropped.
        child.kill("SIGSTOP");
        for (let i = 0; i < 4; i++)
          blockers.push(net.connect(Number(address.port), address.hostname).on("error", () => {}));
        return;
      }
      for (const socket of blockers.splice(0)) socket.destroy();
      child.kill("SIGCONT");
      if (mode?.own === "tls") return;
      const done = heard();
      child.send({ mode: mode?.name ?? "pass" });
      this.asked = (await done).asked;
    },
    stop() {
      child.kill("SIGCONT");
      child.kill("SIGKILL");
    },
  };
}

export function write_index(dir, { chain, rpc }) {
  mkdirSync(dir, { recursive: true });
  copyFileSync(join(here, "../../examples/community/CommunityHub.json"), join(dir, "CommunityHub.json"));
  const example = readFileSync(join(here, "../../examples/community/plumbline.toml"), "utf8");
  const config = example
    .replace(/^id = 31337$/m, `id = ${chain.id}`)
    .replace(/^rpc = .*$/m, `rpc = ${JSON.stringify(rpc)}\npoll_interval = "250ms"`)
    .replace(/^address = "0x[0-9a-fA-F]+"/m, `address = "${chain.address}"`);
  writeFileSync(
    join(dir, "plumbline.toml"),
    `${config}\n[database]\nmemory_mib = ${limits.MEMORY_MIB}\n\n[http]\nlisten = "127.0.0.1:0"\n`,
  );
}
