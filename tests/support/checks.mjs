// For tests that go on after something was not as it should be: what they check, and the directory that they work in.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Checks {
  // `name` begins the directory's name.
  constructor(name) {
    this.work = mkdtempSync(join(tmpdir(), `${name}-`));
    this.failures = 0;
  }
  check = (what, ok, more = "") => {
    if (!ok) this.failures++;
    console.log(`${ok ? "ok  " : "FAIL"} ${what}${ok || !more ? "" : `: ${more}`}`);
  };
  // Ends the process. The directory stays with `keep`, and where something failed; `more` is told then.
  end(keep, more = "") {
    if (keep || this.failures > 0) console.log(`kept: ${this.work}`);
    else rmSync(this.work, { recursive: true, force: true });
    console.log(this.failures === 0 ? "all as it should be" : `${this.failures} failed${more ? `; ${more}` : ""}`);
    process.exit(this.failures === 0 ? 0 : 1);
  }
}
