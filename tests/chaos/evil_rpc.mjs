// An evil provider in front of an honest node:
//
//   node tests/chaos/evil_rpc.mjs --up URL [--port P] [--other URL] [--mode NAME]     evil_modes.mjs has the modes
//   {"pid":4711,"url":"http://127.0.0.1:40123"}
//
// It hears {mode: NAME} from a parent process (`pass`: honest) and tells {asked: how often it was asked till then}. Listens on 127.0.0.1 only, with a queue of one
// connection, so that a stopped process drops SYNs soon.

import http from "node:http";

import { options } from "../../tools/node/lib.mjs";
import { modes, reset_turns } from "./evil_modes.mjs";

const args = options(
  { up: "", port: 0, other: "", mode: "pass" },
  "usage: evil_rpc.mjs --up URL [--port P] [--other URL] [--mode NAME]",
);
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const sockets = new Set();
let mode = null;
let requests = 0;
let connections = 0;

function set_mode(name) {
  if (name !== "pass" && !modes[name]) throw new Error(`${name}: no such mode`);
  mode = name === "pass" ? null : modes[name];
  reset_turns();
  for (const socket of sockets) socket.destroy(); // what hangs in the old mode begins anew in the new one
}

function post(url, body) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": body.length };
    const request = http.request(url, { method: "POST", agent, headers }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve(Buffer.concat(parts)));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

// The honest answer, changed call by call and then as a list.
function change(text, calls, { call, batch }) {
  const parsed = JSON.parse(text);
  const list = [calls].flat();
  let answers = [parsed].flat();
  if (call)
    for (const one of list) {
      const answer = answers.find(({ id }) => id === one.id);
      if (answer) call(one, answer);
    }
  if (batch && Array.isArray(parsed)) answers = batch(answers, list);
  return Buffer.from(JSON.stringify(Array.isArray(parsed) ? answers : (answers[0] ?? {})));
}

async function handle(request, response, body) {
  requests += 1;
  const now = mode;
  const up = now?.how.other && requests % 2 ? args.other : args.up;
  const forward = () => post(up, body);
  const give = (bytes) =>
    response.writeHead(200, { "content-type": "application/json", "content-length": bytes.length }).end(bytes);
  if (!now) return give(await forward());
  const calls = JSON.parse(body);
  const { raw, ...changes } = now.how;
  const answer = async (call) => give(change(await forward(), calls, call ? { call } : changes));
  if (raw) return raw(request, response, { calls, list: [calls].flat(), forward, answer });
  return answer();
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("error", () => {});
  response.on("error", () => {});
  request.on("end", () =>
    handle(request, response, Buffer.concat(parts)).catch((error) => {
      if (!response.headersSent) response.writeHead(502);
      response.end(`proxy: ${error.message.slice(0, 100)}`);
    }),
  );
});
server.on("connection", (socket) => {
  connections += 1;
  if (mode?.how.socket) return mode.how.socket(socket);
  sockets.add(socket);
  socket.on("error", () => {});
  socket.on("close", () => sockets.delete(socket));
});
server.on("clientError", (error, socket) => socket.destroy());
server.requestTimeout = 0;
server.keepAliveTimeout = 120000;
process.on("message", ({ mode: name }) => {
  process.send({ asked: Math.max(requests, connections) });
  set_mode(name);
});
process.on("disconnect", () => process.exit(0));
set_mode(args.mode);
server.listen({ port: args.port, host: "127.0.0.1", backlog: 1 }, () => {
  const told = { pid: process.pid, url: `http://127.0.0.1:${server.address().port}` };
  if (process.send) process.send(told);
  else console.log(JSON.stringify(told));
});
