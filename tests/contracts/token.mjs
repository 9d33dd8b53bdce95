// Deploys OpenZeppelin's ERC20 and ERC721 (Tokens.sol) to an anvil, makes seeded mints, transfers and burns, and says
// what the contracts hold afterwards: the truth that an index built with tokens.toml is compared with.
//
//   node tests/contracts/token.mjs [--rpc URL] [--steps 300] [--users 30] [--seed 1] [--out FILE] [--expect DIR]
//
// --expect writes DIR/{balance,supply,owner,holding}.jsonl, as `plumbline dump --entity` prints them, from the getters.
// The last line of stdout is the result as JSON. Same seed, fresh `anvil --timestamp 1700000000`: same block hashes.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "../../tools/node/compile.mjs";
import { BlockMaker, Interface, Random, Rpc, hex, keccakText, options } from "../../tools/node/lib.mjs";

const usage =
  "usage: token.mjs [--rpc URL] [--steps N] [--users N] [--seed N] [--timestamp T] [--out FILE] [--expect DIR]";
const args = options(
  { rpc: "http://127.0.0.1:8545", steps: 300, users: 30, seed: 1, timestamp: 1700000000, out: "", expect: "" },
  usage,
);
const artifacts = compile(join(dirname(fileURLToPath(import.meta.url)), "Tokens.sol"));
const token = new Interface(artifacts.TestToken.abi);
const nft = new Interface(artifacts.TestNft.abi);
const random = new Random(args.seed);
const rpc = new Rpc(args.rpc);
const maker = new BlockMaker(rpc);

const balances = new Map(); // account -> tokens; the model, to know what must revert
const owners = new Map(); // token id -> account
const burned = new Set(); // token ids that were there and are not now
let accounts = [];
let tokenAddress = "";
let nftAddress = "";

const holders = () => [...balances.keys()].filter((account) => balances.get(account) > 0n);
const sendToken = (from, name, values, reverts = false) =>
  maker.send({ from, to: tokenAddress, data: token.encodeFunctionData(name, values), label: `token.${name}`, reverts });
const sendNft = (from, name, values, reverts = false) =>
  maker.send({ from, to: nftAddress, data: nft.encodeFunctionData(name, values), label: `nft.${name}`, reverts });

// Small amounts, wide ones, the whole, and nothing at all: an ERC-20 transfer of 0 is an event like any other.
function part(of) {
  const kind = random.below(10);
  if (kind === 0) return 0n;
  if (kind <= 2) return of;
  return (of * BigInt(random.between(1, 99))) / 100n;
}

function move(from, to, value) {
  if (from) balances.set(from, balances.get(from) - value);
  if (to) balances.set(to, (balances.get(to) || 0n) + value);
}

const actions = {
  mint() {
    const to = random.pick(accounts);
    const value =
      random.pick([1n, 1000n, 10n ** 18n, 10n ** 27n, 2n ** 64n, 2n ** 200n]) * BigInt(random.between(1, 999));
    move(null, to, value);
    sendToken(random.pick(accounts), "mint", [to, value]);
    return true;
  },
  transfer() {
    if (holders().length === 0) return false;
    const from = random.pick(holders());
    const to = random.chance(5) ? from : random.pick(accounts);
    const value = part(balances.get(from));
    move(from, to, value);
    sendToken(from, "transfer", [to, value]);
    return true;
  },
  transferNothing() {
    const from = random.pick(accounts);
    sendToken(from, "transfer", [random.pick(accounts), 0n]);
    return true;
  },
  burn() {
    if (holders().length === 0) return false;
    const from = random.pick(holders());
    const value = part(balances.get(from));
    move(from, null, value);
    sendToken(random.pick(accounts), "burn", [from, value]);
    return true;
  },
  transferTooMuch() {
    const from = random.pick(accounts);
    sendToken(from, "transfer", [random.pick(accounts), (balances.get(from) || 0n) + 1n], true);
    return true;
  },
  mintNft() {
    let id = random.chance(50) ? BigInt(owners.size) : BigInt(keccakText(`nft ${random.next()}`));
    if (random.chance(20) && burned.size > 0) id = random.pick([...burned]);
    if (owners.has(id)) return false;
    const to = random.pick(accounts);
    burned.delete(id);
    owners.set(id, to);
    sendNft(random.pick(accounts), "mint", [to, id]);
    return true;
  },
  transferNft() {
    if (owners.size === 0) return false;
    const [id, from] = random.pick([...owners]);
    const to = random.chance(5) ? from : random.pick(accounts);
    owners.set(id, to);
    sendNft(from, "transferFrom", [from, to, id]);
    return true;
  },
  burnNft() {
    if (owners.size === 0) return false;
    const [id] = random.pick([...owners]);
    owners.delete(id);
    burned.add(id);
    sendNft(random.pick(accounts), "burn", [id]);
    return true;
  },
  stealNft() {
    if (owners.size === 0) return false;
    const [id, owner] = random.pick([...owners]);
    const thief = random.pick(accounts);
    if (thief === owner) return false;
    sendNft(thief, "transferFrom", [owner, thief, id], true);
    return true;
  },
};

