import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";
import type { ResolvedStream } from "../../project/resolve_streams.ts";
import { covers } from "../../core/subjects.ts";
import { differing, fixed } from "./config_diff.ts";
import type { Change, Step } from "./step.ts";

/** What a stream gets when it is made; what is not declared is its operator's from then on. */
export const NEW_STREAM = {
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  allow_direct: true,
  max_age: 7 * 86_400_000 * 1e6,
  duplicate_window: 2 * 60_000 * 1e6,
} as const;

/** A stream that is wanted. */
export interface WantedStream extends ResolvedStream {
  /** What a new one gets besides. */
  readonly made?: Partial<StreamConfig>;
}

/** Another stream that stores some of the subjects which are to be a stream's. */
interface InTheWay {
  readonly name: string;
  /** The project declares it: it stored these before, and Weir takes no subject from a stream. */
  readonly ours: boolean;
}

/**
 * What is to be done about a stream.
 *
 * @param found what there is
 * @param replicas undefined: one for a new stream, and as it is for one that exists
 * @param inTheWay what keeps it from its subjects
 */
export function planStream(
  stream: WantedStream,
  found: StreamConfig | undefined,
  replicas: number | undefined,
  inTheWay: readonly InTheWay[],
): Step {
  const declared: Partial<StreamConfig> = {
    max_age: stream.maxAgeMs && stream.maxAgeMs * 1e6,
    max_bytes: stream.maxBytes,
    duplicate_window: stream.duplicateWindowMs && stream.duplicateWindowMs * 1e6,
    num_replicas: replicas,
  };
  const storage = stream.storage as StorageType | undefined;
  const target = { what: "stream", name: stream.name } as const;
  const schedules = found ? scheduleChange(stream, found) : [];
  const stuck = found && schedules.length > 0 ? withoutSchedules(found) : [];
  const problems = [...found ? unchangeable(found, storage) : [], ...stuck, ...inTheWay.map(overlap)];
  if (problems.length > 0) return { ...target, kind: "blocked", problems };
  if (!found) return { ...target, kind: "create", config: newStream(stream, declared) };
  // Ids are not remembered for longer than events are kept: JetStream refuses to.
  if (declared.max_age && !declared.duplicate_window && found.duplicate_window > declared.max_age) {
    declared.duplicate_window = declared.max_age;
  }
  const changes = [...differing(declared, found), ...schedules, ...subjectChange(stream.subjects, found)];
  return changes.length === 0 ? { ...target, kind: "same" } : { ...target, kind: "update", changes, leftOut: [] };
}

function newStream(stream: WantedStream, declared: Partial<StreamConfig>): Partial<StreamConfig> & { name: string } {
  const storage = stream.storage as StorageType | undefined;
  const given = Object.entries({ ...declared, storage }).filter(([, value]) => value !== undefined);
  return {
    ...NEW_STREAM,
    duplicate_window: Math.min(NEW_STREAM.duplicate_window, declared.max_age || Infinity),
    num_replicas: 1,
    ...stream.made,
    ...Object.fromEntries(given),
    name: stream.name,
    subjects: [...stream.subjects],
  };
}

const HOW = "declare what it is, or remove the stream yourself once its events are handled";

function unchangeable(found: StreamConfig, storage: StorageType | undefined): string[] {
  const problems: string[] = [];
  if (storage && storage !== found.storage) problems.push(`${fixed("storage", found.storage, storage)}; ${HOW}`);
  if (found.mirror) problems.push("mirror: it mirrors another stream, which stores no subjects of its own");
  if (found.sealed) problems.push("sealed: it takes no more messages");
  return problems;
}

/** Without schedules no retry can be delayed; and JetStream has them only where the oldest goes for what is too much. */
function scheduleChange({ made }: WantedStream, found: StreamConfig): Change[] {
  if (!made?.allow_msg_schedules || found.allow_msg_schedules) return [];
  return differing({ allow_msg_schedules: true, discard: DiscardPolicy.Old }, { ...NO_SCHEDULES, ...found });
}

const NO_SCHEDULES = { allow_msg_schedules: false };

/** What keeps a stream from having schedules. */
function withoutSchedules({ deny_purge, discard, ...found }: StreamConfig): string[] {
  const limits = (["max_bytes", "max_msgs", "max_msgs_per_subject"] as const).filter((limit) => found[limit] > 0);
  const drops = discard === DiscardPolicy.New && limits.length > 0;
  return [
    ...deny_purge ? ["deny_purge is true, and JetStream neither changes that in place nor schedules with it"] : [],
    ...drops
      ? [
        `allow_msg_schedules goes only with discard "old", which drops retries that wait beyond ${
          limits.join(", ")
        }: ` +
        "take that limit away (nats stream edit)",
      ]
      : [],
  ];
}

function overlap({ name, ours }: InTheWay): string {
  const what = `subjects overlap with those of stream ${name}, and JetStream stores a subject in one stream only`;
  return ours
    ? `${what}: take them from that one yourself (nats stream edit ${name} --subjects …); its events stay there`
    : `${what}: declare that stream, by its name, in schemas/`;
}

/** The subjects of a stream that are not stored by it yet. */
export function newSubjects(subjects: readonly string[], found: StreamConfig | undefined): string[] {
  const has = found?.subjects ?? [];
  return subjects.filter((subject) => !has.some((own) => covers(own, subject)));
}

/** Subjects are only ever added. JetStream refuses any that overlap: one that a new subject covers is replaced by it. */
function subjectChange(subjects: readonly string[], found: StreamConfig): Change[] {
  const from = found.subjects ?? [], added = newSubjects(subjects, found);
  if (added.length === 0) return [];
  const kept = from.filter((own) => !added.some((subject) => covers(subject, own)));
  return [{ field: "subjects", from, to: [...kept, ...added] }];
}
