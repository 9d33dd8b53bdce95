// Answers as the API would, from made-up figures, so that the page can be looked at in every state.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";

const address = (n) => "0x" + n.toString(16).padStart(40, "0");
const block = { number: 48_211, hash: "0x" + "ab".repeat(32), timestamp: 1_790_000_000, finalized: 48_147 };
const proof = { level: "linked", proven_through: 31_000 };
const standing = { block, proof };

const answers = {
  "/v1/status": () => ({
    ...standing, chain_id: 31337, version: "0.2.0", state: "live", ready: true, uptime_ms: 86_400_000,
    reasons: ["provider backup is not asked: rate limited"],
    progress: { first_block: 1200, next_block: 48_212, target_block: 48_214, head_block: 48_214, finalized_block: 48_147,
      lag: 3, events: 120_000, commits: 3000, reorgs: 4, events_per_second: 1830.5, blocks_per_second: 12.25,
      eta_seconds: null, refolding: false },
    providers: [
      { name: "main", state: "ok", usable: true, head: 48_214, requests: 91_220, received_bytes: 1, refusals: 3, errors: 1, malformed: 0, lies: 0, latency_ms: 23.4, in_flight: 2, blocks_cap: 2000 },
      { name: "backup", state: "rate limited", usable: false, head: 48_190, requests: 812, received_bytes: 1, refusals: 40, errors: 12, malformed: 1, lies: 2, latency_ms: 310, in_flight: 0, blocks_cap: null },
    ],
  }),
  "/v1/stats": () => ({ ...standing, events: 1_204_331, blocks: 40_000, quarantined: 1, size_bytes: 233_000_000, entities: { community: 12, vote: 90_311 } }),
  "/v1/chain": (query) => {
    const from = Number(query.get("from") ?? 1200), to = Number(query.get("to") ?? 48_211);
    const whole = [[1200, 9000, "receipts"], [9001, 31_000, "bloom"], [31_001, 31_400, "none"], [31_401, 48_147, "linked"], [48_148, 48_211, "fetched"]];
    return { ...standing, from, to, complete: true, segments: whole.filter(([a, b]) => b >= from && a <= to)
      .map(([a, b, level]) => ({ from: Math.max(a, from), to: Math.min(b, to), level })) };
  },
  "/v1/conflicts": () => ({ ...standing,
    conflicts: [{ proof: "state", entity: "community", block: 48_100, hash: block.hash, time: 1, equal: false, checked: 12, mismatches: 2, level: "", detail: "member_count is 41 here and 42 in the contract for id=7" }],
    summary: { mismatches: 2, quarantined: 1, journal_entries: 3, by_kind: { "log inserted": 3 }, by_provider: { backup: 3 } } }),
  "/v1/quarantine": () => ({ ...standing, total: 1, events: [{ block: 40_001, log_index: 3, event: "hub.MemberLeft", reason: "update membership: no row with community_id=9" }] }),
  "/v1/tasks": () => ({ total: 5, tasks: [
    { id: 5, state: "done", kind: "prove_state", args: "", attempts: 1, attempts_max: 5, error: "", result: JSON.stringify({ proof: "state", verdict: "differs", block: 48_100, mismatches: 2, entities: [{ entity: "community", rows: 12, checked: 24, unchanged: false }] }) },
    { id: 4, state: "done", kind: "prove_log", args: "", attempts: 1, attempts_max: 5, error: "", result: JSON.stringify({ proof: "log", verdict: "equal", level: "receipts", from: 31_401, to: 48_147, mismatches: 0 }) },
    { id: 3, state: "running", kind: "prove_state", args: "community", attempts: 1, attempts_max: 5, error: "", result: "" },
    { id: 2, state: "waiting", kind: "backup", args: "", attempts: 0, attempts_max: 5, error: "", result: "" },
    { id: 1, state: "dead", kind: "refetch", args: "31001 31400", attempts: 5, attempts_max: 5, error: "no provider has these blocks", result: "" }] }),
  "/v1/entities": () => ({ ...standing, entities: [
    { name: "community", rows: 12, key: [{ name: "id", type: "uint256" }], fields: [{ name: "admin", type: "address" }, { name: "name", type: "string" }, { name: "member_count", type: "uint64" }, { name: "archived", type: "bool" }], orders: ["key", "admin"] },
    { name: "vote", rows: 90_311, key: [{ name: "question_id", type: "uint256" }, { name: "voter", type: "address" }], fields: [{ name: "weight", type: "uint128" }], orders: ["key", "voter"] }] }),
  "/v1/entities/community": () => ({ ...standing, entity: "community", next: "k.00", rows: Array.from({ length: 12 }, (_, i) => ({
    key: `id=${i + 1}`, changed_at: { block: 40_000 + i, log_index: 1 },
    row: { id: String(i + 1), admin: address(i + 77), name: ["Gardeners", "Night readers", "Long walks of the lower town and its surroundings"][i % 3], member_count: 40 + i * 7, archived: i === 4 } })) }),
  "/v1/entities/community/id%3D2/history": () => ({ ...standing, at: block, entity: "community", key: "id=2", next: null, versions: [
    { changed_at: { block: 39_000, log_index: 4 }, row: { id: "2", admin: address(78), name: "Night readers", member_count: 0, archived: false }, event: { contract: "hub", event: "CommunityCreated" }, repaired: false },
    { changed_at: { block: 40_001, log_index: 1 }, row: { id: "2", admin: address(78), name: "Night readers", member_count: 47, archived: false }, event: null, repaired: true }] }),
  "/v1/entities/vote": () => ({ ...standing, entity: "vote", next: null, rows: [] }),
  "/v1/analytics": () => ({ reports: [{ name: "largest_communities", about: "Communities with the most members", metric: "count" }] }),
  "/v1/analytics/largest_communities": () => ({ ...standing, report: "largest_communities", about: "Communities with the most members", metric: "count", total: 4,
    groups: [[7, 120], [1, 98], [3, 44], [12, 9]].map(([id, value]) => ({ by: { community_id: String(id) }, value })) }),
};

