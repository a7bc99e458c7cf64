import { JetStreamApiError } from "@nats-io/jetstream";

/** Fields that only a new stream or consumer could have. */
export class CannotChange extends Error {
  constructor(readonly fields: string[]) {
    super(fields.join("; "));
  }
}

/** What to say of such a field. */
export function fixed(field: string, has: unknown, wanted: unknown): string {
  return `${field} is ${has} and should be ${wanted}: JetStream cannot change it in place; ` +
    `declare what it is, or remove it yourself once its events are handled`;
}

/** The part of what is wanted that is not so yet. */
export function differing<Config extends object>(wanted: Partial<Config>, has: Config): Partial<Config> {
  return Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => has[key as keyof Config] !== value),
  ) as Partial<Config>;
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
