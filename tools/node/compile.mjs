// Compiles Solidity with solc-js into artifacts {contractName, sourceName, abi, bytecode, deployedBytecode}, the shape
// that Hardhat writes and that `plumbline` reads.
//
//   node tools/node/compile.mjs IN.sol OUT.json                 one artifact; the contract is named like the file
//   node tools/node/compile.mjs IN.sol OUT.json --contract X    another contract of the file
//   node tools/node/compile.mjs IN.sol OUT.json --abi-only      {contractName, abi}: small enough to commit
//   node tools/node/compile.mjs IN.sol OUT.json --check         writes nothing; exit 1 if OUT.json tells another ABI

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createRequire } from "node:module";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../..");

// The compiler takes seconds to load, and a source without imports always gives the same: keeps it beside the packages.
function cached(input, make) {
  const text = JSON.stringify(input);
  if (/^\s*import\b/m.test(Object.values(input.sources)[0].content)) return make(text);
  const packages = join(here, "node_modules");
  const { version } = JSON.parse(readFileSync(join(packages, "solc/package.json"), "utf8"));
  const key = createHash("sha256").update(version).update(text).digest("hex");
  const kept = join(packages, ".cache/plumbline", `${key}.json`);
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, "utf8"));
  const output = make(text);
  if ((output.errors || []).length === 0) {
    mkdirSync(dirname(kept), { recursive: true });
    writeFileSync(`${kept}.${process.pid}`, JSON.stringify(output));
    renameSync(`${kept}.${process.pid}`, kept);
  }
  return output;
}

// Compiles one file. Returns {name: artifact} for the contracts of that file, without those it imports.
export function compile(path) {
  const file = resolve(path);
  const source = relative(root, file).startsWith("..") ? basename(file) : relative(root, file);
  const find = (name) => {
    const places = [join(dirname(file), name), join(root, name), join(here, "node_modules", name)];
    const found = places.find((place) => existsSync(place));
    return found ? { contents: readFileSync(found, "utf8") } : { error: `${name}: not in ${places.join(", ")}` };
  };
  const input = {
    language: "Solidity",
    sources: { [source]: { content: readFileSync(file, "utf8") } },
    settings: {
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
    },
  };
  const output = cached(input, (text) => {
    const solc = createRequire(import.meta.url)("solc"); // here and not above: it takes a second to load
    return JSON.parse(solc.compile(text, { import: find }));
  });
  const messages = output.errors || [];
  for (const message of messages) process.stderr.write(message.formattedMessage);
  if (messages.some((message) => message.severity === "error")) throw new Error(`${path}: does not compile`);
  const artifacts = {};
  for (const [contractName, contract] of Object.entries(output.contracts[source])) {
    artifacts[contractName] = {
      contractName,
      sourceName: source,
      abi: contract.abi,
      bytecode: `0x${contract.evm.bytecode.object}`,
      deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
    };
  }
  return artifacts;
}

// One line an ABI entry: a changed event is a changed line.
export function abiText(artifact) {
  const entries = artifact.abi.map((entry) => `    ${JSON.stringify(entry)}`);
  return `{\n  "contractName": ${JSON.stringify(artifact.contractName)},\n  "abi": [\n${entries.join(",\n")}\n  ]\n}\n`;
}

function main(args) {
  let name = null;
  let mode = "artifact";
  const files = [];
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--check" || args[i] === "--abi-only") mode = args[i].slice(2);
    else if (args[i] === "--contract") name = args[++i];
    else files.push(args[i]);
  }
  if (files.length !== 2) {
    console.error("usage: compile.mjs IN.sol OUT.json [--contract NAME] [--abi-only | --check]");
    return 2;
  }
  const [input, output] = files;
  const artifacts = compile(input);
  const artifact = artifacts[name || basename(input, ".sol")];
  if (!artifact) {
    console.error(
      `${input}: no contract ${name || basename(input, ".sol")}; there are ${Object.keys(artifacts).join(", ")}`,
    );
    return 2;
  }
  if (mode === "check") {
    if (existsSync(output) && isDeepStrictEqual(JSON.parse(readFileSync(output, "utf8")).abi, artifact.abi)) return 0;
    console.error(`${output}: not the ABI of ${input}; run: node tools/node/compile.mjs ${input} ${output} --abi-only`);
    return 1;
  }
  mkdirSync(dirname(resolve(output)), { recursive: true });
  writeFileSync(output, mode === "abi-only" ? abiText(artifact) : `${JSON.stringify(artifact, null, 1)}\n`);
  return 0;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    process.exitCode = main(process.argv.slice(2));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
