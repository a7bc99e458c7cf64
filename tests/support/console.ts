import type { EventDefinition } from "../../runtime/api/define_event.ts";
import type { FunctionDefinition } from "../../runtime/api/define_function.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { startRuntime } from "../../runtime/app/runtime.ts";
import { CSRF_HEADER } from "../../runtime/console/access.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import { sample } from "../../runtime/testing/sample.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";

const DEFAULTS = { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" };
/** Milliseconds that a stream of events has to send what a test waits for: long for a loaded machine. */
const WITHIN_MS = 60_000;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any -- tests assert what it has
  readonly body: any;
}

interface ConsoleSetup {
  readonly functions: Record<string, FunctionDefinition>;
  readonly schemas?: readonly EventDefinition[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the console is that of `dev`. @default false */
  readonly dev?: boolean;
  /** Configuration of the nats-server, and the user of the runtime. Default: any client may do everything. */
  readonly nats?: { readonly config: string; readonly user: string; readonly password: string };
}

/** Starts a nats-server and a runtime, and returns requests to its console. */
export async function startConsole({ functions, schemas = [], env = {}, dev = false, nats }: ConsoleSetup) {
  await using started = new AsyncDisposableStack();
  const server = started.use(await startServer({ config: nats?.config }));
  const login = nats && { NATS_USER: nats.user, NATS_PASSWORD: nats.password };
  const variables: Record<string, string> = { ...DEFAULTS, NATS_URL: server.url, ...login, ...env };
  const config = readConfig({ get: (name) => variables[name], readFile: () => "" });
  const log = new Logger({ level: "error", format: "json", write: () => {} });
  const { url, adminUrl, stop } = await startRuntime(config, registryOf(functions, schemas), log, {
    watchdog: false,
    sample: (event, seed) => Promise.resolve(sample(event, { seed })),
    ...(dev && { dev: { url: "http://127.0.0.1:8000" } }),
  });
  started.defer(stop);
  const admin = adminUrl.replace("0.0.0.0", "127.0.0.1"), services = started.move();
  return {
    url,
    admin,
    server,
    get: (path: string, headers?: HeadersInit) => request(admin + path, { headers }),
    post: (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
      request(admin + path, {
        method: "POST",
        headers: { "content-type": "application/json", [CSRF_HEADER]: "1", ...headers },
        body: JSON.stringify(body),
      }),
    until: <Data>(path: string, event: string, isIt: (data: Data) => unknown) => until(admin + path, event, isIt),
    [Symbol.asyncDispose]: () => services.disposeAsync(),
  };
}

async function request(url: string, init: RequestInit): Promise<Answer> {
  const { status, headers, ...response } = await fetch(url, init).then(async (response) => ({
    status: response.status,
    headers: response.headers,
    text: await response.text(),
  }));
  return { status, headers, body: parsed(response.text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Reads server-sent events until one is it, and returns its data. */
async function until<Data>(url: string, event: string, isIt: (data: Data) => unknown): Promise<Data> {
  const abort = new AbortController(), timer = setTimeout(() => abort.abort(), WITHIN_MS);
  try {
    const { body } = await fetch(url, { signal: abort.signal });
    let text = "";
    for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const messages = text.split("\n\n");
      text = messages.pop()!;
      for (const message of messages) {
        const [, name, json] = /^event: (.*)\ndata: (.*)$/s.exec(message) ?? [];
        if (name !== event) continue;
        const data = JSON.parse(json) as Data;
        if (isIt(data)) return data;
      }
    }
    throw new Error(`${url} ended before the event ${event} that was waited for`);
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}
