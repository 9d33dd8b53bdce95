// Questions that a busy service puts off (429 and 503 with Retry-After) are asked again when it says so. Without that header it
// is no use: the service is not ready, or never answers this.
const waitMaxSeconds = 60;

/** Asking twice does nothing twice. */
function onlyReads({ method, url }: Request): boolean {
  return method === "GET" || (method === "POST" && new URL(url).pathname.endsWith("/v1/sql"));
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((done, failed) => {
    const stop = () => { clearTimeout(timer); failed(signal.reason); };
    const timer = setTimeout(() => { signal.removeEventListener("abort", stop); done(); }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** `fetch` that asks again, at most `retries` times; then what was answered last counts. */
export function retrying(fetch: (request: Request) => Promise<Response>, retries: number): (request: Request) => Promise<Response> {
  return async (request) => {
    for (let left = onlyReads(request) ? retries : 0; ; left--) {
      const again = left > 0 ? request.clone() : undefined;
      const answer = await fetch(request);
      const after = answer.status === 429 || answer.status === 503 ? answer.headers.get("Retry-After") : null;
      if (again === undefined || after === null || !/^\d+$/.test(after) || Number(after) > waitMaxSeconds) return answer;
      await answer.body?.cancel();
      await pause(Number(after) * 1000 * (1 + Math.random() / 4), request.signal);  // Not all clients at once.
      request = again;
    }
  };
}
