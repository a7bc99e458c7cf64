import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type EventDefinition, parserOf } from "../../api/define_event.ts";
import { type BoundSchema, decode } from "../../core/cloudevent.ts";
import type { Namespace } from "../../core/namespace.ts";
import { versionIn } from "../../core/schema_version.ts";
import { deadEvents, eventsOf, retriedEvents, type StoredEvent } from "./stored_events.ts";

/** Events of one type in one stream, as the schemas judge them. */
export interface VerifiedEvents {
  readonly type: string;
  readonly stream: string;
  readonly read: number;
  /** Events that the schema refuses. */
  readonly refused: number;
  /** Dead letters that are `invalid` already, and that the schema refuses as well. They are not among `refused`. */
  readonly refusedBefore: number;
  readonly samples: readonly RefusedEvent[];
}

/** An event that the schema refuses. */
export interface RefusedEvent {
  readonly sequence: number;
  readonly id: string;
  /** Version that its publisher names; null if it names none. */
  readonly version: number | null;
  readonly error: string;
}

export interface VerifyOptions {
  readonly events: readonly EventDefinition[];
  /** Returns the stream of a type, as NATS names it. */
  readonly streamOf: (type: string) => string | undefined;
  /** Events of streams that were stored before are not read, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Refused events to keep of each type and stream. */
  readonly samples: number;
  readonly progress?: (read: number) => void;
}

type Cluster = { readonly nc: NatsConnection; readonly jsm: JetStreamManager; readonly names: Namespace };
type Tally = { -readonly [Name in keyof VerifiedEvents]: VerifiedEvents[Name] } & { samples: RefusedEvent[] };

/** Checks stored events by the schemas of a project: those of streams, of RETRIES and of DEAD_LETTERS. Changes nothing. */
export async function verifySchemas(cluster: Cluster, options: VerifyOptions): Promise<VerifiedEvents[]> {
  const schemas = new Map(options.events.map((event) => [event.type, boundSchema(event)]));
  const tallies = new Map<string, Tally>();
  let read = 0;
  const check = async (events: AsyncIterable<StoredEvent>) => {
    for await (const stored of events) {
      const schema = schemas.get(stored.delivery.subject);
      if (!schema) continue;
      const { type } = schema, { stream } = stored;
      const key = `${type} ${stream}`, none = { type, stream, read: 0, refused: 0, refusedBefore: 0, samples: [] };
      judge(tallies.getOrInsertComputed(key, () => none), stored, schema, options.samples);
      options.progress?.(++read);
    }
  };
  const byStream = Map.groupBy(schemas.keys(), options.streamOf);
  for (const [stream, types] of byStream) {
    if (stream !== undefined) await check(eventsOf(cluster, stream, types, options.sinceMs));
  }
  await check(retriedEvents(cluster));
  await check(deadEvents(cluster));
  return [...tallies.values()];
}

function boundSchema(event: EventDefinition): BoundSchema {
  return { type: event.type, version: event.version, parse: parserOf(event), upcasts: event.upcasts };
}

function judge(tally: Tally, { delivery, sequence, reason }: StoredEvent, schema: BoundSchema, samples: number): void {
  tally.read++;
  const decoded = decode(delivery, schema);
  if (decoded.kind === "event") return;
  if (reason === "invalid") return void tally.refusedBefore++;
  tally.refused++;
  if (tally.samples.length >= samples) return;
  const { event: { id, extensions }, error } = decoded;
  const version = versionIn(extensions.dataschema, schema.type) ?? null;
  tally.samples.push({ sequence, id, version, error: error.message });
}
