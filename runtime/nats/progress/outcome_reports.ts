import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { Clock } from "../../engine/clock.ts";
import { newInbox } from "../client/subject_prefixes.ts";
import { MAX_PER_SECOND, parseReport, REQUEST_MS, type SettledReport } from "../inspect/tail_protocol.ts";

type OnReport = (report: SettledReport) => void;

/** An event by its place in JetStream. */
interface Place {
  readonly stream: string;
  readonly sequence: number;
}

/**
 * Hears what each process settles of single events, by the requests of `events tail`. Without listeners it sends and
 * hears nothing. A report may be lost, as any message of plain NATS.
 */
export class OutcomeReports {
  readonly #listeners = new Map<string, Set<OnReport>>();
  #subscription: Subscription | undefined;
  #inbox = "";
  #cancelRequest: () => void = () => {};

  /** @param names The names in NATS. Default: without a namespace. */
  constructor(readonly nc: NatsConnection, readonly clock: Clock, readonly names: Namespace = NO_NAMESPACE) {}

  /** Calls back with each report of the event. Returns a function that ends it. */
  listen(event: Place, onReport: OnReport): () => void {
    const key = placeOf(event);
    this.#listeners.getOrInsertComputed(key, () => new Set()).add(onReport);
    this.#request();
    return () => {
      const listeners = this.#listeners.get(key);
      listeners?.delete(onReport);
      if (listeners?.size === 0) this.#listeners.delete(key);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  #request(): void {
    this.#cancelRequest();
    if (this.nc.isClosed()) return;
    if (!this.#subscription) {
      this.#inbox = newInbox(this.nc);
      this.#subscription = this.nc.subscribe(this.#inbox, {
        callback: (error, msg) => {
          const settled = error ? undefined : parseReport(msg.data)?.settled;
          if (settled) { for (const onReport of this.#listeners.get(placeOf(settled)) ?? []) onReport(settled); }
        },
      });
    }
    this.#send({ events: [...this.#listeners.keys()] });
    this.#cancelRequest = this.clock.timer(REQUEST_MS, () => this.#request());
  }

  #stop(): void {
    this.#cancelRequest();
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    if (!this.nc.isClosed()) this.#send({ end: true });
  }

  #send(request: object): void {
    this.nc.publish(this.names.tail, JSON.stringify({ perSecond: MAX_PER_SECOND, ...request }), { reply: this.#inbox });
  }
}

function placeOf({ stream, sequence }: Place): string {
  return `${stream}:${sequence}`;
}
