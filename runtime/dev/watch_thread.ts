import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds between two questions to the live revision. */
const INTERVAL_MS = 1_000;

/**
 * Asks the live revision every second whether its thread is free, and reports each change, until the signal aborts.
 *
 * @param responds Resolves to false if there was no answer in time.
 */
export async function watchThread(
  responds: () => Promise<boolean>,
  onChange: (blocked: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let blocked = false; !signal.aborted;) {
    await delay(INTERVAL_MS, undefined, { signal }).catch(() => {}); // an abort ends the wait
    const isBlocked = !await responds();
    if (signal.aborted || isBlocked === blocked) continue;
    blocked = isBlocked;
    onChange(blocked);
  }
}
