import type { Clock } from "../../runtime/engine/clock.ts";
import { UNLIMITED } from "../../runtime/engine/leases.ts";
import { LEASE_MS, THREAD_HEARTBEAT_MS } from "../../runtime/nats/consume/ack_wait.ts";
import { SharedDeliveries } from "../../runtime/nats/consume/shared_deliveries.ts";
import { SharedLeases } from "../../runtime/nats/consume/shared_leases.ts";
import { OrderConsumers } from "../../runtime/nats/consume/order_consumers.ts";
import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";
import { compose, type OnDecided, type PlantedBug, type SimRuntime } from "./compose.ts";
import { type Network, SimConnection } from "./sim_connection.ts";
import { SimConsumer } from "./sim_consumer.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** A process that runs the function. It may be stopped, be killed, or lose its connection. */
export class Replica {
  readonly connection: SimConnection;
  readonly consumers: readonly SimConsumer[];
  /** Those of each partition; empty without partitions. */
  readonly partitions: readonly {
    readonly order: OrderConsumers | undefined;
    readonly consumers: readonly SimConsumer[];
  }[];
  readonly fn: ResolvedFunction;
  readonly #parts: SimRuntime;
  readonly #clock;
  readonly #leases: SharedLeases | undefined;
  #thawsAtMs = Infinity;
  #frozenForMs = 0;
  #cutAtMs = 0;
  /** True once it has lost its connection, or has stood still. */
  wasCut = false;
  state: "up" | "stopping" | "gone" = "up";

  constructor(
    readonly name: string,
    network: Network,
    readonly time: VirtualTime,
    readonly release: number,
    functionFor: (replica: Replica) => ResolvedFunction,
    ahead: number,
    onDecided: OnDecided,
    offByMs: number,
    mayFreeze: boolean,
    bug: PlantedBug,
  ) {
    this.connection = new SimConnection(network);
    this.#clock = time.clockOf(this, offByMs);
    this.fn = functionFor(this);
    const own = this.#consumersOf("SIM"), count = this.fn.policy.order?.partitions ?? 0;
    this.partitions = Array.from({ length: count }, (_, partition) => this.#consumersOf("ORDER_PARTITIONS", partition));
    this.consumers = [own, ...this.partitions].flatMap(({ consumers }) => consumers);
    const whileAlive: OnDecided = (...args) => {
      if (this.connection.state !== "dead") onDecided(...args);
    };
    this.#leases = mayFreeze ? leasesOf(this.#clock, time.clockOf(this, offByMs, true), this.consumers) : undefined;
    this.#leases?.start();
    const leases = this.#leases ?? { take: () => UNLIMITED };
    const parts = { ...own, partitions: this.partitions.map(({ consumers, order }) => ({ consumers, order: order! })) };
    this.#parts = compose(this.connection, this.#clock, leases, this.fn, parts, ahead, whileAlive, bug);
    for (const dispatcher of this.#parts.dispatchers) dispatcher.start();
  }

  /** The number of deliveries in flight. */
  get inFlight(): number {
    return this.#parts.dispatchers.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  get isFrozen(): boolean {
    return this.connection.isFrozen;
  }

  /** Whether it stands still until its leases have expired. */
  get losesLeases(): boolean {
    return this.isFrozen && this.#frozenForMs > LEASE_MS;
  }

  /** Stands still, as on SIGSTOP. */
  freeze(forMs: number): void {
    this.connection.isFrozen = this.wasCut = true;
    this.#frozenForMs = forMs;
    this.#thawsAtMs = this.time.nowMs + forMs;
    this.time.freeze(this, this.#thawsAtMs);
  }

  /** Goes on if it is time: with its timers, or with what it receives. */
  thawIfDue(): void {
    if (!this.isFrozen || this.time.nowMs < this.#thawsAtMs) return;
    this.connection.isFrozen = false;
    this.time.thaw(this);
  }

  /** Stops as on SIGTERM, in the order of `startRuntime`. */
  stop(graceMs: number): void {
    this.state = "stopping";
    const cancel = this.#clock.timer(graceMs, () => this.#parts.settler.giveUp());
    void Promise.all(this.#parts.dispatchers.map((dispatcher) => dispatcher.stop(graceMs))).then(() => {
      cancel();
      this.state = "gone";
      this.time.removeTimers(this);
    });
  }

  /** Ends as on SIGKILL. */
  kill(): void {
    this.state = "gone";
    this.connection.state = "dead";
    for (const consumer of this.consumers) consumer.drop();
    this.time.removeTimers(this);
  }

  /** Cuts the connection. The client detects it later: see {@linkcode Replica.reconnect}. */
  cut(): void {
    this.connection.state = "cut";
    this.wasCut = true;
    this.#cutAtMs = this.time.nowMs;
    for (const consumer of this.consumers) consumer.drop();
  }

  /** @param seenAfterMs how long after the cut the client detected it: half a minute at the most */
  reconnect(seenAfterMs: number): void {
    this.connection.state = "up";
    const { nowMs } = this.time;
    this.#parts.reconnected(Math.max(0, nowMs - this.#cutAtMs - seenAfterMs));
    for (const consumer of this.consumers) consumer.resubscribe();
  }

  check(): void {
    for (const consumer of this.consumers) consumer.check();
  }

  /** Creates the consumers of a partition, or of the function itself, with what it knows of their pins. */
  #consumersOf(main: string, partition?: number) {
    const pins = this.connection.pinsOf(partition);
    const order = this.fn.policy.order && new OrderConsumers(main, "RETRIES", this.#clock, pins);
    const consumers = [main, "RETRIES"].map((stream) =>
      new SimConsumer(this.connection, this.#clock, stream, order?.pinOf(stream), partition)
    );
    return { order, consumers };
  }
}

/** Returns the leases of a runtime. No watchdog keeps them while the process stands still. */
function leasesOf(clock: Clock, heartbeats: Clock, consumers: readonly SimConsumer[]): SharedLeases {
  const timer: Clock["timer"] = (delayMs, callback) =>
    (delayMs === THREAD_HEARTBEAT_MS ? heartbeats : clock).timer(delayMs, callback);
  return new SharedLeases(SharedDeliveries.create(0), { ...clock, timer }, {
    onFirst() {},
    onBlocked() {},
    onFull() {},
    flush: () => Promise.all(consumers.map((consumer) => consumer.flush())),
  });
}
