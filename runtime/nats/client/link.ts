import { errors, type NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../engine/clock.ts";

/** What whoever sends wants to know of a connection. */
interface LinkEvents {
  /** What was sent is read again, `lost` telling that what was on its way is gone. */
  readonly restored: (lost: boolean) => void;
  /** The server refused what was published to a subject. */
  readonly publishDenied: (subject: string, error: Error) => void;
}

/**
 * Knows whether what is sent now will be read. A connection that is down tells so; one whose server hangs, or whose
 * network drops everything, looks well for half a minute. So whoever misses an answer says so, and the server is
 * asked for a sign of life, which comes once it has read everything before: until then, to send the same again
 * would only fill memory.
 */
export class Link {
  #lostAtMs: number | undefined;
  #silentFromMs: number | undefined;

  constructor(readonly nc: NatsConnection, readonly clock: Clock, readonly on: LinkEvents) {
    void this.#watch();
  }

  /** Whether to send: it is up, and not suspected. */
  get clear(): boolean {
    return this.#lostAtMs === undefined && this.#silentFromMs === undefined;
  }

  /** How long nothing has got through; 0 while it does as far as one knows. */
  downMs(): number {
    const sinceMs = this.#lostAtMs ?? this.#silentFromMs;
    return sinceMs === undefined ? 0 : Math.max(0, this.clock.now() - sinceMs);
  }

  /** Something came from the server. */
  heard(): void {
    if (this.#silentFromMs !== undefined) this.#silentFromMs = this.clock.now();
  }

  /** What was sent at that time has no answer. */
  missed(sentAtMs: number): void {
    if (!this.clear) return;
    this.#silentFromMs = sentAtMs;
    const answered = () => {
      this.#silentFromMs = undefined;
      if (this.clear) this.on.restored(false);
    };
    // It fails when the connection is lost: then a reconnect restores it.
    this.nc.flush().then(answered, () => this.#silentFromMs = undefined);
  }

  /** What is wrong, in words. */
  problem(): string {
    if (this.nc.isClosed()) return "the connection to NATS is closed";
    const seconds = (this.downMs() / 1_000).toFixed(1);
    const state = this.#lostAtMs === undefined ? "does not answer" : "is not connected";
    return `NATS at ${this.nc.getServer()} ${state} for ${seconds} s: see whether it runs and can be reached`;
  }

  async #watch(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === "disconnect") this.#lostAtMs ??= this.clock.now();
      else if (status.type === "reconnect") {
        this.#lostAtMs = this.#silentFromMs = undefined;
        this.on.restored(true);
      } else if (status.type === "error" && status.error instanceof errors.PermissionViolationError) {
        const { operation, subject } = status.error;
        if (operation === "publish") this.on.publishDenied(subject, status.error);
      }
    }
  }
}
