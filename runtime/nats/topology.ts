import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { StartupProblems } from "../authoring/problems.ts";
import type { BoundFunction } from "../authoring/bind_function.ts";
import type { BoundStream } from "../authoring/streams.ts";
import { covers } from "../rules/subjects.ts";
import { DEAD_LETTERS } from "./dead_letters.ts";
import { RETRIES } from "./retry_lane.ts";

/** How long JetStream waits for a sign of life before it hands a message to somebody else. */
export const ACK_WAIT_MS = 15_000;

/** What a stream gets when it is made; what is not declared is its operator's from then on. */
const NEW_STREAM = {
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  allow_direct: true,
  max_age: 7 * 86_400_000 * 1e6,
  duplicate_window: 2 * 60_000 * 1e6,
} as const;
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

/** A durable consumer of one function on one stream. */
export interface Durable {
  readonly functionName: string;
  readonly stream: string;
  readonly filters: readonly string[];
}

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
 * @throws {StartupProblems} naming every field that JetStream cannot change in place.
 */
export async function ensureTopology(
  jsm: JetStreamManager,
  streams: readonly BoundStream[],
  durables: readonly Durable[],
  replicas: number | undefined,
): Promise<NewConsumer[]> {
  const problems: string[] = [], made: NewConsumer[] = [];
  const declared = streams.map((stream) => [stream, {}] as const);
  for (const [stream, extra] of [...declared, ...OWN_STREAMS]) {
    await attempt(problems, `stream ${stream.name}`, () => ensureStream(jsm, stream, replicas, extra));
  }
  if (problems.length === 0) {
    for (const durable of durables) {
      const what = `consumer ${durable.functionName} on stream ${durable.stream}`;
      await attempt(problems, what, async () => {
        const waiting = await ensureConsumer(jsm, durable);
        if (waiting !== undefined) made.push({ ...durable, waiting });
      });
    }
  }
  if (problems.length > 0) throw new StartupProblems(problems);
  return made;
}

async function attempt(problems: string[], what: string, ensure: () => Promise<void>): Promise<void> {
  for (let round = 1;; round++) {
    try {
      return await ensure();
    } catch (error) {
      if (error instanceof CannotChange) problems.push(...error.fields.map((field) => `${what}: ${field}`));
      else if (!(error instanceof JetStreamApiError)) throw error;
      else if (round < ROUNDS && isRace(error)) continue;
      else problems.push(`${what}: JetStream says: ${error.message} (${error.code})${OVERLAP_HELP[error.code] ?? ""}`);
      return;
    }
  }
}

/** What to do where JetStream's own words leave it open. */
const OVERLAP_HELP: Record<number, string> = {
  10065: "; another stream stores some of these subjects: declare that one, by its name, with defineStream in schemas/",
};

/** Fields that only a new stream or consumer could have: caught above, where their owner is known. */
class CannotChange extends Error {
  constructor(readonly fields: string[]) {
    super(fields.join("; "));
  }
}

/** The name was taken, or gone, by the time we acted on what we had seen. */
function isRace({ code }: JetStreamApiError): boolean {
  const nameInUse = 10058, consumerExists = 10148, consumerGone = 10149;
  return code === nameInUse || code === consumerExists || code === consumerGone ||
    code === JetStreamApiCodes.StreamNotFound;
}

