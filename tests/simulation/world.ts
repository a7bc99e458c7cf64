import { ACK_WAIT_MS } from "../../runtime/nats/consume/ack_wait.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { FUNCTION, functionOf, type Plant } from "./compose.ts";
import type { ModelConsumer } from "./consumer_model.ts";
import { Asked, makePlan, type Plan } from "./events.ts";
import { givenUp, handlerOf, type Run } from "./handlers.ts";
import { Ledger } from "./ledger.ts";
import type { Ask, Network, Reply } from "./link.ts";
import { type Header, headerOf, JetStreamModel } from "./model.ts";
import type { Random } from "./random.ts";
import { Replica } from "./replica.ts";
import { makeSettings, type Settings } from "./settings.ts";
import type { SimSource } from "./sim_source.ts";
import { VirtualTime } from "./virtual_time.ts";

const UTF8 = new TextDecoder();

/** The server, the processes, and everything that is between them or under way in them. */
export class World implements Network {
  readonly model = new JetStreamModel();
  readonly bucket = new Map<string, string>();
  readonly ledger = new Ledger();
  readonly settings: Settings;
  readonly time: VirtualTime;
  readonly consumers: Readonly<Record<string, ModelConsumer>>;
  readonly asks: Ask[] = [];
  readonly replies: Reply[] = [];
  readonly runs: Run[] = [];
  readonly replicas: Replica[] = [];
  /** Nothing goes wrong any more. */
  calm = false;
  #started = 0;

  /** @param trace is told every step, if anybody wants to know */
  constructor(readonly random: Random, readonly plant: Plant, readonly trace: ((step: string) => void) | undefined) {
    this.settings = makeSettings(random);
    this.time = new VirtualTime(random);
    const { model } = this;
    model.addStream({ name: "SIM", subjects: ["sim.>"] });
    model.addStream({ name: "OUT", subjects: ["out.>"] });
    model.addStream({ name: "RETRIES", subjects: ["retries.>"], workQueue: true });
    model.addStream({ name: "DEAD_LETTERS", subjects: ["dead_letters.>"] });
    const durable = (filters: string[]) => ({ name: FUNCTION, filters, ackWaitMs: ACK_WAIT_MS });
    this.consumers = {
      SIM: model.addConsumer("SIM", durable([Asked.type])),
      RETRIES: model.addConsumer("RETRIES", durable([`retries.due.${FUNCTION}.>`, `retries.redriven.${FUNCTION}.>`])),
    };
    trace?.(`settings ${JSON.stringify(this.settings)}`);
    for (let n = 0; n < this.settings.events; n++) this.#publish(makePlan(n, this.settings.attempts, random));
    for (let n = 0; n < this.settings.replicas; n++) this.start();
  }

  now(): number {
    return this.time.nowMs;
  }

  // What the links report.

  asked(ask: Ask): void {
    if (ask.link.state === "up" && this.random.chance(this.settings.promptly)) {
      this.trace?.(`${ask.what}: done`);
      ask.apply();
      ask.answer();
    } else this.asks.push(ask);
  }

  replied(reply: Reply): void {
    if (reply.link.state === "cut") this.trace?.(`lost on the cut connection: ${nameOf(reply)}`);
    else if (this.random.chance(this.settings.promptly)) this.take(reply);
    else this.replies.push(reply);
  }

  stored(subject: string): void {
    if (!subject.startsWith("retries.delayed.")) return;
    const [stream, seq] = subject.split(".")[3].split("-");
    this.ledger.delayed(`${stream}.${seq}`);
  }

  eventIn(headers: readonly Header[], payload: Uint8Array): string {
    const id = headerOf(headers, "ce-id");
    return id !== undefined && this.ledger.accounts.has(id) ? id : JSON.parse(UTF8.decode(payload)).cause;
  }

  eventAt(place: string): string | undefined {
    return this.ledger.at(place);
  }

  // What a schedule does.

  start(): void {
    const name = `replica ${++this.#started}`;
    this.trace?.(`${name} starts`);
    const functionFor = (replica: Replica) => functionOf(this.settings, handlerOf(this, replica));
    const replica: Replica = new Replica(name, this, this.time, functionFor, (delivery, outcome) => {
      this.#decided(replica, delivery, outcome);
    }, this.plant);
    this.replicas.push(replica);
  }

