import { useCallback, useEffect, useState } from "./el.js";
import { Store, useStore } from "./store.js";

const API = "/console/api/";

/** The answer of `GET /console/api/session`: the rights of this browser. It is undefined until it is known. */
export const session = new Store(undefined);

/** Counts how often the runtime came back: what failed without it is asked for again. */
export const returns = new Store(0);

/** A refusal of the server, as problems (RFC 9457) state it. */
export class ApiError extends Error {
  /** @param {number} status 0 if the server cannot be reached */
  constructor(status, problem = {}) {
    super(problem.detail ?? problem.title ?? `the server answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/**
 * Asks the API.
 *
 * @param {string} path
 * @param {{ method?: string, body?: unknown, signal?: AbortSignal }} [options]
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
export async function ask(path, { method = "GET", body, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = method === "GET" ? {} : { "x-weir-console": "1" };
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(API + path, { method, headers, signal, body: body && JSON.stringify(body) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, { detail: "the runtime does not answer" });
  }
  const text = await response.text();
  const json = parse(text);
  if (response.ok) return json;
  if (response.status === 401 && path !== "sign-in") void readSession();
  throw new ApiError(response.status, json);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const post = (path, body = {}) => ask(path, { method: "POST", body });

/** Returns a query of the parameters that are not empty, with its `?`. */
export function queryOf(parameters) {
  const entries = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== "");
  return entries.length ? `?${new URLSearchParams(entries)}` : "";
}

/** Reads the session again. */
export async function readSession() {
  try {
    session.set(await ask("session"));
  } catch (error) {
    if (session.value === undefined) session.set({ access: "unreachable", detail: error.message });
  }
}

/**
 * Asks for `path`, and again when it changes or `reload` is called. What was there stays until the answer comes.
 *
 * @param {string | undefined} path Nothing is asked while it is undefined
 * @returns {{ data?: any, error?: ApiError, reload: () => void, loading: boolean }}
 */
export function useAsk(path) {
  const [answer, setAnswer] = useState({});
  const [turn, setTurn] = useState(0);
  const back = useStore(returns), failedBefore = answer.error?.status === 0 ? back : 0;
  useEffect(() => {
    if (path === undefined) return;
    const abort = new AbortController();
    ask(path, { signal: abort.signal }).then(
      (data) => setAnswer({ path, data }),
      (error) =>
        abort.signal.aborted ||
        setAnswer((former) => ({ path, error, data: former.path === path ? former.data : undefined })),
    );
    return () => abort.abort();
  }, [path, turn, failedBefore]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const fresh = answer.path === path;
  return { data: fresh ? answer.data : undefined, error: fresh ? answer.error : undefined, reload, loading: !fresh };
}
