import {
  EMPTY_WINDOW,
  endOf,
  freeStarts,
  mergeWindows,
  nextEnd,
  type RateLimitPolicy,
  type RateWindow,
  withTake,
} from "../core/rate_window.ts";
import type { ServerClock } from "./clock.ts";
import type { StoredWindow } from "./rate_store.ts";

/**
 * Answer to deliveries that ask for starts together. `count` is the number of those that may begin; `delayMs` has the
 * milliseconds after which the others should come again.
 */
export type RateAnswer =
  | { readonly kind: "granted"; readonly count: number; readonly delayMs: number }
  | { readonly kind: "wait"; readonly delayMs: number }
  | { readonly kind: "closed" };

/** The rate limit to which the queues of a function belong. */
export interface RateScope {
  readonly policy: RateLimitPolicy;
  readonly clock: ServerClock;
  /** Id of this process. */
  readonly processId: string;
  /** Time within which a handler begins after its start was taken, in milliseconds. */
  readonly holdMs: number;
  /** Called when the store has answered, with the time that it took in milliseconds. */
  answered(tookMs: number): void;
  /** Whether the store fails, so that this process limits itself. */
  isLocal(): boolean;
  /** Number of processes that share the limit, as far as is known. While the store fails, the number from before. */
  takers(): number;
  /** Notes the processes of a window that was read or written. */
  note(window: RateWindow): void;
  read(key: string): Promise<StoredWindow>;
  write(key: string, stored: StoredWindow): Promise<number | undefined>;
  /** Called when the store has failed. */
  failed(key: string, error: unknown): void;
  /** Called when something has changed that `permits` depends on. */
  changed(): void;
}

/** Longest time that a delivery is held for a start, in milliseconds. It is far below the ack wait. */
export const HELD_MS = 2_000;
/** Revision of a window that must be read again. */
const UNKNOWN = -1;
const CLOSED: RateAnswer = { kind: "closed" };

interface Waiting {
  /** Deliveries that begin together: one, unless they are a batch. */
  readonly count: number;
  readonly untilMs: number;
  readonly answer: (answer: RateAnswer) => void;
}

/**
 * The deliveries of one key that ask for a start. All that wait take their starts with one write. A delivery that would
 * wait for longer than two seconds is sent back, with the time of a start that is promised to it.
 */
export class RateQueue {
  #waiting: Waiting[] = [];
  /** The window as it was read or written last. */
  #stored: StoredWindow | undefined;
  /** The starts of this process alone. They limit it while the store fails, and repair a window that was lost. */
  #own = EMPTY_WINDOW;
  /** Time of the last start that was promised to a delivery that was sent back. */
  #promisedMs = 0;
  #isFilling = false;
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(readonly key: string, readonly scope: RateScope) {}

  get size(): number {
    return this.#waiting.reduce((sum, { count }) => sum + count, 0);
  }

  /** The window that limits this process, as far as it is known. */
  get window(): RateWindow {
    return this.scope.isLocal() ? this.#own : this.#stored?.window ?? EMPTY_WINDOW;
  }

  /** Starts that this process may use of a window: all of a shared one, and its share while the store fails. */
  get limit(): number {
    const { scope, scope: { policy: { limit } } } = this;
    return scope.isLocal() ? Math.max(1, Math.floor(limit / scope.takers())) : limit;
  }

  /** Whether nothing waits. The queue may then be forgotten: its window is in the store. */
  get isIdle(): boolean {
    return !this.#isFilling;
  }

