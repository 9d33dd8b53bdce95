// What an evil provider does, one mode a line: [name, what it does, how, what the judge must know].
//
// How: `socket(socket)` at a new connection; `raw(request, response, context)` in place of an answer; `call(call, answer)`
// changes the answer to one call; `batch(answers, calls)` changes the list of answers. `context` has body, calls,
// `forward()` (the honest answer's bytes) and `server`.
//
// Marks: ci = in the part that runs before every change; works = the index must be whole though the provider stays so
// (smaller ranges, single calls, receipts lead there); live = shows only while the chain grows; lie = what a single
// provider tells wrongly and nothing below the log proof can see: alone, a repair may be needed afterwards; own = needs
// something of the judge's (see judge.mjs); ends = alone it may end the process, with this exit code.

import zlib from "node:zlib";

const hex = (n) => `0x${BigInt(n).toString(16)}`;
const MAX64 = (1n << 64n) - 1n;
const MiB = 1 << 20;

const error = (code, message, data) => (call, answer) => {
  delete answer.result;
  answer.error = { code, message, ...(data === undefined ? {} : { data }) };
};
const only = (method, change) => (call, answer) => call.method === method && change(call, answer);
const tagged = (tag, change) => (call, answer) => {
  if (call.method === "eth_getBlockByNumber" && call.params[0] === tag && answer.result) change(answer.result, call);
};
const latest = (change) => tagged("latest", change);
const finalized = (change) => tagged("finalized", change);
const number = (change) => (block) => (block.number = hex(change(BigInt(block.number))));
const both =
  (...changes) =>
  (call, answer) =>
    changes.forEach((change) => change(call, answer));
const blocks = (change) => (call, answer) => {
  if (answer.result?.parentHash) change(answer.result, call);
};
const logs = (change) =>
  only("eth_getLogs", (call, answer) => {
    if (Array.isArray(answer.result)) answer.result = change(answer.result, call) ?? answer.result;
  });
const eachLog = (change) => logs((list) => list.forEach(change));
const firstLogTimes = (count) =>
  logs((list) =>
    list.length === 0 ? list : Array.from({ length: count }, (_, i) => ({ ...list[0], logIndex: hex(i) })),
  );
const asksFor = (call, block) =>
  call.method === "eth_getLogs" && Number(call.params[0].fromBlock) <= block && block <= Number(call.params[0].toBlock);

const page =
  (status, text, headers = {}) =>
  (request, response) =>
    response.writeHead(status, headers).end(text);
const bytes = (text) => (request) => request.socket.write(text);
const pour =
  (head, chunk, chunks, headers = {}) =>
  (request, response) => {
    response.writeHead(200, { "content-type": "application/json", ...headers });
    response.write(head);
    let left = chunks;
    const more = () => {
      while (!response.destroyed && left-- > 0) if (!response.write(chunk)) return response.once("drain", more);
      if (!response.destroyed) response.end();
    };
    more();
  };
const every = (ms, write) => (request, response) => {
  const timer = setInterval(() => (request.socket.destroyed ? clearInterval(timer) : write(request, response)), ms);
};
const drip = (ms) => (request, response) => {
  response.writeHead(200);
  every(ms, () => response.write(" "))(request, response);
};
let packed;
const bomb = () =>
  (packed ??= Buffer.concat(Array(4).fill(zlib.gzipSync(Buffer.alloc(256 * MiB, 0x20), { level: 1 }))));
const withArray = (status) => async (request, response, context) => {
  const answers = JSON.parse(await context.forward());
  [answers]
    .flat()
    .forEach(
      (answer, i) =>
        context.list[i].method === "eth_getLogs" &&
        error(-32600, "You can make eth_getLogs requests with up to a 5 block range.")(null, answer),
    );
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answers));
};

let turns = 0;
const once = (change) => (call, answer) => turns++ === 0 && change(call, answer);
const chainId = (id) => only("eth_chainId", (call, answer) => (answer.result = id));

