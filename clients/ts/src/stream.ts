// The live stream as an async iterator. It connects again after a cut and goes on where it was; a block that came in
// part is told again, whole. What it holds is bounded: where nobody takes the messages, it lets the connection go and
// comes back once they are taken.
import type { AnyComponents, BlockCursor, EntityName, EventName, Message } from "./types.js";

/** The part of the standard's WebSocket that is used; that of the package `ws` has it too. */
export interface WebSocketLike {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  close(): void;
}

export interface StreamOptions<E extends string = string, V extends string = string> {
  /** Rows of these entities. */
  entities?: readonly E[];
  /** Events of these names: "hub.VoteCast". */
  events?: readonly V[];
  /** Only these rows; goes with exactly one entity. */
  keys?: readonly string[];
  /** All rows first, and again after a reset. */
  snapshot?: boolean;
  /** Events of the log from this block on first; goes with `events` alone. */
  from?: number;
  /** Where an earlier stream stood (`stream.known`, kept with what you hold). */
  known?: readonly BlockCursor[];
  /** Ends the stream. */
  signal?: AbortSignal;
  /** Told of each connection that ended, before the next try. */
  onCut?: (reason: string, retryInMs: number) => void;
  /** Connect again where nothing was heard for so long; 0: never. Default two minutes. */
  silenceMs?: number;
  /** Messages kept for a slow reader. Default 10,000. */
  messagesMax?: number;
  WebSocket?: new (url: string) => WebSocketLike;
}

/** The service refuses what is asked for: trying again would not help. */
export class StreamError extends Error {
  override name = "StreamError";
}

const knownMax = 31;  // The server takes 32; one place is for the last block that had events.
const retryMinMs = 250;
const retryMaxMs = 30_000;

/** What cursors need of a message. */
interface Step {
  type: string;
  block?: number | null;
  hash?: string;
  basis?: string;
  events?: readonly unknown[];
}

/** The blocks that a copy may stand on. */
class Cursors {
  private list: BlockCursor[] = [];  // newest last
  private withEvents: BlockCursor | undefined;

  constructor(known: readonly BlockCursor[] = []) {
    this.list = [...known].sort((a, b) => a.block - b.block);
  }

  take({ type, block, hash, basis, events }: Step): void {
    if (type === "reset" || type === "range") this.list = [];
    if (type === "reset") this.withEvents = undefined;
    if (typeof block !== "number") return;
    if (type === "retract") {
      this.list = this.list.filter((one) => one.block <= block);
      if (this.withEvents !== undefined && this.withEvents.block > block) this.withEvents = undefined;
    }
    if (hash === undefined) return;
    this.list = this.list.filter((one) => one.block < block);
    const here = basis === undefined ? { block, hash } : { block, hash, basis };
    this.list.push(here);
    if (type === "block" && events !== undefined && events.length > 0) this.withEvents = here;
    if (this.list.length > knownMax) this.list.shift();
  }

  get isEmpty(): boolean {
    return this.list.length === 0;
  }

  /** Newest first. */
  all(): BlockCursor[] {
    const out = [...this.list].reverse();
    const last = this.withEvents;
    return last === undefined || out.length === 0 || out.some((one) => one.block === last.block) ? out : [...out, last];
  }
}

