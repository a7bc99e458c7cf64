import { setImmediate } from "node:timers";
import { getHeapStatistics } from "node:v8";
import type { Clock } from "../engine/clock.ts";
import { Problem } from "./problem.ts";
import { SharedRoom } from "./shared_room.ts";
import { Turns } from "./turns.ts";

/**
 * Greatest number of bytes of request bodies that are held at once, over all requests: an eighth of the heap at the
 * most. A body takes a few times its size in memory, as text, data and message, and is held until NATS has stored its
 * events.
 */
const BODY_MEMORY_BYTES = Math.min(32 * 1_024 * 1_024, getHeapStatistics().heap_size_limit / 8);
/** Milliseconds that a body, or a line of NDJSON, may take to arrive. A caller that stalls must not keep memory. */
const BODY_TIMEOUT_MS = 30_000;

/** Bounds the memory that the bodies of pending requests take, the size of each, and the time for it to arrive. */
export class BodyLimits {
  readonly room: SharedRoom;
  readonly timeout: BodyTimeout;
  readonly turns = new Turns();

  /**
   * @param maxBytes largest body
   * @param callers number of API keys, which share the memory
   * @param limitBytes all bodies together. Default: {@linkcode BODY_MEMORY_BYTES}
   */
  constructor(readonly maxBytes: number, clock: Clock, callers: number, readonly limitBytes = BODY_MEMORY_BYTES) {
    this.room = new SharedRoom(limitBytes, callers);
    this.timeout = new BodyTimeout(BODY_TIMEOUT_MS, clock);
  }

  reserve(caller: string | undefined): Reservation {
    return new Reservation(this, caller);
  }
}

/** Part of a request that takes memory: the body, or what is kept of the events in it. */
type Part = "body" | "events";

/**
 * Memory that one request takes: the bytes of the body that have arrived, and the events. Bytes that are declared and
 * have not arrived do not count.
 */
export class Reservation {
  readonly #held: Record<Part, number> = { body: 0, events: 0 };
  #isReleased = false;

  constructor(readonly limits: BodyLimits, readonly caller: string | undefined) {}

  /**
   * Checks that a part may grow to `bytes`, and takes nothing.
   *
   * @throws {Problem} 503 if there is no room now.
   */
  check(bytes: number, part: Part = "body"): void {
    const { room, limitBytes } = this.limits, more = bytes - this.#held[part];
    if (more > 0 && !room.hasRoom(this.caller, more)) throw exhausted(limitBytes);
  }

  /**
   * Resizes a part to `bytes`.
   *
   * @throws {Problem} 503 when memory runs out.
   */
  hold(bytes: number, part: Part = "body"): void {
    const more = bytes - this.#held[part];
    if (this.#isReleased || more === 0) return; // released: the rest of a body that was late
    this.check(bytes, part);
    this.limits.room.take(this.caller, more);
    this.#held[part] = bytes;
  }

  /** Takes `bytes` beyond the end of the request, until the returned function is called. */
  keep(bytes: number): () => void {
    const { limits: { room }, caller } = this;
    room.take(caller, bytes);
    return () => {
      room.take(caller, -bytes);
      bytes = 0;
    };
  }

  release(): void {
    this.hold(0);
    this.hold(0, "events");
    this.#isReleased = true;
  }
}

/**
 * Returns the problem of a request without room. It is not 429, since callers share the memory, and this caller may
 * have sent nothing else.
 */
function exhausted(limitBytes: number): Problem {
  const detail = `pending request bodies fill the limit of ${limitBytes} bytes: try again in a second`;
  return new Problem("unavailable", detail, { headers: { "retry-after": "1" } });
}

/**
 * Returns the problem of a body that is late.
 *
 * @param what A clause, such as `no line ended`.
 */
export function timedOut(what: string): Problem {
  // Deno keeps a connection whose request has not ended. The rest of it must not be taken for another request.
  const options = { headers: { connection: "close" } };
  return new Problem("timeout", `${what} within ${BODY_TIMEOUT_MS / 1_000} s`, options);
}

interface Arrival {
  /** Undefined once the body has arrived. */
  onTimeout: (() => void) | undefined;
  readonly startMs: number;
}

/**
 * Times the arrival of bodies. Hot path: nearly every body arrives with its headers. Only bodies that have not arrived
 * at the end of the event-loop tick are put into a set, and all share one timer, see bench.
 */
export class BodyTimeout {
  /** Bodies of this tick. */
  #started: Arrival[] = [];
  /** Bodies of earlier ticks that have not arrived, the earliest first. */
  readonly #waiting = new Set<Arrival>();
  #cancelTimer: (() => void) | undefined;

  constructor(readonly limitMs: number, readonly clock: Clock) {}

  /** Calls `onTimeout` after the limit, unless the returned function is called before. */
  start(onTimeout: () => void): () => void {
    // Bodies of one tick share their start: reading the clock costs as much as the rest.
    const arrival: Arrival = { onTimeout, startMs: this.#started.at(0)?.startMs ?? this.clock.now() };
    if (this.#started.push(arrival) === 1) setImmediate(() => this.#endTick());
    return () => {
      arrival.onTimeout = undefined;
      if (!this.#waiting.delete(arrival) || this.#waiting.size > 0) return;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    };
  }

  #endTick(): void {
    if (this.#cancelTimer) this.#awaitStarted();
    else this.#check();
  }

  #awaitStarted(): void {
    for (const arrival of this.#started) if (arrival.onTimeout) this.#waiting.add(arrival);
    this.#started = [];
  }

  /** Times out the bodies that are due, and sets the timer for the next one. */
  #check(): void {
    this.#cancelTimer = undefined;
    this.#awaitStarted();
    if (this.#waiting.size === 0) return;
    const nowMs = this.clock.now();
    for (const arrival of this.#waiting) {
      const leftMs = arrival.startMs + this.limitMs - nowMs;
      if (leftMs > 0) {
        this.#cancelTimer = this.clock.timer(leftMs, () => this.#check());
        return;
      }
      this.#waiting.delete(arrival);
      arrival.onTimeout?.();
    }
  }
}
