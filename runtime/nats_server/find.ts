import { resolve } from "node:path";
import { cacheDirectory, cachedServer, fetchOnce } from "./cache.ts";
import { fetchDebian } from "./fetch_debian.ts";
import { fetchRelease, INSTALL_BY_HAND } from "./fetch_release.ts";
import { checkServer, type Env, findOnPath, SERVER_FILE } from "./installed.ts";

/**
 * Returns the absolute path of a supported nats-server, which is fetched if this machine has none.
 *
 * The order is `NATS_SERVER`, the cached copy, `PATH`, then a fetch into the cache. An unsupported server is an error
 * in `NATS_SERVER`, which names it on purpose, but is skipped on `PATH`, where it may serve another purpose.
 *
 * @param log Receives a line about each server that is skipped or fetched. Default: no log.
 */
export async function findServer(
  env: Env = Deno.env,
  log: (line: string) => void = () => {},
): Promise<string> {
  const named = env.get("NATS_SERVER");
  if (named) return await checkNamed(resolve(named));

  const cache = cacheDirectory(env);
  const cached = cache && await cachedServer(cache);
  if (cached) return cached;

  const onPath = await findOnPath(SERVER_FILE, env);
  if (onPath) {
    try {
      await checkServer(onPath);
      return onPath;
    } catch (error) {
      log(`ignoring the nats-server on PATH: ${messageOf(error)}`);
    }
  }

  if (!cache) {
    throw new Error(`no nats-server found, and no cache directory to fetch one into: set HOME, or ${INSTALL_BY_HAND}`);
  }
  return await fetchOnce(cache, (directory) => fetchServer(directory, env, log));
}

async function checkNamed(path: string): Promise<string> {
  try {
    await checkServer(path);
  } catch (cause) {
    const advice = "set NATS_SERVER to another nats-server, or unset it to use one that Weir finds or fetches";
    throw new Error(`NATS_SERVER: ${messageOf(cause)}: ${advice}`, { cause });
  }
  return path;
}

/** Fetches Debian's package where apt is installed, because apt's mirror is reachable there, else the release. */
async function fetchServer(directory: string, env: Env, log: (line: string) => void): Promise<string> {
  const hasApt = await findOnPath("apt-get", env) && await findOnPath("dpkg", env);
  if (Deno.build.os !== "linux" || !hasApt) return await fetchRelease(directory, log);
  try {
    return await fetchDebian(directory, log);
  } catch (debian) {
    log(`cannot fetch nats-server from Debian: ${messageOf(debian)}`);
    try {
      return await fetchRelease(directory, log);
    } catch (release) {
      const both = new AggregateError([debian, release]);
      throw new Error(`${messageOf(release)}\nDebian's package failed before: ${messageOf(debian)}`, { cause: both });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
