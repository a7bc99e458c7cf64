import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { type Cancel, Deadlines } from "../flow/deadlines.ts";
import type { Clock, Stored } from "../flow/ports.ts";
import { backoffMs } from "../rules/backoff.ts";

/** Why a message was not stored: `unavailable` may pass by itself, the others will not. */
export type StoreProblem = "unavailable" | "too-large" | "refused" | "id-taken";

/** A message is not known to be stored. */
export class StoreError extends Error {
  override readonly name = "StoreError";

  constructor(readonly problem: StoreProblem, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Stores messages: what dead letters, parked retries and events stand on. */
export interface Store {
  /** @throws {StoreError} when the message is not known to be stored. */
  store(subject: string, payload: Uint8Array, hdrs: MsgHdrs): Promise<Stored>;
}

interface Pending {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
  readonly giveUpAtMs: number;
  tries: number;
  cancelTry: Cancel;
  resolve(stored: Stored): void;
  reject(error: StoreError): void;
}

interface PubAck {
  stream?: string;
  seq?: number;
  duplicate?: boolean;
  error?: { code: number; err_code?: number; description: string };
}

/** How long one try may take, how long all of them together, and the waits between them. */
const TRY_MS = 2_000;
const GIVE_UP_MS = 8_000;
const BETWEEN = { attempts: 1, initialMs: 50, maxMs: 1_000, factor: 2, jitter: "none" } as const;

/**
 * Stores messages in JetStream, any number at a time through one inbox of its own. `js.publish()` of the client
 * makes a subscription, a timer and two error objects for each, which is most of its time.
 *
 * A try that is not answered is repeated: the message's `Nats-Msg-Id` makes that store it once.
 */
export class JetStreamStore implements Store {
  readonly #inbox = createInbox();
  readonly #pending = new Map<string, Pending>();
  readonly #tries: Deadlines;
  #last = 0;

  constructor(readonly nc: NatsConnection, readonly clock: Clock) {
    this.#tries = new Deadlines(TRY_MS, clock);
    nc.subscribe(`${this.#inbox}.*`, { callback: (error, msg) => void (error || this.#answered(msg)) });
  }

  /** Call it when nothing is being stored any more. */
  close(): void {
    this.#tries.clear();
  }

  /** @throws {StoreError} when the message is not known to be stored. */
  store(subject: string, payload: Uint8Array, hdrs: MsgHdrs): Promise<Stored> {
    return new Promise((resolve, reject) => {
      const giveUpAtMs = this.clock.now() + GIVE_UP_MS;
      const cancelTry = () => {};
      this.#try({ subject, payload, headers: hdrs, giveUpAtMs, tries: 0, cancelTry, resolve, reject });
    });
  }

  #try(pending: Pending): void {
    const token = String(++this.#last);
    pending.tries++;
    try {
      this.nc.publish(pending.subject, pending.payload, {
        headers: pending.headers,
        reply: `${this.#inbox}.${token}`,
      });
    } catch (error) {
      return pending.reject(this.#unsendable(pending, error));
    }
    this.#pending.set(token, pending);
    pending.cancelTry = this.#tries.set(() => {
      this.#pending.delete(token);
      this.#again(pending, `JetStream did not answer within ${TRY_MS} ms`);
    });
  }

  #answered(msg: Msg): void {
    const token = msg.subject.slice(this.#inbox.length + 1);
    const pending = this.#pending.get(token);
    if (!pending) return; // an answer to a try that was given up: the message is stored, and the next try says so
    this.#pending.delete(token);
    pending.cancelTry();
    if (msg.data.length === 0) {
      return this.#again(pending, `no stream stores "${pending.subject}", or JetStream is not available`);
    }
    const ack = msg.json<PubAck>();
    if (ack.error) {
      const { code, err_code, description } = ack.error;
      const what = `JetStream refused "${pending.subject}": ${description} (${err_code ?? code})`;
      return code === 503 && !/maximum|exceed/.test(description)
        ? this.#again(pending, what)
        : pending.reject(new StoreError("refused", what));
    }
    pending.resolve({ stream: ack.stream!, sequence: ack.seq!, duplicate: ack.duplicate === true });
  }

  #again(pending: Pending, what: string): void {
    const delayMs = backoffMs(BETWEEN, pending.tries, 1);
    if (this.clock.now() + delayMs > pending.giveUpAtMs || this.nc.isClosed()) {
      return pending.reject(new StoreError("unavailable", `${what}; ${pending.tries} tries`));
    }
    this.clock.timer(delayMs, () => this.#try(pending));
  }

  #unsendable(pending: Pending, error: unknown): StoreError {
    if (error instanceof Error && error.message.includes("max_payload")) {
      const limit = this.nc.info?.max_payload;
      const what = `a message for "${pending.subject}" with its headers is over the server's ${limit} bytes`;
      return new StoreError("too-large", what, { cause: error });
    }
    return new StoreError("unavailable", `cannot send to NATS: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
