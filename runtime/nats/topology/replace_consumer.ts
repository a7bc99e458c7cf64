import {
  AckPolicy,
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
} from "@nats-io/jetstream";
import type { Clock } from "../../engine/ports.ts";
import { removeConsumer } from "./apply_steps.ts";
import { unlessMissing } from "./config_diff.ts";
import { RetryWhileUnavailable } from "../client/retry_while_unavailable.ts";
import { type Durable, planConsumer } from "./plan_consumer.ts";
import { markerOf, readConsumer } from "./plan_topology.ts";
import { carryOutPlan } from "./topology.ts";

/** How long running processes have to settle what they hold, and how often it is looked whether they have. */
const SETTLE_MS = 60_000, LOOK_MS = 50;
/** A pause that nobody ends ends by itself so much later. */
const PAUSE_MARGIN_MS = 30_000;
/** A mark is made and the old consumer deleted in one go: one that is older was left by a process that died. */
const STALE_MS = 5_000;
/** For so long it is let go on, for what nobody holds to be handed out again: a paused consumer does not do that. */
const LET_GO_MS = 500;
/** A pause that is ended by a request hands nothing out until something else happens; one that runs out does. */
const RUN_OUT_MS = 250;
const CONSUMER_EXISTS = 10148;

/** It could not be replaced: it is as it was, or the message says how to go on. */
export class NotReplaced extends Error {}

/** How {@linkcode replaceConsumer} goes about it. */
export interface ReplaceOptions {
  readonly clock: Clock;
  readonly settleMs?: number;
  /** How old the mark of another one is that is not waited for. */
  readonly staleMs?: number;
  /** Is told before each step that changes something; what it throws ends the replacing there. */
  readonly before?: (step: "mark" | "delete" | "create") => void | Promise<void>;
}

/**
 * Puts a new consumer in the place of one that JetStream cannot change, where that has got to: nothing is lost and
 * nothing repeated, and processes that pull on it go on with the new one.
 *
 * It is paused until what it has handed out is settled; then all up to one place in the stream is settled, and nothing
 * behind that. (What a process that died held, or gave back, comes back only while it is not paused: so it is let go on
 * for a moment when that is due, and paused again.) A durable of its own marks that place before the old one is deleted, and goes when the new one is there.
 * Interrupted between, whoever makes the consumer next, a start or a repair too, begins at the mark. (The mark also
 * keeps the interest of a stream that keeps events only for as long as somebody has any. In a work queue it marks
 * nothing, and is handed nothing: that holds what is not settled, and nothing else.) Only one process can make the
 * mark: of two that replace at once the other waits, and finds it done.
 *
 * @returns how many stored events wait for the new one
 * @throws {NotReplaced} when what it has handed out is not settled in time, or JetStream does not answer for so long.
 */
