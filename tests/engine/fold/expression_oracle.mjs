// An independent evaluator of the config's expression language, made from docs/config.md alone: it shares no code and
// no reading of the page with the engine. It makes random expressions and tells what they give:
//
//   node expression_oracle.mjs --seed N --count M
//
// First line: {"rows": {ID: {"v", "s", "st", "o", "m", "n", "u"}}}, rows of the entity `row`, the last four optional and
// perhaps null. Then M lines {"expr", "args", "is"}; `is` is "= TEXT" (what text(expr) gives), "violation" or "mistake".
// Where "whole" is true, expr itself is the value of a field "string?", and `is` may be "null".
// With --ticks they are of a handler of blocks: no parameters, only rows and what it knows of the block.
// The same seed gives the same lines.
// An expression is made as a tree, calculated as a tree, and printed with the brackets that the page's table of
// operators asks for, and some more. Where the page leaves the result open, the case is thrown away (OPEN).

// ---------------------------------------------------------------------------------------------------------- chance
let randomState = 0;

function random32() { // mulberry32
  randomState = (randomState + 0x6d2b79f5) >>> 0;
  let x = randomState;
  x = Math.imul(x ^ (x >>> 15), x | 1);
  x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
  return (x ^ (x >>> 14)) >>> 0;
}

const below = (count) => Math.floor((random32() / 2 ** 32) * count);
const between = (low, high) => low + below(high - low + 1);
const chance = (share) => random32() / 2 ** 32 < share;
const pick = (list) => list[below(list.length)];
const pickWeighted = (table) => pick(table.flatMap(([weight, choice]) => new Array(weight).fill(choice)));

function randomBits(bits) {
  let value = 0n;
  for (let have = 0; have < bits; have += 32) value = (value << 32n) | BigInt(random32());
  return BigInt.asUintN(bits, value);
}

// -------------------------------------------------------------------------------------------------------- keccak256
const MASK64 = (1n << 64n) - 1n;
const rotate = (lane, by) => ((lane << by) | (lane >> (64n - by))) & MASK64;

function keccakPermute(state) { // state[x + 5 * y]
  let feedback = 1;
  for (let round = 0; round < 24; ++round) {
    const column = [0, 1, 2, 3, 4].map((x) => [5, 10, 15, 20].reduce((sum, y) => sum ^ state[x + y], state[x]));
    for (let i = 0; i < 25; ++i) state[i] ^= column[(i + 4) % 5] ^ rotate(column[(i + 1) % 5], 1n);
    let [x, y, lane] = [1, 0, state[1]];
    for (let t = 0; t < 24; ++t) {
      [x, y] = [y, (2 * x + 3 * y) % 5];
      [lane, state[x + 5 * y]] = [state[x + 5 * y], rotate(lane, BigInt((((t + 1) * (t + 2)) / 2) % 64))];
    }
    for (let row = 0; row < 25; row += 5) {
      const old = state.slice(row, row + 5);
      for (let i = 0; i < 5; ++i) state[row + i] = old[i] ^ (~old[(i + 1) % 5] & MASK64 & old[(i + 2) % 5]);
    }
    for (let j = 0; j < 7; ++j) {
      if (feedback & 1) state[0] ^= 1n << BigInt((1 << j) - 1);
      feedback = (feedback << 1) ^ (feedback & 0x80 ? 0x171 : 0);
    }
  }
}

