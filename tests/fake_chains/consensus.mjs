// What Ethereum's consensus hashes, in a second hand: header hash, receipts root, bloom. Used to seal made-up blocks, and
// to say of real ones whether they hash by these rules.

import { ethers } from "../../tools/node/lib.mjs";

const { keccak256, encodeRlp, getBytes, concat, hexlify } = ethers;

export const EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
export const EMPTY_OMMERS = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";
export const hex = (n) => `0x${BigInt(n).toString(16)}`;

const quantity = (value) => {
  const digits = BigInt(value ?? 0).toString(16);
  return digits === "0" ? "0x" : `0x${digits.length % 2 ? "0" : ""}${digits}`;
};
const QUANTITIES = new Set([
  "difficulty",
  "number",
  "gasLimit",
  "gasUsed",
  "timestamp",
  "baseFeePerGas",
  "blobGasUsed",
  "excessBlobGas",
  "slotNumber",
  "extDataGasUsed",
  "blockGasCost",
]);

export const FRONTIER = [
  "parentHash",
  "sha3Uncles",
  "miner",
  "stateRoot",
  "transactionsRoot",
  "receiptsRoot",
  "logsBloom",
  "difficulty",
  "number",
  "gasLimit",
  "gasUsed",
  "timestamp",
  "extraData",
  "mixHash",
  "nonce",
];
export const LONDON = [...FRONTIER, "baseFeePerGas"];
export const CANCUN = [...LONDON, "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot"];
export const PRAGUE = [...CANCUN, "requestsHash"];
export const AMSTERDAM = [...PRAGUE, "blockAccessListHash", "slotNumber"];

// The hash of a header whose RLP is the list of these fields.
export const header_hash = (header, fields) =>
  keccak256(encodeRlp(fields.map((name) => (QUANTITIES.has(name) ? quantity(header[name]) : header[name]))));

export function bloom_of(logs) {
  const bits = new Uint8Array(256);
  for (const item of logs.flatMap(({ address, topics }) => [address, ...topics])) {
    const hash = getBytes(keccak256(item));
    for (const i of [0, 2, 4]) {
      const bit = ((hash[i] << 8) | hash[i + 1]) & 2047;
      bits[255 - (bit >> 3)] |= 1 << (bit & 7);
    }
  }
  return hexlify(bits);
}

// EIP-2718; `tail` are the fields that a chain's own receipt types hash as well (OP's deposits).
function receipt_bytes(receipt, tail) {
  const logs = receipt.logs.map(({ address, topics, data }) => [address, topics, data]);
  const body = encodeRlp([
    receipt.root ?? quantity(receipt.status),
    quantity(receipt.cumulativeGasUsed),
    receipt.logsBloom ?? bloom_of(receipt.logs),
    logs,
    ...tail(receipt).map(quantity),
  ]);
  return Number(receipt.type ?? 0) === 0 ? body : concat([hexlify(Uint8Array.of(Number(receipt.type))), body]);
}

// A hexary Merkle Patricia trie over [nibbles, value], built at once.
function node(items, depth) {
  if (items.length === 0) return "0x";
  if (items.length === 1) return [path(items[0][0].slice(depth), true), items[0][1]];
  let shared = 0;
  while (
    items.every(
      ([nibbles]) => nibbles.length > depth + shared && nibbles[depth + shared] === items[0][0][depth + shared],
    )
  )
    shared += 1;
  if (shared > 0)
    return [path(items[0][0].slice(depth, depth + shared), false), reference(node(items, depth + shared))];
  const children = Array.from({ length: 16 }, (_, nibble) =>
    reference(
      node(
        items.filter(([nibbles]) => nibbles[depth] === nibble),
        depth + 1,
      ),
    ),
  );
  return [...children, items.find(([nibbles]) => nibbles.length === depth)?.[1] ?? "0x"];
}

function path(nibbles, is_leaf) {
  const odd = nibbles.length % 2;
  const all = [(is_leaf ? 2 : 0) + odd, ...(odd ? [] : [0]), ...nibbles];
  return hexlify(Uint8Array.from({ length: all.length / 2 }, (_, i) => (all[2 * i] << 4) | all[2 * i + 1]));
}

function reference(child) {
  if (child === "0x") return "0x";
  const encoded = encodeRlp(child);
  return getBytes(encoded).length < 32 ? child : keccak256(encoded);
}

export function receipts_root(receipts, tail = () => []) {
  if (receipts.length === 0) return EMPTY_ROOT;
  const items = receipts.map((receipt, i) => {
    const key = getBytes(encodeRlp(quantity(i)));
    return [[...key].flatMap((byte) => [byte >> 4, byte & 15]), receipt_bytes(receipt, tail)];
  });
  return keccak256(encodeRlp(node(items, 0)));
}
