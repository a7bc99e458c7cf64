import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import type { Clock } from "../../engine/clock.ts";

/** Interval, in milliseconds, at which a process announces itself. */
const ANNOUNCE_MS = 1_000;
/** Time, in milliseconds, after which a process counts no more: it has missed several announcements. */
export const EXPIRES_MS = 5_000;
/** Beginning of the announcement of a process that takes no events. */
const LEAVES = "-";

/**
 * The other processes that take events of a function with partitions. Each announces itself on a subject of core NATS, so
 * nothing is stored. Their number only decides how many partitions a process asks for. Which process has a partition is
 * the server's decision.
 */
export class PartitionMembers {
  /** Time of the last announcement of each, by the monotonic clock. */
  readonly #heardMs = new Map<string, number>();
  #subscription: Subscription | undefined;
  #isAble: () => boolean = () => true;
  #cancel: () => void = () => {};

  /** @param id Id of this process, unlike that of any other. */
  constructor(
    readonly nc: NatsConnection,
    readonly subject: string,
    readonly clock: Clock,
    readonly id: string = crypto.randomUUID(),
  ) {}

  /** Ids of the other processes. */
  get others(): string[] {
    const sinceMs = this.clock.now() - EXPIRES_MS;
    return [...this.#heardMs].filter(([, heardMs]) => heardMs > sinceMs).map(([id]) => id);
  }

  /**
   * Begins to listen, and announces this process each second.
   *
   * @param isAble Returns whether this process takes events.
   * @param announced Called after each announcement.
   */
  start(isAble: () => boolean, announced: () => void): void {
    this.#isAble = isAble;
    this.#subscription = this.nc.subscribe(this.subject, {
      callback: (error, msg) => {
        if (!error) this.#heard(msg.string()); // without the permission it counts itself alone
      },
    });
    const announce = () => {
      this.#announce();
      announced();
      this.#cancel = this.clock.timer(ANNOUNCE_MS, announce);
    };
    announce();
  }

  stop(): void {
    this.#cancel();
    this.#isAble = () => false;
    this.#announce();
    this.#subscription?.unsubscribe();
  }

  #announce(): void {
    if (!this.nc.isClosed()) this.nc.publish(this.subject, this.#isAble() ? this.id : LEAVES + this.id);
  }

  #heard(text: string): void {
    const isLeaving = text.startsWith(LEAVES), id = isLeaving ? text.slice(LEAVES.length) : text;
    if (id === this.id || id === "") return;
    if (isLeaving) return void this.#heardMs.delete(id);
    const isNew = !this.#heardMs.has(id);
    this.#heardMs.set(id, this.clock.now());
    if (isNew) this.#announce(); // a process that joins knows all at once
  }
}
