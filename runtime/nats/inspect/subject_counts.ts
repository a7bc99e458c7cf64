import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { countMessages } from "./count_messages.ts";

/** How many messages of a stream each function has under a prefix. */
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

  #count(functionName: string): Promise<number> {
    return countMessages(this.nc, { stream: this.stream, subject: `${this.prefix}.${functionName}.>` });
  }
}