// prettier-ignore
const table = [
  // heads
  ["head_goes_back", "each head up to 22 blocks below the true one", { call: latest(number((n) => { const low = n - BigInt((++turns * 7) % 23); return low > 0n ? low : 0n; })) }],
  ["head_2_63", "head is block 2^63-1", { call: latest(number(() => (1n << 63n) - 1n)) }],
  ["head_2_64_less_1", "head is block 2^64-1", { call: latest(number(() => MAX64)) }],
  ["head_2_64", "head is block 2^64", { call: latest(number(() => MAX64 + 1n)) }],
  ["head_empty", "the head's number is 0x", { call: latest((block) => (block.number = "0x")) }],
  ["head_far_ahead", "head is a billion blocks ahead", { call: latest(number((n) => n + 1000000000n)) }],
  ["head_and_final_2_63", "head and finalized are block 2^63-1", { call: both(latest(number(() => (1n << 63n) - 1n)), finalized(number(() => (1n << 63n) - 1n))) }],
  ["head_and_final_ahead", "head 50 ahead, finalized 58", { call: both(latest(number((n) => n + 50n)), finalized(number((n) => n + 58n))) }],
  ["final_ahead", "finalized 1000 above the head", { call: finalized(number((n) => n + 1000n)) }, { works: true }],
  ["final_2_64_less_1", "finalized is block 2^64-1", { call: finalized(number(() => MAX64)) }, { works: true }],
  ["final_goes_back", "finalized goes back and forth", { call: finalized(number((n) => (++turns % 2 || n < 5n ? 0n : n - 5n))) }, { works: true }],
  ["head_frozen", "tells one head for ever", { ...frozen() }, { live: true, ci: true }],
  ["head_time_past", "the head's time is a year ago", { call: latest((block) => (block.timestamp = hex(BigInt(block.timestamp) - 31536000n))) }, { live: true }],
  ["head_time_future", "the head's time is in a year", { call: latest((block) => (block.timestamp = hex(BigInt(block.timestamp) + 31536000n))) }, { live: true }],
  ["two_chains", "every other request goes to a node of another chain", { other: true }, { own: "other_chain" }],
  // chain id
  ["chain_id_wrong", "another chain's id", { call: chainId("0x1") }, { ends: 2, ci: true }],
  ["chain_id_wrong_once", "another chain's id, the first time", { call: only("eth_chainId", once((call, answer) => (answer.result = "0x1"))) }, { ci: true, works: true }],
  ["chain_id_256_bit", "a chain id of 256 bits", { call: chainId(`0x${"f".repeat(64)}`) }, { ends: 2 }],
  ["chain_id_refused", "does not know eth_chainId", { call: only("eth_chainId", error(-32601, "the method eth_chainId does not exist/is not available")) }],
  // blocks
  ["time_2_64_less_1", "every block's time is 2^64-1", { call: blocks((block) => (block.timestamp = hex(MAX64))) }, { lie: true }],
  ["time_0", "every block's time is 0", { call: blocks((block) => (block.timestamp = "0x0")) }, { lie: true }],
  ["blocks_null", "null for every block by number", { call: only("eth_getBlockByNumber", (call, answer) => { if (/^0x/.test(call.params[0])) answer.result = null; }) }, { ci: true }],
  ["block_1_null", "null for block 1", { call: only("eth_getBlockByNumber", (call, answer) => { if (Number(call.params[0]) === 1) answer.result = null; }) }],
  ["receipts_null", "null for every block's receipts", { call: only("eth_getBlockReceipts", (call, answer) => (answer.result = null)) }, { works: true }],
  ["state_root_empty", "stateRoot is 0x", { call: blocks((block) => (block.stateRoot = "0x")) }, { works: true }],
  ["blooms_zero", "zero blooms of a chain whose headers do not hash, no block receipts", { call: both(blocks((block) => { block.logsBloom = `0x${"0".repeat(512)}`; block.extraData = "0x6e6f"; }), only("eth_getBlockReceipts", error(-32601, "the method eth_getBlockReceipts does not exist/is not available"))) }, { works: true }],
  // logs
  ["topics_cut", "topics of 19 and of 33 bytes", { call: eachLog((log) => (log.topics = log.topics.map((topic, i) => (i % 2 ? topic.slice(0, 40) : `${topic}00`)))) }],
  ["topics_200", "200 topics in each log", { call: eachLog((log) => (log.topics = Array(200).fill(log.topics[0]))) }],
  ["topics_none", "logs without topics", { call: eachLog((log) => (log.topics = [])) }, { lie: true }],
  ["log_25_mib", "a log of 25 MiB", { call: logs((list) => { if (list[0]) list[0].data = `0x${"41".repeat(25 * MiB)}`; }) }, { lie: true }],
  ["log_100_mib", "a log of 100 MiB", { call: logs((list) => { if (list[0]) list[0].data = `0x${"41".repeat(100 * MiB)}`; }) }],
  ["logs_100000", "100,000 logs in one block", { call: firstLogTimes(100000) }, { lie: true }],
  ["logs_400000", "400,000 logs in one block", { call: firstLogTimes(400000) }],
  ["log_index_64_bit", "log indexes of 2^64-1", { call: eachLog((log) => (log.logIndex = hex(MAX64))) }],
  ["log_index_32_bit", "log indexes of 2^32-1", { call: eachLog((log) => (log.logIndex = "0xffffffff")) }],
  ["log_index_twice", "the last log of a block has index 0 again", { call: logs((list) => { list.forEach((log, i) => { if (list[i + 1]?.blockHash !== log.blockHash) log.logIndex = "0x0"; }); }) }, { ci: true, works: true }],
  ["logs_removed", "every log is marked as removed", { call: eachLog((log) => (log.removed = true)) }],
  ["logs_left_out", "leaves out the first log of every answer", { call: logs((list) => list.slice(1)) }, { lie: true }],
  ["logs_null", "null for logs", { call: only("eth_getLogs", (call, answer) => (answer.result = null)) }],
  // refusals
  ["refuse_ranges", "refuses all logs in unknown words", { call: only("eth_getLogs", error(-32000, "the moon is not in the right house")) }, { ci: true, works: true }],
  ["refuse_block", "refuses logs of block 20 in unknown words", { call: (call, answer) => asksFor(call, 20) && error(-32000, "the moon is not in the right house")(call, answer) }, { ci: true, works: true }],
  ["refuse_known_code", "refuses ranges of more than 4 blocks: a known code, words that say nothing", { call: (call, answer) => call.method === "eth_getLogs" && Number(call.params[0].toBlock) - Number(call.params[0].fromBlock) > 3 && error(-32001, "Unable to complete request at this time.")(call, answer) }, { works: true }],
  ["refuse_batches", "refuses batches in general words", { raw: (request, response, context) => (Array.isArray(context.calls) ? response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}') : context.answer()) }, { ci: true, works: true }],
  ["refuse_batches_unknown", "refuses each call of a batch in unknown words", { raw: (request, response, context) => context.answer(Array.isArray(context.calls) ? error(-32000, "the moon is not in the right house") : undefined) }, { works: true }],
  ["refuse_many_logs", "Nethermind's limit of 20 logs", { call: (call, answer) => call.method === "eth_getLogs" && answer.result?.length > 20 && error(-32005, "Too many logs requested. Max logs per response is 20.")(call, answer) }, { works: true }],
  ["refuse_free_tier", "dRPC's time-out of the free tier, for more than 4 blocks", { call: (call, answer) => call.method === "eth_getLogs" && Number(call.params[0].toBlock) - Number(call.params[0].fromBlock) > 3 && error(30, "Request timeout on the free tier, please upgrade your tier to the paid one")(call, answer) }, { works: true }],
  ["refuse_all_control_chars", "refuses everything, in words with control characters and key", { call: error(-32000, "boom \u001b]0;PWNED\u0007\u001b[31mred\u001b[0m \u009b31mC1 \u007f DEL \n12:00:00 info    block 999 committed, all is well\r\n\u202eRTL\u2066") }],
  ["refuse_all_echo", "refuses everything and repeats the address it was asked at", { raw: (request, response, context) => context.answer(error(-32000, `invalid api key: ${request.url.split("/").pop()} for path ${request.url} (host said: wss://h${request.url})`)) }],
  ["refuse_all_rate", "refuses everything: rate limit", { call: error(-32005, "rate limit exceeded") }],
  ["refuse_all_billing", "refuses everything: the plan is used up", { call: error(-32000, "monthly capacity limit exceeded, visit the dashboard to upgrade your plan") }],
  // batches and ids
  ["batch_one_missing", "one answer of each batch is missing", { batch: (answers) => answers.slice(0, -1) }, { ci: true, works: true }],
  ["batch_one_twice", "one answer of each batch comes twice", { batch: (answers) => [...answers, answers[0]] }, { works: true }],
  ["batch_reversed", "answers of a batch in another order", { batch: (answers) => answers.reverse() }, { works: true }],
  ["ids_are_strings", "ids are told as strings", { batch: (answers) => answers.map((answer) => ({ ...answer, id: String(answer.id) })) }, { ci: true }],
  ["ids_wrong", "ids that were not asked", { batch: (answers) => answers.map((answer) => ({ ...answer, id: answer.id + 100000 })) }],
  ["array_http_400", "a batch's answers under HTTP 400, logs refused", { raw: withArray(400) }, { works: true }],
  ["array_http_500", "a batch's answers under HTTP 500, logs refused", { raw: withArray(500) }, { works: true }],
  // HTTP
  ["retry_429_hour", "HTTP 429, Retry-After: an hour", { raw: page(429, "slow", { "retry-after": "3600" }) }, { ci: true }],
  ["retry_503_hour", "HTTP 503, Retry-After: an hour", { raw: page(503, "slow", { "retry-after": "3600" }) }, { ci: true }],
  ["retry_429_years", "HTTP 429, Retry-After: thirty years", { raw: page(429, "slow", { "retry-after": "999999999" }) }],
  ["html_200", "HTTP 200 with a page", { raw: (request, response) => response.end(`Cannot POST ${request.url}`) }],
  ["empty_200", "HTTP 200 with nothing", { raw: page(200, "") }],
  ["empty_204", "HTTP 204", { raw: page(204, "") }],
  ["html_403", "HTTP 403 with a page", { raw: page(403, "<html><body>Forbidden</body></html>", { "content-type": "text/html" }) }],
  ["html_404", "HTTP 404 with a page", { raw: (request, response) => response.writeHead(404, { "content-type": "text/html" }).end(`<!DOCTYPE html><html><body><pre>Cannot POST ${request.url}</pre></body></html>`) }],
  ["html_500", "HTTP 500 with a page and control characters", { raw: (request, response) => response.writeHead(500).end(`boom at ${request.url} \u001b[31m`) }, { ci: true }],
  ["bytes_500", "HTTP 500 with bytes that are not UTF-8", { raw: page(500, Buffer.from([0xff, 0xfe, 0x80, 0x41])) }],
  ["redirect", "redirects to another port", { raw: page(302, "", { location: "http://127.0.0.1:1/secret" }) }],
  ["redirect_file", "redirects to a file", { raw: page(307, "", { location: "file:///etc/passwd" }) }],
  ["http_100", "HTTP 100 for ever", { raw: every(20, (request) => request.socket.write("HTTP/1.1 100 Continue\r\n\r\n")) }],
  ["http_101", "HTTP 101 unasked", { raw: bytes("HTTP/1.1 101 Switching\r\n\r\n") }],
  ["status_line_bad", "a status line that is none", { raw: bytes("garbage garbage\r\n\r\n") }],
  ["header_65_kb", "header lines of 65 kB", { raw: async (request, response, context) => { const body = await context.forward(); request.socket.write(`HTTP/1.1 200 OK\r\nx-a: ${"b".repeat(65536)}\r\nx-b: ${"c".repeat(65536)}\r\ncontent-length: ${body.length}\r\n\r\n`); request.socket.write(body); } }, { works: true }],
  ["headers_endless", "headers without end", { raw: (request, response) => { request.socket.write("HTTP/1.1 200 OK\r\n"); every(10, () => { for (let i = 0; i < 50; i++) request.socket.write(`x-a: ${"b".repeat(20000)}\r\n`); })(request, response); } }],
  // bodies
  ["body_endless", "a body without end", { raw: pour('[{"jsonrpc":"2.0","id":1,"result":"', Buffer.alloc(MiB, 0x61), Infinity) }],
  ["body_1_gib", "a body of 1 GiB", { raw: pour("", Buffer.alloc(MiB, 0x20), 1024, { "content-length": 1024 * MiB }) }],
  ["gzip_bomb", "1 GiB of blanks, packed", { raw: (request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(bomb()) }, { ci: true }],
  ["gzip_thrice", "the same, packed three times", { raw: (request, response) => response.writeHead(200, { "content-encoding": "gzip, gzip, gzip" }).end(zlib.gzipSync(zlib.gzipSync(bomb()))) }],
  ["gzip_cut", "half of a packed answer", { raw: async (request, response, context) => { const body = zlib.gzipSync(await context.forward()); response.writeHead(200, { "content-encoding": "gzip" }).end(body.subarray(0, body.length >> 1)); } }],
  ["nested_arrays", "ten million open brackets", { raw: page(200, Buffer.alloc(10 * MiB, 0x5b)) }, { ci: true }],
  ["nested_objects", "two million open objects", { raw: (request, response) => response.end('{"a":'.repeat(2 * MiB)) }],
  ["nested_error", "an error whose data is four million arrays deep", { raw: (request, response) => response.end(`{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x","data":${"[".repeat(4 * MiB)}${"]".repeat(4 * MiB)}}}`) }],
  ["body_half", "half of the answer, then a reset", { raw: async (request, response, context) => { const body = await context.forward(); response.writeHead(200, { "content-length": body.length }); response.write(body.subarray(0, body.length >> 1), () => request.socket.resetAndDestroy()); } }],
  ["length_more", "Content-Length says more than comes", { raw: async (request, response, context) => { const body = await context.forward(); response.writeHead(200, { "content-length": body.length + 1000 }); response.write(body, () => request.socket.end()); } }],
  ["length_less", "Content-Length says less than comes", { raw: async (request, response, context) => { const body = await context.forward(); request.socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length - 20}\r\n\r\n`); request.socket.write(body); } }],
  ["length_1_tb", "Content-Length of 1 TB, then nothing", { raw: bytes('HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n[{"jsonrpc"') }],
  ["length_negative", "Content-Length of -5", { raw: bytes("HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n[]") }],
  // time
  ["drip", "a blank every 200 ms, for ever", { raw: drip(200) }, { ci: true }],
  ["drip_slow", "a blank every 9 s: never quite stalled", { raw: drip(9000) }],
  ["never", "takes the request and never answers", { raw: () => {} }, { ci: true }],
  ["never_but_head", "answers for the head only", { raw: (request, response, context) => (JSON.stringify(context.calls).includes("latest") ? context.answer() : undefined) }],
  ["slow_3s", "every answer takes three seconds", { raw: (request, response, context) => setTimeout(() => context.answer().catch(() => {}), 3000) }, { works: true }],
  ["flaky", "every third request is a 502", { raw: (request, response, context) => (++turns % 3 ? context.answer() : page(502, "bad gateway")(request, response)) }, { works: true }],
  // sockets
  ["accept_close", "takes connections and closes them", { socket: (socket) => socket.destroy() }, { ci: true }],
  ["accept_reset", "takes connections and resets them", { socket: (socket) => socket.resetAndDestroy() }],
  ["keep_alive_cut", "closes each connection after its answer, without a word", { raw: async (request, response, context) => { await context.answer(); response.on("finish", () => request.socket.destroy()); } }, { works: true }],
  ["syn_dropped", "its queue of connections is full: SYNs are dropped", {}, { own: "stopped", ci: true }],
  ["tls_refused", "TLS asked of a port that speaks none", {}, { own: "tls" }],
];

function frozen() {
  const held = {};
  return {
    call: (call, answer) => {
      if (call.method === "eth_blockNumber") answer.result = held.number ??= answer.result;
      latest((block) => Object.assign(block, (held.block ??= { ...block })))(call, answer);
    },
  };
}

export const modes = Object.fromEntries(
  table.map(([name, what, how, marks = {}]) => [name, { name, what, how, ...marks }]),
);

// Modes that count begin anew.
export function reset_turns() {
  turns = 0;
}
