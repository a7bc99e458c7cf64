import type { EventStream } from "../http/event_stream.ts";
import { openStream } from "./event_stream.ts";
import type { Point } from "./function_record.ts";
import type { LiveStatus, LiveStatusReader } from "./live_status.ts";
import type { ConsoleOptions } from "./options.ts";
import type { Recorder } from "./recorder.ts";

/** Interval of the messages in milliseconds. */
const INTERVAL_MS = 1_000;

/** An open page, and the function that it shows in detail. */
interface Client {
  readonly stream: EventStream;
  readonly functionName?: string;
  /** False once it has a full message and every change since. */
  needsFull: boolean;
}

/**
 * Sends the state of all functions to open pages each second: all at first, then what has changed. However many pages
 * are open, the state is read once.
 */
export class LiveFeed {
  readonly #clients = new Set<Client>();
  /** JSON of the state that was sent last, by function and by edge. */
  #sent = { functions: new Map<string, string>(), edges: new Map<string, string>() };
  #running = false;
  #wake: () => void = () => {};
  #cpu = process.cpuUsage();
  #cpuAtMs = performance.now();

  constructor(
    readonly options: Pick<ConsoleOptions, "cluster" | "redact">,
    readonly reader: LiveStatusReader,
    readonly recorder: Recorder,
    readonly revision: string,
    readonly stopping: AbortSignal,
  ) {
    recorder.onStep((points) => this.#sendPoints(points));
    stopping.addEventListener("abort", () => this.#wake());
  }

  /** Answers with a stream of messages. @param functionName Function whose points are sent too. Default: none. */
  open(functionName?: string): Response {
    const client: Client = {
      stream: openStream(this.stopping, () => this.#closed(client)),
      functionName,
      needsFull: true,
    };
    this.#clients.add(client);
    this.#wake();
    if (!this.#running) void this.#run();
    return client.stream.response;
  }

  #closed(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size === 0) this.#wake();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#clients.size > 0 && !this.stopping.aborted) {
      const fromMs = performance.now();
      try {
        this.#send(await this.reader.read());
      } catch {
        // NATS does not answer: the next round says more, and pages notice the silence
      }
      const restMs = Math.max(INTERVAL_MS / 4, INTERVAL_MS - (performance.now() - fromMs));
      const { promise, resolve } = Promise.withResolvers<void>(), timer = setTimeout(resolve, restMs);
      this.#wake = resolve; // a page that opens does not wait for the next second
      if (this.#clients.size > 0 && !this.stopping.aborted) await promise;
      clearTimeout(timer);
    }
    this.#running = false;
    this.recorder.counts = new Map();
  }

  #send({ functions, edges }: LiveStatus): void {
    const json = {
      functions: new Map([...functions].map(([name, value]) => [name, JSON.stringify(value)])),
      edges: new Map([...edges].map(([id, value]) => [id, JSON.stringify(value)])),
    };
    const head = JSON.stringify({ at: new Date().toISOString(), revision: this.revision, ...this.#process() });
    const message = (full: boolean, some: typeof json) =>
      `${head.slice(0, -1)},"full":${full},"functions":${members(some.functions)},"edges":${members(some.edges)}}`;
    const changed = message(false, {
      functions: changes(json.functions, this.#sent.functions),
      edges: changes(json.edges, this.#sent.edges),
    });
    let full: string | undefined;
    for (const client of this.#clients) {
      const text = client.needsFull ? full ??= message(true, json) : changed;
      client.needsFull = !client.stream.sendText("live", text);
    }
    this.#sent = json;
  }

  #process() {
    const { cluster: { nc, monitor }, redact } = this.options, problem = monitor.problem();
    const cpu = process.cpuUsage(this.#cpu), nowMs = performance.now(), elapsedMs = nowMs - this.#cpuAtMs;
    this.#cpu = process.cpuUsage();
    this.#cpuAtMs = nowMs;
    return {
      nats: { connected: problem === undefined, ...(problem && { problem: redact(problem) }), server: nc.getServer() },
      process: {
        pid: Deno.pid,
        cpu: Math.round((cpu.user + cpu.system) / 10 / elapsedMs) / 100,
        memoryBytes: Deno.memoryUsage().rss,
      },
    };
  }

  #sendPoints(points: ReadonlyMap<string, Point>): void {
    for (const { stream, functionName } of this.#clients) {
      const point = functionName === undefined ? undefined : points.get(functionName);
      if (!point) continue;
      const errors = this.recorder.of(functionName!)!.errors(), breakers = this.recorder.changesOf(functionName!);
      stream.send("function", { point, errors, breakers });
    }
  }
}

/** Returns the entries whose text differs from before. */
function changes(now: ReadonlyMap<string, string>, before: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...now].filter(([key, text]) => before.get(key) !== text));
}

/** Returns a JSON object. @param entries JSON of each value */
function members(entries: ReadonlyMap<string, string>): string {
  return `{${[...entries].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`;
}
