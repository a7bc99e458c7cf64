import type { MsgHdrs } from "@nats-io/transport-node";
import type { Progress, Stored } from "../flow/ports.ts";
import type { Delivery } from "../nouns/delivery.ts";
import type { DeadLetterOutcome } from "../nouns/outcome.ts";
import { headerText } from "./header_text.ts";
import type { Store } from "./jetstream_store.ts";
import type { StoredBefore } from "./late_duplicates.ts";
import { fittingSubject, ownHeaders, setEmittedSince } from "./retry_lane.ts";

/** The stream of dead letters and what it stores. */
export const DEAD_LETTERS = { stream: "DEAD_LETTERS", prefix: "dead_letters", subjects: ["dead_letters.>"] } as const;

/** Stores what no function could handle, with its payload and headers as they came, and why. */
export class DeadLetters {
  constructor(readonly jetstream: Store, readonly before: StoredBefore) {}

  /**
   * @param withPayload false for one too large to be stored with its headers: it then says where its original is
   * @throws {StoreError} when the dead letter is not known to be stored.
   */
  async store(
    functionName: string,
    delivery: Delivery,
    outcome: DeadLetterOutcome,
    progress?: Progress,
    withPayload = true,
  ): Promise<Stored> {
    const subject = `${DEAD_LETTERS.prefix}.${functionName}.${fittingSubject(delivery.subject)}`;
    const hdrs = deadLetterHeaders(functionName, delivery, outcome, progress);
    const known = progress?.ending &&
      await this.before.find(subject, hdrs.get("Nats-Msg-Id"), delivery.storedAtMs);
    if (known) return known;
    if (withPayload) return this.jetstream.store(subject, delivery.payload, hdrs);
    hdrs.set(
      "weir-payload",
      `omitted: ${delivery.payload.length} bytes are in ${delivery.stream} at ${delivery.sequence}`,
    );
    return this.jetstream.store(subject, new Uint8Array(), hdrs);
  }
}

function deadLetterHeaders(
  functionName: string,
  delivery: Delivery,
  outcome: DeadLetterOutcome,
  progress: Progress | undefined,
): MsgHdrs {
  const hdrs = ownHeaders(delivery.headers);
  // Stored again after a lost answer, it is the same dead letter; stored in the stream's next life, it is not.
  hdrs.set("Nats-Msg-Id", `${functionName}:${delivery.place}`);
  hdrs.set("weir-function", functionName);
  hdrs.set("weir-reason", outcome.reason);
  hdrs.set("weir-attempts", String(outcome.attempts));
  hdrs.set("weir-error", headerText(`${outcome.error.name}: ${outcome.error.message}`));
  hdrs.set("weir-stream", delivery.stream);
  hdrs.set("weir-sequence", String(delivery.sequence));
  hdrs.set("weir-time", new Date().toISOString());
  if (fittingSubject(delivery.subject) !== delivery.subject) hdrs.set("weir-subject", delivery.subject);
  setEmittedSince(hdrs, progress?.emittedSinceMs);
  if (delivery.earlier.redrives > 0) hdrs.set("weir-redrives", String(delivery.earlier.redrives));
  return hdrs;
}
