import type { Clock } from "../engine/clock.ts";
import { BODY_TIMEOUT_MS, BodyTimeout } from "./body_timeout.ts";
import { Problem } from "./problem.ts";
import { SharedRoom } from "./shared_room.ts";

/**
 * Bytes of request bodies that are held at once, over all requests. A body takes a few times its size in memory, as
 * text, data and message, and is held until NATS has stored its events.
 */
const BODY_MEMORY_BYTES = 32 * 1_024 * 1_024;

/** Bounds the memory that the bodies of pending requests take, the size of each, and the time for it to arrive. */
export class BodyLimits {
  readonly room: SharedRoom;
  readonly timeout: BodyTimeout;

  /**
   * @param maxBodyBytes largest body
   * @param callers number of API keys, which share the memory
   * @param limitBytes all bodies together. Default: {@linkcode BODY_MEMORY_BYTES}
   */
  constructor(readonly maxBodyBytes: number, clock: Clock, callers: number, readonly limitBytes = BODY_MEMORY_BYTES) {
    this.room = new SharedRoom(limitBytes, callers);
    this.timeout = new BodyTimeout(BODY_TIMEOUT_MS, clock);
  }

  reserve(caller: string | undefined): Reservation {
    return new Reservation(this, caller);
  }
}

/** Memory that the body of one request takes: its bytes that have arrived, not those that it declares. */
export class Reservation {
  #bytes = 0;

  constructor(readonly limits: BodyLimits, readonly caller: string | undefined) {}

  get maxBytes(): number {
    return this.limits.maxBodyBytes;
  }

  get timeout(): BodyTimeout {
    return this.limits.timeout;
  }

  /** Takes nothing. @throws {Problem} 503 when `bytes` would not find room now. */
  check(bytes: number): void {
    const { room, limitBytes } = this.limits, more = bytes - this.#bytes;
    if (more > 0 && !room.hasRoom(this.caller, more)) throw exhausted(limitBytes);
  }

  /** Resizes to `bytes`. @throws {Problem} 503 when memory runs out. */
  hold(bytes: number): void {
    this.check(bytes);
    this.limits.room.take(this.caller, bytes - this.#bytes);
    this.#bytes = bytes;
  }

  release(): void {
    this.hold(0);
  }
}

/** Not 429: the memory is shared, and this caller may not have sent anything else. */
function exhausted(limitBytes: number): Problem {
  const detail = `pending request bodies fill the limit of ${limitBytes} bytes: try again in a second`;
  return new Problem("unavailable", detail, { headers: { "retry-after": "1" } });
}
