import type { FunctionStatus } from "../http/admin/function_routes.ts";
import { formatDuration } from "../core/duration.ts";
import type { SettledEntry, Settlements, Unsettled } from "./settlements.ts";

/** Which event is waited for, and how long. */
export interface Patience {
  readonly subject: string;
  readonly id: string;
  readonly waitForRetries: boolean;
  readonly timeoutMs: number;
}

/**
 * Waits until an event and all that it caused is settled; returns what came of it.
 *
 * @param status asks the runtime what it is at, to tell it when that takes too long
 * @throws {Error} when the time is up, saying what is still open.
 */
export async function untilSettled(
  settlements: Settlements,
  { subject, id, waitForRetries, timeoutMs }: Patience,
  status: () => Promise<readonly FunctionStatus[]>,
): Promise<SettledEntry[]> {
  const late = Symbol(), { promise: timeout, resolve } = Promise.withResolvers<typeof late>();
  const timer = setTimeout(resolve, timeoutMs, late);
  try {
    while (true) {
      const { settled, open } = settlements.of(subject, id, waitForRetries);
      if (open.length === 0) return settled;
      if (await Promise.race([settlements.next(), timeout]) !== late) continue;
      const states = await status().catch(() => []);
      const lines = open.map((one) => `\n  ${describe(one, states)}`).join("");
      const what = `"${subject}" ${id} and what it caused was not settled within ${formatDuration(timeoutMs)}:${lines}`;
      throw new Error(what);
    }
  } finally {
    clearTimeout(timer);
  }
}

function describe({ function: name, subject, id, why }: Unsettled, states: readonly FunctionStatus[]): string {
  const state = states.find((state) => state.name === name);
  const text = `${name}: "${subject}" ${id} ${why.replaceAll("\n", "\n  ")}`;
  if (!state) return text;
  const { pending = "?", ackPending = "?", delayedRetries = "?", inFlight, breaker } = state;
  return `${text}\n    pending ${pending}, unsettled ${ackPending}, in its handler ${inFlight}, delayed ${delayedRetries}, breaker ${breaker}`;
}
