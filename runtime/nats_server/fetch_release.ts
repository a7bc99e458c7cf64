import { join } from "node:path";
import { SERVER_FILE } from "./installed.ts";
import { run } from "./run.ts";

/** Release to fetch. It is pinned, so that all machines get the same server. */
const RELEASE = "2.14.5";

/** Advice in error messages, to follow an "or" or a colon. */
export const INSTALL_BY_HAND =
  "install nats-server with a package manager (such as `brew install nats-server`), or set NATS_SERVER to its path";

const DOWNLOADS = "https://github.com/nats-io/nats-server/releases/download";
/** Upper bound for a download in milliseconds: 20 MB over a slow connection. */
const TIMEOUT_MS = 120_000;

/**
 * Returns the name of the release for a system, which names its archive and the directory in it. Undefined when there
 * is no release for that system.
 */
export function releaseName(version: string, os: string, arch: string): string | undefined {
  const systems: Record<string, string> = { linux: "linux", darwin: "darwin", windows: "windows" };
  const machines: Record<string, string> = { x86_64: "amd64", aarch64: "arm64" };
  if (!systems[os] || !machines[arch]) return undefined;
  return `nats-server-v${version}-${systems[os]}-${machines[arch]}`;
}

/** Returns the checksum of `file` in a SHA256SUMS file, in lower-case hex, or undefined if it is not listed. */
export function checksumOf(sums: string, file: string): string | undefined {
  for (const line of sums.split("\n")) {
    const match = /^([0-9a-f]{64})\s+\*?(\S+)$/i.exec(line.trim());
    if (match?.[2] === file) return match[1].toLowerCase();
  }
  return undefined;
}

/**
 * Fetches the official release into `directory`, checks its published checksum, and returns the path of the server.
 *
 * The checksum comes from the same host as the archive, so it detects a damaged download but not a forged release.
 */
export async function fetchRelease(directory: string, log: (line: string) => void): Promise<string> {
  const { os, arch } = Deno.build;
  const name = releaseName(RELEASE, os, arch);
  if (!name) throw new Error(`there is no nats-server release for ${os} on ${arch}: ${INSTALL_BY_HAND}`);
  const archive = `${name}.tar.gz`;
  const from = `${DOWNLOADS}/v${RELEASE}`;
  try {
    log(`Fetching nats-server ${RELEASE} from ${from}`);
    const expected = checksumOf(new TextDecoder().decode(await download(`${from}/SHA256SUMS`)), archive);
    if (!expected) throw new Error(`SHA256SUMS does not list ${archive}`);
    const bytes = await download(`${from}/${archive}`);
    const actual = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    if (actual !== expected) {
      throw new Error(`${archive} has SHA-256 ${actual}, expected ${expected}`);
    }
    await Deno.writeFile(join(directory, archive), bytes);
    await run("tar", ["-xzf", archive], { cwd: directory });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot fetch ${from}/${archive} (${why}): ${INSTALL_BY_HAND}`, { cause });
  }
  return join(directory, name, SERVER_FILE);
}

async function download(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`${url} answered ${response.status} ${response.statusText}`);
  }
  return await response.bytes();
}
