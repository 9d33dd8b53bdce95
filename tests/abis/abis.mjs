// The ABIs of the npm packages beside this file, each once, and random logs of their events.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { AbiCoder, Interface } from "../../tools/node/lib.mjs";

const here = dirname(fileURLToPath(import.meta.url));

function* json_files(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* json_files(path);
    else if (entry.name.endsWith(".json")) yield path;
  }
}

const is_abi = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item?.type === "string" && !("src" in item));

// What a file tells: a plain ABI, an artifact with one, or (as Synthetix has them) a file of many.
function abis_in(value) {
  if (is_abi(value)) return [{ abi: value }];
  if (is_abi(value?.abi)) return [{ abi: value.abi }];
  const sources = value?.sources && typeof value.sources === "object" ? Object.entries(value.sources) : [];
  return sources.filter(([, source]) => is_abi(source?.abi)).map(([name, { abi }]) => ({ abi, name }));
}

// Every ABI with an event, in an order that is always the same: {file, name, abi}; `name` where the file holds several.
export function all_abis(only = "") {
  const { dependencies } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  const seen = new Set();
  const found = [];
  for (const name of Object.keys(dependencies).sort()) {
    if (!name.includes(only)) continue;
    for (const file of [...json_files(join(here, "node_modules", name))].sort()) {
      let value;
      try {
        value = JSON.parse(readFileSync(file, "utf8"));
      } catch {
        continue; // some packages have JSON with comments
      }
      for (const one of abis_in(value)) {
        const hash = createHash("sha256").update(JSON.stringify(one.abi)).digest("hex");
        if (seen.has(hash) || !one.abi.some((item) => item.type === "event")) continue;
        seen.add(hash);
        found.push({ file, package: name, what: one.name || basename(file, ".json"), ...one });
      }
    }
  }
  return found;
}

// --- random logs ---------------------------------------------------------------------------------

const texts = ["", "a", "it's, \"quoted\"", "zwölf Boxkämpfer", "\u0000 zero", "𝄞 and more than thirty-two bytes of it, to be sure"];
const bytes = (random, n) => `0x${Array.from({ length: n }, () => random.below(256).toString(16).padStart(2, "0")).join("")}`;

function number(random, bits, is_signed) {
  const low = is_signed ? -(1n << BigInt(bits - 1)) : 0n;
  const high = is_signed ? -low - 1n : (1n << BigInt(bits)) - 1n;
  const any = BigInt(bytes(random, 32)) % (high - low + 1n);
  return [low, high, 0n, 1n, low + any, low + any, any >> BigInt(bits / 2)][random.below(7)];
}

export function random_value(random, type) {
  if (type.baseType === "array") {
    const n = type.arrayLength >= 0 ? type.arrayLength : random.below(4);
    return Array.from({ length: n }, () => random_value(random, type.arrayChildren));
  }
  if (type.baseType === "tuple") return type.components.map((part) => random_value(random, part));
  const [, base, bits] = /^([a-z]+)(\d*)$/.exec(type.type);
  if (base === "uint" || base === "int") return number(random, Number(bits || 256), base === "int");
  if (base === "bool") return random.chance(50);
  if (base === "address") return bytes(random, 20);
  if (base === "bytes") return bytes(random, bits ? Number(bits) : random.below(70));
  return texts[random.below(texts.length)];
}

const is_word = (type) => !["array", "tuple", "string", "bytes"].includes(type.baseType);

// One random log of each event that has a topic of its own: {fragment, topics, data, values}; the value of an indexed
// parameter that no word holds is its hash.
export function random_logs(random, abi) {
  const coder = AbiCoder.defaultAbiCoder();
  const shapes = new Map();
  for (const item of abi.filter(({ type, anonymous }) => type === "event" && !anonymous)) {
    const fragment = Interface.from([item]).fragments[0];
    const shape = fragment.format("sighash") + fragment.inputs.map(({ indexed }) => (indexed ? "i" : "-")).join("");
    shapes.set(shape, fragment);
  }
  return [...shapes.values()].map((fragment) => {
    const topics = [fragment.topicHash];
    const values = fragment.inputs.map((input) => {
      if (!input.indexed) return random_value(random, input);
      const value = is_word(input) ? random_value(random, input) : bytes(random, 32);
      topics.push(is_word(input) ? coder.encode([input], [value]) : value);
      return value;
    });
    const plain = fragment.inputs.map((_, i) => i).filter((i) => !fragment.inputs[i].indexed);
    const data = coder.encode(plain.map((i) => fragment.inputs[i]), plain.map((i) => values[i]));
    return { fragment, topics, data, values };
  });
}
