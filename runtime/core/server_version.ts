import { compareVersions } from "compare-versions";

/** The oldest server Weir works with: NATS itself supports only its last two minor lines. */
export const OLDEST_SUPPORTED = "2.12.0";

/**
 * The first version number in `text`, such as "nats-server: v2.15.1"; undefined if there is none. A release candidate
 * counts as its release ("2.12.0-RC.1" is 2.12.0): its user has chosen it.
 */
export function parseVersion(text: string): string | undefined {
  return /(?<![\d.])\d+\.\d+\.\d+(?![\d.])/.exec(text)?.[0];
}

/** Whether `version` is {@linkcode OLDEST_SUPPORTED} or newer. */
export function isSupported(version: string): boolean {
  return compareVersions(version, OLDEST_SUPPORTED) >= 0;
}
