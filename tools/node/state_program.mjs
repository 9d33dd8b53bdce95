// Compiles engine/proof/state/state_program.yul, the program that the state proof runs inside eth_call, and prints its bytecode.
//
//   node tools/node/state_program.mjs            the hex digits and their size
//   node tools/node/state_program.mjs --write    puts them into engine/proof/state/state_program.cpp
//   node tools/node/state_program.mjs --check    writes nothing; exit 1 if state_program.cpp holds others

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const source = join(root, "engine/proof/state/state_program.yul");
const target = join(root, "engine/proof/state/state_program.cpp");

function compile() {
  const solc = createRequire(import.meta.url)("solc");
  const name = "state_program.yul";
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
  return output.contracts[name].StateProgram.evm.bytecode.object;
}

// As it stands in the C++ source: string literals of 90 digits, one a line.
const block = (code) => code.match(/.{1,90}/g).map((line) => `    "${line}"`).join("\n");
const pattern = /(kProgramHex\[\] =\n)([^;]*)(;)/;

try {
  const code = compile();
  const mode = process.argv[2] || "";
  if (mode === "--write" || mode === "--check") {
    const text = readFileSync(target, "utf8");
    if (!pattern.test(text)) throw new Error(`${target}: no kProgramHex`);
    const wanted = text.replace(pattern, (_, before, __, after) => before + block(code) + after);
    if (mode === "--write") writeFileSync(target, wanted);
    else if (wanted !== text) throw new Error(`${target}: not what ${source} compiles to; run this with --write`);
  } else if (mode) throw new Error("usage: state_program.mjs [--write | --check]");
  else console.log(`${code}\n${code.length / 2} bytes`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
