import { RESOURCE_DEFAULTS, type ResourceDefinition } from "../api/define_resource.ts";
import { formatDuration, parseDuration } from "../core/duration.ts";
import { errorDetail } from "../core/error_detail.ts";
import type { Clock } from "../engine/clock.ts";

/** Upper bounds for `close` and for `check`, in milliseconds. */
const CLOSE_MS = parseDuration(RESOURCE_DEFAULTS.close)!, CHECK_MS = parseDuration(RESOURCE_DEFAULTS.check)!;

/** Thrown with the reason why a step of a resource failed, as text. A resource may throw anything. */
export class ResourceFailure extends Error {
  readonly code = "resource-failed";
}

/**
 * Opens a resource. A value that comes after the timeout, or after `stop`, is closed.
 *
 * @throws {ResourceFailure}
 */
export async function openResource(
  definition: ResourceDefinition,
  clock: Clock,
  timeoutMs: number,
  stop?: AbortSignal,
): Promise<unknown> {
  const open = async (signal: AbortSignal) => {
    const value = await definition.open(signal);
    // The caller got the error of the timeout or of the stop, and does not get this value: it is closed here.
    if (signal.aborted) void closeResource(definition, value, clock).catch(() => {});
    return value;
  };
  return await within(open, clock, timeoutMs, stop);
}

/** Closes a resource, within three seconds. @throws {ResourceFailure} */
export async function closeResource(definition: ResourceDefinition, value: unknown, clock: Clock): Promise<void> {
  if (definition.close) await within(() => definition.close!(value), clock, CLOSE_MS);
}

/** Runs the check of a resource, within two seconds. @throws {ResourceFailure} if it throws, or returns false */
export async function checkResource(definition: ResourceDefinition, value: unknown, clock: Clock): Promise<void> {
  const result = await within((signal) => definition.check?.(value, signal), clock, CHECK_MS);
  if (result === false) throw new ResourceFailure("its check returned false");
}

/** Runs a step for a limited time. The step's signal aborts at the limit, and with `stop`. @throws {ResourceFailure} */
async function within<Value>(
  step: (signal: AbortSignal) => Value | Promise<Value>,
  clock: Clock,
  limitMs: number,
  stop?: AbortSignal,
): Promise<Value> {
  const abort = new AbortController(), { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (why: string) => {
    reject(new ResourceFailure(why));
    abort.abort(new DOMException(why, "AbortError"));
  };
  const stopped = () => end("the process stops");
  const cancel = clock.timer(limitMs, () => end(`it took longer than ${formatDuration(limitMs)}`));
  stop?.addEventListener("abort", stopped);
  if (stop?.aborted) stopped();
  try {
    return await Promise.race([ended, (async () => await step(abort.signal))()]);
  } catch (error) {
    throw error instanceof ResourceFailure ? error : new ResourceFailure(errorDetail(error).message, { cause: error });
  } finally {
    cancel();
    stop?.removeEventListener("abort", stopped);
  }
}
