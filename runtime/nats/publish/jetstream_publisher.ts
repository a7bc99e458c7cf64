import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../engine/clock.ts";
import { PublishError, type PublishListener, type PublishResult } from "../../engine/publisher.ts";
import { ConnectionMonitor } from "../client/connection_monitor.ts";
import { HeaderError } from "../client/header_writer.ts";
import { newInbox, prefixesOf } from "../client/subject_prefixes.ts";
import { PublishBatch, TickQueue } from "../client/write_batch.ts";
import { InFlight } from "./in_flight.ts";
import type { MessagePublisher, TextMessage, TextPublisher } from "./message_publisher.ts";
import { PubAckReader } from "./pub_ack.ts";
import {
  diagnoseNoResponders,
  pubAcksDenied,
  publishDenied,
  type Refusal,
  refusalError,
  unanswered,
  unsendable,
} from "./publish_error.ts";
import { WaitQueue } from "./wait_queue.ts";

interface BytesMessage {
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
}

interface Pending {
  readonly subject: string;
  readonly message: TextMessage | BytesMessage;
  readonly listener: PublishListener;
  /** Time at which the message is given up; undefined before the end of its tick. */
  giveUpAtMs: number | undefined;
  /** Silence of the server after which the message is given up, in milliseconds. */
  readonly maxSilenceMs: number;
  tries: number;
  sentAtMs: number;
}

/** Milliseconds to wait for the publish ack of one try. */
const TRY_MS = 2_000;
/** Milliseconds after which a message is given up, all its tries together. */
const GIVE_UP_MS = 8_000;
/** Delays between the tries of one message. `attempts` is required by the type and not read. */
const BETWEEN = { attempts: 1, initialMs: 50, maxMs: 1_000, factor: 2, jitter: "none" } as const;
/**
 * Silence of the server after which {@linkcode JetStreamPublisher.failFast} gives up: three seconds cover a restart
 * that takes two, as the client reconnects twice a second.
 */
const FAIL_FAST_MS = 3_000;

/**
 * Publishes any number of messages at a time through one inbox of its own. The client's `js.publish()` spends most of
 * its time on a subscription, a timer and two error objects for each message, see bench.
 *
 * A try without a publish ack is repeated, and JetStream drops a duplicate by its `Nats-Msg-Id`. While the server is
 * silent nothing is sent: a waiting message would be in memory twice, at its caller and in the socket's buffer. The
 * callers bound the number of waiting messages: the ingress and the functions' concurrency are limited.
 */
export class JetStreamPublisher implements MessagePublisher, TextPublisher {
  readonly #inbox: string;
  readonly #tick = new TickQueue<Pending>((pending) => this.#send(pending));
  readonly #inFlight = new InFlight<Pending>();
  readonly #batch: PublishBatch;
  readonly #waiting: WaitQueue<Pending>;
  /** One timer serves all tries, since all have the same time. */
  #cancelOverdue: (() => void) | undefined;
  readonly #pubAcks = new PubAckReader();
  /** Error of the inbox's subscription: no publish ack can arrive. */
  #denied: PublishError | undefined;

  /**
   * The same publisher, for callers for whom a client waits: it gives up early during an outage. Handlers and dead
   * letters wait longer, since a failed emit may use up an attempt, and a dead letter must be stored.
   */
  readonly failFast: MessagePublisher & TextPublisher = {
    publish: (subject, payload, headers) => this.publish(subject, payload, headers, FAIL_FAST_MS),
    publishText: (subject, message, listener) => this.#enqueue(subject, message, listener, FAIL_FAST_MS),
  };

