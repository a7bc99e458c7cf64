import { resolve } from "node:path";
import { cacheDirectory, cachedServer, fetchOnce } from "./cache.ts";
import { fetchDebian } from "./fetch_debian.ts";
import { fetchRelease, INSTALL_BY_HAND } from "./fetch_release.ts";
import { checkServer, type Env, findOnPath, SERVER_FILE } from "./installed.ts";

/**
 * The absolute path of a nats-server that is new enough, fetched if this machine has none.
 *
 * In this order: `NATS_SERVER`, the cached copy, `PATH`, a fetch into the cache. A `NATS_SERVER` that does not
 * serve is an error and not passed over: who names a server wants that one. One on `PATH` is passed over, since
 * it may be there for another purpose.
 *
 * @param log is told what is passed over and what is fetched, a line at a time.
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
      log(`Not using the nats-server on PATH: ${messageOf(error)}`);
    }
  }

  if (!cache) {
    throw new Error(`No nats-server found, and no directory to keep one in: set HOME, or ${INSTALL_BY_HAND}`);
  }
  return await fetchOnce(cache, (directory) => fetchServer(directory, env, log));
}

async function checkNamed(path: string): Promise<string> {
  try {
    await checkServer(path);
  } catch (cause) {
    const todo = "Set NATS_SERVER to another one, or unset it to have one found or fetched.";
    throw new Error(`NATS_SERVER: ${messageOf(cause)}. ${todo}`, { cause });
  }
  return path;
}

/** Debian's package where there is apt, since it needs no host that apt is not set up for; else the release. */
async function fetchServer(directory: string, env: Env, log: (line: string) => void): Promise<string> {
  const hasApt = await findOnPath("apt-get", env) && await findOnPath("dpkg", env);
  if (Deno.build.os !== "linux" || !hasApt) return await fetchRelease(directory, log);
  try {
    return await fetchDebian(directory, log);
  } catch (debian) {
    log(`No nats-server from Debian: ${messageOf(debian)}`);
    try {
      return await fetchRelease(directory, log);
    } catch (release) {
      const both = new AggregateError([debian, release]);
      throw new Error(`${messageOf(release)}\nBefore that, Debian's: ${messageOf(debian)}`, { cause: both });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
