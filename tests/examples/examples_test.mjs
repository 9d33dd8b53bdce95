// The examples as a user takes them: contracts of OpenZeppelin, Uniswap and Safe on a real chain, random life on them, then
// `plumbline run` with the example's config; every row against the contracts' getters, every sum against a program that
// shares nothing with plumbline, and `plumbline verify` must hold.
//
//   node tests/examples/examples_test.mjs [--binary build/release/plumbline] [--example NAME] [--steps 120] [--seed 1]
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { compile } from "../../tools/node/compile.mjs";
import { AbiCoder, Random, ethers, options } from "../../tools/node/lib.mjs";
import { Chain, Contract, Index, ZERO, root } from "./example_chain.mjs";

const args = options({ binary: join(root, "build/release/plumbline"), example: "", steps: 120, seed: 1 }, "usage: examples_test.mjs [--binary FILE] [--example NAME] [--steps N] [--seed N]");
console.log(`seed ${args.seed}`);
const DAY = 86_400;
const packages = join(root, "tools/node/node_modules");
const artifact = (path) => JSON.parse(readFileSync(join(packages, path), "utf8"));

// Below a bound, as the generator of all scripts gives it.
function random_of(seed) {
  const random = new Random(seed);
  return (below) => random.below(below);
}

// A decimal(18) as plumbline tells it: without zeros at its end.
const decimal = (units, decimals) => ethers.formatUnits(units, decimals).replace(/\.0$/, "");
const plain = (value) => typeof value === "bigint" ? String(value) : typeof value === "string" && value.startsWith("0x") ? value.toLowerCase() : value;
// Rows by key, each field as text; and that they are as many as `wanted`.
function same_rows(what, rows, key_of, wanted) {
  const got = Object.fromEntries(rows.map((row) => [key_of(row), Object.fromEntries(Object.keys(Object.values(wanted)[0] ?? {}).map((field) => [field, String(row[field])]))]));
  const expected = Object.fromEntries(Object.entries(wanted).map(([key, row]) => [key, Object.fromEntries(Object.entries(row).map(([field, value]) => [field, String(plain(value))]))]));
  assert.deepEqual(got, expected, what);
  assert.ok(rows.length > 0, `${what}: there is nothing to compare`);
  console.log(`  ${what}: ${rows.length} rows equal`);
}

// --- ERC-20 ------------------------------------------------------------------------------------

async function erc20(chain, random) {
  const token = await chain.deploy(compile(join(root, "tests/contracts/Tokens.sol")).TestToken);
  const people = chain.people;
  const pick = () => people[random(people.length)];
  for (let i = 0; i < args.steps; i++) {
    if (random(6) === 0) await chain.pass(random(DAY));
    const dice = random(10);
    if (dice < 2 || i < 5) await token.send(people[0], "mint", pick(), BigInt(random(1e9)) * 10n ** 18n);
    else if (dice < 3) { const who = pick(); await token.send(people[0], "burn", who, (await token.read("balanceOf", who)) / 3n); }
    else { const who = pick(), balance = await token.read("balanceOf", who); await token.send(who, "transfer", pick(), random(4) === 0 ? balance : balance / BigInt(1 + random(9))); }
  }
  const index = new Index(args.binary, "erc20", chain, [token.address]);
  index.index();
  const accounts = {};
  for (const who of people) { const balance = await token.read("balanceOf", who); if (balance > 0n) accounts[who] = { balance }; }
  same_rows("accounts", index.rows("account"), (row) => row.owner, accounts);
  same_rows("supply", index.rows("token"), (row) => row.address, { [token.address]: { supply: await token.read("totalSupply"), symbol: await token.read("symbol"), decimals: await token.read("decimals") } });
  const days = {};
  for (const { args: { from, to, value }, time } of await token.events("Transfer")) {
    const day = (days[Math.floor(time / DAY)] ??= { volume: 0n, transfers: 0, largest: 0n, minted: 0n, burnt: 0n });
    day.transfers++;
    if (from === ZERO) day.minted += value;
    if (to === ZERO) day.burnt += value;
    if (from !== ZERO && to !== ZERO) day.volume += value;
    if (value > day.largest) day.largest = value;
  }
  assert.ok(Object.keys(days).length > 2, "several days");
  same_rows("days", index.rows("day"), (row) => String(row.day), days);
  return index;
}

