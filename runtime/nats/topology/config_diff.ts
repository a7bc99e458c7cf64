import type { Change } from "./step.ts";

/** Returns the settings that differ. A desired setting that is undefined matches every value. */
export function configDiff<Config extends object>(desired: Partial<Config>, found: Config): Change[] {
  return Object.entries(desired)
    .map(([field, to]) => ({ field, from: found[field as keyof Config], to }))
    .filter(({ from, to }) => to !== undefined && from !== to);
}

/** Returns whether a change raises a limit. Zero and less stand for no limit. */
export function raises({ from, to }: Change): boolean {
  return Number(to) <= 0 || Number(from) > 0 && Number(to) > Number(from);
}

/** Returns changes in the form of a JetStream configuration. */
export function asConfig(changes: readonly Change[]): Record<string, unknown> {
  return Object.fromEntries(changes.map(({ field, to }) => [field, to ?? undefined]));
}

/** Returns the problem of a setting that JetStream takes only when it creates a stream or consumer. */
export function unchangeable(field: string, found: unknown, desired: unknown): string {
  return `${field} is ${found} and should be ${desired}: JetStream cannot change it in place`;
}
