import { createInbox, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import type { Clock } from "../flow/ports.ts";
import { Allowance } from "../rules/allowance.ts";
import { covers } from "../rules/subjects.ts";
import { ASK_MS, MOST_PER_SECOND, readWord, type SettledWord, TAIL_SUBJECT } from "./tail_words.ts";

/** A process that has not answered for so long is gone. */
const GONE_MS = 3.5 * ASK_MS;

/** What whoever looks wants to see. */
export interface Wanted {
  /** What is published there is told of; nothing when empty. */
  readonly subjects: readonly string[];
  readonly function?: string;
  readonly type?: string;
}

/** What is told of. */
export interface Sight {
  published(msg: Msg): void;
  settled(word: SettledWord, process: string): void;
  /** So many were left out in the last second. */
  omitted(count: number, of: "published" | "settled"): void;
  /** So many processes tell what they settle: said once it is known, and whenever it changes. */
  processes(count: number): void;
  /** The NATS user may not subscribe there. */
  denied(subject: string): void;
}

/** Looks at a whole cluster: at what is published, and at what each process says that it settled. */
export class Tailing {
  readonly #inbox = createInbox();
  readonly #subscriptions: Subscription[] = [];
  readonly #processes = new Map<string, number>();
  readonly #published = new Allowance(MOST_PER_SECOND);
  #omitted = 0;
  #told: number | undefined;
  #asked = 0;
  #cancel: () => void = () => {};

  constructor(readonly nc: NatsConnection, readonly clock: Clock, readonly wanted: Wanted, readonly sight: Sight) {}

  start(): void {
    this.#listen(this.#inbox, (msg) => this.#said(msg));
    const { subjects, type } = this.wanted;
    for (const subject of subjects) {
      this.#listen(subject, (msg) => {
        // What is wanted may be neither wider nor narrower than what a stream stores.
        if (type !== undefined && !covers(type, msg.subject)) return;
        if (this.#published.take()) this.sight.published(msg);
      });
    }
    this.#ask();
  }

  stop(): void {
    this.#cancel();
    this.#publish({ end: true });
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  #listen(subject: string, heard: (msg: Msg) => void): void {
    const callback = (error: Error | null, msg: Msg) => error ? this.sight.denied(subject) : heard(msg);
    this.#subscriptions.push(this.nc.subscribe(subject, { callback }));
  }

  #said(msg: Msg): void {
    const word = readWord(msg.data);
    if (!word) return;
    this.#processes.set(word.process, this.clock.now());
    this.#omitted += word.omitted ?? 0;
    if (word.settled) this.sight.settled(word.settled, word.process);
    if ((this.#told ?? 0) === 0) this.#count();
  }

  /** Once a second: what was left out is told of, and asked again for what is to come. */
  #ask(): void {
    const published = this.#published.renew(), settled = this.#omitted;
    this.#omitted = 0;
    if (published > 0) this.sight.omitted(published, "published");
    if (settled > 0) this.sight.omitted(settled, "settled");
    if (this.#asked++ > 1 || this.#processes.size > 0) this.#count();
    this.#publish({});
    this.#cancel = this.clock.timer(ASK_MS, () => this.#ask());
  }

  #count(): void {
    const goneMs = this.clock.now() - GONE_MS;
    for (const [process, heardMs] of this.#processes) if (heardMs < goneMs) this.#processes.delete(process);
    const { size } = this.#processes;
    if (size === this.#told) return;
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
