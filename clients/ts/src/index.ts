// A typed client of a plumbline service. `paths` and `components` come from `plumbline codegen ts`, or from
// openapi-typescript over the service's /v1/openapi.json.
import createFetchClient, { type Client, type ClientOptions } from "openapi-fetch";

import { LiveCopy, type LiveOptions } from "./live.js";
import { retrying } from "./retry.js";
import { Stream, type StreamOptions } from "./stream.js";
import type { AnyComponents, EntityName, EventName } from "./types.js";

export { LiveCopy, type LiveOptions, type LiveState } from "./live.js";
export { Stream, StreamError, type StreamOptions, type WebSocketLike } from "./stream.js";
export type {
  AnyComponents, BlockCursor, EntityName, EventName, EventOf, Message, ProofResult, Row, RowChange,
} from "./types.js";

export interface PlumblineOptions extends Pick<ClientOptions, "fetch" | "headers"> {
  /** The service: "http://127.0.0.1:8080". */
  url: string;
  /** `[http] token`, for what changes something. Reading needs none. */
  token?: string;
  /** So often what only reads is asked again where the service answers 429 or 503 with Retry-After, after that time. Default 2. */
  retries?: number;
  /** Where there is no global WebSocket (Node before 22): that of the package `ws`. */
  WebSocket?: StreamOptions["WebSocket"];
}

export interface Plumbline<Paths extends {}, Components extends AnyComponents> {
  /** The HTTP API, typed by its paths: `http.GET("/v1/entities/vote", ...)`. Never throws for an error of the service. */
  readonly http: Client<Paths>;
  /** Messages of the live stream, whole blocks, for as long as somebody iterates. */
  stream<E extends EntityName<Components> = never, V extends EventName<Components> = never>(
    options: StreamOptions<E, V>,
  ): Stream<Components, E, V>;
  /** Rows (and events) in memory that follow the index. */
  live<E extends EntityName<Components> = never, V extends EventName<Components> = never>(
    options: LiveOptions<E, V>,
  ): LiveCopy<Components, E, V>;
}

export function createPlumbline<Paths extends {}, Components extends AnyComponents>(
  options: PlumblineOptions,
): Plumbline<Paths, Components> {
  const { url, token, WebSocket, headers, retries, fetch, ...rest } = options;
  const http = createFetchClient<Paths>({
    ...rest,
    fetch: retrying(fetch ?? ((request) => globalThis.fetch(request)), retries ?? 2),
    baseUrl: url,
    ...(token === undefined ? (headers === undefined ? {} : { headers }) : { headers: { ...(headers as object), Authorization: `Bearer ${token}` } }),
  });
  const socket = WebSocket === undefined ? {} : { WebSocket };
  return {
    http,
    stream: (asked) => new Stream(url, { ...socket, ...asked }),
    live: (asked) => new LiveCopy(url, { ...socket, ...asked }),
  };
}
