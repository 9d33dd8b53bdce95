// Deploys CommunityHub to a development node (anvil) and fills it with life: people register, found communities, join,
// leave, are banned, ask, vote, change their mind. Some transactions are meant to revert, as on a real chain.
//
//   node examples/community/activity.mjs [--rpc URL] [--steps 300] [--users 24] [--seed 1] [--address A] [--out FILE]
//
// With --address it deploys nothing and goes on with the contract there, whatever became of it meanwhile: what it holds
// is read by the getters first. One step is one transaction. The same seed on a fresh `anvil --timestamp 1700000000` gives the same block hashes.
// The script keeps a model of the contract's rules, so it knows of each transaction whether it must succeed or revert,
// and stops with exit code 1 if the contract thinks otherwise. The last line of stdout is the result as JSON.

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "../../tools/node/compile.mjs";
import { AbiCoder, BlockMaker, Interface, Random, Rpc, keccakText, options, readGetter } from "../../tools/node/lib.mjs";

const usage = `usage: activity.mjs [--rpc URL] [--steps N] [--users N] [--seed N] [--out FILE]
  --address A      act on the contract there; without it one is deployed
  --timestamp T    of the first block made, if the chain is not past it (default 1700000000)
  --pause MS       wait between blocks, to watch an indexer follow
  --artifact FILE  a compiled CommunityHub with bytecode; without it the source is compiled first`;
const args = options(
  {
    rpc: "http://127.0.0.1:8545",
    steps: 300,
    users: 24,
    seed: 1,
    address: "",
    timestamp: 1700000000,
    pause: 0,
    artifact: "",
    out: "",
  },
  usage,
);

const here = dirname(fileURLToPath(import.meta.url));
const artifact = args.artifact
  ? JSON.parse(readFileSync(args.artifact, "utf8"))
  : compile(join(here, "CommunityHub.sol")).CommunityHub;
const hub = new Interface(artifact.abi);
const random = new Random(args.seed);
const rpc = new Rpc(args.rpc);
const maker = new BlockMaker(rpc);

const MEMBER = 0;
const MODERATOR = 1;
const ADMIN = 2;
const POINT = 10n ** 18n;
const NOBODY = "0x00000000000000000000000000000000deadbeef";

// ---- the model: what the contract must hold after the transactions sent so far --------------------------------------

const people = new Map(); // account -> {reputation}, of those registered
const communities = []; // id - 1 -> {id, admin, archived, ..., members: account -> {role, banned, points}}
const questions = []; // id - 1 -> {id, community, author, weights, deadline, open, votes: voter -> {option, weight}}
let accounts = [];
let { address } = args;

const active = (community) => [...community.members.keys()].filter((user) => !community.members.get(user).banned);
const staff = (community) => active(community).filter((user) => community.members.get(user).role !== MEMBER);
const someone = () => random.pick([...people.keys()]);
const now = () => maker.timestamp; // of the block to come

function some(list, holds) {
  const found = list.filter(holds);
  return found.length > 0 ? random.pick(found) : null;
}

function weightOf(community, user) {
  const member = community.members.get(user);
  return POINT * BigInt(1 + member.role) + member.points / 10n;
}

