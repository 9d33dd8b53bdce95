// A JSON-RPC node of one chain, made of its profile in chains/:
//
//   node tests/fake_chains/node.mjs --chain NAME [--port P]
//   {"pid":4711,"url":"http://127.0.0.1:40123","chain_id":1,"first":4369999,"head":4370039,...}
//
// A profile may name a real block (data/): header, receipts and logs as that chain's node told them. It is the first
// block; made-up ones in the chain's style follow it and link to it. What stands before it is pruned (null).
//
// A profile: {
//   what, real, real_note,          for people: which blocks are real
//   chain_id, fields,               of a header's RLP; null: its hash is not that of any RLP
//   header(block), receipt(receipt, block), logs(block, usual), blocks   what the style adds; a receipt with
//                                  `outside_root` is in no root and no bloom
//   sealed({ header, receipts })   what follows from the block's hash
//   tail(receipt), root, bloom      what its receipts hash as well; own receipts root, own bloom
//   answer(method, params, chain)   what its node answers differently; undefined: as usual
//   level                           what a proof of the log reaches: "receipts", "linked", or "unprovable"
//   known                           what is known to be wrong with the program there, until it is mended
// }

import { readFileSync } from "node:fs";
import http from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";

import { ethers, options } from "../../tools/node/lib.mjs";
import { EMPTY_OMMERS, bloom_of, header_hash, hex, receipts_root } from "./consensus.mjs";
import { refuse } from "./refuse.mjs";

const here = dirname(fileURLToPath(import.meta.url));
export const TRANSFER = ethers.id("Transfer(address,address,uint256)");
export const APPROVAL = ethers.id("Approval(address,address,uint256)");
const word = (text) => ethers.id(text);
const account = (i) => ethers.toBeHex(0xa11ce000 + i, 20);

const read_block = (name) => JSON.parse(brotliDecompressSync(readFileSync(join(here, "data", `${name}.json.br`))));
const is_wanted = (log) => log.topics.length === 3 && [TRANSFER, APPROVAL].includes(log.topics[0]);

// The contract of the real block that has most events of the ABI.
function busiest(logs) {
  const counts = new Map();
  for (const log of logs.filter(is_wanted)) counts.set(log.address, (counts.get(log.address) ?? 0) + 1);
  const plain = [...counts].filter(
    ([address]) =>
      !logs.some(
        (log) => log.address === address && [TRANSFER, APPROVAL].includes(log.topics[0]) && log.topics.length !== 3,
      ),
  );
  return plain.sort((a, b) => b[1] - a[1])[0]?.[0];
}

function transfer(address, i) {
  const party = (n) => ethers.zeroPadValue(account(n), 32);
  return { address, topics: [i % 3 ? TRANSFER : APPROVAL, party(i), party(i + 1)], data: ethers.toBeHex(1000 + i, 32) };
}

// A block in the chain's style: two transactions with two events of the contract and one of another.
function make_block(profile, parent, token, i) {
  const number = Number(parent.header.number) + 1;
  const block = { number, parent, token, i };
  const usual = [[transfer(token, i), transfer(account(99), i)], [transfer(token, i + 1)]];
  const lists = profile.logs?.(block, usual) ?? usual;
  let gas = 0;
  const receipts = lists.map((logs, index) => {
    gas += 21000;
    const receipt = {
      type: "0x2",
      status: "0x1",
      cumulativeGasUsed: hex(gas),
      gasUsed: hex(21000),
      effectiveGasPrice: "0x3b9aca00",
      transactionHash: word(`transaction ${profile.chain_id} ${number} ${index}`),
      transactionIndex: hex(index),
      from: account(1),
      to: token,
      contractAddress: null,
      logs,
      logsBloom: bloom_of(logs),
    };
    return { ...receipt, ...profile.receipt?.(receipt, block) };
  });
  const hashed = receipts.filter((receipt) => !receipt.outside_root);
  const header = {
    parentHash: parent.header.hash,
    sha3Uncles: EMPTY_OMMERS,
    miner: account(7),
    stateRoot: word(`state ${number}`),
    transactionsRoot: word(`transactions ${number}`),
    receiptsRoot: profile.root ?? receipts_root(hashed, profile.tail),
    logsBloom: profile.bloom ?? bloom_of(hashed.flatMap(({ logs }) => logs)),
    difficulty: "0x0",
    number: hex(number),
    gasLimit: "0x1c9c380",
    gasUsed: hex(gas),
    timestamp: hex(Number(parent.header.timestamp) + 2),
    extraData: "0x",
    mixHash: word(`random ${number}`),
    nonce: "0x0000000000000000",
    baseFeePerGas: "0x7",
    size: "0x400",
  };
  Object.assign(header, profile.header?.(block));
  for (const name of Object.keys(header)) if (header[name] === undefined) delete header[name];
  const fields = typeof profile.fields === "function" ? profile.fields(block) : profile.fields;
  header.hash = fields ? header_hash(header, fields) : word(`block ${profile.chain_id} ${number}`);
  profile.sealed?.({ header, receipts });
  return { header, receipts };
}

