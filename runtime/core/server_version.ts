/**
 * Which nats-server is new enough.
 *
 * Pure, so that the same rule serves a binary found on disk and a server met on connecting.
 */

/** A nats-server release; what follows a "-" in its name (RC, preview) is left out. */
export interface Version {
  major: number;
  minor: number;
  patch: number;
}

/** The oldest server Weir works with: NATS itself supports only its last two minor lines. */
export const OLDEST_SUPPORTED = "2.12.0";

/**
 * The first version number in `text`, such as "nats-server: v2.15.1" or "2.12.0-RC.1"; undefined if there is none.
 */
export function parseVersion(text: string): Version | undefined {
  const match = /(?<![\d.])(\d+)\.(\d+)\.(\d+)(?![\d.])/.exec(text);
  if (!match) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) };
}

/** Negative if `a` is older than `b`, positive if newer, 0 if the same. */
export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/**
 * Whether `version` is {@linkcode OLDEST_SUPPORTED} or newer.
 *
 * A release candidate counts as its release: who runs one has chosen to.
 */
export function isSupported(version: Version): boolean {
  return compareVersions(version, parseVersion(OLDEST_SUPPORTED)!) >= 0;
}

/** The version as people write it: "2.15.1". */
export function formatVersion(version: Version): string {
  return `${version.major}.${version.minor}.${version.patch}`;
}
