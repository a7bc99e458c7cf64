import { covers } from "../../runtime/core/subjects.ts";
import type { StoredMessage } from "./model.ts";

export interface ConsumerOptions {
  readonly name: string;
  /** An update changes them. The consumer keeps its position. */
  filters: readonly string[];
  readonly ackWaitMs: number;
  readonly maxAckPending?: number;
  /** The time without a pull after which a pin expires. Default: the consumer has no pins. */
  readonly pinMs?: number;
}

/** A delivery, and its cause: `expired` after the ack wait of an earlier one. */
export interface ModelDelivery {
  readonly message: StoredMessage;
  readonly reply: string;
  readonly deliveries: number;
  readonly cause: "new" | "nak" | "expired";
  /** The pin of the process that it is for. */
  readonly pin: string | undefined;
}

/** The state of a message that was delivered and is not settled. */
interface Pending {
  deliveries: number;
  /** When it is redelivered. */
  dueMs: number;
  nacked: boolean;
  queued: boolean;
}

/** The process that a consumer delivers to. */
interface HeldPin {
  readonly id: string;
  expiresMs: number;
}

/** The stream of a consumer. */
interface ConsumedStream {
  readonly messages: ReadonlyMap<number, StoredMessage>;
  readonly lastSeq: number;
}

/** A durable pull consumer with explicit acks. */
export class ModelConsumer {
  readonly #pending = new Map<number, Pending>();
  /** Sequences due for redelivery. They precede new messages, and are within `max_ack_pending` already. */
  readonly #redeliveries: number[] = [];
  #read = 0;
  #deliveries = 0;
  #pin: HeldPin | undefined;
  #pins = 0;

  /** @param settled is called with the sequence of each message that was acked or terminated */
  constructor(
    readonly stream: string,
    readonly source: ConsumedStream,
    readonly options: ConsumerOptions,
    readonly settled: (seq: number) => void,
  ) {}

  /** The number of messages that were delivered and are not settled. */
  get ackPending(): number {
    return this.#pending.size;
  }

  /** Whether messages wait that it has not delivered, as a number. */
  get pending(): number {
    return this.#nextNew() ? 1 : 0;
  }

  /** The position of the last delivery among all. */
  get position(): number {
    return this.#deliveries;
  }

  /** The pin of the process that it delivers to. */
  pinAt(nowMs: number): string | undefined {
    if (this.#pin && this.#pin.expiresMs <= nowMs) this.unpin();
    return this.#pin?.id;
  }

  /** Takes the pin from its process, as a new leader does, which knows of none. */
  unpin(): void {
    this.#pin = undefined;
  }

  /**
   * Processes the pulls with a pin until a time. Returns false if the pin is not the one that it delivers to.
   */
  keepPin(id: string, nowMs: number, untilMs = nowMs): boolean {
    if (this.pinAt(nowMs) !== id) return false;
    this.#pin!.expiresMs = untilMs + this.options.pinMs!;
    return true;
  }

  /** Returns whether a pull with that pin, or with none, gets messages; `wrong` if it ends with status 423. */
  serves(id: string | undefined, nowMs: number): boolean | "wrong" {
    if (this.options.pinMs === undefined) return true;
    const pin = this.pinAt(nowMs);
    if (id === undefined) return pin === undefined;
    return pin === id || "wrong";
  }

  /** Returns whether a pull would deliver a message now. */
  hasNext(nowMs: number): boolean {
    this.#queueDue(nowMs);
    return this.#redeliveries.length > 0 || (this.#belowMaxAckPending() && this.#nextNew() !== undefined);
  }

  next(nowMs: number): ModelDelivery | undefined {
    if (this.options.pinMs !== undefined && this.hasNext(nowMs) && this.pinAt(nowMs) === undefined) {
      this.#pin = { id: `pin-${++this.#pins}-${nowMs}`, expiresMs: nowMs + this.options.pinMs };
    }
    this.#queueDue(nowMs);
    for (let seq = this.#redeliveries.shift(); seq !== undefined; seq = this.#redeliveries.shift()) {
      const pending = this.#pending.get(seq)!, message = this.source.messages.get(seq);
      if (!message) { // deleted from the stream
        this.#pending.delete(seq);
        continue;
      }
      const cause = pending.nacked ? "nak" : "expired";
      Object.assign(pending, { deliveries: pending.deliveries + 1, nacked: false, queued: false });
      pending.dueMs = nowMs + this.options.ackWaitMs;
      return this.#deliver(message, pending.deliveries, cause);
    }
    const message = this.#belowMaxAckPending() ? this.#nextNew() : undefined;
    if (!message) return undefined;
    this.#read = message.seq;
    const dueMs = nowMs + this.options.ackWaitMs;
    this.#pending.set(message.seq, { deliveries: 1, dueMs, nacked: false, queued: false });
    return this.#deliver(message, 1, "new");
  }

  /** Processes an ack, nak, term or in-progress ack. JetStream has no fencing: that of an older delivery counts too. */
  ack(seq: number, body: string, nowMs: number): void {
    const pending = this.#pending.get(seq);
    if (!pending) return;
    if (body === "+WPI") pending.dueMs = nowMs + this.options.ackWaitMs;
    else if (body.startsWith("-NAK")) {
      const delay = body.slice("-NAK".length).trim();
      pending.nacked = true;
      pending.dueMs = nowMs + (delay === "" ? 0 : JSON.parse(delay).delay / 1e6);
      this.#queueDue(nowMs);
    } else if (body === "+ACK" || body.startsWith("+TERM")) {
      this.#pending.delete(seq);
      if (pending.queued) this.#redeliveries.splice(this.#redeliveries.indexOf(seq), 1);
      this.settled(seq);
    } else throw new Error(`the model does not know the ack ${body}`);
  }

  /** Returns how often a message was delivered; undefined once it is settled. */
  deliveriesOf(seq: number): number | undefined {
    return this.#pending.get(seq)?.deliveries;
  }

  /** Returns when the next message becomes due for redelivery; Infinity if none will. */
  nextMs(nowMs: number): number {
    let next = Infinity;
    for (const { dueMs } of this.#pending.values()) if (dueMs > nowMs && dueMs < next) next = dueMs;
    if (this.#pin && this.#pin.expiresMs > nowMs) next = Math.min(next, this.#pin.expiresMs);
    return next;
  }

  #queueDue(nowMs: number): void {
    for (const [seq, pending] of this.#pending) {
      if (pending.queued || pending.dueMs > nowMs) continue;
      pending.queued = true;
      this.#redeliveries.push(seq);
    }
  }

  #belowMaxAckPending(): boolean {
    return this.#pending.size < (this.options.maxAckPending ?? 1_000);
  }

  #nextNew(): StoredMessage | undefined {
    // Deleted messages and those that match no filter are skipped once and for all.
    for (; this.#read < this.source.lastSeq; this.#read++) {
      const message = this.source.messages.get(this.#read + 1);
      if (message && this.options.filters.some((filter) => covers(filter, message.subject))) return message;
    }
    return undefined;
  }

  #deliver(message: StoredMessage, deliveries: number, cause: ModelDelivery["cause"]): ModelDelivery {
    const { seq, timeMs } = message;
    const tokens = [this.stream, this.options.name, deliveries, seq, ++this.#deliveries, `${timeMs}000000`, 0];
    return { message, deliveries, cause, pin: this.#pin?.id, reply: `$JS.ACK.${tokens.join(".")}` };
  }
}
