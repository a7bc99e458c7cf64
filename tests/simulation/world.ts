import { ACK_WAIT_MS } from "../../runtime/nats/consume/ack_wait.ts";
import { PIN_MS } from "../../runtime/nats/consume/pin_timing.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import type { StoredWindow } from "../../runtime/engine/rate_store.ts";
import { FUNCTION, functionOf, type PlantedBug } from "./compose.ts";
import type { ModelConsumer } from "./consumer_model.ts";
import { Asked, AskedLate, type EventPlan, NAME, randomPlan } from "./events.ts";
import { abandoned, handlerOf, type Run } from "./handlers.ts";
import { Ledger } from "./ledger.ts";
import { consumerKey, consumerKeyIn, consumerName, partitionFilters } from "./sim_partitions.ts";
import { filtersAfterStart } from "./releases.ts";
import type { Ack, Network, Request, SimConnection } from "./sim_connection.ts";
import { type Header, headerOf, JetStreamModel } from "./model.ts";
import type { Random } from "../support/random.ts";
import { LeaseOracle } from "./lease_oracle.ts";
import { OrderOracle } from "./order_oracle.ts";
import { Operator } from "./operator.ts";
import { RateOracle } from "./rate_oracle.ts";
import { Replica } from "./replica.ts";
import { randomSettings, type Settings } from "./settings.ts";
import type { SimConsumer } from "./sim_consumer.ts";
import { VirtualTime } from "./virtual_time.ts";

const UTF8 = new TextDecoder();
/** By how many milliseconds the clock of a replica may be ahead of the server's. */
const OFF_BY_MS = [0, 0, 60_000, -60_000, 7_200_000, -7_200_000];

/** The server, the replicas, and all messages, requests and handler runs under way. */
export class World implements Network {
  readonly model = new JetStreamModel();
  readonly bucket = new Map<string, string>();
  readonly ledger = new Ledger();
  readonly order = new OrderOracle();
  readonly leases = new LeaseOracle();
  readonly rates = new Map<string, StoredWindow>();
  readonly rate: RateOracle;
  readonly operator: Operator;
  readonly settings: Settings;
  readonly time: VirtualTime;
  readonly serverConsumers: Record<string, ModelConsumer>;
  readonly requests: Request[] = [];
  readonly acks: Ack[] = [];
  readonly runs: Run[] = [];
  readonly replicas: Replica[] = [];
  /** True when no more faults are injected. */
  calm = false;
  /** True once a fault was injected, or time passed before all that was on its way had arrived. */
  disturbed = false;
  /** True once the stream of the events was created again. */
  renewed = false;
  #started = 0;
  #renewedAtMs = NaN;

  /** @param trace receives every step. Default: none. */
  constructor(readonly random: Random, readonly bug: PlantedBug, readonly trace: ((step: string) => void) | undefined) {
    this.settings = randomSettings(random);
    this.time = new VirtualTime(random);
    this.rate = new RateOracle(this.settings);
    const { model } = this;
    this.operator = new Operator(this);
    model.addStream({ name: "OUT", subjects: ["out.>"] });
    model.addStream({ name: "RETRIES", subjects: ["retries.>"], workQueue: true });
    model.addStream({ name: "DEAD_LETTERS", subjects: ["dead_letters.>"] });
    model.addStream({ name: "ORDER_PARTITIONS", subjects: ["order_partitions.>"], workQueue: true });
    const filters = [`retries.due.${FUNCTION}.>`, `retries.redriven.${FUNCTION}.>`];
    this.serverConsumers = { RETRIES: model.addConsumer("RETRIES", durable(filters, this.settings.ordered)) };
    for (let partition = 0; partition < this.settings.partitions; partition++) {
      for (const [stream, filters] of Object.entries(partitionFilters(this.settings.partitions, partition))) {
        const options = { ...durable([...filters], true), name: consumerName(partition) };
        this.serverConsumers[consumerKey(stream, partition)] = model.addConsumer(stream, options);
      }
    }
    trace?.(`settings ${JSON.stringify(this.settings)}`);
    this.#publishAll();
    for (let n = 0; n < this.settings.replicas; n++) this.start();
  }

