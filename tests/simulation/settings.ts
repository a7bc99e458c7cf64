import type { Random } from "../support/random.ts";

/** Settings of one schedule. Each schedule has some kinds of faults, seldom all. */
export interface Settings {
  readonly events: number;
  readonly replicas: number;
  /** 2 during a rolling deploy: each replica that starts is of either release. */
  readonly releases: 1 | 2;
  /** Whether the stream of the events is created again once its events are settled there, and as many are published. */
  readonly renews: boolean;
  /** Whether the function has `order`. */
  readonly ordered: boolean;
  /** Whether the first event of a key parks it. Then an operator redrives or discards dead letters. */
  readonly parks: boolean;
  /** Treatment of the first event of a key once its attempts are used up, if it parks none. */
  readonly blocks: boolean;
  /** The number of partitions of a function with `order`; 0 for none. */
  readonly partitions: number;
  readonly attempts: number;
  readonly concurrency: number;
  /** Whether all events are of one key, of which one at a time runs in a replica. */
  readonly isKeyed: boolean;
  /** The greatest number of events in a batch; 0 for a function that handles single events. */
  readonly batchSize: number;
  /** The starts that the function may have in `ratePerMs`; 0 without a limit. */
  readonly rateLimit: number;
  readonly ratePerMs: number;
  /** The number of deliveries that a replica may pull ahead. */
  readonly ahead: number;
  /** The probability that an event's handler takes longer than two ack waits. */
  readonly longProbability: number;
  /** The first backoff. One of five seconds or more is a delayed retry in RETRIES. */
  readonly initialMs: number;
  readonly breakerFailures: number;
  readonly breakerOpenForMs: number;
  readonly graceMs: number;
  /** The number of steps with faults. */
  readonly faultySteps: number;
  /** The probability that a message arrives, or a request gets its response, at once. */
  readonly promptProbability: number;
  /** The kinds of faults in this schedule. */
  readonly faultKinds: readonly FaultKind[];
  /** The probability of each kind of fault in a step. */
  readonly faultProbability: number;
}

/**
 * A kind of fault: a request fails, or is processed without a response; an ack is dropped; everything in transit is
 * delayed; a replica is killed, stopped, disconnected, or stands still for a while; a consumer forgets to which replica
 * it delivers, or a replica hands a partition over; all replicas die, and start after JetStream has forgotten all ids.
 */
export type FaultKind =
  | "fail"
  | "no-response"
  | "drop"
  | "delay"
  | "kill"
  | "stop"
  | "cut"
  | "unpin"
  | "freeze"
  | "outage";

const FAULT_KINDS: readonly FaultKind[] = [
  "fail",
  "no-response",
  "drop",
  "kill",
  "stop",
  "cut",
  "delay",
  "unpin",
  "freeze",
  "outage",
];

export function randomSettings(random: Random): Settings {
  const ordered = random.chance(0.3);
  const concurrency = random.pick([1, 2, 16]), ahead = random.pick([0, 2]);
  const isKeyed = !ordered && concurrency === 16 && ahead === 0;
  const settings: Omit<Settings, "parks" | "blocks" | "partitions" | "batchSize" | "rateLimit" | "ratePerMs"> = {
    ordered,
    isKeyed,
    events: 1 + random.below(3),
    replicas: 1 + random.below(ordered ? 3 : 2),
    releases: random.pick([1, 1, 1, 2]),
    renews: random.chance(0.3),
    attempts: 1 + random.below(3),
    concurrency,
    ahead,
    // Else few events would still wait for their key once a replica that stood still goes on.
    longProbability: isKeyed ? 0.5 : 0.08,
    initialMs: random.pick([250, 3_000, 12_000]),
    breakerFailures: random.pick([2, 10]),
    breakerOpenForMs: random.pick([4_000, 20_000]),
    graceMs: random.pick([1_000, 25_000]),
    faultySteps: 8 + random.below(32),
    promptProbability: random.pick([0.2, 0.8, 0.95]),
    faultKinds: FAULT_KINDS.filter((kind) => random.chance(isKeyed && kind === "freeze" ? 0.7 : 0.35)),
    faultProbability: random.pick([0.02, 0.05, 0.1]),
  };
  // With one attempt each event would be a batch of its own.
  const batchSize = !isKeyed && settings.attempts > 1 && random.chance(0.35) ? 2 + random.below(2) : 0;
  const rateLimit = random.chance(0.2) ? Math.max(batchSize, 1 + random.below(2)) : 0;
  // A stream that is created again has other events at the positions of the dead letters, and a deploy that never ends
  // ends redriven events of the next release.
  const parks = ordered && !settings.renews && settings.releases === 1 && random.chance(0.7);
  // Else few events would be left once the first has failed and another process takes over.
  const events = settings.events + (parks ? 2 : 0);
  const ratePerMs = random.pick([1_000, 20_000]);
  const partitions = ordered && random.chance(0.5) ? 2 : 0;
  // An event that always fails would block its key for ever, and one that always kills its process does not.
  const blocks = ordered && !parks && random.chance(0.3);
  return { ...settings, events, batchSize, rateLimit, ratePerMs, parks, blocks, partitions };
}