// --- ERC-721 -----------------------------------------------------------------------------------

async function erc721(chain, random) {
  const nft = await chain.deploy(compile(join(root, "tests/contracts/Tokens.sol")).TestNft);
  const people = chain.people;
  const pick = () => people[random(people.length)];
  const owners = new Map();
  for (let i = 0, next = 1; i < args.steps; i++) {
    const ids = [...owners.keys()];
    const id = ids[random(ids.length || 1)], owner = owners.get(id), dice = random(10);
    if (dice < 4 || !id) { const to = pick(); await nft.send(people[0], "mint", to, next); owners.set(next++, to); }
    else if (dice < 6) { const to = pick(); await nft.send(owner, "transferFrom", owner, to, id); owners.set(id, to); }
    else if (dice < 7) { await nft.send(people[0], "burn", id); owners.delete(id); }
    else if (dice < 9) await nft.send(owner, "approve", random(3) ? pick() : ZERO, id);
    else await nft.send(pick(), "setApprovalForAll", pick(), random(3) > 0);
  }
  const index = new Index(args.binary, "erc721", chain, [nft.address]);
  index.index();
  const tokens = {}, held = {}, operators = {};
  for (const id of owners.keys()) tokens[id] = { owner: await nft.read("ownerOf", id), approved: await nft.read("getApproved", id) };
  same_rows("tokens", index.rows("token"), (row) => String(row.id), tokens);
  for (const who of people) { const count = await nft.read("balanceOf", who); if (count > 0n) held[who] = { tokens: count }; }
  same_rows("owners", index.rows("owner"), (row) => row.account, held);
  for (const owner of people) for (const operator of people) if (await nft.read("isApprovedForAll", owner, operator)) operators[owner + operator] = { approved: true };
  same_rows("operators", index.rows("operator"), (row) => row.owner + row.operator, operators);
  return index;
}

// --- Governor ----------------------------------------------------------------------------------

