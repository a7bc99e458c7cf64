import type { MsgHdrs } from "@nats-io/transport-node";
import type { Stored } from "../flow/ports.ts";
import type { Delivery } from "../nouns/delivery.ts";
import type { Outcome } from "../nouns/outcome.ts";
import type { Store } from "./jetstream_store.ts";
import { fittingSubject, ownHeaders } from "./retry_lane.ts";

/** The stream of dead letters and what it stores. */
export const DEAD_LETTERS = { stream: "DEAD_LETTERS", prefix: "dead_letters", subjects: ["dead_letters.>"] } as const;

/** How much of an error's text a header carries, in bytes: enough to know it, never enough to refuse it. */
const ERROR_LIMIT = 1_000;
const UTF8 = new TextEncoder();

/** Stores what no function could handle, with its payload and headers as they came, and why. */
export class DeadLetters {
  constructor(readonly jetstream: Store) {}

  /**
   * @param withPayload false for one too large to be stored with its headers: it then says where its original is
   * @throws {StoreError} when the dead letter is not known to be stored.
   */
  store(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome & { kind: "dead-letter" },
    withPayload = true,
  ): Promise<Stored> {
    const subject = `${DEAD_LETTERS.prefix}.${functionName}.${fittingSubject(delivery.subject)}`;
    const hdrs = deadLetterHeaders(functionName, delivery, outcome);
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
  outcome: Outcome & { kind: "dead-letter" },
): MsgHdrs {
  const hdrs = ownHeaders(delivery.headers);
  // Stored again after a lost answer, or when an original came back though its parked copy was stored, it is the same
  // dead letter: the first place and time name it, and come with a copy. In the stream's next life, or redriven, it is
  // another.
  const { stream, sequence, storedAtMs, earlier } = delivery;
  hdrs.set("Nats-Msg-Id", `${functionName}:${stream}.${sequence}.${storedAtMs}.${earlier.redrives}`);
  hdrs.set("weir-function", functionName);
  hdrs.set("weir-reason", outcome.reason);
  hdrs.set("weir-attempts", String(outcome.attempts));
  hdrs.set("weir-error", headerText(`${outcome.error.name}: ${outcome.error.message}`));
  hdrs.set("weir-stream", delivery.stream);
  hdrs.set("weir-sequence", String(delivery.sequence));
  hdrs.set("weir-time", new Date().toISOString());
  if (fittingSubject(delivery.subject) !== delivery.subject) hdrs.set("weir-subject", delivery.subject);
  if (delivery.earlier.redrives > 0) hdrs.set("weir-redrives", String(delivery.earlier.redrives));
  return hdrs;
}

/** Text made fit for a header: on one line, without control characters, and cut. */
export function headerText(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what must not get into a header
  const line = text.toWellFormed().replace(/[\u0000-\u001f\u007f]+/g, " ").trim();
  if (UTF8.encode(line).length <= ERROR_LIMIT) return line;
  const { read } = UTF8.encodeInto(line, new Uint8Array(ERROR_LIMIT - 1));
  return line.slice(0, read) + "…";
}
