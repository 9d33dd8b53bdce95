// What an app writes with plumbline-client over `plumbline codegen ts` of the community example. Lines below
// "@ts-expect-error" must not compile: tsc fails where one does.
import { createPlumbline, type EventOf, type Message, type Row } from "plumbline-client";
import { contracts, type components, type paths } from "./document";

const index = createPlumbline<paths, components>({ url: "http://127.0.0.1:8080", token: "t", headers: { "X-App": "1" } });

export async function http() {
  const { data } = await index.http.GET("/v1/entities/vote", { params: { query: { voter: "0x00", order: "-question_id" } } });
  const weight: string | undefined = data?.rows[0]?.row.weight;
  // @ts-expect-error no such path
  await index.http.GET("/v1/entities/nobody");
  return weight;
}

export async function stream(signal: AbortSignal) {
  const messages = index.stream({ entities: ["vote", "community"], events: ["hub.VoteCast"], snapshot: true, signal, onCut: (reason, wait) => console.log(reason, wait) });
  for await (const message of messages) {
    switch (message.type) {
      case "rows":
        for (const change of message.rows) {
          if (change.entity === "vote") {
            const weight: string | undefined = change.row?.weight;
            const key: string = change.key;
            // @ts-expect-error a vote has no name
            change.row?.name;
            // @ts-expect-error may be deleted
            change.row.weight;
            console.log(weight, key);
          } else {
            const name: string | undefined = change.row?.name;
            console.log(name);
          }
          // @ts-expect-error not asked for
          if (change.entity === "question") console.log();
        }
        break;
      case "block": {
        const [event] = message.events;
        const voter: string = event!.params.voter;
        const block: number = message.block;
        const hash: string = message.hash;
        const finalized: number | undefined = message.finalized;
        // @ts-expect-error no such parameter
        event!.params.amount;
        // @ts-expect-error may be missing
        const always: number = message.finalized;
        console.log(voter, block, hash, finalized, always);
        break;
      }
      case "retract": {
        const above: number = message.block;
        // @ts-expect-error blocks that go have no timestamp
        message.timestamp;
        console.log(above);
        break;
      }
      case "reset": {
        const reason: string = message.reason;
        console.log(reason);
        break;
      }
      case "proof": {
        const equal: boolean = message.result.equal;
        console.log(equal);
        break;
      }
      case "hello": case "ready": case "range": case "resume": break;
      default: {
        const none: never = message;
        console.log(none);
      }
    }
    // @ts-expect-error dealt with by the stream
    if (message.type === "drop") break;
  }
  const known: { block: number; hash: string; basis?: string }[] = messages.known;
  const again = index.stream({ events: ["hub.VoteCast", "hub.MemberJoined"], from: 100, known });
  const { value } = await again.next();
  again.close();
  // @ts-expect-error no such entity
  index.stream({ entities: ["nobody"] });
  // @ts-expect-error no such event
  index.stream({ events: ["hub.Nothing"] });
  // @ts-expect-error a block is a number
  index.stream({ from: "100" });
  return value;
}

export async function live() {
  const copy = index.live({ entities: ["community"], events: ["hub.CommunityCreated"] });
  const { subscribe } = copy;
  const leave: () => void = subscribe(() => {});
  await copy.ready();
  const first = copy.rows("community").get("1");
  const name: string | undefined = first?.name;
  const id: bigint = BigInt(copy.events()[0]!.params.communityId);
  const block: number | null = copy.state.block;
  const isReady: boolean = copy.state.isReady;
  const cut: string | null = copy.state.cut;
  // @ts-expect-error not followed
  copy.rows("vote");
  // @ts-expect-error rows are the index's
  copy.rows("community").set("1", first!);
  // @ts-expect-error no such field
  first?.nothing;
  // @ts-expect-error may be missing
  first.name;
  // @ts-expect-error a state is not changed
  copy.state.block = 5;
  // @ts-expect-error a copy begins with all rows: it takes no cursors
  index.live({ entities: ["community"], known: [] });
  leave();
  copy.close();
  return { name, id, block, isReady, cut };
}

export const vote: Row<components, "vote"> | undefined = undefined;
export const cast: EventOf<components, "hub.VoteCast"> | undefined = undefined;
export type VoteMessage = Message<components, "vote", "hub.VoteCast">;

export const address: `0x${string}` = contracts.hub.address;
export const kind: "event" | "function" = contracts.hub.abi[0].type;
type Named = Extract<(typeof contracts.hub.abi)[number], { type: "event" }>["name"];
export const event: Named = "VoteCast";
// @ts-expect-error no such event
export const other: Named = "Transfer";
// @ts-expect-error no such contract
contracts.nobody;
