import { Problem } from "./problem.ts";

/**
 * How much of bodies is held at once, in bytes as they came. A request takes a few times its body in memory, while
 * it is text, data, and a message; and it takes it for as long as NATS lets it wait.
 */
export const ROOM_BYTES = 32 * 1_024 * 1_024;

/** The place of one request's body. */
export interface BodyPlace {
  /** The largest body taken. */
  readonly maxBytes: number;
  /** Makes it so many bytes large. @throws {Problem} 503 when there is no room for that. */
  grow(toBytes: number): void;
  /** Gives all of it back. */
  leave(): void;
}

/** Room for the bodies of all requests under way. */
export class BodyRoom {
  #bytes = 0;

  constructor(readonly maxBytes: number, readonly roomBytes: number = ROOM_BYTES) {}

  enter(): BodyPlace {
    let own = 0;
    return {
      maxBytes: this.maxBytes,
      grow: (toBytes) => {
        const others = this.#bytes - own;
        // Whoever is alone gets in: a limit of the server's above the room's would else keep a body out for ever.
        if (toBytes > own && others > 0 && others + toBytes > this.roomBytes) throw full(this.roomBytes);
        this.#bytes = others + Math.max(own, toBytes);
        own = Math.max(own, toBytes);
      },
      leave: () => {
        this.#bytes -= own;
        own = 0;
      },
    };
  }
}

/** 503 and not 429: the room is everybody's, and who finds it taken need not have sent anything else. */
function full(roomBytes: number): Problem {
  const detail = `bodies of ${roomBytes} bytes altogether are under way, as many as are held: try again in a second`;
  return new Problem(503, "Service Unavailable", detail, { headers: { "retry-after": "1" } });
}
