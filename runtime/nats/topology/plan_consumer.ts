import { AckPolicy, type ConsumerConfig, DeliverPolicy, RetentionPolicy } from "@nats-io/jetstream";
import { ACK_WAIT_MS } from "../consume/ack_wait.ts";
import { differing, fixed } from "./config_diff.ts";
import type { Change, Step } from "./step.ts";

/** A durable consumer of one function on one stream. */
export interface Durable {
  readonly functionName: string;
  readonly stream: string;
  readonly filters: readonly string[];
}

/** Up to where a consumer has settled everything, and in which life of its stream. */
export interface Floor {
  readonly settledUpTo: number;
  readonly streamCreated: string;
}

/** The stream a consumer is on, as far as that matters to it. */
interface Home {
  readonly created: string;
  readonly config: { readonly retention: string };
}

/** What Weir owns of a consumer. */
function owned({ filters }: Durable) {
  return {
    filter_subjects: [...filters],
    ack_wait: ACK_WAIT_MS * 1e6,
    // The policy decides when it is enough. At a limit of the server's the message would be stranded, unseen.
    max_deliver: -1,
  };
}

/** What is to be done about a consumer that is there. */
export function planConsumer(durable: Durable, config: ConsumerConfig, home: Home | undefined): Step {
  const target = { what: "consumer", name: durable.functionName, stream: durable.stream } as const;
  const problems: string[] = [];
  if (config.ack_policy !== AckPolicy.Explicit) {
    problems.push(fixed("ack_policy", config.ack_policy, AckPolicy.Explicit));
  }
  if (config.deliver_subject) {
    problems.push(fixed("deliver_subject", config.deliver_subject, "none (a pull consumer)"));
  }
  if (problems.length > 0) {
    return { ...target, kind: "blocked", problems: [[...problems, remedy(durable, home)].join("; ")] };
  }
  const { filter_subjects, ...values } = owned(durable);
  const changes: Change[] = differing(values, config);
  if (!sameFilters(config, filter_subjects)) {
    changes.push({ field: "filter_subjects", from: filtersOf(config), to: filter_subjects });
    if (config.filter_subject) changes.push({ field: "filter_subject", from: config.filter_subject, to: null });
  }
  if (config.headers_only) changes.push({ field: "headers_only", from: true, to: false });
  // The consumer's own backoff adds to the delay that we ask for: the policy's would never be kept.
  if (config.backoff && config.backoff.length > 0) changes.push({ field: "backoff", from: config.backoff, to: [] });
  return changes.length === 0 ? { ...target, kind: "same" } : { ...target, kind: "update", changes, leftOut: [] };
}

/** The way past a consumer that JetStream cannot change: another one, which does not know what this one has settled. */
function remedy({ functionName, stream }: Durable, home: Home | undefined): string {
  const retention = home?.config.retention, consumer = `${stream} ${functionName}`;
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
 * A consumer that is not there.
 *
 * @param home undefined: a stream that is still to be made
 * @param floor where one that is gone had got to, as a running process remembers it; undefined: nobody does
 */
export function planNewConsumer(durable: Durable, home: Home | undefined, floor: Floor | undefined): Step {
  const { functionName: name, stream } = durable;
  // A stream made since then is another one under the old name: all of it is still to be handled.
  const settledUpTo = floor && floor.streamCreated === home?.created ? floor.settledUpTo : 0;
  // A work queue holds nothing that is settled.
  const from = settledUpTo > 0 && home?.config.retention !== RetentionPolicy.Workqueue ? settledUpTo + 1 : 1;
  const config: Partial<ConsumerConfig> = {
    ...owned(durable),
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    ...(from > 1
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from }
      : { deliver_policy: DeliverPolicy.All }),
  };
  const none = home ? {} : { waiting: 0 };
  return { what: "consumer", name, stream, kind: "create", config, ...none };
}

/** The subjects that a consumer is handed. None: all of its stream. */
export function filtersOf({ filter_subjects, filter_subject }: ConsumerConfig): string[] {
  return filter_subjects ?? (filter_subject ? [filter_subject] : []);
}

function sameFilters(config: ConsumerConfig, wanted: readonly string[]): boolean {
  const has = filtersOf(config);
  return has.length === wanted.length && wanted.every((filter) => has.includes(filter));
}
