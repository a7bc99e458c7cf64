import type { ParkedEvent, ParkedEvents, StoredKey } from "../../engine/parked_events.ts";
import { NO_NAMESPACE } from "../../core/namespace.ts";
import { countMessages } from "../inspect/count_messages.ts";
import { readStored } from "../inspect/read_stored.ts";
import { ORDER_KEY } from "./dead_letters.ts";
import { isBefore, type KeyedLetter, keyedLetters, lettersOfKey } from "./keyed_letters.ts";
import { isReturning } from "./returning_letters.ts";
import type { DeadLetterService } from "./service.ts";

/** The dead letters of functions with `onFailure: "park"`: those that park a key, and those that wait behind them. */
export class ParkedLetters implements ParkedEvents {
  constructor(readonly service: Pick<DeadLetterService, "cluster" | "redrive">) {}

  stored(functionName: string): Promise<number> {
    const { nc, names: { deadLetters } = NO_NAMESPACE } = this.service.cluster;
    return countMessages(nc, { stream: deadLetters.stream, subject: `${deadLetters.prefix}.${functionName}.>` });
  }

  async load(functionName: string): Promise<StoredKey[]> {
    const { nc, jsm, names = NO_NAMESPACE } = this.service.cluster, { stream, redriven } = names.retries;
    const first = new Map<string, KeyedLetter>(), returning = new Map<string, number>();
    // Invariant: RETRIES is read last, since a dead letter is stored there before it is deleted.
    for await (const letter of keyedLetters(nc, names, functionName)) {
      const known = first.get(letter.key);
      if (!known || isBefore(letter, known)) first.set(letter.key, letter);
    }
    for await (const { subject, header } of readStored(jsm, stream, `${redriven}.${functionName}.>`)) {
      const key = header.get(ORDER_KEY), [, sequence] = subject.slice(redriven.length + 1).split(".");
      if (key) returning.set(key, Number(sequence));
    }
    return [...new Set([...first.keys(), ...returning.keys()])].map((key): StoredKey => {
      const head = returning.get(key);
      if (head !== undefined) return { key, head, isReturning: true };
      const { sequence, isParked } = first.get(key)!;
      return { key, head: sequence, isReturning: isParked };
    });
  }

  async find(functionName: string, sequence: number): Promise<"dead-letter" | "returning" | undefined> {
    const { nc, jsm, names = NO_NAMESPACE } = this.service.cluster;
    // Invariant: in this order, as above.
    if (await jsm.streams.getMessage(names.deadLetters.stream, { seq: sequence })) return "dead-letter";
    return await isReturning(nc, functionName, sequence, names) ? "returning" : undefined;
  }

  returning(functionName: string): Promise<number> {
    const { nc, names: { retries } = NO_NAMESPACE } = this.service.cluster;
    return countMessages(nc, { stream: retries.stream, subject: `${retries.redriven}.${functionName}.>` });
  }

  list(functionName: string, key: string): Promise<readonly ParkedEvent[]> {
    const { nc, names = NO_NAMESPACE } = this.service.cluster;
    return lettersOfKey(nc, names, functionName, key);
  }

  async sendBack(sequence: number): Promise<void> {
    const outcome = await this.service.redrive(sequence, true);
    if (outcome !== "redriven" && outcome !== "missing") throw new Error(`dead letter ${sequence} is ${outcome}`);
  }
}