// Places of logs in their block, as every node tells them.
function place({ header, receipts }) {
  let index = 0;
  for (const receipt of receipts) {
    Object.assign(receipt, { blockHash: header.hash, blockNumber: header.number });
    delete receipt.outside_root;
    for (const log of receipt.logs) {
      Object.assign(log, {
        blockHash: header.hash,
        blockNumber: header.number,
        transactionHash: receipt.transactionHash,
        transactionIndex: receipt.transactionIndex,
        logIndex: hex(index++),
        removed: false,
      });
    }
  }
}

export async function make_chain(name) {
  const profile = { blocks: 40, ...(await import(`./chains/${name}.mjs`)).default };
  const real = profile.real ? read_block(profile.real) : null;
  const token = (real && busiest(real.receipts.flatMap(({ logs }) => logs))) ?? account(0x70);
  const before = { header: { number: hex(999), hash: word(`before ${name}`), timestamp: "0x66000000" } };
  const blocks = real ? [real] : [make_block(profile, before, token, 0)];
  while (blocks.length <= profile.blocks) blocks.push(make_block(profile, blocks.at(-1), token, blocks.length));
  for (const block of blocks) if (block !== real) place(block);
  const first = Number(blocks[0].header.number);
  const by_hash = new Map(blocks.map((block) => [block.header.hash, block]));
  const events = blocks
    .flatMap(({ receipts }) => receipts.flatMap(({ logs }) => logs))
    .filter((log) => log.address === token && is_wanted(log));
  return { name, profile, real, token, blocks, first, head: first + profile.blocks, by_hash, events: events.length };
}

const at = (chain, block) => {
  if (typeof block === "object") return chain.by_hash.get(block.blockHash);
  if (/^0x[0-9a-f]{64}$/.test(block)) return chain.by_hash.get(block);
  if (block === "latest" || block === "pending") return chain.blocks.at(-1);
  if (block === "finalized" || block === "safe") return chain.blocks.at(-11);
  return chain.blocks[Number(block === "earliest" ? 0 : block) - chain.first];
};

function get_logs(chain, { fromBlock, toBlock, blockHash, address, topics = [] }) {
  const one_of = (wanted, got) =>
    wanted === null ||
    wanted === undefined ||
    [wanted].flat().some((each) => each.toLowerCase() === got?.toLowerCase());
  const blocks = blockHash
    ? [chain.by_hash.get(blockHash)].filter(Boolean)
    : chain.blocks.slice(Math.max(0, Number(fromBlock) - chain.first), Math.max(0, Number(toBlock) - chain.first + 1));
  return blocks
    .flatMap(({ receipts }) => receipts.flatMap(({ logs }) => logs))
    .filter((log) => one_of(address, log.address) && topics.every((topic, i) => one_of(topic, log.topics[i])));
}

function answer(chain, method, params) {
  const own = chain.profile.answer?.(method, params, chain);
  if (own !== undefined) return own;
  switch (method) {
    case "eth_chainId":
      return hex(chain.profile.chain_id);
    case "net_version":
      return String(chain.profile.chain_id);
    case "web3_clientVersion":
      return `fake/${chain.name}`;
    case "eth_blockNumber":
      return hex(chain.head);
    case "eth_getBlockByNumber":
    case "eth_getBlockByHash": {
      const block = at(chain, params[0]);
      return block
        ? { ...block.header, transactions: block.receipts.map(({ transactionHash }) => transactionHash), uncles: [] }
        : null;
    }
    case "eth_getBlockReceipts":
      return at(chain, params[0])?.receipts ?? null;
    case "eth_getTransactionReceipt":
      return (
        chain.blocks.flatMap(({ receipts }) => receipts).find(({ transactionHash }) => transactionHash === params[0]) ??
        null
      );
    case "eth_getLogs":
      return get_logs(chain, params[0]);
    default:
      return refuse(-32601, `the method ${method} does not exist/is not available`);
  }
}

export async function serve(name, port = 0) {
  const chain = await make_chain(name);
  const reply = ({ id, method, params }) => {
    try {
      return { jsonrpc: "2.0", id, result: answer(chain, method, params ?? []) };
    } catch (error) {
      return { jsonrpc: "2.0", id, error: { code: error.code ?? -32603, message: error.message } };
    }
  };
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(parts));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(Array.isArray(body) ? body.map(reply) : reply(body)));
    });
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { chain, url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = options({ chain: "", port: 0 }, "usage: node.mjs --chain NAME [--port P]");
  const { chain, url } = await serve(args.chain, args.port);
  console.log(
    JSON.stringify({
      pid: process.pid,
      url,
      chain_id: chain.profile.chain_id,
      first: chain.first,
      head: chain.head,
      contract: chain.token,
      events: chain.events,
      real: chain.profile.real ?? null,
    }),
  );
}
