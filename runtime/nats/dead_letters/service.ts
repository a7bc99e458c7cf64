import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { listDeadLetters, readDeadLetter } from "./list.ts";
import { discard, functionLookup, type HasFunction, redrive } from "./redrive.ts";
import type { DeadLetter, DeadLetterContent, DeadLetterFilter, Redriven } from "../../core/dead_letter.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";

/** Dead letters that a bulk redrive sends at once. Bounds the payloads in memory and the unacknowledged publishes. */
const WINDOW = 64;

type RedriveTally = Record<Redriven | "failed", number>;

/** The operations on dead letters, for the commands and the admin listener. */
export class DeadLetterService {
  constructor(
    readonly cluster: {
      readonly nc: NatsConnection;
      readonly jsm: JetStreamManager;
      readonly messages: MessagePublisher;
    },
  ) {}

  list(filter: DeadLetterFilter): AsyncIterable<DeadLetter> {
    return listDeadLetters(this.cluster.nc, this.cluster.jsm, filter);
  }

  read(sequence: number): Promise<DeadLetterContent | undefined> {
    return readDeadLetter(this.cluster.jsm, sequence);
  }

  redrive(sequence: number, force: boolean, hasFunction?: HasFunction): Promise<Redriven> {
    return redrive(this.cluster.jsm, this.cluster.messages, sequence, force, hasFunction);
  }

  discard(sequence: number): Promise<boolean> {
    return discard(this.cluster.jsm, sequence);
  }

  /** Redrives all dead letters that match the filter. After an interruption the same call continues with the rest. */
  async redriveAll(
    filter: DeadLetterFilter,
    force: boolean,
    options: {
      signal?: AbortSignal;
      progress?: (tally: RedriveTally) => void;
      failed?: (sequence: number, error: unknown) => void;
    } = {},
  ): Promise<RedriveTally> {
    const tally = { redriven: 0, "held-back": 0, "no-function": 0, "too-large": 0, missing: 0, failed: 0 };
    const hasFunction = functionLookup(this.cluster.jsm);
    const send = async (sequence: number) => {
      try {
        return await this.redrive(sequence, force, hasFunction);
      } catch (error) { // it stays a dead letter, and the others are sent
        options.failed?.(sequence, error);
        return "failed";
      }
    };
    const sendAll = async (sequences: number[]) => {
      for (const outcome of await Promise.all(sequences.map(send))) tally[outcome]++;
      options.progress?.(tally);
    };
    const window: number[] = [];
    for await (const { sequence } of this.list(filter)) {
      if (options.signal?.aborted) break;
      window.push(sequence);
      if (window.length === WINDOW) await sendAll(window.splice(0));
    }
    if (!options.signal?.aborted) await sendAll(window);
    return tally;
  }
}
