import type { ConsumerConfig, StreamConfig } from "@nats-io/jetstream";

/**
 * Who applies a plan. Invariant: only `apply` narrows. During a rolling deploy a process of either release may start
 * last, and what the other needs must not be taken from it.
 *
 * - `apply`: everything becomes as declared.
 * - `start`: filters and limits are only widened.
 * - `running`: as `start`, but the limits of streams stay. Their operator may change them under a running process.
 */
export type Scope = "apply" | "start" | "running";

/**
 * The stream, bucket or consumer that a step is about. JetStream stores a bucket as the stream `KV_NAME`: its `name`
 * here is `NAME`, as in KV tools.
 */
type StreamTarget = { readonly what: "stream" | "bucket"; readonly name: string };
type ConsumerTarget = { readonly what: "consumer"; readonly name: string; readonly stream: string };
type Target = StreamTarget | ConsumerTarget;

/** One setting, with JetStream's name and units (nanoseconds). `to` is null when the setting is removed. */
export interface Change {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** Events that a consumer has not settled. */
export interface Backlog {
  /** Stored and never delivered. */
  readonly pending: number;
  /** Delivered and not settled. */
  readonly unsettled: number;
  readonly delayedRetries: number;
}

/** Stored events that a change skips. `events` is undefined when the server does not say how many. */
export interface SkippedEvents {
  /**
   * - `older`: a trigger was added, and the consumer is past them.
   * - `removed`: their trigger was removed.
   * - `expired`: their stream's age limit was lowered.
   * - `oversize`: their stream's size limit was lowered, and it deletes the oldest.
   * - `full`: their stream's size limit was lowered, and it rejects new events until there is space.
   */
  readonly why: "older" | "removed" | "expired" | "oversize" | "full";
  readonly subject: string;
  readonly events: number | undefined;
}

/** Fate of the events of a trigger that no release has any more, until `apply` removes it from the consumer. */
export const UNHANDLED =
  "until then an event of a trigger that no release has becomes a dead letter (`invalid`) after " +
  "half an hour";

/**
 * A stream, bucket or consumer, and what must be done about it. A step is a value: planning decides and has no effect,
 * and applying makes no decision.
 */
export type Step =
  | Target & { readonly kind: "same" }
  | StreamTarget & { readonly kind: "create"; readonly config: Partial<StreamConfig> & { readonly name: string } }
  | ConsumerTarget & {
    readonly kind: "create";
    readonly config: Partial<ConsumerConfig>;
    /** Number of stored events that it begins with. Undefined when not counted, or when the server does not say. */
    readonly waiting?: number;
    /** Number of older stored events that it skips because of its function's option `from`. Absent if it skips none. */
    readonly skipped?: number;
  }
  | Target & {
    readonly kind: "update";
    readonly changes: readonly Change[];
    readonly leftOut: readonly SkippedEvents[];
    /**
     * True when only `apply` makes all of these changes. A start leaves out those that take something from a process of
     * another release.
     */
    readonly narrows?: true;
  }
  /** A consumer whose function is not in the project (`orphan`), or has no trigger on its stream (`moved`). */
  | ConsumerTarget & {
    readonly kind: "orphan" | "moved";
    /** Filter subjects of the consumer. */
    readonly filters: readonly string[];
    readonly backlog: Backlog;
    /** True while a process pulls from it. */
    readonly inUse: boolean;
    /** True if the consumer lacks the project's mark: an earlier release or another project made it. */
    readonly unmarked?: true;
  }
  /** Something that Weir cannot change to what is declared. */
  | Target & {
    readonly kind: "blocked";
    readonly problems: readonly string[];
    /**
     * True if it is blocked because its mark names another project or namespace. That other name may be this project's
     * own in another release.
     */
    readonly isOwnedByOther?: true;
  }
  /** Something that another program owns. Weir never changes it. */
  | Target & { readonly kind: "foreign" };

export type StepOf<Kind extends Step["kind"]> = Extract<Step, { kind: Kind }>;

export function nameOf(target: Target): string {
  return target.what === "consumer"
    ? `consumer ${target.name} on stream ${target.stream}`
    : `${target.what} ${target.name}`;
}

/**
 * Returns whether a refused step is only a concern of a running process. A setting that another client or release has
 * changed is one (`update`). What another project or release has marked as its own is one (`isOwnedByOther`). A start
 * fails for both.
 */
export function isConcern(step: Step): boolean {
  return step.kind === "update" || step.kind === "blocked" && step.isOwnedByOther === true;
}

/** Returns the changes of a step in one line. */
export function changesOf({ changes }: StepOf<"update">): string {
  return changes.map(({ field, from, to }) => `${field}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`).join("; ");
}
