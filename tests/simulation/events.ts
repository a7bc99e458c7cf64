import { defineEvent } from "weir";
import { z } from "zod";
import type { Header } from "./model.ts";
import type { Settings } from "./settings.ts";
import type { Random } from "../support/random.ts";

/** The event that the simulated function subscribes to. */
export const Asked = defineEvent({ type: "sim.asked", version: 1, data: z.object({ n: z.int() }) });
/** An event that only the next release subscribes to. Its data are the same. */
export const AskedLate = defineEvent({ type: "sim.asked_late", version: 1, data: z.object({ n: z.int() }) });
/** The event that it emits, with the id of the event that caused it. */
export const Answered = defineEvent({ type: "out.answered", version: 1, data: z.object({ cause: z.string() }) });

/**
 * The failure of an event's handler. `times` is how often it fails before it succeeds; Infinity: always.
 *
 * - `fails`: throws; `depends`: its dependency throws
 * - `rejects`: throws NonRetryableError
 * - `waits`: throws RetryAfterError, for longer than a wait that leaves its consumer
 * - `hangs`: never returns, so that it times out; `kills`: kills its process
 * - `invalid`: does not reach the handler, since its bytes are not JSON
 */
export type Trouble = "none" | "fails" | "depends" | "rejects" | "waits" | "hangs" | "kills" | "invalid";

/** One event of a schedule, and the behaviour of its handler. */
export interface EventPlan {
  /** Name of the event in the simulation. */
  readonly id: string;
  readonly type: string;
  readonly trouble: Trouble;
  readonly times: number;
  /** The number of events that it emits when it succeeds. */
  readonly emits: number;
  /** The least duration of the handler. 40 s is longer than two ack waits. */
  readonly takesMs: number;
  readonly payload: Uint8Array;
  readonly headers: readonly Header[];
}

const TROUBLES: readonly Trouble[] = ["none", "none", "fails", "fails", "depends", "rejects", "waits", "kills"];
const RARE: readonly Trouble[] = ["invalid", "hangs"];
const UTF8 = new TextEncoder();
/** Header that names the event in every message that carries it, since some events have no id of their own. */
export const NAME = "x-own";
const NUMBERS = [0, 1, 2, 3, 4, 5].map((n) => ({
  id: `e${n}`,
  json: UTF8.encode(`{"n":${n}}`),
  bytes: Uint8Array.of(0xff, n, 0x00),
  headers: [["ce-id", `id-${n}`], ["ce-source", "/sim"], [NAME, `e${n}`]] as const,
  plain: [[NAME, `e${n}`]] as const,
}));

/** Returns the key of an event whose function has `order`. Each of the two keys has another partition of two. */
export function orderKey(n: number): string {
  return `customer ${n % 2}`;
}

/** Returns a random event with that number. The second release has one type more. */
export function randomPlan(
  n: number,
  { attempts, releases, longProbability, blocks }: Settings,
  random: Random,
): EventPlan {
  const drawn = random.chance(0.1) ? random.pick(RARE) : random.pick(TROUBLES);
  // A handler that hangs stops once its attempts are used up, and an event that blocks its key uses up no further one.
  const trouble = blocks && drawn === "hangs" ? "fails" : drawn;
  const { id, json, bytes, headers, plain } = NUMBERS[n];
  const always = random.chance(0.35) && (!blocks || trouble === "kills");
  return {
    id,
    type: releases > 1 && random.chance(0.5) ? AskedLate.type : Asked.type,
    trouble,
    times: trouble === "none" ? 0 : trouble === "depends" || !always ? 1 + random.below(attempts + 1) : Infinity,
    emits: random.chance(0.5) ? random.below(3) : 0,
    takesMs: random.chance(longProbability) ? 40_000 : 0,
    payload: trouble === "invalid" ? bytes : json,
    headers: random.chance(0.5) ? plain : headers,
  };
}
