import type { Registry } from "../project/registry.ts";
import { ATTEMPTS, INBOX, streamOf } from "../nats/kv/buckets.ts";
import { DEAD_LETTERS } from "../nats/dead_letters/dead_letters.ts";
import { RETRIES } from "../nats/retry/retry_stream.ts";
import { TAIL_SUBJECT } from "../nats/inspect/tail_protocol.ts";
import { durablesOf } from "../nats/topology/topology.ts";
import { covers } from "../core/subjects.ts";
import type { Need } from "./permissions.ts";

/** Weir's own key-value buckets, as streams. */
const ATTEMPTS_STREAM = streamOf(ATTEMPTS.name), INBOX_STREAM = streamOf(INBOX.name);

const API = "$JS.API", ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER";

/** The streams that a project lives on, with those that Weir makes for itself. */
export function streamsOf(project: Registry): string[] {
  return [...project.streams.map(({ name }) => name), ...ownStreams(project)];
}

/** The streams that Weir makes for itself. */
export function ownStreams({ functions }: Pick<Registry, "functions">): string[] {
  const inbox = functions.some(({ policy }) => policy.idempotency) ? [INBOX_STREAM] : [];
  return [DEAD_LETTERS.stream, RETRIES.stream, ATTEMPTS_STREAM, ...inbox];
}

/**
 * Everything that the NATS user must be allowed to. What makes streams and consumers is left out where they are there:
 * many have that done by another user.
 *
 * @param there the streams and, as `STREAM.CONSUMER`, the consumers that there are
 */
export function needsOf(project: Registry, there: ReadonlySet<string>): Need[] {
  const publish = (purpose: string, ...subjects: string[]): Need[] =>
    subjects.map((subject) => ({ action: "publish", subject, purpose }));
  const durables = durablesOf(project.functions), streams = streamsOf(project);
  const buckets = ownStreams(project).filter((name) => name.startsWith("KV_"));
  const withMessages = streams.filter((name) => name !== ATTEMPTS_STREAM);
  const emptied = ownStreams(project).filter((name) => name !== ATTEMPTS_STREAM);
  const pairs = durables.map(({ stream, functionName }) => `${stream}.${functionName}`);
  const emitted = project.functions.flatMap(({ emits }) => emits.map(({ type }) => type));
  const published = [...project.events.values()].filter(({ ingress }) => ingress).map(({ type }) => type);
  const scanned = [
    DEAD_LETTERS.stream,
    ...project.streams.filter(({ subjects }) =>
      emitted.some((type) => subjects.some((subject) => covers(subject, type)))
    ).map(({ name }) => name),
  ];
  const kinds = ["MSG_TERMINATED", "MAX_DELIVERIES"];
  return [
    { action: "subscribe", subject: "_INBOX.>", purpose: "to hear what NATS answers, and to be handed events" },
    { action: "subscribe", subject: TAIL_SUBJECT, purpose: "to show outcomes to `events tail`", optional: true },
    { action: "publish", subject: "_INBOX.>", purpose: "to show outcomes to `events tail`", optional: true },
    ...publish("to store events", ...new Set([...emitted, ...published])),
    ...publish("to store dead letters", ...DEAD_LETTERS.subjects),
    ...publish("to delay retries", ...RETRIES.subjects),
    ...publish("to count attempts and remember what was handled", ...buckets.map((name) => `$KV.${name.slice(3)}.>`)),
    ...publish("to find the stream of a subject", `${API}.STREAM.NAMES`),
    ...publish("to look at streams", ...streams.map((name) => `${API}.STREAM.INFO.${name}`)),
    ...publish("to look at a stored message", ...withMessages.map((name) => `${API}.STREAM.MSG.GET.${name}`)),
    ...publish("to read key-value buckets", ...buckets.map((name) => `${API}.DIRECT.GET.${name}.>`)),
    ...publish(
      "to count and list what waits",
      ...[DEAD_LETTERS.stream, RETRIES.stream].map((name) => `${API}.DIRECT.GET.${name}`),
    ),
    ...publish(
      "to list dead letters, and to find what a late repeat has stored before",
      ...scanned.flatMap((name) =>
        [`CONSUMER.CREATE.${name}`, `CONSUMER.INFO.${name}.*`, `CONSUMER.MSG.NEXT.${name}.*`].map((one) =>
          `${API}.${one}`
        )
      ),
    ),
    ...publish(
      "to take what is redriven or done from its stream",
      ...emptied.map((name) => `${API}.STREAM.MSG.DELETE.${name}`),
    ),
    ...publish("to look at consumers", ...pairs.map((pair) => `${API}.CONSUMER.INFO.${pair}`)),
    ...publish("to pull events", ...pairs.map((pair) => `${API}.CONSUMER.MSG.NEXT.${pair}`)),
    ...publish("to settle events", ...pairs.map((pair) => `$JS.ACK.${pair}.>`)),
    ...publish("to make streams", ...missing(streams, there).map((name) => `${API}.STREAM.CREATE.${name}`)),
    ...publish("to make consumers", ...missing(pairs, there).map((pair) => `${API}.CONSUMER.DURABLE.CREATE.${pair}`)),
    ...pairs.flatMap((pair) =>
      kinds.map((kind): Need => ({
        action: "subscribe",
        subject: `${ADVISORY}.${kind}.${pair}`,
        purpose: "to bring back events that the server gives up on",
        optional: true,
      }))
    ),
  ];
}

function missing(names: readonly string[], there: ReadonlySet<string>): string[] {
  return names.filter((name) => !there.has(name));
}