// The model of a contract that is there already, from its getters.
async function load() {
  if ((await rpc.call("eth_getCode", address, "latest")) === "0x") throw new Error(`${address}: no contract there`);
  const ask = (getter, rows) => readGetter(rpc, hub, address, getter, rows);
  const ids = async (counter) => Array.from({ length: Number((await ask(counter, [[]]))[0][0]) }, (_, i) => i + 1);
  const each = (count) => Array.from({ length: count }, (_, i) => i);

  (await ask("users", accounts.map((account) => [account]))).forEach((user, i) => {
    if (user[1] !== 0n) people.set(accounts[i], { reputation: Number(user[2]) });
  });
  const [[registered]] = await ask("userCount", [[]]);
  if (Number(registered) !== people.size)
    throw new Error(`${registered} people are registered, ${people.size} of them among ours: give --users as before`);

  const communityIds = (await ids("communityCount")).map((id) => [id]);
  const stats = await ask("communityStats", communityIds);
  (await ask("communities", communityIds)).forEach((row, i) => {
    communities.push({
      id: i + 1,
      admin: row[1].toLowerCase(),
      archived: row[7],
      maxMembers: Number(row[5]),
      minReputation: Number(row[6]),
      members: new Map(),
      openQuestions: Number(stats[i][4]),
    });
  });
  const pairs = communities.flatMap((community) => [...people.keys()].map((user) => [community.id, user]));
  (await ask("memberships", pairs)).forEach(([exists, role, banned, , , points], i) => {
    const [id, user] = pairs[i];
    if (exists) communities[id - 1].members.set(user, { role: Number(role), banned, points });
  });

  const questionIds = (await ids("questionCount")).map((id) => [id]);
  const results = await ask("results", questionIds);
  (await ask("questions", questionIds)).forEach((row, i) => {
    questions.push({
      id: i + 1,
      community: communities[Number(row[0]) - 1],
      author: row[1].toLowerCase(),
      weights: each(Number(row[8])).map(() => 0n),
      deadline: Number(row[4]),
      open: row[7] === 0n,
      votes: { size: Number(results[i][0]) }, // nobody asks who, where it is over
    });
  });
  const open = recent().filter((question) => question.open);
  const choices = open.flatMap((question) => question.weights.map((_, index) => [question.id, index]));
  (await ask("options", choices)).forEach((option, i) => {
    const [id, index] = choices[i];
    questions[id - 1].weights[index] = option[2];
  });
  const voters = open.flatMap((question) => [...people.keys()].map((user) => [question.id, user]));
  for (const question of open) question.votes = new Map();
  (await ask("votes", voters)).forEach(([option, weight], i) => {
    const [id, voter] = voters[i];
    if (weight !== 0n) questions[id - 1].votes.set(voter, { option: Number(option), weight });
  });
}

// ---- words ----------------------------------------------------------------------------------------------------------

const FIRST = [
  "Ada",
  "Björn",
  "Chiara",
  "Đạt",
  "Ewa",
  "Fatou",
  "Grace",
  "Hana",
  "Ines",
  "Jörg",
  "Kenji",
  "Łukasz",
  "Мария",
  "Noor",
  "Øyvind",
  "李雷",
];
const LAST = [
  "of the Hills",
  "Okafor",
  '"Quotes" O\'Neill',
  "von und zu",
  "🦊",
  "Sørensen",
  "back\\slash",
  "the Third",
  "Ñuñoa",
  "Smith",
];
const TOPICS = [
  "Gardening",
  "Night trains",
  "Sourdough",
  "Compilers",
  "Birds of the north",
  "Chess ♟",
  "Old maps",
  "日本語クラブ",
  "Repair café",
  "Tide tables",
];
const CHOICES = [
  "yes",
  "no",
  "later",
  "only on Sundays",
  "ask again",
  "maybe ¯\\_(ツ)_/¯",
  "with milk",
  "as long as it takes, and not one minute longer than that",
  "🍕",
  "",
];
const VERBS = ["plant", "publish", "sell", "repaint", "translate", "feed", "archive", "celebrate"];

const personName = () => `${random.pick(FIRST)} ${random.pick(LAST)}`;
const communityName = () => `${random.pick(TOPICS)} ${random.between(1, 99)}`;
const questionText = () => {
  const [verb, topic] = [random.pick(VERBS), random.pick(TOPICS).toLowerCase()];
  const text = `Shall we ${verb} the ${topic} in ${random.between(2024, 2040)}?`;
  return random.chance(8)
    ? `${text}\n${"Some context, as nobody reads the minutes. ".repeat(random.between(3, 25))}`
    : text;
};
const someHash = () => keccakText(`plumbline ${random.next()}`);
const points = () => (BigInt(random.between(1, 5000)) * POINT) / BigInt(random.pick([1, 2, 3, 7, 100, 1000]));

// ---- actions: each sends one transaction, or gives false if nobody could do that now --------------------------------

function send(from, name, values, reverts = false) {
  const data = hub.encodeFunctionData(name, values);
  maker.send({ from, to: address, data, reverts, label: reverts ? `${name} (wrong)` : name });
  return true;
}

function endQuestion(question) {
  question.open = false;
  question.community.openQuestions -= 1;
}

