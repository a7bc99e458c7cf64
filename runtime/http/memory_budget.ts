import type { Clock } from "../engine/clock.ts";
import { BODY_TIMEOUT_MS, BodyTimeout } from "./body_timeout.ts";
import { Problem } from "./problem.ts";

/**
 * How much of bodies is held at once, in bytes as they came. A request takes a few times its body in memory, while
 * it is text, data, and a message; and it takes it for as long as NATS lets it wait.
 */
const BODY_MEMORY_BYTES = 32 * 1_024 * 1_024;

/** The place of one request's body. */
export interface Reservation {
  /** The largest body taken. */
  readonly maxBytes: number;
  /** How long its caller is waited for. */
  readonly patience: BodyTimeout;
  /** Makes it so many bytes large. @throws {Problem} 503 when there is no room for that. */
  grow(toBytes: number): void;
  /** Makes it just so large, for what comes and goes. @throws {Problem} 503 when there is no room for that. */
  hold(bytes: number): void;
  /** Gives all of it back. */
  leave(): void;
}

/** Room for the bodies of all requests under way. */
export class MemoryBudget {
  #bytes = 0;
  readonly patience: BodyTimeout;

  constructor(readonly maxBytes: number, clock: Clock, readonly roomBytes: number = BODY_MEMORY_BYTES) {
    this.patience = new BodyTimeout(BODY_TIMEOUT_MS, clock);
  }

  enter(): Reservation {
    return new Place(this);
  }

  /** Another size of one place. @throws {Problem} 503 when there is no room for that. */
  change(fromBytes: number, toBytes: number): void {
    const others = this.#bytes - fromBytes;
    // Whoever is alone gets in: a limit of the server's above the room's would else keep a body out for ever.
    if (toBytes > fromBytes && others > 0 && others + toBytes > this.roomBytes) throw full(this.roomBytes);
    this.#bytes = others + toBytes;
  }
}

class Place implements Reservation {
  #bytes = 0;

  constructor(readonly room: MemoryBudget) {}

  get maxBytes(): number {
    return this.room.maxBytes;
  }

  get patience(): BodyTimeout {
    return this.room.patience;
  }

  grow(toBytes: number): void {
    if (toBytes > this.#bytes) this.hold(toBytes);
  }

  hold(bytes: number): void {
    this.room.change(this.#bytes, bytes);
    this.#bytes = bytes;
  }

  leave(): void {
    this.hold(0);
  }
}

/** 503 and not 429: the room is everybody's, and who finds it taken need not have sent anything else. */
function full(roomBytes: number): Problem {
  const detail = `bodies of ${roomBytes} bytes altogether are under way, as many as are held: try again in a second`;
  return new Problem(503, "Service Unavailable", detail, { headers: { "retry-after": "1" } });
}
