import { AckPolicy, type ConsumerConfig, DeliverPolicy, RetentionPolicy, type StreamConfig } from "@nats-io/jetstream";
import { overlaps, unite } from "../../core/subjects.ts";
import { ACK_WAIT_MS } from "../consume/ack_wait.ts";
import { configDiff, unchangeable } from "./config_diff.ts";
import { priorityChanges, prioritySettings } from "./priority.ts";
import type { Durable } from "./resources.ts";
import type { Change, Scope, Step } from "./step.ts";

interface StreamFacts {
  readonly config: Pick<StreamConfig, "retention" | "subject_transform" | "consumer_limits">;
}

/**
 * Limits on pull requests, and the time after which the server deletes a consumer that gets none. Weir sets no limit.
 */
const LIMITS = ["max_batch", "max_expires", "inactive_threshold"] as const;

/**
 * Returns the values of a consumer's settings that Weir sets and restores. {@linkcode planConsumer} also restores those
 * that Weir wants unset. Others, such as `max_ack_pending`, are the operator's.
 */
function ownedSettings({ filters }: Durable) {
  return {
    filter_subjects: [...filters],
    ack_wait: ACK_WAIT_MS * 1e6,
    // Invariant: no limit. The function's policy ends the retries; the server's limit would strand the message.
    max_deliver: -1,
  };
}

/**
 * Returns the step for a consumer that exists.
 *
 * @param scope Default: `apply`.
 * @param metadata Desired metadata. Default: it stays as it is.
 */
export function planConsumer(
  durable: Durable,
  config: ConsumerConfig,
  stream: StreamFacts | undefined,
  scope: Scope = "apply",
  metadata?: Readonly<Record<string, string>>,
): Step {
  const target = { what: "consumer", name: durable.consumer, stream: durable.stream } as const;
  const problems: string[] = [];
  if (config.ack_policy !== AckPolicy.Explicit) {
    problems.push(unchangeable("ack_policy", config.ack_policy, AckPolicy.Explicit));
  }
  if (config.deliver_subject) {
    problems.push(unchangeable("deliver_subject", config.deliver_subject, "none (a pull consumer)"));
  }
  if (problems.length > 0) {
    return { ...target, kind: "blocked", problems: [[...problems, remedy(durable, stream)].join("; ")] };
  }
  const streamProblems = problemsWith(durable, stream);
  if (streamProblems.length > 0) return { ...target, kind: "blocked", problems: streamProblems };
  const { filter_subjects: declared, ...values } = ownedSettings(durable), found = filtersOf(config);
  // A process of another release may need the filters that exist, so a start only adds filters. Every release sets
  // filters, so a consumer that has none was changed by another client, and gets just the declared filters.
  const filter_subjects = scope === "apply" || found.length === 0 ? declared : unite(found, declared);
  const changes: Change[] = configDiff(values, config);
  if (!sameFilters(config, filter_subjects)) {
    changes.push({ field: "filter_subjects", from: filtersOf(config), to: filter_subjects });
    if (config.filter_subject) changes.push({ field: "filter_subject", from: config.filter_subject, to: null });
  }
  if (config.headers_only) changes.push({ field: "headers_only", from: true, to: false });
  // The server adds a consumer's own backoff to the delay of a nak, so the policy's delay would not hold.
  if (config.backoff && config.backoff.length > 0) changes.push({ field: "backoff", from: config.backoff, to: [] });
  for (const field of LIMITS) {
    const imposed = field === "inactive_threshold" && stream?.config.consumer_limits?.inactive_threshold;
    if (config[field] && !imposed) changes.push({ field, from: config[field], to: 0 });
  }
  changes.push(...priorityChanges(durable, config, scope));
  if (metadata && !sameMetadata(config.metadata, metadata)) {
    changes.push({ field: "metadata", from: config.metadata ?? {}, to: metadata });
  }
  return changes.length === 0 ? { ...target, kind: "same" } : { ...target, kind: "update", changes, leftOut: [] };
}

