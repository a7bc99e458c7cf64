import { createInbox, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import type { Clock } from "../../engine/clock.ts";
import { RateLimiter } from "../../core/rate_limiter.ts";
import { covers, overlaps } from "../../core/subjects.ts";
import { ASK_MS, HELLO_SUBJECT, MOST_PER_SECOND, readWord, type SettledWord, TAIL_SUBJECT } from "./tail_protocol.ts";

/** A process that has not answered for so long is gone. */
const GONE_MS = 3.5 * ASK_MS;
/** How long the processes that there are have for their first answer. */
const READY_MS = 250;

/** What whoever looks wants to see. */
export interface Wanted {
  /** What is published there is told of, and on what the streams of processes that answer store besides. */
  readonly subjects: readonly string[];
  /** Only what it settles: of what is published nothing is told. */
  readonly function?: string;
  readonly type?: string;
}

/** What is told of. */
interface Sight {
  published(msg: Msg): void;
  settled(word: SettledWord, process: string): void;
  /** So many were left out in the last second. */
  omitted(count: number, of: "published" | "settled"): void;
  /** So many processes tell what they settle: said once it is known, when it becomes none, and when none it was. */
  processes(count: number): void;
  /** The NATS user may not subscribe there. */
  denied(subject: string): void;
}

/** Looks at a whole cluster: at what is published, and at what each process says that it settled. */
export class TailClient {
  readonly #inbox = createInbox();
  readonly #subscriptions: Subscription[] = [];
  readonly #followed = new Map<string, Subscription>();
  readonly #processes = new Map<string, number>();
  readonly #published = new RateLimiter(MOST_PER_SECOND);
  #omitted = 0;
  #told: number | undefined;
  #asked = 0;
  #cancel: () => void = () => {};
  readonly #ready = Promise.withResolvers<void>();
  #cancelReady: () => void = () => {};

  constructor(readonly nc: NatsConnection, readonly clock: Clock, readonly wanted: Wanted, readonly sight: Sight) {}

  /** Returns once whoever is there has had the time to answer: from then on what happens is seen. */
  async start(): Promise<void> {
    this.#subscriptions.push(
      this.#listen(this.#inbox, (msg) => this.#said(msg)),
      this.#listen(HELLO_SUBJECT, () => this.#publish({})),
    );
    this.#follow(this.wanted.subjects);
    this.#ask();
    const flushed = this.nc.flush().catch(() => {}); // it is gone, and connects again
    this.#cancelReady = this.clock.timer(READY_MS, () => {
      this.#count(this.#processes.size > 0);
      this.#ready.resolve();
    });
    await Promise.all([flushed, this.#ready.promise]);
  }

  stop(): void {
    this.#cancel();
    this.#cancelReady();
    this.#ready.resolve();
    this.#publish({ end: true });
    for (const subscription of [...this.#subscriptions, ...this.#followed.values()]) subscription.unsubscribe();
  }

  /** Listens there too, and nowhere twice. */
  #follow(subjects: readonly string[]): void {
    const { type, function: fn } = this.wanted;
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
      const subscription = this.#listen(subject, (msg) => {
        // What is wanted may be neither wider nor narrower than what a stream stores.
        if (type !== undefined && !covers(type, msg.subject)) return;
        if (this.#published.take()) this.sight.published(msg);
      });
      this.#followed.set(subject, subscription);
    }
  }

  #listen(subject: string, heard: (msg: Msg) => void): Subscription {
    const callback = (error: Error | null, msg: Msg) => error ? this.sight.denied(subject) : heard(msg);
    return this.nc.subscribe(subject, { callback });
  }

  #said(msg: Msg): void {
    const word = readWord(msg.data);
    if (!word) return;
    this.#processes.set(word.process, this.clock.now());
    this.#omitted += word.omitted ?? 0;
    if (word.subjects) this.#follow(word.subjects);
    if (word.settled) this.sight.settled(word.settled, word.process);
    if (this.#told === 0) this.#count(true);
  }

  /** Once a second: what was left out is told of, and asked again for what is to come. */
  #ask(): void {
    const published = this.#published.renew(), settled = this.#omitted;
    this.#omitted = 0;
    if (published > 0) this.sight.omitted(published, "published");
    if (settled > 0) this.sight.omitted(settled, "settled");
    this.#count(this.#asked++ > 1);
    this.#publish({});
    this.#cancel = this.clock.timer(ASK_MS, () => this.#ask());
  }

  /** @param enough whether who has not answered by now is not there */
  #count(enough: boolean): void {
    const goneMs = this.clock.now() - GONE_MS;
    for (const [process, heardMs] of this.#processes) if (heardMs < goneMs) this.#processes.delete(process);
    const { size } = this.#processes;
    // With each reload one goes and another comes: that is nothing to tell of.
    if (this.#told === undefined ? !enough : (size > 0) === (this.#told > 0)) return;
    this.#told = size;
    this.sight.processes(size);
  }

  /** Each process may tell its share. */
  #publish(more: object): void {
    if (this.nc.isClosed()) return;
    const { function: fn, type } = this.wanted;
    const perSecond = Math.max(1, Math.floor(MOST_PER_SECOND / Math.max(1, this.#processes.size)));
    this.nc.publish(TAIL_SUBJECT, JSON.stringify({ function: fn, type, perSecond, ...more }), { reply: this.#inbox });
  }
}
