import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Log } from "../../api/context.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { TailRate } from "./tail_rate.ts";
import type { Clock } from "../../engine/clock.ts";
import type { Settled } from "../../engine/observer.ts";
import type { ConnectionMonitor } from "../client/connection_monitor.ts";
import { prefixesOf, subjectOn } from "../client/subject_prefixes.ts";
import { emittedIn, LEASE_MS, matches, parseRequest, settledReport, type TailRequest } from "./tail_protocol.ts";

/** Maximum clients at once. Each costs the process as many messages a second as it requested. */
const MAX_CLIENTS = 16;
/** Period of the rate limit in milliseconds. */
const WINDOW_MS = 1_000;
/** Characters and length of a reply subject. */
const REPLY = /^[\w.$-]{1,200}$/;

export interface SettledDeliveries {
  /** Calls back for each delivery. Returns a function that ends it. */
  listen(listener: (settled: Settled) => void): () => void;
}

interface Client {
  request: TailRequest;
  untilMs: number;
  readonly limiter: TailRate;
}

/**
 * Reports each delivery that this process settles to the clients that request it on the subject {@linkcode
 * Namespace.tail}. Without clients it listens to nothing but that subject. It never delays a handler: the reports of a
 * second are limited, and further deliveries are only counted.
 *
 * The NATS user needs permission to subscribe to `$WEIR.tail` and to publish to `_INBOX.>`. Without it only `events
 * tail` is affected.
 */
export class TailServer {
  readonly #clients = new Map<string, Client>();
  /** Inboxes that the NATS user may not publish to. The server reports an error for each message to them. */
  readonly #denied = new Set<string>();
  #stopListening: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;

  /**
   * @param process The name of this process in reports.
   * @param subjects The subjects that the project's streams store, for clients to subscribe to. Default: none.
   * @param names The names in NATS. Default: without a namespace.
   */
  constructor(
    readonly nc: NatsConnection,
    readonly monitor: Pick<ConnectionMonitor, "onPublishDenied">,
    readonly settlements: SettledDeliveries,
    readonly clock: Clock,
    readonly log: Log,
    readonly redact: (text: string) => string,
    readonly process: string,
    readonly subjects: readonly string[] = [],
    readonly names: Namespace = NO_NAMESPACE,
  ) {}

  /** Serves requests until the connection is closed, and announces the process to current clients. */
  start(): void {
    const { tail, tailAnnounce } = this.names;
    this.nc.subscribe(tail, {
      callback: (error, msg) => {
        if (!error) return this.#onRequest(msg);
        this.log.info(`the NATS user may not subscribe to ${tail}: \`events tail\` sees no outcomes from here`);
      },
    });
    this.monitor.onPublishDenied((subject) => this.#onDenied(subject));
    this.#send(subjectOn(this.nc, tailAnnounce), {});
  }

  stop(): void {
    this.#clients.clear();
    this.#stopIfUnused();
  }

  #onRequest(msg: Msg): void {
    const { reply: inbox = "" } = msg, request = parseRequest(msg.data);
    if (!request || !this.#isInbox(inbox) || this.#denied.has(inbox)) return;
    if (request.end) {
      this.#clients.delete(inbox);
      return this.#stopIfUnused();
    }
    const untilMs = this.clock.now() + LEASE_MS, known = this.#clients.get(inbox);
    if (known) {
      Object.assign(known, { request, untilMs });
      known.limiter.perSecond = request.perSecond;
    } else {
      if (this.#clients.size >= MAX_CLIENTS) return;
      this.#clients.set(inbox, { request, untilMs, limiter: new TailRate(request.perSecond) });
    }
    this.#stopListening ??= this.settlements.listen((settled) => this.#onSettled(settled));
    this.#cancelTimer ??= this.clock.timer(WINDOW_MS, () => this.#renew());
    this.#send(inbox, { subjects: this.subjects });
  }

  /** Returns whether a reply subject is an inbox. Any other could make the process publish into a stream. */
  #isInbox(subject: string): boolean {
    const { inbox } = prefixesOf(this.nc);
    return REPLY.test(subject) && (/^_INBOX(_[\w-]+)?\../.test(subject) || subject.startsWith(`${inbox}.`));
  }

  #onSettled(settled: Settled): void {
    let report: ReturnType<typeof settledReport> | undefined;
    for (const [inbox, { request, limiter }] of this.#clients) {
      if (!matches(request, settled.attempt) || !limiter.take()) continue;
      report ??= settledReport(settled, Date.now(), this.redact);
      this.#send(inbox, { settled: request.events ? { ...report, emitted: emittedIn(settled) } : report });
    }
  }

  /** Begins the next second of the rate limit, and forgets clients whose lease expired. */
  #renew(): void {
    this.#cancelTimer = undefined;
    for (const [inbox, { untilMs, limiter }] of this.#clients) {
      const omitted = limiter.renew();
      if (omitted > 0) this.#send(inbox, { omitted });
      if (untilMs < this.clock.now()) this.#clients.delete(inbox);
    }
    if (this.#clients.size === 0) this.#stopIfUnused();
    else this.#cancelTimer = this.clock.timer(WINDOW_MS, () => this.#renew());
  }

  #stopIfUnused(): void {
    if (this.#clients.size > 0) return;
    this.#cancelTimer?.();
    this.#stopListening?.();
    this.#cancelTimer = this.#stopListening = undefined;
  }

  #send(inbox: string, report: object): void {
    if (this.nc.isClosed() || this.nc.isDraining()) return;
    this.nc.publish(inbox, JSON.stringify({ process: this.process, ...report }));
  }

  /** Drops a client whose inbox the NATS user may not publish to. */
  #onDenied(inbox: string): void {
    if (!this.#clients.delete(inbox)) return;
    this.#denied.add(inbox);
    this.#stopIfUnused();
    this.log.info(
      `the NATS user may not publish to ${subjectOn(this.nc, "_INBOX.>")}: \`events tail\` sees no outcomes from here`,
    );
  }
}