async function governor(chain, random) {
  const compiled = compile(join(root, "tests/examples/Governance.sol"));
  const token = await chain.deploy(compiled.VotesToken);
  const gov = await chain.deploy(compiled.TestGovernor, ["address"], [token.address]);
  const people = chain.people;
  const pick = () => people[random(people.length)];
  for (const who of people) await token.send(people[0], "mint", who, BigInt(1 + random(1000)) * 10n ** 18n);
  const proposals = [];
  for (let i = 0; i < args.steps; i++) {
    const dice = random(10), proposal = proposals[random(proposals.length || 1)];
    if (dice < 2) await token.send(pick(), "delegate", random(5) ? pick() : ZERO);
    else if (dice < 4) { const who = pick(); await token.send(who, "transfer", pick(), (await token.read("balanceOf", who)) / BigInt(1 + random(5))); }
    else if (dice < 5 || !proposal) {
      const by = pick(), text = `proposal ${i} of ${"x".repeat(random(80))}`, call = [[gov.address], [0], [token.abi.encodeFunctionData("balanceOf", [by])], text];
      const receipt = await gov.send(by, "propose", [token.address], [0], call[2], text);
      const [made] = receipt.logs.map((log) => gov.abi.parseLog(log)).filter((event) => event?.name === "ProposalCreated");
      proposals.push({ id: made.args.proposalId, by, call: [[token.address], [0], call[2], ethers.id(text)] });
      await chain.mine(2);
    } else if (dice < 8) {
      await gov.attempt(pick(), "castVoteWithReason", proposal.id, random(3), random(2) ? "because" : "");
    } else if (dice < 9) {
      await chain.mine(8);
      await gov.attempt(pick(), "execute", ...proposal.call);
    } else {
      await gov.attempt(proposal.by, "cancel", ...proposal.call);
    }
  }
  const index = new Index(args.binary, "governor", chain, [gov.address, token.address]);
  index.index();
  const status = new Map(), wanted = {};
  for (const name of ["ProposalExecuted", "ProposalCanceled"]) for (const { args: { proposalId } } of await gov.events(name)) status.set(proposalId, name.slice(8).toLowerCase());
  for (const { args: { proposalId, proposer, description, targets, voteStart, voteEnd }, time } of await gov.events("ProposalCreated")) {
    const [against_votes, for_votes, abstain_votes] = await gov.read("proposalVotes", proposalId);
    wanted[proposalId] = { proposer, description, actions: targets.length, vote_start: voteStart, vote_end: voteEnd, created_at: time, status: status.get(proposalId) ?? "open", against_votes, for_votes, abstain_votes };
  }
  same_rows("proposals", index.rows("proposal"), (row) => row.id, wanted);
  const votes = {};
  for (const { args: { voter, proposalId, support, weight, reason }, time } of await gov.events("VoteCast")) votes[proposalId + voter.toLowerCase()] = { support: ["against", "for", "abstain"][Number(support)], weight, reason, cast_at: time };
  same_rows("votes", index.rows("vote"), (row) => row.proposal_id + row.voter, votes);
  const holders = {}, delegations = {}, delegates = {};
  for (const who of people) {
    const [balance, delegate, weight] = [await token.read("balanceOf", who), await token.read("delegates", who), await token.read("getVotes", who)];
    if (balance > 0n) holders[who] = { balance };
    if (delegate !== ZERO) delegations[who] = { delegate };
    if (weight > 0n) delegates[who] = { votes: weight };
  }
  same_rows("holders", index.rows("holder"), (row) => row.account, holders);
  same_rows("delegations", index.rows("delegation"), (row) => row.delegator, delegations);
  same_rows("delegates", index.rows("delegate"), (row) => row.account, delegates);
  return index;
}

// --- Uniswap V2 --------------------------------------------------------------------------------

