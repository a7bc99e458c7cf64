import { inspect } from "node:util";
import { jetstream } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/transport-node";
import type { Cluster } from "../app/cluster.ts";

/**
 * A message found in a stream.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineEvent, defineFunction, NonRetryableError } from "weir";
 * import { type FoundMessage, startTestRuntime } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string() }) });
 * const refuse = defineFunction({ on: Asked }, () => {
 *   throw new NonRetryableError("never");
 * });
 * const reasonOf = ({ headers }: FoundMessage) => headers["weir-reason"];
 *
 * await using runtime = await startTestRuntime({ functions: { refuse } });
 * await runtime.publish(Asked, { name: "Ada" });
 * assert.equal(reasonOf(await runtime.waitForDeadLetter("refuse")), "rejected");
 * ```
 */
export interface FoundMessage<Data = unknown> {
  /** The subject it was stored under. */
  readonly subject: string;
  /** Its payload as JSON, or as text when it is not JSON. */
  readonly data: Data;
  /** Header values by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

const WAIT_MS = 10_000;

/** Waits until a message that is meant is in the stream of a subject. @throws {Error} after ten seconds. */
export async function findMessage(
  { nc, jsm }: Pick<Cluster, "nc" | "jsm">,
  subject: string,
  matches: (found: FoundMessage) => boolean,
): Promise<FoundMessage> {
  const stream = await jsm.streams.find(subject.replace(/>$/, "any"));
  const consumer = await jetstream(nc).consumers.get(stream, { filter_subjects: subject });
  const messages = await consumer.consume();
  let others = 0, last: FoundMessage | undefined;
  const timer = setTimeout(() => messages.stop(), WAIT_MS);
  try {
    for await (const message of messages) {
      const found = read(message);
      if (matches(found)) return found;
      others++;
      last = found;
    }
    const there = last ? `; of ${others} others the last is ${inspect(last.data, { depth: 4, breakLength: 100 })}` : "";
    throw new Error(`no such message on "${subject}" within ${WAIT_MS / 1_000}s${there}`);
  } finally {
    clearTimeout(timer);
    await messages.close();
  }
}

function read(message: Pick<Msg, "subject" | "headers" | "data">): FoundMessage {
  const headers = [...message.headers ?? []].map(([name, values]) => [name.toLowerCase(), values[0]]);
  const text = new TextDecoder().decode(message.data);
  let data: unknown = text;
  try {
    data = JSON.parse(text);
  } catch {
    // not JSON: the text as it is
  }
  return { subject: message.subject, data, headers: Object.fromEntries(headers) };
}