const actions = {
  register() {
    const user = some(accounts, (account) => !people.has(account));
    if (!user) return false;
    people.set(user, { reputation: 0 });
    return send(user, "register", [personName()]);
  },

  updateProfile() {
    return send(someone(), "updateProfile", [random.chance(5) ? "" : personName()]);
  },

  // Latin-1 in a field that should be UTF-8: the chain takes any bytes, so an index has to.
  updateProfileLatin1() {
    const data =
      hub.getFunction("updateProfile").selector + AbiCoder.defaultAbiCoder().encode(["bytes"], ["0x636166ff"]).slice(2);
    maker.send({ from: someone(), to: address, data, label: "updateProfile" });
    return true;
  },

  createCommunity() {
    if (communities.length >= 2 + people.size / 3) return false;
    const founder = someone();
    const maxMembers = random.chance(30) ? random.between(3, 8) : 0;
    const minReputation = random.pick([-40, -10, -5, -5, 0, 2]);
    const members = new Map([[founder, { role: ADMIN, banned: false, points: 0n }]]);
    const id = communities.length + 1;
    communities.push({ id, admin: founder, archived: false, maxMembers, minReputation, members, openQuestions: 0 });
    const policy = [random.below(3), someHash(), [maxMembers, minReputation]];
    return send(founder, "createCommunity", [communityName(), policy]);
  },

  renameCommunity() {
    const community = random.pick(communities);
    return send(community.admin, "renameCommunity", [community.id, communityName()]);
  },

  setArchived() {
    const community = some(communities, (c) => c.archived) || random.pick(communities);
    community.archived = !community.archived;
    return send(community.admin, "setArchived", [community.id, community.archived]);
  },

  transferAdmin() {
    const community = random.pick(communities);
    const heir = some(active(community), (user) => user !== community.admin);
    if (!heir) return false;
    const admin = community.admin;
    community.members.get(admin).role = MODERATOR;
    community.members.get(heir).role = ADMIN;
    community.admin = heir;
    return send(admin, "transferAdmin", [community.id, heir]);
  },

  announce() {
    const community = random.pick(communities);
    const body = `0x${Buffer.from(questionText()).toString("hex")}`;
    return send(random.pick(staff(community)), "announce", [community.id, someHash(), random.chance(10) ? "0x" : body]);
  },

  joinCommunity() {
    const fits = (c, user) =>
      !c.archived &&
      !c.members.has(user) &&
      (c.maxMembers === 0 || active(c).length < c.maxMembers) &&
      people.get(user).reputation >= c.minReputation;
    const user = someone();
    const community = some(communities, (c) => fits(c, user));
    if (!community) return false;
    community.members.set(user, { role: MEMBER, banned: false, points: 0n });
    return send(user, "joinCommunity", [community.id]);
  },

  leaveCommunity() {
    const community = random.pick(communities);
    const user = some(active(community), (member) => member !== community.admin);
    if (!user) return false;
    community.members.delete(user);
    return send(user, "leaveCommunity", [community.id]);
  },

  ban() {
    const community = random.pick(communities);
    const outsider = random.chance(25);
    const user = outsider
      ? some([...people.keys()], (person) => !community.members.has(person))
      : some(active(community), (member) => member !== community.admin);
    if (!user) return false;
    const moderator = random.pick(staff(community)); // it may be the one who is banned: the contract allows it
    const member = community.members.get(user) || { points: 0n };
    community.members.set(user, { ...member, role: MEMBER, banned: true });
    people.get(user).reputation -= 20;
    return send(moderator, "ban", [
      community.id,
      user,
      random.pick(["spam", "rude to the birds", "", "kept asking about 🍕"]),
    ]);
  },

  unban() {
    const community = some(communities, (c) => c.members.size > active(c).length);
    if (!community) return false;
    const user = some([...community.members.keys()], (member) => community.members.get(member).banned);
    community.members.delete(user);
    return send(random.pick(staff(community)), "unban", [community.id, user]);
  },

  setRole() {
    const community = random.pick(communities);
    const user = some(active(community), (member) => member !== community.admin);
    if (!user) return false;
    const role = random.chance(70) ? MODERATOR : MEMBER;
    community.members.get(user).role = role;
    return send(community.admin, "setRole", [community.id, user, role]);
  },

  award() {
    const community = random.pick(communities);
    const members = active(community);
    const count = random.below(Math.min(members.length, 6) + 1); // none at all is allowed, one twice too
    const users = Array.from({ length: count }, () => random.pick(members));
    const amounts = users.map(() => points());
    const moderator = random.pick(staff(community));
    users.forEach((user, i) => (community.members.get(user).points += amounts[i]));
    return send(moderator, "award", [community.id, users, amounts]);
  },

  ask() {
    const community = some(communities, (c) => !c.archived && c.openQuestions < 4);
    if (!community) return false;
    const author = random.pick(active(community));
    const texts = Array.from({ length: random.between(2, 8) }, () => random.pick(CHOICES));
    const deadline = now() + random.between(5, 60) * 12;
    const weights = texts.map(() => 0n);
    const id = questions.length + 1;
    questions.push({ id, community, author, weights, deadline, open: true, votes: new Map() });
    community.openQuestions += 1;
    people.get(author).reputation += 2;
    return send(author, "ask", [community.id, questionText(), someHash(), texts, deadline]);
  },

  capDeadline() {
    const question = some(recent(), (q) => q.open && q.deadline > now());
    if (!question) return false;
    const cap = random.chance(20) ? question.deadline + 100 : now() + random.between(0, 20) * 12;
    question.deadline = Math.min(question.deadline, cap);
    return send(question.author, "capDeadline", [question.id, cap]);
  },

  cancel() {
    const question = some(recent(), (q) => q.open);
    if (!question) return false;
    endQuestion(question);
    return send(question.author, "cancel", [question.id]);
  },

  close() {
    const question = some(recent(), (q) => q.open && q.deadline < now());
    if (!question) return false;
    endQuestion(question);
    const best = question.weights.reduce((a, b) => (b > a ? b : a));
    if (question.weights.filter((weight) => weight === best).length === 1) people.get(question.author).reputation += 10;
    return send(random.pick(accounts), "close", [question.id]);
  },

  castVote() {
    const question = some(recent(), (q) => q.open && q.deadline >= now());
    if (!question) return false;
    const voter = some(active(question.community), (user) => !question.votes.has(user));
    if (!voter) return false;
    const option = random.below(question.weights.length);
    const weight = weightOf(question.community, voter);
    question.votes.set(voter, { option, weight });
    question.weights[option] += weight;
    return send(voter, "castVote", [question.id, option, random.chance(30) ? questionText() : ""]);
  },

  changeVote() {
    const question = some(recent(), (q) => q.open && q.deadline >= now() && q.votes.size > 0);
    if (!question) return false;
    const voter = some([...question.votes.keys()], (user) => active(question.community).includes(user));
    if (!voter) return false;
    const old = question.votes.get(voter);
    const option = random.below(question.weights.length);
    const weight = weightOf(question.community, voter);
    question.weights[old.option] -= old.weight;
    question.weights[option] += weight;
    question.votes.set(voter, { option, weight });
    return send(voter, "changeVote", [question.id, option]);
  },

  withdrawVote() {
    const question = some(recent(), (q) => q.open && q.deadline >= now() && q.votes.size > 0);
    if (!question) return false;
    const voter = random.pick([...question.votes.keys()]);
    const { option, weight } = question.votes.get(voter);
    question.weights[option] -= weight;
    question.votes.delete(voter);
    return send(voter, "withdrawVote", [question.id]);
  },

  // What the contract must refuse.
  wrong() {
    const user = someone();
    const community = random.pick(communities);
    const question = some(recent(), (q) => q.open && q.deadline >= now());
    const attempts = [
      () => send(user, "register", ["again"], true),
      () => send(user, "renameCommunity", [communities.length + 1, "no such"], true),
      () => send(user, "renameCommunity", [community.id, ""], true),
      () => send(community.admin, "joinCommunity", [community.id], true),
      () => send(community.admin, "leaveCommunity", [community.id], true),
      () => send(community.admin, "award", [community.id, [community.admin, NOBODY], [1, 1]], true),
      () => send(community.admin, "award", [community.id, [community.admin], [1, 2]], true),
      () => send(community.admin, "setRole", [community.id, community.admin, 1], true),
      () => send(user, "castVote", [questions.length + 1, 0, ""], true),
    ];
    if (question) {
      attempts.push(
        () => send(user, "close", [question.id], true),
        () => send(question.author, "castVote", [question.id, question.weights.length, ""], true),
      );
    }
    return random.pick(attempts)();
  },
};

