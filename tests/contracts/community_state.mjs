// Reads the entities of examples/community from the contract's getters and prints them as `plumbline dump --entity
// NAME` does: JSONL, key fields first, then the fields of plumbline.toml in their order. What an index holds can be
// diffed with it. The fields are written out here on purpose: a mistake in the config's `state` shall not hide itself.
//
//   node tests/contracts/community_state.mjs --rpc URL --address A --entity NAME --all   every row that exists on chain
//   plumbline dump DB --entity NAME | node ... --rpc URL --address A --entity NAME        the keys of those rows
//   node ... --rpc URL --address A --keys FILE.jsonl          rows {"entity":"vote","question_id":"1","voter":"0x.."}
//
// --block latest (default), a number, or a block hash. Without --keys and --all the rows come from stdin, and are
// answered in their order. A row that the contract does not have is printed as its key and "missing":true.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Interface, Rpc, hex, options, readGetter } from "../../tools/node/lib.mjs";

const usage =
  "usage: community_state.mjs --address A [--rpc URL] [--block B] [--entity NAME] [--all | --keys FILE.jsonl]";
const args = options(
  { rpc: "http://127.0.0.1:8545", address: "", block: "latest", entity: "", keys: "-", all: false },
  usage,
);
const here = dirname(fileURLToPath(import.meta.url));
const hub = new Interface(
  JSON.parse(readFileSync(join(here, "../../examples/community/CommunityHub.json"), "utf8")).abi,
);
const rpc = new Rpc(args.rpc);

// key: field -> type. calls: getter -> the field that each return value is, in order; null: not a field.
// exists: tells by the return values of all calls whether the row is there.
const ENTITIES = {
  user: {
    key: { account: "address" },
    calls: {
      users: [
        "display_name",
        "registered_at",
        "reputation",
        "points",
        "top_award",
        "community_count",
        "question_count",
        "vote_count",
      ],
    },
    exists: (row) => row.registered_at !== 0,
  },
  community: {
    key: { id: "uint256" },
    calls: {
      communities: [
        "founder",
        "admin",
        "name",
        "kind",
        "rules_hash",
        "max_members",
        "min_reputation",
        "archived",
        "created_at",
      ],
      communityStats: [
        "member_count",
        "moderator_count",
        "banned_count",
        "question_count",
        "open_question_count",
        "vote_count",
        "points",
        "top_award",
        "announcement_count",
        "last_topic",
      ],
    },
    exists: (row) => row.created_at !== 0,
  },
  membership: {
    key: { community_id: "uint256", user: "address" },
    calls: { memberships: [null, "role", "banned", "joined_at", "vote_count", "points"] },
    exists: (row, words) => words[0] === true,
  },
  question: {
    key: { id: "uint256" },
    calls: {
      questions: [
        "community_id",
        "author",
        "text",
        "body_hash",
        "deadline",
        "opened_at",
        "opened_block",
        "status",
        "option_count",
      ],
      results: ["vote_count", "weight", "winner", "tie", "winning_weight", "closed_at"],
    },
    exists: (row) => row.opened_at !== 0,
  },
  option: {
    key: { question_id: "uint256", index: "uint64" },
    calls: { options: ["text", "vote_count", "weight"] },
    exists: null, // an option has no mark of its own: it is there if the question has that many
  },
  vote: {
    key: { question_id: "uint256", voter: "address" },
    calls: { votes: ["option", "weight", "cast_at", "changed_at", "changes"] },
    exists: (row) => row.weight !== "0",
  },
};

// What is not UTF-8, begins with "hex:" or has control or bidi characters is shown as its bytes.
function shownText(bytes) {
  const text = bytes.toString("utf8");
  const isOdd = !Buffer.from(text, "utf8").equals(bytes) || text.startsWith("hex:") ||
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/.test(text);
  return isOdd ? `hex:${bytes.toString("hex")}` : text;
}

// As plumbline prints values: integers of up to 64 bits as numbers, past 2^53-1 and wider ones as decimal strings.
function show(type, value) {
  if (type === "string") return shownText(Buffer.from(value.slice(2), "hex"));
  if (type === "bool") return value;
  const integer = /^u?int(\d+)$/.exec(type);
  if (!integer) return value.toLowerCase();
  const big = BigInt(value);
  const exact = big <= BigInt(Number.MAX_SAFE_INTEGER) && big >= BigInt(Number.MIN_SAFE_INTEGER);
  return Number(integer[1]) <= 64 && exact ? Number(big) : String(big);
}

let block = args.block;
let blockNumber = 0;

