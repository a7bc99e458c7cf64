import { inspect } from "node:util";
import type { Msg } from "@nats-io/transport-node";
import type { Namespace } from "../../core/namespace.ts";
import type { Cluster } from "../../app/cluster.ts";
import { jetstreamOn } from "../../nats/client/subject_prefixes.ts";

/** A message found in a stream. */
export interface FoundMessage<Data = unknown> {
  /** The subject that the message is stored under, without the namespace if there is one. */
  readonly subject: string;
  /** The payload: parsed if it is JSON, else as text. */
  readonly data: Data;
  /** Header values by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Milliseconds to wait for a matching message: the default timeout of `publishAndSettle`. */
const TIMEOUT_MS = 10_000;

/** Waits until a matching message is in the stream of a type or pattern of types. @throws {Error} after ten seconds. */
export async function findMessage(
  { nc, jsm, names }: Pick<Cluster, "nc" | "jsm" | "names">,
  type: string,
  matches: (found: FoundMessage) => boolean,
): Promise<FoundMessage> {
  const subject = names.subject(type);
  const stream = await jsm.streams.find(subject.replace(/>$/, "any"));
  const consumer = await jetstreamOn(nc).consumers.get(stream, { filter_subjects: subject });
  const messages = await consumer.consume();
  let others = 0, last: FoundMessage | undefined;
  const timer = setTimeout(() => messages.stop(), TIMEOUT_MS);
  try {
    for await (const message of messages) {
      const found = parse(message, names);
      if (matches(found)) return found;
      others++;
      last = found;
    }
    const seen = last
      ? `; ${others} other messages were there, the last with ${inspect(last.data, { depth: 4, breakLength: 100 })}`
      : "";
    throw new Error(`no matching message on "${subject}" within ${TIMEOUT_MS / 1_000}s${seen}`);
  } finally {
    clearTimeout(timer);
    await messages.close();
  }
}

function parse(message: Pick<Msg, "subject" | "headers" | "data">, names: Namespace): FoundMessage {
  const headers = [...message.headers ?? []].map(([name, values]) => [name.toLowerCase(), values[0]]);
  const text = new TextDecoder().decode(message.data);
  let data: unknown = text;
  try {
    data = JSON.parse(text);
  } catch {
    // The payload is not JSON, so its text stays.
  }
  return { subject: names.typeOf(message.subject), data, headers: Object.fromEntries(headers) };
}