  /** @param monitor Monitor of the connection. Default: a new monitor. */
  constructor(
    readonly nc: NatsConnection,
    readonly clock: Clock,
    readonly monitor: ConnectionMonitor = new ConnectionMonitor(nc, clock),
  ) {
    this.#inbox = newInbox(nc);
    this.#batch = new PublishBatch(nc);
    this.#waiting = new WaitQueue(clock, (pending) => this.#failIfOverdue(pending));
    this.#subscribe();
    monitor.onReconnect(() => this.#send([...this.#inFlight.takeAll(() => true), ...this.#waiting.takeAll()]));
    monitor.onAnswer(() => this.#send(this.#waiting.takeAll()));
    monitor.onPublishDenied((subject, error) => this.#onPublishDenied(subject, error));
  }

  /** Closes the inbox. Call it when nothing is being published any more. */
  close(): void {
    this.#cancelOverdue?.();
    this.#tick.clear();
    this.#waiting.takeAll();
  }

  /** @param maxSilenceMs Milliseconds of silence of the server after which the publish fails. Default: no limit. */
  publish(subject: string, payload: Uint8Array, headers: MsgHdrs, maxSilenceMs = Infinity): Promise<PublishResult> {
    return new Promise((stored, failed) =>
      this.#enqueue(subject, { payload, headers }, { stored, failed }, maxSilenceMs)
    );
  }

  publishText(subject: string, message: TextMessage, listener: PublishListener): void {
    this.#enqueue(subject, message, listener, Infinity);
  }

  /** Returns the error that {@linkcode failFast} would fail with at once. Undefined when it would try. */
  outage(): PublishError | undefined {
    if (this.monitor.silentMs() < FAIL_FAST_MS) return undefined;
    return new PublishError("unavailable", this.monitor.silence());
  }

  #enqueue(subject: string, message: Pending["message"], listener: PublishListener, maxSilenceMs: number): void {
    this.#tick.add({ subject, message, listener, giveUpAtMs: undefined, maxSilenceMs, tries: 0, sentAtMs: 0 });
  }

  #send(all: readonly Pending[]): void {
    const nowMs = this.clock.now();
    for (const pending of all) {
      pending.giveUpAtMs ??= nowMs + GIVE_UP_MS;
      this.#try(pending, nowMs);
    }
    this.#batch.flush();
  }

  #try(pending: Pending, nowMs: number): void {
    if (this.#denied) {
      pending.listener.failed(this.#denied);
      return this.#subscribe(); // it shows whether the next one may be sent
    }
    if (!this.monitor.responsive) return this.#waiting.add(pending);
    pending.tries++;
    pending.sentAtMs = nowMs;
    const number = this.#inFlight.add(pending);
    this.#cancelOverdue ??= this.clock.timer(TRY_MS, () => this.#overdue());
    try {
      this.#write(pending, `${this.#inbox}.${number}`);
    } catch (error) {
      this.#inFlight.take(number);
      const cause = error as Error;
      const invalid = cause instanceof HeaderError;
      pending.listener.failed(invalid ? cause : unsendable(pending.subject, this.nc.info?.max_payload, cause));
    }
  }

  #write({ subject, message }: Pending, reply: string): void {
    const { payload } = message;
    if (typeof payload !== "string") {
      return this.nc.publish(subject, payload, { headers: (message as BytesMessage).headers, reply });
    }
    const headers = (message as TextMessage).headers();
    if (this.#batch.add({ subject, reply, headers: headers.text, payload })) return;
    this.nc.publish(subject, payload, { headers: headers.toMsgHdrs(), reply });
  }

  #answered(msg: Msg): void {
    this.monitor.answered();
    const pending = this.#inFlight.take(Number(msg.subject.slice(this.#inbox.length + 1)));
    if (!pending) return; // the late ack of a try that timed out: the next ack tells that it is stored
    if (msg.data.length === 0) return this.#retry(pending); // no responders
    const { error: refusal, stream, seq, duplicate } = this.#pubAcks.read(msg.data);
    if (refusal) {
      const error = refusalError(pending.subject, stream, refusal);
      return error ? pending.listener.failed(error) : this.#retry(pending, refusal);
    }
    try {
      pending.listener.stored({ stream: stream!, sequence: seq!, duplicate: duplicate === true });
    } catch (error) { // a throw in a subscription's callback would end the reading of the whole connection
      pending.listener.failed(error);
    }
  }

  /** @param refusal JetStream's answer. Default: there were no responders. */
  #retry(pending: Pending, refusal?: Refusal): void {
    const { subject, tries } = pending, delayMs = backoffMs(BETWEEN, tries, 1);
    if (!this.#isOver(pending, delayMs)) this.clock.timer(delayMs, () => this.#tick.add(pending));
    else if (refusal) {
      const jetStreamCode = refusal.err_code ?? refusal.code;
      const why = `JetStream says: ${refusal.description} (${jetStreamCode})`;
      pending.listener.failed(unanswered(subject, why, tries, { jetStreamCode }));
    } else void diagnoseNoResponders(this.nc, subject, tries, TRY_MS).then((error) => pending.listener.failed(error));
  }

  #overdue(): void {
    this.#cancelOverdue = undefined;
    const nowMs = this.clock.now();
    for (const pending of this.#inFlight.takeAll((one) => one.sentAtMs + TRY_MS <= nowMs)) this.#missedAnswer(pending);
    const { oldest } = this.#inFlight;
    if (oldest) this.#cancelOverdue = this.clock.timer(oldest.sentAtMs + TRY_MS - nowMs, () => this.#overdue());
  }

  #missedAnswer(pending: Pending): void {
    if (this.#isOver(pending)) {
      const why = `JetStream did not answer within ${TRY_MS} ms`;
      return pending.listener.failed(unanswered(pending.subject, why, pending.tries));
    }
    this.monitor.missedAnswer(pending.sentAtMs);
    this.#waiting.add(pending);
  }

  #isOver(pending: Pending, delayMs = 0): boolean {
    return this.clock.now() + delayMs > pending.giveUpAtMs! || this.nc.isClosed();
  }

  /** Fails a message that has waited long enough, and returns whether it has. */
  #failIfOverdue(pending: Pending): boolean {
    if (this.monitor.silentMs() < pending.maxSilenceMs && !this.#isOver(pending)) return false;
    pending.listener.failed(unanswered(pending.subject, this.monitor.silence(), pending.tries));
    return true;
  }

  #onPublishDenied(subject: string, cause: Error): void {
    const error = publishDenied(subject, cause);
    for (const { listener } of this.#inFlight.takeAll((one) => one.subject === subject)) listener.failed(error);
  }

  #subscribe(): void {
    this.#denied = undefined;
    this.nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, msg) => {
        if (!error) return this.#answered(msg);
        const denied = this.#denied = pubAcksDenied(error, prefixesOf(this.nc).inbox); // the subscription has ended
        for (const { listener } of this.#inFlight.takeAll(() => true)) listener.failed(denied);
      },
    });
  }
}
