import type { JetStreamManager } from "@nats-io/jetstream";
import type { Clock } from "../../engine/clock.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { readBatches } from "../inspect/read_batches.ts";

/** Milliseconds after which all is read anew. It bounds the time in which a stream that is created again is not noticed. */
const KEPT_MS = 5_000;

/** A reading of the messages of a subject. */
interface Read {
  readonly subject: string;
  readonly ids: Set<string>;
  /** Sequence after the last message. */
  next: number;
  /** End of its first reading, by the monotonic clock. */
  atMs: number;
}

/**
 * Finds events in partitions by their ids. A stream has no index of ids, so its messages are read, and one reading serves
 * all who ask meanwhile: a process that takes over asks for everything that the one before had received, some at a time.
 * Each reading goes on where the one before ended. What has left its partition since is found all the same: it was
 * assigned.
 */
export class AssignedEvents {
  /** Ids, by the subject that is being read. */
  readonly #reading = new Map<string, Promise<ReadonlySet<string>>>();
  /** The last reading. Its ids take about 100 bytes each, and stay until the next one. */
  #last: Read | undefined;

  constructor(readonly jsm: Pick<JetStreamManager, "direct">, readonly clock: Pick<Clock, "now"> = systemClock) {}

  /** @param subject A subject or a pattern. */
  async has(stream: string, subject: string, id: string): Promise<boolean> {
    const reading = this.#reading.getOrInsertComputed(subject, () => this.#read(stream, subject));
    return (await reading).has(id);
  }

  async #read(stream: string, subject: string): Promise<ReadonlySet<string>> {
    const last = this.#last, goesOn = last?.subject === subject && this.clock.now() - last.atMs < KEPT_MS;
    const read = goesOn ? last : { subject, ids: new Set<string>(), next: 1, atMs: 0 };
    this.#last = undefined; // if it fails, the next one begins anew
    try {
      for await (const messages of readBatches(this.jsm, stream, subject, read.next)) {
        for (const { header } of messages) read.ids.add(header.get("Nats-Msg-Id"));
        read.next = messages.at(-1)!.seq + 1;
      }
      if (!goesOn) read.atMs = this.clock.now();
      this.#last = read;
    } finally {
      this.#reading.delete(subject);
    }
    return read.ids;
  }
}
