import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  type StreamConfig,
} from "@nats-io/jetstream";
import { StartupProblems } from "../authoring/problems.ts";
import type { BoundFunction } from "../authoring/bind_function.ts";
import type { BoundStream } from "../authoring/streams.ts";
import { DEAD_LETTERS } from "./dead_letters.ts";
import { type Durable, ensureConsumer, type Floor } from "./ensure_consumer.ts";
import { ensureStream } from "./ensure_stream.ts";
import { CannotChange, unlessMissing } from "./in_place.ts";
import { RETRIES } from "./retry_lane.ts";

/** Weir's own streams, and what they are made with. Neither has an age limit: what is in them waits for somebody. */
const OWN_STREAMS: readonly (readonly [BoundStream, Partial<StreamConfig>])[] = [
  [{ name: DEAD_LETTERS.stream, subjects: DEAD_LETTERS.subjects }, { max_age: 0 }],
  [{ name: RETRIES.stream, subjects: RETRIES.subjects }, {
    max_age: 0,
    retention: RetentionPolicy.Workqueue,
    allow_msg_schedules: true,
    discard: DiscardPolicy.Old, // the only one that goes with schedules; without limits it drops nothing
  }],
];
/** Another replica may be making the same thing at this moment: look again, but not for ever. */
const ROUNDS = 5;

/** A consumer that was made just now, and how many stored events it begins with. */
export interface NewConsumer extends Durable {
  readonly waiting: number;
}

/** The consumers of functions: one for each stream that a function listens to. */
export function durablesOf(functions: readonly BoundFunction[]): Durable[] {
  return functions.flatMap(({ name, triggers }) => {
    const streams = Map.groupBy(triggers, ({ stream }) => stream);
    const own = [...streams].map(([stream, group]) => ({
      functionName: name,
      stream,
      filters: group.map(({ pattern }) => pattern),
    }));
    return [...own, {
      functionName: name,
      stream: RETRIES.stream,
      filters: [`${RETRIES.due}.${name}.>`, `${RETRIES.redriven}.${name}.>`],
    }];
  });
}

/**
 * Makes streams and consumers what the project declares, in place, touching nothing that it does not declare.
 *
 * @returns the consumers that were made
 * @param replicas of streams; undefined: one for a new stream, and as it is for one that exists
 * @param floorOf where a consumer that is gone begins again; undefined: at the start of its stream
 * @throws {StartupProblems} naming every field that JetStream cannot change in place.
 */
export async function ensureTopology(
  jsm: JetStreamManager,
  streams: readonly BoundStream[],
  durables: readonly Durable[],
  replicas: number | undefined,
  floorOf: (durable: Durable) => Floor | undefined = () => undefined,
): Promise<NewConsumer[]> {
  const problems: string[] = [], made: NewConsumer[] = [];
  const declared = streams.map((stream) => [stream, {}] as const);
  for (const [stream, extra] of [...declared, ...OWN_STREAMS]) {
    await attempt(jsm, problems, stream, () => ensureStream(jsm, stream, replicas, extra));
  }
  const missing = problems.length > 0 ? await missingStreams(jsm, durables) : [];
  for (const durable of durables.filter(({ stream }) => !missing.includes(stream))) {
    await attempt(jsm, problems, durable, async () => {
      const waiting = await ensureConsumer(jsm, durable, floorOf(durable));
      if (waiting !== undefined) made.push({ ...durable, waiting });
    });
  }
  if (problems.length > 0) throw new StartupProblems(problems);
  return made;
}

async function attempt(
  jsm: JetStreamManager,
  problems: string[],
  what: BoundStream | Durable,
  ensure: () => Promise<void>,
): Promise<void> {
  const name = "name" in what ? `stream ${what.name}` : `consumer ${what.functionName} on stream ${what.stream}`;
  for (let round = 1;; round++) {
    try {
      return await ensure();
    } catch (error) {
      if (error instanceof CannotChange) problems.push(...error.fields.map((field) => `${name}: ${field}`));
      else if (!(error instanceof JetStreamApiError)) throw error;
      else if (round < ROUNDS && isRace(error)) continue;
      else {
        const foreign = error.code === SUBJECTS_OVERLAP && "name" in what ? await foreignStream(jsm, what) : "";
        problems.push(`${name}: JetStream says: ${error.message} (${error.code})${foreign}`);
      }
      return;
    }
  }
}

const SUBJECTS_OVERLAP = 10065;

/** Names the stream in the way, and how to make it ours. */
async function foreignStream(jsm: JetStreamManager, { name, subjects }: BoundStream): Promise<string> {
  const names = new Set<string>();
  for (const subject of subjects) {
    for await (const other of jsm.streams.names(subject)) if (other !== name) names.add(other);
  }
  return `: ${[...names].join(", ")} stores some of these subjects; declare that stream, by its name, in schemas/`;
}

/** Streams that could not be made: their consumers would only repeat why. */
async function missingStreams(jsm: JetStreamManager, durables: readonly Durable[]): Promise<string[]> {
  const names = [...new Set(durables.map(({ stream }) => stream))];
  const found = await Promise.all(
    names.map((name) => unlessMissing(jsm.streams.info(name), JetStreamApiCodes.StreamNotFound)),
  );
  return names.filter((_, i) => found[i] === undefined);
}

/** The name was taken, or gone, by the time we acted on what we had seen. */
function isRace({ code }: JetStreamApiError): boolean {
  const nameInUse = 10058, consumerExists = 10148, consumerGone = 10149;
  return code === nameInUse || code === consumerExists || code === consumerGone ||
    code === JetStreamApiCodes.StreamNotFound;
}
