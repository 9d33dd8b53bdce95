// Rows and events in memory that follow the index: what a list on a screen shows. After each block they equal the
// database at that block; what a reorganisation takes back goes.
import { Stream, type StreamOptions } from "./stream.js";
import type { AnyComponents, EntityName, EventName, EventOf, Message, Row } from "./types.js";

export interface LiveOptions<E extends string = string, V extends string = string>
  extends Omit<StreamOptions<E, V>, "snapshot" | "known" | "from"> {
  /** Events kept, the newest ones. Default 1,000. */
  eventsMax?: number;
}

/** A new object after each change: compare by identity. */
export interface LiveState {
  /** All is there, as of `block`. */
  readonly isReady: boolean;
  readonly block: number | null;
  readonly hash: string | null;
  /** Why it stands still, if it does. */
  readonly cut: string | null;
  /** It ended, and will not go on. */
  readonly error: Error | null;
}

export class LiveCopy<C extends AnyComponents, E extends EntityName<C>, V extends EventName<C>> {
  private readonly tables = new Map<string, Map<string, unknown>>();
  /** Tables that somebody outside holds: the next change is made to a copy. */
  private readonly lent = new Set<string>();
  private list: EventOf<C, V>[] = [];
  private readonly listeners = new Set<() => void>();
  private readonly stream: Stream<C, E, V>;
  private readonly eventsMax: number;
  private now: LiveState = { isReady: false, block: null, hash: null, cut: null, error: null };

  constructor(url: string, options: LiveOptions<E, V>) {
    this.eventsMax = options.eventsMax ?? 1_000;
    this.stream = new Stream<C, E, V>(url, {
      ...options,
      snapshot: (options.entities ?? []).length > 0,
      onCut: (reason, wait) => {
        this.change({ cut: reason });
        options.onCut?.(reason, wait);
      },
    });
    void this.follow();
  }

  get state(): LiveState {
    return this.now;
  }

  /**
   * By key, as messages and the API name rows. What was given out stays as it is: after a change of the entity's rows it
   * is another Map, without one the same.
   */
  rows<N extends E>(entity: N): ReadonlyMap<string, Row<C, N>> {
    this.lent.add(entity);
    return this.table(entity) as ReadonlyMap<string, Row<C, N>>;
  }

  /** Oldest first; those that came since the copy began. */
  events(): readonly EventOf<C, V>[] {
    return this.list;
  }

  /**
   * `listener` is called after each change. The answer takes it away again. It needs no `this`: React's
   * useSyncExternalStore(copy.subscribe, () => copy.rows("vote")).
   */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  /** When all is there for the first time; fails where the service refuses what is asked for. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!this.now.isReady && this.now.error === null) return;
        leave();
        if (this.now.error === null) resolve();
        else reject(this.now.error);
      };
      const leave = this.subscribe(look);
      look();
    });
  }

  close(): void {
    this.stream.close();
  }

  private async follow(): Promise<void> {
    try {
      for await (const message of this.stream) this.take(message);
      this.change({ error: new Error("closed") });
    } catch (error) {
      this.change({ error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  private take(message: Message<C, E, V>): void {
    switch (message.type) {
      case "reset":
        this.tables.clear();
        this.lent.clear();
        this.list = [];
        this.change({ isReady: !message.snapshot && typeof message.hash === "string", block: message.block ?? null, hash: message.hash ?? null, cut: null });
        return;
      case "retract":
        this.list = this.list.filter((event) => (event as { block: number }).block <= message.block);
        this.put(message.rows ?? []);
        break;
      case "block":
        this.put(message.rows);
        if (message.events.length > 0) this.list = [...this.list, ...message.events].slice(-this.eventsMax);
        break;
      case "rows":
        this.put(message.rows);
        return;
      case "range":
        this.change({ isReady: false });
        return;
      case "proof":
        return;
    }
    if (typeof message.hash === "string") this.change({ isReady: true, block: message.block, hash: message.hash, cut: null });
  }

  private put(changes: readonly { entity: string; key: string; row: unknown }[]): void {
    for (const { entity, key, row } of changes) {
      if (this.lent.delete(entity)) this.tables.set(entity, new Map(this.table(entity)));
      if (row === null) this.table(entity).delete(key);
      else this.table(entity).set(key, row);
    }
  }

  private table(entity: string): Map<string, unknown> {
    let found = this.tables.get(entity);
    if (found === undefined) this.tables.set(entity, (found = new Map()));
    return found;
  }

  private change(part: Partial<LiveState>): void {
    this.now = { ...this.now, ...part };
    for (const listener of [...this.listeners]) listener();
  }
}
