import type { ConsumerInfo, JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import { covers, overlaps } from "../../core/subjects.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { readOrigins } from "../topology/foreign_stream.ts";
import { filtersOf } from "../topology/plan_consumer.ts";

/** Decision about the events that wait for a function on the stream that a type has left. */
export type Fate =
  /** Its consumer there does not take the type. */
  | { readonly kind: "none" }
  /**
   * The function has no trigger on that stream any more, so all that waits there is moved: these types and patterns.
   */
  | { readonly kind: "moves"; readonly patterns: readonly string[] }
  /** It has another trigger there, so its processes pull what waits from that stream as before. */
  | { readonly kind: "pulled"; readonly triggers: readonly string[] }
  /** It does not listen to these any more, and would not handle them. */
  | { readonly kind: "unheard"; readonly patterns: readonly string[] };

/** A function by the parts that decide where its events are. */
export type Listener = Pick<ResolvedFunction, "name" | "triggers">;

/**
 * Decides about the events that wait for a function.
 *
 * @param fn The function as the project declares it now. Undefined: the project does not have it.
 * @param patterns The types and patterns that its consumer on the old stream takes. Empty: all of the stream.
 * @param type The type, or pattern of types, that has changed its stream.
 * @param from The old stream, by the name that it has in definitions.
 */
export function fateOf(
  fn: Listener | undefined,
  patterns: readonly string[],
  type: string,
  from: string,
): Fate {
  const taken = patterns.length === 0 ? [">"] : patterns;
  const concerned = taken.filter((pattern) => overlaps(pattern, type));
  if (concerned.length === 0) return { kind: "none" };
  const triggers = fn?.triggers ?? [], there = triggers.filter(({ stream }) => stream === from);
  if (there.length > 0) {
    return triggers.some(({ pattern }) => overlaps(pattern, type))
      ? { kind: "pulled", triggers: there.map(({ pattern }) => pattern) }
      : { kind: "unheard", patterns: concerned };
  }
  const unheard = taken.filter((pattern) => !triggers.some((trigger) => covers(trigger.pattern, pattern)));
  return unheard.length > 0 ? { kind: "unheard", patterns: unheard } : { kind: "moves", patterns: taken };
}

/** The part of a project that decides which stream stores a type. */
export interface Declared {
  readonly functions: readonly Listener[];
  readonly events: ReadonlyMap<string, { readonly stream?: string }>;
  readonly streams: readonly { readonly name: string; readonly subjects: readonly string[] }[];
}

/**
 * Returns the streams of a type, or of a pattern of types, by the definitions. Empty for a type that the project does
 * not know.
 */
export function streamsOf(type: string, { functions, events, streams }: Declared): string[] {
  const own = (name: string) => streams.find(({ subjects }) => subjects.some((subject) => covers(subject, name)))?.name;
  const ofEvents = [...events].filter(([name]) => covers(type, name)).map(([name, { stream }]) => stream ?? own(name));
  const ofTriggers = functions.flatMap(({ triggers }) => triggers)
    .filter(({ pattern }) => covers(pattern, type) || covers(type, pattern)).map(({ stream }) => stream);
  return [...new Set([...ofEvents, ...ofTriggers])].filter((name) => name !== undefined).sort();
}

/** Returns the types and patterns that a consumer takes. Empty: all of its stream. */
export function patternsOf({ config, stream_name }: ConsumerInfo, names: Namespace): string[] {
  return filtersOf(config).map((filter) => names.typeOf(filter, stream_name));
}

/** Returns why events must not be moved between two streams, as they are now; undefined if they may. */
export async function streamProblem(
  jsm: JetStreamManager,
  type: string,
  { from, to }: { readonly from: StreamConfig; readonly to: StreamConfig | undefined },
  names: Namespace,
): Promise<string | undefined> {
  const takes = ({ subjects = [], name }: StreamConfig) =>
    subjects.some((subject) => overlaps(names.typeOf(subject, name), type));
  const apply = "`deno task apply`, then run this again";
  if (takes(from)) {
    return `stream ${from.name} still stores ${type}, so events would go on to come there: remove it from the subjects ` +
      `(nats stream edit ${from.name} --subjects …), ${apply}`;
  }
  if (!to) return `the new stream does not exist: ${apply}`;
  const [old, current] = [await lineage(jsm, from, type, names), await lineage(jsm, to, type, names)];
  if (old.some((name) => current.includes(name))) {
    return `streams ${from.name} and ${to.name} store the same events (by a mirror, or a source), so the new consumers receive ` +
      "what waits in the old stream anyway, and a move would send it twice";
  }
  if (takes(to) || current.length > 1) return undefined;
  return `stream ${to.name} does not store ${type} yet: ${apply}`;
}

/** Returns the names of a stream and of those from which it takes a type, by mirrors and sources. */
async function lineage(
  jsm: JetStreamManager,
  config: StreamConfig,
  type: string,
  names: Namespace,
): Promise<string[]> {
  const origins = [...config.sources ?? [], ...config.mirror ? [config.mirror] : []];
  const direct = origins.filter(({ name, external, filter_subject }) =>
    !external && overlaps(names.typeOf(filter_subject || ">", name), type)
  );
  return [config.name, ...direct.map(({ name }) => name), ...(await readOrigins(jsm, [config])).keys()];
}
