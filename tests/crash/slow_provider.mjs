// A provider in front of another that takes few blocks at a time and thinks long: says "ready PORT"
// once it listens on loopback, then a line "logs FROM TO" for each eth_getLogs that it answered.
//   node slow_provider.mjs --rpc URL --blocks MOST --delay MS
import http from "node:http";

const argument = (name) => process.argv[process.argv.indexOf(name) + 1];
const rpc = argument("--rpc");
const blocks = Number(argument("--blocks"));
const delay = Number(argument("--delay"));

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const ask = async (body) =>
  (await fetch(rpc, { method: "POST", headers: { "content-type": "application/json" }, body })).text();

// One question of logs at a time, as a provider that counts requests a second.
let turn = Promise.resolve();
async function answer(call) {
  if (call.method !== "eth_getLogs" || call.params[0].blockHash) {
    return JSON.parse(await ask(JSON.stringify(call)));
  }
  const before = turn;
  let done;
  turn = new Promise((resolve) => (done = resolve));
  await before;
  await wait(delay);
  const [from, to] = [Number(call.params[0].fromBlock), Number(call.params[0].toBlock)];
  const answered =
    to - from + 1 > blocks
      ? { jsonrpc: "2.0", id: call.id, error: { code: -32602, message: `query exceeds max block range ${blocks}` } }
      : JSON.parse(await ask(JSON.stringify(call)));
  if (answered.result) {
    console.log(`logs ${from} ${to}`);
  }
  done();
  return answered;
}

const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", async () => {
    try {
      const calls = JSON.parse(body);
      const answers = Array.isArray(calls) ? await Promise.all(calls.map(answer)) : await answer(calls);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(answers));
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(`ready ${server.address().port}`));
