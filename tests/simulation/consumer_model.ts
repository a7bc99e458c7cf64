import { covers } from "../../runtime/core/subjects.ts";
import type { StoredMessage } from "./model.ts";

export interface ConsumerOptions {
  readonly name: string;
  readonly filters: readonly string[];
  readonly ackWaitMs: number;
  readonly maxAckPending?: number;
}

/** A message handed out, and why: `expired` when nothing was heard of an earlier delivery for the whole ack wait. */
export interface Handed {
  readonly message: StoredMessage;
  readonly reply: string;
  readonly deliveries: number;
  readonly why: "new" | "naked" | "expired";
}

/** A message that was handed out and is not settled. */
interface Pending {
  deliveries: number;
  /** When it is handed out again. */
  dueMs: number;
  naked: boolean;
  queued: boolean;
}

/** What a consumer reads from. */
interface Log {
  readonly messages: ReadonlyMap<number, StoredMessage>;
  readonly lastSeq: number;
}

/** A durable pull consumer with explicit acknowledgement. */
export class ModelConsumer {
  readonly #pending = new Map<number, Pending>();
  /** What is due to be handed out again; it goes before anything new, and past the limit of what is pending. */
  readonly #again: number[] = [];
  #read = 0;
  #handedOut = 0;

  /** @param settled is called with the sequence of what will never be handed out again */
  constructor(
    readonly stream: string,
    readonly log: Log,
    readonly options: ConsumerOptions,
    readonly settled: (seq: number) => void,
  ) {}

  /** How many deliveries are not settled. */
  get ackPending(): number {
    return this.#pending.size;
  }

  /** Whether a pull would get something. */
  hasNext(nowMs: number): boolean {
    this.#sweep(nowMs);
    return this.#again.length > 0 || (this.#hasRoom() && this.#nextNew() !== undefined);
  }

  next(nowMs: number): Handed | undefined {
    this.#sweep(nowMs);
    for (let seq = this.#again.shift(); seq !== undefined; seq = this.#again.shift()) {
      const pending = this.#pending.get(seq)!, message = this.log.messages.get(seq);
      if (!message) { // deleted meanwhile
        this.#pending.delete(seq);
        continue;
      }
      const why = pending.naked ? "naked" : "expired";
      Object.assign(pending, { deliveries: pending.deliveries + 1, naked: false, queued: false });
      pending.dueMs = nowMs + this.options.ackWaitMs;
      return this.#hand(message, pending.deliveries, why);
    }
    const message = this.#hasRoom() ? this.#nextNew() : undefined;
    if (!message) return undefined;
    this.#read = message.seq;
    const dueMs = nowMs + this.options.ackWaitMs;
    this.#pending.set(message.seq, { deliveries: 1, dueMs, naked: false, queued: false });
    return this.#hand(message, 1, "new");
  }

  /** There is no fencing: the answer to any delivery of a message counts, however old it is. */
  answer(seq: number, body: string, nowMs: number): void {
    const pending = this.#pending.get(seq);
    if (!pending) return;
    if (body === "+WPI") pending.dueMs = nowMs + this.options.ackWaitMs;
    else if (body.startsWith("-NAK")) {
      const delay = body.slice("-NAK".length).trim();
      pending.naked = true;
      pending.dueMs = nowMs + (delay === "" ? 0 : JSON.parse(delay).delay / 1e6);
      this.#sweep(nowMs);
    } else if (body === "+ACK" || body.startsWith("+TERM")) {
      this.#pending.delete(seq);
      if (pending.queued) this.#again.splice(this.#again.indexOf(seq), 1);
      this.settled(seq);
    } else throw new Error(`the model knows no answer ${body}`);
  }

  /** How often a message was handed out, if it is not settled. */
  deliveriesOf(seq: number): number | undefined {
    return this.#pending.get(seq)?.deliveries;
  }

  /** When a delivery that is not due yet is to be handed out again; Infinity when none waits. */
  nextMs(nowMs: number): number {
    let next = Infinity;
    for (const { dueMs } of this.#pending.values()) if (dueMs > nowMs && dueMs < next) next = dueMs;
    return next;
  }

  #sweep(nowMs: number): void {
    for (const [seq, pending] of this.#pending) {
      if (pending.queued || pending.dueMs > nowMs) continue;
      pending.queued = true;
      this.#again.push(seq);
    }
  }

  #hasRoom(): boolean {
    return this.#pending.size < (this.options.maxAckPending ?? 1_000);
  }

  #nextNew(): StoredMessage | undefined {
    // What is gone, or is for no filter of this consumer, stays so: it is not looked at again.
    for (; this.#read < this.log.lastSeq; this.#read++) {
      const message = this.log.messages.get(this.#read + 1);
      if (message && this.options.filters.some((filter) => covers(filter, message.subject))) return message;
    }
    return undefined;
  }

  #hand(message: StoredMessage, deliveries: number, why: Handed["why"]): Handed {
    const { seq, timeMs } = message;
    const tokens = [this.stream, this.options.name, deliveries, seq, ++this.#handedOut, `${timeMs}000000`, 0];
    return { message, deliveries, why, reply: `$JS.ACK.${tokens.join(".")}` };
  }
}
