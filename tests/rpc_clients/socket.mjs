// A WebSocket to a JSON-RPC server, and what its subscriptions tell.
import { createRequire } from "node:module";
import { join } from "node:path";

import { root } from "../examples/example_chain.mjs";

const { WebSocket } = createRequire(join(root, "tools/node/package.json"))("ws");

// `news` by the ids of subscriptions; `closed` once the server has ended it: why.
export class Socket {
  static async open(url) {
    const socket = new Socket();
    Object.assign(socket, { answers: new Map(), news: new Map(), ws: new WebSocket(url.replace("http", "ws")) });
    await new Promise((done) => socket.ws.once("open", done));
    socket.ws.on("close", (code, reason) => (socket.closed = `${code} ${reason}`));
    socket.ws.on("message", (data) => {
      const message = JSON.parse(data);
      if (message.method === "eth_subscription") socket.of(message.params.subscription).push(message.params.result);
      else socket.answers.get(message.id)(message);
    });
    return socket;
  }
  of(id) {
    if (!this.news.has(id)) this.news.set(id, []);
    return this.news.get(id);
  }
  ask(method, ...params) {
    const id = this.answers.size + 1;
    return new Promise((done) => {
      this.answers.set(id, done);
      this.ws.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }
}
