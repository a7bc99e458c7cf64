import type { ConsumerConfig, StreamConfig } from "@nats-io/jetstream";

/** What a step is about. A bucket is a stream too, and is named as key-value tools name it. */
type StreamTarget = { readonly what: "stream" | "bucket"; readonly name: string };
type ConsumerTarget = { readonly what: "consumer"; readonly name: string; readonly stream: string };
type Target = StreamTarget | ConsumerTarget;

/** One setting, by JetStream's name and in JetStream's units (nanoseconds). `to` is null where it is taken away. */
export interface Change {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** Events that a consumer has not got behind it. */
export interface Backlog {
  /** Stored, and handed to nobody yet. */
  readonly pending: number;
  /** Handed out, and not settled. */
  readonly unsettled: number;
  /** Waiting in RETRIES for their next attempt. */
  readonly delayedRetries: number;
}

/** Stored events that a change leaves out. Undefined where the server does not say how many. */
export interface SkippedEvents {
  /**
   * - `older`: a trigger was added behind them.
   * - `removed`: their trigger was taken away.
   * - `expired`: their stream keeps events for less time now.
   * - `oversize`: their stream keeps fewer bytes than it has, and removes the oldest.
   * - `full`: it keeps fewer bytes than it has, and takes no new events until some are gone.
   */
  readonly why: "older" | "removed" | "expired" | "oversize" | "full";
  readonly subject: string;
  readonly events: number | undefined;
}

/**
 * One thing of a cluster and what is to be done about it, as a value: what decides does nothing, what does decides
 * nothing.
 */
export type Step =
  | Target & { readonly kind: "same" }
  | StreamTarget & { readonly kind: "create"; readonly config: Partial<StreamConfig> & { readonly name: string } }
  | ConsumerTarget & {
    readonly kind: "create";
    readonly config: Partial<ConsumerConfig>;
    /** Stored events that it begins with. Undefined where nobody asked, or the server does not say. */
    readonly waiting?: number;
  }
  | Target & {
    readonly kind: "update";
    readonly changes: readonly Change[];
    readonly leftOut: readonly SkippedEvents[];
  }
  /** A consumer of a function that the project has not (`orphan`), or that has no trigger on that stream (`moved`). */
  | ConsumerTarget & {
    readonly kind: "orphan" | "moved";
    readonly backlog: Backlog;
    /** Some process pulls on it now. */
    readonly inUse: boolean;
  }
  /** Nothing that Weir may do would make it right. */
  | Target & { readonly kind: "blocked"; readonly problems: readonly string[] }
  /** Somebody else's, and never touched. */
  | Target & { readonly kind: "foreign" };

/** A step of one kind. */
export type StepOf<Kind extends Step["kind"]> = Extract<Step, { kind: Kind }>;

/** What `start` does by itself. */
export function isDone(step: Step): step is StepOf<"create" | "update"> {
  return step.kind === "create" || step.kind === "update";
}

/** What keeps `start` from starting. */
export function isRefused(step: Step): step is StepOf<"blocked"> {
  return step.kind === "blocked";
}

/** How messages name it. */
export function nameOf(target: Target): string {
  return target.what === "consumer"
    ? `consumer ${target.name} on stream ${target.stream}`
    : `${target.what} ${target.name}`;
}
