import type { Delivery } from "../core/delivery.ts";
import type { Attempt } from "./attempt.ts";
import type { Turn } from "./known_events.ts";
import type { OrderSource } from "./order_source.ts";

/**
 * The subscription (in NATS, an inbox) by which the deliveries of a function with `order` arrive. They are numbered: once
 * there is a new one, what arrived by an earlier one may have been delivered to another process since.
 */
export class OrderInbox {
  source: OrderSource | undefined;
  #number = 0;
  readonly #settling = new Set<Delivery>();

  arrived(turn: Turn): void {
    turn.inbox = this.#number;
  }

  /**
   * Returns whether an attempt may be settled: not if another process may have its event. In a lost connection the lease
   * of a running handler is not extended, so after a reconnect the server is asked. If this process stands still after
   * that, the answer is out of date: so the lease is checked once more.
   */
  async maySettle({ turn, lease }: Attempt): Promise<boolean> {
    if (!await lease.isValid()) return false;
    if (!turn || !this.source || turn.inbox === this.#number) return true;
    return await this.source.isLast().catch(() => false) && await lease.isValid();
  }

  /** Notes that the settlement of a delivery begins. */
  settles(delivery: Delivery): void {
    this.#settling.add(delivery);
  }

  settled(delivery: Delivery): void {
    this.#settling.delete(delivery);
  }

  renew(): void {
    this.#number++;
    // Until its dead letter is stored, another process may have received it.
    for (const delivery of this.#settling) delivery.ackSubject = new Uint8Array();
    this.#settling.clear();
  }
}
