import { OrderConsumers } from "../../runtime/nats/consume/order_consumers.ts";
import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";
import { compose, FUNCTION, type OnDecided, type PlantedBug, type SimRuntime } from "./compose.ts";
import { type Network, SimConnection } from "./sim_connection.ts";
import { SimConsumer } from "./sim_consumer.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** A process that runs the function. It may be stopped, be killed, or lose its connection. */
export class Replica {
  readonly connection: SimConnection;
  readonly consumers: readonly SimConsumer[];
  readonly fn: ResolvedFunction;
  readonly #parts: SimRuntime;
  readonly #clock;
  #cutAtMs = 0;
  /** True once it has lost its connection. */
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
    bug: PlantedBug,
  ) {
    this.connection = new SimConnection(network);
    this.#clock = time.clockOf(this, offByMs);
    this.fn = functionFor(this);
    const order = this.fn.policy.order && new OrderConsumers("SIM", "RETRIES", this.#clock, this.connection.pins);
    this.consumers = ["SIM", "RETRIES"].map((stream) =>
      new SimConsumer(this.connection, this.#clock, stream, FUNCTION, order?.pinOf(stream))
    );
    const whileAlive: OnDecided = (...args) => {
      if (this.connection.state !== "dead") onDecided(...args);
    };
    this.#parts = compose(this.connection, this.#clock, this.fn, this.consumers, order, ahead, whileAlive, bug);
    this.#parts.dispatcher.start();
  }

  /** The number of deliveries in flight. */
  get inFlight(): number {
    return this.#parts.dispatcher.inFlight;
  }

  /** Stops as on SIGTERM, in the order of `startRuntime`. */
  stop(graceMs: number): void {
    this.state = "stopping";
    const cancel = this.#clock.timer(graceMs, () => this.#parts.settler.giveUp());
    void this.#parts.dispatcher.stop(graceMs).then(() => {
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
}
