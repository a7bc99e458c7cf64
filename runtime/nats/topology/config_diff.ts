import { JetStreamApiError } from "@nats-io/jetstream";
import type { Change } from "./step.ts";

/** What to say of a field that only a new stream or consumer could have. */
export function fixed(field: string, has: unknown, wanted: unknown): string {
  return `${field} is ${has} and should be ${wanted}: JetStream cannot change it in place`;
}

/** What is wanted and not so yet. What is wanted undefined is not cared about. */
export function differing<Config extends object>(wanted: Partial<Config>, has: Config): Change[] {
  return Object.entries(wanted)
    .map(([field, to]) => ({ field, from: has[field as keyof Config], to }))
    .filter(({ from, to }) => to !== undefined && from !== to);
}

/** Changes as JetStream takes them. */
export function asConfig(changes: readonly Change[]): Record<string, unknown> {
  return Object.fromEntries(changes.map(({ field, to }) => [field, to ?? undefined]));
}

/** Undefined instead of JetStream's error that there is no such thing. */
export async function unlessMissing<Value>(found: Promise<Value>, missing: number): Promise<Value | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === missing) return undefined;
    throw error;
  }
}
