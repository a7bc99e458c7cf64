import { defineEvent } from "weir";
import { z } from "zod";
import type { Header } from "./model.ts";
import type { Random } from "./random.ts";

/** What the function under simulation listens on. */
export const Asked = defineEvent({ type: "sim.asked", version: 1, data: z.object({ n: z.int() }) });
/** What it may emit: each says which event it came of. */
export const Answered = defineEvent({ type: "out.answered", version: 1, data: z.object({ cause: z.string() }) });

/**
 * How the handler takes an event. `times` says how often it does so before it succeeds; Infinity: always.
 *
 * - `fails`: throws; `depends`: its dependency throws
 * - `rejects`: throws NonRetryableError, at once
 * - `waits`: throws RetryAfterError, for longer than a wait that leaves its consumer
 * - `hangs`: never returns, so that it times out; `kills`: takes its process with it
 * - `invalid`: never gets to the handler, since its bytes are not JSON
 */
export type Trouble = "none" | "fails" | "depends" | "rejects" | "waits" | "hangs" | "kills" | "invalid";

/** One event of a schedule, and what its handler does with it. */
export interface Plan {
  readonly id: string;
  readonly trouble: Trouble;
  readonly times: number;
  /** How many events it emits when it succeeds. */
  readonly emits: number;
  /** How long the handler takes at the least: 40 s outlasts several ack waits. */
  readonly takesMs: number;
  readonly payload: Uint8Array;
  readonly headers: readonly Header[];
}

const TROUBLES: readonly Trouble[] = ["none", "none", "fails", "fails", "depends", "rejects", "waits", "kills"];
const RARE: readonly Trouble[] = ["invalid", "hangs"];
const UTF8 = new TextEncoder();
const NUMBERS = [0, 1, 2, 3].map((n) => ({
  id: `e${n}`,
  json: UTF8.encode(`{"n":${n}}`),
  bytes: Uint8Array.of(0xff, n, 0x00),
  headers: [["ce-id", `e${n}`], ["ce-source", "/sim"], ["x-own", `own-${n}`]] as const,
}));

/** Makes up the event of that number. */
export function makePlan(n: number, attempts: number, random: Random): Plan {
  const trouble = random.chance(0.1) ? random.pick(RARE) : random.pick(TROUBLES);
  const { id, json, bytes, headers } = NUMBERS[n];
  const always = random.chance(0.35);
  return {
    id,
    trouble,
    times: trouble === "none" ? 0 : trouble === "depends" || !always ? 1 + random.below(attempts + 1) : Infinity,
    emits: random.chance(0.5) ? random.below(3) : 0,
    takesMs: random.chance(0.08) ? 40_000 : 0,
    payload: trouble === "invalid" ? bytes : json,
    headers,
  };
}