// Only the latest questions are of interest to anybody; it keeps long runs fast, too.
function recent() {
  return questions.slice(-40);
}

const weights = {
  register: 20,
  updateProfile: 6,
  updateProfileLatin1: 1,
  createCommunity: 6,
  renameCommunity: 2,
  setArchived: 2,
  transferAdmin: 2,
  announce: 4,
  joinCommunity: 50,
  leaveCommunity: 6,
  ban: 8,
  unban: 5,
  setRole: 6,
  award: 12,
  ask: 22,
  capDeadline: 4,
  cancel: 2,
  close: 14,
  castVote: 90,
  changeVote: 22,
  withdrawVote: 8,
  wrong: 8,
};

// ---- the run --------------------------------------------------------------------------------------------------------

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const events = Object.fromEntries(hub.fragments.filter((f) => f.type === "event").map((f) => [f.name, 0]));
const names = new Map(hub.fragments.filter((f) => f.type === "event").map((f) => [f.topicHash, f.name]));

async function mine(seconds) {
  const receipts = await maker.mine(seconds);
  for (const receipt of receipts) for (const log of receipt.logs) events[names.get(log.topics[0])] += 1;
  if (args.pause > 0) await sleep(args.pause);
  return receipts;
}

function step(done) {
  // Every action early once, so that a short run shows everything; then by weight.
  if (random.chance(35)) {
    const fresh = Object.keys(actions).filter((name) => !done.has(name));
    for (const name of fresh) {
      if (actions[name]()) {
        done.add(name);
        return;
      }
    }
  }
  for (let tries = 0; tries < 20; tries++) {
    const name = random.weighted(weights);
    if (!actions[name]()) continue;
    done.add(name);
    return;
  }
  actions.updateProfile();
}