function sameMetadata(
  found: Readonly<Record<string, string>> = {},
  desired: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(desired).every(([key, value]) => found[key] === value);
}

/** Returns why a stream does not serve a consumer as its function asks. */
function problemsWith(durable: Durable, stream: StreamFacts | undefined): string[] {
  const transform = transformProblem(durable, stream), problems = transform ? [transform] : [];
  if (durable.from === undefined || stream?.config.retention !== RetentionPolicy.Workqueue) return problems;
  const what = "the function has the option `from`, and its stream is a work queue, whose consumers begin with the " +
    "oldest stored event: remove the option";
  return [...problems, what];
}

/** Returns why a function gets no events whose subjects its stream rewrites. */
function transformProblem({ filters }: Durable, stream: StreamFacts | undefined): string | undefined {
  const { src = "", dest = "" } = stream?.config.subject_transform ?? {};
  if (src === "" || dest === "") return undefined;
  const stored = dest.replaceAll(/\{\{[^}]*\}\}|\$\d+/g, "*");
  const lost = filters.filter((filter) => overlaps(filter, src) && !overlaps(filter, stored));
  if (lost.length === 0) return undefined;
  return `the stream's subject_transform stores ${src} as ${dest}, which ${lost.join(", ")} does not match: ` +
    "remove the transform (nats stream edit), or change the function's triggers";
}

/**
 * Returns how to replace a consumer that cannot be changed. The new consumer does not know which events the old
 * consumer settled.
 */
function remedy({ consumer: name, stream }: Durable, facts: StreamFacts | undefined): string {
  const retention = facts?.config.retention, consumer = `${stream} ${name}`;
  const remove =
    `delete it (nats consumer rm ${consumer}) and start again: a new one begins with the oldest stored event`;
  if (retention === RetentionPolicy.Workqueue) {
    return `stop the function, ${remove}, and a work queue stores none that was handled`;
  }
  const drain = retention === RetentionPolicy.Interest
    ? "let the consumer drain (a stream of interest retention drops what waits on one that is deleted), "
    : "";
  return `${drain}stop the function, note the consumer's ack floor (nats consumer info ${consumer}), ${remove}, so stored ` +
    `events that were handled are handled again, unless you make it yourself before the start, with the sequence after ` +
    `the ack floor: nats consumer add ${consumer} --pull --ack explicit --deliver SEQUENCE`;
}

/**
 * Returns the step for a consumer that does not exist.
 *
 * @param stream The consumer's stream, if it exists.
 * @param after The sequence after which the consumer begins.
 * @param metadata Metadata of the consumer. Default: none.
 */
export function planNewConsumer(
  durable: Durable,
  stream: StreamFacts | undefined,
  after: number,
  metadata?: Readonly<Record<string, string>>,
): Step {
  const { consumer: name } = durable, problems = problemsWith(durable, stream);
  if (problems.length > 0) return { what: "consumer", name, stream: durable.stream, kind: "blocked", problems };
  // A work queue stores only unsettled messages, so its consumer can begin at the start.
  const from = after > 0 && stream?.config.retention !== RetentionPolicy.Workqueue ? after + 1 : 1;
  const config: Partial<ConsumerConfig> = {
    ...ownedSettings(durable),
    ...prioritySettings(durable),
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    ...(from > 1
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from }
      : { deliver_policy: DeliverPolicy.All }),
    ...(metadata && { metadata: { ...metadata } }),
  };
  return {
    what: "consumer",
    name,
    stream: durable.stream,
    kind: "create",
    config,
    ...(stream === undefined && { waiting: 0 }),
  };
}

/** Returns the filter subjects of a consumer. An empty list stands for its whole stream. */
export function filtersOf({ filter_subjects, filter_subject }: ConsumerConfig): string[] {
  return filter_subjects ?? (filter_subject ? [filter_subject] : []);
}

function sameFilters(config: ConsumerConfig, desired: readonly string[]): boolean {
  const found = filtersOf(config);
  return found.length === desired.length && desired.every((filter) => found.includes(filter));
}