const weights = {
  mint: 15,
  transfer: 50,
  transferNothing: 3,
  burn: 10,
  transferTooMuch: 3,
  mintNft: 25,
  transferNft: 35,
  burnNft: 8,
  stealNft: 2,
};

// What the contracts say, at the head. A call that reverts gives null.
async function read(contract, to, name, rows) {
  const calls = rows.map((row) => ["eth_call", { to, data: contract.encodeFunctionData(name, row) }, "latest"]);
  const values = [];
  for (let i = 0; i < calls.length; i += 200) {
    for (const answer of await rpc.batch(calls.slice(i, i + 200))) {
      values.push(answer.error ? null : contract.decodeFunctionResult(name, answer.result)[0]);
    }
  }
  return values;
}

async function main() {
  await maker.start(args.timestamp);
  accounts = await maker.accounts(Math.max(args.users, 3));
  try {
    const startBlock = maker.firstBlock;
    maker.send({ from: accounts[0], data: artifacts.TestToken.bytecode, label: "deploy ERC20", gas: 8000000 });
    maker.send({ from: accounts[0], data: artifacts.TestNft.bytecode, label: "deploy ERC721", gas: 8000000 });
    [tokenAddress, nftAddress] = (await maker.mine()).map((receipt) => receipt.contractAddress);
    let logs = 0;
    for (let steps = 0; steps < args.steps;) {
      const size = random.between(0, 8);
      for (let i = 0; i < size && steps < args.steps; i++, steps++) {
        while (!actions[random.weighted(weights)]());
      }
      for (const receipt of await maker.mine()) logs += receipt.logs.length;
    }

    const everyone = [...accounts].sort();
    const ids = [...owners.keys(), ...burned].sort((a, b) => (a < b ? -1 : 1));
    const amounts = await read(
      token,
      tokenAddress,
      "balanceOf",
      everyone.map((account) => [account]),
    );
    const counts = await read(
      nft,
      nftAddress,
      "balanceOf",
      everyone.map((account) => [account]),
    );
    const holdersOf = await read(
      nft,
      nftAddress,
      "ownerOf",
      ids.map((id) => [id]),
    );
    const [supply] = await read(token, tokenAddress, "totalSupply", [[]]);

    const rows = {
      balance: everyone.map((owner, i) => ({ owner, amount: String(amounts[i]) })).filter((row) => row.amount !== "0"),
      supply: [{ token: tokenAddress.toLowerCase(), total: String(supply) }],
      owner: ids
        .map((id, i) => ({ token_id: String(id), account: holdersOf[i] && holdersOf[i].toLowerCase() }))
        .filter((row) => row.account),
      holding: everyone
        .map((account, i) => ({ account, tokens: String(counts[i]) }))
        .filter((row) => row.tokens !== "0"),
    };
    if (args.expect) {
      mkdirSync(args.expect, { recursive: true });
      for (const [entity, list] of Object.entries(rows)) {
        writeFileSync(join(args.expect, `${entity}.jsonl`), list.map((row) => `${JSON.stringify(row)}\n`).join(""));
      }
    }
    const head = await rpc.call("eth_getBlockByNumber", hex(maker.firstBlock + maker.blocks - 1), false);
    const result = {
      token: tokenAddress.toLowerCase(),
      nft: nftAddress.toLowerCase(),
      startBlock,
      headBlock: Number(head.number),
      headHash: head.hash,
      transactions: maker.sent,
      reverted: maker.reverted,
      logs,
      totalSupply: String(supply),
      balances: Object.fromEntries(rows.balance.map((row) => [row.owner, row.amount])),
      withoutBalance: everyone.filter((account, i) => amounts[i] === 0n),
      owners: Object.fromEntries(rows.owner.map((row) => [row.token_id, row.account])),
      burned: ids.filter((id, i) => holdersOf[i] === null).map(String),
      counts: Object.fromEntries(Object.entries(rows).map(([entity, list]) => [entity, list.length])),
    };
    if (args.out) writeFileSync(args.out, `${JSON.stringify(result, null, 2)}\n`);
    console.log(JSON.stringify(result));
  } finally {
    await maker.stop();
  }
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
rpc.close();
