// What an app writes against the types of the community example. Lines below "@ts-expect-error" must
// not compile: tsc fails where one does.
import createClient from "openapi-fetch";
import type { components, paths } from "./document";

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8080" });
type Schemas = components["schemas"];

export async function lists() {
  const { data, error } = await client.GET("/v1/entities/community", {
    params: { query: { "member_count.gte": "3", order: "-id", limit: 10, count: true, archived: "false" } },
  });
  if (!data) throw new Error(error.error.message);
  const block: number | undefined = data.block?.number;
  const level: "none" | "fetched" | "linked" | "bloom" | "receipts" = data.proof.level;
  const next: string | null = data.next;
  const first = data.rows[0];
  const id: string = first.row.id;
  const name: string = first.row.name;
  const archived: boolean = first.row.archived;
  const kind: number = first.row.kind;
  const members: number | string = first.row.member_count;
  const points: bigint = BigInt(first.row.points);
  const changed: number = first.changed_at.block;
  const founder: string = first.row.founder;
  const count: number | undefined = data.count;
  await client.GET("/v1/entities/community", { params: { query: { fields: ["id", "name"], order: "key" } } });
  await client.GET("/v1/entities/community/{key}/history", { params: { path: { key: "1" }, query: { fields: ["member_count"] } } });
  // @ts-expect-error no such field
  await client.GET("/v1/entities/community", { params: { query: { fields: ["id", "nmae"] } } });
  // @ts-expect-error no such field of that row
  await client.GET("/v1/entities/community/{key}", { params: { path: { key: "1" }, query: { fields: ["voter"] } } });
  // @ts-expect-error no key or index has that order
  await client.GET("/v1/entities/community", { params: { query: { order: "points" } } });
  // @ts-expect-error a uint256 is a string
  const wide: number = first.row.points;
  // @ts-expect-error a uint64 may be beyond what a number holds
  const narrow: number = first.row.member_count;
  // @ts-expect-error no such field
  first.row.nothing;
  // @ts-expect-error fields are in the row
  first.name;
  // @ts-expect-error may be null at the end
  const always: string = data.next;
  // @ts-expect-error there is no block before the first
  data.block.number;
  // @ts-expect-error a bool
  const text: string = first.row.archived;
  return { block, level, next, id, name, archived, kind, members, points, changed, founder, count, wide, narrow, always, text };
}

export async function oneRow() {
  const { data } = await client.GET("/v1/entities/vote/{key}", { params: { path: { key: "question_id=1,voter=0x00" } } });
  const weight: string | undefined = data?.row.weight;
  const option: number | undefined = data?.row.option;
  const old = await client.GET("/v1/entities/vote/{key}", { params: { path: { key: "1" }, query: { at: 20 } } });
  const at: number | undefined = old.data?.at?.number;
  const history = await client.GET("/v1/entities/vote/{key}/history", { params: { path: { key: "1" } } });
  const version = history.data?.versions[0];
  const then: string | undefined = version?.row?.weight;
  const repaired: boolean | undefined = version?.repaired;
  // @ts-expect-error the key is missing
  await client.GET("/v1/entities/vote/{key}", {});
  // @ts-expect-error no such entity
  await client.GET("/v1/entities/{nobody}/x", {});
  // @ts-expect-error a deleted version has no row
  version!.row.weight;
  // @ts-expect-error a block is a number
  await client.GET("/v1/entities/vote/{key}", { params: { path: { key: "1" }, query: { at: "twenty" } } });
  return { weight, option, at, then, repaired };
}

export async function events() {
  const { data } = await client.GET("/v1/events/hub/VoteCast", {
    params: { query: { order: "-block", "param.voter": "0x00", "param.weight.gt": "5" } },
  });
  const event = data!.events[0];
  const voter: string = event.params.voter;
  const option: number = event.params.option;
  const weight: string = event.params.weight;
  const name: "VoteCast" = event.event;
  const contract: "hub" = event.contract;
  const block: number = event.block;
  const any = await client.GET("/v1/events", { params: { query: { contract: "hub" } } });
  const maybe: string | null = any.data!.events[0].event;
  // @ts-expect-error no such parameter
  event.params.amount;
  // @ts-expect-error it is VoteCast
  const other: "Transfer" = event.event;
  // @ts-expect-error a uint128 is a string
  const wide: number = event.params.weight;
  // @ts-expect-error not every event is known
  const known: string = any.data!.events[0].event;
  // @ts-expect-error block or -block
  await client.GET("/v1/events/hub/VoteCast", { params: { query: { order: "newest" } } });
  // @ts-expect-error no such parameter to ask for
  await client.GET("/v1/events/hub/VoteCast", { params: { query: { "param.amount": "1" } } });
  return { voter, option, weight, name, contract, block, maybe, other, wide, known };
}

export async function rest() {
  const sql = await client.POST("/v1/sql", { body: { sql: "select count(*) from vote" } });
  const cell: string | number | null = sql.data!.rows[0][0];
  const status = await client.GET("/v1/status");
  const lag: number | null = status.data!.progress.lag;
  const provider: string = status.data!.providers[0].name;
  const health: "ok" | "degraded" = (await client.GET("/v1/health")).data!.status;
  const tasks = (await client.GET("/v1/tasks")).data!.tasks;
  const kind: string = tasks[0].kind;
  const journal: number = (await client.GET("/v1/journal")).data!.entries[0].seq;
  const row: Schemas["entity.question"]["text"] = "";
  const cast: Schemas["event.hub.VoteCast"]["params"]["comment"] = "";
  const stats: number = (await client.GET("/v1/stats")).data!.entities["vote"];
  // @ts-expect-error a row is a list
  sql.data!.rows[0].count;
  // @ts-expect-error may be null
  const number: number = status.data!.progress.lag;
  // @ts-expect-error ok or degraded
  const good: "fine" = (await client.GET("/v1/health")).data!.status;
  // @ts-expect-error no such schema
  type Nothing = Schemas["entity.nothing"];
  return { cell, lag, provider, health, kind, journal, row, cast, stats, number, good };
}
