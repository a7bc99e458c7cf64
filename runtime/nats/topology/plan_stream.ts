import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";
import { covers, unite } from "../../core/subjects.ts";
import { configDiff, raises, unchangeable } from "./config_diff.ts";
import type { DesiredStream } from "./resources.ts";
import type { Change, Scope, Step } from "./step.ts";

/** Settings of a new stream. Later, an operator may change the settings that no `defineStream` declares. */
export const NEW_STREAM = {
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  allow_direct: true,
  max_age: 7 * 86_400_000 * 1e6,
  duplicate_window: 2 * 60_000 * 1e6,
} as const;

/** Another stream that stores some of a stream's desired subjects. */
interface OverlappingStream {
  readonly name: string;
  /** True when the project declares it. Weir still removes no subject from it. */
  readonly declared: boolean;
}

/**
 * Returns the step for a stream.
 *
 * @param found The stream's configuration, if it exists.
 * @param replicas Desired replicas. Default: 1 for a new stream, and unchanged for an existing one.
 * @param overlapping The other streams that store its subjects.
 * @param scope Default: `apply`.
 */
export function planStream(
  stream: DesiredStream,
  found: StreamConfig | undefined,
  replicas: number | undefined,
  overlapping: readonly OverlappingStream[],
  scope: Scope = "apply",
): Step {
  const declared: Partial<StreamConfig> = {
    max_age: stream.maxAgeMs && stream.maxAgeMs * 1e6,
    max_bytes: stream.maxBytes,
    max_msgs_per_subject: stream.maxPerSubject,
    duplicate_window: stream.duplicateWindowMs && stream.duplicateWindowMs * 1e6,
    num_replicas: replicas,
  };
  const target = { what: "stream", name: stream.name } as const;
  const schedules = found ? scheduleChanges(stream, found) : [];
  const problems = [
    ...found ? unchangeableSettings(found, stream.storage as StorageType | undefined) : [],
    ...found && schedules.length > 0 ? scheduleProblems(found) : [],
    ...overlapping.filter(({ name }) => name !== found?.mirror?.name).map(overlapProblem),
  ];
  if (problems.length > 0) return { ...target, kind: "blocked", problems };
  if (!found) return { ...target, kind: "create", config: newStream(stream, declared) };
  // JetStream refuses a duplicate window that is longer than the age limit.
  if (declared.max_age && !declared.duplicate_window && found.duplicate_window > declared.max_age) {
    declared.duplicate_window = declared.max_age;
  }
  const limits = configDiff(declared, found).filter((change) =>
    scope === "apply" || scope === "start" && raises(change)
  );
  const changes = [...limits, ...schedules, ...storingChanges(stream.subjects, found)];
  return changes.length === 0 ? { ...target, kind: "same" } : { ...target, kind: "update", changes, leftOut: [] };
}

function newStream(stream: DesiredStream, declared: Partial<StreamConfig>): Partial<StreamConfig> & { name: string } {
  const storage = stream.storage as StorageType | undefined;
  const given = Object.entries({ ...declared, storage }).filter(([, value]) => value !== undefined);
  return {
    ...NEW_STREAM,
    duplicate_window: Math.min(NEW_STREAM.duplicate_window, declared.max_age || Infinity),
    num_replicas: 1,
    ...stream.initial,
    ...Object.fromEntries(given),
    name: stream.name,
    subjects: [...stream.subjects],
  };
}

const REMEDY = "declare what it is, or remove the stream yourself once its events are handled";

function unchangeableSettings(found: StreamConfig, storage: StorageType | undefined): string[] {
  const problems: string[] = [];
  if (storage && storage !== found.storage) {
    problems.push(`${unchangeable("storage", found.storage, storage)}; ${REMEDY}`);
  }
  if (found.mirror) problems.push(mirrorProblem(found.mirror));
  if (found.sealed) problems.push("sealed: it takes no more messages");
  return problems;
}

function mirrorProblem({ name, external }: NonNullable<StreamConfig["mirror"]>): string {
  const problem = `it mirrors stream ${name}, and a mirror stores no subjects of its own`;
  return external
    ? `${problem}: remove it, and create a stream of another name that sources ${name} and has these subjects`
    : `${problem}: declare ${name} in schemas/ with these subjects, instead of the mirror, or, to listen to the mirror ` +
      "only, name it by `stream` in its events and patterns";
}

/**
 * Returns the changes that enable message schedules, which delayed retries need. Schedules require the discard policy
 * "old".
 */
function scheduleChanges({ initial }: DesiredStream, found: StreamConfig): Change[] {
  if (!initial?.allow_msg_schedules || found.allow_msg_schedules) return [];
  const withoutSchedules = { allow_msg_schedules: false, ...found };
  return configDiff({ allow_msg_schedules: true, discard: DiscardPolicy.Old }, withoutSchedules);
}

function scheduleProblems({ deny_purge, discard, ...found }: StreamConfig): string[] {
  const limits = (["max_bytes", "max_msgs", "max_msgs_per_subject"] as const).filter((limit) => found[limit] > 0);
  const dropsRetries = discard === DiscardPolicy.New && limits.length > 0;
  return [
    ...deny_purge ? ["deny_purge is true, and JetStream neither changes that in place nor schedules with it"] : [],
    ...dropsRetries
      ? [
        `allow_msg_schedules goes only with discard "old", which drops retries that wait beyond ${
          limits.join(", ")
        }: ` +
        "remove that limit (nats stream edit)",
      ]
      : [],
  ];
}

function overlapProblem({ name, declared }: OverlappingStream): string {
  const problem = `subjects overlap with those of stream ${name}, and JetStream stores a subject in one stream only`;
  return declared
    ? `${problem}: remove them from that stream yourself (nats stream edit ${name} --subjects …); its events stay there`
    : `${problem}: declare that stream, by its name, in schemas/, or, if Weir must not own it, name it by \`stream\` in ` +
      "its events and patterns";
}

export function newSubjects(subjects: readonly string[], found: StreamConfig | undefined): string[] {
  const stored = found?.subjects ?? [];
  return subjects.filter((subject) => !stored.some((own) => covers(own, subject)));
}

/**
 * Returns the changes that make a stream store these subjects and answer each publish (`no_ack` prevents that). An
 * existing subject is removed only if a new one covers it, since JetStream refuses overlaps.
 */
export function storingChanges(subjects: readonly string[], found: StreamConfig): Change[] {
  const changes: Change[] = found.no_ack ? [{ field: "no_ack", from: true, to: false }] : [],
    from = found.subjects ?? [];
  if (newSubjects(subjects, found).length > 0) changes.push({ field: "subjects", from, to: unite(from, subjects) });
  return changes;
}