async function main() {
  await maker.start(args.timestamp);
  accounts = await maker.accounts(Math.max(args.users, 3));
  try {
    const startBlock = maker.firstBlock;
    if (address) {
      await load();
    } else {
      maker.send({ from: accounts[0], data: artifact.bytecode, label: "deploy", gas: 8000000 });
      const [deployed] = await mine(12);
      address = deployed.contractAddress;
    }

    const done = new Set();
    let steps = 0;
    const founding = [actions.register, actions.register, actions.register, actions.createCommunity];
    const opening = communities.length > 0 ? [] : founding;
    while (steps < args.steps) {
      const size = random.chance(6) ? 0 : random.between(1, 7);
      for (let i = 0; i < size && steps < args.steps; i++, steps++) {
        if (steps < opening.length) opening[steps]();
        else step(done);
      }
      await mine(random.chance(5) ? 12 * random.between(10, 40) : 12);
    }

    const [userCount, communityCount, questionCount, head] = await rpc.results([
      ...["userCount", "communityCount", "questionCount"].map((name) => [
        "eth_call",
        { to: address, data: hub.encodeFunctionData(name, []) },
        "latest",
      ]),
      ["eth_getBlockByNumber", "latest", false],
    ]);
    const result = {
      address,
      deployer: accounts[0],
      startBlock,
      headBlock: Number(head.number),
      headHash: head.hash,
      headTimestamp: Number(head.timestamp),
      // From here to `logs`, and `events`: what this run did.
      blocks: maker.blocks,
      transactions: maker.sent,
      reverted: maker.reverted,
      logs: Object.values(events).reduce((sum, count) => sum + count, 0),
      // What the index must hold. Options are part of questions and have no count on chain.
      counts: {
        user: Number(userCount),
        community: Number(communityCount),
        membership: communities.reduce((sum, c) => sum + c.members.size, 0),
        question: Number(questionCount),
        option: questions.reduce((sum, q) => sum + q.weights.length, 0),
        vote: questions.reduce((sum, q) => sum + q.votes.size, 0),
      },
      events,
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
