import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import type { FoundState } from "./plan.ts";
import type { Durable } from "./resources.ts";
import type { Step } from "./step.ts";

/** End of a pause without a duration, in milliseconds since 1970: JetStream has no pause without an end. */
const UNTIL_RESUMED_MS = Date.UTC(2200, 0);

/** The client's type lacks that a consumer is paused. */
type PausableInfo = ConsumerInfo & { readonly paused?: boolean };

/** Returns the end of a consumer's pause as an RFC 3339 timestamp; undefined if it is not paused. */
export function pausedUntil(info: ConsumerInfo): string | undefined {
  const { paused, config } = info as PausableInfo;
  return paused ? config.pause_until : undefined;
}

/** Formats the end of a pause, in whole seconds. */
export function pauseEnd(until: string): string {
  return Date.parse(until) >= UNTIL_RESUMED_MS ? "until it is resumed" : `until ${until.replace(/\.\d+/, "")}`;
}

/**
 * Pauses the consumers of a function. The server delivers nothing more. Events that were delivered before are still
 * handled.
 *
 * @param consumers The consumers of one function, the one on RETRIES first. Its pause is copied to consumers that a
 * process creates meanwhile.
 * @param untilMs End of the pause, in milliseconds since 1970. From 2200 on: none. Default: none.
 * @returns The end of the pause as an RFC 3339 timestamp.
 */
export async function pauseConsumers(
  jsm: JetStreamManager,
  consumers: readonly ConsumerInfo[],
  untilMs: number = UNTIL_RESUMED_MS,
): Promise<string> {
  const until = new Date(Math.min(untilMs, UNTIL_RESUMED_MS));
  for (const { stream_name, name } of consumers) await jsm.consumers.pause(stream_name, name, until);
  return until.toISOString();
}

/** Ends the pause of consumers. Returns whether any of them was paused. */
export async function resumeConsumers(jsm: JetStreamManager, consumers: readonly ConsumerInfo[]): Promise<boolean> {
  const paused = consumers.filter((info) => pausedUntil(info) !== undefined);
  for (const { stream_name, name } of paused) await jsm.consumers.resume(stream_name, name);
  return paused.length > 0;
}

/**
 * Returns the step for a consumer, with the pause of its function if the step creates it. The function's consumer on
 * RETRIES tells whether the function is paused.
 */
export function withPause(step: Step, { consumers }: FoundState, names: Namespace): Step {
  if (step.kind !== "create" || step.what !== "consumer") return step;
  const { stream } = names.retries, name = names.consumer(names.functionOf(step.name));
  const own = ([durable]: [Durable, unknown]) => durable.consumer === name && durable.stream === stream;
  const [, retries] = [...consumers].find(own) ?? [], pause_until = retries && pausedUntil(retries);
  return pause_until === undefined ? step : { ...step, config: { ...step.config, pause_until } };
}

/** Returns the functions with a paused consumer, each with a sentence about it. */
export function pausesOf({ consumers }: FoundState): Map<string, string> {
  const byFunction = Map.groupBy(consumers, ([{ functionName }]) => functionName), pauses = new Map<string, string>();
  for (const [name, all] of byFunction) {
    const paused = all.filter(([, info]) => info && pausedUntil(info) !== undefined);
    if (paused.length === 0) continue;
    const until = paused.map(([, info]) => pausedUntil(info!)!).sort().at(-1)!;
    const where = paused.length < all.length ? ` on ${paused.map(([{ stream }]) => stream).join(", ")}` : "";
    pauses.set(name, `paused${where} ${pauseEnd(until)}: \`deno task functions resume ${name}\``);
  }
  return pauses;
}
