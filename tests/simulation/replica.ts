import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";
import { compose, type Composed, type Decided, type Plant } from "./compose.ts";
import { Link, type Network } from "./link.ts";
import { SimSource } from "./sim_source.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** One process that runs the function: it may be stopped, die, or lose its connection. */
export class Replica {
  readonly link: Link;
  readonly sources: readonly SimSource[];
  readonly #parts: Composed;
  readonly #clock;
  #cutAtMs = 0;
  state: "up" | "stopping" | "gone" = "up";

  constructor(
    readonly name: string,
    network: Network,
    readonly time: VirtualTime,
    functionFor: (replica: Replica) => ResolvedFunction,
    decided: Decided,
    plant: Plant,
  ) {
    this.link = new Link(network);
    this.sources = ["SIM", "RETRIES"].map((stream) => new SimSource(this.link, stream));
    this.#clock = time.clockOf(this);
    const alive: Decided = (...what) => {
      if (this.link.state !== "dead") decided(...what);
    };
    this.#parts = compose(this.link, this.#clock, functionFor(this), this.sources, alive, plant);
    this.#parts.dispatcher.start();
  }

  /** How many deliveries it holds. */
  get inFlight(): number {
    return this.#parts.dispatcher.inFlight;
  }

  /** As SIGTERM: see the end of `startRuntime`. */
  stop(graceMs: number): void {
    this.state = "stopping";
    const cancel = this.#clock.timer(graceMs, () => this.#parts.settler.giveUp());
    void this.#parts.dispatcher.stop(graceMs).then(() => {
      cancel();
      this.state = "gone";
      this.time.forget(this);
    });
  }

  /** As SIGKILL: its memory is gone. */
  die(): void {
    this.state = "gone";
    this.link.state = "dead";
    for (const source of this.sources) source.cut();
    this.time.forget(this);
  }

  /** The connection is gone; it goes unseen for a while. */
  cut(): void {
    this.link.state = "cut";
    this.#cutAtMs = this.time.nowMs;
    for (const source of this.sources) source.cut();
  }

  /** @param seenAfterMs how long it went unseen that the connection was gone: half a minute at most */
  reconnect(seenAfterMs: number): void {
    this.link.state = "up";
    const { nowMs } = this.time;
    this.#parts.reconnected(Math.max(0, nowMs - this.#cutAtMs - seenAfterMs));
    for (const source of this.sources) source.wake();
  }

  watch(): void {
    for (const source of this.sources) source.watch();
  }
}
