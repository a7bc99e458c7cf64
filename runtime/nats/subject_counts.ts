import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";

const ANSWER_MS = 2_000;

/**
 * How many messages of a stream each function has under a prefix. The server says so beside the first of them, in
 * 1.3 ms where there are ten thousand; the state of the stream by subject would list them all, in 25 ms and 600 kB.
 */
export class SubjectCounts {
  #seen: string | undefined;
  #counts: ReadonlyMap<string, number> = new Map();

  constructor(
    readonly nc: Pick<NatsConnection, "request">,
    readonly jsm: JetStreamManager,
    readonly stream: string,
    readonly prefix: string,
  ) {}

  /** Asks for each function only when the stream has changed since the last time. @throws {Error} without an answer. */
  async of(functionNames: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { messages, last_seq } = (await this.jsm.streams.info(this.stream)).state;
    const now = `${messages} of ${last_seq}`;
    if (now === this.#seen) return this.#counts;
    const counts = new Map<string, number>();
    for (const name of functionNames) counts.set(name, messages === 0 ? 0 : await this.#count(name));
    this.#counts = counts;
    this.#seen = now;
    return counts;
  }

  async #count(functionName: string): Promise<number> {
    const which = { seq: 1, next_by_subj: `${this.prefix}.${functionName}.>`, batch: 1 };
    const { headers } = await this.nc.request(`$JS.API.DIRECT.GET.${this.stream}`, JSON.stringify(which), {
      timeout: ANSWER_MS,
    });
    if (headers?.code === 404) return 0;
    const more = headers?.get("Nats-Num-Pending") ?? "";
    if (more === "") throw new Error(`${this.stream} did not say how many: ${headers?.code} ${headers?.description}`);
    return Number(more) + 1;
  }
}
