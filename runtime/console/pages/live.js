import { ask, readSession, returns } from "./api.js";
import { Store } from "./store.js";
import { listen } from "./stream.js";

/** Seconds that the small charts of rates show. */
const HISTORY = 60;

/**
 * The figures of now, of `GET /console/api/live`, one set a second; undefined before the first. `history` has the rates
 * of each function in the last minute.
 */
export const live = new Store(undefined);
/** The graph of events and functions; undefined before it is read. */
export const graph = new Store(undefined);
/** Whether the stream works: `waiting` at first, then `open` or `lost`. */
export const link = new Store("waiting");

const history = new Map();
let close, revision, watched;

/** Begins to listen. Does nothing if it has begun. */
export function startLive() {
  const handlers = { live: take, function: (message) => watched?.handle(message) };
  const path = watched ? `live?function=${encodeURIComponent(watched.name)}` : "live";
  close ??= listen(path, handlers, onState);
}

function onState(open) {
  if (open && link.value === "lost") returns.set(returns.value + 1);
  link.set(open ? "open" : "lost");
  if (!open) void readSession(); // a sign-in may have ended
}

/** Ends it, for example before a sign-in. */
export function stopLive() {
  close?.();
  close = undefined;
}

/** Asks for what is new of one function too, over the same connection. Returns a function that ends this. */
export function watchFunction(name, handle) {
  watched = { name, handle };
  stopLive();
  startLive();
  return () => {
    watched = undefined;
    stopLive();
    startLive();
  };
}

function take(message) {
  const former = message.full ? undefined : live.value;
  const functions = { ...former?.functions, ...message.functions };
  for (const [name, { rate }] of Object.entries(functions)) {
    const rates = history.get(name) ?? [];
    history.set(name, [...rates, rate].slice(-HISTORY));
  }
  live.set({ ...message, functions, edges: { ...former?.edges, ...message.edges }, history });
  if (message.revision !== revision) void readGraph(message.revision);
}

async function readGraph(of) {
  revision = of;
  try {
    graph.set(await ask("graph"));
  } catch {
    revision = undefined; // the next message asks again
  }
}