function keccak256(bytes) {
  const rate = 136;
  const padded = Buffer.alloc((Math.floor(bytes.length / rate) + 1) * rate);
  bytes.copy(padded);
  padded[bytes.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const state = new Array(25).fill(0n);
  for (let at = 0; at < padded.length; at += rate) {
    for (let i = 0; i < rate / 8; ++i) state[i] ^= padded.readBigUInt64LE(at + 8 * i);
    keccakPermute(state);
  }
  const digest = Buffer.alloc(32);
  for (let i = 0; i < 4; ++i) digest.writeBigUInt64LE(state[i], 8 * i);
  return digest;
}

const EMPTY_HASH = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
if (keccak256(Buffer.alloc(0)).toString("hex") !== EMPTY_HASH) throw new Error("keccak256 is wrong");

// --------------------------------------------------------------------------------------------------------- outcomes
//
// Numbers are BigInt, those with decimal places as so many of their smallest units; true and false boolean; texts
// (UTF-8), bytes, bytesN and addresses are Buffers, enums their names as strings. The types of a tree's nodes: "num",
// "bool", "text", "bytes", "address", "bytes1" .. "bytes32", "enum".
// A part that fails does so as: MISSING, a look-up without its row or of a null, which `??` replaces; OTHER, any other;
// MIXED, both at once, so that only the order of calculation would tell which; OPEN, the page does not say.

const [MISSING, OTHER, MIXED, OPEN] = ["missing", "other", "mixed", "open"].map((fail) => ({ fail }));
const open = () => { throw OPEN; };
const must = (condition) => { if (!condition) throw OTHER; };

// "Numbers are exact integers from -2^511 to 2^511 - 1 while they are calculated."
const [NUMBER_MIN, NUMBER_MAX] = [-(1n << 511n), (1n << 511n) - 1n];
const [INT256_MIN, UINT256_MAX] = [-(1n << 255n), (1n << 256n) - 1n];
const fits = (value) => value >= NUMBER_MIN && value <= NUMBER_MAX;
const inRange = (value) => (must(fits(value)), value);
const scale = (value, by) => value * 10n ** BigInt(by);
const magnitude = (value) => (value < 0n ? -value : value);
const utf8 = (text) => Buffer.from(text, "utf8");
const hexOf = (bytes) => "0x" + bytes.toString("hex");
const bytesOf = (value, size) => Buffer.from(value.toString(16).padStart(2 * size, "0"), "hex");
const isText = (bytes) => utf8(bytes.toString("utf8")).equals(bytes) && !bytes.includes(0);
const isInCharacter = (bytes, at) => at < bytes.length && (bytes[at] & 0xc0) === 0x80;

// -------------------------------------------------------------------------------------------------------- operators
const isSame = (x, y) => (Buffer.isBuffer(x) ? x.equals(y) : x === y);

const OPERATORS = {
  "+": (x, y) => inRange(x + y), "-": (x, y) => inRange(x - y), "*": (x, y) => inRange(x * y),
  "/": (x, y) => (must(y !== 0n), inRange(x / y)), // cuts towards zero, as BigInt does
  "%": (x, y) => (must(y !== 0n), x % y), // the sign of its left side
  "|": (x, y) => x | y, "^": (x, y) => x ^ y, "&": (x, y) => x & y, // "a negative number has endless ones in front"
  "<<": (x, y) => (must(y >= 0n && y <= 511n), inRange(x << y)), // "by 0 to 511 bits"
  ">>": (x, y) => (must(y >= 0n && y <= 511n), x >> y), // towards minus infinity
  "**": power,
  "<": (x, y) => x < y, "<=": (x, y) => x <= y, ">": (x, y) => x > y, ">=": (x, y) => x >= y,
  "==": isSame, "!=": (x, y) => !isSame(x, y),
};
const PREFIXES = { "-": (x) => inRange(-x), "~": (x) => -x - 1n, not: (x) => !x };

function power(base, exponent) {
  must(exponent >= 0n);
  if (exponent === 0n) return 1n; // "`0 ** 0` is 1"
  if (magnitude(base) <= 1n) return exponent % 2n === 0n ? base * base : base;
  const bitsLeast = BigInt(magnitude(base).toString(2).length - 1) * exponent;
  must(bitsLeast <= 511n);
  return inRange(base ** exponent);
}

// -------------------------------------------------------------------------------------------------------- functions
const LAST_SECOND = 253402300799n; // 9999-12-31 23:59:59
const dateOf = (t) => (must(t >= 0n && t <= LAST_SECOND), new Date(Number(t) * 1000)); // "of the years 1970 to 9999"
const secondOf = (...parts) => BigInt(Date.UTC(...parts) / 1000);

function toText(x, places = 0) {
  if (places === 0) return Buffer.isBuffer(x) ? hexOf(x) : String(x);
  return (x < 0n ? "-" : "") + decimalText(magnitude(x), places).replace(/\.?0+$/, ""); // "without zeros at the end"
}

function decimalText(units, places) { // units >= 0, places > 0
  const text = String(units).padStart(places + 1, "0");
  return text.slice(0, -places) + "." + text.slice(-places);
}

const FUNCTIONS = {
  min: (values) => values.reduce((least, value) => (value < least ? value : least)),
  max: (values) => values.reduce((most, value) => (value > most ? value : most)),
  abs: ([x]) => inRange(magnitude(x)),
  mul_div: ([a, b, c, rounding]) => divided(inRange(a * b), c, rounding), // "a * b must lie in the range too"
  from_units: ([x]) => x,
  to_units: ([x, digits], { parts }) => inRange(scale(x, Number(digits) - places(parts[0]))),
  div: ([a, b, digits, rounding], { parts }) =>
    divide(a, b, Number(digits) + places(parts[1]) - places(parts[0]), rounding),
  round_down: ([x, digits], { parts }) => rounded(x, Number(digits) - places(parts[0]), "down"),
  round_up: ([x, digits], { parts }) => rounded(x, Number(digits) - places(parts[0]), "up"),
  round_half_even: ([x, digits], { parts }) => rounded(x, Number(digits) - places(parts[0]), "half_even"),
  address: ([x]) => toFixedBytes(x, 20),
  bytes: ([x]) => x,
  string: ([x]) => (isText(x) ? x : open()),
  year: ([t]) => BigInt(dateOf(t).getUTCFullYear()),
  month: ([t]) => BigInt(dateOf(t).getUTCMonth() + 1),
  day: ([t]) => BigInt(dateOf(t).getUTCDate()),
  hour: ([t]) => BigInt(dateOf(t).getUTCHours()),
  start_of_year: ([t]) => secondOf(dateOf(t).getUTCFullYear(), 0),
  start_of_month: ([t]) => secondOf(dateOf(t).getUTCFullYear(), dateOf(t).getUTCMonth()),
  start_of_day: ([t]) => (dateOf(t), t - (t % 86400n)),
  start_of_hour: ([t]) => (dateOf(t), t - (t % 3600n)),
  text: ([x], { parts }) => utf8(toText(x, places(parts[0]))),
  hex: ([x]) => utf8(hexOf(x)),
  concat: (values) => Buffer.concat(values),
  len: ([x]) => BigInt(x.length),
  slice: ([x, start, count], { parts }) => slice(x, parts[0].type, start, count),
  lower: ([x]) => utf8(x.toString().replace(/[A-Z]/g, (letter) => letter.toLowerCase())), // only A to Z
  keccak256: ([x]) => keccak256(x),
  "abi.encode": (values, { parts }) => abiEncode(values, parts.map((part) => part.type)),
};

function applyFunction(node, values) {
  const [, kind, size] = /^(uint|int|bytes)(\d+)$/.exec(node.name) ?? [];
  if (kind === "bytes") return toFixedBytes(values[0], Number(size));
  return kind ? toInteger(values[0], kind === "int", BigInt(size)) : FUNCTIONS[node.name](values, node);
}

function divided(product, c, rounding = "down") {
  must(c !== 0n);
  const isBelowZero = product < 0n !== c < 0n && product % c !== 0n; // where cutting is not rounding down
  const floor = product / c - (isBelowZero ? 1n : 0n);
  const rest = magnitude(product - floor * c) * 2n;
  const isNearerUp = rest > magnitude(c) || (rest === magnitude(c) && floor % 2n !== 0n);
  const isUp = String(rounding) === "up" ? rest !== 0n : String(rounding) === "half_even" && isNearerUp;
  return inRange(isUp ? floor + 1n : floor);
}

function divide(a, b, by, rounding) {
  const sides = [scale(a, Math.max(by, 0)), scale(b, Math.max(-by, 0))];
  const result = divided(...sides, rounding);
  return sides.every(fits) ? result : open(); // may a side be larger than any number, on the way?
}

const rounded = (x, by, rounding) => (by < 0 ? divided(x, scale(1n, -by), rounding) : inRange(scale(x, by)));

function integerBounds(isSigned, bits) {
  return isSigned ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
}

function toInteger(x, isSigned, bits) {
  if (Buffer.isBuffer(x)) {
    must(x.length <= 32); // "32 bytes at most"
    if (x.length === 0) open();
  }
  if (typeof x === "string") return BigInt(ENUM.indexOf(x)); // of an enum "the place of the name, from 0"
  const value = Buffer.isBuffer(x) ? BigInt(hexOf(x)) : BigInt(x); // "without a sign"; "of true and false 1 and 0"
  const [low, high] = integerBounds(isSigned, bits);
  return must(value >= low && value <= high), value;
}

function toFixedBytes(x, size) {
  if (Buffer.isBuffer(x)) return must(x.length === size), x; // "of bytes of exactly that length"
  must(x >= 0n && x < 1n << BigInt(8 * size));
  return bytesOf(x, size); // "its bytes, zeros in front"
}

function slice(x, type, start, count) {
  must(start >= 0n && count >= 0n && start + count <= BigInt(x.length)); // "it must lie inside"
  const [from, to] = [Number(start), Number(start + count)];
  const isCut = type === "text" && (isInCharacter(x, from) || isInCharacter(x, to));
  if (isCut && count === 0n) open();
  must(!isCut); // "and may not cut a character"
  return x.subarray(from, to);
}

function abiWord(x, type) {
  if (type === "address") return Buffer.concat([Buffer.alloc(12), x]);
  if (Buffer.isBuffer(x)) return Buffer.concat([x, Buffer.alloc(32 - x.length)]);
  must(x >= INT256_MIN && x <= UINT256_MAX); // "as uint256 or, below zero, int256"
  return bytesOf(BigInt.asUintN(256, BigInt(x)), 32);
}

function abiEncode(values, types) {
  let [heads, tails] = [Buffer.alloc(0), Buffer.alloc(0)];
  values.forEach((value, i) => {
    const isDynamic = types[i] === "text" || types[i] === "bytes";
    heads = Buffer.concat([heads, isDynamic ? abiWord(32 * values.length + tails.length) : abiWord(value, types[i])]);
    const padding = isDynamic && Buffer.alloc((32 - (value.length % 32)) % 32);
    if (isDynamic) tails = Buffer.concat([tails, abiWord(value.length), value, padding]);
  });
  return Buffer.concat([heads, tails]);
}

// --------------------------------------------------------------------------------------------------- decimal places
//
// "How many places a value has is known when the config is read": each node has its number of them, or MISTAKE.

const MISTAKE = -1;
const PLACES_MOST = 72; // "at most 72 on the way"
const COMPARISONS = ["==", "!=", "<", "<=", ">", ">="];
const COUNT_MOST = 36; // of a literal; whether a function's S may be more the page leaves open, so it never is
const limited = (count) => (count > PLACES_MOST ? MISTAKE : count);
const mostPlaces = (parts) => Math.max(0, ...parts.map(places)); // "the places of the side that has more"
const noPlaces = (parts) => (mostPlaces(parts) === 0 ? 0 : MISTAKE); // "take whole numbers"
const wantedPlaces = (at) => (parts) => limited(Number(parts[at].outcome.value));

const PLACES = { // by operator, function or kind of node; all others take whole numbers only
  "+": mostPlaces, "-": mostPlaces, min: mostPlaces, max: mostPlaces, abs: mostPlaces, if: mostPlaces, "??": mostPlaces,
  "*": (parts) => limited(places(parts[0]) + places(parts[1])),
  from_units: (parts) => (places(parts[0]) === 0 ? wantedPlaces(1)(parts) : MISTAKE),
  to_units: (parts) => (places(parts[0]) <= wantedPlaces(1)(parts) ? 0 : MISTAKE),
  round_down: wantedPlaces(1), round_up: wantedPlaces(1), round_half_even: wantedPlaces(1), div: wantedPlaces(2),
  text: () => 0, "look-up": (parts, { field }) => (noPlaces(parts) === 0 ? FIELDS[field].places : MISTAKE),
  ...Object.fromEntries(COMPARISONS.map((operator) => [operator, () => 0])),
};

function places(node) {
  const ofThis = () => (PLACES[node.operator ?? node.name ?? node.kind] ?? noPlaces)(node.parts, node);
  return (node.places ??= node.parts.some((part) => places(part) === MISTAKE) ? MISTAKE : ofThis());
}

const scaledTo = (count, values, parts) =>
  values.map((value, i) => (places(parts[i]) === count ? value : scale(value, count - places(parts[i]))));

function raised(outcome, part, whole) { // a side of `if` or `??` with the places of the whole
  if (outcome.fail || places(part) === places(whole)) return outcome;
  const value = scale(outcome.value, places(whole) - places(part));
  return fits(value) ? { value } : OTHER;
}

// Is a literal 1.50 one of two places? Where that makes a difference, the page leaves it open.
const hasZeros = (node) => (node.kind === "decimal" && node.text.endsWith("0")) || node.parts.some(hasZeros);

function withoutZeros(node) {
  const parts = node.parts.map(withoutZeros);
  if (parts.length > 0) return { ...node, outcome: undefined, places: undefined, parts };
  if (node.kind !== "decimal") return node;
  const zeros = Math.min(node.places, /0*$/.exec(node.text)[0].length);
  return { ...node, places: node.places - zeros, outcome: { value: node.outcome.value / 10n ** BigInt(zeros) } };
}

// ------------------------------------------------------------------------------------------------------- evaluation
let rows = new Map(); // id => its fields; an optional one that is not set is null
const ENUM = ["open", "closed", "on_hold"];
const FIELDS = { // of the entity `row`
  v: { type: "num", places: 0 }, s: { type: "text", places: 0 }, st: { type: "enum", places: 0 },
  o: { type: "num", places: 0, isOptional: true }, m: { type: "num", places: 6, isOptional: true },
  n: { type: "text", places: 0, isOptional: true }, u: { type: "enum", places: 0, isOptional: true },
};

function evaluate(node) {
  if (places(node) === MISTAKE) return OPEN;
  node.outcome ??= ["and", "or", "if", "??"].includes(node.kind) ? evaluateLazily(node) : evaluateStrictly(node);
  return node.outcome;
}

function evaluateLazily(node) {
  const { kind, parts: [first, second, third] } = node;
  const left = evaluate(first);
  if (kind === "??") {
    if (left.fail === "mixed") return OPEN;
    const isLeft = left.fail !== "missing"; // "and in no other case"
    return isLeft ? raised(left, first, node) : raised(evaluate(second), second, node);
  }
  if (left.fail) return left;
  if (kind === "if") {
    const taken = left.value ? second : third; // "only that one is calculated"
    return raised(evaluate(taken), taken, node);
  }
  return left.value === (kind === "or") ? left : evaluate(second); // "looked at only where it counts"
}

function evaluateStrictly(node) {
  const outcomes = node.parts.map(evaluate);
  const fails = new Set(outcomes.filter((outcome) => outcome.fail));
  if (fails.has(OPEN)) return OPEN;
  if (fails.size > 0) return fails.size > 1 ? MIXED : [...fails][0];
  try {
    return { value: apply(node, outcomes.map((outcome) => outcome.value)) };
  } catch (failed) {
    if (failed.fail) return failed;
    throw failed;
  }
}

function apply(node, values) {
  if (node.kind === "prefix") return PREFIXES[node.operator](...values);
  if (COMPARISONS.includes(node.operator)) { // "comparisons are of the values"
    const scaled = scaledTo(mostPlaces(node.parts), values, node.parts);
    if (mostPlaces(node.parts) > 0 && !scaled.every(fits)) open(); // "exact integers from .. while they are compared"
    return OPERATORS[node.operator](...scaled);
  }
  if (["+", "-", "min", "max"].includes(node.operator ?? node.name)) return applyScaled(node, values);
  if (node.kind === "infix") return OPERATORS[node.operator](...values);
  if (node.kind === "call") return applyFunction(node, values);
  if (values[0] < 0n || values[0] > UINT256_MAX) open(); // no such row, or a violation that `??` does not replace?
  const row = rows.get(values[0]);
  const value = row === undefined ? null : node.field === undefined ? row : row[node.field];
  if (node.kind === "exists") return value !== null; // "whether there is one whose optional field is set"
  if (value === null) throw MISSING; // "reading a null is a rule violation unless `??` says what counts then"
  return value;
}

function applyScaled(node, values) {
  const scaled = scaledTo(places(node), values, node.parts);
  const result = inRange(node.kind === "infix" ? OPERATORS[node.operator](...scaled) : FUNCTIONS[node.name](scaled));
  return scaled.every(fits) ? result : open(); // may a side be larger than any number, in the result's units?
}

// ------------------------------------------------------------------------------------------------------------ nodes
const leaf = (kind, type, text, outcome, places = 0) => ({ kind, type, text, outcome, places, parts: [] });
const digits = (value) => leaf("digits", "num", String(value), { value }); // value >= 0
const hexBytes = (bytes) => leaf("hex", "bytes", hexOf(bytes), { value: bytes });
const hexNumber = (bytes) => leaf("hex", "num", hexOf(bytes), { value: BigInt(hexOf(bytes)) });
const truth = (value) => leaf("truth", "bool", String(value), { value });
const quoted = (text, kind = "quoted") => leaf(kind, "text", `'${text.replaceAll("'", "''")}'`, { value: utf8(text) });
const prefix = (operator, part) => ({ kind: "prefix", operator, type: part.type, parts: [part] });
const infix = (type, left, operator, right) => ({ kind: "infix", operator, type, parts: [left, right] });
const typeOf = (type) => (type === "dec" ? "num" : type); // "dec" asks for a number with decimal places
const tree = (kind, type, ...parts) => ({ kind, type: typeOf(type), parts });
const call = (type, name, ...parts) => ({ kind: "call", name, type: typeOf(type), parts });
const count = (places) => leaf("count", "num", String(places), { value: BigInt(places) }); // a function's S
const fromUnits = (x, places) => call("num", "from_units", x, count(places));
const lookUp = (key, field) => ({ kind: "look-up", type: FIELDS[field].type, field, parts: [key] });
const exists = (key, field) => ({ kind: "exists", type: "bool", field, parts: [key] });
const op = (left, operator, value) => infix("num", left, operator, number(value));
const peek = (node) => evaluate(node).value; // undefined where it fails

function number(value) { // a tree of literals, each of up to 256 bits
  if (value < 0n && value >= INT256_MIN) return prefix("-", digits(-value));
  if (value >= 0n && value <= UINT256_MAX) return digits(value);
  const high = infix("num", number(value >> 256n), "<<", digits(256n));
  return infix("num", high, "+", digits(BigInt.asUintN(256, value)));
}

function decimal(units, places) { // a tree that gives so many units; a literal where it is surely one
  if (places === 0) return number(units);
  const more = places - COUNT_MOST;
  if (more > 0) return infix("num", decimal(units, COUNT_MOST), "*", fromUnits(number(1n), more));
  const isLiteral = magnitude(units) < 1n << 255n && (units % 10n !== 0n || chance(0.1));
  if (!isLiteral || chance(0.1)) return fromUnits(number(units), places);
  const literal = leaf("decimal", "num", decimalText(magnitude(units), places), { value: magnitude(units) }, places);
  return units < 0n ? prefix("-", literal) : literal;
}

// --------------------------------------------------------------------------------------------------------- printing
const LEVELS = [["or"], ["and"], ["not"], ["==", "!=", "<", "<=", ">", ">="], ["|"], ["^"], ["&"], ["<<", ">>"],
  ["+", "-"], ["*", "/", "%"], ["prefix"], ["**"], ["??"]]; // the page's table, loosest first
const levelOf = (operator) => LEVELS.findIndex((level) => level.includes(operator));
const operatorOf = (node) => (node.kind === "infix" ? node.operator : node.kind);
let style = { space: 0, brackets: 0 };
const gap = () => (chance(style.space) ? pick([" ", " ", " ", "  "]) : "");

function nodeLevel(node) {
  if (node.operator === "not") return levelOf("not");
  const level = levelOf(operatorOf(node));
  return level < 0 ? LEVELS.length : level;
}

function print(node, levelMin = 0) {
  const text = printBare(node);
  // What a literal 0x.. is depends on what stands beside it, so it gets no brackets.
  const mayHave = !["hex", "list", "rounding", "count"].includes(node.kind);
  const has = nodeLevel(node) < levelMin || (mayHave && chance(style.brackets));
  return has ? `(${gap()}${text}${gap()})` : text;
}

function printBare(node) {
  const list = () => node.parts.map((part) => gap() + print(part) + gap()).join(",");
  if (node.text !== undefined) return node.text;
  if (node.kind === "prefix") return printPrefix(node);
  if (node.kind === "call") return `${node.name}(${list()})`;
  if (node.kind === "if") return `if(${list()})`;
  const dot = node.field === undefined ? "" : `.${node.field}`;
  if (node.kind === "exists") return `exists(${gap()}row[${list()}]${dot}${gap()})`;
  return node.kind === "look-up" ? `row[${list()}].${node.field}` : printInfix(node);
}

function printPrefix({ operator, parts: [part] }) {
  if (operator === "not") return printWord(operator, print(part, levelOf(operator)));
  // Whether `-` with a literal beyond int256 is one literal of too many bits is left open.
  const isWide = part.kind === "digits" && peek(part) > -INT256_MIN;
  return operator + gap() + print(part, isWide ? LEVELS.length + 1 : levelOf("prefix"));
}

function printInfix(node) {
  const operator = operatorOf(node);
  const level = nodeLevel(node);
  const isFromRight = operator === "**" || operator === "??";
  const isComparison = level === levelOf("=="); // never chained
  const left = print(node.parts[0], isFromRight || isComparison ? level + 1 : level);
  const right = print(node.parts[1], isFromRight ? level : level + 1);
  if (operator !== "and" && operator !== "or") return left + gap() + operator + gap() + right;
  return left + (left.endsWith(")") ? gap() : " ") + printWord(operator, right);
}

const printWord = (word, right) => word + (right.startsWith("(") ? gap() : " ") + right; // but beside a bracket

function bracketLevels(text) {
  let [level, most] = [0, 0];
  for (const mark of text.replace(/'[^']*'/g, "")) {
    if ("([".includes(mark)) most = Math.max(most, ++level);
    if (")]".includes(mark)) --level;
  }
  return most;
}

function lookUpLevels(node) {
  const inner = Math.max(0, ...node.parts.map(lookUpLevels));
  return node.kind === "look-up" || node.kind === "exists" ? inner + 1 : inner;
}

// ---------------------------------------------------------------------------------------------------- random leaves
const CHARACTERS = [..."abcxyzABCXYZ019 '\"\\(),[]-+$.;ßéÄλΩ漢字€😀🚀"];
const EDGES = [0n, 1n, 2n, 3n, 5n, 7n, 10n, 32n, 127n, 128n, 255n, 256n, 65535n, (1n << 63n) - 1n, 1n << 64n,
  10n ** 18n, 1n << 128n, (1n << 160n) - 1n, (1n << 255n) - 1n, 1n << 255n, UINT256_MAX];

const randomText = (most = 8) => Array.from({ length: below(most + 1) }, () => pick(CHARACTERS)).join("");
const randomByte = () => pick([0, 1, 0x7f, 0x80, 0xff, below(256), below(256)]);
const randomBytes = (length) =>
  chance(0.2) ? Buffer.alloc(length, pick([0, 0xff])) : Buffer.from(Array.from({ length }, randomByte));
const randomUint = (bits) => BigInt.asUintN(bits, chance(0.5) ? pick(EDGES) : randomBits(between(1, bits)));
const randomInt256 = () =>
  chance(0.2) ? pick([INT256_MIN, -1n]) : chance(0.5) ? -randomUint(255) : randomUint(255);

function randomTime() { // often where a year, a February, a month begins
  if (chance(0.1)) return pick([0n, LAST_SECOND, 1600000012n]);
  const year = pick([1970, 1972, 2000, 2024, 2026, 2100, 2400, 9999, between(1970, 9999)]);
  const start = pick([[0], [1, 28], [1, 29], [2], [below(12)], [below(12), between(1, 31), below(24)]]);
  const time = secondOf(year, ...start) + pick([0n, -1n, 1n, 3599n, 86399n, BigInt(below(86400))]);
  return time < 0n ? 0n : time > LAST_SECOND ? LAST_SECOND : time;
}

function makeRows() {
  const ids = [0n, 1n, 1n << 255n, 7n, 255n, UINT256_MAX, randomBits(256), randomBits(64)];
  const perhaps = (value) => (chance(0.4) ? null : value);
  const more = () => ({ st: pick(ENUM), o: perhaps(chance(0.4) ? pick(ids) : randomUint(256)), m: perhaps(randomInt256()),
    n: perhaps(utf8(pick(["", "null", randomText(12)]))), u: perhaps(pick(ENUM)) });
  const row = () => ({ v: chance(0.4) ? pick(ids) : randomUint(256), s: utf8(randomText(12)), ...more() });
  rows = new Map(ids.map((id) => [id, row()]));
  rows.set(0n, { v: 1n, s: utf8("zero's Öl 😀"), st: "open", o: null, m: 1500000n, n: null, u: "open" });
  rows.set(1n, { v: 1n << 255n, s: utf8(""), st: "on_hold", o: 0n, m: null, n: utf8(""), u: null });
}

const presentKey = () => pick([...rows.keys()]);

function missingKey() {
  for (;;) {
    const key = randomUint(256);
    if (!rows.has(key)) return key;
  }
}

let block = { number: 1n, time: 0n, hash: Buffer.alloc(32) };
let isTick = false; // of a handler of blocks
let args; // of this case: the values of the event's parameters
let names; // type => makers of leaves

function makeArguments() {
  const bytesLength = pick([0, 1, 2, 4, 19, 20, 21, 31, 32, 33, 64, below(40)]);
  args = {
    a: chance(0.2) ? presentKey() : randomUint(256), b: randomInt256(), c: randomUint(8), d: chance(0.5),
    e: randomBytes(20), f: randomBytes(32), g: chance(0.3) ? utf8(randomText(6)) : randomBytes(bytesLength),
    h: randomText(), list: Array.from({ length: below(5) }, () => randomUint(256)),
    t: { x: chance(0.5) ? randomTime() : randomUint(64), y: randomText() }, k: randomBytes(4),
  };
  const table = [ // type, value, ways to say it
    ["num", args.a, "a", "a", "$arg.0"], ["num", args.b, "b", "b", "$arg.1"], ["num", args.c, "c", "$arg.2"],
    ["num", args.t.x, "t.x", "t.0", "$arg.9.x"],
    ...args.list.map((item, i) => ["num", item, `list[${i}]`]), ["bool", args.d, "d", "$arg.3"],
    ["text", utf8(args.h), "h", "$arg.7"], ["text", utf8(args.t.y), "t.y", "t.1", "$arg.9.y"],
    ["bytes", args.g, "g", "$arg.6"], ["address", args.e, "e", "$arg.4"], ["bytes32", args.f, "f", "$arg.5"],
    ["bytes4", args.k, "k", "$arg.10"], ["address", HUB, "$log.address"]];
  const ofBlock = [["num", block.number, "$block.number"], ["num", block.time, "$block.timestamp"],
    ["bytes32", block.hash, "$block.hash"]];
  names = isTick ? literalNames() : {};
  for (const [type, value, ...texts] of isTick ? ofBlock : [...table, ...ofBlock])
    (names[type] ??= []).push(...texts.map((text) => () => leaf("name", type, text, { value })));
}

const HUB = Buffer.from("5fbdb2315678afecb367f032d93f642f64180aa3", "hex");

function literalNames() { // what stands for parameters where there are none
  const fixed = (type, size) => [() => call(type, type, hexBytes(randomBytes(size)))];
  return { bool: [() => truth(chance(0.5))], text: [() => quoted(randomText())], address: fixed("address", 20),
    bytes: [() => hexBytes(randomBytes(between(1, 24)))], bytes4: fixed("bytes4", 4), bytes32: fixed("bytes32", 32) };
}

function argumentsAsJson() {
  const { d, h, list, t, ...others } = args;
  const plain = Object.fromEntries(Object.entries(others).map(([name, value]) => [name, toText(value)]));
  return { ...plain, d, h, list: list.map(String), t: { x: String(t.x), y: t.y } };
}

// ----------------------------------------------------------------------------------------------------- random trees
let sloppy = 0; // how often a number with places stands where one of any kind, or a whole one only, is wanted
let risk = 0; // how often a part is made to fail; 0: parts fail only where they do not count, or by accident
const smaller = (depth) => (depth <= 1 ? 0 : between(0, depth - 1));
const name = (type) => pick(names[type])();

function make(type, depth) {
  if (depth > 0 && chance(risk)) return failing(type);
  if (type === "num" && chance(sloppy)) return make("dec", depth);
  if (MAKERS[type] === undefined) return makeFixed(type, depth);
  return depth <= 0 ? makeLeaf(type) : pickWeighted([...MAKERS[type], ...MAKERS_OF_ANY])(depth, type);
}

function makeLeaf(type) {
  if (type === "enum") return lookUp(number(presentKey()), "st");
  if (chance(type === "dec" ? 0.3 : 0.6)) return type === "dec" ? fromUnits(name("num"), randomPlaces()) : name(type);
  if (type === "num") return number(pick([BigInt(between(-9, 12)), randomUint(256), randomInt256()]));
  if (type === "dec") return decimal(randomUnits(), randomPlaces());
  if (type === "bool") return truth(chance(0.5));
  return type === "text" ? quoted(randomText()) : hexBytes(randomBytes(between(1, 24)));
}

// An operand, now and then as 0x..: "a number beside a number". `beside` is what stands there already.
function operand(depth, beside) {
  const isHex = chance(0.07) && beside?.kind !== "hex";
  return isHex ? hexNumber(randomBytes(pick([1, 1, 2, 4, 8, 20, 32]))) : make("num", depth);
}

function operands(depth) {
  const first = operand(depth - 1);
  return [first, operand(smaller(depth), first)];
}

function numberThatIs(value, depth) { // a tree that gives this very number
  const part = depth <= 0 || chance(0.5) ? undefined : make("num", depth - 1);
  const have = part && peek(part);
  if (have === undefined || !fits(value - have)) return number(value);
  if (chance(0.3)) return infix("num", part, "^", number(have ^ value));
  return value < have ? op(part, "-", have - value) : op(part, "+", value - have);
}

function lookUpKey(depth, isPresent) {
  if (isPresent && chance(0.05)) return hexNumber(Buffer.from([pick([0, 1, 7])])); // "a number where one is wanted"
  return numberThatIs(isPresent ? presentKey() : missingKey(), depth);
}

function withLookUp(type, depth, isPresent) { // something of this type with a look-up anywhere in it
  const fields = { num: ["v", "v", "o"], dec: ["v", "o", "m", "m"], text: ["s", "n", "v", "m", "st"], enum: ["st", "u", "u"] };
  const field = pick(fields[type] ?? ["s", "s", "n", "v", "o", "m", "u"]);
  const found = lookUp(lookUpKey(smaller(depth), isPresent), field);
  const more = () => infix("num", found, pick(["+", "-", "^", "/"]), makeLeaf("num"));
  if (type === "enum") return found;
  if (type === "num") return chance(0.6) ? found : chance(0.5) ? lookUp(found, pick(["v", "o"])) : more();
  if (type === "dec" && field !== "m" && chance(0.5)) return fromUnits(found, randomPlaces());
  if (type === "dec") return chance(0.4) ? found : infix("num", found, pick(["+", "-", "*"]), makeLeaf("dec"));
  if (type === "bool") return infix("bool", found, pick(["==", "!="]), make(found.type, smaller(depth)));
  const text = found.type === "text" ? found : call("text", "text", found);
  if (type === "bytes") return call("bytes", "bytes", text);
  return chance(0.7) ? text : call("text", "concat", text, make("text", smaller(depth)));
}

function makeInstead(depth, type) {
  const left = withLookUp(type, depth - 1, chance(0.5));
  if (peek(left) !== undefined && chance(0.4)) return tree("??", type, left, failing(type));
  const right = depth > 1 && chance(0.3) ? makeInstead(depth - 1, type) : make(sideType(type), smaller(depth));
  const whole = tree("??", type, left, right);
  return chance(0.1) ? tree("??", type, whole, makeLeaf(type)) : whole;
}

function makeChoice(depth, type) {
  const condition = make("bool", smaller(depth));
  const isLazy = chance(0.4); // the side that is not taken would be a violation
  const a = isLazy && peek(condition) === false ? failing(type) : make(sideType(type), depth - 1);
  const b = isLazy && peek(condition) === true ? failing(type) : make(type, smaller(depth));
  return tree("if", type, condition, a, b);
}

function makeArithmetic(depth) {
  const sides = chance(0.5) ? operands(depth) : operands(depth).reverse();
  const operator = pick(["+", "-", "+", "-", "*", "*", "/", "%", "|", "^", "&"]);
  if ("/%".includes(operator) && peek(sides[1]) === 0n) sides[1] = number(pick([-1n, 3n, -7n]));
  return infix("num", sides[0], operator, sides[1]);
}

function makePower(depth) {
  if (chance(0.2)) return infix("num", make("num", depth - 1), "**", numberThatIs(BigInt(below(3)), smaller(depth)));
  const [base, most] = pick([[2n, 510], [-2n, 511], [10n, 153], [-3n, 322], [1n << 255n, 2], [INT256_MIN, 2],
    [0n, 1000], [1n, 10 ** 9], [-1n, 10 ** 9], [7n, 5], [16n, 127]]);
  const exponent = BigInt(pick([0, 1, 2, most, most, between(0, most)]));
  return infix("num", numberThatIs(base, depth - 1), "**", numberThatIs(exponent, smaller(depth)));
}

function makeMulDiv(depth) {
  const small = () => number(BigInt(between(-9, 9)));
  const by = chance(0.4) ? number(pick([2n, -2n, 4n, 10n])) : make("num", smaller(depth));
  const parts = [chance(0.5) ? small() : operand(depth - 1), chance(0.5) ? small() : make("num", smaller(depth)),
    peek(by) === 0n ? number(2n) : by];
  if (chance(0.8)) parts.push(quoted(pick(["down", "up", "half_even", "half_even"]), "rounding"));
  return call("num", "mul_div", ...parts);
}

function makeInteger(depth) {
  const [isSigned, bits] = [chance(0.5), BigInt(8 * pick([1, 2, 8, 16, 20, 31, 32, between(1, 32)]))];
  const [low, high] = integerBounds(isSigned, bits);
  const inside = pick([low, high, 0n, 1n, low + randomBits(Number(bits) - 1)]);
  const ofNumber = call("num", (isSigned ? "int" : "uint") + bits, numberThatIs(inside, depth - 1));
  if (chance(0.5)) return ofNumber;
  const other = make(pick(["bool", "bytes", "address", "bytes4", "bytes32", "bytes1"]), depth - 1);
  const ofOther = call("num", pick(["uint", "int"]) + 8 * pick([1, 4, 20, 32, 32]), other);
  return peek(ofOther) === undefined && risk === 0 ? ofNumber : ofOther;
}

const ROUNDINGS = ["down", "up", "half_even"];
const rounding = () => quoted(pick(ROUNDINGS), "rounding");
const sideType = (type) => (type === "dec" && chance(0.4) ? "num" : type); // beside a number with places
const randomPlaces = () => pick([1, 1, 2, 2, 3, 6, 8, 18, 18, 35, 36, between(1, 36)]);
const manyPlaces = () => pick([0, 1, 2, 6, 18, 35, 36, between(0, 36)]);
const nearPlaces = (places) => Math.max(0, Math.min(COUNT_MOST, places + pick([-6, -2, -1, -1, 0, 1, 2, 18])));

function randomUnits() {
  const most = pick([30, 30, 9999]);
  const units = pick([BigInt(between(-most, most)), randomUint(64), randomUint(255), randomInt256()]);
  return units % 10n === 0n && chance(0.8) ? units + 1n : units;
}

function makeDecimalArithmetic(depth) {
  const sides = [make("dec", depth - 1), make(sideType("dec"), smaller(depth))];
  if (chance(0.5)) sides.reverse();
  const isTooMany = () => sloppy === 0 && places(sides[0]) + places(sides[1]) > PLACES_MOST;
  const left = Math.min(COUNT_MOST, PLACES_MOST - places(sides[1]));
  if (isTooMany() && chance(0.5)) sides[0] = round(sides[0], pick([0, left]));
  const isLimited = isTooMany();
  return infix("num", sides[0], isLimited ? pick(["+", "-"]) : pick(["+", "-", "*", "*"]), sides[1]);
}

const round = (part, places) => call("num", "round_" + pick(ROUNDINGS), part, count(places));

function makeRounded(depth) {
  if (chance(0.3)) { // halves, and what lies beside them
    const [most, end] = [pick([0, 1, 2, 6, 35, 36]), pick([1, 1, 1, 2, 18])];
    const units = scale(BigInt(between(-5, 5)), end) + 5n * 10n ** BigInt(end - 1) + pick([0n, 0n, 1n, -1n]);
    return round(decimal(units, most + end), most);
  }
  const part = make(chance(0.9) ? "dec" : "num", depth - 1);
  return round(part, chance(0.7) ? nearPlaces(places(part)) : manyPlaces());
}

function makeDivision(depth) {
  const a = chance(0.3) ? decimal(BigInt(between(-9, 9)), pick([0, 0, 1, 2])) : make(pick(["num", "dec"]), depth - 1);
  const few = () => decimal(pick([2n, -2n, 4n, 8n, -3n]), pick([0, 0, 1, 3]));
  const by = chance(0.4) ? few() : make(pick(["num", "dec"]), smaller(depth));
  const parts = [a, peek(by) === 0n ? decimal(-25n, 1) : by, count(chance(0.6) ? between(0, 20) : manyPlaces())];
  if (chance(0.8)) parts.push(rounding());
  return call("num", "div", ...parts);
}

const makeSides = (depth) => Array.from({ length: between(1, 3) }, () => make(sideType("dec"), smaller(depth)));

function makeToUnits(depth) {
  let part = make("dec", depth - 1);
  if (places(part) > COUNT_MOST) part = round(part, manyPlaces());
  const least = Math.max(0, places(part));
  return call("num", "to_units", part, count(Math.min(COUNT_MOST, least + pick([0, 0, 0, 1, 2, 18]))));
}

function makeWhole(depth) { // a whole number of one with places
  if (chance(0.4)) return makeToUnits(depth);
  const part = make("dec", depth - 1);
  if (chance(0.6)) return round(part, 0);
  return call("num", "div", part, decimal(pick([1n, 2n, -3n, 5n]), randomPlaces()), count(0));
}

function makeDecimalComparison(depth) {
  const left = make("dec", depth - 1);
  let right = make(sideType("dec"), smaller(depth));
  const have = peek(left);
  if (have !== undefined && chance(0.6)) { // the same value, or almost, and often of other places
    const more = pick([0, 0, 1, 2, PLACES_MOST - places(left)]);
    const near = scale(have, Math.min(more, PLACES_MOST - places(left))) + pick([-1n, 0n, 0n, 1n]);
    if (fits(near)) right = decimal(near, Math.min(PLACES_MOST, places(left) + more));
  }
  const sides = chance(0.5) ? [left, right] : [right, left];
  return infix("bool", sides[0], pick(COMPARISONS), sides[1]);
}

function makeComparison(depth) {
  const [left, other] = operands(depth);
  const near = (peek(left) ?? NUMBER_MAX) + pick([-1n, 0n, 1n]);
  const right = fits(near) && chance(0.4) ? numberThatIs(near, smaller(depth)) : other;
  return infix("bool", left, pick(["<", "<=", ">", ">=", "==", "!="]), right);
}

function makeEquality(depth) {
  const type = pick(["bool", "text", "text", "bytes", "bytes", "address", "bytes4", "bytes32", "enum", "enum"]);
  const left = make(type, depth - 1);
  if (type === "enum" && chance(0.5)) return infix("bool", left, pick(["==", "!="]), literalThatIs("enum", pick(ENUM)));
  const isLiteral = peek(left) !== undefined && left.kind !== "hex" && chance(0.5);
  const right = isLiteral ? literalThatIs(type, peek(left)) : make(type, smaller(depth));
  const isOfLiterals = left.kind === "hex" && right.kind === "hex"; // of two numbers, or of two bytes?
  return infix("bool", left, pick(["==", "!="]), isOfLiterals ? name("bytes") : right);
}

function literalThatIs(type, value) {
  if (type === "bool") return truth(value);
  if (type === "enum") return leaf("quoted", "enum", `'${value}'`, { value }); // "written 'open'"
  if (type === "text") return quoted(value.toString());
  if (value.length === 0) return name("bytes"); // is `0x` a literal?
  return hexBytes(value); // "an address beside an address"; beside a bytesN as in the page's `sig == 0xb65337df`
}

function makeLogic(depth) {
  const operator = pick(["and", "or"]);
  const left = make("bool", chance(0.5) ? depth - 1 : smaller(depth));
  const isDecided = peek(left) === (operator === "or"); // the right side does not count
  return tree(operator, "bool", left, isDecided && chance(0.5) ? failing("bool") : make("bool", smaller(depth)));
}

function makeSlice(depth, type) {
  const part = make(type, depth - 1);
  const whole = peek(part) ?? Buffer.alloc(0);
  const isCut = (at) => type === "text" && risk === 0 && isInCharacter(whole, at);
  const cuts = [...Array(whole.length + 1).keys()].filter((at) => !isCut(at));
  const [from, to] = [pick([0, pick(cuts)]), pick([whole.length, pick(cuts)])].sort((x, y) => x - y).map(BigInt);
  return call(type, "slice", part, numberThatIs(from, smaller(depth)), numberThatIs(to - from, smaller(depth)));
}

function makeString(depth) {
  const part = chance(0.3) ? hexBytes(utf8(randomText() + "z")) : make("bytes", depth - 1);
  const isRight = isText(peek(part) ?? Buffer.from([0]));
  return call("text", "string", isRight ? part : call("bytes", "bytes", make("text", depth - 1)));
}

function makeFixed(type, depth) { // addresses and bytesN
  const size = type === "address" ? 20 : Number(type.slice(5));
  if (depth <= 0 || chance(0.2)) return names[type] ? name(type) : call(type, type, hexBytes(randomBytes(size)));
  if (type === "bytes32" && chance(0.4)) return call(type, "keccak256", make(pick(["bytes", "text"]), depth - 1));
  if (chance(0.2)) return makeChoice(depth, type);
  if (chance(0.2)) return call(type, type, make(size === 20 ? pick(["bytes20", "address"]) : type, depth - 1));
  const most = (1n << BigInt(8 * size)) - 1n;
  if (chance(0.7)) return call(type, type, numberThatIs(pick([0n, 1n, most, randomBits(8 * size)]), depth - 1));
  const whole = call("bytes", "concat", name("address"), name("bytes32")); // 52 bytes, a part of which will do
  return call(type, type, call("bytes", "slice", whole, number(BigInt(between(0, 52 - size))), number(BigInt(size))));
}

function callOf(type, functions, types, partsMost = 1) { // a maker; from two parts on where there may be several
  return (depth) => {
    const count = between(Math.min(2, partsMost), partsMost);
    const parts = Array.from({ length: count }, (_, i) => make(pick(types), i === 0 ? depth - 1 : smaller(depth)));
    return call(type, pick(functions), ...parts);
  };
}

function makeEncoded(depth) {
  const types = ["num", "num", "bool", "text", "bytes", ...FIXED];
  const encoded = callOf("bytes", ["abi.encode"], types, between(1, 5))(depth);
  if (chance(0.95)) encoded.parts = encoded.parts.map((part) => (part.kind === "hex" ? call("bytes", "bytes", part) : part));
  return encoded;
}

const FIXED = ["address", "bytes4", "bytes32"];
const SHIFTS = [0n, 1n, 8n, 255n, 256n, 510n, 511n];
const CALENDAR = ["year", "month", "day", "hour"].flatMap((what) => [what, "start_of_" + what]);
const LIST = () =>
  isTick ? quoted(randomText()) : leaf("list", "list", pick(["list", "$arg.8"]), { value: args.list });

const MAKERS_OF_ANY = [[7, makeInstead], [8, makeChoice]];
const MAKERS = { // type => [weight, maker]
  num: [[33, makeArithmetic], [6, makePower], [8, makeMulDiv], [13, makeInteger],
    [7, (depth) => infix("num", operand(depth - 1), pick(["<<", ">>"]), numberThatIs(pick(SHIFTS), smaller(depth)))],
    [3, () => op(number(pick([1n, -1n, 3n, -2n])), pick(["<<", ">>"]), BigInt(below(510)))],
    [7, (depth) => prefix(pick(["-", "~"]), operand(depth - 1))],
    [2, (depth) => call("num", "abs", operand(depth - 1))],
    [5, (depth) => call("num", pick(["min", "max"]), ...operands(depth), ...(chance(0.5) ? [make("num", 0)] : []))],
    [5, (depth) => lookUp(lookUpKey(depth - 1, true), pick(["v", "o"]))], [3, callOf("num", ["len"], ["text", "bytes"])],
    [2, callOf("num", ["uint8"], ["enum"])],
    [2, (depth) => lookUp(lookUp(lookUpKey(depth - 1, true), "v"), "v")], [1, () => call("num", "len", LIST())],
    [9, makeWhole], [8, (depth) => call("num", pick(CALENDAR), numberThatIs(randomTime(), depth - 1))]],
  dec: [[6, (depth) => lookUp(lookUpKey(depth - 1, true), "m")], [30, makeDecimalArithmetic], [14, makeRounded], [14, makeDivision],
    [10, (depth) => fromUnits(operand(depth - 1), chance(0.8) ? randomPlaces() : manyPlaces())],
    [6, (depth) => prefix("-", make("dec", depth - 1))], [4, (depth) => call("num", "abs", make("dec", depth - 1))],
    [8, (depth) => call("num", pick(["min", "max"]), make("dec", depth - 1), ...makeSides(depth))],
    [4, () => fromUnits(number(pick([NUMBER_MAX, NUMBER_MIN, NUMBER_MAX - 1n, NUMBER_MIN + 1n])), manyPlaces())]],
  bool: [[20, makeComparison], [12, makeDecimalComparison], [20, makeEquality], [25, makeLogic],
    [10, (depth) => prefix("not", make("bool", depth - 1))],
    [8, (depth) => exists(lookUpKey(depth - 1, chance(0.5)))],
    [8, (depth) => exists(lookUpKey(depth - 1, chance(0.8)), pick(["o", "m", "n", "u"]))]],
  enum: [[10, (depth) => lookUp(lookUpKey(depth - 1, true), pick(["st", "st", "u"]))]],
  text: [[14, callOf("text", ["text"], ["num", "num", "dec", "dec", "bool", "bytes", "enum", "enum", ...FIXED])],
    [6, callOf("text", ["hex"], ["bytes", ...FIXED])], [20, callOf("text", ["concat"], ["text"], 3)],
    [12, callOf("text", ["lower"], ["text"])], [20, makeSlice], [10, makeString],
    [10, (depth) => lookUp(lookUpKey(depth - 1, true), pick(["s", "n"]))]],
  bytes: [[25, callOf("bytes", ["bytes"], ["text", "text", "bytes7", ...FIXED])], [25, makeEncoded],
    [20, callOf("bytes", ["concat"], ["bytes", "bytes", ...FIXED], 3)], [20, makeSlice]],
};

// ------------------------------------------------------------------------------------------------------- violations
function failing(type) { // a part of this type that is a rule violation
  if (type === "dec") return pick(FAILING_DECIMALS)();
  const fail = chance(0.15) ? round(pick(FAILING_DECIMALS)(), 0) : pick(FAILING_NUMBERS)();
  const text = call("text", "text", fail);
  if (type === "num") return fail;
  if (type === "enum") return chance(0.5) ? unset("enum") : lookUp(number(missingKey()), pick(["st", "u"]));
  if (type === "text" && chance(0.2)) return unset("text");
  if (type === "bool") return infix("bool", fail, pick(["==", "<"]), makeLeaf("num"));
  return type === "text" ? text : type === "bytes" ? call(type, "bytes", text) : call(type, type, fail);
}

function beyondInteger() {
  const [isSigned, bits] = [chance(0.5), BigInt(8 * between(1, 32))];
  const [low, high] = integerBounds(isSigned, bits);
  return call("num", (isSigned ? "int" : "uint") + bits, number(pick([low - 1n, high + 1n])));
}

const lengthOf = (type, name, ...parts) => call("num", "len", call(type, name, ...parts));
const paramH = () => (isTick ? quoted(args.h) : leaf("name", "text", "h", { value: utf8(args.h) }));

const FAILING_NUMBERS = [
  () => op(makeLeaf("num"), pick(["/", "%"]), 0n),
  () => infix("num", makeLeaf("num"), pick(["/", "%"]), op(name("num"), "*", 0n)),
  () => (isTick ? unset("num") : leaf("name", "num", `list[${args.list.length + below(3)}]`, OTHER)), // "behind its end"
  () => lookUp(number(missingKey()), pick(["v", "o"])),
  () => unset("num"),
  beyondInteger,
  () => op(makeLeaf("num"), pick(["<<", ">>"]), pick([512n, -1n, UINT256_MAX])),
  () => op(number(pick([1n, -2n])), "<<", 511n),
  () => op(number(2n), "**", 511n),
  () => op(number(pick([2n, -2n])), "**", pick([512n, 513n, UINT256_MAX])),
  () => op(makeLeaf("num"), "**", pick([-1n, INT256_MIN])),
  () => op(number(NUMBER_MAX), "+", 1n),
  () => op(number(NUMBER_MIN), pick(["/", "*"]), -1n),
  () => prefix("-", number(NUMBER_MIN)),
  () => call("num", "abs", op(number(-2n), "**", 511n)),
  () => call("num", "mul_div", makeLeaf("num"), makeLeaf("num"), number(0n)),
  () => call("num", "mul_div", number(NUMBER_MAX), number(2n), number(pick([1n, -1n]))),
  () => call("num", pick(["year", "month", "day", "hour"]), number(pick([-1n, LAST_SECOND + 1n, UINT256_MAX]))),
  () => call("num", pick(["start_of_year", "start_of_month", "start_of_day"]), number(pick([-1n, LAST_SECOND + 1n]))),
  () => lengthOf("text", "slice", paramH(), number(0n), number(BigInt(utf8(args.h).length + 1))),
  () => lengthOf("text", "slice", name("text"), number(pick([99n, 1n << 40n, 1n << 300n])), number(BigInt(below(3)))),
  () => lengthOf("text", "slice", quoted("é漢😀"), number(pick([1n, 3n, 4n, 6n])), number(2n)),
  () => lengthOf("bytes", "slice", name("bytes"), number(-1n), number(1n)),
  () => lengthOf("bytes", "abi.encode", number(pick([UINT256_MAX + 1n, INT256_MIN - 1n]))),
  () => call("num", "uint256", call("bytes", "concat", name("bytes32"), hexBytes(Buffer.from([0])))), // 33 bytes
  () => call("num", "uint256", call("bytes3", "bytes3", number(1n << 24n))),
  () => call("num", "uint160", call("address", "address", number(1n << 160n))),
  () => call("num", "uint160", call("address", "address", call("bytes", "concat", name("bytes4"), name("bytes32")))),
];

const zero = () => pick([number(0n), fromUnits(number(0n), randomPlaces()), op(makeLeaf("dec"), "*", 0n)]);

const UNSET = { num: [0n, "o"], dec: [1n, "m"], text: [0n, "n"], enum: [1n, "u"] }; // nulls of `makeRows`

function unset(type) {
  const [id, field] = UNSET[type];
  return lookUp(number(id), field);
}

const FAILING_DECIMALS = [
  () => unset("dec"),
  () => call("num", "div", makeLeaf(pick(["num", "dec"])), zero(), count(manyPlaces())),
  () => infix("num", fromUnits(number(NUMBER_MAX), 5), "+", decimal(1n, pick([0, 4, 5, 5, 5]))),
  () => infix("num", fromUnits(number(NUMBER_MIN), 5), "-", decimal(1n, pick([0, 4, 5, 5, 5]))),
  () => infix("num", fromUnits(number(NUMBER_MAX), 3), pick(["+", "-"]), decimal(1n, between(4, 36))),
  () => infix("num", number(NUMBER_MIN), "*", decimal(-1n, randomPlaces())),
  () => infix("num", decimal((1n << 255n) - 1n, 36), "*", fromUnits(number(pick([1n << 257n, -1n << 257n])), 36)),
  () => prefix("-", fromUnits(number(NUMBER_MIN), manyPlaces())),
  () => call("num", "abs", fromUnits(number(NUMBER_MIN), manyPlaces())),
  () => call("num", "to_units", fromUnits(number(pick([NUMBER_MAX, NUMBER_MIN])), 6), count(between(7, 36))),
  () => call("num", "round_" + pick(ROUNDINGS), number(NUMBER_MAX), count(between(1, 36))),
  () => call("num", "div", number(pick([NUMBER_MAX, NUMBER_MIN])), decimal(pick([1n, -1n]), randomPlaces()), count(0)),
  () => tree("if", "num", truth(true), number(NUMBER_MAX), makeLeaf("dec")),
  () => call("num", "max", number(NUMBER_MAX), decimal(15n, 1)),
  () => call("num", "min", decimal(-15n, 2), number(NUMBER_MIN)),
  () => fromUnits(pick(FAILING_NUMBERS)(), manyPlaces()),
];

// --------------------------------------------------------------------------------------------------------- mistakes
const part = (type) => `(${print(make(type, below(2)))})`;

function placed() { // a number that has decimal places for sure
  for (;;) {
    const node = make("dec", below(3));
    if (places(node) > 0 && !hasZeros(node)) return node;
  }
}

const partPlaced = () => `(${print(placed())})`;
const comparison = () => pick([" < ", " <= ", " > ", " >= "]);

const MISTAKES = [
  // "Types are checked at start"
  () => `${part("num")} ${pick(["+", "*", "-", "&", "<<", "**", "<", "=="])} ${part("text")}`,
  () => `${part("bool")} ${pick(["+", "/", "|", ">>", "<"])} ${part("num")}`,
  () => `${part("text")} ${pick(["<", ">=", "+"])} ${part("text")}`,
  () => `${part("bool")} ${pick(["and", "or"])} ${part("num")}`,
  () => `not ${part(pick(["num", "text"]))}`,
  () => `${pick(["-", "~"])}${part(pick(["text", "bool"]))}`,
  () => `hex(${part(pick(["num", "text", "bool"]))})`, // "of bytes, bytesN and addresses only"
  () => `${pick(["abs", "year", "start_of_month", "uint256", "int8"])}(${part("text")})`,
  () => `${pick(["lower", "len", "keccak256", "string", "bytes"])}(${part("num")})`,
  () => pick([`concat(${part("text")}, g)`, `if(${part("num")}, 1, 2)`, `min(${part("num")}, ${part("text")})`]),
  // An enum is compared with one of its names; "text gives the name, uint8 the place"
  () => pick(["row[1].st == 'nope'", "row[1].u != 'Open'", "row[1].st + 1", "row[1].st < 'open'", "row[0].u and true",
    "hex(row[1].st)", "if(true, row[1].st, 1)", "lower(row[1].st)", "row[1].st == 1", "row[1].u ?? 3"]),
  // "the value on the left, which must have a look-up or an optional field"; null is a value of `set` only
  () => pick(["$block.number ?? 1", "(1 + 2) ?? 3", "'a' ?? 'b'", "row[1].v + (2 ?? 3)", "null", "1 + null",
    "row[1].o == null", "if(true, null, 1) + 1", "null ?? 1", "(row[1].o ?? null) + 1", "abs(null)"]),
  () => pick(["exists(row[1].w)", "exists(1)", "exists(nope[1])", "exists(row)", "row[row[1].m].v", "row[1].m / 2",
    "row[1].m & 1", "row[0].n + 1", "row[1, 2].v", "row[1]", "row[1].o[0]", "exists(row['a'])"]),
  // Functions and names that are not there
  () => `${pick(["sqrt", "foo", "uint7", "uint264", "int0", "bytes33"])}(${part("num")})`,
  () => pick(["zz", "t.z", "t.2", "$arg.11", "row[1].w", "nope[1].v", "$block.nothing"]),
  // Wrong numbers of arguments
  () => pick(["abs()", "abs(a, b)", "if(d, a)", "if(d, a, b, c)", "mul_div(a, b)", "mul_div(a, b, c, 'up', 1)",
    "slice(h, 1)", "slice(h, 0, 0, 0)", "year()", "day(1, 2)", "lower(h, h)", "keccak256()", "uint8(1, 2)",
    "hex(f, f)", "len()", "exists()"]),
  // "take whole numbers"
  () => pick([() => `${partPlaced()} ${pick(["/", "%", "**", "|", "^", "&", "<<", ">>"])} ${part("num")}`,
    () => `${part("num")} ${pick(["/", "%", "**", "|", "^", "&", "<<", ">>"])} ${partPlaced()}`,
    () => `~${partPlaced()}`, () => `row[${partPlaced()}].v`, () => `exists(row[${partPlaced()}])`,
    () => `${pick([...CALENDAR, "uint8", "int256", "uint256", "bytes32", "address"])}(${partPlaced()})`,
    () => `abi.encode(${pick(["", part("num") + ", ", part("text") + ", "])}${partPlaced()})`,
    () => `mul_div(${pick([`${partPlaced()}, 2, 3`, `2, ${partPlaced()}, 3`, `2, 3, ${partPlaced()}, 'up'`])})`,
    () => `from_units(${partPlaced()}, ${between(0, 36)})`, () => `slice(g, 0, ${partPlaced()})`])(),
  // Numbers with places are numbers
  () => `${partPlaced()} ${pick(["+", "*", "-", "<", "=="])} ${part(pick(["text", "bool"]))}`,
  () => `${pick(["hex", "lower", "len", "keccak256", "string", "bytes", "not "])}(${partPlaced()})`,
  () => `${pick(["round_up", "to_units", "from_units"])}(${part(pick(["text", "bool"]))}, 2)`,
  () => pick([`if(d, ${partPlaced()}, ${part("text")})`, `concat(h, ${partPlaced()})`, `if(${partPlaced()}, 1, 2)`]),
  // "x may have no more than S places"; "at most 72 on the way"; "up to 36 decimal places"
  () => {
    const node = placed();
    return `to_units(${print(node)}, ${below(Math.min(COUNT_MOST, places(node)))})`;
  },
  () => `${pick(["from_units(a, ", "round_up(1.5, ", "round_down(b, ", "div(a, 3, "])}${pick([73, 74, 100, 256])})`,
  () => `from_units(${part("num")}, 36) * from_units(c, ${between(1, 36)}) * ${partPlaced()} * from_units(c, 36)`,
  () => `${between(0, 9)}.${"0".repeat(between(36, 60))}${between(1, 9)}`,
  // "How many places a value has is known when the config is read"
  () => pick(["from_units(a, ", "to_units(1.5, ", "round_half_even(1.5, ", "div(a, 3, "]) +
    pick(["c)", "a)", "t.x)", "1.5)", "'6')"]),
  () => pick(["from_units(a)", "to_units(a)", "round_up(1.5)", "round_down(1.5, 1, 'up')", "div(a, b)",
    "div(a, 2, 3, 4)", "div(a, 3, 2, 'nearest')", "div(a, 3, 2, 'up', 1)", "from_units(1, 2, 3)", "round(1.5, 0)",
    "1.5.5", "1.5 2", "(1,5)"]),
  // "`a < b < c` is a mistake"
  () => part("num") + comparison() + part("num") + comparison() + part("num"),
  // Not of the language
  () => pick(["a +", "* a", "(a", "a)", "a b", "a + * b", "'open", "a = b", "a && b", "a || b", "!d", "d ? a : b",
    "min(a,, b)", "()", "a @ b", "min(a, b", "row[1.v", "", "and d", "if(d, a, b))"]),
  () => pick(["0xf", "0x123", "a + 0xabcde"]), // "an even number of digits"
  () => String(UINT256_MAX + 1n + randomBits(between(1, 300))), // "whole numbers of up to 256 bits"
];

function makeMistake() {
  if (chance(0.1)) return makeWithMistake();
  const mistake = pick(MISTAKES)();
  if (mistake === "'open" || chance(0.5)) return mistake;
  return pick([() => `if(true, ${part("num")}, ${mistake})`, () => `${part("num")} + (${mistake})`,
    () => `max(${mistake}, 1)`, () => `false and (${mistake}) == 1`])(); // sides that do not count are checked, too
}

function makeWithMistake() { // numbers with places anywhere
  sloppy = 0.1;
  for (;;) {
    const whole = makeTop(between(1, 4));
    const isMistake = places(whole) === MISTAKE && places(withoutZeros(whole)) === MISTAKE;
    if (isMistake && lookUpLevels(whole) <= 4) {
      const text = print(whole);
      if (isShort(text)) return text;
    }
  }
}

// ------------------------------------------------------------------------------------------------------------ cases
const isShort = (text) => utf8(text).length <= 900 && bracketLevels(text) <= 24;

const NULL = () => leaf("null", "text", "null", { value: null });

// A text as it is shown: in hex, since one with control characters is not shown as it is.
const shownText = (part) => call("text", "hex", call("bytes", "bytes", part));

function makeNullable(depth) { // of a field "string?": "alone or as what `if` or `??` gives"
  if (chance(0.1)) return NULL();
  const more = () => (depth > 0 && chance(0.3) ? makeNullable(depth - 1) : NULL());
  if (chance(0.1)) return tree("??", "text", lookUp(lookUpKey(smaller(depth), chance(0.8)), "n"), more());
  if (chance(0.4)) return tree("??", "text", shownText(withLookUp("text", depth, chance(0.5))), more());
  const sides = [shownText(make("text", depth)), more()];
  return tree("if", "text", make("bool", smaller(depth)), ...(chance(0.5) ? sides : sides.reverse()));
}

const TOP_TYPES = [[30, "num"], [18, "dec"], [20, "bool"], [12, "text"], [14, "bytes"], [4, "address"], [4, "bytes32"],
  [2, "bytes4"], [1, "bytes20"], [1, "bytes31"], [1, "bytes8"]];

function makeTop(depth) {
  const type = pickWeighted(TOP_TYPES);
  // The page does not say that text(x) takes a text: a text is shown by its bytes.
  return type === "text" ? call("bytes", "bytes", make(type, depth)) : make(type, depth);
}

function evaluateBothWays(whole) { // with the zeros at the end of literals, and without
  const outcome = evaluate(whole);
  if (!hasZeros(whole)) return outcome;
  const other = withoutZeros(whole);
  const { value, fail } = evaluate(other);
  const isShown = (x, node) => (x === undefined ? "" : toText(x, places(node)));
  return fail === outcome.fail && isShown(value, other) === isShown(outcome.value, whole) ? outcome : OPEN;
}

// "What fails whatever the event is a mistake": "a part of literals alone that fails", "a right side of / % ** << >>, of
// div and of mul_div made of literals alone with which they always fail", "where every event comes to it: not in the ways
// of `if` and behind `and` and `or`, unless literals alone decide that they are taken, and not beside ??"
const isOfLiterals = (node) =>
  ["digits", "decimal", "hex", "truth", "quoted", "count", "rounding"].includes(node.kind) ||
  (node.parts.length > 0 && !["look-up", "exists"].includes(node.kind) && node.parts.every(isOfLiterals));

function rightSideFails({ name = "", operator, parts }) {
  const at = name === "mul_div" ? 2 : 1;
  const right = name === "mul_div" || name === "div" || operator !== undefined ? parts[at] : undefined;
  const value = right !== undefined && isOfLiterals(right) ? peek(right) : undefined;
  if (typeof value !== "bigint") return false;
  if (["/", "%"].includes(operator) || ["div", "mul_div"].includes(name)) return value === 0n;
  return operator === "**" ? value < 0n : ["<<", ">>"].includes(operator) && (value < 0n || value > 511n);
}

function failsForEveryEvent(node) {
  const { kind, parts } = node;
  if (kind === "??") return false;
  if ((isOfLiterals(node) && evaluate(node).fail) || rightSideFails(node)) return true;
  if (!["if", "and", "or"].includes(kind)) return parts.some(failsForEveryEvent);
  const decided = isOfLiterals(parts[0]) ? peek(parts[0]) : undefined;
  const taken = kind === "if" ? { true: parts[1], false: parts[2] }[decided] : decided === (kind === "and") ? parts[1] : undefined;
  return failsForEveryEvent(parts[0]) || (taken !== undefined && failsForEveryEvent(taken));
}

// "abi.encode takes no literal 0x.. without its type", nor an `if` of two of them
const isBareHex = (node) => (node.kind === "hex" && node.type === "bytes") ||
  (node.kind === "if" && isBareHex(node.parts[1]) && isBareHex(node.parts[2]));
const encodesBareHex = (node) =>
  (node.name === "abi.encode" && node.parts.some(isBareHex)) || node.parts.some(encodesBareHex);

// "A division by a zero that is written out, and a cast of a written number that does not fit, are mistakes" anywhere
function failsWhateverTheEvent(node) {
  const { name = "", operator, parts } = node;
  const divisor = operator === "/" || operator === "%" || name === "div" ? parts[1] : name === "mul_div" ? parts[2] : undefined;
  const [, sign, bits] = /^(u?)int(\d+)$/.exec(name) ?? [];
  if (bits !== undefined) {
    const value = writtenInteger(parts[0]);
    const [low, high] = integerBounds(sign === "", BigInt(bits));
    if (value !== undefined && (value < low || value > high)) return true;
  }
  return (divisor !== undefined && isWrittenZero(divisor)) || parts.some(failsWhateverTheEvent);
}

function writtenInteger(node) {
  if (node.kind === "prefix" && node.operator === "-" && node.parts[0].kind === "digits") return -node.parts[0].outcome.value;
  return node.kind === "digits" ? node.outcome.value : undefined;
}

function isWrittenZero(node) {
  if (node.kind === "prefix" && node.operator === "-") return isWrittenZero(node.parts[0]);
  return ["digits", "decimal"].includes(node.kind) && node.outcome.value === 0n;
}

function makeCase() {
  const wanted = pickWeighted([[8, "value"], [1, "violation"], [1, "mistake"]]);
  for (;;) {
    makeArguments();
    style = { space: pick([0, 0.5, 0.9]), brackets: pick([0, 0.05, 0.25]) };
    [risk, sloppy] = [wanted === "violation" ? 0.12 : 0, 0];
    if (wanted === "mistake") return { expr: makeMistake(), args: argumentsAsJson(), is: wanted };
    const isNullable = chance(0.06);
    const depth = pick([0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
    const whole = isNullable ? makeNullable(depth) : makeTop(depth);
    const { value, fail } = evaluateBothWays(whole);
    if (fail === "open" || (fail === undefined) !== (wanted === "value") || lookUpLevels(whole) > 4) continue;
    const expr = print(whole);
    if (!isShort(expr)) continue;
    const shown = isNullable ? String(value) : toText(value, places(whole));
    const isMistake = failsWhateverTheEvent(whole) || failsForEveryEvent(whole) || encodesBareHex(whole);
    const is = isMistake ? "mistake" : fail ? wanted : value === null ? "null" : "= " + shown;
    return { expr, args: argumentsAsJson(), is, ...(isNullable ? { whole: true } : {}) };
  }
}

const options = process.argv.slice(2);
const option = (name) => options[options.indexOf(name) + 1] ?? "";
const isNumber = (text) => /^\d+$/.test(text);
const [blockNumber, blockTime, blockHash] = option("--block").split(":");
if (!["--seed", "--count"].every((name) => options.includes(name) && isNumber(option(name))) || !isNumber(blockNumber)) {
  console.error("usage: node expression_oracle.mjs --seed N --count M --block NUMBER:TIME:HASH [--ticks]");
  process.exit(2);
}
randomState = Number(BigInt(option("--seed")) % 2n ** 32n);
block = { number: BigInt(blockNumber), time: BigInt(blockTime), hash: Buffer.from(blockHash.slice(2), "hex") };
isTick = options.includes("--ticks");
makeRows();
const ofRow = ({ v, s, st, o, m, n, u }) => ({ v: String(v), s: s.toString(), st: String(ENUM.indexOf(st)),
  o: o === null ? null : String(o), m: m === null ? null : String(m), n: n === null ? null : n.toString(),
  u: u === null ? null : String(ENUM.indexOf(u)) });
const shown = [...rows].map(([id, row]) => [String(id), ofRow(row)]);
const lines = [JSON.stringify({ rows: Object.fromEntries(shown) })];
for (let i = 0; i < Number(option("--count")); ++i) lines.push(JSON.stringify(makeCase()));
process.stdout.write(lines.join("\n") + "\n");