  /** The server hands a message out, and it is on its way. */
  handOut(replica: Replica, source: SimSource): void {
    const handed = this.consumers[source.stream].next(this.now());
    if (!handed) return;
    const { message, deliveries, why } = handed;
    const id = this.eventIn(message.headers, message.payload);
    const isAlive = (holder: object) => why === "expired" && this.replicas.includes(holder as Replica);
    this.ledger.handedOut(id, `${source.stream}.${message.seq}`, replica, isAlive);
    if (why === "expired") this.ledger.fault(id);
    this.trace?.(`${source.stream} hands ${id} out to ${replica.name} (${message.seq} #${deliveries}, ${why})`);
    source.owed--;
    source.onItsWay.push(handed);
  }

  /** The server takes an answer. */
  take(reply: Reply): void {
    this.trace?.(`the server takes ${nameOf(reply)}`);
    const [, , stream, , deliveries, seq] = reply.handle.split(".");
    const current = this.consumers[stream].deliveriesOf(Number(seq));
    if (reply.body.startsWith("-NAK") && current !== undefined && current !== Number(deliveries)) {
      this.ledger.overtook(`${stream}.${seq}`); // it gives back what somebody else is at work on
    }
    this.model.answer(reply.handle, reply.body, this.now());
  }

  /** It gets to the server; the answer is on its way back. */
  reach(ask: Ask): void {
    this.trace?.(`${ask.what}: done, to be answered`);
    ask.apply();
  }

  answer(ask: Ask): void {
    this.trace?.(`${ask.what}: answered`);
    remove(this.asks, ask);
    ask.answer();
  }

  /** Moves the time on to whatever is due next; false when nothing ever is. */
  advance(): boolean {
    let next = Math.min(this.time.nextMs(), this.model.nextMs(this.now()));
    for (const { notBeforeMs } of this.runs) if (notBeforeMs > this.now()) next = Math.min(next, notBeforeMs);
    if (next === Infinity) return false;
    this.trace?.(`time passes: ${next - this.now()} ms`);
    this.time.moveTo(next);
    this.model.tick(next);
    for (const replica of this.replicas) replica.watch();
    return true;
  }

  /** Whether everything is settled and nothing is under way anywhere. */
  quiet(): boolean {
    return this.asks.length === 0 && this.replies.length === 0 && this.runs.length === 0 &&
      this.replicas.every(({ inFlight, sources }) => inFlight === 0 && sources.every((s) => s.onItsWay.length === 0)) &&
      Object.values(this.consumers).every((consumer) => consumer.ackPending === 0 && !consumer.hasNext(this.now())) &&
      this.model.messages("RETRIES").length === 0;
  }

  #decided(replica: Replica, { messageKey, deliveryCount }: Delivery, outcome: Outcome): void {
    const [stream, seq] = messageKey.split(".");
    const id = this.ledger.at(`${stream}.${seq}`)!, account = this.ledger.of(id);
    const delay = "delayMs" in outcome ? ` ${outcome.delayMs}` : "";
    const more = "reason" in outcome ? `: ${outcome.reason}${delay}` : "";
    this.trace?.(`${replica.name} decides of ${id} (${stream} ${seq} #${deliveryCount}) ${outcome.kind}${more}`);
    account.decided(outcome);
    const given = givenUp(outcome);
    if (!given) return;
    const run = this.runs.find((run) => run.replica === replica && run.account === account);
    if (run) remove(this.runs, run);
    const { plan: { trouble, times }, failures } = account;
    if (given === "shutdown") account.brokenOff += run ? 1 : 0;
    else if (trouble !== "hangs" || failures > times) account.faults++; // the schedule dawdled
  }

  #publish(plan: Plan): void {
    const ack = this.model.publish(Asked.type, plan.payload, plan.headers, this.now());
    if (!ack || "error" in ack) throw new Error(`not stored: ${plan.id}`);
    this.ledger.open(plan, ack.seq);
    if (!this.trace) return;
    const { id, trouble, times, emits, takesMs } = plan;
    this.trace(`published ${id}: ${trouble} × ${times}, then emits ${emits}, takes ${takesMs} ms`);
  }
}

/** Takes an item out of a list, if it is in there. */
export function remove<Item>(from: Item[], item: Item): void {
  const at = from.indexOf(item);
  if (at >= 0) from.splice(at, 1);
}

export function nameOf({ handle, body }: Reply): string {
  const [, , stream, , deliveries, seq] = handle.split(".");
  return `${body} of ${stream} ${seq} #${deliveries}`;
}
