import type { ConsumerInfo } from "@nats-io/jetstream";
import type { DeadLetter } from "../core/dead_letter.ts";
import type { DelayedRetry } from "../core/delayed_retry.ts";
import { mayBeAssigned } from "../nats/partitions/find_assigned.ts";
import { findConsumer } from "../nats/topology/find.ts";
import { partitionsIn } from "../nats/topology/partition_changes.ts";
import { type ResolvedFunction, triggerFor } from "../project/resolve_function.ts";
import type { ConsoleOptions } from "./options.ts";

/**
 * State of an event for one function, as JetStream knows it:
 *
 * - `waiting`: not delivered yet.
 * - `delivered`: being handled, or handled while an earlier event is not.
 * - `handled`: settled, and no dead letter of it is left.
 * - `retrying`: waits in RETRIES for its next attempt.
 * - `dead-letter`: in DEAD_LETTERS.
 * - `before`: stored before the function began.
 * - `unknown`: the function has no consumer on the stream.
 */
export interface EventState {
  readonly name: string;
  readonly state: "waiting" | "delivered" | "handled" | "retrying" | "dead-letter" | "before" | "unknown";
  readonly attempts?: number;
  readonly reason?: string;
  readonly error?: string;
  /** Time of the next attempt: an RFC 3339 timestamp. */
  readonly dueAt?: string;
  /** Sequence of the dead letter. */
  readonly deadLetter?: number;
}

interface Position {
  readonly stream: string;
  readonly sequence: number;
  readonly subject: string;
  readonly time: string;
}

type Parts = Pick<ConsoleOptions, "registry" | "cluster" | "deadLetters" | "retries">;

/** Returns the state of an event for each function that listens to it. */
export function eventStates(parts: Parts, position: Position): Promise<EventState[]> {
  const { registry: { functions }, cluster: { names } } = parts;
  const listening = functions.filter((fn) => {
    const trigger = triggerFor(fn, names.typeOf(position.subject, position.stream));
    return trigger !== undefined && names.stream(trigger.stream) === position.stream;
  });
  return Promise.all(listening.map((fn) => stateOf(parts, fn, position)));
}

async function stateOf(parts: Parts, { name }: ResolvedFunction, position: Position): Promise<EventState> {
  const { cluster: { jsm, names }, deadLetters, retries } = parts;
  const filter = { function: name, type: names.typeOf(position.subject, position.stream) };
  const retry = await findLast(retries.list(filter), position);
  if (retry) return { name, state: "retrying", ...describe(retry), dueAt: retry.due };
  const letter = await findLast(deadLetters.list(filter), position);
  if (letter) return { name, state: "dead-letter", ...describe(letter), deadLetter: letter.sequence };
  const consumer = await findConsumer(jsm, position.stream, names.consumer(name));
  if (!consumer) return { name, state: "unknown" };
  const state = stateIn(consumer, position), event = { ...position, storedAtMs: Date.parse(position.time) };
  const isAssigned = state === "handled" && partitionsIn(consumer.config.metadata) > 0 &&
    await mayBeAssigned(jsm, name, event, names);
  return { name, state: isAssigned ? "delivered" : state };
}

function stateIn({ delivered, ack_floor, created, config }: ConsumerInfo, { sequence, time }: Position) {
  if (config.deliver_policy !== "all" && Date.parse(time) < Date.parse(created)) return "before";
  if (sequence > delivered.stream_seq) return "waiting";
  return sequence <= ack_floor.stream_seq ? "handled" : "delivered";
}

function describe({ attempts, reason, error }: DeadLetter | DelayedRetry) {
  return { attempts, reason, error };
}

async function findLast<One extends DeadLetter | DelayedRetry>(
  all: AsyncIterable<One>,
  { stream, sequence }: Position,
): Promise<One | undefined> {
  let found: One | undefined;
  for await (const one of all) if (one.stream === stream && one.streamSequence === sequence) found = one;
  return found;
}
