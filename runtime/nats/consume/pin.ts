import type { Delivery } from "../../core/delivery.ts";
import type { ConsumerSink } from "../../engine/consumer.ts";
import { consumerSequenceIn } from "./parse_delivery.ts";
import { KEEP_MS, ORDER_GROUP, STANDBY_MS } from "./pin_timing.ts";

/** End of the reply subject of a pull that only keeps a pin. */
export const KEEP = "keep";

/** The function that a consumer with a pin belongs to. */
export interface PinOwner {
  /** Whether this process may pull now. */
  mayPull(): boolean;
  /** Number of deliveries that the function takes now. */
  room(): number;
  /** Whether this process keeps the pin while it pulls nothing. Otherwise another process gets it after `PIN_MS`. */
  mayKeep(): boolean;
  /**
   * Called when a delivery may have gone to another process, or is lost.
   *
   * @param keepsRunning True if what runs here is still leased to this process.
   */
  lapsed(keepsRunning: boolean): void;
  /** Gives up the pin, so that another process gets it at once. */
  unpin(): void;
  /** Called once a second while another process may have the pin. */
  standsBy(nowMs: number): void;
}

/**
 * This process's claim on a consumer with a priority group of the policy `pinned_client`. The server delivers to the
 * process with the pin alone, and gives the pin to the next pull of any process once it is free. A process without it
 * has one pull of one message under way.
 *
 * A delivery carries its position among all that the consumer made. So a gap tells of a delivery that went elsewhere.
 */
export class Pin {
  #id: string | undefined;
  #askedMs = -Infinity;
  /** First and last position of the deliveries that came without a gap. */
  #first = 0;
  #last: number | undefined;
  /** Position of the last delivery, also after a gap or on an earlier inbox. */
  #newest = 0;

  constructor(readonly owner: PinOwner) {}

  get id(): string | undefined {
    return this.#id;
  }

  /** Position of the last delivery; undefined before the first. */
  get last(): number | undefined {
    return this.#last;
  }

  get newest(): number {
    return this.#newest;
  }

  /** Returns the sink for a consumer: what it takes depends on the pin. */
  around(sink: ConsumerSink): ConsumerSink {
    return {
      credits: () => {
        if (!this.owner.mayPull()) return 0;
        return Math.min(sink.credits(), this.#id === undefined ? 1 : this.owner.room());
      },
      ahead: () => 0,
      room: () => sink.room(),
      roomAhead: () => 0,
      paused: () => sink.paused(),
      deliver: (delivery) => {
        this.#received(delivery);
        sink.deliver(delivery);
      },
    };
  }

  /** Returns the fields of a pull that claim the pin. */
  claim(nowMs: number): Record<string, unknown> {
    if (this.#id === undefined) return { group: ORDER_GROUP, expires: STANDBY_MS * 1e6 };
    this.#askedMs = nowMs;
    return { group: ORDER_GROUP, id: this.#id };
  }

  /** Returns a pull that keeps the pin, if one is due. It brings nothing, since every message is larger than one byte. */
  keepAlive(nowMs: number): string | undefined {
    if (this.#id === undefined) return void this.owner.standsBy(nowMs);
    if (nowMs - this.#askedMs < KEEP_MS || !this.owner.mayPull() || !this.owner.mayKeep()) return undefined;
    return JSON.stringify({ batch: 1, max_bytes: 1, ...this.claim(nowMs), expires: 1e9 });
  }

  /**
   * Takes notice of a status. Returns `lost` if another process has the pin, and `kept` for the end of a pull that only
   * kept it.
   */
  answered(code: number, subject: string): "lost" | "kept" | undefined {
    // 400: the consumer has no pins any more, as another release has set it.
    if (code === 423 || code === 400) this.lose();
    if (code === 423) return "lost";
    return subject.endsWith(`.${KEEP}`) ? "kept" : undefined;
  }

  /** Forgets the pin, which another process has. What runs here stays leased to this process. */
  lose(): void {
    if (this.#id === undefined) return;
    this.#id = undefined;
    this.#last = undefined;
    this.owner.lapsed(true);
  }

  /** Notes that deliveries may be lost: they went to an inbox that is no more. */
  resubscribed(): void {
    this.#last = undefined;
    this.owner.lapsed(false);
  }

  /** Forgets which deliveries came without a gap. */
  forget(): void {
    this.#last = undefined;
  }

  stop(): void {
    if (this.#id !== undefined) this.owner.unpin();
    this.#id = undefined;
  }

  /**
   * Returns whether all deliveries after a position came to this process. Then it expects the next one without a gap.
   */
  follows(position: number): boolean {
    if (this.#last === undefined) {
      this.#first = this.#last = position;
      return true;
    }
    return this.#first <= position + 1;
  }

  #received({ headers, ackSubject }: Delivery): void {
    const id = headers.get("nats-pin-id") || undefined, position = consumerSequenceIn(ackSubject);
    const isGap = this.#last !== undefined && position !== this.#last + 1;
    if (id !== this.#id || isGap) this.owner.lapsed(true);
    if (id !== this.#id || isGap || this.#last === undefined) this.#first = position;
    this.#id = id;
    this.#last = this.#newest = position;
  }
}