  now(): number {
    return this.time.nowMs;
  }

  // Reports of the connections.

  consumerOf(stream: string, partition?: number): ModelConsumer {
    return this.serverConsumers[consumerKey(stream, partition)];
  }

  createdMs(stream: string): number {
    return stream === "SIM" ? this.#renewedAtMs : NaN;
  }

  requested(request: Request): void {
    if (request.connection.state === "up" && this.random.chance(this.settings.promptProbability)) {
      this.trace?.(`${request.name}: processed and responded`);
      request.process();
      request.respond();
    } else {
      if (request.name.startsWith("put sim.")) this.rate.isInexact = true;
      this.requests.push(request);
    }
  }

  acked(ack: Ack): void {
    if (ack.connection.state === "cut") this.trace?.(`dropped on the cut connection: ${describeAck(ack)}`);
    else if (this.random.chance(this.settings.promptProbability)) this.processAck(ack);
    else this.acks.push(ack);
  }

  stored(subject: string, by: SimConnection, id: string | undefined): void {
    if (subject.startsWith("order_partitions.")) this.ledger.of(id!).assigned++;
    if (subject.startsWith("retries.redriven.")) this.operator.redriven(Number(subject.split(".")[3]));
    if (!subject.startsWith("retries.delayed.")) return;
    const messageKey = subject.split(".")[3].replaceAll("-", "."), event = this.ledger.eventOf(messageKey);
    // A process that stood still goes on with what it had begun.
    const runsElsewhere = this.runs.some(({ replica, account }) =>
      account.plan.id === event && replica.connection !== by
    );
    this.ledger.delayed(messageKey, (holder) => (holder as Replica).connection === by && !runsElsewhere);
  }

  eventIn(headers: readonly Header[], payload: Uint8Array): string {
    return headerOf(headers, NAME) ?? JSON.parse(UTF8.decode(payload)).cause;
  }

  eventOf(messageKey: string): string | undefined {
    return this.ledger.eventOf(messageKey);
  }

  // Steps of the schedule.

  /** @param release Default: the only one, or any of two. */
  start(release = 1 + this.random.below(this.settings.releases)): void {
    const name = `replica ${++this.#started}`;
    const offByMs = this.random.pick(OFF_BY_MS);
    this.trace?.(`${name} of release ${release} starts, its clock off by ${offByMs} ms`);
    const functionFor = (replica: Replica) => functionOf(this.settings, release, handlerOf(this, replica));
    const replica: Replica = new Replica(
      name,
      this,
      this.time,
      release,
      functionFor,
      this.settings.ahead,
      (delivery, outcome, isRouted) => {
        this.#record(replica, delivery, outcome, isRouted);
      },
      offByMs,
      this.settings.faultKinds.includes("freeze"),
      this.bug,
    );
    const filters = filtersAfterStart(replica.fn, this.serverConsumers.SIM.options.filters, this.bug.scope);
    this.serverConsumers.SIM.options.filters = filters;
    this.replicas.push(replica);
  }

  /** Sends a message of the server to a replica. It arrives in a later step. */
  deliver(replica: Replica, consumer: SimConsumer): void {
    const delivery = this.serverConsumers[consumer.key].next(this.now());
    if (!delivery) return;
    const { message, deliveries, cause, reply } = delivery;
    const id = this.eventIn(message.headers, message.payload);
    const isHeld = (holder: object) => {
      if (cause !== "expired" || !this.replicas.includes(holder as Replica)) return false;
      return !this.leases.redelivered(holder as Replica, messageKeyIn(reply), id);
    };
    this.ledger.delivered(id, messageKeyIn(reply), replica, isHeld);
    this.leases.delivered(replica, messageKeyIn(reply));
    const account = this.ledger.of(id);
    if (cause === "expired") {
      this.ledger.fault(id);
      account.expiries++;
    }
    account.delivered(cause === "nak");
    if (consumer.stream === "RETRIES" && deliveries === 1 && this.now() < account.dueMs) account.early++;
    this.trace?.(`${consumer.key} delivers ${id} to ${replica.name} (${message.seq} #${deliveries}, ${cause})`);
    consumer.pulled--;
    if (consumer.pin?.id !== undefined) this.serverConsumers[consumer.key].keepPin(consumer.pin.id, this.now());
    consumer.inTransit.push(delivery);
  }

