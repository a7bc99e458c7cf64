import type { FunctionStatus } from "../../http/admin/function_routes.ts";
import { formatDuration } from "../../core/duration.ts";
import type { SettledEntry, Settlements, Unsettled } from "../settlements.ts";

/** An event to wait for. */
interface Awaited {
  readonly subject: string;
  readonly id: string;
  readonly waitForRetries: boolean;
  readonly timeoutMs: number;
}

/**
 * Waits until an event, and every event it caused, is settled. Returns their deliveries.
 *
 * @param status Returns the state of every function, which the error of a timeout shows.
 * @throws {Error} at the timeout, with the deliveries that are not settled.
 */
export async function untilSettled(
  settlements: Settlements,
  { subject, id, waitForRetries, timeoutMs }: Awaited,
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
      const lines = open.map((unsettled) => `\n  ${describe(unsettled, states)}`).join("");
      const text = `"${subject}" ${id} and the events it caused were not settled within ${formatDuration(timeoutMs)}`;
      throw new Error(`${text}:${lines}`);
    }
  } finally {
    clearTimeout(timer);
  }
}

function describe({ function: name, subject, id, why }: Unsettled, states: readonly FunctionStatus[]): string {
  const state = states.find((state) => state.name === name);
  const text = `${name}: "${subject}" ${id} ${why.replaceAll("\n", "\n  ")}`;
  if (!state) return text;
  const { pending = "?", ackPending = "?", parked = "?", inFlight, breaker } = state;
  return `${text}\n    pending ${pending}, ack pending ${ackPending}, in handlers ${inFlight}, ` +
    `delayed retries ${parked}, breaker ${breaker}`;
}
