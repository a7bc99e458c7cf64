import { errors, type Msg, type NatsConnection } from "@nats-io/transport-node";
import type { Log } from "../../api/context.ts";
import type { Clock } from "../../engine/clock.ts";
import { RateLimiter } from "../../core/rate_limiter.ts";
import {
  HELLO_SUBJECT,
  isAsked,
  KEEP_MS,
  readAsk,
  type Settled,
  settledWord,
  TAIL_SUBJECT,
  type TailAsk,
} from "./tail_protocol.ts";

/** As many may look at once: each costs as many messages a second as it asked for. */
const MOST_TAILS = 16;
const WINDOW_MS = 1_000;
/** Where the answers may go: anything else would have us publish into somebody's streams. */
const INBOX = /^_INBOX\.[\w.-]{1,200}$/;

/** Where deliveries are told of that this process settles. */
export interface Settlements {
  /** Returns what ends it. */
  listen(listener: (settled: Settled) => void): () => void;
}

/** Somebody who looks. */
interface Tail {
  ask: TailAsk;
  untilMs: number;
  readonly allowance: RateLimiter;
}

/**
 * Tells whoever asks on {@linkcode TAIL_SUBJECT} what became of each delivery that this process settles, until they
 * stop asking. While nobody does it listens to nothing but that subject. It never stands in the way of handling: how
 * much is told is limited by the second, with the rest counted, and nobody waits for anything.
 *
 * A NATS user needs, for this and for nothing else, to subscribe to `$WEIR.tail` and to publish to `_INBOX.>`. Without,
 * only `events tail` suffers.
 */
export class TailServer {
  readonly #tails = new Map<string, Tail>();
  /** Inboxes that the server does not let us publish to: each time it did not, it would say so. */
  readonly #denied = new Set<string>();
  #listening: (() => void) | undefined;
  #cancel: (() => void) | undefined;

  constructor(
    readonly nc: NatsConnection,
    readonly settlements: Settlements,
    readonly clock: Clock,
    readonly log: Log,
    readonly redact: (text: string) => string,
    /** What tells this process from others. */
    readonly process: string,
    /** What the project's streams store, for whoever looks to look there too. */
    readonly subjects: readonly string[] = [],
  ) {}

  /** From now on, until the connection is closed. Whoever looks already is told, so as to ask now. */
  start(): void {
    this.nc.subscribe(TAIL_SUBJECT, {
      callback: (error, msg) => {
        if (!error) return this.#heard(msg);
        this.log.info(`the NATS user may not subscribe to ${TAIL_SUBJECT}: \`events tail\` sees no outcomes from here`);
      },
    });
    void this.#watch();
    this.#tell(HELLO_SUBJECT, {});
  }

  /** Whoever looks is told no more. */
  stop(): void {
    this.#tails.clear();
    this.#rest();
  }

  #heard(msg: Msg): void {
    const { reply: inbox = "" } = msg, ask = readAsk(msg.data);
    if (!ask || !INBOX.test(inbox) || this.#denied.has(inbox)) return;
    if (ask.end) {
      this.#tails.delete(inbox);
      return this.#rest();
    }
    const untilMs = this.clock.now() + KEEP_MS, known = this.#tails.get(inbox);
    if (known) {
      Object.assign(known, { ask, untilMs });
      known.allowance.perSecond = ask.perSecond;
    } else {
      if (this.#tails.size >= MOST_TAILS) return;
      this.#tails.set(inbox, { ask, untilMs, allowance: new RateLimiter(ask.perSecond) });
    }
    this.#listening ??= this.settlements.listen((settled) => this.#settled(settled));
    this.#cancel ??= this.clock.timer(WINDOW_MS, () => this.#renew());
    this.#tell(inbox, { subjects: this.subjects });
  }

  #settled(settled: Settled): void {
    let word: ReturnType<typeof settledWord> | undefined;
    for (const [inbox, { ask, allowance }] of this.#tails) {
      if (!isAsked(ask, settled.attempt) || !allowance.take()) continue;
      this.#tell(inbox, { settled: word ??= settledWord(settled, Date.now(), this.redact) });
    }
  }

  /** Another second. */
  #renew(): void {
    this.#cancel = undefined;
    for (const [inbox, { untilMs, allowance }] of this.#tails) {
      const omitted = allowance.renew();
      if (omitted > 0) this.#tell(inbox, { omitted });
      if (untilMs < this.clock.now()) this.#tails.delete(inbox);
    }
    if (this.#tails.size === 0) this.#rest();
    else this.#cancel = this.clock.timer(WINDOW_MS, () => this.#renew());
  }

  #rest(): void {
    if (this.#tails.size > 0) return;
    this.#cancel?.();
    this.#listening?.();
    this.#cancel = this.#listening = undefined;
  }

  #tell(inbox: string, word: object): void {
    if (this.nc.isClosed() || this.nc.isDraining()) return;
    this.nc.publish(inbox, JSON.stringify({ process: this.process, ...word }));
  }

  /** A refusal is told once for each message: whoever may not be told is not told again. */
  async #watch(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type !== "error" || !(status.error instanceof errors.PermissionViolationError)) continue;
      const { operation, subject } = status.error;
      if (operation !== "publish" || !this.#tails.delete(subject)) continue;
      this.#denied.add(subject);
      this.#rest();
      this.log.info("the NATS user may not publish to _INBOX.>: `events tail` sees no outcomes from here");
    }
  }
}
