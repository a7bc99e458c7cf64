import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../engine/clock.ts";
import type { PublishListener, PublishResult } from "../../engine/publisher.ts";
import { backoffMs } from "../../core/backoff.ts";
import { Frames } from "../client/frames.ts";
import { type HeaderBlock, HeaderError } from "../client/header_block.ts";
import { Link } from "../client/link.ts";
import { diagnoseNoResponders } from "./diagnose_no_responders.ts";
import { PubAcks } from "./pub_ack.ts";
import { InFlight } from "./in_flight.ts";
import { encode } from "../client/encode_pool.ts";
import { answersDenied, publishDenied, PublishError, refusalError, unanswered, unsendable } from "./publish_error.ts";
import { Turn } from "../client/turn.ts";
import { WaitQueue } from "./wait_queue.ts";

export { PublishError } from "./publish_error.ts";

/** Stores messages: what dead letters, parked retries and events stand on. */
export interface Store {
  /** @throws {PublishError} when the message is not known to be stored. */
  store(subject: string, payload: Uint8Array, hdrs: MsgHdrs): Promise<PublishResult>;
  /** The same for text, and told in place of promised. */
  begin?(subject: string, message: Text, storing: PublishListener): void;
}

/** A message that is all text: it can be sent together with others. */
export interface Text {
  readonly kind: "text";
  readonly payload: string;
  /** Made when it is sent: thousands may be on their way, and what they hold the garbage collector copies. */
  headers(): HeaderBlock;
}

type Message = Text | { readonly kind: "bytes"; readonly headers: MsgHdrs; readonly payload: Uint8Array };

interface Pending {
  readonly subject: string;
  readonly message: Message;
  readonly storing: PublishListener;
  /** From when it is not tried again; undefined before the end of its turn. */
  giveUpAtMs: number | undefined;
  /** How long a connection may have been down while this waits for it. */
  readonly downMs: number;
  tries: number;
  sentAtMs: number;
}

/** How long one try may take, how long all of them together, and the waits between them. */
const TRY_MS = 2_000;
const GIVE_UP_MS = 8_000;
const BETWEEN = { attempts: 1, initialMs: 50, maxMs: 1_000, factor: 2, jitter: "none" } as const;
/**
 * Where somebody waits for the answer, a connection may have been down so long: a server that restarts in two
 * seconds is ridden out, since the client dials twice a second; of a longer outage callers learn at once, and from
 * then on without waiting. Handlers and dead letters wait the whole time, since a failed emit uses up an attempt.
 */
const HURRIED_DOWN_MS = 3_000;

/**
 * Stores messages in JetStream, any number at a time through one inbox of its own. `js.publish()` of the client
 * makes a subscription, a timer and two error objects for each, which is most of its time.
 *
 * A try that is not answered is repeated: the message's `Nats-Msg-Id` makes that store it once. Nothing is sent
 * while it would not be read, so that what waits is held once, by its caller, and not in a socket's buffer besides.
 * How much waits is up to the callers: the ingress and the functions' concurrency are both limited.
 */
export class JetStreamPublisher implements Store {
  readonly #inbox = createInbox();
  readonly #turn = new Turn<Pending>((turn) => this.#send(turn));
  /** What was sent and has no answer, the oldest first. */
  readonly #sent = new InFlight<Pending>();
  readonly #frames: Frames;
  readonly #waiting: WaitQueue<Pending>;
  /** One timer serves all tries, for all are given the same time. */
  #cancelOverdue: (() => void) | undefined;
  readonly #acks = new PubAcks();
  readonly #link: Link;
  #denied: PublishError | undefined;

  /** The same store for whoever has somebody waiting: see {@linkcode HURRIED_DOWN_MS}. */
  readonly failFast: Store = {
    store: (subject, payload, hdrs) => this.#store(subject, payload, hdrs, HURRIED_DOWN_MS),
    begin: (subject, message, storing) => this.#begin(subject, message, storing, HURRIED_DOWN_MS),
  };