  /** Has the server process an ack. */
  processAck(ack: Ack): void {
    this.trace?.(`the server processes ${describeAck(ack)}`);
    const [, , stream, , deliveries, seq, , nanos] = ack.ackSubject.split(".");
    // The server would take it for an ack of the message that is at this position now: only a client can tell.
    const message = this.model.message(stream, Number(seq));
    if (message && nanos !== `${message.timeMs}000000`) return;
    const current = this.serverConsumers[consumerKeyIn(ack.ackSubject)].deliveriesOf(Number(seq));
    if (ack.body.startsWith("-NAK") && current !== undefined && current !== Number(deliveries)) {
      this.ledger.endedByOlderNak(messageKeyIn(ack.ackSubject)); // it ends the delivery of another replica
    }
    this.model.ack(ack.ackSubject, ack.body, this.now());
  }

  /** Has the server process a request. Its response arrives in a later step. */
  processRequest(request: Request): void {
    this.trace?.(`${request.name}: processed`);
    request.process();
  }

  respond(request: Request): void {
    this.trace?.(`${request.name}: responded`);
    remove(this.requests, request);
    request.respond();
  }

  /** Moves the time to the next timer, schedule, redelivery or end of a handler. Returns false if there is none. */
  advance(): boolean {
    let next = Math.min(this.time.nextMs(), this.model.nextMs(this.now()));
    for (const { notBeforeMs, replica } of this.runs) {
      if (notBeforeMs > this.now() && !replica.isFrozen) next = Math.min(next, notBeforeMs);
    }
    if (next === Infinity) return false;
    this.trace?.(`time passes: ${next - this.now()} ms`);
    for (const replica of this.replicas) {
      if (replica.connection.state === "up" && !replica.isFrozen) this.#keepPins(replica, next);
    }
    this.time.advanceTo(next);
    this.model.tick(next);
    for (const replica of this.replicas) if (!replica.isFrozen) replica.check();
    return true;
  }

  /** Lets time pass while no replica runs. */
  pass(ms: number): void {
    for (const end = this.now() + ms; this.now() < end;) {
      this.time.advanceTo(Math.min(end, this.model.nextMs(this.now())));
      this.model.tick(this.now());
    }
  }

  /** Returns whether the stream of the events is to be created again, and all its events are settled there. */
  get mayRenew(): boolean {
    const { SIM } = this.serverConsumers;
    return this.settings.renews && !this.renewed && SIM.ackPending === 0 && !SIM.hasNext(this.now());
  }

  /** Deletes the stream of the events and creates it again. Its new events have the positions of the old ones. */
  renew(): void {
    this.trace?.("SIM is deleted and created again");
    this.renewed = true;
    this.time.advanceTo(this.now() + 1); // no message has the time of another
    this.#renewedAtMs = this.now();
    this.model.deleteStream("SIM");
    this.#publishAll();
  }

  /** Returns whether every event is settled and nothing is under way. */
  quiet(): boolean {
    return !this.mayRenew && this.requests.length === 0 && this.acks.length === 0 && this.runs.length === 0 &&
      this.replicas.every(({ inFlight, consumers }) =>
        inFlight === 0 && consumers.every((one) => one.inTransit.length === 0)
      ) &&
      Object.values(this.serverConsumers).every((consumer) =>
        consumer.ackPending === 0 && !consumer.hasNext(this.now())
      ) &&
      this.model.messages("RETRIES").length + this.model.messages("ORDER_PARTITIONS").length === 0 &&
      this.operator.isDone;
  }

