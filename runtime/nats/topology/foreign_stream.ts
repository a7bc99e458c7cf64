import type { ConsumerInfo, JetStreamManager, StreamConfig, StreamInfo } from "@nats-io/jetstream";
import { covers } from "../../core/subjects.ts";
import { findStream } from "./find.ts";
import { planConsumer } from "./plan_consumer.ts";
import type { Durable, ForeignStream } from "./resources.ts";
import type { Step } from "./step.ts";

type Origin = NonNullable<StreamConfig["mirror"]>;

/** Streams from which a mirror, or a stream with sources, copies every subject: their configurations, by name. */
export type Origins = ReadonlyMap<string, StreamConfig>;

/**
 * Reads the origins of streams, and the origins of those. A stream stores the subjects of its origins besides its own.
 * An origin that cannot be read is left out.
 */
export async function readOrigins(jsm: JetStreamManager, streams: readonly StreamConfig[]): Promise<Origins> {
  const names = new Set(streams.flatMap(unfilteredOrigins)), found = new Map<string, StreamConfig>();
  for (const name of names) { // also visits the names that the loop adds
    const info = await findStream(jsm, name).catch(() => undefined); // reading another team's stream may be forbidden
    if (!info) continue;
    found.set(name, info.config);
    for (const next of unfilteredOrigins(info.config)) names.add(next);
  }
  return found;
}

/** Returns the origins, in the same account, of which a stream takes every subject. */
function unfilteredOrigins(config: StreamConfig): string[] {
  return originsOf(config).filter(({ external, filter_subject, subject_transforms = [] }) =>
    !external && !filter_subject && subject_transforms.length === 0
  ).map(({ name }) => name);
}

function originsOf({ mirror, sources = [] }: StreamConfig): readonly Origin[] {
  return mirror ? [mirror, ...sources] : sources;
}

/**
 * Returns the patterns of the subjects that a stream stores: its own subjects and the subjects of its origins, each
 * after its subject transform. Undefined if an origin cannot be read, for example in another account or domain.
 */
export function storedSubjects(
  config: StreamConfig,
  origins: Origins,
  seen: readonly string[] = [],
): string[] | undefined {
  const { subjects = [], subject_transform } = config;
  const own = subject_transform?.dest
    ? [...subjects.filter((subject) => !covers(subject_transform.src || ">", subject)), transformed(subject_transform)]
    : subjects;
  const taken = originsOf(config).map(({ name, external, filter_subject, subject_transforms = [] }) => {
    if (subject_transforms.length > 0) return subject_transforms.map(transformed);
    if (filter_subject) return [filter_subject];
    const origin = external || seen.includes(name) ? undefined : origins.get(name);
    return origin && storedSubjects(origin, origins, [...seen, name]);
  });
  return taken.includes(undefined) ? undefined : [...own, ...taken.flatMap((one) => one!)];
}

/**
 * Returns the pattern of the subjects that a subject transform makes. A mapping function such as `{{wildcard(1)}}`
 * yields one token, except that `split` and `slice` may yield several.
 */
function transformed({ src, dest }: NonNullable<StreamConfig["subject_transform"]>): string {
  if (!dest) return src || ">";
  const tokens = dest.replaceAll(/\{\{([^}]*)\}\}/g, (_, call) => /split|slice/i.test(call) ? "\0" : "*").split(".");
  const many = tokens.findIndex((token) => token.includes("\0"));
  const known = (many < 0 ? tokens : tokens.slice(0, many)).map((token) => /[*]|\$\d/.test(token) ? "*" : token);
  return [...known, ...many < 0 ? [] : [">"]].join(".");
}

/** The facts about a durable on a stream that Weir does not own. */
export interface ForeignFacts {
  readonly stream: StreamInfo | undefined;
  readonly origins: Origins;
  readonly consumer: ConsumerInfo | undefined;
  /** Whether the function has a consumer on RETRIES. Every function that ran before has one. */
  readonly hasRun: boolean;
}

/** Returns the blocked step of a consumer that Weir cannot have on a stream that it does not own, or undefined. */
export function planForeignConsumer(durable: Durable, facts: ForeignFacts): Step | undefined {
  const { functionName: name, stream } = durable, { consumer, hasRun } = facts;
  const isUnknown = consumer && !hasRun && planConsumer(durable, consumer.config, facts.stream).kind !== "same";
  const problem = listenProblem(durable, facts.stream, facts.origins) ??
    (isUnknown
      ? "another client has a consumer of that name there, and Weir changes none of others: give the function another `name`"
      : undefined);
  return problem === undefined ? undefined : { what: "consumer", name, stream, kind: "blocked", problems: [problem] };
}

/**
 * Returns why a consumer would get nothing for some of its filters: the stream does not exist, or stores no subject
 * that matches them. A filter may also be wider than a subject of the stream.
 */
export function listenProblem(
  { stream, filters }: Durable,
  found: StreamInfo | undefined,
  origins: Origins,
): string | undefined {
  const owner = `Weir does not own it (\`stream: "${stream}"\`)`;
  if (!found) return `stream ${stream} does not exist, and ${owner}: have it created, or correct the name`;
  const stored = storedSubjects(found.config, origins);
  const missing = filters.filter((filter) => !stored?.some((one) => covers(one, filter) || covers(filter, one)));
  if (stored === undefined || missing.length === 0) return undefined;
  const has = stored.length === 0 ? "no subjects" : stored.join(", ");
  return `its stream stores ${has}, and not ${
    missing.join(", ")
  }: correct the trigger; ${owner}, so it changes nothing there`;
}

/**
 * Returns the step for a stream that Weir does not own. The step is blocked if the stream would not store what the
 * project publishes, and else changes nothing.
 */
export function planForeignStream({ name, publishes }: ForeignStream, found: StreamInfo | undefined): Step {
  const target = { what: "stream", name } as const;
  const problems = publishes.flatMap(({ type, by }) => {
    const why = publishProblem(type, name, found?.config);
    return why ? [`${by}: ${why}`] : [];
  });
  return problems.length > 0 ? { ...target, kind: "blocked", problems } : { ...target, kind: "foreign" };
}

/** Returns why an event cannot be published into a stream that Weir does not own. */
export function publishProblem(type: string, stream: string, config: StreamConfig | undefined): string | undefined {
  const refused = `"${type}" cannot be published into stream ${stream}`;
  if (!config) return `${refused}, which does not exist: have it created, or correct \`stream\` of the event`;
  const { mirror, sealed, no_ack, subjects = [] } = config;
  if (mirror) {
    return `${refused}, which mirrors ${mirror.name} and stores nothing else: a project that owns ${mirror.name} publishes ` +
      "it; here functions can only listen to it";
  }
  if (sealed) return `${refused}, which is sealed: it takes no more messages`;
  if (!subjects.some((subject) => covers(subject, type))) {
    const takes = subjects.length === 0 ? "takes no subjects itself" : `takes ${subjects.join(", ")}`;
    return `${refused}, which ${takes}: its owner may add the subject`;
  }
  return no_ack ? `${refused}, which has no_ack: JetStream does not say that it has stored an event` : undefined;
}