  constructor(readonly nc: NatsConnection, readonly clock: Clock) {
    this.#frames = new Frames(nc);
    this.#waiting = new WaitQueue(clock, (pending) => this.#hasWaited(pending));
    this.#listen();
    this.#link = new Link(nc, clock, {
      restored: (lost) => this.#restored(lost),
      publishDenied: (subject, error) => this.#publishDenied(subject, error),
    });
  }

  /** Call it when nothing is being stored any more. */
  close(): void {
    this.#cancelOverdue?.();
    this.#turn.takeAll();
    this.#waiting.takeAll();
  }

  /** @throws {PublishError} when the message is not known to be stored. */
  store(subject: string, payload: Uint8Array, hdrs: MsgHdrs): Promise<PublishResult> {
    return this.#store(subject, payload, hdrs, Infinity);
  }

  begin(subject: string, message: Text, storing: PublishListener): void {
    this.#begin(subject, message, storing, Infinity);
  }

  /** Why the hurried store would store nothing at this moment; undefined when it would try. */
  outage(): PublishError | undefined {
    if (this.#link.downMs() < HURRIED_DOWN_MS) return undefined;
    return new PublishError("unavailable", this.#link.problem());
  }

  #store(subject: string, payload: Uint8Array, headers: MsgHdrs, downMs: number): Promise<PublishResult> {
    return new Promise((stored, failed) =>
      this.#begin(subject, { kind: "bytes", payload, headers }, { stored, failed }, downMs)
    );
  }

  #begin(subject: string, message: Message, storing: PublishListener, downMs: number): void {
    this.#turn.add({ subject, message, storing, giveUpAtMs: undefined, downMs, tries: 0, sentAtMs: 0 });
  }

  #send(turn: readonly Pending[]): void {
    const nowMs = this.clock.now();
    for (const pending of turn) {
      pending.giveUpAtMs ??= nowMs + GIVE_UP_MS;
      this.#try(pending, nowMs);
    }
    this.#frames.flush();
  }

  #try(pending: Pending, nowMs: number): void {
    if (this.#denied) return this.#unheard(pending, this.#denied);
    if (!this.#link.clear) return this.#waiting.add(pending);
    pending.tries++;
    pending.sentAtMs = nowMs;
    const { subject, message, storing } = pending, number = this.#sent.add(pending), reply = `${this.#inbox}.${number}`;
    this.#cancelOverdue ??= this.clock.timer(TRY_MS, () => this.#overdue());
    try {
      if (message.kind === "text") this.#sendText(subject, reply, message);
      else this.nc.publish(subject, message.payload, { headers: message.headers, reply });
    } catch (error) {
      this.#sent.take(number);
      const refused = error instanceof HeaderError;
      storing.failed(refused ? error : unsendable(subject, this.nc.info?.max_payload, error as Error));
    }
  }

  #sendText(subject: string, reply: string, message: Text): void {
    const { payload } = message, headers = message.headers();
    if (this.#frames.take({ subject, reply, headers: headers.text, payload })) return;
    this.nc.publish(subject, encode(payload), { headers: headers.asHeaders(), reply });
  }

  #answered(msg: Msg): void {
    this.#link.heard();
    const pending = this.#sent.take(Number(msg.subject.slice(this.#inbox.length + 1)));
    if (!pending) return; // an answer to a try that was given up: the message is stored, and the next try says so
    if (msg.data.length === 0) return this.#again(pending);
    const ack = this.#acks.read(msg.data);
    if (ack.error) {
      const error = refusalError(pending.subject, ack.stream, ack.error);
      if (error) return pending.storing.failed(error);
      return this.#again(pending, `JetStream says: ${ack.error.description} (${ack.error.err_code ?? ack.error.code})`);
    }
    const stored = { stream: ack.stream!, sequence: ack.seq!, duplicate: ack.duplicate === true };
    try {
      pending.storing.stored(stored);
    } catch (error) { // thrown further it would end the reading of the whole connection
      pending.storing.failed(error);
    }
  }

  /** @param why it was not stored; undefined when nobody took it */
  #again(pending: Pending, why?: string): void {
    const { subject, tries } = pending, delayMs = backoffMs(BETWEEN, tries, 1);
    if (!this.#isOver(pending, delayMs)) this.clock.timer(delayMs, () => this.#turn.add(pending));
    else if (why !== undefined) pending.storing.failed(unanswered(subject, why, tries));
    else void diagnoseNoResponders(this.nc, subject, tries, TRY_MS).then((error) => pending.storing.failed(error));
  }

  #overdue(): void {
    this.#cancelOverdue = undefined;
    const nowMs = this.clock.now();
    for (let { oldest } = this.#sent; oldest; { oldest } = this.#sent) {
      const leftMs = oldest.sentAtMs + TRY_MS - nowMs;
      if (leftMs > 0) return void (this.#cancelOverdue = this.clock.timer(leftMs, () => this.#overdue()));
      this.#sent.takeOldest();
      this.#unanswered(oldest);
    }
  }

  #unanswered(pending: Pending): void {
    if (this.#isOver(pending)) {
      return pending.storing.failed(
        unanswered(pending.subject, `JetStream did not answer within ${TRY_MS} ms`, pending.tries),
      );
    }
    this.#link.missed(pending.sentAtMs);
    this.#waiting.add(pending);
  }

  #isOver(pending: Pending, delayMs = 0): boolean {
    return this.clock.now() + delayMs > pending.giveUpAtMs! || this.nc.isClosed();
  }

  #hasWaited(pending: Pending): boolean {
    if (this.#link.downMs() < pending.downMs && !this.#isOver(pending)) return false;
    pending.storing.failed(unanswered(pending.subject, this.#link.problem(), pending.tries));
    return true;
  }

  /** @param lost whether what was on its way is gone: it is sent again as well */
  #restored(lost: boolean): void {
    this.#send([...lost ? this.#sent.takeAll(() => true) : [], ...this.#waiting.takeAll()]);
  }

  #publishDenied(subject: string, cause: Error): void {
    const error = publishDenied(subject, cause);
    for (const { storing } of this.#sent.takeAll((pending) => pending.subject === subject)) storing.failed(error);
  }

  #listen(): void {
    this.#denied = undefined;
    this.nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, msg) => {
        if (!error) return this.#answered(msg);
        const denied = this.#denied = answersDenied(error); // the subscription is gone
        for (const { storing } of this.#sent.takeAll(() => true)) storing.failed(denied);
      },
    });
  }

  /** Nobody would hear the answer: this one is not sent. Whether the next one may be, listening again tells. */
  #unheard(pending: Pending, denied: PublishError): void {
    this.#listen();
    pending.storing.failed(denied);
  }
}
