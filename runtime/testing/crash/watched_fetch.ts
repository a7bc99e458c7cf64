import { Life } from "./life.ts";

let users = 0, inner: typeof fetch;

const routed: typeof fetch = (input, init) => {
  const life = Life.current();
  if (!life) return inner(input, init);
  const request = input instanceof Request ? input : undefined;
  const url = String(request?.url ?? input), { origin, pathname } = URL.canParse(url) ? new URL(url) : NOWHERE;
  const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
  return life.step(`fetch ${method} ${origin}${pathname}`, () => inner(input, init), {
    discard: (response) => void response.body?.cancel().catch(() => {}),
    outside: HARMLESS.includes(method) ? "no" : "yes",
  });
};

const HARMLESS = ["GET", "HEAD", "OPTIONS"];

const NOWHERE = { origin: "", pathname: "(no URL)" };

/** Makes each global `fetch` of a handler under trial a step. Anybody else's is what it was. Returns what ends it. */
export function watchFetch(): () => void {
  if (users++ === 0) {
    inner = globalThis.fetch;
    globalThis.fetch = routed;
  }
  return () => {
    if (--users === 0 && globalThis.fetch === routed) globalThis.fetch = inner;
  };
}