async function uniswap_v2(chain, random) {
  const build = (name) => artifact(`@uniswap/v2-core/build/${name}.json`);
  const tokens = [], people = chain.people.slice(0, 4);
  for (let i = 0; i < 4; i++) tokens.push(await chain.deploy(build("ERC20"), ["uint256"], [10n ** 30n]));
  const factory = await chain.deploy(build("UniswapV2Factory"), ["address"], [people[0]]);
  const some_pair = new Contract(chain, build("UniswapV2Pair").abi, ZERO);
  const pairs = [];
  for (let i = 0; i < args.steps; i++) {
    if (random(5) === 0) await chain.pass(random(DAY));
    const dice = random(10), pair = pairs[random(pairs.length || 1)];
    if (!pair || (dice < 1 && pairs.length < 6)) {
      const a = random(4), b = (a + 1 + random(3)) % 4;
      if (await factory.read("getPair", tokens[a].address, tokens[b].address) !== ZERO) continue;
      await factory.send(people[0], "createPair", tokens[a].address, tokens[b].address);
      const made = some_pair.at(await factory.read("getPair", tokens[a].address, tokens[b].address));
      made.tokens = [(await made.read("token0")).toLowerCase(), (await made.read("token1")).toLowerCase()].map((address) => tokens[0].at(address));
      pairs.push(made);
    }
    const chosen = pair ?? pairs[0], [reserve0, reserve1] = await chosen.read("getReserves");
    if (dice < 5 || reserve0 === 0n) {
      for (const token of chosen.tokens) await token.send(people[0], "transfer", chosen.address, 10n ** 20n + BigInt(random(1e9)) ** 2n);
      await chosen.send(people[0], "mint", people[random(4)]);
    } else if (dice < 8) {
      const way = random(2), amount = (way ? reserve1 : reserve0) / BigInt(10 + random(50));
      await chosen.tokens[way].send(people[0], "transfer", chosen.address, amount);
      const out = ((way ? reserve0 : reserve1) * amount * 997n) / ((way ? reserve1 : reserve0) * 1000n + amount * 997n);
      await chosen.send(people[0], "swap", way ? out : 0, way ? 0 : out, people[random(4)], "0x");
    } else {
      const who = people[random(4)], balance = await chosen.read("balanceOf", who);
      if (balance > 10n && random(8) === 0) await chosen.send(who, "transfer", ZERO, balance / 7n);  // locked for good
      else if (balance > 10n) { await chosen.send(who, "transfer", chosen.address, balance / BigInt(2 + random(3))); await chosen.send(who, "burn", who); }
    }
  }
  const index = new Index(args.binary, "uniswap_v2", chain, [factory.address]);
  index.index();
  const wanted = {}, days = {}, positions = {};
  for (const [number, pair] of pairs.entries()) {
    const [reserve0, reserve1] = await pair.read("getReserves");
    const swaps = await pair.events("Swap");
    const sum = (list, one, two) => list.reduce((total, event) => total + event.args[one] + event.args[two], 0n);
    const [symbol0, symbol1] = await Promise.all(pair.tokens.map((token) => token.read("symbol")));
    const [decimals0, decimals1] = await Promise.all(pair.tokens.map((token) => token.read("decimals")));
    wanted[pair.address] = { token0: pair.tokens[0].address, token1: pair.tokens[1].address, symbol0, symbol1, decimals0, decimals1, number: number + 1, reserve0, reserve1, supply: await pair.read("totalSupply"), swaps: swaps.length, volume0: sum(swaps, "amount0In", "amount0Out"), volume1: sum(swaps, "amount1In", "amount1Out") };
    const day = (time) => (days[`${pair.address} ${Math.floor(time / DAY)}`] ??= { volume0: 0n, volume1: 0n, amount0: 0n, amount1: 0n, swaps: 0, mints: 0, burns: 0, reserve0: 0n, reserve1: 0n });
    for (const { args: swap, time } of swaps) { const at = day(time); at.swaps++; at.volume0 += swap.amount0In + swap.amount0Out; at.volume1 += swap.amount1In + swap.amount1Out; at.amount0 = decimal(at.volume0, decimals0); at.amount1 = decimal(at.volume1, decimals1); }
    for (const { time } of await pair.events("Mint")) day(time).mints++;
    for (const { time } of await pair.events("Burn")) day(time).burns++;
    for (const { args: sync, time } of await pair.events("Sync")) Object.assign(day(time), { reserve0: sync.reserve0, reserve1: sync.reserve1 });
    for (const owner of [...people, ZERO, pair.address]) { const balance = await pair.read("balanceOf", owner); if (balance > 0n) positions[`${pair.address} ${owner}`] = { balance }; }
  }
  assert.ok(Object.values(days).filter((day) => day.swaps).length > 2, "swaps on several days");
  same_rows("pairs", index.rows("pair"), (row) => row.address, wanted);
  same_rows("days", index.rows("day"), (row) => `${row.pair} ${row.day}`, days);
  same_rows("positions", index.rows("position"), (row) => `${row.pair} ${row.owner}`, positions);
  return index;
}

// --- Safe --------------------------------------------------------------------------------------