function frame(text) {
  const body = Buffer.from(text), head = body.length < 126 ? Buffer.from([0x81, body.length]) : Buffer.from([0x81, 126, body.length >> 8, body.length & 255]);
  return Buffer.concat([head, body]);
}

/// Serves `page` and the made-up API; gives the address and what was changed.
export async function serve(page, { token = "secret" } = {}) {
  const { createHash } = await import("node:crypto");
  const changes = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    const send = (status, body, type = "application/json") => response.writeHead(status, { "Content-Type": type }).end(body);
    if (url.pathname === "/") return send(200, readFileSync(page), "text/html; charset=utf-8");
    if (request.method !== "GET") {
      if (request.headers.authorization !== "Bearer " + token) return send(401, JSON.stringify({ error: { code: "Unauthorized", message: "this needs the token" } }));
      changes.push(request.method + " " + url.pathname);
      return send(202, JSON.stringify({ task: { id: 9 } }));
    }
    const answer = answers[url.pathname];
    return answer ? send(200, JSON.stringify(answer(url.searchParams))) : send(404, JSON.stringify({ error: { code: "NotFound", message: "nothing is here" } }));
  });
  const sockets = new Set();
  server.on("upgrade", (request, socket) => {
    const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    for (const message of [
      { type: "hello", block: 48_209, hash: block.hash },
      { type: "block", block: 48_210, hash: block.hash, from: 48_210, rows: [], event_count: 2, events: [
        { block: 48_210, contract: "hub", event: "VoteCast", params: { questionId: "12", voter: address(99), option: 1, weight: "3" } },
        { block: 48_210, contract: "hub", event: "MemberJoined", params: { communityId: "7", user: address(100) } }] },
      { type: "retract", block: 48_209, hash: block.hash, rows: [] },
      { type: "block", block: 48_211, hash: block.hash, from: 48_210, rows: [], event_count: 0, events: [] }]) socket.write(frame(JSON.stringify(message)));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/`, changes, close: () => { for (const socket of sockets) socket.destroy(); server.close(); } };
}
