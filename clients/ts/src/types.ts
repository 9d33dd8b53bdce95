// Types of the live stream, from the schemas of the OpenAPI document: "entity.vote" is a row of the entity vote,
// "event.hub.VoteCast" an event.

export interface AnyComponents {
  schemas: {};
}

export type EntityName<C extends AnyComponents> = keyof C["schemas"] extends infer K ? (K extends `entity.${infer N}` ? N : never) : never;

/** "hub.VoteCast" */
export type EventName<C extends AnyComponents> = keyof C["schemas"] extends infer K ? (K extends `event.${infer N}` ? N : never) : never;

/** A row as the API shows it: wide integers are strings. */
export type Row<C extends AnyComponents, N extends EntityName<C>> = C["schemas"][`entity.${N}` & keyof C["schemas"]];

export type EventOf<C extends AnyComponents, N extends EventName<C>> = C["schemas"][`event.${N}` & keyof C["schemas"]];

/** Told apart by `entity`. The row is null where it was deleted. */
export type RowChange<C extends AnyComponents, N extends EntityName<C>> = N extends EntityName<C>
  ? { entity: N; key: string; row: Row<C, N> | null }
  : never;

/** A block, as a stream names where it stands. */
export interface BlockCursor {
  block: number;
  hash: string;
  /** Of what the service made it: after another mapping or a repair the same block has another one. */
  basis?: string;
}

export interface ProofResult {
  proof: string;
  entity: string;
  block: number;
  equal: boolean;
  checked: number;
  mismatches: number;
  detail: string;
}

/** What each means and asks for: docs/api.md, "Live stream". `wait` and `drop` are dealt with by the stream. */
export type Message<C extends AnyComponents, E extends EntityName<C>, V extends EventName<C>> =
  | { type: "hello"; block: number | null; hash?: string; basis?: string; from?: number }
  /** Forget all you hold. */
  | { type: "reset"; reason: string; snapshot: boolean; block?: number | null; hash?: string; basis?: string }
  | { type: "rows"; rows: RowChange<C, E>[] }
  | { type: "ready"; block: number; hash: string; basis?: string }
  | {
      type: "block"; block: number; hash: string; basis?: string; from: number; timestamp: number; event_count: number;
      /** Not told for blocks that are read again from the log. */
      finalized?: number;
      rows: RowChange<C, E>[];
      events: EventOf<C, V>[];
    }
  /** Drop events above `block`, put the rows. */
  | { type: "retract"; block: number; hash?: string; basis?: string; rows?: RowChange<C, E>[] }
  /** Too much changed to tell row by row; a reset follows. */
  | { type: "range"; from: number; block: number; event_count: number }
  | { type: "resume"; block: number; hash: string; basis?: string }
  | { type: "proof"; result: ProofResult };
