import type { JetStreamManager } from "@nats-io/jetstream";
import type { Log } from "../api/context.ts";
import { systemClock } from "../engine/system_clock.ts";
import { AckFloors } from "../nats/consume/ack_floors.ts";
import { ensureTopology, requireTopology } from "../nats/topology/ensure_topology.ts";
import { Reconciler } from "../nats/topology/reconcile.ts";
import type { DesiredState } from "../nats/topology/resources.ts";
import type { Service } from "./service.ts";

/** Creates the streams, consumers and buckets of a process at its start, and again when one is missing later. */
export class TopologyKeeper implements Service {
  readonly desired: DesiredState;
  readonly #floors: AckFloors;
  readonly #reconciler: Reconciler;

  /** @param apply Whether the process may create and change them. If not, it only checks that they are as declared. */
  constructor(readonly jsm: JetStreamManager, desired: DesiredState, readonly apply: boolean, readonly log: Log) {
    this.#floors = new AckFloors(jsm, desired.durables, systemClock);
    this.desired = { ...desired, floorOf: (durable) => this.#floors.of(durable) };
    this.#reconciler = new Reconciler(() => this.#ensure(true), systemClock, (error) => this.#reconciled(error));
  }

  /** @throws {StartupProblems} if something is not as declared and cannot be changed, or may not be */
  async start(): Promise<void> {
    await this.#ensure(false);
    await this.#floors.read();
    this.#floors.start();
  }

  async stop(): Promise<void> {
    this.#floors.stop();
    await this.#reconciler.stop();
  }

  /** Requests a check, because a stream or consumer is missing or was changed. */
  requestCheck(): void {
    this.#reconciler.ask();
  }

  async #ensure(partly: boolean): Promise<void> {
    if (!this.apply) return await requireTopology(this.jsm, this.desired);
    for (const { functionName, stream, waiting } of await ensureTopology(this.jsm, this.desired, partly)) {
      if (waiting === 0) continue;
      this.log.info(`new consumer: begins with ${waiting} stored events`, { function: functionName, stream });
    }
  }

  #reconciled(error: unknown): void {
    const { apply, log } = this;
    if (error === undefined) {
      if (apply) log.error("streams or consumers were missing or changed: re-created as declared");
    } else if (apply) {
      log.warn("could not re-create missing streams or consumers; will retry", { error });
    } else {
      log.error("streams or consumers are not as declared, and this process may not change them", { error });
    }
  }
}
