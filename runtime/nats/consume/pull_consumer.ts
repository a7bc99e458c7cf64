import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import type { Clock } from "../../engine/clock.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { Delivery } from "../../core/delivery.ts";
import type { Consumer, ConsumerSink } from "../../engine/consumer.ts";
import { ConnectionMonitor } from "../client/connection_monitor.ts";
import { splitMessage } from "../client/internals.ts";
import { RawHeaders, readStatus } from "../client/message_headers.ts";
import { newInbox, subjectOn } from "../client/subject_prefixes.ts";
import { withTimeout } from "../client/with_timeout.ts";
import { LEASE_MS } from "./ack_wait.ts";
import { LeaderProbe } from "./leader_probe.ts";
import { expiresMs, nextPull, pullRequest } from "./next_pull.ts";
import { DeliveryParser, pendingIn } from "./parse_delivery.ts";
import { exceedsBytes, isRegularEnd, PendingPulls } from "./pending_pulls.ts";
import { PullBackoff } from "./pull_backoff.ts";
import {
  CHECK_INTERVAL_MS,
  IDLE_HEARTBEAT_MS,
  INFO_MS,
  QUIET_MS,
  SILENCE_MS,
  STALLED_MS,
  STOP_MS,
} from "./pull_timing.ts";
import { isWithheld, readWithheld } from "./withheld_payload.ts";

/**
 * Pulls from one durable consumer, at most the sum of the sink's credits and what it takes ahead. After the regular end
 * of a pull it pulls again at once, and after another status with backoff. After two missed heartbeats it pulls as soon as a
 * leader of the consumer answers, where the client's own `consume()` would stall for forty seconds.
 */
export class PullConsumer implements Consumer {
  #inbox = "";
  #requests = 0;
  readonly #parser: DeliveryParser;
  readonly #nextSubject: string;
  #subscription: Subscription | undefined;
  #sink: ConsumerSink | undefined;
  readonly #pending = new PendingPulls();
  #lastHeardMs = 0;
  #lastDeliveryMs = 0;
  #checkedMs = 0;
  #pausedUntilMs = 0;
  readonly #probe: LeaderProbe;
  /** Messages that the consumer had left at its last delivery. Its ack subject tells them. */
  #backlog = 0;
  #lastAckSubject: Uint8Array | undefined;
  /** True if the next message has more bytes than the last pull allowed. */
  #isTooLarge = false;
  readonly #backoff = new PullBackoff();
  #scheduled = false;
  /** Time at which the first of several messages arrived that are read in one tick. Undefined between ticks. */
  #arrivedMs: number | undefined;
  #stopped = false;
  readonly #timers = new Set<() => void>();