async function pin() {
  const byHash = /^0x[0-9a-fA-F]{64}$/.test(block);
  if (/^\d+$/.test(block)) block = hex(block);
  const header = await rpc.call(byHash ? "eth_getBlockByHash" : "eth_getBlockByNumber", block, false);
  if (!header) throw new Error(`${args.block}: no such block`);
  block = { blockHash: header.hash };
  blockNumber = Number(header.number);
  if ((await rpc.call("eth_getCode", args.address, block)) === "0x")
    throw new Error(`${args.address}: no contract there`);
}

const ask = (getter, rows) => readGetter(rpc, hub, args.address, getter, rows, block);

// keys: rows with at least the key fields. Gives for each the whole row, or null.
async function readRows(name, keys) {
  const { key, calls, exists } = ENTITIES[name];
  const values = keys.map((row) => Object.keys(key).map((field) => String(row[field])));
  const rows = values.map((list) =>
    Object.fromEntries(Object.entries(key).map(([f, type], i) => [f, show(type, list[i])])),
  );
  const words = rows.map(() => []);
  for (const [getter, fields] of Object.entries(calls)) {
    const outputs = hub.getFunction(getter).outputs;
    if (outputs.length !== fields.length)
      throw new Error(`${getter}: returns ${outputs.length} values, not ${fields.length}`);
    (await ask(getter, values)).forEach((answer, i) => {
      fields.forEach((field, at) => {
        words[i].push(answer[at]);
        if (field) rows[i][field] = show(outputs[at].type, answer[at]);
      });
    });
  }
  if (exists) return rows.map((row, i) => (exists(row, words[i]) ? row : null));
  const counts = (
    await ask(
      "questions",
      values.map(([question]) => [question]),
    )
  ).map((question) => question[8]);
  return rows.map((row, i) => (BigInt(values[i][1]) < counts[i] ? row : null));
}

// Every key that could exist, in key order, from the contract's counts; only the users have to be told by the log.
async function everyKey(name) {
  const ids = async (counter) =>
    Array.from({ length: Number((await ask(counter, [[]]))[0][0]) }, (_, i) => String(i + 1));
  const users = async () => {
    const filter = {
      address: args.address,
      topics: [hub.getEvent("UserRegistered").topicHash],
      fromBlock: "0x0",
      toBlock: hex(blockNumber),
    };
    return (await rpc.call("eth_getLogs", filter)).map((log) => `0x${log.topics[1].slice(26)}`).sort();
  };
  const pairs = (left, right, make) => left.flatMap((a) => right.map((b) => make(a, b)));
  if (name === "user") return (await users()).map((account) => ({ account }));
  if (name === "community") return (await ids("communityCount")).map((id) => ({ id }));
  if (name === "question") return (await ids("questionCount")).map((id) => ({ id }));
  if (name === "membership") {
    return pairs(await ids("communityCount"), await users(), (community_id, user) => ({ community_id, user }));
  }
  const questions = await ids("questionCount");
  if (name === "vote") return pairs(questions, await users(), (question_id, voter) => ({ question_id, voter }));
  const limit = Number((await ask("MAX_OPTIONS", [[]]))[0][0]);
  return pairs(
    questions,
    Array.from({ length: limit }, (_, i) => i),
    (question_id, index) => ({ question_id, index }),
  );
}

async function main() {
  if (!args.address || (args.all && !args.entity)) {
    console.error(usage);
    return 2;
  }
  await pin();
  const lines = [];
  if (args.all) {
    for (const row of await readRows(args.entity, await everyKey(args.entity)))
      if (row) lines.push(JSON.stringify(row));
  } else {
    const input = readFileSync(args.keys === "-" ? 0 : args.keys, "utf8")
      .split("\n")
      .filter((line) => line.trim() !== "");
    const asked = input.map((line) => JSON.parse(line));
    const byEntity = new Map();
    asked.forEach((row, i) => {
      const name = args.entity || row.entity;
      if (!ENTITIES[name])
        throw new Error(`line ${i + 1}: entity ${name}; known are ${Object.keys(ENTITIES).join(", ")}`);
      if (!byEntity.has(name)) byEntity.set(name, []);
      byEntity.get(name).push(i);
    });
    for (const [name, places] of byEntity) {
      const rows = await readRows(
        name,
        places.map((place) => asked[place]),
      );
      places.forEach((place, i) => {
        const key = Object.fromEntries(Object.keys(ENTITIES[name].key).map((field) => [field, asked[place][field]]));
        lines[place] = JSON.stringify(rows[i] || { ...key, missing: true });
      });
    }
  }
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
rpc.close();
