import type { Clock } from "../../engine/clock.ts";
import type { OrderFacts, OrderSink, OrderSource } from "../../engine/order_source.ts";
import { Pin, type PinOwner } from "./pin.ts";
import { IdlePin } from "./idle_pin.ts";
import { YIELD_MS } from "./pin_timing.ts";

/** State of a consumer with a pin. */
export interface PinnedFacts {
  /** Messages that are delivered and not settled. */
  readonly unsettled: number;
  /** Position of its last delivery among all that it made. */
  readonly position: number;
  /** The pin of the process that it delivers to; undefined if none has it. */
  readonly pinId: string | undefined;
  /** Messages that it has not delivered yet. */
  readonly pending: number;
  /** Number of the function's partitions, as its metadata record it. Default: none. */
  readonly partitions?: number;
}

/** The requests to the server that concern pins. */
export interface PinRequests {
  /** Resolves to what the function's consumer on a stream says. Rejects when it does not answer. */
  ask(stream: string): Promise<PinnedFacts>;
  /**
   * Resolves to whether events may begin once all that others hold is known: not while events wait in the partitions of
   * a release that has another number of them. Default: none ever do.
   *
   * @param main What the consumer of the triggers says.
   */
  mayBegin?(main: PinnedFacts): Promise<boolean>;
  /** Takes the pin of that consumer from the process that has it. */
  unpin(stream: string): void;
}

/**
 * The two consumers of a function with `order`: that of its triggers, and that on RETRIES. Each delivers to one process at a
 * time, the one that has its pin. A process without the pin of the triggers pulls from RETRIES only while no process has
 * that pin, so that both deliver to the same process.
 */
export class OrderConsumers implements OrderSource {
  readonly #main: Pin;
  readonly #retries: Pin;
  #sink: OrderSink | undefined;
  #stepsDownUntilMs = -Infinity;
  #handsOverUntilMs = -Infinity;
  #yieldsUntilMs = -Infinity;

  /**
   * @param stream Stream of the triggers.
   * @param retries The stream RETRIES.
   * @param mayTake Returns whether this process may ask for events that it does not receive. Default: always.
   */
  constructor(
    readonly stream: string,
    readonly retries: string,
    readonly clock: Clock,
    readonly requests: PinRequests,
    mayTake: () => boolean = () => true,
  ) {
    const owner = (stream: string): Pick<PinOwner, "room" | "mayKeep" | "unpin" | "standsBy"> => {
      const idle = new IdlePin(() => requests.ask(stream), () => requests.unpin(stream));
      return {
        room: () => this.#sink?.room() ?? 0,
        mayKeep: () => !this.#sink?.leavesEvents,
        unpin: () => requests.unpin(stream),
        standsBy: (nowMs) => idle.check(nowMs),
      };
    };
    this.#main = new Pin({
      ...owner(stream),
      mayPull: () => !this.isSteppingDown && clock.now() >= this.#handsOverUntilMs && (this.isHolder || mayTake()),
      lapsed: (keepsRunning) => this.#sink?.reset(keepsRunning),
    });
    this.#retries = new Pin({
      ...owner(retries),
      mayPull: () => this.isHolder || clock.now() >= this.#yieldsUntilMs && mayTake(),
      lapsed: () => {}, // its events keep no order with those of the triggers
    });
  }

  get isHolder(): boolean {
    return this.#main.id !== undefined;
  }

  /** Whether this process takes no events for a time, so that one of another release receives them. */
  get isSteppingDown(): boolean {
    return this.clock.now() < this.#stepsDownUntilMs;
  }

  /** Returns the pin of the function's consumer on a stream. */
  pinOf(stream: string): Pin {
    return stream === this.retries ? this.#retries : this.#main;
  }

  connect(sink: OrderSink): void {
    this.#sink = sink;
  }

  isMain(stream: string): boolean {
    return stream === this.stream;
  }

  async look(): Promise<OrderFacts | undefined> {
    const main = await this.requests.ask(this.stream);
    if (this.#isTaken(main)) {
      this.#yield(); // what it got from RETRIES meanwhile is for that process
      this.#sink?.reset(true);
      return undefined;
    }
    // Asked after the pin is known to be here: what another process gets from RETRIES later, it does not begin.
    const retries = await this.requests.ask(this.retries);
    // After the counts: what another process has assigned and acked is in its partition by now.
    if (await this.requests.mayBegin?.(main) === false) return undefined;
    const unsettled = { [this.stream]: main.unsettled, [this.retries]: retries.unsettled };
    return { unsettled, position: main.position };
  }

  follows(facts: OrderFacts): boolean {
    return this.#main.follows(facts.position);
  }

  async owns(): Promise<boolean> {
    const facts = await this.requests.ask(this.stream);
    if (this.#isTaken(facts)) {
      this.#yield();
      return false;
    }
    if (facts.pinId !== undefined || facts.position === this.#main.last) return true;
    // Another process had the pin in between. The next look begins to count what is delivered here anew.
    this.#main.forget();
    this.#sink?.reset(true);
    return false;
  }

  async isLast(): Promise<boolean> {
    const { pinId, position } = await this.requests.ask(this.stream);
    return pinId === undefined ? position <= this.#main.newest : pinId === this.#main.id;
  }

  async idleAt(): Promise<string | undefined> {
    const positions: number[] = [];
    for (const stream of [this.stream, this.retries]) {
      const { pinId, position, pending, unsettled } = await this.requests.ask(stream);
      const isElsewhere = pinId !== undefined && pinId !== this.pinOf(stream).id;
      if (isElsewhere || pending > 0 || unsettled > 0) return undefined;
      positions.push(position);
    }
    return positions.join();
  }

  stepDown(forMs: number): void {
    this.#stepsDownUntilMs = this.clock.now() + forMs;
    this.#main.stop();
    this.#sink?.reset(true);
  }

  /** Lets another process receive all events, those of RETRIES included. What runs here ends here. */
  handOver(forMs: number): void {
    this.#handsOverUntilMs = this.clock.now() + forMs;
    this.#yield();
    this.#main.stop();
    this.#sink?.reset(true);
  }

  /** Leaves the events of RETRIES to the process that receives the others. */
  #yield(): void {
    this.#yieldsUntilMs = this.clock.now() + YIELD_MS;
    this.#retries.stop();
  }

  /** Returns whether another process has the pin, and forgets this process's pin if so. */
  #isTaken({ pinId }: PinnedFacts): boolean {
    if (pinId === undefined || pinId === this.#main.id) return false;
    this.#main.lose();
    return true;
  }
}
