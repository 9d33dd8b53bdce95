// Stands between a client and a JSON-RPC server, HTTP and WebSocket, and keeps what was asked and answered.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

import { root } from "../examples/example_chain.mjs";

const { WebSocket, WebSocketServer } = createRequire(join(root, "tools/node/package.json"))("ws");

const list = (value) => (Array.isArray(value) ? value : [value]);

export class Recorder {
  // Of the JSON-RPC server at `target`, an http URL.
  static async before(target) {
    const recorder = new Recorder();
    recorder.target = target;
    recorder.clear();
    const server = createServer((request, response) => recorder.#pass(request, response));
    new WebSocketServer({ server }).on("connection", (client) => recorder.#bridge(client));
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    server.unref();
    recorder.server = server;
    recorder.url = `http://127.0.0.1:${server.address().port}`;
    recorder.ws = recorder.url.replace("http", "ws");
    return recorder;
  }

  // `exchanges` are [{method, params}, {result} or {error}], in the order of the answers; `news` what subscriptions told.
  clear() {
    this.exchanges = [];
    this.news = [];
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  asked(method) {
    return this.exchanges.filter(([{ method: name }]) => name === method);
  }

  #keep(requests, answers) {
    for (const answer of list(answers)) {
      const request = list(requests).find(({ id }) => id === answer.id) ?? {};
      const { result, error } = answer;
      this.exchanges.push([{ method: request.method, params: request.params }, error ? { error } : { result }]);
    }
  }

  async #pass(request, response) {
    let body = "";
    for await (const part of request) body += part;
    try {
      const answer = await fetch(this.target, { method: "POST", headers: { "content-type": "application/json" }, body });
      const text = await answer.text();
      this.#keep(JSON.parse(body), JSON.parse(text));
      response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
    } catch {
      response.destroy();
    }
  }

  #bridge(client) {
    const server = new WebSocket(this.target.replace("http", "ws"));
    const waiting = [], open = new Map();
    server.on("open", () => waiting.splice(0).forEach((text) => server.send(text)));
    client.on("message", (data) => {
      const text = String(data);
      for (const request of list(JSON.parse(text))) open.set(request.id, request);
      if (server.readyState === WebSocket.OPEN) server.send(text);
      else waiting.push(text);
    });
    server.on("message", (data) => {
      const text = String(data), message = JSON.parse(text);
      if (message.method === "eth_subscription") this.news.push(message.params.result);
      else this.#keep(list(message).map(({ id }) => open.get(id)).filter(Boolean), message);
      client.send(text);
    });
    client.on("close", () => server.close()).on("error", () => server.close());
    server.on("close", () => client.close()).on("error", () => client.close());
  }
}
