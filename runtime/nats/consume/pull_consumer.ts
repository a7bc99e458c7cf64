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
import { KEEP, type Pin } from "./pin.ts";
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
import { Timers } from "./timers.ts";
import { isWithheld, readWithheld } from "./withheld_payload.ts";

/**
 * Pulls from one durable consumer, at most the sum of the sink's credits and what it takes ahead: again at once after the
 * regular end of a pull, with backoff after another status, and after two missed heartbeats once a leader answers.
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
  #backlog = 0; // left in the consumer at its last delivery, as the ack subject tells
  #lastAckSubject: Uint8Array | undefined;
  #isTooLarge = false; // the next message has more bytes than the last pull allowed
  readonly #backoff = new PullBackoff();
  #scheduled = false;
  #arrivedMs: number | undefined; // of the first of several messages that are read in one tick
  #stopped = false;
  readonly #timers: Timers;

  /**
   * @param onMissing Called when the consumer seems to be deleted or changed. Default: no call.
   * @param monitor Reports reconnects. Default: a new monitor.
   * @param names The names in NATS. Default: without a namespace.
   * @param pin Claim on the consumer. Default: it delivers to every process.
   */
  constructor(
    readonly nc: NatsConnection,
    readonly stream: string,
    consumer: string,
    readonly clock: Clock,
    readonly onMissing: () => void = () => {},
    monitor: Pick<ConnectionMonitor, "onReconnect"> = new ConnectionMonitor(nc, clock),
    names: Namespace = NO_NAMESPACE,
    readonly pin?: Pin,
  ) {
    this.#timers = new Timers(clock);
    this.#parser = new DeliveryParser(stream, consumer, names);
    this.#nextSubject = subjectOn(nc, `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`);
    const infoSubject = this.#nextSubject.replace("MSG.NEXT", "INFO");
    this.#probe = new LeaderProbe(clock, () => this.#request(infoSubject, ""), () => this.#resume());
    monitor.onReconnect(() => this.#reconnected());
  }

  start(sink: ConsumerSink): void {
    this.#sink = this.pin?.around(sink) ?? sink;
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
    const now = this.clock.now(), stillMs = now - this.#checkedMs;
    const isStalled = this.#sink && !this.#stopped && stillMs > STALLED_MS;
    return isStalled ? `pulling from ${this.stream} has stood still for ${stillMs} ms` : this.#backoff.problem(now);
  }

  /**
   * Stops pulling, waits for the deliveries on their way, which the sink naks, and unsubscribes. If it unsubscribed at
   * once, JetStream would redeliver these only after the ack wait.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timers.end();
    this.#probe.stop();
    if (!this.#subscription || this.nc.isClosed()) return;
    await this.#pending.quiet(this.clock, () => this.nc.flush());
    this.pin?.stop();
    await withTimeout(this.clock, STOP_MS, this.#subscription.drain()).catch(() => this.#subscription?.unsubscribe());
  }

  /**
   * Subscribes to a new inbox and forgets every pull. With the same inbox, deliveries of pulls that the server still
   * holds would exceed the credits, more with each reconnect.
   */
  #subscribe(): void {
    if (this.#stopped) return;
    this.#subscription?.unsubscribe();
    this.#pending.clear();
    this.pin?.resubscribed();
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
    this.#lastAckSubject = undefined; // it is part of a read buffer, which it would keep in memory
    const pull = nextPull(this.#sink, now, this.#pending, this.#backlog, this.#isTooLarge);
    if (!pull) return;
    if (this.#pending.count === 0) this.#lastHeardMs = now;
    this.#isTooLarge = false;
    this.#pending.add(pull.count, now + expiresMs(pull.isAhead) + SILENCE_MS);
    this.#request(this.#nextSubject, pullRequest(pull, this.pin?.claim(now)));
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
    const claim = this.pin?.answered(code, msg.subject);
    if (claim === "lost") this.#pending.clear();
    if (claim) return this.wake();
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
    if (code === 503 && !this.#stopped) this.#probe.start(INFO_MS.interval); // it has no leader, or is deleted
  }

  #deliver(delivery: Delivery | undefined): void {
    this.#pending.received(1);
    this.#lastAckSubject = delivery?.ackSubject;
    if (delivery) this.#sink?.deliver(delivery);
    this.wake();
  }

  /**
   * Sends a request. Each pull has a reply subject of its own, to which a change of leader sends a status. A shared one
   * would be forgotten by the server once the first pull is finished.
   */
  #request(subject: string, body: string, name: string | number = ++this.#requests): void {
    if (!this.nc.isClosed()) this.nc.publish(subject, body, { reply: `${this.#inbox}.${name}` });
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
    this.#timers.after(delayMs, () => this.wake());
  }

  /** Checks once a second for missed heartbeats. */
  #check(): void {
    this.#timers.after(CHECK_INTERVAL_MS, () => {
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
      const keep = this.pin?.keepAlive(this.clock.now());
      if (keep) this.#request(this.#nextSubject, keep, KEEP);
      this.wake();
      this.#check();
    });
  }
}
