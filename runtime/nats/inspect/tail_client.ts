import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { TailRate } from "./tail_rate.ts";
import { covers, overlaps } from "../../core/subjects.ts";
import type { Clock } from "../../engine/clock.ts";
import { newInbox, subjectOn } from "../client/subject_prefixes.ts";
import { MAX_PER_SECOND, parseReport, REQUEST_MS, type SettledReport } from "./tail_protocol.ts";

/**
 * Milliseconds for which a process counts as running after its last report. A process answers each request, and may
 * miss three.
 */
const SILENT_MS = 3.5 * REQUEST_MS;
/** How long `start` waits for the first reports, in milliseconds. */
const READY_MS = 250;

export interface TailFilter {
  /** Subjects to subscribe to in NATS, besides the subjects that processes report. */
  readonly subjects: readonly string[];
  /** Shows only what this function settles, and no published events. */
  readonly function?: string;
  readonly type?: string;
}

interface TailListener {
  published(msg: Msg): void;
  settled(report: SettledReport, process: string): void;
  /** Called with what the rate limit left out in the last second. */
  omitted(count: number, of: "published" | "settled"): void;
  /** Called with the number of processes: when it is first known, and when it becomes zero or stops being zero. */
  processes(count: number): void;
  /** Called when the NATS user may not subscribe to a subject. */
  denied(subject: string): void;
}

/** Follows a whole cluster: published events, and the deliveries that each process reports as settled. */
export class TailClient {
  readonly #inbox: string;
  readonly #subscriptions: Subscription[] = [];
  readonly #followed = new Map<string, Subscription>();
  /** Time of the last report of each process. */
  readonly #processes = new Map<string, number>();
  readonly #published = new TailRate(MAX_PER_SECOND);
  #omitted = 0;
  #reportedCount: number | undefined;
  #isConnected = true;
  #requests = 0;
  #cancelRequest: () => void = () => {};
  readonly #ready = Promise.withResolvers<void>();
  #cancelReady: () => void = () => {};

  /** @param names The names in NATS. Default: without a namespace. */
  constructor(
    readonly nc: NatsConnection,
    readonly clock: Clock,
    readonly filter: TailFilter,
    readonly listener: TailListener,
    readonly names: Namespace = NO_NAMESPACE,
  ) {
    this.#inbox = newInbox(nc);
  }

  /** Subscribes, and waits for the processes to report. Everything that happens afterwards is seen. */
  async start(): Promise<void> {
    this.#subscriptions.push(
      this.#subscribe(this.#inbox, (msg) => this.#onReport(msg)),
      this.#subscribe(subjectOn(this.nc, this.names.tailAnnounce), () => this.#sendRequest({})),
    );
    this.#follow(this.filter.subjects);
    this.#renew();
    const flushed = this.nc.flush().catch(() => {}); // disconnected: the client reconnects
    this.#cancelReady = this.clock.timer(READY_MS, () => {
      this.#reportCount(this.#processes.size > 0);
      this.#ready.resolve();
    });
    await Promise.all([flushed, this.#ready.promise]);
  }

  /** While the connection is lost no process can answer, so their number is unknown until they had the time again. */
  setConnected(isConnected: boolean): void {
    this.#isConnected = isConnected;
    this.#reportedCount = undefined;
    this.#requests = 0;
  }

  stop(): void {
    this.#cancelRequest();
    this.#cancelReady();
    this.#ready.resolve();
    this.#sendRequest({ end: true });
    for (const subscription of [...this.#subscriptions, ...this.#followed.values()]) subscription.unsubscribe();
  }

  /** Subscribes to further subjects. Subscriptions never overlap, so no event is shown twice. */
  #follow(subjects: readonly string[]): void {
    const { function: fn } = this.filter, type = this.filter.type && this.names.subject(this.filter.type);
    if (fn !== undefined) return;
    for (const stored of subjects) {
      if (type !== undefined && !overlaps(stored, type)) continue;
      const subject = type !== undefined && covers(stored, type) ? type : stored;
      const known = [...this.#followed];
      if (known.some(([one]) => covers(one, subject))) continue;
      for (const [one, narrower] of known) {
        if (!covers(subject, one)) continue;
        narrower.unsubscribe();
        this.#followed.delete(one);
      }
      const subscription = this.#subscribe(subject, (msg) => {
        // The subscription may be wider than the filter where neither covers the other.
        if (type !== undefined && !covers(type, msg.subject)) return;
        if (this.#published.take()) this.listener.published(msg);
      });
      this.#followed.set(subject, subscription);
    }
  }

  #subscribe(subject: string, onMessage: (msg: Msg) => void): Subscription {
    const callback = (error: Error | null, msg: Msg) => error ? this.listener.denied(subject) : onMessage(msg);
    return this.nc.subscribe(subject, { callback });
  }

  #onReport(msg: Msg): void {
    const report = parseReport(msg.data);
    if (!report) return;
    this.#processes.set(report.process, this.clock.now());
    this.#omitted += report.omitted ?? 0;
    if (report.subjects) this.#follow(report.subjects);
    if (report.settled) this.listener.settled(report.settled, report.process);
    if (this.#reportedCount === 0) this.#reportCount(true);
  }

  /** Begins the next second: reports what was omitted, and repeats the request. */
  #renew(): void {
    const published = this.#published.renew(), settled = this.#omitted;
    this.#omitted = 0;
    if (published > 0) this.listener.omitted(published, "published");
    if (settled > 0) this.listener.omitted(settled, "settled");
    this.#reportCount(this.#requests++ > 1);
    this.#sendRequest({});
    this.#cancelRequest = this.clock.timer(REQUEST_MS, () => this.#renew());
  }

  /** @param complete Whether every process had the time to report. */
  #reportCount(complete: boolean): void {
    if (!this.#isConnected) return;
    const silentSinceMs = this.clock.now() - SILENT_MS;
    for (const [process, lastMs] of this.#processes) if (lastMs < silentSinceMs) this.#processes.delete(process);
    const { size } = this.#processes, known = this.#reportedCount;
    // A reload replaces a process: only the change from or to zero is worth a line.
    if (known === undefined ? !complete : (size > 0) === (known > 0)) return;
    this.#reportedCount = size;
    this.listener.processes(size);
  }

  /** Sends the request, with an equal share of the rate limit for each process. */
  #sendRequest(more: object): void {
    if (this.nc.isClosed()) return;
    const { function: fn, type } = this.filter;
    const perSecond = Math.max(1, Math.floor(MAX_PER_SECOND / Math.max(1, this.#processes.size)));
    this.nc.publish(this.names.tail, JSON.stringify({ function: fn, type, perSecond, ...more }), {
      reply: this.#inbox,
    });
  }
}
