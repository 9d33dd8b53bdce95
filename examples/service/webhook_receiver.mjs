// Takes what plumbline posts to a webhook: checks the signature and its age, and keeps a copy of the rows.
//
//   SECRET=0123456789abcdef node examples/service/webhook_receiver.mjs [PORT]
//
// Each message that was taken is printed as a line of JSON. In your own receiver put the rows into your database in place
// of `rows`, in the same transaction as the (block, hash) of the message.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = process.env.SECRET;
const oldest = 300; // seconds

function isSigned(headers, body) {
  const time = headers["x-plumbline-timestamp"] ?? "";
  const wanted = "sha256=" + createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");
  const given = headers["x-plumbline-signature"] ?? "";
  return (
    given.length === wanted.length &&
    timingSafeEqual(Buffer.from(given), Buffer.from(wanted)) &&
    Math.abs(Date.now() / 1000 - Number(time)) < oldest
  );
}

const rows = new Map(); // "entity key" -> row

function take(message) {
  if (message.type === "reset") rows.clear(); // Then read the entities over HTTP: what is here may be anything.
  for (const { entity, key, row } of message.rows ?? []) {
    if (row === null) rows.delete(`${entity} ${key}`);
    else rows.set(`${entity} ${key}`, row);
  }
  console.log(JSON.stringify(message));
}

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const body = Buffer.concat(parts).toString();
    if (!isSigned(request.headers, body)) {
      response.writeHead(401).end();
      return;
    }
    JSON.parse(body).messages.forEach(take);
    response.writeHead(204).end();
  });
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () =>
  console.log(JSON.stringify({ listening: server.address().port })),
);