  /** @param count Number of deliveries that begin together. If not all can within two seconds, some may. */
  take(count: number): Promise<RateAnswer> {
    if (this.#isClosed) return Promise.resolve(CLOSED);
    return new Promise((answer) => {
      this.#waiting.push({ count, untilMs: this.scope.clock.now() + HELD_MS, answer });
      void this.#fill();
    });
  }

  /** Answers all deliveries that wait, and all that ask later, that the process stops. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
    for (const { answer } of this.#waiting.splice(0)) answer(CLOSED);
  }

  /** Writes the starts of this process into the store. Rejects while it fails. */
  async restore(): Promise<void> {
    this.#forget();
    const stored = await this.#current(), nowMs = this.scope.clock.serverNow();
    await this.#write(stored, withTake(stored.window, this.#take(0), this.scope.policy, nowMs));
  }

  /** Takes starts for the deliveries that wait, until none waits. Never rejects. */
  async #fill(): Promise<void> {
    if (this.#isFilling) return;
    this.#isFilling = true;
    while (this.#waiting.length > 0) {
      try {
        await this.#fillOnce();
      } catch (error) {
        this.#forget();
        this.scope.failed(this.key, error);
      }
    }
    this.#isFilling = false;
  }

  async #fillOnce(): Promise<void> {
    const { scope, scope: { clock, policy } } = this, local = scope.isLocal();
    const mayBeOld = !local && this.#isKnown;
    const stored = local ? { window: this.#own, revision: 0 } : await this.#current();
    const nowMs = clock.serverNow(), sentMs = clock.now();
    const count = this.#startable(stored.window, nowMs);
    if (count === 0) return mayBeOld ? this.#forget() : await this.#wait(stored.window, nowMs);
    const take = this.#take(count);
    if (!local) {
      const isWritten = await this.#write(stored, withTake(stored.window, take, policy, nowMs));
      const tookMs = clock.now() - sentMs;
      scope.answered(tookMs);
      if (!isWritten) return;
      // The answer came too late for the starts to be used. The next write drops them.
      if (tookMs > take.holdMs) return void (this.#stored = { ...this.#stored!, window: stored.window });
    }
    this.#own = withTake(this.#own, take, policy, nowMs);
    this.#grant(count, nowMs);
    scope.changed();
  }

  /** Returns the number of starts to take now: for all of a batch, or for some if the others would wait too long. */
  #startable(window: RateWindow, nowMs: number): number {
    const free = freeStarts(window, this.limit, nowMs), [{ untilMs }] = this.#waiting;
    let starts = 0;
    for (const { count } of this.#waiting) {
      if (starts + count > free) break;
      starts += count;
    }
    if (starts > 0) return starts;
    const endMs = nextEnd(window, nowMs),
      mayWait = endMs !== undefined && endMs - nowMs <= untilMs - this.scope.clock.now();
    return mayWait ? 0 : free;
  }

  #grant(starts: number, nowMs: number): void {
    for (let left = starts; left > 0;) {
      const { count, answer } = this.#waiting.shift()!, granted = Math.min(left, count);
      left -= granted;
      const delayMs = granted < count ? Math.max(1, (nextEnd(this.window, nowMs) ?? nowMs) - nowMs) : 0;
      answer({ kind: "granted", count: granted, delayMs });
    }
  }

  #take(count: number) {
    return { count, by: this.scope.processId, holdMs: this.scope.holdMs };
  }

  /**
   * Returns the stored window. If the window lacks this process's starts, it was lost and begun anew: they are added.
   */
  async #current(): Promise<StoredWindow> {
    const { scope, scope: { policy: { perMs }, processId, clock } } = this;
    if (this.#isKnown) return this.#stored!;
    const sentMs = clock.now(), stored = await scope.read(this.key), nowMs = clock.serverNow();
    scope.answered(clock.now() - sentMs);
    scope.note(stored.window);
    const isLost = !(processId in stored.window.takers) && nextEnd(this.#own, nowMs) !== undefined;
    return this.#stored = isLost ? { ...stored, window: mergeWindows(stored.window, this.#own, perMs, nowMs) } : stored;
  }

  /** Writes a window, and returns whether it was written. If another process was faster, it is read again. */
  async #write({ revision }: StoredWindow, window: RateWindow): Promise<boolean> {
    const written = await this.scope.write(this.key, { window, revision });
    if (written !== undefined) this.scope.note(window);
    this.#stored = { window, revision: written ?? UNKNOWN };
    return written !== undefined;
  }

  /** Sends back the deliveries that would wait for too long. The others wait for the next start. */
  async #wait(window: RateWindow, nowMs: number): Promise<void> {
    const { scope, scope: { clock, policy } } = this, waitMs = Math.max(1, (nextEnd(window, nowMs) ?? nowMs) - nowMs);
    const late: Waiting[] = [], held: Waiting[] = [], takers = scope.isLocal() ? 1 : scope.takers();
    for (const waiting of this.#waiting) {
      // A batch waits for as long as it may, since some of it can begin at the end.
      const endMs = waiting.count > 1 ? nextEnd(window, nowMs) : endOf(window, (held.length + 1) * takers, nowMs);
      const isSoon = endMs !== undefined && endMs - nowMs <= waiting.untilMs - clock.now();
      (isSoon ? held : late).push(waiting);
    }
    this.#waiting = held;
    const everyMs = policy.perMs / this.limit * takers;
    for (const { answer } of late) {
      this.#promisedMs = Math.max(nowMs + waitMs, this.#promisedMs + everyMs);
      answer({ kind: "wait", delayMs: this.#promisedMs - nowMs });
    }
    scope.changed();
    if (held.length === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.timer(waitMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  /**
   * Whether the window's revision is known. If another process has replaced the window, a write fails, and the window
   * is read.
   */
  get #isKnown(): boolean {
    return this.#stored !== undefined && this.#stored.revision !== UNKNOWN;
  }

  /** Makes the next take read the window again. Until then the known window counts. */
  #forget(): void {
    if (this.#stored) this.#stored = { ...this.#stored, revision: UNKNOWN };
  }
}
