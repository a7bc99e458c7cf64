import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { ParkedEvent, ParkedEvents, StoredKey } from "../../runtime/engine/parked_events.ts";
import { ORDER_KEY } from "../../runtime/nats/dead_letters/dead_letters.ts";
import { DeadLetterService } from "../../runtime/nats/dead_letters/service.ts";
import { headerOf, type JetStreamModel, type StoredMessage } from "./model.ts";
import type { SimConnection } from "./sim_connection.ts";

/** A dead letter of the model that parks a key, or is parked. */
interface Letter extends ParkedEvent {
  readonly key: string;
}

/** Returns the dead letters with a key: those that park one, and then the parked ones in their order. */
export function lettersIn(model: JetStreamModel): Letter[] {
  const letters = model.messages("DEAD_LETTERS").flatMap(({ seq, headers }): Letter[] => {
    const key = headerOf(headers, ORDER_KEY), isParked = headerOf(headers, "weir-reason") === "parked";
    return key ? [{ sequence: seq, key, isParked }] : [];
  });
  return letters.sort((a, b) => Number(a.isParked) - Number(b.isParked) || a.sequence - b.sequence);
}

/** The dead letters of the model as `ParkedLetters` reads them. What is sent back, the real service sends. */
export class SimParked implements ParkedEvents {
  readonly #service: DeadLetterService;

  constructor(readonly connection: SimConnection) {
    const { messages, streams } = connection;
    const jsm = { streams } as unknown as JetStreamManager;
    this.#service = new DeadLetterService({ nc: {} as NatsConnection, jsm, messages });
  }

  stored(): Promise<number> {
    return this.connection.ask(
      "count dead letters",
      () => this.connection.network.model.messages("DEAD_LETTERS").length,
    );
  }

  async load(): Promise<StoredKey[]> {
    const { model } = this.connection.network, first = new Map<string, Letter>(), returning = new Map<string, number>();
    const letters = await this.connection.ask("load dead letters", () => lettersIn(model));
    for (const letter of letters.toReversed()) first.set(letter.key, letter);
    const stored = await this.connection.ask("load returning", () => model.messages("RETRIES"));
    for (const { subject, headers } of stored) {
      const key = headerOf(headers, ORDER_KEY);
      if (key && subject.startsWith("retries.redriven.")) returning.set(key, Number(subject.split(".")[3]));
    }
    return [...new Set([...first.keys(), ...returning.keys()])].map((key): StoredKey => {
      const head = returning.get(key), { sequence = 0, isParked = false } = first.get(key) ?? {};
      return head === undefined ? { key, head: sequence, isReturning: isParked } : { key, head, isReturning: true };
    });
  }

  async find(_name: string, sequence: number): Promise<"dead-letter" | "returning" | undefined> {
    const { model } = this.connection.network;
    const letter = await this.connection.ask(`find ${sequence}`, () => model.message("DEAD_LETTERS", sequence));
    if (letter) return "dead-letter";
    const isReturning = await this.#isReturning(`${sequence}`, ({ subject }) => sequenceIn(subject) === sequence);
    return isReturning ? "returning" : undefined;
  }

  /** Returns whether an event was sent back and has not ended, as it is asked for by the subjects of the service. */
  async #isReturning(what: string, isIt: (message: StoredMessage) => boolean): Promise<boolean> {
    const { model } = this.connection.network;
    for (const lane of ["redriven", "partition"]) {
      const isThere = () => model.messages("RETRIES").some((one) => laneOf(one) === lane && isIt(one));
      if (await this.connection.ask(`find ${lane} of ${what}`, isThere)) return true;
    }
    return false;
  }

  returning(): Promise<number> {
    const isSentBack = ({ subject }: { subject: string }) => subject.startsWith("retries.redriven.");
    return this.connection.ask("count returning", () => {
      return this.connection.network.model.messages("RETRIES").filter(isSentBack).length;
    });
  }

  list(_name: string, key: string): Promise<readonly ParkedEvent[]> {
    const { model } = this.connection.network;
    return this.connection.ask("list dead letters", () => lettersIn(model).filter((letter) => letter.key === key));
  }

  async sendBack(sequence: number): Promise<void> {
    const outcome = await this.#service.redrive(sequence, true, () => Promise.resolve(true));
    if (outcome !== "redriven" && outcome !== "missing") throw new Error(outcome);
  }

  /** Discards a dead letter as the service does, and sends back the first event that is parked behind it. */
  async discard({ sequence, key }: Letter): Promise<void> {
    await this.connection.streams.deleteMessage("DEAD_LETTERS", sequence);
    if (await this.find("", sequence) === "returning") return;
    const [first] = await this.list("", key);
    if (!first?.isParked) return;
    const isReturning = await this.#isReturning("key", ({ headers }) => headerOf(headers, ORDER_KEY) === key);
    if (!isReturning) await this.sendBack(first.sequence);
  }
}

/** Returns the part of a subject in RETRIES that tells how the message came there: `redriven`, `partition`. */
function laneOf({ subject }: StoredMessage): string {
  return subject.split(".")[1];
}

/** Returns the sequence of the dead letter that an event was, from the subject on which it comes back. */
function sequenceIn(subject: string): number {
  const [, lane, , ...rest] = subject.split(".");
  return Number(lane === "redriven" ? rest[0] : rest[2]);
}