export class Stream<C extends AnyComponents, E extends EntityName<C>, V extends EventName<C>>
  implements AsyncIterableIterator<Message<C, E, V>>
{
  private readonly options: StreamOptions<E, V>;
  private readonly base: string;
  private readonly make: new (url: string) => WebSocketLike;
  private readonly received: Cursors;
  private readonly taken: Cursors;
  private waiting: Message<C, E, V>[] = [];
  private takers: { resolve: (result: IteratorResult<Message<C, E, V>>) => void; reject: (error: unknown) => void }[] = [];
  private partial: any[] = [];  // events of a block of which more is to come
  private socket: WebSocketLike | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private isPaused = false;
  private error: unknown;
  private isOver = false;

  constructor(url: string, options: StreamOptions<E, V>) {
    this.options = options;
    this.base = url.replace(/\/+$/, "");
    const found = options.WebSocket ?? (globalThis as { WebSocket?: new (url: string) => WebSocketLike }).WebSocket;
    if (found === undefined) throw new StreamError("there is no WebSocket here: give that of the package `ws`");
    this.make = found;
    this.received = new Cursors(options.known);
    this.taken = new Cursors(options.known);
    options.signal?.addEventListener("abort", () => this.end(), { once: true });
    if (options.signal?.aborted) this.end();
    else this.connect();
  }

  /** Where the message that was taken last stands: keep it with what you made of it, and give it to the next stream. */
  get known(): BlockCursor[] {
    return this.taken.all();
  }

  next(): Promise<IteratorResult<Message<C, E, V>>> {
    const message = this.waiting.shift();
    if (message !== undefined) {
      this.taken.take(message);
      if (this.isPaused && this.waiting.length === 0) {
        this.isPaused = false;
        this.connect();
      }
      return Promise.resolve({ value: message, done: false });
    }
    if (this.error !== undefined) {
      const error = this.error;
      this.error = undefined;
      return Promise.reject(error);
    }
    if (this.isOver) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.takers.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<Message<C, E, V>>> {
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends it: whoever waits for a message is told. */
  close(): void {
    this.end();
  }

  private query(): string {
    const out = new URLSearchParams();
    for (const name of this.options.entities ?? []) out.append("entity", name);
    for (const key of this.options.keys ?? []) out.append("key", key);
    for (const name of this.options.events ?? []) out.append("event", name);
    if (this.options.snapshot) out.append("snapshot", "true");
    if (this.options.from !== undefined) out.append("from", String(this.options.from));
    for (const { block, hash, basis } of this.received.all()) {
      out.append("known", basis === undefined ? `${block}-${hash}` : `${block}-${hash}-${basis}`);
    }
    return out.toString();
  }

  private connect(): void {
    this.partial = [];
    const query = this.query();
    const socket = new this.make(`${this.base.replace(/^http/, "ws")}/v1/stream${query === "" ? "" : "?" + query}`);
    this.socket = socket;
    let isOpen = false;
    let reason = "the connection ended";
    socket.onopen = () => { isOpen = true; };
    socket.onmessage = ({ data }) => {
      if (this.socket !== socket) return;
      let message: any;
      try {
        message = JSON.parse(String(data));
      } catch {
        reason = "something between here and the service changed a message";
        socket.close();
        return;
      }
      if (message.type === "drop") reason = message.reason;
      else this.take(message);
    };
    socket.onerror = () => {};  // `onclose` follows.
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      clearTimeout(this.silence);
      if (this.isPaused || this.isOver) return;
      if (isOpen) this.retry(reason);
      else void this.ask(query);
    };
    this.listen(socket);
  }

  /** A WebSocket does not say why it was refused; the same request as plain HTTP does. */
  private async ask(query: string): Promise<void> {
    let reason = `nobody answers at ${this.base}`;
    try {
      const answer = await fetch(`${this.base}/v1/stream${query === "" ? "" : "?" + query}`, { signal: AbortSignal.timeout(10_000) });
      const said = await answer.json().catch(() => ({}));
      const words = said?.error?.message;
      if (answer.status === 400 || answer.status === 403) {
        this.end(new StreamError(words ?? "the service refuses the question"));
        return;
      }
      reason = answer.status === 426 ? "the connection ended" : words ?? `the service answers ${answer.status}`;
    } catch {
      // As it was: nobody answers.
    }
    if (!this.isOver) this.retry(reason);
  }

  private retry(reason: string): void {
    const most = Math.min(retryMaxMs, retryMinMs * 2 ** this.failures++);
    const wait = most / 2 + Math.random() * (most / 2);  // Not all clients at once.
    this.options.onCut?.(reason, wait);
    this.timer = setTimeout(() => this.connect(), wait);
  }

  /** A connection that is dead without a word looks like a chain that stands still. */
  private listen(socket: WebSocketLike): void {
    const limit = this.options.silenceMs ?? 120_000;
    if (limit <= 0) return;
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      socket.close();
      this.retry(`nothing was heard for ${limit} ms`);
    }, limit);
  }

  private take(message: any): void {
    this.failures = 0;
    if (this.socket !== undefined) this.listen(this.socket);
    if (message.type === "wait") return;
    if (message.type === "block") {
      if (message.more === true) {
        this.partial.push(...message.events);
        return;
      }
      if (this.partial.length > 0) message.events = [...this.partial, ...message.events];
    }
    this.partial = [];
    this.received.take(message);
    const taker = this.takers.shift();
    if (taker !== undefined) {
      this.taken.take(message);
      taker.resolve({ value: message, done: false });
      return;
    }
    this.waiting.push(message);
    // Without a cursor all would be told again: a snapshot is taken whole.
    if (!this.received.isEmpty && this.waiting.length >= (this.options.messagesMax ?? 10_000)) {
      this.isPaused = true;
      clearTimeout(this.silence);
      this.socket?.close();
      this.socket = undefined;
    }
  }

  private end(error?: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.error = error;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    this.socket?.close();
    this.socket = undefined;
    for (const { resolve, reject } of this.takers.splice(0)) {
      if (this.error !== undefined) {
        reject(this.error);
        this.error = undefined;
      } else {
        resolve({ value: undefined, done: true });
      }
    }
  }
}