  /** A replica pulls every two seconds by its pins, until a time. */
  #keepPins({ consumers }: Replica, untilMs: number): void {
    for (const consumer of consumers) {
      const id = consumer.pin?.id;
      if (id === undefined || consumer.pin!.keepAlive(Infinity) === undefined) continue;
      if (!this.serverConsumers[consumer.key].keepPin(id, this.now(), untilMs)) consumer.refused();
    }
  }

  #record(replica: Replica, { messageKey, deliveryCount }: Delivery, outcome: Outcome, isRouted: boolean): void {
    const [stream, seq] = messageKey.split(".");
    const id = this.ledger.eventOf(messageKey)!, account = this.ledger.of(id);
    const delay = "delayMs" in outcome ? ` ${outcome.delayMs}` : "";
    const more = "reason" in outcome ? `: ${outcome.reason}${delay}` : "";
    this.trace?.(`${replica.name} decides ${id} (${stream} ${seq} #${deliveryCount}) ${outcome.kind}${more}`);
    // An event that is assigned has no outcome yet.
    if (isRouted && outcome.kind !== "dead-letter") return this.leases.routed(replica, messageKey, account, outcome);
    account.decided(outcome, replica);
    this.leases.decided(replica, messageKey, account, outcome);
    if (outcome.kind === "retry") account.dueMs = this.now() + outcome.delayMs;
    const reason = abandoned(outcome);
    if (!reason) return;
    const run = this.runs.find((run) => run.replica === replica && run.account === account);
    if (run) remove(this.runs, run);
    const { plan: { trouble, times }, failures } = account;
    if (reason === "lease-expired") account.faults++; // the replica had lost its connection
    else if (reason === "shutdown") account.aborted += run ? 1 : 0;
    else if (trouble !== "hangs" || failures > times) account.faults++; // the schedule kept it beyond its deadline
  }

  /** Creates the stream of the events with its consumer, and publishes events. */
  #publishAll(): void {
    const { model, settings, settings: { events, releases }, random } = this, first = this.ledger.accounts.size;
    model.addStream({ name: "SIM", subjects: ["sim.>"] });
    const types = releases > 1 ? [Asked.type, AskedLate.type] : [Asked.type];
    this.serverConsumers.SIM = model.addConsumer("SIM", durable(types, this.settings.ordered));
    for (let n = first; n < first + events; n++) this.#publish(randomPlan(n, settings, random));
  }

  #publish(plan: EventPlan): void {
    const ack = this.model.publish(plan.type, plan.payload, plan.headers, this.now());
    if (!ack || "error" in ack) throw new Error(`not stored: ${plan.id}`);
    this.ledger.open(plan, ack.seq);
    if (!this.trace) return;
    const { id, type, trouble, times, emits, takesMs } = plan;
    this.trace(`published ${id} (${type}): ${trouble} × ${times}, then emits ${emits}, takes ${takesMs} ms`);
  }
}

function durable(filters: string[], ordered: boolean) {
  return { name: FUNCTION, filters, ackWaitMs: ACK_WAIT_MS, ...(ordered && { pinMs: PIN_MS }) };
}

/** Returns the key of the message that an ack subject is for: `stream.sequence.time`. */
function messageKeyIn(ackSubject: string): string {
  const [, , stream, , , seq, , nanos] = ackSubject.split(".");
  return `${stream}.${seq}.${nanos}`;
}

/** Removes an item from a list that may hold it. */
export function remove<Item>(from: Item[], item: Item): void {
  const at = from.indexOf(item);
  if (at >= 0) from.splice(at, 1);
}

export function describeAck({ ackSubject, body }: Ack): string {
  const [, , stream, , deliveries, seq] = ackSubject.split(".");
  return `${body} of ${stream} ${seq} #${deliveries}`;
}