export async function replaceConsumer(
  jsm: JetStreamManager,
  durable: Durable,
  { clock, settleMs = SETTLE_MS, staleMs = STALE_MS, before = () => {} }: ReplaceOptions,
): Promise<number> {
  const { stream, functionName: name } = durable, marker = markerOf(name);
  const patience = new RetryWhileUnavailable(clock, settleMs, LOOK_MS), owner = crypto.randomUUID();
  const ask = <Value>(request: () => Promise<Value>) => patience.ask(request, givenUp);
  const read = () => ask(() => readConsumer(jsm, stream, name));
  const pauseUntil = (now: ConsumerInfo, ms: number) =>
    ask(() =>
      unlessMissing(
        jsm.consumers.pause(stream, name, new Date(timeOf(now) + ms)),
        JetStreamApiCodes.ConsumerNotFound,
      )
    );
  const unmark = () => ask(() => removeConsumer(jsm, stream, marker));
  const { config: { retention }, created: streamCreated } = await ask(() => jsm.streams.info(stream));
  let settledUpTo = 0, paused = false, pauseMs = 0, letGoAtMs = Infinity;
  for (let found = await read(); found; found = await read()) {
    if (planConsumer(durable, found).kind !== "replace") { // another process has done it
      if (paused) await pauseUntil(found, RUN_OUT_MS);
      return found.num_pending;
    }
    if (!paused) {
      await pauseUntil(found, settleMs + PAUSE_MARGIN_MS);
      paused = true;
      // Longer each time: a handler may need more than one ack_wait.
      pauseMs = pauseMs === 0 ? (found.config.ack_wait ?? 0) / 1e6 : 2 * pauseMs;
      letGoAtMs = clock.now() + pauseMs;
    } else if (found.num_ack_pending > 0 && clock.now() > letGoAtMs && !patience.isOver) {
      await pauseUntil(found, RUN_OUT_MS);
      await new Promise<void>((resolve) => clock.timer(RUN_OUT_MS + LET_GO_MS, resolve));
      paused = false;
      continue;
    } else if (isSettled(found)) {
      await before("mark");
      if (await mark(jsm, durable, retention, found, owner, ask)) {
        await before("delete");
        // Another process may have replaced it since it was read, or until it was marked.
        const now = await read();
        if (
          now && now.created === found.created && now.ack_floor.stream_seq === found.ack_floor.stream_seq &&
          isSettled(now)
        ) {
          settledUpTo = found.ack_floor.stream_seq;
          await ask(() => removeConsumer(jsm, stream, name));
          break;
        }
        await unmark();
        continue;
      }
      const other = await ask(() => readConsumer(jsm, stream, marker));
      if (other && timeOf(other) - Date.parse(other.created) > staleMs) await unmark();
    }
    if (patience.isOver) {
      await pauseUntil(found, RUN_OUT_MS).catch(() => {}); // it ends by itself, if late
      throw new NotReplaced(unsettled(found, settleMs));
    }
    await patience.pause();
  }
  await before("create");
  // A process that pulls may have found it missing meanwhile, and made it at the same mark.
  const floorOf = () => ({ settledUpTo, streamCreated });
  const wanted = { streams: [], durables: [durable], floorOf };
  const left = await ask(() => carryOutPlan(jsm, wanted, true, () => {}));
  const problems = left.filter(({ step }) => step.what === "consumer").flatMap((one) => one.problems);
  if (problems.length > 0) throw new NotReplaced(problems.join("; "));
  await unmark();
  return (await ask(() => jsm.consumers.info(stream, name))).num_pending;
}

/** Whether it hands out nothing, and all that it has handed out is settled. In a cluster a pause takes a moment. */
function isSettled({ paused, num_ack_pending }: ConsumerInfo): boolean {
  return paused === true && num_ack_pending === 0;
}

/** Marks the place; false where there is a mark already. */
async function mark(
  jsm: JetStreamManager,
  { stream, functionName, filters }: Durable,
  retention: string,
  { ack_floor }: ConsumerInfo,
  owner: string,
  ask: <Value>(request: () => Promise<Value>) => Promise<Value>,
): Promise<boolean> {
  const place = retention === RetentionPolicy.Workqueue
    ? { deliver_policy: DeliverPolicy.All, filter_subjects: ["weir.nothing"] }
    : {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: ack_floor.stream_seq + 1,
      filter_subjects: [...filters],
    };
  const config = {
    durable_name: markerOf(functionName),
    description: `where ${functionName} goes on: it is being replaced`,
    metadata: { owner }, // so that no two are alike: JetStream takes the same one twice
    ack_policy: AckPolicy.Explicit,
    ...place,
  };
  try {
    await ask(() => jsm.consumers.add(stream, config));
    return true;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === CONSUMER_EXISTS) return false;
    throw error;
  }
}

/** What time it was at the server: ours may be behind. */
function timeOf(info: ConsumerInfo): number {
  return Date.parse((info as { ts?: string }).ts ?? "") || Date.now();
}

function unsettled({ num_ack_pending }: ConsumerInfo, settleMs: number): string {
  if (num_ack_pending === 0) return `another process has begun to replace it: try again`;
  return `${num_ack_pending} events that it has handed out were not settled within ${settleMs / 1_000} s: ` +
    `start, or stop, whoever holds them, and try again`;
}

function givenUp(error: Error): Error {
  return new NotReplaced(`JetStream does not answer (${error.message}): run it again, and it goes on where it was`);
}
