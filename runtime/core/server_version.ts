import { compareVersions } from "compare-versions";

/** Oldest nats-server that Weir supports: NATS itself supports only its last two minor lines. */
export const OLDEST_SUPPORTED = "2.12.0";

/** Oldest nats-server without a security hole that is known and mended. */
export const OLDEST_SECURE = "2.12.6";

/**
 * Returns the first version number in a text such as "nats-server: v2.15.1", or undefined if there is none. A release
 * candidate counts as its release ("2.12.0-RC.1" is 2.12.0): its user has chosen it.
 */
export function parseVersion(text: string): string | undefined {
  return /(?<![\d.])\d+\.\d+\.\d+(?![\d.])/.exec(text)?.[0];
}

/** Returns true if `version` is {@linkcode OLDEST_SUPPORTED} or newer. */
export function isSupported(version: string): boolean {
  return compareVersions(version, OLDEST_SUPPORTED) >= 0;
}

/** Returns true if `version` is {@linkcode OLDEST_SECURE} or newer. */
export function isSecure(version: string): boolean {
  return compareVersions(version, OLDEST_SECURE) >= 0;
}