async function safe(chain, random) {
  const build = (path) => artifact(`@safe-global/safe-contracts/build/artifacts/contracts/${path}.json`);
  const singleton = await chain.deploy(build("Safe.sol/Safe"));
  const factory = await chain.deploy(build("proxies/SafeProxyFactory.sol/SafeProxyFactory"));
  const people = chain.people, wallets = [];
  const SENTINEL = "0x" + "0".repeat(39) + "1";
  // An owner approves by sending the transaction itself: v = 1, r = the owner. Thresholds are 1 for that.
  const execute = (wallet, owner, to, data) => wallet.attempt(owner, "execTransaction", to, 0, data, 0, 300_000, 0, 0, ZERO, ZERO, AbiCoder.defaultAbiCoder().encode(["uint256", "uint256"], [owner, 0]) + "01");
  for (let i = 0; i < args.steps; i++) {
    const dice = random(10), wallet = wallets[random(wallets.length || 1)];
    if (!wallet || dice < 3) {
      const owners = people.filter(() => random(3) === 0);
      if (!owners.length) continue;
      const setup = singleton.abi.encodeFunctionData("setup", [owners, 1, ZERO, "0x", ZERO, ZERO, 0, ZERO]);
      const receipt = await factory.send(people[0], "createProxyWithNonce", singleton.address, setup, i);
      const made = receipt.logs.map((log) => factory.abi.parseLog(log)).find((event) => event?.name === "ProxyCreation");
      wallets.push(singleton.at(made.args.proxy));
      continue;
    }
    const owners = (await wallet.read("getOwners")).map((one) => one.toLowerCase()), by = owners[random(owners.length)];
    const self = (name, ...values) => execute(wallet, by, wallet.address, wallet.abi.encodeFunctionData(name, values));
    const stranger = people.find((who) => !owners.includes(who));
    if (dice < 5 && stranger) await self("addOwnerWithThreshold", stranger, 1);
    else if (dice < 6 && owners.length > 1) { const at = random(owners.length); await self("removeOwner", at ? owners[at - 1] : SENTINEL, owners[at], 1); }
    else if (dice < 7 && stranger) { const at = random(owners.length); await self("swapOwner", at ? owners[at - 1] : SENTINEL, owners[at], stranger); }
    else if (dice < 8) { const [modules] = await wallet.read("getModulesPaginated", SENTINEL, 10), one = people[random(people.length)]; if (modules.length && random(2)) await self("disableModule", SENTINEL, modules[0]); else await self("enableModule", one); }
    else if (dice < 9) await self("nonce");
    else await self("changeThreshold", 0);  // the inner call fails
  }
  const index = new Index(args.binary, "safe", chain, [factory.address]);
  index.index();
  const safes = {}, owned = {}, modules = {};
  for (const wallet of wallets) {
    const owners = await wallet.read("getOwners");
    safes[wallet.address] = { threshold: await wallet.read("getThreshold"), owners: owners.length, singleton: singleton.address, executions: await wallet.read("nonce"), failures: (await wallet.events("ExecutionFailure")).length };
    for (const owner of owners) owned[wallet.address + owner.toLowerCase()] = {};
    for (const module of (await wallet.read("getModulesPaginated", SENTINEL, 20))[0]) modules[wallet.address + module.toLowerCase()] = {};
  }
  assert.ok(Object.values(safes).some(({ failures }) => failures > 0), "some executions fail");
  same_rows("wallets", index.rows("safe"), (row) => row.address, safes);
  same_rows("owners", index.rows("owner"), (row) => row.safe + row.account, owned);
  same_rows("modules", index.rows("module"), (row) => row.safe + row.module, modules);
  return index;
}

// -----------------------------------------------------------------------------------------------

// The commands of the example's page, over this chain and this index.
function run_readme(index, example, chain) {
  const commands = readFileSync(join(root, "examples", example, "README.md"), "utf8").match(/^    plumbline .*$/gm);
  assert.ok(commands.length > 2, "the page has commands");
  for (const line of commands) {
    const words = line.trim().split(" ").slice(1).map((word) => word === "db" ? index.db : word.endsWith("plumbline.toml") ? index.config : word.startsWith("http://") ? chain.url : word);
    const ran = index.run(...words);
    assert.equal(ran.code, 0, `${line}\n${ran.out}${ran.err}`);
  }
  console.log(`  the ${commands.length} commands of its page run`);
}

for (const example of [erc20, erc721, governor, uniswap_v2, safe]) {
  if (args.example && args.example !== example.name) continue;
  console.log(example.name);
  const random = random_of(args.seed);
  const chain = await Chain.start(random);
  let index;
  try {
    index = await example(chain, random);
    const verify = index.run("verify", index.db, "--rpc", chain.url);
    assert.equal(verify.code, 0, verify.out + verify.err);
    console.log("  verified: the log, the fold and the contract's own state");
    run_readme(index, example.name, chain);
  } finally {
    chain.stop();
    index?.close();
  }
}