  /**
   * @param onMissing Called when the consumer seems to be deleted or changed. Default: no call.
   * @param monitor Reports reconnects. Default: a new monitor.
   * @param names The names in NATS. Default: without a namespace.
   */
  constructor(
    readonly nc: NatsConnection,
    readonly stream: string,
    consumer: string,
    readonly clock: Clock,
    readonly onMissing: () => void = () => {},
    monitor: Pick<ConnectionMonitor, "onReconnect"> = new ConnectionMonitor(nc, clock),
    names: Namespace = NO_NAMESPACE,
  ) {
    this.#parser = new DeliveryParser(stream, consumer, names);
    this.#nextSubject = subjectOn(nc, `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`);
    const infoSubject = this.#nextSubject.replace("MSG.NEXT", "INFO");
    this.#probe = new LeaderProbe(clock, () => this.#request(infoSubject, ""), () => this.#resume());
    monitor.onReconnect(() => this.#reconnected());
  }

  start(sink: ConsumerSink): void {
    this.#sink = sink;
    this.#checkedMs = this.clock.now();
    this.#subscribe();
    this.#check();
    this.wake();
  }

  /** Pulls in the next microtask, once for all credits that come free together. */
  wake(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#arrivedMs = undefined;
      this.#pull();
    });
  }

  problem(): string | undefined {
    const now = this.clock.now(), checkedAgoMs = now - this.#checkedMs;
    if (this.#sink && !this.#stopped && checkedAgoMs > STALLED_MS) {
      return `pulling from ${this.stream} has stood still for ${checkedAgoMs} ms`;
    }
    return this.#backoff.problem(now);
  }

  /**
   * Stops pulling, waits for the deliveries that are on their way, which the sink naks, and unsubscribes. If it
   * unsubscribed at once, JetStream would count these deliveries, and redeliver them only after the ack wait.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cancel of this.#timers) cancel();
    this.#probe.stop();
    if (!this.#subscription || this.nc.isClosed()) return;
    await this.#pending.quiet(this.clock, () => this.nc.flush());
    await withTimeout(this.clock, STOP_MS, this.#subscription.drain()).catch(() => this.#subscription?.unsubscribe());
  }

  /**
   * Subscribes to a new inbox and forgets every pull. The server may still hold pulls for the old inbox; with the same
   * inbox their deliveries would exceed the credits, more with each reconnect.
   */
  #subscribe(): void {
    if (this.#stopped) return;
    this.#subscription?.unsubscribe();
    this.#pending.clear();
    this.#inbox = newInbox(this.nc);
    this.#subscription = this.nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, msg) => error ? this.#failed(error.message) : this.#receive(msg),
    });
  }

  #pull(): void {
    const now = this.clock.now();
    if (this.#stopped || !this.#sink || this.#probe.isSilent || now < this.#pausedUntilMs || this.nc.isClosed()) return;
    this.#pending.expire(now);
    if (this.#lastAckSubject) this.#backlog = pendingIn(this.#lastAckSubject);
    const pull = nextPull(this.#sink, now, this.#pending, this.#backlog, this.#isTooLarge);
    if (!pull) return;
    if (this.#pending.count === 0) this.#lastHeardMs = now;
    this.#isTooLarge = false;
    this.#pending.add(pull.count, now + expiresMs(pull.isAhead) + SILENCE_MS);
    this.#request(this.#nextSubject, pullRequest(pull));
  }

  /**
   * Subscribes to a new inbox if the thread was blocked for longer than a lease, and returns whether it was. Deliveries
   * that came meanwhile may belong to another replica by now. They went to the old inbox, so they are dropped.
   */
  #resetIfOverslept(now: number): boolean {
    if (now - this.#checkedMs <= LEASE_MS) return false;
    if (this.#stopped) return true;
    this.#checkedMs = now;
    this.#subscribe();
    this.wake();
    return true;
  }

  #receive(msg: Msg): void {
    // Hot path: messages that arrive together are read in one tick, so the clock is read once for all of them.
    const now = this.#scheduled && this.#arrivedMs !== undefined ? this.#arrivedMs : this.clock.now();
    this.#arrivedMs = now;
    if (this.#resetIfOverslept(now)) return;
    this.#lastHeardMs = now;
    const delivery = this.#parser.parse(msg);
    if (delivery) {
      this.#backoff.succeeded();
      this.#lastDeliveryMs = this.#lastHeardMs;
      if (!isWithheld(delivery)) return this.#deliver(delivery);
      this.onMissing();
      return void readWithheld(this.nc, this.#parser, delivery).then((whole) => this.#deliver(whole));
    }
    const { headers } = splitMessage(msg), status = readStatus(headers);
    if (!status) return this.#probe.answered(msg.json());
    const { code, description } = status;
    if (code === 100) return this.#backoff.succeeded(); // a heartbeat
    if (isRegularEnd(code, description)) {
      this.#isTooLarge = exceedsBytes(description);
      if (code === 408) this.#backlog = 0; // all that it had is delivered
      this.#pending.received(Number(new RawHeaders(headers).get("Nats-Pending-Messages") ?? 0));
      return this.wake();
    }
    if (this.#pending.count === 0) return; // one of several pulls that end together
    this.#pending.clear();
    if (this.#backoff.mayBeMissing) this.onMissing();
    this.#failed(`pulling from ${this.stream} ended with status ${code} ${description}`.trimEnd());
    if (code === 503) this.#probe.start(INFO_MS.interval); // it has no leader, or is deleted
  }

  #deliver(delivery: Delivery | undefined): void {
    this.#pending.received(1);
    this.#lastAckSubject = delivery?.ackSubject;
    if (delivery) this.#sink?.deliver(delivery);
    this.wake();
  }

  /**
   * Sends a request, each with a new reply subject. After a change of leader, each reply subject of an unfinished pull
   * gets a status. If pulls shared a reply subject, the server would forget it once the first of them is finished.
   */
  #request(subject: string, body: string): void {
    if (!this.nc.isClosed()) this.nc.publish(subject, body, { reply: `${this.#inbox}.${++this.#requests}` });
  }

  #reconnected(): void {
    if (!this.#sink) return;
    this.#subscribe();
    this.#resume();
  }

  #resume(): void {
    this.#probe.stop();
    this.#pausedUntilMs = 0;
    this.wake();
  }

  #failed(what: string, sinceMs: number = this.clock.now()): void {
    this.#probe.stop();
    const delayMs = this.#backoff.failed(what, sinceMs);
    this.#pausedUntilMs = this.clock.now() + delayMs;
    this.#after(delayMs, () => this.wake());
  }

  /** Checks once a second for missed heartbeats. */
  #check(): void {
    this.#after(CHECK_INTERVAL_MS, () => {
      this.#resetIfOverslept(this.clock.now());
      this.#checkedMs = this.clock.now();
      if (this.#pending.count > 0 && this.clock.now() - this.#lastHeardMs > SILENCE_MS) {
        this.#subscribe();
        const dueMs = this.#lastHeardMs + IDLE_HEARTBEAT_MS;
        this.#failed(`no heartbeat from the consumer on ${this.stream} for ${SILENCE_MS} ms`, dueMs);
        this.#probe.start(0, true);
      }
      // A paused sink, as by an open breaker, would refuse what earlier pulls deliver: a new inbox ends those pulls.
      const idle = this.clock.now() - this.#lastDeliveryMs >= QUIET_MS;
      if (this.#pending.count > 0 && idle && this.#sink?.paused()) this.#subscribe();
      this.wake();
      this.#check();
    });
  }

  #after(delayMs: number, callback: () => void): void {
    const cancel = this.clock.timer(delayMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }
}