async function ensureStream(
  jsm: JetStreamManager,
  stream: BoundStream,
  replicas: number | undefined,
  made: Partial<StreamConfig>,
): Promise<void> {
  const declared: Partial<StreamConfig> = {
    ...(stream.maxAgeMs !== undefined && { max_age: stream.maxAgeMs * 1e6 }),
    ...(stream.maxBytes !== undefined && { max_bytes: stream.maxBytes }),
    ...(stream.duplicateWindowMs !== undefined && { duplicate_window: stream.duplicateWindowMs * 1e6 }),
    ...(stream.storage !== undefined && { storage: stream.storage as StorageType }),
    ...(replicas !== undefined && { num_replicas: replicas }),
  };
  const { name } = stream, subjects = [...stream.subjects];
  const found = await unlessMissing(jsm.streams.info(name), JetStreamApiCodes.StreamNotFound);
  if (!found) {
    const window = Math.min(NEW_STREAM.duplicate_window, declared.max_age || Infinity);
    await jsm.streams.add({
      ...NEW_STREAM,
      duplicate_window: window,
      num_replicas: 1,
      ...made,
      ...declared,
      name,
      subjects,
    });
    return;
  }
  const { config } = found;
  const fields: string[] = [];
  if (declared.storage && declared.storage !== config.storage) {
    fields.push(fixed("storage", config.storage, declared.storage));
  }
  if (config.mirror) fields.push("mirror: it mirrors another stream, which stores no subjects of its own");
  if (config.sealed) fields.push("sealed: it takes no more messages");
  if (fields.length > 0) throw new CannotChange(fields);
  const has = config.subjects ?? [];
  const missing = subjects.filter((subject) => !has.some((own) => covers(own, subject)));
  const change: Partial<StreamConfig> = { ...differing(declared, config) };
  // JetStream refuses subjects that overlap: one that a new subject covers is replaced by it.
  const kept = has.filter((own) => !missing.some((subject) => covers(subject, own)));
  if (missing.length > 0) change.subjects = [...kept, ...missing];
  if (Object.keys(change).length > 0) await jsm.streams.update(name, change);
}

/** Returns how many stored events wait for a consumer that it made; undefined for one that was there. */
async function ensureConsumer(
  jsm: JetStreamManager,
  { functionName, stream, filters }: Durable,
): Promise<number | undefined> {
  const owned = {
    filter_subjects: [...filters],
    ack_wait: ACK_WAIT_MS * 1e6,
    // The policy decides when it is enough. At a limit of the server's the message would be stranded, unseen.
    max_deliver: -1,
  };
  const found = await unlessMissing(
    jsm.consumers.info(stream, functionName),
    JetStreamApiCodes.ConsumerNotFound,
  );
  if (!found) {
    const { num_pending } = await jsm.consumers.add(stream, {
      ...owned,
      durable_name: functionName,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
    });
    return num_pending;
  }
  const { config } = found;
  const fields: string[] = [];
  if (config.ack_policy !== AckPolicy.Explicit) {
    fields.push(fixed("ack_policy", config.ack_policy, AckPolicy.Explicit));
  }
  if (config.deliver_subject) {
    fields.push(fixed("deliver_subject", config.deliver_subject, "none (a pull consumer)"));
  }
  if (fields.length > 0) throw new CannotChange(fields);
  const change: Partial<ConsumerConfig> = differing({
    ack_wait: owned.ack_wait,
    max_deliver: owned.max_deliver,
  }, config);
  if (!sameFilters(found, owned.filter_subjects)) {
    change.filter_subjects = owned.filter_subjects;
    if (config.filter_subject) change.filter_subject = undefined;
  }
  if (config.headers_only) change.headers_only = false;
  // The consumer's own backoff adds to the delay that we ask for: the policy's would never be kept.
  if (config.backoff && config.backoff.length > 0) change.backoff = [];
  if (Object.keys(change).length > 0) await jsm.consumers.update(stream, functionName, change);
  return undefined;
}

function sameFilters({ config }: ConsumerInfo, wanted: readonly string[]): boolean {
  const has = config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : []);
  return has.length === wanted.length && wanted.every((filter) => has.includes(filter));
}

function fixed(field: string, has: unknown, wanted: unknown): string {
  return `${field} is ${has} and should be ${wanted}: JetStream cannot change it in place; ` +
    `declare what it is, or remove it yourself once its events are handled`;
}

function differing<Config extends object>(wanted: Partial<Config>, has: Config): Partial<Config> {
  return Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => has[key as keyof Config] !== value),
  ) as Partial<Config>;
}

async function unlessMissing<Value>(found: Promise<Value>, missing: number): Promise<Value | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === missing) return undefined;
    throw error;
  }
}
