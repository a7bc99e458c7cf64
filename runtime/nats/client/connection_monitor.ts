import { errors, type NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../engine/clock.ts";

/** Interval of the pings that find a server which hangs. The client's own pings take 20 seconds. */
const PING_INTERVAL_MS = 2_000;
/** Wait for a ping's answer after which the connection counts as unhealthy: two intervals. */
const PING_TIMEOUT_MS = 4_000;
/** Delay before the reason of a disconnect is looked for, since most reconnects succeed, and interval afterwards. */
const DIAGNOSE_AFTER_MS = 1_000, DIAGNOSE_INTERVAL_MS = 10_000;

type MonitoredConnection = Pick<NatsConnection, "status" | "flush" | "isClosed" | "getServer">;

/**
 * Watches one connection and tells its users of disconnects, reconnects and denied publishes.
 *
 * It also finds a server that hangs, or a network that drops everything: such a connection looks connected for half a
 * minute. A user that misses an answer calls {@linkcode missedAnswer}, and {@linkcode start} pings in the background.
 */
export class ConnectionMonitor {
  #disconnected: { readonly server: string; readonly sinceMs: number } | undefined;
  /** Since when sent messages have no answer. */
  #silentSinceMs: number | undefined;
  #pingedAtMs: number | undefined;
  #cancelPing: () => void = () => {};
  #cancelDiagnosis: () => void = () => {};
  #diagnosis: Promise<void> | undefined;
  /** All known reasons of this outage why the client cannot reconnect. The last is the current reason. */
  #reasons: readonly string[] = [];
  readonly #onDisconnect: ((server: string) => void)[] = [];
  readonly #onReconnect: ((downMs: number) => void)[] = [];
  readonly #onAnswer: (() => void)[] = [];
  readonly #onUnreachable: ((reason: string) => void)[] = [];
  readonly #onPublishDenied: ((subject: string, error: Error) => void)[] = [];
  readonly closed: Promise<void>;

  /** @param whyUnreachable finds out why the client cannot reconnect. Default: the reason stays unknown. */
  constructor(
    readonly nc: MonitoredConnection,
    readonly clock: Clock,
    readonly whyUnreachable: () => Promise<string | undefined> = () => Promise.resolve(undefined),
  ) {
    this.closed = this.#watch();
  }

  onDisconnect(listener: (server: string) => void): void {
    this.#onDisconnect.push(listener);
  }

  /** @param listener receives how long the connection was down. Messages that were on their way are lost. */
  onReconnect(listener: (downMs: number) => void): void {
    this.#onReconnect.push(listener);
  }

  /** @param listener is called when the server answers again after {@linkcode missedAnswer}, on the same connection. */
  onAnswer(listener: () => void): void {
    this.#onAnswer.push(listener);
  }

  /** @param listener receives each reason for which the client cannot reconnect, once in an outage. */
  onUnreachable(listener: (reason: string) => void): void {
    this.#onUnreachable.push(listener);
  }

  onPublishDenied(listener: (subject: string, error: Error) => void): void {
    this.#onPublishDenied.push(listener);
  }

  /** True while the connection is up and no answer is missing. */
  get responsive(): boolean {
    return this.#disconnected === undefined && this.#silentSinceMs === undefined;
  }

  /** Returns how long the server has not answered; 0 while it does. */
  silentMs(): number {
    const sinceMs = this.#disconnected?.sinceMs ?? this.#silentSinceMs;
    return sinceMs === undefined ? 0 : Math.max(0, this.clock.now() - sinceMs);
  }

  /** Returns why the connection is not {@linkcode responsive}. */
  silence(): string {
    if (this.nc.isClosed()) return "the connection to NATS is closed";
    const seconds = (this.silentMs() / 1_000).toFixed(1);
    const state = this.#disconnected ? "is not connected" : "does not answer";
    return `NATS at ${this.nc.getServer()} ${state} for ${seconds} s: see whether it runs and can be reached`;
  }

  /** Reports that a message has its answer. The silence then begins anew: the ping is still to be answered. */
  answered(): void {
    if (this.#silentSinceMs !== undefined) this.#silentSinceMs = this.clock.now();
  }

  /**
   * Reports that a message sent at that time has no answer. The monitor then pings the server. An answer shows that the
   * server has read everything that was sent before. Until then, sending again would only fill memory.
   */
  missedAnswer(sentAtMs: number): void {
    if (!this.responsive) return;
    this.#silentSinceMs = sentAtMs;
    const pong = () => {
      this.#silentSinceMs = undefined;
      if (this.responsive) notify(this.#onAnswer);
    };
    // A flush fails when the connection is lost, whose silence `#disconnected` then tells.
    this.nc.flush().then(pong, () => this.#silentSinceMs = undefined);
  }

  start(): void {
    this.#ping();
    this.#cancelPing = this.clock.timer(PING_INTERVAL_MS, () => this.start());
  }

  stop(): void {
    this.#cancelPing();
  }

  /** Returns why the connection is unhealthy. Undefined while the pings are answered. */
  problem(): string | undefined {
    if (this.#disconnected) {
      return [`disconnected from ${this.#disconnected.server}`, ...this.#reasons.slice(-1)].join(": ");
    }
    const waitedMs = this.clock.now() - (this.#pingedAtMs ?? Infinity);
    if (waitedMs < PING_TIMEOUT_MS) return undefined;
    return `${this.nc.getServer()} has not answered for ${Math.floor(waitedMs / 1_000)} s`;
  }

  /** Sends no second ping before the first is answered. */
  #ping(): void {
    if (this.#pingedAtMs !== undefined || this.#disconnected) return;
    const pingedAtMs = this.#pingedAtMs = this.clock.now();
    const done = () => {
      if (this.#pingedAtMs === pingedAtMs) this.#pingedAtMs = undefined;
    };
    this.nc.flush().then(done, done); // it fails when the connection is lost, which the status tells
  }

  async #watch(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === "disconnect") this.#disconnect(status.server);
      else if (status.type === "reconnect") this.#reconnect();
      else if (status.type === "error" && status.error instanceof errors.PermissionViolationError) {
        const { operation, subject } = status.error;
        if (operation !== "publish") continue;
        notify(this.#onPublishDenied, subject, status.error);
      }
    }
    this.#cancelDiagnosis();
    await this.#diagnosis;
  }

  /** The client also reports a disconnect for each reconnect that fails. */
  #disconnect(server: string): void {
    const isFirst = this.#disconnected === undefined;
    this.#disconnected = { server, sinceMs: this.#disconnected?.sinceMs ?? this.clock.now() };
    if (!isFirst) return;
    this.#diagnoseAfter(DIAGNOSE_AFTER_MS);
    notify(this.#onDisconnect, server);
  }

  #diagnoseAfter(delayMs: number): void {
    this.#cancelDiagnosis = this.clock.timer(delayMs, () => this.#diagnosis = this.#diagnose());
  }

  async #diagnose(): Promise<void> {
    const outage = this.#disconnected?.sinceMs;
    const reason = await this.whyUnreachable();
    if (this.nc.isClosed() || outage === undefined || this.#disconnected?.sinceMs !== outage) return;
    this.#diagnoseAfter(DIAGNOSE_INTERVAL_MS);
    if (reason === undefined) return;
    const isNew = !this.#reasons.includes(reason);
    this.#reasons = [...this.#reasons.filter((other) => other !== reason), reason];
    if (isNew) notify(this.#onUnreachable, reason);
  }

  #reconnect(): void {
    const downMs = this.clock.now() - (this.#disconnected?.sinceMs ?? this.clock.now());
    this.#disconnected = this.#silentSinceMs = this.#pingedAtMs = undefined;
    this.#cancelDiagnosis();
    this.#reasons = [];
    notify(this.#onReconnect, downMs);
  }
}

/**
 * Calls all listeners. An error of a listener becomes an unhandled rejection, so that the other listeners are still
 * called.
 */
function notify<Args extends unknown[]>(listeners: readonly ((...args: Args) => void)[], ...args: Args): void {
  for (const listener of listeners) {
    try {
      listener(...args);
    } catch (error) {
      void Promise.reject(error);
    }
  }
}
