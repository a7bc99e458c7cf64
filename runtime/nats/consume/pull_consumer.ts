import { createInbox, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import { LAPSE_MS } from "./ack_wait.ts";
import { DeliveryReader } from "./delivery_reader.ts";
import { PendingPulls } from "./pending_pulls.ts";
import { RawHeaders, readStatus, splitMessage } from "../client/raw_headers.ts";
import type { Clock } from "../../engine/clock.ts";
import type { Consumer, ConsumerSink } from "../../engine/consumer.ts";
import { withTimeout } from "../client/with_timeout.ts";

/** Short: as long a process that a handler blocks is handed what others could begin at once. */
export const EXPIRES_MS = 5_000;
const HEARTBEAT_MS = 1_000;
/** Silence after which the server has forgotten our pulls: a leader that went away says nothing. */
const SILENCE_MS = 2.5 * HEARTBEAT_MS;
/** The wait before pulling again after the server ended a pull; it doubles while that goes on. */
const RETRY_MS = { initial: 50, max: 2_000 };
/** Trouble is reported once it has lasted this long: a leader's election is no news. */
const TROUBLE_MS = 5_000;
/** A loop that has not looked for so long, when it does so every second, has stopped. */
const STALLED_MS = 8 * HEARTBEAT_MS;
const STOP_MS = 2_000;
/** Refused with waits as long as this between, the consumer is not merely electing its leader. */
const MISSING_FROM_MS = 400;
/** How often a silent consumer is asked after, and for how long before it is pulled from all the same. */
const ASK_MS = { every: 200, atMost: 10_000 };
/** When nothing came for so long, nothing is on its way. */
const QUIET_MS = 100;

/**
 * Pulls from one durable consumer, on credit: never more than the sink could begin at once. The client's own
 * `consume()` stalls for forty seconds when a consumer's leader moves; this one pulls again 50 ms after any status
 * that ends a pull, on reconnect, and, after two and a half silent heartbeats, as soon as a leader answers.
 */
export class PullConsumer implements Consumer {
  #inbox = "";
  readonly #reader: DeliveryReader;
  readonly #next: string;
  readonly #info: string;
  #subscription: Subscription | undefined;
  #sink: ConsumerSink | undefined;
  readonly #owed = new PendingPulls();
  #lastHeardMs = 0;
  #lastDeliveryMs = 0;
  #awakeMs = 0;
  #retryMs = RETRY_MS.initial;
  #pausedUntilMs = 0;
  #asking = false;
  #trouble: { readonly sinceMs: number; what: string } | undefined;
  #scheduled = false;
  /** When this turn's first message came; undefined between turns. */
  #turnMs: number | undefined;
  #stopped = false;
  readonly #cancel = new Set<() => void>();

  /** @param missing is called when the consumer seems to be gone; an election is over sooner */
  constructor(
    readonly nc: NatsConnection,
    readonly stream: string,
    consumer: string,
    readonly clock: Clock,
    readonly missing: () => void = () => {},
  ) {
    this.#reader = new DeliveryReader(stream, consumer);
    this.#next = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.#info = `$JS.API.CONSUMER.INFO.${stream}.${consumer}`;
  }

  start(sink: ConsumerSink): void {
    this.#sink = sink;
    this.#awakeMs = this.clock.now();
    this.#listen();
    this.#watch();
    this.wake();
  }

  /** Many slots come free in one turn: they are pulled for together, at its end. */
  wake(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#turnMs = undefined;
      this.#pull();
    });
  }

  /** The connection is a new one. */
  reconnected(): void {
    this.#listen();
    this.#resume();
  }

  problem(): string | undefined {
    const lookedMs = this.clock.now() - this.#awakeMs;
    if (this.#sink && !this.#stopped && lookedMs > STALLED_MS) {
      return `pulling from ${this.stream} has stood still for ${lookedMs} ms`;
    }
    if (!this.#trouble || this.clock.now() - this.#trouble.sinceMs < TROUBLE_MS) return undefined;
    return this.#trouble.what;
  }

  /**
   * Lets what was pulled come, for the sink to give back, and then stops listening. Gone sooner, the server would go
   * on handing out to nobody for a moment: each such event would wait out its time, and seem to have been attempted.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cancel of this.#cancel) cancel();
    if (!this.#subscription || this.nc.isClosed()) return;
    const giveUpAtMs = this.clock.now() + STOP_MS;
    for (let quiet = 0, owed = this.#owed.count; owed > 0 && quiet < 2 && this.clock.now() < giveUpAtMs;) {
      await new Promise<void>((resolve) => this.clock.timer(QUIET_MS / 2, resolve));
      await withTimeout(this.clock, STOP_MS, this.nc.flush()).catch(() => {}); // what was sent until now has come
      const now = this.#owed.count;
      quiet = now === owed ? quiet + 1 : 0;
      owed = now;
    }
    await withTimeout(this.clock, STOP_MS, this.#subscription.drain()).catch(() => this.#subscription?.unsubscribe());
  }

  /**
   * Listens anew and forgets every pull: what the server may still hold for the old inbox has nowhere to go. With the
   * same inbox it would come on top of what is pulled now, more with each reconnect.
   */
  #listen(): void {
    if (this.#stopped) return;
    this.#subscription?.unsubscribe();
    this.#owed.clear();
    this.#inbox = createInbox();
    this.#subscription = this.nc.subscribe(this.#inbox, {
      callback: (error, msg) => error ? this.#failed(error.message) : this.#receive(msg),
    });
  }

  #pull(): void {
    const now = this.clock.now();
    if (this.#stopped || !this.#sink || now < this.#pausedUntilMs || this.nc.isClosed()) return;
    this.#owed.expire(now);
    const owed = this.#owed.count;
    const batch = this.#sink.credits() - owed;
    if (batch < 1 || batch * 3 < owed) return; // a few small pulls cost more than one larger one a little later
    if (owed === 0) this.#lastHeardMs = now;
    this.#owed.add(batch, now + EXPIRES_MS + SILENCE_MS);
    const request = { batch, expires: EXPIRES_MS * 1e6, idle_heartbeat: HEARTBEAT_MS * 1e6 };
    this.nc.publish(this.#next, JSON.stringify(request), { reply: this.#inbox });
  }

  /**
   * Whether this thread was blocked, or the process stopped, for so long that what came meanwhile may be with another
   * replica: nobody could keep what was not yet read. It is read now, and dropped, by whatever runs first. Listening
   * anew does that at once for all of it, since the client drops what comes for an inbox that it has forgotten.
   */
  #overslept(now: number): boolean {
    if (now - this.#awakeMs <= LAPSE_MS) return false;
    if (this.#stopped) return true;
    this.#awakeMs = now;
    this.#listen();
    this.wake();
    return true;
  }

  #receive(msg: Msg): void {
    // No handler runs between two messages of one turn: one look at the clock does for all of them.
    const now = this.#scheduled && this.#turnMs !== undefined ? this.#turnMs : this.clock.now();
    this.#turnMs = now;
    if (this.#overslept(now)) return;
    this.#lastHeardMs = now;
    const delivery = this.#reader.read(msg);
    if (delivery) {
      this.#well();
      this.#lastDeliveryMs = this.#lastHeardMs;
      this.#owed.came(1);
      this.#sink?.deliver(delivery);
      return this.wake();
    }
    const { headers } = splitMessage(msg), status = readStatus(headers);
    if (!status) return this.#answered(msg);
    const { code, description } = status;
    if (code === 100) return this.#well();
    if (code === 408) { // a pull ran out, as pulls do on a quiet stream
      this.#owed.came(Number(new RawHeaders(headers).get("Nats-Pending-Messages") ?? 0));
      return this.wake();
    }
    this.#owed.clear();
    if (this.#retryMs >= MISSING_FROM_MS) this.missing();
    this.#failed(`pulling from ${this.stream} ended with status ${code} ${description}`.trimEnd());
  }

  /**
   * Asks after the consumer until its leader answers. While there is none a pull is lost without a word, and that it
   * is lost shows only three seconds later; a question hands out nothing, so it may be repeated often.
   */
  #ask(untilMs: number): void {
    if (!this.#asking || this.nc.isClosed()) return;
    if (this.clock.now() >= untilMs) return this.#resume();
    this.#pausedUntilMs = untilMs;
    this.nc.publish(this.#info, "", { reply: this.#inbox });
    this.#after(ASK_MS.every, () => this.#ask(untilMs));
  }

  /** To many questions there may be many answers: the first one counts. In an election it may be that nobody knows. */
  #answered(msg: Msg): void {
    const { error } = msg.json<{ error?: { code: number } }>();
    if (this.#asking && error?.code !== 503) this.#resume();
  }

  #resume(): void {
    this.#asking = false;
    this.#pausedUntilMs = 0;
    this.wake();
  }

  #failed(what: string, sinceMs: number = this.clock.now()): void {
    this.#asking = false;
    if (this.#trouble) this.#trouble.what = what;
    else this.#trouble = { sinceMs, what };
    this.#pausedUntilMs = this.clock.now() + this.#retryMs;
    this.#after(this.#retryMs, () => this.wake());
    this.#retryMs = Math.min(RETRY_MS.max, this.#retryMs * 2);
  }

  #well(): void {
    this.#trouble = undefined;
    this.#retryMs = RETRY_MS.initial;
  }

  #watch(): void {
    this.#after(HEARTBEAT_MS, () => {
      this.#overslept(this.clock.now());
      this.#awakeMs = this.clock.now();
      if (this.#owed.count > 0 && this.clock.now() - this.#lastHeardMs > SILENCE_MS) {
        this.#listen();
        const dueMs = this.#lastHeardMs + HEARTBEAT_MS;
        this.#failed(`no heartbeat from the consumer on ${this.stream} for ${SILENCE_MS} ms`, dueMs);
        this.#asking = true;
        this.#ask(this.clock.now() + ASK_MS.atMost);
      }
      // Nothing may begin now, as while a breaker is open: what came on a pull from before would only be refused.
      const idle = this.clock.now() - this.#lastDeliveryMs >= QUIET_MS;
      if (this.#owed.count > 0 && idle && this.#sink?.closed()) this.#listen();
      this.wake();
      this.#watch();
    });
  }

  #after(delayMs: number, callback: () => void): void {
    const cancel = this.clock.timer(delayMs, () => {
      this.#cancel.delete(cancel);
      callback();
    });
    this.#cancel.add(cancel);
  }
}
