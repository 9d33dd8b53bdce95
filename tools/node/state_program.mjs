// Compiles the programs that run inside eth_call (the state proof's and that of contract calls) and prints their bytecode.
//
//   node tools/node/state_program.mjs            the hex digits and their sizes
//   node tools/node/state_program.mjs --write    puts them into the .cpp file beside each .yul file
//   node tools/node/state_program.mjs --check    writes nothing; exit 1 if a .cpp file holds others

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const programs = [
  { path: "engine/proof/state/state_program", object: "StateProgram" },
  { path: "engine/calls/call_program", object: "CallProgram" },
];

function compile({ path, object }) {
  const solc = createRequire(import.meta.url)("solc");
  const source = join(root, `${path}.yul`);
  const name = "program.yul";
  const input = {
    language: "Yul",
    sources: { [name]: { content: readFileSync(source, "utf8") } },
    settings: {
      evmVersion: "london",
      // Few steps on purpose: inlining and hoisting save little gas here and cost 120 bytes of every request.
      optimizer: { enabled: true, runs: 1, details: { yul: true, yulDetails: { optimizerSteps: ":" } } },
      outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const errors = (output.errors || []).filter((message) => message.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((message) => message.formattedMessage).join("\n"));
  return output.contracts[name][object].evm.bytecode.object;
}

// As it stands in the C++ source: string literals of 90 digits, one a line.
const block = (code) => code.match(/.{1,90}/g).map((line) => `    "${line}"`).join("\n");
const pattern = /(kProgramHex\[\] =\n)([^;]*)(;)/;

try {
  const mode = process.argv[2] || "";
  if (mode && mode !== "--write" && mode !== "--check") throw new Error("usage: state_program.mjs [--write | --check]");
  for (const program of programs) {
    const code = compile(program);
    if (!mode) {
      console.log(`${program.object}\n${code}\n${code.length / 2} bytes`);
      continue;
    }
    const target = join(root, `${program.path}.cpp`);
    const text = readFileSync(target, "utf8");
    if (!pattern.test(text)) throw new Error(`${target}: no kProgramHex`);
    const wanted = text.replace(pattern, (_, before, __, after) => before + block(code) + after);
    if (mode === "--write") writeFileSync(target, wanted);
    else if (wanted !== text) throw new Error(`${target}: not what ${program.path}.yul compiles to; run this with --write`);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
